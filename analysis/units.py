"""Units: one analysis at one place of an experiment, with its parameters; and their keys."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from analysis import registry
from analysis._defaults import experiment_defaults
from analysis.checkpoints import once_with_files
from analysis.codec import digest
from analysis.errors import AnalysisError, NerveScopeError
from analysis.experiment import Experiment, Run, Step, TensorRef
from analysis.parameters import Params, as_plain
from analysis.registry import Analysis
from analysis.sources import KINDS, Chosen, GatheredSource, LayerSource, Place, Source, Where

Settings = Mapping[str, Mapping[str, Any]]
"""Parameters that the user sets, by analysis name; None means not said."""


@dataclass(frozen=True, slots=True)
class Unit:
    """One analysis at one place of an experiment, with its parameters.

    Attributes
    ----------
    analysis : str
        Its name.
    params : Params
        Its parameters.
    layer, step
        Where on the cursor; no layer for a whole network.
    source : Source
        What it, or what it stands on, is computed from.
    upstream : Unit or None
        The unit whose result it takes, where it does not read the source itself.
    gathered : tuple of Unit
        The units whose results it takes all at once.
    """

    analysis: str
    params: Params
    layer: str
    step: Step
    source: Source
    upstream: "Unit | None" = None
    gathered: tuple["Unit", ...] = ()

    @property
    def refs(self) -> tuple[TensorRef, ...]:
        """The tensors that it is computed from, where these are one layer's weights."""
        return self.source.refs if isinstance(self.source, LayerSource) else ()

    @property
    def where(self) -> str:
        """Layer, step and the first file, for messages."""
        place = f"{self.layer or 'the network'} at step {self.step.step}"
        if self.gathered:
            return self.source.where
        return f"{place} ({self.source.where})" if self.source.where else place


def unit_of(
    experiment: Experiment,
    name: str,
    *,
    layer: str,
    step: Step,
    runs: Sequence[str] | None = None,
    steps: Sequence[Step] | None = None,
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
    steps : sequence of Step, optional
        Those that an analysis takes together which gathers results; all of them where left out.
    settings : mapping, optional
        Parameters by analysis name; they win over experiment.toml, which wins over the defaults.

    Raises
    ------
    AnalysisError
        If there is no such analysis or a parameter cannot be used.
    """
    kinds = registry.chain(name)
    if kinds[0].gathers:
        return _gathering(experiment, kinds, step, steps=steps, runs=runs, settings=settings)
    where = Where(layer, step, None if runs is None else tuple(runs))
    source = KINDS[kinds[0].needs].make(experiment, where)
    unit: Unit | None = None
    for kind in kinds:
        params = params_of(experiment, kind, layer=layer, settings=settings)
        unit = Unit(kind.name, params, layer, step, source, unit)
    assert unit is not None  # noqa: S101 - a chain is never empty
    return unit


def _gathering(
    experiment: Experiment,
    kinds: Sequence[Analysis],
    step: Step,
    *,
    steps: Sequence[Step] | None,
    runs: Sequence[str] | None,
    settings: Settings | None,
) -> Unit:
    """Make the unit of an analysis that takes the results of all runs and steps at once."""
    parts = [
        each
        for each in plan(experiment, kinds[0].needs, steps=steps, runs=runs, settings=settings)
        if _is_readable(each)
    ]
    by_name = {run.name: run for run in experiment.runs}
    places = tuple(_place(by_name[each.source.runs[0]], each) for each in parts)
    unit: Unit | None = None
    for kind in kinds:
        params = params_of(experiment, kind, layer="", settings=settings)
        own = tuple(parts) if unit is None else ()
        unit = Unit(kind.name, params, "", step, GatheredSource(places), unit, own)
    assert unit is not None  # noqa: S101 - a chain is never empty
    return unit


def _place(run: Run, unit: Unit) -> Place:
    found = run.snapshot(unit.step)
    own = found.step if found else unit.step.step  # of a milestone each run has its own
    said = json.dumps(dict(run.hyperparameters), sort_keys=True, default=str)
    return Place(run.name, own, unit.step.milestone, said)


def _is_readable(unit: Unit) -> bool:
    """Whether the files of a unit are there; one that is broken must not take the others along."""
    try:
        key_of(unit)
    except NerveScopeError:
        return False
    return True


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
    own = {each.name for each in fields(kind.params)}
    said = settings or {}
    alike = {key: value for key, value in said.get(kind.like, {}).items() if key in own}
    try:
        return registry.resolve(kind, defaults, alike, said.get(kind.name, {}))
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
    """List the units of an analysis over an experiment; where there is nothing to read, none.

    Over layers × steps where it reads weights, over runs × steps where it reads whole networks; an
    analysis that gathers has one.
    """
    first = registry.chain(name)[0]
    chosen = Chosen(
        *(None if each is None else tuple(each) for each in (layers, steps, runs))  # type: ignore[arg-type]
    )
    if first.gathers:
        found = unit_of(
            experiment,
            name,
            layer="",
            step=(chosen.steps or experiment.axis)[-1],
            runs=chosen.runs,
            steps=chosen.steps,
            settings=settings,
        )
        return [found] if found.source else []
    units = [
        unit_of(
            experiment,
            name,
            layer=where.layer,
            step=where.step,
            runs=where.runs,
            settings=settings,
        )
        for where in KINDS[first.needs].places(experiment, chosen)
    ]
    return [unit for unit in units if unit.source]


def key_of(unit: Unit) -> str:
    """Digest everything the result depends on: method, version, parameters, file contents.

    Raises
    ------
    CheckpointError
        If a file cannot be read.
    """
    if unit.gathered:  # comparing it would compare all its parts
        return _key_of(unit)
    return once_with_files(("key", unit), lambda: _key_of(unit))


def _key_of(unit: Unit) -> str:
    kind = registry.get(unit.analysis)
    inputs: Any
    if unit.upstream is not None:
        inputs = key_of(unit.upstream)
    elif unit.gathered:
        inputs = [unit.source.inputs(), [key_of(each) for each in unit.gathered]]
    else:
        inputs = unit.source.inputs()
    return digest(
        {
            "analysis": unit.analysis,
            "version": kind.version,
            "params": as_plain(unit.params),
            "inputs": inputs,
        }
    )


def with_parts(units: Iterable[Unit]) -> list[Unit]:
    """Put before each unit those that it gathers and that are not listed, for workers to share."""
    units = list(units)
    found = dict.fromkeys(units)
    listed: list[Unit] = []
    for unit in units:
        fresh = [each for each in _parts(unit) if each not in found]
        found |= dict.fromkeys(fresh)
        listed += [*fresh, unit]
    return listed


def _parts(unit: Unit) -> tuple[Unit, ...]:
    """Return the units that a unit, or what it stands on, gathers."""
    if unit.gathered or unit.upstream is None:
        return unit.gathered
    return _parts(unit.upstream)
