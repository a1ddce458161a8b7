// The cursor moves in the browser; the server validates what it says and answers with what is shown.
(function () {
  "use strict";
  const keep = () => window.dash_clientside.no_update;

  function fromUrl(search) {
    const said = {};
    new URLSearchParams((search || "").slice(0, 4000)).forEach((value, key) => {
      if (["experiment", "layer", "step", "node"].includes(key)) said[key] = value;
    });
    return said;
  }

  function toUrl(shown, steps) {
    const said = new URLSearchParams();
    said.set("experiment", shown.experiment);
    said.set("layer", shown.layer);
    said.set("step", steps[shown.index]);
    if (shown.node !== null) said.set("node", shown.node);
    return "?" + said.toString();
  }

  // where the next move starts from: the newest state that is complete
  function base(cursor, shown) {
    if (cursor.index !== undefined || !shown) return cursor;
    if (cursor.experiment && cursor.experiment !== shown.experiment) return cursor;
    const { experiment, layer, index, node } = shown;
    return { experiment, layer, index, node };
  }

  function isCurrent(cursor, shown) {
    if (!cursor || cursor.index === undefined) return true;
    return ["experiment", "layer", "index"].every((key) => cursor[key] === shown[key]);
  }

  // what a view's click says of the cursor: here, which node
  function pick(click) {
    const point = click && click.points && click.points[0];
    return point && Number.isInteger(point.customdata) ? { node: point.customdata } : keep();
  }

  function move(search, experiment, layer, step, bar, picks, cursor, shown) {
    const triggered = window.dash_clientside.callback_context.triggered;
    const changed = triggered.map((each) => each.prop_id);
    if (!cursor || changed.includes("url.search")) return fromUrl(search);
    const now = base(cursor, shown);
    const bars = bar && bar.points && bar.points[0].customdata;
    const picked = triggered.find((each) => each.prop_id.startsWith("{") && each.value);
    if (picked) {
      // a second click on the same node lets it go
      const again = "node" in picked.value && picked.value.node === now.node;
      return { ...now, ...(again ? { node: null } : picked.value) };
    }
    if (changed.includes("network.clickData") && bars && bars !== now.layer) {
      return { ...now, layer: bars, node: null };
    }
    if (changed.includes("experiment.value") && experiment && experiment !== now.experiment) {
      return { experiment };
    }
    if (changed.includes("layer.value") && layer && layer !== now.layer) {
      return { ...now, layer, node: null };
    }
    if (changed.includes("step.value") && typeof step === "number" && step !== now.index) {
      return { ...now, index: step, node: null };
    }
    return keep();
  }

  function show(shown, cursor, catalogue) {
    const entry = shown && catalogue[shown.experiment];
    // a state that the user has already left must not pull the controls back
    if (!entry || !isCurrent(cursor, shown)) return Array(10).fill(keep());
    window.history.replaceState(null, "", toUrl(shown, entry.steps));
    const last = entry.marks.length - 1;
    return [
      shown.experiment,
      entry.layers,
      shown.layer,
      entry.marks,
      Math.max(last, 1),
      last === 0,
      shown.index,
      entry.words[shown.index],
      entry.runs[shown.index],
      entry.about.filter((text) => text).join("\n\n"),
    ];
  }

  // the page knows its scheme (the system's, or what was chosen) before any component does
  function scheme(computed) {
    return document.documentElement.getAttribute("data-mantine-color-scheme") || computed || "light";
  }

  window.dash_clientside = Object.assign({}, window.dash_clientside, {
    cursor: { move, pick, show },
    theme: { scheme },
  });
})();
