"""Mapper graphs of activations with known shapes."""

from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pytest

from analysis import registry
from analysis.activation_cloud import ActivationCloud, CloudParams, activation_cloud
from analysis.activation_mapper import LENSES, ActivationMapperParams, activation_graph
from analysis.errors import AnalysisError
from analysis.filter_mapper import FilterGraph
from analysis.networks import NetworkSource

USUAL = {"resolution": 8, "gain": 2.0}


def cloud_of(tmp_path: Path, points: np.ndarray) -> ActivationCloud:
    path = tmp_path / "step-000001.npz"
    np.savez(path, a=points)
    source = NetworkSource("run", (str(path),), layers=("a",), stored=True)
    return activation_cloud(source, CloudParams(inputs=len(points)))


def circle(n: int, *, width: int = 2, radius: float = 1) -> np.ndarray:
    rng = np.random.default_rng(0)
    angle = 2 * np.pi * np.arange(n) / n
    plane = radius * np.column_stack([np.cos(angle), np.sin(angle)])
    turn = np.linalg.qr(rng.normal(size=(width, width)))[0][:2]
    return (plane @ turn + 5 + 0.01 * rng.normal(size=(n, width))).astype(np.float32)


def graph_of(cloud: ActivationCloud, **params: Any) -> FilterGraph:
    return activation_graph(cloud, ActivationMapperParams(**USUAL | params))


def as_networkx(found: FilterGraph) -> nx.Graph:
    graph = nx.Graph()
    graph.add_nodes_from(range(len(found.graph.members)))
    graph.add_edges_from(found.graph.edges.tolist())
    return graph


@pytest.mark.parametrize("width", [2, 15, 200])
def test_a_circle_has_one_loop(tmp_path: Path, width: int) -> None:
    found = graph_of(cloud_of(tmp_path, circle(300, width=width)))
    assert (found.b0, found.b1) == (1, 1)
    # and the graph says so by itself, its triangles filled
    graph = as_networkx(found)
    assert nx.number_connected_components(graph) == 1
    members = np.concatenate([*found.graph.members])
    assert set(members.tolist()) == set(range(300))


def test_two_circles_and_a_blob(tmp_path: Path) -> None:
    two = np.concatenate([circle(300), circle(300) + 8])
    assert (graph_of(cloud_of(tmp_path, two)).b0, graph_of(cloud_of(tmp_path, two)).b1) == (2, 2)
    line = np.column_stack([np.linspace(0, 9, 200), np.zeros(200)]).astype(np.float32)
    found = graph_of(cloud_of(tmp_path, line))
    assert (found.b0, found.b1) == (1, 0)


@pytest.mark.parametrize("lens", [name for name in LENSES if name != "umap"])
def test_every_lens_gives_a_graph_of_rows(tmp_path: Path, lens: str) -> None:
    found = graph_of(cloud_of(tmp_path, circle(200, width=10)), lens=lens)
    assert len(found.graph.members) > 0
    for members in found.graph.members:
        assert len(set(members.tolist())) == len(members)
        assert 0 <= members.min() <= members.max() < 200


@pytest.mark.parametrize("value", [0, 0.1])
def test_a_layer_of_one_point_has_no_graph_and_says_why(tmp_path: Path, value: float) -> None:
    cloud = cloud_of(tmp_path, np.full((50, 3), value, np.float32))
    with pytest.raises(AnalysisError, match=f"no graph: {'constant' if value else 'dead'}"):
        graph_of(cloud)


def test_mostly_equal_points(tmp_path: Path) -> None:
    points = np.full((50, 3), 0.1, np.float32)
    points[:5] = np.random.default_rng(0).random((5, 3))
    found = graph_of(cloud_of(tmp_path, points))
    # nothing is near the few others, which are too few for nodes of their own
    assert max(len(members) for members in found.graph.members) >= 45
    assert found.b1 == 0


def test_only_small_usual_graphs_are_quick(tmp_path: Path) -> None:
    quick = registry.get("activation-mapper").quick
    small = cloud_of(tmp_path, circle(100))
    assert quick(small, ActivationMapperParams(**USUAL))
    assert not quick(small, ActivationMapperParams(lens="umap"))
    assert not quick(small, ActivationMapperParams(**USUAL | {"resolution": 40}))
    assert not quick(cloud_of(tmp_path, circle(1600)), ActivationMapperParams(**USUAL))
    with pytest.raises(AnalysisError, match="lens must be one of pca"):
        ActivationMapperParams(lens="angle")
