"""Persistence barcodes: H₁ of the filters, and of what is laid beside them, on one scale."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from analysis.homology import PersistenceDiagram
from dashboard import theme
from dashboard.figures import marks
from dashboard.figures.patches import escape

SHOWN = 20
FEWEST = 24
"""Rows of the picture at least, so that the bars of a short barcode are not slabs."""

LABEL, HEIGHT = 18, 156
"""Pixels that a label needs, of those that the rows have in a small panel."""

Kind = Literal["data", "null", "beside"]


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """One diagram among those of a figure.

    Attributes
    ----------
    name : str
        Whose it is, as plain text.
    diagram : PersistenceDiagram
    kind : {"data", "null", "beside"}
        The data can be clicked; a null model is grey.
    """

    name: str
    diagram: PersistenceDiagram
    kind: Kind = "data"

    @property
    def bars(self) -> NDArray[np.float64]:
        """Births and deaths of dimension 1, the longest first, shape (n, 2)."""
        return self.diagram.bars(1)

    def colour(self, scheme: str) -> str:
        """Return the colour of its bars and points."""
        beside = {"null": theme.NULL, "beside": theme.BESIDE}
        return beside.get(self.kind, theme.palette(scheme).bar)

    def picks(self, n: int) -> list[dict[str, str] | None]:
        """Return what a click on each of the first n bars selects."""
        return [{"select": f"bar.{i}"} if self.kind == "data" else None for i in range(n)]

    def words(self, n: int) -> list[str]:
        """Say the first n bars."""
        return [_words(self.name, i, *bar) for i, bar in enumerate(self.bars[:n].tolist())]


@dataclass(frozen=True, slots=True, eq=False)
class _Placed:
    """A group in the picture: its first row, counted downwards, and the bar that is selected."""

    group: Group
    row: float
    end: float
    selected: int | None

    @property
    def bars(self) -> NDArray[np.float64]:
        return np.minimum(self.group.bars[:SHOWN], self.end)

    @property
    def rows(self) -> list[float]:
        return [round(self.row + i, 4) for i in range(len(self.bars))]


def barcode_figure(
    groups: Sequence[Group], *, selected: int | None = None, scheme: str = "light"
) -> go.Figure:
    """Draw the longest bars of each group, the longest on top, the groups below each other.

    Parameters
    ----------
    groups : sequence of Group
        The data, and what is beside it.
    selected : int, optional
        Bar of the data to outline; one that is not among the longest `SHOWN` is not there.
    scheme : str
        ``light`` or ``dark``.
    """
    placed, rows = _place(groups, selected)
    traces: list[Any] = [_bars(each, scheme) for each in placed]
    traces += [_targets(each) for each in placed]
    traces += [_open_ends(each, scheme) for each in placed if np.isinf(each.group.bars).any()]
    return go.Figure(
        traces,
        layout=marks.still(
            scheme,
            barmode="overlay",
            bargap=0,
            margin={"l": 10, "r": 12, "t": 4, "b": 40},
            xaxis=_axis(scheme, last_value(groups)),
            yaxis=theme.hidden_axis(range=[rows, -0.2], fixedrange=True),
            annotations=[_label(each, scheme) for each in placed],
            shapes=[shape for each in placed for shape in _outline(each, scheme)],
            uirevision="barcode",
        ),
    )


def last_value(groups: Sequence[Group]) -> float:
    """Return where the axis of filtration values ends: beyond all births and deaths."""
    values = np.concatenate([np.zeros(1), *(group.bars.ravel() for group in groups)])
    top = float(values[np.isfinite(values)].max())
    return top * (1.25 if np.isinf(values).any() else 1.03) or 1.0


def _axis(scheme: str, end: float) -> dict[str, Any]:
    return theme.axis(
        scheme,
        "filtration value (Euclidean distance)",
        range=[0, end],
        nticks=6,
        ticks="outside",
        ticklen=4,
        title_standoff=6,
        **theme.FIXED,
        fixedrange=True,
    )


def _place(groups: Sequence[Group], selected: int | None) -> tuple[list[_Placed], float]:
    """Give each group its rows; returns also how many rows there are."""
    heights = [len(group.bars[:SHOWN]) for group in groups]
    total = max(sum(heights), FEWEST)
    label = LABEL * total / max(HEIGHT - LABEL * len(groups), LABEL)
    end = last_value(groups)
    placed = []
    for i, group in enumerate(groups):
        there = selected is not None and 0 <= selected < heights[i] and group.kind == "data"
        row = sum(heights[:i]) + (i + 1) * label
        placed.append(_Placed(group, row, end, selected if there else None))
    return placed, total + len(groups) * label


def _bars(placed: _Placed, scheme: str) -> go.Bar:
    bars = placed.bars
    return go.Bar(
        orientation="h",
        name=escape(placed.group.name),
        base=bars[:, 0].tolist(),
        x=(bars[:, 1] - bars[:, 0]).tolist(),
        y=placed.rows,
        width=0.66,
        marker={"color": placed.group.colour(scheme), "line": {"width": 0}},
        hoverinfo="skip",
    )


def _targets(placed: _Placed) -> go.Scatter:
    """One point for each row, all at the same value: the nearest is that of the row."""
    n = len(placed.bars)
    values = [0.6 * placed.end] * n
    return marks.targets(values, placed.rows, placed.group.picks(n), placed.group.words(n))


def _open_ends(placed: _Placed, scheme: str) -> go.Scatter:
    """Put arrow heads on the bars that never die."""
    endless = np.isinf(placed.group.bars[:SHOWN, 1])
    rows = [row for row, open_end in zip(placed.rows, endless.tolist(), strict=True) if open_end]
    return go.Scatter(
        x=[placed.end] * len(rows),
        y=rows,
        mode="markers",
        marker={"symbol": "triangle-right", "size": 9, "color": placed.group.colour(scheme)},
        hoverinfo="skip",
        cliponaxis=False,
    )


def _label(placed: _Placed, scheme: str) -> dict[str, Any]:
    return {
        "xref": "paper",
        "x": 0,
        "y": placed.row - 0.5,
        "text": f"<b>{escape(placed.group.name)}</b>: {_count(len(placed.group.bars))}",
        "showarrow": False,
        "xanchor": "left",
        "yanchor": "bottom",
        "font": {"size": 11, "color": theme.palette(scheme).quiet},
    }


def _count(total: int) -> str:
    if total <= SHOWN:
        return f"{total or 'no'} H₁ bar{'s' if total != 1 else ''}"
    return f"{SHOWN} longest of {total:,} H₁ bars"


def _outline(placed: _Placed, scheme: str) -> list[dict[str, Any]]:
    """Draw the selected bar again in a dark outline with a halo, and its row as a band."""
    if placed.selected is None:
        return []
    colours = theme.palette(scheme)
    birth, death = placed.bars[placed.selected].tolist()
    row = placed.rows[placed.selected]
    place = {"type": "rect", "x0": birth, "x1": death, "y0": row - 0.45, "y1": row + 0.45}
    fill = placed.group.colour(scheme)
    band = {"x0": 0, "x1": placed.end, "line": {"width": 0}, "layer": "below"}
    return [
        place | band | {"fillcolor": theme.faded(colours.ink, 0.1)},
        place | {"fillcolor": colours.surface, "line": {"width": 6, "color": colours.surface}},
        place | {"fillcolor": fill, "line": {"width": 2, "color": colours.ink}},
    ]


def _words(name: str, i: int, birth: float, death: float) -> str:
    life = (
        f"born at {birth:.3f}, alive at the end"
        if np.isinf(death)
        else f"{birth:.3f} to {death:.3f}, length {death - birth:.3f}"
    )
    return f"<b>{escape(name)}</b>, bar {i + 1}<br>{life}"
