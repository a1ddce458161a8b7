"""A thread that keeps a scheduler busy with what the pages want, and says how far it is."""

import contextlib
import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from dataclasses import dataclass, replace

from analysis.errors import NerveScopeError
from analysis.pipeline import Outcome
from analysis.scheduler import ProcessPool, Scheduler
from analysis.store import ResultStore
from analysis.units import Unit, key_of

LOG = logging.getLogger("nervescope")


@dataclass(frozen=True, slots=True)
class Status:
    """How far the jobs are.

    Attributes
    ----------
    done, total : int
        Units since the last time that nothing was to do.
    now : str
        What is in work.
    seconds_left : float or None
        Estimate from the units so far.
    messages : tuple of str
        What failed or could not be saved, newest last.
    """

    done: int = 0
    total: int = 0
    now: str = ""
    seconds_left: float | None = None
    messages: tuple[str, ...] = ()

    @property
    def busy(self) -> bool:
        """Whether anything is left to do."""
        return self.done < self.total


class Jobs:
    """Computes units in worker processes; every page of one server sees the same jobs.

    Parameters
    ----------
    store : ResultStore
        Where results go.
    jobs : int
        Worker processes.
    make_executor : callable
        ``make_executor(jobs) -> Executor``.
    """

    def __init__(
        self,
        store: ResultStore,
        jobs: int,
        *,
        make_executor: Callable[[int], Executor] = ProcessPool,
    ) -> None:
        self._scheduler = Scheduler(store, jobs=jobs, make_executor=make_executor)
        self._workers = jobs
        self._store = store
        self._inbox: deque[tuple[list[Unit], bool]] = deque()
        self._failures: dict[str, str] = {}
        self._failed: dict[str, Unit] = {}
        self._messages: deque[str] = deque(maxlen=50)
        self._wake = threading.Event()
        self._cancel = threading.Event()
        self._closed = threading.Event()
        self._status = Status()
        self._looked_at: set[str] = set()
        self._dropped: list[Unit] = []
        self._done = 0
        self._finished = 0
        self._spent: dict[str, list[float]] = {}  # seconds of units by analysis
        self._thread = threading.Thread(target=self._loop, name="jobs", daemon=True)

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def want(self, units: Iterable[Unit]) -> None:
        """Have units computed before all that waits, in their order."""
        self._inbox.append((list(units), True))
        self._wake.set()

    def ahead(self, units: Iterable[Unit]) -> None:
        """Have units computed after all that waits."""
        self._inbox.append((list(units), False))
        self._wake.set()

    def cancel(self) -> None:
        """Stop everything at once; what was looked at stays so until `retry`."""
        self._cancel.set()
        self._wake.set()

    def retry(self) -> None:
        """Try again what failed, and go on with what was cancelled."""
        failed, self._failed = list(self._failed.values()), {}
        self._failures.clear()
        dropped, self._dropped = self._dropped, []
        self.ahead([*failed, *dropped])
        self.changed()

    def dismiss(self) -> None:
        """Forget what failed and was said of it; it is computed when it is looked at again."""
        self._messages.clear()
        self._failures.clear()
        self._failed.clear()
        self.changed()

    def changed(self) -> None:
        """Say that something shown may be different now, though no unit has ended here."""
        self._finished += 1

    @property
    def cancelled(self) -> bool:
        """Whether work was cancelled and not taken up again."""
        return bool(self._dropped)

    @property
    def failed(self) -> bool:
        """Whether anything failed or was cancelled that may be tried again."""
        return bool(self._failures or self._dropped)

    def close(self) -> None:
        """Stop everything and end the thread."""
        self._closed.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(10)

    def failure(self, key: str) -> str:
        """Return why a unit could not be computed; empty where it did not fail."""
        return self._failures.get(key, "")

    @property
    def status(self) -> Status:
        """How far it is."""
        now = self._status
        return replace(now, total=max(now.total, now.done + bool(self._inbox)))

    @property
    def finished(self) -> int:
        """How many units have ended since the start, well or not."""
        return self._finished

    def _loop(self) -> None:
        while not self._closed.is_set():
            try:
                self._turn()
            except Exception:  # this thread must go on whatever happens
                LOG.exception("the jobs stumbled")
                self._messages.append("The jobs stumbled and go on; the terminal has details.")
                self._scheduler.cancel()
                self._status = self._describe()
            if not self._scheduler.busy and not self._inbox:
                self._wake.wait()
                self._wake.clear()
        self._scheduler.cancel()

    def _turn(self) -> None:
        if self._cancel.is_set():
            self._cancel.clear()
            waiting = []
            while self._inbox:  # requests add to it meanwhile
                waiting += self._inbox.popleft()[0]
            for key in self._looked_at & self._scheduler.keys:
                self._failures[key] = "Cancelled. Press “Try again” below to compute it."
            self._dropped += [*self._scheduler.cancel(), *waiting]
        while self._inbox:
            units, first = self._inbox.popleft()
            self._settle(self._scheduler.add(units, first=first))
            if first:
                with contextlib.suppress(NerveScopeError):  # the file is gone, as `add` has said
                    self._looked_at |= {key_of(unit) for unit in units}
        self._status = self._describe()
        self._settle(self._scheduler.step() if self._scheduler.busy else [])
        if not self._scheduler.busy:
            self._done, self._spent = 0, {}
            self._store.save_kept()
            self._looked_at.clear()
        self._status = self._describe()

    def _settle(self, outcomes: list[Outcome]) -> None:
        self._note(outcomes)
        ended = [each for each in outcomes if each.state != "stored"]
        self._done += len(ended)
        self._finished += len(ended)
        for each in ended:
            if each.state == "computed":
                self._spent.setdefault(each.unit.analysis, []).append(each.seconds)

    def _note(self, outcomes: list[Outcome]) -> None:
        for each in outcomes:
            if each.message and each.message not in self._messages:
                self._messages.append(each.message)
            if each.detail:
                LOG.error("%s\n%s", each.message, each.detail)
            if each.state == "failed":
                self._failures[each.key] = each.message
                self._failed[each.key] = each.unit
            else:
                self._failures.pop(each.key, None)
                self._failed.pop(each.key, None)

    def _describe(self) -> Status:
        left = self._scheduler.left
        now = ", ".join(dict.fromkeys(unit.layer for unit in self._scheduler.running))
        seconds = self._seconds_of(left)
        return Status(self._done, self._done + len(left), now, seconds, tuple(self._messages))

    def _seconds_of(self, units: list[Unit]) -> float | None:
        """Estimate how long units take: by the mean of their analysis, else the slowest known."""
        means = {kind: sum(times) / len(times) for kind, times in self._spent.items()}
        if not means:
            return None
        usual = max(means.values())  # of a kind that has not been seen
        return sum(means.get(each.analysis, usual) for each in units) / self._workers
