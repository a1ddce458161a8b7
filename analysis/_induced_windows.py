"""Calls of PyTorch as windows: which unit of its output sees which unit of its input."""

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis._induced_layers import Shorts, Window, adaptive, strided, transposed
from analysis._induced_trace import Call, Ref

Shape = tuple[int, ...]

_CONV = ("input", "weight", "bias", "stride", "padding", "dilation", "groups")
_BACK = ("input", "weight", "bias", "stride", "padding", "output_padding", "groups", "dilation")
_MAX = ("input", "kernel_size", "stride", "padding", "dilation", "ceil_mode", "return_indices")
_MEAN = ("input", "kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor")
_NORM = ("input", "running_mean", "running_var", "weight", "bias", "training", "momentum", "eps")
_NAMES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "linear": ("input", "weight", "bias"),
        "conv1d": _CONV,
        "conv2d": _CONV,
        "conv_transpose1d": _BACK,
        "conv_transpose2d": _BACK,
        "max_pool1d": _MAX,
        "max_pool2d": _MAX,
        "avg_pool1d": _MEAN,
        "avg_pool2d": _MEAN,
        "batch_norm": _NORM,
        "mean": ("input", "dim", "keepdim"),
        "add": ("input", "other", "alpha"),
    }
)


def arguments(call: Call, like: str = "") -> dict[str, Any]:
    """Arguments of a call by their names."""
    names = _NAMES.get(like or call.name, ("input", "output_size"))
    return {**dict(zip(names, call.args, strict=False)), **call.kwargs}


def array(tensor: Any) -> NDArray[np.float32]:
    """Parameters as an array of single precision."""
    return np.ascontiguousarray(tensor.detach().cpu().numpy(), dtype=np.float32)


def spatial(shape: Shape) -> tuple[int, int, int]:
    """Channels, height and width of units; what lacks is 1."""
    if len(shape) > 3:
        return math.prod(shape), 1, 1
    channels, *rest = shape
    height, width = [1] * (2 - len(rest)) + rest
    return channels, height, width


def _steps(shape: tuple[int, int, int]) -> NDArray[np.int64]:
    return np.array([shape[1] * shape[2], shape[2], 1])


def window(
    weights: NDArray[np.float32],
    tables: tuple[Shorts, Shorts],
    shapes: tuple[tuple[int, int, int], tuple[int, int, int]],
    *,
    group: int,
) -> Window:
    """Window between layers whose units are numbered channel by channel, row by row."""
    given, out = shapes
    scale = np.ones(math.prod(out), np.float32)
    return Window(weights, *tables, group, _steps(given), _steps(out), scale)


def linear(call: Call, given: Shape, out: Shape) -> Window:
    """Fully connected, at every place of what comes before the last axis."""
    weights = array(arguments(call)["weight"])
    places = math.prod(given[:-1])
    return Window(
        weights[:, :, None, None],
        np.zeros((1, 1), np.int32),
        np.arange(places, dtype=np.int32)[:, None],
        len(weights),
        np.array([1, 0, given[-1]]),
        np.array([1, 0, out[-1]]),
        np.ones(math.prod(out), np.float32),
    )


