"""Compiled nerve of Mapper: triangles, Betti numbers over Z/2, and drawing positions."""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from analysis._mapper_kernels import unite
from analysis._mapper_search import Floats, Ints

MAX_STORED = 50_000_000  # entries of reduced columns: 0.4 GB


class Rows(NamedTuple):
    """Sorted lists: list ``i`` is ``values[offsets[i]:offsets[i + 1]]``."""

    offsets: Ints
    values: Ints


@njit(cache=True)
def _mark(owners: Rows, here: Ints, place: Ints, bits: NDArray[np.uint64]) -> None:
    """Set bit ``c`` of row ``b`` for neighbours ``b, c`` of a node that meet in its points.

    ``here`` are the points, and ``place`` the row of each node, -1 for those that have none.
    """
    mask = np.empty(bits.shape[1], np.uint64)
    for point in here:
        mask[:] = 0
        nodes = owners.values[owners.offsets[point] : owners.offsets[point + 1]]
        for node in nodes:
            if place[node] >= 0:
                mask[place[node] >> 6] |= np.uint64(1) << np.uint64(place[node] & 63)
        for node in nodes:
            if place[node] >= 0:
                bits[place[node]] |= mask


@njit(cache=True)
def _unmark(bits: NDArray[np.uint64], out: Ints) -> int:
    """Write the pairs ``b < c`` whose bit is set, as far as ``out`` has room; return how many."""
    found = 0
    for b in range(bits.shape[0]):
        for w in range(b >> 6, bits.shape[1]):
            if bits[b, w] == 0:
                continue
            for k in range(64):
                c = w * 64 + k
                if c > b and (bits[b, w] >> np.uint64(k)) & np.uint64(1):
                    if found < out.shape[0]:
                        out[found, 0], out[found, 1] = b, c
                    found += 1
    return found


