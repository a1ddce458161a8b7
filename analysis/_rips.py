"""Engines of Vietoris–Rips persistence; the only place that calls redzed-tda and ripser."""

from dataclasses import dataclass

import numpy as np
import redzed_tda
from numpy.typing import NDArray
from scipy.spatial.distance import squareform


@dataclass(frozen=True, slots=True, eq=False)
class Bars:
    """Bars of one homology dimension as an engine returns them, in no particular order.

    Attributes
    ----------
    pairs : ndarray of float64, shape (n, 2)
        Births and deaths.
    birth_edges : ndarray of int64, shape (n, 2)
        Ends of the edge that bears each bar of dimension 1, else -1.
    cocycles : tuple of ndarray of int64, each of shape (m, dimension + 2)
        One representative cocycle per bar, or empty.
    """

    pairs: NDArray[np.float64]
    birth_edges: NDArray[np.int64]
    cocycles: tuple[NDArray[np.int64], ...] = ()


def redzed_bars(condensed: NDArray[np.float64], threshold: float, max_dimension: int) -> list[Bars]:
    """Bars over Z/2 of at least two points, one entry per dimension, by redzed-tda."""
    diagrams, simplices = redzed_tda.rips(condensed, max_dimension, threshold, simplex_pairs=True)
    bars = []
    for dimension, pairs in enumerate(diagrams):
        edges = np.full((len(pairs), 2), -1, dtype=np.int64)
        if dimension == 1 and len(pairs):
            edges[:] = [birth for birth, _ in simplices[1]]
        bars.append(Bars(np.asarray(pairs, dtype=np.float64).reshape(-1, 2), edges))
    return bars


def ripser_bars(
    condensed: NDArray[np.float64], threshold: float, max_dimension: int, field: int
) -> list[Bars]:
    """Bars and cocycles over Z/``field`` of at least two points, by ripser."""
    from ripser import ripser

    result = ripser(
        squareform(condensed, checks=False),
        maxdim=max_dimension,
        thresh=threshold,
        coeff=field,
        distance_matrix=True,
        do_cocycles=True,
    )
    bars = []
    for dimension, diagram in enumerate(result["dgms"]):
        pairs = np.asarray(diagram, dtype=np.float64).reshape(-1, 2)
        found = result["cocycles"][dimension] if dimension else [_no_cocycle()] * len(pairs)
        cocycles = tuple(np.asarray(c, dtype=np.int64) for c in found)
        bars.append(Bars(pairs, np.full((len(pairs), 2), -1, dtype=np.int64), cocycles))
    return bars


def trivial_bars(n: int) -> list[Bars]:
    """Bars of at most one point: none, or one component that never dies."""
    pairs = np.tile([0.0, np.inf], (n, 1))
    return [Bars(pairs, np.full((n, 2), -1, dtype=np.int64), (_no_cocycle(),) * n)]


def _no_cocycle() -> NDArray[np.int64]:
    return np.zeros((0, 2), dtype=np.int64)
