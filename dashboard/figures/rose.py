"""Orientation rose: how many filters have their gradient in each direction."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray
from plotly.colors import sample_colorscale

from analysis.circle_models import primary_circle
from dashboard import theme
from dashboard.figures import marks, patches

PIXELS = 1000  # from the middle to the rim of the sprite; only a unit, it is drawn as vectors
REACH = 1.4
"""Half the picture, in units of the rim."""
PATCH = 0.26
"""Side of the patches around the rim, in the same units."""
PLACE = 1.2
"""How far out they are."""
FAINT = 0.3

Ints = NDArray[np.int64]


def rose_figure(
    counts: ArrayLike,
    *,
    selected_counts: ArrayLike | None = None,
    span: tuple[int, int] | None = None,
    scheme: str = "light",
) -> go.Figure:
    """Draw counts of angles as petals, whose area is the count, counter-clockwise from east.

    The plane is drawn on plain axes, so that the patches around the rim stay in their places
    whatever the shape of the panel; the whole sector can be clicked, however small its petal.

    Parameters
    ----------
    counts : array_like of int, shape (n,)
        Filters in n equal ranges from 0° to 360°; n must divide 360.
    selected_counts : array_like of int, shape (n,), optional
        Those of them that are selected: they are drawn in full colour, the others faint.
    span : tuple of int, optional
        A selected range of angles in whole degrees, (from, to); over 0° where to is not more.
    scheme : str
        ``light`` or ``dark``.

    Raises
    ------
    ValueError
        If n does not divide 360, or the selected are of another number of ranges.
    """
    total, chosen = _checked(counts, selected_counts)
    top = max(int(total.max()), 1)
    return go.Figure(
        _targets(total, chosen),
        layout=marks.still(
            scheme,
            margin={"l": 4, "r": 4, "t": 4, "b": 4},
            xaxis=theme.hidden_axis(range=[-REACH, REACH], fixedrange=True, constrain="domain"),
            yaxis=theme.hidden_axis(
                range=[-REACH, REACH], scaleanchor="x", fixedrange=True, constrain="domain"
            ),
            shapes=_shapes(total, chosen, span, scheme),
            images=[_petals(total, chosen, top), _compass(scheme)],
            annotations=[*_directions(scheme), _even(total, top, scheme)],
            uirevision="rose",
        ),
    )


def _checked(counts: ArrayLike, selected: ArrayLike | None) -> tuple[Ints, Ints | None]:
    total = np.asarray(counts, dtype=np.int64)
    if total.ndim != 1 or not len(total) or 360 % len(total):
        msg = f"counts has shape {total.shape}; give (n,) with an n that divides 360, such as 24"
        raise ValueError(msg)
    if selected is None:
        return total, None
    chosen = np.asarray(selected, dtype=np.int64)
    if chosen.shape != total.shape:
        msg = (
            f"selected_counts has shape {chosen.shape}, counts {total.shape}: give the same ranges"
        )
        raise ValueError(msg)
    return total, chosen


def _targets(total: Ints, chosen: Ints | None) -> go.Scatter:
    """One point for each range, all equally far out: the nearest is that of the sector."""
    width = 360 // len(total)
    middles = np.radians((np.arange(len(total)) + 0.5) * width)
    picks, words = [], []
    for i, count in enumerate(total.tolist()):
        picks.append({"select": f"angle.{i * width}-{(i + 1) * width}"})
        said = f"<b>{i * width}°–{(i + 1) * width}°</b>: {count:,} of {total.sum():,} filters"
        words.append(said + ("" if chosen is None else f"<br>{chosen[i]:,} of them selected"))
    x, y = 0.75 * np.cos(middles), 0.75 * np.sin(middles)
    return marks.targets(x.round(4).tolist(), y.round(4).tolist(), picks, words)


def _petals(total: Ints, chosen: Ints | None, top: int) -> dict[str, object]:
    n = len(total)
    paint = sample_colorscale(list(theme.ANGLE), ((np.arange(n) + 0.5) / n).tolist())
    faint = 1.0 if chosen is None else FAINT
    parts = [f'<g opacity="{faint}">{_wedges(total / top, paint)}</g>']
    if chosen is not None:
        parts.append(_wedges(chosen / top, paint))
    body = f'<g transform="translate({PIXELS},{PIXELS})">{"".join(parts)}</g>'
    source = patches.data_uri(body, width=2 * PIXELS, height=2 * PIXELS)
    return patches.over_axes(source, left=-1, top=1, width=2, height=2)


def _wedges(shares: NDArray[np.float64], paint: Sequence[str]) -> str:
    """Draw sectors whose area is the share of that of the rim's, a hair apart."""
    turn = 360 / len(shares)
    room, large = min(0.6, turn / 8), int(turn > 181)
    parts = []
    for i in np.flatnonzero(shares > 0).tolist():
        r = PIXELS * float(np.sqrt(shares[i]))
        (x0, y0), (x1, y1) = (
            (r * np.cos(a), -r * np.sin(a))
            for a in np.radians([i * turn + room, (i + 1) * turn - room])
        )
        path = f"M0 0L{x0:.0f} {y0:.0f}A{r:.0f} {r:.0f} 0 {large} 0 {x1:.0f} {y1:.0f}z"
        parts.append(f'<path fill="{paint[i]}" d="{path}"/>')
    return "".join(parts)


