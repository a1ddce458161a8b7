"""Generators beside persistence by its definition, gudhi and pyflagser; forests beside SciPy."""

from itertools import combinations, pairwise

import gudhi
import numpy as np
import pytest
import torch
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components, minimum_spanning_tree
from torch import nn

from analysis.architectures import build
from analysis.errors import AnalysisError
from analysis.induced_graph import (
    InducedGraph,
    edge_plan,
    generators,
    induced_graph,
    loops,
    spanning_forest,
    sparsification,
    sparsified,
    warm,
)


def graph_of(edges: np.ndarray, weights: np.ndarray, sizes: list[int]) -> InducedGraph:
    n = sum(sizes)
    return InducedGraph(
        layers=tuple(f"layer {i}" for i in range(len(sizes))),
        shapes=tuple((size,) for size in sizes),
        offsets=np.cumsum([0, *sizes]),
        edges=np.asarray(edges, np.int32).reshape(-1, 2),
        weights=np.asarray(weights, np.float32),
        activations=np.ones(n, np.float32),
        n_all=len(weights),
    )


def random_graph(seed: int, *, n: int = 12, levels: int = 0, density: float = 0.3) -> InducedGraph:
    """Any graph; with levels many weights are equal."""
    rng = np.random.default_rng(seed)
    pairs = np.array(list(combinations(range(n), 2)))
    edges = rng.permutation(pairs[rng.random(len(pairs)) < density])
    weights = rng.integers(1, levels + 1, len(edges)) if levels else 1 - rng.random(len(edges))
    return graph_of(edges, weights, [n])


def by_definition(graph: InducedGraph) -> dict[int, tuple[float, float, int]]:
    """Vertex that bears a component → birth, death (0: none) and who it goes into (-1).

    Every level is looked at on its own: who is the oldest in each component there.
    """
    birth = np.zeros(graph.n_vertices)
    np.maximum.at(birth, graph.edges.ravel(), np.repeat(graph.weights, 2))
    found, last = {}, {}
    for level in np.unique(graph.weights)[::-1]:
        eldest = oldest(graph, birth, level)
        for vertex in {*last.values(), *eldest.values()}:
            if vertex not in found and eldest[vertex] != vertex and birth[vertex] > level:
                found[vertex] = (birth[vertex], float(level), eldest[vertex])
        last = eldest
    essential = {v: (birth[v], 0.0, -1) for v in set(last.values())}
    return found | essential


def oldest(graph: InducedGraph, birth: np.ndarray, level: float) -> dict[int, int]:
    """Oldest vertex of the component of each vertex that is there at a level."""
    there = graph.weights >= level
    a, b = graph.edges[there].T
    shape = (graph.n_vertices, graph.n_vertices)
    _, label = connected_components(coo_array((np.ones(len(a)), (a, b)), shape=shape))
    born = np.flatnonzero(birth >= level)
    first = {}
    for vertex in sorted(born, key=lambda v: (-birth[v], v)):
        first.setdefault(label[vertex], int(vertex))
    return {int(v): first[label[v]] for v in born}


@pytest.mark.parametrize("levels", [0, 1, 2, 3, 6])
@pytest.mark.parametrize("seed", range(12))
def test_generators_are_those_of_the_definition(seed: int, levels: int) -> None:
    graph = random_graph(seed, levels=levels, density=0.1 + 0.04 * seed)
    found, expected = generators(graph), by_definition(graph)
    vertices = [*found.vertices, -1]
    got = {
        int(v): (float(b), float(d), int(vertices[s]))
        for v, b, d, s in zip(
            found.vertices, found.births, found.deaths, found.survivors, strict=True
        )
    }
    assert got == expected
    np.testing.assert_array_equal(found.essential, found.survivors < 0)
    assert (np.diff(found.lifetimes) <= 0).all()
    assert (found.lifetimes > 0).all()


@pytest.mark.parametrize("levels", [0, 2, 4])
@pytest.mark.parametrize("seed", range(8))
def test_an_edge_belongs_to_who_is_oldest_where_it_comes(seed: int, levels: int) -> None:
    graph = random_graph(seed, levels=levels, density=0.3)
    found = generators(graph)
    rows = found.edges.values
    assert len(np.unique(rows)) == len(rows)
    assert set(rows) == set(spanning_forest(graph.edges, graph.weights, n_vertices=12))
    birth = np.zeros(graph.n_vertices)
    np.maximum.at(birth, graph.edges.ravel(), np.repeat(graph.weights, 2))
    for vertex, mine in zip(found.vertices, found.edges, strict=True):
        assert (np.diff(graph.weights[mine]) <= 0).all()
        for row in mine:
            assert oldest(graph, birth, graph.weights[row])[graph.edges[row, 0]] == vertex


