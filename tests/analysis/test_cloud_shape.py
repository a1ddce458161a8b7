"""Filtrations of activations against a direct computation with numpy and ripser."""

import math
import warnings

import numpy as np
import pytest
from ripser import ripser

from analysis.cloud_shape import cloud_shape, distances, filtration, offset
from analysis.datasets import load_dataset
from analysis.errors import AnalysisError
from analysis.homology import vietoris_rips
from analysis.landscapes import bars_norm

CLOUDS = {
    "plane": (60, 2),
    "line": (40, 1),
    "usual": (50, 15),
    "two": (2, 3),
    "three": (3, 2),
    "just not wide": (30, 128),
    "wide": (40, 129),
    "very wide": (30, 3000),
}


def cloud_of(name: str, *, seed: int = 0) -> np.ndarray:
    points = np.random.default_rng(seed).normal(size=CLOUDS[name]) * 3 + 7
    return points.astype(np.float32)


def all_pairs(points: np.ndarray) -> np.ndarray:
    return np.array([[math.dist(x, y) for y in points] for x in points])


def by_hand(points: np.ndarray, homology: str, *, rectified: bool) -> tuple[np.ndarray, float]:
    """Steps 2 and 3 of the method, literally."""
    x = points.astype(np.float64)
    if homology == "global":
        x = x - x.mean(axis=0)
        scale = max(math.dist(a, b) for a in x for b in x)
        return all_pairs(x / scale), scale
    if not rectified:
        x = x - x.mean(axis=0)
    norms = [math.hypot(*row) for row in x]
    ranked = sorted(range(len(x)), key=lambda i: norms[i])
    middle = int(len(x) * 0.5)
    scale = norms[ranked[middle]]
    x = x / scale
    for i in ranked[middle:]:
        x[i] = x[i] / math.hypot(*x[i])
    matrix = all_pairs(x)
    for i in ranked[middle:]:
        for j in ranked[middle:]:
            matrix[i, j] = 0.0
    return matrix, scale


def sorted_bars(pairs: np.ndarray) -> np.ndarray:
    pairs = pairs[pairs[:, 1] > pairs[:, 0]]
    return pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]


def check(
    points: np.ndarray, homology: str, *, rectified: bool = False, dimension: int = 1
) -> None:
    matrix, scale = by_hand(points, homology, rectified=rectified)
    ours, size, note = filtration(points, homology=homology, rectified=rectified)
    assert note == ""
    assert size == pytest.approx(scale, rel=1e-7)
    np.testing.assert_allclose(ours, matrix, atol=2e-7)
    np.testing.assert_array_equal(ours, ours.T)
    found = cloud_shape(points, homology=homology, rectified=rectified, dimension=dimension)
    assert found.scale == size
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # more columns than rows is what a matrix never has
        expected = ripser(matrix, maxdim=dimension, distance_matrix=True)["dgms"]
    for d, pairs in enumerate(expected):
        # a bar of a rounding's length may be there on one side only
        theirs = pairs[pairs[:, 1] - pairs[:, 0] > 1e-6]
        bars = found.diagram.bars(d)
        mine = bars[bars[:, 1] - bars[:, 0] > 1e-6]
        assert len(mine) == len(theirs)
        np.testing.assert_allclose(sorted_bars(mine), sorted_bars(theirs), atol=1e-6)


@pytest.mark.parametrize("name", CLOUDS)
@pytest.mark.parametrize("homology", ["global", "local"])
def test_it_is_the_method_done_literally(name: str, homology: str) -> None:
    check(cloud_of(name), homology)


@pytest.mark.parametrize("name", ["plane", "usual", "wide"])
def test_a_rectified_cloud_is_not_centred(name: str) -> None:
    points = np.maximum(cloud_of(name) - 7, 0)
    check(points, "local", rectified=True)
    _, centred, _ = filtration(points, homology="local")
    _, scale, _ = filtration(points, homology="local", rectified=True)
    assert abs(centred - scale) > 0.01 * scale


@pytest.mark.parametrize("homology", ["global", "local"])
def test_duplicates_and_voids(homology: str) -> None:
    points = np.repeat(cloud_of("usual")[:20], [1, 5] * 10, axis=0)
    check(points, homology)
    rng = np.random.default_rng(3)
    sphere = rng.normal(size=(60, 3))
    check(sphere / np.linalg.norm(sphere, axis=1, keepdims=True), homology, dimension=2)


