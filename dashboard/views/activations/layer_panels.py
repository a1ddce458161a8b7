"""The panels of one layer of one network in the view *Activations*."""

import numpy as np
from numpy.typing import NDArray
from plotly.colors import unlabel_rgb

from analysis.activation_cloud import CYCLES, ActivationCloud
from dashboard import input_images
from dashboard.figures.barcode import Group, barcode_figure
from dashboard.figures.cloud import Cloud, class_colour, cloud_figure
from dashboard.figures.inputs import SPRITE, inputs_figure
from dashboard.figures.mapper import Colour, Marked, mapper_figure
from dashboard.figures.sizes import sizes_figure
from dashboard.view import Panel, empty
from dashboard.views.activations.scene import ActivationScene, Rows

GRID = 120
"""At most so many inputs are drawn; the caption says of how many."""

COLUMNS = 9


def cloud_panel(scene: ActivationScene, scheme: str) -> Panel:
    """Draw the activations of the layer in a plane, by class."""
    cloud = scene.cloud
    if cloud is None:
        return empty(scene.why("cloud"))
    every = np.arange(len(cloud.rows))
    selected = None if scene.chosen is None else np.isin(every, scene.chosen)
    titles = ("UMAP 1", "UMAP 2")
    if cloud.explained:
        first, second = cloud.explained
        titles = (f"PC 1 ({first:.0%} of variance)", f"PC 2 ({second:.0%})")
    figure = cloud_figure(
        Cloud(
            cloud.plane.astype(np.float64),
            cloud.labels,
            cloud.class_names,
            [str(row) for row in cloud.rows.tolist()],
            scene.said(every),
            titles,
        ),
        selected=selected,
        primary=scene.primary,
        loops=[] if scene.loop is None else [scene.loop],
        scheme=scheme,
    )
    _add_sprite(scene, figure)
    note = f" · {cloud.note}" if cloud.note else ""
    text = (
        f"{scene.cursor.layer} of {scene.run}: {len(cloud.rows):,} of {cloud.n_total:,} inputs, "
        f"{cloud.width:,} coordinates{note} · hover shows the input"
    )
    return Panel(figure, "", text)


def _add_sprite(scene: ActivationScene, figure: object) -> None:
    """Say where the page finds the pictures that it shows on hover; see assets/hover.js."""
    unit = scene.found.units.get("cloud")
    if unit is None or scene.cloud is None:
        return
    some = scene.pictures(np.arange(1))
    if some is None:
        return
    height, width = input_images.reduced(some).shape[1:3]
    figure.layout.meta = {  # type: ignore[attr-defined]
        "sprite": {
            "url": input_images.address(unit, scene.cursor.experiment),
            "columns": SPRITE,
            "width": width,
            "height": height,
            "rows": scene.cloud.rows.tolist(),
        }
    }


def barcode_panel(scene: ActivationScene, scheme: str) -> Panel:
    """Draw the barcode of the layer."""
    cloud = scene.cloud
    if cloud is None:
        return empty(scene.why("cloud"))
    figure = barcode_figure(
        [Group("activations", cloud.diagram)], selected=scene.bar, scheme=scheme
    )
    bars = cloud.diagram.bars(1)
    if not scene.params["dimension"]:
        count = len(cloud.diagram.bars(0))
        words = f"{count:,} H₀ bars, norm {cloud.norm:.3g}: no loops are computed in dimension 0."
        return empty(f"{words} Choose dimension 1 for these.")
    other = "" if scene.params["dimension"] == 1 else " of H₂"
    text = (
        f"{len(bars):,} H₁ bars of {scene.cursor.layer}, {scene.run}; lengths in units of "
        f"{_unit_of_length(scene)} · norm{other} {cloud.norm:.3g} · click a bar for the inputs "
        "on its loop"
    )
    none = cloud.note or "These activations have no H₁ bar: no loop at all."
    return Panel(figure, "" if len(bars) else none, text)


