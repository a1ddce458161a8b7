"""Every number on a screen is the one that `nervescope table` prints."""

import itertools
import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from analysis.checkpoints import each_file_once
from dashboard import frames, ids
from dashboard.commands import table_rows
from dashboard.context import Context
from dashboard.view import View

Row = dict[str, Any]
Scene = tuple[View, Any]
LAYERS = {"mnist_cnn": ["conv1", "conv2"], "face_resnet": ["conv64_down.conv1", "conv32_down"]}
PLACES = [
    *(("mnist_cnn", "conv1", index) for index in range(6)),
    ("mnist_cnn", "conv2", 4),
    ("face_resnet", "conv64_down.conv1", 0),
    ("face_resnet", "conv64_3.conv1", 0),
    ("face_resnet", "conv256_down_out.conv1", 0),
]
every_place = pytest.mark.parametrize("place", PLACES, ids=lambda p: "-".join(map(str, p)))


def table(
    context: Context,
    name: str,
    kind: str = "filters",
    *,
    layers: Any = None,
    steps: Any = None,
    **said: Any,
) -> list[Row]:
    experiment = context.experiments[name]
    part = {"layers": layers, "steps": steps, "runs": None}
    return table_rows(experiment, kind, said, context.results._store, part=part, jobs=1)


def printed(context: Context, place: tuple[str, str, int]) -> tuple[Row, Row]:
    """What the table says of a place, and of its null."""
    name, layer, index = place
    (row, null) = (
        table(context, name, layers=[layer], filters={"null": null})[index]
        for null in ("none", "permuted")
    )
    return row, null


def shown(context: Context, view: str, place: tuple[str, str, int]) -> Scene:
    said = dict(zip(("experiment", "layer", "index"), place, strict=True)) | {"view": view}
    cursor, note = context.read(said)
    assert note == ""
    found, ask = context.views[view], context.ask(cursor)
    with each_file_once():
        return found, found.scene(ask, context.find(found, ask, compute=False))


def caption(scene: Scene, panel: str) -> str:
    return frames.draw_panel(scene[0], panel, scene[1], "light").caption


def times(strength: float | None) -> str:
    return f"{strength:.1f}×"


@every_place
def test_the_finding_of_a_layer(shipped: Context, place: tuple[str, str, int]) -> None:
    row, null = printed(shipped, place)
    view, scene = shown(shipped, "filters", place)
    text = view.sentence(scene)
    assert text.startswith(f"{row['layer']}: ")
    if row["degenerate"]:
        assert row["degenerate"] in text
        return
    assert f"{row['n_kept']:,} densest of {row['n_filters']:,} filters" in text
    assert f"k = {row['k']:,}." in text
    strengths = re.findall(r"([\d.]+)× ", text)
    assert strengths[0] == f"{row['loop_strength']:.1f}"
    if "longest with permuted entries" in text:  # bars as short as the null's: lengths are said
        lengths = [each["h1_bars"][0] for each in (row, null)]
        assert re.findall(r"(0\.\d\d)\b", text)[:2] == [f"{length:.2f}" for length in lengths]
    else:
        assert strengths[1] == f"{null['loop_strength']:.1f}"
    if "One loop" in text:
        shares = re.findall(r"(\d+)% (?:of a filter|quadratic)", text)
        wanted = [row["primary_circle_share"], row["quadratic_share"]]
        assert shares == [f"{100 * share:.0f}" for share in wanted]


@every_place
def test_captions_and_counts_of_a_layer(shipped: Context, place: tuple[str, str, int]) -> None:
    row, _ = printed(shipped, place)
    scene = shown(shipped, "filters", place)
    assert caption(scene, "mapper").startswith(
        f"b₀ {row['mapper_b0']} · b₁ {row['mapper_b1']} · {row['mapper_nodes']} nodes, "
        f"{row['mapper_edges']} edges · {row['n_kept']:,} of {row['n_filters']:,} filters · "
    )
    barcode = caption(scene, "barcode")
    assert barcode.startswith(
        f"{row['n_kept']:,} kept of {row['n_filters']:,} used of {row['n_total']:,} · "
    )
    assert f"k = {row['k']:,} · {row['n_landmarks']:,} landmarks" in barcode
    assert f"{row['n_runs']} run" in barcode
    dropped = row["n_filters"] - row["n_kept"]
    assert f"the densest {row['fraction']:.3g} of {row['n_filters']:,} are kept" in caption(
        scene, "codensity"
    )
    assert f"{dropped:,} dropped" in caption(scene, "codensity")
    assert f"of {dropped:,} dropped in grey" in caption(scene, "projection")
    assert f"of {row['n_kept']:,} kept" in caption(scene, "projection")
    assert caption(scene, "members").endswith(f"of {row['n_kept']:,} kept")
    assert f"of {row['n_kept']:,} kept filters" in caption(scene, "rose")
    counts = scene[0].counts(scene[1])
    assert counts.startswith("0 selected of ")
    assert counts.endswith(f" of {row['n_kept']:,} kept of {row['n_total']:,} filters")


