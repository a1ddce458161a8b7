"""Every panel of every view, as it is drawn, clicked, listed and saved."""

import contextlib
import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import pytest

from analysis.checkpoints import each_file_once
from analysis.errors import NerveScopeError
from dashboard import export, frames, ids, panels, tables, views
from dashboard.context import Context
from dashboard.quantities import QUANTITIES
from dashboard.view import Ask, Panel, Spec, View

Make = Callable[..., Path]
Open = Callable[..., Context]
Fill = Callable[[Context, dict[str, Any]], None]

VIEWS = views.discover()
(NETWORKS,) = (view for view in VIEWS if view.name == "activations")
PLACES = {
    "circle": {"experiment": "mnist_cnn", "layer": "conv1", "index": 4},
    "untrained": {"experiment": "mnist_cnn", "layer": "conv2", "index": 0},
    "deep": {"experiment": "face_resnet", "layer": "conv64_down.conv1"},
    "degenerate": {"experiment": "face_resnet", "layer": "conv256_down_out.conv2"},
    "network": {"experiment": "mlp", "layer": "fc1", "index": 1},
    "inputs of a network": {"experiment": "mlp", "layer": "input", "index": 0, "select": "bar.0"},
}
VECTORS = {"scatter", "bar", "scatterpolar", "barpolar"}
"""Kinds of traces that an SVG has as vectors; heat maps and those that end in gl it has not."""

every_panel = pytest.mark.parametrize(
    ("view", "name"),
    [pytest.param(view, name, id=f"{view.name}-{name}") for view in VIEWS for name in view.panels],
)


def scene_of(context: Context, view: View, said: dict[str, Any]) -> tuple[Ask, Any]:
    cursor, note = context.read(said | {"view": view.name})
    assert note == ""
    ask = context.ask(cursor)
    with each_file_once():
        return ask, view.scene(ask, context.find(view, ask, compute=False))


def drawn(context: Context, said: dict[str, Any]) -> Iterator[tuple[View, str, Spec, Panel, Any]]:
    for view in VIEWS:
        _, scene = scene_of(context, view, said)
        for name, spec in view.panels.items():
            for scheme in ("light", "dark"):
                yield view, name, spec, frames.draw_panel(view, name, scene, scheme), scene


def clicks(figure: go.Figure) -> list[Any]:
    """What clicks on a figure say, as the browser gets it."""
    found: list[Any] = []
    plain = json.loads(figure.to_json())["data"]
    for trace, sent in zip(figure.data, plain, strict=True):
        data = sent.get("customdata", [])
        assert isinstance(data, list), "an array does not reach a click"
        assert not data or len(data) == len(trace.x)
        found += [each for each in data if each is not None]
    return found


def assert_moves(context: Context, ask: Ask, change: dict[str, Any]) -> None:
    """A change of the cursor is understood as it is said."""
    assert isinstance(change, dict)
    now = ask.cursor.as_plain()
    assert set(change) <= set(now), change
    params = now["params"] | change.get("params", {})
    cursor, note = context.read(now | change | {"params": params})
    assert note == ""
    there = cursor.as_plain()
    for field, value in change.items():
        if field == "params":
            assert there[field] == {name: params[name] for name in sorted(params)}
        else:
            assert there[field] == value


def assert_vector(figure: go.Figure) -> None:
    text = figure.to_json()
    assert "data:image/png" not in text
    assert "data:image/jp" not in text
    for image in figure.layout.images:
        assert image.source.startswith("data:image/svg+xml;base64,")
    assert {trace.type for trace in figure.data} <= VECTORS


@pytest.mark.parametrize("place", PLACES)
def test_every_panel_draws_or_says_why_not(shipped: Context, place: str) -> None:
    for view, name, spec, panel, _ in drawn(shipped, PLACES[place]):
        where = f"{view.name}-{name}"
        assert isinstance(panel.figure, go.Figure), where
        assert panel.hidden or panel.message or panel.figure.data or spec.table, where
        if not panel.hidden and not panel.message and not spec.table and name != "inputs":
            assert_vector(panel.figure)  # pictures of inputs are made of pixels


