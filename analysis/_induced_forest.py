"""Compiled: the maximum spanning forest of many edges, and who gathers which of its edges.

Only the heaviest edges are sorted, about 2 V ln V of them; of the others, nearly all join vertices
that are joined already and are looked at once or twice.
"""

from typing import TypeAlias

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float32]
Ints: TypeAlias = NDArray[np.int64]
Shorts: TypeAlias = NDArray[np.int32]

SAMPLE = 4096
DIGIT = 11
"""Bits that one pass of the sort looks at; three passes for the bits of single precision."""


@njit(cache=True, nogil=True)
def _find(parent: Shorts, i: int) -> int:
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


@njit(cache=True, nogil=True)
def descending(weights: Floats, rows: Ints) -> Ints:
    """Rows by weight, the heaviest first, equal ones in the order given; weights are not < 0."""
    keys = np.empty(len(rows), np.uint32)
    bits = weights.view(np.uint32)
    for k in range(len(rows)):
        keys[k] = np.uint32(0x7FFFFFFF) - (bits[rows[k]] & np.uint32(0x7FFFFFFF))  # -0 is 0
    ordered, spare, spare_keys = rows.copy(), np.empty_like(rows), np.empty_like(keys)
    for step in range(3):
        shift = np.uint32(step * DIGIT)
        at = np.zeros((1 << DIGIT) + 1, np.int64)
        for key in keys:
            at[((key >> shift) & np.uint32((1 << DIGIT) - 1)) + 1] += 1
        at = np.cumsum(at)
        for k in range(len(keys)):
            digit = (keys[k] >> shift) & np.uint32((1 << DIGIT) - 1)
            spare[at[digit]], spare_keys[at[digit]] = ordered[k], keys[k]
            at[digit] += 1
        ordered, spare = spare, ordered
        keys, spare_keys = spare_keys, keys
    return ordered


@njit(cache=True, nogil=True)
def _join(edges: Shorts, rows: Ints, parent: Shorts, chosen: Ints) -> int:
    """Take the edges in their order, each that joins two components; return how many there are."""
    n = 0
    for row in rows:
        a, b = _find(parent, edges[row, 0]), _find(parent, edges[row, 1])
        if a != b:
            parent[max(a, b)] = min(a, b)
            chosen[n] = row
            n += 1
    return n


