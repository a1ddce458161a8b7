"""`analysis.permutation` against plain loops over vectors, SciPy, and cases worked by hand."""

from itertools import combinations, product
from math import comb

import numpy as np
import pytest
from scipy import stats

from analysis.errors import AnalysisError
from analysis.permutation import holm, paired_test, unpaired_test


def vectors(n, seed, *, shift=0.0, size=6):
    rng = np.random.default_rng(seed)
    cloud = rng.normal(size=(n, size))
    cloud[: n // 2, 0] += shift
    return cloud


def far(one, other):
    return np.linalg.norm(one.mean(axis=0) - other.mean(axis=0))


def at_least(values, observed):
    return np.mean(np.asarray(values) >= observed * (1 - 1e-9))


def paired_by_loop(one, other):
    found = []
    for flips in product([False, True], repeat=len(one)):
        flip = np.array(flips)[:, None]
        found.append(far(np.where(flip, other, one), np.where(flip, one, other)))
    return at_least(found, far(one, other))


def unpaired_by_loop(one, other):
    both = np.concatenate([one, other])
    found = []
    for chosen in combinations(range(len(both)), len(one)):
        mask = np.isin(np.arange(len(both)), chosen)
        found.append(far(both[mask], both[~mask]))
    return at_least(found, far(one, other))


# other ways to the same number


@pytest.mark.parametrize("n", [1, 2, 5, 8])
@pytest.mark.parametrize("shift", [0.0, 1.5])
def test_the_exact_paired_test_is_the_loop_over_all_exchanges(n, shift):
    cloud = vectors(2 * n, n, shift=shift)
    found = paired_test(cloud @ cloud.T, np.arange(n), np.arange(n, 2 * n))
    assert found.p == pytest.approx(paired_by_loop(cloud[:n], cloud[n:]), rel=1e-12)
    assert found.statistic == pytest.approx(far(cloud[:n], cloud[n:]), rel=1e-9)
    assert (found.exact, found.n_permutations) == (True, 2**n)
    assert (found.n_first, found.n_second) == (n, n)


@pytest.mark.parametrize(("a", "b"), [(1, 1), (3, 4), (4, 4), (2, 7), (5, 1)])
@pytest.mark.parametrize("shift", [0.0, 1.5])
def test_the_exact_unpaired_test_is_the_loop_over_all_divisions(a, b, shift):
    cloud = vectors(a + b, 10 * a + b, shift=shift)
    found = unpaired_test(cloud @ cloud.T, np.arange(a), np.arange(a, a + b))
    assert found.p == pytest.approx(unpaired_by_loop(cloud[:a], cloud[a:]), rel=1e-12)
    assert found.statistic == pytest.approx(far(cloud[:a], cloud[a:]), rel=1e-9)
    assert (found.exact, found.n_permutations) == (True, comb(a + b, a))
    assert (found.n_first, found.n_second) == (a, b)


@pytest.mark.parametrize(
    ("test", "kind"), [(paired_test, "samples"), (unpaired_test, "independent")]
)
@pytest.mark.parametrize("seed", range(3))
def test_scipy_finds_the_same(test, kind, seed):
    cloud = vectors(12, seed, shift=0.8)
    sides = np.arange(6), np.arange(6, 12)
    theirs = stats.permutation_test(
        sides,
        lambda x, y: far(cloud[x.astype(int)], cloud[y.astype(int)]),
        permutation_type=kind,
        vectorized=False,
        n_resamples=np.inf,
        alternative="greater",
    )
    found = test(cloud @ cloud.T, *sides)
    assert found.p == pytest.approx(theirs.pvalue, rel=1e-12)
    assert found.statistic == pytest.approx(theirs.statistic, rel=1e-9)


@pytest.mark.parametrize("test", [paired_test, unpaired_test])
def test_a_draw_comes_near_the_exact_and_follows_its_seed(test):
    cloud = vectors(20, 3, shift=0.9)
    gram, sides = cloud @ cloud.T, (np.arange(10), np.arange(10, 20))
    exact = test(gram, *sides, most=10**6)
    drawn = test(gram, *sides, most=900)
    assert exact.exact
    assert (drawn.exact, drawn.n_permutations) == (False, 900)
    assert drawn.p * 901 == pytest.approx(round(drawn.p * 901))  # (1 + b) / (1 + m)
    assert abs(drawn.p - exact.p) < 5 * np.sqrt(exact.p * (1 - exact.p) / 900) + 1 / 901
    assert drawn == test(gram, *sides, most=900)
    assert drawn.p != test(gram, *sides, most=900, seed=1).p


@pytest.mark.parametrize("test", [paired_test, unpaired_test])
def test_rows_may_stand_anywhere_in_the_matrix(test):
    cloud = vectors(10, 4, shift=1.0)
    where = np.random.default_rng(0).permutation(14)[:10]
    spread = np.full((14, 6), 99.0)
    spread[where] = cloud
    found = test(spread @ spread.T, where[:5], where[5:])
    plain = test(cloud @ cloud.T, np.arange(5), np.arange(5, 10))
    assert found.p == plain.p
    assert found.statistic == pytest.approx(plain.statistic, rel=1e-9)


# by hand


def test_three_runs_that_all_grow_reach_the_smallest_p():
    values = np.array([0.0, 1.0, 2.0, 5.0, 7.0, 9.0])  # each run by 5, 6 and 7
    found = paired_test(np.outer(values, values), [0, 1, 2], [3, 4, 5])
    assert found.statistic == pytest.approx(6)
    # of the sums ±5 ±6 ±7 only 18 and -18 are as far from 0
    assert found.p == found.smallest_p == 2 / 8


def test_two_groups_of_three_that_do_not_overlap():
    values = np.array([0.0, 1.0, 2.0, 5.0, 7.0, 9.0])
    found = unpaired_test(np.outer(values, values), [0, 1, 2], [3, 4, 5])
    assert found.p == found.smallest_p == 2 / 20
    lone = unpaired_test(np.outer(values, values), [5], [0, 1, 2])
    assert lone.p == lone.smallest_p == 1 / 4


def test_ties_count_in_spite_of_rounding():
    # all steps are 0.1, not exactly: every sum of signs but for ±4 is smaller, those two tie
    values = np.concatenate([np.arange(4) / 3, np.arange(4) / 3 + 0.1])
    found = paired_test(np.outer(values, values), range(4), range(4, 8))
    assert found.p == 2 / 16
    same = np.array([0.1, 0.7, 0.1, 0.7]) * 3
    assert unpaired_test(np.outer(same, same), [0, 1], [2, 3]).p == 1


@pytest.mark.parametrize("test", [paired_test, unpaired_test])
def test_sides_that_are_equal_have_p_one(test):
    cloud = np.tile(vectors(5, 0), (2, 1))
    for gram in (cloud @ cloud.T, np.zeros((10, 10))):
        found = test(gram, range(5), range(5, 10))
        assert found.statistic == pytest.approx(0, abs=1e-7)
    assert found.p == 1
    assert paired_test(cloud @ cloud.T, range(5), range(5, 10)).p == 1


def test_the_smallest_p_is_what_so_many_runs_and_exchanges_can_give():
    cloud = np.outer(np.repeat([0.0, 1.0], 20), np.ones(3))
    gram = cloud @ cloud.T
    for n in (1, 4, 12):
        found = paired_test(gram, range(n), range(20, 20 + n))
        assert found.p == found.smallest_p == 2 / 2**n
    drawn = paired_test(gram, range(20), range(20, 40), most=500)
    assert drawn.p == drawn.smallest_p == 1 / 501
    assert paired_test(gram, range(10), range(20, 30), most=1023).smallest_p == 2 / 1024
    assert unpaired_test(gram, range(20), range(20, 40), most=500).smallest_p == 1 / 501
    assert unpaired_test(gram, range(3), range(20, 25)).smallest_p == 1 / comb(8, 3)


# under the null and beside it


@pytest.mark.parametrize("test", [paired_test, unpaired_test])
@pytest.mark.parametrize("most", [4096, 99])
def test_p_is_uniform_where_nothing_differs(test, most):
    p = []
    for seed in range(400):
        cloud = vectors(16, 1000 + seed)
        p.append(test(cloud @ cloud.T, range(8), range(8, 16), most=most, seed=seed).p)
    # the bound is the Kolmogorov-Smirnov distance that uniform p exceed once in a thousand
    steps = np.linspace(0, 1, 101)
    assert np.max(np.abs([np.mean(np.array(p) <= x) - x for x in steps])) < 1.95 / np.sqrt(400)
    assert np.mean(np.array(p) <= 0.05) < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 400)


