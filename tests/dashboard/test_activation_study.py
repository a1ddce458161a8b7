"""The study of all networks on the page: its numbers, and what it says where some are missing."""

import itertools
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis.checkpoints import each_file_once
from analysis.landscape_tests import ALL_LAYERS
from analysis.pipeline import run_unit
from analysis.store import ResultStore
from analysis.units import Unit, key_of
from dashboard import frames, ids
from dashboard.activation_norms import norm_rows
from dashboard.activation_study import NETWORK
from dashboard.activation_words import norm_sentence, what
from dashboard.commands import table_rows
from dashboard.context import Context
from dashboard.cursor import Pin
from dashboard.results import Shown
from dashboard.view import Ask, Panel, View
from dashboard.views.activations.panels import CLEAR

Make = Callable[..., Path]
Open = Callable[..., Context]
Fill = Callable[[Context, dict[str, Any]], None]
Row = dict[str, Any]

STATES: dict[str, Row] = {
    "all runs": {},
    "one run": {"runs": ["run-001"]},
    "two runs": {"runs": ["run-000", "run-002"]},
    "a class": {"params": {"landscapes.of_class": "disk"}},
    "local": {"params": {"landscapes.homology": "local", "landscapes.inputs": 30}},
}
LAYERS = ["input", "fc1", "fc2", "fc3"]
every_state = pytest.mark.parametrize("state", STATES)


def ask_of(context: Context, said: Row, view: str = "activations") -> Ask:
    cursor, note = context.read({"view": view} | said)
    assert note == ""
    return context.ask(cursor)


def scene_of(context: Context, said: Row, view: str = "activations") -> tuple[View, Any]:
    ask, found = ask_of(context, said, view), context.views[view]
    with each_file_once():
        return found, found.scene(ask, context.find(found, ask, compute=False))


def panel(scene: tuple[View, Any], name: str) -> Panel:
    return frames.draw_panel(scene[0], name, scene[1], "light")


def page(
    shipped: Context, fill_shipped: Callable[[Row], None], state: str, **more: Any
) -> tuple[View, Any]:
    said = {"experiment": "mlp", "layer": "fc1", "index": 1} | STATES[state] | more
    fill_shipped(said | {"view": "activations"})
    return scene_of(shipped, said)


def table(context: Context, name: str, state: str = "all runs", **more: Any) -> list[Row]:
    """What `nervescope table` prints for a state of the page."""
    settings: dict[str, Row] = {}
    for key, value in STATES[state].get("params", {}).items():
        kind, _, option = key.partition(".")
        settings.setdefault(kind, {})[option] = value
    part = {"layers": None, "steps": None, "runs": STATES[state].get("runs")}
    (experiment,) = (e for e in context.experiments.values() if e.name == "mlp")
    store = context.results._store
    rows = table_rows(experiment, name, settings | more, store, part=part, jobs=1)
    assert rows
    assert not any(row["error"] for row in rows)
    return rows


def mean_of(rows: list[Row], layer: str, step: int) -> float:
    return float(np.mean([r["norm"] for r in rows if (r["layer"], r["step"]) == (layer, step)]))


def texts(figure: Any) -> list[str]:
    said: list[str] = []
    for trace in figure.data:
        for part in (trace.text, trace.hovertext):
            said += [part] if isinstance(part, str) else list(part if part is not None else ())
    return said


@every_state
def test_the_heat_map_is_the_table_of_landscapes(
    shipped: Context, fill_shipped: Callable[[Row], None], state: str
) -> None:
    scene = page(shipped, fill_shipped, state)
    rows = table(shipped, "landscapes", state)
    shown = norm_rows(scene[1])
    assert {(r["layer"], r["step"], r["run"]): r["norm"] for r in shown} == {
        (r["layer"], str(r["step"]), r["run"]): r["norm"] for r in rows
    }
    assert len(shown) == len(rows)
    for row in shown:
        assert row["mean"] == pytest.approx(mean_of(rows, row["layer"], int(row["step"])))
        assert row["runs"] == len({r["run"] for r in rows})
        assert row["_pick"] == {"layer": row["layer"], "index": ["0", "100"].index(row["step"])}
    drawn = panel(scene, "norms")
    assert drawn.message == ""
    hover = [each for each in texts(drawn.figure) if " at " in each]
    assert len(hover) == len(LAYERS) * 2
    for layer in LAYERS:
        for step in (0, 100):
            (text,) = (each for each in hover if f"{layer} at {step}" in each)
            assert f"norm {mean_of(rows, layer, step):.3g}: mean of" in text
            for r in rows:
                if (r["layer"], r["step"]) == (layer, step):
                    assert f"{r['run']}: {r['norm']:.3g}" in text
    clicks = [each for trace in drawn.figure.data for each in trace.customdata or () if each]
    assert clicks == [{"layer": layer, "index": i} for layer in LAYERS for i in (0, 1)]


