"""Checked points or distance matrices, their landmarks, and the distances between these."""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.distance import pdist, squareform

from analysis._landmarks import greedy_from_matrix, greedy_from_points
from analysis.errors import AnalysisError

Metric = Literal["euclidean", "precomputed"]
Array = NDArray[np.float64]

_CHUNK = 1 << 20


def checked(points: ArrayLike, metric: Metric) -> Array:
    """Points, or a distance matrix, as a finite table of float64; float32 distances stay so.

    Raises
    ------
    AnalysisError
        If they are not that.
    """
    # rounded to single precision they are anyway, and a copy of twice the size would be the largest
    single = metric == "precomputed" and getattr(points, "dtype", None) == np.float32
    data: Array = np.asarray(points, dtype=np.float32 if single else np.float64)
    if data.ndim != 2:
        msg = f"points must be a table of shape (n, d), got shape {data.shape}"
        raise AnalysisError(msg)
    wrong = int((~np.isfinite(data)).any(axis=1).sum())
    if wrong:
        msg = f"points has NaN or infinity in {wrong} of {len(data)} rows: leave these out"
        raise AnalysisError(msg)
    if metric == "precomputed":
        _check_matrix(data)
    elif metric != "euclidean":
        msg = f'metric must be "euclidean" or "precomputed", got {metric!r}'
        raise AnalysisError(msg)
    return data


def _check_matrix(data: Array) -> None:
    if data.shape[0] != data.shape[1]:
        msg = f"precomputed distances must be a square matrix, got shape {data.shape}"
        raise AnalysisError(msg)
    if not len(data):
        return
    tolerance = 1e-6 * max(abs(data.min()), data.max())
    symmetric = all(np.abs(row[i:] - data[i:, i]).max() <= tolerance for i, row in enumerate(data))
    if not symmetric or data.min() < 0 or np.abs(data.diagonal()).max() > tolerance:
        msg = "precomputed distances must be symmetric, not negative, and zero on the diagonal"
        raise AnalysisError(msg)


def choose_landmarks(data: Array, n: int | None, metric: Metric) -> tuple[NDArray[np.int64], float]:
    """Choose at most ``n`` greedy landmarks, or all points if these are enough.

    Raises
    ------
    AnalysisError
        If ``n`` is below 1.
    """
    if n is not None and n < 1:
        msg = f"at least one landmark is needed, got {n}"
        raise AnalysisError(msg)
    if n is None or len(data) <= n:
        return np.arange(len(data), dtype=np.int64), 0.0
    return greedy_from_matrix(data, n) if metric == "precomputed" else greedy_from_points(data, n)


def condensed_distances(data: Array, chosen: NDArray[np.int64], metric: Metric) -> Array:
    """Distances between the chosen points in the order of ``pdist``, rounded to float32.

    Raises
    ------
    AnalysisError
        If a distance is too large for single precision.
    """
    everything = len(chosen) == len(data)
    if metric == "precomputed":
        matrix = data if everything else data[np.ix_(chosen, chosen)]
        condensed = squareform(matrix, checks=False).astype(np.float64, copy=False)
    else:
        condensed = pdist(data if everything else data[chosen])
    _round_to_float32(condensed)
    if len(condensed) and not np.isfinite(condensed.max()):
        msg = "distances exceed what single precision holds (3e38): scale the points"
        raise AnalysisError(msg)
    return np.asarray(condensed)


def _round_to_float32(values: NDArray[np.float64]) -> None:
    """Round in place to numbers that single precision holds, as ripser does.

    Distances that differ by rounding only become ties, so bars of no length stay out of the
    diagram and both engines see one and the same filtration.
    """
    with np.errstate(over="ignore"):  # the caller reports what is not finite
        for start in range(0, len(values), _CHUNK):
            part = values[start : start + _CHUNK]
            part[:] = part.astype(np.float32)


def enclosing_radius(condensed: NDArray[np.float64], n: int) -> float:
    """Smallest over the points of the largest distance to another point.

    From this value on the complex is a cone, so no class of dimension 1 or more is alive.
    """
    furthest = np.zeros(n)
    start = 0
    for i in range(n - 1):
        row = condensed[start : start + n - 1 - i]
        furthest[i] = max(furthest[i], row.max())
        np.maximum(furthest[i + 1 :], row, out=furthest[i + 1 :])
        start += len(row)
    return float(furthest.min())
