import json
from collections.abc import Callable
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from dashboard import theme
from dashboard.figures import marks
from dashboard.figures.cloud import MOST, Cloud, class_colour, class_symbol, cloud_figure
from dashboard.figures.depth import StepCurve, depth_figure
from dashboard.figures.landscape import Bundle, difference_figure, landscape_figure, support
from dashboard.figures.landscape_grid import POINTS, Cell, landscape_grid_figure
from dashboard.figures.layer_curves import THIN, PathCurve, layer_curves_figure, step_colours
from dashboard.figures.norms import Measure, decimals, norm_colour, norms_figure
from dashboard.figures.pvalues import SIGN, PairTests, p_text, pvalues_figure

RNG = np.random.default_rng(0)
EVIL = "<img src=x onerror=alert(1)>"
LAYERS = ["input", "fc1", "fc2", "output"]
STEPS = ["untrained", "60 %", "99 %"]
GRID = np.linspace(0, 1, 201)
PICTURE = "data:image/svg+xml;base64,PHN2Zy8+"


def tents(*bars: tuple[float, float]) -> Any:
    heights = [np.maximum(np.minimum(GRID - b, d - GRID), 0) for b, d in bars]
    return -np.sort(-np.stack(heights), axis=0)


LEVELS = tents((0.1, 0.5), (0.2, 0.4), (0.6, 0.8))


def norms_of(layers: int = 4, steps: int = 3, **more: Any) -> go.Figure:
    values = 0.01 * (1 + np.arange(layers * steps).reshape(layers, steps))
    names = [f"layer{i}" for i in range(layers)]
    return norms_figure(names, [f"step {j}" for j in range(steps)], values, **more)


def step_curves(layers: int = 4, steps: int = 3, runs: int = 0) -> list[StepCurve]:
    curves = []
    for j in range(steps):
        every = RNG.uniform(0.1, 0.2 + j, (max(runs, 2), layers))
        mean, low, high = every.mean(axis=0), every.min(axis=0), every.max(axis=0)
        shown = every if runs else None
        curves.append(StepCurve(f"step {j}", j, mean, low, high, shown, untrained=j == 0))
    return curves


def depth_of(layers: int = 4, steps: int = 3, runs: int = 0, **more: Any) -> go.Figure:
    names = [f"layer{i}" for i in range(layers)]
    return depth_figure(names, step_curves(layers, steps, runs), **more)


def paths(layers: int = 4, steps: int = 3, runs: int = 2) -> list[PathCurve]:
    return [
        PathCurve(f"s{j}", j, every.mean(axis=0), every, untrained=j == 0)
        for j, every in enumerate(RNG.normal(size=(steps, runs, layers, 2)))
    ]


def paths_of(layers: int = 4, steps: int = 3, runs: int = 2, **more: Any) -> go.Figure:
    names = [f"layer{i}" for i in range(layers)]
    return layer_curves_figure(names, paths(layers, steps, runs), **more)


def cloud_of(n: int = 40, classes: int = 3) -> Cloud:
    names = [f"class {k}" for k in range(classes)]
    labels = np.arange(n) % max(classes, 1)
    return Cloud(RNG.normal(size=(n, 2)), labels, names, [f"i{i}" for i in range(n)])


def grid_of(layers: int = 4, steps: int = 3, **more: Any) -> go.Figure:
    cells = [
        [Cell(LEVELS * (i + j + 1), number="0.1") for j in range(steps)] for i in range(layers)
    ]
    names = [f"layer{i}" for i in range(layers)]
    return landscape_grid_figure(names, [f"s{j}" for j in range(steps)], GRID, cells, **more)


def matrix_of(n: int = 4, smallest: float | np.ndarray = 0.001) -> PairTests:
    p = np.full((n, n), 0.2)
    p[1, 0] = p[0, 1] = 0.001
    least = np.broadcast_to(smallest, (n, n))
    return PairTests([f"s{i}" for i in range(n)], p, (2 * p).clip(0, 1), 3.0 * p, 1024, least)


