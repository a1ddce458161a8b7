"""The Mapper graph with the mean filter drawn at every node."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.colors import sample_colorscale

from analysis.mapper import MapperGraph, node_radii
from dashboard import theme
from dashboard.figures import patches

Floats = NDArray[np.float64]

MARGIN = 0.04
PIXELS = 1000  # of the sprite; only a unit, it is drawn as vectors
FAINT = 0.3


@dataclass(frozen=True, slots=True, eq=False)
class Colour:
    """Numbers on a colour map.

    Attributes
    ----------
    values : ndarray, shape (n,)
        NaN where there is none.
    title : str
        What it counts, with its unit.
    scale : tuple of str
        The colour map.
    span : tuple of float
        The values at its ends.
    cyclic : bool
        Whether it is an angle in degrees, 0 to 360.
    missing : str
        What NaN means, in words.
    words : tuple of str
        What to say of each in place of its number; may be empty.
    """

    values: Floats
    title: str
    scale: tuple[str, ...] = tuple(theme.DENSITY)
    span: tuple[float, float] = (0.0, 1.0)
    cyclic: bool = False
    missing: str = "none"
    words: tuple[str, ...] = ()

    def paint(self) -> list[str]:
        """Give the colour of each; grey where it has no number."""
        if not len(self.values):
            return []
        start, end = self.span
        shares = np.clip((np.nan_to_num(self.values) - start) / (end - start), 0, 1)
        # few different colours: they are grouped where thousands are drawn
        levels, which = np.unique(np.round(shares * 128) / 128, return_inverse=True)
        colours = np.array(sample_colorscale(list(self.scale), levels))[which]
        known = np.isfinite(self.values)
        return [str(c) if k else theme.NULL for c, k in zip(colours, known, strict=True)]

    def word(self, i: int) -> str:
        """Say the number of one."""
        if self.words:
            return self.words[i]
        value = self.values[i]
        return f"{value:.3g}{'°' * self.cyclic}" if np.isfinite(value) else self.missing

    def bar(self) -> dict[str, object]:
        """Return what plotly needs to draw the colour map beside a figure."""
        degrees = {"tickvals": [0, 90, 180, 270, 360], "ticksuffix": "°"} if self.cyclic else {}
        return {
            "colorscale": list(self.scale),
            "cmin": self.span[0],
            "cmax": self.span[1],
            "showscale": True,
            "colorbar": {
                "title": {"text": patches.escape(self.title), "side": "right"},
                "thickness": 10,
                "len": 0.55,
                "outlinewidth": 0,
                "nticks": 5,
                **degrees,
            },
        }


@dataclass(frozen=True, slots=True, eq=False)
class Marked:
    """What is selected in a Mapper graph.

    Attributes
    ----------
    shares : ndarray, shape (n_nodes,)
        Share of each node's members that are selected.
    primary : sequence of int
        Nodes that hold the primary filter.
    node : int, optional
        The node that was clicked: it is framed.
    """

    shares: Floats
    primary: Sequence[int] = ()
    node: int | None = None


def mapper_figure(
    graph: MapperGraph,
    means: NDArray[Any],
    colour: Colour,
    *,
    marked: Marked | None = None,
    scheme: str = "light",
    legend: bool = True,
    revision: str = "mapper",
    of: str = "filters",
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
    marked : Marked, optional
        What is selected.
    scheme : str
        ``light`` or ``dark``.
    legend : bool
        Whether to draw the colour map beside it.
    revision : str
        While it is the same, zoom and pan stay.
    of : str
        What the members of a node are.
    """
    low, high = _ranges(graph.positions)
    there = graph.n_nodes > 0
    body = sprite(graph, means, colour, marked=marked, scheme=scheme)
    return go.Figure(
        [_nodes(graph, colour, of, legend=legend)] if there else [],
        layout=theme.layout(
            scheme,
            images=[_image(body, low, high)] if there else [],
            xaxis=theme.hidden_axis(range=[low[0], high[0]], constrain="domain"),
            yaxis=theme.hidden_axis(
                range=[low[1], high[1]],
                scaleanchor="x",
                scaleratio=1,
                constrain="domain",
                constraintoward="top",
            ),
            hovermode="closest",
            uirevision=revision,
        ),
    )


def _ranges(positions: Floats) -> tuple[Floats, Floats]:
    if not len(positions):
        return np.zeros(2), np.ones(2)
    low, high = positions.min(axis=0), positions.max(axis=0)
    # a square, so that the picture keeps its aspect whatever the lens
    centre, half = (low + high) / 2, max(float((high - low).max()) / 2, 0.1) + MARGIN
    return centre - half, centre + half


