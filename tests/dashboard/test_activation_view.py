"""The view Activations: its figures' numbers are the table's, and what is selected is shown."""

import base64
import io
import itertools
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from PIL import Image

from analysis import landscapes
from analysis.activation_cloud import CYCLES
from analysis.checkpoints import each_file_once
from analysis.landscape_tests import ALL_LAYERS, TestParams, compare
from analysis.pipeline import run_unit
from analysis.sources import Place
from analysis.units import Unit
from dashboard import frames, input_images, theme
from dashboard.activation_study import NETWORK
from dashboard.commands import table_rows
from dashboard.context import Context
from dashboard.figures.barcode import SHOWN
from dashboard.view import Panel, View
from dashboard.views.activations import panels as drawn_panels
from dashboard.views.activations.scene import AGAINST, ActivationScene
from dashboard.views.activations.verdicts import verdicts

Make = Callable[..., Path]
Open = Callable[..., Context]
Row = dict[str, Any]
Floats = np.ndarray
Scene = tuple[View, ActivationScene]

HERE: Row = {"experiment": "mlp", "layer": "fc1", "index": 1, "view": "activations"}
STATES: dict[str, Row] = {
    "all runs": {},
    "one run": {"runs": ["run-001"]},
    "a class": {"params": {"landscapes.of_class": "disk"}},
    "the input": {"layer": "input", "index": 0},
}
LAYERS = ["input", "fc1", "fc2", "fc3"]
every_state = pytest.mark.parametrize("state", STATES)


@pytest.fixture
def page(shipped: Context, fill_shipped: Callable[[Row], None]) -> Callable[..., Scene]:
    """Open the view at a place where everything is computed."""

    def make(**said: Any) -> Scene:
        where = HERE | said
        fill_shipped(where)
        cursor, note = shipped.read(where)
        assert note == ""
        view, ask = shipped.views["activations"], shipped.ask(cursor)
        with each_file_once():
            return view, view.scene(ask, shipped.find(view, ask, compute=False))

    return make


def panel(scene: Scene, name: str, scheme: str = "light") -> Panel:
    return frames.draw_panel(scene[0], name, scene[1], scheme)


def rows(scene: Scene, name: str) -> list[Row]:
    found = scene[0].panels[name].rows(scene[1])
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    return found


def table(context: Context, name: str, state: str) -> list[Row]:
    """What `nervescope table` prints for a state of the page."""
    settings: dict[str, Row] = {}
    for key, value in STATES[state].get("params", {}).items():
        kind, _, option = key.partition(".")
        settings.setdefault(kind, {})[option] = value
    part = {"layers": None, "steps": None, "runs": STATES[state].get("runs")}
    store, experiment = context.results._store, context.experiments["mlp"]
    return table_rows(experiment, name, settings, store, part=part, jobs=1)


def tents(bars: Floats, grid: Floats, levels: int) -> Floats:
    """Landscape of some bars by its definition: at each place the tents in order of height."""
    heights = np.minimum(grid[None] - bars[:, :1], bars[:, 1:] - grid[None]).clip(min=0)
    found = np.zeros((levels, len(grid)))
    ordered = -np.sort(-heights, axis=0)[:levels]
    found[: len(ordered)] = ordered
    return found


def singles(scene: Scene) -> dict[tuple[str, int], Any]:
    """The networks that the study is made of, by run and step."""
    unit = scene[1].found.units["study"]
    return {
        (each.source.runs[0], each.step.step): scene[1].ask.results.get(each, ask=False).result
        for each in unit.gathered
    }