@pytest.mark.parametrize("levels", [0, 50])
def test_lifetimes_are_those_of_gudhi(levels: int) -> None:
    graph = random_graph(1, n=150, levels=levels, density=0.02)
    tree = gudhi.SimplexTree()
    for (a, b), w in zip(graph.edges, -graph.weights, strict=True):
        for simplex in ([a], [b]):
            if not tree.insert(simplex, w):
                tree.assign_filtration(simplex, min(tree.filtration(simplex), w))
        tree.insert([a, b], w)
    tree.compute_persistence(homology_coeff_field=2, min_persistence=0)
    bars = tree.persistence_intervals_in_dimension(0)
    bars = np.where(np.isinf(bars), 0, -bars)
    bars = bars[bars[:, 0] > bars[:, 1]]
    found = generators(graph)
    assert len(found) > 20
    got = np.column_stack([found.births, found.deaths])
    np.testing.assert_allclose(got[np.lexsort(got.T)], bars[np.lexsort(bars.T)])


def test_two_hills_and_a_saddle() -> None:
    """A path with weights 5 3 1 2 4: the second hill is born at 4 and dies at the saddle."""
    graph = graph_of([(0, 1), (1, 2), (2, 3), (3, 4), (4, 5)], [5, 3, 1, 2, 4], [6])
    found = generators(graph)
    np.testing.assert_array_equal(found.births, [5, 4])
    np.testing.assert_array_equal(found.deaths, [0, 1])
    np.testing.assert_array_equal(found.lifetimes, [5, 3])
    np.testing.assert_array_equal(found.vertices, [0, 4])
    np.testing.assert_array_equal(found.survivors, [-1, 0])
    assert [list(part) for part in found.edges] == [[0, 1, 2], [4, 3]]
    first = generators(graph, most=1)
    assert [list(part) for part in first.edges] == [[0, 1, 2]]
    assert (len(first), first.n_all) == (1, 2)
    with pytest.raises(AnalysisError, match="most=0"):
        generators(graph, most=0)


def test_permuting_hidden_neurons_changes_no_lifetime() -> None:
    network = build({"kind": "mlp", "input": [12], "hidden": [40, 30], "classes": 4}, seed=3)
    rng = np.random.default_rng(0)
    x = rng.integers(-3, 4, 12).astype(np.float32)
    for layer in (network.fc1, network.fc2, network.fc3):  # whole numbers: sums are exact
        layer.weight.data = (90 * layer.weight.data).round()
        layer.bias.data.zero_()
    plain = generators(induced_graph(network, x, input_edges=True))
    for first, second in pairwise((network.fc1, network.fc2, network.fc3)):
        order = torch.tensor(rng.permutation(len(first.weight)))
        first.weight.data = first.weight.data[order]
        second.weight.data = second.weight.data[:, order]
    moved = generators(induced_graph(network, x, input_edges=True))
    assert len(plain) > 5
    np.testing.assert_array_equal(plain.lifetimes, moved.lifetimes)
    np.testing.assert_array_equal(plain.births, moved.births)


FORESTS = {
    "uniform": lambda rng, m: 1 - rng.random(m),
    "heavy tail": lambda rng, m: np.exp(4 * rng.normal(size=m)),
    "half zero": lambda rng, m: np.maximum(rng.normal(size=m), 0),
    "few levels": lambda rng, m: rng.integers(0, 4, m),
    "one level": lambda _, m: np.ones(m),
    "rising": lambda _, m: np.arange(m),
    "a peak on a plateau": lambda _, m: (np.arange(m) % 1000 == 0) + 1.0,
}


@pytest.mark.parametrize("isolated", [0, 40])
@pytest.mark.parametrize("name", FORESTS)
def test_forests_are_those_of_kruskal(name: str, isolated: int) -> None:
    """Large enough that only the heaviest edges are sorted."""
    rng = np.random.default_rng(0)
    n, m = 300, 60_000
    edges = rng.integers(0, n, (m, 2))
    weights = FORESTS[name](rng, m).astype(np.float32)
    rows = spanning_forest(edges, weights, n_vertices=n + isolated)
    parent = list(range(n))

    def root(v: int) -> int:
        return v if parent[v] == v else root(parent[v])

    expected = []
    for row in np.argsort(-weights, kind="stable"):
        a, b = root(edges[row, 0]), root(edges[row, 1])
        if a != b:
            parent[a] = b
            expected.append(row)
    np.testing.assert_array_equal(rows, expected)


@pytest.mark.parametrize("spread", [0, 1, 5])
def test_the_forest_of_a_layer_weighs_what_scipys_does(spread: float) -> None:
    """Units of small activations have light edges only, on which most of the forest then lies."""
    rng = np.random.default_rng(1)
    a, b = np.divmod(np.arange(400 * 500), 500)
    weights = rng.random(400 * 500, dtype=np.float32)
    weights *= np.exp(-spread * np.abs(rng.normal(size=500)))[b].astype(np.float32)
    rows = spanning_forest(np.column_stack([a, b + 400]), weights, n_vertices=900)
    cost = coo_array((-1 - weights.astype(np.float64), (a, b + 400)), shape=(900, 900)).tocsr()
    total = -minimum_spanning_tree(cost).sum() - 899
    assert len(rows) == 899
    assert weights[rows].sum(dtype=np.float64) == pytest.approx(total, rel=1e-9)
    assert (np.diff(weights[rows]) <= 0).all()


