"""Independent copies of one small network, trained at once as one grouped network.

A small network keeps a processor waiting between its layers. As groups of one convolution (and as a
batch of matrix products) the same layer of several networks is one call. Their losses are summed;
Adam treats each weight by itself, so every copy gets the training that it would get alone.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from analysis.architectures import CnnSpec, Spec, build

_CONVOLUTIONS = ("conv1", "conv2")
_EVALUATION_BATCH = {"cnn": 20, "mlp": 2000}


class Replicas:
    """Copies of a small network, each with its own seed.

    Parameters
    ----------
    spec : CnnSpec or MlpSpec
    seeds : sequence of int
        One per copy.
    learning_rate, weight_decay : float
        Of Adam.
    precision : str
        "bfloat16" or "float32".
    """

    def __init__(
        self,
        spec: Spec,
        seeds: Sequence[int],
        *,
        learning_rate: float,
        weight_decay: float,
        precision: str,
    ) -> None:
        self._spec = spec
        self._count = len(seeds)
        self._is_rounded = precision == "bfloat16"
        self._activation = build(spec).get_submodule(spec.taps[spec.layers[0]])
        drawn = [build(spec, seed=seed).state_dict() for seed in seeds]
        self._shapes = {name: tensor.shape for name, tensor in drawn[0].items()}
        self._parameters = {
            name: _join(name, [state[name] for state in drawn]).requires_grad_()
            for name in self._shapes
        }
        self._optimizer = torch.optim.Adam(
            self._parameters.values(), lr=learning_rate, weight_decay=weight_decay, fused=True
        )

    def set_rate(self, learning_rate: float) -> None:
        """Go on with another learning rate."""
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate

    def step(self, inputs: NDArray[np.float32], labels: NDArray[np.int64]) -> None:
        """Train every copy on its own batch.

        Parameters
        ----------
        inputs : ndarray of shape (n_copies, batch, *spec.input)
        labels : ndarray of shape (n_copies, batch)
        """
        logits = self._forward(torch.from_numpy(inputs))
        loss = functional.cross_entropy(logits.mT, torch.from_numpy(labels), reduction="none")
        self._optimizer.zero_grad()
        loss.mean(dim=1).sum().backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()

    @torch.no_grad()
    def evaluate(
        self, inputs: NDArray[np.float32], labels: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean loss and accuracy of every copy on the same inputs.

        Parameters
        ----------
        inputs : ndarray of shape (n, *spec.input)
        labels : ndarray of shape (n,)

        Returns
        -------
        losses, accuracies : ndarray of shape (n_copies,)
        """
        losses, hits = torch.zeros(self._count), torch.zeros(self._count)
        size = _EVALUATION_BATCH[self._spec.kind]
        pairs = zip(
            torch.split(torch.from_numpy(inputs), size),
            torch.split(torch.from_numpy(labels), size),
            strict=True,
        )
        for batch, target in pairs:
            logits = self._forward(batch.expand(self._count, *batch.shape))
            targets = target.expand(self._count, -1)
            losses += functional.cross_entropy(logits.mT, targets, reduction="none").sum(dim=1)
            hits += (logits.argmax(dim=2) == targets).sum(dim=1)
        return (losses / len(labels)).double().numpy(), (hits / len(labels)).double().numpy()

    def parameters(self, copy: int) -> dict[str, NDArray[np.float32]]:
        """Parameters of one copy by name, in order of depth."""
        return {
            name: parameter.detach().reshape(self._count, *self._shapes[name])[copy].numpy()
            for name, parameter in self._parameters.items()
        }

    def _forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Logits (n_copies, batch, classes), float32, of inputs (n_copies, batch, …)."""
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self._is_rounded):
            spec = self._spec
            x = self._convolved(inputs, spec) if isinstance(spec, CnnSpec) else inputs.flatten(2)
            layers = [name for name in spec.layers if name not in _CONVOLUTIONS]
            for name in layers[:-1]:
                x = self._activation(self._linear(name, x))
            return self._linear(layers[-1], x).float()

    def _convolved(self, images: torch.Tensor, spec: CnnSpec) -> torch.Tensor:
        batch = images.shape[1]
        x = images.transpose(0, 1).flatten(1, 2).contiguous(memory_format=torch.channels_last)
        for name in _CONVOLUTIONS:
            weight, bias = self._of(name)
            x = functional.conv2d(x, weight, bias, padding=1, groups=self._count)
            x = functional.max_pool2d(self._activation(x), 2)
        return x.reshape(batch, self._count, spec.features).transpose(0, 1)

    def _linear(self, name: str, x: torch.Tensor) -> torch.Tensor:
        weight, bias = self._of(name)
        return torch.bmm(x, weight.mT) + bias[:, None]

    def _of(self, name: str) -> tuple[torch.Tensor, torch.Tensor]:
        return self._parameters[f"{name}.weight"], self._parameters[f"{name}.bias"]


def _join(name: str, tensors: list[torch.Tensor]) -> torch.Tensor:
    """Convolutions become groups of one, fully connected layers a batch of matrices."""
    if not name.startswith(_CONVOLUTIONS):
        return torch.stack(tensors)
    joined = torch.cat(tensors)
    return joined.contiguous(memory_format=torch.channels_last) if joined.ndim == 4 else joined