CHOSEN = np.arange(40) % 5 == 0
FIGURES: dict[str, Callable[[str], go.Figure]] = {
    "norms": lambda scheme: norms_of(scheme=scheme),
    "deep norms": lambda scheme: norms_of(60, 12, scheme=scheme),
    "landscape": lambda scheme: landscape_figure(
        [
            Bundle("a", GRID, LEVELS, LEVELS * 0.9, LEVELS * 1.1),
            Bundle("b", GRID, LEVELS / 2, tone="compared"),
            Bundle("c", GRID, LEVELS / 4, tone="null"),
        ],
        note="bands",
        scheme=scheme,
    ),
    "difference": lambda scheme: difference_figure(
        GRID, LEVELS - 0.05, low=LEVELS - 0.1, high=LEVELS, scheme=scheme
    ),
    "depth": lambda scheme: depth_of(companion=step_curves(), current=1, scheme=scheme),
    "deep": lambda scheme: depth_of(60, 12, 100, current=3, scheme=scheme),
    "one layer": lambda scheme: depth_of(1, 1, 1, scheme=scheme),
    "paths": lambda scheme: paths_of(current=2, scheme=scheme),
    "one point": lambda scheme: paths_of(1, 1, 1, scheme=scheme),
    "cloud": lambda scheme: cloud_figure(
        cloud_of(), selected=CHOSEN, primary=3, loops=[np.arange(5)], thumbnails={2: PICTURE},
        scheme=scheme,
    ),
    "grid": lambda scheme: grid_of(scheme=scheme),
    "p-values": lambda scheme: pvalues_figure(matrix_of(), scheme=scheme),
}  # fmt: skip


def points(trace: Any) -> list[tuple[Any, Any]]:
    return list(zip(trace.x, trace.y, strict=True))


def broken(values: Any) -> list[list[float]]:
    """Split a trace's numbers where it has gaps."""
    parts: list[list[float]] = [[]]
    for each in values:
        if each is None:
            parts.append([])
        else:
            parts[-1].append(each)
    return [part for part in parts if part]


def picks(figure: go.Figure) -> list[Any]:
    return [each for trace in figure.data for each in trace.customdata or () if each is not None]


def by_pick(figure: go.Figure) -> dict[tuple[str, int], tuple[Any, Any, str]]:
    return {
        (pick["layer"], pick["index"]): (x, y, words)
        for trace in figure.data
        if trace.customdata is not None
        for pick, x, y, words in zip(
            trace.customdata, trace.x, trace.y, trace.hovertext, strict=True
        )
    }


def said(figure: go.Figure) -> str:
    return " ".join(each.text for each in figure.layout.annotations)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", FIGURES)
def test_figures_are_valid_vectors_in_both_schemes(name: str, scheme: str) -> None:
    figure = FIGURES[name](scheme)
    plain = json.loads(figure.to_json())
    assert {trace["type"] for trace in plain["data"]} <= {"scatter"}
    assert figure.layout.paper_bgcolor == theme.palette(scheme).surface
    assert "NaN" not in figure.to_json()
    assert all(isinstance(each, dict) for each in picks(figure))
    assert figure.layout.uirevision


@pytest.mark.parametrize("name", ["norms", "deep norms", "depth", "deep", "paths", "grid"])
def test_the_mark_comes_last_and_surrounds_what_is_clicked(name: str) -> None:
    figure = FIGURES[name]("light")
    shape, meta = figure.layout.shapes[-1], figure.layout.meta
    assert (shape.name, shape.visible) == ("cursor", False)
    assert meta["follows"] == ["layer", "index"]
    places = [t for t in figure.data if t.customdata is not None and (t.yaxis or "y") == "y"]
    clicks = by_pick(go.Figure(places))
    assert {f"{layer}|{index}" for layer, index in clicks} == set(meta["cells"])
    for (layer, index), (x, y, _) in clicks.items():
        x0, x1, y0, y1 = meta["cells"][f"{layer}|{index}"]
        assert x0 < x < x1
        assert min(y0, y1) < y < max(y0, y1)


def test_names_from_data_cannot_carry_markup() -> None:
    bundle = Bundle(EVIL, GRID, LEVELS)
    curve = StepCurve(EVIL, 0, np.ones(1), words=[EVIL])
    path = PathCurve(EVIL, 0, np.ones((1, 2)), words=[EVIL])
    square = np.ones((2, 2))
    table = PairTests([EVIL, EVIL], square, square, square, 4, square / 2)
    figures = [
        norms_figure([EVIL], [EVIL], np.ones((1, 1)), words=[[EVIL]], measure=Measure(EVIL)),
        landscape_figure([bundle], note=EVIL, title=EVIL),
        difference_figure(GRID, LEVELS, names=(EVIL, EVIL)),
        depth_figure([EVIL], [curve], companion=[curve], titles=(EVIL, EVIL)),
        layer_curves_figure([EVIL], [path], titles=(EVIL, EVIL)),
        cloud_figure(Cloud(np.ones((2, 2)), np.zeros(2, int), [EVIL], [EVIL, EVIL])),
        landscape_grid_figure([EVIL], [EVIL], GRID, [[Cell(LEVELS, "", EVIL, EVIL)]], note=EVIL),
        pvalues_figure(table),
    ]
    for figure in figures:
        drawn = json.loads(figure.to_json())
        for trace in drawn["data"]:
            trace.pop("customdata", None)  # is read by the page, not written into it
        drawn["layout"].pop("meta", None)
        assert "<img" not in json.dumps(drawn)


