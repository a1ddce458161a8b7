"""A bounded number of worker processes over a queue of units; the same for commands and pages."""

import contextlib
import multiprocessing
import os
import threading
import time
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

from threadpoolctl import threadpool_limits

from analysis import claims
from analysis.errors import NerveScopeError
from analysis.pipeline import Outcome, load, run_unit
from analysis.store import ResultStore
from analysis.units import Unit, key_of, with_parts


def default_jobs() -> int:
    """Return how many units to compute at once: one per processor."""
    return os.cpu_count() or 1


class ProcessPool(ProcessPoolExecutor):
    """Spawned processes, each with one thread for linear algebra, that end with this process."""

    def __init__(self, jobs: int) -> None:
        context = multiprocessing.get_context("spawn")
        super().__init__(jobs, mp_context=context, initializer=_begin)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002 - as its base
        """End the processes; without `wait` at once, whatever they are doing."""
        processes = [] if wait else list((self._processes or {}).values())
        super().shutdown(wait, cancel_futures=cancel_futures)
        for process in processes:
            process.terminate()
        for process in processes:
            process.join(5)


def _begin() -> None:
    """Set a worker up: politely, and never to outlive the process that it works for."""
    os.nice(5)
    os.environ["OMP_NUM_THREADS"] = "1"  # of what is loaded later, such as torch
    threadpool_limits(1)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


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
        make_executor: Callable[[int], Executor] = ProcessPool,
    ) -> None:
        self._store = store
        self._jobs = jobs
        self._make_executor = make_executor
        self._executor: Executor | None = None
        self._queue: OrderedDict[str, Unit] = OrderedDict()
        self._running: dict[Future[Outcome], str] = {}
        self._units: dict[str, Unit] = {}
        self._elsewhere: dict[str, Unit] = {}
        self._suspects: set[str] = set()

    @property
    def busy(self) -> bool:
        """Whether any unit is waiting or in work."""
        return bool(self._queue or self._running or self._elsewhere)

    @property
    def keys(self) -> set[str]:
        """Keys of all units that are waiting or in work."""
        return {*self._queue, *self._running.values(), *self._elsewhere}

    @property
    def left(self) -> list[Unit]:
        """Units that are waiting or in work."""
        return [*self._queue.values(), *self.running, *self._elsewhere.values()]

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
        known = self.keys
        for unit in with_parts(units):
            try:
                key = key_of(unit)
            except NerveScopeError as error:
                settled.append(Outcome(unit, "", "failed", str(error)))
                continue
            if load(unit, self._store) is not None:
                settled.append(Outcome(unit, key, "stored"))
            elif key in self._queue or key not in known:
                fresh.append((key, unit))
        for key, unit in reversed(fresh) if first else fresh:
            self._queue[key] = unit
            if first:
                self._queue.move_to_end(key, last=False)
        return settled

    def step(self, timeout: float = 0.2) -> list[Outcome]:
        """Start what can be started, wait for the next to end, and return the ended ones."""
        self._fill()
        if not self._running:  # all that is left is in work elsewhere
            time.sleep(timeout)
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
        return outcomes + self._bury(died) if died else outcomes

    def cancel(self) -> list[Unit]:
        """Drop what waits and stop what runs, at once, and return it; only work in hand is lost."""
        dropped = [*self._units.values(), *self._queue.values(), *self._elsewhere.values()]
        self._queue.clear()
        self._elsewhere.clear()
        self._running.clear()
        self._units.clear()
        self._suspects.clear()
        self.close()
        return dropped

    def close(self) -> None:
        """End the worker processes."""
        if self._executor is not None:
            self._executor.shutdown(wait=False, cancel_futures=True)
            self._executor = None

    def _fill(self) -> None:
        for key in [k for k in self._elsewhere if not claims.is_held(self._store.claim_path(k))]:
            self._queue[key] = self._elsewhere.pop(key)
        while self._queue and len(self._running) < self._room():
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

    def _room(self) -> int:
        """Return how many units may run: one alone while a worker's death is looked into."""
        near = {*self._running.values(), *list(self._queue)[:1]}
        return 1 if near & self._suspects else self._jobs

    def _keep(self, outcome: Outcome) -> None:
        self._suspects.discard(outcome.key)
        for key, data in outcome.unsaved:
            self._store.keep(key, data)

    def _bury(self, died: list[tuple[str, Unit]]) -> list[Outcome]:
        """Try the units in hand of a worker that died once more, each alone; then report."""
        self.close()
        died += [(key, self._units.pop(key)) for key in self._running.values()]
        self._running.clear()
        outcomes = []
        for key, unit in died:
            if key in self._suspects:
                self._suspects.discard(key)
                message = f"{unit.where}: the worker process died twice, perhaps for lack of memory"
                outcomes.append(Outcome(unit, key, "failed", message))
            else:
                self._suspects.add(key)
                self._queue[key] = unit
                self._queue.move_to_end(key, last=False)
        return outcomes


def compute(
    units: Iterable[Unit],
    store: ResultStore,
    *,
    jobs: int | None = None,
    on_outcome: Callable[[Outcome], None] | None = None,
    make_executor: Callable[[int], Executor] = ProcessPool,
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
    wanted = with_parts(units)
    outcomes: list[Outcome] = []

    def settle(ended: list[Outcome]) -> None:
        for outcome in ended:
            outcomes.append(outcome)
            if on_outcome is not None:
                on_outcome(outcome)

    settle(scheduler.add(wanted))
    same = _by_key(wanted)
    try:
        while scheduler.busy:
            for ended in scheduler.step():
                settle([replace(ended, unit=unit) for unit in same.get(ended.key, [ended.unit])])
    finally:
        scheduler.close()
    return outcomes


def _by_key(units: Iterable[Unit]) -> dict[str, list[Unit]]:
    """Group units whose inputs and parameters are the same, such as those of identical files."""
    found: dict[str, list[Unit]] = {}
    for unit in units:
        with contextlib.suppress(NerveScopeError):
            found.setdefault(key_of(unit), []).append(unit)
    return found
