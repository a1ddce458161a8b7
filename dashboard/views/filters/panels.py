"""The panels of the view *Filters*."""

from typing import Any

import numpy as np

from analysis.orientation import orientation_histogram, orientation_test
from dashboard import words
from dashboard.figures.barcode import Group, barcode_figure
from dashboard.figures.codensity import codensity_figure
from dashboard.figures.diagram import diagram_figure
from dashboard.figures.mapper import Colour, Marked, mapper_figure
from dashboard.figures.members import members_figure
from dashboard.figures.projection import projection_figure
from dashboard.figures.projection import shown as drawn
from dashboard.figures.rose import rose_figure
from dashboard.filter_layer import FilterLayer, Rows
from dashboard.view import Panel, empty
from dashboard.views.filters import rows as tables
from dashboard.views.filters.scene import BESIDE, FilterScene

GRID = 240
"""At most so many members are drawn; the caption says of how many."""

COLUMNS = 12
PETALS = 24
EXAMPLES = 14
EMPTY = (
    "No {resolution} × {resolution} window of the lens holds {min_samples} filters close together: "
    "lower the resolution or “min samples”, or raise the cut."
)


def sentence(scene: FilterScene) -> str:
    """Say the finding, or why there is none."""
    if not scene.has_layer:
        why = scene.found["filters"].error
        return why or f"{scene.cursor.layer}: computing …"
    null = scene.found["null"]
    found = words.finding(scene.layer.shape, null.result, waiting=null.pending)
    return f"{scene.cursor.layer}: {found}{_of_graph(scene)}"


def _of_graph(scene: FilterScene) -> str:
    """Say so where barcode and Mapper graph disagree about a loop."""
    graph, null = scene.found["mapper"].result, scene.found["null"].result
    if graph is None or not words.loops(scene.layer.shape, null) or graph.b1:
        return ""
    pieces = f"is in {graph.b0} pieces and " if graph.b0 > 1 else ""
    return f" The Mapper graph at this resolution {pieces}does not close (b₁ 0)."


def counts(scene: FilterScene) -> str:
    """Say how many are selected of those in the graph, kept, and in the layer."""
    if not scene.has_layer:
        return ""
    shape, graph = scene.layer.shape, scene.layer.graph
    selected = 0 if scene.chosen is None else len(scene.chosen)
    shown = "…" if graph is None else f"{len(np.unique(graph.members.values)):,}"
    elsewhere = f" (of {scene.n_chosen:,} selected there)" if selected != scene.n_chosen else ""
    return (
        f"{selected:,} selected{elsewhere} of {shown} in the graph of {shape.n_kept:,} kept "
        f"of {shape.n_total:,} filters"
    )


def mapper_panel(scene: FilterScene, scheme: str) -> Panel:
    """Draw the Mapper graph with the mean filter at its nodes."""
    if scene.found["mapper"].result is None:
        return empty(scene.why("mapper"))
    return _graph_panel(scene, scene.layer, scheme, revision="mapper")


def beside_panel(scene: FilterScene, scheme: str) -> Panel:
    """Draw what lies beside, in the same way."""
    if not scene.cursor.beside:
        return Panel(empty("").figure, hidden=True)
    if scene.beside is None or scene.beside.found is None:
        return empty(scene.why("beside_filters"))
    layer = scene.beside
    panel = _graph_panel(scene, layer, scheme, revision="beside", legend=False)
    strength = layer.shape.loop_strength
    loop = "" if strength is None else f"loop strength {strength:.1f}× · "
    where = f"{BESIDE[scene.cursor.beside]}: {layer.unit.layer}, step {layer.unit.step.step}"
    return Panel(panel.figure, panel.message, f"{where} · {loop}{panel.caption}")


