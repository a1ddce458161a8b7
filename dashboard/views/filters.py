"""The view *Filters*: one layer at one step as Mapper graph, barcode, projection and patches."""

from typing import Any

import numpy as np
from dash import ClientsideFunction, Dash, Input, Output, dcc, html, no_update
from dash.development.base_component import Component
from numpy.typing import NDArray

from analysis import circle_models, lenses
from analysis.errors import AnalysisError
from analysis.experiment import Experiment
from analysis.filter_mapper import FilterGraph
from analysis.filter_shape import FilterShape
from analysis.pipeline import Settings, Unit
from dashboard import ids, theme, words
from dashboard.context import Context
from dashboard.cursor import Cursor
from dashboard.figures import patches
from dashboard.figures.barcode import barcode_figure
from dashboard.figures.blank import BLANK
from dashboard.figures.mapper import Colour, mapper_figure
from dashboard.figures.projection import projection_figure
from dashboard.figures.projection import shown as drawn
from dashboard.layer_units import filter_units
from dashboard.results import Answer, Found
from dashboard.views import DrawPanel, Panel, View

IDS = ids.ViewIds("filters")
PICKED = ids.picked("filters")
EMPTY = (
    "No {resolution} × {resolution} window of the lens holds {min_samples} filters close together."
)
GRID = 240
"""At most so many members are drawn; the caption says of how many."""

CONFIG: Any = theme.CONFIG | {"scrollZoom": True}


def units(
    experiment: Experiment, cursor: Cursor, settings: Settings | None = None
) -> dict[str, Unit]:
    """Make the units that this view shows: ``filters``, ``null`` and ``mapper``."""
    return filter_units(experiment, cursor.layer, cursor.index, settings)


def layout() -> Component:
    """Lay the panels out; the callbacks fill them."""
    return html.Main(
        [
            dcc.Store(id=PICKED),
            html.P(id=IDS.finding, className="finding", role="status"),
            html.Div(
                [
                    _panel("Mapper graph", IDS.mapper, "hero"),
                    _panel("Barcode", IDS.barcode),
                    html.Section(
                        [
                            html.H2("Members"),
                            html.P(id=IDS.members_caption, className="caption"),
                            html.Div(id=IDS.members, className="members"),
                        ],
                        className="panel tall",
                    ),
                    _panel("Kept and dropped filters", IDS.projection),
                ],
                className="panels",
            ),
        ],
        id=IDS.main,
    )


def _panel(title: str, graph: str, kind: str = "") -> Component:
    return html.Section(
        [
            html.H2(title),
            html.P("Loading …", id=_message(graph), className="message", role="status"),
            dcc.Graph(id=graph, figure=BLANK, config=CONFIG, className="figure", responsive=True),
            html.P(id=_caption(graph), className="caption"),
        ],
        className=f"panel {kind}",
    )


def _message(graph: str) -> str:
    return f"{graph}-message"


def _caption(graph: str) -> str:
    return f"{graph}-caption"


def register(app: Dash, context: Context) -> None:
    """Add the callbacks: each reads the cursor, asks for results and calls a figure."""

    def panel(graph: str, draw: DrawPanel) -> None:
        @app.callback(
            Output(graph, "figure"),
            Output(_message(graph), "children"),
            Output(_caption(graph), "children"),
            Input(ids.SHOWN, "data"),
            Input(ids.SCHEME, "data"),
            prevent_initial_call=True,
        )
        def show(shown: dict[str, Any] | None, scheme: str | None) -> Any:
            if shown is None or scheme is None:
                return no_update, no_update, no_update
            cursor = context.read(shown)
            return draw(context.find(units, cursor), cursor, scheme)

    app.clientside_callback(
        ClientsideFunction("cursor", "pick"),
        Output(PICKED, "data"),
        Input(IDS.mapper, "clickData"),
        prevent_initial_call=True,
    )
    for name, draw in PANELS.items():
        panel(getattr(IDS, name), draw)

    @app.callback(
        Output(IDS.finding, "children"),
        Output(IDS.members, "children"),
        Output(IDS.members_caption, "children"),
        Input(ids.SHOWN, "data"),
        prevent_initial_call=True,
    )
    def tell(shown: dict[str, Any]) -> tuple[str, Component | None, str]:
        cursor = context.read(shown)
        found = context.find(units, cursor)
        return sentence(found, cursor), *members(found, cursor)


def sentence(found: Found, cursor: Cursor) -> str:
    """Say the finding, or why there is none."""
    if found["filters"].error:
        return found["filters"].error
    if found["filters"].result is None:
        return f"Computing {cursor.layer} …"
    shape: FilterShape = found["filters"].result
    null = found["null"]
    return f"{cursor.layer}: {words.finding(shape, null.result, waiting=null.pending)}"


def _empty(answer: Answer) -> Panel:
    return BLANK, answer.error or "Computing …", ""