def test_every_norm_is_written_on_its_colour() -> None:
    values = np.array([[0.16, 0.08], [0.0, np.nan]])
    figure = norms_figure(["input", "fc1"], ["0", "1"], values)
    texts = dict(zip(points(figure.data[0]), figure.data[0].text, strict=True))
    assert texts == {(0, 0): "0.160", (1, 0): "0.080", (0, 1): "0.000", (1, 1): "·"}
    fills = {shape.fillcolor: shape.path for shape in figure.layout.shapes[:-1]}
    for share, column, row in ((1.0, 0, 0), (0.5, 1, 0), (0.0, 0, 1)):
        path = fills[norm_colour(share, "light")]
        x0, y0 = map(float, path[1:].split("H")[0].split(","))
        assert (round(x0 + 0.49), round(y0 + 0.47)) == (column, row)
    assert "norm 0.0800" in by_pick(figure)["input", 1][2]
    assert "not stored" in by_pick(figure)["fc1", 1][2]


def test_cells_without_a_norm_say_why_and_a_dead_layer_says_so() -> None:
    values = np.array([[0.0, np.nan, np.nan, 0.2]])
    states = [["dead", "waiting", "error", ""]]
    figure = norms_figure(
        ["fc"], list("abcd"), values, states=states, words=[["", "", "bad", "ok"]]
    )
    assert figure.data[0].text == ("dead", "…", "<b>!</b>", "0.200")
    words = {index: said for (_, index), (*_, said) in by_pick(figure).items()}
    assert "dead" in words[0]
    assert "norm 0.0000" in words[0]
    assert "not computed yet" in words[1]
    assert "bad" in words[2]
    assert words[3].endswith("ok")
    assert "cannot be computed" in said(figure)


def test_the_scale_of_norms_can_be_shared() -> None:
    low = norms_figure(["a"], ["0"], np.array([[0.1]]), measure=Measure("norm", 0.4))
    assert low.layout.shapes[0].fillcolor == norm_colour(0.25, "light")
    assert "0.400" in said(low)
    assert norm_colour(7, "light") == norm_colour(1, "light") != norm_colour(0, "light")


@pytest.mark.parametrize(("top", "digits"), [(0.158, 3), (3.2, 2), (42, 1), (1e4, 0), (0, 2)])
def test_numbers_have_three_digits(top: float, digits: int) -> None:
    assert decimals(top) == digits


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_norms_grow_away_from_the_surface_and_stay_legible(scheme: str) -> None:
    colours = [norm_colour(share, scheme) for share in np.linspace(0, 1, 30)]
    apart = [marks.contrast(each, theme.palette(scheme).surface) for each in colours]
    assert all(np.diff(apart) > -1e-9)
    assert min(marks.contrast(marks.ink_on(each), each) for each in colours) > 4.4


def test_norms_refuse_tables_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match=r"values has shape \(1, 1\)"):
        norms_figure(["a", "b"], ["0"], np.ones((1, 1)))
    with pytest.raises(ValueError, match="words has 2 rows"):
        norms_figure(["a"], ["0"], np.ones((1, 1)), words=[[""], [""]])
    with pytest.raises(ValueError, match=r"states has .*nope"):
        norms_figure(["a"], ["0"], np.ones((1, 1)), states=[["nope"]])
    assert norms_figure([], [], np.ones((0, 0))).layout.height > 0


def lines(figure: go.Figure) -> list[Any]:
    return [trace for trace in figure.data if trace.hovertemplate]


def test_levels_are_drawn_as_they_are_the_first_on_top_and_strongest() -> None:
    levels = LEVELS.copy()
    levels[0, 50] = np.nan
    drawn = lines(landscape_figure([Bundle("a", GRID, levels)]))[::-1]
    assert len(drawn) == 3
    assert drawn[0].y[50] is None
    for level, line in zip(levels, drawn, strict=True):
        np.testing.assert_array_equal(np.array(line.x), GRID)
        np.testing.assert_array_equal(np.array(line.y, float), level)
    strengths = [marks.contrast(line.line.color, theme.LIGHT.surface) for line in drawn]
    assert strengths == sorted(strengths, reverse=True)
    assert "λ₂" in drawn[1].hovertemplate


