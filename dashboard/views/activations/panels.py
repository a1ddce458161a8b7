"""The panels of the view *Activations*."""

import numpy as np
from numpy.typing import NDArray

from analysis.landscape_study import LandscapeStudy
from dashboard import words
from dashboard.activation_study import together, what
from dashboard.figures.depth import StepCurve, depth_figure
from dashboard.figures.landscape import Bundle, difference_figure, landscape_figure
from dashboard.figures.layer_curves import PathCurve, layer_curves_figure
from dashboard.figures.pvalues import PairTests, pvalues_figure
from dashboard.view import Panel, Row, empty
from dashboard.views.activations.scene import ActivationScene

LEVELS = 3
"""Levels of a landscape that are drawn; the table has all that are kept."""

SIGNIFICANT = 0.05


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
    return Panel(figure, "", f"{scene.cursor.layer}: {here} minus {other.name}, means over runs")


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
        f"bold: this step{thin} · {_not_monotone(scene)} · {what(scene)}",
    )


def _not_monotone(scene: ActivationScene) -> str:
    """Say how often the mean norm rises from one layer to the next, and its largest rise."""
    if scene.place is None:
        return "mean over runs"
    study = scene.needed

    def rise(place: int) -> float:
        steps = np.diff(study.mean_norms()[place])
        return float(np.nanmax(np.append(steps, 0)))

    now = np.diff(study.mean_norms()[scene.place])
    first = f", {rise(0):.3g} at {scene.named(0)}" if scene.place else ""
    return f"{int((now > 0).sum())} rises, largest {rise(scene.place):.3g}{first}"


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
            for layer, m, s, n in zip(study.layers, mean, spread, count, strict=True)
        ],
        untrained=study.places[place] == "step 0",
    )


def _index(scene: ActivationScene, place: int) -> int:
    """Position on the axis of a place of the study."""
    from analysis.landscape_tests import place_name

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
                rows.mean(axis=0),
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
        "network a curve from its inputs to its output"
    )
    return Panel(figure, "", text)


def tests_panel(scene: ActivationScene, scheme: str) -> Panel:
    """Draw the p-values of all pairs."""
    study = scene.needed
    if not study.first:
        return empty(_why_no_tests(study))
    names = list(dict.fromkeys([*study.first, *study.second]))
    n = len(names)
    tables = {name: np.full((n, n), np.nan) for name in ("statistic", "p", "adjusted")}
    permutations = np.zeros((n, n), np.int64)
    for i, pair in enumerate(zip(study.first, study.second, strict=True)):
        a, b = (names.index(each) for each in pair)
        for table, value in zip(tables.values(), study.tests[i, -1], strict=True):
            table[a, b] = table[b, a] = value
        permutations[a, b] = permutations[b, a] = study.counts_of_tests[i, 2]
    figure = pvalues_figure(
        PairTests(
            [words.milestone(name) for name in names],
            **tables,
            permutations=permutations,
            smallest_p=float(study.smallest.max()),
        ),
        scheme=scheme,
    )
    exact = "all" if study.counts_of_tests[:, 3].all() else "drawn"
    text = (
        f"{_adjusted(len(study.first))}, all layers together · "
        f"{int(study.counts_of_tests[:, 2].max()):,} permutations ({exact}) · smallest p that these"
        f" runs can reach {study.smallest.max():.2g} before Holm"
    )
    return Panel(figure, "", text)


def _adjusted(pairs: int) -> str:
    return f"p after Holm over all {pairs} pairs" if pairs > 1 else "p of the only pair"


def _why_no_tests(study: LandscapeStudy) -> str:
    runs = len(set(study.runs))
    if runs < 2:
        return "A test needs at least two runs; there is one. Train it again from other seeds."
    return "No two steps or milestones are shared by two runs, so nothing can be compared."


def words_panel(scene: ActivationScene, _scheme: str) -> Panel:
    """Say each test in words."""
    study = scene.needed
    if not study.first:
        return empty(_why_no_tests(study))
    text = (
        "A small p says that these trainings differ by more than exchanging the labels would give. "
        "It does not say how much, why, nor that other data or networks would."
    )
    return Panel(empty("").figure, "", text, rows=verdicts(scene))


def verdicts(scene: ActivationScene) -> list[Row]:
    """One row per pair: what its test says, in words, with its numbers."""
    study = scene.study
    if study is None:
        return []
    return [_verdict(study, i) for i in range(len(study.first))]


def _verdict(study: LandscapeStudy, i: int) -> Row:
    distance, p, adjusted = (float(each) for each in study.tests[i, -1])
    n_first, n_second, permutations, _ = (int(each) for each in study.counts_of_tests[i])
    own = study.tests[i, :-1]
    layers = [name for name, row in zip(study.layers, own, strict=True) if row[2] <= SIGNIFICANT]
    if adjusted <= SIGNIFICANT:
        said = "The shapes differ by more than chance"
    elif float(study.smallest[i]) * len(study.first) > SIGNIFICANT:
        said = "Too few runs to tell, whatever the difference"
    else:
        said = "No difference is shown"
    return {
        "first": words.milestone(study.first[i]),
        "second": words.milestone(study.second[i]),
        "what it says": said,
        "p (Holm)": adjusted,
        "p": p,
        "distance": distance,
        "runs": n_first if n_first == n_second else f"{n_first} and {n_second}",
        "layers that differ": ", ".join(layers) or "none by itself",
        "permutations": permutations,
    }


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
    return f"{said}{dead}{_dominant(scene)}. {together(scene)}"


def _first(scene: ActivationScene) -> str:
    study = scene.needed
    if not scene.place or scene.layer is None:
        return ""
    value = study.mean_norms()[0, scene.layer]
    return f" ({scene.named(0)}: {value:.3g})" if np.isfinite(value) else ""


def _dominant(scene: ActivationScene) -> str:
    """Say how many bars stand out in the run that is looked at."""
    if scene.cloud is None:
        return ""
    from analysis.homology import standing_out

    count, gap = standing_out(scene.cloud.diagram, most=20)
    if not count or gap < 2:
        return ""
    loops = "loop stands" if count == 1 else "loops stand"
    return f"; {count} {loops} out in {scene.run}, {gap:.1f}× the next bar"
