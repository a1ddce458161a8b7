"""The panels of the view *Activations*."""

import numpy as np
from numpy.typing import NDArray

from analysis.landscape_study import LandscapeStudy
from dashboard.activation_words import together, what
from dashboard.figures.depth import StepCurve, depth_figure
from dashboard.figures.landscape import Bundle, difference_figure, landscape_figure
from dashboard.figures.layer_curves import PathCurve, layer_curves_figure
from dashboard.view import Panel, empty
from dashboard.views.activations.scene import ActivationScene

CLEAR = 2.0
"""Bars are counted where the last of them is so many times the next."""

LEVELS = 3
"""Levels of a landscape that are drawn; the table has all that are kept."""


def landscape_panel(scene: ActivationScene, scheme: str) -> Panel:
    """Draw the layer's mean landscape, over that of another step."""
    study = scene.needed
    if (why := _why_no_place(scene)) or scene.place is None or scene.layer is None:
        return empty(why)
    bundles = [_bundle(study, (scene.place, scene.layer), "primary", scene.named(scene.place))]
    other = scene.compared()
    if other is not None:
        tone = "null" if other.study.places[other.place] == "step 0" else "compared"
        bundles.append(_bundle(other.study, (other.place, other.layer), tone, other.name))
    figure = landscape_figure(bundles, scheme=scheme, note="bands: ± a standard deviation of runs")
    total = int(study.counts[scene.place, scene.layer])
    levels = f"first {LEVELS} levels; norms are of all"
    parts = [scene.cursor.layer, levels, f"mean over {_runs(total)}", *_layer_notes(scene)]
    return Panel(figure, "", " · ".join(parts))


def _runs(count: int) -> str:
    return f"{count} run{'s' if count != 1 else ''}"


def _why_no_place(scene: ActivationScene) -> str:
    if scene.study is None:
        return scene.why("study")
    if scene.place is None:
        shown = f"{len(scene.columns)} of {len(scene.ask.experiment.axis)}"
        return f"This step is not among the {shown} steps of the study: choose one of the heat map."
    if scene.layer is None:
        return f"{scene.cursor.layer} is not a layer of every network here."
    return ""


def _layer_notes(scene: ActivationScene) -> list[str]:
    if scene.place is None or scene.layer is None:
        return []
    column = scene.columns.index(scene.cursor.index) if scene.cursor.index in scene.columns else -1
    return sorted(scene.norms.notes.get((scene.layer, column), ()))[:2]


def _bundle(study: LandscapeStudy, at: tuple[int, int], tone: str, name: str) -> Bundle:
    mean = study.means[at][:LEVELS].astype(np.float64)
    spread = study.spreads[at][:LEVELS].astype(np.float64)
    n = int(study.counts[at])
    return Bundle(
        f"{name} ({n} runs)" if n > 1 else name,
        study.grids[at[1]],
        mean,
        low=np.maximum(mean - spread, 0) if n > 1 else None,
        high=mean + spread if n > 1 else None,
        tone=tone,  # type: ignore[arg-type]
    )


def difference_panel(scene: ActivationScene, scheme: str) -> Panel:
    """Draw the difference of the two mean landscapes."""
    study, other = scene.needed, scene.compared()
    if other is None or scene.place is None or scene.layer is None:
        return empty(_why_no_place(scene) or _nothing_beside(scene))
    grid = study.grids[scene.layer]
    mean = study.means[scene.place, scene.layer, :LEVELS].astype(np.float64)
    levels = other.study.means[other.place, other.layer, :LEVELS]
    there = np.array([np.interp(grid, other.study.grids[other.layer], row) for row in levels])
    here = scene.named(scene.place)
    figure = difference_figure(
        grid, mean - there, names=(here, other.name), scheme=scheme, height=420
    )
    return Panel(
        figure,
        "",
        f"{scene.cursor.layer}: {here} minus {other.name}, means over runs · {what(scene)}",
    )


def _nothing_beside(scene: ActivationScene) -> str:
    """Say why there is nothing to compare with."""
    against = scene.cursor.against
    if against == "others":
        return scene.why("others")
    if against == "pin":
        return "Nothing is pinned: press “pin” at a layer and step, then go elsewhere."
    return "Nothing else to compare with: choose another step."


def depth_panel(scene: ActivationScene, scheme: str) -> Panel:
    """Draw norms against layers, a curve per step, and neural persistence below."""
    study = scene.needed
    figure = depth_figure(
        study.layers,
        [_step_curve(scene, place, study.norms) for place in range(len(study.places))],
        companion=[
            _step_curve(scene, place, study.neural_persistence)
            for place in range(len(study.places))
            if np.isfinite(study.neural_persistence).any()
        ],
        current=scene.cursor.index,
        scheme=scheme,
    )
    n = int((study.place == (scene.place or 0)).sum())
    thin = f", {n} thin lines its runs" if n > 1 else ""
    return Panel(
        figure,
        "",
        f"bold: this step{thin} · {_rises(scene)} · {what(scene)}",
    )


