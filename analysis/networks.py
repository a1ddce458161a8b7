"""A snapshot as a network that can be run: which source there is for it, and its layers."""

import functools
import importlib
import importlib.util
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from analysis import resources
from analysis.architectures import parse
from analysis.checkpoints import content_digest, layer_of, read_tensor, step_of, tensor_index
from analysis.datasets import dataset_files
from analysis.errors import CheckpointError, ExperimentError, NerveScopeError
from analysis.experiment import Experiment, Run, Step
from analysis.sources import KINDS, Chosen, Kind, Source, Where

NETWORK = "network"
"""One snapshot of one run as a whole, with the inputs that it is shown."""

ACTIVATIONS = "activations"
"""The same, of which one layer is looked at."""

INPUT = "input"
"""Name of the cloud of inputs, before the first layer."""

STORED = "activations"
"""Folder beside a run's snapshots with stored activations, and its file of one step."""


@dataclass(frozen=True, slots=True)
class NetworkSource(Source):
    """One snapshot and what is needed to run it; or activations that another program stored.

    Attributes
    ----------
    run : str
    files : tuple of str
        Of the snapshot, or the one file of stored activations.
    architecture, dataset : str
        Tables of experiment.toml as JSON; empty where there is none.
    base : str
        The experiment's folder, from which paths in `dataset` start.
    model : str
        ``package.module:factory`` that the user gave; empty for none.
    layers : tuple of str
        The layers that are wanted; empty for all.
    stored : bool
        Whether the file holds activations rather than weights.
    """

    run: str
    files: tuple[str, ...]
    architecture: str = ""
    dataset: str = ""
    base: str = ""
    model: str = ""
    layers: tuple[str, ...] = ()
    stored: bool = False

    @property
    def runs(self) -> tuple[str, ...]:
        """The run."""
        return (self.run,)

    @property
    def settings(self) -> dict[str, Any]:
        """``[dataset]`` as a dict.

        Raises
        ------
        ExperimentError
            If there is none.
        """
        found: dict[str, Any] = json.loads(self.dataset or "{}")
        if not found:
            msg = (
                f"{Path(self.base) / 'experiment.toml'}: no [dataset], so there is nothing to show "
                "the network: name one, or give --dataset"
            )
            raise ExperimentError(msg)
        return found

    def inputs(self) -> Any:
        """Digests of snapshot, data and code, with the settings."""
        found: dict[str, Any] = {
            "files": [content_digest(Path(file)) for file in self.files],
            "layers": list(self.layers),
        }
        if self.stored:
            return found | {"stored": True}
        place = {"data_dir": data_dir(), "base": Path(self.base)}
        data = [content_digest(path) for path in dataset_files(self.settings, **place)]
        network = (
            {"model": self.model, "code": content_digest(code_of(self.model))}
            if self.model
            else {"architecture": json.loads(self.architecture)}
        )
        return found | network | {"dataset": self.settings, "data": data}

    def read(self) -> "NetworkSource":
        """Return itself: an analysis says which inputs it wants before anything is run."""
        return self

    def provenance(self) -> list[dict[str, Any]]:
        """Say which files, network and data."""
        said = {
            "architecture": json.loads(self.architecture or "null"),
            "dataset": json.loads(self.dataset or "null"),
            "model": self.model or None,
        }
        return [
            {"run": self.run, "file": Path(file).name, "digest": content_digest(Path(file))} | said
            for file in self.files
        ]


def data_dir() -> Path:
    """Folder of the inputs that ship."""
    return resources.folder("sample_models") / "data"


def code_of(model: str) -> Path:
    """Find the file of ``package.module:factory`` without running it.

    Raises
    ------
    ExperimentError
        If the text is of another form, or there is no such module.
    """
    module, _, factory = model.partition(":")
    if not module or not factory.isidentifier():
        msg = f"--model {model!r}: give it as package.module:factory"
        raise ExperimentError(msg)
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))  # as `python -m` has it: the user named the code
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError) as error:
        msg = f"--model {model}: there is no module {module} ({error}); run it from its folder"
        raise ExperimentError(msg) from error
    if spec is None or spec.origin is None:
        msg = f"--model {model}: there is no module {module}; run it from its folder"
        raise ExperimentError(msg)
    return Path(spec.origin)


