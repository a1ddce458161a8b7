"""What views ask for results: there, being computed, or why not."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from analysis import kernels, registry
from analysis.codec import Stored
from analysis.errors import NerveScopeError
from analysis.pipeline import load, run_unit
from analysis.store import ResultStore
from analysis.units import Unit, key_of
from dashboard.jobs import Jobs

AT_ONCE = 0.15
"""Seconds of a request in which quick analyses are computed; the rest is left to the jobs."""

REMEMBERED = 128
"""Results that are kept in memory."""

DERIVED = 4096
"""Small things made of results that are kept in memory: pictures of cells, sentences."""

T = TypeVar("T")


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


@dataclass(frozen=True, slots=True)
class Shown:
    """A unit that is shown where its result is there, and not computed for that."""

    unit: Unit


@dataclass(frozen=True, slots=True)
class State:
    """How a unit stands.

    Attributes
    ----------
    word : str
        Its key, or why it cannot be had.
    pending : bool
        Whether its result is still missing.
    """

    word: str
    pending: bool


class Kept(Generic[T]):
    """A few things by key, the least recently used of them dropped first; safe among threads."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._things: OrderedDict[Hashable, T] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> T | None:
        """Return what is kept, or None."""
        with self._lock:
            if key in self._things:
                self._things.move_to_end(key)
            return self._things.get(key)

    def put(self, key: Hashable, thing: T) -> None:
        """Keep something."""
        with self._lock:
            self._things[key] = thing
            if len(self._things) > self._most:
                self._things.popitem(last=False)


class Results:
    """Reads results from the store, remembering the last; has the missing ones computed."""

    def __init__(self, store: ResultStore, jobs: Jobs) -> None:
        self._store = store
        self._jobs = jobs
        self._known: Kept[Stored] = Kept(REMEMBERED)
        self._derived: Kept[Any] = Kept(DERIVED)

    def get(self, unit: Unit, *, ask: bool = True, live: bool = True) -> Answer:
        """Return a unit's result, or have it computed.

        Parameters
        ----------
        unit : Unit
            What to show.
        ask : bool
            Whether to have it computed when it is missing, before all that waits.
        live : bool
            Whether to compute it at once where that is quick.
        """
        answer, missing = self._look(unit, live=ask and live)
        if missing is not None and ask:
            self._jobs.want([missing])
        return answer

    def look(self, unit: Unit, *, live: bool = False) -> tuple[State, Unit | None]:
        """Say how a unit stands, reading its result only where that is needed.

        Returns
        -------
        state : State
        missing : Unit or None
            What to compute first for it.
        """
        try:
            key = key_of(unit)
        except NerveScopeError as error:
            return State(str(error), pending=False), None
        if self._known.get(key) is not None or self._store.has(key):
            return State(key, pending=False), None
        answer, missing = self._look(unit, live=live)
        return State(answer.error or key, pending=answer.pending), missing

    def _look(self, unit: Unit, *, live: bool) -> tuple[Answer, Unit | None]:
        try:
            key = key_of(unit)
        except NerveScopeError as error:
            return Answer(error=str(error)), None
        stored = self._known.get(key) or load(unit, self._store)
        if stored is None and live:
            stored = self._live(unit)
        if stored is not None:
            self._known.put(key, stored)
            return Answer(stored.result, stored.provenance), None
        if failure := self._jobs.failure(key):
            return Answer(error=failure), None
        if unit.upstream is not None:  # first what it stands on: its failure is ours
            below, missing = self._look(unit.upstream, live=live)
            if below.result is None:
                return below, missing
        return Answer(), unit

    def derive(self, name: str, units: Sequence[Unit], make: Callable[..., T]) -> T | None:
        """Make something small of results that are there, once; None where one is missing.

        Parameters
        ----------
        name : str
            What it is, with all that it depends on beside the results.
        units : sequence of Unit
            Whose results it is made of.
        make : callable
            ``make(*results)``; called once per name and results.
        """
        try:
            key = (name, *(key_of(unit) for unit in units))
        except NerveScopeError:
            return None
        known: T | None = self._derived.get(key)
        if known is not None:
            return known
        results = [self.get(unit, ask=False).result for unit in units]
        if any(result is None for result in results):
            return None
        made = make(*results)
        self._derived.put(key, made)
        return made

    def by_key(self, key: str, kind: type) -> Stored | None:
        """Read a result by its key alone; None where there is none of that kind."""
        return self._store.get(key, kind)

    def want(self, units: Sequence[Unit]) -> None:
        """Have units computed before all that waits."""
        self._jobs.want(units)

    def _live(self, unit: Unit) -> Stored | None:
        """Compute at once what is quick and whose input is there; never compile for it."""
        if unit.upstream is None or not kernels.ready():
            return None
        given = self.get(unit.upstream, ask=False)
        quick = registry.get(unit.analysis).quick
        if given.result is None or not quick(given.result, unit.params):
            return None
        outcome = run_unit(unit, self._store)
        if outcome.state != "computed":
            return None
        self._jobs.changed()
        return load(unit, self._store)


class Found:
    """Answers by the names that a view gives its units; results are read when they are drawn.

    Parameters
    ----------
    results : Results
    need : mapping
        What a view shows: units; a text in a unit's place says why there is none.
    compute : bool
        Whether what is missing is to be computed.
    error : str
        The answer to every other name.
    """

    def __init__(
        self,
        results: Results,
        need: Mapping[str, Unit | Shown | str],
        *,
        compute: bool = True,
        error: str = "",
    ) -> None:
        self.units = {name: _unit(each) for name, each in need.items() if not isinstance(each, str)}
        self._results = results
        self._compute = compute
        self._error = error
        self._answers = {
            name: Answer(error=each) for name, each in need.items() if isinstance(each, str)
        }
        self._wanted = {name for name, each in need.items() if isinstance(each, Unit)}
        self._states = self._look()
        self.key = (
            error,
            *(each.error for each in self._answers.values()),
            *((state.word, state.pending) for state in self._states.values()),
        )

    def _look(self) -> dict[str, State]:
        started = time.perf_counter()
        states: dict[str, State] = {}
        missing: dict[Unit, None] = {}
        for name, unit in self.units.items():
            wanted = self._compute and name in self._wanted
            live = wanted and time.perf_counter() - started < AT_ONCE
            states[name], first = self._results.look(unit, live=live)
            if wanted and first is not None:
                missing[first] = None
        if missing:
            self._results.want(list(missing))
        return states

    def __getitem__(self, name: str) -> Answer:
        if name in self.units and name not in self._answers:
            ask = self._compute and name in self._wanted
            self._answers[name] = self._results.get(self.units[name], ask=ask, live=False)
        return self._answers.get(name) or Answer(error=self._error or f"{name} was not asked for")

    def __contains__(self, name: str) -> bool:
        return name in self.units or name in self._answers

    def derive(self, what: str, names: Sequence[str], make: Callable[..., T]) -> T | None:
        """Make something small of named results that are there, once; see `Results.derive`."""
        if not all(name in self.units for name in names):
            return None
        return self._results.derive(what, [self.units[name] for name in names], make)

    @property
    def pending(self) -> bool:
        """Whether anything that is wanted is being computed."""
        read = any(self._answers[n].pending for n in self._wanted if n in self._answers)
        return read or any(self._states[name].pending for name in self._wanted)


def _unit(each: Unit | Shown) -> Unit:
    return each.unit if isinstance(each, Shown) else each
