"""Direction and origin of a circular coordinate, chosen by how it turns in a plane."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

FOLLOWS = 0.5
"""A given plane is followed if the area swept in it is this share of the most in any plane."""


class Orientation(NamedTuple):
    """Direction (1 or -1) and origin of an angle; the origin after the direction."""

    sign: float
    origin: float

    def of(self, angles: Array) -> Array:
        """Mirror and turn angles; the results are in [0, 2π)."""
        turned = np.mod(self.sign * angles - self.origin, 2 * np.pi)
        return np.where(turned < 2 * np.pi, turned, 0.0)  # a tiny negative one rounds to 2π


def orientation(angles: Array, vertices: Array, *, flow: Array, plane: Array | None) -> Orientation:
    """Choose the direction and the origin by which angles follow the angle in a plane.

    Parameters
    ----------
    angles : ndarray, shape (n,)
        Of the vertices, in radians.
    vertices : ndarray, shape (n, d)
    flow : ndarray, shape (n, n)
        Turn along every edge times its weight, antisymmetric; every row sums to 0.
    plane : ndarray, shape (2, d), optional
        Used where the coordinate turns in it, see `FOLLOWS`. Otherwise the plane is that of two
        coordinates, the two with most area.
    """
    centred = vertices - vertices.mean(axis=0)
    area = centred.T @ flow @ centred  # (i, j) positive: turns from axis i towards axis j
    turning = np.abs(flow).sum(axis=1)  # vertices that the loop does not pass have no say
    axes = None if plane is None else _orthonormal(plane)
    if axes is None or not abs(_area(area, axes)) >= FOLLOWS * np.linalg.norm(area, 2) > 0:
        axes = _two_coordinates(area)
        vertices = vertices - np.average(vertices, axis=0, weights=turning)
    sign = 1.0 if _area(area, axes) >= 0 else -1.0
    across, up = axes @ vertices.T
    # the turn by which the vectors in the plane and the unit vectors of the angles agree best
    ahead = np.sum(turning * (across - 1j * up) * np.exp(1j * sign * angles))
    return Orientation(sign, float(np.angle(ahead)))


def _area(area: Array, axes: Array) -> float:
    return float(axes[0] @ area @ axes[1])


def _two_coordinates(area: Array) -> Array:
    sizes = np.abs(np.triu(area))
    # rounding must not choose between pairs with equal area: the first of them decides
    largest = int(np.argmax(sizes >= (1 - 1e-6) * sizes.max()))
    first, second = np.unravel_index(largest, sizes.shape)
    return np.eye(len(area))[[first, second]]


def _orthonormal(plane: Array) -> Array:
    """Gram–Schmidt, which keeps the direction of the first row and the side of the second."""
    first = plane[0] / np.linalg.norm(plane[0])
    second = plane[1] - (plane[1] @ first) * first
    return np.stack([first, second / np.linalg.norm(second)])
