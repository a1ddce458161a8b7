"""Loops of an induced graph, and which triangles fill them; the only place that calls pyflagser."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix, csr_array

from analysis._induced_generators import spanning_forest
from analysis._induced_types import InducedGraph, Loops
from analysis.errors import AnalysisError

TRIANGLES = 2_000_000


def loops(graph: InducedGraph, *, most_edges: int = 20_000) -> Loops:
    """Compute H₁ of the flag complex of a graph, filtered from the heaviest edge on.

    A vertex comes with its heaviest edge, a triangle with the lightest of its three. There are
    triangles only where connections skip a layer. Without any, a loop closes with every
    edge that is not in the spanning forest and is never filled, whatever the size of the graph.
    The lifetime of such a loop is its birth. Of parallel edges the heaviest counts.

    Parameters
    ----------
    graph : InducedGraph
    most_edges : int
        Largest graph with triangles that is computed.

    Returns
    -------
    Loops

    Raises
    ------
    AnalysisError
        If there are triangles and more edges, or more than 2,000,000 triangles.

    References
    ----------
    D. Lütgehetmann, D. Govc, J. P. Smith, R. Levi, "Computing persistent homology of directed flag
    complexes", Algorithms 13 (2020).
    """
    edges, weights = _simple(graph)
    if _is_layered(graph, edges):
        return _unfilled(graph, edges, weights)
    if len(edges) > most_edges:
        msg = (
            f"the graph has {len(edges):,} edges and connections that skip layers; its loops are "
            f"computed up to most_edges={most_edges:,}: keep the heaviest with sparsified(graph, "
            f"most={most_edges:,})"
        )
        raise AnalysisError(msg)
    matrix = csr_array(
        (np.ones(len(edges), np.int64), (edges[:, 0], edges[:, 1])),
        shape=(graph.n_vertices, graph.n_vertices),
    )
    n_triangles = int((matrix @ matrix).multiply(matrix).sum())
    if n_triangles == 0:
        return _unfilled(graph, edges, weights)
    if n_triangles > TRIANGLES:
        msg = (
            f"the graph has {n_triangles:,} triangles, its loops are computed up to "
            f"{TRIANGLES:,}: keep fewer edges with sparsified(graph, most={len(edges) // 2:,})"
        )
        raise AnalysisError(msg)
    return _filled(edges, weights, n_triangles)


def _simple(graph: InducedGraph) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Edges from the lower vertex to the higher, the heaviest of parallel ones, by vertices."""
    ends = np.sort(graph.edges.astype(np.int64), axis=1)
    code = ends[:, 0] * graph.n_vertices + ends[:, 1]
    order = np.lexsort((-graph.weights, code))
    first = np.ones(len(code), np.bool_)
    first[1:] = np.diff(code[order]) > 0
    return ends[order[first]], graph.weights[order[first]]


def _is_layered(graph: InducedGraph, edges: NDArray[np.int64]) -> bool:
    """Whether no layers that are two steps apart are also one step apart."""
    joined = {(int(a), int(b)) for a, b in np.unique(graph.layer_of(edges), axis=0)}
    return not any((a, c) in joined for a, b in joined for b2, c in joined if b == b2)


def _unfilled(graph: InducedGraph, edges: NDArray[np.int64], weights: NDArray[np.float32]) -> Loops:
    """Loops of a graph without triangles: one for every edge that closes one."""
    closing = np.ones(len(edges), np.bool_)
    closing[spanning_forest(edges, weights, n_vertices=graph.n_vertices)] = False
    births = -np.sort(-weights[closing])
    return Loops(births, np.zeros_like(births), np.ones(len(births), np.bool_), 0)


def _filled(edges: NDArray[np.int64], weights: NDArray[np.float32], n_triangles: int) -> Loops:
    """Bars by pyflagser, which wants rising values: ranks, of which none is rounded."""
    from pyflagser import flagser_weighted  # type: ignore[import-untyped]

    vertices, ends = np.unique(edges, return_inverse=True)
    ends = ends.reshape(-1, 2)
    heights = np.unique(weights)[::-1]  # the heaviest has rank 1
    rank = 1 + np.searchsorted(-heights, -weights)
    born = np.full(len(vertices), len(heights) + 1)
    np.minimum.at(born, ends.ravel(), np.repeat(rank, 2))
    every = np.arange(len(vertices))
    values = np.concatenate([born, rank]).astype(np.float64)
    rows, cols = np.concatenate([every, ends[:, 0]]), np.concatenate([every, ends[:, 1]])
    n = len(vertices)
    found = flagser_weighted(
        coo_matrix((values, (rows, cols)), shape=(n, n)), max_dimension=1, directed=True
    )
    bars = np.asarray(found["dgms"][1], dtype=np.float64).reshape(-1, 2)
    essential = ~np.isfinite(bars[:, 1])
    births = heights[bars[:, 0].astype(np.int64) - 1]
    deaths = np.zeros_like(births)
    deaths[~essential] = heights[bars[~essential, 1].astype(np.int64) - 1]
    order = np.lexsort((-births, deaths - births.astype(np.float64)))
    return Loops(births[order], deaths[order], essential[order], n_triangles)