@njit(cache=True, nogil=True)
def _heaviest(weights: Floats, wanted: int) -> Ints:
    """Rows of about so many of the heaviest edges, the heaviest first; the bar is from a sample."""
    sample = np.empty(SAMPLE, np.float32)
    for k in range(SAMPLE):  # places far from even, whatever repeats in the weights
        sample[k] = weights[k * 2654435769 % len(weights)]
    sample.sort()
    bar = sample[max(0, SAMPLE - 1 - SAMPLE * wanted // len(weights))]
    n = 0
    for weight in weights:  # counted first: a plain loop runs many edges at once
        n += weight > bar
    rows, n = np.empty(n, np.int64), 0
    for row in range(len(weights)):
        if weights[row] > bar:
            rows[n] = row
            n += 1
    return descending(weights, rows)


@njit(cache=True, nogil=True)
def _best(edges: Shorts, weights: Floats, label: Shorts, rows: Ints) -> tuple[Ints, int]:
    """For every component the row of its heaviest edge to another one, -1 for none.

    Of the ``rows`` (none: all of them) those between components are moved to the front; returns how
    many there are.
    """
    best = np.full(len(label), -1, np.int64)
    top = np.full(len(label), -1, np.float32)
    n = 0
    for k in range(len(rows) if len(rows) else len(weights)):
        row = rows[k] if len(rows) else k
        a, b = label[edges[row, 0]], label[edges[row, 1]]
        if a != b:
            weight = weights[row]
            if weight > top[a]:
                top[a], best[a] = weight, row
            if weight > top[b]:
                top[b], best[b] = weight, row
            if len(rows):
                rows[n] = row
            n += 1
    return best, n


@njit(cache=True, nogil=True)
def _between(edges: Shorts, label: Shorts, most: int) -> Ints:
    """Rows of the edges between components, in their order; there are at most so many."""
    rows, n = np.empty(most, np.int64), 0
    for row in range(len(edges)):
        if label[edges[row, 0]] != label[edges[row, 1]]:
            rows[n] = row
            n += 1
    return rows[:n]


@njit(cache=True, nogil=True)
def _relabel(parent: Shorts, label: Shorts) -> None:
    for v in range(len(parent)):
        label[v] = _find(parent, v)


@njit(cache=True, nogil=True)
def forest(edges: Shorts, weights: Floats, n_vertices: int) -> Ints:
    """Rows of the maximum spanning forest, the heaviest first; of equal ones the first are taken.

    Weights are not below 0, and no NaN. Kruskal joins most vertices by the heaviest edges. Others
    have light edges only (their activations are small): each of their components then takes its
    heaviest edge, as Borůvka does, until none is left.
    """
    parent = np.arange(n_vertices).astype(np.int32)
    chosen = np.empty(max(0, min(n_vertices - 1, len(weights))), np.int64)
    few = int(2 * n_vertices * np.log(n_vertices + 1.0)) + SAMPLE
    if len(weights) <= 2 * few:
        every = descending(weights, np.arange(len(weights)))
        return chosen[: _join(edges, every, parent, chosen)]
    n = _join(edges, _heaviest(weights, few), parent, chosen)
    label, rows = np.empty_like(parent), np.empty(0, np.int64)
    while n < n_vertices - 1:
        _relabel(parent, label)
        best, left = _best(edges, weights, label, rows)
        if left == 0:
            break
        # once, in row order, so that of equal edges all components take the same
        n += _join(edges, np.unique(best[best >= 0]), parent, chosen[n:])
        if n == n_vertices - 1:
            break
        _relabel(parent, label)
        rows = rows[:left] if len(rows) else _between(edges, label, left)
        if len(rows) == 0:
            break
    return descending(weights, np.sort(chosen[:n]))


@njit(cache=True, nogil=True)
def _older(birth: Floats, a: int, b: int) -> bool:
    return birth[a] > birth[b] or (birth[a] == birth[b] and a < b)


@njit(cache=True, nogil=True)
def _survivor(death: Floats, into: Shorts, vertex: int, level: float) -> int:
    """Who is still alive below a level, of those that a component at it has become."""
    while into[vertex] >= 0 and death[vertex] == level:
        vertex = into[vertex]
    return vertex


@njit(cache=True, nogil=True)
def elder_rule(
    edges: Shorts, weights: Floats, n_vertices: int
) -> tuple[Floats, Floats, Shorts, Shorts]:
    """Births and deaths of components, where edges of a forest come the heaviest first.

    Returns, for every vertex, its birth (-1 for none), the death of the component that was born
    with it (0 if it does not die) and the vertex of the component that it goes into (-1 for none);
    and for every edge the vertex of the component that gathers it: among all that merge at one
    weight, the one that lives on.
    """
    birth = np.full(n_vertices, -1, np.float32)
    death = np.zeros(n_vertices, np.float32)
    into = np.full(n_vertices, -1, np.int32)
    parent = np.arange(n_vertices).astype(np.int32)
    owner = np.empty(len(weights), np.int32)
    for e in range(len(weights)):  # a vertex is born with its heaviest edge
        for end in edges[e]:
            birth[end] = max(birth[end], weights[e])
    for e in range(len(weights)):
        # the oldest vertex of a component is its root
        a, b = _find(parent, edges[e, 0]), _find(parent, edges[e, 1])
        if _older(birth, b, a):
            a, b = b, a
        parent[b] = into[b] = owner[e] = a
        death[b] = weights[e]
    for v in range(n_vertices):
        if into[v] >= 0:
            into[v] = _survivor(death, into, into[v], death[v])
    for e in range(len(weights)):
        owner[e] = _survivor(death, into, owner[e], weights[e])
    return birth, death, into, owner
