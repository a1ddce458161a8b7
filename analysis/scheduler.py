"""A bounded number of worker processes over a queue of units; the same for commands and pages."""

import multiprocessing
import os
from collections import OrderedDict
from collections.abc import Callable, Iterable
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    Executor,
    Future,
    ProcessPoolExecutor,
    wait,
)
from dataclasses import replace
from pathlib import Path

from analysis import claims
from analysis.errors import NerveScopeError
from analysis.pipeline import Outcome, Unit, key_of, run_unit
from analysis.store import ResultStore

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def default_jobs() -> int:
    """Return how many units to compute at once: one per processor."""
    return os.cpu_count() or 1


def process_pool(jobs: int) -> Executor:
    """Start a pool of spawned processes, each with one thread for linear algebra."""
    for name in THREADS:
        os.environ.setdefault(name, "1")
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(jobs, mp_context=context, initializer=_be_nice)


def _be_nice() -> None:
    os.nice(5)  # the page and the rest of the machine come first


def _work(unit: Unit, root: Path, shipped: tuple[Path, ...]) -> Outcome:
    return run_unit(unit, ResultStore(root, shipped))


class Scheduler:
    """Runs units on an executor, each once, and hands back outcomes.

    Parameters
    ----------
    store : ResultStore
        Where results are looked for and written.
    jobs : int
        How many units are in work at once.
    make_executor : callable
        ``make_executor(jobs) -> Executor``; called again when a worker has died.
    """

    def __init__(
        self,
        store: ResultStore,
        *,
        jobs: int,
        make_executor: Callable[[int], Executor] = process_pool,
    ) -> None:
        self._store = store
        self._jobs = jobs
        self._make_executor = make_executor
        self._executor: Executor | None = None
        self._queue: OrderedDict[str, Unit] = OrderedDict()
        self._running: dict[Future[Outcome], str] = {}
        self._units: dict[str, Unit] = {}
        self._elsewhere: dict[str, Unit] = {}

    @property
    def busy(self) -> bool:
        """Whether any unit is waiting or in work."""
        return bool(self._queue or self._running or self._elsewhere)

    @property
    def keys(self) -> set[str]:
        """Keys of all units that are waiting or in work."""
        return {*self._queue, *self._running.values(), *self._elsewhere}

    @property
    def running(self) -> list[Unit]:
        """Units in work."""
        return [self._units[key] for key in self._running.values()]

    def add(self, units: Iterable[Unit], *, first: bool = False) -> list[Outcome]:
        """Queue units that are neither stored nor queued.

        Parameters
        ----------
        units : iterable of Unit
            What to compute.
        first : bool
            Before everything that waits.

        Returns
        -------
        list of Outcome
            Of the units that need no work: stored ones, and those whose files cannot be read.
        """
        settled, fresh = [], []
        for unit in units:
            try:
                key = key_of(unit)
            except NerveScopeError as error:
                settled.append(Outcome(unit, "", "failed", str(error)))
                continue
            if self._store.has(key):
                settled.append(Outcome(unit, key, "stored"))
            elif key in self._queue or key not in self.keys:
                fresh.append((key, unit))
        for key, unit in reversed(fresh) if first else fresh:
            self._queue[key] = unit
            if first:
                self._queue.move_to_end(key, last=False)
        return settled

    def step(self, timeout: float = 0.2) -> list[Outcome]:
        """Start what can be started, wait for the next to end, and return the ended ones."""
        self._fill()
        done, _ = wait(self._running, timeout=timeout, return_when=FIRST_COMPLETED)
        outcomes, died = [], []
        for future in done:
            key = self._running.pop(future)
            unit = self._units.pop(key)
            try:
                outcome = replace(future.result(), key=key, unit=unit)
            except BrokenExecutor:
                died.append((key, unit))
                continue
            if outcome.state == "elsewhere":
                self._elsewhere[key] = unit
            else:
                self._keep(outcome)
                outcomes.append(outcome)
        if died:
            outcomes += self._bury(died)
        return outcomes

    def cancel(self) -> None:
        """Drop what waits and stop what runs, at once; at most the units in hand are lost."""
        self._queue.clear()
        self._elsewhere.clear()
        self._running.clear()
        self._units.clear()
        self.close()

    def close(self) -> None:
        """End the worker processes."""
        if self._executor is None:
            return
        ours = multiprocessing.active_children()
        self._executor.shutdown(wait=False, cancel_futures=True)
        for child in ours:
            child.terminate()
        for child in ours:
            child.join(5)
        self._executor = None

    def _fill(self) -> None:
        for key in [k for k in self._elsewhere if not claims.is_held(self._store.claim_path(k))]:
            self._queue[key] = self._elsewhere.pop(key)
        while self._queue and len(self._running) < self._jobs:
            key, unit = self._queue.popitem(last=False)
            if self._executor is None:
                self._executor = self._make_executor(self._jobs)
            self._units[key] = unit
            try:
                future = self._executor.submit(_work, unit, self._store.root, self._store.shipped)
            except BrokenExecutor:  # a worker died since the last step; the futures tell which
                self._queue[key] = self._units.pop(key)
                if not self._running:
                    self.close()
                return
            self._running[future] = key

    def _keep(self, outcome: Outcome) -> None:
        for key, data in outcome.unsaved:
            self._store.keep(key, data)

    def _bury(self, died: list[tuple[str, Unit]]) -> list[Outcome]:
        """Report the units whose worker died; those that had only been waiting are queued again."""
        self.close()
        died += [(key, self._units.pop(key)) for key in self._running.values()]
        self._running.clear()
        paths = {key: self._store.claim_path(key) for key, _ in died}
        at_work = [key for key, path in paths.items() if claims.holder(path) is not None]
        outcomes = []
        for key, unit in died:
            if key in at_work or not at_work:
                message = (
                    f"{unit.where}: the worker process died, perhaps for lack of memory; try again"
                )
                outcomes.append(Outcome(unit, key, "failed", message))
                paths[key].unlink(missing_ok=True)
            else:
                self._queue[key] = unit
        return outcomes


def compute(
    units: Iterable[Unit],
    store: ResultStore,
    *,
    jobs: int | None = None,
    on_outcome: Callable[[Outcome], None] | None = None,
    make_executor: Callable[[int], Executor] = process_pool,
) -> list[Outcome]:
    """Compute all missing units; what is stored is found again when it is interrupted.

    Parameters
    ----------
    units : iterable of Unit
        What to compute.
    store : ResultStore
        Where results go.
    jobs : int, optional
        Worker processes; one per processor where left out.
    on_outcome : callable, optional
        Called with each outcome as it comes.
    make_executor : callable
        Another executor, such as that of a cluster.
    """
    scheduler = Scheduler(store, jobs=jobs or default_jobs(), make_executor=make_executor)
    outcomes = scheduler.add(units)
    try:
        for outcome in outcomes:
            _tell(on_outcome, outcome)
        while scheduler.busy:
            for outcome in scheduler.step():
                outcomes.append(outcome)
                _tell(on_outcome, outcome)
    finally:
        scheduler.close()
    return outcomes


def _tell(listener: Callable[[Outcome], None] | None, outcome: Outcome) -> None:
    if listener is not None:
        listener(outcome)
