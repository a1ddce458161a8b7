"""What a dataset is, and how one is put together from arrays that were read or fetched."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis._settings import check_choice, check_integer
from analysis.errors import ExperimentError

_MOST_BYTES = 4 * 2**30
_MOST_CLASSES = 10_000

ORDER_KEYS: Mapping[str, Any] = {"order": "mixed", "seed": 0, "limit": 0, "standardise": True}
"""Settings of every dataset that is read or fetched, see `assemble`."""


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """Labelled inputs. Its arrays cannot be written to: `load_dataset` hands the same out again.

    Attributes
    ----------
    inputs : ndarray of float32, shape (n, channels, height, width) or (n, features)
        Images are standardised: all pixels together have mean 0 and standard deviation 1.
    labels : ndarray of int64, shape (n,)
        In 0 … n_classes - 1.
    name : str
    class_names : tuple of str
        What each label stands for.
    source, licence : str
        For people.
    """

    inputs: NDArray[np.float32]
    labels: NDArray[np.int64]
    name: str
    class_names: tuple[str, ...]
    source: str
    licence: str

    def __post_init__(self) -> None:
        """Check shapes and labels.

        Raises
        ------
        ExperimentError
            If they do not fit each other.
        """
        if self.inputs.ndim not in {2, 4} or self.labels.shape != (len(self.inputs),):
            msg = f"{self.name}: inputs {self.inputs.shape} and labels {self.labels.shape} differ"
            raise ExperimentError(msg)
        if len(self) and not 0 <= self.labels.min() <= self.labels.max() < self.n_classes:
            msg = f"{self.name}: labels must be 0 … {self.n_classes - 1}"
            raise ExperimentError(msg)
        for array in (self.inputs, self.labels):
            array.setflags(write=False)

    def __len__(self) -> int:
        return len(self.inputs)

    @property
    def n_classes(self) -> int:
        """How many labels there are."""
        return len(self.class_names)

    @property
    def input(self) -> tuple[int, ...]:
        """Shape of one input, as ``[architecture] input`` says it."""
        return self.inputs.shape[1:]


@dataclass(frozen=True, slots=True)
class Place:
    """Folders that settings speak of: of the files that ship, and of the settings themselves.

    And whether what is not on this computer may be fetched.
    """

    data_dir: Path
    base: Path
    fetch: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """A kind of dataset.

    Attributes
    ----------
    defaults : Mapping
        Its keys and what they are when not given.
    load : callable
        From a place and all its settings to the dataset.
    files : callable
        The same to the files that are read.
    """

    defaults: Mapping[str, Any]
    load: Callable[..., Dataset]
    files: Callable[..., list[Path]]


@dataclass(frozen=True, slots=True, eq=False)
class Raw:
    """Inputs (n, …) of any numeric type and their labels (n,), in the order of their files."""

    inputs: NDArray[Any]
    labels: NDArray[np.int64]
    class_names: tuple[str, ...]


def assemble(
    raw: Raw, *, name: str, source: str, licence: str = "", settings: Mapping[str, Any]
) -> Dataset:
    """Order, cut, check and standardise what was read.

    Parameters
    ----------
    raw : Raw
        At least one input.
    name, source, licence : str
    settings : Mapping
        ``order`` ("mixed" or "stored") and its ``seed``; ``limit``: so many, the first of this
        order, 0 being all; ``standardise``.

    Raises
    ------
    ExperimentError
        If there is nothing, the numbers are too many for the memory, or not all finite.
    """
    check_order(settings)
    if len(raw.inputs) == 0 or len(raw.inputs) != len(raw.labels):
        msg = f"{name}: {len(raw.inputs)} inputs and {len(raw.labels)} labels"
        raise ExperimentError(msg + "; each input needs one label")
    chosen = ordering(len(raw.inputs), settings)
    check_size(name, (len(chosen), *raw.inputs.shape[1:]))
    inputs = _images(name, raw.inputs[chosen])
    _check_finite(name, inputs, chosen)
    return Dataset(
        inputs=standardised(name, inputs) if settings["standardise"] else _plain(name, inputs),
        labels=raw.labels[chosen],
        name=name,
        class_names=raw.class_names,
        source=source,
        licence=licence,
    )


def check_order(settings: Mapping[str, Any]) -> None:
    """Check the settings of `ORDER_KEYS`.

    Raises
    ------
    ExperimentError
        If one is out of its range.
    """
    check_choice("[dataset] order", settings["order"], ("mixed", "stored"))
    check_integer("[dataset] seed", settings["seed"], least=0)
    check_integer("[dataset] limit", settings["limit"], least=0)
    check_flag("standardise", settings["standardise"])


def check_flag(name: str, value: object) -> None:
    """Refuse what is not true or false.

    Raises
    ------
    ExperimentError
        Naming the setting.
    """
    if not isinstance(value, bool):
        msg = f"[dataset] {name} must be true or false, got {value!r}"
        raise ExperimentError(msg)


def check_size(name: str, shape: tuple[int, ...]) -> None:
    """Refuse what would not fit into memory as float32.

    Raises
    ------
    ExperimentError
        If it takes more than 4 GiB.
    """
    if 4 * math.prod(shape) > _MOST_BYTES:
        msg = f"{name}: {shape} numbers take more than 4 GiB; lower [dataset] limit"
        raise ExperimentError(msg)


def ordering(count: int, settings: Mapping[str, Any]) -> NDArray[np.int64]:
    """Which of `count` inputs are taken, in their order."""
    order = np.arange(count)
    if settings["order"] == "mixed":
        order = np.random.default_rng(settings["seed"]).permutation(count)
    return order[: settings["limit"] or count]


def integer_labels(name: str, labels: NDArray[Any]) -> NDArray[np.int64]:
    """Labels as they come from files, checked.

    Raises
    ------
    ExperimentError
        If they are not integers from 0 on, or too large to be labels.
    """
    flat = labels.reshape(-1) if labels.shape[1:] in {(), (1,)} else labels
    whole = flat.ndim == 1 and flat.dtype.kind in "biuf" and bool(np.all(flat == np.floor(flat)))
    if not whole or (len(flat) and not 0 <= flat.min() <= flat.max() < _MOST_CLASSES):
        msg = (
            f"{name}: labels must be integers from 0 to at most {_MOST_CLASSES - 1}, one per input"
        )
        raise ExperimentError(msg + "; number the classes 0, 1, 2, …")
    return np.asarray(flat, dtype=np.int64)


def numbered(labels: NDArray[np.int64]) -> tuple[str, ...]:
    """Names of classes that have only numbers."""
    return tuple(str(i) for i in range(int(labels.max(initial=-1)) + 1))


def standardised(name: str, numbers: NDArray[Any]) -> NDArray[np.float32]:
    """Numbers with mean 0 and standard deviation 1 over all inputs and coordinates together.

    Raises
    ------
    ExperimentError
        If they are all the same.
    """
    mean, std = numbers.mean(dtype=np.float64), numbers.std(dtype=np.float64)
    if not std > 0:
        msg = f"{name}: all numbers are {mean:g}, there is nothing to tell apart; check the files"
        raise ExperimentError(msg)
    return np.asarray((numbers - mean) / std, dtype=np.float32)


def _plain(name: str, inputs: NDArray[Any]) -> NDArray[np.float32]:
    with np.errstate(over="ignore"):  # told below
        plain = np.array(inputs, dtype=np.float32)
    _check_finite(name, plain, np.arange(len(plain)))
    return plain


def _images(name: str, inputs: NDArray[Any]) -> NDArray[Any]:
    """Put channels first; grey images get their one channel."""
    if inputs.ndim not in {2, 3, 4} or 0 in inputs.shape:
        shapes = "(n, features), (n, height, width) or (n, channels, height, width)"
        msg = f"{name}: inputs have the shape {inputs.shape}; save them as {shapes}"
        raise ExperimentError(msg)
    if inputs.ndim == 2:
        return inputs
    if inputs.ndim == 3:
        return inputs[:, None]
    is_last = inputs.shape[3] in {1, 3, 4} and inputs.shape[1] not in {1, 3, 4}
    return np.ascontiguousarray(np.moveaxis(inputs, 3, 1)) if is_last else inputs


def _check_finite(name: str, inputs: NDArray[Any], places: NDArray[np.int64]) -> None:
    if inputs.dtype.kind not in "biuf":
        msg = f"{name}: inputs are of type {inputs.dtype}; save them as numbers"
        raise ExperimentError(msg)
    broken = ~np.isfinite(inputs).reshape(len(inputs), -1).all(axis=1)
    if broken.any():
        first = int(places[broken].min())
        msg = f"{name}: {broken.sum()} of {len(inputs)} inputs hold NaN or infinity, the first is"
        raise ExperimentError(msg + f" number {first} (from 0); remove or repair them")
