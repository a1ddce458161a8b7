"""Integer cocycles on the edges of a Vietoris–Rips complex: lift, smooth, extend to all points.

A 1-cochain is an antisymmetric matrix over the vertices: entry (i, j) is its value on the edge from
i to j, zero where there is no edge.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.sparse.csgraph import connected_components
from scipy.spatial.distance import cdist

Array = NDArray[np.float64]
Cochain = NDArray[np.int64]
Edges = NDArray[np.bool_]

BLOCK = 1024  # points extended at once: some MB of distances to the landmarks

TIE = 1e-6  # of an energy: a step must gain more, so that rounding does not choose


def lifted(cocycle: NDArray[np.int64], edges: Edges, prime: int) -> Cochain:
    """Lift a cocycle over Z/p to the integers nearest 0 and restrict it to the edges there are.

    Parameters
    ----------
    cocycle : ndarray of int64, shape (m, 3)
        Two vertices and the value, as `PersistenceDiagram.cocycle` has them.
    edges : ndarray of bool, shape (n, n)
        The complex: symmetric, no diagonal.
    prime : int
        Odd.
    """
    start, end, value = cocycle.T
    nearest = (value + prime // 2) % prime - prime // 2
    cochain = np.zeros(edges.shape, dtype=np.int64)
    cochain[start, end], cochain[end, start] = nearest, -nearest
    return cochain * edges


def is_cocycle(cochain: Cochain, edges: Edges) -> bool:
    """Whether the values around every triangle of the flag complex on the edges sum to 0."""
    for i in np.flatnonzero(cochain.any(axis=1)):  # every other triangle sums to 0 trivially
        ends = np.flatnonzero(cochain[i])
        around = cochain[i, ends][:, None] + cochain[ends] - cochain[i]
        if np.any(around[edges[ends] & edges[i]]):
            return False
    return True


def edge_weights(edges: Edges) -> Array:
    """Weigh an edge by 1 / (neighbours of one end × neighbours of the other), sum 1.

    Without weights the coordinate hardly moves where vertices crowd, since edges are many there.
    Divided by the density at both ends, the energy is about that of the shape itself: the
    normalisation α = 1 of R. Coifman, S. Lafon, "Diffusion maps", Applied and Computational
    Harmonic Analysis 21 (2006).
    """
    crowd = 1.0 + edges.sum(axis=1)
    weights = edges / np.outer(crowd, crowd)
    return np.asarray(weights / max(weights.sum(), np.finfo(float).tiny))


def smoothed(cochain: Cochain, weights: Array) -> Array:
    """Find τ that makes cochain + δτ smallest in the weighted sum of squares over edges.

    Returns
    -------
    ndarray, shape (n,)
        In turns; of mean 0 in every component, which leaves one solution.
    """
    pieces = connected_components(weights, directed=False)[1]
    same = pieces[:, None] == pieces
    laplacian = np.diag(weights.sum(axis=1)) - weights
    # constants on a component are all that the Laplacian does not see
    whole = laplacian + same * (weights.sum() / len(weights) / same.sum(axis=1))
    return np.asarray(cho_solve(cho_factor(whole), -(weights * cochain).sum(axis=0)))


def harmonic(cochain: Cochain, edges: Edges, tau: Array) -> Array:
    """Cochain + δτ: how far the coordinate turns along every edge, in turns, shape (n, n)."""
    return np.asarray((cochain + tau - tau[:, None]) * edges)


def uncoupled(cocycle: Cochain, others: Sequence[Cochain], weights: Array) -> Cochain:
    """Add integer multiples of other cocycles so that the harmonic energy becomes small.

    Parameters
    ----------
    cocycle : ndarray of int64, shape (n, n)
    others : sequence of ndarray of int64, each of shape (n, n)
        Of other classes, none of them 0.
    weights : ndarray, shape (n, n)
        Of `edge_weights`.

    Returns
    -------
    ndarray of int64, shape (n, n)

    References
    ----------
    L. Scoccola et al., "Toroidal coordinates: decorrelating circular coordinates with lattice
    reduction", Symposium on Computational Geometry (2023).
    """
    classes = np.stack([cocycle, *others])
    forms = [harmonic(each, weights > 0, smoothed(each, weights)) for each in classes]
    flat = (np.stack(forms) * np.sqrt(weights)).reshape(len(classes), -1)
    return np.asarray(np.tensordot(_pairwise_reduced(flat @ flat.T), classes, axes=1))


def _pairwise_reduced(gram: Array) -> NDArray[np.int64]:
    """Reduce vectors by all but the first until no step shortens one.

    Returns the first as a combination of those given.
    """
    basis = np.eye(len(gram), dtype=np.int64)
    steps = [(i, j) for i in range(len(gram)) for j in range(1, len(gram)) if i != j]
    shortened = True
    while shortened:
        shortened = False
        for i, j in steps:
            own, product, other = (basis[a] @ gram @ basis[b] for a, b in ((i, i), (i, j), (j, j)))
            times = np.rint(product / other).astype(np.int64)
            if times * (2 * product - times * other) > TIE * own:
                basis[i] -= times * basis[j]
                shortened = True
    return np.asarray(basis[0])


def extended(
    points: Array, landmarks: Array, *, turns: tuple[Array, Array], radius: float
) -> tuple[Array, Edges]:
    """Extend the coordinate from the landmarks with a partition of unity over their balls.

    Parameters
    ----------
    points : ndarray, shape (m, d)
    landmarks : ndarray, shape (n, d)
    turns : tuple of ndarray, shapes (n,) and (n, n)
        τ, and the harmonic cocycle.
    radius : float
        Of the balls: half the scale of the complex, so that two that meet are joined by an edge.

    Returns
    -------
    turns : ndarray, shape (m,)
    covered : ndarray of bool, shape (m,)
        Whether a point is inside a ball; one that is not has the value of the nearest landmark.
    """
    values, covered = np.zeros(len(points)), np.zeros(len(points), dtype=bool)
    for first in range(0, len(points), BLOCK):
        part = slice(first, first + BLOCK)
        distances = cdist(points[part], landmarks)
        nearest = distances.argmin(axis=1)
        weights = np.maximum(radius - distances, 0)
        total = weights.sum(axis=1)
        covered[part] = total > 0
        step = np.einsum("ij,ij->i", weights, turns[1][nearest])
        values[part] = turns[0][nearest] + step / np.where(total > 0, total, 1)
    return values, covered