def mapper_panel(found: Found, cursor: Cursor, scheme: str) -> Panel:
    """Draw the Mapper graph with the mean filter at its nodes."""
    if found["mapper"].result is None or found["filters"].result is None:
        return _empty(found["mapper"])
    graph: FilterGraph = found["mapper"].result
    shape: FilterShape = found["filters"].result
    params = found["mapper"].provenance["params"]
    means = node_means(graph, shape)
    figure = mapper_figure(
        graph.graph,
        means,
        node_colour(graph, shape, means),
        selected=cursor.node,
        scheme=scheme,
    )
    text = (
        f"b₀ {graph.b0} · b₁ {graph.b1} · {graph.graph.n_nodes} nodes, "
        f"{len(graph.graph.edges)} edges · {shape.n_kept:,} of {shape.n_filters:,} filters · "
        f"lens {params['lens']}, resolution {params['resolution']}, gain {params['gain']:g} · "
        "a node's picture is its mean filter, its size the number of filters"
    )
    empty = "" if graph.graph.n_nodes else EMPTY.format(**params)
    return figure, empty, text


def barcode_panel(found: Found, _cursor: Cursor, scheme: str) -> Panel:
    """Draw the barcode, with that of the null model below."""
    if found["filters"].result is None:
        return _empty(found["filters"])
    null = found["null"].result.diagram if found["null"].result is not None else None
    figure = barcode_figure(found["filters"].result.diagram, null, scheme=scheme)
    return (
        figure,
        found["null"].error,
        words.caption(found["filters"].result, found["filters"].provenance),
    )


def projection_panel(found: Found, cursor: Cursor, scheme: str) -> Panel:
    """Draw kept and dropped filters on the principal axes of the kept."""
    if found["filters"].result is None:
        return _empty(found["filters"])
    shape: FilterShape = found["filters"].result
    points = shape.points
    mean, axes = lenses.principal_axes(points)
    chosen = _chosen(found, cursor)
    figure = projection_figure(
        (points - mean) @ axes.T,
        shape.dropped,
        degrees(points, shape.kernel),
        highlighted=chosen,
        scheme=scheme,
    )
    dropped = shape.n_filters - shape.n_kept
    text = (
        f"{len(drawn(shape.n_kept)):,} of {shape.n_kept:,} kept, coloured by the angle of their "
        f"gradient where it is clear; {len(shape.dropped):,} of {dropped:,} dropped in grey"
    )
    return figure, "", text


def members(found: Found, cursor: Cursor) -> tuple[Component | None, str]:
    """Draw the filters of the selected node, with how many of how many."""
    chosen = _chosen(found, cursor)
    if chosen is None:
        return None, "Click a node to see its filters."
    shape: FilterShape = found["filters"].result
    shown = chosen[:GRID]
    image = patches.grid(shape.points[shown].reshape(-1, *shape.kernel), columns=12)
    text = (
        f"node {cursor.node}: {len(shown)} shown of {len(chosen)} filters in it, "
        f"of {shape.n_kept:,} kept, of {shape.n_total:,} in the layer"
    )
    return html.Img(src=image, alt=f"{len(shown)} filters of node {cursor.node}"), text


def _chosen(found: Found, cursor: Cursor) -> NDArray[np.int64] | None:
    if found["mapper"].result is None or found["filters"].result is None or cursor.node is None:
        return None
    nodes = found["mapper"].result.graph.members
    return nodes[cursor.node] if cursor.node < len(nodes) else None


def node_means(graph: FilterGraph, shape: FilterShape) -> NDArray[np.float64]:
    """Average the filters of each node, shape (n_nodes, h, w)."""
    points = shape.points
    means = [points[rows].mean(axis=0) for rows in graph.graph.members]
    return np.asarray(means, dtype=np.float64).reshape(-1, *shape.kernel)


def node_colour(graph: FilterGraph, shape: FilterShape, means: NDArray[np.float64]) -> Colour:
    """Colour nodes by the angle of their mean gradient; by codensity where kernels have none."""
    flat = means.reshape(len(means), -1)
    lengths = np.linalg.norm(flat, axis=1, keepdims=True)
    angles = degrees(flat / np.where(lengths > 0, lengths, 1), shape.kernel)
    if angles is None:
        values = np.array([shape.density[rows].mean() for rows in graph.graph.members])
        return Colour(values, "mean codensity")
    return Colour(angles, "angle of the gradient", cyclic=True, missing="no clear gradient")


def degrees(filters: NDArray[Any], kernel: tuple[int, int]) -> NDArray[np.float64] | None:
    """Return gradient angles in degrees, shape (n,); None where the kernel is too small for any.

    NaN where the gradient's part of a filter is below chance: an angle would say nothing.
    """
    try:
        fit = circle_models.fit_primary(filters, kernel)
        chance = circle_models.chance_shares(kernel).linear
    except AnalysisError:
        return None
    return np.where(fit.squared_part >= chance, np.degrees(fit.angle), np.nan)


PANELS = {"mapper": mapper_panel, "barcode": barcode_panel, "projection": projection_panel}

VIEW = View(
    name="filters",
    title="Filters",
    order=1,
    layout=layout,
    register=register,
    units=units,
    sentence=sentence,
    panels=PANELS,
)