def test_two_landscapes_differ_by_more_than_hue_and_the_first_is_on_top() -> None:
    first = Bundle("now", GRID, LEVELS, LEVELS - 0.01, LEVELS + 0.01)
    figure = landscape_figure([first, Bundle("then", GRID, LEVELS / 2, tone="compared")])
    assert [line.line.dash for line in lines(figure)] == ["dash"] * 3 + ["solid"] * 3
    bands = [trace for trace in figure.data if trace.fill == "toself"]
    assert len(bands) == 1
    assert max(bands[0].y[:-1]) == pytest.approx(LEVELS[0].max() + 0.01)
    assert "now" in said(figure)
    assert "then" in said(figure)
    assert figure.layout.yaxis.range[1] > LEVELS.max() + 0.01


def test_a_band_is_broken_where_the_spread_is_unknown() -> None:
    low = LEVELS.copy()
    low[:, 40:60] = np.nan
    figure = landscape_figure([Bundle("a", GRID, LEVELS, low, LEVELS)])
    band = next(trace for trace in figure.data if trace.fill == "toself")
    first, second = broken(band.x)
    np.testing.assert_array_equal(first, [*GRID[:40], *GRID[:40][::-1]])
    np.testing.assert_array_equal(second, [*GRID[60:], *GRID[60:][::-1]])


def test_the_axis_holds_what_is_not_zero() -> None:
    low, high = support([(GRID, LEVELS)])
    assert 0.05 < low <= 0.1 + GRID[1]
    assert 0.8 - GRID[1] <= high < 0.85
    assert support([]) == support([(GRID, 0 * LEVELS)]) == (0.0, 1.0)
    spanned = landscape_figure([Bundle("a", GRID, LEVELS)], span=(0.2, 0.3))
    assert spanned.layout.xaxis.range == (0.2, 0.3)
    assert len(landscape_figure([]).data) == 0


def test_a_difference_is_filled_above_and_below_zero() -> None:
    difference = np.array([np.sin(2 * np.pi * GRID), 0 * GRID])
    figure = difference_figure(GRID, difference, names=("now", "then"))
    above, below = [trace for trace in figure.data if trace.fill == "toself"]
    assert (min(above.y[:-1]), max(below.y[:-1])) == (0, 0)
    assert (max(above.y[:-1]), min(below.y[:-1])) == pytest.approx((1, -1))
    assert above.fillcolor != below.fillcolor
    np.testing.assert_array_equal(lines(figure)[-1].y, difference[0])
    assert sum(figure.layout.yaxis.range) == 0
    texts = {each.y: each.text for each in figure.layout.annotations}
    assert texts == {1: "▲ larger in now", 0: "▼ larger in then"}
    assert len(difference_figure(GRID, difference[:0]).data) == 0


def test_landscapes_refuse_shapes_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match="mean has shape"):
        Bundle("a", GRID, LEVELS[:, :-1])
    with pytest.raises(ValueError, match="high has shape"):
        Bundle("a", GRID, LEVELS, LEVELS, LEVELS[0])
    with pytest.raises(ValueError, match="tone='loud'"):
        Bundle("a", GRID, LEVELS, tone="loud")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="difference has shape"):
        difference_figure(GRID, LEVELS[0])


def means(figure: go.Figure) -> list[Any]:
    return [trace for trace in figure.data if trace.customdata is not None]


def test_norms_against_depth_are_the_given_ones_and_the_current_step_is_on_top() -> None:
    curves = step_curves()
    curves[1].mean[2] = np.nan
    figure = depth_figure(LAYERS, curves, current=1)
    drawn = {trace.customdata[0]["index"]: trace for trace in means(figure)}
    assert list(drawn) == [0, 2, 1]
    for curve in curves:
        np.testing.assert_array_equal(np.array(drawn[curve.index].y, float), curve.mean)
        assert [pick["layer"] for pick in drawn[curve.index].customdata] == LAYERS
    assert drawn[1].y[2] is None
    assert "fc2|1" not in figure.layout.meta["cells"]
    assert drawn[1].line.width > drawn[0].line.width
    assert drawn[1].opacity > drawn[0].opacity
    assert (drawn[0].line.dash, drawn[0].line.color) == ("dash", theme.NULL)
    assert "<b>step 1</b>" in said(figure)


def test_a_layer_without_norm_is_hollow_and_says_so() -> None:
    (trace,) = means(depth_figure(["a", "b"], [StepCurve("s", 0, np.array([0.1, 0.0]))]))
    assert trace.marker.color == (trace.line.color, theme.LIGHT.surface)
    assert "dead layer" in trace.hovertext[1]
    assert "dead" not in trace.hovertext[0]


