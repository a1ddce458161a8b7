"""Small multiples of persistence landscapes: layers × steps, all on one scale."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from dashboard import theme
from dashboard.figures import marks
from dashboard.figures.landscape import check_levels, fading, support
from dashboard.figures.patches import escape

STATES = {
    "": "not stored",
    "waiting": "computing …",
    "error": "cannot be computed",
    "dead": "dead layer",
}
"""What a cell without curves can be, and what it says."""

GAP, NAME = 8, 24
WIDEST, LOWEST = 260, 56  # pixels of a cell
POINTS = 72_000
"""Points of a whole figure: more are not seen, and make the page slow."""

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Cell:
    """The landscape of one layer at one step.

    Attributes
    ----------
    levels : ndarray, shape (m, g), or None
        λ₁ … λₘ on the figure's grid; None where there are none.
    state : str
        One of `STATES`; ``dead`` may have levels, all 0.
    number : str
        Written in the cell: the norm.
    words : str
        What hovering says, as plain text.
    """

    levels: Floats | None = None
    state: str = ""
    number: str = ""
    words: str = ""

    def __post_init__(self) -> None:
        if self.state not in STATES:
            msg = f"state={self.state!r}: use one of {', '.join(map(repr, STATES))}"
            raise ValueError(msg)


def landscape_grid_figure(
    layers: Sequence[str],
    steps: Sequence[str],
    grid: Floats,
    cells: Sequence[Sequence[Cell]],
    *,
    each: bool = False,
    note: str = "",
    scheme: str = "light",
    width: int = 1340,
) -> go.Figure:
    """Draw landscapes side by side; one trace for each level, and its height as needed.

    Parameters
    ----------
    layers, steps : sequence of str
        Layers in order of depth, and steps or milestones as the axis says them.
    grid : ndarray, shape (g,)
        Filtration values of all landscapes.
    cells : sequence of sequence of Cell
        One for each layer and step.
    each : bool
        Give each cell a scale of its own: shapes can be compared, heights cannot.
    note : str
        A quiet line below, as plain text: parameters, n shown of n.
    scheme : str
        ``light`` or ``dark``.
    width : int
        Of the figure in pixels, as far as it is known.

    Raises
    ------
    ValueError
        If there is not one cell for each layer and step, or its levels do not fit the grid.
    """
    placed = _place(layers, steps, grid, cells)
    sheet = _Sheet(layers, steps, grid, placed, width=width, each=each)
    quiet = {"color": theme.palette(scheme).quiet}
    ink = {"color": theme.palette(scheme).ink, "size": 12}
    traces = [sheet.level(k, scheme) for k in range(sheet.depth)]
    traces += [
        marks.labels(*sheet.states(), textfont=quiet | {"size": 11}),
        marks.labels(*sheet.numbers(), textposition="bottom left", textfont=quiet | {"size": 10}),
        marks.labels(*sheet.column_titles(), textfont=quiet | {"size": 12}),
        marks.labels(*sheet.row_titles(), textposition="middle left", textfont=ink),
        sheet.targets(),
    ]
    figure = go.Figure(traces, layout=_layout(sheet, note, scheme))
    boxes = {f"{layers[i]}|{j}": sheet.box(i, j, 2) for i, j, _ in placed}
    marks.mark_cells(figure, ("layer", "index"), boxes, scheme)
    return figure


Placed = tuple[int, int, Cell]


def _place(
    layers: Sequence[str], steps: Sequence[str], grid: Floats, cells: Sequence[Sequence[Cell]]
) -> list[Placed]:
    if len(cells) != len(layers) or any(len(row) != len(steps) for row in cells):
        msg = f"cells has {len(cells)} rows: it needs {len(layers)} rows of {len(steps)} cells"
        raise ValueError(msg)
    placed = [(i, j, cell) for i, row in enumerate(cells) for j, cell in enumerate(row)]
    for i, j, cell in placed:
        check_levels(f"levels of {layers[i]!r} at {steps[j]!r}", cell.levels, grid)
    return placed


class _Sheet:
    """Where the cells lie: the axes are pixels, y downwards."""

    def __init__(
        self,
        layers: Sequence[str],
        steps: Sequence[str],
        grid: Floats,
        placed: Sequence[Placed],
        *,
        width: int,
        each: bool,
    ) -> None:
        self.layers, self.steps, self.grid, self.placed = layers, steps, grid, placed
        self.each = each
        self.left = marks.text_width([marks.shorten(name, NAME) for name in layers], 12) + 18
        n, m = max(len(layers), 1), max(len(steps), 1)
        self.wide = min(max((width - self.left - 4 + GAP) / m - GAP, LOWEST), WIDEST)
        self.tall = 84 if n <= 4 else 58 if n <= 14 else 40 if n <= 32 else 28
        self.top = 26
        self.width = max(float(width), self.left + m * (self.wide + GAP) - GAP + 4)
        self.height = self.top + n * (self.tall + GAP)
        levels = [cell.levels for *_, cell in placed if cell.levels is not None]
        self.depth = max((len(part) for part in levels), default=0)
        self.ends = support([(grid, part) for part in levels])
        self.peak = max((float(np.nan_to_num(part).max(initial=0)) for part in levels), default=0.0)
        self.most = max(POINTS // max(len(levels) * self.depth, 1), 12)

    def box(self, i: int, j: int, grow: float = 0) -> marks.Box:
        """Return the place of a cell, larger by some pixels on each side."""
        x, y = self.left + j * (self.wide + GAP), self.top + i * (self.tall + GAP)
        return x - grow, x + self.wide + grow, y - grow, y + self.tall + grow

    def level(self, k: int, scheme: str) -> go.Scatter:
        """Draw one level of all cells as filled curves with gaps between."""
        x: list[float | None] = []
        y: list[float | None] = []
        for i, j, cell in self.placed:
            if cell.levels is not None and k < len(cell.levels):
                for xs, ys in self._curves(i, j, cell.levels, k):
                    x += [*xs, None]
                    y += [*ys, None]
        colour = theme.palette(scheme).bar
        return go.Scatter(
            x=x,
            y=y,
            mode="lines",
            line={"color": fading(colour, k, scheme), "width": 1.6 if k == 0 else 1},
            fill="toself",
            fillcolor=theme.faded(colour, 0.13),
            hoverinfo="skip",
        )

    def _curves(
        self, i: int, j: int, levels: Floats, k: int
    ) -> list[tuple[list[float], list[float]]]:
        """Return what of a level is not 0, stretch by stretch, in pixels."""
        x0, x1, _, foot = self.box(i, j)
        peak = float(np.nan_to_num(levels).max(initial=0)) if self.each else self.peak
        found = []
        for stretch in stretches(np.nan_to_num(levels[k])):
            rows = thinned(levels[k], stretch, self.most)
            share = (self.grid[rows] - self.ends[0]) / (self.ends[1] - self.ends[0])
            x = x0 + (x1 - x0) * np.clip(share, 0, 1)
            y = foot - 1 - (self.tall - 6) * np.nan_to_num(levels[k, rows]) / (peak or 1.0)
            found.append((x.round(1).tolist(), y.round(1).tolist()))
        return found

    def states(self) -> tuple[list[float], list[float], list[str]]:
        """Return what is said in place of curves, in two lines where one has no room."""
        said = [(i, j, STATES[c.state]) for i, j, c in self.placed if _silent(c)]
        fits = [marks.text_width([text]) <= self.wide - 6 for *_, text in said]
        texts = [
            text if fit else text.replace(" ", "<br>", 1)
            for (*_, text), fit in zip(said, fits, strict=True)
        ]
        boxes = [self.box(i, j) for i, j, _ in said]
        return [(b[0] + b[1]) / 2 for b in boxes], [(b[2] + b[3]) / 2 for b in boxes], texts

    def numbers(self) -> tuple[list[float], list[float], list[str]]:
        """Return the numbers and the upper right corners where they have room."""
        said = [
            (self.box(i, j), cell.number)
            for i, j, cell in self.placed
            if not _silent(cell) and marks.text_width([cell.number], 10) < self.wide - 8
        ]
        return [b[1] - 1 for b, _ in said], [b[2] for b, _ in said], [escape(t) for _, t in said]

    def column_titles(self) -> tuple[list[float], list[float], list[str]]:
        """Return the steps and where they stand."""
        x = [self.box(0, j)[0] + self.wide / 2 for j in range(len(self.steps))]
        room = round((self.wide + GAP) / marks.CHARACTER)
        names = [escape(marks.shorten(name, max(room, 3))) for name in self.steps]
        return x, [self.top - 13.0] * len(names), names

    def row_titles(self) -> tuple[list[float], list[float], list[str]]:
        """Return the layers and where they stand."""
        y = [self.box(i, 0)[2] + self.tall / 2 for i in range(len(self.layers))]
        names = [escape(marks.shorten(name, NAME)) for name in self.layers]
        return [self.left - 8] * len(names), y, names

    def targets(self) -> go.Scatter:
        """Return a point to hover and click in the middle of each cell."""
        boxes = [self.box(i, j) for i, j, _ in self.placed]
        return marks.targets(
            [(b[0] + b[1]) / 2 for b in boxes],
            [(b[2] + b[3]) / 2 for b in boxes],
            [{"layer": self.layers[i], "index": j} for i, j, _ in self.placed],
            [self._words(*each) for each in self.placed],
        )

    def _words(self, i: int, j: int, cell: Cell) -> str:
        said = cell.words or (STATES[cell.state] if _silent(cell) else cell.number)
        more = "<br>" + escape(said).replace("\n", "<br>") if said else ""
        return f"<b>{escape(self.layers[i])}</b>, {escape(self.steps[j])}{more}"


def stretches(level: Floats) -> list[NDArray[np.int64]]:
    """Return the rows where a level is not 0, stretch by stretch, each with the 0 beside it."""
    rows = np.flatnonzero(level)
    if not len(rows):
        return []
    parts = np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1)
    last = len(level) - 1
    return [np.arange(max(part[0] - 1, 0), min(part[-1] + 1, last) + 1) for part in parts]


def thinned(level: Floats, rows: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """Choose at most `most` of some rows: evenly, and the largest of all."""
    if len(rows) <= most:
        return rows
    some = rows[np.linspace(0, len(rows) - 1, most - 1).astype(np.int64)]
    return np.union1d(some, rows[np.argmax(level[rows])])


def _silent(cell: Cell) -> bool:
    """Say whether there are words in place of curves."""
    return cell.levels is None or cell.state != ""


def _layout(sheet: _Sheet, note: str, scheme: str) -> dict[str, Any]:
    grounds = [sheet.box(i, j) for i, j, cell in sheet.placed if _shown(cell)]
    parts = [_scale(sheet), escape(note)]
    legend = marks.wrap([part for part in parts if part], sheet.width)
    foot = 18 * (legend.count("<br>") + 1) + 6
    return marks.still(
        scheme,
        height=round(sheet.height + foot),
        margin={"l": 0, "r": 0, "t": 0, "b": foot},
        xaxis=theme.hidden_axis(range=[0, sheet.width], fixedrange=True),
        yaxis=theme.hidden_axis(range=[sheet.height, 0], fixedrange=True),
        shapes=[marks.tiles(grounds, theme.palette(scheme).ground)] if grounds else [],
        annotations=[marks.note(legend, scheme, xshift=4)],
        uirevision="landscape grid",
    )


def _shown(cell: Cell) -> bool:
    return cell.levels is not None or cell.state != ""


def _scale(sheet: _Sheet) -> str:
    """Say what the width and the height of a cell are."""
    across = f"across: filtration value {sheet.ends[0]:.3g} to {sheet.ends[1]:.3g}"
    up = "each with its own scale" if sheet.each else f"0 to {sheet.peak:.3g}, the same for all"
    return f"{across} · up: λₖ, {up}" if sheet.depth else ""