@every_state
def test_the_landscape_is_the_mean_of_those_of_the_runs(
    page: Callable[..., Scene], state: str
) -> None:
    scene = page(**STATES[state])
    layer, step = scene[1].cursor.layer, [0, 100][scene[1].cursor.index]
    shown = rows(scene, "landscape")
    grid = np.array([row["filtration"] for row in shown])
    found = [each for (_, at), each in singles(scene).items() if at == step]
    assert len(found) == (1 if state == "one run" else 3)
    bars = [each.bars(layer, 1) for each in found]
    every = np.array([tents(b[np.isfinite(b).all(axis=1)], grid, 5) for b in bars])
    for k in range(5):
        mean = [row[f"λ{k + 1}"] for row in shown]
        np.testing.assert_allclose(mean, every[:, k].mean(axis=0), atol=1e-7)
        spread = every[:, k].std(axis=0, ddof=1) if len(every) > 1 else np.zeros(len(grid))
        np.testing.assert_allclose([row[f"λ{k + 1}_sd"] for row in shown], spread, atol=1e-7)
    assert every.max() > 0
    drawn = panel(scene, "landscape").figure
    heights = [np.asarray(trace.y, float) for trace in drawn.data if trace.y is not None]
    for k in range(drawn_panels.LEVELS):
        top = every[:, k].mean(axis=0).max()
        assert any(np.isclose(np.nanmax(y), top, rtol=1e-3) for y in heights if len(y)), k


@every_state
def test_the_difference_is_of_the_two_means(page: Callable[..., Scene], state: str) -> None:
    for against in ("first", "previous"):
        scene = page(**STATES[state], against=against)
        if scene[1].cursor.index == 0:
            assert "choose another step" in panel(scene, "difference").message
            assert rows(scene, "difference") == []
            continue
        here = rows(scene, "landscape")
        there = rows(page(**STATES[state] | {"index": 0}), "landscape")
        gap = rows(scene, "difference")
        for k in (1, 2, 5):
            wanted = [a[f"λ{k}"] - b[f"λ{k}"] for a, b in zip(here, there, strict=True)]
            assert [row[f"λ{k}"] for row in gap] == pytest.approx(wanted, abs=1e-6)
        assert panel(scene, "difference").caption.startswith("fc1: step 100 minus step 0")


@every_state
def test_the_curves_of_depth_are_the_table_of_landscapes(
    page: Callable[..., Scene], shipped: Context, state: str
) -> None:
    scene, printed = page(**STATES[state]), table(shipped, "landscapes", state)
    keys = ("run", "step", "layer")
    shown = {tuple(row[key] for key in keys): row for row in rows(scene, "depth")}
    assert len(shown) == len(printed)
    for row in printed:
        mine = shown[tuple(row[key] for key in keys)]
        assert mine["norm"] == row["norm"]
        assert mine["neural_persistence"] == row["neural_persistence"]
        assert mine["milestone"] == row["milestone"]
    figure = panel(scene, "depth").figure
    heights = {
        round(float(y), 6)
        for trace in figure.data
        for y in (trace.y if trace.y is not None else ())
        if y is not None
    }
    for layer, step in itertools.product(LAYERS, (0, 100)):
        at = [r for r in printed if (r["layer"], r["step"]) == (layer, step)]
        assert round(float(np.mean([r["norm"] for r in at])), 6) in heights
        if layer != "input":
            mean = float(np.mean([r["neural_persistence"] for r in at]))
            assert round(mean, 6) in heights
    index = scene[1].cursor.index
    caption = panel(scene, "depth").caption
    wanted = f"largest rise with depth: {rise(printed, 100 * index)}"
    assert wanted + (f" (at step 0: {rise(printed, 0)}) · " if index else " · ") in caption


def rise(printed: list[Row], step: int) -> str:
    """Say between which layers the mean norm rises most, from the table of landscapes."""
    runs = sorted({r["run"] for r in printed})
    norms = np.array(
        [
            [r["norm"] for layer in LAYERS for r in printed if at_of(r) == (run, layer, step)]
            for run in runs
        ]
    )
    steps = np.diff(norms, axis=1)
    j = int(steps.mean(axis=0).argmax())
    if steps.mean(axis=0)[j] <= 0:
        return "no rise"
    own = f" in {(steps[:, j] > 0).sum()} of {len(runs)} runs" if len(runs) > 1 else ""
    return f"{LAYERS[j]} to {LAYERS[j + 1]} +{steps.mean(axis=0)[j]:.2g}{own}"