def _nodes(graph: MapperGraph, colour: Colour, of: str, *, legend: bool) -> go.Scatter:
    """Transparent markers over the patches: what is hovered and clicked, and the colour bar."""
    sizes = graph.members.lengths
    title = patches.escape(colour.title)
    return go.Scatter(
        x=graph.positions[:, 0],
        y=graph.positions[:, 1],
        mode="markers",
        # plain lists: an array would not reach a click
        customdata=[{"select": f"node.{i}"} for i in range(graph.n_nodes)],
        hovertext=[
            f"node {i}<br>{n} {of}<br>{title}: {colour.word(i)}" for i, n in enumerate(sizes)
        ],
        hoverinfo="text",
        marker={"size": 26, "opacity": 0, "color": colour.values}
        | (colour.bar() if legend else {}),
    )


def sprite(
    graph: MapperGraph,
    means: NDArray[Any],
    colour: Colour,
    *,
    marked: Marked | None = None,
    scheme: str = "light",
    patched: bool = True,
) -> str:
    """Draw edges and patches as SVG elements in a square of 1000 × 1000, large nodes below.

    Parameters
    ----------
    graph, means, colour, marked, scheme
        As for `mapper_figure`.
    patched : bool
        Whether nodes show their filter; else they are squares of their colour.
    """
    low, high = _ranges(graph.positions)
    scale = PIXELS / (high[0] - low[0])
    at = (graph.positions - low) * scale
    at[:, 1] = PIXELS - at[:, 1]
    side = 2 * node_radii(graph.members.lengths) * scale
    ink = theme.palette(scheme)
    parts = [_edges(at, graph.edges, ink.quiet)]
    greys, frames = patches.greys(means), colour.paint()
    order = np.argsort(-side, kind="stable")
    shares = marked.shares if marked is not None else None
    for i in order:
        faint = f' opacity="{FAINT}"' if shares is not None and not shares[i] else ""
        halo = _halo(at[i], side[i], shares[i], ink.ink) if shares is not None else ""
        grey = greys[i] if patched else None
        parts.append(f"{halo}<g{faint}>{_node(grey, frames[i], at[i], side[i])}</g>")
    if marked is not None and marked.node is not None and marked.node < graph.n_nodes:
        parts.append(_frame(at[marked.node], side[marked.node], ink.ink))
    held = marked.primary if marked is not None else ()
    parts.extend(_ring(at[i], side[i], ink.ink) for i in held)
    return "".join(parts)


def _node(grey: NDArray[np.uint8] | None, frame: str, at: Floats, side: float) -> str:
    x, y = at - side / 2
    rim = side * 0.14
    box = (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{side:.1f}" height="{side:.1f}" '
        f'rx="{side * 0.12:.1f}" fill="{frame}"/>'
    )
    return box if grey is None else box + patches.patch(grey, x + rim, y + rim, side - 2 * rim)


def _halo(at: Floats, side: float, share: float, ink: str) -> str:
    """Mark a node by a dark frame, the stronger the more of its members are selected."""
    if not share:
        return ""
    half = side / 2 + 4
    return (
        f'<rect x="{at[0] - half:.1f}" y="{at[1] - half:.1f}" width="{2 * half:.1f}" '
        f'height="{2 * half:.1f}" rx="{side * 0.16:.1f}" fill="{ink}" '
        f'fill-opacity="{0.2 + 0.8 * share:.2f}"/>'
    )


def _frame(at: Floats, side: float, ink: str) -> str:
    half = side / 2 + 9
    return (
        f'<rect x="{at[0] - half:.1f}" y="{at[1] - half:.1f}" width="{2 * half:.1f}" '
        f'height="{2 * half:.1f}" rx="4" fill="none" stroke="{ink}" stroke-width="5"/>'
    )


def _ring(at: Floats, side: float, ink: str) -> str:
    return (
        f'<circle cx="{at[0]:.1f}" cy="{at[1]:.1f}" r="{side * 0.85:.1f}" fill="none" '
        f'stroke="{ink}" stroke-width="3"/>'
    )


def _edges(at: Floats, edges: NDArray[np.int64], colour: str) -> str:
    path = "".join(f"M{a[0]:.1f} {a[1]:.1f}L{b[0]:.1f} {b[1]:.1f}" for a, b in at[edges])
    return f'<path d="{path}" stroke="{colour}" stroke-opacity=".5" stroke-width="1.6"/>'


def _image(body: str, low: Floats, high: Floats) -> dict[str, object]:
    """One vector image over the axes: a few page elements instead of thousands."""
    return {
        "source": patches.data_uri(body, width=PIXELS, height=PIXELS),
        "xref": "x",
        "yref": "y",
        "x": low[0],
        "y": high[1],
        "sizex": high[0] - low[0],
        "sizey": high[1] - low[1],
        "sizing": "stretch",
        "layer": "above",
    }
