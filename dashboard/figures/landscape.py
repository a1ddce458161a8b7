"""Persistence landscapes as curves: means with their spread over runs, and their difference."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from dashboard import theme
from dashboard.figures import marks
from dashboard.figures._curves import plain
from dashboard.figures.patches import escape

Tone = Literal["primary", "compared", "null"]
Floats = NDArray[np.floating[Any]]

DASHES = {"primary": "solid", "compared": "dash", "null": "dot"}
STROKES = {"primary": "━━", "compared": "╍╍", "null": "┅┅"}

BANDED = 2
"""Levels of a single landscape whose spread is drawn; of several, that of λ₁."""

FILTRATION = "filtration value t (distance in the scaled cloud)"

# of a difference, above and below zero: neither the accent nor red against green
SIDES = {("light", 1): "#8c510a", ("light", -1): "#01665e"}
SIDES |= {("dark", 1): "#dba54f", ("dark", -1): "#52c2b1"}

_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


@dataclass(frozen=True, slots=True, eq=False)
class Bundle:
    """The levels of one landscape, or of the mean of some.

    Attributes
    ----------
    name : str
        Whose it is, with the number of runs, as plain text.
    grid : ndarray, shape (g,)
        Filtration values.
    mean : ndarray, shape (m, g)
        λ₁ … λₘ there; NaN where there is none.
    low, high : ndarray, shape (m, g), or None
        The spread over the runs.
    tone : {"primary", "compared", "null"}
        Drawn solid, dashed or dotted.

    Raises
    ------
    ValueError
        If the shapes do not fit, or the tone is unknown.
    """

    name: str
    grid: Floats
    mean: Floats
    low: Floats | None = None
    high: Floats | None = None
    tone: Tone = "primary"

    def __post_init__(self) -> None:
        if self.tone not in DASHES:
            msg = f"tone={self.tone!r}: use one of {', '.join(DASHES)}"
            raise ValueError(msg)
        for name in ("mean", "low", "high"):
            check_levels(name, getattr(self, name), self.grid)

    def colour(self, scheme: str) -> str:
        """Return the colour of the first level."""
        beside = {"null": theme.NULL, "compared": theme.BESIDE}
        return beside.get(self.tone, theme.palette(scheme).bar)


def landscape_figure(
    bundles: Sequence[Bundle],
    *,
    span: tuple[float, float] | None = None,
    title: str = FILTRATION,
    note: str = "",
    scheme: str = "light",
    width: int = 640,
    height: int = 420,
) -> go.Figure:
    """Draw landscapes over each other, λ₁ the strongest, lower levels fainter.

    Parameters
    ----------
    bundles : sequence of Bundle
        The first is drawn on top; none is an empty picture.
    span : (float, float), optional
        Filtration values at the ends of the axis; by default where any level is not 0.
    title : str
        Of the axis of filtration values.
    note : str
        Said at the end of the key, as plain text: what the bands are.
    scheme : str
        ``light`` or ``dark``.
    width, height : int
        Of the figure in pixels, as far as they are known.

    References
    ----------
    Bubenik, Statistical topological data analysis using persistence landscapes, JMLR 16 (2015).
    """
    ends = span or support([(each.grid, each.mean) for each in bundles])
    top = _reach([part for each in bundles for part in (each.mean, each.high)])
    key = marks.wrap([*_key(bundles, scheme), *([escape(note)] if note else [])], width - 64)
    above = 18 * (key.count("<br>") + 1) + 8 if key else 10
    traces = []
    for bundle in reversed(bundles):
        traces += _bands(bundle, BANDED if len(bundles) == 1 else 1, scheme)
        traces += _lines(bundle, scheme)
    layout = marks.still(
        scheme,
        height=height,
        hoverdistance=30,
        margin={"l": 56, "r": 12, "t": above, "b": 44},
        xaxis=_axis(scheme, title, ends, showline=True),
        yaxis=_axis(scheme, "λₖ(t)", [0, top]),
        annotations=[marks.note(key, scheme, y=1, yanchor="bottom", yshift=4)] if key else [],
        uirevision="landscape",
    )
    return go.Figure(traces, layout=layout)


def difference_figure(
    grid: Floats,
    difference: Floats,
    *,
    low: Floats | None = None,
    high: Floats | None = None,
    names: tuple[str, str] = ("first", "second"),
    span: tuple[float, float] | None = None,
    scheme: str = "light",
    height: int = 300,
) -> go.Figure:
    """Draw the difference of two mean landscapes, level by level, about 0.

    Parameters
    ----------
    grid : ndarray, shape (g,)
        Filtration values.
    difference : ndarray, shape (m, g)
        First minus second.
    low, high : ndarray, shape (m, g), optional
        Its spread over the runs; that of λ₁ is drawn.
    names : (str, str)
        Which is larger above, and which below 0.
    span : (float, float), optional
        As in `landscape_figure`, so that both can share an axis.
    scheme : str
        ``light`` or ``dark``.
    height : int
        Of the figure in pixels.

    Raises
    ------
    ValueError
        If the shapes do not fit.
    """
    for name, levels in {"difference": difference, "low": low, "high": high}.items():
        check_levels(name, levels, grid)
    reach = _reach([difference, low, high])
    ink = theme.palette(scheme).bar
    traces = [_area(grid, difference[0], sign, scheme) for sign in (1, -1) if len(difference)]
    if low is not None and high is not None and len(low):
        traces.append(ribbon(grid, low[0], high[0], ink, share=0.2))
    same = {"dash": "solid", "name": "difference"}
    lines = [_level((grid, each), k, ink, scheme, **same) for k, each in enumerate(difference)]
    layout = marks.still(
        scheme,
        height=height,
        hoverdistance=30,
        margin={"l": 64, "r": 12, "t": 10, "b": 44},
        xaxis=_axis(scheme, FILTRATION, span or support([(grid, difference)])),
        yaxis=_axis(
            scheme, "difference of λₖ(t)", [-reach, reach], zeroline=True, zerolinecolor=theme.NULL
        ),
        annotations=[_side(names[0], 1, scheme), _side(names[1], -1, scheme)],
        uirevision="difference",
    )
    return go.Figure([*traces, *lines[::-1]], layout=layout)


def check_levels(name: str, levels: Floats | None, grid: Floats) -> None:
    """Refuse, with a ValueError, levels that are not given on the grid."""
    if levels is not None and (np.ndim(levels) != 2 or np.shape(levels)[1] != len(grid)):
        msg = f"{name} has shape {np.shape(levels)}: give (levels, {len(grid)}), as the grid"
        raise ValueError(msg)


def support(parts: Sequence[tuple[Floats, Floats]]) -> tuple[float, float]:
    """Return where any of some levels is not 0, with a little room; (0, 1) where none is."""
    places = [grid[(np.nan_to_num(levels) != 0).any(axis=0)] for grid, levels in parts]
    there = np.concatenate([np.zeros(0), *places])
    if not len(there):
        return 0.0, 1.0
    low, high = float(there.min()), float(there.max())
    room = 0.03 * (high - low) or 0.1 * abs(high) or 0.1
    return max(low - room, 0.0) if low >= 0 else low - room, high + room


def level_name(k: int) -> str:
    """Write the k-th level, from 0 on, as λ₁, λ₂ and so on."""
    return "λ" + str(k + 1).translate(_SUBSCRIPTS)


def fading(colour: str, k: int, scheme: str) -> str:
    """Return the colour of the k-th level: the first in full, the others nearer to the surface."""
    return marks.blend((colour, theme.palette(scheme).surface), min(0.18 * k, 0.54))


def ribbon(
    x: Floats, low: Floats, high: Floats, colour: str, *, share: float = 0.15, **more: Any
) -> go.Scatter:
    """Fill between two curves, stretch by stretch where both are known."""
    known = np.flatnonzero(np.isfinite(low) & np.isfinite(high))
    stretches = np.split(known, np.flatnonzero(np.diff(known) > 1) + 1) if len(known) else []
    xs: list[float | None] = []
    ys: list[float | None] = []
    for rows in stretches:
        xs += [*plain(x[rows]), *plain(x[rows[::-1]]), None]
        ys += [*plain(low[rows]), *plain(high[rows[::-1]]), None]
    return go.Scatter(
        x=xs,
        y=ys,
        mode="lines",
        line={"width": 0},
        fill="toself",
        fillcolor=theme.faded(colour, share),
        hoverinfo="skip",
        **more,
    )


def _reach(parts: Sequence[Floats | None]) -> float:
    """Return where an axis ends: beyond the largest of some numbers, sign aside."""
    known = [np.abs(np.nan_to_num(part)).max(initial=0) for part in parts if part is not None]
    return 1.1 * float(max(known, default=0)) or 1.0


def _axis(scheme: str, title: str, ends: Sequence[float], **more: Any) -> dict[str, Any]:
    fixed = theme.FIXED | {"nticks": 6, "ticks": "outside", "ticklen": 4, "title_standoff": 6}
    fixed |= {"range": list(ends), "fixedrange": True, "tickformat": "~r"}
    return theme.axis(scheme, escape(title), **fixed, **more)


def _bands(bundle: Bundle, most: int, scheme: str) -> list[go.Scatter]:
    if bundle.low is None or bundle.high is None:
        return []
    pairs = list(zip(bundle.low, bundle.high, strict=True))[:most]
    paint = bundle.colour(scheme)
    return [ribbon(bundle.grid, *pair, paint, share=0.2 / (k + 1)) for k, pair in enumerate(pairs)]


def _lines(bundle: Bundle, scheme: str) -> list[go.Scatter]:
    paint, more = bundle.colour(scheme), {"dash": DASHES[bundle.tone], "name": bundle.name}
    levels = [(bundle.grid, level) for level in bundle.mean]
    return [_level(each, k, paint, scheme, **more) for k, each in enumerate(levels)][::-1]


def _level(
    at: tuple[Floats, Floats], k: int, colour: str, scheme: str, *, dash: str, name: str
) -> go.Scatter:
    """Draw the k-th level, given as filtration values and numbers."""
    words = f"<b>{escape(name)}</b><br>{level_name(k)} at %{{x:.3f}}: %{{y:.4f}}<extra></extra>"
    return go.Scatter(
        x=plain(at[0]),
        y=plain(at[1]),
        mode="lines",
        line={"color": fading(colour, k, scheme), "width": max(2.6 - 0.4 * k, 1.2), "dash": dash},
        hovertemplate=words,
    )


def _key(bundles: Sequence[Bundle], scheme: str) -> list[str]:
    depth = max((len(each.mean) for each in bundles), default=0)
    levels = [f"λ₁ strong to {level_name(depth - 1)} faint"] if depth > 1 else []
    return [
        f'<span style="color:{each.colour(scheme)}"><b>{STROKES[each.tone]}</b></span> '
        f"{escape(each.name)}"
        for each in bundles
    ] + levels


def _area(grid: Floats, level: Floats, sign: int, scheme: str) -> go.Scatter:
    """Fill what of a curve lies above 0, or below, in that side's colour."""
    low, high = np.sort([np.where(sign * level < 0, 0, level), 0 * level], axis=0)
    return ribbon(grid, low, high, SIDES[scheme, sign], share=0.45)


def _side(name: str, sign: int, scheme: str) -> dict[str, Any]:
    """Say at the top, or at the bottom, whose levels are larger there."""
    arrow, edge = ("▲", "top") if sign > 0 else ("▼", "bottom")
    at = {"x": 1, "y": float(sign > 0), "xanchor": "right", "yanchor": edge}
    font = {"size": 12, "color": SIDES[scheme, sign]}
    return marks.note(f"{arrow} larger in {escape(name)}", scheme, **at, font=font)
