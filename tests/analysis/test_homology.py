"""`analysis.homology` against ripser, GUDHI and giotto-tda, and on spaces with known homology."""

import importlib
import warnings

import gudhi
import numpy as np
import pytest
from persim import bottleneck
from ripser import ripser
from scipy.spatial.distance import pdist, squareform

from analysis import codec, homology
from analysis._landmarks import _greedy_points
from analysis.circle_models import klein_bottle
from analysis.errors import AnalysisError
from analysis.homology import (
    birth_cycle,
    greedy_landmarks,
    largest_gap,
    loop_strength,
    standing_out,
    vietoris_rips,
)


def circle(n, noise=0.0, seed=0):
    rng = np.random.default_rng(seed)
    angles = 2 * np.pi * np.arange(n) / n
    return np.stack([np.cos(angles), np.sin(angles)], axis=1) + rng.normal(0, noise, (n, 2))


def torus(n, seed=0):
    rng = np.random.default_rng(seed)
    u, v = rng.uniform(0, 2 * np.pi, (2, 20 * n))
    ring = 2 + np.cos(v)
    cloud = np.stack([ring * np.cos(u), ring * np.sin(u), np.sin(v)], axis=1)
    return cloud[greedy_landmarks(cloud, n)[0]]


def sphere(n, seed=0):
    cloud = np.random.default_rng(seed).normal(size=(20 * n, 3))
    cloud /= np.linalg.norm(cloud, axis=1, keepdims=True)
    return cloud[greedy_landmarks(cloud, n)[0]]


def ripser_bars(matrix, maxdim, threshold=np.inf, coeff=2):
    found = ripser(matrix, maxdim, threshold, coeff, distance_matrix=True)["dgms"]
    return [np.asarray(bars, dtype=float).reshape(-1, 2) for bars in found]


def in_order(bars):
    return bars[np.lexsort(bars.T)]