def test_bands_and_runs_are_those_of_the_current_step_where_there_are_many() -> None:
    curves = step_curves(4, 6, 5)
    figure = depth_figure(LAYERS, curves, current=4)
    (band,) = [trace for trace in figure.data if trace.fill == "toself"]
    expected = [*np.asarray(curves[4].low), *np.asarray(curves[4].high)[::-1]]
    assert band.y[:-1] == pytest.approx(expected)
    (thin,) = [t for t in figure.data if t.fill is None and t.customdata is None]
    np.testing.assert_array_equal(broken(thin.y), np.asarray(curves[4].runs))
    few = depth_figure(LAYERS, curves[:3])
    assert sum(trace.fill == "toself" for trace in few.data) == 3


def test_the_companion_has_a_row_of_its_own_on_the_same_layers() -> None:
    figure = depth_figure(LAYERS, step_curves(), companion=step_curves(), titles=("norm", "np"))
    assert figure.layout.yaxis2.domain[1] < figure.layout.yaxis.domain[0]
    assert figure.layout.xaxis.anchor == "y2"
    assert {trace.yaxis for trace in means(figure)} == {None, "y2"}
    assert figure.layout.yaxis2.title.text == "np"
    assert depth_of().layout.yaxis.domain == (0, 1)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_later_steps_are_further_from_the_surface(scheme: str) -> None:
    colours = step_colours(step_curves(2, 8), scheme)
    apart = [marks.contrast(each, theme.palette(scheme).surface) for each in colours]
    assert colours[0] == theme.NULL
    assert all(np.diff(apart[1:]) > 0)
    assert len(set(colours)) == 8


def test_curves_refuse_numbers_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match="mean of 's' has shape"):
        depth_figure(LAYERS, [StepCurve("s", 0, np.ones(3))])
    with pytest.raises(ValueError, match="words of 's' has shape"):
        depth_figure(LAYERS, [StepCurve("s", 0, np.ones(4), words=["a"])])
    with pytest.raises(ValueError, match="points and runs of 's'"):
        layer_curves_figure(LAYERS, [PathCurve("s", 0, np.ones((3, 2)))])
    with pytest.raises(ValueError, match="points and runs of 's'"):
        layer_curves_figure(LAYERS, [PathCurve("s", 0, np.ones((4, 2)), np.ones((2, 3, 2)))])
    with pytest.raises(ValueError, match="'s' has 1 words"):
        layer_curves_figure(LAYERS, [PathCurve("s", 0, np.ones((4, 2)), words=["a"])])
    assert depth_figure([], []).layout.meta["cells"] == {}
    assert layer_curves_figure([], []).layout.meta["cells"] == {}


def test_layer_curves_join_the_layers_in_order_and_name_their_ends() -> None:
    curves = paths()
    curves[0].points[1] = np.nan
    figure = layer_curves_figure(LAYERS, curves, titles=("PC 1 (41 %)", "PC 2"), current=2)
    for trace in means(figure):
        curve = curves[trace.customdata[0]["index"]]
        np.testing.assert_array_equal(np.array(points(trace), float), curve.points)
        assert [pick["layer"] for pick in trace.customdata] == LAYERS
    thin = figure.data[: len(curves)]
    assert curves[2].runs is not None
    np.testing.assert_array_equal(broken(thin[-1].x), curves[2].runs[:, :, 0])
    names = figure.data[-1]
    assert "<b>\u2003input\u2003</b>" in names.text
    assert (names.x[0], names.y[0]) == tuple(curves[2].points[0])
    assert figure.layout.yaxis.scaleanchor == "x"
    assert figure.layout.xaxis.title.text == "PC 1 (41 %)"


def test_all_points_of_layer_curves_lie_within_axes_of_one_scale() -> None:
    curves = paths(12, 6, 10)
    figure = layer_curves_figure([f"l{i}" for i in range(12)], curves, width=640, height=520)
    x, y = figure.layout.xaxis.range, figure.layout.yaxis.range
    every = np.concatenate([np.asarray(curve.runs).reshape(-1, 2) for curve in curves])
    assert x[0] < every[:, 0].min() < every[:, 0].max() < x[1]
    assert y[0] < every[:, 1].min() < every[:, 1].max() < y[1]
    margin = figure.layout.margin
    across = (x[1] - x[0]) / (640 - margin.l - margin.r)
    assert (y[1] - y[0]) / (520 - margin.t - margin.b) == pytest.approx(across)


def test_of_very_many_runs_some_are_drawn_and_it_says_so() -> None:
    figure = paths_of(60, 12, 100)
    thin = sum(len(trace.x) for trace in figure.data if trace.customdata is None)
    assert thin < 1.1 * THIN
    assert "16 of 100 runs drawn" in said(figure)
    assert "runs drawn" not in said(paths_of())


