"""Permutation tests on means in a Hilbert space, from inner products alone."""

from dataclasses import dataclass
from itertools import combinations
from math import comb
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.errors import AnalysisError

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]

TIE = 1e-9  # squared statistics closer than this, relatively, are the same but for rounding
AT_ONCE = 1 << 14


@dataclass(frozen=True, slots=True)
class PermutationTest:
    """Outcome of a permutation test on the distance of two means.

    Attributes
    ----------
    statistic : float
        Norm of the difference of the two means, in the units of the norm.
    p : float
        Share of the exchanges, the given arrangement among them, whose statistic is at least as
        large.
    n_permutations : int
        Exchanges looked at: all of them, or those drawn.
    exact : bool
        Whether all were looked at.
    smallest_p : float
        The smallest p that so many runs and exchanges can give: no effect, however large, gets
        below.
    n_first, n_second : int
        Runs on each side.
    """

    statistic: float
    p: float
    n_permutations: int
    exact: bool
    smallest_p: float
    n_first: int
    n_second: int


def paired_test(
    gram: ArrayLike, first: ArrayLike, second: ArrayLike, *, most: int = 4096, seed: int = 0
) -> PermutationTest:
    """Test two milestones of the same trainings: under the null, each run's two may be exchanged.

    The statistic is ``‖mean(first) - mean(second)‖``. Exchanging the two within every run at
    once leaves it as it is, so that p is never below 2 / 2^runs.

    Parameters
    ----------
    gram : array_like of shape (m, m)
        Inner products of all elements, for a network summed over its layers.
    first, second : array_like of int, shape (runs,)
        Rows of ``gram``; ``first[i]`` and ``second[i]`` are of the same run.
    most : int
        All 2^runs exchanges are looked at if they are at most so many (2^12 by default); otherwise
        so many are drawn, and p is (1 + b) / (1 + most) with b of them at least as extreme.
    seed : int
        Of the draw.

    Returns
    -------
    PermutationTest

    Raises
    ------
    AnalysisError
        If ``gram`` is not finite, square and symmetric, the rows are not different rows of it, or
        the sides are empty or not of the same length.

    References
    ----------
    M. Wheeler, J. Bouza, P. Bubenik, "Activation landscapes as a topological summary of neural
    network performance", IEEE Big Data (2021), arXiv:2110.10136. B. Phipson, G. K. Smyth,
    "Permutation P-values should never be zero", Stat. Appl. Genet. Mol. Biol. 9 (2010).
    """
    inner, one, other = _checked(gram, first, second, most)
    n = len(one)
    if len(other) != n:
        msg = f"first has {n} runs and second {len(other)}: paired sides are of the same runs"
        raise AnalysisError(msg)
    total = 2**n
    rng = np.random.default_rng(seed)
    if total <= most:
        signs = 1.0 - 2.0 * (np.arange(total)[:, None] >> np.arange(n) & 1)
    else:
        signs = 1.0 - 2.0 * rng.integers(0, 2, (most, n))
    weights = np.hstack([signs, -signs]) / n
    observed = np.repeat([1.0, -1.0], n) / n
    return _outcome(_part(inner, one, other), observed, weights, (total, 2, n))


def unpaired_test(
    gram: ArrayLike, first: ArrayLike, second: ArrayLike, *, most: int = 4096, seed: int = 0
) -> PermutationTest:
    """Test two groups of different networks: under the null, their labels may be exchanged.

    The statistic is that of `paired_test`. With groups of one size, exchanging them as a whole
    leaves it as it is, so that p is never below 2 over the number of divisions, else 1 over it.

    Parameters
    ----------
    gram : array_like of shape (m, m)
    first, second : array_like of int, shapes (a,) and (b,)
        Rows of ``gram``.
    most : int
        All divisions into groups of a and b are looked at if they are at most so many; otherwise so
        many are drawn, as in `paired_test`.
    seed : int
        Of the draw.

    Returns
    -------
    PermutationTest

    Raises
    ------
    AnalysisError
        As `paired_test`, but for the lengths, which may differ.
    """
    inner, one, other = _checked(gram, first, second, most)
    a, b = len(one), len(other)
    total = comb(a + b, a)
    if total <= most:
        chosen = np.array(list(combinations(range(a + b), a)), dtype=np.int64)
    else:
        order = np.tile(np.arange(a + b), (most, 1))
        chosen = np.random.default_rng(seed).permuted(order, axis=1)[:, :a]
    weights = np.full((len(chosen), a + b), -1.0 / b)
    np.put_along_axis(weights, chosen, 1.0 / a, axis=1)
    observed = np.repeat([1.0 / a, -1.0 / b], [a, b])
    return _outcome(_part(inner, one, other), observed, weights, (total, 1 + (a == b), a))


