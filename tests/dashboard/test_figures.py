import base64
import json
import re
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from analysis.circle_models import primary_circle
from analysis.lenses import lens_values
from analysis.mapper import MapperGraph, mapper_graph
from dashboard import theme
from dashboard.figures import patches
from dashboard.figures.mapper import Colour, Marked, mapper_figure, sprite
from dashboard.figures.network import LayerBar, network_figure

POINTS = primary_circle(200)


def svg_of(uri: str) -> ET.Element:
    assert uri.startswith("data:image/svg+xml;base64,")
    return ET.fromstring(base64.b64decode(uri.split(",", 1)[1]))  # noqa: S314 - our own


def graph_of(points: np.ndarray) -> MapperGraph:
    return mapper_graph(points, lens_values(points, "pca"), resolution=8, gain=2.0)


def means_of(graph: MapperGraph, points: np.ndarray) -> np.ndarray:
    return np.array([points[rows].mean(axis=0) for rows in graph.members]).reshape(-1, 3, 3)


def test_grey_levels_are_symmetric_about_zero() -> None:
    levels = patches.greys(np.array([[[-2.0, 0.0, 1.0]], [[0.0, 0.0, 0.0]]]))
    assert levels.tolist() == [[[0, 128, 191]], [[128, 128, 128]]]


def test_a_grid_draws_every_entry_of_every_filter() -> None:
    image = svg_of(patches.grid(np.random.default_rng(0).normal(size=(7, 5, 3)), columns=3))
    assert len(list(image)) == 7 * 15


def angles_of(graph: MapperGraph) -> Colour:
    return Colour(
        np.linspace(0, 360, graph.n_nodes),
        "angle",
        scale=tuple(theme.ANGLE),
        span=(0.0, 360.0),
        cyclic=True,
    )


def groups_of(body: str) -> list[ET.Element]:
    """The nodes of a sprite, in the order in which they are drawn."""
    root = ET.fromstring(f"<svg>{body}</svg>")  # noqa: S314 - our own
    return list(root.iter("g"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_mapper_figure_has_a_picture_and_a_target_for_every_node(scheme: str) -> None:
    graph = graph_of(POINTS)
    figure = mapper_figure(graph, means_of(graph, POINTS), angles_of(graph), scheme=scheme)
    (trace,) = figure.data
    assert list(trace.customdata) == [{"select": f"node.{i}"} for i in range(graph.n_nodes)]
    np.testing.assert_array_equal(np.column_stack([trace.x, trace.y]), graph.positions)
    assert trace.marker.colorbar.tickvals == (0, 90, 180, 270, 360)
    for i, text in enumerate(trace.hovertext):
        assert text.startswith(f"node {i}<br>{graph.members.lengths[i]} filters<br>angle: ")
        assert text.endswith("°")
    (image,) = figure.layout.images
    svg = svg_of(image.source)
    nodes = [each for each in svg.iter() if each.tag.endswith("}g")]
    assert len(nodes) == graph.n_nodes
    (edges,) = (each for each in svg.iter() if each.get("stroke-opacity") == ".5")
    assert (edges.get("d") or "").count("M") == len(graph.edges)
    assert "data:image/png" not in figure.to_json()


def test_selected_nodes_stand_out_and_the_others_fade() -> None:
    graph = graph_of(POINTS)
    shares = np.zeros(graph.n_nodes)
    shares[[2, 5]] = 1.0, 0.25
    marked = Marked(shares, primary=[5])
    body = sprite(graph, means_of(graph, POINTS), angles_of(graph), marked=marked)
    faded = [each.get("opacity") for each in groups_of(body)]
    assert faded.count(None) == 2
    assert faded.count("0.3") == graph.n_nodes - 2
    halos = re.findall(r'fill-opacity="([\d.]+)"', body)
    assert sorted(halos) == ["0.40", "1.00"]
    assert body.count("<circle") == 1
    plain = sprite(graph, means_of(graph, POINTS), angles_of(graph))
    assert "fill-opacity" not in plain
    assert "<circle" not in plain
    assert all(each.get("opacity") is None for each in groups_of(plain))


def test_small_graphs_are_drawn_without_filters() -> None:
    graph = graph_of(POINTS)
    with_, without = (
        sprite(graph, means_of(graph, POINTS), angles_of(graph), patched=patched)
        for patched in (True, False)
    )
    assert len(groups_of(without)) == len(groups_of(with_)) == graph.n_nodes
    assert all(len(list(each)) == 1 for each in groups_of(without))
    assert len(without) < len(with_) / 2


def test_a_picture_beside_has_no_legend_of_its_own() -> None:
    graph = graph_of(POINTS)
    figure = mapper_figure(graph, means_of(graph, POINTS), angles_of(graph), legend=False)
    assert figure.data[0].marker.showscale is None


def test_a_node_without_a_clear_angle_is_grey_and_says_so() -> None:
    span, scale = (0.0, 360.0), tuple(theme.ANGLE)
    values = np.array([0.0, np.nan, 180.0])
    colour = Colour(values, "angle", scale, span, cyclic=True, missing="no clear one")
    assert colour.paint()[1] == theme.NULL
    assert len(set(colour.paint())) == 3
    assert [colour.word(i) for i in range(3)] == ["0°", "no clear one", "180°"]


def test_a_sprite_lies_where_its_node_is() -> None:
    graph = graph_of(POINTS)
    colour = Colour(np.zeros(graph.n_nodes), "angle", cyclic=True)
    figure = mapper_figure(graph, means_of(graph, POINTS), colour)
    (image,) = figure.layout.images
    frames = [rect for rect in svg_of(image.source).iter() if rect.get("rx")]
    centres = []
    for rect in frames:
        x, y, side = (float(rect.get(key) or 0) for key in ("x", "y", "width"))
        centres.append(
            (
                image.x + (x + side / 2) / 1000 * image.sizex,
                image.y - (y + side / 2) / 1000 * image.sizey,
            )
        )
    found, wanted = np.array(sorted(centres)), np.array(sorted(map(tuple, graph.positions)))
    np.testing.assert_allclose(found, wanted, atol=2e-4 * image.sizex)


def test_an_empty_graph_is_an_empty_figure() -> None:
    graph = graph_of(np.zeros((0, 9)))
    figure = mapper_figure(graph, np.zeros((0, 3, 3)), Colour(np.zeros(0), "angle", cyclic=True))
    assert len(figure.data) == len(figure.layout.images) == 0


def test_layer_names_cannot_carry_markup() -> None:
    bars = [LayerBar("<img src=x onerror=alert(1)>", 2.0, 1.0), LayerBar("b", None, None, "<b>")]
    figure = json.loads(network_figure(bars).to_json())
    hover = figure["data"][0]["hovertext"]
    assert not any(re.search(r"<img|<b>$", words) for words in hover)
    assert "&lt;img" in figure["layout"]["xaxis"]["ticktext"][0]
    # what a click says is a name, not markup: it is looked up, never shown as it is
    assert figure["data"][0]["customdata"] == [{"layer": bar.layer} for bar in bars]
