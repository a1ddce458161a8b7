"""The view *Evolution*: every layer at every step, as small Mapper graphs and as curves."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.landscape_study import LandscapeStudy
from dashboard import lattice, metrics, words
from dashboard.activation_norms import clickable, norm_rows
from dashboard.activation_study import StudyScene, beside_units
from dashboard.activation_units import SHARED_ROW
from dashboard.activation_words import norm_sentence, what
from dashboard.figures import marks
from dashboard.figures.blank import BLANK
from dashboard.figures.curves import Steps, strength_figure
from dashboard.figures.landscape_grid import Cell as Landscape
from dashboard.figures.landscape_grid import landscape_grid_figure
from dashboard.figures.multiples import Cell, multiples_figure
from dashboard.lattice import Place
from dashboard.results import Found
from dashboard.thumbnails import thumbnail
from dashboard.view import About, Ask, Panel, Row, Spec, View, empty

PATCHED = 16
"""Up to so many graphs, nodes show their filter; in smaller ones it could not be seen."""

IN_A_ROW = 7
"""Graphs of a network with one step, side by side."""


class Scene:
    """All panels of *Evolution*: no step of its own, the browser marks the current one."""

    def __init__(self, ask: Ask, found: Found) -> None:
        self.ask = ask
        self.found = found
        self.places = lattice.places(ask)
        self.briefs = [[place.brief(ask) for place in row] for row in self.places]
        axis = ask.experiment.axis
        self.axis = [axis[i] for i in lattice.steps(ask)]
        self.study = StudyScene(ask, found)

    @property
    def patched(self) -> bool:
        """Whether nodes are large enough to show their filter."""
        return sum(map(len, self.places)) <= PATCHED

    @property
    def labels(self) -> list[str]:
        """Steps that are shown, as the axis says them."""
        return [words.tick(each) for each in self.axis]


def units(ask: Ask) -> dict[str, Any]:
    """List what the lattice is made of, and the study of activations."""
    return {**lattice.units(ask), **beside_units(ask)}


def sentence(scene: Scene) -> str:
    """Say for the strongest layers since when a loop stands out."""
    if not scene.places:
        return norm_sentence(scene.study)
    said = []
    for row, briefs in zip(scene.places, scene.briefs, strict=True):
        known = [(i, brief) for i, brief in enumerate(briefs) if brief is not None]
        seen = [(i, brief) for i, brief in known if brief.loops]
        if seen:
            first, best = seen[0][0], max(seen, key=lambda each: each[1].strength or 0)
            counted = f"{len(seen)} of {len(known)} computed steps"
            said.append((row[0].layer, scene.axis[first], scene.axis[best[0]], best[1], counted))
    if not said:
        return "No loop stands out from the null at any computed step."
    said.sort(key=lambda each: -(each[3].strength or 0))
    if len(scene.axis) == 1:
        names = ", ".join(
            f"{name} ({brief.strength or 0:.1f}×)" for name, _, _, brief, _ in said[:6]
        )
        more = f" and {len(said) - 6} more" if len(said) > 6 else ""
        return f"A loop stands out in {len(said)} of {len(scene.places)} layers: {names}{more}."
    parts = [
        f"{name}: a loop stands out from {words.step_short(first)}, at {count}, most at "
        f"{words.step_short(best)} ({brief.strength or 0:.1f}×, null {brief.null or 0:.1f}×)"
        for name, first, best, brief, count in said[:2]
    ]
    return f"{'; '.join(parts)}."


def multiples_panel(scene: Scene, scheme: str) -> Panel:
    """Draw the Mapper graph of every place."""
    if not scene.places:
        return Panel(BLANK, hidden=True)
    cells = [
        [_cell(scene, place, column, scheme) for column, place in enumerate(row)]
        for row in scene.places
    ]
    layers = [row[0].layer for row in scene.places]
    parts = ["colour: angle of a node’s mean gradient", lattice.sampling(scene.ask)]
    note = " · ".join(part for part in parts if part)
    if len(scene.axis) == 1:
        flat = [row[0] for row in cells]
        rows = [flat[i : i + IN_A_ROW] for i in range(0, len(flat), IN_A_ROW)]
        names = [layers[i : i + IN_A_ROW] for i in range(0, len(flat), IN_A_ROW)]
        figure = multiples_figure([], [], rows, labels=names, scheme=scheme, note=note)
    else:
        figure = multiples_figure(layers, scene.labels, cells, scheme=scheme, note=note)
        figure = marks.renumber(figure, lattice.steps(scene.ask))
    text = "click a graph to go there; “Filters” shows it large"
    return Panel(figure, "", text)


def _cell(scene: Scene, place: Place, column: int, scheme: str) -> Cell:
    brief = place.brief(scene.ask)
    if brief is None:
        why = place.failure(scene.found)
        state = "not stored" if "is not stored" in why else "unreadable" if why else "waiting"
        return Cell(state=state, words=why or "computing", layer=place.layer, index=column)
    return Cell(
        sprite=thumbnail(scene.ask, place, scheme=scheme, patched=scene.patched),
        b0=brief.b0,
        b1=brief.b1,
        strength=brief.strength,
        words=brief.finding,
        claimed=brief.loops > 0,
        layer=place.layer,
        index=column,
    )


def strength_panel(scene: Scene, scheme: str) -> Panel:
    """Draw loop strength against the step for each layer, with the accuracy."""
    if not scene.places:
        return Panel(BLANK, hidden=True)
    curves = metrics.curves(scene.ask.experiment, scene.ask.cursor.runs)
    figure = strength_figure(
        [row[0].layer for row in scene.places],
        Steps([each.step for each in scene.axis], scene.labels),
        _table(scene, "strength"),
        _table(scene, "null"),
        claimed=np.array([[b is not None and b.loops > 0 for b in row] for row in scene.briefs]),
        accuracy={curve.name: metrics.drawn(curve) for curve in curves},
        scheme=scheme,
        width=1340,
    )
    figure = marks.renumber(figure, lattice.steps(scene.ask))
    text = (
        "loop strength: longest H₁ bar over the second · a ring: stands out from the permuted null "
        "· steps share filters, so neighbouring points are not independent"
    )
    return Panel(figure, "", text)


def _table(scene: Scene, name: str) -> NDArray[np.float64]:
    values = [
        [np.nan if b is None or getattr(b, name) is None else getattr(b, name) for b in row]
        for row in scene.briefs
    ]
    return np.array(values, dtype=np.float64)


SAMPLES = 64
"""Filtration values at which the small landscapes are drawn."""

LEVELS = 3


def landscapes_panel(scene: Scene, scheme: str) -> Panel:
    """Draw the mean landscape of the activations at every place."""
    study = scene.study.study
    if study is None:
        shown = scene.study.is_shown
        return empty(scene.study.why("study")) if shown else Panel(BLANK, hidden=True)
    grid = np.linspace(float(study.grids.min()), float(study.grids.max()), SAMPLES)
    places = [scene.study.index_of(index) for index in scene.study.columns]
    cells = [
        [_landscape(study, grid, j, place) for place in places] for j in range(len(study.layers))
    ]
    figure = landscape_grid_figure(
        study.layers, scene.labels, grid, cells, note=what(scene.study), scheme=scheme
    )
    figure = clickable(figure, scene.study)
    text = f"first {LEVELS} levels of the mean over runs, with the norm of all · click to go there"
    return Panel(figure, "", text)


def _landscape(
    study: LandscapeStudy, grid: NDArray[np.float64], layer: int, place: int | None
) -> Landscape:
    if place is None or not study.counts[place, layer]:
        return Landscape(state="error" if place is not None else "waiting")
    levels = [
        np.interp(grid, study.grids[layer], level, left=0, right=0)
        for level in study.means[place, layer, :LEVELS]
    ]
    norm = float(study.mean_norms()[place, layer])
    n = int(study.counts[place, layer])
    words_ = f"{study.layers[layer]}, {words.milestone(study.places[place])}: norm {norm:.3g}"
    over = f"mean over {n} run{'s' if n != 1 else ''}"
    return Landscape(np.array(levels), "" if norm else "dead", f"{norm:.2g}", f"{words_}, {over}")


def landscape_rows(scene: Scene) -> list[Row]:
    """One row per layer, step and run: the landscape norm."""
    return norm_rows(scene.study) if scene.study.is_shown else []


def rows(scene: Scene) -> list[Row]:
    """One row per layer and step."""
    return [
        {
            "layer": place.layer,
            "step": step.step,
            "milestone": step.milestone,
            "loop_strength": brief.strength if brief else None,
            "null": brief.null if brief else None,
            "loops": brief.loops if brief else None,
            "mapper_b0": brief.b0 if brief else None,
            "mapper_b1": brief.b1 if brief else None,
            "mapper_nodes": brief.nodes if brief else None,
            "note": "" if brief else place.failure(scene.found) or "computing",
            "_pick": {"layer": place.layer, "index": place.index},
        }
        for line, briefs in zip(scene.places, scene.briefs, strict=True)
        for place, brief, step in zip(line, briefs, scene.axis, strict=True)
    ]


VIEW = View(
    name="evolution",
    title="Evolution",
    order=2,
    about=About(
        shows=(
            "The same Mapper graph for every layer and training step, small and side by side, and "
            "how much one loop stands out as training goes on."
        ),
        read=(
            "Read a row from left to right: a cloud without shape, then a ring. The graphs of a "
            "layer are turned so that the same filters lie at the same place. Below, a curve that "
            "rises away from its dashed null says when the loop appeared; the accuracy shares its "
            "axis."
        ),
        limits=(
            "That a loop and accuracy rise together does not say that one causes the other. "
            "Between the stored steps nothing is known. A graph’s b₁ and the barcode may disagree: "
            "they look at the same filters at different scales."
        ),
    ),
    row=SHARED_ROW,
    units=units,
    scene=Scene,
    sentence=sentence,
    fields=("experiment", "runs", "params"),
    panels={
        "multiples": Spec("Layers × training steps", multiples_panel, rows, "wide", tall=True),
        "landscapes-all": Spec(
            "Landscapes of activations", landscapes_panel, landscape_rows, "wide", tall=True
        ),
        "strength": Spec(
            "Loop strength and accuracy", strength_panel, rows, "wide curves", tall=True
        ),
    },
)