def at_of(row: Row) -> tuple[str, str, int]:
    return row["run"], row["layer"], row["step"]


@every_state
def test_points_of_the_curves_have_the_distances_of_their_landscapes(
    page: Callable[..., Scene], state: str
) -> None:
    """On principal axes no distance is longer than that of the landscapes themselves."""
    scene = page(**STATES[state])
    shown = {
        (r["run"], r["step"], r["layer"]): (r["axis_1"], r["axis_2"]) for r in rows(scene, "curves")
    }
    networks = singles(scene)
    assert len(shown) == len(networks) * len(LAYERS)
    for (one, a), (other, b) in itertools.combinations(list(shown.items())[:12], 2):
        bars = []
        for run, step, layer in (one, other):
            pairs = networks[run, step].bars(layer, 1)
            bars.append(landscapes.landscape(pairs[np.isfinite(pairs).all(axis=1)]))
        true = landscapes.distance(*bars)
        assert np.hypot(a[0] - b[0], a[1] - b[1]) <= true * 1.02 + 1e-4


@every_state
def test_p_values_and_verdicts_are_the_table_of_tests(
    page: Callable[..., Scene], shipped: Context, state: str
) -> None:
    scene, printed = page(**STATES[state]), table(shipped, "landscape-test", state)
    if state == "one run":
        assert rows(scene, "tests") == rows(scene, "verdicts") == []
        assert all(row["error"] for row in printed)
        return
    shown = rows(scene, "tests")
    for mine, row in zip(shown, printed, strict=True):
        assert set(mine) == set(row) - {"between", "error"}
        assert mine == {key: row[key] for key in mine}
    (joint,) = (row for row in printed if row["layer"] == ALL_LAYERS)
    (verdict,) = rows(scene, "verdicts")
    assert (verdict["first"], verdict["second"]) == ("step 0", "step 100")
    assert verdict["distance"] == joint["distance"]
    assert (verdict["p"], verdict["p (Holm)"]) == (joint["p"], joint["p_holm"])
    assert (verdict["change of norm"], verdict["its p (Holm)"]) == (
        joint["norm_change"],
        joint["norm_p_holm"],
    )
    assert (verdict["runs"], verdict["permutations"]) == (joint["n_first"], joint["permutations"])
    assert verdict["what it says"] == "Too few runs to tell, whatever the difference"
    assert joint["smallest_p"] > 0.05, "three runs cannot reach less"
    caption = panel(scene, "tests").caption
    assert f"{joint['permutations']:,} permutations (all)" in caption
    assert "p of the only pair" in caption
    drawn = panel(scene, "tests").figure
    legend = words_of(drawn)
    assert (
        f"smallest p that a pair can reach {joint['smallest_p']:.3f}".replace("0.", ".") in legend
    )
    assert "too few runs for 1 pair" in legend
    written = [text for trace in drawn.data for text in trace.text or ()]
    assert any(f"{joint['p_holm']:.3f}".replace("0.", ".") in text for text in written)
    assert panel(scene, "verdicts").rows == [verdict]