def layer_names(experiment: Experiment) -> tuple[str, ...]:
    """List the layers whose activations can be had, the inputs first; empty where none can.

    Raises
    ------
    ExperimentError
        If ``[architecture]`` makes no sense.
    """
    if stored := _first_stored(experiment):
        return tuple(tensor_index(stored).tensors)
    if experiment.model:
        return (INPUT, *leaf_modules(experiment.model))
    architecture = _table(experiment, "architecture")
    return (INPUT, *parse(architecture).layers) if architecture else ()


def activation_names(experiment: Experiment) -> tuple[str, ...]:
    """List the layers as `layer_names`; none where that fails, as `why_none` then says."""
    try:
        return layer_names(experiment)
    except NerveScopeError:
        return ()


def leaf_modules(model: str) -> list[str]:
    """Name the modules of a user's network that have none inside, in the order of its state."""
    return list(_leaf_modules(model, content_digest(code_of(model))))


@functools.lru_cache(maxsize=8)
def _leaf_modules(model: str, _code: str) -> tuple[str, ...]:
    modules = make(model).named_modules()
    return tuple(name for name, module in modules if name and not list(module.children()))


def make(model: str) -> Any:
    """Call the user's factory.

    Raises
    ------
    ExperimentError
        If it cannot be imported, raises, or gives no PyTorch module.
    """
    import torch

    code_of(model)
    module, _, factory = model.partition(":")
    try:
        made = getattr(importlib.import_module(module), factory)()
    except Exception as error:  # whatever the user's own code does
        msg = f"--model {model}: {type(error).__name__}: {error}"
        raise ExperimentError(msg) from error
    if not isinstance(made, torch.nn.Module):
        msg = f"--model {model}: gave {type(made).__name__}, not a torch.nn.Module"
        raise ExperimentError(msg)
    return made


def why_none(experiment: Experiment) -> str:
    """Say why there are no activations; empty where there are some."""
    try:
        if not layer_names(experiment):
            return (
                "Activations need a network and inputs: [architecture] and [dataset] in "
                "experiment.toml, or --model package.module:factory, or stored "
                "activations/step-….npz beside the snapshots (see docs/activations.md)."
            )
    except NerveScopeError as error:
        return str(error)
    return ""


def network_source(
    experiment: Experiment, run: Run, step: Step, *, layers: Sequence[str] = ()
) -> NetworkSource | None:
    """Find what one snapshot is run from; None where the run has none, or lacks layers."""
    snapshot = run.snapshot(step)
    if snapshot is None:
        return None
    stored = stored_file(run, snapshot.step)
    if stored is not None:
        return NetworkSource(run.name, (str(stored),), layers=tuple(layers), stored=True)
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


def layer_weights(source: NetworkSource) -> dict[str, NDArray[Any]]:
    """Read the weights of every layer that has some, by its name; none beside stored activations.

    Raises
    ------
    CheckpointError
        If a file cannot be read.
    """
    found: dict[str, NDArray[Any]] = {}
    for file in () if source.stored else source.files:
        for name, info in tensor_index(file).tensors.items():
            if name.endswith(".weight") and len(info.shape) > 1:
                found.setdefault(layer_of(name), read_tensor(file, name))
    return found


def stored_file(run: Run, step: int) -> Path | None:
    """Find the stored activations of a run at a step."""
    folder = run.path / STORED
    if not folder.is_dir() or folder.is_symlink():
        return None
    found = (path for path in sorted(folder.glob("*.npz")) if path.is_file())
    return next((path for path in found if step_of(path.name) == step), None)


def _first_stored(experiment: Experiment) -> Path | None:
    for run in experiment.runs:
        for snapshot in run.snapshots:
            if found := stored_file(run, snapshot.step):
                return found
    return None


def _table(experiment: Experiment, name: str) -> dict[str, Any]:
    found = experiment.settings.get(name, {})
    return dict(found) if isinstance(found, dict) else {}


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
