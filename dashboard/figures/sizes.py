"""How a number depends on the size of the sample that it is of."""

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from dashboard import theme
from dashboard.figures import marks


def sizes_figure(
    sizes: NDArray[np.int64], values: NDArray[np.float64], *, title: str, scheme: str = "light"
) -> go.Figure:
    """Draw every draw as a point, and the means as a line.

    Parameters
    ----------
    sizes : ndarray, shape (k,)
        Points in a sample, ascending.
    values : ndarray, shape (k, n_draws)
        NaN where there is no draw.
    title : str
        What the numbers are.
    scheme : str
        ``light`` or ``dark``.
    """
    colours = theme.palette(scheme)
    known = np.isfinite(values)
    sums, counts = np.where(known, values, 0).sum(axis=1), known.sum(axis=1)
    means = np.where(counts, sums / np.maximum(counts, 1), np.nan)
    every = np.repeat(sizes, known.sum(axis=1))
    points = go.Scatter(
        x=every.tolist(),
        y=values[known].tolist(),
        mode="markers",
        marker={"size": 6, "color": colours.quiet, "opacity": 0.6},
        hovertemplate="%{x:,} inputs: %{y:.3g}<extra></extra>",
    )
    line = go.Scatter(
        x=sizes.tolist(),
        y=means.tolist(),
        mode="lines",
        line={"color": colours.bar, "width": 2},
        hoverinfo="skip",
    )
    ticks = {"tickvals": sizes.tolist(), "ticktext": [f"{n:,}" for n in sizes.tolist()]}
    layout = marks.still(
        scheme,
        margin={"l": 56, "r": 12, "t": 8, "b": 40},
        xaxis=theme.axis(scheme, "inputs in the sample", type="log", **ticks),
        yaxis=theme.axis(scheme, title, rangemode="tozero"),
        hoverdistance=20,
        uirevision="sizes",
    )
    return go.Figure([line, points], layout=layout)
