"""Small heat maps of a number over two parameters, each cell with its number."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import plotly.graph_objects as go

from dashboard import theme
from dashboard.figures import marks
from dashboard.figures.patches import escape

WAITING = "…"
"""The text of a cell that is still being computed."""

MISSING = "–"
"""The text of a cell that cannot be computed."""

NAME = 14  # characters of a value that are written

Colour = Literal["strength", "betti"]


@dataclass(frozen=True, slots=True)
class Axis:
    """One of the two parameters.

    Attributes
    ----------
    title : str
        Its name, with the unit.
    names : sequence of str
        Its values as they are written.
    """

    title: str
    names: Sequence[str]


@dataclass(frozen=True, slots=True)
class Cell:
    """What came out at one pair of parameters.

    Attributes
    ----------
    value : float or None
        What is coloured; None where there is nothing.
    text : str
        What is written: the number, `WAITING` or `MISSING`.
    click : mapping
        What a click means: a partial state of the page.
    words : str
        What hovering says, as plain text: the number, or why there is none.
    """

    value: float | None
    text: str
    click: Mapping[str, Any] = field(default_factory=dict)
    words: str = ""


def heat_figure(
    cells: Sequence[Sequence[Cell]],
    rows: Axis,
    columns: Axis,
    *,
    current: tuple[int, int] | None = None,
    colour: Colour = "strength",
    scheme: str = "light",
    width: int = 380,
    height: int = 320,
) -> go.Figure:
    """Draw a heat map whose cells set parameters.

    Parameters
    ----------
    cells : sequence of sequence of Cell
        One for each row and column.
    rows, columns : Axis
        The two parameters.
    current : (int, int), optional
        Row and column of the parameters in use, which are outlined.
    colour : {"strength", "betti"}
        Which quantity it is.
    scheme : str
        ``light`` or ``dark``.
    width, height : int
        Of the figure in pixels, as far as they are known.
    """
    flat = [cell for row in cells for cell in row]
    x = [j for _ in rows.names for j in range(len(columns.names))]
    y = [i for i in range(len(rows.names)) for _ in columns.names]
    fills = [_fill(cell, colour, scheme) for cell in flat]
    margin, legend = _margin(rows, colour), _legend(colour, scheme)
    room = (
        (width - margin["l"] - margin["r"]) / len(columns.names),
        (height - margin["t"] - margin["b"]) / len(rows.names),
    )
    layout = marks.still(
        scheme,
        height=height,
        margin=margin,
        xaxis=_axis(scheme, columns, room=room[0], range=[-0.5, len(columns.names) - 0.5]),
        yaxis=_axis(scheme, rows, range=[len(rows.names) - 0.5, -0.5]),
        shapes=_tiles(x, y, fills, room) + _outline(current, scheme),
        annotations=[marks.note(legend, scheme, xshift=8 - margin["l"], yshift=-44)],
        uirevision="heat",
    )
    font = {
        "color": [_ink(cell, fill, scheme) for cell, fill in zip(flat, fills, strict=True)],
        "size": 12 if room[0] > 34 else 10,
    }
    texts = marks.labels(x, y, [escape(cell.text) for cell in flat], textfont=font)
    hover = [escape(cell.words or cell.text).replace("\n", "<br>") for cell in flat]
    target = marks.targets(x, y, [dict(cell.click) for cell in flat], hover)
    return go.Figure([texts, target], layout=layout)


def _margin(rows: Axis, colour: Colour) -> dict[str, int]:
    left = round(marks.text_width([marks.shorten(name, NAME) for name in rows.names])) + 34
    return {"l": left, "r": 8, "t": 8, "b": 66 if colour == "strength" else 46}


def _legend(colour: Colour, scheme: str) -> str:
    return marks.strength_key(scheme) if colour == "strength" else ""


def _fill(cell: Cell, colour: Colour, scheme: str) -> str:
    if cell.value is None:
        return theme.palette(scheme).ground
    paint = marks.strength_colour if colour == "strength" else marks.betti_colour
    return paint(cell.value, scheme)


def _ink(cell: Cell, fill: str, scheme: str) -> str:
    return theme.palette(scheme).quiet if cell.value is None else marks.ink_on(fill)


def _axis(scheme: str, axis: Axis, *, room: float = 0, **more: Any) -> dict[str, Any]:
    title = escape(axis.title)
    written = marks.names_axis(scheme, axis.names, title=title, room=room, length=NAME, **more)
    written["title"]["standoff"] = 6
    return written


def _tiles(
    x: Sequence[int], y: Sequence[int], fills: Sequence[str], room: tuple[float, float]
) -> list[dict[str, Any]]:
    """Draw the cells with a gap of 2 pixels."""
    a, b = 0.5 - 1 / room[0], 0.5 - 1 / room[1]
    boxes = [(j - a, j + a, i - b, i + b) for j, i in zip(x, y, strict=True)]
    return marks.coloured_tiles(boxes, fills)


def _outline(current: tuple[int, int] | None, scheme: str) -> list[dict[str, Any]]:
    if current is None:
        return []
    i, j = current
    line = {"color": theme.palette(scheme).accent, "width": 3}
    box = {"x0": j - 0.5, "x1": j + 0.5, "y0": i - 0.5, "y1": i + 0.5}
    return [{"type": "rect", "name": "current", **box, "line": line}]
