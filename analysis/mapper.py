"""Mapper: a cloud of points as the nerve of the clusters in a cover of its lens."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.spatial import cKDTree

from analysis import _mapper_nerve as nerve
from analysis._mapper_clusters import Clusterer, Nodes, cut_distance, linked, predicted, scaled
from analysis._mapper_cover import Cover, lens_plane, uniform_cover
from analysis.errors import AnalysisError
from analysis.ragged import Ragged

__all__ = ["Cover", "MapperGraph", "cover_graph", "cut_distance", "mapper_graph", "uniform_cover"]

MAX_TRIANGLES = 5_000_000
MAX_MEETINGS = 200_000_000  # pairs of cubes that share a point, counted point by point
CORE = {"single_linkage": 1, "dbscan": 3}  # min_samples where none is given

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class MapperGraph:
    """Nerve of the clusters in a cover, up to triangles.

    Attributes
    ----------
    members : Ragged
        Points of each node, ascending. Nodes are ordered by cube.
    edges : ndarray of int64, shape (m, 2)
        Nodes ``a < b`` with a common point, in lexicographic order.
    triangles : ndarray of int64, shape (t, 3)
        Nodes ``a < b < c`` with a point common to all three, in lexicographic order.
    weights : ndarray of int64, shape (m,)
        Number of common points of each edge.
    lens : ndarray of float64, shape (n_nodes, 2)
        Mean lens value of the members; the second column is zero for a lens of one dimension.
    positions : ndarray of float64, shape (n_nodes, 2)
        Where to draw the node: its lens value scaled to the unit box with the aspect kept, moved a
        little where discs of area proportional to the number of members would overlap.
    """

    members: Ragged
    edges: Ints
    triangles: Ints
    weights: Ints
    lens: Floats
    positions: Floats

    def __post_init__(self) -> None:
        """Check that shapes agree.

        Raises
        ------
        ValueError
            If they do not.
        """
        m, t = len(self.edges), len(self.triangles)
        shapes = {
            "edges": (self.edges.shape, (m, 2)),
            "triangles": (self.triangles.shape, (t, 3)),
            "weights": (self.weights.shape, (m,)),
            "lens": (self.lens.shape, (self.n_nodes, 2)),
            "positions": (self.positions.shape, (self.n_nodes, 2)),
        }
        for name, (got, wanted) in shapes.items():
            if got != wanted:
                msg = f"{name} of a graph with {self.n_nodes} nodes has shape {got}, not {wanted}"
                raise ValueError(msg)

    @property
    def n_nodes(self) -> int:
        """Number of nodes."""
        return len(self.members)

    @property
    def b0(self) -> int:
        """Number of connected components."""
        return self.n_nodes - int(nerve.spanning_forest(self.n_nodes, self.edges).sum())

    @property
    def cycle_rank(self) -> int:
        """Independent cycles of nodes and edges alone: mostly overlaps of cubes, not b₁."""
        return len(self.edges) - self.n_nodes + self.b0

    @property
    def b1(self) -> int:
        """Holes of the nerve over Z/2: independent cycles that no triangles fill.

        Computed at each call, in time about linear in the triangles.

        Raises
        ------
        AnalysisError
            If the elimination grows beyond all bounds.
        """
        loose = np.flatnonzero(~nerve.spanning_forest(self.n_nodes, self.edges))
        columns = nerve.coboundary(_sides(self), len(self.edges))
        rank = int(nerve.coboundary_rank(columns, loose, len(self.triangles)))
        if rank < 0:
            msg = (
                f"b₁ of {len(self.triangles)} triangles needs more than {nerve.MAX_STORED} entries: "
                "lower the gain or the resolution"
            )
            raise AnalysisError(msg)
        return len(loose) - rank

    def to_kmapper(self) -> dict[str, Any]:
        """Give the graph in the format of ``kmapper.KeplerMapper.map``."""
        names = [f"node{i}" for i in range(self.n_nodes)]
        links: dict[str, list[str]] = {}
        for a, b in self.edges.tolist():
            links.setdefault(names[a], []).append(names[b])
        simplices = [*self.edges.tolist(), *self.triangles.tolist()]
        return {
            "nodes": {name: part.tolist() for name, part in zip(names, self.members, strict=True)},
            "links": links,
            "simplices": [[v] for v in names] + [[names[i] for i in s] for s in simplices],
            "meta_data": {"n_nodes": self.n_nodes, "b0": self.b0, "b1": self.b1},
            "meta_nodes": {},
        }


def _sides(graph: MapperGraph) -> Ints:
    """Numbers of the three edges of every triangle, shape (t, 3)."""
    a, b, c = graph.triangles.T
    keys = graph.edges @ np.array([graph.n_nodes, 1])
    ends = np.column_stack([a, a, b]) * graph.n_nodes + np.column_stack([b, c, c])
    return np.searchsorted(keys, ends)


def _check_size(cover: Cover) -> None:
    meetings = int((cover.counts**2).sum())
    if meetings > MAX_MEETINGS:
        msg = (
            f"a point lies in up to {cover.counts.max()} cubes, {meetings} pairs of cubes over all "
            f"points (at most {MAX_MEETINGS}): lower the gain or the resolution, or draw fewer points"
        )
        raise AnalysisError(msg)


def _find_nodes(
    points: Floats, cover: Cover, clusterer: str | Clusterer, cut: float | None, least: int | None
) -> Nodes:
    """Points and nodes, pair by pair, by the clusterer asked for."""
    if isinstance(clusterer, str):
        if clusterer not in CORE:
            msg = f"clusterer must be one of {sorted(CORE)} or have fit_predict, got {clusterer!r}"
            raise AnalysisError(msg)
        least = CORE[clusterer] if least is None else least
        radius = cut_distance(points) if cut is None else float(cut)
        if not (np.isfinite(radius) and radius > 0) or least < 1:
            msg = f"cut must be positive and min_samples at least 1, got {cut!r} and {least!r}"
            raise AnalysisError(msg)
        return linked(points, cover, radius, least if clusterer == "dbscan" else 1)
    if cut is not None:
        msg = f"cut is for single_linkage and dbscan, {clusterer!r} has its own parameters"
        raise AnalysisError(msg)
    return predicted(points, cover, clusterer)


def _incidence(nodes: Nodes, n: int, min_size: int) -> sparse.csr_matrix:
    """Nodes by points, 1 where the node has the point; nodes of fewer points left out."""
    point, node = nodes
    shape = (int(node.max(initial=-1)) + 1, n)
    matrix = sparse.csr_matrix((np.ones(len(node), np.int32), (node, point)), shape=shape)
    matrix.sort_indices()
    return matrix if min_size == 1 else matrix[np.diff(matrix.indptr) >= min_size]


def _triangles(incidence: sparse.csr_matrix, edges: Ints) -> Ints:
    owners = incidence.T.tocsr()
    members = nerve.Rows(incidence.indptr.astype(np.int64), incidence.indices.astype(np.int64))
    nodes = nerve.Rows(owners.indptr.astype(np.int64), owners.indices.astype(np.int64))
    starts = np.searchsorted(edges[:, 0], np.arange(incidence.shape[0] + 1))
    higher = nerve.Rows(starts.astype(np.int64), np.ascontiguousarray(edges[:, 1]))
    triangles: Ints = nerve.find_triangles(members, nodes, higher, MAX_TRIANGLES)
    if len(triangles) > MAX_TRIANGLES:
        msg = (
            f"the nerve has more than {MAX_TRIANGLES} triangles ({incidence.shape[0]} nodes, "
            f"{len(edges)} edges): lower the gain or the resolution, or raise min_samples"
        )
        raise AnalysisError(msg)
    return triangles


def _positions(lens: Floats, sizes: Ints) -> Floats:
    """Lens values in the unit box, overlapping nodes nudged apart."""
    if len(lens) == 0:
        return lens
    extent = float(np.ptp(lens, axis=0).max()) or 1.0
    home = (lens - (lens.min(axis=0) + lens.max(axis=0)) / 2) / extent + 0.5
    radii = np.minimum(np.sqrt(0.1 * sizes / sizes.sum() / np.pi), 0.02)
    # nodes at one place, or on the line of a one-dimensional lens, need a direction to part in
    turn = np.arange(len(lens)) * np.pi * (3 - np.sqrt(5))
    home = home + 0.01 * radii[:, None] * np.column_stack([np.cos(turn), np.sin(turn)])
    pairs = cKDTree(home).query_pairs(2 * radii.max(), output_type="ndarray")
    near = np.linalg.norm(home[pairs[:, 0]] - home[pairs[:, 1]], axis=1)
    pairs = pairs[near < 1.5 * radii[pairs].sum(axis=1)].astype(np.int64)
    moved: Floats = nerve.relax(home, radii, pairs[np.lexsort(pairs.T[::-1])], 8)
    return moved


def _assemble(incidence: sparse.csr_matrix, plane: Floats) -> MapperGraph:
    """Edges, triangles and drawing of the nodes."""
    shared = sparse.triu(incidence @ incidence.T, k=1, format="csr")
    shared.sort_indices()
    pairs = shared.tocoo()
    edges = np.column_stack([pairs.row, pairs.col]).astype(np.int64)
    offsets = incidence.indptr.astype(np.int64)
    sizes = np.diff(offsets)
    lens = np.asarray(incidence @ plane) / sizes[:, None]
    return MapperGraph(
        members=Ragged(incidence.indices.astype(np.int64), offsets),
        edges=edges,
        triangles=_triangles(incidence, edges),
        weights=pairs.data.astype(np.int64),
        lens=lens,
        positions=_positions(lens, sizes),
    )


def cover_graph(
    points: Floats,
    lens: Floats,
    cover: Cover,
    *,
    clusterer: str | Clusterer = "single_linkage",
    cut: float | None = None,
    min_samples: int | None = None,
    metric: str = "euclidean",
) -> MapperGraph:
    """Mapper graph of a given cover; see :func:`mapper_graph` for the rest.

    Raises
    ------
    AnalysisError
        If an argument is not as described there.
    """
    values = scaled(points, metric)
    plane = lens_plane(lens, len(values))
    _check_size(cover)
    if len(values) == 0:
        nodes = np.zeros(0, np.int64), np.zeros(0, np.int64)
    else:
        nodes = _find_nodes(values, cover, clusterer, cut, min_samples)
    smallest = (min_samples or 1) if clusterer == "single_linkage" else 1
    return _assemble(_incidence(nodes, len(values), smallest), plane)


def mapper_graph(
    points: Floats,
    lens: Floats,
    *,
    resolution: int = 30,
    gain: float = 3.0,
    clusterer: str | Clusterer = "single_linkage",
    cut: float | None = None,
    min_samples: int | None = None,
    metric: str = "euclidean",
) -> MapperGraph:
    """Mapper graph of a cloud: clusters in overlapping cubes of a lens, and their nerve.

    Parameters
    ----------
    points : ndarray of float, shape (n, d)
        The cloud; finite.
    lens : ndarray of float, shape (n,), (n, 1) or (n, 2)
        Lens values; finite.
    resolution, gain : int, float
        The uniform cover, see :func:`uniform_cover`. In KeplerMapper's terms
        ``Cover(n_cubes=resolution, perc_overlap=1 - 1 / gain)``.
    clusterer : {"single_linkage", "dbscan"} or object with fit_predict
        How the points of a cube become nodes. For an object, such as a scikit-learn clusterer, negative
        labels are noise and cubes with fewer points than its ``n_clusters``,
        ``min_cluster_size`` or ``min_samples`` (else 2) are left out, as in KeplerMapper.
    cut : float, optional
        Single linkage: the distance at which clusters are no longer joined. DBSCAN: eps. A distance
        of ``metric``; by default :func:`cut_distance` of the cloud.
    min_samples : int, optional
        DBSCAN: neighbours, itself included, that make a point core; by default 3. Single linkage:
        points that make a cluster a node; by default 1, which keeps all.
    metric : {"euclidean", "variance_normalised"}
        Distance of the clustering. The second divides every coordinate by its standard deviation
        over the cloud and ignores those that do not vary.

    Returns
    -------
    MapperGraph
        With DBSCAN, nodes and edges are KeplerMapper's (for the same cover and parameters).

    Raises
    ------
    AnalysisError
        If an argument is not as described, or the nerve would be too large; the message says which
        and what to change.

    References
    ----------
    Singh, Mémoli, Carlsson (2007), Topological methods for the analysis of high dimensional data
    sets and 3D object recognition, sections 3 and 5.

    Examples
    --------
    >>> angle = np.linspace(0, 2 * np.pi, 500, endpoint=False)
    >>> circle = np.column_stack([np.cos(angle), np.sin(angle)])
    >>> graph = mapper_graph(circle, circle, resolution=10, gain=2.0, cut=0.1)
    >>> graph.b0, graph.b1
    (1, 1)
    """
    cover = uniform_cover(lens, resolution=resolution, gain=gain)
    return cover_graph(
        points,
        lens,
        cover,
        clusterer=clusterer,
        cut=cut,
        min_samples=min_samples,
        metric=metric,
    )


def warm() -> None:
    """Run every compiled kernel once on a tiny cloud, so that none compiles in a request."""
    angle = np.linspace(0, 2 * np.pi, 100)
    circle = np.column_stack([np.cos(angle), np.sin(angle)])
    mapper_graph(circle, circle, resolution=4, clusterer="dbscan", cut=0.2).to_kmapper()
