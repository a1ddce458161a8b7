"""Circular coordinates: a class of H¹ as an angle of every point; and the analysis *circular*."""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis._circular_classes import LoopClass, find_class
from analysis._circular_cocycle import Array, edge_weights, extended, harmonic, smoothed
from analysis._circular_orientation import orientation
from analysis.errors import AnalysisError
from analysis.filter_shape import FilterShape
from analysis.parameters import Params, parameter
from analysis.registry import Progress, register, silent

STANDS_OUT = 1.5
"""A class whose bar is less than so many times as long as the next gets a note."""


@dataclass(frozen=True, slots=True, eq=False)
class CircularCoordinates:
    """An angle of every point, along one class of H¹.

    Attributes
    ----------
    angles : ndarray of float64, shape (n,)
        Radians in [0, 2π); NaN throughout where there is no such class, see `note`. About constant
        where the loop does not pass; in a component of its own that constant means nothing.
    birth, death : float
        Of the class's bar, in the units of the distances; NaN where there is none.
    strength : float
        Length of the bar over that of the next; NaN where one of them is not there.
    prime : int
        p of the coefficients Z/p that the class was found with.
    scale : float
        Longest edge of the complex that carries the coordinate; NaN where there is none.
    landmarks : ndarray of int64, shape (m,)
        Points that are its vertices.
    covered : float
        Share of points nearer than scale / 2 to a landmark; the others have the angle of the
        nearest. NaN where there are no angles.
    rms_step : float
        Root mean square of the turn along an edge, radians: the root of the harmonic energy per
        edge. Small against π where the coordinate varies slowly. NaN where there are no angles.
    note : str
        Why there are no angles, or what to doubt in them; else empty.
    """

    angles: Array
    birth: float
    death: float
    strength: float
    prime: int
    scale: float
    landmarks: NDArray[np.int64]
    covered: float
    rms_step: float
    note: str

    @property
    def n_landmarks(self) -> int:
        """Number of landmarks."""
        return len(self.landmarks)


def circular_coordinates(
    points: ArrayLike,
    *,
    prime: int = 47,
    landmarks: int = 400,
    bar_index: int = 0,
    plane: ArrayLike | None = None,
) -> CircularCoordinates:
    """Map a cloud to the circle along a persistent class of H¹.

    Persistent cohomology over Z/p of the Vietoris–Rips filtration of greedy landmarks gives a
    cocycle of the class; it is lifted to the integers and made harmonic, which gives angles of the
    landmarks; a partition of unity over balls about them gives angles of all points. Nothing is
    random, and neither the order of the points nor copies of them change the class or its angles.

    Parameters
    ----------
    points : array_like of shape (n, d)
    prime : int
        Odd prime p. Where the cocycle does not lift, others are tried.
    landmarks : int
        Use at most so many points as vertices, chosen by `homology.greedy_landmarks`.
    bar_index : int
        Which class: 0 that of the longest bar.
    plane : array_like of shape (2, d), optional
        Two directions for orientation and origin, such as the gradients x and y; see Notes.

    Returns
    -------
    CircularCoordinates
        With NaN and a note where there is no such class or its cocycle does not lift.

    Raises
    ------
    AnalysisError
        If the points are not finite rows, or an option is out of range.

    Notes
    -----
    *Scale.* The balls have half the scale as radius. They cover all points, and the class lives
    there, if the scale is at least twice the covering radius and within the bar: it is halfway
    between max(birth, 2 × covering radius) and death. Where twice the covering radius exceeds
    death it is the middle of the bar, and points outside all balls take their nearest landmark's
    angle.

    *Smoothing.* Least squares over edges, each divided by the neighbours of both its ends, so that
    the coordinate does not stand still where points crowd.

    *Orientation and origin.* The class fixes neither. The coordinate increases counter-clockwise in
    `plane` and agrees, on the whole, with the angle there, if it turns in that plane at all: if
    the area that it sweeps is at least half of the most in any plane. Otherwise the plane
    is that of the two coordinate axes, first and second in their order, with the largest area, and
    the angle is that about the middle of the loop.

    *Several loops.* A class is given only up to classes that die later. Of the multiples of these
    (the ten of the longest bars) those are added that make it turn least, so that the class of
    one loop does not turn about another as well.

    References
    ----------
    V. de Silva, D. Morozov, M. Vejdemo-Johansson, "Persistent cohomology and circular coordinates",
    Discrete & Computational Geometry 45 (2011): lift, harmonic smoothing.

    L. Scoccola, H. Gakhar, J. Bush, N. Schonsheck, T. Rask, L. Zhou, J. A. Perea, "Toroidal
    coordinates: decorrelating circular coordinates with lattice reduction", SoCG 2023.

    J. A. Perea, "Sparse circular coordinates via principal Z-bundles", Topological Data Analysis,
    Abel Symposia 15 (2020): landmarks, scale, and the map b ↦ exp 2πi (τ_j + Σ_k φ_k(b) θ_jk).
    """
    data = _checked(points)
    axes = None if plane is None else _checked_plane(plane, data.shape[1])
    _check_options(prime, bar_index)
    distinct, first, copy_of = np.unique(data, axis=0, return_index=True, return_inverse=True)
    loop = find_class(distinct, prime=prime, landmarks=landmarks, bar_index=bar_index)
    found = _mapped(distinct, loop, axes)
    return replace(found, angles=found.angles[copy_of], landmarks=first[found.landmarks])


