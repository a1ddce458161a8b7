"""Lenses of Mapper: functions of the points in whose values the cover lies."""

import math
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.errors import AnalysisError

Floats = NDArray[np.float64]

BLOCK = 256  # points: the distances between two blocks stay in the cache, measured
MAX_POWER = 500.0  # distances, up to 2 in the units of the blocks, to this power stay finite
DIGITS = 10  # of an eccentricity over the radius of the cloud: what is equal by symmetry stays so


def principal_axes(points: NDArray[np.floating[Any]]) -> tuple[Floats, Floats]:
    """Find the plane of largest variance through the mean.

    Parameters
    ----------
    points : ndarray of float, shape (n, d)
        The cloud; n and d at least 1.

    Returns
    -------
    mean : ndarray, shape (d,)
    axes : ndarray, shape (2, d)
        Orthonormal; the largest entry of each is positive. A zero row where d is 1.
    """
    values = np.asarray(points, dtype=np.float64)
    mean = values.mean(axis=0)
    centred = values - mean
    axes = np.linalg.eigh(centred.T @ centred)[1].T[::-1][:2]
    sizes = np.abs(axes)
    # rounding must not choose between entries of equal size: the first of them decides
    largest = np.argmax(sizes > (1 - 1e-6) * sizes.max(axis=1, keepdims=True), axis=1)
    axes = axes * np.where(axes[np.arange(len(axes)), largest] < 0, -1.0, 1.0)[:, None]
    return mean, np.pad(axes, ((0, 2 - len(axes)), (0, 0)))


def _pca(points: Floats) -> Floats:
    """First two principal coordinates."""
    mean, axes = principal_axes(points)
    plane: Floats = (points - mean) @ axes.T
    return plane


def _codensity(points: Floats, *, k: int = 15) -> Floats:
    """Distance to the k-th neighbour; one dimension."""
    from analysis.codensity import codensity

    return np.column_stack([codensity(points, k), np.zeros(len(points))])


def _squares_between(left: Floats, right: Floats, out: Floats) -> Floats:
    """Squared distances |x|² - 2⟨x, y⟩ + |y|², as one product of matrices."""
    one, other = ((each**2).sum(axis=1)[:, None] for each in (left, right))
    rows = np.hstack([-2 * left, one, np.ones_like(one)])
    columns = np.hstack([right, np.ones_like(other), other])
    squares = np.matmul(rows, columns.T, out=out[: len(left) * len(right)].reshape(len(left), -1))
    return np.maximum(squares, 0, out=squares)


