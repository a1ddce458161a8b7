"""Shortest loop through one edge of a Vietoris–Rips complex."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import dijkstra


def shortest_loop(
    condensed: NDArray[np.float64], n: int, edge: tuple[int, int]
) -> NDArray[np.int64] | None:
    """Vertices of the shortest path between the ends of an edge that avoids the edge.

    Parameters
    ----------
    condensed : ndarray of float64, shape (n (n - 1) / 2,)
        Distances, in the order of ``scipy.spatial.distance.pdist``.
    n : int
        Number of points.
    edge : tuple of int
        Two different points.

    Returns
    -------
    ndarray of int64 or None
        From one end of the edge to the other, over edges shorter than it. Where these do not
        join the ends (ties), over edges of the same length too. None if nothing joins them.
    """
    own = _condensed_index(n, *sorted(edge))
    allowed = condensed < condensed[own]
    path = _shortest_path(condensed, allowed, n, edge)
    if path is None:
        allowed = condensed <= condensed[own]
        allowed[own] = False
        path = _shortest_path(condensed, allowed, n, edge)
    return path


def _condensed_index(n: int, i: int, j: int) -> int:
    return n * i - i * (i + 1) // 2 + j - i - 1


def _shortest_path(
    condensed: NDArray[np.float64], allowed: NDArray[np.bool_], n: int, ends: tuple[int, int]
) -> NDArray[np.int64] | None:
    rows, columns = (side[allowed] for side in np.triu_indices(n, 1))
    graph = coo_matrix((condensed[allowed], (rows, columns)), shape=(n, n)).tocsr()
    start, end = ends
    _, before = dijkstra(graph, directed=False, indices=start, return_predecessors=True)
    path = [end]
    while path[-1] != start:
        if before[path[-1]] < 0:
            return None
        path.append(int(before[path[-1]]))
    return np.array(path[::-1], dtype=np.int64)
