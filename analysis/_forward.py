"""Running a network with weights and inputs, and keeping one point per input of each layer."""

import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from analysis.architectures import build, parse
from analysis.checkpoints import _normalised as normalised
from analysis.checkpoints import read_tensor, tensor_index
from analysis.errors import AnalysisError, NerveScopeError
from analysis.inputs import Batch
from analysis.networks import INPUT, NetworkSource, make

if TYPE_CHECKING:
    import torch

Floats = NDArray[np.float32]

BATCH = 256
AT_ONCE = 512 * 2**20
"""Bytes of activations that are held at a time; more layers are collected in several passes."""

FLAT = 64 * 2**20
"""Bytes up to which ``auto`` takes all coordinates of a convolutional layer."""


@dataclass(frozen=True, slots=True)
class Form:
    """How the output of a layer becomes one point per input, and how many coordinates it has."""

    mode: str = ""
    width: int = 0
    note: str = ""


def form(shape: tuple[int, ...] | str, points: str, n: int) -> Form:
    """Choose how a layer's output becomes points, by its shape for one input."""
    if isinstance(shape, str):
        return Form(note=shape)
    width = math.prod(shape)
    if width == 0:
        return Form(note=f"its output of shape {shape} has no coordinates")
    if len(shape) != 3:
        return _fitting(Form("flattened", width), shape, n)
    mode = points
    if points == "auto":
        mode = "flattened" if 4 * width * n <= FLAT else "pooled"
    if mode == "flattened":
        return _fitting(Form(mode, width, f"all {width:,} coordinates of an input"), shape, n)
    what = "mean over all places" if mode == "pooled" else "one random place of each input"
    return Form(mode, shape[0], f"{what}: {shape[0]:,} channels")


def _fitting(form: Form, shape: tuple[int, ...], n: int) -> Form:
    if 4 * form.width * n <= AT_ONCE:
        return form
    size = f"{'×'.join(map(str, shape))} for {n:,} inputs ({4 * form.width * n / 2**30:.1f} GB)"
    return Form(note=f"its output is too large, {size}: take fewer inputs, or points = pooled")


def check_layers(source: NetworkSource, taps: Mapping[str, str]) -> None:
    """Refuse layers that a network does not have."""
    for name in source.layers:
        if name not in taps and name != INPUT:
            msg = f"the network has no layer {name!r}; it has {', '.join(list(taps)[:12])}"
            raise AnalysisError(msg)


def network(source: NetworkSource) -> tuple["torch.nn.Module", dict[str, str], frozenset[str]]:
    """Build a network with its weights; its layers with the modules that give them."""
    import torch

    if source.model:
        with _own_draws():
            network = make(source.model).cpu().float()
        modules = dict(network.named_modules())
        leaves = [name for name, module in modules.items() if name and not list(module.children())]
        rectifiers = (torch.nn.ReLU, torch.nn.ReLU6)
        rectified = frozenset(n for n in leaves if isinstance(modules[n], rectifiers))
        taps = {name: name for name in leaves if name != INPUT}
    else:
        spec = parse(json.loads(source.architecture))
        network, taps, rectified = build(spec), dict(spec.taps), spec.rectified
    _load(network, source)
    return network.eval(), taps, rectified