def fronts(figure: go.Figure) -> list[Any]:
    return [trace for trace in figure.data if trace.customdata is not None]


def test_every_point_of_the_cloud_is_drawn_once_in_its_class() -> None:
    cloud = cloud_of(60, 3)
    cloud.points[7] = np.nan
    figure = cloud_figure(cloud)
    rows = []
    for label, trace in enumerate(fronts(figure)):
        assert trace.marker.color == class_colour(label, "light")
        for pick, point in zip(trace.customdata, points(trace), strict=True):
            row = int(pick["primary"][1:])
            assert point == tuple(cloud.points[row])
            assert cloud.labels[row] == label
            rows.append(row)
    assert sorted(rows) == [i for i in range(60) if i != 7]
    assert "59 of 60 points drawn" in said(figure)
    assert len({trace.marker.symbol for trace in fronts(figure)}) == 3


@pytest.mark.parametrize("n", [2, 6, 10, 24])
def test_classes_differ_by_colour_or_symbol(n: int) -> None:
    looks = [(class_colour(k, "dark"), class_symbol(k, n)) for k in range(n)]
    assert len(set(looks)) == n
    assert len({symbol for _, symbol in looks}) == n or n > 6
    assert class_colour(-1, "dark") == theme.NULL


def test_identical_points_say_how_many_they_are_and_of_which_class() -> None:
    cloud = cloud_of(40, 2)
    cloud.points[:11] = (1.5, 2.5)
    figure = cloud_figure(cloud)
    rings = figure.data[0]
    assert (rings.x, rings.y, rings.text) == ((1.5,), (2.5,), ("  ×11",))
    words = {
        pick["primary"]: said
        for trace in fronts(figure)
        for pick, said in zip(trace.customdata, trace.hovertext, strict=True)
    }
    assert words["i3"].endswith("11 identical points here: 6 class 0, 5 class 1")
    assert "identical" not in words["i20"]


def test_the_selected_are_outlined_over_a_halo_and_the_others_faint() -> None:
    cloud = cloud_of()
    figure = cloud_figure(cloud, selected=CHOSEN, primary=0)
    outlined = [trace for trace in fronts(figure) if trace.marker.line.color == theme.LIGHT.ink]
    chosen = {pick["primary"] for trace in outlined for pick in trace.customdata}
    assert chosen == {f"i{i}" for i in np.flatnonzero(CHOSEN)}
    faint = [trace for trace in fronts(figure) if trace not in outlined]
    assert max(trace.marker.opacity for trace in faint) < 0.5
    halo = [t for t in figure.data if t.marker.color == theme.LIGHT.surface]
    assert len(halo[0].x) == CHOSEN.sum()
    assert (figure.data[-1].x[0], figure.data[-1].y[0]) == tuple(cloud.points[0])
    assert "8 selected" in said(figure)
    plain = cloud_figure(cloud, selected=np.zeros(40, bool))
    assert all(trace.marker.opacity > 0.5 for trace in fronts(plain))


def test_loops_are_closed_and_apart() -> None:
    cloud = cloud_of()
    figure = cloud_figure(cloud, loops=[np.array([1, 2, 3]), np.array([], int), np.array([5, 6])])
    _, line = [trace for trace in figure.data if trace.mode == "lines"]
    expected = [cloud.points[[1, 2, 3, 1], 0].tolist(), cloud.points[[5, 6, 5], 0].tolist()]
    assert broken(line.x) == expected


def test_thumbnails_lie_over_their_points_and_not_over_each_other() -> None:
    cloud = cloud_of(3)
    cloud.points[:] = [[0, 0], [0.001, 0], [5, 5]]
    images = cloud_figure(cloud, thumbnails=dict.fromkeys((1, 0, 2), PICTURE)).layout.images
    assert [image.x for image in images] == [0.001, 5]
    assert all(image.y > y for image, y in zip(images, (0, 5), strict=True))


def test_of_a_large_cloud_some_points_are_drawn_and_all_selected_ones() -> None:
    cloud, chosen = cloud_of(5000), np.zeros(5000, bool)
    chosen[[1, 4998]] = True
    figure = cloud_figure(cloud, selected=chosen)
    names = [pick["primary"] for pick in picks(figure)]
    assert len(names) == len(set(names))
    assert {"i1", "i4998"} <= set(names)
    assert MOST <= len(names) <= MOST + 2
    assert "of 5,000 points drawn" in said(figure)


