from dataclasses import replace

import numpy as np
import pytest

from analysis.circle_models import primary_circle, three_circles
from analysis.filter_shape import FilterParams, FilterShape, filter_shape
from dashboard import words


def shape_of(
    points: np.ndarray, *, null: str = "none", kernel: tuple[int, int] = (3, 3)
) -> FilterShape:
    params = FilterParams(k="5", fraction=1.0, null=null)
    return filter_shape([points.reshape(-1, 1, *kernel)], params)


@pytest.fixture(scope="module")
def circle() -> tuple[FilterShape, FilterShape]:
    points = primary_circle(200) + 0.06 * np.random.default_rng(0).normal(size=(200, 9))
    return shape_of(points), shape_of(points, null="permuted")


def test_a_clean_circle_has_one_bar_only_and_is_still_a_loop() -> None:
    points = primary_circle(200)
    shape = shape_of(points)
    assert len(shape.diagram.lengths(1)) == 1
    text = words.finding(shape, shape_of(points, null="permuted"))
    assert text.startswith("One loop: the only H₁ bar, of length 1.")
    assert "longest with permuted entries" in text


@pytest.mark.parametrize("n", [16, 64, 128])
def test_noise_is_seldom_called_a_loop(n: int) -> None:
    claims = 0
    for seed in range(20):
        points = np.random.default_rng(seed).normal(size=(n, 1, 3, 3))
        shape, null = (
            filter_shape([points], FilterParams(null=null, seed=seed))
            for null in ("none", "permuted")
        )
        claims += "loop" in words.finding(shape, null) and "No" not in words.finding(shape, null)
    assert claims <= 1


def test_a_gap_that_the_null_shows_too_is_no_finding(
    circle: tuple[FilterShape, FilterShape],
) -> None:
    assert words.finding(circle[0], circle[0]).startswith("No clear loop")


def test_bars_as_short_as_the_nulls_are_no_finding(
    circle: tuple[FilterShape, FilterShape],
) -> None:
    shape, null = circle
    small = replace(shape.diagram, pairs=shape.diagram.pairs / 10)
    assert words.finding(replace(shape, diagram=small), null).startswith("No clear loop")


def test_two_points_have_no_loop() -> None:
    shape = filter_shape(
        [np.random.default_rng(0).normal(size=(2, 1, 3, 3))], FilterParams(fraction=1.0)
    )
    assert words.finding(shape, shape).startswith("Too few filters")


def test_a_circle_is_named_with_its_numbers_and_its_null(
    circle: tuple[FilterShape, FilterShape],
) -> None:
    text = words.finding(*circle)
    assert text.startswith("One loop, ")
    assert "with permuted entries" in text
    assert "nearest to the primary circle" in text
    assert "(chance 25%)" in text
    assert "200 densest of 200 filters, k = 5" in text


def test_no_claim_before_the_null_is_there(circle: tuple[FilterShape, FilterShape]) -> None:
    text = words.finding(circle[0], None)
    assert text.startswith("the longest H₁ bar is")
    assert "null model still computing" in text
    assert "loop" not in text
    assert "nothing is claimed" in words.finding(circle[0], None, waiting=False)


def test_the_null_itself_shows_no_loop(circle: tuple[FilterShape, FilterShape]) -> None:
    assert words.finding(circle[1], circle[1]).startswith("No clear loop")


def test_several_loops_are_counted() -> None:
    points = three_circles(600) + 0.01 * np.random.default_rng(0).normal(size=(600, 9))
    text = words.finding(shape_of(points), shape_of(points, null="permuted"))
    assert text.startswith("5 loops: the fifth bar is ")


def test_a_loop_elsewhere_is_not_called_the_primary_circle() -> None:
    rng = np.random.default_rng(0)
    angle = np.linspace(0, 2 * np.pi, 300, endpoint=False)
    y, x = (grid.ravel() for grid in np.mgrid[1:-2:-1, -1:2])
    quadratic = np.cos(angle)[:, None] * (x * x - y * y) / 2 + np.sin(angle)[:, None] * x * y
    points = quadratic + 0.01 * rng.normal(size=(300, 9))
    text = words.finding(shape_of(points), shape_of(points, null="permuted"))
    assert text.startswith("One loop, ")
    assert "not the primary circle" in text


def test_a_degenerate_layer_claims_nothing() -> None:
    rng = np.random.default_rng(0)
    points = np.repeat(rng.normal(size=(10, 9)), 30, axis=0)
    shape = shape_of(points)
    assert shape.loop_strength is None
    assert words.finding(shape, shape).startswith("No shape is claimed: degenerate")


def test_the_caption_counts_what_is_left_out(circle: tuple[FilterShape, FilterShape]) -> None:
    shape = replace(circle[0], n_degenerate=3, n_nonfinite=2, n_duplicates=1)
    params = {"draw": 100, "contrast": 0.2, "seed": 3}
    text = words.caption(shape, {"params": params, "inputs": [{}, {}]})
    for part in (
        "3 constant left out",
        "2 with NaN or infinity",
        "1 duplicates",
        "k = 5",
        "2 runs",
        "100 drawn (seed 3)",
        "strongest 20%",
    ):
        assert part in text
