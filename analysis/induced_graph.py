"""Induced graphs: what one input does to a network, and the components of that.

Vertices are the units of all layers; an edge weighs how much one unit gives to another for this
input, ``|w h|``. The connected components of the edges from the heaviest down are its generators.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis._induced_generators import generators, spanning_forest
from analysis._induced_loops import loops
from analysis._induced_plan import PER_EDGE, PER_VERTEX, EdgePlan, edge_plan
from analysis._induced_run import check_memory, graph_of, kept_of, runs
from analysis._induced_sparse import sparsification, sparsified
from analysis._induced_types import Generators, InducedGraph, Loops, Sparsification
from analysis.errors import AnalysisError

if TYPE_CHECKING:
    import torch

__all__ = [
    "EdgePlan",
    "Generators",
    "InducedGraph",
    "Loops",
    "Sparsification",
    "edge_plan",
    "generators",
    "induced_graph",
    "induced_graphs",
    "loops",
    "memory_needed",
    "spanning_forest",
    "sparsification",
    "sparsified",
    "warm",
]


def induced_graph(
    network: "torch.nn.Module | EdgePlan",
    single: ArrayLike,
    *,
    bias: bool = False,
    input_edges: bool = False,
    pooling: str = "window",
    quantile: float | None = None,
    most: int | None = None,
    limit: int | None = None,
) -> InducedGraph:
    """Compute the induced graph of one input.

    Parameters
    ----------
    network : torch.nn.Module or EdgePlan
        A plan keeps the options that it was made with; ``bias``, ``input_edges`` and ``pooling``
        are then not looked at.
    single : array_like
        One input, without an axis of inputs.
    bias, input_edges, pooling
        As of `edge_plan`.
    quantile, most, limit
        As of `induced_graphs`.

    Returns
    -------
    InducedGraph
        Without edges where all activations are 0.

    Raises
    ------
    AnalysisError
        As `edge_plan` and `induced_graphs`.

    References
    ----------
    T. Gebhart, P. Schrater, A. Hylton, "Characterizing the shape of activation space in deep
    neural networks", ICMLA (2019), arXiv:1901.09496, section III.
    """
    array = np.asarray(single, dtype=np.float32)
    plan = (
        network
        if isinstance(network, EdgePlan)
        else edge_plan(network, array.shape, bias=bias, input_edges=input_edges, pooling=pooling)
    )
    return next(induced_graphs(plan, array[None], quantile=quantile, most=most, limit=limit))


def induced_graphs(
    plan: EdgePlan,
    inputs: ArrayLike,
    *,
    quantile: float | None = None,
    most: int | None = None,
    limit: int | None = None,
) -> Iterator[InducedGraph]:
    """Compute the induced graph of each input, one after the other.

    Parameters
    ----------
    plan : EdgePlan
    inputs : array_like of shape (n, *plan.input_shape)
    quantile : float, optional
        Of the edges that are not 0, leave out this share, the lightest: 0.9 keeps a tenth.
    most : int, optional
        Keep at most so many of the heaviest; of equal ones the first. Others are never held.
    limit : int, optional
        Bytes that a graph may need; by default half of the memory that is free.

    Yields
    ------
    InducedGraph

    Raises
    ------
    AnalysisError
        If the inputs are of another shape, an input or an activation is NaN or infinite (the
        message names the layer), a value is out of its range, or a graph can need more memory
        than there is (the message says which ``most`` would fit).
    """
    array = np.asarray(inputs, dtype=np.float32)
    if array.shape[1:] != plan.input_shape:
        msg = f"inputs of shape {array.shape[1:]}, but the network is looked at with inputs of "
        raise AnalysisError(msg + f"shape {plan.input_shape}")
    check_memory(plan, kept_of(plan.n_edges, quantile, most), limit)
    return (graph_of(plan, taps, (quantile, most)) for taps in runs(plan, array))


def memory_needed(plan: EdgePlan, *, edges: int | None = None) -> int:
    """Estimate the bytes that one graph and its generators need.

    Parameters
    ----------
    plan : EdgePlan
    edges : int, optional
        That are kept; by default all that there can be.

    Returns
    -------
    int
    """
    n = plan.n_edges if edges is None else min(edges, plan.n_edges)
    return n * PER_EDGE + plan.n_vertices * PER_VERTEX


def warm() -> None:
    """Compile or load every kernel of this module, so that no request waits for it."""
    import torch

    layers = torch.nn.Flatten(), torch.nn.Linear(4, 2, bias=False)
    graph = induced_graph(
        torch.nn.Sequential(*layers), np.ones((1, 2, 2)), input_edges=True, most=3
    )
    generators(graph)
    edges: NDArray[np.int32] = np.zeros((1, 2), np.int32)
    spanning_forest(edges, np.zeros(1, np.float32), n_vertices=2)
