"""Pictures of the same filters lie the same way, whatever the axes that were found for them."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from analysis import alignment
from analysis.alignment import FEWEST, anchor, targets, turn, turned
from analysis.circle_models import primary_circle
from analysis.filters import normalised
from analysis.lenses import lens_values
from analysis.mapper import MapperGraph, mapper_graph
from analysis.ragged import Ragged

Floats = NDArray[np.float64]
KERNEL = (3, 3)


def rotation(degrees: float, *, flip: bool = False) -> Floats:
    a = np.radians(degrees)
    found = np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]])
    return found @ np.diag([1.0, -1.0]) if flip else found


def cloud(n: int, *, seed: int = 0, noise: float = 0.1) -> Floats:
    """Filters near the primary circle, more of them in some directions, centred and normalised."""
    rng = np.random.default_rng(seed)
    rows = rng.choice(360, size=n, p=_uneven())
    noisy = primary_circle(360)[rows] + noise * rng.normal(size=(n, 9))
    return normalised(noisy)[0].astype(np.float64)


def _uneven() -> Floats:
    weights = 1.2 + np.cos(np.arange(360) * 2 * np.pi / 360)
    return weights / weights.sum()


def graph_of(points: Floats, lens: Floats | None = None) -> MapperGraph:
    values = lens_values(points, "pca") if lens is None else lens
    return mapper_graph(points, values, resolution=8, gain=2.5)


@given(
    degrees=st.floats(0, 360), flip=st.booleans(), scale=st.floats(0.1, 10), shift=st.floats(-5, 5)
)
def test_a_turned_flipped_moved_plane_comes_back(
    *, degrees: float, flip: bool, scale: float, shift: float
) -> None:
    plane = np.random.default_rng(0).normal(size=(50, 2)) * [2.0, 1.0]
    found = turn(plane, (plane * scale + shift) @ rotation(degrees, flip=flip))
    np.testing.assert_allclose(found, rotation(degrees, flip=flip), atol=1e-9)


def test_a_turn_is_the_best_of_all_turns_and_flips() -> None:
    rng = np.random.default_rng(1)
    plane, target = rng.normal(size=(2, 40, 2))
    plane, target = plane - plane.mean(axis=0), target - target.mean(axis=0)
    found = ((plane @ turn(plane, target) - target) ** 2).sum()
    others = [
        ((plane @ rotation(degrees, flip=flip) - target) ** 2).sum()
        for degrees in range(360)
        for flip in (False, True)
    ]
    assert found <= min(others) + 1e-9
    assert found == pytest.approx(min(others), rel=1e-3)


def test_rows_without_a_target_say_nothing() -> None:
    rng = np.random.default_rng(2)
    plane = rng.normal(size=(30, 2))
    target = plane @ rotation(70)
    plane[::3] = rng.normal(size=(10, 2))
    target[::3] = np.nan
    np.testing.assert_allclose(turn(plane, target), rotation(70), atol=1e-9)


@pytest.mark.parametrize(
    ("plane", "target"),
    [
        (np.random.default_rng(3).normal(size=(9, 2)), np.full((9, 2), np.nan)),
        (np.arange(18.0).reshape(9, 2) * [1, 0], np.random.default_rng(3).normal(size=(9, 2))),
        (np.random.default_rng(3).normal(size=(9, 2)), np.zeros((9, 2))),
        (np.zeros((0, 2)), np.zeros((0, 2))),
        (np.ones((1, 2)), np.ones((1, 2))),
    ],
    ids=["no target", "one dimension", "all targets alike", "nothing", "one point"],
)  # fmt: skip
def test_where_nothing_says_how_to_turn_nothing_is_turned(plane: Floats, target: Floats) -> None:
    np.testing.assert_array_equal(turn(plane, target), np.eye(2))


def test_pictures_of_the_filters_that_two_steps_share_lie_the_same_way() -> None:
    """Between the steps every filter moves a little, and the axes turn and flip as they like."""
    first, names = cloud(400), [f"0.{i}.0" for i in range(400)]
    rng = np.random.default_rng(4)
    kept = rng.permutation(400)[:300]  # other filters are kept, in another order
    second = normalised(first[kept] + 0.03 * rng.normal(size=(300, 9)))[0].astype(np.float64)
    fixed = anchor(first, KERNEL, names)
    target = targets(second, KERNEL, names=[names[i] for i in kept], towards=fixed)
    plane = alignment.principal_plane(second)
    np.testing.assert_allclose(
        plane @ turn(plane, target), fixed.plane[kept], atol=0.2, err_msg="filters moved by 0.03"
    )
    for flip in (False, True):  # whatever axes were found
        other = plane @ rotation(123, flip=flip)
        np.testing.assert_allclose(
            other @ turn(other, target), plane @ turn(plane, target), atol=1e-9
        )


def test_signs_of_principal_axes_do_not_show_in_a_graph() -> None:
    points = cloud(400)
    lens = lens_values(points, "pca")
    fixed = anchor(points, KERNEL, range(400))
    target = targets(points, KERNEL, names=range(400), towards=fixed)
    pictures = []
    for signs in ([1, 1], [-1, 1], [1, -1], [-1, -1]):
        graph = graph_of(points)
        graph = replace(graph, lens=graph.lens * signs, positions=graph.positions * signs)
        pictures.append(turned(graph, target))
    for each in pictures[1:]:
        np.testing.assert_allclose(each.lens, pictures[0].lens, atol=1e-9)
        np.testing.assert_allclose(each.positions, pictures[0].positions, atol=1e-6)
    assert np.ptp(lens, axis=0).min() > 0


def test_a_turned_graph_keeps_its_shape() -> None:
    points = cloud(300)
    graph = graph_of(points)
    made = turned(graph, graph.lens[0] + targets(points, KERNEL, names=range(300), towards=None))
    np.testing.assert_array_equal(made.edges, graph.edges)
    np.testing.assert_array_equal(made.members.values, graph.members.values)
    for one, other in ((made.lens, graph.lens),):
        np.testing.assert_allclose(_distances(one), _distances(other), atol=1e-9)


def _distances(points: Floats) -> Floats:
    found: Floats = np.linalg.norm(points[:, None] - points[None], axis=2)
    return found


def test_without_an_anchor_filters_lie_along_their_gradients() -> None:
    points = cloud(500, noise=0.02)
    plane = alignment.principal_plane(points)
    target = targets(points, KERNEL, names=range(500), towards=None)
    np.testing.assert_array_equal(target, alignment.gradient_plane(points, KERNEL))
    there = plane @ turn(plane, target)
    y, x = (grid.ravel() for grid in np.mgrid[1:-2:-1, -1:2])
    right = points @ x  # brightens to the right, and upwards
    up = points @ y
    assert np.corrcoef(there[:, 0], right)[0, 1] > 0.95
    assert np.corrcoef(there[:, 1], up)[0, 1] > 0.95


def test_with_fewer_common_filters_than_would_say_how_gradients_do() -> None:
    points = cloud(200)
    names = [f"0.{i}.0" for i in range(200)]
    fixed = anchor(points, KERNEL, names)
    elsewhere = [f"1.{i}.0" for i in range(200)]
    for common in (0, 1, FEWEST - 1, FEWEST, 200):
        mixed = names[:common] + elsewhere[common:]
        found = targets(points, KERNEL, names=mixed, towards=fixed)
        if common < FEWEST:
            np.testing.assert_array_equal(found, alignment.gradient_plane(points, KERNEL))
        else:
            np.testing.assert_array_equal(found[:common], fixed.plane[:common])
            assert np.isnan(found[common:]).all()


def test_a_kernel_without_gradients_is_left_as_it_is() -> None:
    points = normalised(np.random.default_rng(5).normal(size=(60, 3)))[0].astype(np.float64)
    assert np.isnan(alignment.gradient_plane(points, (1, 3))).all()
    fixed = anchor(points, (1, 3), range(60))
    np.testing.assert_array_equal(fixed.plane, alignment.principal_plane(points))


def test_a_lens_of_one_dimension_is_not_turned() -> None:
    points = cloud(300)
    graph = graph_of(points, lens_values(points, "pca")[:, :1])
    target = targets(points, KERNEL, names=range(300), towards=anchor(points, KERNEL, range(300)))
    made = turned(graph, target)
    np.testing.assert_array_equal(made.lens, graph.lens)
    np.testing.assert_array_equal(made.positions, graph.positions)


def test_an_empty_graph_is_not_turned() -> None:
    graph = graph_of(np.zeros((0, 9)))
    made = turned(graph, np.zeros((0, 2)))
    assert made.n_nodes == 0


def test_the_same_filters_are_the_same_picture() -> None:
    points = cloud(300)
    one, other = (
        turned(
            graph_of(points),
            targets(points, KERNEL, names=range(300), towards=anchor(points, KERNEL, range(300))),
        )
        for _ in range(2)
    )
    np.testing.assert_array_equal(one.positions, other.positions)
    fixed = anchor(points, KERNEL, range(300))
    plane = alignment.principal_plane(points)
    target = targets(points, KERNEL, names=range(300), towards=fixed)
    np.testing.assert_allclose(plane @ turn(plane, target), fixed.plane, atol=1e-9)


def test_node_means_are_the_means_of_known_members() -> None:
    values = np.array([[0.0, 0.0], [2.0, 4.0], [np.nan, np.nan], [6.0, 6.0]])
    members = Ragged.of([[0, 1], [1, 2, 3], [2]])
    found = alignment.node_means(values, members)
    np.testing.assert_array_equal(found[:2], [[1.0, 2.0], [4.0, 5.0]])
    assert np.isnan(found[2]).all()