def _unit_of_length(scene: ActivationScene) -> str:
    return "the largest distance" if scene.params["homology"] == "global" else "the median norm"


def inputs_panel(scene: ActivationScene, scheme: str) -> Panel:
    """Draw the selected inputs."""
    cloud = scene.cloud
    if cloud is None:
        return empty(scene.why("cloud"))
    rows, said = _listed(scene)
    if not len(rows):
        return empty(_why_no_input(scene))
    shown = rows[:GRID]
    pictures = scene.pictures(shown)
    text = f"{len(shown):,} shown of {len(rows):,} {said}{_mix(scene, rows)}{_clicked(scene)}"
    if pictures is None:
        return Panel(empty("").figure, "These inputs are no pictures; the table lists them.", text)
    figure = inputs_figure(
        input_images.sprite(input_images.reduced(pictures), COLUMNS),
        [str(row) for row in cloud.rows[shown].tolist()],
        scene.said(shown),
        columns=COLUMNS,
        primary=scene.cursor.primary or None,
        scheme=scheme,
    )
    return Panel(figure, "", text)


def _listed(scene: ActivationScene) -> tuple[Rows, str]:
    assert scene.cloud is not None  # noqa: S101 - callers have asked for it
    if scene.chosen is not None:
        where = f"bar {scene.bar + 1}" if scene.bar is not None else "the selection"
        return np.asarray(scene.chosen), f"inputs of {where}"
    if scene.cursor.select:
        return np.zeros(0, np.int64), ""
    every = np.arange(len(scene.cloud.rows))
    if scene.primary is not None:  # the clicked input, and what lies near it in the picture
        gaps = np.linalg.norm(scene.cloud.plane - scene.cloud.plane[scene.primary], axis=1)
        return np.argsort(gaps, kind="stable"), "inputs, nearest in the picture first"
    return every, "inputs"


def _why_no_input(scene: ActivationScene) -> str:
    """Say why a selection holds no input."""
    kind, _, number = scene.cursor.select.partition(".")
    home = "home_" if "home_cloud" in scene.found else ""
    for name in (f"{home}cloud", f"{home}graph") if kind == "node" else (f"{home}cloud",):
        if scene.found[name].result is None:
            return scene.why(name)
    bars = scene.found[f"{home}cloud"].result.diagram.bars(1)
    if kind == "bar" and CYCLES <= int(number) < len(bars):
        return f"The inputs on a loop are known of the {CYCLES} longest bars: choose one of them."
    return "The selection holds no input here: choose another bar, node or point."


def _mix(scene: ActivationScene, rows: Rows) -> str:
    assert scene.cloud is not None  # noqa: S101 - callers have asked for it
    names = scene.cloud.class_names
    kinds, counts = np.unique(scene.cloud.labels[rows], return_counts=True)
    order = np.argsort(-counts, kind="stable")[:4]
    said = [f"{names[kinds[i]]} {counts[i]:,}" for i in order if 0 <= kinds[i] < len(names)]
    more = f" and {len(kinds) - 4} classes more" if len(kinds) > 4 else ""
    return f" · {', '.join(said)}{more}" if said else ""


def _clicked(scene: ActivationScene) -> str:
    if scene.primary is None:
        return ""
    return f" · clicked: {scene.said(np.array([scene.primary]))[0]}"


def graph_panel(scene: ActivationScene, scheme: str) -> Panel:
    """Draw the Mapper graph of the layer, its nodes with their mean input."""
    if scene.graph is None or scene.cloud is None:
        return empty(scene.why("graph") if scene.cloud is not None else scene.why("cloud"))
    found, cloud = scene.graph, scene.cloud
    graph = found.graph
    figure = mapper_figure(
        graph,
        _mean_inputs(scene),
        _majority(scene, scheme),
        marked=_marked(scene),
        scheme=scheme,
        legend=False,
        revision=f"graph:{scene.cursor.layer}",
        of="inputs",
    )
    covered = len(np.unique(graph.members.values))
    text = (
        f"{_coordinates(cloud)}b₀ {found.b0} · b₁ {found.b1} · {graph.n_nodes} nodes · "
        f"{covered:,} of {len(cloud.rows):,} inputs in them · a node’s picture is its mean input, "
        "its frame the commonest class, its size the number of inputs"
    )
    none = "No cluster is large enough to be a node: lower “min samples”, or raise the cut."
    return Panel(figure, "" if graph.n_nodes else none, text)


