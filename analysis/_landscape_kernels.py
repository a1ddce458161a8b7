"""Compiled sweeps of persistence landscapes: one level after the other is peeled off the bars.

Take the bars by birth. The first level is the envelope of their tents. Where the bar (b', d') rises
out of the falling side of (b, d), with b <= b' < d < d', the smaller of the two is the tent
(b', d) again, and where (b', d') lies within (b, d) it is (b', d') itself. So what is left below
the envelope is a list of bars, still by birth, whose envelope is the second level, and so on. One
level costs one pass, and births and deaths are copied, never computed.
"""

from typing import TypeAlias

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]
Singles: TypeAlias = NDArray[np.float32]


@njit(cache=True, nogil=True)
def _fill(row: Singles, grid: Floats, bar: tuple[float, float], piece: tuple[float, float]) -> None:
    """Write the tent of a bar to the grid points of one piece of the line."""
    start, per_unit = grid[0], (len(grid) - 1) / (grid[-1] - grid[0])
    # compared before they are made integers: bars may lie far outside the grid
    low = max(np.ceil((piece[0] - start) * per_unit), 0.0)
    high = min(np.floor((piece[1] - start) * per_unit), len(grid) - 1.0)
    if low <= high:
        birth, death = bar
        for i in range(int(low), int(high) + 1):
            row[i] = max(min(grid[i] - birth, death - grid[i]), 0.0)


@njit(cache=True, nogil=True)
def _sample_level(births: Floats, deaths: Floats, grid: Floats, row: Singles) -> int:
    """Write the envelope of bars by birth to a row; leave the rest in front, return how many."""
    birth, death = births[0], deaths[0]
    left, start = 0, birth
    for j in range(1, len(births)):
        b, d = births[j], deaths[j]
        if d <= death:
            births[left], deaths[left] = b, d
            left += 1
            continue
        end = death if b >= death else 0.5 * (b + death)
        _fill(row, grid, (birth, death), (start, end))
        if b < death:
            births[left], deaths[left] = b, death
            left += 1
        birth, death, start = b, d, max(b, end)
    _fill(row, grid, (birth, death), (start, death))
    return left


@njit(cache=True, nogil=True)
def sample(bars: Floats, offsets: Ints, grid: Floats, out: Singles) -> None:
    """Sample many landscapes on an even grid.

    Parameters
    ----------
    bars : ndarray of float64, shape (n, 2)
        Of all diagrams, one after the other: those of diagram ``i`` from ``offsets[i]`` on.
    offsets : ndarray of int64, shape (diagrams + 1,)
    grid : ndarray of float64, shape (g,)
    out : ndarray of float32, shape (diagrams, levels, g)
        Zeros; receives the values.
    """
    for i in range(len(offsets) - 1):
        part = bars[offsets[i] : offsets[i + 1]]
        order = np.argsort(part[:, 0])
        births, deaths = part[order, 0], part[order, 1]
        left = len(order)
        for level in range(out.shape[1]):
            if left == 0:
                break
            left = _sample_level(births[:left], deaths[:left], grid, out[i, level])


@njit(cache=True, nogil=True)
def _put(points: Floats, used: int, x: float, y: float) -> int:
    """Append a point; one that rounding puts at the same place as the last takes its place."""
    if used > 0 and x <= points[used - 1, 0]:
        points[used - 1, 1] = y
        return used
    points[used, 0], points[used, 1] = x, y
    return used + 1


@njit(cache=True, nogil=True)
def _peak(points: Floats, used: int, birth: float, death: float) -> int:
    return _put(points, used, 0.5 * (birth + death), 0.5 * (death - birth))


@njit(cache=True, nogil=True)
def _trace_level(births: Floats, deaths: Floats, points: Floats) -> tuple[int, int]:
    """Write the envelope's critical points; leave the rest in front, return both numbers."""
    birth, death = births[0], deaths[0]
    used, left = _put(points, 0, birth, 0.0), 0
    for j in range(1, len(births)):
        b, d = births[j], deaths[j]
        if d <= death:
            births[left], deaths[left] = b, d
            left += 1
            continue
        if b >= death:
            used = _put(points, _peak(points, used, birth, death), death, 0.0)
            used = _put(points, used, b, 0.0)
        else:
            if b > birth:  # of two bars born together the longer one simply covers the other
                used = _peak(points, used, birth, death)
                used = _put(points, used, 0.5 * (b + death), 0.5 * (death - b))
            births[left], deaths[left] = b, death
            left += 1
        birth, death = b, d
    return _put(points, _peak(points, used, birth, death), death, 0.0), left


