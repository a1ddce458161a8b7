"""`analysis.circle_models` against closed forms, brute-force minimisation and known homology."""

import numpy as np
import pytest
from scipy import stats
from scipy.optimize import minimize

from analysis import circle_models as models
from analysis.errors import AnalysisError
from analysis.homology import loop_strength, vietoris_rips

THREE = (3, 3)


def grid(kernel):
    """Coordinates written out: x to the right, y upwards, 0 in the middle."""
    height, width = kernel
    x = np.array([[j - (width - 1) / 2 for j in range(width)] for _ in range(height)])
    y = np.array([[(height - 1) / 2 - i for _ in range(width)] for i in range(height)])
    return x.ravel(), y.ravel()


def unit(pattern):
    centred = pattern - pattern.mean()
    return centred / np.linalg.norm(centred)


def random_filters(n, kernel=THREE, seed=0):
    filters = np.random.default_rng(seed).normal(size=(n, kernel[0] * kernel[1]))
    filters -= filters.mean(axis=1, keepdims=True)
    return filters / np.linalg.norm(filters, axis=1, keepdims=True)


def published_patch(parameters, kernel):
    """c (ax + by)² + d (ax + by), centred and normalised, with (a, b), (c, d) on circles."""
    x, y = grid(kernel)
    t = np.cos(parameters[0]) * x + np.sin(parameters[0]) * y
    return unit(np.cos(parameters[1]) * t**2 + np.sin(parameters[1]) * t)


def brute_force_distance(patch, kernel):
    starts = [(a, b) for a in np.arange(6) * np.pi / 6 for b in np.arange(6) * np.pi / 3 + 0.1]
    found = [
        minimize(lambda p: np.sum((patch - published_patch(p, kernel)) ** 2), start).fun
        for start in sorted(
            starts, key=lambda p: np.sum((patch - published_patch(p, kernel)) ** 2)
        )[:6]
    ]
    return np.sqrt(min(found))


# the conventions


def test_x_grows_to_the_right_and_y_upwards():
    right = unit(np.array([[-1.0, 0, 1]] * 3).ravel())
    up = unit(np.array([[1.0] * 3, [0] * 3, [-1] * 3]).ravel())
    angles = models.gradient_angle(np.stack([right, up, -right, -up]), THREE)
    assert angles == pytest.approx([0, np.pi / 2, np.pi, 3 * np.pi / 2])


@pytest.mark.parametrize("kernel", [(3, 3), (5, 5), (7, 7), (11, 11), (3, 5), (7, 3), (4, 4)])
@pytest.mark.parametrize("seed", [None, 1])
def test_reference_clouds_are_centred_unit_patches_on_their_models(kernel, seed):
    clouds = {
        name: getattr(models, name)(31, kernel, seed=seed)
        for name in ("primary_circle", "secondary_circles", "three_circles", "klein_bottle")
    }
    for cloud in clouds.values():
        assert cloud.shape == (31, kernel[0] * kernel[1])
        assert np.abs(cloud.mean(axis=1)).max() < 1e-12
        assert np.linalg.norm(cloud, axis=1) == pytest.approx(1)
        assert models.fit_klein(cloud, kernel).residual.max() < 1e-7
    assert models.fit_primary(clouds["primary_circle"], kernel).residual.max() < 1e-12
    one = models.fit_secondary(clouds["secondary_circles"][0::2], kernel, "x")
    two = models.fit_secondary(clouds["secondary_circles"][1::2], kernel, "y")
    assert max(one.residual.max(), two.residual.max()) < 1e-12
    drawn = models.klein_bottle(31, kernel, seed=1)
    assert np.array_equal(drawn, clouds["klein_bottle"]) == (seed == 1)


