"""Spanning forests, and the components of a graph's superlevel filtration."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis._induced_forest import elder_rule, forest
from analysis._induced_types import Generators, InducedGraph
from analysis.errors import AnalysisError
from analysis.ragged import Ragged


def spanning_forest(edges: ArrayLike, weights: ArrayLike, *, n_vertices: int) -> NDArray[np.int64]:
    """Find the maximum spanning forest: Kruskal for the heaviest edges, Borůvka for the rest.

    Parameters
    ----------
    edges : array_like of int, shape (m, 2)
        Vertices from 0 to ``n_vertices - 1``; the direction does not matter.
    weights : array_like of float, shape (m,)
        From 0; compared in single precision.
    n_vertices : int

    Returns
    -------
    ndarray of int64, shape (at most n_vertices - 1,)
        Rows of the edges chosen, the heaviest first; of equal edges the first rows are taken.

    Raises
    ------
    AnalysisError
        If the shapes do not agree, an edge names no vertex, or a weight is below 0 or not finite.

    References
    ----------
    V. Osipov, P. Sanders, J. Singler, "The filter-Kruskal minimum spanning tree algorithm",
    ALENEX (2009), which this varies.
    """
    ends = np.ascontiguousarray(edges, dtype=np.int32)
    heights = np.ascontiguousarray(weights, dtype=np.float32)
    if heights.ndim != 1 or ends.shape != (len(heights), 2):
        msg = f"edges {ends.shape} and weights {heights.shape} must be of shapes (m, 2) and (m,)"
        raise AnalysisError(msg)
    if len(heights) == 0:
        return np.zeros(0, np.int64)
    # of NaN both are NaN
    if not (heights.min() >= 0 and heights.max() < np.inf):
        msg = f"weights from {heights.min()} to {heights.max()} must be finite and not below 0"
        raise AnalysisError(msg)
    if ends.min() < 0 or ends.max() >= n_vertices:
        msg = f"edges name the vertices {ends.min()} to {ends.max()} of n_vertices={n_vertices}"
        raise AnalysisError(msg)
    return np.asarray(forest(ends, heights, n_vertices))


def generators(graph: InducedGraph, *, most: int | None = None) -> Generators:
    """Find the generators of H₀ of a graph's superlevel filtration, by the elder rule.

    Edges come from the heaviest down, and a vertex with its heaviest edge. Of two components that
    merge the one that was born later (at the lower weight) dies, of two born at one weight the one
    whose oldest vertex has the larger number; the merging edge belongs to the survivor. Of several
    merging at one weight one survives, and all those edges are its own. Components that
    die as they are born are none; what they gathered is the survivor's.

    Parameters
    ----------
    graph : InducedGraph
    most : int, optional
        Keep so many, the longest-lived. None: all.

    Returns
    -------
    Generators
        None for a graph without edges. Ties by vertex.

    Raises
    ------
    AnalysisError
        If ``most`` is below 1.

    References
    ----------
    T. Gebhart, P. Schrater, A. Hylton, "Characterizing the shape of activation space in deep
    neural networks", ICMLA (2019), arXiv:1901.09496, section III. H. Edelsbrunner, J. Harer,
    "Computational topology" (2010), section VII.1: the elder rule.
    """
    if most is not None and most < 1:
        msg = f"most={most} must be at least 1"
        raise AnalysisError(msg)
    rows = np.asarray(forest(graph.edges, graph.weights, graph.n_vertices))
    return _by_elder_rule(graph, rows, most)


def _by_elder_rule(graph: InducedGraph, rows: NDArray[np.int64], most: int | None) -> Generators:
    """Follow components of a graph whose spanning forest is known, the heaviest edge first."""
    tree = graph.edges[rows], graph.weights[rows]
    birth, death, into, owner = elder_rule(*tree, graph.n_vertices)
    born = np.flatnonzero(birth > death)
    lifetime = birth[born].astype(np.float64) - death[born]
    order = born[np.argsort(-lifetime, kind="stable")]
    kept = order[:most]
    place = np.full(graph.n_vertices + 1, -1, np.int64)  # the last for "into none"
    place[kept] = np.arange(len(kept))
    mine = place[owner]
    gathered = np.argsort(mine, kind="stable")[np.count_nonzero(mine < 0) :]
    offsets = np.zeros(len(kept) + 1, np.int64)
    np.cumsum(np.bincount(mine[mine >= 0], minlength=len(kept)), out=offsets[1:])
    return Generators(
        births=birth[kept],
        deaths=death[kept],
        essential=into[kept] < 0,
        vertices=kept,
        survivors=place[into[kept]],
        edges=Ragged(rows[gathered], offsets),
        n_all=len(order),
    )
