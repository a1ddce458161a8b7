"""`analysis.landscapes` against persim, GUDHI, sorted tents, closed forms and known properties."""

import gudhi
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from persim import PersLandscapeExact

from analysis import codec, landscapes
from analysis.errors import AnalysisError
from analysis.homology import vietoris_rips
from analysis.landscapes import bars_norm, distance, gram, inner, landscape, mean, norm

ORDERS = (1, 2, np.inf)
GRID = (-0.5, 3.0, 701)
FINE = np.linspace(-1, 8, 90_001)


def random_bars(n, seed):
    rng = np.random.default_rng(seed)
    births = rng.random(n)
    return np.column_stack([births, births + rng.exponential(0.4, n) + 1e-3])


def sorted_tents(bars, t):
    """The definition: at every t, the tents in descending order."""
    bars = np.asarray(bars, dtype=float).reshape(-1, 2)
    tents = np.maximum(np.minimum(t[:, None] - bars[:, 0], bars[:, 1] - t[:, None]), 0)
    return np.sort(tents, axis=1)[:, ::-1].T


def persim_exact(bars):
    return PersLandscapeExact(dgms=[bars.copy()], hom_deg=0)


def whole_bars(most=8):
    """Few births and deaths, so that bars share ends, repeat, touch and lie within each other."""
    pair = st.tuples(st.integers(0, 5), st.integers(1, 4)).map(lambda p: (p[0], p[0] + p[1]))
    return st.lists(pair, max_size=most).map(lambda rows: np.array(rows, float).reshape(-1, 2))


def any_bars():
    value = st.floats(0, 1, allow_subnormal=False)
    pair = st.tuples(value, value).map(sorted)
    return st.lists(pair, max_size=8).map(lambda rows: np.array(rows, float).reshape(-1, 2))


# the definition, and other people's code


@given(whole_bars())
def test_the_exact_landscape_is_the_sorted_tents_however_bars_tie(bars):
    found = landscape(bars)
    t = np.arange(0, 9.01, 0.25)
    expected = sorted_tents(bars, t)
    np.testing.assert_allclose(found.at(t), expected[: len(found)], rtol=0, atol=1e-14)
    assert not expected[len(found) :].any()
    assert found.levels_total == len(found) == int(expected.any(axis=1).sum())


@given(whole_bars())
def test_the_grid_has_the_same_values(bars):
    found = landscape(bars, grid=(0.0, 9.0, 37))
    expected = sorted_tents(bars, np.linspace(0, 9, 37))[: found.levels_total]
    np.testing.assert_allclose(found.values, expected, rtol=0, atol=1e-6)