def test_a_cloud_refuses_lists_that_do_not_fit() -> None:
    flat, labels = np.ones((3, 2)), np.zeros(3, int)
    with pytest.raises(ValueError, match=r"points has shape \(3, 3\)"):
        Cloud(np.ones((3, 3)), labels, ["a"], ["x"] * 3)
    with pytest.raises(ValueError, match="3 points but 2 labels"):
        Cloud(flat, labels[:2], ["a"], ["x"] * 3)
    with pytest.raises(ValueError, match="3 points but 1 names"):
        Cloud(flat, labels, ["a"], ["x"])
    with pytest.raises(ValueError, match="labels go to 4"):
        Cloud(flat, labels + 4, ["a"], ["x"] * 3)
    cloud = Cloud(flat, labels, ["a"], ["x"] * 3)
    with pytest.raises(ValueError, match="selected has 2 flags"):
        cloud_figure(cloud, selected=np.ones(2, bool))
    with pytest.raises(ValueError, match=r"rows that are none: \[3\]"):
        cloud_figure(cloud, loops=[np.array([0, 3])])
    empty = cloud_figure(Cloud(flat[:0], labels[:0], [], []))
    assert picks(empty) == []
    assert picks(cloud_figure(cloud)) == [{"primary": "x"}] * 3


def test_small_multiples_share_a_scale_and_each_level_is_one_trace() -> None:
    figure = grid_of(4, 3)
    filled = [trace for trace in figure.data if trace.fill == "toself"]
    assert len(filled) == 3
    clicks = by_pick(figure)
    cells = figure.layout.meta["cells"]
    assert figure.layout.height > max(box[3] for box in cells.values()) - 2
    for k, trace in enumerate(filled):
        tops = dict.fromkeys(clicks, 0.0)
        for xs, ys in zip(broken(trace.x), broken(trace.y), strict=True):
            for key in clicks:
                x0, x1, y0, y1 = cells["{}|{}".format(*key)]
                if x0 <= min(xs) and max(xs) <= x1 and y0 <= min(ys) and max(ys) <= y1:
                    tops[key] = max(tops[key], max(ys) - min(ys))
        unit = max(tops.values()) / (LEVELS[k].max() * 6) if LEVELS[k].max() else 0
        for (layer, j), top in tops.items():
            peak = LEVELS[k].max() * (int(layer[5:]) + j + 1)
            assert top == pytest.approx(peak * unit, abs=0.2)


def test_cells_on_scales_of_their_own_are_equally_high() -> None:
    first = grid_of(2, 2, each=True).data[0]
    heights = {round(max(ys) - min(ys)) for ys in broken(first.y)}
    assert len(heights) == 2  # one for each of the two bumps of λ₁
    assert "own scale" in said(grid_of(2, 2, each=True))


def test_cells_without_a_landscape_say_why() -> None:
    cells = [[Cell(LEVELS), Cell(), Cell(None, "waiting"), Cell(0 * LEVELS, "dead", "0")]]
    figure = landscape_grid_figure(["fc"], list("abcd"), GRID, cells)
    states = next(trace for trace in figure.data if trace.text and "dead layer" in trace.text)
    assert states.text == ("not stored", "computing …", "dead layer")
    assert "dead" in by_pick(figure)["fc", 3][2]
    nothing = landscape_grid_figure(["fc"], ["0"], GRID, [[Cell()]])
    assert nothing.data[0].text == ("not stored",)


def test_a_large_sheet_stays_small_and_keeps_the_peaks() -> None:
    figure = grid_of(60, 12)
    drawn = [trace for trace in figure.data if trace.fill == "toself"]
    assert sum(len(trace.x) for trace in drawn) < 1.5 * POINTS
    heights = [max(ys) - min(ys) for ys in broken(drawn[0].y)]
    x0, _, y0, y1 = figure.layout.meta["cells"]["layer59|11"]
    last = [ys for xs, ys in zip(broken(drawn[0].x), broken(drawn[0].y), strict=True)
            if min(xs) >= x0 and y0 <= min(ys) <= y1]  # fmt: skip
    assert max(max(ys) - min(ys) for ys in last) == max(heights) == pytest.approx(22, abs=0.1)
    assert min(heights) == pytest.approx(22 / 2 / 71, abs=0.1)  # the lower bump of the smallest


def test_small_multiples_refuse_cells_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match="cells has 1 rows"):
        landscape_grid_figure(["a", "b"], ["0"], GRID, [[Cell()]])
    with pytest.raises(ValueError, match="levels of 'a' at '0' has shape"):
        landscape_grid_figure(["a"], ["0"], GRID, [[Cell(LEVELS[:, 1:])]])
    with pytest.raises(ValueError, match="state='nope'"):
        Cell(state="nope")


