"""A network at work, watched: every function of PyTorch that its inputs go through, in order.

What the network computes is seen as it runs, so that modules, functions, operators on tensors and
branches of a user's code are all alike, and a skip connection is a tensor that is used twice.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from analysis.errors import AnalysisError, NerveScopeError

if TYPE_CHECKING:
    import torch

Floats = NDArray[np.float32]

OUTPUT = (-1, 0)
"""The slot of what the network gives back."""


@dataclass(frozen=True, slots=True)
class Ref:
    """Stands for a tensor that depends on the input, by its number; the input is 0."""

    value: int


@dataclass(frozen=True, slots=True)
class Call:
    """One function that was called with tensors that depend on the input.

    Attributes
    ----------
    name : str
        Of the function.
    function : callable
    args, kwargs : tuple, dict
        As given, with a `Ref` for every tensor that depends on the input.
    outputs : tuple of (Ref, tuple of int)
        The tensors that it gave, with their shapes.
    place : str
        The module at work, by its path; empty for the network itself.
    leaf : bool
        Whether that module has none inside.
    """

    name: str
    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    outputs: tuple[tuple[Ref, tuple[int, ...]], ...]
    place: str
    leaf: bool


@dataclass(slots=True)
class Watch:
    """Numbers the tensors that depend on the input, keeps the calls and the operands wanted.

    Attributes
    ----------
    wanted : frozenset of (int, int)
        Slots: number of a call, and which of its tensors (those that depend on the input count).
    found : dict
        Slot → its tensor when the call began, shape (inputs, numbers of one input).
    """

    wanted: frozenset[tuple[int, int]] = frozenset()
    found: dict[tuple[int, int], Floats] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    output: Ref | None = None
    places: list[tuple[str, bool]] = field(default_factory=list)
    numbers: dict[int, int] = field(default_factory=dict)
    alive: list[Any] = field(default_factory=list)  # so that no other tensor gets its id

    def number(self, tensor: "torch.Tensor") -> Ref:
        """Give a tensor the next number; one that was worked on in place gets a new one."""
        self.alive.append(tensor)
        self.numbers[id(tensor)] = len(self.alive) - 1
        return Ref(len(self.alive) - 1)

    def refer(self, given: Any) -> Any:
        """Put a `Ref` in the place of every tensor that depends on the input."""
        if isinstance(given, list | tuple):
            return tuple(self.refer(each) for each in given)
        number = self.numbers.get(id(given))
        return given if number is None else Ref(number)

    def keep(self, call: int, refs: list[Ref]) -> None:
        """Copy the operands that are wanted, before the call can change them."""
        for operand, ref in enumerate(refs):
            if (call, operand) in self.wanted:
                self.found[call, operand] = flat(self.alive[ref.value])

    def call(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run a function and note it, if it is one from tensors to tensors."""
        known = self.refer(args), {name: self.refer(given) for name, given in kwargs.items()}
        refs = list(refs_in(known[0], known[1]))
        self.keep(len(self.calls), refs)
        result = function(*args, **kwargs)
        tensors = list(_tensors_in(result))
        if refs and tensors:
            outputs = tuple((self.number(each), tuple(each.shape)) for each in tensors)
            place, leaf = self.places[-1] if self.places else ("", False)
            name = _name_of(function)
            self.calls.append(Call(name, function, *known, outputs, place, leaf))
        return result


def flat(tensor: "torch.Tensor") -> Floats:
    """Copy a tensor as one row of single precision per input."""
    return np.array(tensor.detach().float().cpu().numpy(), np.float32).reshape(len(tensor), -1)


def refs_in(*given: Any) -> Iterator[Ref]:
    """List the tensors that depend on the input, in the order given."""
    for each in given:
        if isinstance(each, Ref):
            yield each
        elif isinstance(each, list | tuple):
            yield from refs_in(*each)
        elif isinstance(each, dict):
            yield from refs_in(*each.values())


def _tensors_in(result: Any) -> "Iterator[torch.Tensor]":
    import torch

    if isinstance(result, torch.Tensor):
        yield result
    elif isinstance(result, list | tuple) and not isinstance(result, torch.Size):
        for each in result:
            yield from _tensors_in(each)


def _name_of(function: Any) -> str:
    name = str(getattr(function, "__name__", function))
    if name == "__get__":  # an attribute, such as x.T
        return str(getattr(function.__self__, "__name__", name))
    return name


def watched(network: "torch.nn.Module", inputs: Floats, watch: Watch) -> None:
    """Run inputs of shape (n, ...) through a network in evaluation mode.

    Raises
    ------
    AnalysisError
        If the network cannot take them.
    """
    import torch

    given = torch.from_numpy(np.array(inputs, dtype=np.float32))
    watch.number(given)
    with _evaluating(network), _named(network, watch), torch.inference_mode(), _told(inputs):
        with torch.random.fork_rng(devices=[]), _mode(watch):
            torch.default_generator.manual_seed(0)
            output = network(given)
        watch.output = next(iter(refs_in(watch.refer(output))), None)
        if watch.output is not None and OUTPUT in watch.wanted:
            watch.found[OUTPUT] = flat(watch.alive[watch.output.value])


def _mode(watch: Watch) -> Any:
    from torch.overrides import TorchFunctionMode

    class Mode(TorchFunctionMode):
        def __torch_function__(  # type: ignore[no-untyped-def]
            self, func, _types, args=(), kwargs=None
        ):
            return watch.call(func, args, kwargs or {})

    return Mode()


@contextmanager
def _evaluating(network: "torch.nn.Module") -> Iterator[None]:
    """Put every module into evaluation mode, and back as it was."""
    modes = [(module, module.training) for module in network.modules()]
    network.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training


@contextmanager
def _named(network: "torch.nn.Module", watch: Watch) -> Iterator[None]:
    """Have modules say when they start and end."""
    handles = []
    for name, module in network.named_modules():
        entry = (name, not list(module.children()))

        def start(*_: Any, entry: tuple[str, bool] = entry) -> None:
            watch.places.append(entry)

        def end(*_: Any) -> None:
            watch.places.pop()

        handles += [module.register_forward_pre_hook(start), module.register_forward_hook(end)]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def _told(inputs: Floats) -> Iterator[None]:
    """Turn whatever a network raises into words."""
    try:
        yield
    except NerveScopeError:
        raise
    except Exception as error:  # the user's network can raise anything
        lines = str(error).strip().splitlines() or [""]
        msg = (
            f"the network cannot take inputs of shape {inputs.shape[1:]}: "
            f"{type(error).__name__}: {lines[0][:200]}"
        )
        raise AnalysisError(msg) from error