@every_state
def test_the_layer_that_is_looked_at_is_the_one_of_the_table(
    page: Callable[..., Scene], shipped: Context, state: str
) -> None:
    scene = page(**STATES[state])
    cursor, step = scene[1].cursor, [0, 100][scene[1].cursor.index]
    run = "run-001" if state == "one run" else "run-000"
    (row,) = (
        r
        for r in table(shipped, "landscapes", state)
        if (r["run"], r["layer"], r["step"]) == (run, cursor.layer, step)
    )
    bars = rows(scene, "bars")
    lengths = [bar["length"] for bar in bars if bar["length"] is not None]
    assert lengths[:20] == pytest.approx(row["h1_bars"], rel=1e-6)
    caption = panel(scene, "bars").caption
    assert caption.startswith(f"{len(bars):,} H₁ bars of {cursor.layer}, {run}; ")
    assert f"norm {row['norm']:.3g}" in caption
    where = f"{cursor.layer} of {run}: {row['n_points']} of {row['n_total']} inputs"
    assert panel(scene, "cloud").caption.startswith(where)
    assert f"{row['width']:,} coordinates" in panel(scene, "cloud").caption
    largest = [each for each in rows(scene, "sizes") if each["inputs"] == row["n_points"]]
    assert [each["norm"] for each in largest] == pytest.approx([row["norm"]] * len(largest))
    assert scene[0].counts(scene[1]) == (
        f"0 selected of {row['n_points']} of {row['n_total']} inputs"
    )
    nodes = rows(scene, "graph")
    assert f"{len(nodes)} nodes" in panel(scene, "graph").caption
    inputs = rows(scene, "inputs")
    assert len(inputs) == row["n_points"]
    if state == "a class":
        assert {each["class"] for each in inputs} == {"disk"}


def ringed(figure: Any) -> list[int]:
    """Places of the pictures that are ringed."""
    ink = theme.palette("light").ink
    return [i for i, shape in enumerate(figure.layout.shapes) if shape.line.color == ink]


def listed(scene: Scene) -> list[str]:
    """Inputs that the panel of inputs shows, by number."""
    figure = panel(scene, "inputs").figure
    return [each["primary"] for trace in figure.data for each in trace.customdata]


def test_a_bar_shows_the_inputs_on_its_cycle(page: Callable[..., Scene]) -> None:
    cloud = page()[1].cloud
    assert cloud is not None
    for bar in range(min(3, len(cloud.cycles))):
        scene = page(select=f"bar.{bar}")
        cycle = cloud.cycles[bar]
        wanted = [str(row) for row in cloud.rows[cycle].tolist()]
        assert len(wanted) >= 3
        assert listed(scene) == wanted
        assert [str(row["input"]) for row in rows(scene, "inputs")] == wanted
        caption = panel(scene, "inputs").caption
        assert caption.startswith(f"{len(wanted)} shown of {len(wanted)} inputs of bar {bar + 1}")
        assert scene[0].counts(scene[1]).startswith(f"{len(wanted)} selected of 60 of 489")
        assert scene[1].loop is not None
        np.testing.assert_array_equal(scene[1].loop, cycle)
        chosen = panel(scene, "cloud").figure.to_json()
        assert chosen != panel(page(), "cloud").figure.to_json()
        mixed = dict(re.findall(r"(background|disk) (\d+)", caption))
        kinds = [cloud.class_names[label] for label in cloud.labels[cycle]]
        assert {name: int(n) for name, n in mixed.items()} == {
            k: kinds.count(k) for k in set(kinds)
        }


def test_a_cycle_passes_through_its_bar(page: Callable[..., Scene]) -> None:
    """Neighbours on the cycle are no further from each other than where the bar is born."""
    scene = page(select="bar.0")
    cloud, loop = scene[1].cloud, scene[1].loop
    assert cloud is not None
    assert loop is not None
    points = cloud.points[loop].astype(float)
    gaps = np.linalg.norm(points - np.roll(points, -1, axis=0), axis=1) / cloud.scale
    assert gaps.max() == pytest.approx(cloud.diagram.bars(1)[0, 0], rel=1e-3)


