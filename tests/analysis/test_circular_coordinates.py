"""`analysis.circular_coordinates` on clouds with known loops, and against ripser and scipy."""

import dataclasses

import numpy as np
import pytest
from ripser import ripser
from scipy.sparse import lil_matrix
from scipy.sparse.linalg import lsqr
from scipy.spatial.distance import pdist, squareform

from analysis import circle_models, codec, registry
from analysis._circular_cocycle import is_cocycle, lifted
from analysis.circular_coordinates import CircularParams, circular_coordinates, filter_circle
from analysis.errors import AnalysisError
from analysis.filter_shape import FilterParams, filter_shape
from analysis.homology import vietoris_rips

GRADIENTS = np.array([[-1, 0, 1] * 3, [1, 1, 1, 0, 0, 0, -1, -1, -1]], dtype=float)


def even(n):
    return 2 * np.pi * np.arange(n) / n


def ring(angles, *, noise=0.0, seed=0):
    flat = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return flat + np.random.default_rng(seed).normal(0, noise, flat.shape)


def apart(one, other):
    """Largest distance of angles."""
    return np.abs(np.angle(np.exp(1j * (one - other)))).max()


def up_to_origin(one, other):
    """Largest distance of angles after the best turn."""
    return apart(one, other + np.angle(np.mean(np.exp(1j * (one - other)))))


def winding(angles):
    """Turns of angles in the order given, back to the first."""
    steps = np.angle(np.exp(1j * np.diff(angles, append=angles[:1])))
    return steps.sum() / (2 * np.pi)


def torus(k):
    """Product of circles of radius 2 and 1, point i k + j at the i-th and the j-th angle."""
    u, v = (each.ravel() for each in np.meshgrid(even(k), even(k), indexing="ij"))
    return np.hstack([2 * ring(u), ring(v)])


def torsion(n, *, seed=0):
    """Disc whose boundary runs three times along one circle: H₁ is Z/3."""
    draws = np.random.default_rng(seed).uniform(size=(2, n))
    radius, angle = np.sqrt(draws[0]), 2 * np.pi * draws[1]
    inside = 1.5 * np.sqrt(radius * (1 - radius))
    return np.hstack([radius[:, None] * ring(3 * angle), inside[:, None] * ring(angle)])


# shapes whose angle is known


def test_the_coordinate_of_an_even_circle_is_its_angle():
    found = circular_coordinates(ring(even(60)))
    assert apart(found.angles, even(60)) < 1e-6
    assert (found.n_landmarks, found.prime, found.covered, found.note) == (60, 47, 1.0, "")
    assert found.birth < found.scale < found.death


def test_the_coordinate_of_a_circle_grows_with_the_angle():
    angles = np.sort(np.random.default_rng(1).uniform(0, 2 * np.pi, 300))
    found = circular_coordinates(ring(angles)).angles
    steps = np.angle(np.exp(1j * np.diff(found, append=found[:1])))
    assert steps.min() > 0
    assert winding(found) == pytest.approx(1)
    assert apart(found, angles) < 0.25


@pytest.mark.parametrize(("n", "noise"), [(300, 0.05), (3000, 0.1)])
def test_a_noisy_circle_has_nearly_its_angle(n, noise):
    cloud = ring(np.random.default_rng(2).uniform(0, 2 * np.pi, n), noise=noise)
    found = circular_coordinates(cloud, landmarks=200)
    assert found.covered == 1
    assert found.n_landmarks == 200
    assert apart(found.angles, np.arctan2(cloud[:, 1], cloud[:, 0])) < 0.25


def test_a_circle_in_nine_dimensions_is_found_in_its_plane():
    angles = even(500)
    axes = np.linalg.qr(np.random.default_rng(3).normal(size=(9, 2)))[0].T
    noise = np.random.default_rng(4).normal(0, 0.05, (500, 9))
    found = circular_coordinates(ring(angles) @ axes + noise, landmarks=250, plane=axes)
    assert apart(found.angles, angles) < 0.2
    assert winding(found.angles) == pytest.approx(1)


def test_the_coordinate_does_not_stand_still_where_points_crowd():
    rng = np.random.default_rng(5)
    angles = np.sort(np.r_[rng.uniform(0, 2 * np.pi, 150), rng.normal(1, 0.5, 250)])
    cloud = ring(angles) * [1.0, 0.8]
    for landmarks in (100, 400):  # without weights it is off by more than 1
        found = circular_coordinates(cloud, landmarks=landmarks).angles
        assert winding(found) == pytest.approx(1)
        assert up_to_origin(found, angles) < 0.6


