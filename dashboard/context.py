"""What the callbacks of one app work with; handed to them, never global."""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from analysis.errors import NerveScopeError
from analysis.experiment import Experiment
from analysis.pipeline import Settings, Unit
from dashboard import cursor as cursors
from dashboard.cursor import Cursor
from dashboard.figures.network import LayerBar
from dashboard.jobs import Jobs
from dashboard.layer_units import filter_units
from dashboard.results import Found, Results

MakeUnits = Callable[[Experiment, Cursor, Settings | None], dict[str, Unit]]


class Context:
    """Experiments, results and jobs of one running dashboard.

    Parameters
    ----------
    experiments : sequence of Experiment
        The first is shown first.
    results : Results
        What views ask for results.
    jobs : Jobs
        What computes the missing ones.
    settings : mapping, optional
        Parameters by analysis name that the command line sets.
    """

    def __init__(
        self,
        experiments: Sequence[Experiment],
        results: Results,
        jobs: Jobs,
        *,
        settings: Settings | None = None,
    ) -> None:
        self.settings = settings
        self.experiments = {each.name: each for each in experiments}
        self.results = results
        self.jobs = jobs
        self._completed: set[tuple[str, int]] = set()

    def read(self, said: Mapping[str, Any] | None) -> Cursor:
        """Make a valid cursor of whatever the page says."""
        return self.read_with_note(said)[0]

    def read_with_note(self, said: Mapping[str, Any] | None) -> tuple[Cursor, str]:
        """Make a valid cursor, with words for what was asked for and is not there."""
        return cursors.read(said, self.experiments, first_layer=self.clearest_layer)

    def find(self, units: MakeUnits, cursor: Cursor) -> Found:
        """Ask for the results of what a view shows at a cursor; what is missing is computed."""
        try:
            need = units(self.experiments[cursor.experiment], cursor, self.settings)
        except NerveScopeError as error:
            return Found({}, str(error))
        return Found({name: self.results.get(unit) for name, unit in need.items()})

    def complete_row(self, experiment: Experiment, index: int) -> None:
        """Have what the row of layers lacks at a step computed, after all that is looked at."""
        if self.jobs.cancelled or (experiment.name, index) in self._completed:
            return
        self._completed.add((experiment.name, index))
        missing = []
        for layer in experiment.layers():
            with contextlib.suppress(NerveScopeError):
                need = filter_units(experiment, layer.name, index, self.settings)
                missing += [need["filters"], need["null"]]
        self.jobs.ahead(missing)

    def row(self, experiment: Experiment, index: int) -> list[LayerBar]:
        """Say of every layer at one step what is known, without asking for more."""
        return [self._bar(experiment, each.name, index) for each in experiment.layers()]

    def _bar(self, experiment: Experiment, layer: str, index: int) -> LayerBar:
        try:
            need = filter_units(experiment, layer, index, self.settings)
        except NerveScopeError as error:
            return LayerBar(layer, None, None, str(error))
        shape = self.results.summary(need["filters"])
        null = self.results.summary(need["null"])
        beside = null.strength if null else None
        if shape is None:
            return LayerBar(layer, None, beside, "not computed yet")
        return LayerBar(layer, shape.strength, beside, shape.note, shape.strength is None)

    def clearest_layer(self, experiment: Experiment) -> str:
        """Return the layer with the strongest loop known at the last step, else the first layer."""
        bars = self.row(experiment, len(experiment.axis) - 1)
        return max(bars, key=lambda bar: bar.strength or 0.0).layer
