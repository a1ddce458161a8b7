"""The study of all networks of an experiment, as the views show it."""

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis import networks
from analysis.activation_landscapes import LandscapeParams
from analysis.errors import AnalysisError, NerveScopeError
from analysis.landscape_study import LandscapeStudy
from analysis.landscape_tests import place_name
from analysis.parameters import as_plain
from analysis.units import Unit
from dashboard import activation_units, lattice, words
from dashboard.activation_units import place_of, study_unit
from dashboard.figures import marks
from dashboard.figures.norms import norms_figure
from dashboard.norms import Norms, Table
from dashboard.results import Found, Shown
from dashboard.view import Ask, Panel, Row, empty

Floats = NDArray[np.float64]

NETWORK = "network|"
"""How the names of the networks of a study begin."""


def beside_units(ask: Ask) -> dict[str, Unit | Shown | str]:
    """List the study for a view of something else: beside filters it is shown where it is there.

    Nothing where the experiment has no activations.
    """
    if networks.why_none(ask.experiment):
        return {}
    need = study_units(ask)
    if ask.experiment.layers() and isinstance(study := need["study"], Unit):
        return {"study": Shown(study)}
    return need


def study_units(ask: Ask) -> dict[str, Unit | Shown | str]:
    """List the study and, while it is not there, the networks that it is made of."""
    try:
        study = study_unit(ask)
    except NerveScopeError as error:
        return {"study": str(error)}
    need: dict[str, Unit | Shown | str] = {"study": study}
    if ask.results.look(study)[0].pending:
        need |= {f"{NETWORK}{i}": Shown(each) for i, each in enumerate(study.gathered)}
    return need


class StudyScene:
    """What panels about all networks are drawn from.

    Parameters
    ----------
    ask : Ask
    found : Found
        Answers by name: ``study``; ``network|i``, the networks that it gathers, while it is not
        there.
    """

    def __init__(self, ask: Ask, found: Found) -> None:
        self.ask = ask
        self.cursor = ask.cursor
        self.found = found

    @property
    def study(self) -> LandscapeStudy | None:
        """The study, where it is there."""
        found: LandscapeStudy | None = self.found["study"].result
        return found

    def why(self, name: str) -> str:
        """Say why a result is not there."""
        return self.found[name].error or "Computing …"

    @property
    def needed(self) -> LandscapeStudy:
        """The study.

        Raises
        ------
        AnalysisError
            If it is not there; the message says why.
        """
        if self.study is None:
            raise AnalysisError(self.why("study"))
        return self.study

    @property
    def params(self) -> dict[str, Any]:
        """Parameters of the landscapes."""
        unit = self.found.units.get("study")
        first = unit.gathered[0].params if unit is not None and unit.gathered else LandscapeParams()
        return as_plain(first)

    @property
    def place(self) -> int | None:
        """Position of the cursor's step in the study."""
        return None if self.study is None else place_of(self.ask, self.study, self.cursor.index)

    @property
    def layer(self) -> int | None:
        """Position of the cursor's layer in the study."""
        names = () if self.study is None else self.study.layers
        return names.index(self.cursor.layer) if self.cursor.layer in names else None

    def index_of(self, index: int) -> int | None:
        """Position of a step of the axis in the study."""
        return None if self.study is None else place_of(self.ask, self.study, index)

    @functools.cached_property
    def columns(self) -> list[int]:
        """Positions on the axis of the shown steps."""
        return lattice.steps(self.ask)

    @property
    def labels(self) -> list[str]:
        """The shown steps, as the axis says them."""
        axis = self.ask.experiment.axis
        return [words.tick(axis[i]) for i in self.columns]

    @functools.cached_property
    def norms(self) -> Norms:
        """Norms of everything that is there, whether the study is or not."""
        return self._norms_of_study() if self.study is not None else self._norms_so_far()

    def _norms_of_study(self) -> Norms:
        study = self.needed
        table = Table(study.layers, self.labels)
        for i, name in enumerate(study.runs):
            column = self._column_of(study, int(study.place[i]))
            notes = dict(line.split(": ", 1) for line in study.notes[i].splitlines())
            for j, layer in enumerate(study.layers):
                value = float(study.norms[i, j])
                table.add((j, column), name, value, notes.get(layer, ""))
        return table.norms(0)

    def _column_of(self, study: LandscapeStudy, place: int) -> int:
        axis = self.ask.experiment.axis
        names = [place_name(axis[i].step, axis[i].milestone) for i in self.columns]
        return names.index(study.places[place])

    def _norms_so_far(self) -> Norms:
        """Norms of the networks that are there while the study is not."""
        table = Table(tuple(activation_units.names(self.ask.experiment)), self.labels)
        axis = self.ask.experiment.axis
        column = {axis[i]: c for c, i in enumerate(self.columns)}
        waiting = 0
        for name, unit in self.found.units.items():
            if name.startswith(NETWORK):
                known = self.found.derive("norms", [name], activation_units.summary)
                waiting += known is None and not self.found[name].error
                for layer, (value, note, _) in (known or {}).items():
                    if layer in table.layers:
                        at = (table.layers.index(layer), column[unit.step])
                        table.add(at, unit.source.runs[0], value, note)
        return table.norms(waiting)

    def named(self, place: int) -> str:
        """Name a place of the study as people read it."""
        return words.milestone(self.needed.places[place])

    @property
    def is_shown(self) -> bool:
        """Whether a view of something else has anything to show of it."""
        return self.study is not None or self.has_networks or bool(self.found_error)

    @property
    def found_error(self) -> str:
        """Say why there is no study; empty where there is one, or none is asked for."""
        return self.found["study"].error if "study" in self.found else ""

    @property
    def has_networks(self) -> bool:
        """Whether there is any network to wait for."""
        return f"{NETWORK}0" in self.found


