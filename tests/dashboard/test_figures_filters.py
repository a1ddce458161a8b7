import base64
import json
import re
from xml.etree import ElementTree as ET

import numpy as np
import plotly.graph_objects as go
import pytest
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from analysis.circle_models import gradient_angle, primary_circle
from analysis.filters import normalised
from analysis.homology import PersistenceDiagram, vietoris_rips
from dashboard import theme
from dashboard.cursor import FILTER, SELECT
from dashboard.figures import patches
from dashboard.figures.barcode import SHOWN, Group, barcode_figure
from dashboard.figures.codensity import FAINT, codensity_figure
from dashboard.figures.diagram import TARGETS, diagram_figure
from dashboard.figures.members import members_figure
from dashboard.figures.projection import MOST, MOST_DROPPED, projection_figure, shown
from dashboard.figures.rose import rose_figure
from dashboard.parameters import checked

RNG = np.random.default_rng(0)
CIRCLE = primary_circle(150)
DATA = Group("filters", vietoris_rips(CIRCLE + 0.05 * RNG.normal(size=CIRCLE.shape)))
NULL = Group("entries permuted", vietoris_rips(RNG.permuted(CIRCLE, axis=1)), "null")
OPEN = Group("cut off", vietoris_rips(CIRCLE, threshold=0.5))
NOTHING = Group("filters", vietoris_rips(np.zeros((3, 9))))
EVIL = "<img src=x onerror=alert(1)>"
PROFILE = np.linspace(0.2, 1.1, 257).astype(np.float32)


def names_of(n: int) -> list[str]:
    return [f"{i % 4}.{i}.0" for i in range(n)]


def svg_of(figure: go.Figure, which: int = 0) -> ET.Element:
    uri = figure.layout.images[which].source
    assert uri.startswith("data:image/svg+xml;base64,")
    return ET.fromstring(base64.b64decode(uri.split(",", 1)[1]))  # noqa: S314 - our own


def strokes_of(element: ET.Element) -> list[tuple[str, float, float, float]]:
    """Colour, x, y and length of every stroke, walked as SVG says, moves being relative."""
    found = []
    for path in element.iter("{http://www.w3.org/2000/svg}path"):
        x = y = 0.0
        for dx, dy, length in re.findall(r"m(-?\d+) (-?\d+)h(\d+)", path.get("d") or ""):
            x, y = x + float(dx), y + float(dy)
            found.append((path.get("stroke") or "", x, y, float(length)))
            x += float(length)
    return found


def assert_same_points(found: object, expected: object, within: float) -> None:
    """Each of the one is one of the other, up to rounding, and there are as many."""
    distances = cdist(np.reshape(found, (-1, 2)), np.reshape(expected, (-1, 2)))
    rows, columns = linear_sum_assignment(distances)
    assert distances.shape[0] == distances.shape[1]
    assert distances[rows, columns].max(initial=0) <= within


def picks_of(figure: go.Figure) -> list[dict[str, str]]:
    plain = json.loads(figure.to_json())["data"]
    return [each for trace in plain for each in trace.get("customdata") or () if each]