@every_state
def test_the_row_of_layers_is_the_table_of_landscapes(
    shipped: Context, fill_shipped: Callable[[Row], None], state: str
) -> None:
    scene = page(shipped, fill_shipped, state)
    rows = table(shipped, "landscapes", state)
    for index, step in enumerate((0, 100)):
        for view in ("activations", "overview", "evolution"):
            said = {"experiment": "mlp", "index": index} | STATES[state]
            bars = shipped.views[view].row.bars(ask_of(shipped, said, view))
            assert [bar.layer for bar in bars] == LAYERS
            for bar in bars:
                assert bar.strength == pytest.approx(mean_of(rows, bar.layer, step))
                first = pytest.approx(mean_of(rows, bar.layer, 0)) if index else None
                assert bar.null == first
                assert not bar.no_shape
    assert scene[0].row.words(scene[1].ask.experiment).bar == "landscape norm"


@every_state
def test_the_sentence_has_the_numbers_of_the_tables(
    shipped: Context, fill_shipped: Callable[[Row], None], state: str
) -> None:
    scene = page(shipped, fill_shipped, state)
    rows = table(shipped, "landscapes", state)
    said = scene[0].sentence(scene[1])
    at = {step: [r for r in rows if r["step"] == step] for step in (0, 100)}
    here = [r["norm"] for r in at[100] if r["layer"] == "fc1"]
    assert said.startswith(f"fc1 at step 100: landscape norm {np.mean(here):.3g}")
    if len(here) > 1:
        assert f" ± {np.std(here, ddof=1):.2g} over {len(here)} runs (step 0: " in said
    assert f"(step 0: {mean_of(rows, 'fc1', 0):.3g})" in said

    def joint(step: int) -> float:
        runs = sorted({r["run"] for r in rows})
        squares = [sum(r["norm"] ** 2 for r in at[step] if r["run"] == run) for run in runs]
        return float(np.mean(np.sqrt(squares)))

    together = f"All 4 layers together: norm {joint(100):.3g}, at step 0 {joint(0):.3g}"
    assert together in said
    assert ("p = " in said) is (len(here) > 1)
    if len(here) > 1:
        (test,) = (r for r in table(shipped, "landscape-test", state) if r["layer"] == ALL_LAYERS)
        assert said.endswith(
            f"{together} (larger in {test['runs_grown']} of {test['n_first']} runs, "
            f"p = {test['norm_p']:.2g}); the mean landscapes are {test['distance']:.3g} apart "
            f"(p = {test['p']:.2g})."
        )
        assert test["norm_change"] == pytest.approx(joint(100) - joint(0))
    else:
        assert said.endswith(f"{together}.")
    assert norm_sentence(scene[1]).endswith(said[said.index("All 4 layers") :])


@every_state
def test_overview_and_evolution_show_the_same_norms(
    shipped: Context, fill_shipped: Callable[[Row], None], state: str
) -> None:
    rows = norm_rows(page(shipped, fill_shipped, state)[1])
    said = {"experiment": "mlp"} | STATES[state]
    for view, name in (("overview", "landscapes"), ("evolution", "landscapes-all")):
        scene = scene_of(shipped, said, view)
        assert scene[0].panels[name].rows(scene[1]) == rows
        drawn = panel(scene, name)
        assert not drawn.hidden
        assert drawn.message == ""
        written = " | ".join(texts(drawn.figure))
        for row in rows:
            assert f"norm {row['mean']:.3g}" in written
        assert "has the largest landscape norm" in scene[0].sentence(scene[1])