def _coordinates(cloud: ActivationCloud) -> str:
    """Say so where the graph sees a part of the layer's coordinates only."""
    kept = cloud.points.shape[1]
    if kept >= cloud.width:
        return ""
    return f"first {kept} of {cloud.width:,} principal coordinates · "


def _mean_inputs(scene: ActivationScene) -> NDArray[np.float64]:
    """Mean picture of each node's inputs, as light and dark about 0."""
    assert scene.graph is not None  # noqa: S101 - callers have asked for it
    assert scene.cloud is not None  # noqa: S101
    members = scene.graph.graph.members
    pictures = scene.pictures(np.arange(len(scene.cloud.rows)))
    if pictures is None:
        return np.zeros((len(members), 1, 1))
    flat = input_images.small(pictures)
    means = [flat[rows].mean(axis=0) for rows in members]
    return np.array(means).reshape(-1, *flat.shape[1:]) - 127.5


def _majority(scene: ActivationScene, scheme: str) -> Colour:
    """Colour each node by its commonest class, and say its mix."""
    assert scene.graph is not None  # noqa: S101 - callers have asked for it
    assert scene.cloud is not None  # noqa: S101
    names, labels = scene.cloud.class_names, scene.cloud.labels
    n = max(len(names), 2)
    values, mixes = [], []
    for rows in scene.graph.graph.members:
        counts = np.bincount(np.maximum(labels[rows], 0), minlength=n)
        values.append(float(counts.argmax()) if (labels[rows] >= 0).any() else np.nan)
        top = np.argsort(-counts, kind="stable")[:3]
        mixes.append(", ".join(f"{names[k]} {counts[k]}" for k in top if counts[k] and names))
    scale = [_as_rgb(class_colour(k, scheme)) for k in range(n)]
    return Colour(
        np.array(values), "commonest class", tuple(scale), (0.0, float(n - 1)), words=tuple(mixes)
    )


def _as_rgb(colour: str) -> str:
    if colour.startswith("#"):
        red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
        return f"rgb({red}, {green}, {blue})"
    unlabel_rgb(colour)  # raises where it is no colour
    return colour


def _marked(scene: ActivationScene) -> Marked | None:
    assert scene.graph is not None  # noqa: S101 - callers have asked for it
    assert scene.cloud is not None  # noqa: S101
    if scene.chosen is None and scene.primary is None:
        return None
    members = scene.graph.graph.members
    chosen = np.zeros(len(scene.cloud.rows), bool)
    chosen[scene.chosen if scene.chosen is not None else []] = True
    shares = np.array([chosen[rows].mean() for rows in members])
    held = [i for i, rows in enumerate(members) if scene.primary in rows]
    return Marked(shares, held, scene.node)


def sizes_panel(scene: ActivationScene, scheme: str) -> Panel:
    """Draw how the norm depends on the number of inputs."""
    cloud = scene.cloud
    if cloud is None:
        return empty(scene.why("cloud"))
    figure = sizes_figure(cloud.sizes, cloud.size_norms, title="landscape norm", scheme=scheme)
    text = (
        f"{scene.cursor.layer} of {scene.run}: the norm of random parts of its {len(cloud.rows):,} "
        "inputs · compare norms of equal sample sizes only"
    )
    return Panel(figure, "", text)


def counts(scene: ActivationScene) -> str:
    """Say how many inputs are selected of those shown, and of all."""
    if scene.cloud is None:
        return ""
    selected = 0 if scene.chosen is None else len(scene.chosen)
    return f"{selected:,} selected of {len(scene.cloud.rows):,} of {scene.cloud.n_total:,} inputs"