@pytest.mark.parametrize("place", PLACES)
def test_every_click_is_a_change_of_the_cursor(shipped: Context, place: str) -> None:
    count = 0
    for view in VIEWS:
        ask, scene = scene_of(shipped, view, PLACES[place])
        for name in view.panels:
            figure = frames.draw_panel(view, name, scene, "light").figure
            for change in unique(clicks(figure)):
                assert_moves(shipped, ask, change)
                count += 1
    assert count > 50


def test_every_click_in_the_row_is_a_change_of_the_cursor(shipped: Context) -> None:
    for view, said in itertools.product(VIEWS, PLACES.values()):
        ask = shipped.ask(shipped.read(said | {"view": view.name})[0])
        parts = frames.draw_piece(shipped, "row", ask.cursor, scheme="dark").parts
        (row,) = [json.loads(text)["figure"] for name, _, text in parts if name == ids.NETWORK]
        (data,) = [each["customdata"] for each in row["data"] if each.get("customdata")]
        assert [each["layer"] for each in data] == list(view.row.names(ask.experiment))
        for change in data:
            assert_moves(shipped, ask, change)


def unique(changes: list[Any]) -> list[Any]:
    texts = dict.fromkeys(json.dumps(each, sort_keys=True) for each in changes)
    return [json.loads(text) for text in list(texts)[:400]]


@pytest.mark.parametrize("place", PLACES)
def test_every_table_is_of_plain_values_and_its_rows_move_the_cursor(
    shipped: Context, place: str
) -> None:
    for view in VIEWS:
        ask, scene = scene_of(shipped, view, PLACES[place])
        for name, spec in view.panels.items():
            panel = frames.draw_panel(view, name, scene, "light")
            rows = []
            with contextlib.suppress(NerveScopeError):  # the panel says why
                rows = spec.rows(scene)
            assert rows or panel.hidden or panel.message, f"{view.name}-{name} has no rows"
            assert json.loads(json.dumps(rows)) == rows
            assert len({tuple(row) for row in rows}) <= 2  # a table has the same columns all over
            assert tables.as_csv(rows).count("\n") == len(rows) + 1
            for change in unique([row["_pick"] for row in rows if "_pick" in row]):
                assert_moves(shipped, ask, change)


@every_panel
def test_every_panel_goes_to_a_file_as_vectors_with_its_words(
    shipped: Context, view: View, name: str
) -> None:
    for said, scheme in itertools.product(PLACES.values(), ("light", "dark")):
        ask, scene = scene_of(shipped, view, said)
        found = shipped.find(view, ask, compute=False)
        panel = frames.draw_panel(view, name, scene, scheme)
        if panel.message or panel.hidden:
            with pytest.raises(NerveScopeError):
                export.picture(view, name, ask, found=found, scheme=scheme)
            continue
        figure = export.picture(view, name, ask, found=found, scheme=scheme)
        if name != "inputs":
            assert_vector(figure)
        assert view.panels[name].title in figure.layout.title.text
        said_below = " ".join(str(each.text) for each in figure.layout.annotations)
        parts = [part for part in panel.caption.split(" · ") if not part.startswith("click ")]
        assert all(part[:60] in said_below for part in parts[:1])
        assert "click " not in said_below