@every_place
def test_tables_of_a_layer(shipped: Context, place: tuple[str, str, int]) -> None:
    row, null = printed(shipped, place)
    view, scene = shown(shipped, "filters", place)

    def rows(panel: str) -> list[Row]:
        return view.panels[panel].rows(scene)

    lengths = {
        of: sorted((bar["length"] for bar in bars if bar["length"] is not None), reverse=True)
        for of, bars in itertools.groupby(rows("barcode"), key=lambda bar: bar["of"])
    }
    assert lengths["filters"][:10] == pytest.approx(row["h1_bars"], abs=1e-6)
    assert lengths["entries permuted"][:10] == pytest.approx(null["h1_bars"], abs=1e-6)
    nodes = rows("mapper")
    assert len(nodes) == row["mapper_nodes"]
    assert sum(node["neighbours"] for node in nodes) == 2 * row["mapper_edges"]
    assert len(rows("members")) == len(rows("projection")) == row["n_kept"]
    kept = [each for each in rows("codensity") if each["kept"]]
    assert len(kept) / len(rows("codensity")) == pytest.approx(row["fraction"], abs=0.01)


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize(("view", "panel"), [("overview", "contents"), ("evolution", "multiples")])
def test_rows_of_the_pictures_of_all_layers(
    shipped: Context, view: str, panel: str, name: str
) -> None:
    rows = table(shipped, name)
    nulls = table(shipped, name, filters={"null": "permuted"})
    found, scene = shown(shipped, view, (name, LAYERS[name][0], 0))
    page = found.panels[panel].rows(scene)
    assert len(page) == len(rows)
    for one, row, null in zip(page, rows, nulls, strict=True):
        assert (one["layer"], one["step"], one["milestone"]) == (
            row["layer"],
            row["step"],
            row["milestone"],
        )
        assert one["loop_strength"] == row["loop_strength"]
        assert one["null"] == null["loop_strength"]
        assert (one["mapper_b0"], one["mapper_b1"]) == (row["mapper_b0"], row["mapper_b1"])
        assert one.get("mapper_nodes", row["mapper_nodes"]) == row["mapper_nodes"]


@pytest.mark.parametrize(
    ("name", "index"), [("mnist_cnn", 0), ("mnist_cnn", 4), ("face_resnet", 0)]
)
def test_findings_of_the_overview(shipped: Context, name: str, index: int) -> None:
    step = shipped.experiments[name].axis[index].step
    rows = [row for row in table(shipped, name) if row["step"] == step]
    nulls = table(shipped, name, filters={"null": "permuted"})
    null_of = {(row["layer"], row["step"]): row for row in nulls}
    scene = shown(shipped, "overview", (name, LAYERS[name][0], index))
    page = scene[0].panels["findings"].rows(scene[1])
    for one, row in zip(page, rows, strict=True):
        assert one["layer"] == row["layer"]
        assert one["loop_strength"] == row["loop_strength"]
        assert one["null"] == null_of[row["layer"], step]["loop_strength"]
        assert one["primary_circle_share"] == row["primary_circle_share"]
        assert (one["b₀"], one["b₁"]) == (row["mapper_b0"], row["mapper_b1"])
        assert (one["kept"], one["total"]) == (row["n_kept"], row["n_total"])
    row = rows[[row["layer"] for row in rows].index(LAYERS[name][0])]
    assert caption(scene, "shape").startswith(
        f"{row['layer']} · b₀ {row['mapper_b0']} · b₁ {row['mapper_b1']} · "
        f"{row['n_kept']:,} of {row['n_filters']:,} filters"
    )


def texts(figure: Any) -> list[str]:
    """All that is written or said by hovering in a figure."""
    said: list[str] = []
    for trace in figure.data:
        for part in (trace.text, trace.hovertext):
            said += [part] if isinstance(part, str) else list(part if part is not None else ())
    return [*said, *(each.text for each in figure.layout.annotations)]


@pytest.mark.parametrize("name", LAYERS)
def test_what_is_written_in_pictures_of_all_layers(shipped: Context, name: str) -> None:
    rows = table(shipped, name)
    place = (name, LAYERS[name][0], 0)
    for view, panel in (("overview", "contents"), ("evolution", "multiples")):
        found, scene = shown(shipped, view, place)
        written = " | ".join(texts(frames.draw_panel(found, panel, scene, "light").figure))
        for row in rows:
            if row["loop_strength"] is not None:
                assert f"{row['loop_strength']:.1f}" in written
            if view == "evolution":
                assert re.search(rf"b₀ {row['mapper_b0']}\b.{{0,30}}b₁ {row['mapper_b1']}", written)


