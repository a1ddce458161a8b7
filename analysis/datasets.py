"""Labelled inputs that networks are trained on and shown: what ships, what is made, the user's own.

Nothing is fetched unless the caller says so (``fetch``), and then only what ``openml`` names.
"""

import json
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import Any

from analysis._datasets_base import Dataset, Place, Source
from analysis._datasets_files import FILES
from analysis._datasets_named import NAMED
from analysis._datasets_openml import OPENML, kept_file
from analysis._settings import check_choice, check_keys
from analysis.errors import ExperimentError

__all__ = ["Dataset", "dataset_asked", "dataset_files", "fetch_dataset", "load_dataset"]

_OTHERS = {"path": FILES, "openml": OPENML}


def load_dataset(
    settings: Mapping[str, Any], *, data_dir: Path, base: Path = Path(), fetch: bool = False
) -> Dataset:
    """Load a dataset by the ``[dataset]`` table of an experiment.

    The last few are remembered as long as their files stay as they are, so that asking again costs
    a look at the files.

    Parameters
    ----------
    settings : Mapping
        One of ``name``, ``path`` and ``openml``, and its keys.

        ``name = "mnist"``: 10,000 of the MNIST digits, 28×28, in mixed order.

        ``name = "photo_crops"``: crops at random places of twelve photographs, the label saying of
        which; keys ``size`` (16, pixels), ``per_photo`` (1,000), ``seed`` (0), ``halve`` (false:
        full resolution).

        ``name = "disks"``: the points of a square lattice in the unit disk, label 1 inside nine
        disks around (-.5, 0, .5)² and 0 elsewhere; keys ``radius`` (.2), ``step`` of the lattice
        (.01485), ``scale`` (3, coordinates are multiplied by it) and ``seed`` (0) of the order,
        which is mixed. The lattice contains the origin, so a multiple of ``step`` gives a
        sublattice of the same points.

        ``path``: an IDX folder (``train-images-idx3-ubyte`` and so on, also packed as .gz; the
        test files follow the training files), an .npz (``images``, ``inputs`` or ``x`` with
        ``labels`` or ``y``), or a folder with one folder of images per class.

        ``openml``: a name such as "mnist_784", "Fashion-MNIST", "CIFAR_10" or "SVHN"; keys
        ``version`` (1) and ``shape`` of a row (by its length: [28, 28], [3, 32, 32]).

        ``path`` and ``openml`` have the keys ``order`` ("mixed", with ``seed`` 0, or "stored"),
        ``limit`` (0, all: so many, the first in this order) and ``standardise`` (true).
    data_dir : Path
        Folder of the image files that ship, ``sample_models/data``.
    base : Path
        Folder that a relative ``path`` starts from: that of the recipe or the experiment.
    fetch : bool, default False
        Whether the user asked for it: what ``openml`` names is then fetched by scikit-learn, unless
        it was before. Merely opening an experiment is not asking.

    Returns
    -------
    Dataset

    Raises
    ------
    ExperimentError
        If a name or a key is unknown, a value is out of its range, or a file is missing, cut off,
        not what it says, or unfit; the message names it. If it would have to be fetched.
    """
    source, options = _parsed(settings)
    place = Place(data_dir, base, fetch)
    key = (json.dumps(dict(settings), sort_keys=True, default=repr), str(data_dir), str(base))
    stamps = tuple(_stamp(path) for path in source.files(place, **options))
    dataset = _MEMORY.get((*key, *stamps))
    if dataset is None:
        dataset = source.load(place, **options)
        _MEMORY.put((*key, *stamps), dataset)
    return dataset


def dataset_files(
    settings: Mapping[str, Any], *, data_dir: Path, base: Path = Path()
) -> list[Path]:
    """List the files that a dataset is read from, without reading them.

    Parameters
    ----------
    settings, data_dir, base
        As `load_dataset` takes them.

    Returns
    -------
    list of Path
        In a fixed order; empty for a dataset that is made, taken from an installed package or
        fetched.

    Raises
    ------
    ExperimentError
        If the settings are wrong, or a folder does not hold a dataset.
    """
    source, options = _parsed(settings)
    return source.files(Place(data_dir, base), **options)


def fetch_dataset(
    settings: Mapping[str, Any], *, data_dir: Path, base: Path = Path()
) -> tuple[Dataset, list[Path]]:
    """Fetch a dataset if it is one to be fetched.

    Parameters
    ----------
    settings, data_dir, base
        As `load_dataset` takes them.

    Returns
    -------
    dataset : Dataset
    files : list of Path
        Where it lies; empty for what is made.

    Raises
    ------
    ExperimentError
        As `load_dataset`.
    """
    dataset = load_dataset(settings, data_dir=data_dir, base=base, fetch=True)
    if "openml" in settings:
        return dataset, [kept_file(settings["openml"], settings.get("version", 1))]
    return dataset, dataset_files(settings, data_dir=data_dir, base=base)


def dataset_asked(text: str) -> dict[str, str]:
    """Read ``NAME``, ``PATH`` or ``openml:NAME`` as the ``[dataset]`` table that it means.

    Parameters
    ----------
    text : str
        A relative path starts from the working directory; ``./mnist`` is a path, ``mnist`` a name.

    Raises
    ------
    ExperimentError
        If it is none of these.
    """
    kind, colon, name = text.partition(":")
    if colon and kind == "openml" and name:
        return {"openml": name}
    if text in NAMED:
        return {"name": text}
    try:
        found = Path(text).resolve(strict=True)
    except (OSError, RuntimeError, ValueError):  # a loop of links, a null byte
        found = None
    if not text or found is None:
        msg = (
            f"--dataset {text!r}: no such file or folder; give one, or openml:NAME, or one of "
            f"{', '.join(NAMED)}"
        )
        raise ExperimentError(msg)
    return {"path": str(found)}


def _parsed(settings: Mapping[str, Any]) -> tuple[Source, dict[str, Any]]:
    options = dict(settings)
    kinds = [key for key in ("name", *_OTHERS) if key in options]
    if len(kinds) > 1:
        msg = f"[dataset] has {' and '.join(kinds)}: give one of name, path and openml"
        raise ExperimentError(msg)
    if kinds in (["path"], ["openml"]):
        source = _OTHERS[kinds[0]]
    else:
        name = options.pop("name", None)
        check_choice("[dataset] (without path or openml) name", name, NAMED)
        source = NAMED[name]
    check_keys("dataset", options, source.defaults)
    return source, {**source.defaults, **options}


def _stamp(path: Path) -> tuple[str, int, int]:
    try:
        found = path.stat()
    except OSError:  # the loader says what is missing
        return str(path), 0, 0
    return str(path), found.st_mtime_ns, found.st_size


class _Memory:
    """The datasets that were asked for last."""

    def __init__(self, *, count: int, most_bytes: int) -> None:
        self._count, self._most = count, most_bytes
        self._kept: OrderedDict[tuple[Any, ...], Dataset] = OrderedDict()
        self._lock = Lock()

    def get(self, key: tuple[Any, ...]) -> Dataset | None:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def put(self, key: tuple[Any, ...], dataset: Dataset) -> None:
        with self._lock:
            self._kept[key] = dataset
            while len(self._kept) > self._count or self._bytes() > self._most:
                self._kept.popitem(last=False)

    def _bytes(self) -> int:
        return sum(dataset.inputs.nbytes for dataset in self._kept.values())


_MEMORY = _Memory(count=4, most_bytes=512 * 2**20)