STATES: dict[str, dict[str, Any]] = {
    **{f"by {name}": {"colour": name} for name in QUANTITIES},
    "scale of the step": {"colour": "density", "scale": "own"},
    "node": {"select": "node.0", "primary": "0.7.0"},
    "bar": {"select": "bar.0"},
    "angle": {"select": "angle.300-30"},
    "filters": {"select": "filters.0.7.0,1.3.0,0.149.0", "primary": "0.149.0"},
    "followed": {"select": "node.0", "home": 0},
    "lost": {"select": "node.0", "primary": "7.7.7"},
    "nothing kept": {"select": "node.4321", "primary": "7.7.7"},
    "null beside": {"beside": "null"},
    "untrained beside": {"beside": "untrained"},
    "nothing pinned": {"beside": "pin"},
    "pin beside": {"beside": "pin", "pin": {"layer": "conv1", "index": 0}},
    "patches beside": {"beside": "patches"},
    "one run": {"runs": ["run-001"]},
    "eccentricity": {"params": {"mapper.lens": "eccentricity"}},
    "balanced": {"params": {"mapper.cover": "balanced"}},
    "empty graph": {"params": {"mapper.min_samples": 90}},
    "all kept": {"params": {"filters.fraction": 1.0}},
}


@pytest.mark.parametrize("state", STATES)
def test_filters_draw_in_every_state(
    make_experiment: Make, open_context: Open, fill: Fill, state: str
) -> None:
    context = open_context(make_experiment(n=150))
    said = {"index": 1, "view": "filters"} | STATES[state]
    if state != "patches beside":
        fill(context, said)
    view = context.views["filters"]
    ask, scene = scene_of(context, view, said)
    assert view.sentence(scene).startswith("conv1: ")
    for name, scheme in itertools.product(view.panels, ("light", "dark")):
        panel = frames.draw_panel(view, name, scene, scheme)
        assert_vector(panel.figure)
        for change in unique(clicks(panel.figure)):
            assert_moves(context, ask, change)
        rows = view.panels[name].rows(scene) if scene.has_layer else []
        assert json.loads(json.dumps(rows)) == rows


MOVES = {
    "layer": {"layer": "conv2"},
    "index": {"index": 1},
    "colour": {"colour": "density"},
    "scale": {"scale": "own"},
    "beside": {"beside": "untrained"},
    "select": {"select": "node.3"},
    "home": {"select": "node.3", "home": 2},
    "primary": {"primary": "0.1.0"},
    "pin": {"pin": {"layer": "conv1", "index": 2}},
    "against": {"against": "none"},
}
MOVES_OF_NETWORKS: dict[str, dict[str, Any]] = {
    "layer": {"layer": "input"},
    "index": {"index": 0},
    "against": {"against": "none"},
    "select": {"select": "bar.1"},
    "home": {"select": "bar.0", "home": 0},
    "primary": {"primary": "17"},
    "pin": {"pin": {"layer": "fc2", "index": 0}},
}


@pytest.mark.parametrize(
    ("name", "field"),
    [
        (name, field)
        for name, spec in NETWORKS.panels.items()
        for field in MOVES_OF_NETWORKS
        if spec.fields is not None and field not in spec.fields
    ],
)
def test_a_panel_of_networks_depends_on_no_field_that_it_does_not_name(
    shipped: Context, name: str, field: str
) -> None:
    assert set(NETWORKS.panels[name].fields or ()) <= set(NETWORKS.fields)
    shown = []
    for said in (PLACES["network"], PLACES["network"] | MOVES_OF_NETWORKS[field]):
        panel = frames.draw_panel(NETWORKS, name, scene_of(shipped, NETWORKS, said)[1], "light")
        assert not panel.message
        shown.append((panel.figure.to_json(), panel.caption))
    assert shown[0] == shown[1]


@pytest.mark.parametrize(
    ("view", "name", "field"),
    [
        pytest.param(view, name, field, id=f"{view.name}-{name}-{field}")
        for view in VIEWS
        for name, spec in view.panels.items()
        for field in MOVES
        if spec.fields is not None and field not in spec.fields
    ],
)
@pytest.mark.parametrize("state", [{}, {"beside": "pin", "pin": {"layer": "conv2", "index": 5}}])
def test_a_panel_depends_on_no_field_that_it_does_not_name(
    shipped: Context, view: View, name: str, field: str, state: dict[str, Any]
) -> None:
    """It is drawn once for all frames that differ in other fields."""
    assert set(view.panels[name].fields or ()) <= set(view.fields)
    shown = []
    for said in (PLACES["circle"] | state, PLACES["circle"] | state | MOVES[field]):
        panel = frames.draw_panel(view, name, scene_of(shipped, view, said)[1], "light")
        shown.append((panel.figure.to_json(), panel.message, panel.caption, panel.hidden))
    assert shown[0] == shown[1]