def test_a_node_shows_its_members(page: Callable[..., Scene]) -> None:
    plain = page()
    graph, cloud = plain[1].graph, plain[1].cloud
    assert graph is not None
    assert cloud is not None
    node = int(np.argmax([len(each) for each in graph.graph.members]))
    scene = page(select=f"node.{node}")
    members = graph.graph.members[node]
    assert listed(scene) == [str(row) for row in cloud.rows[members].tolist()]
    assert (scene[1].node, scene[1].bar, scene[1].loop) == (node, None, None)
    assert f"of {len(members)} inputs of the selection" in panel(scene, "inputs").caption
    row = rows(plain, "graph")[node]
    assert row["inputs"] == len(members)
    names = [cloud.class_names[label] for label in cloud.labels[members]]
    said = dict(re.findall(r"(\w+) (\d+)", row["classes"]))
    assert {k: int(n) for k, n in said.items()} == {k: names.count(k) for k in set(names)}
    assert row["_pick"] == {"select": f"node.{node}"}


@pytest.mark.parametrize("select", ["bar.0", "node.0"])
def test_a_selection_is_followed_to_another_step_by_the_numbers_of_its_inputs(
    page: Callable[..., Scene], select: str
) -> None:
    there = page(index=0, select=select, home=0)
    wanted = {row["input"] for row in rows(there, "inputs")}
    assert 0 < len(wanted) < 60
    scene = page(index=1, select=select, home=0)
    assert {row["input"] for row in rows(scene, "inputs")} == wanted
    assert set(listed(scene)) == {str(each) for each in wanted}
    assert (scene[1].bar, scene[1].node, scene[1].loop) == (None, None, None)
    assert "inputs of the selection" in panel(scene, "inputs").caption
    assert page(index=1, select=select, home=1)[1].loop is not None or select == "node.0"


def test_while_the_place_of_a_selection_is_computed_the_page_says_so(
    make_mlp: Make, open_context: Open, fill: Callable[[Context, Row], None]
) -> None:
    context = open_context(make_mlp(runs=1, inputs=20))
    said = {"view": "activations", "layer": "fc1", "index": 1}
    fill(context, said)
    cursor = context.read(said | {"select": "bar.0", "home": 0})[0]
    view, ask = context.views["activations"], context.ask(cursor)
    scene = (view, view.scene(ask, context.find(view, ask, compute=False)))
    assert panel(scene, "inputs").message == "Computing …"
    assert panel(scene, "cloud").message == ""
    assert view.counts(scene[1]).startswith("0 selected")


def test_the_clicked_input_is_ringed_and_what_lies_near_it_comes_first(
    page: Callable[..., Scene],
) -> None:
    cloud = page()[1].cloud
    assert cloud is not None
    number = int(cloud.rows[17])
    scene = page(primary=str(number))
    assert scene[1].primary == 17
    shown = listed(scene)
    assert shown[0] == str(number)
    assert ringed(panel(scene, "inputs").figure) == [0]
    gaps = np.linalg.norm(cloud.plane - cloud.plane[17], axis=1)
    near = [gaps[np.flatnonzero(cloud.rows == int(each))[0]] for each in shown]
    assert near == sorted(near)
    assert (
        f"clicked: input {number}, {cloud.class_names[cloud.labels[17]]}"
        in panel(scene, "inputs").caption
    )
    both = page(primary=str(number), select="bar.0")
    ring = ringed(panel(both, "inputs").figure)
    assert ring == [i for i, each in enumerate(listed(both)) if each == str(number)]
    other = page(primary=str(number), index=0)
    assert listed(other)[0] == str(number), "it is the same input at every step"