@pytest.mark.parametrize("name", LAYERS)
def test_points_of_the_curves(shipped: Context, name: str) -> None:
    found, scene = shown(shipped, "evolution", (name, LAYERS[name][0], 0))
    figure = frames.draw_panel(found, "strength", scene, "light").figure
    points = {
        (each["layer"], each["index"]): (y, text)
        for trace in figure.data
        if trace.customdata
        for each, y, text in zip(trace.customdata, trace.y, trace.hovertext, strict=True)
        if each and "layer" in each
    }
    axis = [step.step for step in shipped.experiments[name].axis]
    rows = table(shipped, name)
    assert len(points) == len(rows)
    for row, null in zip(rows, table(shipped, name, filters={"null": "permuted"}), strict=True):
        height, text = points[row["layer"], axis.index(row["step"])]
        assert row["layer"] in text
        if row["loop_strength"] is not None:
            if name == "mnist_cnn":
                assert height == pytest.approx(math.log2(row["loop_strength"]), abs=1e-4)
            assert times(row["loop_strength"]) in text
            assert times(null["loop_strength"]) in text


@pytest.mark.parametrize(("name", "index"), [("mnist_cnn", 3), ("face_resnet", 0)])
def test_the_row_of_layers(shipped: Context, name: str, index: int) -> None:
    said = {"experiment": name, "index": index}
    parts = frames.draw_piece(shipped, "row", shipped.read(said)[0], scheme="light").parts
    (figure,) = [json.loads(text)["figure"] for part, _, text in parts if part == ids.NETWORK]
    step = shipped.experiments[name].axis[index].step
    rows = [row for row in table(shipped, name) if row["step"] == step]
    nulls = [r for r in table(shipped, name, filters={"null": "permuted"}) if r["step"] == step]
    for text, row, null in zip(figure["data"][0]["hovertext"], rows, nulls, strict=True):
        assert text.startswith(f"<b>{row['layer']}</b>")
        if row["loop_strength"] is not None:
            assert f"longest H₁ bar {times(row['loop_strength'])} the next" in text
            assert f"permuted entries {times(null['loop_strength'])}" in text


def check_grids(context: Context, place: tuple[str, str, int]) -> None:
    """Compare both grids of a layer with its table."""
    name, layer, index = place
    steps = [context.experiments[name].axis[index]]
    rows = table(context, name, "stability", layers=[layer], steps=steps)
    view, scene = shown(context, "stability", place)
    for grid, panel in (("filters", "settings"), ("mapper", "covers")):
        printed_ = [row for row in rows if row["grid"] == grid]
        page = view.panels[panel].rows(scene)
        figure = frames.draw_panel(view, panel, scene, "light").figure
        written, hover = list(figure.data[0].text), list(figure.data[1].hovertext)
        assert len(page) == len(printed_) == len(written) == len(hover)
        for one, row, text, words in zip(page, printed_, written, hover, strict=True):
            assert row["error"] is None
            same = ("k", "current", "n_kept", "loop_strength", "null_strength", "longest", "note")
            assert [one[key] for key in same] == [row[key] for key in same]
            names = {"n_nodes": "mapper_nodes", "b0": "mapper_b0", "b1": "mapper_b1"}
            assert [one[key] for key in names] == [row[key] for key in names.values()]
            assert all(one[key] == row[key] for key in ("fraction", "resolution") if key in one)
            strength = row["loop_strength"]
            number = "–" if strength is None else f"{strength:.1f}"
            assert text == (number if grid == "filters" else str(row["mapper_b1"]))
            assert f"b₀ {row['mapper_b0']}, b₁ {row['mapper_b1']}, {row['mapper_nodes']} " in words
            assert f"{row['n_kept']:,} kept, k = {row['k']:,}" in words
    cells = [row for row in rows if row["grid"] == "filters"]
    known = [row for row in cells if row["loop_strength"] is not None]
    clear = [r for r in known if r["loop_strength"] >= 2 * max(r["null_strength"] or 1, 1)]
    low, high = (f(row["loop_strength"] for row in known) for f in (min, max))
    assert view.sentence(scene).endswith(
        f"in {len(clear)} of {len(cells)} settings of k and share, from {times(low)} to "
        f"{times(high)}."
    )


def test_the_grids_of_a_small_experiment(
    make_experiment: Callable[..., Path],
    open_context: Callable[..., Context],
    fill: Callable[[Context, Row], None],
) -> None:
    context = open_context(make_experiment(n=100))
    fill(context, {"view": "stability"})
    check_grids(context, ("small", "conv1", 1))


@pytest.mark.slow
@pytest.mark.parametrize(
    "place", [("mnist_cnn", "conv1", 4), ("face_resnet", "conv64_down.conv1", 0)], ids=str
)
def test_the_grids_of_the_samples(shipped: Context, place: tuple[str, str, int]) -> None:
    check_grids(shipped, place)  # the table computes what does not ship
