"""Adversarial inputs: small changes, within the data's true range, that raise a network's loss."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from analysis._attacked_model import AttackedModel, evaluating
from analysis.errors import AnalysisError

if TYPE_CHECKING:
    import torch

__all__ = ["ATTACKS", "Adversarial", "Attack", "PixelRange", "attack"]

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]

ATTACKS = ("fgsm", "pgd")

_BATCH = 256
_MOST_STEPS = 10_000
_ROUNDING = 1e-5  # of the range: how far outside of it an input may lie


@dataclass(frozen=True, slots=True)
class PixelRange:
    """What black and white have become among inputs that were standardised.

    Attributes
    ----------
    low, high : float
        Value of a pixel of 0 and of one of 1.
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        """Check that it is a range.

        Raises
        ------
        AnalysisError
            If it is not.
        """
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            msg = f"the range of pixels must rise from low to high, got {self.low} to {self.high}"
            raise AnalysisError(msg)

    @classmethod
    def of(cls, inputs: NDArray[Any]) -> Self:
        """Take the range that a whole data set spans.

        Parameters
        ----------
        inputs : ndarray
            All inputs, not only those that are attacked: a black and a white pixel is among them.

        Raises
        ------
        AnalysisError
            If there are none, or all are the same.
        """
        if inputs.size == 0:
            msg = "the range of pixels cannot be told from no inputs: give the whole data set"
            raise AnalysisError(msg)
        return cls(float(inputs.min()), float(inputs.max()))

    @property
    def width(self) -> float:
        """What a change by 1 pixel unit, from black to white, is among the inputs."""
        return self.high - self.low


@dataclass(frozen=True, slots=True)
class Attack:
    """How inputs are attacked.

    Attributes
    ----------
    name : str
        "fgsm": one step of size `eps` along the sign of the loss's gradient. "pgd": `steps` such
        steps of size `step_size`, each followed by a projection onto the cube of `eps` around the
        input and onto the range of pixels; of all that is passed, the clean input included, what
        has the highest loss is kept, so that no loss falls.
    eps : float
        Largest change of a pixel, in pixel units: 1 is from black to white.
    steps : int
        Of PGD.
    step_size : float
        Of PGD, in pixel units; 0 means eps/30.
    random_start : bool
        Whether PGD starts at a random point of the cube or at the input.
    seed : int
        Of the random start.

    References
    ----------
    I. Goodfellow, J. Shlens, C. Szegedy, "Explaining and harnessing adversarial examples", ICLR
    2015, section 4.
    A. Madry, A. Makelov, L. Schmidt, D. Tsipras, A. Vladu, "Towards deep learning models resistant
    to adversarial attacks", ICLR 2018, section 2.1.
    """

    name: str = "pgd"
    eps: float = 0.1
    steps: int = 40
    step_size: float = 0.0
    random_start: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        """Check every setting.

        Raises
        ------
        AnalysisError
            If one is out of its range.
        """
        if self.name not in ATTACKS:
            msg = f"attack must be one of {', '.join(ATTACKS)}, got {self.name!r}"
            raise AnalysisError(msg)
        for name in ("eps", "step_size"):
            if not 0 <= getattr(self, name) <= 1:  # NaN neither
                msg = f"{name} must be a number of pixel units from 0 to 1, got "
                raise AnalysisError(msg + f"{getattr(self, name)!r}")
        if not 1 <= self.steps <= _MOST_STEPS:
            msg = f"steps must be from 1 to {_MOST_STEPS}, got {self.steps!r}"
            raise AnalysisError(msg)
        if self.seed < 0:
            msg = f"seed must be at least 0, got {self.seed!r}"
            raise AnalysisError(msg)


@dataclass(frozen=True, slots=True, eq=False)
class Adversarial:
    """Inputs after an attack, and what the network makes of them.

    Attributes
    ----------
    inputs : ndarray of float32, shape (n, …)
    labels : ndarray of int64, shape (n,)
        True classes.
    before, after : ndarray of int64, shape (n,)
        The network's prediction for the clean and for the attacked input.
    loss_before, loss_after : ndarray of float32, shape (n,)
        Cross-entropy, in nats.
    """

    inputs: Floats
    labels: Integers
    before: Integers
    after: Integers
    loss_before: Floats
    loss_after: Floats

    @property
    def fooled(self) -> NDArray[np.bool_]:
        """Where the network was right and no longer is."""
        found: NDArray[np.bool_] = (self.before == self.labels) & (self.after != self.labels)
        return found


