"""Kernels, classes, neighbours and pictures of sparse vectors, against scipy and scikit-learn."""

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.spatial.distance import cdist, pdist
from scipy.stats import spearmanr
from sklearn.decomposition import PCA

from analysis.errors import AnalysisError
from analysis.generator_similarity import (
    class_similarity,
    cosine_kernel,
    embedding,
    gram,
    neighbours,
    rank_correlation,
)


def vectors(n=30, d=12, seed=0):
    rng = np.random.default_rng(seed)
    return rng.random((n, d)) * (rng.random((n, d)) < 0.4) + np.eye(n, d) * 0.1


def planted(n=60, seed=0):
    """Three classes, each on columns of its own, and a few common ones."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 3
    found = rng.random((n, 40)) * (rng.random((n, 40)) < 0.2)
    for row, label in zip(found, labels, strict=True):
        row[10 * label : 10 * label + 10] += rng.random(10)
    return found, labels


def test_inner_products_and_cosines_are_those_of_scipy():
    dense = vectors()
    np.testing.assert_allclose(gram(csr_array(dense)), dense @ dense.T, atol=1e-12)
    expected = 1 - cdist(dense, dense, "cosine")
    for rows in (dense, csr_array(dense), dense.reshape(30, 3, 4)):
        np.testing.assert_allclose(cosine_kernel(rows), expected, atol=1e-12)


def test_an_empty_row_is_similar_to_none():
    dense = vectors()
    dense[4] = 0
    found = cosine_kernel(csr_array(dense))
    assert not found[4].any()
    assert not found[:, 4].any()
    assert np.diag(found)[:4] == pytest.approx(1)


def test_class_similarity_is_that_of_mean_vectors():
    rows, labels = planted()
    labels[:5] = -1  # of no class
    means = np.stack([rows[labels == kind].mean(axis=0) for kind in range(3)])
    found = class_similarity(csr_array(rows), labels, 4)
    np.testing.assert_allclose(found[:3, :3], 1 - cdist(means, means, "cosine"), atol=1e-12)
    assert np.isnan(found[3]).all()
    assert np.isnan(found[:, 3]).all()
    off = found[:3, :3][~np.eye(3, dtype=bool)]
    assert off.max() < 0.6


def test_neighbours_are_the_most_similar_others():
    rows, labels = planted()
    kernel = cosine_kernel(rows)
    found = neighbours(kernel, 5)
    for i in range(len(kernel)):
        others = [j for j in range(len(kernel)) if j != i]
        expected = sorted(others, key=lambda j: -kernel[i, j])[:5]
        assert found.rows[i].tolist() == expected
        assert found.similarities[i] == pytest.approx(kernel[i, expected])
    assert (labels[found.rows] == labels[:, None]).mean() > 0.95


def test_equally_similar_ones_come_in_order():
    found = neighbours(np.ones((6, 6)), 3)
    assert found.rows[0].tolist() == [1, 2, 3]
    assert found.rows[2].tolist() == [0, 1, 3]


def test_rank_correlation_is_spearmans_over_all_pairs():
    first, second = cosine_kernel(vectors()), cosine_kernel(vectors(seed=1))
    mixed = first + second
    pairs = np.triu_indices(30, 1)
    expected = spearmanr(first[pairs], mixed[pairs]).statistic
    assert rank_correlation(first, mixed) == pytest.approx(expected)
    assert rank_correlation(first, first**3) == pytest.approx(1)  # of ranks, not of values
    assert abs(rank_correlation(first, second)) < 0.2
    assert np.isnan(rank_correlation(first, np.ones((30, 30))))
    assert np.isnan(rank_correlation(np.eye(2), np.eye(2)))


def test_the_plane_is_that_of_pca_up_to_signs():
    rows = vectors(n=40)
    model = PCA(2).fit(rows)
    expected = model.transform(rows)
    found, explained = embedding(rows @ rows.T, "pca")
    np.testing.assert_allclose(np.abs(found), np.abs(expected), atol=1e-9)
    np.testing.assert_allclose(explained, model.explained_variance_ratio_, atol=1e-9)
    again, _ = embedding(rows @ rows.T, "pca")
    assert np.array_equal(found, again)


def test_one_and_two_inputs_have_a_plane():
    one, explained = embedding(np.ones((1, 1)))
    assert one.tolist() == [[0, 0]]
    assert explained.tolist() == [0, 0]
    two, explained = embedding(np.array([[1.0, 0.0], [0.0, 1.0]]))
    assert pdist(two) == pytest.approx(np.sqrt(2))
    assert explained == pytest.approx([1, 0])


@pytest.mark.slow
def test_umap_keeps_classes_apart():
    rows, labels = planted()
    found, explained = embedding(cosine_kernel(rows), "umap", seed=1)
    assert found.shape == (60, 2)
    assert np.isnan(explained).all()
    near = neighbours(-cdist(found, found), 5).rows
    assert (labels[near] == labels[:, None]).mean() > 0.9


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: gram(np.zeros((0, 3))), "at least one input: there are none"),
        (lambda: gram(csr_array(np.array([[1.0, np.nan]]))), "some hold NaN or infinity"),
        (lambda: cosine_kernel(np.array([[np.inf]])), "some hold NaN"),
        (lambda: neighbours(np.eye(4), 4), "count must be from 1 to 3, got 4"),
        (lambda: neighbours(np.eye(4), 0), "count must be from 1 to 3, got 0"),
        (lambda: rank_correlation(np.eye(3), np.eye(4)), "those of the same inputs"),
        (lambda: embedding(np.eye(9), "isomap"), "embedding must be one of pca, umap"),
        (lambda: embedding(np.eye(4), "umap"), "at least 8 points"),
    ],
)
def test_bad_input_is_named(make, words):
    with pytest.raises(AnalysisError, match=words):
        make()
