"""A picture that is clicked as a whole, as a way into a view."""

from collections.abc import Mapping
from typing import Any

import plotly.graph_objects as go

from dashboard import theme
from dashboard.figures import marks, patches

PIXELS = 1000


def opening_figure(body: str, click: Mapping[str, Any], *, scheme: str = "light") -> go.Figure:
    """Draw SVG elements of a square of 1000 × 1000, clickable anywhere.

    Parameters
    ----------
    body : str
        The elements.
    click : mapping
        What a click says of the cursor.
    scheme : str
        ``light`` or ``dark``.
    """
    hits = [i / 8 for i in range(9)]
    places = [(x, y) for x in hits for y in hits]
    return go.Figure(
        go.Scatter(
            x=[x for x, _ in places],
            y=[y for _, y in places],
            mode="markers",
            marker={"size": 60, "opacity": 0, "symbol": "square"},
            customdata=[dict(click)] * len(places),
            hoverinfo="none",
        ),
        layout=marks.still(
            scheme,
            images=[_image(body)],
            margin={"l": 4, "r": 4, "t": 4, "b": 4},
            xaxis=theme.hidden_axis(range=[0, 1], fixedrange=True, constrain="domain"),
            yaxis=theme.hidden_axis(
                range=[0, 1], fixedrange=True, scaleanchor="x", constrain="domain"
            ),
            hovermode="closest",
            uirevision="opening",
        ),
    )


def _image(body: str) -> dict[str, object]:
    return {
        "source": patches.data_uri(body, width=PIXELS, height=PIXELS),
        "xref": "x",
        "yref": "y",
        "x": 0,
        "y": 1,
        "sizex": 1,
        "sizey": 1,
        "sizing": "stretch",
        "layer": "below",
    }
