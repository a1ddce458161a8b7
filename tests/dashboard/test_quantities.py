import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.circle_models import primary_circle
from analysis.filter_shape import FilterParams, FilterShape, filter_shape
from analysis.filters import normalised
from analysis.ragged import Ragged
from dashboard import quantities, theme
from dashboard.quantities import QUANTITIES, colour, gradient_degrees, of_nodes, residuals

KERNEL = (3, 3)
NO_MEANS = np.zeros((0, 3, 3))


def gradient(degrees: float) -> np.ndarray:
    """A filter that brightens towards an angle, counter-clockwise from the right."""
    y, x = np.mgrid[1:-2:-1, -1:2]
    a = np.radians(degrees)
    return (np.cos(a) * x + np.sin(a) * y).ravel() / np.sqrt(6)


@pytest.fixture(scope="module")
def shape() -> FilterShape:
    points = primary_circle(200) + 0.05 * np.random.default_rng(0).normal(size=(200, 9))
    return filter_shape([points.reshape(-1, 1, 3, 3)], FilterParams(k="5", fraction=0.5))


@given(st.floats(0, 359.9))
def test_the_angle_of_a_gradient_is_where_it_brightens(degrees: float) -> None:
    (found,) = gradient_degrees(gradient(degrees)[None], KERNEL)
    assert (found - degrees + 180) % 360 - 180 == pytest.approx(0, abs=1e-6)
    assert residuals(gradient(degrees)[None], KERNEL)[0] == pytest.approx(0, abs=1e-6)


def test_a_filter_with_less_gradient_than_chance_has_no_angle() -> None:
    y, x = np.mgrid[1:-2:-1, -1:2]
    quadratic = normalised((x * y + 0.0 * x).reshape(1, 9).astype(float))[0]
    slanted = normalised(quadratic + 0.5 * gradient(40))[0]
    steep = normalised(quadratic + 2.0 * gradient(40))[0]
    found = gradient_degrees(np.concatenate([quadratic, slanted, steep]), KERNEL)
    assert np.isnan(found[:2]).all()
    assert found[2] == pytest.approx(40, abs=1e-4)
    assert residuals(quadratic, KERNEL)[0] == pytest.approx(np.sqrt(2), abs=1e-5)


def test_a_kernel_too_small_for_gradients_has_no_angles() -> None:
    line = normalised(np.random.default_rng(0).normal(size=(4, 3)))[0]
    assert np.isnan(gradient_degrees(line, (1, 3))).all()
    assert np.isnan(residuals(line, (1, 3))).all()


@pytest.mark.parametrize("name", QUANTITIES)
def test_every_quantity_has_a_value_for_every_filter(shape: FilterShape, name: str) -> None:
    runs = np.arange(100) % 3
    circular = np.linspace(0, 2 * np.pi, 100)
    values = quantities.of_filters(name, shape, circular=circular, runs=runs)
    expected = {
        "angle": gradient_degrees(shape.points, KERNEL),
        "circular": np.degrees(circular),
        "density": shape.density.astype(float),
        "residual": residuals(shape.points, KERNEL),
        "run": runs.astype(float),
        "size": np.full(100, np.nan),
    }
    np.testing.assert_array_equal(values, expected[name])


def test_without_circular_coordinates_there_are_none(shape: FilterShape) -> None:
    values = quantities.of_filters("circular", shape, circular=None, runs=np.zeros(100, int))
    assert np.isnan(values).all()


MEMBERS = Ragged.of([[0, 1, 2], [2, 3], [4]])


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("density", [1.0, 2.0, 3.0, 5.0, 7.0], [2.0, 4.0, 7.0]),
        ("residual", [0.0, 0.0, 0.3, 0.5, 1.0], [0.1, 0.4, 1.0]),
        ("run", [0.0, 0.0, 1.0, 1.0, 4.0], [2.0, 1.0, 1.0]),
        ("size", [np.nan] * 5, [3.0, 2.0, 1.0]),
        ("circular", [350.0, 0.0, 10.0, 30.0, np.nan], [0.0, 20.0, np.nan]),
        ("circular", [0.0, 120.0, 240.0, 300.0, 5.0], [np.nan, 270.0, 5.0]),
        ("circular", [np.nan, np.nan, 90.0, np.nan, 0.0], [90.0, 90.0, 0.0]),
    ],
)
def test_a_node_has_the_value_of_its_members(
    name: str, values: list[float], expected: list[float]
) -> None:
    found = of_nodes(name, np.array(values), MEMBERS, NO_MEANS)
    both = np.column_stack([found, expected])
    if QUANTITIES[name].cyclic:
        both = (both + 1) % 360
    np.testing.assert_allclose(both[:, 0], both[:, 1], atol=1e-6)


def test_a_nodes_angle_is_that_of_its_mean_filter() -> None:
    means = np.array([gradient(350) + gradient(10), gradient(90) * 5, gradient(0) + gradient(180)])
    found = of_nodes("angle", np.zeros(5), MEMBERS, means.reshape(3, 3, 3))
    assert found[0] % 359.99999 == pytest.approx(0, abs=1e-4)
    assert found[1] == pytest.approx(90, abs=1e-4)
    assert np.isnan(found[2])  # they cancel


@pytest.mark.parametrize("name", QUANTITIES)
def test_an_empty_graph_has_no_values(name: str) -> None:
    found = of_nodes(name, np.arange(5.0), Ragged.of([]), NO_MEANS)
    assert found.shape == (0,)
    assert colour(name, found, None).paint() == []


@pytest.mark.parametrize("name", QUANTITIES)
def test_angles_have_a_cyclic_scale_of_a_full_turn_and_others_not(name: str) -> None:
    values = np.array([3.0, 7.0, np.nan])
    made = colour(name, values, None)
    cyclic = name in ("angle", "circular")
    assert made.cyclic is cyclic
    assert (made.scale[0] == made.scale[-1]) is cyclic
    assert made.paint()[2] == theme.NULL
    assert len(made.scale) > 2
    assert made.word(2) == QUANTITIES[name].missing
    if cyclic:
        assert made.span == (0.0, 360.0)
        assert colour(name, values, (0.0, 1.0)).span == (0.0, 360.0)
    elif name != "residual":
        assert made.span == (3.0, 7.0)
        assert colour(name, values, (0.0, 10.0)).span == (0.0, 10.0)


def test_a_scale_has_an_extent_whatever_the_values() -> None:
    for values in ([], [np.nan], [4.0, 4.0]):
        low, high = colour("density", np.array(values), None).span
        assert high > low
    assert colour("density", np.array([4.0]), (4.0, 4.0)).span == (3.5, 4.5)


def test_a_legend_says_what_it_counts_and_of_what() -> None:
    made = colour("density", np.array([1.0, 2.0]), None, note="scale of 3 of 6 steps")
    assert made.title == f"{QUANTITIES['density'].legend} (scale of 3 of 6 steps)"
    assert len({each.title for each in QUANTITIES.values()}) == len(QUANTITIES)
