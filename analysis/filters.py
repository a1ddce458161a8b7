"""Convolution kernels as points: every spatial slice of a layer, centred and normalised."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.codensity import floor_share
from analysis.errors import AnalysisError

FLAT = 1e-6
"""Below this share of its largest entry, the centred norm of a slice is only rounding."""

EXTREME = 1e100


@dataclass(frozen=True, slots=True, eq=False)
class FilterCloud:
    """Spatial slices of one layer over one or more runs, as points on a sphere.

    Attributes
    ----------
    points : ndarray of float32, shape (n, h * w)
        Slices, row by row, each mean-centred and of unit norm.
    slices : ndarray, shape (n, h * w)
        The same as they are stored, in the checkpoints' own type: `normalised` gives `points`.
    origin : ndarray of int64, shape (n, 3)
        Index of the run, the output channel and the input channel (within its group).
    norms : ndarray of float64, shape (n,)
        Norm of each slice after centring: its contrast, in units of the weights.
    kernel : tuple of int
        Height and width of a slice.
    n_total : int
        Slices in the layer over all runs.
    n_degenerate : int
        Of these, constant (or zero) slices, which have no direction and are left out.
    n_nonfinite : int
        Of these, slices with NaN or infinity, which are left out.
    n_duplicates : int
        Points that equal an earlier point exactly.
    """

    points: NDArray[np.float32]
    slices: NDArray[np.generic]
    origin: NDArray[np.int64]
    norms: NDArray[np.float64]
    kernel: tuple[int, int]
    n_total: int
    n_degenerate: int
    n_nonfinite: int
    n_duplicates: int

    def __post_init__(self) -> None:
        """Check that the fields agree.

        Raises
        ------
        ValueError
            If they do not.
        """
        n, d = self.points.shape
        if self.slices.shape != (n, d):
            msg = f"slices must have the shape of points {(n, d)}, got {self.slices.shape}"
            raise ValueError(msg)
        if d != self.kernel[0] * self.kernel[1] or self.origin.shape != (n, 3):
            msg = f"points {self.points.shape}, origin {self.origin.shape}, kernel {self.kernel}"
            raise ValueError(msg)
        if self.norms.shape != (n,):
            msg = f"norms must have shape ({n},), got {self.norms.shape}"
            raise ValueError(msg)

    def __len__(self) -> int:
        return len(self.points)


def filter_cloud(
    weights: Sequence[NDArray[np.generic]],
    *,
    contrast: float = 1.0,
    draw: int | None = None,
    seed: int = 0,
) -> FilterCloud:
    """Pool the spatial slices of a layer over runs.

    Every ``W[o, i]`` is one point (Gabrielsson & Carlsson, arXiv:1810.03234): mean-centred and
    scaled to norm 1 as the patches of natural images are (Carlsson et al., IJCV 2008). The order
    is: drop slices without a direction, draw, keep the strongest.

    Parameters
    ----------
    weights : sequence of ndarray, each of shape (out, in / groups, h, w)
        One array per run; all with the same h and w.
    contrast : float
        Share of the drawn slices to keep, those with the largest centred norm; ties by position.
    draw : int, optional
        Draw at most so many slices, without replacement.
    seed : int
        Of the draw.

    Returns
    -------
    FilterCloud

    Raises
    ------
    AnalysisError
        If there is no run, an array is not 4-dimensional, kernel sizes differ, or a slice has only
        one entry.
    """
    kernel = _common_kernel(weights)
    slices = np.concatenate([w.reshape(-1, kernel[0] * kernel[1]) for w in weights])
    origin = np.concatenate([_origins(run, w.shape) for run, w in enumerate(weights)])
    finite = np.isfinite(slices).all(axis=1)
    values = np.where(finite[:, None], slices, 0).astype(np.float64)
    _, norms = normalised(values)
    flat = finite & (norms <= FLAT * np.abs(values).max(axis=1, initial=0.0))
    usable = np.flatnonzero(finite & ~flat)
    chosen = _strongest(norms, _drawn(usable, draw, seed), contrast)
    points, _ = normalised(slices[chosen])
    return FilterCloud(
        points=points,
        slices=slices[chosen],
        origin=origin[chosen],
        norms=norms[chosen],
        kernel=kernel,
        n_total=len(slices),
        n_degenerate=int(flat.sum()),
        n_nonfinite=int((~finite).sum()),
        n_duplicates=count_duplicates(points),
    )


def normalised(slices: NDArray[Any]) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Centre slices and scale them to length one.

    Parameters
    ----------
    slices : ndarray, shape (n, d)
        Finite.

    Returns
    -------
    points : ndarray of float32, shape (n, d)
        Zero where a slice has no direction.
    norms : ndarray of float64, shape (n,)
        Of the centred slices.
    """
    values = slices.astype(np.float64)
    top = np.abs(values).max(axis=1, keepdims=True, initial=0.0)
    # squares of such numbers would leave the range of floats
    scale = np.where((top > EXTREME) | (top < 1 / EXTREME), np.where(top > 0, top, 1.0), 1.0)
    values /= scale
    centred = values - values.mean(axis=1, keepdims=True)
    norms = np.linalg.norm(centred, axis=1)
    points = (centred / np.where(norms > 0, norms, 1)[:, None]).astype(np.float32)
    with np.errstate(over="ignore"):
        return points, norms * scale[:, 0]


