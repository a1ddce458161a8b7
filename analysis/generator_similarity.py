"""How similar inputs are by vectors of them: kernels, classes, neighbours, pictures in a plane."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.errors import AnalysisError

__all__ = [
    "EMBEDDINGS",
    "Neighbours",
    "class_similarity",
    "cosine_kernel",
    "embedding",
    "gram",
    "neighbours",
    "normalised",
    "rank_correlation",
]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Features = Any
"""A scipy sparse array (n, d), see `analysis.generator_features`, or a numpy array (n, …)."""

EMBEDDINGS = ("pca", "umap")


def gram(rows: Features) -> Floats:
    """Inner products of all pairs of rows, each flattened, shape (n, n).

    Raises
    ------
    AnalysisError
        If there are no rows, or one holds NaN or infinity.
    """
    n, is_dense = rows.shape[0], isinstance(rows, np.ndarray)
    if n == 0 or not np.isfinite(rows if is_dense else rows.data).all():
        what = "some hold NaN or infinity" if n else "there are none"
        msg = f"rows of features must be finite numbers of at least one input: {what}"
        raise AnalysisError(msg)
    flat = (rows.reshape(n, -1) if is_dense else rows).astype(np.float64)
    product = flat @ flat.T
    return np.asarray(product if is_dense else product.toarray())


def cosine_kernel(rows: Features) -> Floats:
    """Cosine similarity of all pairs of rows.

    Parameters
    ----------
    rows : scipy sparse array or ndarray, shape (n, d)
        Features, or images (n, …), whose pixels should be 0 where there is nothing.

    Returns
    -------
    ndarray of float64, shape (n, n)
        An empty row (of zeros) is similar to none: 0, also with itself.

    Raises
    ------
    AnalysisError
        See `gram`.
    """
    return normalised(gram(rows))


def normalised(products: Floats) -> Floats:
    """Cosines from inner products (n, n); 0 where a vector is 0."""
    norms = np.sqrt(np.diag(products))
    scale = np.divide(1, norms, out=np.zeros_like(norms), where=norms > 0)
    found: Floats = np.clip(products * scale[:, None] * scale, -1, 1)
    return found


def class_similarity(rows: Features, labels: Integers, n_classes: int) -> Floats:
    """Cosine similarity of the mean vectors of classes.

    Parameters
    ----------
    rows : scipy sparse array or ndarray, shape (n, d)
    labels : ndarray of int, shape (n,)
        Below 0: of no class.
    n_classes : int

    Returns
    -------
    ndarray of float64, shape (n_classes, n_classes)
        NaN for classes without inputs.
    """
    of_class = (labels == np.arange(n_classes)[:, None]).astype(np.float64)
    counts = of_class.sum(axis=1)
    means = of_class / np.maximum(counts, 1)[:, None]
    found = normalised(means @ gram(rows) @ means.T)
    missing = counts == 0
    found[missing] = np.nan
    found[:, missing] = np.nan
    return found


@dataclass(frozen=True, slots=True, eq=False)
class Neighbours:
    """The most similar other inputs of each input.

    Attributes
    ----------
    rows : ndarray of int64, shape (n, k)
        Most similar first; of equally similar ones the first.
    similarities : ndarray of float64, shape (n, k)
    """

    rows: Integers
    similarities: Floats


def neighbours(kernel: Floats, count: int) -> Neighbours:
    """Find the most similar inputs.

    Raises
    ------
    AnalysisError
        If there are not so many others.
    """
    if not 1 <= count < len(kernel):
        msg = f"neighbours: count must be from 1 to {len(kernel) - 1}, got {count}"
        raise AnalysisError(msg)
    others = kernel.copy()
    np.fill_diagonal(others, -np.inf)
    rows = np.argsort(-others, axis=1, kind="stable")[:, :count]
    return Neighbours(rows, np.take_along_axis(kernel, rows, axis=1))


def rank_correlation(first: Floats, second: Floats) -> float:
    """Spearman's correlation of two kernels over all pairs of inputs; ties share their rank.

    Parameters
    ----------
    first, second : ndarray, shape (n, n)

    Returns
    -------
    float
        NaN if one of them says the same of all pairs, or there are fewer than two.

    Raises
    ------
    AnalysisError
        If they are not of the same inputs.
    """
    from scipy.stats import rankdata

    if first.shape != second.shape:
        msg = f"kernels of shapes {first.shape} and {second.shape}: give those of the same inputs"
        raise AnalysisError(msg)
    pairs = np.triu_indices(len(first), 1)
    ranks = [rankdata(kernel[pairs]) for kernel in (first, second)]
    if len(pairs[0]) < 2 or any(np.ptp(each) == 0 for each in ranks):
        return float("nan")
    return float(np.corrcoef(*ranks)[0, 1])


def embedding(kernel: Floats, how: str = "pca", *, seed: int = 0) -> tuple[Floats, Floats]:
    """Put inputs into a plane.

    Parameters
    ----------
    kernel : ndarray, shape (n, n)
        Inner products, such as `cosine_kernel`.
    how : str
        "pca": principal axes of the vectors behind the kernel; "umap": of their distances.
    seed : int
        Of UMAP.

    Returns
    -------
    plane : ndarray of float64, shape (n, 2)
    explained : ndarray of float64, shape (2,)
        Share of the variance along each principal axis; NaN for UMAP.

    Raises
    ------
    AnalysisError
        If there is no such embedding, or fewer than 8 inputs for UMAP.
    """
    if how not in EMBEDDINGS:
        msg = f"embedding must be one of {', '.join(EMBEDDINGS)}, got {how!r}"
        raise AnalysisError(msg)
    if how == "pca":
        return _principal(kernel, 2)
    from analysis.lenses import lens_values

    every, _ = _principal(kernel, len(kernel))
    return lens_values(every, "umap", seed=seed), np.full(2, np.nan)


def _principal(kernel: Floats, count: int) -> tuple[Floats, Floats]:
    """Principal coordinates (n, count), at least two, with the shares of the first two."""
    from scipy.linalg import eigh

    n = len(kernel)
    centred = kernel - kernel.mean(axis=0) - kernel.mean(axis=1)[:, None] + kernel.mean()
    values, vectors = eigh(centred, subset_by_index=(max(n - count, 0), n - 1))
    values, vectors = np.maximum(values[::-1], 0), vectors[:, ::-1]
    furthest = vectors[np.abs(vectors).argmax(axis=0), np.arange(len(values))]
    turned = vectors * (np.where(furthest < 0, -1.0, 1.0) * np.sqrt(values))  # no sign is given
    lacking = max(2 - len(values), 0)
    total = float(np.trace(centred)) or 1.0
    return np.pad(turned, ((0, 0), (0, lacking))), np.pad(values, (0, lacking))[:2] / total
