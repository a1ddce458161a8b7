"""Lenses against scikit-learn and closed forms."""

import sys

import numba
import numpy as np
import pytest
from sklearn.decomposition import PCA

from analysis.codensity import codensity
from analysis.errors import AnalysisError
from analysis.lenses import LENSES, lens_values


def test_pca_equals_scikit_learns_up_to_sign() -> None:
    points = np.random.default_rng(0).normal(size=(200, 6)) * np.arange(1, 7)
    ours = lens_values(points, "pca")
    theirs = PCA(2).fit_transform(points)
    theirs *= np.sign((ours * theirs).sum(axis=0))
    np.testing.assert_allclose(ours, theirs, atol=1e-9)


def test_pca_sign_does_not_hang_on_the_order_of_points() -> None:
    points = np.random.default_rng(1).normal(size=(100, 5)) * np.arange(1, 6)
    shuffled = np.random.default_rng(2).permutation(100)
    ours = lens_values(points, "pca")
    np.testing.assert_allclose(lens_values(points[shuffled], "pca"), ours[shuffled], atol=1e-9)
    line = np.arange(5.0)[:, None]
    np.testing.assert_allclose(lens_values(line, "pca"), np.column_stack([line - 2, line * 0]))
    assert lens_values(-line, "pca")[0, 0] == 2


def test_codensity_lens_is_the_codensity() -> None:
    points = np.random.default_rng(3).normal(size=(60, 4))
    values = lens_values(points, "codensity", k=7)
    np.testing.assert_array_equal(values[:, 0], codensity(points, 7))
    assert not values[:, 1].any()


def test_angle_lens_is_a_point_of_the_circle() -> None:
    angles = np.linspace(0, 2 * np.pi, 50, endpoint=False)
    points = np.column_stack([2 * np.cos(angles), np.sin(angles), np.zeros(50)])
    given = lens_values(points, "angle", angles=angles)
    np.testing.assert_allclose(given, np.column_stack([np.cos(angles), np.sin(angles)]))
    found = lens_values(points, "angle")
    unit = points[:, :2] / np.linalg.norm(points[:, :2], axis=1, keepdims=True)
    np.testing.assert_allclose(np.abs(found), np.abs(unit), atol=1e-9)
    with pytest.raises(AnalysisError, match="angles"):
        lens_values(points, "angle", angles=angles[:3])


@pytest.mark.slow
def test_umap_keeps_clusters_apart_and_is_seeded() -> None:
    rng = np.random.default_rng(4)
    points = rng.normal(size=(80, 5)) + np.repeat([[0.0], [30.0]], 40, axis=0)
    points[:10] = points[0]  # duplicates
    original = numba.njit
    values = lens_values(points, "umap", seed=3)
    assert numba.njit is original
    assert "umap" in sys.modules
    assert values.shape == (80, 2)
    centres = values[:40].mean(axis=0), values[40:].mean(axis=0)
    spread = max(values[:40].std(), values[40:].std())
    assert np.linalg.norm(centres[0] - centres[1]) > 2 * spread
    np.testing.assert_array_equal(lens_values(points, "umap", seed=3), values)
    assert not np.array_equal(lens_values(points, "umap", seed=4), values)


@pytest.mark.parametrize("name", sorted(LENSES))
def test_no_points_have_no_values(name: str) -> None:
    assert lens_values(np.zeros((0, 9)), name).shape == (0, 2)


def test_one_point_and_equal_points() -> None:
    assert lens_values(np.ones((1, 9)), "pca").tolist() == [[0, 0]]
    assert not lens_values(np.ones((20, 9)), "pca").any()
    assert np.isfinite(lens_values(np.ones((20, 9)), "angle")).all()


def test_bad_input_is_named() -> None:
    points = np.random.default_rng(5).normal(size=(20, 3))
    with pytest.raises(AnalysisError, match="lens must be"):
        lens_values(points, "height")
    with pytest.raises(AnalysisError, match="options"):
        lens_values(points, "pca", k=3)
    with pytest.raises(AnalysisError, match="finite"):
        lens_values(np.full((3, 3), np.nan), "pca")
    with pytest.raises(AnalysisError, match="finite"):
        lens_values(np.zeros(3), "pca")
    with pytest.raises(AnalysisError, match="8 points"):
        lens_values(points[:5], "umap")
    with pytest.raises(AnalysisError):
        lens_values(points, "codensity", k=20)
