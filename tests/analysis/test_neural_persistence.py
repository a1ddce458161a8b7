"""`analysis.neural_persistence` against union-find, GUDHI, and layers worked by hand."""

import tracemalloc

import gudhi
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array
from scipy.sparse.csgraph import minimum_spanning_tree

from analysis.errors import AnalysisError
from analysis.neural_persistence import (
    largest_weight,
    neural_persistence,
    persistence_of,
    spanning_weights,
    warm,
)


def layer(n_out, n_in, seed):
    return np.random.default_rng(seed).normal(size=(n_out, n_in))


def by_union_find(weights, scale, order):
    """Kruskal by falling weight; each union ends a component that was born at 1."""
    matrix = np.abs(weights) / scale
    parent = list(range(sum(matrix.shape)))

    def root(i):
        while parent[i] != i:
            i = parent[i]
        return i

    bars = []
    for edge in np.argsort(-matrix, axis=None, kind="stable"):
        i, j = np.unravel_index(edge, matrix.shape)
        one, other = root(i), root(j + len(matrix))
        if one != other:
            parent[other] = one
            bars.append(1 - matrix[i, j])
    return np.linalg.norm(bars, order)


def by_gudhi(weights, scale, order):
    """Lower-star filtration by 1 - |w| / scale, all vertices at 0."""
    tree = gudhi.SimplexTree()
    n_out, n_in = weights.shape
    for vertex in range(n_out + n_in):
        tree.insert([vertex], 0.0)
    for i in range(n_out):
        for j in range(n_in):
            tree.insert([i, n_out + j], 1 - abs(weights[i, j]) / scale)
    tree.compute_persistence(min_persistence=-1, persistence_dim_max=True)
    bars = tree.persistence_intervals_in_dimension(0)
    return np.linalg.norm(bars[np.isfinite(bars[:, 1]), 1], order)


@pytest.mark.parametrize("order", [1, 2, 3, np.inf])
@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (6, 11), (20, 15)])
def test_it_is_what_union_find_and_gudhi_give(shape, order):
    weights = layer(*shape, seed=sum(shape))
    scale = 1.3 * np.abs(weights).max()
    found = neural_persistence(weights, scale=scale, order=order, normalised=False)
    assert found == pytest.approx(by_union_find(weights, scale, order), rel=1e-12)
    assert found == pytest.approx(by_gudhi(weights, scale, order), rel=1e-12)


@given(st.integers(0, 10_000), st.integers(1, 7), st.integers(1, 7))
def test_ties_and_zeros_do_no_harm(seed, n_out, n_in):
    weights = np.random.default_rng(seed).integers(-2, 3, (n_out, n_in)) / 2
    if weights.any():
        found = neural_persistence(weights, scale=1, normalised=False)
        assert found == pytest.approx(by_union_find(weights, 1, 2), rel=1e-12)


def test_a_layer_by_hand():
    # by falling weight: 1 joins, .8 joins, .6 joins; .2 closes a loop
    weights = np.array([[1.0, -0.8], [0.6, 0.2]])
    plain = np.sqrt(0 + 0.2**2 + 0.4**2)
    assert neural_persistence(weights, normalised=False) == pytest.approx(plain)
    assert neural_persistence(weights) == pytest.approx(plain / np.sqrt(3))
    assert neural_persistence(weights, order=1) == pytest.approx(0.6 / 3)
    assert neural_persistence(weights, order=np.inf) == pytest.approx(0.4)
    twice = np.sqrt(0.5**2 + 0.6**2 + 0.7**2)
    assert neural_persistence(weights, scale=2, normalised=False) == pytest.approx(twice)


def test_equal_weights_have_none_and_one_strong_connection_has_most():
    assert neural_persistence(np.full((5, 7), -0.3)) == 0
    lone = np.zeros((5, 7))
    lone[2, 3] = 4
    assert neural_persistence(lone) == pytest.approx(np.sqrt(10 / 11))
    assert neural_persistence(lone, order=np.inf) == 1
    # the bound itself is reached as the whole layer falls silent beside the network
    assert neural_persistence(lone, scale=4e12) == pytest.approx(1, abs=1e-9)
    assert neural_persistence(np.full((5, 7), 0.25), scale=1) == pytest.approx(0.75)


@given(st.integers(0, 10_000), st.sampled_from([1, 2, 5, np.inf]))
def test_it_lies_between_0_and_the_bound_of_the_paper(seed, order):
    weights = layer(4, 6, seed)
    largest, smallest = np.abs(weights).max(), np.abs(weights).min()
    assert 0 <= neural_persistence(weights, order=order) <= 1 - smallest / largest


@given(st.integers(0, 10_000))
def test_signs_order_and_units_do_not_matter(seed):
    weights, rng = layer(5, 8, seed), np.random.default_rng(seed)
    other = 7 * np.abs(weights)[rng.permutation(5)][:, rng.permutation(8)].T
    assert neural_persistence(other) == pytest.approx(neural_persistence(weights), rel=1e-12)


