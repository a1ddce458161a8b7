"""The view *Overview*: what is in an experiment, and what is found in each layer."""

from typing import Any

import numpy as np

from dashboard import lattice, metrics, words
from dashboard.activation_norms import norm_rows, norms_panel
from dashboard.activation_study import StudyScene, beside_units
from dashboard.activation_units import SHARED_ROW
from dashboard.activation_words import norm_sentence
from dashboard.cursor import runs_at
from dashboard.figures import marks
from dashboard.figures.accuracy import accuracy_figure
from dashboard.figures.blank import BLANK
from dashboard.figures.grid import Cell, grid_figure, runs_figure
from dashboard.figures.opening import opening_figure
from dashboard.lattice import Brief, Place
from dashboard.results import Found
from dashboard.thumbnails import thumbnail
from dashboard.view import PLACE, About, Ask, Panel, Row, Spec, View, empty

NAMED = 9
"""Layers that a sentence names; of more it says how many."""

MOST_RUNS = 100


class Scene:
    """All panels of *Overview* at one step."""

    def __init__(self, ask: Ask, found: Found) -> None:
        self.ask = ask
        self.found = found
        self.places = lattice.places(ask)
        self.study = StudyScene(ask, found)

    @property
    def has_filters(self) -> bool:
        """Whether the experiment has layers with filters."""
        return bool(self.places)

    def labels(self) -> list[str]:
        """Return the steps that are shown, as the axis says them."""
        axis = self.ask.experiment.axis
        return [words.tick(axis[i]) for i in lattice.steps(self.ask)]

    def briefs(self) -> dict[tuple[str, int], Brief | None]:
        """Return what is said of every place, by layer and position."""
        return {
            (place.layer, place.index): place.brief(self.ask)
            for row in self.places
            for place in row
        }


def here(scene: Scene) -> list[Place]:
    """Return the places of the current step, one per layer."""
    index = scene.ask.cursor.index
    shown = {(p.layer, p.index): p for row in scene.places for p in row}
    return [
        shown.get((layer, index)) or lattice.place(scene.ask, layer, index)
        for layer in lattice.layers(scene.ask)
    ]


def units(ask: Ask) -> dict[str, Any]:
    """List what the lattice is made of, with the current step."""
    need: dict[str, Any] = {**lattice.units(ask), **beside_units(ask)}
    for layer in lattice.layers(ask):
        need |= lattice.units_at(lattice.place(ask, layer, ask.cursor.index))
    return need


def sentence(scene: Scene) -> str:
    """Say in which layers a loop stands out at this step, and since when."""
    ask = scene.ask
    if not scene.has_filters:
        return norm_sentence(scene.study)
    now = [(place.layer, place.brief(ask)) for place in here(scene)]
    known = [(layer, brief) for layer, brief in now if brief is not None]
    seen = [layer for layer, brief in known if brief.loops]
    where = f"At {words.step_short(ask.experiment.axis[ask.cursor.index])}"
    if len(ask.experiment.axis) == 1:
        where = "In this snapshot"
    of = (
        f"{len(known)} of {len(now)} layers computed"
        if len(known) < len(now)
        else (f"{len(now)} layer{'s' if len(now) != 1 else ''}")
    )
    if not seen:
        return f"{where} no loop stands out from the null ({of})."
    first = [layer for layer, brief in known if brief.loops == 1 and brief.primary]
    rest = [layer for layer in seen if layer not in first]
    kinds = [("the primary circle", first), ("another shape", rest)]
    found = "; ".join(f"{what} in {_named(layers)}" for what, layers in kinds if layers)
    since = first_seen(scene)
    once = [f"{layer} from {since[layer]}" for layer in seen if layer in since][:NAMED]
    when = f" First seen: {', '.join(once)}." if len(ask.experiment.axis) > 1 and once else ""
    return f"{where} a loop stands out in {len(seen)} of {of}: {found}.{when}"


def _named(layers: list[str]) -> str:
    more = f" and {len(layers) - NAMED} more" if len(layers) > NAMED else ""
    return f"{', '.join(layers[:NAMED])}{more}"


def first_seen(scene: Scene) -> dict[str, str]:
    """Return, by layer, the first shown step at which a loop is claimed."""
    found: dict[str, str] = {}
    axis = scene.ask.experiment.axis
    for (layer, index), brief in sorted(scene.briefs().items(), key=lambda each: each[0][1]):
        if brief is not None and brief.loops and layer not in found:
            found[layer] = words.step_short(axis[index])
    return found


