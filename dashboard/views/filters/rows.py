"""The figures of the view *Filters* as tables, and the lists of filters that it draws."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.orientation import orientation_histogram
from dashboard.filter_layer import FilterLayer, Rows
from dashboard.quantities import residuals
from dashboard.view import Row
from dashboard.views.filters.scene import FilterScene

Floats = NDArray[np.float64]


def listed(scene: FilterScene) -> tuple[Rows, str]:
    """Return the filters that are listed and what they are: the selected, or all, densest first."""
    if scene.chosen is not None:
        return scene.chosen, "selected"
    if scene.cursor.select:
        return np.zeros(0, np.int64), "selected"
    return np.argsort(scene.layer.shape.density, kind="stable"), "densest"


def filters(scene: FilterScene) -> list[Row]:
    """One row per listed filter."""
    layer = scene.layer
    rows = listed(scene)[0]
    distance = residuals(layer.points, layer.shape.kernel)
    places = layer.plane
    names = layer.names
    nodes = _nodes_of_filters(layer)
    return [
        {
            "filter": names[row],
            "run": layer.experiment.runs[layer.runs[row]].name,
            "out": int(layer.shape.origin[row, 1]),
            "in": int(layer.shape.origin[row, 2]),
            "codensity": float(layer.shape.density[row]),
            "angle": _known(layer.degrees[row]),
            "residual": _known(distance[row]),
            "axis_1": float(places[row, 0]),
            "axis_2": float(places[row, 1]),
            "nodes": nodes.get(int(row), []),
            "_pick": {"primary": names[row]},
        }
        for row in rows.tolist()
    ]


def _nodes_of_filters(layer: FilterLayer) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for node, rows in enumerate(layer.graph.members if layer.graph is not None else ()):
        for row in rows.tolist():
            found.setdefault(row, []).append(node)
    return found


def _known(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def nodes(scene: FilterScene) -> list[Row]:
    """One row per node of the Mapper graph."""
    return _nodes(scene, scene.layer, pick=True)


def nodes_beside(scene: FilterScene) -> list[Row]:
    """One row per node of the graph beside it."""
    return _nodes(scene, scene.beside, pick=False) if scene.beside is not None else []


def _nodes(scene: FilterScene, layer: FilterLayer, *, pick: bool) -> list[Row]:
    if layer.graph is None:
        return []
    colour = scene.node_colour(layer)
    chosen = scene.chosen if pick and scene.chosen is not None else np.zeros(0, np.int64)
    shares = layer.nodes_of(chosen)
    neighbours = np.bincount(layer.graph.edges.ravel(), minlength=layer.graph.n_nodes)
    return [
        {
            "node": i,
            "filters": int(size),
            scene.colour: _known(colour.values[i]),
            "neighbours": int(neighbours[i]),
            "x": float(layer.graph.positions[i, 0]),
            "y": float(layer.graph.positions[i, 1]),
            "selected": round(float(shares[i]) * int(size)),
        }
        | ({"_pick": {"select": f"node.{i}"}} if pick else {})
        for i, size in enumerate(layer.graph.members.lengths)
    ]


def bars(scene: FilterScene) -> list[Row]:
    """One row per H₁ bar, those of the null model and of what lies beside it too."""
    diagrams = {"filters": scene.layer.shape.diagram}
    if scene.found["null"].result is not None:
        diagrams["entries permuted"] = scene.found["null"].result.diagram
    if scene.beside is not None:
        diagrams["beside"] = scene.beside.shape.diagram
    return [
        {
            "of": name,
            "bar": i,
            "birth": birth,
            "death": death if math.isfinite(death) else None,
            "length": death - birth if math.isfinite(death) else None,
        }
        | ({"_pick": {"select": f"bar.{i}"}} if name == "filters" else {})
        for name, diagram in diagrams.items()
        for i, (birth, death) in enumerate(diagram.bars(1).tolist())
    ]


def petals(scene: FilterScene, *, bins: int = 24) -> list[Row]:
    """One row per range of angles."""
    degrees = scene.layer.degrees
    width = 360 // bins
    every = _counts(degrees, bins)
    chosen = _counts(degrees[scene.chosen], bins) if scene.chosen is not None else [None] * bins
    return [
        {
            "from": i * width,
            "to": (i + 1) * width,
            "filters": every[i],
            "selected": chosen[i],
            "_pick": {"select": f"angle.{i * width}-{(i + 1) * width}"},
        }
        for i in range(bins)
    ]


def _counts(degrees: Floats, bins: int) -> list[int]:
    known = degrees[np.isfinite(degrees)]
    counts: list[int] = orientation_histogram(np.radians(known), bins=bins).counts.tolist()
    return counts


def codensity(scene: FilterScene) -> list[Row]:
    """One row per place of the sorted codensity."""
    profile = scene.layer.shape.profile
    fraction = scene.layer.provenance["filters"]["params"]["fraction"]
    shares = np.linspace(0, 1, len(profile))
    return [
        {"share": float(share), "codensity": float(value), "kept": bool(share <= fraction)}
        for share, value in zip(shares, profile, strict=True)
    ]


def examples(layer: FilterLayer, count: int) -> tuple[Any, Floats]:
    """Choose filters evenly from the densest to the least dense, dropped ones included.

    Returns
    -------
    images : ndarray, shape (m, h, w)
    shares : ndarray of float64, shape (m,)
        Where each lies among all filters, 0 for the densest.
    """
    shape = layer.shape
    every = np.concatenate([layer.points, shape.dropped.astype(np.float32)])
    density = np.concatenate([shape.density, shape.dropped_density])
    shares = np.interp(density, shape.profile, np.linspace(0, 1, len(shape.profile)))
    wanted = (np.arange(count) + 0.5) / count
    rows = np.unique([int(np.argmin(np.abs(shares - share))) for share in wanted])
    return every[rows].reshape(-1, *shape.kernel), np.asarray(shares[rows])


def selection_words(scene: FilterScene) -> str:
    """Say what the selection is."""
    kind, _, what = scene.cursor.select.partition(".")
    if kind == "node" and scene.node is not None and scene.chosen is not None:
        others = int((scene.layer.nodes_of(scene.chosen) > 0).sum()) - 1
        return f" · node {what}; its filters also lie in {others} other nodes"
    if kind == "bar" and scene.bar is not None:
        return f" · on a cycle born with bar {scene.bar + 1}"
    if kind == "angle":
        return f" · gradients from {what.replace('-', '° to ')}°"
    return ""


def primary_words(scene: FilterScene) -> str:
    """Say what is known of the primary filter."""
    name = scene.cursor.primary
    if not name:
        return ""
    row = scene.primary
    if row is None:
        return f" · filter {name} is not kept here"
    layer = scene.layer
    angle = layer.degrees[row]
    turned = f"angle {angle:.0f}°" if math.isfinite(angle) else "no clear gradient"
    run, out, inside = name.split(".")
    return (
        f" · clicked filter: {layer.experiment.runs[int(run)].name}, output {out}, input {inside}, "
        f"codensity {layer.shape.density[row]:.3f}, {turned}"
    )
