"""Covers of a lens by boxes of overlapping intervals."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.errors import AnalysisError

MAX_RESOLUTION = 10_000
Floats = NDArray[np.float64]
Ends = tuple[Floats, Floats]


@dataclass(frozen=True, slots=True, eq=False)
class Cover:
    """Which cubes each point lies in, as a range of intervals on each of the two lens axes.

    Attributes
    ----------
    first, last : ndarray of int64, shape (n, 2)
        First and last interval that holds the point; none where ``last < first``.
    shape : tuple of two int
        Number of intervals on each axis. Cube ``(x, y)`` is number ``x * shape[1] + y``.
    """

    first: NDArray[np.int64]
    last: NDArray[np.int64]
    shape: tuple[int, int]

    @property
    def counts(self) -> NDArray[np.int64]:
        """Number of cubes that hold each point, shape (n,)."""
        counts: NDArray[np.int64] = np.maximum(self.last - self.first + 1, 0).prod(axis=1)
        return counts


def lens_plane(lens: Floats, n: int) -> Floats:
    """Lens values with two columns, the second zero for a lens of one dimension.

    Raises
    ------
    AnalysisError
        If there are not ``n`` finite values of one or two dimensions.
    """
    values = np.asarray(lens, dtype=np.float64)
    values = values[:, None] if values.ndim == 1 else values
    if values.ndim != 2 or len(values) != n or values.shape[1] not in (1, 2):
        msg = f"lens must have shape ({n},), ({n}, 1) or ({n}, 2), got {np.shape(lens)}"
        raise AnalysisError(msg)
    if not np.isfinite(values).all():
        msg = "lens has NaN or infinite values: leave those points out"
        raise AnalysisError(msg)
    return values if values.shape[1] == 2 else np.column_stack([values, np.zeros(n)])


def _intervals_of(
    values: Floats, low: Floats, high: Floats
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First and last of the closed intervals, sorted at both ends, that hold each value."""
    first = np.searchsorted(high, values, side="left")
    last = np.searchsorted(low, values, side="right") - 1
    return first.astype(np.int64), last.astype(np.int64)


def _uniform_intervals(values: Floats, resolution: int, gain: float) -> Ends:
    """Cut the range into equal intervals, step by step as KeplerMapper does; return their ends.

    The order of the operations matters: another one moves ends by a rounding error, and with it
    points that lie on an end.
    """
    bottom, top = values.min(), values.max()
    if bottom == top:
        return values[:1], values[:1]
    inset = ((top - bottom) - (resolution - 1) / resolution * (top - bottom)) / 2
    radius = (top - bottom) / (2 * resolution * (1 - (1 - 1 / gain)))
    centres = np.linspace(bottom + inset, top - inset, num=resolution)
    return centres - radius, centres + radius


def _balanced_intervals(values: Floats, resolution: int, gain: float) -> Ends:
    """Cut the ranks into equal intervals and return the values at their ends.

    The point of rank i, from 0, stands at i + 1/2: `first` and `last` are the distinct values with
    a rank in the interval.
    """
    distinct, counts = np.unique(values, return_counts=True)
    above = np.cumsum(counts)
    middles, half_part = 2 * np.arange(resolution) + 1, len(values) / (2 * resolution)
    first = np.searchsorted(above - 0.5, (middles - gain) * half_part, side="left")
    last = np.searchsorted(above - counts + 0.5, (middles + gain) * half_part, side="right") - 1
    held = np.unique(np.column_stack([first, last])[first <= last], axis=0)
    return distinct[held[:, 0]], distinct[held[:, 1]]


def uniform_cover(lens: Floats, *, resolution: int = 30, gain: float = 3.0) -> Cover:
    """Cover the range of each lens axis by equal, closed intervals.

    The range is divided into ``resolution`` equal parts; each interval is ``gain`` parts long, with
    the middle of its part, so that a value lies in about ``gain`` intervals. In KeplerMapper's
    terms ``n_cubes = resolution`` and ``perc_overlap = 1 - 1 / gain`` (gain 3 is an overlap of
    2/3), and the cubes are the same. One thing differs: an axis without extent gets one interval,
    not ``resolution`` copies of it.

    Parameters
    ----------
    lens : ndarray of float64, shape (n,), (n, 1) or (n, 2)
        Finite lens values.
    resolution : int
        Intervals per axis, 1 to 10,000.
    gain : float
        Length of an interval over the distance of two centres, at least 1. At exactly 1 a value on
        the common end of two intervals may by rounding lie in none, as in KeplerMapper.

    Raises
    ------
    AnalysisError
        If a parameter is out of range or the lens is not as described.
    """
    return _cover_of(lens, resolution, gain, _uniform_intervals)


def balanced_cover(lens: Floats, *, resolution: int = 30, gain: float = 3.0) -> Cover:
    """Cover each lens axis by closed intervals that hold equally many points.

    The n values of an axis, in ascending order, are divided into ``resolution`` parts of equal
    number; each interval reaches over ``gain`` parts, with the middle of its part, and so holds
    ``gain * n / resolution`` points, up to one more or less. As in :func:`uniform_cover` those at
    either end reach beyond the values and hold fewer: the first, at a gain of 3, two parts. Only
    ranks count: the cover is the same for every increasing function of an axis.

    Equal values are never parted: they lie in every interval that one of their ranks lies in, so
    that intervals hold more points there. Intervals that hold the same points are one, and those
    that hold none are left out; the cover may thus have fewer than ``resolution`` of them, and an
    axis without extent has one.

    Each axis is balanced by itself, not the cubes. For an angle, given as cosine and sine, the
    intervals of both axes are then of equal width in the angle where angles are spread evenly
    (they are narrow near ±1), and where they crowd, intervals are narrower there and at the angles
    of the same cosine or sine, θ's mirror images -θ and π - θ.

    Parameters
    ----------
    lens : ndarray of float64, shape (n,), (n, 1) or (n, 2)
        Finite lens values.
    resolution : int
        Parts per axis, 1 to 10,000.
    gain : float
        Number of points of an interval over that of a part, at least 1. At exactly 1 a value lies
        in two intervals only where a rank of it stands on their common end.

    Raises
    ------
    AnalysisError
        If a parameter is out of range or the lens is not as described.
    """
    return _cover_of(lens, resolution, gain, _balanced_intervals)


def _cover_of(
    lens: Floats, resolution: int, gain: float, cut: Callable[[Floats, int, float], Ends]
) -> Cover:
    """Boxes of the intervals that ``cut`` makes of each axis."""
    if not 1 <= resolution <= MAX_RESOLUTION or resolution != int(resolution):
        msg = f"resolution must be a whole number from 1 to {MAX_RESOLUTION}, got {resolution!r}"
        raise AnalysisError(msg)
    if not (math.isfinite(gain) and gain >= 1):
        msg = f"gain must be a finite number of at least 1 (1: no overlap), got {gain!r}"
        raise AnalysisError(msg)
    plane = lens_plane(lens, len(lens))
    if len(plane) == 0:
        return Cover(np.zeros((0, 2), np.int64), np.zeros((0, 2), np.int64), (1, 1))
    ends = [cut(axis, int(resolution), gain) for axis in plane.T]
    spans = [_intervals_of(axis, *bounds) for axis, bounds in zip(plane.T, ends, strict=True)]
    first, last = (np.column_stack(part) for part in zip(*spans, strict=True))
    return Cover(first, last, (len(ends[0][0]), len(ends[1][0])))
