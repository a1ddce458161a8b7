"""Mapper against KeplerMapper, gudhi and shapes whose holes are known."""

import warnings
from fractions import Fraction
from typing import Any

import gudhi
import kmapper
import numpy as np
import pytest
from kmapper.adapter import to_networkx
from numpy.typing import NDArray
from scipy.spatial.distance import pdist, squareform
from sklearn.cluster import DBSCAN, AgglomerativeClustering, KMeans

from analysis import _mapper_build, _mapper_kernels, _mapper_nerve, mapper
from analysis.errors import AnalysisError
from analysis.mapper import (
    MapperGraph,
    balanced_cover,
    cover_graph,
    cut_distance,
    mapper_graph,
    uniform_cover,
)
from analysis.ragged import Ragged

Floats = NDArray[np.float64]


def kepler(points: Floats, lens: Floats, clusterer: Any, *, resolution: int, gain: float) -> Any:
    cover = kmapper.Cover(n_cubes=resolution, perc_overlap=1 - 1 / gain)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return kmapper.KeplerMapper().map(lens, points, cover=cover, clusterer=clusterer)


def assert_same(graph: MapperGraph, theirs: Any) -> None:
    names = {name: i for i, name in enumerate(theirs["nodes"])}
    assert [set(part) for part in graph.members] == [set(m) for m in theirs["nodes"].values()]
    links = {(names[a], names[b]) for a, ends in theirs["links"].items() for b in ends}
    assert {(a, b) for a, b in graph.edges.tolist()} == links
    assert len(graph.edges) == len(links)


def circle(n: int, *, phase: float = 0.3) -> Floats:
    angle = (np.arange(n) + phase) * 2 * np.pi / n
    return np.column_stack([np.cos(angle), np.sin(angle)])