FIGURES = {
    "barcode": lambda scheme: barcode_figure([DATA, NULL], selected=0, scheme=scheme),
    "diagram": lambda scheme: diagram_figure([DATA, NULL], selected=0, scheme=scheme),
    "rose": lambda scheme: rose_figure(np.arange(24), span=(30, 60), scheme=scheme),
    "codensity": lambda scheme: codensity_figure(
        PROFILE, fraction=0.3, n_filters=1000, k=20, scheme=scheme
    ),
    "members": lambda scheme: members_figure(
        CIRCLE[:9].reshape(-1, 3, 3), names_of(9), columns=4, primary="0.0.0", scheme=scheme
    ),
    "projection": lambda scheme: projection_figure(
        CIRCLE[:, :2], CIRCLE[:7, :2], ids=names_of(150), primary=3, loop=CIRCLE[:5, :2],
        scheme=scheme,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FIGURES)
def test_figures_are_plain_vector_pictures_in_the_colours_of_the_scheme(name: str) -> None:
    texts = {scheme: FIGURES[name](scheme).to_json() for scheme in ("light", "dark")}
    for scheme, text in texts.items():
        layout = json.loads(text)["layout"]
        assert layout["paper_bgcolor"] == theme.palette(scheme).surface
        assert layout["uirevision"] == name
        assert len(json.dumps(layout["template"])) < 100
        assert theme.palette(scheme).accent not in text  # never of data
        assert "image/png" not in text
        assert "scattergl" not in text
    assert texts["light"] == FIGURES[name]("light").to_json()


@pytest.mark.parametrize("name", FIGURES)
def test_what_a_click_gives_is_what_the_cursor_reads(name: str) -> None:
    for pick in picks_of(FIGURES[name]("light")):
        ((key, value),) = pick.items()
        if key == "params":
            assert checked(value) == (value, [])
            continue
        assert re.fullmatch({"select": SELECT.pattern, "primary": FILTER}[key], value)


def test_the_barcode_draws_the_longest_bars_of_each_group_on_one_scale() -> None:
    figure = barcode_figure([DATA, NULL])
    bars = figure.data[:2]
    for trace, group in zip(bars, (DATA, NULL), strict=True):
        pairs = group.diagram.bars(1)[:SHOWN]
        np.testing.assert_allclose(trace.base, pairs[:, 0])
        np.testing.assert_allclose(np.add(trace.base, trace.x), pairs[:, 1])
        assert list(trace.y) == sorted(trace.y)  # downwards: the longest on top
    assert max(bars[0].y) < min(bars[1].y)
    assert figure.layout.xaxis.range[1] > max(g.diagram.bars(1).max() for g in (DATA, NULL))
    low, high = sorted(figure.layout.yaxis.range)
    assert low < min(bars[0].y)
    assert max(bars[1].y) + 0.5 < high
    assert bars[1].marker.color == theme.NULL


def test_a_click_on_a_row_of_the_barcode_selects_its_bar_and_the_null_selects_nothing() -> None:
    figure = barcode_figure([NULL, DATA])
    bars, targets = figure.data[:2], figure.data[2:]
    n = min(SHOWN, len(DATA.diagram.bars(1)))
    assert targets[1].customdata == tuple({"select": f"bar.{i}"} for i in range(n))
    assert set(targets[0].customdata) == {None}
    for bar, target in zip(bars, targets, strict=True):
        assert list(bar.y) == list(target.y)
        assert len({*target.x}) == 1  # so that the nearest point is that of the row
    assert figure.layout.hoverdistance == -1


def test_the_label_of_a_group_says_how_many_bars_there_are() -> None:
    texts = [each.text for each in barcode_figure([DATA, NULL]).layout.annotations]
    for text, group in zip(texts, (DATA, NULL), strict=True):
        total = len(group.diagram.bars(1))
        assert total > SHOWN
        assert text == f"<b>{group.name}</b>: {SHOWN} longest of {total:,} H₁ bars"
    assert barcode_figure([NOTHING]).layout.annotations[0].text == "<b>filters</b>: no H₁ bars"
    assert barcode_figure([]).layout.annotations == ()


@pytest.mark.parametrize(("selected", "outlined"), [(None, 0), (2, 1), (SHOWN, 0), (-1, 0)])
def test_the_selected_bar_has_a_dark_outline(selected: int | None, outlined: int) -> None:
    figure = barcode_figure([NULL, DATA], selected=selected)
    ink = theme.LIGHT.ink
    dark = [shape for shape in figure.layout.shapes if shape.line.color == ink]
    assert len(dark) == outlined
    for shape in dark:
        assert [shape.x0, shape.x1] == pytest.approx(DATA.diagram.bars(1)[2].tolist())
        assert shape.y0 < figure.data[1].y[2] < shape.y1


def test_a_bar_that_never_dies_ends_in_an_arrow_and_says_so() -> None:
    assert np.isinf(OPEN.diagram.bars(1)[0, 1])
    figure = barcode_figure([OPEN])
    bars, targets, arrows = figure.data
    end = figure.layout.xaxis.range[1]
    assert bars.base[0] + bars.x[0] == pytest.approx(end)
    assert (arrows.x[0], arrows.y[0]) == (end, bars.y[0])
    assert len(arrows.x) == np.isinf(OPEN.diagram.bars(1)).sum()
    assert "alive at the end" in targets.hovertext[0]
    assert np.isfinite([bars.base, bars.x]).all()


def test_names_of_groups_cannot_carry_markup() -> None:
    group = Group(EVIL, DATA.diagram)
    for figure in (barcode_figure([group]), diagram_figure([group])):
        assert "<img" not in json.dumps(json.loads(figure.to_json()), ensure_ascii=False)


def test_every_bar_is_drawn_once_in_the_diagram() -> None:
    figure = diagram_figure([DATA, NULL])
    end = figure.layout.xaxis.range[1]
    assert figure.layout.yaxis.range == (0, end)
    null, data = figure.data[:2]
    for trace, group, colour in ((data, DATA, theme.LIGHT.bar), (null, NULL, theme.NULL)):
        drawn = list(zip(trace.x, trace.y, strict=True))
        dots = [s for s in strokes_of(svg_of(figure)) if s[0] == colour and s[3] == 0]
        drawn += [(x * end / 2000, end - y * end / 2000) for _, x, y, _ in dots]
        expected = group.diagram.bars(1)
        assert_same_points(drawn, expected, end / 2000)


def test_the_diagram_ticks_the_deaths_of_h0_of_the_data() -> None:
    figure = diagram_figure([DATA])
    end = figure.layout.xaxis.range[1]
    deaths = DATA.diagram.bars(0)[:, 1]
    ticks = [s for s in strokes_of(svg_of(figure)) if s[3] > 0]
    found = sorted(end - y * end / 2000 for _, _, y, _ in ticks)
    np.testing.assert_allclose(found, np.sort(deaths[np.isfinite(deaths)]), atol=end / 2000)


def test_points_of_the_diagram_select_their_bars() -> None:
    figure = diagram_figure([DATA, NULL], selected=1)
    targets = figure.data[3]
    assert targets.customdata[5] == {"select": "bar.5"}
    assert len(targets.customdata) == min(TARGETS, len(DATA.diagram.bars(1)))
    ring = figure.data[-1]
    assert (ring.x[0], ring.y[0]) == pytest.approx(DATA.diagram.bars(1)[1].tolist())
    assert theme.LIGHT.ink in ring.marker.color
    assert len(diagram_figure([DATA, NULL], selected=10**6).data) == 4


def test_points_that_never_die_lie_on_a_line_at_the_top() -> None:
    figure = diagram_figure([OPEN])
    end = figure.layout.yaxis.range[1]
    assert figure.data[0].y[0] == end > np.nanmax(OPEN.diagram.bars(1)[:, 0])
    assert any(shape.y0 == shape.y1 == end for shape in figure.layout.shapes)
    assert any(each.text == "alive at the end" for each in figure.layout.annotations)
    assert not any("alive" in each.text for each in diagram_figure([DATA]).layout.annotations)


def test_diagrams_of_nothing_are_empty_pictures() -> None:
    assert [len(trace.x) for trace in diagram_figure([NOTHING]).data] == [0, 0]
    assert diagram_figure([]).layout.xaxis.range[1] > 0


def test_petals_have_the_area_of_their_counts_and_stand_at_their_angles() -> None:
    counts = np.array([4, 0, 1, 9, 16, 2, 3, 8, 1, 5, 6, 7])
    figure = rose_figure(counts)
    petals = list(svg_of(figure).iter("{http://www.w3.org/2000/svg}path"))
    filled = np.flatnonzero(counts)
    assert len(petals) == len(filled)
    for i, petal in zip(filled, petals, strict=True):
        numbers = [float(x) for x in re.findall(r"-?\d+", petal.get("d") or "")]
        start, radius, end = np.array(numbers[2:4]), numbers[4], np.array(numbers[-2:])
        assert (radius / 1000) ** 2 == pytest.approx(counts[i] / 16, abs=2e-3)
        x, y = (start + end) * (1, -1)  # an image has its y downwards
        assert np.degrees(np.arctan2(y, x)) % 360 == pytest.approx(30 * i + 15, abs=0.3)
    colours = [petal.get("fill") for petal in petals]
    assert len(set(colours)) == len(filled)


def test_the_nearest_target_of_the_rose_is_that_of_the_sector() -> None:
    figure = rose_figure(np.arange(24))
    (targets,) = figure.data
    points = np.stack([targets.x, targets.y], axis=1)
    for angle, radius in RNG.uniform((0, 0.1), (360, 1.3), size=(200, 2)):
        at = radius * np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))])
        nearest = int(np.argmin(((points - at) ** 2).sum(axis=1)))
        start, end = targets.customdata[nearest]["select"].removeprefix("angle.").split("-")
        assert int(start) <= angle <= int(end)
    assert figure.layout.hoverdistance == -1
    assert "<b>30°–45°</b>: 2 of 276 filters" in targets.hovertext


