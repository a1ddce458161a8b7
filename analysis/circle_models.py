"""Models of what filters look like: the primary circle, the secondary circles, the Klein bottle.

A patch is a function on the kernel's grid: ``x`` grows along the columns to the right, ``y`` along
the rows upwards, in steps of 1 from the middle (-1, 0, 1 for three entries). With
t = cos θ₁ x + sin θ₁ y and its square, each centred and scaled to norm 1, the Klein bottle is all

    cos θ₂ t + sin θ₂ t²,    where (θ₁ + π, θ₂) is the same patch as (θ₁, π - θ₂).

Its patches are those of c t² + d t, centred and normalised, for any (c, d): scaling both terms to
norm 1 changes which (c, d) a θ₂ stands for, not the set. The circle θ₂ = 0 is the primary circle
(gradients, turned by θ₁). The circles θ₁ = 0 and θ₁ = π/2 are the secondary circles (edges and
lines along y, and along x); each meets the primary circle in two points. Distances of a filter to a
model are those between unit vectors: 0 on it, √2 at right angles to it.

References
----------
G. Carlsson, T. Ishkhanov, V. de Silva, A. Zomorodian, "On the local behavior of spaces of natural
images", International Journal of Computer Vision 76 (2008), sections 4 and 5. R. B. Gabrielsson,
G. Carlsson, "Exposition and interpretation of the topology of neural networks", arXiv:1810.03234.
E. Love, B. Filippenko, V. Maroulas, G. Carlsson, "Topological convolutional layers for deep
learning", Journal of Machine Learning Research 24 (2023).
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis._klein import (
    Array,
    Kernel,
    KleinModel,
    bases,
    checked,
    linear_patterns,
    nearest,
    patterns,
    require,
    wrapped,
)
from analysis._reference_clouds import (
    klein_bottle,
    klein_patches,
    primary_circle,
    secondary_circles,
    three_circles,
)
from analysis.errors import AnalysisError
from analysis.orientation import (
    OrientationHistogram,
    OrientationTest,
    orientation_histogram,
    orientation_test,
)

__all__ = [
    "ChanceShares",
    "CircleFit",
    "KleinFit",
    "OrientationHistogram",
    "OrientationTest",
    "chance_shares",
    "fit_klein",
    "fit_primary",
    "fit_secondary",
    "gradient_angle",
    "klein_bottle",
    "klein_patches",
    "orientation_histogram",
    "orientation_test",
    "primary_circle",
    "primary_circle_share",
    "quadratic_share",
    "secondary_circles",
    "three_circles",
]


@dataclass(frozen=True, slots=True, eq=False)
class CircleFit:
    """Nearest points of filters on one circle.

    Attributes
    ----------
    angle : ndarray of float64, shape (n,)
        Where on the circle, radians in [0, 2π).
    cosine : ndarray of float64, shape (n,)
        Between the filter and that point; its square is the filter's part in the circle's plane.
    residual : ndarray of float64, shape (n,)
        Distance to that point.
    """

    angle: NDArray[np.float64]
    cosine: NDArray[np.float64]
    residual: NDArray[np.float64]

    @property
    def squared_part(self) -> NDArray[np.float64]:
        """Squared norm of the filter's projection on the circle's plane, shape (n,)."""
        return np.asarray(self.cosine**2)


@dataclass(frozen=True, slots=True, eq=False)
class KleinFit:
    """Nearest points of filters on the Klein bottle, and in the space it lies in.

    Attributes
    ----------
    theta1, theta2 : ndarray of float64, shape (n,)
        Of the nearest patch, in [0, π) and [0, 2π).
    cosine, residual : ndarray of float64, shape (n,)
        Between the filter and that patch: cosine, and distance.
    quadratic_space_cosine, quadratic_space_residual : ndarray of float64, shape (n,)
        The same for the nearest unit vector among all quadratics in x and y, the 5-dimensional
        space that x, y, x², xy and y² span. A bull's-eye x² + y² lies in the space but has cosine
        .707 to the bottle; a crossing xy has .894.
    """

    theta1: NDArray[np.float64]
    theta2: NDArray[np.float64]
    cosine: NDArray[np.float64]
    residual: NDArray[np.float64]
    quadratic_space_cosine: NDArray[np.float64]
    quadratic_space_residual: NDArray[np.float64]


class ChanceShares(NamedTuple):
    """Expected shares of filters without any preference."""

    linear: float
    quadratic: float


def fit_primary(points: ArrayLike, kernel: Kernel) -> CircleFit:
    """Fit the primary circle: projection on the plane of the gradients x and y.

    Parameters
    ----------
    points : array_like of shape (n, h * w)
        Filters, mean-centred with norm 1.
    kernel : tuple of int
        Height and width, at least 2×2.

    Returns
    -------
    CircleFit
        ``angle`` is `gradient_angle`.

    Raises
    ------
    AnalysisError
        If the filters are not as stated or the kernel is too small.
    """
    require(kernel, 2, 2)
    return _fit_plane(checked(points, kernel), linear_patterns(kernel))


def fit_secondary(points: ArrayLike, kernel: Kernel, axis: Literal["x", "y"]) -> CircleFit:
    """Fit a secondary circle: projection on the plane of t and t², t = x or t = y.

    Parameters
    ----------
    points : array_like of shape (n, h * w)
        Filters, mean-centred with norm 1.
    kernel : tuple of int
        Height and width; three entries along the axis are needed.
    axis : {"x", "y"}

    Returns
    -------
    CircleFit
        ``angle`` is θ₂: 0 for the gradient t, π/2 for t² (a dark line along the other axis).

    Raises
    ------
    AnalysisError
        If the filters are not as stated, the kernel is too small or there is no such axis.
    """
    if axis not in {"x", "y"}:
        msg = f'axis must be "x" or "y", got {axis!r}'
        raise AnalysisError(msg)
    require(kernel, *((1, 3) if axis == "x" else (3, 1)))
    powers = ((1, 0), (2, 0)) if axis == "x" else ((0, 1), (0, 2))
    plane = patterns(kernel, powers)
    return _fit_plane(checked(points, kernel), plane / np.linalg.norm(plane, axis=1, keepdims=True))


def fit_klein(points: ArrayLike, kernel: Kernel) -> KleinFit:
    """Fit the Klein bottle by least squares over its two angles.

    For a given θ₁ the patches are a circle and the best θ₂ is closed form; θ₁ is searched on a grid
    and refined by golden section, from every local maximum that may be the global one.

    Parameters
    ----------
    points : array_like of shape (n, h * w)
        Filters, mean-centred with norm 1.
    kernel : tuple of int
        Height and width, at least 3×3.

    Returns
    -------
    KleinFit
        Where several patches are equally near (a bull's-eye, a pattern at right angles to the
        bottle), one of them.

    Raises
    ------
    AnalysisError
        If the filters are not as stated or the kernel is too small.
    """
    model, filters = KleinModel(kernel), checked(points, kernel)
    theta1 = model.fit(filters)
    t, q = model.axes(theta1)
    along, bent = np.einsum("ij,ij->i", filters, t), np.einsum("ij,ij->i", filters, q)
    space = np.concatenate(bases(kernel))
    return KleinFit(
        theta1,
        wrapped(np.arctan2(bent, along), 2 * np.pi),
        *nearest(filters, along[:, None] * t + bent[:, None] * q),
        *nearest(filters, filters @ space.T @ space),
    )


def gradient_angle(points: ArrayLike, kernel: Kernel) -> Array:
    """Angle of the linear part of each filter: the direction in which it gets brighter.

    Parameters
    ----------
    points : array_like of shape (n, h * w)
        Filters, mean-centred with norm 1.
    kernel : tuple of int
        Height and width, at least 2×2.

    Returns
    -------
    ndarray of float64, shape (n,)
        Radians in [0, 2π), counter-clockwise from x (rightwards); π/2 is upwards. Filters without
        preference have uniform angles if the kernel is square.
    """
    return fit_primary(points, kernel).angle


def primary_circle_share(points: ArrayLike, kernel: Kernel) -> float:
    """Mean over filters of the squared norm in the plane of the linear gradients.

    Parameters
    ----------
    points : array_like of shape (n, h * w)
        Filters, mean-centred with norm 1.
    kernel : tuple of int
        Height and width.

    Returns
    -------
    float
        In [0, 1]; `chance_shares` has what to compare it with. NaN without filters.
    """
    return _share(checked(points, kernel), bases(kernel)[0])


def quadratic_share(points: ArrayLike, kernel: Kernel) -> float:
    """Mean over filters of the squared norm in the span of the patterns x², xy and y².

    Parameters and result are those of `primary_circle_share`; a kernel of fewer than three entries
    along an axis has fewer such patterns.
    """
    return _share(checked(points, kernel), bases(kernel)[1])


def chance_shares(kernel: Kernel) -> ChanceShares:
    """Give the expected shares of Gaussian filters: dimensions of the patterns by all.

    Returns
    -------
    ChanceShares
        2/8 and 3/8 for 3×3.
    """
    linear, quadratic = bases(kernel)
    dimension = kernel[0] * kernel[1] - 1
    return ChanceShares(len(linear) / dimension, len(quadratic) / dimension)


def _fit_plane(filters: Array, axes: Array) -> CircleFit:
    """Project on the plane of two orthogonal patterns; the angle is that of their coefficients."""
    coefficients = filters @ axes.T / np.einsum("ij,ij->i", axes, axes)
    angle = wrapped(np.arctan2(coefficients[:, 1], coefficients[:, 0]), 2 * np.pi)
    return CircleFit(angle, *nearest(filters, coefficients @ axes))


def _share(filters: Array, basis: Array) -> float:
    parts = ((filters @ basis.T) ** 2).sum(axis=1)
    return float(parts.mean()) if len(parts) else float("nan")
