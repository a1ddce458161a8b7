"""Filters on their first two principal axes: the kept ones in colour, the dropped ones in grey."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from dashboard import theme
from dashboard.figures import marks, patches

MOST, MOST_DROPPED = 3000, 2000
"""Points of each kind that are drawn: more make a page slow and show no more."""

TARGETS = 1200
"""Points that can be hovered and clicked; none of them is an element of the page."""

RINGED, HALOED = 1500, 400
"""Selected points that are ringed, and up to how many have a halo too."""

PIXELS = 2000  # of the sprite; only a unit, it is drawn as vectors
FAINT = 0.25

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.int64]


def shown(n: int, most: int = MOST) -> Ints:
    """Choose the rows of n points that are drawn: all, or `most` of them evenly spread."""
    if n <= most:
        return np.arange(n, dtype=np.int64)
    return np.linspace(0, n - 1, most).astype(np.int64)


def projection_figure(
    kept: Floats,
    dropped: Floats,
    colours: Sequence[str] | None = None,
    *,
    ids: Sequence[str] = (),
    highlighted: Ints | None = None,
    primary: int | None = None,
    loop: Floats | None = None,
    scheme: str = "light",
) -> go.Figure:
    """Draw the kept and the dropped filters, at most `MOST` and `MOST_DROPPED` of them.

    Parameters
    ----------
    kept : ndarray, shape (n, 2)
        On the principal axes of the kept ones.
    dropped : ndarray, shape (m, 2)
        On the same axes.
    colours : sequence of str, optional
        CSS colour of each kept filter; points of one colour are one element of the page.
    ids : sequence of str
        Names of the kept filters, as run.out.in; none where they cannot be clicked.
    highlighted : ndarray of int, optional
        Rows of `kept` that are selected: they get a dark ring, the others are faint.
    primary : int, optional
        Row of `kept` to mark above all.
    loop : ndarray, shape (p, 2), optional
        Points of a closed path, on the same axes.
    scheme : str
        ``light`` or ``dark``.

    Raises
    ------
    ValueError
        If there is not one colour, or not one name, for each kept filter.
    """
    paint = _paint(len(kept), colours, ids, scheme)
    rows = shown(len(kept))
    marked = np.asarray([] if highlighted is None else highlighted, np.int64)
    marked = marked[shown(len(marked), RINGED)]
    sprite = _Sprite(kept, dropped, paint, scheme)
    traces = [_targets(kept, ids, _reachable(rows, marked, primary))] if len(ids) else []
    if primary is not None:
        traces.append(marks.ringed(kept[primary], paint[primary], scheme))
    return go.Figure(
        traces or [go.Scatter(x=[], y=[])],
        layout=marks.still(
            scheme,
            dragmode="pan",
            hoverdistance=12,
            margin={"l": 52, "r": 8, "t": 6, "b": 42},
            xaxis=_axis(scheme, "principal axis 1 (unit filters)", sprite.low[0], sprite.span),
            yaxis=_axis(scheme, "principal axis 2", sprite.low[1], sprite.span, scaleanchor="x"),
            shapes=[] if loop is None or not len(loop) else _loop(loop, scheme),
            images=[sprite.image(rows, marked)],
            uirevision="projection",
        ),
    )


class _Sprite:
    """Dots in a square of the axes; ``kept`` and ``paint`` are points and their colours."""

    def __init__(self, kept: Floats, dropped: Floats, paint: Sequence[str], scheme: str) -> None:
        self.kept, self.dropped = kept, dropped
        self.paint, self.scheme = paint, scheme
        self.low, self.span = _square(kept, dropped)

    def units(self, points: Floats) -> Floats:
        """From the axes to units of the sprite."""
        moved = (np.asarray(points, np.float64).reshape(-1, 2) - self.low) * (PIXELS / self.span)
        return np.stack([moved[:, 0], PIXELS - moved[:, 1]], axis=1)

    def image(self, rows: Ints, marked: Ints) -> dict[str, object]:
        """Draw the dropped, the kept and the selected ones in one vector image."""
        body = self._backdrop() + self._cloud(np.setdiff1d(rows, marked), faint=len(marked) > 0)
        source = patches.data_uri(body + self._rings(marked), width=PIXELS, height=PIXELS)
        top = self.low[1] + self.span
        return patches.over_axes(
            source, left=self.low[0], top=top, width=self.span, height=self.span
        )

    def _backdrop(self) -> str:
        rows = shown(len(self.dropped), MOST_DROPPED)
        body = patches.dots(self.units(self.dropped[rows]), theme.NULL, width=PIXELS / 130)
        return f'<g opacity="{0.5 if self.scheme == "dark" else 0.6}">{body}</g>'

    def _cloud(self, rows: Ints, *, faint: bool) -> str:
        paint = [self.paint[i] for i in rows]
        # smaller where there are many
        size = PIXELS / (60 if len(rows) <= 300 else 80 if len(rows) <= 1500 else 100)
        body = patches.dots(self.units(self.kept[rows]), paint, width=size)
        return f'<g opacity="{FAINT if faint else 0.9}">{body}</g>'

    def _rings(self, marked: Ints) -> str:
        colours = theme.palette(self.scheme)
        at, size = self.units(self.kept[marked]), PIXELS / (55 if len(marked) <= 200 else 75)
        halo = at if len(marked) <= HALOED else at[:0]
        return (
            patches.dots(halo, colours.surface, width=size * 2.1)
            + patches.dots(at, colours.ink, width=size * 1.5)
            + patches.dots(at, [self.paint[i] for i in marked], width=size)
        )


def _paint(n: int, colours: Sequence[str] | None, ids: Sequence[str], scheme: str) -> list[str]:
    paint = [theme.palette(scheme).bar] * n if colours is None else list(colours)
    if len(paint) != n or len(ids) not in {0, n}:
        msg = f"{n} kept filters, {len(paint)} colours, {len(ids)} ids: give one for each"
        raise ValueError(msg)
    return paint


def _square(kept: Floats, dropped: Floats) -> tuple[Floats, float]:
    """Return the lower left corner and the side of a square around all points."""
    points = np.concatenate([kept, dropped]).astype(np.float64)
    if not len(points):
        return np.full(2, -1.0), 2.0
    low, high = points.min(axis=0), points.max(axis=0)
    side = max(float((high - low).max()) * 1.06, 0.1)
    return (low + high - side) / 2, side


def _axis(scheme: str, title: str, low: float, span: float, **more: Any) -> dict[str, Any]:
    return theme.axis(
        scheme,
        title,
        range=[low, low + span],
        nticks=5,
        ticks="outside",
        ticklen=4,
        title_standoff=6,
        **theme.FIXED,
        constrain="domain",
        **more,
    )


def _reachable(rows: Ints, marked: Ints, primary: int | None) -> Ints:
    """Choose the points that can be clicked: of the selected first, then of all, evenly."""
    first = marked[shown(len(marked), TARGETS)]
    rest = np.setdiff1d(rows, first)
    rest = rest[shown(len(rest), max(TARGETS - len(first), 0))]
    extra = np.zeros(0, np.int64) if primary is None else np.array([primary])
    return np.asarray(np.unique(np.concatenate([first, rest, extra])), np.int64)


def _targets(kept: Floats, ids: Sequence[str], rows: Ints) -> go.Scatter:
    points = np.asarray(kept[rows], np.float64).round(4)
    picks = [{"primary": ids[i]} for i in rows]
    x, y = points.T.tolist()
    return marks.targets(x, y, picks, [], hovertemplate=patches.FILTER_WORDS)


def _loop(points: Floats, scheme: str) -> list[dict[str, Any]]:
    """Draw a closed path with a halo."""
    colours = theme.palette(scheme)
    path = "M" + "L".join(f"{x:.4f},{y:.4f}" for x, y in points.tolist()) + "Z"
    base = {"type": "path", "path": path, "layer": "between"}  # the sprite and the primary one
    return [
        base | {"line": {"color": colours.surface, "width": 5}, "opacity": 0.85},
        base | {"line": {"color": colours.ink, "width": 2}},
    ]