def test_the_dotted_circle_is_the_even_spread() -> None:
    counts = np.full(12, 9)
    counts[3] = 36
    dotted = next(s for s in rose_figure(counts).layout.shapes if s.line.dash == "dot")
    assert dotted.x1**2 * 36 == pytest.approx(counts.mean())


def test_the_patches_around_the_rose_are_the_gradients_they_stand_for() -> None:
    figure = rose_figure(np.ones(24))
    image = figure.layout.images[1]
    cells = [s for s in strokes_of(svg_of(figure, 1)) if s[3] == patches.SIDE // 3]
    assert len(cells) == 4 * 9
    scale = image.sizex / float(svg_of(figure, 1).get("width") or 0)
    x = image.x + np.array([s[1] + s[3] / 2 for s in cells]) * scale
    y = image.y - np.array([s[2] for s in cells]) * scale
    grey = np.array([int(s[0][1:3], 16) for s in cells]) - 128.0
    for angle in (0, 90, 180, 270):
        place = np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))])
        near = np.hypot(x - 1.2 * place[0], y - 1.2 * place[1]) < 0.2
        assert near.sum() == 9
        order = np.lexsort((x[near].round(3), -y[near].round(3)))  # row by row from the top
        filters = normalised(grey[near][order].reshape(1, 9))[0]
        found = gradient_angle(filters, (3, 3))
        assert np.cos(found[0] - np.radians(angle)) == pytest.approx(1, abs=1e-3)