def test_the_caption_says_which_inputs_of_how_many(
    shipped: Context, fill_shipped: Callable[[Row], None]
) -> None:
    said = {state: what(page(shipped, fill_shipped, state)[1]) for state in STATES}
    rows = {state: table(shipped, "landscapes", state)[0] for state in STATES}
    assert said["all runs"] == "60 of 489 inputs, random, seed 0 · global H₁"
    total = rows["a class"]["n_total"]
    assert said["a class"] == f"60 of {total} inputs of class disk, random, seed 0 · global H₁"
    assert total < 489
    assert said["local"] == "30 of 489 inputs, random, seed 0 · local (at the origin) H₁"


def start(folder: Path, open_context: Open) -> tuple[Context, list[Unit], Unit]:
    """A page of which nothing is computed, with the networks and the study that it needs."""
    context = open_context(folder)
    need = context.views["activations"].units(ask_of(context, {"layer": "fc1", "index": 1}))
    networks = [each for name, each in need.items() if name.startswith(NETWORK)]
    assert all(isinstance(each, Shown) for each in networks), "they are computed for the study"
    study = need["study"]
    assert isinstance(study, Unit)
    return context, [each.unit for each in networks if isinstance(each, Shown)], study


def test_while_the_study_is_computed_the_networks_that_are_there_are_shown(
    make_mlp: Make, open_context: Open, store: ResultStore
) -> None:
    context, networks, study = start(make_mlp(runs=2, inputs=20), open_context)
    said = {"layer": "fc1", "index": 1}
    scene = scene_of(context, said)
    assert scene[0].sentence(scene[1]) == "4 networks are still computing …"
    assert panel(scene, "norms").message == "Computing …"
    assert len(networks) == 4
    for done, unit in enumerate(networks[:-1], 1):
        assert run_unit(unit, store).state == "computed"
        scene = scene_of(context, said)
        drawn = panel(scene, "norms")
        assert drawn.message == ""
        assert f" · {4 - done} networks still computing" in drawn.caption
        rows = norm_rows(scene[1])
        assert len(rows) == done * len(LAYERS)
        assert "networks are still computing" in scene[0].sentence(scene[1])
    result = context.results.get(networks[0], ask=False).result
    mine = {r["layer"]: r["norm"] for r in rows if (r["run"], r["step"]) == ("run-000", "0")}
    assert mine == dict(zip(result.layers, result.norms.tolist(), strict=True))
    assert not context.jobs._inbox, "looking asks for nothing"
    assert "mean over 1 to 2 of 2 runs" in drawn.caption
    shown = frames.draw_piece(context, "activations", scene[1].cursor, scheme="light")
    assert not shown.final
    asked = [unit for units, _ in context.jobs._inbox for unit in units]
    assert study in asked
    assert not set(networks) & set(asked), "they are computed as parts of the study only"
    assert run_unit(study, store).state == "computed"
    scene = scene_of(context, said)
    assert "computing" not in panel(scene, "norms").caption
    assert len(norm_rows(scene[1])) == 4 * len(LAYERS)


def test_the_row_waits_for_the_study_and_says_so(
    make_mlp: Make, open_context: Open, store: ResultStore
) -> None:
    context, _, study = start(make_mlp(runs=2, inputs=20), open_context)
    row = context.views["activations"].row
    ask = ask_of(context, {"index": 1})
    assert {bar.note for bar in row.bars(ask)} == {"not computed yet"}
    assert not frames.draw_piece(context, "row", ask.cursor, scheme="light").final
    assert not context.jobs._inbox
    run_unit(study, store)
    assert frames.draw_piece(context, "row", ask.cursor, scheme="light").final
    assert all(bar.strength is not None for bar in row.bars(ask))


