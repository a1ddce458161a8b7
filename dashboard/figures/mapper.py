"""The Mapper graph with the mean filter drawn at every node."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.colors import sample_colorscale

from analysis.mapper import MapperGraph, node_radii
from dashboard import theme
from dashboard.figures import patches

MARGIN = 0.04
PIXELS = 1000  # of the sprite; only a unit, it is drawn as vectors


@dataclass(frozen=True, slots=True, eq=False)
class Colour:
    """What the frames of the nodes show.

    Attributes
    ----------
    values : ndarray, shape (n_nodes,)
        One number per node; NaN where it has none.
    missing : str
        What NaN means, in words.
    title : str
        What it is, with its unit.
    cyclic : bool
        Whether it is an angle in degrees, 0 to 360.
    """

    values: NDArray[np.float64]
    title: str
    cyclic: bool = False
    missing: str = "none"

    def paint(self) -> list[str]:
        """Give the colour of each node; grey where it has no number."""
        start, end = self.span
        shares = np.clip((np.nan_to_num(self.values) - start) / (end - start), 0, 1)
        colours = sample_colorscale(self.scale, shares)
        known = np.isfinite(self.values)
        return [c if k else theme.NULL for c, k in zip(colours, known, strict=True)]

    def word(self, node: int) -> str:
        """Say the number of one node."""
        value = self.values[node]
        return f"{value:.3g}" if np.isfinite(value) else self.missing

    @property
    def scale(self) -> list[str]:
        """The colour map of this quantity."""
        return list(theme.ANGLE if self.cyclic else theme.DENSITY)

    @property
    def span(self) -> tuple[float, float]:
        """The values at the ends of the colour map."""
        if self.cyclic:
            return 0.0, 360.0
        known = self.values[np.isfinite(self.values)]
        low, high = float(known.min(initial=np.inf)), float(known.max(initial=-np.inf))
        return (low, high) if high > low else (min(low, 0.0), max(high, 1.0))


def mapper_figure(
    graph: MapperGraph,
    means: NDArray[Any],
    colour: Colour,
    *,
    selected: int | None = None,
    scheme: str = "light",
) -> go.Figure:
    """Draw a Mapper graph.

    Parameters
    ----------
    graph : MapperGraph
        At its own positions.
    means : ndarray, shape (n_nodes, h, w)
        Mean filter of each node.
    colour : Colour
        Of the frames.
    selected : int, optional
        A node to outline.
    scheme : str
        ``light`` or ``dark``.
    """
    side = 2 * node_radii(graph.members.lengths)
    figure = go.Figure()
    low, high = _ranges(graph.positions)
    if graph.n_nodes:
        figure.add_trace(_nodes(graph, colour))
        figure.add_layout_image(_sprite(graph, means, colour, side, low=low, high=high))
    shapes = [_edges(graph, scheme)] if len(graph.edges) else []
    if selected is not None and selected < graph.n_nodes:
        shapes.append(_outline(graph.positions[selected], side[selected], scheme))
    figure.update_layout(
        theme.layout(
            scheme,
            shapes=shapes,
            xaxis=theme.hidden_axis(range=[low[0], high[0]], constrain="domain"),
            yaxis=theme.hidden_axis(
                range=[low[1], high[1]],
                scaleanchor="x",
                scaleratio=1,
                constrain="domain",
                constraintoward="top",
            ),
            hovermode="closest",
            uirevision="mapper",
            meta={"nodes": graph.n_nodes},
        )
    )
    return figure


def _ranges(positions: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    if not len(positions):
        return np.zeros(2), np.ones(2)
    low, high = positions.min(axis=0), positions.max(axis=0)
    # a square, so that the picture keeps its aspect whatever the lens
    centre, half = (low + high) / 2, max(float((high - low).max()) / 2, 0.1) + MARGIN
    return centre - half, centre + half


def _nodes(graph: MapperGraph, colour: Colour) -> go.Scatter:
    """Transparent markers over the patches: what is hovered and clicked, and the colour bar."""
    low, high = colour.span
    degrees = {"tickvals": [0, 90, 180, 270, 360], "ticksuffix": "°"} if colour.cyclic else {}
    sizes = graph.members.lengths
    text = [
        f"node {i}<br>{n} filters<br>{patches.escape(colour.title)}: {colour.word(i)}"
        for i, n in enumerate(sizes)
    ]
    return go.Scatter(
        x=graph.positions[:, 0],
        y=graph.positions[:, 1],
        mode="markers",
        customdata=list(range(graph.n_nodes)),  # an array would not reach a click
        hovertext=text,
        hoverinfo="text",
        marker={
            "size": 26,
            "opacity": 0,
            "color": colour.values,
            "colorscale": colour.scale,
            "cmin": low,
            "cmax": high,
            "showscale": True,
            "colorbar": {
                "title": {"text": colour.title, "side": "right"},
                "thickness": 10,
                "len": 0.5,
                "outlinewidth": 0,
                **degrees,
            },
        },
    )


def _sprite(
    graph: MapperGraph,
    means: NDArray[Any],
    colour: Colour,
    side: NDArray[np.float64],
    *,
    low: NDArray[np.float64],
    high: NDArray[np.float64],
) -> dict[str, object]:
    """All patches with their frames in one vector image over the axes; large ones below."""
    span = high - low
    greys = patches.greys(means)
    frames = colour.paint()
    parts = []
    for i in np.argsort(-side, kind="stable"):
        size = side[i] / span[0] * PIXELS
        x = (graph.positions[i, 0] - low[0]) / span[0] * PIXELS - size / 2
        y = (high[1] - graph.positions[i, 1]) / span[1] * PIXELS - size / 2
        parts.append(
            f'<rect x="{x:.2f}" y="{y:.2f}" width="{size:.2f}" height="{size:.2f}" '
            f'rx="{size * 0.12:.2f}" fill="{frames[i]}"/>'
        )
        rim = size * 0.14
        parts.append(patches.patch(greys[i], x + rim, y + rim, size - 2 * rim))
    return {
        "source": patches.data_uri("".join(parts), width=PIXELS, height=PIXELS),
        "xref": "x",
        "yref": "y",
        "x": low[0],
        "y": high[1],
        "sizex": span[0],
        "sizey": span[1],
        "sizing": "stretch",
        "layer": "above",
    }


def _edges(graph: MapperGraph, scheme: str) -> dict[str, object]:
    """All edges as one path: a few nodes in the page instead of one per edge."""
    ends = graph.positions[graph.edges]
    path = "".join(f"M{a[0]:.5f},{a[1]:.5f}L{b[0]:.5f},{b[1]:.5f}" for a, b in ends)
    line = {"color": theme.palette(scheme).quiet, "width": 1}
    return {"type": "path", "path": path, "layer": "below", "line": line, "opacity": 0.5}


def _outline(at: NDArray[np.float64], side: float, scheme: str) -> dict[str, object]:
    half = side * 0.75
    return {
        "type": "rect",
        "x0": at[0] - half,
        "x1": at[0] + half,
        "y0": at[1] - half,
        "y1": at[1] + half,
        "layer": "above",
        "line": {"color": theme.palette(scheme).ink, "width": 2.5},
    }
