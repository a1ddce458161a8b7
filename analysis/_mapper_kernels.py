"""Compiled clustering of Mapper: one neighbour search, then union-find over (point, cube) pairs."""

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


class Slots(NamedTuple):
    """The (point, cube) pairs: point ``i`` lies in the cubes ``first[i] .. last[i]`` of each axis.

    Its pairs are numbered from ``start[i]``, row by row of that box of cubes. ``low`` and ``high
    (b, 2)`` bound the cubes of each block of points.
    """

    first: Ints
    last: Ints
    start: Ints
    low: Ints
    high: Ints


class Links(NamedTuple):
    """State of the clustering.

    For every slot, ``parent`` in the union-find and number of ``neighbours``, itself included. For
    every point, ``lacking``, how many of its slots are not core yet, and ``group``, its parent in a
    union-find of points that lie in the same cubes and are joined in all of them; ``seen`` remembers
    pairs of groups that are joined in their common cubes.
    """

    parent: Shorts
    neighbours: Shorts
    lacking: Shorts
    group: Shorts
    seen: Shorts


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


def make_slots(first: Ints, last: Ints) -> Slots:
    """Slots of points in the order given, from the ``first`` and ``last`` (n, 2) of a cover."""
    start = np.zeros(len(first) + 1, dtype=np.int64)
    np.cumsum(np.maximum(last - first + 1, 0).prod(axis=1), out=start[1:])
    edges = np.arange(0, len(first), BLOCK)
    low, high = np.minimum.reduceat(first, edges), np.maximum.reduceat(last, edges)
    return Slots(first, last, start, low, high)


@njit(cache=True)
def _apart(search: Search, slots: Slots, a: int, b: int) -> bool:
    """Tell whether no point of block ``a`` can be a neighbour of one of ``b`` in a common cube."""
    for axis in range(2):
        if slots.low[a, axis] > slots.high[b, axis] or slots.low[b, axis] > slots.high[a, axis]:
            return True
    total = 0.0
    for c in range(search.low.shape[1]):
        gap = max(search.low[a, c] - search.high[b, c], search.low[b, c] - search.high[a, c])
        if gap > 0:
            total += gap * gap
    return total > search.reach


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
def _block_pairs(search: Search, a: int, b: int, out: Ints) -> int:
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


@njit(cache=True)
def _common(slots: Slots, i: int, j: int, out: Ints) -> int:
    """Write the slots of two points in each cube that both lie in; return how many."""
    first, last = slots.first, slots.last
    width_i, width_j = last[i, 1] - first[i, 1] + 1, last[j, 1] - first[j, 1] + 1
    found = 0
    for x in range(max(first[i, 0], first[j, 0]), min(last[i, 0], last[j, 0]) + 1):
        row_i = slots.start[i] + (x - first[i, 0]) * width_i - first[i, 1]
        row_j = slots.start[j] + (x - first[j, 0]) * width_j - first[j, 1]
        for y in range(max(first[i, 1], first[j, 1]), min(last[i, 1], last[j, 1]) + 1):
            out[found, 0], out[found, 1] = row_i + y, row_j + y
            found += 1
    return found


@njit(cache=True)
def find(parent: Shorts, i: int) -> int:
    """Root of ``i``, halving the path on the way."""
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


@njit(cache=True)
def unite(parent: Shorts, i: int, j: int) -> bool:
    """Join two components under the lower root; tell whether they were apart."""
    a, b = find(parent, i), find(parent, j)
    if a < b:
        parent[b] = a
    else:
        parent[a] = b
    return a != b


@njit(cache=True)
def _joined(links: Links, slots: Slots, i: int, j: int) -> bool:
    """Tell whether two points are known to be joined in all common cubes; else note that they will be.

    In dense clouds nearly all neighbours are, so that they need no look at their slots.
    """
    if links.lacking[i] > 0 or links.lacking[j] > 0:
        return False
    a, b = find(links.group, i), find(links.group, j)
    if a == b:
        return True
    if slots.kind[i] == slots.kind[j]:
        unite(links.group, a, b)
        return False
    entry = links.seen[(min(a, b) * 31 + max(a, b)) % links.seen.shape[0]]
    if entry[0] == min(a, b) and entry[1] == max(a, b):
        return True
    entry[0], entry[1] = min(a, b), max(a, b)
    return False


