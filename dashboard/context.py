"""What the callbacks of one app work with; handed to them, never global."""

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

from analysis.errors import NerveScopeError
from analysis.experiment import Experiment
from analysis.units import Settings
from dashboard import cursor as cursors
from dashboard import parameters
from dashboard.cursor import Cursor, Known
from dashboard.jobs import Jobs
from dashboard.results import Found, Kept, Results
from dashboard.view import Ask, View

FRAMES = 256
"""Frames and panels that are kept as they were sent."""


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
    views : sequence of View
        What can be looked at; the first is shown first.
    settings : mapping, optional
        Parameters by analysis name that the command line sets.
    """

    def __init__(
        self,
        experiments: Sequence[Experiment],
        results: Results,
        jobs: Jobs,
        *,
        views: Sequence[View] = (),
        settings: Settings | None = None,
    ) -> None:
        self.settings = settings
        self.experiments = {each.name: each for each in experiments}
        self.results = results
        self.jobs = jobs
        self.views = {view.name: view for view in views}
        words = {name: among for view in views for name, among in view.words.items()}
        known = {"view": tuple(self.views), **words}
        self._known = Known(self.layers_of, self.clearest_layer, known)
        self.drawn: Kept[Any] = Kept(FRAMES)
        self._completed: set[tuple[Any, ...]] = set()

    def read(self, said: Mapping[str, Any] | None) -> tuple[Cursor, str]:
        """Make a valid cursor, with words for what was asked for and is not there."""
        return cursors.read(said, self.experiments, self._known)

    def ask(self, cursor: Cursor) -> Ask:
        """Say what a view is asked to show at a cursor."""
        return Ask(
            self.experiments[cursor.experiment],
            cursor,
            parameters.settings(cursor.params, over=self.settings),
            self.results,
            self.experiments,
        )

    def find(self, view: View, ask: Ask, *, compute: bool = True) -> Found:
        """Look up what a view shows; what is missing is computed, if wanted."""
        try:
            need = view.units(ask)
        except NerveScopeError as error:
            return Found(self.results, {}, error=str(error))
        return Found(self.results, need, compute=compute)

    def complete_row(self, cursor: Cursor) -> None:
        """Have what the row of layers lacks at a step computed, after all that is looked at."""
        params = tuple(sorted(cursor.params.items()))
        place = (cursor.experiment, cursor.view, cursor.index, cursor.runs, params)
        if self.jobs.cancelled or place in self._completed:
            return
        self._completed.add(place)
        ask = self.ask(cursor)
        with contextlib.suppress(NerveScopeError):  # the view itself says what is wrong
            self.jobs.ahead(self.views[cursor.view].row.wanted(ask))

    def layers_of(self, experiment: Experiment, view: str) -> Sequence[str]:
        """List the layers that a view can show."""
        return self.views[view].row.names(experiment) if view in self.views else ()

    def clearest_layer(self, experiment: Experiment, view: str) -> str:
        """Return the layer of which the most is known to be seen at the last step."""
        cursor = Cursor(experiment.name, "", len(experiment.axis) - 1, view=view)
        bars = self.views[view].row.bars(self.ask(cursor))
        return max(bars, key=lambda bar: bar.strength or 0.0).layer
