"""The panels of the view *Activations*."""

import numpy as np
from numpy.typing import NDArray
from plotly.colors import unlabel_rgb

from analysis.landscape_study import LandscapeStudy
from dashboard import input_images, words
from dashboard.figures import marks
from dashboard.figures.barcode import Group, barcode_figure
from dashboard.figures.cloud import Cloud, class_colour, cloud_figure
from dashboard.figures.depth import StepCurve, depth_figure
from dashboard.figures.inputs import SPRITE, inputs_figure
from dashboard.figures.landscape import Bundle, difference_figure, landscape_figure
from dashboard.figures.layer_curves import PathCurve, layer_curves_figure
from dashboard.figures.mapper import Colour, Marked, mapper_figure
from dashboard.figures.norms import norms_figure
from dashboard.figures.pvalues import PairTests, pvalues_figure
from dashboard.figures.sizes import sizes_figure
from dashboard.view import Panel, Row, empty
from dashboard.views.activations.scene import ActivationScene, Rows

LEVELS = 3
"""Levels of a landscape that are drawn; the table has all that are kept."""

GRID = 120
"""At most so many inputs are drawn; the caption says of how many."""

COLUMNS = 9

SIGNIFICANT = 0.05


def what(scene: ActivationScene) -> str:
    """Say which clouds the landscapes are of."""
    params = scene.params
    of = f" of class {params['of_class']}" if params["of_class"] else ""
    dimension = {0: "H₀", 1: "H₁", 2: "H₂"}[params["dimension"]]
    kind = {"global": "global", "local": "local (at the origin)"}[params["homology"]]
    total = f" of {scene.study.n_total:,}" if scene.study is not None else ""
    return (
        f"{params['inputs']:,}{total} inputs{of}, {params['sampling']}, seed {params['seed']} · "
        f"{kind} {dimension}"
    )


def norms_panel(scene: ActivationScene, scheme: str) -> Panel:
    """Draw the norms of all layers at all steps."""
    if "network|0" not in scene.found and scene.study is None:
        return empty(scene.why("study"))
    found = scene.norms
    figure = norms_figure(
        found.layers,
        found.labels,
        found.mean,
        words=_norm_words(scene),
        states=_norm_states(scene),
        scheme=scheme,
    )
    figure = marks.renumber(figure, scene.columns)
    waiting = f" · {found.waiting:,} networks still computing" if found.waiting else ""
    counts = {len(runs) for runs in found.runs.values()}
    runs = f"mean over {_span(counts)} runs" if counts else "no network yet"
    return Panel(figure, "", f"{runs} · {what(scene)}{waiting} · click a cell to go there")


def _span(counts: set[int]) -> str:
    return str(max(counts)) if len(counts) == 1 else f"{min(counts)} to {max(counts)}"


def _norm_words(scene: ActivationScene) -> list[list[str]]:
    found = scene.norms
    return [
        [_said(scene, j, c) for c in range(len(found.labels))] for j in range(len(found.layers))
    ]


def _said(scene: ActivationScene, j: int, c: int) -> str:
    found = scene.norms
    runs = found.runs.get((j, c), {})
    lines = [f"{found.layers[j]} at {found.labels[c]}"]
    if runs:
        values = list(runs.values())
        spread = f", {min(values):.3g} to {max(values):.3g}" if len(values) > 1 else ""
        lines.append(f"norm {found.mean[j, c]:.3g}: mean of {len(values)} runs{spread}")
        lines += [f"{run}: {value:.3g}" for run, value in list(runs.items())[:12]]
        if len(runs) > 12:
            lines.append(f"and {len(runs) - 12} more")
    if failed := found.failed.get((j, c)):
        lines.append(f"{failed} runs failed")
    return "\n".join([*lines, *sorted(found.notes.get((j, c), ()))[:3]])


def _norm_states(scene: ActivationScene) -> list[list[str]]:
    found = scene.norms

    def state(at: tuple[int, int]) -> str:
        if at in found.runs:
            none = max(found.runs[at].values()) == 0
            return "dead" if none and found.notes.get(at) else ""
        if at in found.failed:
            return "error"
        return "waiting" if found.waiting else ""

    return [[state((j, c)) for c in range(len(found.labels))] for j in range(len(found.layers))]


