"""A network that is attacked: its loss and the gradient of it, while it is left as it was."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from analysis.errors import AnalysisError, NerveScopeError

if TYPE_CHECKING:
    import torch


class AttackedModel:
    """A network with the true classes of a batch."""

    def __init__(self, network: "torch.nn.Module", labels: "torch.Tensor") -> None:
        self._network, self._labels = network, labels

    def outputs(self, inputs: "torch.Tensor") -> "tuple[torch.Tensor, torch.Tensor]":
        """Loss (n,) and prediction (n,)."""
        from torch.nn import functional

        logits = self._logits(inputs)
        loss = functional.cross_entropy(logits, self._labels, reduction="none")
        return loss, logits.argmax(dim=1)

    def gradient(self, inputs: "torch.Tensor") -> "tuple[torch.Tensor, torch.Tensor]":
        """Loss (n,) and its gradient with respect to the inputs."""
        import torch

        leaf = inputs.detach().requires_grad_()
        loss, _ = self.outputs(leaf.clone())  # the network may work in place
        try:
            (gradient,) = torch.autograd.grad(loss.sum(), leaf)
        except RuntimeError as error:
            msg = "the network's logits have no gradient with respect to its inputs"
            raise AnalysisError(msg + f" ({error}): it cannot be attacked this way") from error
        return loss.detach(), gradient

    def _logits(self, inputs: "torch.Tensor") -> "torch.Tensor":
        logits = _run(self._network, inputs)
        n, largest = len(self._labels), int(self._labels.max())
        if logits.ndim != 2 or len(logits) != n or logits.shape[1] <= largest:
            msg = (
                f"the network gives an output of shape {tuple(logits.shape)} for {n} inputs with "
                f"labels up to {largest}; an attack needs one logit per class"
            )
            raise AnalysisError(msg)
        return logits


def _run(network: "torch.nn.Module", inputs: "torch.Tensor") -> "torch.Tensor":
    import torch

    try:
        logits = network(inputs)
    except NerveScopeError:
        raise
    except Exception as error:  # the user's network can raise anything
        lines = str(error).strip().splitlines() or [""]
        msg = (
            f"the network cannot take inputs of shape {tuple(inputs.shape[1:])}: "
            f"{type(error).__name__}: {lines[0][:200]}"
        )
        raise AnalysisError(msg) from error
    if not isinstance(logits, torch.Tensor):
        msg = f"the network gives {type(logits).__name__}; an attack needs one logit per class"
        raise AnalysisError(msg)
    return logits


@contextmanager
def evaluating(network: "torch.nn.Module") -> Iterator[None]:
    """Put a network in evaluation mode, with gradients and draws of its own, and back again."""
    import torch

    modes = {module: module.training for module in network.modules()}
    with torch.random.fork_rng(devices=[]), torch.inference_mode(mode=False), torch.enable_grad():
        torch.default_generator.manual_seed(0)
        network.eval()
        try:
            yield
        finally:
            for module, mode in modes.items():
                module.training = mode