def test_a_dead_layer_is_said_and_the_others_are_shown(
    make_mlp: Make, open_context: Open, fill: Fill
) -> None:
    context = open_context(make_mlp(dead="fc2", inputs=30))
    said = {"layer": "fc2", "index": 1}
    fill(context, {"view": "activations"} | said)
    scene = scene_of(context, said)
    drawn = panel(scene, "norms")
    of = {
        (each["layer"], each["index"]): (shown, hover)
        for each, shown, hover in zip(
            drawn.figure.data[1].customdata,
            drawn.figure.data[0].text,
            drawn.figure.data[1].hovertext,
            strict=True,
        )
    }
    assert "dead" in of["fc2", 1][0]
    assert "dead: all its activations are 0 for every input" in of["fc2", 1][1]
    assert "dead" not in of["fc1", 1][0]
    assert float(of["fc1", 1][0].strip("<b>/")) > 0
    text = scene[0].sentence(scene[1])
    assert text.startswith("fc2 at step 100: landscape norm 0 ± 0 over 3 runs")
    assert "dead: all its activations are 0 for every input" in text
    assert "All 4 layers together: " in text
    assert "nan" not in text.lower()
    assert "dead: all its activations" in panel(scene, "bars").message
    for name in ("landscape", "cloud", "inputs", "sizes", "depth", "curves", "tests"):
        assert panel(scene, name).message == "", name
    (bar,) = (b for b in scene[0].row.bars(scene[1].ask) if b.layer == "fc2")
    assert (bar.strength, bar.note) == (0.0, "dead or constant, or no bars")
    alive = scene_of(context, {"layer": "fc1", "index": 1})
    assert "dead" not in alive[0].sentence(alive[1])


def test_one_run_says_why_there_are_no_tests(
    make_mlp: Make, open_context: Open, fill: Fill
) -> None:
    context = open_context(make_mlp(runs=1, inputs=20))
    said = {"layer": "fc1", "index": 1}
    fill(context, {"view": "activations"} | said)
    scene = scene_of(context, said)
    for name in ("tests", "verdicts"):
        assert panel(scene, name).message == (
            "Nothing to compare: a test needs two milestones or steps that two runs share, and "
            "there are landscapes of 1 run at 2 places."
        )
    assert scene[0].panels["tests"].rows(scene[1]) == []
    assert "±" not in scene[0].sentence(scene[1])
    assert "p = " not in scene[0].sentence(scene[1])
    assert "mean over 1 run ·" in panel(scene, "norms").caption
    assert "mean over 1 run" in panel(scene, "landscape").caption
    for name in ("norms", "landscape", "depth", "curves", "cloud", "difference"):
        assert panel(scene, name).message == "", name


def test_an_unknown_key_to_compare_fails_the_tests_only(
    make_mlp: Make, open_context: Open, store: ResultStore
) -> None:
    context, _, study = start(make_mlp(runs=2, inputs=20), open_context)
    assert run_unit(study, store).state == "computed"
    said = {"layer": "fc1", "index": 1, "params": {"landscape-test.between": "colour"}}
    need = context.views["activations"].units(ask_of(context, said))
    tests = need["tests"]
    assert isinstance(tests, Unit)
    assert need["study"] == study, "it is the same study"
    scene = scene_of(context, said)
    assert panel(scene, "tests").message == panel(scene, "verdicts").message == "Computing …"
    outcome = run_unit(tests, store)
    assert outcome.state == "failed"
    context.jobs._note([replace(outcome, key=key_of(tests))])
    scene = scene_of(context, said)
    for name in ("tests", "verdicts"):
        assert "between = 'colour'" in panel(scene, name).message
        assert "or use milestone" in panel(scene, name).message
        assert scene[0].panels[name].rows(scene[1]) == []
    for name in ("norms", "landscape", "difference", "depth", "curves"):
        assert panel(scene, name).message == "", name
    assert len(norm_rows(scene[1])) == 4 * len(LAYERS)
    text = scene[0].sentence(scene[1])
    assert text.startswith("fc1 at step 100: landscape norm")
    assert "p = " not in text
    assert "apart" not in text
    assert text.endswith(".")
    assert all(bar.strength is not None for bar in scene[0].row.bars(scene[1].ask))
    for view, name in (("overview", "landscapes"), ("evolution", "landscapes-all")):
        beside = scene_of(context, said, view)
        assert panel(beside, name).message == ""
        assert "has the largest landscape norm" in beside[0].sentence(beside[1])


