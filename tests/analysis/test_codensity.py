import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.neighbors import NearestNeighbors

from analysis import _neighbours
from analysis.codensity import (
    codensity,
    degenerate_reason,
    densest,
    densest_mask,
    duplicates,
    k_share,
    warm,
)
from analysis.errors import AnalysisError

SINGLE = 3e-7  # relative accuracy promised for the "cells" method


@pytest.fixture(scope="module", autouse=True)
def _compiled():
    warm()


def rng(seed=0):
    return np.random.default_rng(seed)


def by_definition(cloud, k):
    """Sort all distances, the point itself left out by its index."""
    distances = cdist(cloud, cloud)
    np.fill_diagonal(distances, np.inf)
    return np.sort(distances, axis=1)[:, k - 1]


def clustered(n, d, seed=0):
    """Half in tight clumps of very different widths, half spread out."""
    generator = rng(seed)
    centres = generator.standard_normal((5, d))
    width = 10.0 ** -np.arange(5)
    group = generator.integers(0, 5, n // 2)
    tight = centres[group] + width[group, None] * generator.standard_normal((n // 2, d))
    return np.concatenate([tight, generator.standard_normal((n - n // 2, d))])


@pytest.mark.parametrize("method", ["tree", "cells"])
@pytest.mark.parametrize("d", [1, 2, 7, 8, 9, 16, 25, 49, 121])
@pytest.mark.parametrize("k", [1, 15, 200])
def test_equals_the_definition(method, d, k):
    cloud = rng(d).standard_normal((1500, d))
    expected = by_definition(cloud, k)
    np.testing.assert_allclose(codensity(cloud, k, method=method), expected, rtol=SINGLE)


@pytest.mark.parametrize("n", [2, 3, 63, 64, 65, 129, 1000, 2049])
def test_any_number_of_points_and_every_last_neighbour(n):
    cloud = rng(n).standard_normal((n, 9))
    for k in {1, n // 2, n - 1} - {0}:
        found = codensity(cloud, k, method="cells")
        np.testing.assert_allclose(found, by_definition(cloud, k), rtol=SINGLE)


@pytest.mark.parametrize("k", [1, 7, 100])
def test_clumps_of_different_widths(k):
    cloud = clustered(4000, 9)
    expected = by_definition(cloud, k)
    assert expected.min() < 1e-2 * expected.max()
    np.testing.assert_allclose(codensity(cloud, k, method="cells"), expected, rtol=SINGLE)


def test_near_duplicates_keep_their_relative_accuracy():
    half = rng().standard_normal((1000, 9))
    cloud = np.concatenate([half, half + 1e-7 * rng(1).standard_normal((1000, 9))])
    expected = by_definition(cloud, 1)
    assert expected.max() < 1e-5
    # a coordinate of size 1 holds a difference of 1e-7 to about 1e-9
    for method in ("tree", "cells"):
        np.testing.assert_allclose(codensity(cloud, 1, method=method), expected, rtol=1e-7)


@pytest.mark.slow
@pytest.mark.parametrize("k", [15, 200])
def test_equals_scikit_learn_on_many_filters(k):
    cloud = rng().standard_normal((30_000, 9))
    cloud[:20_000, 2:] *= 0.2
    cloud -= cloud.mean(axis=1, keepdims=True)
    cloud /= np.linalg.norm(cloud, axis=1, keepdims=True)
    asked = rng(1).choice(len(cloud), 1500, replace=False)
    model = NearestNeighbors(n_neighbors=k + 1, algorithm="kd_tree").fit(cloud)
    expected = model.kneighbors(cloud[asked])[0][:, -1]
    np.testing.assert_allclose(codensity(cloud, k)[asked], expected, rtol=SINGLE)


def test_auto_takes_the_cells_for_large_clouds_only(monkeypatch):
    calls = []
    original = _neighbours.kth_distance

    def spy(points, *args, **options):
        calls.append(len(points))
        return original(points, *args, **options)

    monkeypatch.setattr(_neighbours, "kth_distance", spy)
    codensity(rng().standard_normal((500, 2)), 3)
    assert calls == []
    codensity(rng().standard_normal((8_000, 2)), 3)
    assert calls == [8_000]


def test_equally_spaced_points_on_a_circle():
    n, k = 400, 6
    angle = 2 * np.pi * np.arange(n) / n
    cloud = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    chord = 2 * np.sin(np.pi * (k // 2) / n)  # three on either side
    for method in ("tree", "cells"):
        np.testing.assert_allclose(codensity(cloud, k, method=method), chord, rtol=SINGLE)


@pytest.mark.parametrize("method", ["tree", "cells"])
def test_integer_lattice_with_its_many_ties(method):
    axis = np.arange(12.0)
    cloud = np.stack(np.meshgrid(axis, axis, axis), axis=-1).reshape(-1, 3)
    inner = ((cloud > 0) & (cloud < 11)).all(axis=1)
    for k, distance in ((1, 1.0), (6, 1.0), (7, np.sqrt(2)), (18, np.sqrt(2)), (19, np.sqrt(3))):
        np.testing.assert_allclose(codensity(cloud, k, method=method)[inner], distance, rtol=SINGLE)


@pytest.mark.parametrize("method", ["tree", "cells"])
def test_duplicates_count_as_neighbours(method):
    cloud = np.concatenate([np.zeros((5, 2)), [[3.0, 4.0]]])
    assert codensity(cloud, 4, method=method).tolist() == [0, 0, 0, 0, 0, 5]
    assert codensity(cloud, 5, method=method).tolist() == [5, 5, 5, 5, 5, 5]


@pytest.mark.parametrize("method", ["tree", "cells"])
@pytest.mark.parametrize("k", [1, 10, 150])
def test_quantised_cloud_equals_the_definition(method, k):
    cloud = rng().choice([-1.0, 0.0, 1.0], p=[0.1, 0.6, 0.3], size=(3000, 5))
    cloud[::2] *= -1.0  # brings -0.0, which equals 0.0
    expected = by_definition(cloud, k)
    np.testing.assert_allclose(codensity(cloud, k, method=method), expected, rtol=SINGLE)


@pytest.mark.parametrize("method", ["tree", "cells"])
def test_all_points_equal(method):
    assert not codensity(np.ones((3000, 9)), 100, method=method).any()
    assert not codensity(np.zeros((3000, 9)), 2999, method=method).any()


def test_copies_are_asked_once_and_capped(monkeypatch):
    """Half a million pairs of copies must not be compared: the search sees k + 1 of each."""
    sizes = []
    original = _neighbours.kth_distance

    def spy(points, queries, *args, **options):
        sizes.append((len(points), len(queries)))
        return original(points, queries, *args, **options)

    monkeypatch.setattr(_neighbours, "kth_distance", spy)
    cloud = np.repeat(np.eye(4), [20_000, 20_000, 5, 1], axis=0)
    found = codensity(cloud, 10, method="cells")
    assert sizes == [(11 + 11 + 5 + 1, 2)]
    assert not found[:40_000].any()
    np.testing.assert_allclose(found[40_000:], np.sqrt(2), rtol=SINGLE)


@pytest.mark.parametrize("method", ["tree", "cells"])
def test_rounding_is_no_distance(method):
    pattern = rng().standard_normal(9)
    scaled = pattern * np.arange(1.0, 400.0)[:, None]
    cloud = scaled / np.linalg.norm(scaled, axis=1, keepdims=True)
    assert len(np.unique(cloud, axis=0)) > 1
    assert not codensity(cloud, 50, method=method).any()


@pytest.mark.parametrize("method", ["tree", "cells"])
@pytest.mark.parametrize("scale", [1e-200, 1e-30, 1e30, 1e200])
def test_any_scale(method, scale):
    cloud = rng().standard_normal((500, 9))
    expected = by_definition(cloud, 10) * scale
    np.testing.assert_allclose(codensity(cloud * scale, 10, method=method), expected, rtol=SINGLE)


def test_one_far_point_takes_no_precision_from_the_rest():
    cloud = np.concatenate([rng().standard_normal((2000, 3)), [[1e9, 0, 0]]])
    expected = by_definition(cloud, 10)
    np.testing.assert_allclose(codensity(cloud, 10, method="cells"), expected, rtol=1e-6)


def test_single_precision_and_strided_input():
    cloud = rng().standard_normal((800, 18)).astype(np.float32)[:, ::2]
    np.testing.assert_allclose(codensity(cloud, 5), by_definition(cloud, 5), rtol=SINGLE)


def test_repeatable():
    cloud = clustered(5000, 9)
    first, second = codensity(cloud, 20, method="cells"), codensity(cloud, 20, method="cells")
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("k", [-1, 0, 10, 11])
def test_k_out_of_range(k):
    with pytest.raises(AnalysisError, match=rf"k={k} .*10 points.*from 1 to 9"):
        codensity(np.eye(10), k)


def test_one_point_and_no_points():
    with pytest.raises(AnalysisError, match="at least 2 points"):
        codensity(np.ones((1, 9)), 1)
    for empty in (np.ones((0, 9)), np.ones((9, 0)), np.ones(9)):
        with pytest.raises(AnalysisError, match="shape"):
            codensity(empty, 1)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite(value):
    cloud = np.ones((10, 2))
    cloud[[3, 5], 1] = value
    with pytest.raises(AnalysisError, match="2 of 10 points"):
        codensity(cloud, 1)


def test_unknown_method():
    with pytest.raises(AnalysisError, match="method='brute'"):
        codensity(np.eye(3), 1, method="brute")


def test_k_share():
    assert [k_share(n, 0.02) for n in (1, 10, 2048, 4000)] == [1, 1, 41, 80]
    assert k_share(7, 1) == 7
    for share in (0, -0.1, 1.1, np.nan):
        with pytest.raises(AnalysisError, match=r"share="):
            k_share(100, share)


def test_densest_mask_keeps_the_floor_and_breaks_ties_by_index():
    values = np.array([2.0, 1.0, 2.0, 1.0, 2.0, 0.0, 2.0])
    assert np.flatnonzero(densest_mask(values, 0.6)).tolist() == [0, 1, 3, 5]  # floor(4.2)
    assert densest_mask(values, 1).all()
    assert np.flatnonzero(densest_mask(np.zeros(9), 1 / 3)).tolist() == [0, 1, 2]


@pytest.mark.parametrize(("fraction", "n"), [(0.1, 30), (0.3, 10), (0.7, 10), (0.29, 100)])
def test_the_floor_is_that_of_the_written_fraction(fraction, n):
    assert densest_mask(np.arange(n), fraction).sum() == round(fraction * n)


def test_densest_mask_refuses():
    for fraction in (0, -1, 1.01, np.nan):
        with pytest.raises(AnalysisError, match=r"fraction="):
            densest_mask(np.arange(5), fraction)
    with pytest.raises(AnalysisError, match="9 points keeps none; raise fraction"):
        densest_mask(np.arange(9), 0.1)
    with pytest.raises(AnalysisError, match="NaN"):
        densest_mask([1.0, np.nan], 0.5)


def test_densest_finds_the_clump():
    cloud = np.concatenate([rng().standard_normal((300, 9)), np.full((100, 9), 5.0)])
    cloud[300:] += 0.01 * rng(1).standard_normal((100, 9))
    mask = densest(cloud, 20, 0.25)
    assert mask[300:].all()
    assert not mask[:300].any()
    np.testing.assert_array_equal(mask, densest_mask(by_definition(cloud, 20), 0.25))


def test_duplicates():
    cloud = np.array([[1.0, 0.0], [2.0, 3.0], [1.0, -0.0], [1.0, 1e-12], [1.0 + 1e-12, 0.0]])
    assert duplicates(cloud).tolist() == [2, 0, 2, 0, 2]


def coarse_and_fine(n_coarse):
    """Filters, of which some take few values; mean-centred, unit norm."""
    weights = rng().standard_normal((6000, 9))
    weights[:n_coarse] = np.eye(9)[rng(1).integers(0, 2, n_coarse)]
    weights -= weights.mean(axis=1, keepdims=True)
    return weights / np.linalg.norm(weights, axis=1, keepdims=True)


def reason(cloud, k=100, fraction=0.1):
    return degenerate_reason(cloud, densest(cloud, k, fraction), k)


def test_a_cloud_of_copies_is_degenerate():
    assert reason(coarse_and_fine(6000)) == (
        "degenerate: 600 of 600 kept filters have at least k = 100 exact duplicates, "
        "600 have at least one"
    )


def test_a_cloud_with_some_heavy_copies_is_degenerate():
    message = reason(coarse_and_fine(300))  # two patterns of about 150 copies
    assert message is not None
    assert message.startswith("degenerate: 300 of 600 kept")


def test_sound_clouds_are_not_degenerate():
    assert reason(coarse_and_fine(0)) is None
    assert reason(coarse_and_fine(20)) is None  # a few copies do no harm
    twice = np.repeat(coarse_and_fine(0)[:3000], 2, axis=0)  # one run counted twice
    assert reason(twice) is None
    assert degenerate_reason(twice, np.zeros(6000, np.bool_), 100) is None
