import base64
import itertools
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from dashboard import theme
from dashboard.figures import curves, grid, heat, marks, multiples, network
from dashboard.figures._curves import position, spread

SCHEMES = ["light", "dark"]
EVIL = "<img src=x onerror=alert(1)>"


def grid_of(rows: int, columns: int, **more: Any) -> go.Figure:
    cells = [[grid.Cell(1.0 + i + j, 1.0) for j in range(columns)] for i in range(rows)]
    names = [f"layer{i}" for i in range(rows)]
    return grid.grid_figure(names, [f"step {j}" for j in range(columns)], cells, **more)


def strength_of(layers: int, steps: int, **more: Any) -> go.Figure:
    strengths = 1.0 + np.arange(layers * steps, dtype=float).reshape(layers, steps)
    axis = curves.Steps([10.0 * j for j in range(steps)], [f"step {10 * j}" for j in range(steps)])
    names = [f"layer{i}" for i in range(layers)]
    more = {"claimed": strengths > 2} | more
    return curves.strength_figure(names, axis, strengths, np.ones_like(strengths), **more)


def multiples_of(scheme: str = "light") -> go.Figure:
    cells = [[multiples.Cell("<circle r='9'/>", 1, 1, 7.8, claimed=True) for _ in range(3)]] * 2
    return multiples.multiples_figure(["a", "b"], ["0", "1", "2"], cells, scheme=scheme)


def heat_of(scheme: str = "light", colour: Any = "betti") -> go.Figure:
    cells = [[heat.Cell(float(j), str(j), {"params": {"k": str(j)}}) for j in range(7)]] * 2
    rows, columns = heat.Axis("share", ["a", "b"]), heat.Axis("k", list("0123456"))
    return heat.heat_figure(cells, rows, columns, current=(1, 2), colour=colour, scheme=scheme)


def row_of(n: int, scheme: str = "light") -> go.Figure:
    bars = [network.LayerBar(f"layer{i}", 2.0 + i, 1.0) for i in range(n)]
    return network.network_figure(bars, scheme=scheme)


def every_figure(scheme: str) -> Iterator[go.Figure]:
    yield grid_of(2, 6, scheme=scheme)
    yield grid.runs_figure(["r"], ["0", "1"], np.ones((1, 2), bool), scheme=scheme)
    yield strength_of(9, 4, scheme=scheme)
    yield strength_of(3, 1, scheme=scheme)
    yield curves.metric_figure(["0", "1"], {"accuracy": curve_of([0, 1])}, scheme=scheme)
    yield multiples_of(scheme)
    yield heat_of(scheme)
    yield row_of(3, scheme)


def curve_of(x: list[float]) -> curves.Curve:
    mean = np.linspace(0.1, 0.9, len(x))
    return curves.Curve(np.array(x), mean, mean - 0.1, mean + 0.1)


def clicks(figure: go.Figure) -> list[Any]:
    return [each for trace in figure.data for each in trace.customdata or () if each is not None]


def fill_at(figure: go.Figure, x: float, y: float) -> str | None:
    """Find the colour of the tile that holds a point, by reading the paths."""
    found = None
    for shape in figure.layout.shapes:
        for box in (shape.path or "").split("Z")[:-1]:
            start, rest = box[1:].split("H", 1)
            x0, y0 = map(float, start.split(","))
            x1, y1 = map(float, rest.split("H")[0].split("V"))
            if x0 < x < x1 and min(y0, y1) < y < max(y0, y1):
                found = shape.fillcolor
    return found


