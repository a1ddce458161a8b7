"""What the view *Activations* draws: the study of all networks, and one layer of one of them."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.activation_cloud import ActivationCloud
from analysis.activation_landscapes import LandscapeParams
from analysis.errors import AnalysisError, NerveScopeError
from analysis.filter_mapper import FilterGraph
from analysis.landscape_study import LandscapeStudy
from analysis.landscape_tests import place_name
from analysis.units import Unit
from dashboard import activation_units, input_images, lattice, words
from dashboard.activation_units import layer_units, place_of, study_unit
from dashboard.results import Found, Shown
from dashboard.view import Ask

AGAINST = {
    "first": "first step",
    "previous": "step before",
    "pin": "pinned",
    "none": "nothing",
}
"""What a landscape is compared with, in words."""

Need = dict[str, Unit | Shown | str]
Floats = NDArray[np.float64]
Rows = NDArray[np.int64]


def units(ask: Ask) -> Need:
    """List what the view shows: see `ActivationScene` for the names."""
    cursor = ask.cursor
    need = study_units(ask)
    need |= _under("", lambda: layer_units(ask, cursor.layer, cursor.index))
    if cursor.select and cursor.home not in (None, cursor.index):
        home = int(cursor.home or 0)
        need |= _under("home_", lambda: layer_units(ask, cursor.layer, home))
    return need


def study_units(ask: Ask) -> Need:
    """List the study and, while it is not there, the networks that it is made of."""
    try:
        study = study_unit(ask)
    except NerveScopeError as error:
        return {"study": str(error)}
    need: Need = {"study": study}
    if ask.results.look(study)[0].pending:
        need |= {f"network|{i}": Shown(each) for i, each in enumerate(study.gathered)}
    return need


def _under(prefix: str, make: Any) -> Need:
    try:
        made: Mapping[str, Unit] = make()
    except NerveScopeError as error:
        return {f"{prefix}cloud": str(error), f"{prefix}graph": str(error)}
    return {f"{prefix}{name}": unit for name, unit in made.items()}


@dataclass(frozen=True, slots=True, eq=False)
class Norms:
    """Norms of all layers at the shown steps.

    Attributes
    ----------
    layers : sequence of str
    labels : list of str
        Steps or milestones, as the axis says them.
    mean : ndarray, shape (n_layers, n_steps)
        Over the runs that are there; NaN where there is none.
    runs : dict
        By (layer, step) the norms of the runs, by their names.
    notes : dict
        By (layer, step) what is said of its runs.
    failed : dict
        By (layer, step) how many runs failed.
    waiting : int
        Networks that are not there yet.
    """

    layers: tuple[str, ...]
    labels: list[str]
    mean: Floats
    runs: dict[tuple[int, int], dict[str, float]]
    notes: dict[tuple[int, int], set[str]]
    failed: dict[tuple[int, int], int]
    waiting: int


class ActivationScene:
    """All panels of *Activations* at one cursor; everything is made when it is first asked for.

    Parameters
    ----------
    ask : Ask
    found : Found
        Answers by name: ``study``; ``network|i``, the networks that it gathers, while it is not
        there; ``cloud`` and ``graph`` of the layer; ``home_cloud`` and ``home_graph``, where the
        selection was made, when that is another step.
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
        from analysis.parameters import as_plain

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
        table = _Table(study.layers, self.labels)
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
        table = _Table(tuple(activation_units.names(self.ask.experiment)), self.labels)
        axis = self.ask.experiment.axis
        column = {axis[i]: c for c, i in enumerate(self.columns)}
        waiting = 0
        for name, unit in self.found.units.items():
            if name.startswith("network|"):
                known = self.found.derive("norms", [name], activation_units.summary)
                waiting += known is None and not self.found[name].error
                for layer, (value, note, _) in (known or {}).items():
                    if layer in table.layers:
                        at = (table.layers.index(layer), column[unit.step])
                        table.add(at, unit.source.runs[0], value, note)
        return table.norms(waiting)

    @functools.cached_property
    def cloud(self) -> ActivationCloud | None:
        """The activations of the layer."""
        found: ActivationCloud | None = self.found["cloud"].result
        return found

    @property
    def run(self) -> str:
        """The run whose layer is looked at."""
        unit = self.found.units.get("cloud")
        return unit.source.runs[0] if unit is not None else ""

    @functools.cached_property
    def graph(self) -> FilterGraph | None:
        """The Mapper graph of the layer."""
        found: FilterGraph | None = self.found["graph"].result
        return found

    @functools.cached_property
    def chosen(self) -> Rows | None:
        """Rows of the cloud that are selected; None where nothing is."""
        if not self.cursor.select or self.cloud is None:
            return None
        home = "home_" if "home_cloud" in self.found else ""
        there: ActivationCloud | None = self.found[f"{home}cloud"].result
        graph: FilterGraph | None = self.found[f"{home}graph"].result
        rows = None if there is None else _selected(self.cursor.select, there, graph)
        if rows is None or there is None or there is self.cloud:
            return rows
        return np.flatnonzero(np.isin(self.cloud.rows, there.rows[rows]))

    @property
    def bar(self) -> int | None:
        """The selected bar, where it is one of this picture's."""
        kind, _, number = self.cursor.select.partition(".")
        here = self.cursor.home in (None, self.cursor.index)
        return int(number) if kind == "bar" and here else None

    @property
    def node(self) -> int | None:
        """The selected node, where it is one of this picture's."""
        kind, _, number = self.cursor.select.partition(".")
        here = self.cursor.home in (None, self.cursor.index)
        return int(number) if kind == "node" and here and self.chosen is not None else None

    @property
    def loop(self) -> Rows | None:
        """Rows of the cycle of the selected bar, in order."""
        return self.chosen if self.bar is not None and self.chosen is not None else None

    @property
    def primary(self) -> int | None:
        """Row of the clicked input."""
        if self.cloud is None or not self.cursor.primary.isdecimal():
            return None
        found = np.flatnonzero(self.cloud.rows == int(self.cursor.primary))
        return int(found[0]) if len(found) else None

    def named(self, place: int) -> str:
        """Name a place of the study as people read it."""
        return words.milestone(self.needed.places[place])

    def said(self, rows: Rows) -> list[str]:
        """Say of some rows of the cloud which inputs they are."""
        assert self.cloud is not None  # noqa: S101 - callers have asked for it
        names, labels = self.cloud.class_names, self.cloud.labels[rows]
        return [
            f"input {row}" + (f", {names[label]}" if 0 <= label < len(names) else "")
            for row, label in zip(self.cloud.rows[rows].tolist(), labels.tolist(), strict=True)
        ]

    def pictures(self, rows: Rows) -> NDArray[np.uint8] | None:
        """Draw the inputs of some rows of the cloud; None where they are no pictures."""
        assert self.cloud is not None  # noqa: S101 - callers have asked for it
        unit = self.found.units["cloud"]
        return input_images.of_source(unit.source, self.cloud.rows[rows])

    def compared(self) -> tuple[int, int, str] | None:
        """Return place, layer and name of what the landscape is compared with, in the study."""
        if self.study is None or self.place is None or self.layer is None:
            return None
        against = self.cursor.against or "first"
        if against == "pin" and self.cursor.pin is not None:
            place = place_of(self.ask, self.study, self.cursor.pin.index)
            if place is None or self.cursor.pin.layer not in self.study.layers:
                return None
            layer = self.study.layers.index(self.cursor.pin.layer)
            return place, layer, f"pinned {self.cursor.pin.layer}, {self.named(place)}"
        place = {"first": 0, "previous": self.place - 1}.get(against, -1)
        if place < 0 or place == self.place:
            return None
        return place, self.layer, self.named(place)