def test_the_selected_part_of_the_rose_is_outlined_and_the_rest_faint() -> None:
    counts, chosen = np.full(24, 8), np.zeros(24, int)
    chosen[[23, 0, 5]] = 2
    figure = rose_figure(counts, selected_counts=chosen)
    outline = next(s for s in figure.layout.shapes if s.line.color == theme.LIGHT.ink)
    points = np.array(
        [[float(v) for v in p.split(",")] for p in re.findall(r"[-\d.]+,[-\d.]+", outline.path)]
    )
    far = points[np.hypot(*points.T) > 1e-6]
    np.testing.assert_allclose(np.hypot(*far.T) ** 2, 2 / 8, atol=1e-3)
    angles = np.degrees(np.arctan2(far[:, 1], far[:, 0])) % 360
    assert all(a >= 345 - 0.1 or a <= 15.1 or 74.9 <= a <= 90.1 for a in angles)
    assert "8 of 192 filters<br>2 of them selected" in figure.data[0].hovertext[5]


@pytest.mark.parametrize(("span", "inside"), [((30, 90), 60), ((330, 30), 0)])
def test_a_span_of_angles_is_a_sector(span: tuple[int, int], inside: int) -> None:
    figure = rose_figure(np.ones(24), span=span)
    outline = figure.layout.shapes[-1]
    points = [tuple(map(float, p.split(","))) for p in re.findall(r"[-\d.]+,[-\d.]+", outline.path)]
    middle = np.degrees(np.arctan2(*np.sum(points, axis=0)[::-1])) % 360
    assert np.cos(np.radians(middle - inside)) == pytest.approx(1, abs=1e-6)


