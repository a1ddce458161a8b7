"""Filters on their first two principal axes: kept ones by angle, dropped ones in grey."""

from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from dashboard import theme

MOST = 3000
"""Points of each kind that are drawn: more make a page slow and show no more."""


def shown(n: int) -> NDArray[np.int64]:
    """Choose the rows of n points that are drawn: all, or `MOST` of them evenly spread."""
    if n <= MOST:
        return np.arange(n, dtype=np.int64)
    return np.linspace(0, n - 1, MOST).astype(np.int64)


def projection_figure(
    kept: NDArray[Any],
    dropped: NDArray[Any],
    angles: NDArray[Any] | None = None,
    *,
    highlighted: NDArray[np.int64] | None = None,
    scheme: str = "light",
) -> go.Figure:
    """Draw the kept and the dropped filters, at most `MOST` of each.

    Parameters
    ----------
    kept : ndarray, shape (n, 2)
        On the principal axes of the kept ones.
    dropped : ndarray, shape (m, 2)
        On the same axes.
    angles : ndarray, shape (n,), optional
        Degrees, 0 to 360; NaN where a filter has no clear one.
    highlighted : ndarray of int, optional
        Rows of `kept` to mark.
    scheme : str
        ``light`` or ``dark``.
    """
    colours = theme.palette(scheme)
    rows = shown(len(kept))
    marker: dict[str, object] = {"size": 4, "color": colours.bar, "opacity": 0.8}
    faint: dict[str, object] = {"size": 3, "color": theme.NULL, "opacity": 0.35}
    clear = np.zeros(len(rows), bool) if angles is None else np.isfinite(angles[rows])
    layers = [
        (dropped[shown(len(dropped))], faint, "dropped"),
        (kept[rows[~clear]], marker, "kept, without a clear angle"),
    ]
    if angles is not None:
        scale = {"colorscale": list(theme.ANGLE), "cmin": 0, "cmax": 360}
        layers.append((kept[rows[clear]], marker | scale | {"color": angles[rows[clear]]}, "kept"))
    if highlighted is not None and len(highlighted):
        chosen = highlighted[shown(len(highlighted))]
        layers.append((kept[chosen], {"size": 3, "color": colours.ink}, "selected"))
    figure = go.Figure([_dots(*layer) for layer in layers])
    figure.update_layout(
        theme.layout(
            scheme,
            xaxis=theme.axis(scheme, "principal axis 1 (unit filters)", constrain="domain"),
            yaxis=theme.axis(
                scheme, "principal axis 2", scaleanchor="x", scaleratio=1, constrain="domain"
            ),
            hovermode="closest",
            uirevision="projection",
        )
    )
    return figure


def _dots(points: NDArray[Any], marker: dict[str, object], name: str) -> go.Scatter:
    # always SVG: a figure that switches to WebGL exports a bitmap
    return go.Scatter(
        x=points[:, 0], y=points[:, 1], mode="markers", marker=marker, name=name, hoverinfo="skip"
    )
