"""A snapshot as a network that can be run: which source there is for it, and its layers."""

import functools
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from analysis._layers import spread
from analysis._layout import LABELS
from analysis._network_source import NetworkSource, data_dir, no_dataset
from analysis._user_model import leaf_modules, make
from analysis.architectures import parse
from analysis.checkpoints import layer_of, read_tensor, tensor_index
from analysis.errors import CheckpointError, ExperimentError, NerveScopeError
from analysis.experiment import Experiment, Run, Step
from analysis.sources import KINDS, Chosen, Kind, Source, Where

__all__ = [
    "ACTIVATIONS",
    "INPUT",
    "NETWORK",
    "NetworkSource",
    "activation_names",
    "data_dir",
    "each_weights",
    "lacking",
    "layer_names",
    "leaf_modules",
    "make",
    "network_source",
    "why_none",
]

NETWORK = "network"
"""One snapshot of one run as a whole, with the inputs that it is shown."""

ACTIVATIONS = "activations"
"""The same, of which one layer is looked at."""

INPUT = "input"
"""Name of the cloud of inputs, before the first layer."""

MOST_WEIGHTS = 200_000_000
"""Weights of a layer that are read."""

FILES_LOOKED_AT = 32
"""Files of stored activations whose layers are listed: more are like these."""


def layer_names(experiment: Experiment) -> tuple[str, ...]:
    """List the layers whose activations can be had, the inputs first; empty where none can.

    Of an experiment that is restricted to some layers those of them.

    Raises
    ------
    NerveScopeError
        If ``[architecture]`` or ``rectified`` makes no sense, the user's network cannot be made, or
        no file of stored activations can be read.
    """
    return tuple(name for name in _every_name(experiment) if experiment.shows(name))


def _every_name(experiment: Experiment) -> tuple[str, ...]:
    _rectified(experiment)
    snapshots = [each for run in experiment.runs for each in run.snapshots]
    files = [each.activations for each in snapshots if each.activations is not None]
    names = dict.fromkeys(_network_names(experiment) if len(files) < len(snapshots) else ())
    return tuple(names | dict.fromkeys(_stored_names(files)))


def _network_names(experiment: Experiment) -> tuple[str, ...]:
    if experiment.model:
        return (INPUT, *leaf_modules(experiment.model))
    architecture = _table(experiment, "architecture")
    return (INPUT, *parse(architecture).layers) if architecture else ()


def _stored_names(files: Sequence[Path]) -> list[str]:
    """Layers of stored activations; a file that is broken does not take the others along."""
    names: dict[str, None] = {}
    problem: NerveScopeError | None = None
    for i in spread(len(files), FILES_LOOKED_AT):
        try:
            names |= dict.fromkeys(tensor_index(files[i]).tensors)
        except CheckpointError as error:
            problem = error
    if problem is not None and not names:
        raise problem
    return [name for name in names if name != LABELS]


def activation_names(experiment: Experiment) -> tuple[str, ...]:
    """List the layers as `layer_names`; none where that fails, as `why_none` then says."""
    try:
        return layer_names(experiment)
    except NerveScopeError:
        return ()


def why_none(experiment: Experiment) -> str:
    """Say why there are no activations; empty where there are some."""
    try:
        every, shown = _every_name(experiment), layer_names(experiment)
    except NerveScopeError as error:
        return str(error)
    if not every:
        return (
            "Activations need a network and inputs: [architecture] and [dataset] in "
            "experiment.toml, or --model package.module:factory and --dataset, or stored "
            "activations/step-….npz beside the snapshots (see docs/activations.md)."
        )
    if not shown:
        return f"None of the chosen layers has activations; there are {', '.join(every[:12])}."
    return _why_not_run(experiment)


@functools.lru_cache(maxsize=32)
def _why_not_run(experiment: Experiment) -> str:
    """Say why no snapshot can be run; an opened experiment does not change."""
    why = ""
    for run in experiment.runs:
        for snapshot in run.snapshots:
            source = network_source(experiment, run, Step(snapshot.step, snapshot.milestone))
            if source is not None and (source.stored or source.dataset != "{}"):
                return ""
            if not why and source is not None:
                why = no_dataset(source.base)
            elif not why:
                lacking_here = lacking(snapshot.files, _table(experiment, "architecture"))
                why = (
                    f"No snapshot holds all weights of [architecture]: {run.name} at step "
                    f"{snapshot.step} lacks those of {', '.join(lacking_here[:12])}."
                )
    return why


