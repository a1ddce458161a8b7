"""Codensity: how sparse a cloud is around each of its points, and its densest part."""

import os
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

from analysis import _neighbours
from analysis.errors import AnalysisError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

METHODS = ("auto", "tree", "cells")
OWN_FROM = 4_000  # from here the cells take a third of the tree's time or less, measured
ROUNDING = 4 * np.finfo(np.float64).eps  # relative to a point's norm: no distance, only rounding
DEGENERATE_SHARE = 0.1  # of the k neighbours: sound real layers have .001, coarse ones .2 to 1


def k_share(n: int, share: float) -> int:
    """Neighbour count that is a share of the cloud: max(1, round(share * n)).

    Parameters
    ----------
    n : int
        Points in the cloud, after any contrast filter.
    share : float
        Share of the cloud, in (0, 1].

    Raises
    ------
    AnalysisError
        If ``share`` is not in (0, 1].
    """
    return max(1, round(_checked_share("share", share) * n))


def floor_share(n: int, share: float) -> int:
    """Return floor(share * n), where share is meant as the decimal that it is written as."""
    # the small addition keeps 0.3 * 10 points at 3 although 0.29999999999999998 is stored
    return int(np.floor(share * n * (1 + 1e-12)))


def codensity(points: ArrayLike, k: int, *, method: str = "auto") -> Floats:
    """Distance from each point to its k-th nearest neighbour, the point itself not counted.

    Parameters
    ----------
    points : array_like, shape (n, d)
        The cloud; any dimension. Identical points count as neighbours at distance 0.
    k : int
        From 1 to n - 1.
    method : {"auto", "tree", "cells"}
        "tree" is SciPy's k-d tree in double precision; "cells" is this package's scan of pruned
        cells, whose result is exact to single precision (3e-7 relative). "auto" takes the tree
        for small clouds.

    Returns
    -------
    ndarray of float64, shape (n,)
        Euclidean distances in the units of ``points``. Distances that are nothing but rounding
        in the coordinates (4 machine epsilons of the point's norm) are 0.

    Raises
    ------
    AnalysisError
        If the cloud is not a finite (n, d) array or ``k`` is out of range.

    References
    ----------
    Carlsson, Ishkhanov, de Silva, Zomorodian (2008), On the local behavior of spaces of natural
    images, IJCV 76, section 3: the density filtration ρ_k.
    """
    cloud = _checked_cloud(points)
    _check_k(k, len(cloud))
    if method not in METHODS:
        msg = f"method={method!r} is not known; choose one of {', '.join(METHODS)}"
        raise AnalysisError(msg)
    own = method == "cells" or (method == "auto" and len(cloud) >= OWN_FROM)
    size = float(np.abs(cloud).max(initial=0.0))
    scale = 2.0 ** np.frexp(size)[1] if size > 0 else 1.0  # a power of two: exact
    distance = _by_distinct_point(cloud / scale, k, own=own) * scale
    distance[distance <= ROUNDING * scale * np.linalg.norm(cloud / scale, axis=1)] = 0.0
    return distance


def densest(points: ArrayLike, k: int, fraction: float) -> Mask:
    """Mark the floor(fraction * n) points of smallest codensity, as `densest_mask` does.

    Parameters
    ----------
    points : array_like, shape (n, d)
    k : int
        Neighbour of the codensity, from 1 to n - 1.
    fraction : float
        Share to keep, in (0, 1].

    Returns
    -------
    ndarray of bool, shape (n,)

    Raises
    ------
    AnalysisError
        As `codensity` and `densest_mask`.
    """
    _checked_share("fraction", fraction)
    return densest_mask(codensity(points, k), fraction)


