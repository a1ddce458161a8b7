"""Filters as grey patches: -max black, 0 mid-grey, +max white, in vector form."""

import base64
import html
from typing import Any

import numpy as np
from numpy.typing import NDArray


def greys(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Map filters (n, h, w) to grey levels, each on its own scale symmetric about 0."""
    flat = np.asarray(values, dtype=np.float64)
    top = np.abs(flat).max(axis=(1, 2), keepdims=True)
    scaled = flat / np.where(top > 0, top, 1)
    levels: NDArray[np.uint8] = np.rint(127.5 + 127.5 * scaled).astype(np.uint8)
    return levels


def patch(grey: NDArray[np.uint8], x: float, y: float, side: float) -> str:
    """Draw one filter (h, w) as SVG rectangles in a square of the given side at (x, y)."""
    h, w = grey.shape
    cell_w, cell_h = side / w, side / h
    cells = [
        # a hair larger than the cell, so that no seam shows between cells
        f'<rect x="{x + j * cell_w:.3f}" y="{y + i * cell_h:.3f}" '
        f'width="{cell_w * 1.02:.3f}" height="{cell_h * 1.02:.3f}" '
        f'fill="#{grey[i, j]:02x}{grey[i, j]:02x}{grey[i, j]:02x}"/>'
        for i in range(h)
        for j in range(w)
    ]
    return "".join(cells)


def data_uri(body: str, *, width: float, height: float) -> str:
    """Wrap SVG elements as an image that a page or a figure can show."""
    text = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
        f'width="{width:g}" height="{height:g}" preserveAspectRatio="none">{body}</svg>'
    )
    return "data:image/svg+xml;base64," + base64.b64encode(text.encode()).decode()


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
