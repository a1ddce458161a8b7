"""Persistence barcodes: H₁ of the filters, and of their null model on the same scale."""

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from analysis.homology import PersistenceDiagram
from dashboard import theme

SHOWN = 20
LABEL = 7  # rows that a label takes


def barcode_figure(
    diagram: PersistenceDiagram,
    null: PersistenceDiagram | None = None,
    *,
    dimension: int = 1,
    scheme: str = "light",
) -> go.Figure:
    """Draw the longest bars of one dimension, the longest on top, the null's below in grey.

    Parameters
    ----------
    diagram, null : PersistenceDiagram
        Of the filters, and of the null model where it is there.
    dimension : int
        Of the homology.
    scheme : str
        ``light`` or ``dark``.
    """
    colours = theme.palette(scheme)
    figure = go.Figure()
    groups = [_Group("filters", diagram, dimension, colours.bar)]
    if null is not None:
        groups.append(_Group("entries permuted", null, dimension, theme.NULL))
    end = _end([group.bars for group in groups])
    labels, row = [], 0
    for group in groups:
        labels.append(_label(row, group))
        _add(figure, group, row + LABEL - 1, end)
        row += len(group.bars) + LABEL
    figure.update_layout(
        theme.layout(
            scheme,
            xaxis=theme.axis(scheme, "filtration value (Euclidean distance)", range=[0, end]),
            yaxis=theme.hidden_axis(range=[max(row, 12) - 0.5, -2]),
            hovermode="closest",
            uirevision="barcode",
            annotations=labels,
        )
    )
    return figure


class _Group:
    """The bars of one diagram that are drawn, with their name and colour."""

    def __init__(self, name: str, diagram: PersistenceDiagram, dimension: int, colour: str) -> None:
        self.name = name
        self.colour = colour
        self.total = len(diagram.bars(dimension))
        self.bars = diagram.bars(dimension)[:SHOWN]


def _end(groups: list[NDArray[np.float64]]) -> float:
    deaths = np.concatenate([bars[:, 1] for bars in groups])
    finite = deaths[np.isfinite(deaths)]
    return float(finite.max()) * 1.08 if len(finite) else 1.0


def _add(figure: go.Figure, group: _Group, row: int, end: float) -> None:
    for i, (birth, death) in enumerate(group.bars):
        words = f"{group.name}, bar {i + 1}: {birth:.3f} to {death:.3f}, length {death - birth:.3f}"
        figure.add_trace(
            go.Scatter(
                x=[birth, min(death, end)],
                y=[row + i, row + i],
                mode="lines",
                line={"color": group.colour, "width": 5 if i == 0 else 3},
                name=group.name,
                customdata=[[group.name, i]] * 2,
                hovertext=words,
                hoverinfo="text",
            )
        )


def _label(row: int, group: _Group) -> dict[str, object]:
    return {
        "xref": "paper",
        "x": 0,
        "y": row + 2,
        "text": f"{group.name}: {len(group.bars)} longest of {group.total:,} H₁ bars",
        "showarrow": False,
        "xanchor": "left",
        "font": {"size": 11, "color": group.colour},
    }