def test_a_key_of_run_toml_is_compared_on_the_page(
    make_mlp: Make, open_context: Open, fill: Fill
) -> None:
    folder = make_mlp(runs=4, inputs=20)
    for i, path in enumerate(sorted(folder.glob("run-*"))):
        (path / "run.toml").write_text(f"batch = {8 * (1 + i % 2)}\n")
    context = open_context(folder)
    said = {"layer": "fc1", "index": 1, "params": {"landscape-test.between": "batch"}}
    fill(context, {"view": "activations"} | said)
    scene = scene_of(context, said)
    shown = scene[0].panels["verdicts"].rows(scene[1])
    assert [(row["first"], row["second"], row["runs"]) for row in shown] == [
        (f"batch = 8, step {step}", f"batch = 16, step {step}", 2) for step in (0, 100)
    ]
    rows = scene[0].panels["tests"].rows(scene[1])
    assert {row["runs_grown"] for row in rows} == {None}, "they are different runs"
    assert "p after Holm over all 2 pairs" in panel(scene, "tests").caption
    text = scene[0].sentence(scene[1])
    assert "p = " not in text, "no steps are compared"
    assert "All 4 layers together: norm " in text


def test_several_pairs_are_said_with_their_correction(
    make_mlp: Make, open_context: Open, fill: Fill
) -> None:
    context = open_context(make_mlp(runs=3, steps=(0, 10, 20), inputs=20))
    fill(context, {"view": "activations", "layer": "fc1", "index": 2})
    for index in (0, 1, 2):
        scene = scene_of(context, {"layer": "fc1", "index": index})
        text = scene[0].sentence(scene[1])
        assert norm_sentence(scene[1]).endswith(text[text.index("All 4 layers") :])
        if not index:
            assert "p = " not in text, "it is the first step"
            continue
        rows = scene[0].panels["tests"].rows(scene[1])
        (test,) = (
            row
            for row in rows
            if (row["first"], row["second"], row["layer"])
            == ("step 0", f"step {10 * index}", ALL_LAYERS)
        )
        assert (
            f"(larger in {test['runs_grown']} of 3 runs, p = {test['norm_p']:.2g}, "
            f"{test['norm_p_holm']:.2g} after Holm over 3 pairs); the mean landscapes are "
            f"{test['distance']:.3g} apart (p = {test['p']:.2g}, {test['p_holm']:.2g} after Holm "
            "over 3 pairs)."
        ) in text


@pytest.mark.parametrize("dimension", [0, 2])
def test_what_other_dimensions_compute_is_said(
    shipped: Context, fill_shipped: Callable[[Row], None], dimension: int
) -> None:
    params = {"landscapes.dimension": dimension, "landscapes.inputs": 20}
    said = {"experiment": "mlp", "layer": "fc1", "index": 1, "params": params}
    fill_shipped(said | {"view": "activations"})
    scene = scene_of(shipped, said)
    cloud = scene[1].cloud
    assert cloud is not None
    drawn = panel(scene, "bars")
    if dimension == 0:
        assert drawn.message == (
            f"{len(cloud.diagram.bars(0)):,} H₀ bars, norm {cloud.norm:.3g}: no loops are computed "
            "in dimension 0. Choose dimension 1 for these."
        )
        assert scene[0].panels["bars"].rows(scene[1]) == []
        assert "loop" not in scene[0].sentence(scene[1])
    elif len(cloud.diagram.bars(1)):
        assert drawn.message == ""
        assert f" · norm of H₂ {cloud.norm:.3g} · " in drawn.caption
    assert what(scene[1]).endswith(f"global {'H₀' if dimension == 0 else 'H₂'}")
    assert panel(scene, "norms").message == ""
    rows = [r for r in norm_rows(scene[1]) if (r["layer"], r["step"]) == ("fc1", "100")]
    (mine,) = (r for r in rows if r["run"] == scene[1].run)
    assert mine["norm"] == pytest.approx(cloud.norm, rel=1e-6)


def test_loops_before_a_gap_are_those_of_the_table(
    shipped: Context, fill_shipped: Callable[[Row], None]
) -> None:
    scene = page(shipped, fill_shipped, "all runs")
    rows = table(shipped, "landscapes")
    found = {}
    for place, step in enumerate((0, 100)):
        (bars,) = (
            r["h1_bars"]
            for r in rows
            if (r["run"], r["layer"], r["step"]) == ("run-000", "fc1", step)
        )
        assert 2 < len(bars) < 20
        gaps = [a / b for a, b in itertools.pairwise(bars)]
        found[step] = (1 + int(np.argmax(gaps)), max(gaps))
        gap = scene[1].gap(place)
        assert gap is not None
        assert gap == (found[step][0], pytest.approx(found[step][1], rel=1e-4))
    assert found[100][1] >= CLEAR
    loops = "loop" if found[100][0] == 1 else "loops"
    assert (
        f"; run-000: {found[100][0]} {loops} before a gap of {found[100][1]:.1f}× "
        f"(step 0: {found[0][0]}, {found[0][1]:.1f}×). All"
    ) in scene[0].sentence(scene[1])
    assert scene[1].gap(None) is None


