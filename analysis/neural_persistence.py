"""Neural persistence: how unevenly a layer's connections are weighted, by its spanning forest."""

from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import minimum_spanning_tree

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
    matrix = _checked_matrix(weights)
    if not order >= 1:
        msg = f"order={order} must be at least 1"
        raise AnalysisError(msg)
    largest = float(matrix.max())
    reference = largest if scale is None else float(scale)
    if not np.isfinite(reference) or reference < largest:
        msg = f"scale={scale} must be finite and at least the layer's largest |w|, {largest}"
        raise AnalysisError(msg)
    if largest == 0:
        return 0.0
    bars = 1 - spanning_weights(matrix / reference)
    if normalised and np.isfinite(order):
        return float(np.mean(bars**order) ** (1 / order))
    return float(np.linalg.norm(bars, order))


def spanning_weights(matrix: Floats) -> Floats:
    """Edge weights of a maximum spanning tree of the complete bipartite graph.

    Parameters
    ----------
    matrix : ndarray of float64, shape (out, in)
        Weights from 0 to 1; zeros are edges too.

    Returns
    -------
    ndarray of float64, shape (out + in - 1,)
    """
    n_out, n_in = matrix.shape
    n = n_out + n_in
    columns = np.tile(np.arange(n_out, n, dtype=np.int32), n_out)
    ends = np.minimum(np.arange(n + 1), n_out) * n_in
    # scipy takes the lightest edges, and none of weight 0
    cost = csr_array((2 - matrix.ravel(), columns, ends.astype(np.int32)), shape=(n, n))
    rows, chosen = minimum_spanning_tree(cost).nonzero()
    return np.asarray(matrix[rows, chosen - n_out])


def _checked_matrix(weights: ArrayLike) -> Floats:
    """Absolute weights as a matrix."""
    array = np.asarray(weights)
    if array.ndim < 2 or array.size == 0:
        msg = f"weights must be of shape (out, in) or (out, in, h, w) and not empty: {array.shape}"
        raise AnalysisError(msg)
    if not (np.issubdtype(array.dtype, np.floating) or np.issubdtype(array.dtype, np.integer)):
        msg = f"weights must be real numbers, got {array.dtype}"
        raise AnalysisError(msg)
    matrix = np.abs(array.reshape(len(array), -1).astype(np.float64))
    bad = int((~np.isfinite(matrix)).sum())
    if bad:
        msg = f"{bad:,} of {matrix.size:,} weights are NaN or infinite"
        raise AnalysisError(msg)
    return matrix
