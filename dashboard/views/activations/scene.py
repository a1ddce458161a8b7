"""What the view *Activations* draws: the study of all networks, and one layer of one of them."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.activation_cloud import ActivationCloud
from analysis.activation_landscapes import NetworkLandscapes
from analysis.errors import NerveScopeError
from analysis.filter_mapper import FilterGraph
from analysis.homology import largest_gap
from analysis.landscape_study import LandscapeStudy
from analysis.sources import place_name
from analysis.units import Unit
from dashboard import input_images
from dashboard.activation_study import StudyScene, study_units
from dashboard.activation_units import layer_units, others_unit, place_of
from dashboard.results import Shown
from dashboard.view import Ask

AGAINST = {
    "first": "first step",
    "previous": "step before",
    "others": "runs not chosen",
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
    if cursor.against == "others":
        need |= _others(ask)
    need |= _under("", lambda: layer_units(ask, cursor.layer, cursor.index))
    if cursor.select and cursor.home not in (None, cursor.index):
        home = int(cursor.home or 0)
        need |= _under("home_", lambda: layer_units(ask, cursor.layer, home))
    return need


def _others(ask: Ask) -> Need:
    try:
        return {"others": others_unit(ask)}
    except NerveScopeError as error:
        return {"others": str(error)}


def _under(prefix: str, make: Any) -> Need:
    try:
        made: Mapping[str, Unit] = make()
    except NerveScopeError as error:
        return {f"{prefix}cloud": str(error), f"{prefix}graph": str(error)}
    return {f"{prefix}{name}": unit for name, unit in made.items()}


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """A mean landscape that another is compared with.

    Attributes
    ----------
    study : LandscapeStudy
        Where it is.
    place, layer : int
        Which of its means.
    name : str
        For people.
    """

    study: LandscapeStudy
    place: int
    layer: int
    name: str


class ActivationScene(StudyScene):
    """All panels of *Activations* at one cursor; everything is made when it is first asked for.

    Parameters
    ----------
    ask : Ask
    found : Found
        Answers by name: ``study``; ``network|i``, the networks that it gathers, while it is not
        there; ``cloud`` and ``graph`` of the layer; ``home_cloud`` and ``home_graph``, where the
        selection was made, when that is another step.
    """

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
        return self.cursor.picked("bar")

    @property
    def node(self) -> int | None:
        """The selected node, where it is one of this picture's."""
        return self.cursor.picked("node") if self.chosen is not None else None

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

    def gap(self, place: int | None) -> tuple[int, float] | None:
        """Count the H₁ bars before the largest gap in the run that is looked at, and measure it.

        None where loops are not computed, or the network is not there.
        """
        unit = self.found.units.get("study")
        if place is None or unit is None or self.study is None or not self.params["dimension"]:
            return None
        name, layer = self.study.places[place], self.cursor.layer
        for where, each in zip(unit.source.read(), unit.gathered, strict=True):
            if where.run == self.run and place_name(where.step, where.milestone) == name:
                return self.ask.results.derive(f"gap:{layer}", [each], lambda n: _gap(n, layer))
        return None

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

    def compared(self) -> Compared | None:
        """Return what the landscape is compared with; None where there is nothing."""
        if self.study is None or self.place is None or self.layer is None:
            return None
        against, pin = self.cursor.against or "first", self.cursor.pin
        if against == "others":
            return self._others()
        if against == "pin" and pin is not None:
            place = place_of(self.ask, self.study, pin.index)
            if place is None or pin.layer not in self.study.layers:
                return None
            name = f"pinned {pin.layer}, {self.named(place)}"
            return Compared(self.study, place, self.study.layers.index(pin.layer), name)
        place = {"first": 0, "previous": self.place - 1}.get(against, -1)
        if place < 0 or place == self.place:
            return None
        return Compared(self.study, place, self.layer, self.named(place))

    def _others(self) -> Compared | None:
        """Take the same layer and step of the runs that are not chosen."""
        others: LandscapeStudy | None = self.found["others"].result
        place = None if others is None else place_of(self.ask, others, self.cursor.index)
        if others is None or place is None or self.cursor.layer not in others.layers:
            return None
        layer = others.layers.index(self.cursor.layer)
        return Compared(others, place, layer, "runs not chosen")


def _gap(network: NetworkLandscapes, layer: str) -> tuple[int, float]:
    bars = network.bars(layer, 1) if layer in network.layers else np.zeros((0, 2))
    return largest_gap(bars[:, 1] - bars[:, 0], most=20)


def _selected(select: str, cloud: ActivationCloud, graph: FilterGraph | None) -> Rows | None:
    """Find the rows of a selection in the cloud where it was made, or None if it names none."""
    kind, _, what = select.partition(".")
    if kind == "bar":
        return cloud.cycles[int(what)] if int(what) < len(cloud.cycles) else None
    if kind == "node" and graph is not None and int(what) < graph.graph.n_nodes:
        return graph.graph.members[int(what)]
    return None
