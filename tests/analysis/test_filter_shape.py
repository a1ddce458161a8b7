"""What the analysis *filters* stores beside its barcode: codensity of all, what it drops."""

import numpy as np
import pytest
from numpy.typing import NDArray

from analysis.codensity import codensity
from analysis.filter_shape import BACKDROP, PROFILE, FilterParams, FilterShape, filter_shape
from analysis.filters import normalised

Weights = NDArray[np.float32]


def weights(n: int, *, seed: int = 0, kernel: tuple[int, int] = (3, 3)) -> Weights:
    return np.random.default_rng(seed).normal(size=(n, 1, *kernel)).astype(np.float32)


def shape_of(layer: Weights, **said: object) -> FilterShape:
    return filter_shape([layer], FilterParams(**({"k": "7", "fraction": 0.4} | said)))  # type: ignore[arg-type]


@pytest.mark.parametrize("n", [PROFILE, 400, 60])
def test_the_profile_is_the_sorted_codensity_at_even_shares(n: int) -> None:
    layer = weights(n)
    shape = shape_of(layer)
    every = np.sort(codensity(normalised(layer.reshape(n, 9))[0], 7))
    assert shape.profile.dtype == np.float32
    assert len(shape.profile) == PROFILE
    assert (np.diff(shape.profile) >= 0).all()
    assert (shape.profile[0], shape.profile[-1]) == pytest.approx((every[0], every[-1]))
    middle = shape.profile[PROFILE // 2]
    assert middle == pytest.approx(np.median(every), rel=1e-5)
    if n == PROFILE:
        np.testing.assert_allclose(shape.profile, every, rtol=1e-6)
    shares = np.linspace(0, 1, PROFILE)
    np.testing.assert_allclose(
        shape.profile, np.quantile(every, shares, method="linear"), rtol=1e-5
    )


@pytest.mark.parametrize("fraction", [0.05, 0.4, 0.97])
def test_kept_and_dropped_are_all_there_is_and_the_kept_are_the_densest(fraction: float) -> None:
    layer = weights(500)
    shape = shape_of(layer, fraction=fraction)
    assert shape.n_kept + len(shape.dropped) == shape.n_filters == 500
    assert len(shape.dropped) == len(shape.dropped_density)
    assert shape.density.max() <= shape.dropped_density.min()
    every = np.sort(np.concatenate([shape.density, shape.dropped_density]))
    places = np.linspace(0, 499, PROFILE)
    np.testing.assert_allclose(shape.profile, np.interp(places, np.arange(500), every), rtol=1e-5)
    cut = np.interp(fraction, np.linspace(0, 1, PROFILE), shape.profile)
    assert cut == pytest.approx(shape.density.max(), rel=0.02)


def test_dropped_filters_are_those_of_the_layer_with_their_own_codensity() -> None:
    layer = weights(300)
    shape = shape_of(layer)
    points = normalised(layer.reshape(300, 9))[0]
    density = codensity(points, 7)
    kept = shape.origin[:, 1]
    rest = np.setdiff1d(np.arange(300), kept)
    np.testing.assert_allclose(shape.dropped.astype(float), points[rest], atol=1e-3)
    np.testing.assert_allclose(shape.dropped_density, density[rest], rtol=1e-6)
    np.testing.assert_allclose(shape.density, density[kept], rtol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(shape.dropped.astype(float), axis=1), 1, atol=2e-3)
    assert shape.dropped.dtype == np.float16


def test_of_many_dropped_filters_some_are_kept_at_random_by_the_seed() -> None:
    layer = weights(BACKDROP + 900)
    one, same, other = (shape_of(layer, fraction=0.1, seed=seed) for seed in (0, 0, 1))
    assert len(one.dropped) == len(one.dropped_density) == BACKDROP
    np.testing.assert_array_equal(one.dropped, same.dropped)
    assert not np.array_equal(one.dropped, other.dropped)
    np.testing.assert_array_equal(one.slices, other.slices)
    np.testing.assert_array_equal(one.profile, other.profile)
    # a fair draw: their codensity is spread as that of all that were dropped
    ranks = np.searchsorted(one.profile, one.dropped_density) / PROFILE
    assert ranks.min() == pytest.approx(0.1, abs=0.02)
    assert np.mean(ranks) == pytest.approx(0.55, abs=0.02)


def test_nothing_is_dropped_where_all_are_kept() -> None:
    shape = shape_of(weights(80), fraction=1.0)
    assert shape.dropped.shape == (0, 9)
    assert shape.dropped_density.shape == (0,)
    assert shape.profile[-1] == pytest.approx(shape.density.max())


def test_a_kernel_without_gradients_has_a_profile_too() -> None:
    shape = shape_of(weights(90, kernel=(1, 3)))
    assert len(shape.profile) == PROFILE
    assert shape.dropped.shape[1] == 3
    shares = shape.primary_circle_share, shape.quadratic_share
    assert sum(shares) == pytest.approx(1)  # three centred entries: a slope and a bend