def test_every_pair_has_its_p_value_and_a_sign_where_it_differs() -> None:
    figure = pvalues_figure(
        matrix_of(), clicks=[[{"pair": f"{i}.{j}"} for j in range(4)] for i in range(4)]
    )
    texts = dict(zip(points(figure.data[0]), figure.data[0].text, strict=True))
    assert texts.pop((0, 1)) == f"{SIGN} .002"
    assert len(texts) == 5
    assert set(texts.values()) == {".400"}
    target = figure.data[1]
    for pick, (x, y) in zip(target.customdata, points(target), strict=True):
        assert pick == {"pair": f"{y}.{x}"}
    assert "p = 0.0010 of 1,024 permutations" in target.hovertext[0]
    assert "distance of the mean landscapes 0.003" in target.hovertext[0]
    assert "adjusted for 6 pairs (Holm): 0.0020" in target.hovertext[0]
    ticks = dict(zip(figure.layout.yaxis.tickvals, figure.layout.yaxis.ticktext, strict=True))
    assert ticks == {1: "s1", 2: "s2", 3: "s3"}
    assert figure.layout.xaxis.ticktext == ("s0", "s1", "s2")


def test_the_matrix_says_when_there_are_too_few_runs() -> None:
    assert "too few runs for 6 pairs" in said(pvalues_figure(matrix_of(smallest=0.125)))
    assert "too few" not in said(pvalues_figure(matrix_of(smallest=0.001)))
    assert "smallest p that a pair can reach .125" in said(
        pvalues_figure(matrix_of(smallest=0.125))
    )


def test_one_pair_of_many_runs_is_enough_to_be_marked() -> None:
    """Holm multiplies the smallest p by all pairs, the next by one less."""
    smallest = np.full((4, 4), 0.25)
    smallest[1, 0] = 1 / 128  # six times this is below .05
    text = said(pvalues_figure(matrix_of(smallest=smallest)))
    assert "smallest p that a pair can reach .008 to .250" in text
    assert "too few" not in text
    smallest[1, 0] = 1 / 64
    assert "too few runs for 6 pairs" in said(pvalues_figure(matrix_of(smallest=smallest)))


def test_only_pairs_that_were_tested_are_counted() -> None:
    tests = matrix_of(smallest=1 / 64)
    untested = np.isin(np.arange(4), [3])
    gone = untested[:, None] | untested
    tables = [np.where(gone, np.nan, each) for each in (tests.p, tests.adjusted, tests.statistic)]
    least = np.where(gone, np.nan, tests.smallest)
    fewer = PairTests(tests.names, *tables, tests.permutations, least)
    assert fewer.tested == [(1, 0), (2, 0), (2, 1)]
    figure = pvalues_figure(fewer)
    assert "adjusted for 3 pairs (Holm)" in said(figure)
    assert "too few" not in said(figure), "three times 1/64 is below .05"
    assert "adjusted for 3 pairs (Holm): 0.0020" in figure.data[1].hovertext[0]
    assert sum("not tested" in each for each in figure.data[1].hovertext) == 3


def test_pairs_that_were_not_tested_and_single_names_are_no_pairs() -> None:
    nan = np.full((2, 2), np.nan)
    figure = pvalues_figure(PairTests(["a", "b"], nan, nan, nan, np.full((2, 2), 8), nan))
    assert figure.data[0].text == ("–",)
    assert "not tested" in figure.data[1].hovertext[0]
    assert "no pair to test" in said(figure)
    single = np.ones((1, 1))
    assert "no pair" in said(pvalues_figure(PairTests(["a"], single, single, single, 8, single)))


def test_a_crowded_matrix_keeps_the_signs() -> None:
    texts = pvalues_figure(matrix_of(30), width=420).data[0].text
    assert texts[0] == SIGN
    assert len(texts) == 30 * 29 / 2


@pytest.mark.parametrize(
    ("p", "text"), [(0.0004, "<.001"), (0.0125, ".013"), (0.5, ".500"), (1, "1.000")]
)
def test_p_values_have_three_decimals(p: float, text: str) -> None:
    assert p_text(p) == text


def test_tables_of_tests_that_do_not_fit_are_refused() -> None:
    square = np.ones((2, 2))
    with pytest.raises(ValueError, match=r"adjusted has shape \(1, 2\)"):
        PairTests(["a", "b"], square, square[:1], square, 8, square)
    with pytest.raises(ValueError, match="permutations has shape"):
        PairTests(["a", "b"], square, square, square, np.ones(3, int), square)
    with pytest.raises(ValueError, match=r"smallest has shape \(2,\)"):
        PairTests(["a", "b"], square, square, square, 8, np.ones(2))
