"""What is in an experiment, and where its loops are: layers × steps, and runs × steps."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from dashboard import theme
from dashboard.figures import marks
from dashboard.figures.patches import escape

CLAIMED = "○"
"""The sign of a claimed loop: colour is not the only one."""

STATES = {
    "ready": ("", ""),
    "waiting": ("…", "not computed yet"),
    "no shape": ("×", "no shape: too few filters, or copies"),
    "not stored": ("·", "not stored at this step"),
    "unreadable": ("<b>!</b>", "cannot be read"),
}
"""What a cell can be; its sign, and what the sign means."""

WIDEST, RUN_WIDEST = 104, 60  # pixels of a cell
NAME = 26  # characters of a layer's name that are written; hovering shows all of it
SEPARATE = 2.5  # pixels of height from which runs are drawn apart from each other
MOST_NUMBERS = 600  # in a grid: more texts would make the cursor's mark lag


@dataclass(frozen=True, slots=True)
class Cell:
    """One layer at one step.

    Attributes
    ----------
    strength, null : float or None
        Loop strength of the filters and of the permuted ones; None where there is none (yet).
    state : str
        One of `STATES`.
    claimed : bool
        Whether a loop is claimed.
    words : str
        What hovering says of it, as plain text.
    """

    strength: float | None = None
    null: float | None = None
    state: str = "ready"
    claimed: bool = False
    words: str = ""

    def __post_init__(self) -> None:
        if self.state not in STATES:
            msg = f"state={self.state!r} is none of {', '.join(STATES)}"
            raise ValueError(msg)

    @property
    def shown(self) -> str:
        """The state that is drawn: what is computed and has no strength has no shape."""
        return "no shape" if (self.state, self.strength) == ("ready", None) else self.state


def grid_figure(
    rows: Sequence[str],
    columns: Sequence[str],
    cells: Sequence[Sequence[Cell]],
    *,
    scheme: str = "light",
    width: int = 720,
) -> go.Figure:
    """Draw the loop strength of every layer at every step.

    Parameters
    ----------
    rows, columns : sequence of str
        Layers in order of depth, the first on top, and steps as the axis says them.
    cells : sequence of sequence of Cell
        One for each row and column.
    scheme : str
        ``light`` or ``dark``.
    width : int
        Of the figure in pixels, as far as it is known: what has room is written into the cells.
    """
    place = _Lattice(rows, columns, width)
    flat = [cell for row in cells for cell in row]
    at = [(j, i) for i in range(len(rows)) for j in range(len(columns))]
    legend = _legend(flat, place, scheme)
    under = 18 * (legend.count("<br>") + 1) + 6
    layout = marks.still(
        scheme,
        height=place.height + under,
        margin=place.margin | {"b": under},
        xaxis=marks.names_axis(scheme, columns, room=place.wide, side="top", range=place.range),
        yaxis=marks.names_axis(
            scheme, rows, length=NAME, ticklabelstandoff=5, range=[len(rows) - 0.5, -0.5]
        ),
        shapes=_tiles(at, flat, place, scheme),
        annotations=[marks.note(legend, scheme, xshift=-place.gutter, yshift=-4)],
        uirevision="grid",
    )
    traces = [_texts(at, flat, place, scheme), _targets(rows, columns, cells)]
    if len(columns) == 1 and not place.with_null:
        traces.append(_nulls(flat, scheme))
    figure = go.Figure(traces, layout=layout)
    boxes = {f"{rows[i]}|{j}": place.box(j, i, grow=1) for j, i in at}
    marks.mark_cells(figure, ("layer", "index"), boxes, scheme)
    return figure


class _Lattice:
    """Sizes of the cells in pixels, guessed from the width of the figure."""

    def __init__(self, rows: Sequence[str], columns: Sequence[str], width: int) -> None:
        names = [marks.shorten(name, NAME) for name in rows]
        self.gutter = round(marks.text_width(names)) + 20
        inside = max(width - self.gutter - 8, 60)
        self.tall = 46 if len(rows) <= 8 else 24 if len(rows) <= 32 else 18
        self.wide = min(inside / len(columns), WIDEST)
        self.span = inside / self.wide  # few columns leave room at the right
        self.range = [-0.5, self.span - 0.5]
        self.with_number = self.wide >= 38 and len(rows) * len(columns) <= MOST_NUMBERS
        self.with_null = self.tall >= 40 and self.wide >= 84
        self.margin = {"l": self.gutter, "r": 8, "t": 26}
        self.height = 26 + self.tall * len(rows)

    def box(self, column: int, row: int, *, grow: float = 0) -> marks.Box:
        """Return the place of a cell, with a gap of 2 pixels around it less what it grows."""
        x, y = 0.5 - (1 - grow) / self.wide, 0.5 - (1 - grow) / self.tall
        return column - x, column + x, row - y, row + y


def _targets(
    rows: Sequence[str], columns: Sequence[str], cells: Sequence[Sequence[Cell]]
) -> go.Scatter:
    at = [(j, i) for i in range(len(rows)) for j in range(len(columns))]
    return marks.targets(
        [j for j, _ in at],
        [i for _, i in at],
        [{"layer": rows[i], "index": j} for j, i in at],
        [_words(rows[i], columns[j], cells[i][j]) for j, i in at],
    )


def _tiles(
    at: Sequence[tuple[int, int]], cells: Sequence[Cell], place: _Lattice, scheme: str
) -> list[dict[str, Any]]:
    there = [(p, c) for p, c in zip(at, cells, strict=True) if c.shown != "not stored"]
    return marks.coloured_tiles(
        [place.box(*p) for p, _ in there], [_colour(c, scheme) for _, c in there]
    )


def _colour(cell: Cell, scheme: str) -> str:
    if cell.shown != "ready" or cell.strength is None:
        return theme.palette(scheme).ground
    return marks.strength_colour(cell.strength, scheme)


def _texts(
    at: Sequence[tuple[int, int]], cells: Sequence[Cell], place: _Lattice, scheme: str
) -> go.Scatter:
    """Write what has room: the number, the null model's, or only the sign."""
    written = [(*p, _text(c, place), _ink(c, scheme)) for p, c in zip(at, cells, strict=True)]
    said = [each for each in written if each[2]] or [(0, 0, "", theme.NULL)]
    x, y, texts, inks = zip(*said, strict=True)
    font = {"color": list(inks), "size": 12 if place.wide >= 56 else 10}
    return marks.labels(x, y, texts, textfont=font)


