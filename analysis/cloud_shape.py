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

ROUNDING = 1e-12
"""Share of the largest coordinate below which a norm is what centring left by rounding."""

ROWS = 256

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
        Why it is one point: dead or constant.
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
        If the points are not finite, or are fewer than two, or local homology has no median norm to
        divide by: that cloud's local homology is not known, rather than none.
    """
    matrix, scale, note = filtration(points, homology=homology, rectified=rectified)
    if note:  # one point, many times over
        matrix = matrix[:1, :1]
    diagram = vietoris_rips(matrix, metric="precomputed", max_dimension=dimension, landmarks=None)
    return CloudShape(diagram, scale, note)


def kept_bars(diagram: PersistenceDiagram, dimension: int) -> NDArray[np.bool_]:
    """Say which bars a result keeps: those of the asked dimension, and of voids the loops too.

    The thousand components of a thousand points would be most of every file, and nothing is shown
    of them unless they are asked for.
    """
    kept: NDArray[np.bool_] = np.isin(diagram.dimensions, [dimension, min(dimension, 1)])
    return kept


def filtration(
    points: NDArray[np.generic], *, homology: str, rectified: bool = False
) -> tuple[NDArray[np.float32], float, str]:
    """Give the dissimilarities that `cloud_shape` takes the homology of.

    Returns
    -------
    matrix : ndarray of float32, shape (n, n)
        As a filtration rounds them; half the memory.
    scale : float
        See `CloudShape`.
    note : str
        Why the cloud is one point; empty where it is not.

    Raises
    ------
    AnalysisError
        As `cloud_shape`.
    """
    if homology not in HOMOLOGIES:
        msg = f"homology must be one of {', '.join(HOMOLOGIES)}, got {homology!r}"
        raise AnalysisError(msg)
    cloud = _checked(points)
    if (cloud == cloud[0]).all():  # asked first: about a mean, rounding would give it a size
        return np.zeros((len(cloud), len(cloud)), np.float32), 0.0, _why_one_point(cloud)
    if homology == "global":
        matrix, scale = _global_distances(cloud)
    else:
        matrix, scale = _local_distances(cloud, rectified=rectified)
    return matrix.astype(np.float32), scale, ""


def offset(points: NDArray[np.generic]) -> float:
    """How far a cloud lies from the origin, relative to its spread.

    Parameters
    ----------
    points : ndarray, shape (n, d)

    Returns
    -------
    float
        Norm of the mean over the median distance of points to the mean: 0 where the mean is the
        origin, infinite where half of the points or more are equal to the mean and that is not 0.

    Raises
    ------
    AnalysisError
        If the points are not finite, or are fewer than two.
    """
    cloud = _checked(points)
    mean = cloud.mean(axis=0)
    least = ROUNDING * float(np.abs(cloud).max())
    distance = float(np.linalg.norm(mean))
    spread = float(np.median(np.linalg.norm(cloud - mean, axis=1)))
    if distance <= least:
        return 0.0
    return distance / spread if spread > least else float("inf")


def _checked(points: NDArray[np.generic]) -> Floats:
    if points.ndim != 2 or points.shape[1] == 0:
        msg = f"activations must be a table (inputs, coordinates), got shape {points.shape}"
        raise AnalysisError(msg)
    wrong = int((~np.isfinite(points)).any(axis=1).sum())
    if wrong:
        msg = f"activations are NaN or infinite for {wrong:,} of {len(points):,} inputs"
        raise AnalysisError(msg)
    if len(points) < 2:
        msg = f"{len(points)} inputs have no shape: take more"
        raise AnalysisError(msg)
    return np.asarray(points, dtype=np.float64)


def _why_one_point(cloud: Floats) -> str:
    if not cloud.any():
        return "dead: all its activations are 0 for every input"
    return "constant: every input gives the same activations"


def _why_no_median(*, rectified: bool) -> str:
    where = "turn all its units off" if rectified else "give exactly the centre"
    return (
        f"at least half of the inputs {where}: there is no median norm to divide by, so local "
        "homology is not defined"
    )


def distances(cloud: Floats) -> Floats:
    """Euclidean distances of all pairs, shape (n, n)."""
    if cloud.shape[1] <= FEW:
        return np.asarray(squareform(pdist(cloud)))
    centred = cloud - cloud.mean(axis=0)
    squares = (centred**2).sum(axis=1)
    found = centred @ centred.T
    found *= -2.0
    for i in range(0, len(found), ROWS):  # a whole table of sums would double the memory
        found[i : i + ROWS] += np.add.outer(squares[i : i + ROWS], squares)
    np.fill_diagonal(found, 0.0)
    # rounding makes equal points differ by a little: what is below it is 0
    found[found < 1e-13 * squares.max(initial=0.0)] = 0.0
    return np.asarray(np.sqrt(found, out=found))


def _global_distances(cloud: Floats) -> tuple[Floats, float]:
    matrix = distances(cloud)
    scale = float(matrix.max())
    matrix /= scale
    return matrix, scale


def _local_distances(cloud: Floats, *, rectified: bool) -> tuple[Floats, float]:
    centred = cloud if rectified else cloud - cloud.mean(axis=0)
    least = 0.0 if rectified else ROUNDING * float(np.abs(cloud).max())
    norms = np.linalg.norm(centred, axis=1)
    order = np.argsort(norms, kind="stable")
    middle = len(cloud) // 2
    scale = float(norms[order[middle]])
    if scale <= least:
        raise AnalysisError(_why_no_median(rectified=rectified))
    outside = np.zeros(len(cloud), bool)
    outside[order[middle:]] = True
    unit = centred / scale
    unit[outside] /= np.linalg.norm(unit[outside], axis=1, keepdims=True)
    matrix = distances(unit)
    matrix[np.ix_(outside, outside)] = 0.0
    return matrix, scale