def test_a_rose_refuses_ranges_that_are_no_whole_degrees() -> None:
    with pytest.raises(ValueError, match="divides 360"):
        rose_figure(np.ones(7))
    with pytest.raises(ValueError, match="divides 360"):
        rose_figure(np.ones(0))
    with pytest.raises(ValueError, match="selected_counts"):
        rose_figure(np.ones(24), selected_counts=np.ones(12))
    assert "no filters" in [each.text for each in rose_figure(np.zeros(24)).layout.annotations]


@pytest.mark.parametrize("fraction", [0.001, 0.3, 1.0])
def test_the_codensity_is_cut_at_the_fraction(fraction: float) -> None:
    figure = codensity_figure(PROFILE, fraction=fraction, n_filters=1000, k=20)
    kept, dropped, targets = figure.data
    (cut,) = figure.layout.shapes
    assert (cut.name, cut.x0, cut.x1) == ("cut", 100 * fraction, 100 * fraction)
    at_cut = 0.2 + 0.9 * fraction
    assert (kept.x[-1], dropped.x[0]) == pytest.approx((cut.x0, cut.x0))
    assert (kept.y[-1], dropped.y[0]) == pytest.approx((at_cut, at_cut), rel=1e-4)
    assert all(np.diff(kept.x) >= 0)
    assert all(np.diff(dropped.x) >= 0)
    assert dropped.line.color == theme.NULL != kept.line.color
    assert f"{int(1000 * fraction):,} of 1,000 kept" in figure.layout.annotations[0].text
    assert "densest 30 %: 300 filters<br>neighbour 20 within 0.47" in targets.hovertext


def test_examples_lie_over_their_shares_and_the_dropped_are_faint() -> None:
    shares = (np.arange(10) + 0.5) / 10
    filters = RNG.normal(size=(10, 3, 3))
    figure = codensity_figure(
        PROFILE, fraction=0.4, n_filters=1000, k=20, examples=(filters, shares)
    )
    (strip,) = figure.layout.images
    assert (strip.xref, strip.x, strip.sizex, strip.sizing) == ("x", 0, 100, "contain")
    root = svg_of(figure)
    width = float(root.get("width") or 0)
    faint = [g for g in root if g.get("opacity")]
    assert [float(g.get("opacity") or 1) for g in faint] == [FAINT]
    cell = patches.SIDE // 3
    for element, expected in ((faint[0], shares[4:]), (root, shares)):
        starts = [x + cell / 2 for _, x, _, length in strokes_of(element) if length == cell]
        middles = np.sort(starts).reshape(len(expected), 9).mean(axis=1)
        np.testing.assert_allclose(middles / width, expected, atol=1e-3)


