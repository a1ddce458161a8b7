"""The inputs that a network is shown: which of a data set, and how they are chosen."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.checkpoints import read_tensor, tensor_index
from analysis.datasets import Dataset, load_dataset
from analysis.errors import AnalysisError
from analysis.homology import greedy_landmarks
from analysis.networks import NetworkSource, data_dir

SAMPLINGS = ("random", "stratified", "spread")

LABELS = "labels"
"""Name of the labels among stored activations."""


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """The inputs that a network is shown.

    Attributes
    ----------
    rows : ndarray of int64, shape (n,)
        Which inputs of the data set.
    inputs : ndarray of float32, shape (n, …)
    labels : ndarray of int64, shape (n,)
        -1 where there are none.
    class_names : tuple of str
    n_total : int
        How many there were to choose from.
    """

    rows: NDArray[np.int64]
    inputs: NDArray[np.float32]
    labels: NDArray[np.int64]
    class_names: tuple[str, ...]
    n_total: int


def draw(
    labels: NDArray[np.int64],
    inputs: NDArray[Any],
    class_names: Sequence[str],
    *,
    count: int,
    of_class: str = "",
    sampling: str = "random",
    seed: int = 0,
) -> tuple[NDArray[np.int64], int]:
    """Choose inputs.

    Parameters
    ----------
    labels : ndarray of int64, shape (n,)
    inputs : ndarray, shape (n, …)
        For the sampling "spread".
    class_names : sequence of str
    count : int
        How many.
    of_class : str
        Name or number of the only class; empty for all.
    sampling : str
        "random"; "stratified": as many of each class as its share says, rounded; "spread": greedy
        landmarks, each as far as possible from those before, which cover a shape evenly.
    seed : int

    Returns
    -------
    rows : ndarray of int64, shape (count,)
        Ascending.
    n_total : int
        How many there were to choose from.

    Raises
    ------
    AnalysisError
        If there is no such class, or fewer inputs than asked for.
    """
    among = np.flatnonzero(labels == _label(of_class, class_names)) if of_class else None
    rows = np.arange(len(labels)) if among is None else among
    if count > len(rows):
        which = f"of class {of_class} " if of_class else ""
        msg = f"inputs = {count}: there are {len(rows)} inputs {which}in the data: ask for fewer"
        raise AnalysisError(msg)
    rng = np.random.default_rng(seed)
    if sampling == "spread":
        flat = np.asarray(inputs[rows], dtype=np.float64).reshape(len(rows), -1)
        return np.sort(rows[greedy_landmarks(flat, count)[0]]), len(rows)
    if sampling == "stratified":
        return np.sort(_stratified(rows, labels, count, rng)), len(rows)
    return np.sort(rng.choice(rows, size=count, replace=False)), len(rows)


def _label(said: str, class_names: Sequence[str]) -> int:
    if said in class_names:
        return list(class_names).index(said)
    if said.isdecimal() and int(said) < len(class_names):
        return int(said)
    names = ", ".join(class_names[:12]) + (" …" if len(class_names) > 12 else "")
    msg = f"there is no class {said!r} in the data; there are {names or 'no labels'}"
    raise AnalysisError(msg)


def _stratified(
    rows: NDArray[np.int64], labels: NDArray[np.int64], count: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Take of each class its share, the largest remainders rounded up."""
    kinds, sizes = np.unique(labels[rows], return_counts=True)
    exact = sizes * (count / len(rows))
    share = np.floor(exact).astype(int)
    share[np.argsort(share - exact, kind="stable")[: count - share.sum()]] += 1
    parts = [
        rng.choice(rows[labels[rows] == kind], size=n, replace=False)
        for kind, n in zip(kinds, share, strict=True)
    ]
    return np.concatenate(parts)


def batch_of(source: NetworkSource, **how: Any) -> Batch:
    """Choose the inputs of a network; arguments as those of `draw`.

    Raises
    ------
    AnalysisError
        See `draw`.
    NerveScopeError
        If the data cannot be read.
    """
    if source.stored:
        arrays = stored(source)
        n = min((len(each) for each in arrays.values()), default=0)
        labels = stored_labels(source, n)
        names = tuple(map(str, range(int(labels.max(initial=-1)) + 1)))
        first = next(iter(arrays.values()))[:n]
        rows, total = draw(labels, first, names, **how)
        return Batch(rows, np.zeros((len(rows), 0), np.float32), labels[rows], names, total)
    dataset = load_dataset(source.settings, data_dir=data_dir(), base=Path(source.base))
    rows, total = _drawn(dataset, tuple(sorted(how.items())))
    return Batch(rows, dataset.inputs[rows], dataset.labels[rows], dataset.class_names, total)


@functools.lru_cache(maxsize=32)
def _drawn(dataset: Dataset, how: tuple[tuple[str, Any], ...]) -> tuple[NDArray[np.int64], int]:
    """Choose once for all networks of a study: greedy landmarks of many inputs take seconds."""
    return draw(dataset.labels, dataset.inputs, dataset.class_names, **dict(how))


def stored(source: NetworkSource) -> dict[str, NDArray[Any]]:
    """Read the wanted arrays of stored activations.

    Raises
    ------
    AnalysisError
        If there are none.
    """
    (file,) = source.files
    names = [name for name in tensor_index(file).tensors if name != LABELS]
    wanted = [name for name in names if not source.layers or name in source.layers]
    found = {name: read_tensor(file, name) for name in wanted}
    usable = {name: each for name, each in found.items() if each.ndim and each.dtype.kind in "fiu"}
    if not usable:
        msg = f"{file}: holds no arrays of activations, one row per input"
        raise AnalysisError(msg)
    return usable


def stored_labels(source: NetworkSource, n: int) -> NDArray[np.int64]:
    """Read the labels beside stored activations, -1 where there are none.

    Raises
    ------
    AnalysisError
        If they do not fit.
    """
    (file,) = source.files
    if LABELS not in tensor_index(file).tensors:
        return np.full(n, -1)
    labels = read_tensor(file, LABELS)
    if labels.shape[:1] != (n,) or labels.ndim != 1 or labels.dtype.kind not in "iu":
        msg = (
            f"{file}: labels must be {n} whole numbers, got {labels.dtype} of shape {labels.shape}"
        )
        raise AnalysisError(msg)
    return labels.astype(np.int64)