def cell(scene: Scene, place: Place) -> Cell:
    """Say what is known of one place."""
    brief = place.brief(scene.ask)
    if brief is not None:
        return Cell(brief.strength, brief.null, claimed=brief.loops > 0, words=brief.finding)
    why = place.failure(scene.found)
    if not why:
        return Cell(state="waiting", words="not computed yet")
    state = "not stored" if "is not stored" in why else "no shape"
    return Cell(state="unreadable" if "cannot be read" in why else state, words=why)


def contents_panel(scene: Scene, scheme: str) -> Panel:
    """Draw layers × steps, coloured by loop strength."""
    if not scene.has_filters:
        return Panel(BLANK, hidden=True)
    cells = [[cell(scene, place) for place in row] for row in scene.places]
    figure = grid_figure(lattice.layers(scene.ask), scene.labels(), cells, scheme=scheme)
    figure = marks.renumber(figure, lattice.steps(scene.ask))
    done = sum(each.state != "waiting" for row in cells for each in row)
    parts = [f"{done:,} of {sum(map(len, cells)):,} computed", lattice.sampling(scene.ask)]
    text = "click a cell to go there · ○ a loop that stands out from the null"
    about = scene.ask.experiment.description.partition(". ")[0][:240]
    return Panel(figure, "", " · ".join([part for part in [about, *parts] if part] + [text]))


def shape_panel(scene: Scene, scheme: str) -> Panel:
    """Draw the Mapper graph of the current layer, as a way into *Filters*."""
    ask = scene.ask
    if not scene.has_filters:
        return Panel(BLANK, hidden=True)
    here_ = lattice.place(ask, ask.cursor.layer, ask.cursor.index)
    brief = here_.brief(ask)
    drawn = thumbnail(ask, here_, scheme=scheme, patched=True)
    if brief is None or drawn is None:
        return empty(here_.failure(scene.found) or "Computing …")
    text = (
        f"{here_.layer} · b₀ {brief.b0} · b₁ {brief.b1} · {brief.n_kept:,} of {brief.n_filters:,} "
        "filters; a node’s picture is its mean filter, its frame the angle · click to look closer"
    )
    return Panel(opening_figure(drawn, {"view": "filters"}, scheme=scheme), "", text)


def runs_panel(scene: Scene, scheme: str) -> Panel:
    """Draw which runs have which steps."""
    experiment = scene.ask.experiment
    runs = experiment.runs[:MOST_RUNS]
    shown = lattice.steps(scene.ask)
    present = np.array(
        [[run.snapshot(experiment.axis[i]) is not None for i in shown] for run in runs]
    )
    steps = [words.mark(experiment.axis[i]) for i in shown]  # its columns are narrow
    figure = runs_figure([run.name for run in runs], steps, present, scheme=scheme)
    figure = marks.renumber(figure, shown)
    cut = (
        f"{len(runs)} of {len(experiment.runs)} runs shown"
        if len(runs) < len(experiment.runs)
        else ""
    )
    return Panel(figure, "", cut, hidden=present.size == 1)


def accuracy_panel(scene: Scene, scheme: str) -> Panel:
    """Draw accuracy (or loss) against the training step."""
    ask = scene.ask
    curves = metrics.curves(ask.experiment, ask.cursor.runs)
    if not curves:
        without = "No run has a metrics.csv (step, then columns such as val_accuracy)."
        alone = len(ask.experiment.axis) == 1
        return Panel(BLANK, without, hidden=alone)
    steps = [each.step for each in ask.experiment.axis]
    drawn = {curve.name: metrics.drawn(curve) for curve in curves}
    figure = accuracy_figure(drawn, steps, scheme=scheme)
    return Panel(figure, "", f"mean and range over {curves[0].n_runs} runs")


def findings_panel(scene: Scene, _scheme: str) -> Panel:
    """Say what is found in each layer at this step."""
    axis = scene.ask.experiment.axis
    alone = len(axis) == 1
    where = "the only snapshot" if alone else words.step_short(axis[scene.ask.cursor.index])
    text = f"at {where} · click a row to look at its filters"
    return Panel(BLANK, "", text, rows=findings(scene), hidden=not scene.has_filters)


def study_panel(scene: Scene, scheme: str) -> Panel:
    """Draw the landscape norms of activations, where there are some."""
    if not scene.study.is_shown:
        return Panel(BLANK, hidden=True)
    return norms_panel(scene.study, scheme)