def random_matrix(seed):
    """Clouds, grids with ties and duplicates, quotients with zero blocks, plain dissimilarities."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 26))
    if seed % 5 == 0:
        return squareform(pdist(rng.normal(size=(n, 3))))
    if seed % 5 == 1:
        return squareform(pdist(rng.integers(0, 3, size=(n, 2)).astype(float)))
    matrix = np.triu(rng.random((n, n)), 1)
    if seed % 5 == 2:
        matrix = np.triu(rng.integers(0, 4, size=(n, n)).astype(float), 1)
    matrix = matrix + matrix.T
    if seed % 5 == 3:
        outside = rng.random(n) < 0.4
        matrix[np.ix_(outside, outside)] = 0  # as for homology relative to a sphere
    return matrix


# against other implementations


@pytest.mark.parametrize("share", [1.0, 0.4])
def test_bars_of_a_matrix_are_exactly_those_of_ripser(share):
    for seed in range(60):
        matrix = random_matrix(seed)
        threshold = None if share == 1 else float(np.quantile(matrix, share))
        ours = vietoris_rips(matrix, max_dimension=2, threshold=threshold, metric="precomputed")
        theirs = ripser_bars(matrix, 2, np.inf if threshold is None else threshold)
        for dimension in range(3):
            assert np.array_equal(in_order(ours.bars(dimension)), in_order(theirs[dimension])), seed


def test_bars_of_points_are_those_of_ripser():
    points = np.random.default_rng(3).normal(size=(150, 3))
    ours = vietoris_rips(points)
    theirs = ripser(points)["dgms"]
    for dimension in (0, 1):
        mine, other = in_order(ours.bars(dimension)), in_order(theirs[dimension])
        np.testing.assert_allclose(mine, other, rtol=1e-6)
    finite = [ours.bars(1), theirs[1]]
    assert bottleneck(*finite) < 1e-6


@pytest.mark.parametrize("field", [2, 3, 5])
def test_other_fields_are_those_of_ripser(field):
    matrix = squareform(pdist(np.random.default_rng(1).normal(size=(40, 3))))
    ours = vietoris_rips(matrix, max_dimension=2, field=field, metric="precomputed")
    for dimension, theirs in enumerate(ripser_bars(matrix, 2, coeff=field)):
        assert np.array_equal(in_order(ours.bars(dimension)), in_order(theirs))


def test_bars_are_those_of_gudhi():
    points = np.random.default_rng(5).normal(size=(60, 3))
    tree = gudhi.RipsComplex(points=points).create_simplex_tree(max_dimension=3)
    tree.compute_persistence(homology_coeff_field=2, min_persistence=1e-7)
    ours = vietoris_rips(points, max_dimension=2)
    for dimension in range(3):
        theirs = tree.persistence_intervals_in_dimension(dimension)
        np.testing.assert_allclose(in_order(ours.bars(dimension)), in_order(theirs), rtol=1e-6)


def test_bars_are_those_of_giotto_tda():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        gtda = importlib.import_module("gtda.homology")
        points = np.random.default_rng(6).normal(size=(60, 3))
        found = gtda.VietorisRipsPersistence(homology_dimensions=(0, 1)).fit_transform(
            points[None]
        )[0]
    ours = vietoris_rips(points)
    for dimension in (0, 1):
        theirs = found[(found[:, 2] == dimension) & (found[:, 1] > found[:, 0]), :2]
        mine = ours.bars(dimension)
        mine = mine[np.isfinite(mine[:, 1])]  # giotto-tda leaves one infinite bar out
        np.testing.assert_allclose(in_order(mine), in_order(theirs), rtol=1e-6)


def test_landmarks_are_those_of_ripser():
    points = np.random.default_rng(2).normal(size=(300, 4))
    theirs = ripser(points, n_perm=40)
    ours = vietoris_rips(points, landmarks=40)
    assert ours.landmarks.tolist() == theirs["idx_perm"].tolist()
    assert ours.covering_radius == pytest.approx(theirs["r_cover"])
    np.testing.assert_allclose(in_order(ours.bars(1)), in_order(theirs["dgms"][1]), rtol=1e-6)


# the order and the meaning of the fields


def test_bars_come_by_dimension_and_length():
    diagram = vietoris_rips(np.random.default_rng(0).normal(size=(80, 3)), max_dimension=2)
    assert np.all(np.diff(diagram.dimensions) >= 0)
    for dimension in range(3):
        assert np.all(np.diff(diagram.lengths(dimension)[1:]) <= 0)
    assert np.isinf(diagram.lengths(0)[0])
    assert np.isfinite(diagram.pairs[1:]).all()


def test_birth_edges_have_the_length_of_the_birth():
    points = np.random.default_rng(0).normal(size=(120, 3))
    diagram = vietoris_rips(points, landmarks=70)
    chosen = points[diagram.landmarks]
    one = diagram.dimensions == 1
    ends = diagram.birth_edges[one]
    lengths = np.linalg.norm(chosen[ends[:, 0]] - chosen[ends[:, 1]], axis=1)
    np.testing.assert_allclose(lengths, diagram.bars(1)[:, 0], rtol=1e-6)
    assert np.all(diagram.birth_edges[~one] == -1)


def test_cocycles_are_cocycles_that_do_not_vanish_on_the_birth_cycle():
    points = circle(30, 0.05)
    diagram = vietoris_rips(points, field=3, cocycles=True)
    loop = birth_cycle(points, vietoris_rips(points), 0).tolist()
    cocycle = diagram.cocycle(1, 0)
    value = {(int(a), int(b)): int(c) for a, b, c in cocycle}
    value |= {(b, a): -c for (a, b), c in value.items()}
    around = zip(loop, [*loop[1:], loop[0]], strict=True)
    assert sum(value.get(edge, 0) for edge in around) % 3 != 0
    assert np.array_equal(in_order(diagram.bars(1)), in_order(vietoris_rips(points).bars(1)))


def test_a_diagram_survives_the_store():
    diagram = vietoris_rips(circle(20), cocycles=True)
    back = codec.decode(codec.encode(diagram, {}), homology.PersistenceDiagram).result
    assert np.array_equal(back.pairs, diagram.pairs)
    assert np.array_equal(back.cocycle(1, 0), diagram.cocycle(1, 0))
    assert back.n_points == 20


def test_a_threshold_leaves_bars_open():
    points = circle(40)
    cut = vietoris_rips(points, threshold=1.0)
    assert cut.bars(1)[0, 1] == np.inf
    assert loop_strength(cut) is None
    two = np.concatenate([points, points + 10])
    assert np.isinf(vietoris_rips(two, threshold=1.0).lengths(0)).sum() == 2


# spaces with known homology


def test_a_circle_has_one_loop_of_the_known_length():
    diagram = vietoris_rips(circle(60))
    (bar,) = diagram.bars(1)
    assert bar == pytest.approx([2 * np.sin(np.pi / 60), np.sqrt(3)], rel=1e-6)
    assert loop_strength(diagram) is None
    assert loop_strength(vietoris_rips(circle(300, 0.05))) > 5


def test_two_clusters_are_two_components():
    rng = np.random.default_rng(0)
    cloud = np.concatenate([rng.normal(0, 0.1, (50, 2)), rng.normal(5, 0.1, (50, 2))])
    lengths = vietoris_rips(cloud).lengths(0)
    assert np.isinf(lengths[0])
    assert lengths[1] > 5
    assert lengths[2] < 1


def test_a_figure_eight_has_two_loops():
    eight = np.concatenate([circle(80), circle(80) + np.array([2, 0])])
    lengths = vietoris_rips(eight).lengths(1)
    assert lengths[1] > 1.2
    assert len(lengths) == 2 or lengths[2] < 0.3


def test_a_sphere_has_a_cavity_and_no_loop():
    diagram = vietoris_rips(sphere(120), max_dimension=2)
    cavities = diagram.lengths(2)
    assert cavities[0] > 3 * cavities[1:].max(initial=0)
    assert cavities[0] > 2 * diagram.lengths(1)[0]


def test_a_torus_has_two_loops_and_a_cavity():
    diagram = vietoris_rips(torus(300), max_dimension=2)
    loops, cavities = diagram.lengths(1), diagram.lengths(2)
    assert loops[1] > 2 * loops[2]
    assert cavities[0] > 2 * cavities[1:].max(initial=0)


def test_the_klein_bottle_has_two_loops_over_z2_and_one_over_z3():
    cloud = klein_bottle(3000)
    even = vietoris_rips(cloud, landmarks=250).lengths(1)
    odd = vietoris_rips(cloud, landmarks=250, field=3).lengths(1)
    assert even[1] > 3 * even[2]
    assert odd[0] > 3 * odd[1]


# small and bad input


def test_no_points_have_no_bars():
    diagram = vietoris_rips(np.zeros((0, 9)))
    assert diagram.pairs.shape == (0, 2)
    assert diagram.n_points == 0
    assert loop_strength(diagram) is None
    assert len(vietoris_rips(np.zeros((0, 0)), metric="precomputed").pairs) == 0


@pytest.mark.parametrize("points", [np.zeros((1, 9)), np.ones((7, 3))])
def test_one_point_is_one_component(points):
    for options in ({}, {"field": 3}, {"cocycles": True}, {"landmarks": 1}):
        diagram = vietoris_rips(points, max_dimension=2, **options)
        assert diagram.pairs.tolist() == [[0, np.inf]]
        assert diagram.covering_radius == 0


def test_duplicates_change_nothing():
    points = circle(30, 0.1)
    twice = np.concatenate([points, points])
    once = vietoris_rips(points)
    again = vietoris_rips(twice)
    for dimension in (0, 1):
        assert np.array_equal(once.bars(dimension), again.bars(dimension))
    few = vietoris_rips(twice, landmarks=45)
    assert len(few.landmarks) == 30
    assert few.covering_radius == 0
    assert np.array_equal(in_order(few.bars(1)), in_order(once.bars(1)))


@pytest.mark.parametrize(
    ("points", "options", "message"),
    [
        (np.array([[0.0, np.nan], [1, 1]]), {}, "NaN or infinity in 1 of 2 rows"),
        (np.array([[0.0, np.inf], [1, 1]]), {}, "NaN or infinity"),
        (np.zeros(5), {}, "shape \\(n, d\\)"),
        (np.zeros((5, 2)), {"max_dimension": 3}, "max_dimension must be 0, 1 or 2"),
        (np.zeros((5, 2)), {"landmarks": 0}, "at least one landmark"),
        (np.zeros((5, 2)), {"field": 4}, "prime"),
        (np.zeros((5, 2)), {"field": 1}, "prime"),
        (np.zeros((5, 2)), {"threshold": -1.0}, "threshold"),
        (np.zeros((5, 2)), {"threshold": np.nan}, "threshold"),
        (np.zeros((5, 2)), {"metric": "cosine"}, "metric"),
        (np.array([[0.0], [1e39]]), {}, "single precision"),
        (np.zeros((5, 2)), {"metric": "precomputed"}, "square"),
        (np.array([[0.0, 1], [2, 0]]), {"metric": "precomputed"}, "symmetric"),
        (np.array([[0.0, -1], [-1, 0]]), {"metric": "precomputed"}, "not negative"),
        (np.eye(2), {"metric": "precomputed"}, "zero on the diagonal"),
    ],
)
def test_bad_input_is_refused(points, options, message):
    with pytest.raises(AnalysisError, match=message):
        vietoris_rips(points, **options)


# landmarks


def brute_force_landmarks(points, n):
    matrix = squareform(pdist(points))
    chosen = [0]
    while len(chosen) < n:
        chosen.append(int(matrix[chosen].min(axis=0).argmax()))
    return chosen, matrix[chosen].min(axis=0).max()


@pytest.mark.parametrize("shape", [(50, 1), (200, 9), (2500, 3)])
def test_landmarks_are_those_of_the_definition(shape):
    points = np.random.default_rng(0).normal(size=shape)
    indices, radius = greedy_landmarks(points, 30)
    expected, covering = brute_force_landmarks(points, 30)
    assert indices.tolist() == expected
    assert radius == pytest.approx(covering)
    matrix = squareform(pdist(points))
    by_matrix = vietoris_rips(matrix, landmarks=30, metric="precomputed", max_dimension=0)
    assert by_matrix.landmarks.tolist() == expected
    assert by_matrix.covering_radius == pytest.approx(covering)


def test_few_points_are_all_landmarks():
    indices, radius = greedy_landmarks(circle(10), 1000)
    assert indices.tolist() == list(range(10))
    assert radius == 0


def test_warm_leaves_nothing_to_compile():
    homology.warm()
    compiled = len(_greedy_points.signatures)
    vietoris_rips(circle(30).astype(np.float32), landmarks=10)
    stored = circle(30)
    stored.flags.writeable = False
    vietoris_rips(stored, landmarks=10)
    vietoris_rips(np.asfortranarray(circle(30)), landmarks=10)
    assert len(_greedy_points.signatures) == compiled == 1


# the cycle of a bar


def winding_number(points):
    angles = np.arctan2(points[:, 1], points[:, 0])
    turns = np.diff(np.append(angles, angles[0]))
    return round(float(((turns + np.pi) % (2 * np.pi) - np.pi).sum() / (2 * np.pi)))


@pytest.mark.parametrize("seed", range(5))
def test_the_cycle_goes_round_a_noisy_circle(seed):
    points = circle(400, 0.1, seed)
    diagram = vietoris_rips(points, landmarks=150)
    cycle = birth_cycle(points, diagram, 0)
    assert abs(winding_number(points[cycle])) == 1
    edges = np.linalg.norm(points[cycle] - points[np.roll(cycle, -1)], axis=1)
    birth = diagram.bars(1)[0, 0]
    assert edges[-1] == pytest.approx(birth, rel=1e-6)
    assert np.all(edges[:-1] < birth)


def test_the_cycle_of_a_square_uses_its_equal_sides():
    square = np.array([[0.0, 0], [1, 0], [1, 1], [0, 1], [0, 0]])
    for points, metric in ((square, "euclidean"), (squareform(pdist(square)), "precomputed")):
        cycle = birth_cycle(points, vietoris_rips(points, metric=metric), 0, metric=metric)
        corners = square[cycle]
        steps = np.abs(corners - np.roll(corners, -1, axis=0)).sum(axis=1)
        assert steps.max() == pytest.approx(1)
        assert len(np.unique(corners, axis=0)) == 4


def test_a_cycle_needs_its_bar_and_its_points():
    points = circle(30, 0.05)
    diagram = vietoris_rips(points)
    with pytest.raises(AnalysisError, match="no bar 99"):
        birth_cycle(points, diagram, 99)
    with pytest.raises(AnalysisError, match="is of 30 points"):
        birth_cycle(points[:10], diagram, 0)
    with pytest.raises(AnalysisError, match="field=2"):
        birth_cycle(points, vietoris_rips(points, field=3), 0)
    with pytest.raises(AnalysisError, match="cocycles=True"):
        diagram.cocycle(1, 0)


def test_a_diagram_checks_its_fields():
    diagram = vietoris_rips(circle(10))
    with pytest.raises(ValueError, match="born before"):
        homology.PersistenceDiagram(
            pairs=diagram.pairs[:, ::-1],
            dimensions=diagram.dimensions,
            landmarks=diagram.landmarks,
            covering_radius=0.0,
            n_points=10,
            birth_edges=diagram.birth_edges,
        )


@pytest.mark.parametrize(
    ("lengths", "count", "gap"),
    [
        ([8.0, 7.0, 2.0, 1.5], 2, 3.5),
        ([9.0, 1.0], 1, 9.0),
        ([4.0, 2.0, 1.0], 1, 2.0),  # of equal gaps the first
        ([1.0, 1.0, 1.0], 1, 1.0),
        ([3.0], 0, 1.0),
        ([], 0, 1.0),
        ([np.inf, 2.0, 1.0], 0, 1.0),  # cut off: how long it is nobody knows
    ],
)
def test_the_largest_gap_is_between_successive_lengths(lengths, count, gap):
    found = largest_gap(np.array(lengths))
    assert found == (count, pytest.approx(gap))
    assert [type(each) for each in found] == [int, float]


def test_gaps_are_looked_for_after_the_first_bars_only():
    lengths = np.array([8.0, 7.0, 6.0, 5.0, 0.5, 0.001])
    assert largest_gap(lengths) == (5, pytest.approx(500))
    assert largest_gap(lengths, most=4) == (4, pytest.approx(10))
    assert largest_gap(lengths, most=3) == (3, pytest.approx(6 / 5))
    assert largest_gap(lengths.astype("f4"), most=1) == (1, pytest.approx(8 / 7))


def test_loops_that_stand_out_are_those_before_the_gap():
    angles = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    ring = np.column_stack([np.cos(angles), np.sin(angles)])
    diagram = vietoris_rips(np.concatenate([ring, 0.7 * ring + [5, 0], 0.15 * ring[::4] + [0, 5]]))
    count, gap = standing_out(diagram)
    lengths = diagram.lengths(1)
    assert (count, gap) == largest_gap(lengths)
    assert (len(lengths), count) == (3, 2)
    assert gap == pytest.approx(lengths[1] / lengths[2])
    assert standing_out(vietoris_rips(ring)) == (0, 1.0), "one bar has no next"
