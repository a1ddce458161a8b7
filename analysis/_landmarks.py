"""Greedy (max-min, furthest-point) landmarks of a point cloud or of a distance matrix."""

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(cache=True)
def _squared_distance(points: NDArray[np.float64], i: int, j: int) -> float:
    total = 0.0
    for axis in range(points.shape[1]):
        difference = points[i, axis] - points[j, axis]
        total += difference * difference
    return total


@njit(cache=True)
def _greedy_points(
    points: NDArray[np.float64], count: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Landmarks, and squared distances of all points to the nearest one."""
    nearest = np.full(len(points), np.inf)
    owner = np.zeros(len(points), np.int32)
    quarter = np.zeros(count)  # of the squared distances from the new landmark to the others
    chosen = np.empty(count, np.int64)
    new = 0
    for step in range(count):
        chosen[step] = new
        for k in range(step):
            quarter[k] = 0.25 * _squared_distance(points, new, chosen[k])
        furthest = 0
        for i in range(len(points)):
            # a point nearer to its landmark than half the way from there to the new one stays
            if quarter[owner[i]] <= nearest[i]:
                squared = _squared_distance(points, i, new)
                if squared < nearest[i]:
                    nearest[i], owner[i] = squared, step
            if nearest[i] > nearest[furthest]:
                furthest = i
        new = furthest
        if nearest[new] == 0.0:
            return chosen[: step + 1], nearest
    return chosen, nearest


def greedy_from_points(points: NDArray[np.float64], n: int) -> tuple[NDArray[np.int64], float]:
    """Landmarks of points of shape (m, d), from index 0, and their covering radius."""
    # a read-only array would be another type to numba, and compiled in the request
    chosen, squared = _greedy_points(np.require(points, requirements=["C", "W"]), n)
    return chosen, float(np.sqrt(squared.max()))


def greedy_from_matrix(distances: NDArray[np.float64], n: int) -> tuple[NDArray[np.int64], float]:
    """Landmarks of a distance matrix of shape (m, m), from index 0, and their covering radius."""
    chosen = [0]
    nearest = distances[0].copy()
    while len(chosen) < n and nearest.max() > 0.0:
        chosen.append(int(nearest.argmax()))
        np.minimum(nearest, distances[chosen[-1]], out=nearest)
    return np.array(chosen, dtype=np.int64), float(nearest.max())