def study_rows(scene: Scene) -> list[Row]:
    """One row per layer, step and run."""
    return norm_rows(scene.study) if scene.study.is_shown else []


def findings(scene: Scene) -> list[Row]:
    """One row per layer at this step."""
    return [_finding(scene, place) for place in here(scene)]


def _finding(scene: Scene, place: Place) -> Row:
    brief = place.brief(scene.ask)
    why = place.failure(scene.found) or "computing …"
    pick = {"layer": place.layer, "view": "filters"}
    row: Row = {"layer": place.layer, "finding": brief.finding if brief else why}
    if brief is not None:
        row |= {
            "shape": _shape(brief),
            "loop_strength": brief.strength,
            "null": brief.null,
            "primary_circle_share": brief.share,
            "b₀": brief.b0,
            "b₁": brief.b1,
            "kept": brief.n_kept,
            "total": brief.n_total,
        }
    return row | {"_pick": pick}


def _shape(brief: Brief) -> str:
    if not brief.loops:
        return "–"
    if brief.loops > 1:
        return f"{brief.loops} loops"
    return "primary circle" if brief.primary else "another loop"


def rows_of_shape(scene: Scene) -> list[Row]:
    """One row: what is found in the current layer."""
    ask = scene.ask
    if not scene.has_filters:
        return []
    return [_finding(scene, lattice.place(ask, ask.cursor.layer, ask.cursor.index))]


def contents(scene: Scene) -> list[Row]:
    """One row per layer and step."""
    axis = scene.ask.experiment.axis
    rows = []
    for line in scene.places:
        for place in line:
            brief = place.brief(scene.ask)
            rows.append(
                {
                    "layer": place.layer,
                    "step": axis[place.index].step,
                    "milestone": axis[place.index].milestone,
                    "loop_strength": brief.strength if brief else None,
                    "null": brief.null if brief else None,
                    "loops": brief.loops if brief else None,
                    "mapper_b0": brief.b0 if brief else None,
                    "mapper_b1": brief.b1 if brief else None,
                    "finding": brief.finding if brief else place.failure(scene.found),
                    "_pick": {"layer": place.layer, "index": place.index},
                }
            )
    return rows


def runs(scene: Scene) -> list[Row]:
    """One row per step: how many runs have it."""
    experiment = scene.ask.experiment
    return [
        {"step": place.step, "milestone": place.milestone, "runs": n, "of": len(experiment.runs)}
        for place, n in zip(experiment.axis, runs_at(experiment), strict=True)
    ]


def accuracy(scene: Scene) -> list[Row]:
    """One row per logged step and curve."""
    found = metrics.curves(scene.ask.experiment, scene.ask.cursor.runs)
    return [
        {"curve": c.name, "step": float(x), "mean": float(m), "low": float(a), "high": float(b)}
        for c in found
        for x, m, a, b in zip(c.steps, c.mean, c.low, c.high, strict=True)
    ]


VIEW = View(
    name="overview",
    title="Overview",
    order=0,
    about=About(
        shows=(
            "What this experiment holds: its runs, training steps and layers, how well it learned, "
            "and for every layer how much one loop stands out among its filters."
        ),
        read=(
            "Each cell is one layer at one step. The number is the length of the longest H₁ bar "
            "over the second: about 1 means no loop. A ring ○ marks loops that stand out: that "
            "number is at least 2 and at least twice that of the same filters with their entries "
            "mixed, the bar is at least twice as long as their longest, and 20 filters or more are "
            "kept. The primary circle is edges of every direction, light on one side and dark on "
            "the other. Click a cell or a row to go there."
        ),
        limits=(
            "A loop is found in the filters only; nothing here says what the network does with it. "
            "Cells share runs, so they are not independent of each other. Steps between the shown "
            "ones were not stored."
        ),
    ),
    row=SHARED_ROW,
    units=units,
    scene=Scene,
    sentence=sentence,
    fields=PLACE,
    panels={
        "contents": Spec("Layers × steps", contents_panel, contents, "six contents", tall=True),
        "shape": Spec("The shape of this layer", shape_panel, rows_of_shape, "six picture"),
        "accuracy": Spec("Accuracy", accuracy_panel, accuracy, "accuracy"),
        "landscapes": Spec(
            "Landscape norms of activations", study_panel, study_rows, "six", tall=True
        ),
        "runs": Spec("Runs × steps", runs_panel, runs),
        "findings": Spec("Findings", findings_panel, findings, "wide grid-box", table=True),
    },
)