def test_klein_patches_are_the_published_ones():
    rng = np.random.default_rng(0)
    for kernel in (THREE, (5, 3)):
        theta1, theta2 = rng.uniform(0, 2 * np.pi, (2, 20))
        patches = models.klein_patches(theta1, theta2, kernel)
        x, y = grid(kernel)
        for one, two, patch in zip(theta1, theta2, patches, strict=True):
            t = np.cos(one) * x + np.sin(one) * y
            c = np.sin(two) / np.linalg.norm(t**2 - (t**2).mean())
            d = np.cos(two) / np.linalg.norm(t)
            assert patch == pytest.approx(unit(c * t**2 + d * t))
        glued = models.klein_patches(theta1 + np.pi, np.pi - theta2, kernel)
        np.testing.assert_allclose(patches, glued, atol=1e-12)


def test_the_secondary_circles_meet_the_primary_one_in_two_points_each():
    turn = np.linspace(0, 2 * np.pi, 721)[:-1]
    for axis, theta1 in (("x", 0.0), ("y", np.pi / 2)):
        circle = models.klein_patches(theta1, turn)
        assert models.fit_secondary(circle, THREE, axis).residual.max() < 1e-12
        assert (models.fit_primary(circle, THREE).residual < 1e-9).sum() == 2


# the fits


def test_fits_return_the_angles_of_the_models():
    turn = np.random.default_rng(0).uniform(0, 2 * np.pi, 50)
    for kernel in (THREE, (3, 5)):
        gradients = models.klein_patches(turn, 0.0, kernel)
        assert models.fit_primary(gradients, kernel).angle == pytest.approx(turn)
        lines = models.klein_patches(np.pi / 2, turn, kernel)
        assert models.fit_secondary(lines, kernel, "y").angle == pytest.approx(turn)
        half = turn / 2
        found = models.fit_klein(models.klein_patches(half, turn[::-1], kernel), kernel)
        assert found.theta1 == pytest.approx(half, abs=1e-6)
        assert found.theta2 == pytest.approx(turn[::-1], abs=1e-6)
        assert found.quadratic_space_residual.max() < 1e-12


def test_circle_fits_are_the_nearest_points():
    filters = random_filters(40, seed=3)
    turn = np.linspace(0, 2 * np.pi, 20001)
    fits = {
        0: (models.fit_primary(filters, THREE), models.klein_patches(turn, 0.0)),
        1: (models.fit_secondary(filters, THREE, "x"), models.klein_patches(0.0, turn)),
        2: (models.fit_secondary(filters, THREE, "y"), models.klein_patches(np.pi / 2, turn)),
    }
    for fit, circle in fits.values():
        cosines = filters @ circle.T
        assert fit.cosine == pytest.approx(cosines.max(axis=1), abs=1e-6)
        assert fit.squared_part == pytest.approx(cosines.max(axis=1) ** 2, abs=1e-6)
        away = np.angle(np.exp(1j * (fit.angle - turn[cosines.argmax(axis=1)])))
        assert np.abs(away).max() < 1e-3
        chord = np.linalg.norm(filters - circle[cosines.argmax(axis=1)], axis=1)
        assert fit.residual == pytest.approx(chord, abs=1e-6)


@pytest.mark.parametrize("kernel", [(3, 3), (5, 5), (3, 5)])
def test_klein_fit_is_the_least_squares_minimum(kernel):
    filters = random_filters(12, kernel, seed=1)
    fit = models.fit_klein(filters, kernel)
    best = [brute_force_distance(patch, kernel) for patch in filters]
    assert fit.residual == pytest.approx(best, abs=1e-5)
    assert np.all((fit.theta1 >= 0) & (fit.theta1 < np.pi))
    assert np.all((fit.theta2 >= 0) & (fit.theta2 < 2 * np.pi))
    nearest = models.klein_patches(fit.theta1, fit.theta2, kernel)
    assert np.linalg.norm(filters - nearest, axis=1) == pytest.approx(fit.residual)
    assert np.einsum("ij,ij->i", filters, nearest) == pytest.approx(fit.cosine)


def test_klein_fit_beats_a_fine_grid_on_many_filters():
    filters = random_filters(3000, seed=2)
    one, two = np.meshgrid(np.arange(180) * np.pi / 180, np.arange(90) * np.pi / 45)
    bottle = models.klein_patches(one.ravel(), two.ravel())
    fit = models.fit_klein(filters, THREE)
    on_grid = (filters @ bottle.T).max(axis=1)
    assert (on_grid - fit.cosine).max() < 1e-9
    assert (fit.cosine - on_grid).max() < 2e-3