def what(scene: StudyScene) -> str:
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


def norms_panel(scene: StudyScene, scheme: str) -> Panel:
    """Draw the norms of all layers at all steps."""
    if not scene.has_networks and scene.study is None:
        return empty(scene.why("study"))
    found = scene.norms
    if not found.runs and not found.failed:
        return empty(scene.found_error or "Computing …")
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
    total = len(scene.cursor.runs or scene.ask.experiment.runs)
    some = "" if counts == {total} else f" of {total}"
    runs = f"mean over {_span(counts)}{some} run{'s' if total != 1 else ''}"
    return Panel(figure, "", f"{runs} · {what(scene)}{waiting} · click a cell to go there")


def _span(counts: set[int]) -> str:
    return str(max(counts)) if len(counts) == 1 else f"{min(counts)} to {max(counts)}"


def _norm_words(scene: StudyScene) -> list[list[str]]:
    found = scene.norms
    return [
        [_said(scene, j, c) for c in range(len(found.labels))] for j in range(len(found.layers))
    ]


def _said(scene: StudyScene, j: int, c: int) -> str:
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
        lines.append(f"{failed} run{'s' if failed != 1 else ''} failed")
    return "\n".join([*lines, *sorted(found.notes.get((j, c), ()))[:3]])


def _norm_states(scene: StudyScene) -> list[list[str]]:
    found = scene.norms

    def state(at: tuple[int, int]) -> str:
        if at in found.runs:
            none = max(found.runs[at].values()) == 0
            return "dead" if none and found.notes.get(at) else ""
        if at in found.failed:
            return "error"
        return "waiting" if found.waiting else ""

    return [[state((j, c)) for c in range(len(found.labels))] for j in range(len(found.layers))]


def norm_rows(scene: StudyScene) -> list[Row]:
    """One row per layer and step, with its mean, and per run."""
    found = scene.norms
    rows = []
    for (j, c), runs in sorted(found.runs.items()):
        for run, value in runs.items():
            rows.append(
                {
                    "layer": found.layers[j],
                    "step": found.labels[c],
                    "run": run,
                    "norm": value,
                    "mean": float(found.mean[j, c]),
                    "runs": len(runs),
                    "_pick": {"layer": found.layers[j], "index": scene.columns[c]},
                }
            )
    return rows


def together(scene: StudyScene) -> str:
    """Say the norm of all layers together, and the test against the first step."""
    study = scene.needed
    usable = study.norms[:, np.isfinite(study.norms).any(axis=0)]
    norms = np.sqrt((usable**2).sum(axis=1))  # NaN of networks in which a layer failed
    now, first = (_mean(norms[study.place == place]) for place in (scene.place, 0))
    said = f"All {usable.shape[1]} layers together: {now:.3g}"
    if not scene.place:
        return f"{said}."
    said = f"{said}, at {scene.named(0)} {first:.3g}"
    both = (study.places[0], study.places[scene.place])
    pairs = list(zip(study.first, study.second, strict=True))
    if both not in pairs:
        return f"{said}."
    _, p, adjusted = (float(each) for each in study.tests[pairs.index(both), -1])
    n = int(study.counts_of_tests[pairs.index(both), 0])
    return f"{said} (p = {p:.2g}, {holm_words(adjusted, len(pairs))}{n} runs)."


def _mean(values: Floats) -> float:
    """Mean of those that are known; NaN of none."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else np.nan


def holm_words(adjusted: float, pairs: int) -> str:
    """Say a p-value after correcting for several pairs; nothing where there is one."""
    return f"{adjusted:.2g} after Holm over {pairs} pairs, " if pairs > 1 else ""


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
