"""Compiled sweeps over the edges of one layer; edges are made when they are needed, never stored.

Convolutions, fully connected layers, pooling, and additions are all windows: a unit of the target
layer sees units of the source layer at some rows and columns, each with a weight.
"""

from typing import NamedTuple, TypeAlias

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float32]
Ints: TypeAlias = NDArray[np.int64]
Shorts: TypeAlias = NDArray[np.int32]


class Window(NamedTuple):
    """Which units of the source layer a unit of the target layer sees, and with which weight.

    Output channel ``o`` at row ``y`` sees input row ``rows[y, k]`` with ``weights[o, i, k, ...]``,
    or none where that is -1 (padding); columns alike. ``i`` counts the input channels of the
    group of ``o``; a group has ``group`` output channels. ``source`` and ``target`` are the steps
    of a unit's number per channel, row and column. ``scale`` multiplies what enters each unit.
    """

    weights: Floats
    rows: Shorts
    cols: Shorts
    group: int
    source: Ints
    target: Ints
    scale: Floats


class Flow(NamedTuple):
    """One input in one layer: activations ``h`` of the units seen, and their vertices (or -1).

    With ``winner``, only the largest activation that a unit sees reaches it (max-pooling).
    """

    h: Floats
    ids: Shorts
    winner: bool


@njit(cache=True, nogil=True)
def _room(window: Window) -> int:
    shape = window.weights.shape
    return shape[1] * shape[2] * shape[3]


@njit(cache=True, nogil=True)
def _keep_winner(h: Floats, seen: Ints, n: int) -> int:
    """Move the first of the largest activations to the front; return how many are left."""
    best = 0
    for k in range(1, n):
        if h[seen[k]] > h[seen[best]]:
            best = k
    seen[0] = seen[best]
    return min(n, 1)


@njit(cache=True, nogil=True)
def _entering(window: Window, flow: Flow, t: int, room: tuple[Floats, Ints]) -> tuple[int, int]:
    """Weights of the edges that enter the ``t``-th unit, and from where; its number, their count.

    Edges of units that are no vertices have weight 0.
    """
    values, seen = room
    weights, rows, cols, source = window.weights, window.rows, window.cols, window.source
    o, place = divmod(t, rows.shape[0] * cols.shape[0])
    y, x = divmod(place, cols.shape[0])
    unit = o * window.target[0] + y * window.target[1] + x * window.target[2]
    scale = window.scale[unit]
    first = o // window.group * weights.shape[1]
    n = 0
    for i in range(weights.shape[1]):
        for ky in range(rows.shape[1]):
            if rows[y, ky] < 0:
                continue
            start = (first + i) * source[0] + rows[y, ky] * source[1]
            for kx in range(cols.shape[1]):
                if cols[x, kx] >= 0:
                    seen[n] = start + cols[x, kx] * source[2]
                    weight = weights[o, i, ky, kx] * flow.h[seen[n]] * scale
                    values[n] = abs(weight) if flow.ids[seen[n]] >= 0 else np.float32(0)
                    n += 1
    if flow.winner and n:
        n = _keep_winner(flow.h, seen, n)
        values[0] = abs(flow.h[seen[0]] * scale) if flow.ids[seen[0]] >= 0 else np.float32(0)
    return unit, n


@njit(cache=True, nogil=True)
def tally(window: Window, flow: Flow, prefix: int, bins: Ints) -> None:
    """Count the edges that are not 0 by the bits of their weights, which are in their order.

    By the upper half of the bits; with a ``prefix`` from 0 on by the lower half, of those whose
    upper half it is. With a single bin all are counted.
    """
    values = np.empty(_room(window), np.float32)
    seen = np.empty(len(values), np.int64)
    bits = values.view(np.int32)
    for t in range(len(window.scale)):
        _, n = _entering(window, flow, t, (values, seen))
        for k in range(n):
            if values[k] == 0:
                continue
            if len(bins) == 1:
                bins[0] += 1
            elif prefix < 0:
                bins[bits[k] >> 16] += 1
            elif bits[k] >> 16 == prefix:
                bins[bits[k] & 0xFFFF] += 1


@njit(cache=True, nogil=True)
def fill(
    window: Window, flow: Flow, bar: tuple[float, int, int], out: tuple[Shorts, Floats]
) -> tuple[int, int]:
    """Write the edges heavier than ``bar[0]``, and the first ``bar[1]`` of just that weight.

    ``bar[2]`` is the vertex of the target layer's first unit. Returns how many were written, and
    how many of just that weight may still follow.
    """
    values = np.empty(_room(window), np.float32)
    seen = np.empty(len(values), np.int64)
    limit, ties, base = np.float32(bar[0]), bar[1], bar[2]
    edges, weights = out
    at = 0
    for t in range(len(window.scale)):
        unit, n = _entering(window, flow, t, (values, seen))
        for k in range(n):
            tie = values[k] == limit and ties > 0
            if values[k] > limit or tie:
                ties -= tie
                edges[at, 0], edges[at, 1] = flow.ids[seen[k]], base + unit
                weights[at] = values[k]
                at += 1
    return at, ties


def strided(
    size: int, out: int, kernel: int, *, stride: int, padding: int, dilation: int
) -> Shorts:
    """Input places that each output place sees, shape (out, kernel); -1 in the padding."""
    place = np.arange(out)[:, None] * stride - padding + np.arange(kernel) * dilation
    return _within(place, size)


def transposed(
    size: int, out: int, kernel: int, *, stride: int, padding: int, dilation: int
) -> Shorts:
    """Do the same for a transposed convolution, where an input place reaches several outputs."""
    steps = np.arange(out)[:, None] + padding - np.arange(kernel) * dilation
    return _within(np.where(steps % stride == 0, steps // stride, -1), size)


def adaptive(size: int, out: int) -> Shorts:
    """Do the same for adaptive pooling: ``out`` windows that cover ``size`` places."""
    start = np.arange(out) * size // out
    end = -(-np.arange(1, out + 1) * size // out)
    place = start[:, None] + np.arange((end - start).max())
    return _within(np.where(place < end[:, None], place, -1), size)


def _within(place: Ints, size: int) -> Shorts:
    return np.where((place >= 0) & (place < size), place, -1).astype(np.int32)