@pytest.mark.parametrize("cut", [5, -40])
def test_a_truncated_snapshot_is_missing_and_the_others_are_shown(
    make_mlp: Make, open_context: Open, fill: Fill, cut: int
) -> None:
    folder = make_mlp(inputs=20)
    broken = folder / "run-001" / "step-000100.safetensors"
    broken.write_bytes(broken.read_bytes()[:cut])
    context = open_context(folder)
    said = {"layer": "fc1", "index": 1}
    fill(context, {"view": "activations"} | said)
    scene = scene_of(context, said)
    assert "mean over 2 to 3 of 3 runs" in panel(scene, "norms").caption
    assert " over 2 runs (step 0: " in scene[0].sentence(scene[1])
    assert "mean over 2 runs" in panel(scene, "landscape").caption
    runs = {(r["step"], r["run"]): r["runs"] for r in norm_rows(scene[1])}
    assert {key[1] for key in runs if key[0] == "100"} == {"run-000", "run-002"}
    assert (runs["0", "run-001"], runs["100", "run-002"]) == (3, 2)
    (test,) = (row for row in scene[0].panels["verdicts"].rows(scene[1]))
    assert test["runs"] == 2


def test_a_layer_that_fails_in_one_network_is_in_no_mean_of_all_layers(
    make_mlp: Make, open_context: Open, fill: Fill
) -> None:
    from safetensors.numpy import load_file, save_file

    folder = make_mlp(inputs=20)
    path = folder / "run-002" / "step-000100.safetensors"
    arrays = load_file(path)
    arrays["fc3.bias"] = np.full_like(arrays["fc3.bias"], np.nan)
    save_file(arrays, path)
    context = open_context(folder)
    said = {"layer": "fc3", "index": 1}
    fill(context, {"view": "activations"} | said)
    scene = scene_of(context, said)
    text = scene[0].sentence(scene[1])
    assert " over 2 runs (step 0" in text
    study = scene[1].needed
    whole = study.norms[(study.place == 1) & np.isfinite(study.norms).all(axis=1)]
    assert len(whole) == 2
    joint = float(np.sqrt((whole**2).sum(axis=1)).mean())
    assert f"All 4 layers together: norm {joint:.3g}, at step 0 " in text
    assert " of 2 runs, p = " in text
    hover = " | ".join(texts(panel(scene, "norms").figure))
    assert "1 run failed" in hover
    (row,) = (r for r in scene[0].panels["verdicts"].rows(scene[1]))
    assert row["runs"] == 2, "the test leaves the network out too"
    fc1 = [r for r in norm_rows(scene[1]) if (r["layer"], r["step"]) == ("fc1", "100")]
    assert len(fc1) == 3
    nowhere = [r for r in scene[0].panels["curves"].rows(scene[1]) if r["axis_1"] is None]
    assert [(r["run"], r["step"], r["layer"]) for r in nowhere] == [("run-002", 100, "fc3")]
    for name in scene[0].panels:
        shown = scene[0].panels[name].rows(scene[1])
        assert json.loads(json.dumps(shown, allow_nan=False)) == shown, name
        assert panel(scene, name).message == "" or name == "inputs", name
    steps = np.diff(study.norms[study.place == 1], axis=1)
    j = int(np.nanmean(steps, axis=0).argmax())
    known = steps[np.isfinite(steps[:, j]), j]
    if known.mean() > 0:
        wanted = f"in {(known > 0).sum()} of {len(known)} runs"
        assert wanted in panel(scene, "depth").caption


