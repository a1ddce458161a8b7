"""Running a network with weights and inputs, and keeping one point per input of each layer."""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from analysis._probe import own_draws, run, why_unusable
from analysis.architectures import build, parse
from analysis.checkpoints import _normalised as normalised
from analysis.checkpoints import read_tensor, tensor_index
from analysis.errors import AnalysisError
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
    shape: tuple[int, ...] = ()


def form(shape: tuple[int, ...] | str, points: str, n: int) -> Form:
    """Choose how a layer's output becomes points, by its shape for one input."""
    if isinstance(shape, str):
        return Form(note=shape)
    width = math.prod(shape)
    if width == 0:
        return Form(note=f"its output of shape {shape} has no coordinates")
    if len(shape) != 3:
        return _fitting(Form("flattened", width, "", shape), n)
    mode = points
    if points == "auto":
        mode = "flattened" if 4 * width * n <= FLAT else "pooled"
    if mode == "flattened":
        return _fitting(Form(mode, width, f"all {width:,} coordinates of an input", shape), n)
    what = "mean over all places" if mode == "pooled" else "one random place of each input"
    return Form(mode, shape[0], f"{what}: {shape[0]:,} channels", shape)


def _fitting(form: Form, n: int) -> Form:
    if 4 * form.width * n <= AT_ONCE:
        return form
    size = (
        f"{'×'.join(map(str, form.shape))} for {n:,} inputs ({4 * form.width * n / 2**30:.1f} GB)"
    )
    return Form(note=f"its output is too large, {size}: take fewer inputs, or points = pooled")


def check_layers(source: NetworkSource, taps: Mapping[str, str]) -> None:
    """Refuse layers that a network does not have."""
    for name in source.layers:
        if name not in taps and name != INPUT:
            msg = f"the network has no layer {name!r}; it has {', '.join(list(taps)[:12])}"
            raise AnalysisError(msg)


def network(source: NetworkSource) -> tuple["torch.nn.Module", dict[str, str]]:
    """Build a network with its weights; its layers with the modules that give them."""
    if source.model:
        with own_draws():
            network = make(source.model).cpu().float()
        modules = dict(network.named_modules())
        leaves = [name for name, module in modules.items() if name and not list(module.children())]
        taps = {name: name for name in leaves if name != INPUT}
    else:
        spec = parse(json.loads(source.architecture))
        network, taps = build(spec), dict(spec.taps)
    _load(network, source)
    return network.eval(), taps


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
) -> tuple[dict[str, Floats], dict[str, str]]:
    """Run all inputs and keep the wanted outputs as one point per input.

    Returns
    -------
    found : dict
        Points by module.
    wrong : dict
        Of the modules whose output cannot be used after all, why.
    """
    n = len(batch.rows)
    usable = {name: form for name, form in forms.items() if form.width}
    found = {name: np.empty((n, form.width), np.float32) for name, form in usable.items()}
    wrong: dict[str, str] = {}
    at = slice(0, 0)

    def keep(name: str) -> Any:
        def hook(_module: Any, _given: Any, output: Any) -> None:
            rows = batch.rows[at]
            if why := why_unusable(output, len(rows)) or _why_other(output, usable[name].shape):
                wrong[name] = why
            else:
                found[name][at] = reduced(output.float().cpu().numpy(), usable[name].mode, rows)

        return hook

    hooks = [(name, keep(name)) for name in found]
    for start in range(0, n, BATCH):
        at = slice(start, min(start + BATCH, n))
        run(network, hooks, batch.inputs[at])
    return {name: points for name, points in found.items() if name not in wrong}, wrong


def _why_other(output: Any, shape: tuple[int, ...]) -> str:
    found = tuple(output.shape[1:])
    return "" if found == shape else f"its output is of shape {shape}, then of {found}"


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
