"""One layer looked at closely: its points, its picture, its loops."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.decomposition import PCA

from analysis.activation_cloud import (
    CYCLES,
    DRAWS,
    KEPT,
    ActivationCloud,
    CloudParams,
    activation_cloud,
    principal_axes,
)
from analysis.cloud_shape import cloud_shape, filtration
from analysis.codec import decode, encode
from analysis.errors import AnalysisError
from analysis.landscapes import bars_norm
from analysis.networks import NetworkSource


def source_of(tmp_path: Path, points: np.ndarray, *, name: str = "a") -> NetworkSource:
    path = tmp_path / "step-000001.npz"
    np.savez(path, **{name: points})
    return NetworkSource("run", (str(path),), layers=(name,), stored=True)


def cloud_of(tmp_path: Path, points: np.ndarray, **params: Any) -> ActivationCloud:
    said = {"inputs": len(points)} | params
    return activation_cloud(source_of(tmp_path, points), CloudParams(**said))


def circle(n: int, *, width: int = 2, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    angle = 2 * np.pi * rng.random(n)
    plane = np.column_stack([np.cos(angle), np.sin(angle)]) + 0.02 * rng.normal(size=(n, 2))
    turn = np.linalg.qr(rng.normal(size=(width, width)))[0][:2]
    return (plane @ turn - 0.3).astype(np.float32)


@pytest.mark.parametrize("width", [1, 2, 15, 64, 65, 400])
def test_points_and_plane_are_principal_coordinates(tmp_path: Path, width: int) -> None:
    rng = np.random.default_rng(0)
    points = (rng.normal(size=(80, width)) * np.linspace(5, 1, width) + 3).astype(np.float32)
    found = cloud_of(tmp_path, points)
    count = min(width, 80, KEPT)
    expected = PCA(n_components=count, svd_solver="full").fit(points.astype("f8"))
    theirs = expected.transform(points.astype("f8"))
    assert found.width == width
    assert found.points.shape == (80, max(count, 2))
    ours = found.points[:, :count]
    np.testing.assert_allclose(np.abs(ours), np.abs(theirs), atol=0.02)  # half precision
    shares = (*expected.explained_variance_ratio_, 0.0)[:2]
    np.testing.assert_allclose(found.explained, shares, rtol=1e-5)
    np.testing.assert_array_equal(found.plane.astype(np.float16), found.points[:, :2])
    assert found.plane.dtype == np.float32
    if width <= KEPT:  # a turn: no distance changes
        gaps = np.linalg.norm(points[:, None].astype("f8") - points, axis=2)
        np.testing.assert_allclose(
            np.linalg.norm(found.points[:, None].astype("f8") - found.points, axis=2),
            gaps,
            atol=0.03,
        )


def test_signs_of_axes_do_not_depend_on_the_library() -> None:
    for width in (5, 300):
        points = np.random.default_rng(1).normal(size=(40, width))
        turned, _ = principal_axes(points)
        mirrored, _ = principal_axes(-points)
        largest = turned[np.abs(turned).argmax(axis=0), np.arange(turned.shape[1])]
        assert (largest[:39] > 0).all()
        np.testing.assert_allclose(np.abs(mirrored[:, :5]), np.abs(turned[:, :5]), atol=1e-9)


@pytest.mark.parametrize("n", [3, 6, 7, 50])
@pytest.mark.parametrize("width", [2, 80])
def test_equal_points_lie_at_the_centre_exactly(n: int, width: int) -> None:
    turned, explained = principal_axes(np.full((n, width), 0.1))  # whose mean is rounded
    assert not turned.any()
    assert explained == (0, 0)


@pytest.mark.parametrize("homology", ["global", "local"])
@pytest.mark.parametrize("rectified", [False, True])
def test_cycles_are_closed_loops_born_with_their_bar(
    tmp_path: Path, homology: str, *, rectified: bool
) -> None:
    points = circle(120, width=5)
    points = np.maximum(points, 0) + np.eye(5, dtype=np.float32)[0] if rectified else points
    found = cloud_of(tmp_path, points, homology=homology, inputs=100, seed=2)
    matrix, scale, _ = filtration(points[found.rows], homology=homology, rectified=rectified)
    bars = found.diagram.bars(1)
    assert found.scale == pytest.approx(scale)
    assert len(found.cycles) == min(len(bars), CYCLES) > 0
    for loop, (birth, _) in zip(found.cycles, bars, strict=False):
        assert len(loop) >= 4 if homology == "global" else len(loop) >= 3
        assert len(set(loop.tolist())) == len(loop)
        assert 0 <= loop.min() <= loop.max() < 100
        edges = matrix[loop, np.roll(loop, -1)].astype(np.float32)
        assert edges.max() == np.float32(birth) == edges[-1]
    if homology == "global":
        # the longest bar goes all the way around
        plane = found.plane[found.cycles[0]].astype("f8")
        angle = np.unwrap(np.arctan2(plane[:, 1], plane[:, 0]))
        step = np.angle(np.exp(1j * (angle[0] - angle[-1])))
        assert abs(angle[-1] + step - angle[0]) == pytest.approx(2 * np.pi)


@pytest.mark.parametrize("dimension", [0, 1, 2])
def test_norm_and_diagram_are_those_of_the_cloud(tmp_path: Path, dimension: int) -> None:
    points = circle(50, width=3)
    found = cloud_of(tmp_path, points, dimension=dimension)
    shape = cloud_shape(points, homology="global", dimension=dimension)
    for d in {min(dimension, 1), dimension}:
        np.testing.assert_array_equal(found.diagram.bars(d), shape.diagram.bars(d))
    lengths = shape.diagram.lengths(dimension)
    expected = np.sqrt((lengths[np.isfinite(lengths)] ** 3).sum() / 12)
    assert found.norm == pytest.approx(expected)
    assert len(found.cycles) == (0 if dimension == 0 else min(len(shape.diagram.bars(1)), CYCLES))


@pytest.mark.parametrize(
    ("n", "sizes"),
    [
        (1000, [125, 250, 500, 1000]),
        (61, [16, 30, 61]),
        (40, [16, 20, 40]),
        (20, [16, 20]),
        (16, [16]),
        (5, [5]),
    ],
)
def test_sizes(tmp_path: Path, n: int, sizes: Sequence[int]) -> None:
    found = cloud_of(tmp_path, circle(n))
    assert found.sizes.tolist() == sizes
    assert found.size_norms.shape == (len(sizes), DRAWS)
    assert (found.size_norms[-1] == found.norm).all()


@pytest.mark.parametrize("homology", ["global", "local"])
def test_what_the_number_of_points_does_to_the_norm(tmp_path: Path, homology: str) -> None:
    points = np.random.default_rng(0).normal(size=(320, 3)).astype(np.float32)
    how = {"homology": homology, "dimension": 0}
    found = cloud_of(tmp_path, points, **how, seed=5)
    again = cloud_of(tmp_path, points, **how, seed=5)
    np.testing.assert_array_equal(found.size_norms, again.size_norms)
    assert all(len(set(row)) == DRAWS for row in found.size_norms[:-1])
    # components of fewer points are further apart
    means = found.size_norms.mean(axis=1)
    assert (np.diff(means) < 0).all() if homology == "global" else means.std() > 0
    # each is the norm of that many of the points, centred and scaled for itself
    rng = np.random.default_rng(5)
    part = points[rng.choice(320, 40, replace=False)]
    expected = bars_norm(cloud_shape(part, homology=homology, dimension=0).diagram, dimension=0)
    assert found.size_norms[0, 0] == pytest.approx(expected)


def test_the_effect_of_the_size_is_cheap_beside_the_barcode() -> None:
    points = np.random.default_rng(0).normal(size=(1000, 15))

    def seconds(parts: Sequence[int]) -> float:
        start = time.process_time()
        for n in parts:
            cloud_shape(points[:n], homology="global")
        return time.process_time() - start

    seconds([1000])
    assert seconds([125, 250, 500] * DRAWS) < 6 * seconds([1000])


@pytest.mark.parametrize("projection", ["pca", "umap"])
@pytest.mark.parametrize("value", [0, 0.1])
def test_a_layer_of_one_point(tmp_path: Path, projection: str, value: float) -> None:
    for width in (1, 3, 400):
        points = np.full((60, width), value, np.float32)
        found = cloud_of(tmp_path, points, projection=projection)
        assert found.note.startswith("constant" if value else "dead")
        assert (found.norm, found.scale) == (0, 0)
        assert not found.points.any()
        assert not found.plane.any()
        assert found.explained == (0, 0)
        assert len(found.cycles) == 0
        assert not found.size_norms.any()


def test_a_layer_that_cannot_be_used_is_an_error(tmp_path: Path) -> None:
    points = circle(30)
    points[3] = np.nan
    with pytest.raises(AnalysisError, match="NaN or infinite for 1 of 30 inputs"):
        cloud_of(tmp_path, points)
    with pytest.raises(AnalysisError, match="no arrays of activations"):
        cloud_of(tmp_path, np.zeros((30, 2), bool), inputs=20)
    path = tmp_path / "step-000001.npz"
    np.savez(path, a=circle(30), b=np.zeros((30, 2), bool))
    source = NetworkSource("run", (str(path),), layers=("b",), stored=True)
    with pytest.raises(AnalysisError, match="holds bool, not real numbers"):
        activation_cloud(source, CloudParams(inputs=20))


def test_a_local_homology_that_is_not_defined_is_an_error(tmp_path: Path) -> None:
    points = np.maximum(np.random.default_rng(0).normal(size=(40, 2)) - 2, 0).astype(np.float32)
    assert (~points.any(axis=1)).sum() > 20
    with pytest.raises(AnalysisError, match="no median norm to divide by, so local homology"):
        cloud_of(tmp_path, points, homology="local")
    assert cloud_of(tmp_path, points).norm >= 0
    # nearly half: it is not defined for some of the smaller samples only
    points = np.concatenate([np.zeros((45, 2)), circle(55) + 3]).astype(np.float32)
    found = cloud_of(tmp_path, points, homology="local", dimension=0)
    assert np.isnan(found.size_norms).any()
    assert np.isfinite(found.size_norms[-1]).all()
    assert np.isfinite(found.size_norms[:-1]).any()


def test_the_note_says_what_local_homology_is_about(tmp_path: Path) -> None:
    assert cloud_of(tmp_path, circle(40)).note == ""
    found = cloud_of(tmp_path, circle(40), homology="local")
    assert found.note == "centred (some stored value is negative)"
    rectified = np.maximum(circle(40), 0) + np.float32([1, 0])
    found = cloud_of(tmp_path, rectified, homology="local")
    assert found.note.startswith("at the origin (no stored value is negative and some are 0")


def test_fewer_inputs_than_asked_for(tmp_path: Path) -> None:
    found = cloud_of(tmp_path, circle(40), inputs=1000)
    assert (len(found.points), found.n_total) == (40, 40)
    assert found.inputs_note == "1,000 asked for; there are no more"
    assert cloud_of(tmp_path, circle(40)).inputs_note == ""


@pytest.mark.slow
def test_umap_of_two_circles(tmp_path: Path) -> None:
    points = np.concatenate([circle(60, width=4), circle(60, width=4, seed=1) + 9])
    found = cloud_of(tmp_path, points, projection="umap")
    assert found.plane.shape == (120, 2)
    assert found.plane.dtype == np.float32
    assert found.explained == ()
    one, other = found.plane[:60], found.plane[60:]
    apart = np.linalg.norm(one[:, None] - other, axis=2).min()
    step = np.linalg.norm(one[:, None] - one, axis=2)
    assert apart > np.sort(step, axis=1)[:, 1].max()
    np.testing.assert_array_equal(cloud_of(tmp_path, points, projection="umap").plane, found.plane)
    with pytest.raises(AnalysisError, match="umap needs at least 8 points"):
        cloud_of(tmp_path, points, projection="umap", inputs=7)


def test_results_survive_the_store(tmp_path: Path) -> None:
    found = cloud_of(tmp_path, circle(50))
    again = decode(encode(found, {}), ActivationCloud).result
    np.testing.assert_array_equal(again.cycles.values, found.cycles.values)
    np.testing.assert_array_equal(again.size_norms, found.size_norms)
    assert again.explained == found.explained
    assert again.labels.tolist() == [-1] * 50