@njit(cache=True, nogil=True)
def trace(bars: Floats, most: int) -> tuple[Floats, Ints]:
    """Critical points of the first ``most`` levels.

    Parameters
    ----------
    bars : ndarray of float64, shape (n, 2)
    most : int

    Returns
    -------
    points : ndarray of float64, shape (p, 2)
        Of all levels, one after the other; those of one strictly increasing, first and last at 0.
    offsets : ndarray of int64, shape (levels + 1,)
    """
    order = np.argsort(bars[:, 0])
    births, deaths = bars[order, 0], bars[order, 1]
    offsets = np.zeros(min(most, len(order)) + 1, np.int64)
    points = np.empty((8 * len(order) + 8, 2))
    left, level, end = len(order), 0, 0
    while left > 0 and level < most:
        if len(points) < end + 3 * left + 1:  # a bar adds a peak and a valley or two ends
            grown = np.empty((2 * len(points) + 3 * left, 2))
            grown[:end] = points[:end]
            points = grown
        used, left = _trace_level(births[:left], deaths[:left], points[end:])
        end += used
        level += 1
        offsets[level] = end
    return points[:end].copy(), offsets[: level + 1].copy()


@njit(cache=True, nogil=True)
def slopes_of(points: Floats) -> Floats:
    """Slope from each point to the next, 0 where there is none (also across levels: not used)."""
    slopes = np.zeros(len(points))
    for i in range(len(points) - 1):
        width = points[i + 1, 0] - points[i, 0]
        if width > 0:
            slopes[i] = (points[i + 1, 1] - points[i, 1]) / width
    return slopes


@njit(cache=True, nogil=True)
def _product(first: Floats, rise: Floats, second: Floats, climb: Floats) -> float:
    """Integral of the product of two piecewise-linear functions that are 0 outside their points."""
    t = max(first[0, 0], second[0, 0])
    i = np.searchsorted(first[:, 0], t, side="right") - 1
    j = np.searchsorted(second[:, 0], t, side="right") - 1
    total = 0.0
    f = first[i, 1] + rise[i] * (t - first[i, 0])
    g = second[j, 1] + climb[j] * (t - second[j, 0])
    while i + 1 < len(first) and j + 1 < len(second):
        x, u = first[i + 1, 0], second[j + 1, 0]
        end = min(x, u)
        # seen from the next point, so that at the point itself it is its value, without a branch
        f_end = first[i + 1, 1] - rise[i] * (x - end)
        g_end = second[j + 1, 1] - climb[j] * (u - end)
        total += (end - t) * (f * (2 * g + g_end) + f_end * (g + 2 * g_end))
        t, f, g = end, f_end, g_end
        i += x == end
        j += u == end
    return total / 6


@njit(cache=True, nogil=True)
def inner_product(
    first: Floats, first_offsets: Ints, second: Floats, second_offsets: Ints
) -> float:
    """Inner product of two landscapes as `trace` gives them, over the levels that both have."""
    rise, climb = slopes_of(first), slopes_of(second)
    total = 0.0
    for level in range(min(len(first_offsets), len(second_offsets)) - 1):
        a, b = first_offsets[level], first_offsets[level + 1]
        c, d = second_offsets[level], second_offsets[level + 1]
        total += _product(first[a:b], rise[a:b], second[c:d], climb[c:d])
    return total


@njit(cache=True, nogil=True)
def inner_products(points: Floats, offsets: Ints, starts: Ints) -> Floats:
    """Gram matrix of landscapes that lie one after the other.

    Parameters
    ----------
    points : ndarray of float64, shape (p, 2)
        Critical points of all levels of all landscapes.
    offsets : ndarray of int64, shape (levels of all + 1,)
        Where each level starts.
    starts : ndarray of int64, shape (n + 1,)
        Which level each landscape starts with.
    """
    n = len(starts) - 1
    slopes, gram = slopes_of(points), np.zeros((n, n))
    for one in range(n):
        for other in range(one + 1):
            shared = min(starts[one + 1] - starts[one], starts[other + 1] - starts[other])
            total = 0.0
            for level in range(shared):
                a, b = offsets[starts[one] + level], offsets[starts[one] + level + 1]
                c, d = offsets[starts[other] + level], offsets[starts[other] + level + 1]
                total += _product(points[a:b], slopes[a:b], points[c:d], slopes[c:d])
            gram[one, other] = gram[other, one] = total
    return gram
