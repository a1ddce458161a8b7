import json
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from plotly.io.json import to_json_plotly

from analysis import registry
from analysis.checkpoints import each_file_once
from analysis.errors import AnalysisError
from analysis.parameters import as_plain
from analysis.pipeline import run_unit
from analysis.store import ResultStore
from analysis.units import key_of, params_of
from dashboard import frames, ids, shell, views
from dashboard.context import Context
from dashboard.results import Kept

Make = Callable[..., Path]
Open = Callable[..., Context]
Fill = Callable[[Context, dict[str, Any]], None]
BUDGET = 1_500_000
VIEWS = [view.name for view in views.discover()]
SAMPLES = ["mnist_cnn", "face_resnet", "mlp"]
SAID = {
    ("filters", "mlp"),
    ("stability", "mlp"),
    ("activations", "face_resnet"),
}
"""Views that have nothing to draw of a sample, and say so."""


def answer(context: Context, said: dict[str, Any], **more: Any) -> dict[str, Any]:
    compute = more.pop("compute", True)
    return frames.answer(context, {"cursor": said, "n": 3} | more, compute=compute)


def by_piece(answered: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {frame["piece"]: frame for frame in answered["frames"]}


def props(frame: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Properties by component id, as the browser reads them."""
    return {name: json.loads(text) for name, _, text in frame["parts"]}


def words(frame: dict[str, Any], name: str) -> str:
    return str(props(frame)[name]["children"])


@pytest.mark.parametrize("view", VIEWS)
def test_a_frame_is_final_when_all_its_results_are_there(
    make_small: Make, open_context: Open, fill: Fill, view: str
) -> None:
    context = open_context(make_small(view))
    said = {"view": view}
    first = by_piece(answer(context, said))
    assert set(first) == {"row", view}
    assert not first[view]["final"]
    assert context.jobs._inbox
    fill(context, said)
    last = by_piece(answer(context, said))
    assert last[view]["final"]
    assert last[view]["parts"] != first[view]["parts"]
    assert by_piece(answer(context, said))[view] == last[view]


@pytest.mark.parametrize("view", VIEWS)
def test_what_is_fetched_ahead_computes_nothing(
    make_small: Make, open_context: Open, fill: Fill, view: str
) -> None:
    context = open_context(make_small(view))
    said = {"view": view, "index": 0}
    assert answer(context, said, compute=False)["frames"] == []
    assert not context.jobs._inbox
    fill(context, said)
    ahead = by_piece(answer(context, said, compute=False))
    assert not context.jobs._inbox
    assert ahead[view] == by_piece(answer(context, said))[view]


def test_what_the_browser_has_is_not_made_again(shipped: Context) -> None:
    said = {"experiment": "mnist_cnn", "view": "filters"}
    assert list(by_piece(answer(shipped, said, skip=["row"]))) == ["filters"]
    assert list(by_piece(answer(shipped, said, skip=["filters", "overview"]))) == ["row"]
    assert answer(shipped, said, skip=["row", "filters"])["frames"] == []


def test_a_damaged_result_is_computed_again_and_not_shown_as_final(
    make_experiment: Make, open_context: Open, fill: Fill, store: ResultStore
) -> None:
    folder, said = make_experiment(), {"view": "filters"}
    context = open_context(folder)
    fill(context, said)
    again = open_context(folder)  # remembers nothing
    unit = again.views["filters"].units(again.ask(again.read(said)[0]))["mapper"]
    assert not isinstance(unit, str)
    store.path(key_of(unit)).write_bytes(b"cut off")
    assert "filters" not in by_piece(answer(again, said, compute=False))
    shown = by_piece(answer(again, said))["filters"]
    assert not shown["final"]
    assert words(shown, "filters-mapper-message") == "Computing …"
    assert [each for each, _ in again.jobs._inbox] == [[unit]]
    assert run_unit(unit, store).state == "computed"
    assert by_piece(answer(again, said))["filters"]["final"]


@pytest.mark.parametrize("view", ["overview", "evolution", "stability"])
def test_a_damaged_result_in_a_picture_of_many_is_asked_for_again(
    make_experiment: Make, open_context: Open, fill: Fill, store: ResultStore, view: str
) -> None:
    folder, said = make_experiment(), {"view": view}
    context = open_context(folder)
    fill(context, said)
    again = open_context(folder)
    units = again.views[view].units(again.ask(again.read(said)[0]))
    unit = next(unit for unit in units.values() if getattr(unit, "analysis", "") == "mapper")
    assert not isinstance(unit, str)
    store.path(key_of(unit)).write_bytes(b"cut off")
    assert view not in by_piece(answer(again, said, compute=False))
    assert not by_piece(answer(again, said))[view]["final"]
    assert [unit] in [each for each, _ in again.jobs._inbox]


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("view", VIEWS)
def test_every_part_is_a_component_of_the_page_and_the_whole_is_small(
    shipped: Context, view: str, name: str
) -> None:
    there = {str(each.id) for each in shell.layout(shipped)._traverse() if getattr(each, "id", "")}
    found = answer(shipped, {"experiment": name, "view": view})
    for frame in found["frames"]:
        parts = [part for part, _, _ in frame["parts"]]
        assert set(parts) <= there
        assert len(set(parts)) == len(parts)
    assert 5_000 < frames.size(found) < BUDGET


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("view", VIEWS)
def test_the_same_cursor_is_the_same_frame_and_dark_another(
    shipped: Context, view: str, name: str
) -> None:
    cursor = shipped.read({"experiment": name, "view": view})[0]

    def made(scheme: str) -> Any:
        shipped.drawn = Kept(1)  # as if for the first time
        with each_file_once():
            return frames.draw_piece(shipped, view, cursor, scheme=scheme).parts

    assert made("light") == made("light")
    assert (made("light") == made("dark")) is ((view, name) in SAID)


PLACE = {"experiment": "mnist_cnn", "layer": "conv1", "index": 4}
NETWORK = {"experiment": "mlp", "layer": "fc2", "index": 1}
CHANGES = {
    "layer": {"layer": "conv2"},
    "index": {"index": 1},
    "runs": {"runs": ["run-001", "run-002"]},
    "params": {"params": {"mapper.gain": 2.0}},
    "colour": {"colour": "size"},
    "scale": {"scale": "own"},
    "beside": {"beside": "pin"},
    "against": {"against": "previous"},
    "select": {"select": "node.3"},
    "primary": {"primary": "0.1.0"},
    "pin": {"pin": {"layer": "conv1", "index": 2}},
}


@pytest.mark.parametrize(
    ("view", "field"),
    [(v.name, field) for v in views.discover() for field in CHANGES if field not in v.fields],
)
def test_a_view_depends_on_no_field_that_it_does_not_name(
    shipped: Context, view: str, field: str
) -> None:
    """The browser shows the frame it has when a field changes that is not named."""
    usual = (NETWORK if view == "activations" else PLACE) | {"view": view}
    parts = []
    for said in (usual, usual | CHANGES[field]):
        cursor, note = shipped.read(said)
        assert note == ""
        shipped.drawn = Kept(1)
        with each_file_once():
            parts.append(frames.draw_piece(shipped, view, cursor, scheme="light").parts)
    assert parts[0] == parts[1]


@pytest.mark.parametrize("field", [*CHANGES, "home"])
@pytest.mark.parametrize("usual", [PLACE | {"view": "filters"}, NETWORK | {"view": "activations"}])
def test_the_row_depends_on_no_field_that_it_does_not_name(
    shipped: Context, usual: dict[str, Any], field: str
) -> None:
    if field in frames.ROW_FIELDS:
        assert field in frames.fields(shipped)["row"]
        return
    cursor = shipped.read(usual)[0]
    change = {"layer": "fc1"} if field == "layer" and usual["experiment"] == "mlp" else {}
    one, other = (
        frames.draw_piece(shipped, "row", replace(cursor, **said), scheme="light")
        for said in ({}, {"home": 1} if field == "home" else change or CHANGES[field])
    )
    assert one == other


def test_what_cannot_be_drawn_says_why_and_leaves_the_others(
    shipped: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_scene: Any, _scheme: str) -> Any:
        msg = "these filters have no rose"
        raise AnalysisError(msg)

    view = shipped.views["filters"]
    panels = dict(view.panels) | {"rose": replace(view.panels["rose"], draw=refuse)}
    monkeypatch.setitem(shipped.views, "filters", replace(view, panels=panels))
    monkeypatch.setattr(shipped, "drawn", Kept(1))
    said = {"experiment": "mnist_cnn", "layer": "conv1", "index": 4, "view": "filters"}
    shown = by_piece(answer(shipped, said))["filters"]
    assert shown["final"]
    assert words(shown, "filters-rose-message") == "these filters have no rose"
    assert props(shown)["filters-rose"]["figure"]["data"] == []
    assert words(shown, "filters-mapper-message") == ""
    assert props(shown)["filters-mapper"]["figure"]["data"]
    assert words(shown, ids.FINDING).startswith("conv1: One loop")


@pytest.mark.parametrize("view", VIEWS)
def test_nonsense_is_answered_with_the_usual_page_and_a_note(shipped: Context, view: str) -> None:
    said = {"view": view, "layer": "<script>", "step": "-7", "params": {"filters.k": "x" * 1024}}
    found = answer(shipped, said, scheme="<script>", compute=False)
    usual = answer(shipped, {"view": view}, scheme="light", compute=False)
    assert found["frames"] == usual["frames"]
    assert found["cursor"] == usual["cursor"]
    assert "no layer “<script>”" in found["note"]
    assert "The usual value is shown instead." in found["note"]
    assert usual["note"] == ""


def test_a_number_that_no_browser_has_does_not_break_the_page(shipped: Context) -> None:
    said = {"view": "filters", "params": {"filters.seed": "9" * 30, "filters.draw": 1e300}}
    found = answer(shipped, said, compute=False)
    assert found["cursor"]["params"] == {}
    assert json.loads(to_json_plotly(found))["note"] == found["note"] != ""


def test_forms_show_the_parameters_in_force(shipped: Context) -> None:
    said = {"experiment": "face_resnet", "layer": "conv64_down.conv1"}
    cursor = shipped.read(said | {"params": {"mapper.gain": "2.5", "filters.k": "50"}})[0]
    effective = frames.effective(shipped, cursor)
    usual = frames.effective(shipped, shipped.read(said)[0])
    assert (effective["mapper.gain"], effective["filters.k"]) == (2.5, "50")
    assert usual["filters.fraction"] == effective["filters.fraction"] == 0.1  # experiment.toml
    ask = shipped.ask(cursor)
    kind = registry.get("filters")
    params = params_of(ask.experiment, kind, layer=cursor.layer, settings=ask.settings)
    assert usual.keys() == effective.keys() >= {f"filters.{k}" for k in as_plain(params)}


def test_a_layer_with_too_few_filters_says_so_everywhere_and_is_final(
    make_layers: Callable[..., Path], open_context: Open
) -> None:
    context = open_context(make_layers(many=200, few=3))
    said = {"layer": "few", "params": {"filters.k": "50"}}
    why = "choose a k below 3"
    context.jobs.start()
    try:
        shown = until_final(context, said | {"view": "filters"}, "filters")
        for name in (ids.FINDING, "filters-mapper-message", "filters-barcode-message"):
            assert why in words(shown, name)
        table = until_final(context, said | {"view": "overview"}, "overview")
        rows = {row["layer"]: row for row in props(table)["overview-findings"]["rowData"]}
        assert why in rows["few"]["finding"]
        assert "loop" in rows["many"]["finding"]
        row = props(until_final(context, said | {"view": "filters"}, "row"))
    finally:
        context.jobs.close()
    assert any(why in text for text in row[ids.NETWORK]["figure"]["data"][0]["hovertext"])


def until_final(context: Context, said: dict[str, Any], piece: str) -> dict[str, Any]:
    """Ask again while there is more to come, as the browser does; a minute at most."""
    end = time.monotonic() + 60
    while not (frame := by_piece(answer(context, said))[piece])["final"]:
        assert time.monotonic() < end
        time.sleep(0.05)
    return frame


@pytest.mark.parametrize("view", VIEWS)
def test_an_experiment_that_is_removed_while_open_is_said(
    make_small: Make, open_context: Open, fill: Fill, view: str
) -> None:
    folder = make_small(view)
    context = open_context(folder)
    fill(context, {"view": view})
    shutil.rmtree(folder)
    found = by_piece(answer(context, {"view": view}))
    assert found["row"]["final"]
    assert found[view]["final"]
    text = "".join(text for frame in found.values() for _, _, text in frame["parts"])
    assert "step-0001" in text or "cannot be read" in text
