"""A figure that shows nothing, while there is nothing to show: no axes, no ground of its own."""

import plotly.graph_objects as go

from dashboard import theme

BLANK = go.Figure(
    layout={
        "template": {},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "xaxis": theme.hidden_axis(),
        "yaxis": theme.hidden_axis(),
    }
)