def random_cloud(rng: np.random.Generator, trial: int) -> tuple[Floats, Floats]:
    """A cloud and a lens of one or two dimensions; some have ties and duplicates."""
    points = rng.normal(size=(int(rng.integers(20, 300)), int(rng.integers(1, 11))))
    if trial % 3 == 0:
        points = np.round(points)
    if trial % 3 == 1:
        points[: len(points) // 2] *= 0.1
    lens = points[:, :2] if trial % 2 else points[:, :1]
    return points, rng.uniform(size=(len(points), 2)) if trial % 5 == 0 else lens


@pytest.mark.parametrize("trial", range(40))
def test_dbscan_equals_keplermapper(trial: int) -> None:
    rng = np.random.default_rng(trial)
    points, lens = random_cloud(rng, trial)
    resolution, gain = int(rng.integers(1, 12)), float(rng.choice([1.0, 1.2, 1.7, 2.0, 3.0, 4.5]))
    core, radius = int(rng.integers(1, 7)), float(rng.choice([0.3, 0.8, 1.0, 1.5, 2.0]))
    graph = mapper_graph(
        points,
        lens,
        resolution=resolution,
        gain=gain,
        clusterer="dbscan",
        cut=radius,
        min_samples=core,
    )
    clusterer = DBSCAN(eps=radius, min_samples=core)
    assert_same(graph, kepler(points, lens, clusterer, resolution=resolution, gain=gain))


def test_dense_cloud_equals_keplermapper() -> None:
    points = np.random.default_rng(0).normal(size=(1500, 9)) * [3, 2, *[0.5] * 7]
    for core in (1, 3, 40):
        graph = mapper_graph(
            points, points[:, :2], resolution=15, clusterer="dbscan", cut=2.0, min_samples=core
        )
        clusterer = DBSCAN(eps=2.0, min_samples=core)
        assert_same(graph, kepler(points, points[:, :2], clusterer, resolution=15, gain=3.0))


@pytest.mark.parametrize(
    "clusterer",
    [
        AgglomerativeClustering(n_clusters=None, linkage="single", distance_threshold=0.7),
        KMeans(n_clusters=3, n_init=1, random_state=0),
        DBSCAN(eps=0.7, min_samples=4),
    ],
    ids=["single linkage", "k-means", "dbscan"],
)
def test_any_clusterer_equals_keplermapper(clusterer: Any) -> None:
    points = np.random.default_rng(1).normal(size=(200, 3))
    graph = mapper_graph(points, points[:, :2], resolution=6, gain=2.0, clusterer=clusterer)
    assert_same(graph, kepler(points, points[:, :2], clusterer, resolution=6, gain=2.0))


def test_single_linkage_is_dbscan_of_one_and_scikit_learns() -> None:
    points = np.random.default_rng(2).normal(size=(300, 4))
    options: dict[str, Any] = {"resolution": 5, "gain": 2.0}
    ours = mapper_graph(points, points[:, :2], cut=0.8, **options)
    dbscan = mapper_graph(
        points, points[:, :2], clusterer="dbscan", cut=0.8, min_samples=1, **options
    )
    theirs = AgglomerativeClustering(n_clusters=None, linkage="single", distance_threshold=0.8)
    linked = mapper_graph(points, points[:, :2], clusterer=theirs, **options)
    nodes = [frozenset(part.tolist()) for part in ours.members]
    assert nodes == [frozenset(part.tolist()) for part in dbscan.members]
    # cubes of one point are left out where a clusterer does not say how few it takes
    assert {frozenset(part.tolist()) for part in linked.members} <= set(nodes)
    assert {n for n in nodes if len(n) > 1} <= {frozenset(p.tolist()) for p in linked.members}


def test_small_clusters_can_be_left_out() -> None:
    points = np.random.default_rng(3).normal(size=(300, 4))
    whole = mapper_graph(points, points[:, :2], resolution=5, cut=0.8)
    large = mapper_graph(points, points[:, :2], resolution=5, cut=0.8, min_samples=4)
    wanted = [part.tolist() for part in whole.members if len(part) >= 4]
    assert [part.tolist() for part in large.members] == wanted
    assert 0 < large.n_nodes < whole.n_nodes


def test_nerve_is_that_of_the_members() -> None:
    points = np.random.default_rng(4).normal(size=(150, 3))
    graph = mapper_graph(points, points[:, :2], resolution=6, gain=2.5, cut=1.0)
    sets = [set(part.tolist()) for part in graph.members]
    for part in graph.members:
        assert part.tolist() == sorted(set(part.tolist()))
    pairs = [(a, b) for a in range(len(sets)) for b in range(a + 1, len(sets)) if sets[a] & sets[b]]
    assert graph.edges.tolist() == [list(pair) for pair in pairs]
    assert graph.weights.tolist() == [len(sets[a] & sets[b]) for a, b in pairs]
    triples = [
        [a, b, c] for a, b in pairs for c in range(b + 1, len(sets)) if sets[a] & sets[b] & sets[c]
    ]
    assert graph.triangles.tolist() == triples
    np.testing.assert_allclose(
        graph.lens, [points[part, :2].mean(axis=0) for part in graph.members]
    )


def gudhi_betti(n: int, edges: Any, triangles: Any) -> tuple[int, int]:
    tree = gudhi.SimplexTree()
    for simplex in [*([v] for v in range(n)), *edges, *triangles]:
        tree.insert(list(simplex))
    tree.compute_persistence(homology_coeff_field=2, min_persistence=-1, persistence_dim_max=True)
    betti = [*tree.betti_numbers(), 0, 0]
    return betti[0], betti[1]


@pytest.mark.parametrize("trial", range(30))
def test_betti_numbers_of_graphs_equal_gudhis(trial: int) -> None:
    rng = np.random.default_rng(trial)
    points = rng.normal(size=(int(rng.integers(10, 120)), 3))
    graph = mapper_graph(
        points,
        points[:, :2],
        resolution=int(rng.integers(3, 9)),
        gain=float(rng.uniform(1.2, 4)),
        cut=float(rng.uniform(0.4, 1.5)),
    )
    wanted = gudhi_betti(graph.n_nodes, graph.edges, graph.triangles)
    assert (graph.b0, graph.b1) == wanted
    assert graph.cycle_rank == len(graph.edges) - graph.n_nodes + graph.b0


@pytest.mark.parametrize("trial", range(30))
def test_holes_of_random_complexes_equal_gudhis(trial: int) -> None:
    rng = np.random.default_rng(trial)
    n = int(rng.integers(4, 25))
    triples = np.sort([rng.choice(n, 3, replace=False) for _ in range(int(rng.integers(1, 120)))])
    triangles = np.unique(triples, axis=0).astype(np.int64)
    extra = np.sort([rng.choice(n, 2, replace=False) for _ in range(n)])
    sides = [triangles[:, pair] for pair in ([0, 1], [0, 2], [1, 2])]
    edges = np.unique(np.concatenate([*sides, extra]), axis=0).astype(np.int64)
    b1 = _mapper_nerve.hole_count(n, edges, triangles)
    assert b1 == gudhi_betti(n, edges, triangles)[1]


def test_projective_plane_has_a_hole_over_two_elements() -> None:
    faces = (12, 15, 23, 34, 45, 124, 134, 135, 235, 245)  # six vertices, ten triangles
    triangles = np.array([[f // 100, f // 10 % 10, f % 10] for f in faces], dtype=np.int64)
    edges = np.array([(a, b) for a in range(6) for b in range(a + 1, 6)], dtype=np.int64)
    assert _mapper_nerve.hole_count(6, edges, triangles) == 1


def test_clean_circle_has_one_hole_whatever_its_cycle_rank() -> None:
    points = circle(1000)
    graph = mapper_graph(points, points, resolution=30, gain=3.0, cut=0.05)
    clusterer = DBSCAN(eps=0.05, min_samples=1)
    assert_same(graph, kepler(points, points, clusterer, resolution=30, gain=3.0))
    assert graph.cycle_rank > 1400
    assert (graph.b0, graph.b1) == (1, 1)


def test_circle_with_cycle_rank_1510_has_one_hole() -> None:
    rng = np.random.default_rng(0)
    angle = rng.uniform(0, 2 * np.pi, 360)
    points = np.column_stack([np.cos(angle), np.sin(angle)]) + rng.normal(size=(360, 2)) * 0.01
    graph = mapper_graph(points, points, resolution=30, gain=3.0, cut=0.2)
    assert graph.cycle_rank == 1510
    assert (graph.b0, graph.b1) == (1, 1)


def test_known_shapes() -> None:
    rng = np.random.default_rng(5)
    one = circle(400)
    eight = np.concatenate([one - [1, 0], one + np.array([1, 0])])
    assert betti(eight, eight, cut=0.2) == (1, 2)
    two = rng.normal(size=(300, 2)) * 0.1 + np.repeat([[0, 0], [5, 5]], 150, axis=0)
    assert betti(two, two, resolution=10, cut=1.0) == (2, 0)
    a, b = np.meshgrid(*[np.arange(60) * 2 * np.pi / 60] * 2)
    torus = np.column_stack([f(c.ravel()) for c in (a, b) for f in (np.cos, np.sin)])
    ring = torus[:, :2]  # one of its circles: the fibres are circles too, hidden within the nodes
    assert betti(torus, ring, resolution=10, cut=0.3) == (1, 1)
    height = np.column_stack([one[:, 0], np.zeros(400)])
    assert betti(one, height, resolution=10, gain=2.0, cut=0.05) == (1, 1)


def betti(points: Floats, lens: Floats, **options: Any) -> tuple[int, int]:
    graph = mapper_graph(points, lens, **options)
    return graph.b0, graph.b1


def test_lens_of_one_dimension_is_a_lens_with_a_constant() -> None:
    points = np.random.default_rng(6).normal(size=(200, 3))
    values = points[:, 0]
    graphs = [
        mapper_graph(points, lens, resolution=8, cut=0.9)
        for lens in (values, values[:, None], np.column_stack([values, np.full(200, 7.0)]))
    ]
    for graph in graphs:
        np.testing.assert_array_equal(graph.members.values, graphs[0].members.values)
        np.testing.assert_array_equal(graph.edges, graphs[0].edges)
    assert (graphs[0].lens[:, 1] == 0).all()


def held_by_rank(values: Floats, resolution: int, gain: float) -> list[list[int]]:
    """Points of each balanced interval, one rank at a time; each set once, in order."""
    order = np.argsort(values, kind="stable")
    part = Fraction(len(values), resolution)
    found: list[list[int]] = []
    for j in range(resolution):
        middle, half = (j + Fraction(1, 2)) * part, Fraction(gain) * part / 2
        inside = [
            i for i in range(len(values)) if middle - half <= i + Fraction(1, 2) <= middle + half
        ]
        held = np.flatnonzero(np.isin(values, values[order[inside]])).tolist()
        if held and held not in found:
            found.append(held)
    return found


def held_by_cover(values: Floats, *, resolution: int, gain: float) -> list[list[int]]:
    """Points of each interval of the first axis."""
    cover = balanced_cover(values, resolution=resolution, gain=gain)
    assert cover.shape[1] == 1
    assert not cover.first[:, 1].any()
    assert not cover.last[:, 1].any()
    first, last = cover.first[:, 0], cover.last[:, 0]
    return [np.flatnonzero((first <= j) & (j <= last)).tolist() for j in range(cover.shape[0])]


@pytest.mark.parametrize("trial", range(60))
def test_balanced_cover_equals_that_of_ranks_one_by_one(trial: int) -> None:
    rng = np.random.default_rng(trial)
    n = int(rng.integers(1, 70))
    values = rng.choice([rng.exponential(size=n) ** 3, rng.integers(0, 6, n) / 3.0])
    resolution = int(rng.choice([1, 2, 3, 7, 10, 40, 200]))
    gain = float(rng.choice([1.0, 1.5, 2.0, 3.0, 3.25, 8.0]))
    ours = held_by_cover(values, resolution=resolution, gain=gain)
    assert ours == held_by_rank(values, resolution, gain)
    assert set().union(*ours) == set(range(n))


@pytest.mark.parametrize("gain", [1.0, 1.7, 2.0, 3.0, 4.0])
@pytest.mark.parametrize("resolution", [5, 7, 30])
def test_balanced_intervals_hold_equally_many_points(resolution: int, gain: float) -> None:
    values = np.random.default_rng(13).exponential(size=1234) ** 4  # most of it near 0
    part = 1234 / resolution
    held = held_by_cover(values, resolution=resolution, gain=gain)
    counts = np.array([len(part) for part in held])
    places = np.arange(resolution) + 0.5  # of the middles; what is beyond the values is empty
    inside = np.minimum(places + gain / 2, resolution) - np.maximum(places - gain / 2, 0)
    np.testing.assert_allclose(counts, inside * part, atol=1.001)
    lopsided = uniform_cover(values, resolution=30, gain=gain)
    assert np.mean(lopsided.first[:, 0] == 0) > 0.8
    # each value lies in about `gain` intervals
    assert abs(counts.sum() / 1234 - inside.sum() / resolution) < 0.06


def test_balanced_cover_sees_ranks_alone_and_both_axes() -> None:
    lens = np.random.default_rng(14).normal(size=(300, 2))
    cover = balanced_cover(lens, resolution=9, gain=2.5)
    warped = balanced_cover(
        np.column_stack([np.exp(lens[:, 0]), lens[:, 1] ** 3 - 7]), resolution=9, gain=2.5
    )
    assert cover.shape == warped.shape == (9, 9)
    for axis in (0, 1):
        alone = balanced_cover(lens[:, axis], resolution=9, gain=2.5)
        for ours, other, single in (
            (cover.first, warped.first, alone.first),
            (cover.last, warped.last, alone.last),
        ):
            np.testing.assert_array_equal(ours, other)
            np.testing.assert_array_equal(ours[:, axis], single[:, 0])
    assert uniform_cover(lens, resolution=9, gain=2.5).first.tolist() != cover.first.tolist()


def test_equal_lens_values_lie_in_the_same_balanced_cubes() -> None:
    rng = np.random.default_rng(15)
    values = np.where(rng.uniform(size=500) < 0.5, 0.0, rng.uniform(0.1, 1, 500))  # half are zero
    values[values == 0] *= rng.choice([-1, 1], (values == 0).sum())  # -0 is 0
    cover = balanced_cover(values, resolution=20, gain=3.0)
    tied = values == 0
    assert len(np.unique(cover.first[tied, 0])) == len(np.unique(cover.last[tied, 0])) == 1
    # without copies of its interval; and it still meets the values next to it
    assert cover.counts[tied][0] <= 4
    assert cover.last[tied, 0][0] >= cover.first[np.argmin(values + tied), 0]
    few = balanced_cover(np.array([2.0, 1, 1, 5, 2, 1, 1]), resolution=4, gain=1.0)
    assert few.counts.min() >= 1
    assert few.first[1].tolist() == few.first[6].tolist()


def test_balanced_cover_of_constants_of_one_interval_and_of_nothing() -> None:
    for lens in (np.full(50, 3.0), np.full((50, 2), -1.0), np.zeros((1, 2))):
        cover = balanced_cover(lens, resolution=30, gain=3.0)
        assert cover.shape == (1, 1)
        assert (cover.counts == 1).all()
    one = balanced_cover(np.random.default_rng(16).normal(size=(40, 2)), resolution=1, gain=1.0)
    assert one.shape == (1, 1)
    assert (one.counts == 1).all()
    assert balanced_cover(np.zeros((0, 2))).counts.shape == (0,)


def test_a_circle_has_one_hole_in_either_cover() -> None:
    rng = np.random.default_rng(17)
    angle = rng.vonmises(0.5, 1.0, 1500)  # crowded on one side
    points = np.column_stack([np.cos(angle), np.sin(angle)]) + rng.normal(size=(1500, 2)) * 0.02
    for lens in (points, np.column_stack([np.cos(angle), np.sin(angle)]), points[:, 0]):
        for cover in ("uniform", "balanced"):
            found = betti(points, lens, cover=cover, resolution=8, gain=2.5, cut=0.25)
            assert found == (1, 1), cover


def test_cover_is_taken_by_name() -> None:
    points = np.random.default_rng(18).normal(size=(200, 3))
    options: dict[str, Any] = {"resolution": 7, "gain": 2.0}
    for name, make in (("uniform", uniform_cover), ("balanced", balanced_cover)):
        named = mapper_graph(points, points[:, :2], cover=name, **options)
        given = cover_graph(points, points[:, :2], make(points[:, :2], **options))
        np.testing.assert_array_equal(named.members.values, given.members.values)
        np.testing.assert_array_equal(named.edges, given.edges)
    default = mapper_graph(points, points[:, :2], **options)
    assert (
        default.n_nodes == mapper_graph(points, points[:, :2], cover="uniform", **options).n_nodes
    )
    assert default.n_nodes != named.n_nodes


def test_default_cut_scales_with_the_cloud_and_stands_duplicates() -> None:
    points = np.random.default_rng(7).normal(size=(500, 5))
    cut = cut_distance(points)
    assert cut_distance(points * 1e6) == pytest.approx(cut * 1e6)
    distances = np.sort(squareform(pdist(points)), axis=1)[:, 5]
    assert cut == pytest.approx(1.3 * np.quantile(distances, 0.9))
    few = np.repeat(points[:20], 50, axis=0)
    assert cut_distance(few) == pytest.approx(cut_distance(points[:20]))
    assert cut_distance(few) > 0
    assert cut_distance(np.ones((10, 3))) > 0
    assert cut_distance(np.zeros((0, 3))) > 0
    default = mapper_graph(points, points[:, :2], resolution=5)
    stated = mapper_graph(points, points[:, :2], resolution=5, cut=cut)
    np.testing.assert_array_equal(default.members.values, stated.members.values)


def test_variance_normalised_metric() -> None:
    points = np.random.default_rng(8).normal(size=(200, 4)) * [1, 10, 100, 0] + [0, 0, 0, 5]
    lens = points[:, :2]
    cut = cut_distance(points, metric="variance_normalised")
    graph = mapper_graph(points, lens, resolution=5, metric="variance_normalised")
    scaled = points[:, :3] / points[:, :3].std(axis=0)
    wanted = mapper_graph(scaled, lens, resolution=5, cut=cut)
    np.testing.assert_array_equal(graph.members.values, wanted.members.values)
    assert graph.n_nodes != mapper_graph(points, lens, resolution=5, cut=cut).n_nodes


def test_positions_are_near_the_lens_and_repeatable() -> None:
    points = np.random.default_rng(9).normal(size=(800, 3)) * [2, 1, 0.5]
    graph = mapper_graph(points, points[:, :2], resolution=12)
    again = mapper_graph(points, points[:, :2], resolution=12)
    np.testing.assert_array_equal(graph.positions, again.positions)
    extent = np.ptp(graph.lens, axis=0).max()
    home = (graph.lens - (graph.lens.min(axis=0) + graph.lens.max(axis=0)) / 2) / extent + 0.5
    assert np.abs(graph.positions - home).max() < 0.06
    radii = np.minimum(
        np.sqrt(0.1 * graph.members.lengths / graph.members.lengths.sum() / np.pi), 0.02
    )

    def overlap(positions: Floats) -> float:
        gaps = squareform(pdist(positions)) - radii[:, None] - radii
        return float(-np.minimum(gaps[np.triu_indices(len(gaps), 1)], 0).sum())

    assert overlap(graph.positions) < 0.7 * overlap(home)


def test_kmapper_takes_the_graph() -> None:
    points = circle(300)
    graph = mapper_graph(points, points, resolution=6, gain=2.0, cut=0.1)
    exported = graph.to_kmapper()
    theirs = to_networkx(exported)
    assert theirs.number_of_nodes() == graph.n_nodes
    assert theirs.number_of_edges() == len(graph.edges)
    assert exported["nodes"]["node0"] == graph.members[0].tolist()
    assert len(exported["simplices"]) == graph.n_nodes + len(graph.edges) + len(graph.triangles)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        html = kmapper.KeplerMapper().visualize(exported, save_file=False, title="A circle")
    assert "A circle" in html
    assert "node0" in html


def test_clouds_without_structure() -> None:
    empty = mapper_graph(np.zeros((0, 9)), np.zeros((0, 2)))
    assert (empty.n_nodes, empty.b0, empty.b1, empty.cycle_rank) == (0, 0, 0, 0)
    assert empty.triangles.shape == (0, 3)
    one = mapper_graph(np.ones((1, 9)), np.ones((1, 2)))
    assert (one.n_nodes, one.b0, one.b1) == (1, 1, 0)
    equal = mapper_graph(np.ones((50, 9)), np.ones((50, 2)))
    assert [part.tolist() for part in equal.members] == [list(range(50))]
    noise = mapper_graph(circle(10), circle(10), clusterer="dbscan", cut=1e-3)
    assert (noise.n_nodes, noise.b0, noise.b1) == (0, 0, 0)
    bare = mapper_graph(np.zeros((5, 0)), np.arange(5.0), resolution=2)
    assert (bare.b0, bare.b1) == (1, 0)
    lonely = mapper_graph(circle(3), circle(3), clusterer=KMeans(n_clusters=5, n_init=1))
    assert lonely.n_nodes == 0


def test_far_from_the_origin_neighbours_are_still_exact() -> None:
    points = np.random.default_rng(10).normal(size=(400, 3))
    points[0] = 1e7  # coarse float32 coordinates for all the others
    graph = mapper_graph(points, points[:, 1], resolution=3, cut=0.5)
    labels = DBSCAN(eps=0.5, min_samples=1).fit_predict(points)
    assert graph.b0 == len(set(labels))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"resolution": 0}, "resolution"),
        ({"resolution": 2.5}, "resolution"),
        ({"resolution": 10**6}, "resolution"),
        ({"gain": 0.9}, "gain"),
        ({"gain": np.nan}, "gain"),
        ({"cut": 0.0}, "cut"),
        ({"cut": np.inf}, "cut"),
        ({"cut": np.nan}, "cut"),
        ({"min_samples": 0}, "min_samples"),
        ({"clusterer": "ward"}, "clusterer"),
        ({"clusterer": 3}, "clusterer"),
        ({"clusterer": KMeans(), "cut": 1.0}, "clusterer"),
        ({"metric": "cosine"}, "metric"),
        ({"cover": "ball"}, "cover"),
        ({"cover": "balanced", "resolution": 0}, "resolution"),
        ({"cover": "balanced", "gain": 0.9}, "gain"),
    ],
)
def test_bad_options_are_named(options: dict[str, Any], words: str) -> None:
    with pytest.raises(AnalysisError, match=words):
        mapper_graph(circle(20), circle(20), **options)