@pytest.mark.parametrize("middle", [2.0, 1.0])
def test_each_class_of_two_circles_turns_about_its_own(middle):
    parts = slice(0, 80), slice(80, 220)
    angles = np.r_[even(80), even(140)]
    cloud = ring(angles)
    cloud[parts[0], 0] -= middle
    cloud[parts[1], 0] += middle  # apart, or with a point in common
    turns = np.array(
        [
            [winding(found.angles[part]) for part in parts]
            for found in (circular_coordinates(cloud, bar_index=i) for i in (0, 1))
        ]
    )
    assert np.allclose(turns[np.argsort(-turns[:, 0])], np.eye(2), atol=1e-9)


def test_a_class_of_disjoint_circles_is_constant_on_the_other():
    cloud = np.vstack([2 * ring(even(60)), ring(even(60)) + np.array([6, 0])])
    large, small = (circular_coordinates(cloud, bar_index=i).angles for i in (0, 1))
    assert apart(large[:60], even(60)) < 1e-6
    assert apart(small[60:], even(60)) < 1e-6
    assert apart(large[60:], large[60]) < 1e-9
    assert apart(small[:60], small[0]) < 1e-9


def test_each_class_of_a_torus_turns_along_its_own_circle():
    for bar_index, wanted in enumerate([(1, 0), (0, 1)]):
        found = circular_coordinates(torus(14), bar_index=bar_index).angles.reshape(14, 14)
        turns = winding(found[:, 0]), winding(found[0])
        assert turns == pytest.approx(wanted, abs=1e-9)


def test_angles_follow_the_primary_circle():
    filters = circle_models.primary_circle(400, seed=6)
    found = circular_coordinates(filters, plane=GRADIENTS)
    assert apart(found.angles, circle_models.gradient_angle(filters, (3, 3))) < 0.25


# orientation, origin, landmarks


def test_orientation_and_origin_follow_the_plane():
    cloud = ring(even(50))
    assert apart(
        circular_coordinates(cloud, plane=[[0, 1], [1, 0]]).angles, np.pi / 2 - even(50)
    ) < (1e-6)
    assert apart(circular_coordinates(cloud * [1, -1]).angles, -even(50)) < 1e-6


def test_a_plane_in_which_the_loop_does_not_turn_is_left_alone():
    flat = ring(even(50))
    cloud = np.insert(flat, 1, 0.01 * flat[:, 0], axis=1)  # of coordinates 0 and 2
    plane = np.eye(3)[:2]
    assert apart(circular_coordinates(cloud, plane=plane).angles, even(50)) < 1e-4


def test_similar_clouds_have_similar_angles():
    cloud = ring(even(300), noise=0.1) @ np.random.default_rng(7).normal(size=(2, 6))
    moved = cloud + np.random.default_rng(8).normal(0, 0.01, cloud.shape)
    one, other = (circular_coordinates(each, landmarks=150).angles for each in (cloud, moved))
    assert apart(one, other) < 0.3


def test_order_copies_and_place_do_not_matter():
    cloud = ring(np.random.default_rng(9).uniform(0, 2 * np.pi, 120), noise=0.1)
    found = circular_coordinates(cloud, landmarks=80)
    order = np.random.default_rng(10).permutation(np.r_[np.arange(120), np.arange(40)])
    again = circular_coordinates(cloud[order], landmarks=80)
    assert np.array_equal(again.angles, found.angles[order])
    assert np.array_equal(cloud[order][again.landmarks], cloud[found.landmarks])
    assert apart(circular_coordinates(cloud + 1000, landmarks=80).angles, found.angles) < 1e-3


def test_balls_of_half_the_scale_cover_the_points_if_the_bar_allows():
    cloud = np.vstack([ring(even(60)), [[0.7, 0.0], [0.0, -0.6]]])
    found = circular_coordinates(cloud, landmarks=20)
    radius = np.linalg.norm(cloud[:, None] - cloud[found.landmarks], axis=2).min(axis=1).max()
    assert found.birth < 2 * radius < found.death
    assert found.scale == pytest.approx((2 * radius + found.death) / 2)
    assert found.covered == 1


def test_points_outside_all_balls_have_the_angle_of_the_nearest_landmark():
    rng = np.random.default_rng(11)
    cloud = rng.normal(size=(400, 6))
    found = circular_coordinates(cloud, landmarks=60)
    distances = np.linalg.norm(cloud[:, None] - cloud[found.landmarks], axis=2)
    outside = distances.min(axis=1) >= found.scale / 2
    assert 0.1 < outside.mean() < 0.9
    assert found.covered == pytest.approx(1 - outside.mean())
    nearest = found.landmarks[distances.argmin(axis=1)]
    alone = (distances < found.scale / 2).sum(axis=1) == 1
    same = outside & alone[nearest]  # a landmark in one ball only has its angle unmixed
    assert same.sum() > 10
    assert apart(found.angles[same], found.angles[nearest[same]]) < 1e-9
    assert "far from every landmark" in found.note
    assert np.isfinite(found.angles).all()


