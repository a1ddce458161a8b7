"""Neural persistence: how unevenly a layer's connections are weighted, by its spanning forest."""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis._spanning_kernels import spanning_tree
from analysis.errors import AnalysisError

Floats: TypeAlias = NDArray[np.float64]


def neural_persistence(
    weights: ArrayLike, *, scale: float | None = None, order: float = 2, normalised: bool = True
) -> float:
    """Compute the neural persistence of one layer.

    The layer is a bipartite graph between its inputs and outputs. All neurons are there from value
    1 on, and connections enter by falling ``|w| / scale``; each edge of the maximum spanning
    tree ends a component, a bar of length ``1 - |w| / scale``. The value is the ``order``-norm of
    these ``inputs + outputs - 1`` bars, without the one that never ends.

    Parameters
    ----------
    weights : array_like of shape (out, in) or (out, in, ...)
        A convolution kernel (out, in, h, w) is taken as the matrix (out, in·h·w) that it multiplies
        unfolded patches with: its inputs are the entries of a patch.
    scale : float, optional
        Largest ``|w|`` of the whole network, so that layers can be compared. By default that of the
        layer.
    order : float
        p of the norm, from 1 to infinity.
    normalised : bool
        Divide by ``(inputs + outputs - 1)^(1/p)``, the largest value possible, so that the result
        is from 0 (all ``|w|`` equal the scale) to 1 and layers of different sizes can be compared.

    Returns
    -------
    float
        0 for a layer of nothing but zeros, by convention: its connections are no filtration. (A
        layer of weights that are tiny beside ``scale`` comes near 1.)

    Raises
    ------
    AnalysisError
        If the weights are empty, not of such a shape or not finite, ``scale`` is not finite or
        below the largest ``|w|``, or the order is below 1.

    References
    ----------
    B. Rieck et al., "Neural persistence: a complexity measure for deep neural networks using
    algebraic topology", ICLR (2019), arXiv:1812.09764, definitions 1 and 2.
    """
    edges = spanning_weights(weights)
    return persistence_of(edges, scale=scale, order=order, normalised=normalised)


def persistence_of(
    edges: Floats, *, scale: float | None = None, order: float = 2, normalised: bool = True
) -> float:
    """Compute neural persistence from a layer's spanning tree, which does not depend on the scale.

    Parameters
    ----------
    edges : ndarray of float64, shape (inputs + outputs - 1,)
        See `spanning_weights`.
    scale, order, normalised
        As for `neural_persistence`.

    Returns
    -------
    float

    Raises
    ------
    AnalysisError
        As `neural_persistence`.
    """
    if not order >= 1:
        msg = f"order={order} must be at least 1"
        raise AnalysisError(msg)
    largest = float(edges[0])  # the heaviest connection is in every maximum spanning tree
    reference = largest if scale is None else float(scale)
    if not np.isfinite(reference) or reference < largest:
        msg = f"scale={scale} must be finite and at least the layer's largest |w|, {largest}"
        raise AnalysisError(msg)
    if largest == 0:
        return 0.0
    bars = 1 - edges / reference
    if normalised and np.isfinite(order):
        return float(np.mean(bars**order) ** (1 / order))
    return float(np.linalg.norm(bars, order))


def spanning_weights(weights: ArrayLike) -> Floats:
    """Absolute weights of a maximum spanning tree of a layer, zeros being connections too.

    Parameters
    ----------
    weights : array_like of shape (out, in) or (out, in, ...)
        float32 and float64 are not copied.

    Returns
    -------
    ndarray of float64, shape (out + in - 1,)
        The heaviest first.

    Raises
    ------
    AnalysisError
        If the weights are empty, not of such a shape or not finite.
    """
    found = spanning_tree(_checked_matrix(weights)).astype(np.float64)
    return np.ascontiguousarray(np.sort(found)[::-1])


def largest_weight(weights: NDArray[Any]) -> float:
    """Largest absolute weight, NaN or infinite where one is; nothing is copied.

    Parameters
    ----------
    weights : ndarray of real numbers, any shape
    """
    if not weights.size:
        return 0.0
    with np.errstate(invalid="ignore"):
        return float(np.maximum(float(weights.max()), -float(weights.min())))


def warm() -> None:
    """Compile or load the kernel of this module, so that no request waits for it."""
    for kind in (np.float32, np.float64):
        spanning_tree(np.ones((2, 3), kind))


def _checked_matrix(weights: ArrayLike) -> NDArray[Any]:
    """Weights as a matrix of a precision that kernels know; half precision becomes single."""
    array = np.asarray(weights)
    if array.ndim < 2 or array.size == 0:
        msg = f"weights must be of shape (out, in) or (out, in, h, w) and not empty: {array.shape}"
        raise AnalysisError(msg)
    if not (np.issubdtype(array.dtype, np.floating) or np.issubdtype(array.dtype, np.integer)):
        msg = f"weights must be real numbers, got {array.dtype}"
        raise AnalysisError(msg)
    if not np.isfinite(largest_weight(array)):
        bad = int((~np.isfinite(array)).sum())
        msg = f"{bad:,} of {array.size:,} weights are NaN or infinite"
        raise AnalysisError(msg)
    kind = np.float32 if array.dtype.kind == "f" and array.dtype.itemsize <= 4 else np.float64
    return np.ascontiguousarray(array.reshape(len(array), -1), dtype=kind)
