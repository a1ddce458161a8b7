"""From a layer's activations to a filtration: the two homologies of activation landscapes.

References
----------
M. Wheeler, J. Bouza, P. Bubenik, "Activation Landscapes as a Topological Summary of Neural Network
Performance", arXiv:2110.10136.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import pdist, squareform

from analysis.errors import AnalysisError
from analysis.homology import PersistenceDiagram, vietoris_rips

HOMOLOGIES = ("global", "local")

FEW = 128
"""Coordinates up to which distances are taken directly; of more from inner products, much faster
and, beside the largest distance, exact to 1e-7."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class CloudShape:
    """The shape of one cloud.

    Attributes
    ----------
    diagram : PersistenceDiagram
        In units of `scale`.
    scale : float
        What distances were divided by: the largest one (global) or the median norm (local); 0
        where the cloud has no size.
    note : str
        Why it has no shape.
    """

    diagram: PersistenceDiagram
    scale: float
    note: str = ""


def cloud_shape(
    points: NDArray[np.generic], *, homology: str, rectified: bool = False, dimension: int = 1
) -> CloudShape:
    """Compute the persistence diagram of a cloud as activation landscapes are made of.

    Parameters
    ----------
    points : ndarray, shape (n, d)
    homology : str
        "global": centred, divided by the largest distance. "local" (homology at the origin):
        centred unless `rectified`, divided by the median norm; points outside the unit ball are put
        on its sphere, and all of those identified (distance 0).
    rectified : bool
        Whether the cloud is of a layer that ends in a ReLU.
    dimension : int
        Largest homology dimension, 0 to 2.

    Returns
    -------
    CloudShape

    Raises
    ------
    AnalysisError
        If the points are not finite, or are fewer than two.
    """
    matrix, scale, note = filtration(points, homology=homology, rectified=rectified)
    if note:  # one point, many times over
        matrix = np.zeros((1, 1))
    diagram = vietoris_rips(matrix, metric="precomputed", max_dimension=dimension, landmarks=None)
    return CloudShape(diagram, scale, note)


def filtration(
    points: NDArray[np.generic], *, homology: str, rectified: bool = False
) -> tuple[Floats, float, str]:
    """Give the dissimilarities that `cloud_shape` takes the homology of.

    Returns
    -------
    matrix : ndarray of float64, shape (n, n)
    scale : float
        See `CloudShape`.
    note : str
        Why the cloud has no shape; empty where it has one.

    Raises
    ------
    AnalysisError
        As `cloud_shape`.
    """
    cloud = _checked(points)
    if homology == "global":
        matrix, scale = _global_distances(cloud)
    elif homology == "local":
        matrix, scale = _local_distances(cloud, rectified=rectified)
    else:
        msg = f"homology must be one of {', '.join(HOMOLOGIES)}, got {homology!r}"
        raise AnalysisError(msg)
    return matrix, scale, "" if scale > 0 else _why_no_size(cloud)


def _checked(points: NDArray[np.generic]) -> Floats:
    wrong = int((~np.isfinite(points)).any(axis=1).sum())
    if wrong:
        msg = f"activations are NaN or infinite for {wrong:,} of {len(points):,} inputs"
        raise AnalysisError(msg)
    if len(points) < 2:
        msg = f"{len(points)} inputs have no shape: take more"
        raise AnalysisError(msg)
    return np.asarray(points, dtype=np.float64)


def _why_no_size(cloud: Floats) -> str:
    if not cloud.any():
        return "dead: all its activations are 0 for every input"
    if (cloud == cloud[0]).all():
        return "constant: every input gives the same activations"
    return "at least half of the inputs give exactly the centre: no median norm to divide by"


def distances(cloud: Floats) -> Floats:
    """Euclidean distances of all pairs, shape (n, n)."""
    if cloud.shape[1] <= FEW:
        return np.asarray(squareform(pdist(cloud)))
    centred = cloud - cloud.mean(axis=0)
    squares = (centred**2).sum(axis=1)
    found = squares[:, None] + squares - 2 * (centred @ centred.T)
    np.fill_diagonal(found, 0.0)
    # rounding makes equal points differ by a little: what is below it is 0
    found[found < 1e-13 * squares.max(initial=0.0)] = 0.0
    return np.asarray(np.sqrt((found + found.T) / 2))


def _global_distances(cloud: Floats) -> tuple[Floats, float]:
    matrix = distances(cloud)
    scale = float(matrix.max())
    return (matrix / scale if scale > 0 else matrix), scale


def _local_distances(cloud: Floats, *, rectified: bool) -> tuple[Floats, float]:
    centred = cloud if rectified else cloud - cloud.mean(axis=0)
    norms = np.linalg.norm(centred, axis=1)
    order = np.argsort(norms, kind="stable")
    middle = len(cloud) // 2
    scale = float(norms[order[middle]])
    if scale == 0:
        return np.zeros((len(cloud), len(cloud))), 0.0
    outside = np.zeros(len(cloud), bool)
    outside[order[middle:]] = True
    unit = centred / scale
    unit[outside] /= np.linalg.norm(unit[outside], axis=1, keepdims=True)
    matrix = distances(unit)
    matrix[np.ix_(outside, outside)] = 0.0
    return matrix, scale
