"""Landscapes on a grid: what they hold, their mean, and the checks on their grids."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from analysis._landscape_exact import ExactLandscape, Floats
from analysis._landscape_kernels import sample
from analysis.errors import AnalysisError

Grid: TypeAlias = Floats | tuple[float, float, int]
ORDERS = (1, 2, np.inf)


@dataclass(frozen=True, slots=True, eq=False)
class Landscape:
    """A persistence landscape on a grid.

    Attributes
    ----------
    grid : ndarray of float64, shape (g,)
        Evenly spaced filtration values.
    values : ndarray of float32, shape (levels, g)
        λ₁, λ₂, … at the grid, in the units of the filtration.
    dimension : int
        Homology dimension.
    n_bars : int
        Bars of positive length that it is of; of a mean, those of all runs.
    levels_total : int
        Levels that are not 0, of which ``values`` may hold the first few only; of a mean, the most
        that a run has.
    n_infinite : int
        Bars that never die: left out, or counted in ``n_bars`` and cut where that was asked for.
    """

    grid: Floats
    values: NDArray[np.float32]
    dimension: int
    n_bars: int
    levels_total: int
    n_infinite: int


@dataclass(frozen=True, slots=True, eq=False)
class MeanLandscape:
    """Pointwise mean of landscapes and how far they spread around it.

    Attributes
    ----------
    landscape : Landscape
        The mean.
    spread : ndarray of float32, shape (levels, g)
        Standard deviation over the runs (divisor n - 1); 0 for one run.
    n : int
        Runs.
    """

    landscape: Landscape
    spread: NDArray[np.float32]
    n: int


def mean(runs: Sequence[Landscape]) -> MeanLandscape:
    """Average landscapes pointwise; a level that a run does not have counts as 0.

    Raises
    ------
    AnalysisError
        If there are none, or their grids or dimensions differ.
    """
    if not runs:
        msg = "runs is empty: a mean needs at least one landscape"
        raise AnalysisError(msg)
    first, n = runs[0], len(runs)
    for run in runs[1:]:
        _check_alike(first, run)
    shape = max(len(run.values) for run in runs), len(first.grid)
    average = sum((_padded(run, shape[0]) for run in runs), np.zeros(shape)) / n
    squares = sum(((_padded(run, shape[0]) - average) ** 2 for run in runs), np.zeros(shape))
    joint = Landscape(
        grid=first.grid,
        values=average.astype(np.float32),
        dimension=first.dimension,
        n_bars=sum(run.n_bars for run in runs),
        levels_total=max(run.levels_total for run in runs),
        n_infinite=sum(run.n_infinite for run in runs),
    )
    return MeanLandscape(joint, np.sqrt(squares / max(n - 1, 1)).astype(np.float32), n)


def check_dimensions(a: Landscape | ExactLandscape, b: Landscape | ExactLandscape) -> None:
    """Refuse to compare different homology."""
    if a.dimension != b.dimension:
        msg = f"landscapes of dimension {a.dimension} and {b.dimension} cannot be compared"
        raise AnalysisError(msg)


def sampled(parts: Sequence[Floats], grid: Floats, levels: int) -> NDArray[np.float32]:
    """Values of the first levels of many lists of checked bars, shape (n, levels, g)."""
    values = np.zeros((len(parts), levels, len(grid)), dtype=np.float32)
    offsets = np.cumsum([0] + [len(part) for part in parts]).astype(np.int64)
    sample(np.concatenate([*parts, np.zeros((0, 2))]), offsets, grid, values)
    return values


def _padded(of: Landscape, levels: int) -> Floats:
    padded = np.zeros((levels, len(of.grid)))
    padded[: len(of.values)] = of.values
    return padded


def on_one_grid(
    a: Landscape | ExactLandscape, b: Landscape | ExactLandscape
) -> tuple[Floats, Floats, Floats]:
    """Grid of both, and their values with as many levels."""
    if isinstance(a, ExactLandscape) or isinstance(b, ExactLandscape):
        msg = "one landscape is exact and the other on a grid: make both the same way"
        raise AnalysisError(msg)
    _check_alike(a, b)
    levels = max(len(a.values), len(b.values))
    return a.grid, _padded(a, levels), _padded(b, levels)


def _check_alike(a: Landscape, b: Landscape) -> None:
    check_dimensions(a, b)
    if not np.array_equal(a.grid, b.grid):
        msg = (
            f"the landscapes lie on different grids, {len(a.grid)} values from {a.grid[0]} to "
            f"{a.grid[-1]} and {len(b.grid)} from {b.grid[0]} to {b.grid[-1]}: give both one grid"
        )
        raise AnalysisError(msg)


def checked_grid(grid: Grid) -> Floats:
    """Evenly spaced float64 values, however the grid was given."""
    if isinstance(grid, tuple):
        start, stop, num = grid
    else:
        given = np.asarray(grid, dtype=np.float64)
        if given.ndim != 1 or len(given) < 2:
            msg = f"grid must be (start, stop, num) or at least 2 values, got shape {given.shape}"
            raise AnalysisError(msg)
        start, stop, num = float(given[0]), float(given[-1]), len(given)
    if not (np.isfinite([start, stop]).all() and start < stop and num >= 2):
        msg = f"grid from {start} to {stop} with {num} values: needs start < stop and 2 values"
        raise AnalysisError(msg)
    even = np.linspace(start, stop, num)
    if not isinstance(grid, tuple) and not np.abs(given - even).max() <= 1e-6 * (even[1] - even[0]):
        msg = "grid must be evenly spaced; use numpy.linspace or (start, stop, num)"
        raise AnalysisError(msg)
    return even


def check_levels(levels: int | None) -> None:
    """Refuse fewer than one level."""
    if levels is not None and levels < 1:
        msg = f"levels={levels} must be at least 1, or None for all"
        raise AnalysisError(msg)


def check_order(order: float) -> None:
    """Refuse norms other than those that are computed exactly."""
    if order not in ORDERS:
        msg = f"order={order} is not known; choose 1, 2 or inf"
        raise AnalysisError(msg)