@pytest.mark.parametrize("place", ["circle", "network"])
def test_a_panel_that_is_its_table_shows_its_rows(shipped: Context, place: str) -> None:
    for view in VIEWS:
        _, scene = scene_of(shipped, view, PLACES[place])
        for name, spec in view.panels.items():
            rows = frames.draw_panel(view, name, scene, "light").rows
            assert list(rows) == (spec.rows(scene) if spec.table else [])


def test_words_of_states(make_experiment: Make, open_context: Open, fill: Fill) -> None:
    context = open_context(make_experiment(n=150))

    def words(state: str, panel: str) -> Panel:
        said = {"index": 1, "view": "filters"} | STATES[state]
        fill(context, said)
        view = context.views["filters"]
        return frames.draw_panel(view, panel, scene_of(context, view, said)[1], "light")

    assert words("node", "beside").hidden
    assert not words("null beside", "beside").hidden
    assert "permuted (null): conv1, step 100" in words("null beside", "beside").caption
    assert "untrained (step 0): conv1, step 0" in words("untrained beside", "beside").caption
    assert "pinned: conv1, step 0" in words("pin beside", "beside").caption
    assert "Nothing is pinned" in words("nothing pinned", "beside").message
    assert "holds 90 filters close together" in words("empty graph", "mapper").message
    assert "holds no filter that is kept here" in words("nothing kept", "members").message
    assert "filter 7.7.7 is not kept here" in words("lost", "members").caption
    assert "clicked filter: run-000, output 7, input 0" in words("node", "members").caption
    assert "the line is a cycle born with the selected bar" in words("bar", "projection").caption
    assert "balanced cover" in words("balanced", "mapper").caption
    assert "0 of 0 dropped" in words("all kept", "projection").caption
    assert "1 run ·" in words("one run", "barcode").caption


def test_the_drawer_shows_the_table_of_a_panel(shipped: Context) -> None:
    cursor = shipped.read(PLACES["circle"])[0]
    title, rows = panels.twin(shipped, "filters-rose", cursor)
    assert (title, len(rows)) == ("Orientation", 24)
    assert sum(row["filters"] for row in rows) == 1024
    title, rows = panels.twin(shipped, "overview-contents", cursor)
    assert (title, len(rows)) == ("Layers × steps", 12)


def test_the_drawer_is_empty_where_there_is_nothing(
    make_experiment: Make, open_context: Open
) -> None:
    context = open_context(make_experiment())
    cursor = context.read({})[0]
    for view in VIEWS:
        for name in view.panels:
            title, rows = panels.twin(context, ids.PanelIds(view.name, name).graph, cursor)
            assert title == view.panels[name].title
            assert json.loads(json.dumps(rows, allow_nan=False)) == rows


@every_panel
def test_every_panel_has_a_title_and_buttons_of_its_own(view: View, name: str) -> None:
    spec, at = view.panels[name], ids.PanelIds(view.name, name)
    layout = panels._panel(view, name, spec)
    there = [str(each.id) for each in layout._traverse() if getattr(each, "id", None)]
    kinds = ["table"] if spec.table else ["table", "svg", "png"]
    for part in (at.graph, at.message, at.caption, *(at.button(kind) for kind in kinds)):
        assert there.count(str(part)) == 1
    assert (str(at.button("svg")) in there) is not spec.table
    assert layout.id == at.box
    assert spec.title
