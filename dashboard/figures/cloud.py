"""The activations of one layer in two dimensions, coloured by class."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from dashboard import theme
from dashboard.figures import marks
from dashboard.figures._curves import plain
from dashboard.figures.layer_curves import one_scale, plane_axis
from dashboard.figures.patches import escape
from dashboard.figures.projection import shown

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.integer[Any]]

MOST = 2000  # points that are drawn: of more, evenly chosen ones, and all that are selected

SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "x")
GLYPHS = ("●", "■", "◆", "▲", "✚", "✖")
TURNS = (0, 5, 3, 1)  # of many classes, those of one colour

CROWD = 0.02  # share of the points from which identical ones get a ring with their number
THUMBNAIL, MOST_THUMBNAILS = 28, 40  # pixels of a picture's side


@dataclass(frozen=True, slots=True, eq=False)
class Cloud:
    """Points with what is known of each; other numbers of each are a ValueError.

    Attributes
    ----------
    points : ndarray, shape (n, 2)
        NaN: not drawn.
    labels : ndarray of int, shape (n,)
        Class of each; negative: none.
    class_names : sequence of str
    names : sequence of str
        Of each, what a click selects as ``primary``.
    words : sequence of str
        What hovering says of each, as plain text; empty: name and class.
    titles : (str, str)
        Of the axes, with their shares of variance.
    """

    points: Floats
    labels: Ints
    class_names: Sequence[str]
    names: Sequence[str]
    words: Sequence[str] = ()
    titles: tuple[str, str] = ("PC 1", "PC 2")

    def __post_init__(self) -> None:
        n = len(self.points)
        if np.shape(self.points) != (n, 2):
            msg = f"points has shape {np.shape(self.points)}: give (n, 2)"
            raise ValueError(msg)
        for name in ("labels", "names", "words"):
            given = len(getattr(self, name))
            if given != n and (name != "words" or given):
                msg = f"{n} points but {given} {name}: give one for each"
                raise ValueError(msg)
        if n and int(np.max(self.labels)) >= len(self.class_names):
            msg = f"labels go to {np.max(self.labels)}: give class_names for all, not only for "
            raise ValueError(msg + f"{len(self.class_names)}")

    @property
    def known(self) -> Ints:
        """Rows of the points that have a place."""
        return np.flatnonzero(np.isfinite(self.points).all(axis=1))

    def at(self, rows: Ints) -> dict[str, list[float]]:
        """Return the places of some points as a trace takes them."""
        x, y = np.asarray(self.points, np.float64)[rows].T.tolist()
        return {"x": x, "y": y}

    def class_name(self, label: int) -> str:
        """Name a class."""
        return self.class_names[label] if label >= 0 else "no class"

    def said(self, row: int) -> str:
        """Say a point."""
        plain_words = f"{self.names[row]}\n{self.class_name(int(self.labels[row]))}"
        return escape(self.words[row] if len(self.words) else plain_words).replace("\n", "<br>")


def cloud_figure(
    cloud: Cloud,
    *,
    selected: NDArray[np.bool_] | None = None,
    primary: int | None = None,
    loops: Sequence[Ints] = (),
    thumbnails: Mapping[int, str] | None = None,
    scheme: str = "light",
    width: int = 640,
    height: int = 520,
) -> go.Figure:
    """Draw points by class, on axes of one scale.

    Parameters
    ----------
    cloud : Cloud
        At most `MOST` of its points are drawn, beside those that are selected.
    selected : ndarray of bool, shape (n,), optional
        These get a dark outline and a halo, the others are faint.
    primary : int, optional
        Row of the point to ring above all.
    loops : sequence of ndarray of int
        Rows of the points of closed paths: the cycle of a bar.
    thumbnails : mapping of int to str, optional
        By row a picture as a data URI, the most wanted first; one that would overlap is left out.
    scheme : str
        ``light`` or ``dark``.
    width, height : int
        Of the figure in pixels, as far as they are known.

    Raises
    ------
    ValueError
        If `selected` has not one flag for each point, or a row is none.
    """
    chosen = _checked(cloud, selected, primary, [*loops, np.array(list(thumbnails or ()), int)])
    known = cloud.known
    rows = np.union1d(known[shown(len(known), MOST)], known[chosen[known]])
    key = marks.wrap(_key(cloud, rows, chosen, scheme), width - 70)
    above = 18 * (key.count("<br>") + 1) + 8
    spans, unit = one_scale(cloud.points, (width - 72, height - above - 44))
    crowds = _Crowds(cloud)
    traces = [_rings(crowds, scheme)]
    others = {"opacity": 0.28 if chosen.any() else 0.85, "edge": 0.0}
    traces += _points(cloud, rows[~chosen[rows]], crowds, scheme=scheme, **others)
    traces += _loops(cloud, loops, scheme)
    traces += _selected(cloud, rows[chosen[rows]], crowds, scheme)
    if primary is not None and np.isfinite(cloud.points[primary]).all():
        paint = class_colour(int(cloud.labels[primary]), scheme)
        traces.append(marks.ringed(cloud.points[primary], paint, scheme))
    layout = marks.still(
        scheme,
        height=height,
        dragmode="pan",
        hoverdistance=12,
        margin={"l": 60, "r": 12, "t": above, "b": 44},
        xaxis=plane_axis(scheme, cloud.titles[0], spans[0]),
        yaxis=plane_axis(scheme, cloud.titles[1], spans[1], scaleanchor="x"),
        annotations=[marks.note(key, scheme, y=1, yanchor="bottom", yshift=4)],
        images=_pictures(cloud, thumbnails or {}, unit),
        uirevision="cloud",
    )
    return go.Figure(traces, layout=layout)


def _checked(
    cloud: Cloud, selected: NDArray[np.bool_] | None, primary: int | None, rows: Sequence[Ints]
) -> NDArray[np.bool_]:
    """Return the flags of the selected ones; refuse rows that are none."""
    n = len(cloud.points)
    chosen = np.zeros(n, bool) if selected is None else np.asarray(selected, bool)
    every = np.concatenate([np.array([] if primary is None else [primary], int), *rows])
    outside = every[(every < 0) | (every >= n)]
    if chosen.shape != (n,) or len(outside):
        msg = f"selected has {chosen.size} flags; rows that are none: {outside.tolist()}; use {n} "
        raise ValueError(msg + "flags, and rows of the points")
    return chosen


class _Crowds:
    """Points of one place: how many of which class."""

    def __init__(self, cloud: Cloud) -> None:
        self.n, rows = len(cloud.known), cloud.known
        self.places, of = np.unique(cloud.points[rows], axis=0, return_inverse=True)
        self.of = dict(zip(rows.tolist(), of.ravel().tolist(), strict=True))
        self.counts = np.bincount(of.ravel(), minlength=len(self.places))
        self.mix = [Counter[str]() for _ in self.counts]
        for row, place in self.of.items():
            self.mix[place][cloud.class_name(int(cloud.labels[row]))] += 1

    def words(self, row: int) -> str:
        """Say how many points lie where a point does."""
        place = self.of[row]
        if self.counts[place] < 2:
            return ""
        parts = [f"{count:,} {escape(name)}" for name, count in self.mix[place].most_common(4)]
        more = ["…"] if len(self.mix[place]) > 4 else []
        return f"<br>{self.counts[place]:,} identical points here: {', '.join(parts + more)}"


def class_colour(label: int, scheme: str) -> str:
    """Return the colour of a class; grey for none."""
    series = theme.SERIES_DARK if scheme == "dark" else theme.SERIES_LIGHT
    return series[label % len(series)] if label >= 0 else theme.NULL


def class_symbol(label: int, n_classes: int) -> int:
    """Return which of `SYMBOLS` a class has: its own where there are few, else one per turn."""
    turn = TURNS[max(label, 0) // len(theme.SERIES_LIGHT) % len(TURNS)]
    return turn if n_classes > len(SYMBOLS) else max(label, 0)


def _size(rows: Ints) -> float:
    return 8.0 if len(rows) <= 300 else 6.5 if len(rows) <= 1200 else 5.5


def _groups(cloud: Cloud, rows: Ints) -> list[tuple[int, Ints]]:
    labels = np.asarray(cloud.labels)[rows]
    return [(int(each), rows[labels == each]) for each in np.unique(labels)]


def _points(
    cloud: Cloud, rows: Ints, crowds: _Crowds, *, scheme: str, opacity: float, edge: float
) -> list[go.Scatter]:
    """Draw points that can be hovered and clicked, class by class; the selected have an edge."""
    colours, n = theme.palette(scheme), len(cloud.class_names)
    line = {"width": edge or 0.5, "color": colours.ink if edge else colours.surface}
    base = {"size": _size(rows) + edge, "opacity": opacity, "line": line}
    return [
        go.Scatter(
            **cloud.at(some),
            mode="markers",
            marker={"color": class_colour(label, scheme), **base},
            marker_symbol=SYMBOLS[class_symbol(label, n)],
            customdata=[{"primary": cloud.names[i]} for i in some.tolist()],
            hovertext=[cloud.said(i) + crowds.words(i) for i in some.tolist()],
            hoverinfo="text",
        )
        for label, some in _groups(cloud, rows)
    ]


def _selected(cloud: Cloud, rows: Ints, crowds: _Crowds, scheme: str) -> list[go.Scatter]:
    """Draw the selected points over a halo, in a dark outline."""
    if not len(rows):
        return []
    halo = {"size": _size(rows) + 8, "color": theme.palette(scheme).surface, "opacity": 1}
    back = go.Scatter(**cloud.at(rows), mode="markers", marker=halo, hoverinfo="skip")
    return [back, *_points(cloud, rows, crowds, scheme=scheme, opacity=1, edge=1.5)]


def _rings(crowds: _Crowds, scheme: str) -> go.Scatter:
    """Ring the places where many identical points lie, and say how many."""
    rows = np.flatnonzero(crowds.counts >= max(CROWD * crowds.n, 3))
    sizes = 14 + 22 * np.sqrt(crowds.counts[rows] / max(crowds.n, 1))
    line = {"width": 1.5, "color": theme.palette(scheme).quiet}
    grey = {"color": theme.faded(theme.NULL, 0.25), "opacity": 1, "line": line}
    return go.Scatter(
        x=crowds.places[rows, 0].tolist(),
        y=crowds.places[rows, 1].tolist(),
        mode="markers+text",
        marker={"size": sizes.tolist(), **grey},
        text=[f"  ×{count:,}" for count in crowds.counts[rows]],
        textposition="middle right",
        textfont={"size": 11, "color": theme.palette(scheme).ink},
        hoverinfo="skip",
    )


def _loops(cloud: Cloud, loops: Sequence[Ints], scheme: str) -> list[go.Scatter]:
    """Draw closed paths with a halo, as one line with gaps."""
    points = np.asarray(cloud.points, np.float64)
    paths = [points[[*rows, rows[0]]] for rows in loops if len(rows)]
    x, y = ([each for path in paths for each in (*plain(path[:, k]), None)] for k in (0, 1))
    paint = theme.palette(scheme)
    lines = ({"color": paint.surface, "width": 5.5}, {"color": paint.ink, "width": 2})
    drawn = [go.Scatter(x=x, y=y, mode="lines", line=line, hoverinfo="skip") for line in lines]
    return drawn if paths else []


def _pictures(cloud: Cloud, thumbnails: Mapping[int, str], unit: float) -> list[dict[str, Any]]:
    """Lay pictures above their points, those that would overlap an earlier one left out."""
    side = THUMBNAIL * unit
    drawn: list[tuple[list[float], str]] = []
    for row, source in thumbnails.items():
        place = np.asarray(cloud.points[row], np.float64)
        free = all(np.abs(place - other).max() > side * 1.08 for other, _ in drawn)
        if np.isfinite(place).all() and free and len(drawn) < MOST_THUMBNAILS:
            drawn.append((place.tolist(), source))
    base = {"xref": "x", "yref": "y", "sizex": side, "sizey": side, "layer": "above"}
    base |= {"xanchor": "center", "yanchor": "bottom", "sizing": "contain"}
    return [base | {"x": x, "y": y + 5 * unit, "source": source} for (x, y), source in drawn]


def _key(cloud: Cloud, rows: Ints, chosen: NDArray[np.bool_], scheme: str) -> list[str]:
    """Name the classes with how many points there are, and how many of all are drawn."""
    n = len(cloud.class_names)
    parts = []
    for label, some in _groups(cloud, cloud.known):
        paint, glyph = class_colour(label, scheme), GLYPHS[class_symbol(label, n)]
        name = f"{escape(cloud.class_name(label))} {len(some):,}"
        parts.append(f'<span style="color:{paint}">{glyph}</span> {name}')
    if len(rows) < len(cloud.points):
        parts.append(f"{len(rows):,} of {len(cloud.points):,} points drawn")
    if chosen.any():
        parts.append(f"<b>{int(chosen.sum()):,} selected</b>")
    return parts
