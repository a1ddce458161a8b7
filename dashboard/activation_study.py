"""The study of all networks of an experiment, as the views show it."""

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis import networks
from analysis.activation_landscapes import LandscapeParams
from analysis.errors import AnalysisError, NerveScopeError
from analysis.landscape_study import LandscapeStudy
from analysis.landscape_tests import LandscapeTests
from analysis.parameters import as_plain
from analysis.sources import place_name
from analysis.units import Unit
from dashboard import activation_units, lattice, words
from dashboard.activation_units import place_of, study_unit, tests_unit
from dashboard.norms import Norms, Table
from dashboard.results import Found, Shown
from dashboard.view import Ask

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
        return {"study": Shown(study), "tests": Shown(tests_unit(ask))}
    return need


def study_units(ask: Ask) -> dict[str, Unit | Shown | str]:
    """List the study and, while it is not there, the networks that it is made of."""
    try:
        study, tests = study_unit(ask), tests_unit(ask)
    except NerveScopeError as error:
        return {"study": str(error), "tests": str(error)}
    need: dict[str, Unit | Shown | str] = {"study": study, "tests": tests}
    if ask.results.look(study)[0].pending:
        need |= {f"{NETWORK}{i}": Shown(each) for i, each in enumerate(study.gathered)}
    return need


class StudyScene:
    """What panels about all networks are drawn from.

    Parameters
    ----------
    ask : Ask
    found : Found
        Answers by name: ``study``, ``tests``; ``network|i``, the networks that it gathers, while it
        is not there.
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

    @property
    def tests(self) -> LandscapeTests | None:
        """The tests between its networks, where they are there."""
        found: LandscapeTests | None = self.found["tests"].result if "tests" in self.found else None
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
    def leads(self) -> dict[str, str]:
        """What a click on a layer says beside it: the view, where this one lacks some layers."""
        elsewhere = self.cursor.view != "activations" and self.ask.experiment.layers()
        return {"view": "activations"} if elsewhere else {}

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