def test_members_are_drawn_where_they_are_clicked() -> None:
    filters, names = RNG.normal(size=(11, 3, 3)), names_of(11)
    figure = members_figure(filters, names, columns=4)
    (targets,) = figure.data
    assert targets.customdata == tuple({"primary": name} for name in names)
    image = figure.layout.images[0]
    root = svg_of(figure)
    across = image.sizex / float(root.get("width") or 0)
    down = image.sizey / float(root.get("height") or 0)
    levels = patches.greys(filters).astype(int)
    cells = [s for s in strokes_of(root) if s[3] == patches.SIDE // 3]
    assert len(cells) == 11 * 9
    for colour, x, y, length in cells:
        place = image.x + (x + length / 2) * across, image.y + y * down
        i = round(place[1]) * 4 + round(place[0])
        assert (round(place[0]), round(place[1])) == (targets.x[i], targets.y[i])
        side = patches.SIDE * across / 3
        row, column = (round((place[k] - round(place[k])) / side) + 1 for k in (1, 0))
        assert abs(int(colour[1:3], 16) - levels[i, row, column]) <= patches.STEP / 2


def test_the_height_of_the_members_follows_their_rows() -> None:
    def height(n: int) -> int:
        return int(members_figure(np.ones((n, 3, 3)), names_of(n), columns=5).layout.height)

    assert height(0) == height(1) == height(5) < height(6) == height(10)
    assert height(11) - height(10) == height(6) - height(5)


def test_members_are_framed_outlined_and_ringed() -> None:
    filters, names = RNG.normal(size=(6, 3, 3)), names_of(6)
    colours = ["rgb(1, 2, 3)"] * 3 + ["rgb(9, 8, 7)"] * 3
    flags = np.array([True, False] * 3)
    figure = members_figure(
        filters, names, columns=3, primary=names[4], colours=colours, selected=flags
    )
    squares = [s for s in strokes_of(svg_of(figure)) if s[3] > patches.SIDE]
    assert sum(s[0] == "rgb(1, 2, 3)" for s in squares) == 3
    dark = [s for s in squares if s[0] == theme.LIGHT.ink]
    assert len(dark) == 3 + 1
    assert max(dark, key=lambda s: s[3]) != min(dark, key=lambda s: s[3])


def test_members_refuse_lists_that_do_not_fit() -> None:
    filters = np.ones((3, 3, 3))
    with pytest.raises(ValueError, match="3 filters but 2 ids"):
        members_figure(filters, names_of(2), columns=5)
    with pytest.raises(ValueError, match="3 filters but 1 colours"):
        members_figure(filters, names_of(3), columns=5, colours=["red"])
    with pytest.raises(ValueError, match="columns=0"):
        members_figure(filters, names_of(3), columns=0)
    assert members_figure(np.ones((0, 3, 3)), [], columns=5).layout.images == ()


def places_of(figure: go.Figure, colour: str) -> list[tuple[float, float]]:
    image = figure.layout.images[0]
    unit = image.sizex / 2000
    return sorted(
        (image.x + x * unit, image.y - y * unit)
        for paint, x, y, _ in strokes_of(svg_of(figure))
        if paint == colour
    )


def test_points_of_the_projection_lie_in_their_places_and_colours() -> None:
    kept, dropped = RNG.normal(size=(50, 2)), RNG.normal(size=(20, 2))
    paint = ["#ff0000" if x > 0 else "#0000ff" for x in kept[:, 0]]
    figure = projection_figure(kept, dropped, paint)
    unit = figure.layout.images[0].sizex / 2000
    for colour, points in (
        ("#ff0000", kept[kept[:, 0] > 0]),
        ("#0000ff", kept[kept[:, 0] <= 0]),
        (theme.NULL, dropped),
    ):
        assert_same_points(places_of(figure, colour), points, unit)
    ranges = np.array([figure.layout.xaxis.range, figure.layout.yaxis.range])
    assert np.ptp(ranges[0]) == pytest.approx(np.ptp(ranges[1]))
    assert (np.concatenate([kept, dropped]) > ranges[:, 0]).all()
    assert (np.concatenate([kept, dropped]) < ranges[:, 1]).all()


def test_the_selected_points_are_ringed_and_the_primary_above_all() -> None:
    kept = RNG.normal(size=(50, 2))
    figure = projection_figure(
        kept, kept[:0], ids=names_of(50), highlighted=np.array([3, 4]), primary=7
    )
    unit = figure.layout.images[0].sizex / 2000
    assert_same_points(places_of(figure, theme.LIGHT.ink), kept[[3, 4]], unit)
    primary = figure.data[-1]
    assert (primary.x[0], primary.y[0]) == pytest.approx(tuple(kept[7]))
    assert len(places_of(figure, theme.LIGHT.bar)) == 50  # nobody is drawn twice or left out


def test_the_loop_is_a_closed_path_through_its_points() -> None:
    loop = RNG.normal(size=(5, 2))
    line = projection_figure(loop, loop[:0], loop=loop).layout.shapes[-1]
    found = [tuple(map(float, p.split(","))) for p in re.findall(r"[-\d.]+,[-\d.]+", line.path)]
    np.testing.assert_allclose(found, loop, atol=1e-4)
    assert line.path.endswith("Z")
    assert projection_figure(loop, loop[:0], loop=loop[:0]).layout.shapes == ()


def test_a_large_layer_is_a_small_figure_whose_clicks_hit_their_points() -> None:
    kept = RNG.normal(size=(20_000, 2))
    names = names_of(20_000)
    chosen = np.arange(0, 20_000, 3)
    figure = projection_figure(
        kept, kept, ["#ff0000"] * 20_000, ids=names, highlighted=chosen, primary=19_999
    )
    assert len(figure.to_json()) < 400_000
    assert len(places_of(figure, theme.NULL)) == MOST_DROPPED
    assert len(places_of(figure, "#ff0000")) <= 2 * MOST
    targets = figure.data[0]
    rows = [int(pick["primary"].split(".")[1]) for pick in targets.customdata]
    assert 19_999 in rows
    np.testing.assert_allclose(np.stack([targets.x, targets.y], axis=1), kept[rows], atol=1e-4)


def test_rows_that_are_drawn_are_evenly_spread() -> None:
    assert shown(10).tolist() == list(range(10))
    assert shown(0).tolist() == []
    rows = shown(65_536)
    assert (len(rows), rows[0], rows[-1]) == (MOST, 0, 65_535)
    assert set(np.diff(rows).tolist()) == {21, 22}


def test_a_projection_refuses_lists_that_do_not_fit() -> None:
    kept = np.zeros((3, 2))
    with pytest.raises(ValueError, match="2 colours"):
        projection_figure(kept, kept, ["red", "red"])
    with pytest.raises(ValueError, match="1 ids"):
        projection_figure(kept, kept, ids=["0.0.0"])
    empty = projection_figure(kept[:0], kept[:0])
    assert empty.layout.xaxis.range == (-1, 1)


def test_a_mosaic_is_a_tenth_of_its_patches() -> None:
    filters = RNG.normal(size=(100, 3, 3))
    corners = np.stack([np.arange(100) % 10, np.arange(100) // 10], axis=1) * 500
    one_by_one = "".join(
        patches.patch(grey, *corner, patches.SIDE)
        for grey, corner in zip(patches.greys(filters), corners, strict=True)
    )
    assert len(patches.mosaic(filters, corners)) < len(one_by_one) / 3


@pytest.mark.parametrize("kernel", [(3, 3), (7, 7), (1, 3), (2, 2), (11, 11)])
def test_a_mosaic_covers_its_squares(kernel: tuple[int, int]) -> None:
    filters = RNG.normal(size=(2, *kernel))
    body = patches.mosaic(filters, np.array([[0, 0], [1000, 500]]))
    root = ET.fromstring(f'<svg xmlns="http://www.w3.org/2000/svg">{body}</svg>')  # noqa: S314
    cells = strokes_of(root)
    assert len(cells) == 2 * kernel[0] * kernel[1]
    second = [s for s in cells if s[1] >= 1000]
    assert min(s[1] for s in second) == 1000
    assert max(s[1] + s[3] for s in second) == pytest.approx(1420, abs=2)
    assert np.mean([s[2] for s in second]) == pytest.approx(500 + patches.SIDE / 2, abs=1)


def test_diagrams_by_hand() -> None:
    pairs = np.array([[0.0, np.inf], [0.0, 0.5], [0.25, 1.0]])
    diagram = PersistenceDiagram(
        pairs, np.array([0, 0, 1]), np.arange(2), 0.0, 2, np.full((3, 2), -1)
    )
    figure = diagram_figure([Group("by hand", diagram)])
    assert (figure.data[0].x, figure.data[0].y) == ((0.25,), (1.0,))
    assert len(strokes_of(svg_of(figure))) == 1  # the finite death of H₀