def network_source(
    experiment: Experiment, run: Run, step: Step, *, layers: Sequence[str] = ()
) -> NetworkSource | None:
    """Find what one snapshot is run from; None where the run has none, or lacks layers.

    Raises
    ------
    ExperimentError
        If ``rectified`` in experiment.toml is no list of names.
    """
    snapshot = run.snapshot(step)
    if snapshot is None:
        return None
    if snapshot.activations is not None:
        files = (str(snapshot.activations),)
        rectified = _rectified(experiment)
        return NetworkSource(
            run.name, files, layers=tuple(layers), stored=True, rectified=rectified
        )
    architecture, model = _table(experiment, "architecture"), experiment.model
    if not model and (not architecture or lacking(snapshot.files, architecture)):
        return None
    return NetworkSource(
        run.name,
        tuple(map(str, snapshot.files)),
        architecture="" if model else json.dumps(architecture, sort_keys=True),
        dataset=json.dumps(_table(experiment, "dataset"), sort_keys=True, default=str),
        base=str(experiment.path if experiment.path.is_dir() else experiment.path.parent),
        model=model,
        layers=tuple(layers),
        rectified=_rectified(experiment),
    )


def lacking(files: Sequence[Path], architecture: Mapping[str, Any]) -> list[str]:
    """List the layers whose weights a snapshot does not hold; only headers are read.

    A snapshot that cannot be read lacks none: it fails with words of its own when it is run.
    """
    there: set[str] = set()
    try:
        for file in files:
            there |= set(tensor_index(file).tensors)
    except CheckpointError:
        return []
    return [name for name in parse(architecture).layers if f"{name}.weight" not in there]


def each_weights(source: NetworkSource) -> Iterator[tuple[str, NDArray[Any] | int]]:
    """Read the weights of every layer that has some, one after the other.

    Yields
    ------
    name : str
    weights : ndarray or int
        How many there are where they are more than `MOST_WEIGHTS`, which are not read. There is
        nothing beside stored activations.

    Raises
    ------
    CheckpointError
        If a file cannot be read.
    """
    seen: set[str] = set()
    for file in () if source.stored else source.files:
        for name, info in tensor_index(file).tensors.items():
            layer = layer_of(name)
            if name.endswith(".weight") and len(info.shape) > 1 and layer not in seen:
                seen.add(layer)
                count = math.prod(info.shape)
                yield layer, count if count > MOST_WEIGHTS else read_tensor(file, name)


def _table(experiment: Experiment, name: str) -> dict[str, Any]:
    found = experiment.settings.get(name, {})
    return dict(found) if isinstance(found, dict) else {}


def _rectified(experiment: Experiment) -> tuple[str, ...] | None:
    """Read which layers end in a ReLU, as the experiment says; None where it does not."""
    said = experiment.settings.get("rectified")
    if said is None:
        return None
    if not isinstance(said, list) or not all(isinstance(name, str) for name in said):
        msg = f"{experiment.path}: rectified = {said!r} must be a list of names of layers"
        raise ExperimentError(msg)
    return tuple(sorted(set(said)))


def _chosen_runs(experiment: Experiment, runs: Sequence[str] | None) -> list[Run]:
    return [run for run in experiment.runs if runs is None or run.name in runs]


def _network(experiment: Experiment, where: Where) -> Source:
    run = experiment.run((where.runs or (experiment.runs[0].name,))[0])
    layers = (where.layer,) if where.layer else ()
    return network_source(experiment, run, where.step, layers=layers) or NetworkSource(run.name, ())


def _network_places(experiment: Experiment, chosen: Chosen) -> Iterator[Where]:
    if not why_none(experiment):
        for run in _chosen_runs(experiment, chosen.runs):
            for step in experiment.axis if chosen.steps is None else chosen.steps:
                yield Where("", step, (run.name,))


def _layer_places(experiment: Experiment, chosen: Chosen) -> Iterator[Where]:
    if why_none(experiment):
        return
    names = layer_names(experiment)
    for where in _network_places(experiment, chosen):
        for layer in names if chosen.layers is None else chosen.layers:
            if layer in names:
                yield Where(layer, where.step, where.runs)


KINDS[NETWORK] = Kind(_network, _network_places, whole=True)
KINDS[ACTIVATIONS] = Kind(_network, _layer_places)