def attack(
    network: "torch.nn.Module",
    inputs: NDArray[np.floating[Any]],
    labels: Integers,
    how: Attack,
    *,
    pixels: PixelRange,
) -> Adversarial:
    """Change inputs within ±eps so that the network's loss rises (no class is aimed at).

    The network is run in evaluation mode and left as it was, and neither PyTorch's nor numpy's own
    generator changes.

    Parameters
    ----------
    network : torch.nn.Module
        From float32 inputs (n, …) to one logit per class (n, classes).
    inputs : ndarray of float, shape (n, …)
        In the units that the network was trained in.
    labels : ndarray of int, shape (n,)
        True classes.
    how : Attack
    pixels : PixelRange
        Inputs lie in it and stay in it.

    Returns
    -------
    Adversarial

    Raises
    ------
    AnalysisError
        If inputs and labels do not fit each other, the range, or the network, or hold NaN, or the
        network has no gradient.

    References
    ----------
    See `Attack`.
    """
    import torch

    clean = _checked(inputs, labels, pixels)
    start = _start(clean.shape, how)
    parts = []
    with evaluating(network):
        for first in range(0, len(clean), _BATCH):
            at = slice(first, first + _BATCH)
            model = AttackedModel(network, torch.from_numpy(labels[at].astype(np.int64)))
            batch = torch.from_numpy(clean[at])
            parts.append(_attacked(model, batch, start[at], how=how, pixels=pixels))
    found, *rest = (np.concatenate(each) for each in zip(*parts, strict=True))
    before, after, loss_before, loss_after = rest
    return Adversarial(found, labels.astype(np.int64), before, after, loss_before, loss_after)


def _checked(inputs: NDArray[Any], labels: NDArray[Any], pixels: PixelRange) -> Floats:
    if labels.shape != (len(inputs),) or not len(inputs):
        msg = f"inputs {inputs.shape} and labels {labels.shape}: give one label for each input"
        raise AnalysisError(msg)
    if labels.dtype.kind not in "iu" or labels.min() < 0:
        msg = f"labels must be whole numbers from 0, got {labels.dtype} from {labels.min()}"
        raise AnalysisError(msg + "; inputs without labels cannot be attacked")
    clean = np.array(inputs, dtype=np.float32)
    low, high = float(clean.min()), float(clean.max())
    slack = _ROUNDING * pixels.width
    if not (low >= pixels.low - slack and high <= pixels.high + slack):  # NaN neither
        msg = (
            f"inputs lie between {low:g} and {high:g}, outside of the range of pixels "
            f"{pixels.low:g} to {pixels.high:g}: give the range of the data they come from"
        )
        raise AnalysisError(msg)
    return clean


def _start(shape: tuple[int, ...], how: Attack) -> Floats:
    """Where PGD starts, in units of eps; drawn at once, so that batches do not matter."""
    if how.name != "pgd" or not how.random_start:
        return np.zeros(shape, dtype=np.float32)
    return np.random.default_rng(how.seed).uniform(-1, 1, size=shape).astype(np.float32)


def _attacked(
    model: AttackedModel, clean: "torch.Tensor", start: Floats, *, how: Attack, pixels: PixelRange
) -> tuple[NDArray[Any], ...]:
    """Attack one batch: inputs, predictions before and after, losses before and after."""
    import torch

    eps = how.eps * pixels.width
    # an input that lies outside of the range by rounding is not moved by it
    lower = torch.minimum((clean - eps).clamp(min=pixels.low), clean)
    upper = torch.maximum((clean + eps).clamp(max=pixels.high), clean)
    if how.name == "fgsm":
        moved = clean + eps * model.gradient(clean)[1].sign()
        found = torch.clamp(moved, lower, upper)
    else:
        first = torch.clamp(clean + eps * torch.from_numpy(start), lower, upper)
        step = (how.step_size or how.eps / 30) * pixels.width
        found = _ascended(model, clean, first, (lower, upper, step, how.steps))
    with torch.no_grad():
        loss_before, before = model.outputs(clean.clone())
        loss_after, after = model.outputs(found.clone())
    return tuple(each.numpy() for each in (found, before, after, loss_before, loss_after))


def _ascended(
    model: AttackedModel,
    clean: "torch.Tensor",
    first: "torch.Tensor",
    how: "tuple[torch.Tensor, torch.Tensor, float, int]",
) -> "torch.Tensor":
    import torch

    lower, upper, step, steps = how
    best, highest = clean, model.outputs(clean.clone())[0].detach()
    at = first
    for each in range(steps + 1):
        loss, gradient = model.gradient(at)
        is_better = loss > highest
        highest = torch.where(is_better, loss, highest)
        best = torch.where(is_better.view(-1, *[1] * (clean.ndim - 1)), at, best)
        if each < steps:
            at = torch.clamp(at + step * gradient.sign(), lower, upper)
    return best
