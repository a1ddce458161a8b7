// Shows the input under the mouse in figures whose layout.meta names a sprite of all inputs.
(() => {
  "use strict";
  const SHOWN = 84; // pixels
  let box = null;

  function made() {
    if (!box) {
      box = document.createElement("div");
      box.className = "hover-picture";
      box.setAttribute("aria-hidden", "true");
      document.body.append(box);
    }
    return box;
  }

  function hide() {
    if (box) box.style.display = "none";
  }

  function pointed(graph) {
    const sprite = graph && graph.layout && graph.layout.meta && graph.layout.meta.sprite;
    const point = graph && graph._hoverdata && graph._hoverdata[0];
    const name = point && point.customdata && point.customdata.primary;
    const place = sprite && name !== undefined ? sprite.rows.indexOf(Number(name)) : -1;
    return place < 0 ? null : { sprite, place };
  }

  document.addEventListener("mousemove", (event) => {
    const graph = event.target.closest && event.target.closest(".js-plotly-plot");
    const found = pointed(graph);
    if (!found) return hide();
    const { sprite, place } = found;
    const by = SHOWN / Math.max(sprite.width, sprite.height);
    const [width, height] = [sprite.width * by, sprite.height * by];
    const rows = Math.ceil(sprite.rows.length / sprite.columns);
    const style = made().style;
    style.display = "block";
    style.width = `${width}px`;
    style.height = `${height}px`;
    style.backgroundImage = `url("${sprite.url}")`;
    style.backgroundSize = `${width * sprite.columns}px ${height * rows}px`;
    const [column, row] = [place % sprite.columns, Math.floor(place / sprite.columns)];
    style.backgroundPosition = `${-column * width}px ${-row * height}px`;
    style.left = `${Math.min(event.clientX + 18, window.innerWidth - width - 8)}px`;
    style.top = `${Math.max(event.clientY - height - 18, 8)}px`;
  });
  document.addEventListener("mouseleave", hide);
})();