@pytest.mark.parametrize("scheme", SCHEMES)
def test_figures_are_plain_vectors_whose_clicks_are_states_of_the_page(scheme: str) -> None:
    for figure in every_figure(scheme):
        assert {trace.type for trace in figure.data} <= {"scatter"}
        assert all(type(each) is dict for each in clicks(figure))
        json.dumps(clicks(figure))
        # plotly's own template would be sent each time
        assert len(json.dumps(figure.to_plotly_json()["layout"]["template"])) < 100
        assert figure.layout.uirevision is not None
        assert not figure.layout.xaxis.showgrid
        assert figure.layout.paper_bgcolor == theme.palette(scheme).surface


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_mark_comes_last_and_is_hidden_until_the_browser_moves_it(scheme: str) -> None:
    follows = [("layer", "index"), ("index",), ("layer",), ("layer", "index"), ("layer",)]
    marked = [figure for figure in every_figure(scheme) if (figure.layout.meta or {}).get("cells")]
    assert len(marked) == 6
    for figure in marked:
        mark = figure.layout.shapes[-1]
        assert (mark.name, mark.visible, mark.type) == ("cursor", False, "rect")
        assert mark.line.color == theme.palette(scheme).accent
        assert [shape.name for shape in figure.layout.shapes].count("cursor") == 1
        keys = figure.layout.meta["follows"]
        assert tuple(keys) in follows
        said = {
            "|".join(str(each[k]) for k in keys) for each in clicks(figure) if set(keys) <= {*each}
        }
        assert said == set(figure.layout.meta["cells"])


@pytest.mark.parametrize("figure", [grid_of(2, 6), multiples_of(), row_of(3), row_of(200)])
def test_every_target_lies_in_the_cell_that_its_click_names(figure: go.Figure) -> None:
    meta = figure.layout.meta
    (target,) = [trace for trace in figure.data if trace.customdata is not None]
    for x, y, click in zip(target.x, target.y, target.customdata, strict=True):
        x0, x1, y0, y1 = meta["cells"]["|".join(str(click[k]) for k in meta["follows"])]
        assert x0 < x < x1
        assert min(y0, y1) < y < max(y0, y1)


def test_a_mark_keeps_what_the_figure_said_before() -> None:
    figure = go.Figure(layout={"meta": {"nodes": 3}, "shapes": [{"type": "line", "name": "first"}]})
    marks.mark_cells(figure, ("index",), {"0": (1 / 3, 1 / 3, 0, 1)}, "light", yref="paper")
    assert figure.layout.meta == {
        "nodes": 3,
        "follows": ["index"],
        "cells": {"0": [0.3333, 0.3333, 0.0, 1.0]},
    }
    assert [shape.name for shape in figure.layout.shapes] == ["first", "cursor"]
    assert figure.layout.shapes[-1].yref == "paper"


@pytest.mark.parametrize("scheme", SCHEMES)
def test_stronger_is_further_from_the_surface_and_the_scale_is_capped(scheme: str) -> None:
    surface = theme.palette(scheme).surface
    colours = [marks.strength_colour(2 ** (i / 4), scheme) for i in range(13)]
    distances = [marks.contrast(colour, surface) for colour in colours]
    assert distances == sorted(distances)
    assert len(set(colours)) == 13
    assert marks.strength_colour(0.5, scheme) == colours[0]
    assert marks.strength_colour(8, scheme) == marks.strength_colour(500, scheme)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_numbers_are_legible_on_every_colour(scheme: str) -> None:
    grounds = {marks.strength_colour(1 + i / 10, scheme) for i in range(80)}
    grounds |= {marks.betti_colour(i, scheme) for i in range(9)}
    assert min(marks.contrast(marks.ink_on(each), each) for each in grounds) >= 4.5
    series = theme.SERIES_DARK if scheme == "dark" else theme.SERIES_LIGHT
    assert min(marks.contrast(each, theme.palette(scheme).surface) for each in series) >= 2.95