def landscape_panel(scene: ActivationScene, scheme: str) -> Panel:
    """Draw the layer's mean landscape, over that of another step."""
    study = scene.needed
    if (why := _why_no_place(scene)) or scene.place is None or scene.layer is None:
        return empty(why)
    bundles = [_bundle(study, (scene.place, scene.layer), "primary", scene.named(scene.place))]
    other = scene.compared()
    if other is not None:
        place, layer, name = other
        tone = "null" if study.places[place] == "step 0" else "compared"
        bundles.append(_bundle(study, (place, layer), tone, name))
    figure = landscape_figure(bundles, scheme=scheme, note="bands: ± a standard deviation of runs")
    total = int(study.counts[scene.place, scene.layer])
    levels = f"first {LEVELS} levels; norms are of all"
    note = " · ".join(_layer_notes(scene))
    text = f"{scene.cursor.layer} · {levels} · mean over {total} runs{f' · {note}' if note else ''}"
    return Panel(figure, "", text)


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
        return empty(_why_no_place(scene) or "Nothing else to compare with: choose another step.")
    place, layer, name = other
    grid = study.grids[scene.layer]
    mean = study.means[scene.place, scene.layer, :LEVELS].astype(np.float64)
    there = study.means[place, layer, :LEVELS].astype(np.float64)
    if layer != scene.layer:
        there = np.array([np.interp(grid, study.grids[layer], row) for row in there])
    here = scene.named(scene.place)
    figure = difference_figure(grid, mean - there, names=(here, name), scheme=scheme, height=420)
    return Panel(figure, "", f"{scene.cursor.layer}: {here} minus {name}, means over runs")


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
    text = (
        f"{len(bars):,} H₁ bars of {scene.cursor.layer}, {scene.run}; lengths in units of "
        f"{_unit_of_length(scene)} · norm {cloud.norm:.3g} · a click shows the inputs on a bar’s "
        "loop"
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
        return empty("The selection holds no input here: choose another bar, node or point.")
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
    every = np.arange(len(scene.cloud.rows))
    if scene.primary is not None:  # the clicked input, and what lies near it in the picture
        gaps = np.linalg.norm(scene.cloud.plane - scene.cloud.plane[scene.primary], axis=1)
        return np.argsort(gaps, kind="stable"), "inputs, nearest in the picture first"
    return every, "inputs"


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
    )
    covered = len(np.unique(graph.members.values))
    text = (
        f"b₀ {found.b0} · b₁ {found.b1} · {graph.n_nodes} nodes · {covered:,} of "
        f"{len(cloud.rows):,} inputs in them · a node’s picture is its mean input, its frame the "
        "commonest class, its size the number of inputs"
    )
    none = "No cluster is large enough to be a node: lower “min samples”, or raise the cut."
    return Panel(figure, "" if graph.n_nodes else none, text)


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
        f"p after Holm over all {len(study.first)} pairs, all layers together · "
        f"{int(study.counts_of_tests[:, 2].max()):,} permutations ({exact}) · smallest p that these"
        f" runs can reach {study.smallest.max():.2g} before Holm"
    )
    return Panel(figure, "", text)


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
    study = scene.needed
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
        "distance": distance,
        "p": p,
        "p (Holm)": adjusted,
        "layers that differ": ", ".join(layers) or "none by itself",
        "runs": n_first if n_first == n_second else f"{n_first} and {n_second}",
        "permutations": permutations,
    }


def sentence(scene: ActivationScene) -> str:
    """Say the finding: the norm here and untrained, all layers together, and the test of it."""
    if scene.study is None:
        waiting = scene.norms.waiting if "network|0" in scene.found else 0
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
    parts = [f"{here}: landscape norm {known.mean():.3g}{spread}{_first(scene)}{_dominant(scene)}"]
    return f"{'; '.join(parts)}. {_together(scene)}"


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


def _together(scene: ActivationScene) -> str:
    """Say the norm of all layers together, and the test against the first step."""
    study = scene.needed
    squares = np.where(np.isfinite(study.norms), study.norms, 0) ** 2
    norms = np.sqrt(squares.sum(axis=1))
    now = float(norms[study.place == scene.place].mean())
    first = float(norms[study.place == 0].mean())
    if not scene.place:
        return f"All {len(study.layers)} layers together: {now:.3g}."
    said = f"All {len(study.layers)} layers together: {now:.3g}, at {scene.named(0)} {first:.3g}"
    both = (study.places[0], study.places[scene.place])
    pairs = list(zip(study.first, study.second, strict=True))
    if both not in pairs:
        return f"{said}."
    _, p, adjusted = (float(each) for each in study.tests[pairs.index(both), -1])
    n = int(study.counts_of_tests[pairs.index(both), 0])
    return f"{said} (p = {p:.2g}, {_holm(adjusted, len(pairs))}{n} runs)."


def _holm(adjusted: float, pairs: int) -> str:
    return f"{adjusted:.2g} after Holm over {pairs} pairs, " if pairs > 1 else ""


def counts(scene: ActivationScene) -> str:
    """Say how many inputs are selected of those shown, and of all."""
    if scene.cloud is None:
        return ""
    selected = 0 if scene.chosen is None else len(scene.chosen)
    return f"{selected:,} selected of {len(scene.cloud.rows):,} of {scene.cloud.n_total:,} inputs"