def test_bad_edges_are_refused_with_words() -> None:
    for weights in ([1, np.nan], [1, -1], [1, np.inf]):
        with pytest.raises(AnalysisError, match="finite and not below 0"):
            spanning_forest([(0, 1), (1, 2)], weights, n_vertices=3)
    with pytest.raises(AnalysisError, match="n_vertices=2"):
        spanning_forest([(0, 1), (1, 2)], [1, 1], n_vertices=2)
    with pytest.raises(AnalysisError, match="shapes"):
        spanning_forest([(0, 1)], [1, 1], n_vertices=2)
    assert len(spanning_forest(np.zeros((0, 2)), [], n_vertices=0)) == 0


def test_what_is_lost_with_light_edges_is_said() -> None:
    """Of the path 5 3 1 2 4, without the saddle, the second hill never dies."""
    graph = graph_of([(0, 1), (1, 2), (2, 3), (3, 4), (4, 5)], [5, 3, 1, 2, 4], [6])
    kept = sparsified(graph, most=4)
    np.testing.assert_array_equal(kept.weights, [5, 3, 2, 4])
    said = sparsification(graph, kept)
    assert (said.threshold, said.n_edges, said.of_edges) == (2, 4, 5)
    assert said.weight_share == pytest.approx(14 / 15)
    assert (said.n_generators, said.of_generators, said.n_cut) == (1, 2, 1)
    assert said.lifetime_share == pytest.approx(5 / 8)
    whole = sparsification(graph, graph)
    assert (whole.weight_share, whole.lifetime_share, whole.n_cut) == (1, 1, 0)
    empty = graph_of(np.zeros((0, 2)), [], [6])
    assert sparsification(empty, sparsified(empty, most=3)).lifetime_share == 1


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("levels", [0, 4])
def test_loops_are_those_of_gudhi(seed: int, levels: int) -> None:
    graph = random_graph(seed, n=25, levels=levels, density=0.25)
    tree = gudhi.SimplexTree()
    births = np.zeros(25)
    np.maximum.at(births, graph.edges.ravel(), np.repeat(graph.weights, 2))
    for v in np.flatnonzero(births):
        tree.insert([v], -births[v])
    for edge, w in zip(graph.edges, graph.weights, strict=True):
        tree.insert(edge, -w)
    tree.expansion(2)
    n_triangles = sum(len(simplex) == 3 for simplex, _ in tree.get_skeleton(2))
    tree.compute_persistence(homology_coeff_field=2, persistence_dim_max=True)
    bars = tree.persistence_intervals_in_dimension(1).reshape(-1, 2)
    found = loops(graph)
    assert found.n_triangles == n_triangles > 10
    got = np.column_stack([found.births, found.deaths])
    expected = np.where(np.isinf(bars), 0, -bars)
    np.testing.assert_allclose(got[np.lexsort(got.T)], expected[np.lexsort(expected.T)])
    assert found.essential.sum() == np.isinf(bars[:, 1]).sum()
    assert (np.diff(found.lifetimes) <= 0).all()


class Skipping(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.third = nn.Linear(5, 6), nn.Linear(6, 6), nn.Linear(6, 6)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = torch.relu(self.first(x))
        return y + self.third(torch.relu(self.second(y)))


def test_loops_of_layers_are_all_essential_and_skips_fill_some() -> None:
    x = np.random.default_rng(0).normal(size=5).astype(np.float32)
    layered = build({"kind": "mlp", "input": [5], "hidden": [6, 6], "classes": 6}, seed=1)
    graph = induced_graph(layered, x, input_edges=True)
    found = loops(graph, most_edges=1)
    forest = spanning_forest(graph.edges, graph.weights, n_vertices=graph.n_vertices)
    assert found.n_triangles == 0
    assert found.essential.all()
    rest = np.delete(graph.weights, forest)
    np.testing.assert_array_equal(found.births, -np.sort(-rest))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(2)
        skipping = Skipping()
    for layer in (skipping.second, skipping.third):
        layer.weight.data *= 20  # the identities come late, into loops that are there
    graph = induced_graph(edge_plan(skipping, (5,)), x)
    filled = loops(graph)
    assert filled.n_triangles > 0
    assert not filled.essential.all()
    with pytest.raises(AnalysisError, match=r"most_edges=5: .* sparsified\(graph, most=5\)"):
        loops(graph, most_edges=5)
    empty = sparsified(induced_graph(edge_plan(skipping, (5,)), 0 * x), quantile=0.5)
    assert len(loops(empty).births) <= len(empty.weights)


def test_kernels_are_warmed() -> None:
    warm()
