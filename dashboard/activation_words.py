"""What is said of a study of activations: its inputs, its norms, its tests."""

import numpy as np
from numpy.typing import NDArray

from dashboard.activation_study import StudyScene

Floats = NDArray[np.float64]


def what(scene: StudyScene) -> str:
    """Say which clouds the landscapes are of."""
    params = scene.params
    of = f" of class {params['of_class']}" if params["of_class"] else ""
    dimension = {0: "H₀", 1: "H₁", 2: "H₂"}[params["dimension"]]
    kind = {"global": "global", "local": "local (at the origin)"}[params["homology"]]
    study = scene.study
    shown = params["inputs"] if study is None else study.n_points
    total = f" of {study.n_total:,}" if study is not None else ""
    note = f" ({study.inputs_note})" if study is not None and study.inputs_note else ""
    return (
        f"{shown:,}{total} inputs{note}{of}, {params['sampling']}, seed {params['seed']} · "
        f"{kind} {dimension}"
    )


def norm_sentence(scene: StudyScene) -> str:
    """Say in which layers there is how much shape at this step, and since training began."""
    if scene.study is None:
        waiting = scene.norms.waiting if scene.has_networks else 0
        return scene.found["study"].error or f"{waiting:,} networks are still computing …"
    if scene.place is None:
        return "No network of this step is in the study: choose a step of the heat map."
    means = scene.study.mean_norms()[scene.place]
    j = int(np.nanargmax(means)) if np.isfinite(means).any() else 0
    most = f"{scene.study.layers[j]} has the largest landscape norm ({means[j]:.3g})"
    return f"At {scene.named(scene.place)} {most}. {together(scene)}"


def together(scene: StudyScene) -> str:
    """Say the norm of all layers together, and what is tested of it since the first step."""
    study = scene.needed
    usable = study.norms[:, np.isfinite(study.norms).any(axis=0)]
    norms = np.sqrt((usable**2).sum(axis=1))  # NaN of networks in which a layer failed
    now, first = (_mean(norms[study.place == place]) for place in (scene.place, 0))
    said = f"All {usable.shape[1]} layers together: norm {now:.3g}"
    if not scene.place:
        return f"{said}."
    said = f"{said}, at {scene.named(0)} {first:.3g}"
    tests = scene.tests
    pair = None if tests is None else tests.index(study.places[0], study.places[scene.place])
    if tests is None or pair is None:
        return f"{said}."
    pairs, n = len(tests.first), int(tests.counts[pair, 0])
    grown = int(tests.grown[pair, -1])
    runs = f"larger in {grown} of {n} runs, " if grown >= 0 else ""
    change, distance = tests.norms[pair, -1], tests.shapes[pair, -1]
    return (
        f"{said} ({runs}{p_words(change, pairs)}); the mean landscapes are {distance[0]:.3g} apart "
        f"({p_words(distance, pairs)})."
    )


def p_words(test: Floats, pairs: int) -> str:
    """Say a p-value, with that after correcting for several pairs."""
    holm = f", {test[2]:.2g} after Holm over {pairs} pairs" if pairs > 1 else ""
    return f"p = {test[1]:.2g}{holm}"


def _mean(values: Floats) -> float:
    """Mean of those that are known; NaN of none."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else np.nan
