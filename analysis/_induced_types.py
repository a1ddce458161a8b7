"""What induced graphs are and what is found in them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.ragged import Ragged


@dataclass(frozen=True, slots=True, eq=False)
class InducedGraph:
    """What one input does to a network: units joined by how much one gives to the other.

    Attributes
    ----------
    layers : tuple of str
        The input first, then in order of depth: no edge leads to an earlier layer. With biases,
        each layer that has some has one more vertex, whose layer is named ``… bias``.
    shapes : tuple of tuple of int
        Of each layer's units: (channels, height, width) or (n,).
    offsets : ndarray of int64, shape (layers + 1,)
        The units of layer ``i`` are the vertices from ``offsets[i]`` to ``offsets[i + 1] - 1``, in
        the order of its flattened output.
    edges : ndarray of int32, shape (m, 2)
        Source and target vertex.
    weights : ndarray of float32, shape (m,)
        ``|w h|`` with h the activation of the source; above 0.
    activations : ndarray of float32, shape (vertices,)
        Of each unit, as what follows it sees it; NaN where nothing does.
    n_all : int
        Edges that are not 0, before any were left out.
    skipped : tuple of (str, str)
        Layers to which no edges lead, with the reason.
    """

    layers: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]
    offsets: NDArray[np.int64]
    edges: NDArray[np.int32]
    weights: NDArray[np.float32]
    activations: NDArray[np.float32]
    n_all: int
    skipped: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        """Check that the fields agree.

        Raises
        ------
        ValueError
            If they do not.
        """
        n, m = len(self.layers), len(self.weights)
        if len(self.shapes) != n or self.offsets.shape != (n + 1,):
            msg = f"{n} layers, {len(self.shapes)} shapes, offsets {self.offsets.shape}"
            raise ValueError(msg)
        if self.edges.shape != (m, 2) or len(self.activations) != self.offsets[-1]:
            msg = f"{m} weights, edges {self.edges.shape}, activations {self.activations.shape}"
            raise ValueError(msg)

    @property
    def n_vertices(self) -> int:
        """Units of all layers."""
        return int(self.offsets[-1])

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Units of each layer, shape (layers,)."""
        return np.diff(self.offsets)

    def layer_of(self, vertices: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
        """Give the number of the layer of each vertex, in the shape given."""
        return np.asarray(np.searchsorted(self.offsets, vertices, side="right") - 1)

    def place(self, vertex: int) -> tuple[str, tuple[int, ...]]:
        """Say a vertex as its layer and its place there: (channel, row, column) or (unit,).

        Raises
        ------
        ValueError
            If there is no such vertex.
        """
        if not 0 <= vertex < self.n_vertices:
            msg = f"vertex {vertex} of {self.n_vertices}"
            raise ValueError(msg)
        i = int(self.layer_of(np.array(vertex)))
        place = np.unravel_index(vertex - self.offsets[i], self.shapes[i])
        return self.layers[i], tuple(int(each) for each in place)


@dataclass(frozen=True, slots=True, eq=False)
class Generators:
    """Connected components of a graph's superlevel filtration, the longest-lived first.

    Attributes
    ----------
    births, deaths : ndarray of float32, shape (n,)
        Weights at which each component appears and is merged into an older one; births are the
        larger. The death is 0 where `essential`.
    essential : ndarray of bool, shape (n,)
        Whether it is never merged.
    vertices : ndarray of int64, shape (n,)
        The oldest vertex of each, which it is born with.
    survivors : ndarray of int64, shape (n,)
        Which generator each is merged into; -1 where essential.
    edges : Ragged
        Rows of the graph's edges, the heaviest first: those of the maximum spanning forest that
        the component gathered until it died. Every edge of the forest is in one list (of all
        generators): what a component that dies has gathered stays its own.
    n_all : int
        Generators before the shortest were left out.
    """

    births: NDArray[np.float32]
    deaths: NDArray[np.float32]
    essential: NDArray[np.bool_]
    vertices: NDArray[np.int64]
    survivors: NDArray[np.int64]
    edges: Ragged
    n_all: int

    def __len__(self) -> int:
        return len(self.births)

    @property
    def lifetimes(self) -> NDArray[np.float64]:
        """Births less deaths, descending, shape (n,); of essential components their births."""
        return self.births.astype(np.float64) - self.deaths


@dataclass(frozen=True, slots=True, eq=False)
class Loops:
    """Bars of dimension 1 of a graph's flag complex, filtered from the heaviest edge on.

    Attributes
    ----------
    births, deaths : ndarray of float32, shape (n,)
        Weights at which each loop closes and is filled; births are the larger, by lifetime
        descending. The death is 0 where `essential`.
    essential : ndarray of bool, shape (n,)
        Whether it is never filled.
    n_triangles : int
        Of the flag complex; without any, all loops are essential.
    """

    births: NDArray[np.float32]
    deaths: NDArray[np.float32]
    essential: NDArray[np.bool_]
    n_triangles: int

    @property
    def lifetimes(self) -> NDArray[np.float64]:
        """Births less deaths, descending, shape (n,); of essential loops their births."""
        return self.births.astype(np.float64) - self.deaths


@dataclass(frozen=True, slots=True)
class Sparsification:
    """What is left of a graph of which only the heaviest edges are kept.

    Attributes
    ----------
    threshold : float
        Weight of the lightest edge kept; 0 if there is none.
    n_edges, of_edges : int
        Kept, and before.
    weight_share : float
        Of the total weight.
    n_generators, of_generators : int
        With the birth and death that they have in the whole graph, and in the whole graph.
    lifetime_share : float
        Of the total lifetime, what belongs to those.
    n_cut : int
        Components whose merging edge is gone, so that they now seem to live for ever.
    """

    threshold: float
    n_edges: int
    of_edges: int
    weight_share: float
    n_generators: int
    of_generators: int
    lifetime_share: float
    n_cut: int
