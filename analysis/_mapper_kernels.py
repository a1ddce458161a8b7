"""Compiled clustering of Mapper: union-find over (point, cube) pairs."""

from typing import NamedTuple

import numpy as np
from numba import njit

from analysis._mapper_search import BLOCK, Ints, Search, Shorts, block_pairs


class Slots(NamedTuple):
    """The (point, cube) pairs: point ``i`` lies in the cubes ``first[i] .. last[i]`` of each axis.

    Its pairs are numbered from ``start[i]``, row by row of that box of cubes; points in the same
    cubes are of one ``kind``. ``low`` and ``high (b, 2)`` bound the cubes of each block of points.
    """

    first: Ints
    last: Ints
    start: Ints
    kind: Ints
    low: Ints
    high: Ints


class Links(NamedTuple):
    """State of the clustering.

    For every slot, ``parent`` in the union-find and number of ``neighbours``, itself included: it
    is core if there are ``core`` of them. For every point, ``lacking``, how many of its slots are
    not core yet, and ``group``, its parent in a union-find of points that lie in the same cubes and
    are joined in all of them; ``seen`` remembers groups that are joined in their common cubes.
    """

    core: int
    parent: Shorts
    neighbours: Shorts
    lacking: Shorts
    group: Shorts
    seen: Shorts


def make_slots(first: Ints, last: Ints) -> Slots:
    """Slots of points in the order given, from the ``first`` and ``last`` (n, 2) of a cover."""
    start = np.zeros(len(first) + 1, dtype=np.int64)
    np.cumsum(np.maximum(last - first + 1, 0).prod(axis=1), out=start[1:])
    edges = np.arange(0, len(first), BLOCK)
    low, high = np.minimum.reduceat(first, edges), np.maximum.reduceat(last, edges)
    spans = np.column_stack([first, last])
    kind = spans @ (int(spans.max()) + 2) ** np.arange(4)
    return Slots(first, last, start, kind, low, high)


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
def _fresh(links: Links, slots: Slots, pairs: Ints, found: int) -> int:
    """Move the pairs not yet joined in all common cubes to the front; return how many.

    In dense clouds nearly all neighbours are joined, and need no look at their slots. Those that
    are kept and core everywhere are noted as joined: they are about to be.
    """
    lacking, group, seen, kind = links.lacking, links.group, links.seen, slots.kind
    kept = 0
    for p in range(found):
        i, j = pairs[p, 0], pairs[p, 1]
        if lacking[i] == 0 and lacking[j] == 0:
            a, b = find(group, i), find(group, j)
            a, b = min(a, b), max(a, b)
            entry = (a * 31 + b) % seen.shape[0]
            if a == b or (seen[entry, 0] == a and seen[entry, 1] == b):
                continue
            if kind[i] == kind[j]:
                group[b] = a
            else:
                seen[entry, 0], seen[entry, 1] = a, b
        pairs[kept, 0], pairs[kept, 1] = i, j
        kept += 1
    return kept


@njit(cache=True)
def _link(links: Links, slots: Slots, pairs: Ints, waiting: Shorts) -> int:
    """Join the core slots of neighbours in each common cube, write the others to ``waiting``."""
    core, parent, neighbours, lacking = links.core, links.parent, links.neighbours, links.lacking
    first, last, start = slots.first, slots.last, slots.start
    left = 0
    for p in range(pairs.shape[0]):
        i, j = pairs[p, 0], pairs[p, 1]
        low, high = max(first[i, 1], first[j, 1]), min(last[i, 1], last[j, 1])
        for x in range(max(first[i, 0], first[j, 0]), min(last[i, 0], last[j, 0]) + 1):
            a = start[i] + (x - first[i, 0]) * (last[i, 1] - first[i, 1] + 1) + low - first[i, 1]
            b = start[j] + (x - first[j, 0]) * (last[j, 1] - first[j, 1] + 1) + low - first[j, 1]
            for step in range(high - low + 1):
                s, t = a + step, b + step
                neighbours[s] += 1
                neighbours[t] += 1
                lacking[i] -= neighbours[s] == core
                lacking[j] -= neighbours[t] == core
                if neighbours[s] >= core and neighbours[t] >= core:
                    unite(parent, s, t)
                else:
                    waiting[left, 0], waiting[left, 1] = s, t
                    left += 1
    return left


@njit(cache=True)
def _with_room(array: Shorts, used: int, more: int) -> Shorts:
    """Array with room for ``more`` rows after the ``used`` ones."""
    if used + more <= array.shape[0]:
        return array
    grown = np.empty((used + more + array.shape[0] // 2, 2), array.dtype)
    grown[:used] = array[:used]
    return grown


@njit(cache=True)
def _no_links(slots: Slots, core: int) -> Links:
    """State before the first neighbour; a slot is its own, so that all are core if one will do."""
    n, total = slots.start.shape[0] - 1, slots.start[-1]
    lacking = np.zeros(n, np.int32)
    if core > 1:
        lacking[:] = slots.start[1:] - slots.start[:-1]
    return Links(
        core,
        np.arange(total).astype(np.int32),
        np.ones(total, np.int32),
        lacking,
        np.arange(n).astype(np.int32),
        np.full((65521, 2), -1, np.int32),
    )


@njit(cache=True)
def link_neighbours(search: Search, slots: Slots, core: int) -> tuple[Links, Shorts]:
    """Join the slots of all neighbours that share a cube and are both core already.

    ``core`` is ``min_samples``. A pair waits only while one end has fewer neighbours, so at most
    ``core - 1`` pairs wait for each slot, however dense the points are.
    """
    links = _no_links(slots, core)
    most = max(1, np.max(slots.start[1:] - slots.start[:-1]))
    pairs, waiting, left = np.empty((BLOCK * BLOCK, 2), np.int64), np.empty((1024, 2), np.int32), 0
    for a in range(search.tiles.shape[0]):
        for b in range(a, search.tiles.shape[0]):
            if _apart(search, slots, a, b):
                continue
            fresh = _fresh(links, slots, pairs, block_pairs(search, a, b, pairs))
            waiting = _with_room(waiting, left, fresh * most)
            left += _link(links, slots, pairs[:fresh], waiting[left:])
    return links, waiting[:left]


@njit(cache=True)
def _attach(root: Shorts, least: Shorts, border: int, cluster: int) -> None:
    """Give a border slot to the cluster, unless it has one with a lesser least core point."""
    if root[border] < 0 or least[cluster] < least[root[border]]:
        root[border] = cluster


@njit(cache=True)
def settle(links: Links, waiting: Shorts, point_of: Shorts) -> tuple[Shorts, Shorts]:
    """Finish DBSCAN: root of every slot (-1 for noise) and the least core point of every root.

    A border point goes to the cluster whose least core point is least, which is the cluster that
    a scan of the points in order reaches first.
    """
    core, parent, neighbours = links.core, links.parent, links.neighbours
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
