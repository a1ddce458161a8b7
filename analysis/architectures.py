"""The small networks of the sample experiments, built from a few plain settings."""

import math
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from analysis._settings import check_choice, check_integer, check_keys, check_number
from analysis.errors import ExperimentError

if TYPE_CHECKING:
    import torch

KINDS = ("cnn",)
INITS = ("small", "default")


@dataclass(frozen=True, slots=True)
class CnnSpec:
    """M(X, Y, Z) of Gabrielsson and Carlsson: two convolutions and two fully connected layers.

    3×3 convolution to X channels, rectifier, 2×2 maximum; the same to Y channels; a fully
    connected layer of Z units with rectifier, and one of as many units as there are classes. Its
    layers are named ``conv1``, ``conv2``, ``fc1`` and ``fc2``.

    Attributes
    ----------
    input : tuple of int
        Channels, height and width of an image; height and width at least 4.
    channels : tuple of int
        X and Y.
    hidden : int
        Z.
    classes : int
    init : str
        "default" is PyTorch's: uniform, within 1/√(inputs of a unit). "small" draws the weights of
        the convolutions from a normal distribution cut at two standard deviations, their biases
        being 0, so that a short training outweighs what was drawn.
    init_std : float
        Standard deviation of the small initialisation.

    References
    ----------
    R. B. Gabrielsson, G. Carlsson, "Exposition and interpretation of the topology of neural
    networks", ICMLA 2019.
    """

    input: tuple[int, int, int] = (1, 28, 28)
    channels: tuple[int, int] = (64, 32)
    hidden: int = 64
    classes: int = 10
    init: str = "small"
    init_std: float = 0.02

    layers = ("conv1", "conv2", "fc1", "fc2")

    def __post_init__(self) -> None:
        """Check every setting.

        Raises
        ------
        ExperimentError
            If one is out of its range.
        """
        for name, length in (("input", 3), ("channels", 2)):
            _check_counts(name, getattr(self, name), length)
        if min(self.input[1:]) < 4:
            msg = f"input must be at least 4×4 pixels (it is halved twice), got {self.input!r}"
            raise ExperimentError(msg)
        check_integer("hidden", self.hidden)
        check_integer("classes", self.classes)
        check_choice("init", self.init, INITS)
        check_number("init_std", self.init_std, least=1e-6, most=10)

    @property
    def features(self) -> int:
        """Inputs of the first fully connected layer."""
        return self.channels[1] * (self.input[1] // 4) * (self.input[2] // 4)


def parse(spec: Mapping[str, Any]) -> CnnSpec:
    """Read the ``[architecture]`` table of an experiment.

    Parameters
    ----------
    spec : Mapping
        ``kind`` ("cnn") and the attributes of `CnnSpec`, all with defaults.

    Returns
    -------
    CnnSpec

    Raises
    ------
    ExperimentError
        If a key is unknown or a value is out of its range.
    """
    settings = dict(spec)
    check_choice("[architecture] kind", settings.pop("kind", None), KINDS)
    check_keys("architecture", settings, [field.name for field in fields(CnnSpec)])
    for name in ("input", "channels"):
        if isinstance(settings.get(name), list):  # what TOML gives
            settings[name] = tuple(settings[name])
    return CnnSpec(**settings)


def build(spec: Mapping[str, Any] | CnnSpec, *, seed: int = 0) -> "torch.nn.Module":
    """Build a network with freshly drawn parameters.

    Parameters
    ----------
    spec : Mapping or CnnSpec
        As `parse` takes it.
    seed : int
        Of the drawing. PyTorch's own generator is neither used nor changed.

    Returns
    -------
    torch.nn.Module
        Takes images (n, channels, height, width), gives one logit per class (n, classes).

    Raises
    ------
    ExperimentError
        If the settings are not those of a known network.
    """
    import torch
    from torch import nn

    cnn = spec if isinstance(spec, CnnSpec) else parse(spec)
    first, second = cnn.channels
    with torch.device("meta"):  # draws nothing, `_initialise` does
        modules = {
            "conv1": nn.Conv2d(cnn.input[0], first, 3, padding=1),
            "relu1": nn.ReLU(),
            "pool1": nn.MaxPool2d(2),
            "conv2": nn.Conv2d(first, second, 3, padding=1),
            "relu2": nn.ReLU(),
            "pool2": nn.MaxPool2d(2),
            "flatten": nn.Flatten(),
            "fc1": nn.Linear(cnn.features, cnn.hidden),
            "relu3": nn.ReLU(),
            "fc2": nn.Linear(cnn.hidden, cnn.classes),
        }
    network = nn.Sequential(OrderedDict(modules)).to_empty(device="cpu")
    _initialise(network, cnn, seed)
    return network


def _initialise(network: "torch.nn.Module", cnn: CnnSpec, seed: int) -> None:
    import torch

    generator = torch.Generator().manual_seed(seed)
    for name in cnn.layers:
        module = network.get_submodule(name)
        weight, bias = module.get_parameter("weight"), module.get_parameter("bias")
        if cnn.init == "small" and name.startswith("conv"):
            _draw_small(weight, bias, std=cnn.init_std, generator=generator)
            continue
        bound = 1 / math.sqrt(math.prod(weight.shape[1:]))
        for parameter in (weight, bias):
            torch.nn.init.uniform_(parameter, -bound, bound, generator=generator)


def _draw_small(
    weight: "torch.Tensor", bias: "torch.Tensor", *, std: float, generator: "torch.Generator"
) -> None:
    import torch

    torch.nn.init.trunc_normal_(weight, std=std, a=-2 * std, b=2 * std, generator=generator)
    torch.nn.init.zeros_(bias)


def _check_counts(name: str, value: object, length: int) -> None:
    if not isinstance(value, tuple) or len(value) != length:
        msg = f"{name} must be a list of {length} integers, got {value!r}"
        raise ExperimentError(msg)
    for part in value:
        check_integer(name, part)
