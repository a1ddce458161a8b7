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
from dashboard.figures.mapper import Colour, mapper_figure
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


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_mapper_figure_has_a_picture_and_a_target_for_every_node(scheme: str) -> None:
    graph = graph_of(POINTS)
    colour = Colour(np.linspace(0, 360, graph.n_nodes), "angle", cyclic=True)
    figure = mapper_figure(graph, means_of(graph, POINTS), colour, selected=2, scheme=scheme)
    (trace,) = figure.data
    assert list(trace.customdata) == list(range(graph.n_nodes))
    (sprite,) = figure.layout.images
    assert len(list(svg_of(sprite.source))) == graph.n_nodes * (1 + 9)
    edges, outline = figure.layout.shapes
    assert edges.path.count("M") == len(graph.edges)
    assert outline.type == "rect"
    assert "data:image/png" not in figure.to_json()


def test_a_node_without_a_clear_angle_is_grey_and_says_so() -> None:
    colour = Colour(np.array([0.0, np.nan, 180.0]), "angle", cyclic=True, missing="no clear one")
    assert colour.paint()[1] == theme.NULL
    assert len(set(colour.paint())) == 3
    assert [colour.word(i) for i in range(3)] == ["0", "no clear one", "180"]


def test_a_sprite_lies_where_its_node_is() -> None:
    graph = graph_of(POINTS)
    colour = Colour(np.zeros(graph.n_nodes), "angle", cyclic=True)
    figure = mapper_figure(graph, means_of(graph, POINTS), colour)
    (sprite,) = figure.layout.images
    frames = [rect for rect in svg_of(sprite.source) if rect.get("rx")]
    centres = []
    for rect in frames:
        x, y, side = (float(rect.get(key) or 0) for key in ("x", "y", "width"))
        centres.append(
            (
                sprite.x + (x + side / 2) / 1000 * sprite.sizex,
                sprite.y - (y + side / 2) / 1000 * sprite.sizey,
            )
        )
    np.testing.assert_allclose(sorted(centres), sorted(map(tuple, graph.positions)), atol=1e-4)


def test_an_empty_graph_is_an_empty_figure() -> None:
    graph = graph_of(np.zeros((0, 9)))
    figure = mapper_figure(graph, np.zeros((0, 3, 3)), Colour(np.zeros(0), "angle", cyclic=True))
    assert len(figure.data) == len(figure.layout.images) == 0


def test_layer_names_cannot_carry_markup() -> None:
    bars = [LayerBar("<img src=x onerror=alert(1)>", 2.0, 1.0), LayerBar("b", None, None, "<b>")]
    text = network_figure(bars, selected="b").to_json()
    hover = json.loads(text)["data"][0]["hovertext"]
    assert not any(re.search(r"<img|<b>$", words) for words in hover)
    assert "&lt;img" in json.loads(text)["layout"]["xaxis"]["ticktext"][0]
