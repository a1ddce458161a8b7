"""Do the gradients of filters prefer directions? Histogram, and a test that knows of runs."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.errors import AnalysisError

Array = NDArray[np.float64]

MIN_RUNS = 5
"""With fewer runs no p-value: two or three that happen to agree would decide."""

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True, eq=False)
class OrientationHistogram:
    """Counts of angles in equal bins around the circle.

    Attributes
    ----------
    counts : ndarray of int64, shape (bins,)
    edges : ndarray of float64, shape (bins + 1,)
        Radians, from 0 to 2π.
    """

    counts: NDArray[np.int64]
    edges: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class OrientationTest:
    """Preference of angles for 2 or 4 directions, evenly spread.

    Attributes
    ----------
    order : int
        2 or 4: the angles were multiplied by it.
    resultant_length : float or None
        Length of the mean of exp(i · order · θ) over all filters: 0 for none, 1 if every angle is
        one of the directions. None without filters.
    phase : float or None
        The first preferred direction, radians in [0, 2π / order).
    p_value : float or None
        Chance of so long a resultant if the runs had no direction in common.
    reason : str
        Why there is no p-value; empty if there is one.
    n : int
        Filters.
    n_groups : int
        Runs.
    resamples : int
        Random rotations drawn; 0 without a p-value.
    """

    order: int
    resultant_length: float | None
    phase: float | None
    p_value: float | None
    reason: str
    n: int
    n_groups: int
    resamples: int


def orientation_histogram(angles: ArrayLike, *, bins: int = 24) -> OrientationHistogram:
    """Count angles in equal bins from 0 to 2π.

    Parameters
    ----------
    angles : array_like of shape (n,)
        Radians, of any multiple of 2π.
    bins : int

    Returns
    -------
    OrientationHistogram

    Raises
    ------
    AnalysisError
        If an angle is not finite or there is no bin.
    """
    if bins < 1:
        msg = f"bins must be at least 1, got {bins}"
        raise AnalysisError(msg)
    turns = np.mod(_checked(angles) / (2 * np.pi), 1.0)
    places = (turns * bins).astype(np.int64) % bins  # -1e-20 mod 1 rounds to 1: the first bin
    counts = np.bincount(places, minlength=bins).astype(np.int64)
    return OrientationHistogram(counts, np.linspace(0, 2 * np.pi, bins + 1))


def orientation_test(
    angles: ArrayLike,
    groups: ArrayLike,
    *,
    order: int = 4,
    resamples: int = 2000,
    seed: int = 0,
) -> OrientationTest:
    """Test whether independent runs prefer the same 2 or 4 directions.

    The statistic is the mean resultant length of ``order`` times the angles (Rayleigh's). Filters
    of one run are not independent, so its usual p-value would be far too small. Instead whole runs
    are the units: under the null hypothesis the angles of a run may have any preference but the
    direction of it is uniform and independent of the other runs, so each run is rotated by an
    independent uniform angle. The share of rotations whose resultant is as long, counting the data
    itself, is an exact p-value for that null hypothesis, whatever the dependence within runs.

    Parameters
    ----------
    angles : array_like of shape (n,)
        Radians, see `circle_models.gradient_angle`.
    groups : array_like of int, shape (n,)
        The run of each angle.
    order : int
        2: one axis (θ and θ + π). 4: two axes at right angles, such as horizontal and vertical.
    resamples : int
        Random rotations.
    seed : int
        Of the rotations.

    Returns
    -------
    OrientationTest
        Without a p-value, and with the reason, for fewer than `MIN_RUNS` runs.

    Raises
    ------
    AnalysisError
        If an angle is not finite, the lengths differ or an option is out of range.

    References
    ----------
    K. V. Mardia, P. E. Jupp, "Directional Statistics" (2000), sections 6.3.1 and 6.3.5.
    """
    theta, (runs, members) = _checked(angles), _runs(groups)
    _check_options(len(theta), len(members), order, resamples)
    sums = np.zeros(len(runs), dtype=np.complex128)
    np.add.at(sums, members, np.exp(1j * order * theta))
    total = sums.sum()
    enough = len(runs) >= MIN_RUNS
    too_few = f"the test needs at least {MIN_RUNS} runs, got {len(runs)}"
    reason = "" if enough else too_few
    return OrientationTest(
        order=order,
        resultant_length=float(abs(total) / len(theta)) if len(theta) else None,
        phase=float(np.angle(total) % (2 * np.pi)) / order if len(theta) else None,
        p_value=_p_value(sums, resamples, seed) if enough else None,
        reason=reason,
        n=len(theta),
        n_groups=len(runs),
        resamples=resamples if enough else 0,
    )


def _p_value(sums: NDArray[np.complex128], resamples: int, seed: int) -> float:
    """Share of random rotations of the runs with at least the resultant of the data."""
    rng = np.random.default_rng(seed)
    bound = abs(sums.sum()) * (1 - 1e-12)  # runs with no preference tie with the data
    rows = max(1, _CHUNK // len(sums))
    longer = 0
    for start in range(0, resamples, rows):
        shape = (min(rows, resamples - start), len(sums))
        rotated = np.exp(1j * rng.uniform(0, 2 * np.pi, shape)) @ sums
        longer += int((np.abs(rotated) >= bound).sum())
    return (1 + longer) / (1 + resamples)


def _checked(angles: ArrayLike) -> Array:
    theta = np.asarray(angles, dtype=np.float64)
    if theta.ndim != 1 or not np.isfinite(theta).all():
        msg = f"angles must be a list of finite numbers, got shape {theta.shape}"
        raise AnalysisError(msg)
    return theta


def _runs(groups: ArrayLike) -> tuple[NDArray[np.generic], NDArray[np.int64]]:
    runs, members = np.unique(np.asarray(groups), return_inverse=True)
    return runs, members.astype(np.int64)


def _check_options(n: int, n_members: int, order: int, resamples: int) -> None:
    if n != n_members:
        msg = f"{n} angles but {n_members} groups: give the run of every angle"
        raise AnalysisError(msg)
    if order not in {2, 4}:
        msg = f"order must be 2 or 4, got {order}"
        raise AnalysisError(msg)
    if resamples < 1:
        msg = f"resamples must be at least 1, got {resamples}"
        raise AnalysisError(msg)
