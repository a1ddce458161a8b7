"""Prediction of classes from features of inputs by support vectors, and recovery after attacks.

All is computed from inner products, so that generators, pixels and activations go the same way.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.errors import AnalysisError
from analysis.generator_similarity import normalised

__all__ = ["KERNELS", "SCHEMES", "Folds", "Prediction", "Recovery", "folds", "predict", "recover"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Folds = Sequence[tuple[Integers, Integers]]
"""Rows to train on and rows to test on; every row is tested once."""

KERNELS = ("linear", "cosine", "rbf")
"""Inner product; cosine; exp(-g d²) of the distance d of vectors scaled to length 1, 1/g being the
mean squared distance of the trained vectors from their mean (g = "scale" of scikit-learn but for
the mean). Published are "linear" on indicators and "cosine" on lifetimes."""

SCHEMES = ("ovo", "ovr")
"""A classifier for every two classes, as published, or for each class against the rest."""


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """How well a support vector machine tells the classes.

    Attributes
    ----------
    kernel : str
    accuracy, std : float
        Mean over the folds, and standard deviation (ddof 1) of the accuracies of the folds.
    n, folds : int
        Inputs, each of which was tested once, and folds.
    predicted : ndarray of int64, shape (n,)
    """

    kernel: str
    accuracy: float
    std: float
    n: int
    folds: int
    predicted: Integers


@dataclass(frozen=True, slots=True, eq=False)
class Recovery:
    """What classifiers that were trained on clean inputs make of attacked ones.

    Attributes
    ----------
    kernel : str
    original : float
        Share of attacked inputs that are still given their true class.
    adversary : float
        Share that are given the class that the network now gives.
    clean : float
        Share of the same inputs, before the attack, that the same classifiers get right.
    network : float
        Share that the network still gets right; 0 where only inputs count that it gets wrong.
    std : float
        Standard deviation (ddof 1) of `original` over the folds.
    n, folds : int
        Attacked inputs that count, and folds that have some.
    """

    kernel: str
    original: float
    adversary: float
    clean: float
    network: float
    std: float
    n: int
    folds: int


def folds(
    labels: Integers, count: int = 10, *, images: Integers | None = None, seed: int = 0
) -> Folds:
    """Split rows for cross-validation: each class spread evenly, no image on both sides.

    Parameters
    ----------
    labels : ndarray of int, shape (n,)
    count : int
        Of folds.
    images : ndarray of int, shape (n,), optional
        Of which image each row is; without, every row is an image of its own. Rows of one image
        have one label.
    seed : int
        Of the order.

    Returns
    -------
    list of (train, test)
        Ascending rows.

    Raises
    ------
    AnalysisError
        If there is one class only, or a class has fewer images than there are folds, or rows of an
        image differ in label.
    """
    from sklearn.model_selection import StratifiedKFold

    own = np.arange(len(labels)) if images is None else images
    _, first, of_image = np.unique(own, return_index=True, return_inverse=True)
    kinds = labels[first]
    if not np.array_equal(kinds[of_image], labels):
        msg = "labels of rows of the same image differ: number the images apart"
        raise AnalysisError(msg)
    _check_classes(kinds, count)
    splitter = StratifiedKFold(count, shuffle=True, random_state=seed)
    tested = np.empty(len(kinds), dtype=np.int64)
    for fold, (_, test) in enumerate(splitter.split(kinds, kinds)):
        tested[test] = fold
    return [
        (np.flatnonzero(tested[of_image] != fold), np.flatnonzero(tested[of_image] == fold))
        for fold in range(count)
    ]


def _check_classes(kinds: Integers, count: int) -> None:
    found, sizes = np.unique(kinds, return_counts=True)
    if len(found) < 2:
        what = f"all {len(kinds)} inputs are of class {found[0]}" if len(found) else "no inputs"
        msg = f"prediction needs inputs of at least two classes, got {what}: take more inputs"
        raise AnalysisError(msg)
    if not 2 <= count <= sizes.min():
        msg = (
            f"folds must be from 2 to the {sizes.min()} inputs of class {found[sizes.argmin()]}, "
            f"the rarest, got {count}: take more inputs or fewer folds"
        )
        raise AnalysisError(msg)


def predict(
    products: Floats, labels: Integers, how: Folds, kernel: str = "cosine", *, scheme: str = "ovo"
) -> Prediction:
    """Cross-validate a support vector machine (C = 1).

    Parameters
    ----------
    products : ndarray, shape (n, n)
        Inner products of the inputs' vectors, as `generator_similarity.gram` gives them.
    labels : ndarray of int, shape (n,)
    how : Folds
        The same for all features that are compared.
    kernel, scheme : str
        One of `KERNELS` and one of `SCHEMES`.

    Returns
    -------
    Prediction

    Raises
    ------
    AnalysisError
        If the kernel or the scheme is unknown or shapes differ.
    """
    _check_kernel(kernel, products, len(labels))
    if scheme not in SCHEMES:
        msg = f"scheme must be one of {', '.join(SCHEMES)}, got {scheme!r}"
        raise AnalysisError(msg)
    predicted = np.empty(len(labels), dtype=np.int64)
    for train, test in how:
        predicted[test] = _classified(products, labels, (train, test), kernel, scheme=scheme)
    hits = [float(np.mean(predicted[test] == labels[test])) for _, test in how]
    spread = float(np.std(hits, ddof=1))
    return Prediction(kernel, float(np.mean(hits)), spread, len(labels), len(how), predicted)


def recover(
    products: Floats,
    labels: Integers,
    after: Integers,
    how: Folds,
    *,
    kernel: str = "cosine",
    among: NDArray[np.bool_] | None = None,
) -> Recovery:
    """Train on clean inputs, and classify the attacked versions of others.

    Parameters
    ----------
    products : ndarray, shape (2n, 2n)
        Inner products of the vectors of n clean inputs and, in the same order, of the same inputs
        after the attack.
    labels : ndarray of int, shape (n,)
        True classes.
    after : ndarray of int, shape (n,)
        What the network says of the attacked inputs.
    how : Folds
        Of the n images: none is attacked that its classifier was trained on.
    kernel : str
        One of `KERNELS`.
    among : ndarray of bool, shape (n,), optional
        Which attacked inputs count; by default those that the network gets wrong.

    Returns
    -------
    Recovery
        Shares are NaN if no input counts.

    Raises
    ------
    AnalysisError
        As `predict`.
    """
    n = len(labels)
    _check_kernel(kernel, products, 2 * n)
    counted = after != labels if among is None else among
    said = np.empty((2, n), dtype=np.int64)
    for train, test in how:
        both = np.concatenate([test, test + n])
        answers = _classified(products, labels, (train, both), kernel)
        said[:, test] = answers.reshape(2, -1)
    hits = [said[1][test] == labels[test] for _, test in how]
    shares = [
        float(hit[counted[test]].mean())
        for hit, (_, test) in zip(hits, how, strict=True)
        if counted[test].any()
    ]
    return Recovery(
        kernel=kernel,
        original=_share(said[1] == labels, counted),
        adversary=_share(said[1] == after, counted),
        clean=_share(said[0] == labels, counted),
        network=_share(after == labels, counted),
        std=float(np.std(shares, ddof=1)) if len(shares) > 1 else float("nan"),
        n=int(counted.sum()),
        folds=len(shares),
    )


def _share(hits: NDArray[np.bool_], counted: NDArray[np.bool_]) -> float:
    return float(hits[counted].mean()) if counted.any() else float("nan")


def _check_kernel(kernel: str, products: Floats, n: int) -> None:
    if kernel not in KERNELS:
        msg = f"kernel must be one of {', '.join(KERNELS)}, got {kernel!r}"
        raise AnalysisError(msg)
    if products.shape != (n, n):
        msg = f"inner products have shape {products.shape}, expected {(n, n)} for these labels"
        raise AnalysisError(msg)


def _classified(
    products: Floats,
    labels: Integers,
    split: tuple[Integers, Integers],
    kernel: str,
    *,
    scheme: str = "ovo",
) -> Integers:
    from sklearn.multiclass import OneVsRestClassifier
    from sklearn.svm import SVC

    train, test = split
    similar = _similarities(products, train, kernel)
    model = SVC(C=1, kernel="precomputed", decision_function_shape="ovo")
    model = OneVsRestClassifier(model) if scheme == "ovr" else model
    model.fit(similar[np.ix_(train, train)], labels[train])
    return np.asarray(model.predict(similar[np.ix_(test, train)]), dtype=np.int64)


def _similarities(products: Floats, train: Integers, kernel: str) -> Floats:
    if kernel == "linear":
        return products
    cosines = normalised(products)
    if kernel == "cosine":
        return cosines
    own = np.diag(cosines)
    distances = np.maximum(own[:, None] + own - 2 * cosines, 0)  # squared
    # of vectors from their mean: half of the mean squared distance between them
    spread = float(distances[np.ix_(train, train)].mean()) / 2
    return np.asarray(np.exp(-distances / (spread or 1.0)))
