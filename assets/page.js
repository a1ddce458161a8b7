// Play, copy, save, and the table beside the figures.
(function () {
  "use strict";
  const page = (window.nervescope = window.nervescope || { cursor: null, catalogue: null });
  const set = (id, props) => window.dash_clientside.set_props(id, props);
  const keep = () => window.dash_clientside.no_update;
  const PACE = 700; // milliseconds per step while playing

  let playing = null;

  function stop() {
    clearInterval(playing);
    playing = null;
    set("play", { children: "▶", "aria-pressed": "false" });
  }

  function play(clicks) {
    if (!clicks) return;
    if (playing) return stop();
    const last = () => page.catalogue.experiments[page.cursor.experiment].steps.length - 1;
    if (page.cursor.index === last()) page.press("Home");
    set("play", { children: "❚❚", "aria-pressed": "true" });
    playing = setInterval(() => {
      if (page.isWaiting()) return; // slow steps are shown, not skipped
      if (page.cursor.index >= last()) return stop();
      page.press("ArrowRight");
    }, PACE);
  }

  // the page knows its scheme (the system's, or what was chosen) before any component does
  function scheme(computed) {
    return document.documentElement.getAttribute("data-mantine-color-scheme") || computed || "light";
  }

  function told(words) {
    set("copied", { children: words });
    clearTimeout(page.toldTimer);
    page.toldTimer = setTimeout(() => set("copied", { children: "" }), 4000);
  }

  async function toClipboard(text, words) {
    try {
      await navigator.clipboard.writeText(text);
      told(words);
    } catch {
      told("The browser does not allow copying; the address bar holds the link.");
    }
  }

  const copyLink = (clicks) => {
    if (clicks) toClipboard(window.location.href, "Link copied.");
  };

  const copyProblems = (clicks) => {
    if (!clicks) return;
    const lines = [...document.querySelectorAll("#problem-list li")].map((item) => item.textContent);
    toClipboard(lines.join("\n"), "Messages copied.");
  };

  function opened(clicks, isOpen) {
    return clicks ? !isOpen : keep();
  }

  function toBlob(address) {
    const [head, body] = [address.slice(0, address.indexOf(",")), address.slice(address.indexOf(",") + 1)];
    const type = head.slice(5).split(";")[0];
    if (!head.endsWith(";base64")) return new Blob([decodeURIComponent(body)], { type });
    return new Blob([Uint8Array.from(atob(body), (char) => char.charCodeAt(0))], { type });
  }

  // one figure, with title and caption, to a file
  async function save(picture) {
    if (!picture) return;
    const { figure, name, kind, width, height } = picture;
    const scale = kind === "png" ? 2 : 1;
    const address = await window.Plotly.toImage(
      { data: figure.data, layout: { ...figure.layout, width, height } },
      { format: kind, width, height, scale }
    );
    const blob = toBlob(address);
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = `${name}.${kind}`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    told(`${link.download} saved.`);
  }

  // what is folded out over the page folds in again
  document.addEventListener("pointerdown", (event) => {
    if (event.target.closest(".mantine-Select-dropdown, .mantine-Popover-dropdown")) return;
    document.querySelectorAll("details.more[open], details.problems[open]").forEach((each) => {
      if (!each.contains(event.target)) each.open = false;
    });
  });

  // what a click on a row of a table says of the cursor
  page.tables = {};
  page.picked = (id, cell) => {
    const row = cell && (page.tables[id] || [])[Number(cell.rowId)];
    return row && row._pick ? row._pick : null;
  };
  const remember = (rows) => {
    page.tables["twin-grid"] = rows || [];
  };

  // a closed table asks for nothing
  function askTable(graph, cursor, jobs, isOpen) {
    document.body.toggleAttribute("data-table", Boolean(isOpen));
    if (!isOpen || !graph || !cursor) return keep();
    const state = JSON.stringify([graph, cursor, jobs && jobs.finished]);
    if (state === page.tableOf) return keep();
    page.tableOf = state;
    return { graph, cursor };
  }

  window.dash_clientside = Object.assign({}, window.dash_clientside, {
    page: { askTable, play, scheme, copyLink, copyProblems, opened, save, remember },
  });
})();
