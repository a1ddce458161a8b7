"""Mapper: a cloud of points as the nerve of the clusters in a cover of its lens."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from analysis import _mapper_build as build
from analysis import _mapper_nerve as nerve
from analysis._mapper_build import node_radii
from analysis._mapper_clusters import Clusterer, cut_distance, scaled
from analysis._mapper_cover import Cover, balanced_cover, lens_plane, uniform_cover
from analysis._mapper_search import Floats, Ints
from analysis.errors import AnalysisError
from analysis.ragged import Ragged

__all__ = [
    "Cover",
    "MapperGraph",
    "balanced_cover",
    "cover_graph",
    "cut_distance",
    "mapper_graph",
    "node_radii",
    "uniform_cover",
]

COVERS = {"uniform": uniform_cover, "balanced": balanced_cover}


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
        edges, triangles, n = _maximal(self)
        b1 = nerve.hole_count(n, edges, triangles)
        if b1 < 0:
            msg = (
                f"b₁ of {len(triangles)} triangles needs more than {nerve.MAX_STORED} entries: "
                "lower the gain or the resolution"
            )
            raise AnalysisError(msg)
        return b1

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


def _maximal(graph: MapperGraph) -> tuple[Ints, Ints, int]:
    """Edges, triangles and number of the nodes that lie in no other node.

    If the points of ``a`` all lie in ``b``, every simplex with ``a`` can take in ``b``: leaving
    ``a`` out is a strong collapse, which keeps the homotopy type of the nerve.
    """
    sizes = graph.members.lengths
    a, b = graph.edges.T
    kept = np.ones(graph.n_nodes, dtype=bool)
    kept[b[graph.weights == sizes[b]]] = False  # of equal nodes the first stays
    kept[a[(graph.weights == sizes[a]) & (sizes[a] < sizes[b])]] = False
    number = np.cumsum(kept) - 1
    edges = number[graph.edges[kept[graph.edges].all(axis=1)]]
    triangles = number[graph.triangles[kept[graph.triangles].all(axis=1)]]
    return edges, triangles, int(kept.sum())


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
        triangles=build.triangles_of(incidence, edges),
        weights=pairs.data.astype(np.int64),
        lens=lens,
        positions=build.draw(lens, sizes),
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
    build.check_size(cover, len(values))
    nodes = build.find_nodes(values, cover, clusterer=clusterer, cut=cut, min_samples=min_samples)
    smallest = (min_samples or 1) if clusterer == "single_linkage" else 1
    return _assemble(build.incidence_matrix(nodes, len(values), smallest), plane)


def mapper_graph(  # noqa: PLR0913 - Mapper has as many choices
    points: Floats,
    lens: Floats,
    *,
    cover: str = "uniform",
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
    cover : {"uniform", "balanced"}
        Intervals of equal length, see :func:`uniform_cover`, or of equally many points, see
        :func:`balanced_cover`.
    resolution, gain : int, float
        Of the cover. In KeplerMapper's terms the uniform one is
        ``Cover(n_cubes=resolution, perc_overlap=1 - 1 / gain)``.
    clusterer : {"single_linkage", "dbscan"} or object with fit_predict
        How the points of a cube become nodes. For an object, such as a scikit-learn clusterer,
        negative labels are noise and cubes with fewer points than its ``n_clusters``,
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
        With DBSCAN and the uniform cover, nodes and edges are KeplerMapper's (for the same
        parameters).

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
    if cover not in COVERS:
        msg = f"cover must be one of {sorted(COVERS)}, got {cover!r}"
        raise AnalysisError(msg)
    return cover_graph(
        points,
        lens,
        COVERS[cover](lens, resolution=resolution, gain=gain),
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