def _graph_panel(
    scene: FilterScene, layer: FilterLayer, scheme: str, *, revision: str, legend: bool = True
) -> Panel:
    graph, found = layer.graph, layer.found
    assert graph is not None  # noqa: S101 - callers have asked for it
    assert found is not None  # noqa: S101
    params = layer.provenance["mapper"]["params"]
    colour = scene.node_colour(layer)
    figure = mapper_figure(
        graph,
        layer.means,
        colour,
        marked=_marked(scene, layer),
        scheme=scheme,
        legend=legend,
        revision=f"{revision}:{layer.unit.layer}",
    )
    cover = "" if params["cover"] == "uniform" else f"{params['cover']} cover, "
    text = (
        f"b₀ {found.b0} · b₁ {found.b1} · {graph.n_nodes} nodes, {len(graph.edges)} edges · "
        f"{layer.shape.n_kept:,} of {layer.shape.n_filters:,} filters · lens {params['lens']}, "
        f"{cover}resolution {params['resolution']}, gain {params['gain']:g} · a node’s picture is "
        f"its mean filter, its size the number of filters{_without(colour)}{_of_circular(scene)}"
    )
    return Panel(figure, "" if graph.n_nodes else EMPTY.format(**params), text)


def _without(colour: Colour) -> str:
    return "" if np.isfinite(colour.values).all() else f", grey: {colour.missing}"


def _of_circular(scene: FilterScene) -> str:
    """Say how far the circular coordinates can be trusted, where they are the colour."""
    if scene.colour != "circular" or "circular" not in scene.found:
        return ""
    found = scene.found["circular"].result
    if found is None:
        return f" · circular coordinates: {scene.why('circular').lower()}"
    bar = f"bar {found.birth:.2f} to {found.death:.2f}, {found.n_landmarks} landmarks"
    reach = f"{found.covered:.0%} of the filters near one"
    return f" · circular coordinates: {found.note or f'{bar}, {reach}'}"


def _marked(scene: FilterScene, layer: FilterLayer) -> Marked | None:
    if layer is not scene.layer:
        return None
    rows = scene.chosen
    none = np.ones(0, dtype=np.int64)
    if rows is None and scene.primary is None:
        return None
    primary = none if scene.primary is None else np.array([scene.primary])
    held = np.flatnonzero(layer.nodes_of(primary))
    shares = layer.nodes_of(rows) if rows is not None else layer.nodes_of(primary)
    return Marked(shares, held.tolist(), scene.node)


def _groups(scene: FilterScene) -> list[Group]:
    groups = [Group("filters", scene.layer.shape.diagram)]
    null = scene.found["null"].result
    if null is not None:
        groups.append(Group("entries permuted", null.diagram, "null"))
    if scene.cursor.beside not in ("", "null") and scene.beside is not None:
        groups.append(Group(BESIDE[scene.cursor.beside], scene.beside.shape.diagram, "beside"))
    return groups


def barcode_panel(scene: FilterScene, scheme: str) -> Panel:
    """Draw the barcode, with that of the null model below."""
    shape = scene.layer.shape
    figure = barcode_figure(_groups(scene), selected=scene.bar, scheme=scheme)
    text = words.caption(shape, scene.layer.provenance["filters"])
    note = scene.found["null"].error
    message = "" if len(shape.diagram.bars(1)) else "These filters have no H₁ bar: no loop at all."
    return Panel(figure, message, f"{text}{f' · no null model: {note}' if note else ''}")


def diagram_panel(scene: FilterScene, scheme: str) -> Panel:
    """Draw the same as a persistence diagram."""
    figure = diagram_figure(_groups(scene), selected=scene.bar, scheme=scheme)
    return Panel(figure, "", "the further from the diagonal, the longer the bar")


def rose_panel(scene: FilterScene, scheme: str) -> Panel:
    """Draw how many filters have which gradient direction, with a test of preference."""
    layer = scene.layer
    known = np.isfinite(layer.degrees)
    if not known.any():
        return empty("No kept filter has a clear gradient, so there are no directions to count.")
    counts_ = _petals(layer, np.flatnonzero(known))
    chosen = None if scene.chosen is None else _petals(layer, scene.chosen)
    figure = rose_figure(counts_, selected_counts=chosen, span=_span(scene), scheme=scheme)
    text = (
        f"{known.sum():,} of {layer.shape.n_kept:,} kept filters have a clear gradient · "
        f"{_preference(layer, known)}"
    )
    return Panel(figure, "", text)