def _rises(scene: ActivationScene) -> str:
    """Say where the mean norm rises most from one layer to the next, and in how many runs."""
    study = scene.needed
    if scene.place is None:
        return "mean over runs"

    def largest(place: int) -> str:
        steps = np.diff(study.mean_norms()[place])
        if not len(steps) or not (steps > 0).any():
            return "no rise"
        j = int(np.nanargmax(steps))
        own = np.diff(study.norms[study.place == place], axis=1)[:, j]
        own = own[np.isfinite(own)]
        runs = f" in {int((own > 0).sum())} of {len(own)} runs" if len(own) > 1 else ""
        return f"{study.layers[j]} to {study.layers[j + 1]} +{steps[j]:.2g}{runs}"

    first = f" (at {scene.named(0)}: {largest(0)})" if scene.place else ""
    return f"largest rise with depth: {largest(scene.place)}{first}"


def _step_curve(scene: ActivationScene, place: int, values: NDArray[np.float64]) -> StepCurve:
    study = scene.needed
    rows = values[study.place == place]
    known = np.isfinite(rows)
    count = known.sum(axis=0)
    mean = np.where(count, np.where(known, rows, 0).sum(axis=0) / np.maximum(count, 1), np.nan)
    many = len(rows) > 1
    deviation = np.where(known, rows - mean, 0)
    spread = np.sqrt((deviation**2).sum(axis=0) / np.maximum(count - 1, 1))
    return StepCurve(
        scene.named(place),
        _index(scene, place),
        mean,
        low=mean - spread if many else None,
        high=mean + spread if many else None,
        runs=rows if many else None,
        words=[
            f"{layer}, {scene.named(place)}: {m:.3g} ± {s:.2g} over {n} runs"
            f"{_lies(study, place, j)}"
            for j, (layer, m, s, n) in enumerate(
                zip(study.layers, mean, spread, count, strict=True)
            )
        ],
        untrained=study.places[place] == "step 0",
    )


def _lies(study: LandscapeStudy, place: int, layer: int) -> str:
    """Say how far the clouds lie from the origin, which local homology depends on."""
    rows = study.offset[study.place == place, layer]
    known = rows[np.isfinite(rows)]
    return f"; {np.median(known):.2g} spreads from the origin" if len(known) else ""


def _mean(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over networks of where their layers lie; of those that are there."""
    known = np.isfinite(rows)
    count = known.sum(axis=0)
    sums = np.where(known, rows, 0).sum(axis=0)
    return np.where(count, sums / np.maximum(count, 1), np.nan)


def _index(scene: ActivationScene, place: int) -> int:
    """Position on the axis of a place of the study."""
    from analysis.sources import place_name

    axis = scene.ask.experiment.axis
    names = [place_name(each.step, each.milestone) for each in axis]
    return names.index(scene.needed.places[place])


def curves_panel(scene: ActivationScene, scheme: str) -> Panel:
    """Draw the activation landscape curve of each step in one plane."""
    study = scene.needed
    curves = []
    for place, name in enumerate(study.places):
        rows = study.plane[study.place == place]
        runs = rows if len(rows) > 1 else None
        curves.append(
            PathCurve(
                scene.named(place),
                _index(scene, place),
                _mean(rows),
                runs=runs,
                untrained=name == "step 0",
            )
        )
    titles = ("UMAP 1", "UMAP 2")
    if study.explained:
        first, second = study.explained
        titles = (f"PC 1 ({first:.0%} of variance)", f"PC 2 ({second:.0%})")
    figure = layer_curves_figure(
        study.layers, curves, titles=titles, current=scene.cursor.index, scheme=scheme
    )
    text = (
        f"{len(study.runs):,} networks × {len(study.layers)} layers: each landscape is a point, a "
        f"network a curve from its inputs to its output · {what(scene)}"
    )
    return Panel(figure, "", text)


def sentence(scene: ActivationScene) -> str:
    """Say the finding: the norm here and untrained, all layers together, and the test of it."""
    if scene.study is None:
        waiting = scene.norms.waiting if scene.has_networks else 0
        why = scene.found["study"].error
        return why or f"{waiting:,} networks are still computing …"
    study = scene.study
    if (why := _why_no_place(scene)) or scene.place is None or scene.layer is None:
        return why
    values = study.norms[study.place == scene.place, scene.layer]
    known = values[np.isfinite(values)]
    if not len(known):
        notes = "; ".join(_layer_notes(scene)) or "no run has it"
        return f"{scene.cursor.layer}: {notes}."
    here = f"{scene.cursor.layer} at {scene.named(scene.place)}"
    spread = f" ± {known.std(ddof=1):.2g} over {len(known)} runs" if len(known) > 1 else ""
    said = f"{here}: landscape norm {known.mean():.3g}{spread}{_first(scene)}"
    dead = "" if known.any() else "".join(f"; {note}" for note in _layer_notes(scene))
    return f"{said}{dead}{_longest(scene)}. {together(scene)}"


def _first(scene: ActivationScene) -> str:
    study = scene.needed
    if not scene.place or scene.layer is None:
        return ""
    value = study.mean_norms()[0, scene.layer]
    return f" ({scene.named(0)}: {value:.3g})" if np.isfinite(value) else ""


def _longest(scene: ActivationScene) -> str:
    """Say how many loops come before the largest gap in the run that is looked at, and at first."""
    now = scene.gap(scene.place)
    if now is None or now[1] < CLEAR:
        return ""
    loops = "loop" if now[0] == 1 else "loops"
    said = f"; {scene.run}: {now[0]} {loops} before a gap of {now[1]:.1f}×"
    first = scene.gap(0) if scene.place else None
    return said if first is None else f"{said} ({scene.named(0)}: {first[0]}, {first[1]:.1f}×)"