@pytest.mark.parametrize("width", [3, 500])
def test_neither_place_nor_size_of_a_cloud_matters(width: int) -> None:
    points = np.random.default_rng(1).normal(size=(40, width))
    for homology in ("global", "local"):
        one, scale, _ = filtration(points, homology=homology)
        other, larger, _ = filtration(1000 * points + 5, homology=homology)
        np.testing.assert_allclose(other, one, atol=1e-6)
        assert larger == pytest.approx(1000 * scale)


@pytest.mark.parametrize("n", [12, 60, 61])
def test_a_circle_has_one_bar_of_the_known_length(n: int) -> None:
    angle = 2 * np.pi * np.arange(n) / n
    circle = 4 + 2.5 * np.column_stack([np.cos(angle), np.sin(angle)])
    found = cloud_shape(circle, homology="global")
    # n even steps: chords of angle 2π/n and of the smallest number of steps that reaches 2π/3
    diameter = 2 * np.sin(np.pi * (n // 2) / n)
    birth, death = 2 * np.sin(np.pi / n), 2 * np.sin(np.pi * math.ceil(n / 3) / n)
    ((b, d),) = found.diagram.bars(1)
    assert (b, d) == pytest.approx((birth / diameter, death / diameter), abs=1e-6)
    assert found.scale == pytest.approx(2.5 * diameter)


def test_rays_from_the_origin_are_loops_of_local_homology() -> None:
    """Two crossing lines are contractible, and four rays with their ends identified are not."""
    t = np.linspace(-1, 1, 41)
    cross = np.concatenate([np.column_stack([t, 0 * t]), np.column_stack([0 * t, t])])
    local = cloud_shape(cross, homology="local", rectified=True).diagram.lengths(1)
    assert (local > 0.4).sum() == 3
    assert len(local) == 3
    assert (cloud_shape(cross, homology="global").diagram.lengths(1) > 0.1).sum() == 0


def test_the_background_of_the_disks_has_nine_holes() -> None:
    data = load_dataset({"name": "disks", "step": 0.0446}, data_dir=None, base=None)  # type: ignore[arg-type]
    background = data.inputs[data.labels == 0]
    lengths = cloud_shape(background, homology="global").diagram.lengths(1)
    assert (lengths > 0.05).sum() == 9
    assert lengths[8] > 3 * lengths[9]
    # without the class there is nothing to see
    lengths = cloud_shape(data.inputs, homology="global").diagram.lengths(1)
    assert (lengths > 0.05).sum() == 0


@pytest.mark.parametrize("homology", ["global", "local"])
@pytest.mark.parametrize("rectified", [False, True])
@pytest.mark.parametrize("width", [1, 15, 200, 4000])
def test_a_layer_of_one_point_says_so(homology: str, rectified: bool, width: int) -> None:  # noqa: FBT001
    how = {"homology": homology, "rectified": rectified}
    dead = cloud_shape(np.zeros((50, width), np.float32), **how)
    assert dead.note.startswith("dead")
    # a tenth has no exact mean in binary: about the mean the cloud would have a size
    constant = cloud_shape(np.full((50, width), 0.1, np.float32), **how, dimension=2)
    assert constant.note.startswith("constant")
    for found in (dead, constant):
        assert found.scale == 0
        assert len(found.diagram.bars(1)) == 0
        assert bars_norm(found.diagram) == 0
        assert found.diagram.bars(0).tolist() == [[0, np.inf]]


@pytest.mark.parametrize("homology", ["global", "local"])
@pytest.mark.parametrize("width", [2, 200])
def test_one_point_beside_many_equal_ones(homology: str, width: int) -> None:
    points = np.full((30, width), 0.1, np.float32)
    points[4] += 1
    found = cloud_shape(points, homology=homology)
    assert found.note == ""
    assert len(found.diagram.bars(1)) == 0
    if homology == "global":
        assert found.scale == pytest.approx(np.sqrt(width), rel=1e-6)
        assert found.diagram.bars(0).tolist() == [[0, np.inf], [0, 1]]


def test_no_median_norm() -> None:
    off = np.zeros((10, 3), np.float32)
    off[:4] = np.random.default_rng(0).random((4, 3))
    with pytest.raises(AnalysisError, match="half of the inputs turn all its units off: there is"):
        cloud_shape(off, homology="local", rectified=True)
    # which is no matter of its global homology, nor of that at another point
    assert cloud_shape(off, homology="global").note == ""
    assert cloud_shape(off, homology="local").note == ""
    off[4:6] = 1  # now fewer than half are off
    assert cloud_shape(off, homology="local", rectified=True).note == ""
    # symmetric about points that are at the mean but for rounding
    centre = np.array([[0.1, 0.7]] * 11 + [[0.1 + s, 0.7] for s in (-0.3, 0.3, -0.2, 0.2)])
    with pytest.raises(AnalysisError, match="give exactly the centre: there is no median norm"):
        cloud_shape(centre, homology="local")


@pytest.mark.parametrize("width", [3, 300])
def test_the_filtration_is_rounded_as_it_is_used(width: int) -> None:
    """Half the memory, and bit for bit the bars that distances in double precision give."""
    points = np.random.default_rng(4).normal(size=(70, width)).astype(np.float32)
    for homology in ("global", "local"):
        matrix, _, _ = filtration(points, homology=homology)
        assert matrix.dtype == np.float32
        how = {"metric": "precomputed", "landmarks": None}
        twice = vietoris_rips(matrix.astype(np.float64), **how)
        found = cloud_shape(points, homology=homology).diagram
        np.testing.assert_array_equal(found.pairs, twice.pairs)
        np.testing.assert_array_equal(found.birth_edges, twice.birth_edges)


def test_how_far_a_cloud_is_from_the_origin() -> None:
    shift = np.array([3, 4])
    square = np.array([[1.0, 1], [1, -1], [-1, 1], [-1, -1]])
    assert offset(square) == 0
    assert offset(square + shift) == pytest.approx(5 / np.sqrt(2))
    assert offset(7 * (square + shift)) == pytest.approx(5 / np.sqrt(2))
    lopsided = np.array([[0.0], [0], [0], [0], [10]])  # mean 2, distances 2, 2, 2, 2, 8
    assert offset(lopsided) == pytest.approx(1)
    assert offset(np.zeros((5, 3), np.float32)) == 0
    assert offset(np.full((50, 3), 0.1, np.float32)) == np.inf
    assert offset(np.full((50, 3), -1e30, np.float32)) == np.inf
    assert offset(1e-30 * (square + shift)) == pytest.approx(5 / np.sqrt(2))
    with pytest.raises(AnalysisError, match="NaN or infinite for 1 of 2 inputs"):
        offset(np.array([[1.0], [np.nan]]))


def test_bad_points_are_refused() -> None:
    points = cloud_of("plane")
    points[3, 0], points[5] = np.nan, np.inf
    with pytest.raises(AnalysisError, match="NaN or infinite for 2 of 60 inputs"):
        cloud_shape(points, homology="global")
    with pytest.raises(AnalysisError, match="1 inputs have no shape"):
        cloud_shape(np.zeros((1, 2)), homology="global")
    with pytest.raises(AnalysisError, match="homology must be one of global, local, got 'both'"):
        cloud_shape(cloud_of("plane"), homology="both")
    for shape in ((5,), (5, 0), (5, 2, 2)):
        with pytest.raises(AnalysisError, match="must be a table"):
            cloud_shape(np.zeros(shape), homology="global")


@pytest.mark.parametrize("factor", [1e-30, 1e-44, 1e30])
@pytest.mark.parametrize("homology", ["global", "local"])
def test_numbers_at_the_ends_of_single_precision(factor: float, homology: str) -> None:
    points = (np.random.default_rng(0).integers(-9, 9, (30, 3)) * np.float64(factor)).astype("f4")
    one, scale, note = filtration(points, homology=homology)
    assert note == ""
    assert scale > 0
    exact = points.astype(np.float64) / scale
    np.testing.assert_allclose(one, by_hand(exact, homology, rectified=False)[0], atol=1e-6)


@pytest.mark.parametrize("width", [128, 129])
def test_both_ways_of_taking_distances_agree_far_from_the_origin(width: int) -> None:
    points = np.random.default_rng(5).normal(size=(30, width)) + 1e4
    points[7] = points[8]
    points[9] = points[8] + 1e-3
    found = distances(points)
    np.testing.assert_allclose(found, all_pairs(points), atol=1e-5 * found.max())
    assert found[7, 8] == 0
    assert found[9, 8] > 0
