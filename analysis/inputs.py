"""The inputs that a network is shown: which of a data set, and how they are chosen."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.checkpoints import TensorInfo, read_tensor, tensor_index
from analysis.datasets import Dataset, load_dataset
from analysis.errors import AnalysisError
from analysis.homology import greedy_landmarks
from analysis.networks import NetworkSource, data_dir

SAMPLINGS = ("random", "stratified", "spread")

LABELS = "labels"
"""Name of the labels among stored activations."""

MOST_CLASSES = 10_000

FEWEST = 2
"""Inputs that have a shape."""

NUMBERS = ("float", "int", "uint", "bfloat16")
"""Beginnings of the names of types that activations can be stored in."""


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
    note : str
        Why there are fewer than were asked for; empty where there are as many.
    """

    rows: NDArray[np.int64]
    inputs: NDArray[np.float32]
    labels: NDArray[np.int64]
    class_names: tuple[str, ...]
    n_total: int
    note: str = ""


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
        At most how many: where there are fewer, all are taken.
    of_class : str
        Name or number of the only class; empty for all.
    sampling : str
        "random"; "stratified": as many of each class as its share says, rounded; "spread": greedy
        landmarks, each as far as possible from those before, which cover a shape evenly; of
        inputs that are equal one is taken.
    seed : int
        Of the other two: landmarks are the same whatever it is.

    Returns
    -------
    rows : ndarray of int64, shape (at most count,)
        Ascending.
    n_total : int
        How many there were to choose from.

    Raises
    ------
    AnalysisError
        If there is no such class, or there are fewer than two inputs, or than two that differ.
    """
    among = np.flatnonzero(labels == _label(of_class, class_names)) if of_class else None
    rows = np.arange(len(labels)) if among is None else among
    if len(rows) < FEWEST:
        which = f" of class {of_class}" if of_class else ""
        msg = f"there are {len(rows)} inputs{which} in the data: a shape needs at least {FEWEST}"
        raise AnalysisError(msg)
    size = min(count, len(rows))
    rng = np.random.default_rng(seed)
    if sampling == "spread":
        return np.sort(rows[_landmarks(inputs[rows], size)]), len(rows)
    if sampling == "stratified":
        return np.sort(_stratified(rows, labels, size, rng)), len(rows)
    return np.sort(rng.choice(rows, size=size, replace=False)), len(rows)


def _landmarks(inputs: NDArray[Any], count: int) -> NDArray[np.int64]:
    flat = np.asarray(inputs, dtype=np.float64).reshape(len(inputs), -1)
    if count < len(flat):
        found, _ = greedy_landmarks(flat, count)
    else:  # all that differ
        kept = {row.tobytes(): i for i, row in reversed([*enumerate(flat + 0.0)])}
        found = np.array(sorted(kept.values()), dtype=np.int64)
    if len(found) < FEWEST <= count:
        msg = f"all {len(flat):,} inputs are equal: take another sampling than spread"
        raise AnalysisError(msg)
    return found


def _why_fewer(asked: int, taken: int, total: int) -> str:
    if taken >= asked:
        return ""
    if taken == total:
        return f"{asked:,} asked for; there are no more"
    return f"{asked:,} asked for; only {taken:,} of {total:,} differ"


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
        return _stored_batch(source, how)
    dataset = load_dataset(source.settings, data_dir=data_dir(), base=Path(source.base))
    rows, total = _drawn(dataset, tuple(sorted(how.items())))
    why = _why_fewer(how["count"], len(rows), total)
    return Batch(rows, dataset.inputs[rows], dataset.labels[rows], dataset.class_names, total, why)


@functools.lru_cache(maxsize=32)
def _drawn(dataset: Dataset, how: tuple[tuple[str, Any], ...]) -> tuple[NDArray[np.int64], int]:
    """Choose once for all networks of a study: greedy landmarks of many inputs take seconds."""
    return draw(dataset.labels, dataset.inputs, dataset.class_names, **dict(how))


def _stored_batch(source: NetworkSource, how: dict[str, Any]) -> Batch:
    usable = [name for name, why in stored_layers(source).items() if not why]
    (file,) = source.files
    if not usable:
        msg = f"{file}: holds no arrays of activations, one row per input"
        raise AnalysisError(msg)
    n = tensor_index(file).tensors[usable[0]].shape[0]
    labels = stored_labels(source, n)
    names = tuple(map(str, range(int(labels.max(initial=-1)) + 1)))
    # whichever layers are wanted: the inputs are the same for all of them
    spread = how.get("sampling") == "spread"
    first = read_tensor(file, usable[0]) if spread else np.zeros((n, 0))
    rows, total = draw(labels, first, names, **how)
    why = _why_fewer(how["count"], len(rows), total)
    return Batch(rows, np.zeros((len(rows), 0), np.float32), labels[rows], names, total, why)


def stored_layers(source: NetworkSource) -> dict[str, str]:
    """Name all layers of stored activations, each with why it cannot be used; mostly empty.

    The number of inputs is that of most arrays, the larger of two equally common ones.
    """
    (file,) = source.files
    infos = {k: v for k, v in tensor_index(file).tensors.items() if k != LABELS}
    lengths = [info.shape[0] for info in infos.values() if info.shape]
    n = max(lengths, key=lambda length: (lengths.count(length), length), default=0)
    return {name: _why_unusable(info, n) for name, info in infos.items()}


def _why_unusable(info: TensorInfo, n: int) -> str:
    if not info.dtype.startswith(NUMBERS):
        return f"holds {info.dtype}, not real numbers"
    if info.shape[:1] != (n,):
        return f"has shape {info.shape}, not one row for each of the {n:,} inputs"
    return ""


def read_stored(source: NetworkSource, name: str) -> NDArray[Any]:
    """Read the activations that are stored for a layer."""
    (file,) = source.files
    return read_tensor(file, name)


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
    if labels.shape != (n,) or labels.dtype.kind not in "iu":
        got = f"{labels.dtype} of shape {labels.shape}"
    elif n and not (labels.min() >= -1 and labels.max() < MOST_CLASSES):
        got = f"{labels.min()} to {labels.max()}"
    else:
        return labels.astype(np.int64)
    msg = f"{file}: labels must be {n} whole numbers below {MOST_CLASSES:,} (-1: none), got {got}"
    raise AnalysisError(msg)
