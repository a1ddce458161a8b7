"""What of a network's induced graphs does not depend on the input: the plan of their edges."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from analysis._induced_build import Builder
from analysis._induced_layers import Window
from analysis._induced_trace import OUTPUT, Watch, watched
from analysis._induced_units import Slot, Units
from analysis.errors import AnalysisError

if TYPE_CHECKING:
    import torch

PER_EDGE = 2 * 4 + 4
"""Bytes: two vertices and a weight."""

PER_VERTEX = 64
"""Bytes while generators are found, and of activations."""


class Tap(NamedTuple):
    """Where activations are read: the slot, and the vertices that they are of (or -1)."""

    slot: Slot
    ids: NDArray[np.int32]


class Sheet(NamedTuple):
    """The edges of one call: their window, the vertices of its source units (or -1).

    ``base`` is the vertex of the target layer's first unit, ``tap`` the activations (-1: all 1),
    ``most`` how many edges there can be.
    """

    window: Window
    ids: NDArray[np.int32]
    base: int
    tap: int
    winner: bool
    most: int


@dataclass(frozen=True, slots=True, eq=False)
class EdgePlan:
    """The units of a network and the windows between them, for inputs of one shape.

    Edges themselves are not stored: of a convolution the plan holds its kernel and tables of
    rows and columns.

    Attributes
    ----------
    network : torch.nn.Module
    input_shape : tuple of int
    layers, shapes, offsets, skipped
        As of `InducedGraph`.
    sheets, taps : tuple
        Private: the windows, and where activations are read.
    numbers : int
        Private: how many an input makes in a forward pass.
    names : tuple of str
        Private: the calls of a forward pass.
    """

    network: "torch.nn.Module"
    input_shape: tuple[int, ...]
    layers: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]
    offsets: NDArray[np.int64]
    skipped: tuple[tuple[str, str], ...]
    sheets: tuple[Sheet, ...]
    taps: tuple[Tap, ...]
    numbers: int
    names: tuple[str, ...]

    @property
    def n_vertices(self) -> int:
        """Units of all layers."""
        return int(self.offsets[-1])

    @property
    def n_edges(self) -> int:
        """How many edges a graph can have: so many if no activation and no weight is 0."""
        return sum(sheet.most for sheet in self.sheets)


def edge_plan(
    network: "torch.nn.Module",
    input_shape: Sequence[int],
    *,
    bias: bool = False,
    input_edges: bool = False,
    pooling: str = "window",
) -> EdgePlan:
    """Learn the units of a network, and which are joined, by running it once.

    Edges: fully connected layers, convolutions in one and two dimensions (transposed ones too),
    maximum and average pooling, means over places; ``w`` of an average is one over how many are
    averaged. An addition joins plain sums (what a layer gives, before any activation function,
    where nothing else sees it) to one layer of units with the edges of both; whatever else is
    added enters by edges of weight 1. Activation functions leave units what they are. So do
    layer norms. A batch norm (of stored means) that directly follows such a sum is folded into
    the weights that enter it: they are multiplied by its slope; elsewhere it acts like an
    activation function. Dropout does nothing. Whatever moves numbers about (flatten, permute,
    concatenate, cut, pad) is followed. What anything else gives is units without incoming edges,
    named in ``skipped``.

    Parameters
    ----------
    network : torch.nn.Module
        Run in evaluation mode.
    input_shape : sequence of int
        Of one input.
    bias : bool
        One vertex more for each layer with biases, of activation 1, with edges ``|b|``. Without,
        as published, the activations are still those of the network as it is.
    input_edges : bool
        Whether the edges that leave the input count.
    pooling : {"window", "winner"}
        A maximum is joined to all inputs of its window by their own activations, as published, or
        to the largest only.

    Returns
    -------
    EdgePlan

    Raises
    ------
    AnalysisError
        If the network cannot take such inputs, no layer can be turned into edges, or a weight is
        NaN or infinite.
    """
    if pooling not in {"window", "winner"}:
        msg = f"pooling={pooling!r} is not known; choose window or winner"
        raise AnalysisError(msg)
    shape = tuple(int(each) for each in input_shape)
    if not shape or min(shape) < 1:
        msg = f"input_shape={shape} must have one or more sizes from 1"
        raise AnalysisError(msg)
    watch = Watch()
    watched(network, np.zeros((1, *shape), np.float32), watch)
    builder = Builder(shape, watch.calls, winner=pooling == "winner")
    output = None if watch.output is None else builder.vertices(watch.output).numpy().ravel()
    layers = sorted(builder.layers, key=lambda layer: layer.last)
    if not any(layer.blocks for layer in layers):
        msg = f"no layer of {type(network).__name__} can be turned into edges"
        raise AnalysisError(msg)
    for layer in layers:
        _check_weights(layer)
    draft = _Draft(layers, bias=bias, input_edges=input_edges)
    if output is not None:
        draft.tap(OUTPUT, output)
    return EdgePlan(
        network=network,
        input_shape=shape,
        layers=tuple(draft.names),
        shapes=tuple(draft.shapes),
        offsets=draft.offsets,
        skipped=tuple(builder.skipped),
        sheets=tuple(draft.sheets),
        taps=tuple(draft.taps),
        numbers=sum(math.prod(each) for call in watch.calls for _, each in call.outputs),
        names=tuple(call.name for call in watch.calls),
    )


def _check_weights(layer: Units) -> None:
    arrays = [each for block in layer.blocks for each in (block.window.weights, block.window.scale)]
    arrays += [] if layer.bias is None else [layer.bias]
    bad = sum(int(np.count_nonzero(~np.isfinite(array))) for array in arrays)
    if bad:
        msg = f"{bad:,} weights of layer {layer.name} are NaN or infinite"
        raise AnalysisError(msg)


class _Draft:
    """Numbers the vertices in the order of layers, and gathers windows and taps."""

    def __init__(self, layers: list[Units], *, bias: bool, input_edges: bool) -> None:
        self.names: list[str] = []
        self.shapes: list[tuple[int, ...]] = []
        self.sheets: list[Sheet] = []
        self.taps: list[Tap] = []
        self._free = 0 if input_edges else layers[0].size  # vertices below have no edges
        self._number = np.zeros(max(each.start + each.size for each in layers) + 1, np.int32)
        self._number[-1] = -1  # what padding adds is no vertex
        bases = [self._place(layer, bias=bias) for layer in layers]
        self.offsets = np.cumsum([0, *map(math.prod, self.shapes)])
        for layer, (base, bias_vertex) in zip(layers, bases, strict=True):
            if bias_vertex >= 0 and layer.bias is not None:
                self.sheets.append(_bias_sheet(layer.bias, base, bias_vertex))
            self._add_sheets(layer, base)

    def _place(self, layer: Units, *, bias: bool) -> tuple[int, int]:
        """Give a layer its place; its first vertex, and that of its bias or -1."""
        start = sum(math.prod(shape) for shape in self.shapes)
        bias_vertex = -1
        if bias and layer.bias is not None:
            bias_vertex, start = start, start + 1
            self._append(f"{layer.name} bias", (1,))
        self._append(layer.name, layer.shape)
        self._number[layer.start : layer.start + layer.size] = np.arange(start, start + layer.size)
        return start, bias_vertex

    def _append(self, name: str, shape: tuple[int, ...]) -> None:
        self.names.append(name)
        self.shapes.append(shape)

    def tap(self, slot: Slot, ids: NDArray[np.int64]) -> int:
        """Have activations read at a slot; give the number of the tap."""
        self.taps.append(Tap(slot, self._number[ids]))
        return len(self.taps) - 1

    def _add_sheets(self, layer: Units, base: int) -> None:
        for block in layer.blocks:
            tap = self.tap(block.slot, block.ids)
            ids = self.taps[tap].ids
            ids = np.where(ids < self._free, np.int32(-1), ids)
            if ids.max() < 0:
                continue
            most = _most(block.window, winner=block.winner)
            self.sheets.append(Sheet(block.window, ids, base, tap, block.winner, most))


def _most(window: Window, *, winner: bool) -> int:
    if winner:
        return len(window.scale)
    seen = np.count_nonzero(window.rows >= 0) * np.count_nonzero(window.cols >= 0)
    return int(window.weights.shape[0] * window.weights.shape[1] * seen)


def _bias_sheet(bias: NDArray[np.float32], base: int, vertex: int) -> Sheet:
    one = np.zeros((1, 1), np.int32)
    weights = np.ascontiguousarray(bias, np.float32)[:, None, None, None]
    steps = np.array([1, 0, 0])
    window = Window(weights, one, one, len(bias), steps, steps, np.ones(len(bias), np.float32))
    return Sheet(window, np.array([vertex], np.int32), base, -1, winner=False, most=len(bias))
