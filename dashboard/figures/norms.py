"""One number for every layer at every step as a heat map: norms of landscapes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from dashboard import theme
from dashboard.figures import marks
from dashboard.figures.patches import escape

# small to large; violet, so that it is neither a loop strength, a density nor a Betti number
NORM_LIGHT = ("#f4f1f8", "#ded3ec", "#c0a9dc", "#9c7bc6", "#7750aa", "#532d83", "#331455")
NORM_DARK = ("#221e2b", "#372b4b", "#523c74", "#7353a0", "#9873c8", "#bf9fe6", "#ead9ff")

STATES = {
    "": ("·", "not stored"),
    "waiting": ("…", "not computed yet"),
    "error": ("<b>!</b>", "cannot be computed"),
    "dead": ("dead", "dead: the layer says the same to every input"),
}
"""What a cell without a number can be; what it shows, and what that means."""

NAME, WIDEST = 26, 104
MOST_NUMBERS = 720

Floats = NDArray[np.floating[Any]]
Words = Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Measure:
    """What the numbers are.

    Attributes
    ----------
    title : str
        Their name, with what they are a mean of.
    top : float or None
        Where the colours end, so that figures can share a scale; None: at the largest number.
    """

    title: str = "landscape norm"
    top: float | None = None


NORM = Measure()


def norms_figure(
    layers: Sequence[str],
    steps: Sequence[str],
    values: Floats,
    *,
    words: Words | None = None,
    states: Words | None = None,
    measure: Measure = NORM,
    scheme: str = "light",
    width: int = 640,
) -> go.Figure:
    """Draw a number for each layer and step; its height follows the number of layers.

    Parameters
    ----------
    layers, steps : sequence of str
        Layers in order of depth, the input on top, and steps or milestones as the axis says them.
    values : ndarray, shape (n_layers, n_steps)
        At least 0; NaN where there is none. Means over the runs, or those of one run.
    words : sequence of sequences of str, optional
        What hovering says of each, as plain text, in place of the number.
    states : sequence of sequences of str, optional
        One of `STATES` for each; ``dead`` is drawn as such with its norm of 0.
    measure : Measure
        What the numbers are, and where their colours end.
    scheme : str
        ``light`` or ``dark``.
    width : int
        Of the figure in pixels, as far as it is known: what has room is written into the cells.

    Raises
    ------
    ValueError
        If a table does not have a row for each layer and a column for each step, or holds an
        unknown state.
    """
    data = _Data(layers, steps, values, words=words, states=states, top=measure.top)
    place = _Lattice(layers, steps, width)
    legend = _legend(data, measure.title, place.room, scheme)
    under = 18 * (legend.count("<br>") + 1) + 8
    layout = marks.still(
        scheme,
        height=place.height + under,
        margin={"l": place.gutter, "r": 8, "t": 26, "b": under},
        xaxis=marks.names_axis(scheme, steps, room=place.wide, side="top", range=place.range),
        yaxis=marks.names_axis(
            scheme, layers, length=NAME, ticklabelstandoff=5, range=[len(layers) - 0.5, -0.5]
        ),
        shapes=marks.coloured_tiles(
            [place.box(*each) for each in data.at], [data.fill(*each, scheme) for each in data.at]
        ),
        annotations=[marks.note(legend, scheme, xshift=-place.gutter + 8, yshift=-5)],
        uirevision="norms",
    )
    figure = go.Figure([_texts(data, place, scheme), _targets(data)], layout=layout)
    boxes = {f"{layers[i]}|{j}": place.box(i, j, grow=1) for i, j in data.at}
    marks.mark_cells(figure, ("layer", "index"), boxes, scheme)
    return figure


class _Data:
    """The tables, checked; rows are layers."""

    def __init__(
        self,
        layers: Sequence[str],
        steps: Sequence[str],
        values: Floats,
        *,
        words: Words | None,
        states: Words | None,
        top: float | None,
    ) -> None:
        shape = (len(layers), len(steps))
        self.layers, self.steps = layers, steps
        self.values = np.asarray(values, np.float64)
        self.words = _table("words", words, shape)
        self.states = _table("states", states, shape)
        if self.values.shape != shape:
            msg = f"values has shape {self.values.shape}: it needs one row for each of {shape[0]} "
            raise ValueError(msg + f"layers and one column for each of {shape[1]} steps")
        unknown = {each for row in self.states for each in row} - set(STATES)
        if unknown:
            msg = f"states has {sorted(unknown)}: use {', '.join(map(repr, STATES))}"
            raise ValueError(msg)
        known = self.values[np.isfinite(self.values)]
        self.top = float(known.max(initial=0)) if top is None else top
        self.digits = decimals(self.top)
        self.at = [(i, j) for i in range(shape[0]) for j in range(shape[1])]

    def state(self, i: int, j: int) -> str | None:
        """Return what is to be said in place of a number, None where there is one."""
        state = self.states[i][j]
        return state if state or not np.isfinite(self.values[i, j]) else None

    def fill(self, i: int, j: int, scheme: str) -> str:
        """Return the colour of a cell; the ground where there is no number."""
        if self.state(i, j) is not None:
            return theme.palette(scheme).ground
        return norm_colour(self.values[i, j] / self.top if self.top else 0.0, scheme)

    def said(self, i: int, j: int) -> str:
        """Say a cell in full."""
        head = f"<b>{escape(self.layers[i])}</b>, {escape(self.steps[j])}"
        state, value = self.state(i, j), self.values[i, j]
        number = f"norm {value:.{self.digits + 1}f}" if np.isfinite(value) else ""
        own = escape(self.words[i][j] or number).replace("\n", "<br>")
        return "<br>".join([head, *filter(None, [STATES[state][1] if state else "", own])]) + (
            f"<br>{STATES[''][1]}" if state == "" and not own else ""
        )


class _Lattice:
    """Sizes of the cells in pixels, guessed from the width of the figure."""

    def __init__(self, layers: Sequence[str], steps: Sequence[str], width: int) -> None:
        self.gutter = round(marks.text_width([marks.shorten(each, NAME) for each in layers])) + 20
        self.room = max(width - self.gutter - 8, 60)
        n, m = max(len(layers), 1), max(len(steps), 1)
        self.tall = 40 if n <= 8 else 30 if n <= 14 else 22 if n <= 32 else 17
        self.wide = min(self.room / m, WIDEST)
        self.range = [-0.5, self.room / self.wide - 0.5]  # few steps leave room at the right
        self.height = 26 + self.tall * n
        self.crowded = n * m > MOST_NUMBERS

    def box(self, row: int, column: int, *, grow: float = 0) -> marks.Box:
        """Return the place of a cell, with a gap of 2 pixels around it less what it grows."""
        x, y = 0.5 - (1 - grow) / self.wide, 0.5 - (1 - grow) / self.tall
        return column - x, column + x, row - y, row + y


def norm_colour(share: float, scheme: str | None) -> str:
    """Return the colour at a share, 0 to 1, of the largest norm."""
    stops = NORM_DARK if scheme == "dark" else NORM_LIGHT
    return marks.blend(stops, round(min(max(share, 0.0), 1.0) * (marks.LEVELS - 1)) / 31)


def decimals(top: float) -> int:
    """Return how many decimals tell numbers up to `top` apart: three digits of the largest."""
    return min(max(2 - math.floor(math.log10(top)), 0), 6) if top > 0 else 2


def _table(name: str, table: Words | None, shape: tuple[int, int]) -> Words:
    if table is None:
        return [[""] * shape[1]] * shape[0]
    if len(table) != shape[0] or any(len(row) != shape[1] for row in table):
        msg = f"{name} has {len(table)} rows: it needs {shape[0]} rows of {shape[1]} texts"
        raise ValueError(msg)
    return table


def _texts(data: _Data, place: _Lattice, scheme: str) -> go.Scatter:
    """Write the numbers where they have room, and the sign of every state."""
    quiet = theme.palette(scheme).quiet
    written = []
    for i, j in data.at:
        state = data.state(i, j)
        ink = marks.ink_on(data.fill(i, j, scheme)) if state is None else quiet
        written.append((j, i, _text(data, (i, j), place), ink))
    said = [each for each in written if each[2]] or [(0, 0, "", quiet)]
    x, y, texts, inks = zip(*said, strict=True)
    font = {"color": list(inks), "size": 12 if place.wide >= 56 and place.tall >= 22 else 10}
    return marks.labels(x, y, texts, textfont=font)


def _text(data: _Data, at: tuple[int, int], place: _Lattice) -> str:
    state = data.state(*at)
    text = f"{data.values[at]:.{data.digits}f}" if state is None else STATES[state][0]
    fits = marks.text_width([text], 10) + 6 <= place.wide and not place.crowded
    if state is None:
        return text if fits else ""
    return "×" if state == "dead" and not fits else text


def _targets(data: _Data) -> go.Scatter:
    return marks.targets(
        [j for _, j in data.at],
        [i for i, _ in data.at],
        [{"layer": data.layers[i], "index": j} for i, j in data.at],
        [data.said(i, j) for i, j in data.at],
    )


def _legend(data: _Data, title: str, room: float, scheme: str) -> str:
    blocks = "".join(
        f'<span style="color:{norm_colour(i / 11, scheme)}">█</span>' for i in range(12)
    )
    scale = f"  0 {blocks} {data.top:.{data.digits}f}" if data.top else ""
    parts = [escape(title) + scale]
    shown = {data.state(*each) for each in data.at} - {None}
    for state, (sign, meaning) in STATES.items():
        if state in shown:
            parts.append(meaning if state == "dead" else f"{sign} {meaning}")
    return marks.wrap(parts, room)