def _ink(cell: Cell, scheme: str) -> str:
    if cell.shown == "unreadable":
        return theme.palette(scheme).ink
    waits = cell.shown != "ready"
    return theme.palette(scheme).quiet if waits else marks.ink_on(_colour(cell, scheme))


def _text(cell: Cell, place: _Lattice) -> str:
    sign = CLAIMED if cell.claimed else ""
    if cell.shown != "ready":
        return STATES[cell.shown][0]
    if not place.with_number or cell.strength is None:
        return sign
    number = f"{cell.strength:.1f}" + ("×" if place.wide >= 56 else "")
    text = f"{sign} {number}".strip() if place.wide >= 56 else sign + number
    if place.with_null and cell.null is not None:
        text += f'<br><span style="font-size:10px">permuted {cell.null:.1f}×</span>'
    return text


def _nulls(cells: Sequence[Cell], scheme: str) -> go.Scatter:
    """Write the null model's numbers beside a single column."""
    known = [(i, cell.null) for i, cell in enumerate(cells) if cell.null is not None]
    return marks.labels(
        [0.62] * len(known),
        [i for i, _ in known],
        [f"permuted {null:.1f}×" for _, null in known],
        textposition="middle right",
        textfont={"color": theme.palette(scheme).quiet, "size": 11},
    )


def _words(layer: str, step: str, cell: Cell) -> str:
    said = escape(cell.words or STATES[cell.shown][1]).replace("\n", "<br>")
    return f"<b>{escape(layer)}</b>, {escape(step)}" + (f"<br>{said}" if said else "")