def test_quadratics_off_the_bottle_have_the_known_cosines():
    x, y = grid(THREE)
    fit = models.fit_klein(np.stack([unit(x**2 + y**2), unit(x * y), unit(-x * y)]), THREE)
    known = [1 / np.sqrt(2), 2 / np.sqrt(5), 2 / np.sqrt(5)]  # .707, .894
    assert fit.cosine == pytest.approx(known)
    assert fit.residual == pytest.approx(np.sqrt(2 - 2 * np.array(known)))
    assert fit.quadratic_space_residual.max() < 1e-12
    assert fit.quadratic_space_cosine == pytest.approx(1)


def test_the_space_of_quadratics_is_a_projection():
    x, y = grid((5, 5))
    design = np.stack([np.ones(25), x, y, x**2, x * y, y**2], axis=1)
    filters = random_filters(20, (5, 5), seed=4)
    fitted = design @ np.linalg.lstsq(design, filters.T, rcond=None)[0]
    cosines = np.linalg.norm(fitted, axis=0)
    fit = models.fit_klein(filters, (5, 5))
    assert fit.quadratic_space_cosine == pytest.approx(cosines)
    assert fit.quadratic_space_residual == pytest.approx(np.sqrt(2 - 2 * cosines))
    assert np.all(fit.quadratic_space_residual < fit.residual)


def test_a_pattern_at_right_angles_to_everything_is_far_from_everything():
    corner = np.array([[1.0, -2, 1], [-2, 4, -2], [1, -2, 1]]).ravel()
    pattern = unit(corner)[None]
    fit = models.fit_klein(pattern, THREE)
    far = [fit.residual[0], fit.quadratic_space_residual[0]]
    far.append(models.fit_primary(pattern, THREE).residual[0])
    assert far == pytest.approx([np.sqrt(2)] * 3)


def test_single_precision_filters_fit_too():
    cloud = models.klein_bottle(50).astype(np.float32)
    assert models.fit_klein(cloud, THREE).residual.max() < 1e-6
    assert len(models.fit_klein(np.zeros((0, 9)), THREE).theta1) == 0


# shares


@pytest.mark.parametrize(
    ("kernel", "linear", "quadratic"),
    [
        ((3, 3), 2 / 8, 3 / 8),
        ((5, 5), 2 / 24, 3 / 24),
        ((3, 5), 2 / 14, 3 / 14),
        ((4, 4), 2 / 15, 3 / 15),
        ((2, 2), 2 / 3, 1 / 3),
        ((2, 3), 2 / 5, 2 / 5),
        ((1, 5), 1 / 4, 1 / 4),
        ((1, 2), 1.0, 0.0),
    ],
)
def test_shares_of_gaussian_filters_are_at_chance(kernel, linear, quadratic):
    assert models.chance_shares(kernel) == pytest.approx((linear, quadratic))
    filters = random_filters(20_000, kernel)
    assert models.primary_circle_share(filters, kernel) == pytest.approx(linear, abs=0.01)
    assert models.quadratic_share(filters, kernel) == pytest.approx(quadratic, abs=0.01)


def test_shares_of_pure_patterns_are_one():
    x, y = grid(THREE)
    assert models.primary_circle_share(models.primary_circle(10), THREE) == pytest.approx(1)
    assert models.quadratic_share(models.primary_circle(10), THREE) == pytest.approx(0)
    bent = np.stack([unit(x**2 + y**2), unit(x * y), unit(x**2)])
    assert models.quadratic_share(bent, THREE) == pytest.approx(1)
    mixed = models.klein_patches(0.3, np.pi / 3)
    assert models.primary_circle_share(mixed, THREE) == pytest.approx(0.25)
    assert np.isnan(models.primary_circle_share(np.zeros((0, 9)), THREE))


