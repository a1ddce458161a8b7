"""The analysis *mapper* on the filters of a layer: its choices, and what may run in a request."""

import itertools
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from analysis import registry
from analysis.errors import AnalysisError
from analysis.filter_mapper import MapperParams, filter_graph
from analysis.filter_shape import FilterParams, FilterShape, filter_shape
from analysis.lenses import LENSES, lens_values
from analysis.mapper import cut_distance, mapper_graph


def shape_of(weights: NDArray[np.floating[Any]]) -> FilterShape:
    return filter_shape([weights], FilterParams(fraction=1.0, landmarks=20))


@pytest.fixture(scope="module")
def circle() -> FilterShape:
    """Noisy linear gradients at random angles."""
    rng = np.random.default_rng(0)
    angle = rng.uniform(0, 2 * np.pi, 600)[:, None, None, None]
    y, x = np.mgrid[-1:2, -1:2]
    return shape_of(np.cos(angle) * x + np.sin(angle) * y + 0.05 * rng.normal(size=(600, 1, 3, 3)))


def noise(n: int, size: int = 3) -> FilterShape:
    return shape_of(np.random.default_rng(1).normal(size=(n, 1, size, size)))


def quick(shape: FilterShape, **options: Any) -> bool:
    return registry.get("mapper").quick(shape, MapperParams(**options))


def test_every_lens_and_cover_can_be_chosen() -> None:
    for lens, cover in itertools.product(LENSES, ("uniform", "balanced")):
        assert MapperParams(lens=lens, cover=cover).lens == lens
    assert MapperParams().cover == "uniform"
    with pytest.raises(AnalysisError, match="cover must be one of uniform, balanced"):
        MapperParams(cover="ball")
    with pytest.raises(AnalysisError, match="lens must be one of"):
        MapperParams(lens="height")


@pytest.mark.parametrize("cover", ["uniform", "balanced"])
@pytest.mark.parametrize("lens", ["pca", "eccentricity"])
def test_parameters_reach_the_graph(circle: FilterShape, lens: str, cover: str) -> None:
    found = filter_graph(circle, MapperParams(lens=lens, cover=cover, resolution=8, gain=2.0))
    points = circle.points.astype(np.float64)
    cut = cut_distance(points, factor=1.5)
    wanted = mapper_graph(
        points,
        lens_values(points, lens),
        cover=cover,
        resolution=8,
        gain=2.0,
        cut=cut,
        min_samples=3,
    )
    assert found.cut == cut
    np.testing.assert_array_equal(found.graph.members.values, wanted.members.values)
    np.testing.assert_array_equal(found.graph.edges, wanted.edges)


@pytest.mark.parametrize("cover", ["uniform", "balanced"])
@pytest.mark.parametrize("lens", ["pca", "angle"])
def test_gradients_have_one_hole(circle: FilterShape, lens: str, cover: str) -> None:
    found = filter_graph(circle, MapperParams(lens=lens, cover=cover))
    assert (found.b0, found.b1) == (1, 1)


def test_umap_is_never_computed_in_a_request() -> None:
    for n, cover, metric in itertools.product(
        (8, 100, 1000), ("uniform", "balanced"), ("euclidean", "variance_normalised")
    ):
        shape = noise(n)
        options: dict[str, Any] = {"cover": cover, "metric": metric, "resolution": 1, "gain": 1.0}
        assert not quick(shape, lens="umap", **options)
        assert quick(shape, lens="pca", **options)


def test_what_may_take_long_is_left_to_a_worker() -> None:
    large = noise(5000)
    assert quick(large)
    assert quick(large, lens="eccentricity", cover="balanced", resolution=30)
    assert not quick(noise(5001))
    for slow in ({"gain": 3.5}, {"resolution": 31}, {"cut": 3.0}, {"cut": 0.5}, {"min_samples": 1}):
        assert not quick(large, **slow), slow
    few = noise(400)
    assert quick(few, cut=0.01, min_samples=1)
    assert not quick(noise(401), min_samples=2)
    # eccentricity is as long as three coordinates more: 2,886 points of 9 at any cut, not 3,333
    assert quick(noise(3000), cut=100)
    assert not quick(noise(3000), cut=100, lens="eccentricity")
    assert quick(noise(2000, 5))
    assert not quick(noise(2001, 5))
