"""Small multiples of Mapper graphs: layers × training steps, or the layers of a deep network."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from dashboard import theme
from dashboard.figures import marks, patches

SPRITE = 1000  # side of the pictures' view box
SMALLEST, LARGEST = 56, 260  # pixels of a cell's side
GAP = 10
INSET = 4  # pixels from the edge of a cell to the picture in it
LINE = 20  # pixels of the line of numbers below a cell
STRIPE = 3  # pixels of the stripe in the colour of loop strength
NAME = 24

STATES = {
    "ready": "",
    "waiting": "computing …",
    "no shape": "no shape",
    "not stored": "not stored",
    "unreadable": "cannot read",
}
"""What a cell can be, and what it says in place of a graph."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One Mapper graph.

    Attributes
    ----------
    sprite : str or None
        SVG elements in a view box of 0 to 1000; None where there is no graph (yet).
    b0, b1 : int or None
        Betti numbers of the nerve.
    strength : float or None
        Loop strength of the filters.
    words : str
        What hovering says of it, as plain text.
    state : str
        One of `STATES`.
    claimed : bool
        Whether a loop is claimed.
    layer, index : str or None, int or None
        Where a click leads; None for the row's layer and the column's step.
    """

    sprite: str | None = None
    b0: int | None = None
    b1: int | None = None
    strength: float | None = None
    words: str = ""
    state: str = "ready"
    claimed: bool = False
    layer: str | None = None
    index: int | None = None

    def __post_init__(self) -> None:
        if self.state not in STATES:
            msg = f"state={self.state!r} is none of {', '.join(STATES)}"
            raise ValueError(msg)


def multiples_figure(
    rows: Sequence[str],
    columns: Sequence[str],
    cells: Sequence[Sequence[Cell | None]],
    *,
    labels: Sequence[Sequence[str]] | None = None,
    scheme: str = "light",
    note: str = "",
    width: int = 1380,
) -> go.Figure:
    """Draw Mapper graphs side by side.

    Parameters
    ----------
    rows, columns : sequence of str
        Layers in order of depth, and steps as the axis says them; with `labels`, empty.
    cells : sequence of sequence of Cell or None
        One for each row and column; None leaves a place empty. With `labels`, in rows as wanted,
        the last of which may be shorter.
    labels : sequence of sequence of str, optional
        A name above each cell, in place of the titles of rows and columns.
    scheme : str
        ``light`` or ``dark``.
    note : str
        A quiet line below, as plain text: parameters, n shown of n.
    width : int
        Of the figure in pixels, as far as it is known: how large the cells are.
    """
    sheet = _Sheet(rows, columns, cells, named=labels is not None, width=width)
    placed = [
        _Placed(cell, sheet, (i, j), labels[i][j] if labels else "")
        for i, row in enumerate(cells)
        for j, cell in enumerate(row)
        if cell is not None
    ]
    quiet = {"color": theme.palette(scheme).quiet}
    traces = [
        marks.labels(*_texts(sheet, placed), textfont=quiet | {"size": 11}),
        marks.labels(*sheet.column_titles(), textfont=quiet | {"size": 12}),
        marks.labels(
            *sheet.row_titles(),
            textposition="middle left",
            textfont={"color": theme.palette(scheme).ink, "size": 12},
        ),
        marks.targets(
            [each.x + sheet.side / 2 for each in placed],
            [each.y + sheet.side / 2 for each in placed],
            [each.click for each in placed],
            [each.hover for each in placed],
        ),
    ]
    figure = go.Figure(traces, layout=_layout(sheet, placed, scheme, note))
    boxes = {"{layer}|{index}".format(**each.click): each.box(3) for each in placed}
    marks.mark_cells(figure, ("layer", "index"), boxes, scheme)
    return figure


class _Sheet:
    """Where the cells lie: the axes are pixels, y downwards."""

    def __init__(
        self,
        rows: Sequence[str],
        columns: Sequence[str],
        cells: Sequence[Sequence[Cell | None]],
        *,
        named: bool,
        width: int,
    ) -> None:
        self.rows, self.columns, self.named = rows, columns, named
        self.n_rows, across = len(cells), max((len(row) for row in cells), default=1)
        short = [marks.shorten(name, NAME) for name in rows]
        self.left = 4.0 if named else marks.text_width(short, 12) + 18
        room = (width - self.left - 4 + GAP) / across - GAP
        self.side = min(max(room, SMALLEST), LARGEST)
        self.top = 6 if named else 26
        self.above = 20 if named else 0  # the name over a cell
        self.pitch = self.above + self.side + LINE + GAP
        self.width = max(float(width), self.left + across * (self.side + GAP) - GAP + 4)
        self.height = self.top + self.n_rows * self.pitch

    def corner(self, i: int, j: int) -> tuple[float, float]:
        """Return the upper left corner of a cell."""
        return self.left + j * (self.side + GAP), self.top + self.above + i * self.pitch

    def column_titles(self) -> tuple[list[float], list[float], list[str]]:
        """Return the titles of the columns and where they stand."""
        names = [] if self.named else list(self.columns)
        x = [self.corner(0, j)[0] + self.side / 2 for j in range(len(names))]
        return x, [self.top - 14.0] * len(names), [patches.escape(name) for name in names]

    def row_titles(self) -> tuple[list[float], list[float], list[str]]:
        """Return the titles of the rows and where they stand."""
        names = [] if self.named else [marks.shorten(name, NAME) for name in self.rows]
        y = [self.corner(i, 0)[1] + self.side / 2 for i in range(len(names))]
        return [self.left - 8] * len(names), y, [patches.escape(name) for name in names]


class _Placed:
    """A cell in its place."""

    def __init__(self, cell: Cell, sheet: _Sheet, at: tuple[int, int], name: str) -> None:
        self.cell, self.side, self.name = cell, sheet.side, name
        self.x, self.y = sheet.corner(*at)
        i, j = at
        layer = sheet.rows[i] if cell.layer is None else cell.layer
        self.click = {"layer": layer, "index": j if cell.index is None else cell.index}
        step = "" if sheet.named else f", {sheet.columns[j]}"
        said = cell.words or STATES[cell.state]
        more = "<br>" + patches.escape(said).replace("\n", "<br>") if said else ""
        self.hover = f"<b>{patches.escape(layer)}</b>{patches.escape(step)}{more}"

    def box(self, grow: float = 0) -> marks.Box:
        """Return its place, larger by some pixels on each side."""
        end = self.side + grow
        return self.x - grow, self.x + end, self.y - grow, self.y + end

    @property
    def numbers(self) -> str:
        """The line below: Betti numbers, and loop strength, as far as there is room."""
        cell, wide = self.cell, self.side >= 130
        parts = []
        if cell.b0 is not None and wide:
            parts.append(f"b₀ {cell.b0}")
        if cell.b1 is not None and self.side >= 80:
            parts.append(f"b₁ {cell.b1}")
        if cell.strength is not None:
            parts.append(f"{'○ ' if cell.claimed else ''}{cell.strength:.1f}×")
        return " · ".join(parts)


def _texts(sheet: _Sheet, placed: Sequence[_Placed]) -> tuple[list[float], list[float], list[str]]:
    """Return what is written below, above and, where there is no graph, in the cells."""
    said = []
    for each in placed:
        middle = each.x + each.side / 2
        said.append((middle, each.y + each.side + LINE / 2 + 2, each.numbers))
        name = marks.shorten(each.name, round(each.side / marks.CHARACTER))
        said.append((middle, each.y - 10, patches.escape(name)))
        if each.cell.sprite is None:
            state = STATES[each.cell.state]
            if marks.text_width([state]) > sheet.side - 8:
                state = state.replace(" ", "<br>")
            said.append((middle, each.y + each.side / 2, state))
    said = [each for each in said if each[2]]
    return [x for x, _, _ in said], [y for _, y, _ in said], [text for _, _, text in said]


def _layout(sheet: _Sheet, placed: Sequence[_Placed], scheme: str, note: str) -> dict[str, Any]:
    strengths = any(each.cell.strength is not None for each in placed)
    claimed = any(each.cell.claimed for each in placed)
    parts = [marks.strength_key(scheme)] if strengths else []
    parts += ["○ loop claimed"] if claimed else []
    legend = marks.wrap([*parts, *([patches.escape(note)] if note else [])], sheet.width)
    foot = 18 * (legend.count("<br>") + 1) + 6 if legend else 0
    return marks.still(
        scheme,
        height=round(sheet.height + foot),
        margin={"l": 0, "r": 0, "t": 0, "b": foot},
        xaxis=theme.hidden_axis(range=[0, sheet.width], fixedrange=True, constrain="domain"),
        yaxis=theme.hidden_axis(
            range=[sheet.height, 0],
            fixedrange=True,
            scaleanchor="x",
            constrain="domain",
            constraintoward="top",
        ),
        shapes=_grounds(placed, scheme),
        images=[_image(each) for each in placed if each.cell.sprite is not None],
        annotations=[marks.note(legend, scheme, xshift=4)] if legend else [],
        uirevision="multiples",
    )


def _grounds(placed: Sequence[_Placed], scheme: str) -> list[dict[str, Any]]:
    """Draw the ground of each cell, and at its foot a stripe in the colour of loop strength."""
    there = [each.box() for each in placed if each.cell.state != "not stored"]
    known = [(each, each.cell.strength) for each in placed if each.cell.strength is not None]
    stripes: list[marks.Box] = []
    for each, _ in known:
        x0, x1, _, foot = each.box()
        stripes.append((x0, x1, foot, foot + STRIPE))
    colours = [marks.strength_colour(strength, scheme) for _, strength in known]
    grounds = [marks.tiles(there, theme.palette(scheme).ground)] if there else []
    return grounds + marks.coloured_tiles(stripes, colours)


def _image(placed: _Placed) -> dict[str, Any]:
    return {
        "source": patches.data_uri(placed.cell.sprite or "", width=SPRITE, height=SPRITE),
        "xref": "x",
        "yref": "y",
        "x": placed.x + INSET,
        "y": placed.y + INSET,
        "sizex": placed.side - 2 * INSET,
        "sizey": placed.side - 2 * INSET,
        "xanchor": "left",
        "yanchor": "top",
        "sizing": "contain",
        "layer": "above",
    }