def densest_mask(values: ArrayLike, fraction: float) -> Mask:
    """Mark the floor(fraction * n) smallest values; among equals the lower index is kept.

    Parameters
    ----------
    values : array_like, shape (n,)
        Codensity of each point.
    fraction : float
        Share to keep, in (0, 1].

    Returns
    -------
    ndarray of bool, shape (n,)

    Raises
    ------
    AnalysisError
        If ``fraction`` is out of range or would keep no point, or a value is NaN.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or np.isnan(array).any():
        msg = f"values must be one codensity per point without NaN, got shape {array.shape}"
        raise AnalysisError(msg)
    keep = floor_share(len(array), _checked_share("fraction", fraction))
    if keep == 0:
        msg = f"fraction={fraction} of {len(array)} points keeps none; raise fraction or pool more"
        raise AnalysisError(msg)
    mask = np.zeros(len(array), np.bool_)
    mask[np.argsort(array, kind="stable")[:keep]] = True
    return mask


def duplicates(points: ArrayLike) -> Ints:
    """Count, for each point, the other points that equal it in single precision.

    Parameters
    ----------
    points : array_like, shape (n, d)

    Returns
    -------
    ndarray of int64, shape (n,)

    Raises
    ------
    AnalysisError
        If the cloud is not a finite (n, d) array.
    """
    _, group, count = _groups(_checked_cloud(points).astype(np.float32))
    return np.asarray(count[group] - 1, dtype=np.int64)


def degenerate_reason(points: ArrayLike, kept: Mask, k: int) -> str | None:
    """Say why the densest part of a cloud shows how it was stored and not its shape.

    Codensity estimates density from the k nearest neighbours. Where the weights are continuous
    no two of them are equal; where they were stored coarsely, copies of one value stand in for
    neighbours. The cloud is called degenerate when, on average over the kept points, more than
    a tenth of the k neighbours are exact copies of the point. A pooled run that is counted
    twice, one copy of each point, stays below that for k > 10.

    Parameters
    ----------
    points : array_like, shape (n, d)
        The whole cloud.
    kept : ndarray of bool, shape (n,)
        Its densest part.
    k : int
        Neighbour of the codensity.

    Returns
    -------
    str or None
        A sentence with counts, or None for a sound cloud.

    Raises
    ------
    AnalysisError
        If the cloud is not a finite (n, d) array.
    """
    copies = duplicates(points)[kept]
    if len(copies) == 0 or float(np.minimum(copies, k).mean()) <= DEGENERATE_SHARE * k:
        return None
    full, some = int((copies >= k).sum()), int((copies > 0).sum())
    return (
        f"degenerate: {full:,} of {len(copies):,} kept filters have at least k = {k:,} "
        f"exact duplicates, {some:,} have at least one"
    )


def warm() -> None:
    """Run every compiled kernel once on a small cloud, in both precisions."""
    rng = np.random.default_rng(0)
    cloud = rng.standard_normal((200, 9))
    cloud[:2] = cloud[2:4] + 1e-9  # close pairs: their codensity takes double precision
    codensity(cloud, 1, method="cells")


def _by_distinct_point(cloud: Floats, k: int, *, own: bool) -> Floats:
    """Codensity, asking once per distinct point: quantised clouds hold many equal ones."""
    first, group, count = _groups(cloud)
    found = np.zeros(len(first))
    open_groups = np.flatnonzero(count <= k)  # with more copies than that it is 0
    if len(open_groups):
        needed = _first_copies(group, count, k + 1)
        queries = np.searchsorted(needed, first[open_groups])
        found[open_groups] = _search(cloud[needed], queries, k, own=own)
    return np.asarray(found[group])


def _search(cloud: Floats, queries: Ints, k: int, *, own: bool) -> Floats:
    workers = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    if own:
        return _neighbours.kth_distance(cloud, queries, k, workers=workers or 1)
    tree = cKDTree(cloud)
    # the point itself comes first, at 0, so the k-th other point is the (k + 1)-th found
    return np.asarray(tree.query(cloud[queries], k=[k + 1], workers=workers)[0][:, 0])


def _groups(cloud: NDArray[Any]) -> tuple[Ints, Ints, Ints]:
    """First row, group of each row and size of each group of identical rows."""
    rows = np.ascontiguousarray(cloud + 0)  # + 0 makes -0 and 0 the same bits
    keys = rows.view(np.dtype((np.void, rows.itemsize * rows.shape[1]))).ravel()
    _, first, group, count = np.unique(
        keys, return_index=True, return_inverse=True, return_counts=True
    )
    return first.astype(np.int64), group.astype(np.int64), count.astype(np.int64)


def _first_copies(group: Ints, count: Ints, most: int) -> Ints:
    """Rows without the copies of a point beyond the first ``most``: no query needs more."""
    if count.max() <= most:
        return np.arange(len(group))
    order = np.argsort(group, kind="stable")
    rank = np.arange(len(group)) - np.repeat(np.cumsum(count) - count, count)
    return np.sort(order[rank < most])


def _checked_cloud(points: ArrayLike) -> Floats:
    cloud = np.ascontiguousarray(points, dtype=np.float64)
    if cloud.ndim != 2 or 0 in cloud.shape:
        msg = f"points must have shape (n, d) with n, d >= 1, got {cloud.shape}"
        raise AnalysisError(msg)
    bad = int((~np.isfinite(cloud)).any(axis=1).sum())
    if bad:
        msg = f"{bad:,} of {len(cloud):,} points hold NaN or infinity; drop them first"
        raise AnalysisError(msg)
    return cloud


def _check_k(k: int, n: int) -> None:
    if not 1 <= k <= n - 1:
        msg = f"k={k} neighbours of {n:,} points: k must be from 1 to {n - 1:,}"
        if n < 2:
            msg = f"k={k} neighbours of {n} point: codensity needs at least 2 points"
        raise AnalysisError(msg)


def _checked_share(name: str, share: float) -> float:
    if not 0 < share <= 1:
        msg = f"{name}={share} must be above 0 and at most 1 (0.1 keeps a tenth)"
        raise AnalysisError(msg)
    return share