def test_the_primary_share_is_the_mean_squared_part():
    filters = random_filters(30)
    parts = models.fit_primary(filters, THREE).squared_part
    assert models.primary_circle_share(filters, THREE) == pytest.approx(parts.mean())


# bad input


@pytest.mark.parametrize(
    ("points", "kernel", "message"),
    [
        (np.ones((2, 9)) / 3, THREE, "2 of 2 filters are not mean-centred"),
        (models.primary_circle(3) * 2, THREE, "norm 1"),
        (np.full((1, 9), np.nan), THREE, "1 of 1 filters"),
        (models.primary_circle(3), (5, 5), "shape \\(n, 25\\)"),
        (models.primary_circle(3)[0], THREE, "shape \\(n, 9\\)"),
    ],
)
def test_filters_must_be_unit_patches(points, kernel, message):
    for fit in (models.fit_primary, models.fit_klein, models.quadratic_share):
        with pytest.raises(AnalysisError, match=message):
            fit(points, kernel)


def test_small_kernels_are_refused_where_a_model_does_not_exist():
    with pytest.raises(AnalysisError, match="at least 3×3, got 2×2"):
        models.klein_bottle(5, (2, 2))
    with pytest.raises(AnalysisError, match="at least 3×3, got 2×3"):
        models.fit_klein(random_filters(2, (2, 3)), (2, 3))
    with pytest.raises(AnalysisError, match="at least 2×2, got 1×5"):
        models.gradient_angle(random_filters(2, (1, 5)), (1, 5))
    with pytest.raises(AnalysisError, match="at least two entries"):
        models.chance_shares((1, 1))
    with pytest.raises(AnalysisError, match='"x" or "y"'):
        models.fit_secondary(random_filters(2), THREE, "z")
    row = random_filters(4, (1, 5))
    assert len(models.fit_secondary(row, (1, 5), "x").angle) == 4
    with pytest.raises(AnalysisError, match="at least 3×1"):
        models.fit_secondary(row, (1, 5), "y")


# homology of the models


def test_the_primary_circle_is_one_loop():
    for kernel in (THREE, (5, 5)):
        lengths = vietoris_rips(models.primary_circle(200, kernel)).lengths(1)
        assert lengths[0] == pytest.approx(np.sqrt(3), abs=0.05)
        assert lengths[1:].max(initial=0) < 0.1
    noisy = models.primary_circle(1000, seed=0) + random_filters(1000) * 0.2
    noisy /= np.linalg.norm(noisy, axis=1, keepdims=True)
    assert loop_strength(vietoris_rips(noisy, landmarks=400)) > 5


@pytest.mark.parametrize("seed", [None, 0])
def test_three_circles_are_five_loops(seed):
    lengths = vietoris_rips(models.three_circles(600, seed=seed)).lengths(1)
    assert lengths[4] > 3 * lengths[5:].max(initial=0.1)


def test_the_klein_bottle_has_two_loops_over_z2_and_one_over_z3():
    cloud = models.klein_bottle(4000, seed=0)
    even = vietoris_rips(cloud, landmarks=250).lengths(1)
    odd = vietoris_rips(cloud, landmarks=250, field=3).lengths(1)
    assert even[1] > 2 * even[2]
    assert odd[0] > 2 * odd[1]


# orientation


def test_the_histogram_counts_every_angle_once():
    angles = np.array([0, 0.1, -0.1, 2 * np.pi, np.pi, 7 * np.pi, -1e-20, np.nextafter(0, -1)])
    found = models.orientation_histogram(angles, bins=4)
    assert found.counts.tolist() == [5, 0, 2, 1]
    assert found.edges == pytest.approx([0, np.pi / 2, np.pi, 3 * np.pi / 2, 2 * np.pi])
    drawn = np.random.default_rng(0).uniform(0, 2 * np.pi, 1000)
    expected = np.histogram(drawn, bins=24, range=(0, 2 * np.pi))[0]
    assert models.orientation_histogram(drawn).counts.tolist() == expected.tolist()
    assert models.orientation_histogram([]).counts.sum() == 0


