"""The heaviest edges of an induced graph, and what is lost with the others."""

from dataclasses import replace

import numpy as np

from analysis._induced_generators import generators
from analysis._induced_run import kept_of
from analysis._induced_types import InducedGraph, Sparsification


def sparsified(
    graph: InducedGraph, *, quantile: float | None = None, most: int | None = None
) -> InducedGraph:
    """Keep the heaviest edges of a graph; of equal ones the first.

    Parameters
    ----------
    graph : InducedGraph
    quantile : float, optional
        Leave out this share of its edges: 0.9 keeps a tenth.
    most : int, optional
        Keep at most so many.

    Returns
    -------
    InducedGraph
        With the same vertices, the edges in their order.

    Raises
    ------
    AnalysisError
        If a value is out of its range.
    """
    weights = graph.weights
    n = kept_of(len(weights), quantile, most)
    if n == len(weights):
        return graph
    bar = np.partition(weights, len(weights) - n)[len(weights) - n] if n else np.inf
    kept = weights > bar
    ties = np.flatnonzero(weights == bar)[: n - np.count_nonzero(kept)]
    kept[ties] = True
    return replace(graph, edges=graph.edges[kept], weights=weights[kept])


def sparsification(graph: InducedGraph, kept: InducedGraph) -> Sparsification:
    """Say what is left of a graph when only its heaviest edges are kept.

    Down to the lightest edge kept both filtrations are one, so that components which are merged
    above it keep birth and death; the others lose their deaths, or are never born.

    Parameters
    ----------
    graph : InducedGraph
    kept : InducedGraph
        Of `sparsified`, or made with fewer edges.

    Returns
    -------
    Sparsification
    """
    whole, part = generators(graph), generators(kept)
    bars = {(v, b, d) for v, b, d in zip(part.vertices, part.births, part.deaths, strict=True)}
    same = np.array(
        [
            (v, b, d) in bars
            for v, b, d in zip(whole.vertices, whole.births, whole.deaths, strict=True)
        ],
        dtype=np.bool_,
    )
    total, lifetime = float(graph.weights.sum(dtype=np.float64)), float(whole.lifetimes.sum())
    return Sparsification(
        threshold=float(kept.weights.min(initial=np.inf)) if len(kept.weights) else 0.0,
        n_edges=len(kept.weights),
        of_edges=len(graph.weights),
        weight_share=float(kept.weights.sum(dtype=np.float64)) / total if total else 1.0,
        n_generators=int(same.sum()),
        of_generators=len(whole),
        lifetime_share=float(whole.lifetimes[same].sum()) / lifetime if lifetime else 1.0,
        n_cut=int(part.essential.sum() - whole.essential.sum()),
    )
