"""Compiled search of Mapper for all pairs of points within a radius, block by block."""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Shorts = NDArray[np.int32]
Floats = NDArray[np.float64]
Singles = NDArray[np.float32]

BLOCK = 64
_FAR = np.float32(1e15)  # outside the unit box, its square still finite in float32


class Search(NamedTuple):
    """Points in blocks of ``BLOCK`` neighbours, for one search by radius.

    ``tiles (b, d, BLOCK)`` are rotated, scaled, rounded coordinates, ``low`` and ``high (b, d)``
    their bounds; ``exact (n, d)`` are the points themselves in the same order. Two points are
    neighbours if their squared distance in ``exact`` is at most ``limit``; in ``tiles`` it is then
    at most ``reach``.
    """

    tiles: Singles
    low: Singles
    high: Singles
    exact: Floats
    limit: float
    reach: float


def block_order(points: Singles) -> Ints:
    """Order of the points in which every run of ``BLOCK`` is close together (k-d splits)."""
    order = np.arange(len(points))
    stack = [(0, len(points))]
    while stack:
        low, high = stack.pop()
        if high - low <= BLOCK:
            continue
        part = points[order[low:high]]
        axis = int(np.argmax(np.ptp(part, axis=0)))
        half = -(-(high - low) // BLOCK) // 2 * BLOCK
        order[low:high] = order[low:high][np.argpartition(part[:, axis], half)]
        stack += [(low, low + half), (low + half, high)]
    return order


def _rotated(points: Floats) -> tuple[Singles, float]:
    """Principal coordinates within the unit box, where bounding boxes prune best, and the scale."""
    centred = points - points.mean(axis=0)
    scale = float(np.abs(centred).max(initial=0.0)) or 1.0
    centred /= scale
    axes = np.linalg.eigh(centred.T @ centred)[1]
    return (centred @ axes[:, ::-1]).astype(np.float32), scale


def prepare_search(points: Floats, radius: float) -> tuple[Search, Ints]:
    """Lay the points (n > 0, d > 0) out for a search; also return the order they are in."""
    rotated, scale = _rotated(points)
    order = block_order(rotated)
    n, d = points.shape
    padded = np.full((-(-n // BLOCK) * BLOCK, d), _FAR, dtype=np.float32)
    padded[:n] = rotated[order]
    tiles = np.ascontiguousarray(padded.reshape(-1, BLOCK, d).transpose(0, 2, 1))
    high = np.where(tiles == _FAR, -_FAR, tiles).max(axis=2)
    # float32 coordinates of the unit box err by less than 1e-7 each: widen so that none is missed
    reach = (min(radius / scale, 1e6) * (1 + 1e-5 + 1e-6 * d) + 1e-6 * np.sqrt(d)) ** 2
    exact = np.ascontiguousarray(points[order])
    return Search(tiles, tiles.min(axis=2), high, exact, radius * radius, float(reach)), order


@njit(cache=True)
def _tile_distances(search: Search, i: int, b: int, out: Singles) -> bool:
    """Squared distances of point ``i`` to block ``b``; False if the block is out of reach."""
    tile, query, column = search.tiles[b], search.tiles[i // BLOCK], i % BLOCK
    total = 0.0
    for c in range(tile.shape[0]):
        gap = max(search.low[b, c] - query[c, column], query[c, column] - search.high[b, c])
        if gap > 0:
            total += gap * gap
    if total > search.reach:
        return False
    out[:] = 0
    for c in range(tile.shape[0]):
        row, value = tile[c], query[c, column]
        for j in range(BLOCK):  # a constant length: this loop becomes vector instructions
            step = row[j] - value
            out[j] += step * step
    return True


@njit(cache=True)
def _within(search: Search, i: int, j: int) -> bool:
    total = 0.0
    for c in range(search.exact.shape[1]):
        step = search.exact[i, c] - search.exact[j, c]
        total += step * step
    return total <= search.limit


@njit(cache=True)
def block_pairs(search: Search, a: int, b: int, out: Ints) -> int:
    """Write the neighbouring points of blocks ``a`` and ``b``; return how many pairs."""
    n, found = search.exact.shape[0], 0
    reach, width = np.float32(search.reach), min(BLOCK, n - b * BLOCK)
    distances = np.empty(BLOCK, np.float32)
    for i in range(a * BLOCK, min((a + 1) * BLOCK, n)):
        if not _tile_distances(search, i, b, distances):
            continue
        near = 0
        for j in range(BLOCK):
            near += distances[j] <= reach
        if near == 0:
            continue
        for j in range(i % BLOCK + 1 if a == b else 0, width):
            if distances[j] <= reach and _within(search, i, b * BLOCK + j):
                out[found, 0], out[found, 1] = i, b * BLOCK + j
                found += 1
    return found