def runs_with_own_directions(rng, runs=12, filters=20):
    """Every run clusters tightly around a direction of its own: dependent, no common one."""
    centres = np.repeat(rng.uniform(0, 2 * np.pi, runs), filters)
    return centres + rng.normal(0, 0.1, runs * filters), np.repeat(np.arange(runs), filters)


@pytest.mark.parametrize("order", [2, 4])
def test_p_values_are_uniform_when_runs_have_nothing_in_common(order):
    rng = np.random.default_rng(0)
    p_values, naive = [], []
    for seed in range(200):
        angles, runs = runs_with_own_directions(rng)
        found = models.orientation_test(angles, runs, order=order, resamples=199, seed=seed)
        p_values.append(found.p_value)
        naive.append(np.exp(-found.n * found.resultant_length**2))  # Rayleigh's, of filters
    assert stats.kstest(p_values, "uniform").pvalue > 0.01
    assert np.mean(np.array(p_values) <= 0.05) < 0.1
    assert np.mean(np.array(naive) <= 0.05) > 0.5  # why runs are the units


def test_random_filters_have_no_orientation():
    runs = np.repeat(np.arange(10), 100)
    for seed in range(5):
        angles = models.gradient_angle(random_filters(1000, seed=seed), THREE)
        found = models.orientation_test(angles, runs, order=4, resamples=499, seed=seed)
        assert found.p_value > 0.01
        assert found.resultant_length < 0.1


def test_horizontal_and_vertical_gradients_are_found_on_four_times_the_angle():
    rng = np.random.default_rng(1)
    angles = rng.integers(0, 4, 400) * np.pi / 2 + rng.normal(0, 0.15, 400)
    runs = np.repeat(np.arange(10), 40)
    four = models.orientation_test(angles, runs, order=4)
    assert four.p_value == pytest.approx(1 / 2001)
    assert four.resultant_length > 0.7
    assert min(four.phase, np.pi / 2 - four.phase) < 0.05
    assert (four.n, four.n_groups, four.reason) == (400, 10, "")
    assert models.orientation_test(angles, runs, order=2).resultant_length < 0.2


def test_one_axis_is_found_on_twice_the_angle():
    rng = np.random.default_rng(2)
    angles = 1.0 + rng.integers(0, 2, 300) * np.pi + rng.normal(0, 0.2, 300)
    found = models.orientation_test(angles, np.repeat(np.arange(6), 50), order=2)
    assert found.p_value < 0.01
    assert found.phase == pytest.approx(1.0, abs=0.05)
    expected = abs(np.exp(2j * angles).mean())
    assert found.resultant_length == pytest.approx(expected)


def test_a_test_of_few_runs_has_no_p_value_but_a_reason():
    angles = np.zeros(100)
    one = models.orientation_test(angles, np.zeros(100, dtype=int))
    assert (one.p_value, one.resamples) == (None, 0)
    assert one.reason == "the test needs at least 5 runs, got 1"
    assert one.resultant_length == pytest.approx(1)
    none = models.orientation_test([], [])
    assert (none.p_value, none.resultant_length, none.phase, none.n) == (None, None, None, 0)


def test_the_seed_decides_the_p_value():
    angles, runs = runs_with_own_directions(np.random.default_rng(5))
    values = [models.orientation_test(angles, runs, seed=s).p_value for s in (3, 3, 4)]
    assert values[0] == values[1] != values[2]


@pytest.mark.parametrize(
    ("angles", "groups", "options", "message"),
    [
        ([0.0, np.nan], [0, 1], {}, "finite"),
        ([0.0, 1.0], [0], {}, "2 angles but 1 groups"),
        ([0.0], [0], {"order": 3}, "order must be 2 or 4"),
        ([0.0], [0], {"resamples": 0}, "resamples"),
    ],
)
def test_a_bad_orientation_test_is_refused(angles, groups, options, message):
    with pytest.raises(AnalysisError, match=message):
        models.orientation_test(angles, groups, **options)
    with pytest.raises(AnalysisError, match="bins"):
        models.orientation_histogram([0.0], bins=0)
