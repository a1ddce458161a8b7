"""Linear and quadratic patterns on the grid of a kernel, and the Klein bottle they span."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.errors import AnalysisError

Array = NDArray[np.float64]
Kernel = tuple[int, int]

_GRID = 96
_MARGIN = 0.01  # more than half a step of the grid can change the squared cosine
_GOLDEN = (np.sqrt(5) - 1) / 2
_STEPS = 40  # of the golden section: from a grid step to about 1e-10
_CHUNK = 1 << 14
_TOLERANCE = 1e-3


def patterns(kernel: Kernel, powers: tuple[tuple[int, int], ...]) -> Array:
    """Centred patterns ``x**i * y**j`` on the kernel's grid, one row per pair (i, j) of powers.

    ``x`` grows along the columns to the right and ``y`` along the rows upwards, in steps of 1 from
    the middle of the kernel: -1, 0, 1 for three entries.
    """
    height, width = kernel
    if min(height, width) < 1 or height * width < 2:
        msg = f"a kernel needs at least two entries, got {height}×{width}"
        raise AnalysisError(msg)
    x = np.tile(np.arange(width) - (width - 1) / 2, height)
    y = np.repeat((height - 1) / 2 - np.arange(height), width)
    rows = np.array([x**i * y**j for i, j in powers])
    return np.asarray(rows - rows.mean(axis=1, keepdims=True))


def linear_patterns(kernel: Kernel) -> Array:
    """Gradients x and y, shape (2, h * w)."""
    return patterns(kernel, ((1, 0), (0, 1)))


def quadratic_patterns(kernel: Kernel) -> Array:
    """Centred x², xy and y², shape (3, h * w)."""
    return patterns(kernel, ((2, 0), (1, 1), (0, 2)))


def require(kernel: Kernel, height: int, width: int) -> None:
    """Raise an `AnalysisError` for a kernel too small for a model."""
    if kernel[0] < height or kernel[1] < width:
        msg = f"this model needs a kernel of at least {height}×{width}, got {kernel[0]}×{kernel[1]}"
        raise AnalysisError(msg)


def checked(points: ArrayLike, kernel: Kernel) -> Array:
    """Convert filters to float64.

    Raises
    ------
    AnalysisError
        If they are not mean-centred unit vectors of the kernel's size.
    """
    filters = np.asarray(points, dtype=np.float64)
    size = kernel[0] * kernel[1]
    if filters.ndim != 2 or filters.shape[1] != size:
        msg = f"filters of {kernel[0]}×{kernel[1]} have shape (n, {size}), got {filters.shape}"
        raise AnalysisError(msg)
    norms = np.linalg.norm(filters, axis=1)
    fine = (np.abs(norms - 1) < _TOLERANCE) & (np.abs(filters.mean(axis=1)) < _TOLERANCE)
    if not fine.all():
        msg = f"{(~fine).sum()} of {len(fine)} filters are not mean-centred with norm 1"
        raise AnalysisError(msg)
    return filters


def orthonormal(rows: Array) -> Array:
    """Orthonormal basis of the span of the rows, shape (rank, size)."""
    _, sizes, basis = np.linalg.svd(rows, full_matrices=False)
    return np.asarray(basis[sizes > 1e-9 * max(1.0, sizes.max(initial=0.0))])


def bases(kernel: Kernel) -> tuple[Array, Array]:
    """Orthonormal bases of the linear patterns, and of the quadratic ones orthogonal to them."""
    linear = orthonormal(linear_patterns(kernel))
    rest = quadratic_patterns(kernel)
    return linear, orthonormal(rest - rest @ linear.T @ linear)


def nearest(filters: Array, projections: Array) -> tuple[Array, Array]:
    """Cosine with, and distance to, the unit vectors nearest to filters.

    ``projections`` are those of the filters on the span in which the unit vectors lie. The distance
    is 2 sin(α/2) of their angle α, exact also where the cosine is 1 up to rounding.
    """
    along = np.linalg.norm(projections, axis=1)
    angle = np.arctan2(np.linalg.norm(filters - projections, axis=1), along)
    return np.cos(angle), 2 * np.sin(angle / 2)


def wrapped(angles: Array, period: float) -> Array:
    """Angles in [0, period)."""
    inside = np.mod(angles, period)
    return np.where(inside < period, inside, 0.0)  # -1e-20 mod period rounds to period


class KleinModel:
    """Unit patches cos θ₂ t + sin θ₂ q of a kernel.

    t = a x + b y and q = (a x + b y)² with (a, b) = (cos θ₁, sin θ₁), each centred and scaled to
    norm 1.
    """

    def __init__(self, kernel: Kernel) -> None:
        require(kernel, 3, 3)
        self._linear = linear_patterns(kernel)
        self._quadratic = quadratic_patterns(kernel)

    def axes(self, theta1: Array) -> tuple[Array, Array]:
        """Patterns t and q for each θ₁, each of shape (n, h * w)."""
        cosine, sine = np.cos(theta1), np.sin(theta1)
        t = np.stack([cosine, sine], axis=1) @ self._linear
        q = np.stack([cosine**2, 2 * cosine * sine, sine**2], axis=1) @ self._quadratic
        return (
            t / np.linalg.norm(t, axis=1, keepdims=True),
            q / np.linalg.norm(q, axis=1, keepdims=True),
        )

    def patches(self, theta1: Array, theta2: Array) -> Array:
        """Points of the bottle, shape (n, h * w)."""
        t, q = self.axes(theta1)
        return np.cos(theta2)[:, None] * t + np.sin(theta2)[:, None] * q

    def fit(self, filters: Array) -> Array:
        """θ₁ of the nearest patch of each filter, in [0, π)."""
        parts = [
            self._fit_chunk(filters[start : start + _CHUNK])
            for start in range(0, len(filters), _CHUNK)
        ]
        return np.concatenate(parts) if parts else np.zeros(0)

    def _fit_chunk(self, filters: Array) -> Array:
        """Refine every local maximum of the grid that may be the global one; keep the best."""
        grid = np.arange(_GRID) * (np.pi / _GRID)
        t, q = self.axes(grid)
        value = (filters @ t.T) ** 2 + (filters @ q.T) ** 2
        peak = value >= np.maximum(np.roll(value, 1, axis=1), np.roll(value, -1, axis=1))
        peak &= value >= value.max(axis=1, keepdims=True) - _MARGIN
        rows, columns = np.nonzero(peak)
        angles, values = self._refine(filters[rows], grid[columns])
        order = np.lexsort((values, rows))
        last = np.flatnonzero(np.diff(rows[order], append=-1))
        return wrapped(angles[order[last]], np.pi)

    def _refine(self, filters: Array, start: Array) -> tuple[Array, Array]:
        """Golden-section search for the largest squared cosine within a grid step of ``start``."""
        coordinates = self._coordinates(filters)
        low, high = start - np.pi / _GRID, start + np.pi / _GRID
        left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
        at_left = self._squared_cosine(coordinates, left)
        at_right = self._squared_cosine(coordinates, right)
        for _ in range(_STEPS):
            up = at_right > at_left
            low, high = np.where(up, left, low), np.where(up, high, right)
            new = np.where(up, low + _GOLDEN * (high - low), high - _GOLDEN * (high - low))
            value = self._squared_cosine(coordinates, new)
            left, right = np.where(up, right, new), np.where(up, new, left)
            at_left, at_right = np.where(up, at_right, value), np.where(up, value, at_left)
        return (low + high) / 2, np.maximum(at_left, at_right)

    def _coordinates(self, filters: Array) -> Array:
        return np.asarray(np.concatenate([self._linear, self._quadratic]) @ filters.T)

    def _squared_cosine(self, coordinates: Array, theta1: Array) -> Array:
        """Squared norm of the projection on the span of t and q, from inner products alone."""
        a, b = np.cos(theta1), np.sin(theta1)
        weights = np.stack([a * a, 2 * a * b, b * b])
        along = a * coordinates[0] + b * coordinates[1]
        size = a * a * (self._linear[0] @ self._linear[0]) + b * b * (
            self._linear[1] @ self._linear[1]
        )
        bent = np.einsum("in,in->n", weights, coordinates[2:])
        gram = self._quadratic @ self._quadratic.T
        bent_size = np.einsum("in,in->n", weights, gram @ weights)
        return np.asarray(along**2 / size + bent**2 / bent_size)