def permuted(cloud: FilterCloud, seed: int) -> FilterCloud:
    """Permute the entries within each filter: the null model that keeps values but not patterns.

    Parameters
    ----------
    cloud : FilterCloud
        Filters; centring and norm do not change under a permutation.
    seed : int
        Of the permutations.

    Returns
    -------
    FilterCloud
        The same number of filters with the same norms.
    """
    slices = np.random.default_rng(seed).permuted(cloud.slices, axis=1)
    points, _ = normalised(slices)
    return replace(cloud, points=points, slices=slices, n_duplicates=count_duplicates(points))


def count_duplicates(points: NDArray[np.float32]) -> int:
    """Count the points (rows of an (n, d) array) that equal an earlier one, bit by bit."""
    if not len(points):
        return 0
    # adding 0 makes -0 and 0 the same bits
    rows = np.ascontiguousarray(points + np.float32(0)).view(f"V{points.shape[1] * 4}")
    return len(points) - len(np.unique(rows))


def _common_kernel(weights: Sequence[NDArray[np.generic]]) -> tuple[int, int]:
    if not weights:
        msg = "no run has this layer at this step: choose another step or other runs"
        raise AnalysisError(msg)
    for w in weights:
        if w.ndim != 4 or w.shape[2] * w.shape[3] < 2:
            msg = f"weights must have shape (out, in, h, w) with h·w of at least 2, got {w.shape}"
            raise AnalysisError(msg)
    kernels = {(w.shape[2], w.shape[3]) for w in weights}
    if len(kernels) > 1:
        msg = f"the runs have kernels of different sizes {sorted(kernels)}: choose runs of one size"
        raise AnalysisError(msg)
    (height, width) = kernels.pop()
    return int(height), int(width)


def _origins(run: int, shape: tuple[int, ...]) -> NDArray[np.int64]:
    out, into = np.indices(shape[:2]).reshape(2, -1)
    origins: NDArray[np.int64] = np.stack([np.full_like(out, run), out, into], axis=1)
    return origins


def _drawn(candidates: NDArray[np.int64], draw: int | None, seed: int) -> NDArray[np.int64]:
    if draw is None or draw >= len(candidates):
        return candidates
    chosen = np.random.default_rng(seed).choice(len(candidates), size=draw, replace=False)
    drawn: NDArray[np.int64] = candidates[np.sort(chosen)]
    return drawn


def _strongest(
    norms: NDArray[np.float64], candidates: NDArray[np.int64], share: float
) -> NDArray[np.int64]:
    count = floor_share(len(candidates), share)
    order = np.argsort(-norms[candidates], kind="stable")
    strongest: NDArray[np.int64] = np.sort(candidates[order[:count]])
    return strongest
