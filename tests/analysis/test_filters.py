import numpy as np
import pytest

from analysis.errors import AnalysisError
from analysis.filters import count_duplicates, filter_cloud, normalised, permuted


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


def test_points_are_centred_unit_vectors_of_the_slices() -> None:
    weights = normal(4, 3, 3, 3)
    cloud = filter_cloud([weights])
    by_hand = weights[2, 1].ravel() - weights[2, 1].mean()
    row = np.flatnonzero((cloud.origin == [0, 2, 1]).all(axis=1))[0]
    np.testing.assert_allclose(cloud.points[row], by_hand / np.linalg.norm(by_hand), atol=1e-6)
    assert cloud.norms[row] == pytest.approx(np.linalg.norm(by_hand))
    assert cloud.kernel == (3, 3)
    assert cloud.n_total == len(cloud) == 12


@pytest.mark.parametrize(
    "shape", [(2, 3, 5, 5), (4, 1, 7, 7), (3, 2, 11, 11), (4, 4, 1, 3), (2, 2, 2, 5)]
)
def test_any_kernel_size(shape: tuple[int, ...]) -> None:
    cloud = filter_cloud([normal(*shape)])
    assert cloud.points.shape == (shape[0] * shape[1], shape[2] * shape[3])
    np.testing.assert_allclose(cloud.points.sum(axis=1), 0, atol=1e-5)


def test_runs_are_pooled_in_order_with_their_origin() -> None:
    cloud = filter_cloud([normal(2, 2, 3, 3), normal(3, 2, 3, 3, seed=1)])
    assert cloud.origin[:, 0].tolist() == [0] * 4 + [1] * 6
    assert cloud.origin[-1].tolist() == [1, 2, 1]


def test_zero_constant_and_nonfinite_slices_are_dropped_and_counted() -> None:
    weights = normal(6, 1, 3, 3).astype(np.float16)
    weights[0] = 0
    weights[1] = 0.3
    weights[2, 0, 1, 1] = np.nan
    weights[3, 0, 0, 0] = np.inf
    weights[3, 0, 0, 1] = -np.inf
    cloud = filter_cloud([weights])
    assert (cloud.n_total, cloud.n_degenerate, cloud.n_nonfinite, len(cloud)) == (6, 2, 2, 2)
    assert np.isfinite(cloud.points).all()


def test_contrast_keeps_the_strongest_by_centred_norm() -> None:
    weights = normal(10, 1, 3, 3) * np.arange(1, 11)[:, None, None, None]
    weights[0] += 1000  # a large mean is no contrast
    cloud = filter_cloud([weights], contrast=0.35)
    norms = filter_cloud([weights]).norms
    assert sorted(cloud.norms) == sorted(np.sort(norms)[-3:])


def test_draw_is_seeded_and_of_that_size() -> None:
    weights = [normal(20, 5, 3, 3)]
    first, again = (filter_cloud(weights, draw=30, seed=3) for _ in range(2))
    other = filter_cloud(weights, draw=30, seed=4)
    assert len(first) == 30
    assert (first.origin == again.origin).all()
    assert (first.origin != other.origin).any()
    assert len(filter_cloud(weights, draw=1000)) == 100


def test_duplicates_are_counted_up_to_sign_of_zero() -> None:
    points = np.array([[0.0, 1], [-0.0, 1], [0, 1], [1, 0]], dtype=np.float32)
    assert count_duplicates(points) == 2
    assert count_duplicates(points[:0]) == 0


def test_permutation_keeps_entries_of_each_filter_and_is_seeded() -> None:
    cloud = filter_cloud([normal(30, 2, 3, 3)])
    null = permuted(cloud, 1)
    np.testing.assert_array_equal(np.sort(null.points, axis=1), np.sort(cloud.points, axis=1))
    assert (null.points != cloud.points).any(axis=1).mean() > 0.9
    np.testing.assert_array_equal(permuted(cloud, 1).points, null.points)


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ([], "no run has this layer"),
        ([np.zeros((3, 3))], r"got \(3, 3\)"),
        ([np.zeros((3, 3, 1, 1))], "h·w of at least 2"),
        ([np.zeros((3, 3, 3, 3)), np.zeros((3, 3, 5, 5))], "different sizes"),
    ],
)
def test_unusable_weights_are_refused(weights: list[np.ndarray], words: str) -> None:
    with pytest.raises(AnalysisError, match=words):
        filter_cloud(weights)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_points_can_be_made_again_from_the_stored_slices(dtype: type) -> None:
    cloud = filter_cloud([normal(30, 4, 3, 3).astype(dtype)], contrast=0.5)
    assert cloud.slices.dtype == dtype
    np.testing.assert_array_equal(normalised(cloud.slices)[0], cloud.points)
    null = permuted(cloud, 0)
    np.testing.assert_array_equal(normalised(null.slices)[0], null.points)
