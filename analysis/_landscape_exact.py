"""Bars as landscapes take them, and exact integrals of piecewise-linear functions."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis._landscape_kernels import inner_product, inner_products, trace
from analysis.errors import AnalysisError
from analysis.homology import PersistenceDiagram

Floats: TypeAlias = NDArray[np.float64]
Bars: TypeAlias = PersistenceDiagram | ArrayLike
Infinite: TypeAlias = Literal["drop"] | float
ALL = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True, eq=False)
class ExactLandscape:
    """A persistence landscape by its critical points; between them it is linear, outside 0.

    Attributes
    ----------
    points : ndarray of float64, shape (p, 2)
        Filtration value t and λ(t), level after level. Within a level t increases, and the first
        and the last value are 0.
    offsets : ndarray of int64, shape (levels + 1,)
        Level ``k``, counted from 0, is ``points[offsets[k]:offsets[k + 1]]``.
    dimension : int
        Homology dimension.
    n_bars : int
        Bars of positive length that it is of.
    levels_total : int
        Levels that are not 0; the landscape has fewer if it was asked for fewer.
    n_infinite : int
        Bars that never die: left out, or counted in ``n_bars`` and cut where that was asked for.
    """

    points: Floats
    offsets: NDArray[np.int64]
    dimension: int
    n_bars: int
    levels_total: int
    n_infinite: int

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def level(self, k: int) -> Floats:
        """Critical points of level ``k``, counted from 0, shape (m, 2); none beyond the last."""
        if k < 0:
            msg = f"k={k}: levels are counted from 0"
            raise AnalysisError(msg)
        if k >= len(self):
            return np.zeros((0, 2))
        return self.points[self.offsets[k] : self.offsets[k + 1]]

    def at(self, t: ArrayLike) -> Floats:
        """Values of all levels at the filtration values ``t (g,)``, shape (levels, g)."""
        where = np.asarray(t, dtype=np.float64)
        return np.array([_values(self.level(k), where) for k in range(len(self))]).reshape(
            len(self), len(where)
        )


def usable_bars(bars: Bars, dimension: int, infinite: Infinite) -> tuple[Floats, int]:
    """Bars of finite, positive length, shape (n, 2), and the number of infinite ones.

    Raises
    ------
    AnalysisError
        If ``bars`` is not of shape (n, 2), a birth is not finite, a bar dies before it is born, or
        ``infinite`` is neither "drop" nor a finite number at or after every birth.
    """
    pairs = _checked_pairs(bars, dimension)
    endless = np.isinf(pairs[:, 1])
    if infinite == "drop":
        pairs = pairs[~endless]
    else:
        cut = _checked_cut(infinite, pairs[endless, 0])
        pairs = np.column_stack([pairs[:, 0], np.where(endless, cut, pairs[:, 1])])
    return pairs[pairs[:, 1] > pairs[:, 0]], int(endless.sum())


def depth(pairs: Floats) -> int:
    """Levels that are not 0: the most bars alive at once."""
    births, deaths = np.sort(pairs, axis=0).T
    born = np.searchsorted(births, births, side="right")
    return int(np.max(born - np.searchsorted(deaths, births, side="right"), initial=0))


def exact_landscape(
    bars: Bars, *, dimension: int, levels: int | None, infinite: Infinite
) -> ExactLandscape:
    """Build what `landscapes.landscape` gives without a grid."""
    pairs, n_infinite = usable_bars(bars, dimension, infinite)
    points, offsets = trace(pairs, ALL if levels is None else levels)
    return ExactLandscape(points, offsets, dimension, len(pairs), depth(pairs), n_infinite)


def exact_inner(a: ExactLandscape, b: ExactLandscape) -> float:
    """Sum over all levels of the integral of the product."""
    return float(inner_product(a.points, a.offsets, b.points, b.offsets))


def exact_gram(parts: list[ExactLandscape]) -> Floats:
    """Inner products of all pairs, shape (n, n)."""
    if not parts:
        return np.zeros((0, 0))
    first_point = np.cumsum([0] + [len(part.points) for part in parts])
    first_level = np.cumsum([0] + [len(part) for part in parts]).astype(np.int64)
    starts = [part.offsets[:-1] + at for part, at in zip(parts, first_point[:-1], strict=True)]
    offsets = np.append(np.concatenate(starts), first_point[-1]).astype(np.int64)
    gram = inner_products(np.concatenate([part.points for part in parts]), offsets, first_level)
    return np.asarray(gram)


def exact_norm(a: ExactLandscape, order: float) -> float:
    """Norm over all levels; from one level to the next both ends are 0 and nothing is added."""
    return joined([size(a.points[:, 0], a.points[:, 1], order)], order)


def exact_distance(a: ExactLandscape, b: ExactLandscape, order: float) -> float:
    """Norm of the difference, level by level on the critical points of both."""
    sizes = []
    for k in range(max(len(a), len(b))):
        first, second = a.level(k), b.level(k)
        t = np.union1d(first[:, 0], second[:, 0])
        sizes.append(size(t, _values(first, t) - _values(second, t), order))
    return joined(sizes, order)


def size(t: Floats, values: Floats, order: float) -> float:
    """Exact integral of ``|f|**order`` for f linear between the values ``(..., g)`` at ``t (g,)``.

    For an infinite order, the largest ``|f|``.
    """
    if np.isinf(order):
        return float(np.abs(values).max(initial=0.0))
    left, right, widths = values[..., :-1], values[..., 1:], np.diff(t)
    if order == 2:
        return float((widths * (left * left + left * right + right * right)).sum() / 3)
    total = np.abs(left) + np.abs(right)
    # where f changes its sign it makes two triangles
    crossing = left * right < 0
    part = np.where(crossing, (left * left + right * right) / np.where(crossing, total, 1), total)
    return float((widths * part).sum() / 2)


def joined(sizes: list[float], order: float) -> float:
    """Norm over levels from the `size` of each."""
    if np.isinf(order):
        return max(sizes, default=0.0)
    return float(max(sum(sizes), 0.0) ** (1 / order))


def _values(points: Floats, t: Floats) -> Floats:
    if len(points) == 0:
        return np.zeros(len(t))
    return np.asarray(np.interp(t, points[:, 0], points[:, 1], left=0.0, right=0.0))


def _checked_pairs(bars: Bars, dimension: int) -> Floats:
    found = bars.bars(dimension) if isinstance(bars, PersistenceDiagram) else bars
    pairs = np.asarray(found, dtype=np.float64)
    if pairs.shape == (0,):
        return np.zeros((0, 2))
    if pairs.ndim != 2 or pairs.shape[1] != 2:
        msg = f"bars must have shape (n, 2), births and deaths, got {pairs.shape}"
        if pairs.shape == (2,):
            msg += "; a single bar is [[birth, death]]"
        raise AnalysisError(msg)
    if not np.isfinite(pairs[:, 0]).all() or np.isnan(pairs[:, 1]).any():
        msg = "bars hold NaN or an infinite birth; only a death may be infinite"
        raise AnalysisError(msg)
    wrong = pairs[pairs[:, 1] < pairs[:, 0]]
    if len(wrong):
        birth, death = wrong[0]
        msg = f"{len(wrong):,} of {len(pairs):,} bars die before birth, such as ({birth}, {death})"
        raise AnalysisError(msg)
    return pairs


def _checked_cut(infinite: Infinite, births: Floats) -> float:
    if isinstance(infinite, str) or not np.isfinite(infinite):
        msg = f"infinite={infinite!r}: say 'drop' or give the finite value to cut at"
        raise AnalysisError(msg)
    if np.any(births > infinite):
        msg = f"infinite={infinite} is below the birth {births.max()} of a bar that never dies"
        raise AnalysisError(msg)
    return float(infinite)