@njit(cache=True)
def _grown(array: Ints, size: int) -> Ints:
    """Array of triangles with room for ``size`` rows."""
    if size <= array.shape[0]:
        return array
    grown = np.empty((max(size, array.shape[0] * 3 // 2), 3), np.int64)
    grown[: array.shape[0]] = array
    return grown


@njit(cache=True)
def find_triangles(members: Rows, owners: Rows, higher: Rows, most: int) -> Ints:
    """Triples of nodes with a common point, in lexicographic order; stops beyond ``most`` of them.

    ``members`` are the points of the nodes, ``owners`` the nodes of the points, and ``higher`` the
    neighbours of each node with a higher number.
    """
    triangles, total = np.empty((1024, 3), np.int64), 0
    place = np.full(members.offsets.shape[0] - 1, -1, np.int64)
    for node in range(place.shape[0]):
        others = higher.values[higher.offsets[node] : higher.offsets[node + 1]]
        degree = others.shape[0]
        if degree < 2 or total > most:
            continue
        place[others] = np.arange(degree)
        bits = np.zeros((degree, (degree + 63) // 64), np.uint64)
        here = members.values[members.offsets[node] : members.offsets[node + 1]]
        _mark(owners, here, place, bits)
        place[others] = -1
        count = _unmark(bits, triangles[total:, 1:])
        if total + count > triangles.shape[0]:
            triangles = _grown(triangles, total + count)
            _unmark(bits, triangles[total:, 1:])
        for t in range(total, total + count):
            triangles[t, 0] = node
            triangles[t, 1], triangles[t, 2] = others[triangles[t, 1]], others[triangles[t, 2]]
        total += count
    return triangles[:total].copy()


@njit(cache=True)
def spanning_forest(n: int, edges: Ints) -> NDArray[np.bool_]:
    """Mark the edges that join two components when taken in order."""
    parent = np.arange(n).astype(np.int32)
    joins = np.zeros(edges.shape[0], np.bool_)
    for e in range(edges.shape[0]):
        joins[e] = unite(parent, edges[e, 0], edges[e, 1])
    return joins


@njit(cache=True)
def coboundary(sides: Ints, n_edges: int) -> Rows:
    """Triangles of every edge, from the three ``sides (t, 3)`` of every triangle."""
    offsets = np.zeros(n_edges + 1, np.int64)
    for side in sides.ravel():
        offsets[side + 1] += 1
    offsets = np.cumsum(offsets)
    cursor, values = offsets[:-1].copy(), np.empty(sides.size, np.int64)
    for t in range(sides.shape[0]):
        for side in sides[t]:
            values[cursor[side]] = t
            cursor[side] += 1
    return Rows(offsets, values)


@njit(cache=True)
def _symmetric_difference(a: Ints, b: Ints, out: Ints) -> int:
    """Sum over Z/2 of two sorted columns; return its length."""
    i = j = k = 0
    while i < a.shape[0] and j < b.shape[0]:
        if a[i] == b[j]:
            i, j = i + 1, j + 1
        elif a[i] < b[j]:
            out[k] = a[i]
            i, k = i + 1, k + 1
        else:
            out[k] = b[j]
            j, k = j + 1, k + 1
    for rest in (a[i:], b[j:]):
        out[k : k + rest.shape[0]] = rest
        k += rest.shape[0]
    return k


@njit(cache=True)
def _reduce(column: Ints, pivots: Ints, done: Rows) -> Ints:
    """Add reduced columns until the last entry is nobody's pivot, or nothing is left."""
    while column.shape[0] > 0 and pivots[column[-1]] >= 0:
        other = pivots[column[-1]]
        addend = done.values[done.offsets[other] : done.offsets[other + 1]]
        out = np.empty(column.shape[0] + addend.shape[0], np.int64)
        column = out[: _symmetric_difference(column, addend, out)]
    return column


@njit(cache=True)
def coboundary_rank(columns: Rows, chosen: Ints, height: int) -> int:
    """Rank over Z/2 of the ``chosen`` columns, -1 if it takes more than ``MAX_STORED`` entries.

    In lexicographic order almost every edge is the first side of the last triangle on it, so that
    its column needs no addition.
    """
    pivots = np.full(height, -1, np.int64)
    values, offsets = np.empty(1024, np.int64), np.zeros(chosen.shape[0] + 1, np.int64)
    rank = 0
    for e in chosen:
        column = columns.values[columns.offsets[e] : columns.offsets[e + 1]]
        column = _reduce(column, pivots, Rows(offsets, values))
        if column.shape[0] == 0:
            continue
        low, high = offsets[rank], offsets[rank] + column.shape[0]
        if high > MAX_STORED:
            return -1
        if high > values.shape[0]:
            grown = np.empty(max(high, values.shape[0] * 3 // 2), np.int64)
            grown[:low] = values[:low]
            values = grown
        values[low:high] = column
        pivots[column[-1]] = rank
        rank += 1
        offsets[rank] = high
    return rank


def hole_count(n: int, edges: Ints, triangles: Ints) -> int:
    """b₁ over Z/2 of a complex of ``n`` nodes, -1 if it takes more than ``MAX_STORED`` entries.

    Edges ``a < b`` in lexicographic order; all sides of the triangles are among them. The
    coboundary of an edge of a spanning forest is a sum of those of the other edges, so these alone
    are reduced: b₁ = their number - their rank.
    """
    loose = np.flatnonzero(~spanning_forest(n, edges))
    a, b, c = triangles.T
    ends = np.column_stack([a, a, b]) * n + np.column_stack([b, c, c])
    sides = np.searchsorted(edges[:, 0] * n + edges[:, 1], ends)
    rank = coboundary_rank(coboundary(sides, len(edges)), loose, len(triangles))
    return int(len(loose) - rank) if rank >= 0 else -1


@njit(cache=True)
def relax(home: Floats, radii: Floats, pairs: Ints, steps: int) -> Floats:
    """Push overlapping discs apart a little, each time drawn back towards ``home``."""
    positions = home.copy()
    for _ in range(steps):
        for i, j in pairs:
            step = positions[j] - positions[i]
            distance = np.sqrt(step[0] ** 2 + step[1] ** 2)
            overlap = radii[i] + radii[j] - distance
            if overlap > 0 and distance > 0:
                push = step * (0.25 * overlap / distance)
                positions[i] -= push
                positions[j] += push
        positions += 0.1 * (home - positions)
    return positions
