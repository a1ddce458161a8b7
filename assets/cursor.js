// The cursor moves in the browser: from the URL, controls, clicks, table rows and keys.
// `page.cursor` is the newest complete state; the server makes it valid (see frames.js).
(function () {
  "use strict";
  const page = (window.nervescope = window.nervescope || { cursor: null, catalogue: null });
  const keep = () => window.dash_clientside.no_update;
  const set = (id, props) => window.dash_clientside.set_props(id, props);

  const PLAIN = ["experiment", "view", "layer", "step", "runs", "select", "at", "primary", "pin"];

  function fromUrl(search) {
    const said = { params: {} };
    new URLSearchParams((search || "").slice(0, 8000)).forEach((value, key) => {
      if (PLAIN.includes(key) || key in page.catalogue.usual) said[key] = value;
      else if (key.includes(".")) said.params[key] = value;
    });
    return said;
  }

  function toUrl(cursor, steps) {
    const said = new URLSearchParams();
    const usual = page.catalogue.usual;
    const put = (key, value) => value && value !== usual[key] && said.set(key, value);
    put("experiment", cursor.experiment);
    put("view", cursor.view);
    put("layer", cursor.layer);
    said.set("step", steps[cursor.index]);
    put("runs", cursor.runs.join(","));
    Object.keys(usual).forEach((name) => put(name, cursor[name]));
    put("select", cursor.select);
    if (cursor.select && cursor.home !== null) said.set("at", steps[cursor.home]);
    put("primary", cursor.primary);
    if (cursor.pin) said.set("pin", `${cursor.pin.layer}@${steps[cursor.pin.index]}`);
    Object.entries(cursor.params).forEach(([name, value]) => said.set(name, value));
    return "?" + said.toString();
  }

  // two angle ranges that touch become one; any other replaces the first
  function joined(old, added) {
    const range = (text) => /^angle\.(\d+)-(\d+)$/.exec(text || "");
    const [one, other] = [range(old), range(added)];
    if (!one || !other || old === added) return added;
    const [a, b, c, d] = [one[1], one[2], other[1], other[2]].map((text) => Number(text) % 360);
    const whole = (from, to) => ((to - from + 359) % 360) + 1;
    if (b === c) return whole(a, b) + whole(c, d) >= 360 ? "angle.0-360" : `angle.${a}-${d}`;
    if (d === a) return whole(a, b) + whole(c, d) >= 360 ? "angle.0-360" : `angle.${c}-${b}`;
    return added;
  }

  function selected(now, change) {
    const here = now.home === now.index || now.home === null;
    if (change.select === now.select && here) return { select: "", home: null };
    const select = here ? joined(now.select, change.select) : change.select;
    return { select, home: select ? now.index : null };
  }

  // what a change does to the rest of the state
  function apply(now, change) {
    if (change.experiment !== undefined && change.experiment !== now.experiment) {
      return { experiment: change.experiment, view: now.view, params: {} };
    }
    const next = { ...now, ...change, params: { ...now.params, ...(change.params || {}) } };
    if (change.select !== undefined) Object.assign(next, selected(now, change));
    if (change.primary !== undefined && change.primary === now.primary) next.primary = "";
    const elsewhere = next.layer !== now.layer || String(next.runs) !== String(now.runs);
    if (elsewhere) Object.assign(next, { select: "", home: null, primary: "" });
    // nodes and bars are numbered anew under other parameters
    const same = JSON.stringify(next.params) === JSON.stringify(now.params);
    if (!same && /^(node|bar)\./.test(next.select)) Object.assign(next, { select: "", home: null });
    return next;
  }

  function step(now, by) {
    const last = page.catalogue.experiments[now.experiment].steps.length - 1;
    return { index: Math.min(Math.max(now.index + by, 0), last) };
  }

  function layer(now, by) {
    const names = page.catalogue.experiments[now.experiment].layers[now.view];
    const at = names.indexOf(now.layer) + by;
    return { layer: names[Math.min(Math.max(at, 0), names.length - 1)] };
  }

  const KEYS = {
    ArrowLeft: (now) => step(now, -1),
    ArrowRight: (now) => step(now, 1),
    Home: (now) => step(now, -1e9),
    End: (now) => step(now, 1e9),
    ArrowUp: (now) => layer(now, -1),
    ArrowDown: (now) => layer(now, 1),
    Escape: () => ({ select: "", home: null, primary: "" }),
  };

  const BUTTONS = {
    clear: () => ({ select: "", home: null, primary: "" }),
    pin: (now) => ({ pin: { layer: now.layer, index: now.index }, beside: "pin" }),
    unpin: (now) => ({ pin: null, beside: now.beside === "pin" ? "" : now.beside }),
  };

  function clicked(id, value) {
    if (!value) return null;
    setTimeout(() => set(id, { clickData: null }), 0); // the same point may be clicked again
    const point = value.points && value.points[0];
    return point && point.customdata && !Array.isArray(point.customdata) ? point.customdata : null;
  }

  // an input also reports, late, what the page itself has put there: only a person's change counts
  const handled = new Map();
  const BY_HAND = 4000; // milliseconds within which a change follows from what a person did

  function noteHand(event) {
    const box = event.target.closest && event.target.closest(".mantine-InputWrapper-root");
    const input = box && box.querySelector('input[id^="parameter-"]');
    if (input) handled.set(input.id, Date.now());
  }

  ["input", "pointerdown", "keydown"].forEach((kind) =>
    document.addEventListener(kind, noteHand, true)
  );

  function isByHand(id) {
    const at = document.activeElement;
    return Date.now() - (handled.get(id) || 0) < BY_HAND || Boolean(at && at.id === id);
  }

  function typed(id, value, effective) {
    if (!isByHand(id)) return null;
    const name = page.catalogue.parameters[id];
    page.touched(id); // a value that is refused is put right again
    if (value === null || value === "" || value === effective[name]) return null;
    return { params: { [name]: value } };
  }

  function controlled(id, value, now) {
    if (value === null || value === undefined || page.isEcho(id, value)) return null;
    page.touched(id);
    const field = page.catalogue.controls[id];
    return JSON.stringify(value) === JSON.stringify(now[field]) ? null : { [field]: value };
  }

  // what one changed property says of the cursor; null for nothing
  function change(id, prop, value, now) {
    const { controls, parameters } = page.catalogue;
    if (prop === "clickData") return clicked(id, value);
    if (prop === "cellClicked") return page.picked(id, value);
    if (id === "reset" && value) return { params: null };
    if (BUTTONS[id]) return value ? BUTTONS[id](now) : null;
    if (parameters[id]) return typed(id, value, page.effective || {});
    return controls[id] ? controlled(id, value, now) : null;
  }

  function move(...values) {
    page.catalogue = values[values.length - 1];
    const triggered = window.dash_clientside.callback_context.triggered;
    if (!page.cursor) {
      if (page.opened) return keep(); // the server has not answered yet
      page.opened = true;
      return (page.wanted = fromUrl(values[0]));
    }
    let next = page.cursor;
    triggered.forEach((each) => {
      const cut = each.prop_id.lastIndexOf(".");
      const said = change(each.prop_id.slice(0, cut), each.prop_id.slice(cut + 1), each.value, next);
      if (said && said.params === null) next = { ...next, params: {}, select: "", home: null };
      else if (said) next = apply(next, said);
    });
    if (JSON.stringify(next) === JSON.stringify(page.cursor)) return keep();
    page.cursor = next.index === undefined ? null : next; // open until the server has answered
    return (page.wanted = next);
  }

  // keys move the cursor unless something that has keys of its own has the focus
  const OWN_KEYS =
    "input, textarea, select, [role=slider], [role=combobox], [role=option], [role=gridcell], " +
    "[role=columnheader], [contenteditable]";

  // straight to the cursor: of two keys in one turn dash would hand on the last alone
  function press(key) {
    if (!page.cursor) return;
    const next = apply(page.cursor, KEYS[key](page.cursor));
    if (JSON.stringify(next) === JSON.stringify(page.cursor)) return;
    page.cursor = page.wanted = next;
    set("cursor", { data: next });
  }

  document.addEventListener("keydown", (event) => {
    if (!page.cursor || event.ctrlKey || event.metaKey || event.altKey) return; // or still opening
    const at = event.target;
    if (at.closest && at.closest(OWN_KEYS) && event.key !== "Escape") return;
    const push = (id) => document.getElementById(id) && document.getElementById(id).click();
    if (event.key === "?") push("help-button");
    else if (event.key === " " && !(at.closest && at.closest("button, summary, a"))) push("play");
    else if (KEYS[event.key]) press(event.key);
    else return;
    event.preventDefault();
  });

  page.toUrl = toUrl;
  page.press = press;
  window.dash_clientside = Object.assign({}, window.dash_clientside, { cursor: { move } });
})();
