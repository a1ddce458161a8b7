"""Datasets of OpenML, fetched by scikit-learn when the user asks and at no other time.

What was fetched is kept in the user's cache folder as an .npz: every process that runs a network
reads it, and reading OpenML's own format takes minutes and many times its size in memory.
"""

import hashlib
import io
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
from numpy.typing import NDArray

from analysis._datasets_base import ORDER_KEYS, Dataset, Place, Raw, Source, assemble
from analysis._settings import check_integer
from analysis.errors import ExperimentError
from analysis.store import write_whole

# OpenML stores images as rows of pixels and says nothing of their shape.
_SHAPES = {784: (28, 28), 3072: (3, 32, 32)}
_CIFAR = "airplane automobile bird cat deer dog frog horse ship truck"
_FASHION = "T-shirt/top,trouser,pullover,dress,coat,sandal,shirt,sneaker,bag,ankle boot"
_CLASSES = {"cifar_10": tuple(_CIFAR.split()), "fashion-mnist": tuple(_FASHION.split(","))}


def kept_file(openml: str, version: int) -> Path:
    """Return where a dataset is kept once it was fetched."""
    plain = re.sub(r"[^A-Za-z0-9_-]", "_", openml)[:60]
    name = f"{plain}-{version}-{hashlib.sha256(openml.encode()).hexdigest()[:8]}.npz"
    return Path(platformdirs.user_cache_dir("nervescope", appauthor=False)) / "data" / name


def _openml(
    place: Place, *, openml: Any, version: int, shape: list[int], **settings: Any
) -> Dataset:
    if not isinstance(openml, str) or not openml:
        msg = f'[dataset] openml must be a name such as "CIFAR_10", got {openml!r}'
        raise ExperimentError(msg)
    check_integer("[dataset] version", version)
    name = f"OpenML {openml}"
    table, target, licence = _had(place, openml, version)
    labels, classes = _labels(name, target)
    if set(classes) == {str(i) for i in range(10)}:
        classes = _CLASSES.get(openml.lower(), classes)
    inputs = table.reshape(-1, *_shape(name, table.shape[1], shape))
    raw = Raw(inputs, labels, classes)
    source = f"OpenML, {openml}, version {version}"
    return assemble(raw, name=name, source=source, licence=licence, settings=settings)


def _had(place: Place, openml: str, version: int) -> tuple[NDArray[Any], NDArray[Any], str]:
    """Read what was kept; what was not is fetched, where this is asked for."""
    file = kept_file(openml, version)
    what = f"[dataset] openml = {openml!r}, version = {version}"
    if not file.is_file():
        if not place.fetch:
            remedy = f"nothing is fetched unasked; nervescope fetch {place.base} does"
            msg = f"{what} is not on this computer: {remedy}"
            raise ExperimentError(msg)
        _keep(file, *_fetched(openml, version))
    try:
        with file.open("rb") as raw, np.load(raw, allow_pickle=False) as found:
            return found["table"], found["target"], str(found["licence"])
    except Exception as error:  # whatever a damaged archive makes a parser raise
        msg = f"{file}: cannot be read ({error}); delete it and run nervescope fetch {place.base}"
        raise ExperimentError(msg) from error


def _keep(file: Path, table: NDArray[Any], target: NDArray[Any], licence: str) -> None:
    buffer = io.BytesIO()
    np.savez(buffer, table=_compact(table), target=target.astype(str), licence=np.array(licence))
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, buffer.getvalue())
    except OSError as error:
        msg = f"{file}: what was fetched cannot be kept ({error.strerror}); free or permit it"
        raise ExperimentError(msg) from error


def _compact(table: NDArray[Any]) -> NDArray[Any]:
    """Store grey values as bytes: OpenML gives every number eight."""
    small = table.size > 0 and table.min() >= 0 and table.max() <= 255
    if not small:  # NaN among them
        return table
    grey = table.astype(np.uint8)
    return grey if bool((grey == table).all()) else table


def _fetched(openml: str, version: int) -> tuple[NDArray[Any], NDArray[Any], str]:
    from sklearn.datasets import fetch_openml

    try:
        # This parser is part of scikit-learn; the other one needs pandas.
        found = fetch_openml(openml, version=version, as_frame=False, parser="liac-arff")
        table, target = np.asarray(found.data), np.asarray(found.target)
    except Exception as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        what = f"[dataset] openml = {openml!r}, version = {version}"
        msg = f"{what} cannot be fetched ({lines[0][:200]}); "
        remedy = "check the name and the network, or give the path of files that you have"
        raise ExperimentError(msg + remedy) from error
    if table.ndim != 2 or target.shape != (len(table),) or table.dtype.kind not in "biuf":
        msg = f"[dataset] openml = {openml!r} is no table of numbers with one label per row"
        raise ExperimentError(msg + "; choose another, or give the path of files that you have")
    details: Mapping[str, str] = getattr(found, "details", None) or {}
    return table, target, str(details.get("licence", ""))


def _labels(name: str, target: NDArray[Any]) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    names, labels = np.unique(target, return_inverse=True)
    if len(names) > len(target) / 2:
        msg = f"{name}: {len(names)} classes among {len(target)} rows: its target is no class"
        raise ExperimentError(msg + "; choose another dataset")
    return labels.astype(np.int64), tuple(str(label) for label in names)


def _shape(name: str, features: int, shape: object) -> tuple[int, ...]:
    if not isinstance(shape, list | tuple):
        msg = f"[dataset] shape must be a list such as [3, 32, 32], got {shape!r}"
        raise ExperimentError(msg)
    for part in shape:
        check_integer("[dataset] shape", part)
    if shape and (math.prod(shape) != features or len(shape) > 3):
        msg = (
            f"[dataset] shape = {list(shape)} does not fit {name}: it has {features} numbers a row"
        )
        raise ExperimentError(msg)
    return tuple(shape) or _SHAPES.get(features, (features,))


def _no_files(_place: Place, **_settings: object) -> list[Path]:
    return []


OPENML = Source({"openml": "", "version": 1, "shape": [], **ORDER_KEYS}, _openml, _no_files)