# against ripser and scipy


def test_angles_are_those_of_least_squares_by_scipy_and_sums_by_hand():
    cloud = ring(np.random.default_rng(12).uniform(0, 2 * np.pi, 60), noise=0.15)
    found = circular_coordinates(cloud, prime=13)
    matrix = squareform(pdist(cloud))
    result = ripser(matrix, coeff=13, do_cocycles=True, distance_matrix=True)
    longest = np.argmax(np.diff(result["dgms"][1], axis=1)[:, 0])
    assert [found.birth, found.death] == pytest.approx(list(result["dgms"][1][longest]))
    assert found.scale == pytest.approx((found.birth + found.death) / 2)

    value = {(i, j): (c if c < 7 else c - 13) for i, j, c in result["cocycles"][1][longest]}
    edges = [(i, j) for i in range(60) for j in range(i) if matrix[i, j] <= found.scale]
    crowd = 1 + np.bincount(np.array(edges).ravel())
    system, right = lil_matrix((len(edges), 60)), np.zeros(len(edges))
    for row, (i, j) in enumerate(edges):
        root = 1 / np.sqrt(crowd[i] * crowd[j])
        system[row, j], system[row, i] = root, -root
        right[row] = -root * value.get((i, j), 0)
    tau = lsqr(system.tocsr(), right, atol=1e-13, btol=1e-13)[0]

    theta = np.zeros((60, 60))
    for i, j in edges:
        theta[i, j] = value.get((i, j), 0) + tau[j] - tau[i]
        theta[j, i] = -theta[i, j]
    weights = np.maximum(found.scale / 2 - matrix, 0)
    turns = tau + (weights * theta).sum(axis=1) / weights.sum(axis=1)
    forward, back = (up_to_origin(found.angles, sign * 2 * np.pi * turns) for sign in (1, -1))
    assert min(forward, back) < 1e-6

    share = 1 / np.array([crowd[i] * crowd[j] for i, j in edges])
    energy = np.average([theta[edge] ** 2 for edge in edges], weights=share)
    assert found.rms_step == pytest.approx(2 * np.pi * np.sqrt(energy))


@pytest.mark.parametrize("prime", [3, 47])
def test_lifted_cocycles_are_those_of_ripser_and_sum_to_zero_around_triangles(prime):
    cloud = np.random.default_rng(13).normal(size=(40, 3))
    diagram = vietoris_rips(cloud, field=prime, cocycles=True)
    birth, death = diagram.bars(1)[0]
    close = squareform(pdist(cloud)) <= (birth + death) / 2
    edges = close & ~np.eye(40, dtype=bool)
    cochain = lifted(diagram.cocycle(1, 0), edges, prime)
    assert np.array_equal(cochain, -cochain.T)
    assert cochain.any()
    assert not cochain[~edges].any()
    for i, j, c in diagram.cocycle(1, 0):
        assert not edges[i, j] or (cochain[i, j] - c) % prime == 0
    around = cochain[:, :, None] + cochain[None] - cochain[:, None]
    filled = edges[:, :, None] & edges[None] & edges[:, None]
    assert not around[filled].any()
    assert is_cocycle(cochain, edges)


def test_what_is_no_cocycle_is_told_as_in_every_triangle():
    rng = np.random.default_rng(14)
    seen = set()
    for _ in range(200):
        edges = np.triu(rng.random((7, 7)) < 0.5, 1)
        edges = edges | edges.T
        potential = rng.integers(-2, 3, 7)
        cochain = (potential - potential[:, None]) * edges
        i, j = rng.integers(0, 7, 2)
        if edges[i, j]:
            cochain[i, j] += 1
            cochain[j, i] -= 1
        around = cochain[:, :, None] + cochain[None] - cochain[:, None]
        whole = not around[edges[:, :, None] & edges[None] & edges[:, None]].any()
        assert is_cocycle(cochain, edges) == whole
        seen.add(whole)
    assert seen == {False, True}


def test_a_class_of_torsion_does_not_lift_and_says_so():
    found = circular_coordinates(torsion(3000), prime=3, landmarks=200)
    assert found.strength > 2
    assert np.isnan(found.angles).all()
    assert "Z/3 does not lift" in found.note
    assert circular_coordinates(torsion(3000), prime=47, landmarks=200).death < found.death


def test_another_prime_is_tried_where_a_cocycle_does_not_lift(monkeypatch):
    from analysis import _circular_classes as classes

    first = iter([False])
    monkeypatch.setattr(classes, "is_cocycle", lambda *given: next(first, is_cocycle(*given)))
    found = circular_coordinates(ring(even(40)), prime=5)
    assert (found.prime, found.note) == (47, "")
    assert apart(found.angles, even(40)) < 1e-6


# no loop, few points, bad input


