"""Lenses against scikit-learn and closed forms."""

import sys

import numba
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.distance import cdist
from sklearn.decomposition import PCA

from analysis.codensity import codensity
from analysis.errors import AnalysisError
from analysis.lenses import LENSES, lens_values

Floats = NDArray[np.float64]


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


def brute_eccentricity(points: Floats, p: float) -> Floats:
    distances = cdist(points, points)
    if np.isinf(p):
        return np.asarray(distances.max(axis=1))
    return np.asarray((distances**p).mean(axis=1) ** (1 / p))


@pytest.mark.parametrize("p", [1, 1.5, 2, 3, 4.0, 60, np.inf])
@pytest.mark.parametrize("n", [1, 2, 255, 256, 257, 700])
def test_eccentricity_is_the_mean_distance_of_order_p(n: int, p: float) -> None:
    points = np.random.default_rng(n).normal(size=(n, 9))
    unit = points / np.linalg.norm(points, axis=1, keepdims=True)
    for cloud in (points, unit, points[:, :1]):
        values = lens_values(cloud, "eccentricity", p=p)
        np.testing.assert_allclose(values[:, 0], brute_eccentricity(cloud, p), rtol=1e-9)
        assert not values[:, 1].any()
    assert lens_values(unit, "eccentricity")[0, 0] == lens_values(unit, "eccentricity", p=1)[0, 0]


def test_eccentricity_stands_scale_shift_outliers_and_single_precision() -> None:
    points = np.random.default_rng(6).normal(size=(300, 4))
    values = lens_values(points, "eccentricity", p=3)
    for scale in (1e-150, 1e150):
        scaled = lens_values(points * scale, "eccentricity", p=3)
        np.testing.assert_allclose(scaled, values * scale, rtol=1e-9)
    moved = lens_values(points + 1e6, "eccentricity", p=3)
    np.testing.assert_allclose(moved, values, rtol=1e-8)
    far = np.concatenate([points, [[1e7, 0, 0, 0]]])
    tight = np.concatenate([points * 1e-4, [[1, 0, 0, 0]]])
    for cloud in (far, tight, points.astype(np.float32)):
        for p in (1, 2, np.inf):
            found = lens_values(cloud, "eccentricity", p=p)[:, 0]
            np.testing.assert_allclose(found, brute_eccentricity(cloud, p), rtol=1e-6)


def test_eccentricity_of_known_shapes() -> None:
    angles = np.linspace(0, 2 * np.pi, 600, endpoint=False)
    circle = np.column_stack([np.cos(angles), np.sin(angles)])
    for p, wanted in ((1, 4 / np.pi), (2, np.sqrt(2)), (np.inf, 2)):
        values = lens_values(circle, "eccentricity", p=p)[:, 0]
        np.testing.assert_allclose(values, wanted, rtol=1e-5)
        assert len(np.unique(values)) == 1  # no rounding for a cover to stretch
    line = np.arange(5.0)[:, None]
    assert lens_values(line, "eccentricity", p=np.inf)[:, 0].tolist() == [4, 3, 2, 3, 4]
    np.testing.assert_allclose(lens_values(line, "eccentricity")[:, 0], [2, 1.4, 1.2, 1.4, 2])


def test_equal_points_have_equal_eccentricity() -> None:
    rng = np.random.default_rng(7)
    few = rng.normal(size=(70, 9))
    which = rng.integers(0, 70, 900)
    values = lens_values(few[which], "eccentricity", p=1.5)[:, 0]
    np.testing.assert_allclose(values, brute_eccentricity(few[which], 1.5), rtol=1e-9)
    assert len(np.unique(values)) == len(np.unique(which))
    assert not lens_values(np.full((20, 9), 0.1), "eccentricity").any()


@pytest.mark.parametrize("p", [0.5, -1, 0, 501, -np.inf, np.nan])
def test_powers_out_of_range_are_named(p: float) -> None:
    with pytest.raises(AnalysisError, match="p must be from 1 to 500, or infinity"):
        lens_values(np.eye(3), "eccentricity", p=p)


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
