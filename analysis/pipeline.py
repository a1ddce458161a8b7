"""From an experiment to results: which units there are, their keys, and how one is computed."""

import datetime as dt
import importlib.metadata
import time
import traceback
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from analysis import claims, registry
from analysis._defaults import experiment_defaults
from analysis.checkpoints import content_digest
from analysis.codec import Stored, digest, encode
from analysis.errors import AnalysisError, NerveScopeError
from analysis.experiment import Experiment, Step, TensorRef, read_layer
from analysis.parameters import Params, as_plain
from analysis.registry import Analysis, Progress, silent
from analysis.store import ResultStore, StoreError

State = Literal["stored", "computed", "failed", "elsewhere"]
Settings = Mapping[str, Mapping[str, Any]]
"""Parameters that the user sets, by analysis name; None means not said."""

LIBRARIES = ("numpy", "scipy", "numba", "redzed-tda", "ripser")


@dataclass(frozen=True, slots=True)
class Unit:
    """One analysis of one layer at one step over a set of runs, with its parameters.

    Attributes
    ----------
    analysis : str
        Its name.
    params : Params
        Its parameters.
    layer, step, milestone
        Where on the cursor.
    refs : tuple of TensorRef
        The tensors it is computed from, one per run.
    upstream : Unit or None
        The unit whose result it takes, where it does not read the layer itself.
    """

    analysis: str
    params: Params
    layer: str
    step: Step
    refs: tuple[TensorRef, ...]
    upstream: "Unit | None" = None

    @property
    def where(self) -> str:
        """Layer, step and the first file, for messages."""
        if not self.refs:
            return f"{self.layer} at step {self.step.step}"
        more = f" and {len(self.refs) - 1} more" if len(self.refs) > 1 else ""
        return f"{self.layer} at step {self.step.step} ({self.refs[0].path}{more})"


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


def unit_of(
    experiment: Experiment,
    name: str,
    *,
    layer: str,
    step: Step,
    runs: Sequence[str] | None = None,
    settings: Settings | None = None,
) -> Unit:
    """Make the unit of one analysis, with the units it stands on.

    Parameters
    ----------
    experiment : Experiment
        Where the layer is.
    name : str
        Of the analysis.
    layer, step
        Which layer, which entry of the experiment's axis.
    runs : sequence of str, optional
        Names of runs; all of them where left out.
    settings : mapping, optional
        Parameters by analysis name; they win over experiment.toml, which wins over the defaults.

    Raises
    ------
    AnalysisError
        If there is no such analysis or a parameter cannot be used.
    """
    sources = experiment.sources(layer, step, runs=runs)
    unit: Unit | None = None
    for kind in registry.chain(name):
        params = params_of(experiment, kind, layer=layer, settings=settings)
        unit = Unit(kind.name, params, layer, step, sources.refs, unit)
    assert unit is not None  # noqa: S101 - a chain is never empty
    return unit


def params_of(
    experiment: Experiment, kind: Analysis, *, layer: str, settings: Settings | None = None
) -> Params:
    """Make the parameters of an analysis for a layer: settings, experiment.toml, then defaults.

    Raises
    ------
    AnalysisError
        If one cannot be used.
    ExperimentError
        If experiment.toml makes no sense.
    """
    defaults = experiment_defaults(experiment, kind, layer)
    try:
        return registry.resolve(kind, defaults, (settings or {}).get(kind.name, {}))
    except AnalysisError as error:
        if not defaults:
            raise
        msg = f"{error} (see also {experiment.path / 'experiment.toml'})"
        raise AnalysisError(msg) from error


def plan(
    experiment: Experiment,
    name: str,
    *,
    layers: Iterable[str] | None = None,
    steps: Iterable[Step] | None = None,
    runs: Sequence[str] | None = None,
    settings: Settings | None = None,
) -> list[Unit]:
    """List the units of an analysis over layers × steps; where no run has the layer, none."""
    names = [each.name for each in experiment.layers()] if layers is None else list(layers)
    axis = list(experiment.axis if steps is None else steps)
    units = [
        unit_of(experiment, name, layer=layer, step=step, runs=runs, settings=settings)
        for layer in names
        for step in axis
    ]
    return [unit for unit in units if unit.refs]


def key_of(unit: Unit) -> str:
    """Digest everything the result depends on: method, version, parameters, file contents.

    Raises
    ------
    CheckpointError
        If a file cannot be read.
    """
    kind = registry.get(unit.analysis)
    if unit.upstream is not None:
        inputs: Any = key_of(unit.upstream)
    else:
        inputs = [[content_digest(Path(ref.path)), ref.tensor] for ref in unit.refs]
    return digest(
        {
            "analysis": unit.analysis,
            "version": kind.version,
            "params": as_plain(unit.params),
            "inputs": inputs,
        }
    )


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
    if unit.upstream is None:
        return read_layer(unit.refs), ()
    while True:
        outcome = run_unit(unit.upstream, store, progress)
        if outcome.state == "failed":
            raise NerveScopeError(outcome.message)
        if outcome.state != "elsewhere":
            break
        time.sleep(0.1)
    stored = load(unit.upstream, store)
    if stored is None:
        raise NerveScopeError(_changed(unit))
    return stored.result, outcome.unsaved


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
    inputs = [
        {
            "run": ref.run,
            "file": Path(ref.path).name,
            "tensor": ref.tensor,
            "digest": content_digest(Path(ref.path)),
        }
        for ref in unit.refs
    ]
    return {
        "analysis": unit.analysis,
        "version": kind.version,
        "params": as_plain(unit.params),
        "layer": unit.layer,
        "step": unit.step.step,
        "milestone": unit.step.milestone,
        "inputs": inputs,
        "upstream": key_of(unit.upstream) if unit.upstream else None,
        "created": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "seconds": round(seconds, 3),
        "libraries": {name: importlib.metadata.version(name) for name in LIBRARIES},
    }