def holm(p_values: ArrayLike) -> Floats:
    """Adjust p-values of several tests so that the chance of any false finding is held.

    Parameters
    ----------
    p_values : array_like of shape (n,)

    Returns
    -------
    ndarray of float64, shape (n,)
        In the order given: the i-th smallest times n - i + 1, never less than one before it and at
        most 1.

    Raises
    ------
    AnalysisError
        If a value is not in [0, 1] or they are no list.

    References
    ----------
    S. Holm, "A simple sequentially rejective multiple test procedure", Scand. J. Stat. 6 (1979).
    """
    p = np.asarray(p_values, dtype=np.float64)
    if p.ndim != 1 or not np.all((p >= 0) & (p <= 1)):
        msg = f"p_values must be a list of numbers from 0 to 1, got {p_values!r}"
        raise AnalysisError(msg)
    order = np.argsort(p, kind="stable")
    adjusted = np.empty(len(p))
    factors = np.arange(len(p), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * factors), 1.0)
    return adjusted


def _outcome(
    inner: Floats, observed: Floats, weights: Floats, case: tuple[int, int, int]
) -> PermutationTest:
    """Compare the observed weights with exchanged ones.

    ``case``: how many exchanges there are, how many of them always tie with the observed one
    (itself counted), and the size of the first side.
    """
    total, ties, n_first = case
    exact = len(weights) == total
    squared = float(_squared(inner, observed[None])[0])
    rounding = 64 * np.finfo(np.float64).eps * float(np.abs(np.diag(inner)).max())
    bound = squared * (1 - TIE) - rounding
    extreme = sum(
        int((_squared(inner, weights[i : i + AT_ONCE]) >= bound).sum())
        for i in range(0, len(weights), AT_ONCE)
    )
    drawn = len(weights)
    smallest = ties / total if exact else max(1 / (1 + drawn), ties / total)
    return PermutationTest(
        statistic=float(np.sqrt(max(squared, 0.0))),
        p=extreme / total if exact else (1 + extreme) / (1 + drawn),
        n_permutations=drawn,
        exact=exact,
        smallest_p=smallest,
        n_first=n_first,
        n_second=inner.shape[0] - n_first,
    )


def _squared(inner: Floats, weights: Floats) -> Floats:
    """Squared norms of weighted sums of the elements, one per row of weights."""
    return np.asarray(np.einsum("ij,ij->i", weights @ inner, weights))


def _part(inner: Floats, one: Ints, other: Ints) -> Floats:
    rows = np.concatenate([one, other])
    return np.asarray(inner[np.ix_(rows, rows)])


def _checked(
    gram: ArrayLike, first: ArrayLike, second: ArrayLike, most: int
) -> tuple[Floats, Ints, Ints]:
    inner = np.asarray(gram, dtype=np.float64)
    if inner.ndim != 2 or inner.shape[0] != inner.shape[1] or not np.isfinite(inner).all():
        msg = f"gram must be a finite (m, m) matrix of inner products, got shape {inner.shape}"
        raise AnalysisError(msg)
    if not np.allclose(inner, inner.T, rtol=1e-9, atol=1e-12 * np.abs(inner).max(initial=0.0)):
        msg = "gram is not symmetric, so it holds no inner products"
        raise AnalysisError(msg)
    if most < 1:
        msg = f"most={most} must be at least 1"
        raise AnalysisError(msg)
    one, other = _rows("first", first, len(inner)), _rows("second", second, len(inner))
    if len(np.unique([*one, *other])) < len(one) + len(other):
        msg = "first and second name a row of gram twice: each element counts once"
        raise AnalysisError(msg)
    return inner, one, other


def _rows(name: str, rows: ArrayLike, m: int) -> Ints:
    array = np.asarray(rows)
    if array.ndim != 1 or len(array) == 0 or not np.issubdtype(array.dtype, np.integer):
        msg = f"{name} must be a list of at least one row number, got {rows!r}"
        raise AnalysisError(msg)
    if array.min() < 0 or array.max() >= m:
        msg = f"{name} names rows {array.min()} to {array.max()} of a gram of {m}"
        raise AnalysisError(msg)
    return array.astype(np.int64)
