"""The figures of the view *Activations* as tables."""

import math
from collections.abc import Callable

import numpy as np

from analysis.landscape_study import LandscapeStudy
from analysis.landscape_tests import rows_of
from dashboard.view import Row
from dashboard.views.activations.scene import ActivationScene


def depth(scene: ActivationScene) -> list[Row]:
    """One row per network and layer: norm and neural persistence."""
    return _of_networks(
        scene,
        lambda study, at: {
            "norm": _known(study.norms[at]),
            "neural_persistence": _known(study.neural_persistence[at]),
            "offset": _known(study.offset[at]),
        },
    )


def curves(scene: ActivationScene) -> list[Row]:
    """One row per network and layer: where it lies in the plane."""
    return _of_networks(
        scene,
        lambda study, at: {f"axis_{k + 1}": _known(study.plane[at][k]) for k in range(2)},
    )


def _of_networks(
    scene: ActivationScene, values: Callable[[LandscapeStudy, tuple[int, int]], Row]
) -> list[Row]:
    """One row per network and layer, with what is known of it."""
    study = scene.study
    if study is None:
        return []
    return [
        {
            "run": study.runs[i],
            "step": study.steps[i],
            "milestone": study.milestones[i],
            "layer": layer,
        }
        | values(study, (i, j))
        for i in range(len(study.runs))
        for j, layer in enumerate(study.layers)
    ]


def landscape(scene: ActivationScene) -> list[Row]:
    """One row per place of the filtration: mean and spread of every level."""
    if scene.study is None:
        return []
    study = scene.study
    place, layer = scene.place, scene.layer
    if place is None or layer is None:
        return []
    mean, spread = study.means[place, layer], study.spreads[place, layer]
    return [
        {"filtration": float(t)}
        | {f"λ{k + 1}": float(mean[k, i]) for k in range(len(mean))}
        | {f"λ{k + 1}_sd": float(spread[k, i]) for k in range(len(mean))}
        for i, t in enumerate(study.grids[layer].tolist())
    ]


def difference(scene: ActivationScene) -> list[Row]:
    """One row per place of the filtration: the difference of the means of every level."""
    study, other = scene.study, scene.compared()
    if study is None or other is None or scene.place is None or scene.layer is None:
        return []
    grid = study.grids[scene.layer]
    levels = other.study.means[other.place, other.layer]
    there = [np.interp(grid, other.study.grids[other.layer], row) for row in levels]
    gap = study.means[scene.place, scene.layer] - np.array(there)
    return [
        {"filtration": float(t)} | {f"λ{k + 1}": float(gap[k, i]) for k in range(len(gap))}
        for i, t in enumerate(grid.tolist())
    ]


def points(scene: ActivationScene) -> list[Row]:
    """One row per input: all, or the selected ones."""
    if scene.cloud is None:
        return []
    cloud = scene.cloud
    rows = np.arange(len(cloud.rows)) if scene.chosen is None else scene.chosen
    names = cloud.class_names
    return [
        {
            "input": int(cloud.rows[row]),
            "class": names[cloud.labels[row]] if 0 <= cloud.labels[row] < len(names) else None,
            "axis_1": float(cloud.plane[row, 0]),
            "axis_2": float(cloud.plane[row, 1]),
            "_pick": {"primary": str(cloud.rows[row])},
        }
        for row in rows.tolist()
    ]


def bars(scene: ActivationScene) -> list[Row]:
    """One row per H₁ bar of the layer."""
    if scene.cloud is None:
        return []
    return [
        {
            "bar": i,
            "birth": birth,
            "death": death if math.isfinite(death) else None,
            "length": death - birth if math.isfinite(death) else None,
            "_pick": {"select": f"bar.{i}"},
        }
        for i, (birth, death) in enumerate(scene.cloud.diagram.bars(1).tolist())
    ]


def nodes(scene: ActivationScene) -> list[Row]:
    """One row per node of the Mapper graph: its size and class mix."""
    if scene.graph is None or scene.cloud is None:
        return []
    names, labels = scene.cloud.class_names, scene.cloud.labels
    rows = []
    for i, members in enumerate(scene.graph.graph.members):
        counts = np.bincount(np.maximum(labels[members], 0), minlength=max(len(names), 1))
        mix = {str(names[k]): int(n) for k, n in enumerate(counts) if n and k < len(names)}
        said = ", ".join(f"{name} {n}" for name, n in sorted(mix.items(), key=lambda e: -e[1]))
        row = {"node": i, "inputs": len(members), "classes": said}
        rows.append(row | {"_pick": {"select": f"node.{i}"}})
    return rows


def sizes(scene: ActivationScene) -> list[Row]:
    """One row per sample size: the norms of its draws."""
    if scene.cloud is None:
        return []
    return [
        {"inputs": int(size), "draw": k + 1, "norm": float(value)}
        for size, values in zip(scene.cloud.sizes, scene.cloud.size_norms, strict=True)
        for k, value in enumerate(values)
        if math.isfinite(value)
    ]


def tests(scene: ActivationScene) -> list[Row]:
    """One row per pair and layer."""
    return [] if scene.tests is None else rows_of(scene.tests)


def _known(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