def test_bad_clouds_are_named() -> None:
    good = circle(20)
    bad = good.copy()
    bad[3, 1] = np.nan
    for points, lens, words in (
        (bad, good, "points"),
        (good, bad, "lens"),
        (good, good[:10], "lens"),
        (good, np.zeros((20, 3)), "lens"),
        (good.ravel(), np.zeros(40), "points"),
    ):
        with pytest.raises(AnalysisError, match=words):
            mapper_graph(points, lens)
    with pytest.raises(AnalysisError, match="cover"):
        cover_graph(good, good, uniform_cover(good[:10]))


def test_failing_clusterer_is_named() -> None:
    with pytest.raises(AnalysisError, match="AgglomerativeClustering"):
        mapper_graph(
            circle(20), circle(20), resolution=3, clusterer=AgglomerativeClustering(n_clusters=None)
        )


def test_nerves_beyond_the_caps_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    points = np.random.default_rng(11).normal(size=(300, 2))
    count = len(mapper_graph(points, points, resolution=20, gain=4.0).triangles)
    monkeypatch.setattr(_mapper_build, "MAX_TRIANGLES", count)
    assert len(mapper_graph(points, points, resolution=20, gain=4.0).triangles) == count
    monkeypatch.setattr(_mapper_build, "MAX_TRIANGLES", count - 1)
    with pytest.raises(AnalysisError, match="triangles"):
        mapper_graph(points, points, resolution=20, gain=4.0)
    monkeypatch.setattr(_mapper_build, "MAX_MEETINGS", 1000)
    with pytest.raises(AnalysisError, match="cubes"):
        mapper_graph(points, points, resolution=20, gain=4.0)


def test_graph_checks_its_shapes() -> None:
    none = np.zeros((0, 2), np.int64)
    with pytest.raises(ValueError, match="weights"):
        MapperGraph(
            members=Ragged.of([[0]]),
            edges=none,
            triangles=np.zeros((0, 3), np.int64),
            weights=np.ones(1, np.int64),
            lens=np.zeros((1, 2)),
            positions=np.zeros((1, 2)),
        )


def test_nothing_compiles_after_warm() -> None:
    mapper.warm()
    values = [*vars(_mapper_nerve).values(), *vars(_mapper_kernels).values()]
    kernels = [value for value in values if hasattr(value, "signatures")]
    before = [len(k.signatures) for k in kernels]
    points: Any = np.random.default_rng(12).normal(size=(500, 7)).astype(np.float32)
    graph = mapper_graph(points, points[:, 0], resolution=5)
    assert graph.b0 >= 1
    assert graph.b1 >= 0
    assert [len(k.signatures) for k in kernels] == before
    assert sum(before) >= 8