@contextmanager
def _own_draws() -> Iterator[None]:
    """Whatever a user's network draws is the same each time, and nobody else's draws change."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        yield


def _load(network: "torch.nn.Module", source: NetworkSource) -> None:
    """Put the weights of a snapshot into a network.

    Raises
    ------
    AnalysisError
        If they do not fit; the message names the keys.
    """
    import torch

    state = weights(source)
    # names as checkpoints give them: without a leading "model." and the like
    own = {name: tensor for name, tensor in _by_name(network).items() if _is_needed(name, state)}
    problems = [
        f"lacks {name}"
        if name not in state
        else f"has {name} of shape {state[name].shape}, not {tuple(tensor.shape)}"
        for name, tensor in own.items()
        if name not in state or state[name].shape != tuple(tensor.shape)
    ]
    problems += [f"has {name}, which the network lacks" for name in state if name not in own]
    if problems:
        more = f" (and {len(problems) - 4} more)" if len(problems) > 4 else ""
        files = ", ".join(Path(file).name for file in source.files[:2])
        msg = f"{files} does not fit the network: it {'; it '.join(problems[:4])}{more}"
        raise AnalysisError(msg)
    with torch.no_grad():
        for name, tensor in own.items():
            tensor.copy_(torch.from_numpy(np.array(state[name])))


def _by_name(network: "torch.nn.Module") -> "dict[str, torch.Tensor]":
    import torch

    state = {k: v for k, v in network.state_dict().items() if isinstance(v, torch.Tensor)}
    names = normalised(state)
    return {names[key]: tensor for key, tensor in state.items()}


def _is_needed(name: str, state: Mapping[str, Any]) -> bool:
    """Whether a snapshot must hold it: batches that were counted matter in training only."""
    return name in state or not name.endswith("num_batches_tracked")


def weights(source: NetworkSource) -> dict[str, NDArray[Any]]:
    """Read all tensors of a snapshot by their names.

    Raises
    ------
    CheckpointError
        If a file cannot be read.
    """
    found: dict[str, NDArray[Any]] = {}
    for file in source.files:
        for name in tensor_index(file).tensors:
            if name not in found:
                found[name] = read_tensor(file, name)
    return found


def shapes(
    network: "torch.nn.Module", wanted: Mapping[str, str], batch: Batch
) -> list[tuple[str, tuple[int, ...] | str]]:
    """Run two inputs, to learn the shape of every layer's output; or why it cannot be used."""
    import torch

    few = batch.inputs[:2]

    seen: dict[str, tuple[int, ...] | str] = {}

    def note(name: str) -> Any:
        def hook(_module: Any, _given: Any, output: Any) -> None:
            if not isinstance(output, torch.Tensor):
                seen[name] = f"its output is no tensor but {type(output).__name__}"
            elif output.is_complex():
                seen[name] = "its output is of complex numbers"
            elif not output.ndim or len(output) != len(few):
                shape = tuple(output.shape)
                seen[name] = f"its output of shape {shape} for {len(few)} inputs has no row of each"
            elif name in seen:
                seen[name] = "it is used more than once in a forward pass"
            else:
                seen[name] = tuple(output.shape[1:])

        return hook

    _run(network, {module: note(module) for module in wanted.values()}, few)
    unused = "the forward pass does not use it"
    return [(name, seen.get(module, unused)) for name, module in wanted.items()]


def _run(network: "torch.nn.Module", hooks: Mapping[str, Any], inputs: Floats) -> None:
    import torch

    modules = dict(network.named_modules())
    handles = [modules[name].register_forward_hook(hook) for name, hook in hooks.items()]
    try:
        with torch.inference_mode(), _own_draws():
            # a copy: the network may work in place
            network(torch.from_numpy(np.array(inputs, dtype=np.float32)))
    except NerveScopeError:
        raise
    except Exception as error:  # the user's network can raise anything
        lines = str(error).strip().splitlines() or [""]
        msg = (
            f"the network cannot take inputs of shape {inputs.shape[1:]}: "
            f"{type(error).__name__}: {lines[0][:200]}"
        )
        raise AnalysisError(msg) from error
    finally:
        for handle in handles:
            handle.remove()


def groups(forms: Mapping[str, Form], n: int) -> Iterator[list[str]]:
    """Split layers, in order, so that the activations of a group fit in memory."""
    group: list[str] = []
    size = 0
    for name, form in forms.items():
        if group and size + 4 * form.width * n > AT_ONCE:
            yield group
            group, size = [], 0
        group.append(name)
        size += 4 * form.width * n
    if group:
        yield group


def forward(
    network: "torch.nn.Module", forms: Mapping[str, Form], batch: Batch
) -> dict[str, Floats]:
    """Run all inputs and keep the wanted outputs as one point per input."""
    n = len(batch.rows)
    usable = {name: form for name, form in forms.items() if form.width}
    found = {name: np.empty((n, form.width), np.float32) for name, form in usable.items()}
    at = slice(0, 0)

    def keep(name: str) -> Any:
        def hook(_module: Any, _given: Any, output: Any) -> None:
            rows = batch.rows[at]
            found[name][at] = reduced(output.float().cpu().numpy(), usable[name].mode, rows)

        return hook

    hooks = {name: keep(name) for name in found}
    for start in range(0, n, BATCH):
        at = slice(start, min(start + BATCH, n))
        _run(network, hooks, batch.inputs[at])
    return found


def reduced(output: NDArray[Any], mode: str, rows: NDArray[np.int64]) -> Floats:
    """Make one point per input of a layer's output."""
    if mode == "pooled":
        return np.asarray(output.mean(axis=(2, 3)), dtype=np.float32)
    if mode == "position":
        height, width = output.shape[2:]
        # a place that depends on the input alone: the same in every run and at every step
        place = np.array(
            [np.random.default_rng([int(r), 7]).integers(height * width) for r in rows]
        )
        chosen = output[np.arange(len(rows)), :, place // width, place % width]
        return np.asarray(chosen, dtype=np.float32)
    return np.asarray(output.reshape(len(output), -1), dtype=np.float32)
