"""Clouds of patches with known homology: circles and the Klein bottle (see `circle_models`)."""

import numpy as np
from numpy.typing import ArrayLike

from analysis._klein import Array, Kernel, KleinModel


def klein_patches(theta1: ArrayLike, theta2: ArrayLike, kernel: Kernel = (3, 3)) -> Array:
    """Patches cos θ₂ t + sin θ₂ t² of the Klein bottle (see `circle_models`).

    Parameters
    ----------
    theta1, theta2 : array_like of shape (n,), or numbers
        Radians.
    kernel : tuple of int
        Height and width, at least 3×3.

    Returns
    -------
    ndarray of float64, shape (n, h * w)
        Row by row, mean-centred, norm 1.

    Raises
    ------
    AnalysisError
        If the kernel is too small.
    """
    one, two = np.broadcast_arrays(np.atleast_1d(theta1), np.atleast_1d(theta2))
    return KleinModel(kernel).patches(one.astype(np.float64), two.astype(np.float64))


def primary_circle(n: int, kernel: Kernel = (3, 3), *, seed: int | None = None) -> Array:
    """Sample the primary circle: gradients cos θ x + sin θ y, centred and normalised.

    Parameters
    ----------
    n : int
    kernel : tuple of int
        Height and width, at least 3×3.
    seed : int, optional
        Draw uniform angles. Without it the angles are evenly spaced from 0 on.

    Returns
    -------
    ndarray of float64, shape (n, h * w)
    """
    return klein_patches(_angles(n, seed), 0.0, kernel)


def secondary_circles(n: int, kernel: Kernel = (3, 3), *, seed: int | None = None) -> Array:
    """Sample the two secondary circles c t² + d t, with t = x and t = y in turn.

    Parameters and result are those of `primary_circle`; the angle is θ₂.
    """
    return klein_patches((np.arange(n) % 2) * (np.pi / 2), _angles(n, seed), kernel)


def three_circles(n: int, kernel: Kernel = (3, 3), *, seed: int | None = None) -> Array:
    """Sample the three-circle model: the primary and both secondary circles in turn.

    Parameters and result are those of `primary_circle`. The union has first Betti number 5.
    """
    angles, circle = _angles(n, seed), np.arange(n) % 3
    theta1 = np.where(circle == 0, angles, (circle - 1) * (np.pi / 2))
    return klein_patches(theta1, np.where(circle == 0, 0.0, angles), kernel)


def klein_bottle(n: int, kernel: Kernel = (3, 3), *, seed: int | None = None) -> Array:
    """Sample the Klein bottle.

    Parameters and result are those of `primary_circle`. Without a seed the angles θ₁, θ₂ are a
    golden-ratio lattice, which is even for every n.
    """
    if seed is None:
        steps = np.arange(n)
        golden = (np.sqrt(5) - 1) / 2
        return klein_patches(np.pi * (steps + 0.5) / n, 2 * np.pi * (steps * golden % 1), kernel)
    theta1, theta2 = np.random.default_rng(seed).uniform(0, 2 * np.pi, (2, n))
    return klein_patches(theta1, theta2, kernel)


def _angles(n: int, seed: int | None) -> Array:
    if seed is None:
        return 2 * np.pi * np.arange(n) / n if n else np.zeros(0)
    return np.random.default_rng(seed).uniform(0, 2 * np.pi, n)