def test_the_pictures_are_those_of_the_listed_inputs(page: Callable[..., Scene]) -> None:
    scene = page(select="bar.1")
    (image,) = panel(scene, "inputs").figure.layout.images
    pixels = np.asarray(
        Image.open(io.BytesIO(base64.b64decode(image.source.partition(",")[2]))).convert("L")
    )
    source = scene[1].found.units["cloud"].source
    wanted = input_images.of_source(source, np.array([int(each) for each in listed(scene)]))
    assert wanted is not None
    for i, one in enumerate(wanted):
        y, x = (i // 9) * 28, (i % 9) * 28
        np.testing.assert_array_equal(pixels[y : y + 28, x : x + 28], one)


@pytest.mark.parametrize(
    "said",
    [
        {"select": "bar.999999"},
        {"select": "node.999999"},
        {"select": "angle.30-60"},
        {"select": "filters.0.1.2"},
        {"select": "bar.999999", "home": 0},
        {"select": "bar.0", "home": 0, "primary": "99999999"},
        {"primary": "99999999"},
        {"primary": "0.1.2"},
        {"primary": "999999999", "select": "node.0"},
        {"against": "pin"},
        {"against": "others"},
        {"against": "pin", "pin": {"layer": "fc1", "index": 1}},
        {"colour": "size", "beside": "null", "scale": "own"},
    ],
    ids=str,
)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nonsense_in_a_link_does_no_harm(
    page: Callable[..., Scene], said: Row, scheme: str
) -> None:
    scene = page(**said)
    assert scene[0].sentence(scene[1]).startswith("fc1 at step 100: landscape norm")
    assert " of 60 of 489 inputs" in scene[0].counts(scene[1])
    for name in scene[0].panels:
        shown = panel(scene, name, scheme)
        rows(scene, name)
        if name not in ("inputs", "difference"):
            assert shown.message == "", name
    if said.get("select", "bar.0") not in ("bar.0", "node.0"):
        message = panel(scene, "inputs").message
        assert message == "The selection holds no input here: choose another bar, node or point."
        assert scene[0].counts(scene[1]).startswith("0 selected")


@pytest.mark.parametrize(
    "said",
    [
        {"select": "bar.-1"},
        {"select": "bar.9999999"},
        {"primary": "99999999999"},
        {"primary": "<script>"},
        {"against": "everything"},
        {"pin": "fc9@0"},
        {"step": "-7"},
    ],
    ids=str,
)
def test_what_cannot_be_read_is_noted_and_the_usual_page_shown(shipped: Context, said: Row) -> None:
    cursor, note = shipped.read(HERE | said)
    assert note
    usual = shipped.read(HERE)[0]
    assert (cursor.select, cursor.primary, cursor.against, cursor.pin) == (
        "", "", usual.against, None,
    )  # fmt: skip
    assert cursor.index == 1


def test_of_a_bar_whose_loop_is_not_known_the_page_says_so(
    samples: Path, open_context: Open
) -> None:
    context = open_context(samples / "disks_mlp")
    said = {"view": "activations", "layer": "input", "index": 0, "runs": ["run-000"]}
    few = said | {"params": {"landscapes.inputs": 200}}
    cursor = context.read(few)[0]
    view, ask = context.views["activations"], context.ask(cursor)
    need = view.units(ask)
    run_unit(need["graph"], context.results._store)  # type: ignore[arg-type]
    cursor, note = context.read(few | {"select": f"bar.{CYCLES}"})
    assert note == ""
    ask = context.ask(cursor)
    scene = (view, view.scene(ask, context.find(view, ask, compute=False)))
    assert scene[1].cloud is not None
    assert len(scene[1].cloud.diagram.bars(1)) > CYCLES
    assert SHOWN > CYCLES, "bars are drawn of which the loop is not known"
    assert f"of the {CYCLES} longest bars" in panel(scene, "inputs").message
    assert panel(scene, "bars").message == ""


def words_of(figure: Any) -> str:
    said = [str(each.text) for each in figure.layout.annotations]
    return " | ".join([*said, *(str(trace.name) for trace in figure.data)])


def test_what_a_landscape_is_compared_with(page: Callable[..., Scene]) -> None:
    def compared(**said: Any) -> tuple[str, Any]:
        scene = page(**said)
        return words_of(panel(scene, "landscape").figure), scene[1].compared()

    text, other = compared()
    assert (other.place, other.layer, other.name) == (0, 1, "step 0")
    assert "step 0 (3 runs)" in text
    assert compared(against="first")[1].place == 0
    assert compared(against="previous")[1].place == 0
    assert compared(against="none")[1] is None
    assert compared(against="pin")[1] is None, "nothing is pinned"
    assert compared(against="first", index=0)[1] is None, "it is the first step itself"
    text, other = compared(against="pin", pin={"layer": "fc2", "index": 0})
    assert (other.place, other.layer, other.name) == (0, 2, "pinned fc2, step 0")
    assert "pinned fc2, step 0" in text
    assert compared(against="others")[1] is None, "all runs are chosen"
    text, other = compared(against="others", runs=["run-001"])
    assert (other.name, set(other.study.runs)) == ("runs not chosen", {"run-000", "run-002"})
    assert "runs not chosen (2 runs)" in text
    assert set(AGAINST) == {"first", "previous", "others", "pin", "none"}


def test_runs_not_chosen_are_those_of_their_own_page(page: Callable[..., Scene]) -> None:
    scene = page(against="others", runs=["run-001"])
    mine, others = rows(scene, "landscape"), page(runs=["run-000", "run-002"])
    grid = [row["filtration"] for row in mine]
    theirs = rows(others, "landscape")
    at = [row["filtration"] for row in theirs]
    for k in (1, 2, 3):
        beside = np.interp(grid, at, [row[f"λ{k}"] for row in theirs])
        wanted = np.array([row[f"λ{k}"] for row in mine]) - beside
        gap = [row[f"λ{k}"] for row in rows(scene, "difference")]
        np.testing.assert_allclose(gap, wanted, atol=1e-6)


def test_a_link_means_what_the_page_means(shipped: Context) -> None:
    """As assets/cursor.js writes it: steps rather than their numbers, a pin as layer@step."""
    cursor, note = shipped.read(
        HERE
        | {
            "runs": ["run-001"], "select": "bar.2", "home": 0, "primary": "33", "against": "pin",
            "pin": {"layer": "fc2", "index": 0}, "params": {"landscapes.of_class": "disk"},
        }
    )  # fmt: skip
    assert note == ""
    url = {
        "experiment": "mlp", "view": "activations", "layer": "fc1", "step": "100",
        "runs": "run-001", "select": "bar.2", "at": "0", "primary": "33", "against": "pin",
        "pin": "fc2@0", "params": {"landscapes.of_class": "disk"},
    }  # fmt: skip
    assert shipped.read(url) == (cursor, "")
    assert shipped.read(cursor.as_plain()) == (cursor, "")
    assert shipped.read(json.loads(json.dumps(cursor.as_plain()))) == (cursor, "")


@pytest.mark.parametrize("word", AGAINST)
def test_every_word_of_comparison_is_kept_in_every_view(shipped: Context, word: str) -> None:
    for view in shipped.views:
        cursor, note = shipped.read(HERE | {"against": word, "view": view})
        assert (cursor.against, cursor.view, note) == (word, view, "")


def every_click(scene: Scene) -> Iterator[Row]:
    for name in scene[0].panels:
        for trace in panel(scene, name).figure.data:
            yield from (each for each in trace.customdata or () if each)


def test_clicks_lead_to_layers_steps_bars_nodes_and_inputs(page: Callable[..., Scene]) -> None:
    said = [json.dumps(each, sort_keys=True) for each in every_click(page())]
    assert json.dumps({"index": 0, "layer": "fc3"}, sort_keys=True) in said
    for pattern in ('"select": "bar.0"', '"select": "node.0"', '"primary": "'):
        assert any(pattern in each for each in said), pattern


def test_a_picture_that_is_drawn_anew_is_the_same(page: Callable[..., Scene]) -> None:
    for said in ({}, {"select": "bar.0", "primary": "33"}):
        one, other = page(**said), page(**said)
        for name in one[0].panels:
            first, second = panel(one, name).figure, panel(other, name).figure
            assert first.to_json() == second.to_json(), name


def test_the_view_asks_for_what_it_shows_and_no_more(shipped: Context) -> None:
    view = shipped.views["activations"]
    ask = shipped.ask(shipped.read(HERE)[0])
    assert set(view.units(ask)) == {"study", "tests", "cloud", "graph"}
    home = shipped.ask(shipped.read(HERE | {"select": "bar.0", "home": 0})[0])
    assert set(view.units(home)) == {
        "study", "tests", "cloud", "graph", "home_cloud", "home_graph",
    }  # fmt: skip
    new = shipped.ask(shipped.read(HERE | {"params": {"landscapes.seed": 7}})[0])
    need = view.units(new)
    assert sum(name.startswith(NETWORK) for name in need) == 6
    assert need["cloud"].params.seed == 7, "the layer is of the same inputs"  # type: ignore[union-attr]
    tests = need["tests"]
    assert isinstance(tests, Unit)
    assert tests.upstream == need["study"]
    other = shipped.ask(shipped.read(HERE | {"params": {"landscape-test.permutations": 64}})[0])
    assert view.units(other)["tests"] != view.units(ask)["tests"]
    assert view.units(other)["study"] == view.units(ask)["study"], "the study is not made anew"


def verdicts_of(sizes: dict[str, int], *, permutations: int = 4096) -> list[Row]:
    """Verdicts on tests of so many runs at each step, of which the last differs from the others."""
    rng = np.random.default_rng(0)
    networks, vectors = [], []
    for m, (name, runs) in enumerate(sizes.items()):
        for run in range(runs):
            networks.append(Place(f"run-{run}", 10 * m, name, "{}"))
            vectors.append(rng.normal(size=3) * 0.1 + (5 if m == len(sizes) - 1 else 1))
    points = np.array(vectors)
    params = TestParams(permutations=permutations)
    norms = np.linalg.norm(points, axis=1)[:, None]
    tests = compare(networks, (points @ points.T)[None], norms, layers=("fc1",), params=params)
    return verdicts(cast("ActivationScene", SimpleNamespace(tests=tests)))


def test_a_verdict_is_said_where_the_runs_of_its_own_pair_suffice() -> None:
    found = {
        (row["first"], row["second"]): row["what it says"]
        for row in verdicts_of({"a": 9, "b": 9, "c": 9})
    }
    assert found == {
        ("a", "b"): "No difference is shown",
        ("a", "c"): "The shapes differ by more than chance",
        ("b", "c"): "The shapes differ by more than chance",
    }
    few = verdicts_of({"a": 4, "b": 4, "c": 4})
    assert {row["what it says"] for row in few} == {"Too few runs to tell, whatever the difference"}
    # two steps that few runs share, beside others of many
    mixed = verdicts_of({"a": 9, "b": 3, "c": 9})
    assert [(row["runs"], row["what it says"]) for row in mixed] == [
        (3, "Too few runs to tell, whatever the difference"),
        (9, "The shapes differ by more than chance"),
        (3, "Too few runs to tell, whatever the difference"),
    ]
    for row in [*few, *mixed]:
        assert row["p"] <= row["p (Holm)"]
        if row["what it says"] != "The shapes differ by more than chance":
            assert row["layers that differ"] == "none by itself"
    assert mixed[1]["layers that differ"] == "fc1"
    assert mixed[1]["change of norm"] == pytest.approx(4 * 3**0.5, rel=0.05)


def test_inputs_that_cannot_be_had_are_named(make_mlp: Make, open_context: Open) -> None:
    folder = make_mlp()
    toml = folder / "experiment.toml"
    toml.write_text(toml.read_text().replace('"disks"', '"nowhere"'))
    context = open_context(folder)
    ask = context.ask(context.read({"view": "activations"})[0])
    need = context.views["activations"].units(ask)
    assert "'nowhere'" in str(need["study"])
