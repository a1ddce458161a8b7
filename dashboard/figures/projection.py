"""Filters on their first two principal axes: kept ones by angle, dropped ones in grey."""

from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from dashboard import theme


def projection_figure(
    kept: NDArray[Any],
    dropped: NDArray[Any],
    angles: NDArray[Any] | None = None,
    *,
    highlighted: NDArray[np.int64] | None = None,
    scheme: str = "light",
) -> go.Figure:
    """Draw the kept and the dropped filters.

    Parameters
    ----------
    kept : ndarray, shape (n, 2)
        On the principal axes of the kept ones.
    dropped : ndarray, shape (m, 2)
        On the same axes.
    angles : ndarray, shape (n,), optional
        Degrees, 0 to 360.
    highlighted : ndarray of int, optional
        Rows of `kept` to outline.
    scheme : str
        ``light`` or ``dark``.
    """
    colours = theme.palette(scheme)
    figure = go.Figure()
    # always SVG: a figure that switches to WebGL exports a bitmap
    figure.add_trace(
        go.Scatter(
            x=dropped[:, 0],
            y=dropped[:, 1],
            mode="markers",
            marker={"size": 3, "color": theme.NULL, "opacity": 0.35},
            hoverinfo="skip",
            name="dropped",
        )
    )
    marker: dict[str, object] = {"size": 4, "color": colours.bar, "opacity": 0.8}
    if angles is not None:
        marker |= {"color": angles, "colorscale": list(theme.ANGLE), "cmin": 0, "cmax": 360}
    figure.add_trace(
        go.Scatter(
            x=kept[:, 0], y=kept[:, 1], mode="markers", marker=marker, name="kept", hoverinfo="skip"
        )
    )
    if highlighted is not None and len(highlighted):
        chosen = kept[highlighted]
        ring = {"size": 9, "color": "rgba(0,0,0,0)", "line": {"color": colours.ink, "width": 1.5}}
        figure.add_trace(
            go.Scatter(
                x=chosen[:, 0],
                y=chosen[:, 1],
                mode="markers",
                marker=ring,
                name="selected",
                hoverinfo="skip",
            )
        )
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
