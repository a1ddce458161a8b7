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
from analysis.pipeline import Unit, key_of, load, run_unit
from analysis.store import ResultStore
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
        try:
            key = key_of(unit)
        except NerveScopeError as error:
            return Answer(error=str(error))
        stored = self._known.get(key) or load(unit, self._store)
        if stored is None and ask and live:
            stored = self._live(unit)
        if stored is not None:
            self._known.put(key, stored)
            return Answer(stored.result, stored.provenance)
        if failure := self._jobs.failure(key):
            return Answer(error=failure)
        if unit.upstream is not None:  # first what it stands on: its failure is ours
            below = self.get(unit.upstream, ask=ask, live=live)
            if below.result is None:
                return below
        if ask:
            self._jobs.want(unit)
        return Answer()

    def look(self, unit: Unit, *, ask: bool = True, live: bool = True) -> bool:
        """Say whether a unit has its answer, without reading it; else as `get`."""
        try:
            key = key_of(unit)
        except NerveScopeError:
            return True  # the answer is why not
        if self._known.get(key) is not None or self._store.has(key):
            return True
        return not self.get(unit, ask=ask, live=live).pending

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

    def _live(self, unit: Unit) -> Stored | None:
        """Compute at once what is quick and whose input is there; never compile for it."""
        if unit.upstream is None or not kernels.ready():
            return None
        given = self.get(unit.upstream, ask=False)
        quick = registry.get(unit.analysis).quick
        if given.result is None or not quick(given.result, unit.params):
            return None
        outcome = run_unit(unit, self._store)
        return load(unit, self._store) if outcome.state == "computed" else None


def _key(unit: Unit) -> str:
    try:
        return key_of(unit)
    except NerveScopeError as error:
        return str(error)


class Found:
    """Answers by the names that a view gives its units; results are read when they are drawn.

    Parameters
    ----------
    results : Results
    units : mapping of Unit
        What is asked for.
    reasons : mapping of str
        Why other names have no unit.
    compute : bool
        Whether what is missing is to be computed.
    error : str
        The answer to every other name.
    """

    def __init__(
        self,
        results: Results,
        units: Mapping[str, Unit],
        *,
        reasons: Mapping[str, str] | None = None,
        compute: bool = True,
        error: str = "",
    ) -> None:
        self.units = units
        self._results = results
        self._compute = compute
        self._error = error
        self._answers = {name: Answer(error=why) for name, why in (reasons or {}).items()}
        started = time.perf_counter()
        self._there = {
            name: results.look(
                unit, ask=compute, live=compute and time.perf_counter() - started < AT_ONCE
            )
            for name, unit in units.items()
        }

    def __getitem__(self, name: str) -> Answer:
        if name in self.units and name not in self._answers:
            self._answers[name] = self._results.get(self.units[name], ask=self._compute, live=False)
        return self._answers.get(name) or Answer(error=self._error or f"{name} was not asked for")

    def __contains__(self, name: str) -> bool:
        return name in self.units or name in self._answers

    @property
    def keys(self) -> tuple[str, ...]:
        """What the units depend on, and why others have no unit."""
        made = tuple(_key(unit) for unit in self.units.values())
        return made + tuple(each.error for each in self._answers.values()) + (self._error,)

    @property
    def pending(self) -> bool:
        """Whether anything is being computed."""
        read = any(each.pending for each in self._answers.values())
        return read or not all(self._there.values())
