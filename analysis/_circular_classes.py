"""A class of H¹ of a Vietoris–Rips filtration as an integer cocycle at one scale."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import pdist, squareform

from analysis._circular_cocycle import (
    Array,
    Cochain,
    Edges,
    edge_weights,
    is_cocycle,
    lifted,
    uncoupled,
)
from analysis.homology import PersistenceDiagram, vietoris_rips

OTHER_PRIMES = (47, 43, 53)
"""Tried where a cocycle does not lift: over another prime another one represents the class."""

BESIDE = 10
"""Of so many other classes, those of the longest bars, the class is freed."""


@dataclass(frozen=True, slots=True, eq=False)
class LoopClass:
    """A bar of dimension 1 with its class.

    Attributes
    ----------
    prime : int
        p of the coefficients Z/p.
    landmarks : ndarray of int64, shape (m,)
        Points that are the vertices.
    birth, death, strength : float
        Of the bar; its length over that of the next. NaN where there is none.
    scale : float
        Longest edge of the complex; NaN where there is no bar.
    edges : ndarray of bool, shape (m, m), or None
        The complex: symmetric, no diagonal; None where there is no bar.
    cocycle : ndarray of int64, shape (m, m), or None
        None where there is no bar, or its class does not lift.
    missing : str
        Why; else empty.
    """

    prime: int
    landmarks: NDArray[np.int64]
    birth: float = math.nan
    death: float = math.nan
    strength: float = math.nan
    scale: float = math.nan
    edges: Edges | None = None
    cocycle: Cochain | None = None
    missing: str = ""


def find_class(points: Array, *, prime: int, landmarks: int, bar_index: int) -> LoopClass:
    """Find the class of a bar over a prime, or over another one if its cocycle does not lift.

    Parameters
    ----------
    points : ndarray, shape (n, d)
    prime, landmarks, bar_index : int
        See `circular_coordinates.circular_coordinates`.
    """
    first = _over(points, prime, landmarks, bar_index)
    if first.cocycle is not None or math.isnan(first.birth):
        return first
    for other in OTHER_PRIMES:
        again = _over(points, other, landmarks, bar_index) if other != prime else first
        # another bar would be another class: this one is torsion over the first prime
        if again.cocycle is not None and (again.birth, again.death) == (first.birth, first.death):
            return again
    return first


def _over(points: Array, prime: int, landmarks: int, bar_index: int) -> LoopClass:
    diagram = vietoris_rips(points, landmarks=landmarks, field=prime, cocycles=True)
    bars = diagram.bars(1)
    if bar_index >= len(bars):
        why = _no_bar(len(points), len(bars), bar_index)
        return LoopClass(missing=why, prime=prime, landmarks=diagram.landmarks)
    birth, death = map(float, bars[bar_index])
    scale = _scale(birth, death, diagram.covering_radius)
    edges = _edges(points[diagram.landmarks], scale)
    cocycle = lifted(diagram.cocycle(1, bar_index), edges, prime)
    lifts = is_cocycle(cocycle, edges)
    if lifts and (others := _beside(diagram, bar_index, edges, (scale, prime))):
        cocycle = uncoupled(cocycle, others, edge_weights(edges))
    return LoopClass(
        birth=birth,
        death=death,
        strength=_strength(diagram, bar_index),
        prime=prime,
        landmarks=diagram.landmarks,
        scale=scale,
        edges=edges,
        cocycle=cocycle if lifts else None,
        missing="" if lifts else _torsion(prime),
    )


def _beside(
    diagram: PersistenceDiagram, bar_index: int, edges: Edges, place: tuple[float, int]
) -> list[Cochain]:
    """Cocycles of classes that are alive at the scale and die no earlier than that of the bar.

    The bar's class is given up to these only: just below its death no other one is there, and
    from there it is restricted to the scale.
    """
    scale, prime = place
    births, deaths = diagram.bars(1).T
    alive = (births <= scale) & (deaths >= deaths[bar_index])
    alive[bar_index] = False
    found = [lifted(diagram.cocycle(1, i), edges, prime) for i in np.flatnonzero(alive)[:BESIDE]]
    return [each for each in found if is_cocycle(each, edges)]


def _torsion(prime: int) -> str:
    return (
        f"the class over Z/{prime} does not lift to the integers: it may be torsion, which no "
        "angle can follow"
    )


def _no_bar(n: int, bars: int, bar_index: int) -> str:
    if bars:
        return f"there is no loop {bar_index}: there are {bars} bars in H₁, counted from 0"
    return f"there is no loop among {n:,} different points: no bar in H₁"


def _strength(diagram: PersistenceDiagram, bar_index: int) -> float:
    lengths = diagram.lengths(1)[bar_index : bar_index + 2]
    return float(lengths[0] / lengths[1]) if len(lengths) == 2 else math.nan


def _scale(birth: float, death: float, covering_radius: float) -> float:
    """Halfway through the part of the bar in which balls of half the scale cover all points."""
    start = max(birth, 2 * covering_radius)
    return (start + death) / 2 if start < death else (birth + death) / 2


def _edges(vertices: Array, scale: float) -> Edges:
    distances = pdist(vertices).astype(np.float32)  # as the filtration has them
    return np.asarray(squareform(distances.astype(np.float64) <= scale))