@pytest.mark.parametrize("view", ["activations", "overview", "evolution"])
def test_an_experiment_without_architecture_says_what_to_do(
    make_experiment: Make, open_context: Open, view: str
) -> None:
    context = open_context(make_experiment())
    scene = scene_of(context, {}, view)
    if view == "activations":
        text = scene[0].sentence(scene[1])
        assert "[architecture] and [dataset] in experiment.toml" in text
        assert "docs/activations.md" in text
        for name in scene[0].panels:
            assert panel(scene, name).message == text
        assert {bar.note for bar in scene[0].row.bars(scene[1].ask)} == {text}
        assert frames.draw_piece(context, "row", scene[1].cursor, scheme="light").final
    else:
        name = "landscapes" if view == "overview" else "landscapes-all"
        assert panel(scene, name).hidden
        assert scene[0].panels[name].rows(scene[1]) == []


@pytest.mark.parametrize("view", ["filters", "stability"])
def test_networks_without_filters_are_pointed_to_activations(shipped: Context, view: str) -> None:
    for layer in LAYERS:
        scene = scene_of(shipped, {"experiment": "mlp", "layer": layer}, view)
        shown = [panel(scene, name) for name in scene[0].panels]
        said = [each.message for each in shown if not each.hidden]
        assert all("“Activations” shows its layers" in each for each in said), layer
        assert said
    bars = scene[0].row.bars(scene[1].ask)
    assert [bar.layer for bar in bars] == LAYERS
    assert all("“Activations” shows its layers" in bar.note for bar in bars)
    assert frames.draw_piece(shipped, "row", scene[1].ask.cursor, scheme="light").final
    assert scene[0].row.wanted(scene[1].ask) == []


SMALL = {"params": {"landscapes.inputs": 20}}


def test_of_an_experiment_of_which_one_run_is_whole_that_run_is_shown(
    samples: Path, open_context: Open, fill: Fill
) -> None:
    context = open_context(samples / "mnist_cnn")
    said = {"layer": "fc1", "index": 5} | SMALL
    fill(context, {"view": "activations"} | said)
    scene = scene_of(context, said)
    assert "mean over 1 of 32 runs" in panel(scene, "norms").caption
    assert {row["run"] for row in norm_rows(scene[1])} == {"run-000"}
    assert "there are landscapes of 1 run at" in panel(scene, "tests").message
    assert "fc1 of run-000" in panel(scene, "cloud").caption
    other = scene_of(context, said | {"runs": ["run-001"]})
    text = other[0].sentence(other[1])
    assert "run-001 at step 0 lacks the weights of fc1, fc2" in text
    assert "choose runs that are stored whole" in text
    assert {bar.note for bar in other[0].row.bars(other[1].ask)} == {text}
    for view, name in (("overview", "landscapes"), ("evolution", "landscapes-all")):
        beside = scene_of(context, {"index": 5} | SMALL, view)
        drawn = panel(beside, name)
        assert not drawn.hidden
        if view == "overview":
            assert "mean over 1 of 32 runs" in drawn.caption
        else:
            assert "mean over 1 run" in " | ".join(texts(drawn.figure))


def test_beside_filters_the_study_is_shown_and_never_asked_for(
    samples: Path, open_context: Open
) -> None:
    context = open_context(samples / "mnist_cnn")
    for view, name in (("overview", "landscapes"), ("evolution", "landscapes-all")):
        need = context.views[view].units(ask_of(context, SMALL, view))
        assert isinstance(need["study"], Shown)
        assert not any(each.startswith(NETWORK) for each in need)
        assert panel(scene_of(context, SMALL, view), name).hidden


@pytest.mark.parametrize(
    ("view", "name"), [("overview", "landscapes"), ("evolution", "landscapes-all")]
)
def test_beside_filters_clicks_lead_to_the_view_that_has_all_layers(
    samples: Path, open_context: Open, store: ResultStore, view: str, name: str
) -> None:
    context = open_context(samples / "mnist_cnn")
    need = context.views["activations"].units(ask_of(context, SMALL))
    assert isinstance(study := need["study"], Unit)
    assert run_unit(study, store).state == "computed"
    beside = scene_of(context, SMALL, view)
    drawn = panel(beside, name)
    clicks = [each for trace in drawn.figure.data for each in trace.customdata or () if each]
    picks = [row["_pick"] for row in beside[0].panels[name].rows(beside[1])]
    for change in [*clicks, *picks]:
        assert change["view"] == "activations"
        cursor, note = context.read(beside[1].ask.cursor.as_plain() | change)
        assert note == ""
        assert (cursor.view, cursor.layer, cursor.index) == (
            "activations",
            change["layer"],
            change["index"],
        )
    assert {"input", "conv1", "fc1"} <= {change["layer"] for change in clicks}
    assert len(clicks) == len(picks), "one run is whole"