@given(whole_bars())
def test_critical_points_are_strictly_increasing_and_end_at_zero(bars):
    found = landscape(bars)
    for k in range(len(found)):
        t, values = found.level(k).T
        assert np.all(np.diff(t) > 0)
        assert values[0] == values[-1] == 0
        np.testing.assert_allclose(np.abs(np.diff(values) / np.diff(t)) % 1, 0, atol=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_exact_equals_persim(seed):
    bars = random_bars(25, seed)
    found, theirs = landscape(bars), persim_exact(bars)
    pairs = [np.array(level, float) for level in theirs.critical_pairs]
    t = np.random.default_rng(seed).uniform(-0.2, 4, 2000)
    expected = np.array([np.interp(t, *level.T, left=0, right=0) for level in pairs])
    assert len(found) == len(pairs)
    np.testing.assert_allclose(found.at(t), expected, rtol=0, atol=1e-9)
    for order in (1, 2):
        assert norm(found, order) == pytest.approx(theirs.p_norm(order), rel=1e-9)
    assert norm(found, np.inf) == pytest.approx(theirs.sup_norm(), rel=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_exact_distances_equal_those_of_persim(seed):
    one, other = random_bars(20, seed), random_bars(14, seed + 100)
    difference = persim_exact(one) - persim_exact(other)
    a, b = landscape(one), landscape(other)
    # its own p_norm cancels on pieces that are flat but for rounding, as those of differences are;
    # Simpson's rule is exact for squares of linear pieces
    squared = 0.0
    for level in difference.critical_pairs:
        t, values = np.array(level, float).T
        middle = (values[1:] + values[:-1]) / 2
        squared += (np.diff(t) * (values[1:] ** 2 + 4 * middle**2 + values[:-1] ** 2)).sum() / 6
    assert distance(a, b, 2) == pytest.approx(np.sqrt(squared), rel=1e-9)
    assert distance(a, b, np.inf) == pytest.approx(difference.sup_norm(), rel=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_sampled_equals_gudhi(seed):
    from gudhi.representations import Landscape as Theirs

    diagrams = [random_bars(n, seed) for n in (1, 30, 200)]
    start, stop, num = GRID
    theirs = Theirs(num_landscapes=40, resolution=num, sample_range=[start, stop])
    theirs.keep_endpoints = True
    expected = theirs.fit_transform(diagrams).reshape(3, 40, num) / np.sqrt(2)
    found = landscapes.landscapes(diagrams, GRID, 40)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6 * expected.max())


@given(st.integers(0, 10_000), st.integers(0, 60))
@settings(max_examples=40)
def test_sampled_equals_exact_at_the_grid(seed, n):
    bars = random_bars(n, seed)
    exact, sampled = landscape(bars), landscape(bars, grid=GRID)
    assert sampled.values.shape == (exact.levels_total, 701)
    scale = norm(exact, np.inf)
    np.testing.assert_allclose(sampled.values, exact.at(sampled.grid), rtol=0, atol=1e-6 * scale)


def test_many_at_once_are_each_alone():
    diagrams = [random_bars(n, n) for n in (5, 0, 1, 12)]
    together = landscapes.landscapes(diagrams, GRID, 6)
    for bars, values in zip(diagrams, together, strict=True):
        alone = landscape(bars, grid=GRID, levels=6).values
        np.testing.assert_array_equal(values[: len(alone)], alone)
        assert not values[len(alone) :].any()


def test_bars_far_outside_the_grid_do_no_harm():
    bars = np.array([[-1e200, 1e200], [1e30, 2e30], [-5.0, -4.0], [0.2, 0.6]])
    values = landscape(bars, grid=(0.0, 1.0, 11)).values
    np.testing.assert_allclose(values[1, [0, 3, 4, 5, 10]], [0, 0.1, 0.2, 0.1, 0], atol=1e-6)


# closed forms


@pytest.mark.parametrize(("birth", "death"), [(0.0, 2.0), (-1.5, 0.25), (3.0, 3.5)])
def test_the_norm_of_one_bar_is_that_of_a_tent(birth, death):
    length = death - birth
    found = landscape([[birth, death]])
    expected = [[birth, 0], [birth + length / 2, length / 2], [death, 0]]
    np.testing.assert_allclose(found.level(0), expected, atol=1e-15)
    assert (len(found), found.n_bars) == (1, 1)
    wanted = {1: length**2 / 4, 2: np.sqrt(length**3 / 12), np.inf: length / 2}
    for order, value in wanted.items():
        assert norm(found, order) == pytest.approx(value, rel=1e-14)
        assert bars_norm([[birth, death]], order) == pytest.approx(value, rel=1e-14)


def test_two_crossing_bars_by_hand():
    found = landscape([[1, 4], [0, 3]])
    np.testing.assert_allclose(found.level(0), [[0, 0], [1.5, 1.5], [2, 1], [2.5, 1.5], [4, 0]])
    np.testing.assert_allclose(found.level(1), [[1, 0], [2, 1], [3, 0]])
    assert found.level(2).shape == (0, 2)


def test_bars_of_nothing():
    exact, sampled = landscape([]), landscape(np.zeros((0, 2)), grid=(0, 1, 5))
    assert (len(exact), exact.n_bars, exact.levels_total) == (0, 0, 0)
    assert sampled.values.shape == (0, 5)
    for order in ORDERS:
        assert norm(exact, order) == norm(sampled, order) == bars_norm([], order) == 0
    one = landscape([[0, 2]])
    assert inner(exact, one) == 0
    assert distance(exact, one) == pytest.approx(norm(one))
    assert landscapes.landscapes([], (0, 1, 5), 3).shape == (0, 3, 5)
    assert gram([]).shape == (0, 0)
    np.testing.assert_array_equal(gram([[], [[0, 2]]]), [[0, 0], [0, gram([[[0, 2]]])[0, 0]]])


@pytest.mark.parametrize("order", ORDERS)
@given(bars=st.one_of(any_bars(), whole_bars()))
def test_the_norm_comes_straight_from_the_lengths(order, bars):
    assert norm(landscape(bars), order) == pytest.approx(bars_norm(bars, order), rel=1e-9)


@pytest.mark.parametrize("order", ORDERS)
def test_integrals_equal_those_of_a_very_fine_grid(order):
    one, other = random_bars(9, 1), random_bars(13, 2)
    f, g = sorted_tents(one, FINE), sorted_tents(other, FINE)
    g[: len(f)] -= f
    expected = np.abs(g).max()
    if order < np.inf:
        expected = ((np.abs(g) ** order).sum() * (FINE[1] - FINE[0])) ** (1 / order)
    assert distance(landscape(one), landscape(other), order) == pytest.approx(expected, rel=1e-4)


def test_a_difference_that_changes_its_sign_between_points():
    a = landscape([[0.0, 4.0]], grid=(0.0, 4.0, 3))  # 0, 2, 0
    b = landscape([[-2.0, 4.0]], grid=(0.0, 4.0, 3))  # 2, 2, 0
    c = landscape([[-2.0, 3.0]], grid=(0.0, 4.0, 3))  # 2, 1, 0; from b: 0, 1, 0
    assert distance(a, b, 1) == pytest.approx(2)
    assert distance(b, c, 1) == pytest.approx(2)
    assert distance(a, c, 1) == pytest.approx((4 + 1) / (2 + 1) + 1)  # -2 to 1, then 1 to 0
    assert distance(a, c, 2) ** 2 == pytest.approx(2 * (4 - 2 + 1) / 3 + 2 / 3)
    assert distance(a, c, np.inf) == 2


# the geometry of the space


@given(any_bars(), any_bars())
def test_landscapes_are_no_further_apart_than_diagrams(one, other):
    apart = distance(landscape(one), landscape(other), np.inf)
    assert apart <= gudhi.bottleneck_distance(one, other) + 1e-9


@pytest.mark.parametrize("order", ORDERS)
@given(bars=st.tuples(any_bars(), any_bars(), any_bars()))
def test_distances_are_distances(order, bars):
    a, b, c = (landscape(each) for each in bars)
    assert distance(a, a, order) == 0
    assert distance(a, b, order) == distance(b, a, order)
    assert distance(a, c, order) <= distance(a, b, order) + distance(b, c, order) + 1e-9


@given(any_bars(), st.randoms())
def test_the_order_of_the_bars_does_not_matter(bars, random):
    order = list(range(len(bars)))
    random.shuffle(order)
    np.testing.assert_array_equal(landscape(bars).points, landscape(bars[order]).points)


@given(any_bars(), any_bars())
def test_the_inner_product_belongs_to_the_norm(one, other):
    a, b = landscape(one), landscape(other)
    assert inner(a, a) == pytest.approx(norm(a) ** 2, rel=1e-9, abs=1e-15)
    assert inner(a, b) == pytest.approx(inner(b, a), rel=1e-9, abs=1e-15)
    squared = inner(a, a) + inner(b, b) - 2 * inner(a, b)
    assert distance(a, b) ** 2 == pytest.approx(squared, rel=1e-9, abs=1e-13)


def test_the_same_holds_on_a_grid_and_comes_near_the_exact():
    one, other = random_bars(30, 5), random_bars(20, 6)
    a, b = (landscape(each, grid=(0, 6, 3001)) for each in (one, other))
    exact = landscape(one), landscape(other)
    squared = inner(a, a) + inner(b, b) - 2 * inner(a, b)
    assert distance(a, b) ** 2 == pytest.approx(squared, rel=1e-9)
    assert norm(a) ** 2 == pytest.approx(inner(a, a), rel=1e-12)
    assert inner(a, b) == pytest.approx(inner(*exact), rel=1e-4)
    for order in ORDERS:
        assert distance(a, b, order) == pytest.approx(distance(*exact, order), abs=2e-3)


def test_the_gram_matrix_holds_the_inner_products():
    diagrams = [random_bars(n, n) for n in (40, 1, 0, 17, 60)]
    found = gram(diagrams)
    exact = [landscape(bars) for bars in diagrams]
    np.testing.assert_allclose(found, [[inner(a, b) for b in exact] for a in exact], rtol=1e-12)
    np.testing.assert_array_equal(found, found.T)
    np.testing.assert_allclose(np.diag(found), [bars_norm(bars) ** 2 for bars in diagrams])
    first = gram(diagrams, levels=1)
    np.testing.assert_allclose(
        first[0, 3], inner(*(landscape(diagrams[i], levels=1) for i in (0, 3)))
    )
    assert first[0, 0] < found[0, 0]


# options


def test_diagrams_of_points_give_the_landscape_of_their_dimension():
    angle = 2 * np.pi * np.arange(20) / 20
    diagram = vietoris_rips(np.column_stack([np.cos(angle), np.sin(angle)]))
    found = landscape(diagram)
    np.testing.assert_allclose(found.points[[0, -1], 0], diagram.bars(1)[0])
    components = landscape(diagram, dimension=0)
    assert (components.n_bars, components.n_infinite) == (19, 1)
    assert components.dimension == 0


def test_infinite_bars_are_counted_and_left_out_or_cut():
    bars = [[0, np.inf], [1, 2]]
    dropped, cut = landscape(bars), landscape(bars, infinite=4.0)
    assert (dropped.n_bars, dropped.n_infinite, dropped.levels_total) == (1, 1, 1)
    assert (cut.n_bars, cut.n_infinite, cut.levels_total) == (2, 1, 2)
    np.testing.assert_array_equal(cut.points, landscape([[0, 4], [1, 2]]).points)
    assert bars_norm(bars, np.inf, infinite=4) == 2
    assert landscape(bars, grid=(0, 4, 5), infinite=4.0).values[0, 2] == 2


def test_levels_that_are_left_out_are_counted():
    bars = random_bars(50, 3)
    for found in (landscape(bars, levels=3), landscape(bars, levels=3, grid=GRID)):
        assert found.levels_total == landscape(bars).levels_total > 3
    assert len(landscape(bars, levels=3)) == 3
    assert landscape(bars, levels=3, grid=GRID).values.shape[0] == 3
    assert len(landscape(bars, levels=999)) == landscape(bars).levels_total


def test_bars_of_no_length_add_nothing():
    assert landscape([[1, 1], [0, 2]]).n_bars == 1
    assert landscape([[0, 2]]).levels_total == landscape([[1, 1], [0, 2]]).levels_total == 1


def test_a_common_grid_spans_all_bars():
    grid = landscapes.common_grid([[[0.5, 2]], [], [[1, 7], [0, np.inf]]], 15)
    np.testing.assert_allclose(grid, np.linspace(0.5, 7, 15))
    np.testing.assert_allclose(landscapes.common_grid([[]], 3), [0, 0.5, 1])


def test_a_landscape_is_stored_and_read_again():
    runs = [landscape(random_bars(5, seed), grid=GRID) for seed in range(3)]
    for part in (landscape(random_bars(5, 0)), runs[0], mean(runs)):
        again = codec.decode(codec.encode(part, {}), type(part)).result
        assert codec.encode(again, {}) == codec.encode(part, {})


# means


def test_the_mean_is_that_of_levels_padded_with_zeros():
    diagrams = [random_bars(n, n) for n in (3, 12, 30)]
    found = mean([landscape(bars, grid=GRID) for bars in diagrams])
    levels = max(landscape(bars).levels_total for bars in diagrams)
    padded = landscapes.landscapes(diagrams, GRID, levels).astype(float)
    np.testing.assert_allclose(found.landscape.values, padded.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(found.spread, padded.std(axis=0, ddof=1), atol=1e-6)
    assert (found.n, found.landscape.n_bars, found.landscape.levels_total) == (3, 45, levels)


def test_the_mean_of_one_is_itself_without_spread():
    one = landscape(random_bars(9, 0), grid=GRID)
    found = mean([one])
    np.testing.assert_array_equal(found.landscape.values, one.values)
    assert not found.spread.any()


# bad input


@pytest.mark.parametrize(
    ("bars", "words"),
    [
        ([[0, np.nan]], "NaN"),
        ([[np.nan, 1]], "NaN"),
        ([[-np.inf, 1]], "infinite birth"),
        ([[0, 1], [3, 2]], "1 of 2 bars die before birth"),
        ([0, 1], r"a single bar is \[\[birth, death\]\]"),
        ([[0, 1, 2]], r"shape \(n, 2\)"),
        (np.zeros((2, 2, 2)), r"shape \(n, 2\)"),
    ],
)
def test_bars_that_are_none_are_refused(bars, words):
    uses = (
        landscape,
        bars_norm,
        lambda bad: gram([[[0, 1]], bad]),
        lambda bad: landscapes.landscapes([[[0, 1]], bad], GRID, 2),
    )
    for use in uses:
        with pytest.raises(AnalysisError, match=words):
            use(bars)


@pytest.mark.parametrize(
    ("grid", "words"),
    [
        ((1.0, 0.0, 5), "start < stop"),
        ((0.0, 1.0, 1), "2 values"),
        ((0.0, np.inf, 5), "start < stop"),
        (np.array([0.0, 1.0, 3.0]), "evenly spaced"),
        (np.array([0.0, np.nan, 2.0]), "evenly spaced"),
        (np.array([1.0]), "at least 2 values"),
        (np.zeros((2, 2)), "at least 2 values"),
    ],
)
def test_grids_that_are_none_are_refused(grid, words):
    with pytest.raises(AnalysisError, match=words):
        landscape([[0, 1]], grid=grid)


def test_options_out_of_range_are_refused():
    with pytest.raises(AnalysisError, match="levels=0"):
        landscape([[0, 1]], levels=0)
    with pytest.raises(AnalysisError, match=r"below the birth 1\.0"):
        landscape([[1, np.inf]], infinite=0.5)
    for value in (np.inf, np.nan, "cut"):
        with pytest.raises(AnalysisError, match="infinite="):
            landscape([[1, np.inf]], infinite=value)
    for call in (norm, lambda a, order: distance(a, a, order)):
        with pytest.raises(AnalysisError, match="order=3"):
            call(landscape([[0, 1]]), 3)
    with pytest.raises(AnalysisError, match="counted from 0"):
        landscape([[0, 1]]).level(-1)


def test_landscapes_that_cannot_be_compared_are_refused():
    exact = landscape([[0, 1]])
    sampled = landscape([[0, 1]], grid=(0, 1, 5))
    with pytest.raises(AnalysisError, match="one landscape is exact"):
        distance(exact, sampled)
    with pytest.raises(AnalysisError, match="different grids"):
        inner(sampled, landscape([[0, 1]], grid=(0, 2, 5)))
    with pytest.raises(AnalysisError, match="dimension 1 and 0"):
        inner(exact, landscape([[0, 1]], dimension=0))
    with pytest.raises(AnalysisError, match="dimension 1 and 0"):
        mean([sampled, landscape([[0, 1]], grid=(0, 1, 5), dimension=0)])
    with pytest.raises(AnalysisError, match="at least one"):
        mean([])
