"""Permutation tests of every pair as a matrix of p-values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from analysis.permutation import holm
from dashboard import theme
from dashboard.figures import marks
from dashboard.figures.patches import escape

SIGN = "●"
"""The sign of a pair that differs: colour is not the only one."""

NAME, WIDEST, TALL = 20, 96, 44

Floats = NDArray[np.floating[Any]]
Clicks = Sequence[Sequence[Mapping[str, Any] | None]]


@dataclass(frozen=True, slots=True, eq=False)
class PairTests:
    """The tests of all pairs; the tables are symmetric, their diagonals do not count.

    Attributes
    ----------
    names : sequence of str
        What is compared: milestones, steps, networks.
    p, adjusted : ndarray, shape (n, n)
        Of each pair, and adjusted for their number (Holm); NaN where there is none.
    statistic : ndarray, shape (n, n)
        Distance of the mean landscapes.
    permutations : int or ndarray of int, shape (n, n)
        How many each p-value is of.
    smallest : ndarray, shape (n, n)
        The smallest p that the runs and permutations of each pair can give.

    Raises
    ------
    ValueError
        If a table has not one row and one column for each name.
    """

    names: Sequence[str]
    p: Floats
    adjusted: Floats
    statistic: Floats
    permutations: int | NDArray[np.integer[Any]]
    smallest: Floats

    def __post_init__(self) -> None:
        n = len(self.names)
        for name in ("p", "adjusted", "statistic", "permutations", "smallest"):
            shape = np.shape(getattr(self, name))
            if shape != (n, n) and not (name == "permutations" and shape == ()):
                msg = f"{name} has shape {shape}: give ({n}, {n}), one for each pair of names"
                raise ValueError(msg)

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """Rows and columns of the pairs below the diagonal."""
        return [(i, j) for i in range(1, len(self.names)) for j in range(i)]

    @property
    def tested(self) -> list[tuple[int, int]]:
        """Those of the pairs that were tested."""
        return [(i, j) for i, j in self.pairs if np.isfinite(self.p[i, j])]

    def count(self, i: int, j: int) -> int:
        """Return the number of permutations of a pair."""
        return int(np.broadcast_to(self.permutations, np.shape(self.p))[i, j])


def pvalues_figure(
    tests: PairTests,
    *,
    level: float = 0.05,
    clicks: Clicks | None = None,
    scheme: str = "light",
    width: int = 640,
) -> go.Figure:
    """Draw the adjusted p-value of every pair; its height follows the number of names.

    Parameters
    ----------
    tests : PairTests
        At least two names; of one, there is no pair.
    level : float
        Pairs with an adjusted p up to this are marked.
    clicks : sequence of sequence of mapping, optional
        What a click on each pair means, shape (n, n): the one below the diagonal is taken.
    scheme : str
        ``light`` or ``dark``.
    width : int
        Of the figure in pixels, as far as it is known.
    """
    place = _Lattice(tests.names, width)
    legend = marks.wrap(_legend(tests, level), width)
    under = 18 * (legend.count("<br>") + 1) + 34
    layout = marks.still(
        scheme,
        height=place.height + under,
        margin={"l": place.gutter, "r": 8, "t": 6, "b": under},
        xaxis=_axis(scheme, tests.names[:-1], place.wide, range=place.range, place=0),
        yaxis=_axis(scheme, tests.names[1:], 0, range=[len(tests.names) - 0.5, 0.5], place=1),
        shapes=_tiles(tests, level, place, scheme),
        annotations=[marks.note(legend, scheme, xshift=8 - place.gutter, yshift=-30)],
        uirevision="p-values",
    )
    return go.Figure([_texts(tests, level, place, scheme), _targets(tests, clicks)], layout=layout)


def p_text(p: float) -> str:
    """Write a p-value with three decimals."""
    return "–" if not np.isfinite(p) else "<.001" if p < 0.001 else f"{p:.3f}".replace("0.", ".")


class _Lattice:
    """Sizes of the cells in pixels, guessed from the width of the figure."""

    def __init__(self, names: Sequence[str], width: int) -> None:
        self.gutter = round(marks.text_width([marks.shorten(each, NAME) for each in names])) + 22
        n = max(len(names) - 1, 1)
        room = max(width - self.gutter - 8, 60)
        self.wide = min(room / n, WIDEST)
        self.tall = min(TALL, max(self.wide * 0.6, 18))
        self.range = [-0.5, room / self.wide - 0.5]
        self.height = 6 + round(self.tall * n)

    def box(self, i: int, j: int) -> marks.Box:
        """Return the place of a pair, with a gap of 2 pixels."""
        x, y = 0.5 - 1 / self.wide, 0.5 - 1 / self.tall
        return j - x, j + x, i - y, i + y


def _axis(
    scheme: str, names: Sequence[str], room: float, *, place: int, **more: Any
) -> dict[str, Any]:
    """Return an axis with the names, the first of which lies at `place`."""
    short = [marks.shorten(each, NAME) for each in names]
    axis = marks.names_axis(scheme, short, room=room, ticklabelstandoff=5, **more)
    return axis | {"tickvals": [each + place for each in axis["tickvals"]]}


def _differs(tests: PairTests, i: int, j: int, level: float) -> bool:
    return bool(tests.adjusted[i, j] <= level)


def _fill(tests: PairTests, at: tuple[int, int], level: float, scheme: str) -> str:
    colours = theme.palette(scheme)
    return colours.bar if _differs(tests, *at, level) else colours.ground


def _tiles(tests: PairTests, level: float, place: _Lattice, scheme: str) -> list[dict[str, Any]]:
    boxes = [place.box(*each) for each in tests.pairs]
    return marks.coloured_tiles(boxes, [_fill(tests, at, level, scheme) for at in tests.pairs])


def _texts(tests: PairTests, level: float, place: _Lattice, scheme: str) -> go.Scatter:
    """Write the adjusted p-values, or only the sign where they have no room."""
    texts, inks = [], []
    for i, j in tests.pairs:
        differs = _differs(tests, i, j, level)
        number = p_text(tests.adjusted[i, j])
        sign = f"{SIGN} " if differs else ""
        fits = [each for each in (sign + number, number) if _fits(each, place)]
        sure = bool(fits) and (not differs or fits[0].startswith(SIGN))
        texts.append(fits[0] if sure else sign.strip())
        ink = marks.ink_on(_fill(tests, (i, j), level, scheme))
        inks.append(ink if differs else theme.palette(scheme).quiet)
    font = {"size": 12 if place.wide >= 56 else 10, "color": inks or None}
    return marks.labels(
        [j for _, j in tests.pairs], [i for i, _ in tests.pairs], texts, textfont=font
    )


def _fits(text: str, place: _Lattice) -> bool:
    return marks.text_width([text], 12 if place.wide >= 56 else 10) + 6 <= place.wide


def _targets(tests: PairTests, clicks: Clicks | None) -> go.Scatter:
    return marks.targets(
        [j for _, j in tests.pairs],
        [i for i, _ in tests.pairs],
        [clicks[i][j] if clicks else None for i, j in tests.pairs],
        [_words(tests, i, j) for i, j in tests.pairs],
    )


def _words(tests: PairTests, i: int, j: int) -> str:
    head = f"<b>{escape(tests.names[j])}</b> and <b>{escape(tests.names[i])}</b>"
    if not np.isfinite(tests.p[i, j]):
        return f"{head}<br>not tested"
    return (
        f"{head}<br>distance of the mean landscapes {tests.statistic[i, j]:.4g}"
        f"<br>p = {tests.p[i, j]:.4f} of {tests.count(i, j):,} permutations"
        f"<br>adjusted for {len(tests.tested)} pairs (Holm): {tests.adjusted[i, j]:.4f}"
    )


def _legend(tests: PairTests, level: float) -> list[str]:
    n = len(tests.tested)
    if not n:
        return ["there is no pair to test"]
    limit = f"{level:g}".replace("0.", ".")
    smallest = np.array([tests.smallest[pair] for pair in tests.tested])
    low, high = p_text(float(smallest.min())), p_text(float(smallest.max()))
    least = float(holm(smallest).min())
    parts = [f"{SIGN} differs: p ≤ {limit}, adjusted for {n} pair{'s' if n > 1 else ''} (Holm)"]
    parts.append(f"smallest p that a pair can reach {low if low == high else f'{low} to {high}'}")
    if least > level:
        parts.append(f"<b>too few runs for {n} pair{'s' if n > 1 else ''}: none can be marked</b>")
    return parts