def _blocks(points: Floats) -> Iterator[tuple[slice, slice, Floats]]:
    """Squared distances of all pairs, block by block, each pair of different blocks once."""
    scratch = np.empty(BLOCK * BLOCK)
    starts = range(0, len(points), BLOCK)
    for i in starts:
        rows = slice(i, i + BLOCK)
        for j in starts[i // BLOCK :]:
            columns = slice(j, j + BLOCK)
            squares = _squares_between(points[rows], points[columns], scratch)
            if i == j:
                np.fill_diagonal(squares, 0)
            yield rows, columns, squares


def _greatest(points: Floats) -> Floats:
    """Distance to the farthest point."""
    found = np.zeros(len(points))
    for rows, columns, squares in _blocks(points):
        np.maximum(found[rows], squares.max(axis=1), out=found[rows])
        np.maximum(found[columns], squares.max(axis=0), out=found[columns])
    return np.sqrt(found)


def _mean_power(points: Floats, weights: Floats, p: float) -> Floats:
    """Mean of the distances to the power p, over points that count as often as they weigh."""
    found = np.zeros(len(points))
    for rows, columns, squares in _blocks(points):
        powers = np.sqrt(squares, out=squares) if p == 1 else np.power(squares, p / 2, out=squares)
        found[rows] += powers @ weights[columns]
        if rows != columns:
            found[columns] += weights[rows] @ powers
    return np.asarray((found / weights.sum()) ** (1 / p))


def _eccentricity(points: Floats, *, p: float = 1.0) -> Floats:
    """Mean distance to all points, as a mean of order p; one dimension.

    A value is at least the point's distance from the mean of the cloud. About that mean, hence,
    cancellation in the squares costs no more than a share of 1e-8, wherever the cloud lies.
    """
    if not (1 <= p <= MAX_POWER or p == math.inf):
        msg = f"p must be from 1 to {MAX_POWER:g}, or infinity, got {p!r}"
        raise AnalysisError(msg)
    # equal points get equal values, which no order of summation could promise
    distinct, group, counts = np.unique(points, axis=0, return_inverse=True, return_counts=True)
    centred = distinct - points.mean(axis=0)
    radius = float(np.linalg.norm(centred, axis=1).max())
    if len(distinct) == 1 or radius == 0:
        return np.zeros((len(points), 2))
    unit = centred / radius
    mean = _greatest(unit) if p == math.inf else _mean_power(unit, counts.astype(np.float64), p)
    values = np.round(mean, DIGITS) * radius
    return np.column_stack([values[group], np.zeros(len(points))])


def _angle(points: Floats, *, angles: Floats | None = None) -> Floats:
    """Angle as a point of the unit circle, so that no cover cuts the circle open.

    ``angles (n,)`` in radians; by default those of the first two principal coordinates.
    """
    if angles is None:
        plane = _pca(points)
        angles = np.arctan2(plane[:, 1], plane[:, 0])
    if np.shape(angles) != (len(points),):
        msg = f"angles must have shape ({len(points)},), got {np.shape(angles)}"
        raise AnalysisError(msg)
    return np.column_stack([np.cos(angles), np.sin(angles)])


@contextmanager
def _kernels_cached() -> Iterator[None]:
    """Let numba cache what is compiled at import: without it every process compiles UMAP anew."""
    import numba

    original = numba.njit

    def cached(*args: Any, **options: Any) -> Any:
        return original(*args, **{"cache": True, **options})

    numba.njit = cached
    try:
        yield
    finally:
        numba.njit = original


def _nearest(points: Floats, k: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Find the k nearest points and their distances, each point itself first."""
    from scipy.spatial import cKDTree

    distances, indices = cKDTree(points).query(points, k=k)
    itself = np.arange(len(points))
    # a duplicate may come first: swap it with the point where that is listed, else put it in
    rows, columns = np.nonzero(indices == itself[:, None])
    indices[rows, columns] = indices[rows, 0]
    indices[:, 0] = itself
    return indices.astype(np.int32), distances.astype(np.float32)


def _umap(points: Floats, *, neighbours: int = 15, min_dist: float = 0.1, seed: int = 0) -> Floats:
    """UMAP embedding in the plane, one thread, the same for the same seed."""
    if len(points) < 8 or neighbours < 2:
        msg = f"umap needs at least 8 points and 2 neighbours, got {len(points)} and {neighbours}"
        raise AnalysisError(msg)
    k = min(neighbours, len(points) - 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about its own search index, seeds and threads
        with _kernels_cached():
            import umap
        model = umap.UMAP(
            n_neighbors=k,
            min_dist=min_dist,
            random_state=seed,
            n_jobs=1,
            precomputed_knn=_nearest(points, k),
        )
        embedding = np.asarray(model.fit_transform(points.astype(np.float32)), dtype=np.float64)
    if not np.isfinite(embedding).all():
        msg = f"umap found no finite embedding of these {len(points)} points: use another lens"
        raise AnalysisError(msg)
    return embedding


LENSES: dict[str, Callable[..., Floats]] = {
    "pca": _pca,
    "codensity": _codensity,
    "eccentricity": _eccentricity,
    "angle": _angle,
    "umap": _umap,
}


def lens_values(points: Floats, name: str, **options: Any) -> Floats:
    """Values of a lens on a cloud.

    Parameters
    ----------
    points : ndarray of float, shape (n, d)
        The cloud; finite.
    name : str
        One of ``LENSES``: ``"pca"``, the first two principal coordinates; ``"codensity"``, the
        distance to the k-th neighbour, of one dimension (the second column is zero);
        ``"eccentricity"``, the mean of order p of the distances to all n points, itself included,
        E_p(x) = (Σ_y d(x, y)^p / n)^(1/p), of one dimension too; ``"angle"``, cosine and sine of an
        angle of each point; ``"umap"``, a UMAP embedding in the plane.
    **options
        Of the lens: ``k`` for codensity (15); ``p`` for eccentricity (1), from 1 to 500 or
        infinity, the distance to the farthest point; ``angles (n,)`` in radians for angle (those in
        the plane of the first two principal coordinates); ``neighbours`` (15), ``min_dist`` (.1)
        and ``seed`` (0) for umap.

    Returns
    -------
    ndarray of float64, shape (n, 2)

    Raises
    ------
    AnalysisError
        If the points are not finite rows, or the lens or an option is not known or out of range.

    References
    ----------
    Singh, Mémoli, Carlsson (2007), Topological methods for the analysis of high dimensional data
    sets and 3D object recognition, section 4.2: eccentricity.

    McInnes, Healy, Melville (2018), UMAP: uniform manifold approximation and projection.
    """
    values = np.asarray(points, dtype=np.float64)
    if values.ndim != 2 or not np.isfinite(values).all():
        msg = f"points must be finite with shape (n, d), got shape {values.shape}"
        raise AnalysisError(msg)
    if name not in LENSES:
        msg = f"lens must be one of {sorted(LENSES)}, got {name!r}"
        raise AnalysisError(msg)
    known = LENSES[name].__kwdefaults__ or {}
    if not options.keys() <= known.keys():
        msg = f"lens {name!r} has the options {sorted(known)}, got {sorted(options)}"
        raise AnalysisError(msg)
    return LENSES[name](values, **options) if len(values) else np.zeros((0, 2))
