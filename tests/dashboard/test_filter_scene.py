"""What is selected, and what of it is still there at another step or beside."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.homology import birth_cycle
from analysis.units import Unit
from dashboard.context import Context
from dashboard.quantities import gradient_degrees
from dashboard.views.filters import rows as filter_rows
from dashboard.views.filters import scene as filter_scene
from dashboard.views.filters.panels import counts
from dashboard.views.filters.scene import FilterScene, in_range, rows_of, selected_rows

Make = Callable[..., Path]
Open = Callable[..., Context]
Fill = Callable[[Context, dict[str, Any]], None]
CIRCLE = {"experiment": "mnist_cnn", "layer": "conv1", "index": 4}


def scene_of(context: Context, **said: Any) -> FilterScene:
    cursor, note = context.read({"view": "filters"} | said)
    assert note == ""
    view, ask = context.views["filters"], context.ask(cursor)
    return FilterScene(ask, context.find(view, ask, compute=False))


def test_nothing_is_selected_at_first(shipped: Context) -> None:
    scene = scene_of(shipped, **CIRCLE)
    assert scene.chosen is None
    assert scene.primary is None
    assert scene.bar is None
    assert counts(scene) == "0 selected of 1,024 in the graph of 1,024 kept of 2,048 filters"
    rows, what = filter_rows.listed(scene)
    assert what == "densest"
    assert (np.diff(scene.layer.shape.density[rows]) >= 0).all()


def test_a_node_selects_its_members(shipped: Context) -> None:
    scene = scene_of(shipped, **CIRCLE, select="node.7")
    assert scene.layer.graph is not None
    members = scene.layer.graph.members[7]
    np.testing.assert_array_equal(scene.chosen, members)
    shares = scene.layer.nodes_of(members)
    assert shares[7] == 1.0
    for node, rows in enumerate(scene.layer.graph.members):
        assert shares[node] == pytest.approx(np.isin(rows, members).mean())
    assert counts(scene).startswith(f"{len(members)} selected of 1,024 in the graph")
    assert filter_rows.listed(scene)[1] == "selected"


def test_a_bar_selects_the_cycle_born_with_it(shipped: Context) -> None:
    scene = scene_of(shipped, **CIRCLE, select="bar.0")
    layer = scene.layer
    cycle = birth_cycle(layer.points, layer.shape.diagram, 0)
    np.testing.assert_array_equal(scene.chosen, cycle)
    np.testing.assert_array_equal(scene.loop, cycle)
    assert scene.bar == 0
    # a long bar goes all the way around
    turns = np.sort(layer.degrees[cycle])
    gaps = np.diff(np.append(turns, turns[0] + 360))
    assert gaps.max() < 120


@pytest.mark.parametrize(("start", "end"), [(0, 15), (345, 15), (0, 360), (180, 180), (350, 10)])
def test_a_range_of_angles_selects_the_filters_in_it_also_across_zero(
    shipped: Context, start: int, end: int
) -> None:
    scene = scene_of(shipped, **CIRCLE, select=f"angle.{start}-{end}")
    degrees = scene.layer.degrees
    inside = [
        row
        for row, angle in enumerate(degrees.tolist())
        if (start <= angle < end if start < end else angle >= start or angle < end)
    ]
    if start == end:
        inside = list(range(len(degrees)))
    assert scene.chosen is not None
    assert scene.chosen.tolist() == inside
    assert inside


@given(
    st.lists(st.one_of(st.floats(0, 360), st.just(float("nan"))), max_size=30),
    st.integers(0, 359),
    st.integers(0, 359),
)
def test_two_ranges_that_meet_are_the_whole_turn(
    degrees: list[float], start: int, end: int
) -> None:
    angles = np.array(degrees)
    one, other = in_range(angles, start, end), in_range(angles, end, start)
    known = np.flatnonzero(np.isfinite(angles))
    if start == end:
        assert one.tolist() == other.tolist() == known.tolist()
    else:
        assert sorted([*one, *other]) == known.tolist()


def test_filters_are_selected_by_name_and_unknown_ones_left_out(shipped: Context) -> None:
    names = scene_of(shipped, **CIRCLE).layer.names
    scene = scene_of(shipped, **CIRCLE, select=f"filters.{names[5]},77.7.7,{names[2]}")
    assert scene.chosen is not None
    assert scene.chosen.tolist() == [2, 5]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("select", ["node.9999", "bar.999999"])
def test_what_names_nothing_here_selects_nothing(shipped: Context, select: str) -> None:
    scene = scene_of(shipped, **CIRCLE, select=select)
    assert scene.chosen is None
    assert scene.n_chosen == 0
    assert counts(scene).startswith("0 selected of ")
    assert len(filter_rows.listed(scene)[0]) == 0


@pytest.mark.parametrize("select", ["node.7", "bar.0", "angle.330-30"])
def test_a_selection_is_followed_to_other_steps(shipped: Context, select: str) -> None:
    home = scene_of(shipped, **CIRCLE, select=select, home=4)
    assert home.chosen is not None
    chosen = {home.layer.names[row] for row in home.chosen}
    for index in (0, 3, 5):
        scene = scene_of(shipped, **CIRCLE | {"index": index}, select=select, home=4)
        assert scene.chosen is not None
        here = {scene.layer.names[row] for row in scene.chosen}
        assert here == chosen & set(scene.layer.names)
        assert scene.n_chosen == len(home.chosen)
        assert scene.bar is None
        assert scene.loop is None
        elsewhere = f" (of {len(home.chosen):,} selected there)"
        lost = len(here) < len(home.chosen)
        assert counts(scene).startswith(f"{len(here):,} selected{elsewhere if lost else ''} of ")
    own = scene_of(shipped, **CIRCLE | {"index": 0}, select=select)
    assert own.chosen is not None
    assert {own.layer.names[row] for row in own.chosen} != here


def test_a_name_is_the_same_filter_at_every_step_whatever_runs_are_chosen(
    make_experiment: Make, open_context: Open, fill: Fill
) -> None:
    context = open_context(make_experiment(runs=3))
    keep = {"params": {"filters.fraction": 1.0}}
    for said in ({"runs": ["run-001", "run-002"]}, {"runs": []}, {"index": 0}):
        fill(context, {"view": "filters"} | said | keep)
    pooled = scene_of(context, **keep).layer
    some = scene_of(context, runs=["run-001", "run-002"], **keep).layer
    assert {name.split(".")[0] for name in some.names} == {"1", "2"}
    assert {name.split(".")[0] for name in pooled.names} == {"0", "1", "2"}
    for row, name in list(enumerate(some.names))[::37]:
        np.testing.assert_array_equal(some.points[row], pooled.points[pooled.row_of[name]])
    assert [context.experiments["small"].runs[i].name for i in np.unique(some.runs)] == [
        "run-001",
        "run-002",
    ]


def test_the_primary_filter_is_where_it_is_kept(shipped: Context) -> None:
    name = scene_of(shipped, **CIRCLE).layer.names[11]
    assert scene_of(shipped, **CIRCLE, primary=name).primary == 11
    assert scene_of(shipped, **CIRCLE, primary="99.99.99").primary is None


def test_the_pictures_of_a_layer_are_turned_to_its_fullest_step(shipped: Context) -> None:
    """Filters that two late steps both keep lie nearly at the same place."""
    layers = [scene_of(shipped, **CIRCLE | {"index": index}).layer for index in (4, 5)]
    shared = sorted(set(layers[0].names) & set(layers[1].names))
    places = [layer.plane[[layer.row_of[name] for name in shared]] for layer in layers]
    assert len(shared) > 200
    moved = np.linalg.norm(places[0] - places[1], axis=1)
    assert np.median(moved) < 0.25  # of a circle of radius 1
    for layer in layers:  # and filters that brighten to the right lie to the right
        known = np.isfinite(layer.degrees)
        turned = np.degrees(np.arctan2(layer.plane[known, 1], layer.plane[known, 0]))
        apart = np.abs((turned - layer.degrees[known] + 180) % 360 - 180)
        assert np.median(apart) < 20


def test_dropped_filters_lie_on_the_axes_of_the_kept(shipped: Context) -> None:
    layer = scene_of(shipped, **CIRCLE).layer
    assert layer.dropped_plane.shape == (1024, 2)
    own = (layer.points.astype(float) - layer.points.mean(axis=0)) @ np.linalg.lstsq(
        layer.points.astype(float) - layer.points.mean(axis=0), layer.plane, rcond=None
    )[0]
    np.testing.assert_allclose(own, layer.plane, atol=1e-4)
    # what is dropped is less dense, so nearer to the middle of the ring
    assert (
        np.linalg.norm(layer.dropped_plane, axis=1).mean()
        < np.linalg.norm(layer.plane, axis=1).mean()
    )


def test_a_locked_scale_is_that_of_all_steps(shipped: Context) -> None:
    spans = []
    for index in range(6):
        scene = scene_of(shipped, **CIRCLE | {"index": index}, colour="density")
        spans.append(scene.span)
        density = scene.layer.shape.density
        assert spans[0][0] is not None
        assert spans[0][0][0] <= density.min() <= density.max() <= spans[0][0][1]
    assert set(spans) == {spans[0]}
    assert spans[0][1] == ""
    assert scene_of(shipped, **CIRCLE, colour="density", scale="own").span == (None, "")
    assert scene_of(shipped, **CIRCLE, colour="angle").span == (None, "")
    low = scene_of(shipped, **CIRCLE, colour="size").node_colour(
        scene_of(shipped, **CIRCLE, colour="size").layer
    )
    assert low.span[0] == 0


def test_a_scale_of_some_steps_says_of_how_many(
    make_experiment: Make, open_context: Open, fill: Fill
) -> None:
    context = open_context(make_experiment(steps=(0, 50, 100)))
    fill(context, {"view": "filters", "index": 2})
    scene = scene_of(context, index=2, colour="density")
    assert scene.span[1] == "scale of 1 of 3 steps"
    assert "(scale of 1 of 3 steps)" in scene.node_colour(scene.layer).title


def test_a_layer_that_is_computing_has_no_numbers(
    make_experiment: Make, open_context: Open
) -> None:
    context = open_context(make_experiment())
    scene = scene_of(context, select="node.1")
    assert not scene.has_layer
    assert scene.why() == "Computing …"
    assert counts(scene) == ""


@pytest.mark.parametrize(
    ("said", "names"),
    [
        ({}, set()),
        ({"colour": "circular"}, {"circular"}),
        ({"select": "node.1", "home": 0}, {"home_filters", "home_mapper"}),
        ({"select": "node.1", "home": 4}, set()),
        ({"beside": "null"}, {"beside_filters", "beside_mapper"}),
        ({"beside": "untrained"}, {"beside_filters", "beside_mapper"}),
        ({"beside": "patches"}, {"beside_filters", "beside_mapper"}),
    ],
)
def test_what_is_asked_for_is_what_is_shown(
    shipped: Context, said: dict[str, Any], names: set[str]
) -> None:
    ask = shipped.ask(shipped.read(CIRCLE | said)[0])
    need = filter_scene.units(ask)
    assert set(need) == {"filters", "mapper", "null", "anchor"} | names
    assert all(isinstance(unit, Unit) for unit in need.values())


@pytest.mark.parametrize("steps", [(50, 100), (0,)])
def test_an_experiment_without_an_untrained_step_says_so(
    make_experiment: Make, open_context: Open, steps: tuple[int, ...]
) -> None:
    """Nor are the filters of its only snapshot untrained, whatever its number."""
    context = open_context(make_experiment(steps=steps))
    ask = context.ask(context.read({"beside": "untrained"})[0])
    assert "has no untrained filters" in str(filter_scene.units(ask)["beside_filters"])


def test_natural_patches_are_there_with_any_experiment(shipped: Context) -> None:
    ask = shipped.ask(shipped.read(CIRCLE | {"beside": "patches", "params": {"filters.k": "9"}})[0])
    unit = filter_scene.units(ask)["beside_filters"]
    assert isinstance(unit, Unit)
    assert (unit.layer, unit.params.k, unit.params.fraction) == ("primary_circle", "300", 0.3)  # type: ignore[attr-defined]


def test_pieces_of_the_scene_agree(shipped: Context) -> None:
    layer = scene_of(shipped, **CIRCLE).layer
    np.testing.assert_array_equal(layer.degrees, gradient_degrees(layer.points, (3, 3)))
    assert layer.graph is not None
    for node, rows in enumerate(layer.graph.members):
        np.testing.assert_allclose(
            layer.means[node].ravel(), layer.points[rows].mean(axis=0), atol=1e-6
        )
    assert rows_of(layer.names[3:6], layer).tolist() == [3, 4, 5]
    assert selected_rows("node.0", layer) is not None


def test_a_large_whole_has_examples_from_dense_to_sparse(shipped: Context) -> None:
    layer = scene_of(shipped, **CIRCLE).layer
    images, shares = filter_rows.examples(layer, 14)
    assert images.shape == (len(shares), 3, 3)
    assert 10 <= len(shares) <= 14
    assert np.ptp(shares) > 0.8
    np.testing.assert_allclose(np.sort(shares), (np.arange(14) + 0.5) / 14, atol=0.05)
