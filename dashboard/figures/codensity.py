"""Codensity of a layer's filters in ascending order: what a fraction keeps, and what it drops."""

from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from analysis.codensity import floor_share
from dashboard import theme
from dashboard.figures import marks, patches

FAINT = 0.35
STRIP = 0.84
"""Of the height is the curve's, the rest is of the strip of examples above it."""

Floats = NDArray[np.floating[Any]]


def codensity_figure(
    profile: Floats,
    *,
    fraction: float,
    n_filters: int,
    k: int,
    examples: tuple[Floats, Floats] | None = None,
    scheme: str = "light",
) -> go.Figure:
    """Draw the codensity of all filters, the densest first, with examples of them above.

    Parameters
    ----------
    profile : ndarray, shape (n,)
        Codensity in ascending order, at evenly spaced shares of the filters.
    fraction : float
        Share that is kept, above 0 and at most 1.
    n_filters : int
        Of how many.
    k : int
        Neighbour whose distance the codensity is.
    examples : tuple of ndarray, optional
        Filters (m, h, w), and the share of each in that order, 0 to 1, shape (m,).
    scheme : str
        ``light`` or ``dark``.
    """
    colours = theme.palette(scheme)
    x = np.linspace(0, 100, len(profile))
    cut = 100 * fraction
    at_cut = float(np.interp(cut, x, profile))
    kept, dropped = x < cut, x > cut
    traces = [
        _area(np.append(x[kept], cut), np.append(profile[kept], at_cut), colours.bar, 0.28),
        _area(
            np.insert(x[dropped], 0, cut), np.insert(profile[dropped], 0, at_cut), theme.NULL, 0.16
        ),
        _targets(profile, k, n_filters),
    ]
    top = float(profile.max(initial=0.0)) * 1.06 or 1.0
    images = [] if examples is None else [_strip(*examples, fraction, scheme)]
    return go.Figure(
        traces,
        layout=marks.still(
            scheme,
            margin={"l": 52, "r": 12, "t": 4, "b": 42},
            xaxis=_shares(scheme),
            yaxis=_values(scheme, k, top, STRIP if images else 1.0),
            shapes=[_cut(cut, scheme)],
            images=images,
            annotations=[_label(fraction, n_filters, scheme)],
            uirevision="codensity",
        ),
    )


def _area(x: Floats, y: Floats, colour: str, share: float) -> go.Scatter:
    return go.Scatter(
        x=x.round(3).tolist(),
        y=[float(f"{value:.5g}") for value in y],
        mode="lines",
        line={"color": colour, "width": 2},
        fill="tozeroy",
        fillcolor=theme.faded(colour, share),
        hoverinfo="skip",
    )


def _targets(profile: Floats, k: int, n: int) -> go.Scatter:
    """One point of the curve for each whole per cent; a click keeps so many."""
    shares = np.arange(101)
    values = np.interp(shares, np.linspace(0, 100, len(profile)), profile)
    words = [
        f"densest {share} %: {n * share // 100:,} filters<br>neighbour {k:,} within {value:.3g}"
        for share, value in zip(shares.tolist(), values.tolist(), strict=True)
    ]
    clicks = [{"params": {"filters.fraction": max(share, 1) / 100}} for share in shares.tolist()]
    return marks.targets(shares.tolist(), values.round(5).tolist(), clicks, words)


def _shares(scheme: str) -> dict[str, Any]:
    return theme.axis(
        scheme,
        "share of the filters, densest first (%)",
        range=[0, 100],
        tickvals=[0, 25, 50, 75, 100],
        ticks="outside",
        ticklen=4,
        title_standoff=6,
        **theme.FIXED,
        fixedrange=True,
    )


def _values(scheme: str, k: int, top: float, height: float) -> dict[str, Any]:
    return theme.axis(
        scheme,
        f"distance to neighbour {k:,}",
        range=[0, top],
        domain=[0, height],
        nticks=5,
        ticks="outside",
        ticklen=4,
        title_standoff=6,
        **theme.FIXED,
        fixedrange=True,
    )


def _cut(cut: float, scheme: str) -> dict[str, Any]:
    place = {"x0": cut, "x1": cut, "yref": "paper", "y0": 0, "y1": 1}
    line = {"color": theme.palette(scheme).ink, "width": 1.5}
    return {"type": "line", "name": "cut", **place, "line": line, "layer": "above"}


def _label(fraction: float, n: int, scheme: str) -> dict[str, Any]:
    """Say how many are kept, on the side of the cut that has room."""
    left = fraction > 0.5
    return {
        "text": f"{floor_share(n, fraction):,} of {n:,} kept",
        "x": 100 * fraction,
        "xanchor": "right" if left else "left",
        "xshift": -5 if left else 5,
        "yref": "y domain",
        "y": 1,
        "yanchor": "top",
        "showarrow": False,
        "font": {"size": 11, "color": theme.palette(scheme).ink},
    }


def _strip(filters: Floats, shares: Floats, fraction: float, scheme: str) -> dict[str, object]:
    """Examples over their places on the axis, the dropped ones faint, as one vector image."""
    step = patches.SIDE * 1.25
    width = step * len(filters)
    middles = np.clip(np.asarray(shares) * width, patches.SIDE / 2, width - patches.SIDE / 2)
    corners = np.stack([middles - patches.SIDE / 2, np.zeros(len(filters))], axis=1)
    kept, edge = np.asarray(shares) <= fraction, theme.palette(scheme).line
    body = patches.mosaic(filters[kept], corners[kept], edge=edge)
    body += patches.mosaic(filters[~kept], corners[~kept], edge=edge, opacity=FAINT)
    # said in the image too: browsers differ in whose word counts
    source = patches.data_uri(body, width=width, height=patches.SIDE, aspect="xMinYMax meet")
    # over the whole axis, so that its width decides and each lies over its share
    place = {"xref": "x", "x": 0, "sizex": 100, "yref": "paper", "y": STRIP + 0.02, "sizey": 1}
    fit = {"sizing": "contain", "xanchor": "left", "yanchor": "bottom", "layer": "above"}
    return {"source": source, **place, **fit}