def test_a_convolution_is_the_matrix_of_its_unfolded_patches():
    kernel = np.random.default_rng(0).normal(size=(6, 3, 2, 2)).astype(np.float32)
    found = neural_persistence(kernel)
    assert found == neural_persistence(kernel.reshape(6, 12))
    expected = by_union_find(kernel.reshape(6, 12).astype(float), np.abs(kernel).max(), 2)
    assert found == pytest.approx(expected / np.sqrt(17), rel=1e-9)


def test_half_precision_is_not_computed_in_half_precision():
    weights = layer(30, 40, 0).astype(np.float16)
    assert neural_persistence(weights) == neural_persistence(weights.astype(np.float64))


def by_scipy(weights):
    """A sparse minimum spanning tree, as it was computed before there was a kernel."""
    matrix = np.abs(weights.astype(np.float64))
    largest = matrix.max() or 1.0
    n_out, n_in = matrix.shape
    cost = np.zeros((n_out + n_in, n_out + n_in))
    cost[:n_out, n_out:] = 2 - matrix / largest  # scipy takes the lightest, and none of weight 0
    rows, columns = minimum_spanning_tree(csr_array(cost)).nonzero()
    return np.sort(matrix[rows, columns - n_out])[::-1]


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64, np.int8, np.int64])
@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1), (10, 300), (300, 10), (120, 120)])
def test_the_tree_is_that_of_scipy_to_the_bit(shape, kind):
    weights = (40 * layer(*shape, seed=1)).astype(kind)
    np.testing.assert_array_equal(spanning_weights(weights), by_scipy(weights))
    for other in (weights[::-1], np.asfortranarray(weights), weights.astype(weights.dtype.str)):
        np.testing.assert_array_equal(spanning_weights(other), by_scipy(weights))


def test_most_weights_of_a_pruned_layer_are_zero():
    rng = np.random.default_rng(0)
    weights = np.where(rng.random((60, 90)) < 0.01, rng.normal(size=(60, 90)), 0)
    found = spanning_weights(weights)
    np.testing.assert_array_equal(found, by_scipy(weights))
    assert (found == 0).sum() > 50


def test_a_tree_serves_any_scale():
    weights = layer(20, 30, 0)
    tree = spanning_weights(weights)
    assert tree[0] == largest_weight(weights) == np.abs(weights).max()
    for scale in (None, 9.0):
        assert persistence_of(tree, scale=scale) == neural_persistence(weights, scale=scale)


def test_weights_are_not_copied():
    weights = layer(1000, 2000, 0).astype(np.float32)
    warm()
    before = neural_persistence(weights)
    tracemalloc.start()
    try:
        assert neural_persistence(weights) == before
        assert tracemalloc.get_traced_memory()[1] < 0.1 * weights.nbytes
    finally:
        tracemalloc.stop()


def test_the_largest_weight():
    for kind in (np.int8, np.int64, np.float16, np.float32):
        assert largest_weight(np.array([[-128, 3]], kind)) == 128
        assert largest_weight(np.array([[5, -3]], kind)) == 5
    assert largest_weight(np.array([[7, 200]], np.uint8)) == 200
    assert largest_weight(np.zeros((0, 3))) == 0
    assert np.isnan(largest_weight(np.array([[1, np.nan]])))
    assert largest_weight(np.array([[1, -np.inf]])) == np.inf


def test_a_dead_layer_has_none():
    assert neural_persistence(np.zeros((3, 4))) == 0
    assert neural_persistence(np.zeros((3, 4)), scale=2.0) == 0
    assert neural_persistence(np.zeros((3, 4)), scale=0.0, normalised=False) == 0


@pytest.mark.parametrize(
    ("weights", "options", "words"),
    [
        (np.array([[1.0, np.nan]]), {}, "1 of 2 weights are NaN or infinite"),
        (np.array([[1.0, np.inf]]), {}, "NaN or infinite"),
        (np.zeros((0, 3)), {}, "not empty"),
        (np.zeros((3, 0)), {}, "not empty"),
        (np.ones(3), {}, "of shape"),
        (np.ones((2, 2), complex), {}, "real numbers"),
        (np.array([["a"]]), {}, "real numbers"),
        (np.ones((2, 2)), {"scale": 0.5}, "scale=0.5"),
        (np.ones((2, 2)), {"scale": np.nan}, "scale=nan"),
        (np.ones((2, 2)), {"scale": np.inf}, "scale=inf"),
        (np.ones((2, 2)), {"order": 0.5}, "order=0.5"),
        (np.ones((2, 2)), {"order": np.nan}, "order=nan"),
    ],
)
def test_what_is_no_layer_is_refused(weights, options, words):
    with pytest.raises(AnalysisError, match=words):
        neural_persistence(weights, **options)