def _shapes(
    total: Ints, chosen: Ints | None, span: tuple[int, int] | None, scheme: str
) -> list[dict[str, Any]]:
    colours = theme.palette(scheme)
    top = max(int(total.max()), 1)
    found = [
        _circle(1.0, {"color": colours.line, "width": 1}),
        _circle(
            float(np.sqrt(total.mean() / top)), {"color": colours.quiet, "width": 1, "dash": "dot"}
        ),
    ]
    if chosen is not None and chosen.any():
        found.append(_outline(_silhouette(np.sqrt(chosen / top)), colours.ink, 1.5))
    if span is not None:
        path = _sector(span[0], span[1] if span[1] > span[0] else span[1] + 360)
        found += [_outline(path, colours.surface, 5), _outline(path, colours.ink, 2)]
    return found


def _circle(radius: float, line: dict[str, Any]) -> dict[str, Any]:
    corner = {"x0": -radius, "y0": -radius, "x1": radius, "y1": radius}
    return {"type": "circle", **corner, "line": line, "layer": "above"}


def _outline(path: str, colour: str, width: float) -> dict[str, Any]:
    return {"type": "path", "path": path, "line": {"color": colour, "width": width}}


def _sector(start: float, end: float) -> str:
    """Path around a sector up to the rim, in degrees."""
    return f"M0,0L{_arc(start, end, 1.0)}Z"


def _silhouette(radii: NDArray[np.float64]) -> str:
    """Path around petals, neighbours together: lines between them would darken the middle."""
    n = len(radii)
    empty = np.flatnonzero(radii == 0)
    first = int(empty[0]) if len(empty) else 0
    points = []
    for i in range(first, first + n):
        radius = float(radii[i % n])
        points.append(_arc(i * 360 / n, (i + 1) * 360 / n, radius) if radius else "0,0")
    return f"M{'L'.join(points)}Z"


def _arc(start: float, end: float, radius: float) -> str:
    """Points of an arc as a path: shapes have no arcs."""
    angles = np.radians(np.linspace(start, end, max(int((end - start) / 2), 2)))
    return "L".join(f"{radius * np.cos(a):.4f},{radius * np.sin(a):.4f}" for a in angles)


def _compass(scheme: str) -> dict[str, object]:
    """Draw what filters with gradients at 0°, 90°, 180° and 270° look like, around the rim."""
    unit = patches.SIDE / PATCH
    angles = np.arange(4) * np.pi / 2
    middles = np.stack([np.cos(angles), -np.sin(angles)], axis=1) * PLACE + REACH
    filters = primary_circle(4).reshape(-1, 3, 3)
    body = patches.mosaic(filters, (middles - PATCH / 2) * unit, edge=theme.palette(scheme).line)
    source = patches.data_uri(body, width=2 * REACH * unit, height=2 * REACH * unit)
    return patches.over_axes(source, left=-REACH, top=REACH, width=2 * REACH, height=2 * REACH)


def _directions(scheme: str) -> list[dict[str, Any]]:
    font = {"size": 11, "color": theme.palette(scheme).quiet}
    base = {"showarrow": False, "font": font}
    beside = PATCH / 2 + 0.04
    return [
        base | {"text": "0°", "x": PLACE, "y": -beside, "yanchor": "top"},
        base | {"text": "90°", "x": beside, "y": PLACE, "xanchor": "left"},
        base | {"text": "180°", "x": -PLACE, "y": -beside, "yanchor": "top"},
        base | {"text": "270°", "x": -beside, "y": -PLACE, "xanchor": "right"},
    ]


def _even(total: Ints, top: int, scheme: str) -> dict[str, Any]:
    """Say what the circles are."""
    many = "" if top == 1 else "s"
    text = (
        f"rim: {top:,} filter{many} in {360 // len(total)}°<br>dotted: {total.mean():,.0f}, if even"
    )
    return {
        "text": text if total.any() else "no filters",
        "xref": "paper",
        "yref": "paper",
        "x": 1,
        "y": 0,
        "xanchor": "right",
        "yanchor": "bottom",
        "align": "right",
        "showarrow": False,
        "font": {"size": 10, "color": theme.palette(scheme).quiet},
    }
