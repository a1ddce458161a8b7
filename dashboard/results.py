"""What views ask for results: there, being computed, or why not."""

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from analysis import kernels, registry
from analysis.codec import Stored
from analysis.errors import NerveScopeError
from analysis.pipeline import Unit, key_of, load, run_unit
from analysis.store import ResultStore
from dashboard.jobs import Jobs

REMEMBERED = 64


@dataclass(frozen=True, slots=True)
class Answer:
    """A result, or why there is none yet.

    Attributes
    ----------
    result : object or None
        The result.
    provenance : dict or None
        What it was computed from.
    error : str
        Why it cannot be had; empty while it is being computed.
    """

    result: Any = None
    provenance: Any = None
    error: str = ""

    @property
    def pending(self) -> bool:
        """Whether it is being computed."""
        return self.result is None and not self.error


class Found:
    """Answers by the names that a view gives its units.

    Parameters
    ----------
    answers : mapping of Answer
        By name.
    error : str
        The answer to everything, where units could not even be made.
    """

    def __init__(self, answers: Mapping[str, Answer], error: str = "") -> None:
        self._answers = answers
        self._error = error

    def __getitem__(self, name: str) -> Answer:
        return Answer(error=self._error) if self._error else self._answers[name]

    @property
    def state(self) -> str:
        """A text that changes when there is something new to draw."""
        parts = self._answers.values()
        return self._error or "|".join("?" if each.pending else each.error or "!" for each in parts)


@dataclass(frozen=True, slots=True)
class Summary:
    """What the row of layers shows of one.

    Attributes
    ----------
    strength : float or None
        Loop strength.
    note : str
        Why it means nothing, where that is so.
    """

    strength: float | None
    note: str


class Results:
    """Reads results from the store, remembering the last; has the missing ones computed."""

    def __init__(self, store: ResultStore, jobs: Jobs) -> None:
        self._store = store
        self._jobs = jobs
        self._known: OrderedDict[str, Stored] = OrderedDict()
        self._summaries: dict[str, Summary] = {}
        self._lock = threading.Lock()

    def get(self, unit: Unit, *, ask: bool = True) -> Answer:
        """Return a unit's result, or have it computed.

        Parameters
        ----------
        unit : Unit
            What to show.
        ask : bool
            Whether to have it computed when it is missing, before all that waits.
        """
        try:
            key = key_of(unit)
        except NerveScopeError as error:
            return Answer(error=str(error))
        stored = self._remembered(key) or load(unit, self._store) or self._live(unit, ask=ask)
        if stored is not None:
            self._remember(key, stored)
            return Answer(stored.result, stored.provenance)
        if failure := self._jobs.failure(key):
            return Answer(error=failure)
        if unit.upstream is not None:  # first what it stands on: its failure is ours
            below = self.get(unit.upstream, ask=ask)
            if below.result is None:
                return below
        if ask:
            self._jobs.want(unit)
        return Answer()

    def summary(self, unit: Unit) -> Summary | None:
        """Return what the row of layers needs of a unit of filters, where it is there."""
        try:
            key = key_of(unit)
        except NerveScopeError:
            return None
        if key not in self._summaries:
            answer = self.get(unit, ask=False)
            if answer.result is None:
                return None
            note = answer.result.degenerate or ""
            self._summaries[key] = Summary(answer.result.loop_strength, note)
        return self._summaries[key]

    def _live(self, unit: Unit, *, ask: bool) -> Stored | None:
        """Compute at once what is quick and whose input is there; never compile for it."""
        if not ask or unit.upstream is None or not kernels.ready():
            return None
        given = self.get(unit.upstream, ask=False)
        quick = registry.get(unit.analysis).quick
        if given.result is None or not quick(given.result, unit.params):
            return None
        outcome = run_unit(unit, self._store)
        return load(unit, self._store) if outcome.state == "computed" else None

    def _remembered(self, key: str) -> Stored | None:
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
            return self._known.get(key)

    def _remember(self, key: str, stored: Stored) -> None:
        with self._lock:
            self._known[key] = stored
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
