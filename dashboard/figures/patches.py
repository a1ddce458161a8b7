"""Vector sprites: filters as grey patches (-max black, 0 mid-grey, +max white), and dots."""

import base64
import html
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

SIDE = 420
"""Units of a patch in a mosaic: whole cells for kernels of up to 7 entries."""

HAIR = 18
"""Width of the line around a patch in a mosaic, where there is one."""

FILTER_WORDS = "filter %{customdata.primary}<extra></extra>"
"""What hovering over one filter says, its name being digits: run.out.in."""

MANY = 144
"""Cells beyond which a picture is an image rather than vectors."""

STEP = 4
"""Grey levels so close are drawn as one in a mosaic: one path per level, not one per cell."""


def greys(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Map filters (n, h, w) to grey levels, each on its own scale symmetric about 0."""
    flat = np.asarray(values, dtype=np.float64)
    top = np.abs(flat).max(axis=(1, 2), keepdims=True)
    scaled = flat / np.where(top > 0, top, 1)
    levels: NDArray[np.uint8] = np.rint(127.5 + 127.5 * scaled).astype(np.uint8)
    return levels


def patch(grey: NDArray[np.uint8], x: float, y: float, side: float) -> str:
    """Draw one filter (h, w) in a square of the given side at (x, y).

    As SVG paths; a picture of many cells as one image, a hundredth of the size.
    """
    h, w = grey.shape
    if h * w > MANY:
        return _raster(grey, x, y, side)
    cell_w, cell_h = side / w, side / h
    # a hair larger than the cell, so that no seam shows between cells
    wide, high = f"{cell_w * 1.02:.4g}", f"{cell_h * 1.02:.4g}"
    cells = [
        f'<path fill="#{grey[i, j]:02x}{grey[i, j]:02x}{grey[i, j]:02x}" '
        f'd="M{x + j * cell_w:.2f} {y + i * cell_h:.2f}h{wide}v{high}h-{wide}z"/>'
        for i in range(h)
        for j in range(w)
    ]
    return "".join(cells)


def _raster(grey: NDArray[np.uint8], x: float, y: float, side: float) -> str:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(grey).save(buffer, format="PNG")
    source = f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
    return (
        f'<image x="{x:.2f}" y="{y:.2f}" width="{side:.4g}" height="{side:.4g}" '
        f'preserveAspectRatio="none" style="image-rendering:pixelated" href="{source}"/>'
    )


def mosaic(
    values: NDArray[Any], corners: NDArray[Any], *, edge: str = "", opacity: float = 1.0
) -> str:
    """Draw filters (n, h, w) in squares of `SIDE` with their upper left corners (n, 2) given.

    A tenth of the size of so many `patch`: all cells of a grey level are one path. `edge` is the
    colour of a hairline around each: white or black cells would be lost on the page.
    """
    n, h, w = np.shape(values)
    levels = np.minimum((greys(values) + STEP / 2) // STEP * STEP, 255).astype(np.int64)
    x = np.rint(np.arange(w) * SIDE / w)
    y = np.rint((np.arange(h) + 0.5) * SIDE / h)
    inside = np.stack(np.broadcast_arrays(x[None, :], y[:, None]), axis=-1)
    places = np.asarray(corners, np.float64).reshape(n, 1, 1, 2) + inside
    parts = [
        strokes(
            places[levels == level],
            length=-(-SIDE // w),
            width=-(-SIDE // h),
            colour=f"#{level:02x}{level:02x}{level:02x}",
        )
        for level in np.unique(levels).tolist()
    ]
    lines = squares(corners, HAIR, edge) if edge else ""
    body = f'{lines}<g shape-rendering="crispEdges">{"".join(parts)}</g>'
    return f'<g opacity="{opacity:g}">{body}</g>' if opacity < 1 else body


def squares(corners: NDArray[Any], rim: float, colours: Sequence[str] | str) -> str:
    """Draw squares of `SIDE` at `corners` (n, 2), larger by a rim all around."""
    side = round(SIDE + 2 * rim)
    places = np.asarray(corners, np.float64) + np.array([-rim, SIDE / 2])
    return _by_colour(places, colours, length=side, width=side)


def strokes(places: NDArray[Any], *, length: float, width: float, colour: str) -> str:
    """Draw horizontal strokes from `places` (n, 2) as one path; of length 0 they are round dots.

    Units are rounded to whole ones and moves are relative, which keeps the text short.
    """
    if not len(places):
        return ""
    whole = np.rint(places).astype(np.int64)
    whole = whole[np.lexsort((whole[:, 0], whole[:, 1]))]
    moves = np.diff(whole, axis=0, prepend=0)
    moves[1:, 0] -= round(length)
    path = "".join(f"m{x} {y}h{length:.0f}" for x, y in moves.tolist())
    cap = "" if length else ' stroke-linecap="round"'
    return f'<path fill="none" stroke="{colour}" stroke-width="{width:g}"{cap} d="{path}"/>'


def dots(places: NDArray[Any], colours: Sequence[str] | str, *, width: float) -> str:
    """Draw round dots of one width at `places` (n, 2), one path for each colour."""
    return _by_colour(np.asarray(places), colours, length=0, width=width)


def _by_colour(
    places: NDArray[Any], colours: Sequence[str] | str, *, length: float, width: float
) -> str:
    if isinstance(colours, str):
        return strokes(places, length=length, width=width, colour=colours)
    names, which = np.unique(np.asarray(colours, dtype=str), return_inverse=True)
    parts = [
        strokes(places[which == i], length=length, width=width, colour=str(name))
        for i, name in enumerate(names)
    ]
    return "".join(parts)


def data_uri(body: str, *, width: float, height: float, aspect: str = "none") -> str:
    """Wrap SVG elements as an image that a page or a figure can show.

    `aspect` is SVG's ``preserveAspectRatio``: by default the image is stretched to its place.
    """
    text = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
        f'width="{width:g}" height="{height:g}" preserveAspectRatio="{aspect}">{body}</svg>'
    )
    return "data:image/svg+xml;base64," + base64.b64encode(text.encode()).decode()


def over_axes(
    source: str, *, left: float, top: float, width: float, height: float
) -> dict[str, object]:
    """Stretch an image over a part of the axes, given in their units: a layout image."""
    return {
        "source": source,
        "xref": "x",
        "yref": "y",
        "x": left,
        "y": top,
        "sizex": width,
        "sizey": height,
        "sizing": "stretch",
        "layer": "below",  # points drawn one by one, such as the primary one, lie over it
    }


def grid(values: NDArray[Any], *, columns: int, side: float = 24, gap: float = 6) -> str:
    """Draw filters (n, h, w) in rows; returns an image as a data URI."""
    cells = greys(values)
    step = side + gap
    body = "".join(
        patch(grey, (i % columns) * step, (i // columns) * step, side)
        for i, grey in enumerate(cells)
    )
    rows = -(-len(cells) // columns)
    return data_uri(body, width=columns * step - gap, height=max(rows, 1) * step - gap)


def escape(text: object) -> str:
    """Escape a name for hover texts and annotations, which plotly reads as a little HTML."""
    return html.escape(str(text), quote=False)