def _mapped(points: Array, loop: LoopClass, plane: Array | None) -> CircularCoordinates:
    found = _without_angles(len(points), loop)
    if loop.cocycle is None or loop.edges is None:
        return found
    vertices = points[loop.landmarks]
    weights = edge_weights(loop.edges)
    tau = smoothed(loop.cocycle, weights)
    theta = harmonic(loop.cocycle, loop.edges, tau)
    turns, covered = extended(points, vertices, turns=(tau, theta), radius=loop.scale / 2)
    angles = 2 * np.pi * turns
    chosen = orientation(angles[loop.landmarks], vertices, flow=weights * theta, plane=plane)
    share = float(covered.mean())
    return replace(
        found,
        angles=chosen.of(angles),
        covered=share,
        rms_step=float(2 * np.pi * np.sqrt(np.sum(weights * theta**2))),
        note="; ".join(_doubts(loop.strength, share)),
    )


def _without_angles(n: int, loop: LoopClass) -> CircularCoordinates:
    return CircularCoordinates(
        angles=np.full(n, np.nan),
        birth=loop.birth,
        death=loop.death,
        strength=loop.strength,
        prime=loop.prime,
        scale=loop.scale,
        landmarks=loop.landmarks,
        covered=math.nan,
        rms_step=math.nan,
        note=loop.missing,
    )


def _doubts(strength: float, covered: float) -> list[str]:
    found = []
    if strength < STANDS_OUT:
        found.append(
            f"the bar is only {strength:.2f} times as long as the next: this may be one of "
            "several loops, or chance"
        )
    if covered < 1:
        found.append(
            f"{1 - covered:.1%} of the points lie far from every landmark and have the angle of "
            "the nearest: more landmarks would place them"
        )
    return found


def _checked(points: ArrayLike) -> Array:
    data = np.asarray(points, dtype=np.float64)
    if data.ndim != 2 or not np.isfinite(data).all():
        msg = f"points must be finite rows of shape (n, d), got shape {data.shape}: leave out NaN"
        raise AnalysisError(msg)
    return data


def _checked_plane(plane: ArrayLike, d: int) -> Array:
    axes = np.asarray(plane, dtype=np.float64)
    if axes.shape != (2, d) or not np.isfinite(axes).all() or np.linalg.matrix_rank(axes) < 2:
        msg = f"plane must be two independent directions, shape (2, {d}), got {axes.tolist()}"
        raise AnalysisError(msg)
    return axes


def _check_prime(prime: int) -> None:
    if not 3 <= prime < 2**15 or any(prime % q == 0 for q in range(2, math.isqrt(prime) + 1)):
        msg = f"prime must be an odd prime below 32768, such as 47, got {prime}"
        raise AnalysisError(msg)


def _check_options(prime: int, bar_index: int) -> None:
    _check_prime(prime)
    if bar_index < 0:
        msg = f"bar_index must be at least 0, the longest bar, got {bar_index}"
        raise AnalysisError(msg)


@dataclass(frozen=True)
class CircularParams(Params):
    """Parameters of the analysis *circular*."""

    prime: int = parameter(47, "odd prime p of the coefficients Z/p", check=_check_prime)
    circular_landmarks: int = parameter(
        400, "filters that carry the circular coordinate, chosen greedily", minimum=3, maximum=1000
    )
    loop: int = parameter(
        0, "whose circular coordinate: 0 the loop of the longest bar", minimum=0, maximum=99
    )


@register("circular", title="Circular coordinates", version=1, needs="filters", on_demand=True)
def filter_circle(
    shape: FilterShape, params: CircularParams, *, progress: Progress = silent
) -> CircularCoordinates:
    """Compute the circular coordinate of a layer's densest filters.

    Parameters
    ----------
    shape : FilterShape
        The kept filters.
    params : CircularParams
        See there.
    progress : callable
        Told of the stages.

    Returns
    -------
    CircularCoordinates
        Its angles follow the gradient angle (`circle_models.gradient_angle`) where the loop turns
        in the plane of the primary circle. NaN with the reason where the kept filters are mostly
        copies of each other.
    """
    progress(0.0, "circular coordinates")
    found = circular_coordinates(
        shape.points,
        prime=params.prime,
        landmarks=params.circular_landmarks,
        bar_index=params.loop,
        plane=_gradients(shape.kernel),
    )
    if shape.degenerate:
        nothing = np.full(shape.n_kept, np.nan)
        return replace(
            found, angles=nothing, covered=math.nan, rms_step=math.nan, note=shape.degenerate
        )
    return found


def _gradients(kernel: tuple[int, int]) -> Array | None:
    """Directions x, rightwards, and y, upwards; None where the kernel is too small for both."""
    if min(kernel) < 2:
        return None
    rows, columns = np.indices(kernel).reshape(2, -1).astype(np.float64)
    return np.asarray([columns - columns.mean(), rows.mean() - rows])