class _Table:
    """Norms by layer and step while they are collected."""

    def __init__(self, layers: tuple[str, ...], labels: list[str]) -> None:
        self.layers = layers
        self._labels = labels
        self._runs: dict[tuple[int, int], dict[str, float]] = {}
        self._notes: dict[tuple[int, int], set[str]] = {}
        self._failed: dict[tuple[int, int], int] = {}

    def add(self, at: tuple[int, int], run: str, value: float, note: str) -> None:
        if np.isfinite(value):
            self._runs.setdefault(at, {})[run] = value
        else:
            self._failed[at] = self._failed.get(at, 0) + 1
        if note:
            self._notes.setdefault(at, set()).add(note)

    def norms(self, waiting: int) -> Norms:
        mean = np.full((len(self.layers), len(self._labels)), np.nan)
        for at, values in self._runs.items():
            mean[at] = np.mean(list(values.values()))
        return Norms(
            self.layers, self._labels, mean, self._runs, self._notes, self._failed, waiting
        )


def _selected(select: str, cloud: ActivationCloud, graph: FilterGraph | None) -> Rows | None:
    """Find the rows of a selection in the cloud where it was made, or None if it names none."""
    kind, _, what = select.partition(".")
    if kind == "bar":
        return cloud.cycles[int(what)] if int(what) < len(cloud.cycles) else None
    if kind == "node" and graph is not None and int(what) < graph.graph.n_nodes:
        return graph.graph.members[int(what)]
    return None
