"""The settings of the small network of the published study of induced graphs, and its parts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from analysis._architecture_specs import (
    ACTIVATIONS,
    MLP_INITS,
    _check_counts,
    _rectified,
    _taps,
)
from analysis._settings import check_choice, check_integer
from analysis.errors import ExperimentError

if TYPE_CHECKING:
    import torch

KERNELS = (5, 3)
"""Sides of the convolutions, which take every place and add none at the border."""

_LOST = sum(side - 1 for side in KERNELS)


@dataclass(frozen=True, slots=True)
class CcffSpec:
    """CCFF of Gebhart and others: two convolutions, two fully connected layers, no biases.

    5×5 convolution to X channels, activation function; 3×3 convolution to Y channels, activation
    function; a fully connected layer of Z units with activation function, and one of as many units
    as there are classes. Nothing is pooled. Its layers are named ``conv1``, ``conv2``, ``fc1`` and
    ``fc2``; without biases all that a unit gets comes along its edges.

    Attributes
    ----------
    input : tuple of int
        Channels, height and width of an image; height and width at least 7.
    channels : tuple of int
        X and Y.
    hidden : int
        Z.
    classes : int
    activation, init : str
        As in `MlpSpec`.

    References
    ----------
    T. Gebhart, P. Schrater, A. Hylton, "Characterizing the shape of activation space in deep neural
    networks", 2019 (arXiv 1901.09496); widths and strides as in the code published with it.
    """

    input: tuple[int, int, int] = (1, 28, 28)
    channels: tuple[int, int] = (3, 3)
    hidden: int = 256
    classes: int = 10
    activation: str = "relu"
    init: str = "default"

    def __post_init__(self) -> None:
        """Check every setting.

        Raises
        ------
        ExperimentError
            If one is out of its range.
        """
        for name, length in (("input", 3), ("channels", 2)):
            _check_counts(name, getattr(self, name), (length, length))
        if min(self.input[1:]) <= _LOST:
            side = _LOST + 1
            msg = f"input must be at least {side}×{side} pixels (a border of {_LOST // 2} is lost)"
            msg += f", got {self.input!r}"
            raise ExperimentError(msg)
        check_integer("hidden", self.hidden)
        check_integer("classes", self.classes)
        check_choice("activation", self.activation, ACTIVATIONS)
        check_choice("init", self.init, MLP_INITS)

    @property
    def kind(self) -> str:
        """Name of this kind of network in ``[architecture]``."""
        return "ccff"

    @property
    def layers(self) -> tuple[str, ...]:
        """Layers with weights, in order of depth."""
        return ("conv1", "conv2", "fc1", "fc2")

    @property
    def taps(self) -> Mapping[str, str]:
        """Layer → module whose output is that of the layer with its activation function."""
        return _taps(self.layers, self.activation)

    @property
    def rectified(self) -> frozenset[str]:
        """Layers whose output ends in a ReLU."""
        return _rectified(self.layers, self.activation)

    @property
    def features(self) -> int:
        """Inputs of the first fully connected layer; 3·22·22 = 1,452 as published."""
        return self.channels[1] * (self.input[1] - _LOST) * (self.input[2] - _LOST)


def ccff_modules(
    spec: CcffSpec, activation: "Callable[[], torch.nn.Module]"
) -> "dict[str, torch.nn.Module]":
    """Make the parts of the network, in order."""
    from torch import nn

    (first, second), act = spec.channels, spec.activation
    return {
        "conv1": nn.Conv2d(spec.input[0], first, KERNELS[0], bias=False),
        f"{act}1": activation(),
        "conv2": nn.Conv2d(first, second, KERNELS[1], bias=False),
        f"{act}2": activation(),
        "flatten": nn.Flatten(),
        "fc1": nn.Linear(spec.features, spec.hidden, bias=False),
        f"{act}3": activation(),
        "fc2": nn.Linear(spec.hidden, spec.classes, bias=False),
    }
