"""Maximum spanning tree of a dense bipartite graph, with nothing kept but the nodes."""

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(cache=True, nogil=True)
def spanning_tree(matrix: NDArray[Any]) -> NDArray[Any]:
    """Absolute weights of the edges of a maximum spanning tree, in the order in which it grows.

    Prim's algorithm from the first row on: of every node outside the heaviest edge into the tree is
    known, and the node of the heaviest of all joins. O(rows · columns) time, O(rows + columns)
    memory beside the weights.

    Parameters
    ----------
    matrix : ndarray of float32 or float64, shape (m, n)
        Finite weights; zeros are edges too.

    Returns
    -------
    ndarray, shape (m + n - 1,)
        In the type of the weights.

    References
    ----------
    R. C. Prim, "Shortest connection networks and some generalizations", Bell System Technical
    Journal 36 (1957).
    """
    m, n = matrix.shape
    found = np.empty(m + n - 1, matrix.dtype)
    rows, columns = np.arange(1, m), np.arange(n)  # of those outside
    to_row, to_column = np.full(m, -1, matrix.dtype), np.full(n, -1, matrix.dtype)
    row, column, is_row, newest = m - 1, n, True, 0
    row_at, column_at = -1, -1
    for step in range(m + n - 1):
        if is_row:
            column_at = _nearer(matrix[newest], columns[:column], to_column)
            row_at = _heaviest(rows[:row], to_row)
        else:
            row_at = _nearer(matrix[:, newest], rows[:row], to_row)
            column_at = _heaviest(columns[:column], to_column)
        over_rows = to_row[rows[row_at]] if row else matrix.dtype.type(-1)
        over_columns = to_column[columns[column_at]] if column else matrix.dtype.type(-1)
        is_row = over_rows > over_columns
        found[step] = max(over_rows, over_columns)
        if is_row:
            row -= 1
            newest, rows[row_at] = rows[row_at], rows[row]
        else:
            column -= 1
            newest, columns[column_at] = columns[column_at], columns[column]
    return found


@njit(cache=True, nogil=True, inline="always")
def _nearer(weights: Any, outside: Any, best: Any) -> int:
    """Take a new node's edges into account; say where among those outside the heaviest leads."""
    at, most = 0, -1.0
    for k in range(len(outside)):
        node = outside[k]
        best[node] = max(best[node], abs(weights[node]))
        if best[node] > most:
            at, most = k, best[node]
    return at


@njit(cache=True, nogil=True, inline="always")
def _heaviest(outside: Any, best: Any) -> int:
    at, most = 0, -1.0
    for k in range(len(outside)):
        if best[outside[k]] > most:
            at, most = k, best[outside[k]]
    return at
