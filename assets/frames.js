// Frames: what the page shows at one cursor, made by the server and kept here. Among those that
// are here the cursor moves without asking; those of the steps around are fetched ahead.
(function () {
  "use strict";
  const page = (window.nervescope = window.nervescope || { cursor: null, catalogue: null });
  const set = (id, props) => window.dash_clientside.set_props(id, props);

  const MOST = 96; // frames that are kept
  const WINDOW = 12; // steps to each side that are fetched ahead
  const PATIENCE = 20000; // milliseconds after which an answer counts as lost

  const cache = new Map(); // key -> parts
  const tried = new Set(); // keys that could not be fetched ahead
  const painted = new Map(); // component id -> digest of what it shows
  const effectives = new Map(); // layer and parameters -> parameters in force
  const marks = new Map(); // component id -> how its figure marks the cursor
  let asked = 0; // number of the last request
  let pending = null; // the request that has no answer yet
  let answered = ""; // the state that the last answer was for
  let ahead = 0; // since when frames are being fetched ahead
  let scheme = null;

  const sorted = (value) =>
    value && typeof value === "object" && !Array.isArray(value)
      ? Object.entries(value).sort()
      : value;

  function keyOf(piece, cursor, of = scheme) {
    const fields = page.catalogue.fields[piece];
    return JSON.stringify([piece, of, ...fields.map((field) => sorted(cursor[field]))]);
  }

  const pieces = (cursor) => ["row", cursor.view];
  const isComplete = (cursor) => cursor.index !== undefined && Boolean(cursor.view);
  const missing = (cursor) => pieces(cursor).filter((piece) => !cache.has(keyOf(piece, cursor)));

  function store(answer) {
    answer.frames.filter((frame) => frame.final).forEach((frame) => {
      const key = keyOf(frame.piece, answer.cursor, answer.scheme);
      tried.delete(key);
      cache.delete(key);
      cache.set(key, frame.parts);
      if (cache.size > MOST) cache.delete(cache.keys().next().value);
    });
  }

  // a figure says which of its places belong to which cursor; its last shape marks the current one
  function place(mark, cursor) {
    const box = mark.cells[mark.follows.map((field) => cursor[field]).join("|")];
    return box ? { visible: true, x0: box[0], x1: box[1], y0: box[2], y1: box[3] } : { visible: false };
  }

  // a figure that is on the page already is redrawn by plotly at once: through the component the
  // whole page is looked at again for each
  function draw(id, props) {
    const graph = document.querySelector(`[id="${id}"] .js-plotly-plot`);
    if (!props.figure || !graph || !graph._fullLayout) return set(id, props);
    // the component would answer a zoom or a moved mark with the figure that it knows: an empty one
    graph.removeAllListeners("plotly_relayout");
    const { data, layout } = props.figure;
    const room = Math.floor(graph.parentElement.clientWidth) || graph._fullLayout.width;
    const own = layout.height && { width: room, autosize: false };
    if (own) widths.observe(graph.parentElement);
    window.Plotly.react(graph, data, { autosize: true, ...layout, ...own });
  }

  // figures that say how high they are follow the width of their panel
  const widths = new ResizeObserver((entries) => {
    entries.forEach(({ target, contentRect }) => {
      const graph = target.querySelector(".js-plotly-plot");
      const width = Math.floor(contentRect.width);
      if (!width || !graph || !graph._fullLayout || graph._fullLayout.width === width) return;
      window.Plotly.relayout(graph, { width });
    });
  });

  function paintPart([id, digest, text], cursor) {
    painted.set(id, digest);
    const props = JSON.parse(text);
    const meta = props.figure && props.figure.layout && props.figure.layout.meta;
    marks.delete(id);
    if (props.rowData) page.tables[id] = props.rowData;
    if (meta && meta.follows) {
      const shapes = props.figure.layout.shapes;
      const mark = { ...meta, at: shapes.length - 1 };
      Object.assign(shapes[mark.at], place(mark, cursor));
      mark.shown = JSON.stringify(place(mark, cursor));
      marks.set(id, mark);
    }
    draw(id, props);
  }

  // words and the first figure at once, the other figures one by one after it, so that a newer step
  // need not wait for them; those out of sight when they come into sight
  const waiting = new Map(); // component id -> part that is not drawn yet
  const inSight = new Set();
  let next = null;

  const UNDER = "0px 0px -60px 0px"; // the status bar, and a rim that shows nothing
  const sight = new IntersectionObserver(
    (entries) => {
      entries.forEach((entry) =>
        entry.isIntersecting ? inSight.add(entry.target.id) : inSight.delete(entry.target.id)
      );
      if (waiting.size && next === null) next = setTimeout(drawNext, 0);
    },
    { rootMargin: UNDER }
  );

  function isInSight(id) {
    const panel = document.getElementById(`${id}-box`);
    if (!panel) return true;
    if (!panel.dataset.watched) {
      panel.dataset.watched = "true";
      sight.observe(panel);
      return true; // not known before the observer has looked
    }
    return inSight.has(panel.id);
  }

  const HURRY = 400; // milliseconds: a step that follows within them is one of many
  const REST = 160; // of many steps only the main figure follows; the others when they rest
  let moved = 0; // when the last step was painted,
  let step = null; // which it was,
  let hurried = false; // and whether it followed another closely

  function drawNext() {
    next = null;
    const id = page.cursor && [...waiting.keys()].find(isInSight);
    if (!id) return;
    const part = waiting.get(id);
    waiting.delete(id);
    paintPart(part, page.cursor);
    next = setTimeout(drawNext, 0);
  }

  const isFigure = ([, , text]) => text.startsWith('{"figure"');

  // parts of the row of layers, and of the view: the first figure of the view is the main one
  function paint([row, view], cursor) {
    if (cursor.index !== step) {
      hurried = performance.now() - moved < HURRY;
      moved = performance.now();
      step = cursor.index;
    } else if (performance.now() - moved > HURRY) hurried = false;
    const changed = [...view, ...row].filter(([id, digest]) => painted.get(id) !== digest);
    [...view, ...row].forEach(([id]) => waiting.delete(id));
    changed.filter((part) => !isFigure(part)).forEach((part) => paintPart(part, cursor));
    const [first, ...rest] = changed.filter(isFigure);
    if (first) paintPart(first, cursor);
    rest.forEach((part) => waiting.set(part[0], part));
    clearTimeout(next);
    next = waiting.size ? setTimeout(drawNext, hurried ? REST : 0) : null;
    remark(cursor);
  }

  function remark(cursor) {
    marks.forEach((mark, id) => {
      const box = place(mark, cursor);
      const shown = JSON.stringify(box);
      const graph = document.querySelector(`[id="${id}"] .js-plotly-plot`);
      if (mark.shown === shown || !graph || !graph.layout) return;
      mark.shown = shown;
      const change = {};
      Object.entries(box).forEach(([name, value]) => (change[`shapes[${mark.at}].${name}`] = value));
      window.Plotly.relayout(graph, change);
    });
  }

  // the controls say where the cursor is at once, before any answer
  function controls(cursor) {
    const { experiments, controls, views } = page.catalogue;
    const entry = experiments[cursor.experiment];
    if (!entry) return;
    const values = {};
    Object.entries(controls).forEach(([id, field]) => (values[id] = { value: cursor[field] }));
    const last = entry.marks.length - 1;
    values.layer.data = entry.layers[cursor.view] || [];
    values.runs.data = entry.runs;
    Object.assign(values.step, { marks: entry.marks, max: Math.max(last, 1), disabled: last === 0 });
    Object.entries(values).forEach(([id, props]) => update(id, props));
    update("step-words", { children: entry.words[cursor.index] });
    update("play", { disabled: last === 0 });
    update("pin", { disabled: false });
    update("unpin", { className: cursor.pin ? "" : "gone" });
    update("clear", { className: cursor.select || cursor.primary ? "" : "gone" });
    update("about", { children: entry.about.filter((text) => text).join("\n\n") });
    if (page.view !== cursor.view) waiting.clear();
    page.view = cursor.view;
    Object.keys(views).forEach((name) =>
      update(`view-${name}`, { className: name === cursor.view ? `view ${name}` : "view gone" })
    );
    const view = views[cursor.view];
    update("help-view", { children: view.title });
    ["help-shows", "help-read", "help-limits"].forEach((id, i) =>
      update(id, { children: view.about[i] })
    );
    window.history.replaceState(null, "", page.toUrl(cursor, entry.steps));
  }

  const current = new Map();

  function update(id, props) {
    const text = JSON.stringify(props);
    if (current.get(id) === text) return;
    current.set(id, text);
    set(id, props);
  }

  // what the page has put into a control comes back from it, perhaps when the cursor is elsewhere
  page.isEcho = (id, value) => {
    const text = current.get(id);
    return text !== undefined && JSON.stringify(JSON.parse(text).value) === JSON.stringify(value);
  };

  // a control that the user has moved no longer shows what was last set
  page.touched = (id) => current.delete(id);

  const layerOf = (cursor) => JSON.stringify([cursor.experiment, cursor.layer, sorted(cursor.params)]);

  function parameters(effective) {
    if (!effective) return;
    page.effective = effective;
    Object.entries(page.catalogue.parameters).forEach(([id, name]) =>
      update(id, { value: effective[name] === undefined ? null : effective[name] })
    );
  }

  function busy(is) {
    clearTimeout(page.timer);
    if (is) page.timer = setTimeout(() => (document.body.dataset.busy = "true"), 250);
    else delete document.body.dataset.busy;
  }

  function ask(cursor, now, jobs, catalogue) {
    if (!cursor || !now) return;
    page.catalogue = catalogue;
    if (jobs && jobs.finished !== page.finished && !jobs.busy) {
      page.finished = jobs.finished;
      cache.clear(); // what has been computed since may belong in them
      tried.clear();
    }
    scheme = now;
    if (answered !== JSON.stringify([scheme, cursor])) update("note", { children: "" });
    const state = JSON.stringify([scheme, cursor]);
    const tick = window.dash_clientside.callback_context.triggered.some((each) =>
      each.prop_id.startsWith("jobs.")
    );
    if (isComplete(cursor)) {
      controls(cursor);
      const lacks = missing(cursor);
      if (lacks.length === 0) {
        parameters(effectives.get(layerOf(cursor)));
        paint(pieces(cursor).map((piece) => cache.get(keyOf(piece, cursor))), cursor);
        pending = null;
        answered = state;
        asked += 1; // an answer that is still on its way is for another state
        busy(false);
        setTimeout(fetchAhead, 30);
        return;
      }
      remark(cursor);
    }
    if (!tick && answered === state) return;
    if (pending && pending.state === state && Date.now() - pending.at < PATIENCE) return;
    const skip = isComplete(cursor) ? pieces(cursor).filter((p) => !missing(cursor).includes(p)) : [];
    asked += 1;
    pending = { state, at: Date.now() };
    if (!tick) busy(true);
    set("request", { data: { n: asked, cursor, scheme, skip } });
  }

  function take(answer) {
    if (!answer) return;
    store(answer);
    if (answer.n !== asked) return;
    const state = JSON.stringify([scheme, page.wanted]);
    if (pending && pending.state !== state) return; // moved on; the next question is on its way
    pending = null;
    page.cursor = page.wanted = answer.cursor;
    const before = answered;
    answered = JSON.stringify([scheme, answer.cursor]);
    controls(answer.cursor);
    effectives.set(layerOf(answer.cursor), answer.effective);
    parameters(answer.effective);
    // a later look at the same place knows no more of what the link had asked for
    if (answer.note || before !== answered) update("note", { children: answer.note });
    const made = Object.fromEntries(answer.frames.map((frame) => [frame.piece, frame.parts]));
    const parts = (piece) => made[piece] || cache.get(keyOf(piece, answer.cursor)) || [];
    paint(pieces(answer.cursor).map(parts), answer.cursor);
    busy(false);
    set("cursor", { data: answer.cursor });
  }

  function around(cursor) {
    const count = page.catalogue.experiments[cursor.experiment].steps.length;
    const places = [];
    for (let by = 1; by <= WINDOW; by++) places.push(cursor.index + by, cursor.index - by);
    return places.filter((index) => index >= 0 && index < count);
  }

  function fetchAhead() {
    const cursor = page.cursor;
    if (Date.now() - ahead < PATIENCE || pending || !cursor || !isComplete(cursor)) return;
    for (const index of around(cursor)) {
      const there = { ...cursor, index };
      const lacks = missing(there).filter((piece) => !tried.has(keyOf(piece, there)));
      if (lacks.length) {
        ahead = Date.now();
        const skip = pieces(there).filter((piece) => !lacks.includes(piece));
        set("prefetch", { data: { n: -1, cursor: there, scheme, skip, at: Date.now() } });
        lacks.forEach((piece) => tried.add(keyOf(piece, there)));
        return;
      }
    }
  }

  function keepAhead(answer) {
    ahead = 0;
    if (!answer) return;
    store(answer);
    setTimeout(fetchAhead, 30);
  }

  page.isWaiting = () => Boolean(pending);
  window.dash_clientside = Object.assign({}, window.dash_clientside, {
    frames: { ask, take, keepAhead },
  });
})();
