"""A first pass through a network: what shape its layers have, and which end in a ReLU."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from analysis.errors import AnalysisError, NerveScopeError

if TYPE_CHECKING:
    import torch

Hooks = list[tuple[str, Any]]


@dataclass(frozen=True, slots=True)
class Probe:
    """What two inputs show of a network.

    Attributes
    ----------
    shapes : dict
        By layer: the shape of its output for one input, or in words why it cannot be used.
    rectified : frozenset of str
        Modules whose output is that of a ReLU; pooling, dropout and reshaping leave it one.
    """

    shapes: dict[str, tuple[int, ...] | str]
    rectified: frozenset[str]


def probe(
    network: "torch.nn.Module", wanted: Mapping[str, str], inputs: NDArray[np.float32]
) -> Probe:
    """Run two inputs.

    Parameters
    ----------
    network : torch.nn.Module
    wanted : mapping of str to str
        Module that gives each layer.
    inputs : ndarray of float32, shape (n, …)

    Raises
    ------
    AnalysisError
        If the network cannot take them.
    """
    few = inputs[:2]
    seen: dict[str, tuple[int, ...] | str] = {}
    rectified: set[str] = set()
    leaves = [n for n, module in network.named_modules() if not list(module.children())]
    hooks: Hooks = [(name, _order_hook(rectified, name)) for name in leaves]
    hooks += [(name, _shape_hook(seen, name, len(few))) for name in wanted.values()]
    run(network, hooks, few)
    unused = "the forward pass does not use it"
    shapes = {name: seen.get(module, unused) for name, module in wanted.items()}
    return Probe(shapes, frozenset(rectified - {""}))


def why_unusable(output: Any, n: int) -> str:
    """Say why an output for ``n`` inputs is no table of points; empty where it is one."""
    import torch

    if not isinstance(output, torch.Tensor):
        return f"its output is no tensor but {type(output).__name__}"
    if output.is_complex():
        return "its output is of complex numbers"
    if not output.ndim or len(output) != n:
        return f"its output of shape {tuple(output.shape)} for {n} inputs has no row of each"
    return ""


def _shape_hook(seen: dict[str, tuple[int, ...] | str], name: str, n: int) -> Any:
    def hook(_module: Any, _given: Any, output: Any) -> None:
        if why := why_unusable(output, n):
            seen[name] = why
        elif name in seen:
            seen[name] = "it is used more than once in a forward pass"
        else:
            seen[name] = tuple(output.shape[1:])

    return hook


def _order_hook(rectified: set[str], name: str) -> Any:
    """Follow a ReLU through what keeps it one: "" stands for what the last module gave."""
    import torch

    rectifiers, keepers = (torch.nn.ReLU, torch.nn.ReLU6), _keepers()

    def hook(module: Any, _given: Any, output: Any) -> None:
        kept = isinstance(module, keepers) and "" in rectified and _is_nonnegative(output)
        for each in (name, ""):
            if kept or isinstance(module, rectifiers):
                rectified.add(each)
            else:
                rectified.discard(each)

    return hook


def _keepers() -> tuple[type, ...]:
    """Modules of which 0 and nothing else gives 0, if nothing is negative."""
    from torch import nn

    kinds = ("MaxPool", "AdaptiveMaxPool", "AvgPool", "AdaptiveAvgPool", "Dropout")
    by_dimension = [getattr(nn, f"{kind}{d}d") for kind in kinds for d in (1, 2, 3)]
    return (*by_dimension, nn.Dropout, nn.Flatten, nn.Unflatten, nn.Identity)


def _is_nonnegative(output: Any) -> bool:
    """Whether it can be what a ReLU gave; the module may have been given something else."""
    import torch

    if not isinstance(output, torch.Tensor) or output.is_complex():
        return False
    return bool((output >= 0).all())


def run(network: "torch.nn.Module", hooks: Hooks, inputs: NDArray[np.float32]) -> None:
    """Run a network with hooks on its modules by name.

    Raises
    ------
    AnalysisError
        If it cannot take the inputs.
    """
    import torch

    modules = dict(network.named_modules())
    handles = [modules[name].register_forward_hook(hook) for name, hook in hooks]
    try:
        with torch.inference_mode(), own_draws():
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


@contextmanager
def own_draws() -> Iterator[None]:
    """Whatever a user's network draws is the same each time, and nobody else's draws change."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        yield
