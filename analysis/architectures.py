"""The small networks of the sample experiments, built from a few plain settings."""

import math
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import fields
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from analysis._architecture_specs import ACTIVATIONS, CnnSpec, MlpSpec
from analysis._settings import check_choice, check_keys
from analysis.errors import ExperimentError

if TYPE_CHECKING:
    import torch

__all__ = ["ACTIVATIONS", "KINDS", "CnnSpec", "MlpSpec", "Spec", "build", "parse"]

Spec = CnnSpec | MlpSpec
"""What every kind of network offers: ``input`` (shape of one input), ``classes``, ``layers`` (those
with weights, in order of depth), ``taps`` (layer → the module of `build` whose output is the
layer's, its activation function included) and ``rectified`` (the layers that end in a ReLU)."""

_MOST_PARAMETERS = 200_000_000  # .8 GB in float32: a settings file can ask for anything

KINDS: Mapping[str, type[CnnSpec] | type[MlpSpec]] = {"cnn": CnnSpec, "mlp": MlpSpec}


def parse(spec: Mapping[str, Any]) -> Spec:
    """Read the ``[architecture]`` table of an experiment.

    Parameters
    ----------
    spec : Mapping
        ``kind`` ("cnn" or "mlp") and the attributes of `CnnSpec` or `MlpSpec`, all with defaults.

    Returns
    -------
    CnnSpec or MlpSpec

    Raises
    ------
    ExperimentError
        If a key is unknown or a value is out of its range.
    """
    settings = dict(spec)
    kind = settings.pop("kind", None)
    check_choice("[architecture] kind", kind, KINDS)
    check_keys("architecture", settings, [field.name for field in fields(KINDS[kind])])
    lists = {name: tuple(value) for name, value in settings.items() if isinstance(value, list)}
    return KINDS[kind](**{**settings, **lists})  # TOML gives lists


def build(spec: Mapping[str, Any] | Spec, *, seed: int = 0) -> "torch.nn.Sequential":
    """Build a network with freshly drawn parameters.

    Parameters
    ----------
    spec : Mapping, CnnSpec or MlpSpec
        As `parse` takes it.
    seed : int
        Of the drawing. PyTorch's own generator is neither used nor changed.

    Returns
    -------
    torch.nn.Sequential
        Takes a float32 batch (n, *spec.input), gives one logit per class (n, classes). The keys of
        its state dict are those of checkpoints, ``conv1.weight`` and so on; `taps` of the spec
        names its modules.

    Raises
    ------
    ExperimentError
        If the settings are not those of a known network, or it has too many parameters.
    """
    import torch
    from torch import nn

    network = parse(spec) if isinstance(spec, Mapping) else spec
    with torch.device("meta"):  # draws nothing, `_initialise` does
        parts = _cnn(network) if isinstance(network, CnnSpec) else _mlp(network)
    drawn = nn.Sequential(OrderedDict(parts))
    count = sum(parameter.numel() for parameter in drawn.parameters())
    if count > _MOST_PARAMETERS:
        msg = f"[architecture] has {count:,} parameters, at most {_MOST_PARAMETERS:,} are built"
        raise ExperimentError(msg + "; choose fewer units")
    built = drawn.to_empty(device="cpu")
    _initialise(built, network, seed)
    return built


def _cnn(spec: CnnSpec) -> "dict[str, torch.nn.Module]":
    from torch import nn

    (first, second), act = spec.channels, spec.activation
    return {
        "conv1": nn.Conv2d(spec.input[0], first, 3, padding=1),
        f"{act}1": _activation(act),
        "pool1": nn.MaxPool2d(2),
        "conv2": nn.Conv2d(first, second, 3, padding=1),
        f"{act}2": _activation(act),
        "pool2": nn.MaxPool2d(2),
        "flatten": nn.Flatten(),
        "fc1": nn.Linear(spec.features, spec.hidden),
        f"{act}3": _activation(act),
        "fc2": nn.Linear(spec.hidden, spec.classes),
    }


def _mlp(spec: MlpSpec) -> "dict[str, torch.nn.Module]":
    from torch import nn

    parts: dict[str, torch.nn.Module] = {"flatten": nn.Flatten()} if len(spec.input) > 1 else {}
    for name, (inputs, outputs) in zip(spec.layers, pairwise(spec.widths), strict=True):
        parts[name] = nn.Linear(inputs, outputs)
        if spec.taps[name] != name:
            parts[spec.taps[name]] = _activation(spec.activation)
    return parts


def _activation(name: str) -> "torch.nn.Module":
    from torch import nn

    modules: dict[str, Callable[[], torch.nn.Module]] = {
        "relu": nn.ReLU,
        "tanh": nn.Tanh,
        "sigmoid": nn.Sigmoid,
        "elu": nn.ELU,
        "gelu": nn.GELU,
        "leaky_relu": nn.LeakyReLU,
        "softplus": nn.Softplus,
    }
    return modules[name]()


def _initialise(network: "torch.nn.Module", spec: Spec, seed: int) -> None:
    import torch

    generator = torch.Generator().manual_seed(seed)
    for name in spec.layers:
        module = network.get_submodule(name)
        weight, bias = module.get_parameter("weight"), module.get_parameter("bias")
        if isinstance(spec, CnnSpec) and spec.init == "small" and name.startswith("conv"):
            std = spec.init_std
            torch.nn.init.trunc_normal_(weight, std=std, a=-2 * std, b=2 * std, generator=generator)
            torch.nn.init.zeros_(bias)
            continue
        _DRAWN.get(spec.init, _draw_default)(weight, bias, generator)


def _draw_default(
    weight: "torch.Tensor", bias: "torch.Tensor", generator: "torch.Generator"
) -> None:
    import torch

    bound = 1 / math.sqrt(math.prod(weight.shape[1:]))
    for parameter in (weight, bias):
        torch.nn.init.uniform_(parameter, -bound, bound, generator=generator)


def _draw_he(weight: "torch.Tensor", bias: "torch.Tensor", generator: "torch.Generator") -> None:
    import torch

    torch.nn.init.kaiming_normal_(weight, nonlinearity="relu", generator=generator)
    torch.nn.init.zeros_(bias)


def _draw_xavier(
    weight: "torch.Tensor", bias: "torch.Tensor", generator: "torch.Generator"
) -> None:
    import torch

    torch.nn.init.xavier_normal_(weight, generator=generator)
    torch.nn.init.zeros_(bias)


_DRAWN = {"default": _draw_default, "he": _draw_he, "xavier": _draw_xavier}
