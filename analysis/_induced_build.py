"""From the calls of a network to its layers of units: which call makes which edges."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from analysis import _induced_windows as windows
from analysis._induced_layers import Window
from analysis._induced_trace import Call, Ref, refs_in
from analysis._induced_units import (
    ADDED,
    CONVOLVED,
    KEPT,
    MOVED,
    PASSED,
    POOLED,
    SHAPED,
    Block,
    Slot,
    Units,
    Value,
)

if TYPE_CHECKING:
    import torch


class Builder:
    """Goes through the calls of a network once; `layers`, `values` and `skipped` are the outcome.

    ``winner`` joins only the largest input of a window to a maximum. Numbers of vertices are in
    the order in which layers are met; `EdgePlan` numbers them anew, in the order of depth.
    """

    def __init__(self, shape: tuple[int, ...], calls: Sequence[Call], *, winner: bool) -> None:
        self.layers: list[Units] = []
        self.values: dict[Ref, Value] = {}
        self.skipped: list[tuple[str, str]] = []
        self._winner = winner
        self._vertices = 0
        self._at = -1
        self._names: Counter[str] = Counter()
        self._uses = Counter(ref for call in calls for ref in refs_in(call.args, call.kwargs))
        self.values[Ref(0)] = self._new_units("input", shape)
        for self._at, call in enumerate(calls):
            self._read(call)

    def _read(self, call: Call) -> None:
        """Say what the outputs of a call are; what is not known is what no edges lead to."""
        first, shape = call.outputs[0][0], call.outputs[0][1][1:]
        refs = list(refs_in(call.args, call.kwargs))
        found: Value | None = None
        if call.name in MOVED and self._moved(call, refs):
            return
        if _enters(call):
            found = self._entered(call, refs, shape)
        elif call.name == "batch_norm" and self._is_plain(refs[0]) and _is_fixed(call):
            found = self._normalised(call, refs[0])
        elif call.name == "pad":
            found = self._padded(call, refs)
        elif call.name.rstrip("_") in KEPT | PASSED or call.name in KEPT:
            found = self._kept(call, refs, shape)
        found = found or self._unknown(call, shape)
        self.values[first] = found
        for ref, rest in call.outputs[1:]:
            self.values[ref] = self._unknown(call, rest[1:])

    def _name(self, call: Call) -> str:
        """Name a layer by its module; by the function too where the module has others inside."""
        name = call.place if call.leaf else f"{call.place}.{call.name}".lstrip(".")
        return self._free(name or call.name)

    def _free(self, name: str) -> str:
        self._names[name] += 1
        return name if self._names[name] == 1 else f"{name} ({self._names[name]})"

    def _new_units(self, name: str, shape: tuple[int, ...], *, before: float = 0) -> Value:
        import torch

        units = Units(name, shape, self._vertices, self._at - before)
        ids = torch.arange(self._vertices, self._vertices + units.size).reshape(1, *shape)
        self.layers.append(units)
        self._vertices += units.size
        return Value(shape, ids, units)

    def _unknown(self, call: Call, shape: tuple[int, ...]) -> Value:
        """Stand for what is no weighted sum, until an edge starts there."""
        n = len(set(refs_in(call.args, call.kwargs)))
        why = f"{call.name} is no weighted sum of activations"
        if n > 1:
            why = f"{call.name} of {n} parts of the network is no weighted sum of activations"
        return Value(shape, None, why=why, name=call.place or call.name)

    def vertices(self, ref: Ref) -> "torch.Tensor":
        """Vertices of a tensor; units without incoming edges where it is not known."""
        value = self.values[ref]
        if value.ids is None:
            name = self._free(value.name)
            self.skipped.append((name, value.why))
            value.ids = self._new_units(name, value.shape, before=0.5).ids
        return cast("torch.Tensor", value.ids)

    def _is_plain(self, ref: Ref) -> bool:
        """Whether a tensor is what enters a layer's units and nothing else looks at it."""
        return self.values[ref].layer is not None and self._uses[ref] == 1 and ref != Ref(0)

    def _kept(self, call: Call, refs: list[Ref], shape: tuple[int, ...]) -> Value | None:
        """Have the same units as the input; those of a sum as long as nothing is done to it."""
        value = self.values[refs[0]]
        if len(refs) != 1 or value.shape != shape:
            return None
        passed = call.name.rstrip("_") in PASSED and not call.kwargs.get("training", False)
        layer = value.layer if passed and self._uses[refs[0]] == 1 else None
        return Value(shape, value.ids, layer, value.why, value.name)

    def _moved(self, call: Call, refs: list[Ref]) -> bool:
        """Do to the vertices what is done to the tensors."""
        if any(self.values[ref].ids is None for ref in refs) and len(refs) == 1:
            value = self.values[refs[0]]
            for ref, shape in call.outputs:
                self.values[ref] = Value(shape[1:], None, why=value.why, name=value.name)
            return True
        if call.name == "__getitem__" and len(refs) > 1:
            return False
        given = self._with_vertices(call.args)
        named = {name: self._with_vertices(each) for name, each in call.kwargs.items()}
        try:
            outcome = call.function(*given, **named)
        except (RuntimeError, TypeError, ValueError):  # it does not take whole numbers
            return False
        layer = None
        if call.name in SHAPED and self._uses[refs[0]] == 1:
            layer = self.values[refs[0]].layer
        parts = outcome if isinstance(outcome, list | tuple) else (outcome,)
        for (ref, shape), ids in zip(call.outputs, parts, strict=True):
            self.values[ref] = Value(shape[1:], ids, layer)
        return True

    def _with_vertices(self, given: Any) -> Any:
        if isinstance(given, Ref):
            return self.vertices(given)
        if isinstance(given, tuple):
            return tuple(self._with_vertices(each) for each in given)
        return given

    def _padded(self, call: Call, refs: list[Ref]) -> Value | None:
        """Pad vertices as activations; what is added is -1, no vertex."""
        if len(refs) != 1:
            return None
        ids = self.vertices(refs[0]).double() + 1
        kwargs = {name: call.kwargs[name] for name in ("pad", "mode") if name in call.kwargs}
        padded = call.function(ids, *call.args[1:3], **kwargs).long() - 1
        return Value(tuple(padded.shape[1:]), padded)

    def _normalised(self, call: Call, ref: Ref) -> Value:
        """Fold a normalisation in evaluation mode into the weights that enter its units."""
        value, said = self.values[ref], windows.arguments(call)
        mean, variance = windows.array(said["running_mean"]), windows.array(said["running_var"])
        factor = 1 / np.sqrt(variance + np.float32(said.get("eps", 1e-5)))
        if said.get("weight") is not None:
            factor = factor * windows.array(said["weight"])
        shift = -mean * factor
        if said.get("bias") is not None:
            shift = shift + windows.array(said["bias"])
        layer = cast("Units", value.layer)
        each = int(np.prod(value.shape[1:], dtype=np.int64))
        factor, shift = np.repeat(factor, each), np.repeat(shift, each)
        for block in layer.blocks:
            block.window.scale[:] *= factor
        layer.bias = shift if layer.bias is None else layer.bias * factor + shift
        return Value(value.shape, value.ids, layer)

    def _entered(self, call: Call, refs: list[Ref], shape: tuple[int, ...]) -> Value | None:
        """Make the units that a layer or an addition leads to, with their edges."""
        if call.name.rstrip("_") in ADDED or call.name in ADDED:
            return self._added(call, refs, shape)
        found = _window(call, self.values[refs[0]].shape, shape)
        if found is None or len(refs) > 1:
            return None
        ids = self.vertices(refs[0])
        value = self._new_units(self._name(call), shape)
        layer = self.layers[-1]
        winner = self._winner and "max" in call.name
        layer.blocks.append(_block(found, ids, (self._at, 0), winner=winner))
        bias = windows.arguments(call).get("bias")
        if bias is not None:
            repeated = windows.array(bias)
            per_place = call.name == "linear"
            places = layer.size // len(repeated)
            layer.bias = np.tile(repeated, places) if per_place else np.repeat(repeated, places)
        return value

    def _added(self, call: Call, refs: list[Ref], shape: tuple[int, ...]) -> Value | None:
        """Join what is added: plain sums become one layer, others enter it as they are."""
        if len(refs) == 1:
            return self._kept(call, refs, shape)
        factor = float(windows.arguments(call, "add").get("alpha", 1) or 1)
        plain = [ref for ref in refs if self._is_plain(ref) and self.values[ref].shape == shape]
        plain = [] if factor != 1 or len(set(refs)) == 1 else plain
        entering = {
            i: windows.same(self.values[ref].shape, shape, factor if i else 1.0)
            for i, ref in enumerate(refs)
            if ref not in plain
        }
        if any(found is None for found in entering.values()):
            return None
        starts = {i: self.vertices(refs[i]) for i in entering}
        value = self._joined(plain) if plain else self._new_units(self._name(call), shape)
        layer = cast("Units", value.layer)
        layer.last = self._at
        for i, found in entering.items():
            layer.blocks.append(
                _block(cast("Window", found), starts[i], (self._at, i), winner=False)
            )
        return value

    def _joined(self, plain: list[Ref]) -> Value:
        """Make one layer of sums that are added: one unit for what is the same place in each."""
        first, *rest = (cast("Units", self.values[ref].layer) for ref in plain)
        for layer in rest:
            first.blocks += layer.blocks
            first.name += f" + {layer.name}"
            if layer.bias is not None:
                first.bias = layer.bias if first.bias is None else first.bias + layer.bias
            self.layers.remove(layer)
        value = self.values[plain[0]]
        return Value(value.shape, value.ids, first)


def _enters(call: Call) -> bool:
    name = call.name.rstrip("_")
    known = CONVOLVED | POOLED | ADDED | {"linear", "mean"}
    return name in known or call.name in known


def _is_fixed(call: Call) -> bool:
    """Whether a normalisation is by stored means, and so the same for every input."""
    said = windows.arguments(call)
    return said.get("running_mean") is not None and not said.get("training", False)


def _window(call: Call, given: tuple[int, ...], out: tuple[int, ...]) -> Window | None:
    if call.name == "linear":
        return windows.linear(call, given, out)
    if call.name == "mean":
        return windows.mean(call, given, out)
    dimensions = 1 + int(call.name[-2])
    if len(given) != dimensions or len(out) != dimensions:
        return None
    make = windows.convolution if call.name in CONVOLVED else windows.pooling
    return make(call, given, out)


def _block(window: Window, ids: "torch.Tensor", slot: Slot, *, winner: bool) -> Block:
    return Block(window, ids.reshape(-1).numpy(), slot, winner)