def test_steps_that_are_left_out_of_the_study_are_said(
    make_mlp: Make, open_context: Open, fill: Fill
) -> None:
    steps = tuple(range(0, 140, 10))
    context = open_context(make_mlp(runs=1, steps=steps, inputs=12))
    fill(context, {"view": "activations", "layer": "fc1", "index": 0})
    scene = scene_of(context, {"layer": "fc1", "index": 0})
    shown = {row["_pick"]["index"] for row in norm_rows(scene[1])}
    assert len(shown) == 12
    (left, *_) = sorted(set(range(14)) - shown)
    away = scene_of(context, {"layer": "fc1", "index": left})
    text = away[0].sentence(away[1])
    assert "not among the 12 of 14 steps of the study" in text
    assert panel(away, "landscape").message == text
    assert panel(away, "depth").message == ""
    assert {b.note for b in away[0].row.bars(away[1].ask)} == {"this step is not in the study"}
    (view, overview) = scene_of(context, {"index": left}, "overview")
    assert "computing" not in view.sentence(overview)
    assert "step" in view.sentence(overview)


def test_a_failed_study_is_said_in_the_row_and_everywhere(
    make_mlp: Make, open_context: Open, store: ResultStore
) -> None:
    folder = make_mlp(runs=2, steps=(0,), inputs=20)
    for path in folder.rglob("*.safetensors"):
        path.write_bytes(path.read_bytes()[:-40])
    context, _, study = start(folder, open_context)
    outcome = run_unit(study, store)
    assert outcome.state == "failed"
    context.jobs._note([replace(outcome, key=key_of(study))])
    scene = scene_of(context, {"layer": "fc1"})
    assert "none of them could be computed" in scene[0].sentence(scene[1])
    assert "none of them could be computed" in panel(scene, "norms").message
    bars = scene[0].row.bars(scene[1].ask)
    assert all("none of them could be computed" in bar.note for bar in bars)
    assert frames.draw_piece(context, "row", scene[1].cursor, scheme="light").final


def test_an_experiment_that_is_gone_says_so_in_the_row(make_mlp: Make, open_context: Open) -> None:
    folder = make_mlp(runs=2, inputs=20)
    context = open_context(folder)
    shutil.rmtree(folder)
    cursor = context.read({"view": "activations"})[0]
    parts = frames.draw_piece(context, "row", cursor, scheme="light").parts
    (text,) = (each for name, _, each in parts if name == ids.NETWORK)
    assert "cannot be read" in text


@pytest.mark.parametrize("layer", ["fc1", "input"])
def test_a_layer_that_a_view_lacks_is_noted_and_no_error(
    samples: Path, open_context: Open, layer: str
) -> None:
    context = open_context(samples / "mnist_cnn")
    cursor, note = context.read({"view": "filters", "layer": layer})
    assert cursor.layer in ("conv1", "conv2")
    assert note == f"This view cannot show the layer {layer}: {cursor.layer} instead."
    assert context.read({"view": "activations", "layer": layer})[1] == ""
    nowhere = context.read({"view": "activations", "layer": "fc9"})
    nowhere_is = context.experiments[nowhere[0].experiment]
    assert nowhere[1] == "There is no layer “fc9” in mnist_cnn."
    assert nowhere[0].layer in context.layers_of(nowhere_is, "activations")


def test_what_is_pinned_in_one_view_stays_pinned_in_another(
    samples: Path, open_context: Open
) -> None:
    context = open_context(samples / "mnist_cnn")
    for view in context.views:
        cursor, note = context.read({"view": view, "pin": "fc1@500"})
        assert (cursor.pin, note) == (Pin("fc1", 5), "")
    said = {"layer": "conv1", "beside": "pin", "pin": {"layer": "fc1", "index": 5}}
    scene = scene_of(context, said, "filters")
    assert "fc1 is no 2-D convolution larger than 1×1" in panel(scene, "beside").message
    assert context.read({"pin": "fc9@500"})[1] == "What was pinned is not in this experiment."