def test_contrast_is_that_of_wcag() -> None:
    assert marks.contrast("#000000", "#ffffff") == pytest.approx(21)
    assert marks.contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def test_colours_are_blended_evenly() -> None:
    stops = ("#000000", "#0000ff", "#00ffff")
    said = [marks.blend(stops, share) for share in (0, 0.25, 0.5, 0.75, 1)]
    assert said == ["#000000", "#000080", "#0000ff", "#0080ff", "#00ffff"]


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (2, 6), (29, 1), (40, 30)])
def test_the_grid_has_a_tile_in_the_right_colour_for_every_cell(rows: int, columns: int) -> None:
    figure = grid_of(rows, columns, width=1380)
    paths = [shape for shape in figure.layout.shapes if shape.type == "path"]
    assert sum(shape.path.count("M") for shape in paths) == rows * columns
    assert len(paths) <= marks.LEVELS  # page elements, however many the cells
    for i, j in {(0, 0), (rows - 1, columns - 1), (rows // 2, columns // 2)}:
        assert fill_at(figure, j, i) == marks.strength_colour(1.0 + i + j, "light")
    assert rows * 18 < figure.layout.height < rows * 46 + 80
    assert f"{theme.STRENGTH_TOP:g}× or more" in figure.layout.annotations[0].text


def test_cells_say_their_state_by_more_than_colour() -> None:
    states = [state for state in grid.STATES if state != "ready"]
    cells = [[grid.Cell(7.82, 1.04, claimed=True), *(grid.Cell(state=each) for each in states)]]
    figure = grid.grid_figure(["conv1"], ["0", "1", "2", "3", "4"], cells, width=900)
    texts = dict(zip(figure.data[0].x, figure.data[0].text, strict=True))
    assert texts[0].startswith("○ 7.8×")
    assert "permuted 1.0×" in texts[0]
    assert len(set(texts.values())) == 5
    legend = figure.layout.annotations[0].text
    assert all(words in legend for state in states for words in grid.STATES[state])
    assert fill_at(figure, 1 + states.index("not stored"), 0) is None


def test_what_is_computed_without_a_strength_has_no_shape() -> None:
    assert grid.Cell(None).shown == "no shape"
    assert grid.Cell(None, state="waiting").shown == "waiting"
    with pytest.raises(ValueError, match="state='done' is none of ready"):
        grid.Cell(state="done")
    with pytest.raises(ValueError, match="state='' is none of ready"):
        multiples.Cell(state="")


def test_a_crowded_grid_keeps_the_signs_and_drops_the_numbers() -> None:
    cells = [[grid.Cell(3.0 + j, claimed=j % 2 == 0) for j in range(30)]]
    figure = grid.grid_figure(["a"], [str(j) for j in range(30)], cells, width=600)
    assert set(figure.data[0].text) == {grid.CLAIMED}
    assert list(figure.data[0].x) == list(range(0, 30, 2))


@pytest.mark.parametrize("n", [3, 100])
def test_the_runs_that_miss_a_step_leave_holes(n: int) -> None:
    present = np.random.default_rng(0).random((n, 5)) > 0.3
    figure = grid.runs_figure([f"r{i}" for i in range(n)], list("abcde"), present)
    holes = [fill_at(figure, j, i) is None for i in range(n) for j in range(5)]
    np.testing.assert_array_equal(np.reshape(holes, (n, 5)), ~present)
    assert sum(shape.type == "path" for shape in figure.layout.shapes) == 1


def test_the_runs_say_how_many_have_a_step() -> None:
    present = np.ones((32, 2), bool)
    runs = [f"r{i}" for i in range(32)]
    figure = grid.runs_figure(runs, ["0", "1"], present)
    assert figure.layout.annotations[0].text == "32 of 32 runs have every step"
    present[3:10, 1] = False
    figure = grid.runs_figure(runs, ["0", "1"], present)
    assert "25 of 32 runs have this step" in figure.data[0].hovertext[1]
    assert "missing: r3, r4, r5, r6, r7 and 2 more" in figure.data[0].hovertext[1]
    assert "32 of 32" in figure.data[0].hovertext[0]
    assert figure.layout.annotations[0].text.startswith("1 of 2 steps are in all 32 runs")


@pytest.mark.parametrize(
    ("numbers", "kind"),
    [
        ([0], "linear"),
        ([0, 10, 20, 30], "linear"),
        ([0, 25, 50, 100, 200, 500], "square-root"),
        ([0, 1, 2, 4, 8, 64, 512, 4000, 143000], "logarithmic"),
        ([100, 100, 90], "positions"),
    ],
)
def test_steps_lie_where_they_can_be_told_apart(numbers: list[float], kind: str) -> None:
    place, said = position(numbers)
    assert said == kind
    if kind != "positions":
        places = [place(n) for n in numbers]
        gaps = np.diff(places)
        assert (gaps > 0).all()
        assert not len(gaps) or gaps.min() / (places[-1] - places[0]) > 0.04


def test_labels_are_moved_apart_as_little_as_may_be() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        values = rng.uniform(0, 1, 8).tolist()
        placed = spread(values, 0.1, 1.0)
        assert np.diff(np.sort(placed)).min() >= 0.1 - 1e-9
        assert np.argsort(placed).tolist() == np.argsort(values).tolist()
        assert max(placed) <= 1.0 + 1e-9
    assert spread([0.1, 0.5, 0.9], 0.1, 1.0) == pytest.approx([0.1, 0.5, 0.9])
    assert spread([0.5, 0.5], 0.2, 1.0) == pytest.approx([0.4, 0.6])
    assert spread([], 0.1, 1.0) == []


def test_strengths_are_drawn_as_doublings_at_the_real_steps() -> None:
    figure = strength_of(2, 3)
    lines = [trace for trace in figure.data if trace.mode == "lines+markers"]
    np.testing.assert_allclose(2.0 ** np.array(lines[1].y), [4, 5, 6])
    assert list(figure.layout.xaxis.ticktext) == ["0", "10", "20"]
    assert lines[0].customdata[2] == {"layer": "layer0", "index": 2}
    assert lines[0].marker.size == (5, 5, 9)  # a ring where a loop is claimed
    assert "○ loop claimed" in lines[0].hovertext[2]
    assert "permuted entries 1.0×" in lines[0].hovertext[2]
    x = figure.layout.meta["cells"]["1"]
    assert x[:2] == pytest.approx([lines[0].x[1]] * 2)


def test_beyond_eight_layers_the_others_are_quiet_and_it_says_so() -> None:
    figure = strength_of(20, 3)
    lines = [trace for trace in figure.data if trace.mode == "lines+markers"]
    colours = [trace.line.color for trace in lines]
    assert sorted(colours) == sorted(theme.SERIES_LIGHT)
    named = {click["layer"] for trace in lines for click in trace.customdata}
    assert named == {f"layer{i}" for i in range(12, 20)}
    everyone = {(each["layer"], each["index"]) for each in clicks(figure)}
    assert everyone == {(f"layer{i}", j) for i in range(20) for j in range(3)}
    assert "the 8 strongest of 20 layers" in figure.layout.annotations[0].text


def test_missing_strengths_leave_gaps() -> None:
    strengths = np.array([[1.0, np.nan, 4.0], [np.nan, np.nan, np.nan]])
    axis = curves.Steps([0, 1, 2], ["0", "1", "2"])
    figure = curves.strength_figure(
        ["a", "b"], axis, strengths, strengths, claimed=np.zeros((2, 3), bool)
    )
    first = next(trace for trace in figure.data if trace.mode == "lines+markers")
    assert list(first.y) == [0.0, None, 2.0]
    assert "no loop strength" in first.hovertext[1]
    text = [name.strip() for trace in figure.data for name in trace.text or ()]
    assert text == ["a", "permuted entries"]
    assert "NaN" not in figure.to_json()


def test_the_accuracy_shares_the_axis_of_the_steps() -> None:
    accuracy = {"validation accuracy": curve_of([0, 5, 19, 20])}
    figure = strength_of(2, 3, accuracy=accuracy)
    band, mean, names = [trace for trace in figure.data if trace.yaxis == "y2"]
    assert len(band.x) == 8
    assert max(mean.x) == max(figure.data[2].x)
    assert [each["index"] for each in mean.customdata] == [0, 0, 2, 2]
    assert names.text[0].strip() == "validation accuracy 0.90"
    assert figure.layout.yaxis2.title.text == "accuracy"
    milestones = curves.Steps([30, 20, 20], [">=0.5", ">=0.9", ">=0.95"])
    figure = curves.strength_figure(
        ["a"],
        milestones,
        np.ones((1, 3)),
        np.ones((1, 3)),
        claimed=np.zeros((1, 3), bool),
        accuracy=accuracy,
    )
    assert not [trace for trace in figure.data if trace.yaxis == "y2"]
    assert list(figure.layout.xaxis.ticktext) == ["&gt;=0.5", "&gt;=0.9", "&gt;=0.95"]


def test_the_layers_of_a_single_step_stand_side_by_side() -> None:
    figure = strength_of(29, 1)
    assert figure.layout.meta["follows"] == ["layer"]
    assert clicks(figure) == [{"layer": f"layer{i}", "index": 0} for i in range(29)]
    assert list(figure.layout.xaxis.ticktext) == [f"layer{i}" for i in range(29)]
    stems, nulls, heads, _ = figure.data
    assert list(stems.y)[1::3] == list(heads.y) == list(np.log2(np.arange(1.0, 30)))
    assert {y for y in nulls.y if y is not None} == {0.0}


def test_the_sparkline_lies_over_the_slider() -> None:
    curve = {"validation accuracy": curve_of([0, 2, 5]), "training accuracy": curve_of([0, 5])}
    figure = curves.metric_figure(list("abcdef"), curve, inset=12)
    assert list(figure.layout.xaxis.range) == [0, 5]
    assert (figure.layout.margin.l, figure.layout.margin.r, figure.layout.height) == (12, 12, 36)
    (words,) = figure.layout.annotations
    assert words.text == "validation accuracy 0.10 → <b>0.90</b>"
    assert words.y == 0  # the curve ends high
    assert not curves.metric_figure(["a"], {}).data


@pytest.mark.parametrize(("width", "columns"), [(1380, 6), (640, 6), (1380, 2)])
def test_multiples_are_square_and_hold_their_pictures(width: int, columns: int) -> None:
    cells = [[multiples.Cell(f"<g id='{i}{j}'/>") for j in range(columns)] for i in range(2)]
    names = [str(j) for j in range(columns)]
    figure = multiples.multiples_figure(["a", "b"], names, cells, width=width)
    assert figure.layout.yaxis.scaleanchor == "x"
    low, high = figure.layout.xaxis.range
    assert high - low == pytest.approx(width)
    for image, (i, j) in zip(
        figure.layout.images, itertools.product(range(2), range(columns)), strict=True
    ):
        assert f"id='{i}{j}'" in base64.b64decode(image.source.split(",")[1]).decode()
        x0, x1, y0, y1 = figure.layout.meta["cells"][f"{'ab'[i]}|{j}"]
        assert x1 - x0 == pytest.approx(y1 - y0, abs=1e-3)
        assert x0 < image.x < image.x + image.sizex < x1 <= width + 3
        assert y0 < image.y < image.y + image.sizey < y1 < figure.layout.height


def test_multiples_without_a_graph_say_why() -> None:
    cells = [[multiples.Cell(state=state) for state in multiples.STATES], [None] * 5]
    figure = multiples.multiples_figure(["a", "b"], list("01234"), cells)
    said = {text.replace("<br>", " ") for text in figure.data[0].text}
    assert said == {words for words in multiples.STATES.values() if words}
    assert not figure.layout.images
    assert len(clicks(figure)) == 5


def test_multiples_print_their_numbers_and_the_note() -> None:
    cell = multiples.Cell("<g/>", 1, 2, 7.82, "x", claimed=True)
    figure = multiples.multiples_figure(["a"], ["0"], [[cell]], note="k 2% & more")
    assert list(figure.data[0].text) == ["b₀ 1 · b₁ 2 · ○ 7.8×"]
    assert "k 2% &amp; more" in figure.layout.annotations[0].text
    assert fill_at(figure, figure.data[3].x[0], figure.layout.meta["cells"]["a|0"][3] - 1) == (
        marks.strength_colour(7.82, "light")
    )


def test_layers_side_by_side_carry_their_own_names_and_clicks() -> None:
    names = [["conv1", "conv2"], ["conv3"]]
    cells = [[multiples.Cell("<g/>", layer=name, index=4) for name in row] for row in names]
    figure = multiples.multiples_figure([], [], cells, labels=names)
    assert clicks(figure) == [{"layer": f"conv{i}", "index": 4} for i in (1, 2, 3)]
    assert list(figure.data[0].text) == ["conv1", "conv2", "conv3"]
    assert set(figure.layout.meta["cells"]) == {"conv1|4", "conv2|4", "conv3|4"}


def test_betti_numbers_have_five_colours() -> None:
    figure = heat_of()
    fills = [fill_at(figure, j, 0) for j in range(7)]
    assert fills == [*theme.BETTI_LIGHT, theme.BETTI_LIGHT[-1], theme.BETTI_LIGHT[-1]]
    outline = figure.layout.shapes[-1]
    assert (outline.name, outline.x0, outline.x1, outline.y0, outline.y1) == (
        "current",
        1.5,
        2.5,
        0.5,
        1.5,
    )
    assert clicks(figure)[9] == {"params": {"k": "2"}}


def test_heat_cells_without_a_number_say_why() -> None:
    cells = [
        [heat.Cell(None, heat.MISSING, {}, f"too few filters {EVIL}")],
        [heat.Cell(None, heat.WAITING)],
        [heat.Cell(9.0, "9.0")],
    ]
    figure = heat.heat_figure(cells, heat.Axis("share", list("abc")), heat.Axis("k", ["1"]))
    texts, target = figure.data
    assert list(texts.text) == ["–", "…", "9.0"]
    assert target.hovertext[0] == "too few filters &lt;img src=x onerror=alert(1)&gt;"
    assert fill_at(figure, 0, 0) == theme.LIGHT.ground
    assert fill_at(figure, 0, 2) == marks.strength_colour(8, "light")
    assert not [shape for shape in figure.layout.shapes if shape.name == "current"]


@pytest.mark.parametrize("n", [1, 2, 29, 200])
def test_the_row_of_layers_has_few_elements_however_deep_the_network(n: int) -> None:
    figure = row_of(n)
    assert clicks(figure) == [{"layer": f"layer{i}"} for i in range(n)]
    assert len(figure.layout.shapes) == 5
    strengths = figure.layout.shapes[2]
    assert strengths.path.count("M") == n
    assert fill_at(figure, -0.1, 1.9) == theme.LIGHT.bar  # 2× high
    assert fill_at(figure, -0.1, 2.1) == theme.LIGHT.ground
    assert fill_at(figure, 0.3, 0.9) == theme.NULL
    assert (figure.layout.xaxis.visible is not False) == (n <= network.FEWEST)


def test_names_from_data_cannot_carry_markup() -> None:
    cell = grid.Cell(2.0, words=f"step-1.pt: {EVIL}")
    steps = curves.Steps([0, 1], [EVIL, EVIL])
    one = np.ones((1, 2))
    label = multiples.Cell(words=EVIL, layer=EVIL, index=0, state="waiting")
    figures = [
        grid.grid_figure([EVIL], [EVIL], [[cell]]),
        grid.runs_figure([EVIL], [EVIL], np.zeros((1, 1), bool)),
        curves.strength_figure([EVIL], steps, one, one, claimed=one > 2),
        curves.metric_figure(["0", "1"], {EVIL: curve_of([0, 1])}),
        multiples.multiples_figure([EVIL], [EVIL], [[label]], note=EVIL),
        multiples.multiples_figure([], [], [[label]], labels=[[EVIL]]),
        network.network_figure([network.LayerBar(EVIL, 1.0, 1.0, EVIL)]),
    ]
    for figure in figures:
        spoken = figure.to_plotly_json()
        for trace in spoken["data"]:
            trace.pop("customdata", None)
        spoken["layout"].pop("meta", None)
        text = json.dumps(spoken, default=str)
        assert "&lt;" in text
        assert "<img" not in text