def convolution(call: Call, given: Shape, out: Shape) -> Window:
    """Convolution in one or two dimensions, transposed ones too."""
    said = arguments(call)
    weights, groups = array(said["weight"]), int(said.get("groups", 1))
    table: Callable[..., Shorts] = strided
    if "transpose" in call.name:
        inputs, each = weights.shape[:2]
        parts = weights.reshape(groups, inputs // groups, each, *weights.shape[2:]).swapaxes(1, 2)
        weights, table = (
            parts.reshape(groups * each, inputs // groups, *weights.shape[2:]),
            (transposed),
        )
    if weights.ndim == 3:
        weights = weights[:, :, None]
    shapes = spatial(given), spatial(out)
    kernel = weights.shape[2:]
    dilation = _pair(said.get("dilation", 1))
    padding = _padding(said.get("padding", 0), kernel, dilation)
    stride = _pair(said.get("stride", 1))
    if call.name.endswith("1d"):
        padding = (0, padding[1])
    tables = [
        table(
            shapes[0][1 + i],
            shapes[1][1 + i],
            kernel[i],
            stride=stride[i],
            padding=padding[i],
            dilation=dilation[i],
        )
        for i in range(2)
    ]
    weights = np.ascontiguousarray(weights)
    return window(weights, (tables[0], tables[1]), shapes, group=len(weights) // groups)


def _pair(value: Any) -> tuple[int, int]:
    """Of rows and columns; in one dimension there is one row."""
    if isinstance(value, int):
        return value, value
    values = [int(each) for each in value]
    return (values[0], values[0]) if len(values) == 1 else (values[0], values[1])


def _padding(value: Any, kernel: Shape, dilation: tuple[int, int]) -> tuple[int, int]:
    """Rows above and columns to the left."""
    if value == "valid":
        return 0, 0
    if value == "same":
        above, left = ((size - 1) * step // 2 for size, step in zip(kernel, dilation, strict=True))
        return above, left
    return _pair(value)


def pooling(call: Call, given: Shape, out: Shape) -> Window:
    """Maximum (each input with weight 1) or average (one over how many are averaged)."""
    shapes = spatial(given), spatial(out)
    tables = _pool_tables(call, shapes)
    size = (shapes[1][0], 1, tables[0].shape[1], tables[1].shape[1])
    found = window(np.ones(size, np.float32), tables, shapes, group=1)
    if "avg" in call.name:
        found.scale[:] = np.tile(_shares(call, given, tables), shapes[1][0])
    return found


def _pool_tables(
    call: Call, shapes: tuple[tuple[int, int, int], tuple[int, int, int]]
) -> tuple[Shorts, Shorts]:
    (_, *sizes), (_, *outs) = shapes
    if "adaptive" in call.name:
        return adaptive(sizes[0], outs[0]), adaptive(sizes[1], outs[1])
    said = arguments(call)
    kernel, padding = _pair(said["kernel_size"]), _pair(said.get("padding", 0))
    stride = _pair(said.get("stride") or kernel)
    dilation = _pair(said.get("dilation", 1))
    flat = call.name.endswith("1d")  # there the only row is no window
    rows, cols = (
        strided(
            sizes[i],
            outs[i],
            1 if flat and i == 0 else kernel[i],
            stride=stride[i],
            padding=0 if flat and i == 0 else padding[i],
            dilation=dilation[i],
        )
        for i in range(2)
    )
    return rows, cols


def _shares(call: Call, given: Shape, tables: tuple[Shorts, Shorts]) -> NDArray[np.float32]:
    """Say what an input counts in each average; PyTorch knows how padding counts."""
    import torch

    ones = torch.ones((1, 1, *given[1:]))
    averages = call.function(
        *(ones if isinstance(each, Ref) else each for each in call.args),
        **{k: ones if isinstance(v, Ref) else v for k, v in call.kwargs.items()},
    )
    seen = np.outer(*((table >= 0).sum(axis=1) for table in tables)).ravel()
    return np.asarray(array(averages).ravel() / np.maximum(seen, 1), dtype=np.float32)


def mean(call: Call, given: Shape, out: Shape) -> Window | None:
    """Mean over the first or the last axes of an input; None for others, and over inputs."""
    asked = arguments(call).get("dim")
    reduced = [] if asked is None else sorted(axis - 1 for axis in _axes(asked, len(given) + 1))
    if not reduced or reduced[0] < 0:
        return None
    n = len(reduced)
    size = math.prod(given[axis] for axis in reduced)
    kept = math.prod(given) // max(size, 1)
    if reduced == list(range(len(given) - n, len(given))):
        source = [size, 0, 1]
    elif reduced == list(range(n)):
        source = [1, 0, kept]
    else:
        return None
    cols = np.arange(size, dtype=np.int32)[None]
    weights = np.full((kept, 1, 1, size), 1 / size, np.float32)
    scale = np.ones(math.prod(out), np.float32)
    rows = np.zeros((1, 1), np.int32)
    return Window(weights, rows, cols, 1, np.array(source), np.array([1, 0, 0]), scale)


def _axes(asked: Any, n: int) -> list[int]:
    return [int(each) % n for each in ((asked,) if isinstance(asked, int) else asked)]


def same(given: Shape, out: Shape, factor: float) -> Window | None:
    """Each unit to itself, or, if it is repeated along an axis, to all of its copies."""
    if given != out and (len(given) != len(out) or len(out) > 3):
        return None
    sizes, shape = spatial(given), spatial(out)
    source = np.where(np.array(sizes) == 1, 0, _steps(sizes))
    weights = np.full((shape[0], 1, 1, 1), factor, np.float32)
    # the tables name rows of the target: a step of 0 makes them one row of the source
    rows, cols = (np.arange(n, dtype=np.int32)[:, None] for n in shape[1:])
    scale = np.ones(math.prod(shape), np.float32)
    return Window(weights, rows, cols, 1, source, _steps(shape), scale)