def _span(scene: FilterScene) -> tuple[int, int] | None:
    kind, _, what = scene.cursor.select.partition(".")
    if kind != "angle":
        return None
    start, end = (int(part) for part in what.split("-"))
    return start, end


def _petals(layer: FilterLayer, rows: Rows) -> Any:
    degrees = layer.degrees[rows]
    return orientation_histogram(np.radians(degrees[np.isfinite(degrees)]), bins=PETALS).counts


def _preference(layer: FilterLayer, known: Any) -> str:
    angles = np.radians(layer.degrees[known])
    upright = _near_axes(layer.degrees[known])
    test = orientation_test(angles, layer.runs[known], order=4)
    common = (
        f"four directions in common over {test.n_groups} runs: p = {test.p_value:.3g}"
        if test.p_value is not None
        else f"no p-value: {test.reason}"
    )
    return f"{upright:.0%} within 22.5° of horizontal or vertical (even: 50%) · {common}"


def _near_axes(degrees: Any) -> float:
    return float((np.abs((degrees + 45) % 90 - 45) <= 22.5).mean())


def codensity_panel(scene: FilterScene, scheme: str) -> Panel:
    """Draw the codensity of all filters, with examples of what is kept and dropped."""
    layer = scene.layer
    params = layer.provenance["filters"]["params"]
    figure = codensity_figure(
        layer.shape.profile,
        fraction=params["fraction"],
        n_filters=layer.shape.n_filters,
        k=layer.shape.k,
        examples=tables.examples(layer, EXAMPLES),
        scheme=scheme,
    )
    dropped = layer.shape.n_filters - layer.shape.n_kept
    text = (
        f"the densest {params['fraction']:.3g} of {layer.shape.n_filters:,} are kept, {dropped:,} "
        "dropped · click to cut elsewhere"
    )
    return Panel(figure, "", text)


def projection_panel(scene: FilterScene, scheme: str) -> Panel:
    """Draw kept and dropped filters on the principal axes of the kept."""
    layer = scene.layer
    shape = layer.shape
    figure = projection_figure(
        layer.plane,
        layer.dropped_plane,
        scene.filter_colours(),
        ids=layer.names,
        highlighted=scene.chosen,
        primary=scene.primary,
        loop=None if scene.loop is None else layer.plane[scene.loop],
        scheme=scheme,
    )
    dropped = shape.n_filters - shape.n_kept
    loop = " · the line is a cycle born with the selected bar" if scene.loop is not None else ""
    text = (
        f"{len(drawn(shape.n_kept)):,} of {shape.n_kept:,} kept in colour; "
        f"{len(drawn(len(shape.dropped))):,} of {dropped:,} dropped in grey{loop}"
    )
    return Panel(figure, "", text)


def members_panel(scene: FilterScene, scheme: str) -> Panel:
    """Draw the selected filters, or the densest where nothing is selected."""
    layer = scene.layer
    rows, what = tables.listed(scene)
    if not len(rows):
        return empty(
            "The selection holds no filter that is kept here: choose another node, bar, range or "
            "step, or clear it."
        )
    shown = rows[:GRID]
    figure = members_figure(
        layer.images[shown],
        [layer.names[row] for row in shown],
        columns=COLUMNS,
        primary=scene.cursor.primary or None,
        scheme=scheme,
    )
    text = f"{len(shown):,} shown of {len(rows):,} {what} of {layer.shape.n_kept:,} kept"
    said = f"{text}{tables.selection_words(scene)}{tables.primary_words(scene)}"
    return Panel(figure, "", said)
