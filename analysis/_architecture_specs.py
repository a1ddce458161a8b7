"""The settings of small networks, checked, and what their parts are called."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from analysis._settings import check_choice, check_integer, check_number
from analysis.errors import ExperimentError

ACTIVATIONS = ("relu", "tanh", "sigmoid", "elu", "gelu", "leaky_relu", "softplus")
CNN_INITS = ("small", "default", "he", "xavier")
MLP_INITS = CNN_INITS[1:]
_MOST_UNITS = 1_000_000
_MOST_LAYERS = 200


@dataclass(frozen=True, slots=True)
class CnnSpec:
    """M(X, Y, Z) of Gabrielsson and Carlsson: two convolutions and two fully connected layers.

    3×3 convolution to X channels, activation function, 2×2 maximum; the same to Y channels; a fully
    connected layer of Z units with activation function, and one of as many units as there are
    classes. Its layers are named ``conv1``, ``conv2``, ``fc1`` and ``fc2``.

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
        being 0, so that a short training outweighs what was drawn. "he" and "xavier" as in
        `MlpSpec`.
    init_std : float
        Standard deviation of the small initialisation.
    activation : str
        As in `MlpSpec`.

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
    activation: str = "relu"

    def __post_init__(self) -> None:
        """Check every setting.

        Raises
        ------
        ExperimentError
            If one is out of its range.
        """
        for name, length in (("input", 3), ("channels", 2)):
            _check_counts(name, getattr(self, name), (length, length))
        if min(self.input[1:]) < 4:
            msg = f"input must be at least 4×4 pixels (it is halved twice), got {self.input!r}"
            raise ExperimentError(msg)
        check_integer("hidden", self.hidden)
        check_integer("classes", self.classes)
        check_choice("init", self.init, CNN_INITS)
        check_number("init_std", self.init_std, least=1e-6, most=10)
        check_choice("activation", self.activation, ACTIVATIONS)

    @property
    def kind(self) -> str:
        """Name of this kind of network in ``[architecture]``."""
        return "cnn"

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
        """Inputs of the first fully connected layer."""
        return self.channels[1] * (self.input[1] // 4) * (self.input[2] // 4)


@dataclass(frozen=True, slots=True)
class MlpSpec:
    """A multilayer perceptron: fully connected layers, an activation function after all but one.

    Its layers are named ``fc1``, ``fc2``, …; the last gives one logit per class and has no
    activation function.

    Attributes
    ----------
    input : tuple of int
        Shape of one input: a number of coordinates such as (2,), or an image such as (1, 28, 28),
        which is flattened first.
    hidden : tuple of int
        Units of the hidden layers; may be empty.
    classes : int
    activation : str
        One of `ACTIVATIONS`, as PyTorch defines them with their defaults.
    init : str
        "default" is PyTorch's: weights and biases uniform, within 1/√(inputs of a unit). "he" and
        "xavier" are the normal distributions of He (variance 2/inputs) and of Glorot (variance
        2/(inputs + outputs)) with biases 0.

    References
    ----------
    K. He, X. Zhang, S. Ren, J. Sun, "Delving deep into rectifiers", ICCV 2015, equation 10.
    X. Glorot, Y. Bengio, "Understanding the difficulty of training deep feedforward neural
    networks", AISTATS 2010, equation 12.
    """

    input: tuple[int, ...] = (784,)
    hidden: tuple[int, ...] = (128, 64)
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
        _check_counts("input", self.input, (1, 3))
        _check_counts("hidden", self.hidden, (0, _MOST_LAYERS))
        check_integer("classes", self.classes)
        check_choice("activation", self.activation, ACTIVATIONS)
        check_choice("init", self.init, MLP_INITS)

    @property
    def kind(self) -> str:
        """Name of this kind of network in ``[architecture]``."""
        return "mlp"

    @property
    def layers(self) -> tuple[str, ...]:
        """Layers with weights, in order of depth."""
        return tuple(f"fc{i + 1}" for i in range(len(self.hidden) + 1))

    @property
    def taps(self) -> Mapping[str, str]:
        """Layer → module whose output is that of the layer with its activation function."""
        return _taps(self.layers, self.activation)

    @property
    def rectified(self) -> frozenset[str]:
        """Layers whose output ends in a ReLU."""
        return _rectified(self.layers, self.activation)

    @property
    def widths(self) -> tuple[int, ...]:
        """Coordinates of an input, units of each hidden layer, classes."""
        return (math.prod(self.input), *self.hidden, self.classes)


def _taps(layers: tuple[str, ...], activation: str) -> Mapping[str, str]:
    hidden = {name: f"{activation}{i + 1}" for i, name in enumerate(layers[:-1])}
    return MappingProxyType({**hidden, layers[-1]: layers[-1]})


def _rectified(layers: tuple[str, ...], activation: str) -> frozenset[str]:
    return frozenset(layers[:-1] if activation == "relu" else ())


def _check_counts(name: str, value: object, lengths: tuple[int, int]) -> None:
    least, most = lengths
    if not isinstance(value, tuple) or not least <= len(value) <= most:
        span = f"{least}" if least == most else f"{least} to {most}"
        msg = f"{name} must be a list of {span} integers, got {value!r}"
        raise ExperimentError(msg)
    for part in value:
        check_integer(name, part, most=_MOST_UNITS)