def test_pairing_sees_what_differences_between_runs_hide():
    rng = np.random.default_rng(0)
    runs = 10 * rng.normal(size=(8, 5))
    cloud = np.concatenate([runs, runs + 0.5 + 0.1 * rng.normal(size=(8, 5))])
    sides = range(8), range(8, 16)
    assert paired_test(cloud @ cloud.T, *sides).p == 2 / 256
    assert unpaired_test(cloud @ cloud.T, *sides, most=20_000).p > 0.2


# Holm


def test_holm_by_hand():
    # sorted .005 .01 .03 .04 times 4 3 2 1 is .02 .03 .06 .04, and the last may not fall
    np.testing.assert_allclose(holm([0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02])


def test_holm_lies_between_none_and_bonferroni():
    p = np.random.default_rng(0).random(30)
    adjusted = holm(p)
    assert np.all(adjusted >= p)
    assert np.all(adjusted <= np.minimum(30 * p, 1))
    np.testing.assert_array_equal(np.argsort(p), np.lexsort((p, adjusted)))
    assert adjusted[np.argmin(p)] == pytest.approx(min(30 * p.min(), 1))


def test_holm_of_one_and_of_none():
    np.testing.assert_array_equal(holm([0.2]), [0.2])
    assert holm([]).shape == (0,)


@pytest.mark.parametrize("p", [[0.1, np.nan], [-0.1], [1.1], [[0.1]], 0.1])
def test_what_is_no_p_is_refused(p):
    with pytest.raises(AnalysisError, match="p_values must be"):
        holm(p)


# bad input


@pytest.mark.parametrize("test", [paired_test, unpaired_test])
@pytest.mark.parametrize(
    ("gram", "first", "second", "words"),
    [
        (np.zeros((4, 3)), [0], [1], "shape"),
        (np.zeros(4), [0], [1], "shape"),
        (np.diag([np.nan, 1, 1, 1]), [0], [1], "finite"),
        (np.triu(np.ones((4, 4))), [0], [1], "symmetric"),
        (np.eye(4), [], [1], "first must be"),
        (np.eye(4), [0], [], "second must be"),
        (np.eye(4), [0.5], [1], "first must be"),
        (np.eye(4), [0], [4], "second names rows 4 to 4"),
        (np.eye(4), [-1], [1], "first names rows -1"),
        (np.eye(4), [0, 1], [1, 2], "twice"),
        (np.eye(4), [0, 0], [1, 2], "twice"),
    ],
)
def test_matrices_and_rows_that_are_none_are_refused(test, gram, first, second, words):
    with pytest.raises(AnalysisError, match=words):
        test(gram, first, second)


def test_options_out_of_range_are_refused():
    with pytest.raises(AnalysisError, match="2 runs and second 1"):
        paired_test(np.eye(4), [0, 1], [2])
    with pytest.raises(AnalysisError, match="most=0"):
        paired_test(np.eye(4), [0], [1], most=0)