def _legend(cells: Sequence[Cell], place: _Lattice, scheme: str) -> str:
    parts = []
    if any(cell.shown == "ready" for cell in cells):
        parts.append(marks.strength_key(scheme))
    if any(cell.claimed for cell in cells):
        parts.append(f"{CLAIMED} loop claimed")
    shown = {cell.shown for cell in cells}
    parts += [
        f"{sign} {words}" for state, (sign, words) in STATES.items() if sign and state in shown
    ]
    return marks.wrap(parts, place.gutter + place.wide * place.span)


def runs_figure(
    runs: Sequence[str],
    steps: Sequence[str],
    present: NDArray[np.bool_],
    *,
    scheme: str = "light",
    width: int = 440,
    height: int = 150,
) -> go.Figure:
    """Draw which runs have which steps, and say how many.

    Parameters
    ----------
    runs, steps : sequence of str
        Names, and steps as the axis says them.
    present : ndarray of bool, shape (n_runs, n_steps)
        Whether the run has the step.
    scheme : str
        ``light`` or ``dark``.
    width, height : int
        Of the figure in pixels.
    """
    tall = max(height - 52, 20) / max(len(runs), 1)
    gap = min(0.5 / tall, 0.2) if tall >= SEPARATE else 0.0
    wide = min((width - 16) / len(steps), RUN_WIDEST)
    span = (width - 16) / wide
    columns = range(len(steps))
    target = marks.targets(
        list(columns),
        [(len(runs) - 1) / 2] * len(steps),
        [{"index": j} for j in columns],
        [_presence(runs, steps[j], present[:, j]) for j in columns],
    )
    boxes = [box for j in columns for box in _stretches(present[:, j], j, gap)]
    layout = marks.still(
        scheme,
        height=height,
        margin={"l": 8, "r": 8, "t": 26, "b": 26},
        xaxis=marks.names_axis(scheme, steps, room=wide, side="top", range=[-0.5, span - 0.5]),
        yaxis=theme.hidden_axis(range=[len(runs) - 0.4, -0.6], fixedrange=True),
        shapes=[marks.tiles(boxes, theme.palette(scheme).bar, opacity=0.45)],
        annotations=[marks.note(_summary(runs, present), scheme, yshift=-6)],
        uirevision="runs",
    )
    figure = go.Figure(target, layout=layout)
    around = {str(j): (j - 0.46, j + 0.46, -0.55, len(runs) - 0.45) for j in columns}
    marks.mark_cells(figure, ("index",), around, scheme)
    return figure


def _stretches(present: NDArray[np.bool_], column: int, gap: float) -> list[marks.Box]:
    """Return the runs that have a step, one by one, or joined where they are too low for gaps."""
    rows = np.flatnonzero(present)
    ends = rows if gap else rows[np.diff(rows, append=-2) != 1]
    starts = rows if gap else rows[np.diff(rows, prepend=-2) != 1]
    x0, x1, half = column - 0.4, column + 0.4, 0.5 - gap
    return [(x0, x1, a - half, b + half) for a, b in zip(starts, ends, strict=True)]


def _presence(runs: Sequence[str], step: str, present: NDArray[np.bool_]) -> str:
    missing = [runs[i] for i in np.flatnonzero(~present)]
    words = f"<b>{escape(step)}</b><br>{_have(int(present.sum()), len(runs))} this step"
    if missing:
        more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
        words += f"<br>missing: {escape(', '.join(missing[:5]))}{more}"
    return words


def _have(some: int, total: int) -> str:
    return f"{some} of {total} run{'s' if total != 1 else ''} {'has' if total == 1 else 'have'}"


def _summary(runs: Sequence[str], present: NDArray[np.bool_]) -> str:
    counts = present.sum(axis=0)
    if (counts == len(runs)).all():
        return f"{_have(len(runs), len(runs))} every step"
    full = f"{(counts == len(runs)).sum()} of {len(counts)} steps are in all {len(runs)} runs"
    return f"{full}; every step is in {counts.min()} or more"