@njit(cache=True)
def _count(links: Links, point: int, slot: int, min_samples: int) -> bool:
    """Count a neighbour of a slot; tell whether the slot is core."""
    links.neighbours[slot] += 1
    if links.neighbours[slot] == min_samples:
        links.lacking[point] -= 1
    return links.neighbours[slot] >= min_samples


@njit(cache=True)
def _link(links: Links, pair: Ints, common: Ints, waiting: Shorts) -> int:
    """Take in the ``common`` slots of neighbours: join core ones, write the others to ``waiting``."""
    left = 0
    for s in range(common.shape[0]):
        a, b = common[s]
        if _count(links, pair[0], a) & _count(links, pair[1], b):
            unite(links.parent, a, b)
        else:
            waiting[left, 0], waiting[left, 1] = a, b
            left += 1
    return left


@njit(cache=True)
def _doubled(array: Shorts) -> Shorts:
    grown = np.empty((2 * array.shape[0], array.shape[1]), array.dtype)
    grown[: array.shape[0]] = array
    return grown


@njit(cache=True)
def link_neighbours(search: Search, slots: Slots, min_samples: int) -> tuple[Links, Shorts]:
    """Join the slots of all neighbours that share a cube and are both core already.

    A pair waits only while one end has fewer than ``min_samples`` neighbours, so at most
    ``min_samples - 1`` pairs wait for each slot, however dense the points are.
    """
    total = slots.start[-1]
    links = Links(np.arange(total).astype(np.int32), np.ones(total, np.int32))
    most = 1
    for i in range(slots.start.shape[0] - 1):
        most = max(most, slots.start[i + 1] - slots.start[i])
    pairs, common = np.empty((BLOCK * BLOCK, 2), np.int64), np.empty((most, 2), np.int64)
    waiting, left = np.empty((max(most, 1024), 2), np.int32), 0
    for a in range(search.tiles.shape[0]):
        for b in range(a, search.tiles.shape[0]):
            if _apart(search, slots, a, b):
                continue
            for p in range(_block_pairs(search, a, b, pairs)):
                found = _common(slots, pairs[p, 0], pairs[p, 1], common)
                if left + found > waiting.shape[0]:
                    waiting = _doubled(waiting)
                left += _link(links, common[:found], min_samples, waiting[left:])
    return links, waiting[:left]


@njit(cache=True)
def _attach(root: Shorts, least: Shorts, border: int, cluster: int) -> None:
    """Give a border slot to the cluster, unless it has one with a lesser least core point."""
    if root[border] < 0 or least[cluster] < least[root[border]]:
        root[border] = cluster


@njit(cache=True)
def settle(links: Links, waiting: Shorts, point_of: Shorts, core: int) -> tuple[Shorts, Shorts]:
    """Finish DBSCAN: root of every slot (-1 for noise) and the least core point of every root.

    A border point goes to the cluster whose least core point is least, which is the cluster that
    a scan of the points in order reaches first. ``core`` is ``min_samples``.
    """
    parent, neighbours = links
    for a, b in waiting:
        if neighbours[a] >= core and neighbours[b] >= core:
            unite(parent, a, b)
    root = np.full(parent.shape[0], -1, np.int32)
    least = np.full(parent.shape[0], np.iinfo(np.int32).max, np.int32)
    for s in range(parent.shape[0]):
        if neighbours[s] >= core:
            root[s] = find(parent, s)
            least[root[s]] = min(least[root[s]], point_of[s])
    for a, b in waiting:
        if neighbours[a] < core <= neighbours[b]:
            _attach(root, least, a, find(parent, b))
        elif neighbours[b] < core <= neighbours[a]:
            _attach(root, least, b, find(parent, a))
    return root, least


@njit(cache=True)
def expand(slots: Slots, columns: int) -> tuple[Shorts, Ints]:
    """Position of the point, and number of the cube, of every slot."""
    point = np.empty(slots.start[-1], np.int32)
    cube = np.empty(slots.start[-1], np.int64)
    s = 0
    for i in range(slots.first.shape[0]):
        for x in range(slots.first[i, 0], slots.last[i, 0] + 1):
            for y in range(slots.first[i, 1], slots.last[i, 1] + 1):
                point[s], cube[s] = i, x * columns + y
                s += 1
    return point, cube
