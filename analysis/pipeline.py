"""From units to results: how one is computed, stored and found again."""

import datetime as dt
import importlib.metadata
import time
import traceback
from dataclasses import dataclass
from typing import Any, Literal

from analysis import claims, registry
from analysis.codec import Stored, encode
from analysis.errors import AnalysisError, NerveScopeError
from analysis.parameters import as_plain
from analysis.registry import Analysis, Progress, silent
from analysis.sources import Place
from analysis.store import ResultStore, StoreError
from analysis.units import Unit, key_of

State = Literal["stored", "computed", "failed", "elsewhere"]

LIBRARIES = (
    "numpy", "scipy", "scikit-learn", "numba", "redzed-tda", "ripser", "torch", "umap-learn",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a unit.

    Attributes
    ----------
    unit, key
        The unit and its key; the key is empty where the files could not be read.
    state : str
        ``stored`` (was there), ``computed``, ``failed``, ``elsewhere`` (another process is at it).
    message, detail : str
        Why it failed or was not saved, in words; the traceback, for a bug report.
    seconds : float
        Wall time of the computation.
    unsaved : tuple of (key, bytes)
        Results that could not be written.
    """

    unit: Unit
    key: str
    state: State
    message: str = ""
    detail: str = ""
    seconds: float = 0.0
    unsaved: tuple[tuple[str, bytes], ...] = ()


def load(unit: Unit, store: ResultStore) -> Stored | None:
    """Read a unit's result where there is one."""
    return store.get(key_of(unit), registry.get(unit.analysis).result)


def results_of(unit: Unit, store: ResultStore) -> dict[str, Stored] | None:
    """Read the results of a unit and all it stands on, by analysis name; None if one is missing."""
    found: dict[str, Stored] = {}
    each: Unit | None = unit
    while each is not None:
        stored = load(each, store)
        if stored is None:
            return None
        found[each.analysis] = stored
        each = each.upstream
    return found


def run_unit(unit: Unit, store: ResultStore, progress: Progress = silent) -> Outcome:
    """Compute a unit and write its result, unless it is there or another process is at it.

    Whatever goes wrong comes back as an outcome with words, so that other units go on.
    """
    started = time.perf_counter()
    detail = ""
    try:
        return _run(unit, store, progress, started)
    except AnalysisError as error:
        message = f"{unit.where}: {error}"
    except NerveScopeError as error:  # names its file itself
        message = str(error)
    except Exception as error:  # noqa: BLE001 - a fault in one unit must not take the others along
        message = f"{unit.where}: unexpected {type(error).__name__}: {error}"
        detail = traceback.format_exc()
    return Outcome(unit, "", "failed", message, detail, time.perf_counter() - started)


def _run(unit: Unit, store: ResultStore, progress: Progress, started: float) -> Outcome:
    key = key_of(unit)
    if load(unit, store) is not None:
        return Outcome(unit, key, "stored")
    path = store.claim_path(key)
    with claims.claim(path) as mine:
        if not mine:
            return Outcome(unit, key, "elsewhere")
        if load(unit, store) is not None:
            return Outcome(unit, key, "stored")

        given, unsaved = _input_of(unit, store, progress)
        kind = registry.get(unit.analysis)
        result = kind.run(given, unit.params, progress=progress)
        _check_unchanged(unit, key)
        seconds = time.perf_counter() - started
        data = encode(result, _provenance(unit, kind, seconds))
        message = _save(store, key, data)
    if message:
        unsaved = (*unsaved, (key, data))
    return Outcome(unit, key, "computed", message, "", seconds, unsaved)


def _input_of(
    unit: Unit, store: ResultStore, progress: Progress
) -> tuple[Any, tuple[tuple[str, bytes], ...]]:
    if unit.gathered:
        return _gathered(unit, store, progress)
    if unit.upstream is None:
        return unit.source.read(), ()
    outcome = _settled(unit.upstream, store, progress)
    if outcome.state == "failed":
        raise NerveScopeError(outcome.message)
    stored = load(unit.upstream, store)
    if stored is None:
        raise NerveScopeError(_changed(unit))
    return stored.result, outcome.unsaved


def _gathered(
    unit: Unit, store: ResultStore, progress: Progress
) -> tuple[list[tuple[Place, Any]], tuple[tuple[str, bytes], ...]]:
    """Collect the results of many units; those that fail say so themselves and are left out."""
    found: list[tuple[Place, Any]] = []
    unsaved: list[tuple[str, bytes]] = []
    reason = ""
    for i, (place, each) in enumerate(zip(unit.source.read(), unit.gathered, strict=True)):
        progress(i / len(unit.gathered), f"network {i + 1} of {len(unit.gathered)}")
        outcome = _settled(each, store, silent)
        unsaved += outcome.unsaved
        if outcome.state == "failed":
            reason = reason or outcome.message
        elif (stored := load(each, store)) is not None:
            found.append((place, stored.result))
    if not found:
        msg = f"{unit.where}: none of them could be computed: {reason}"
        raise NerveScopeError(msg)
    return found, tuple(unsaved)


def _settled(unit: Unit, store: ResultStore, progress: Progress) -> Outcome:
    """Compute a unit, or wait for the process that is at it."""
    while True:
        outcome = run_unit(unit, store, progress)
        if outcome.state != "elsewhere":
            return outcome
        time.sleep(0.1)


def _check_unchanged(unit: Unit, key: str) -> None:
    """Keep a result from the key of another content: a trainer may write while we read."""
    if key_of(unit) != key:
        raise NerveScopeError(_changed(unit))


def _changed(unit: Unit) -> str:
    return f"{unit.where}: the file changed while it was read; try again when it is complete"


def _save(store: ResultStore, key: str, data: bytes) -> str:
    try:
        store.put(key, data)
    except StoreError as error:
        store.keep(key, data)
        return str(error)
    return ""


def _provenance(unit: Unit, kind: Analysis, seconds: float) -> dict[str, Any]:
    return {
        "analysis": unit.analysis,
        "version": kind.version,
        "params": as_plain(unit.params),
        "layer": unit.layer,
        "step": unit.step.step,
        "milestone": unit.step.milestone,
        "inputs": unit.source.provenance(),
        "upstream": key_of(unit.upstream) if unit.upstream else None,
        "gathered": [key_of(each) for each in unit.gathered],
        "created": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "seconds": round(seconds, 3),
        "libraries": {name: importlib.metadata.version(name) for name in LIBRARIES},
    }