@pytest.mark.parametrize(
    "points",
    [
        np.zeros((0, 2)),
        np.zeros((5, 0)),
        np.zeros((5, 2)),
        [[1.0, 2.0]],
        np.eye(3),
        np.column_stack([np.arange(20.0), np.zeros(20)]),
    ],
)
def test_without_a_loop_there_are_no_angles_and_a_note(points):
    found = circular_coordinates(points)
    assert found.angles.shape == (len(points),)
    assert np.isnan(found.angles).all()
    assert np.isnan([found.birth, found.death, found.scale, found.covered, found.rms_step]).all()
    assert "no loop" in found.note


def test_a_class_that_is_not_there_is_a_note():
    found = circular_coordinates(ring(even(20)), bar_index=1)
    assert np.isnan(found.angles).all()
    assert "no loop 1" in found.note


def test_four_points_make_a_circle():
    found = circular_coordinates([[1, 0], [0, 1], [-1, 0], [0, -1]])
    assert apart(found.angles, even(4)) < 1e-6
    assert (found.birth, found.death) == pytest.approx((np.sqrt(2), 2))
    assert found.rms_step == pytest.approx(np.pi / 2)


def test_noise_gets_a_note():
    found = circular_coordinates(np.random.default_rng(15).normal(size=(200, 8)))
    assert found.strength < 1.5
    assert "times as long as the next" in found.note
    assert ((found.angles >= 0) & (found.angles < 2 * np.pi)).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"prime": 2}, "odd prime below 32768, such as 47, got 2"),
        ({"prime": 9}, "got 9"),
        ({"landmarks": 0}, "at least one landmark is needed, got 0"),
        ({"bar_index": -1}, "bar_index must be at least 0"),
        ({"plane": np.eye(3)[:2]}, r"shape \(2, 2\)"),
        ({"plane": [[1, 1], [2, 2]]}, "independent"),
        ({"plane": [[1, 0], [0, np.nan]]}, "plane"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(AnalysisError, match=message):
        circular_coordinates(ring(even(10)), **options)


@pytest.mark.parametrize("points", [np.zeros(3), [[0.0, np.nan]], [[np.inf, 0.0]]])
def test_points_that_are_none_are_refused(points):
    with pytest.raises(AnalysisError, match="points must be finite rows"):
        circular_coordinates(points)


# the analysis


def layer(filters, kernel=(3, 3)):
    return filter_shape(
        [filters.reshape(-1, 4, *kernel).astype(np.float32)], FilterParams(k="5", fraction=1.0)
    )


def test_the_analysis_gives_kept_filters_the_gradient_angle():
    noise = np.random.default_rng(16).normal(0, 0.05, (400, 9))
    shape = layer(circle_models.primary_circle(400, seed=17) + noise)
    found = filter_circle(shape, CircularParams(circular_landmarks=150))
    assert found.angles.shape == (shape.n_kept,)
    assert found.n_landmarks == 150
    assert apart(found.angles, circle_models.gradient_angle(shape.points, (3, 3))) < 0.4
    assert found.strength > 3


def test_the_analysis_is_registered_and_its_result_can_be_stored():
    kind = registry.get("circular")
    assert (kind.needs, kind.title) == ("filters", "Circular coordinates")
    for cloud in (circle_models.primary_circle(60), np.random.default_rng(18).normal(size=(4, 9))):
        found = filter_circle(layer(cloud) if len(cloud) > 6 else few(cloud), CircularParams())
        again = codec.decode(codec.encode(found, {}), kind.result).result
        for each in dataclasses.fields(found):
            one, other = getattr(found, each.name), getattr(again, each.name)
            assert type(one) is type(other)
            assert np.array_equal(one, other, equal_nan=not isinstance(one, str))


def few(cloud):
    return filter_shape([cloud.reshape(-1, 1, 3, 3)], FilterParams(k="1", fraction=0.75))


def test_copies_of_filters_have_no_angle_but_a_reason():
    shape = layer(np.repeat(circle_models.primary_circle(20), 20, axis=0))
    found = filter_circle(shape, CircularParams())
    assert found.note == shape.degenerate != ""
    assert np.isnan(found.angles).all()
    assert found.angles.shape == (shape.n_kept,)


def test_kernels_without_gradients_have_a_coordinate_too():
    plane = np.linalg.svd(np.ones((1, 4)))[2][1:3]
    shape = layer(ring(even(200)) @ plane, kernel=(1, 4))
    found = filter_circle(shape, CircularParams())
    assert abs(winding(found.angles)) == pytest.approx(1)


def test_parameters_out_of_range_are_refused():
    with pytest.raises(AnalysisError, match="odd prime"):
        CircularParams(prime=4)
    with pytest.raises(AnalysisError, match="circular_landmarks"):
        CircularParams(circular_landmarks=2)
