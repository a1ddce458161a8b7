"""Datasets of OpenML, fetched by scikit-learn when a recipe names one and at no other time."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis._datasets_base import ORDER_KEYS, Dataset, Place, Raw, Source, assemble
from analysis._settings import check_integer
from analysis.errors import ExperimentError

# OpenML stores images as rows of pixels and says nothing of their shape.
_SHAPES = {784: (28, 28), 3072: (3, 32, 32)}
_CIFAR = "airplane automobile bird cat deer dog frog horse ship truck"
_FASHION = "T-shirt/top,trouser,pullover,dress,coat,sandal,shirt,sneaker,bag,ankle boot"
_CLASSES = {"cifar_10": tuple(_CIFAR.split()), "fashion-mnist": tuple(_FASHION.split(","))}


def _openml(
    _place: Place, *, openml: str, version: int, shape: list[int], **settings: Any
) -> Dataset:
    if not isinstance(openml, str) or not openml:
        msg = f'[dataset] openml must be a name such as "CIFAR_10", got {openml!r}'
        raise ExperimentError(msg)
    check_integer("[dataset] version", version)
    name = f"OpenML {openml}"
    table, target, licence = _fetched(openml, version)
    labels, classes = _labels(name, target)
    if set(classes) == {str(i) for i in range(10)}:
        classes = _CLASSES.get(openml.lower(), classes)
    inputs = table.reshape(-1, *_shape(name, table.shape[1], shape))
    raw = Raw(inputs, labels, classes)
    source = f"OpenML, {openml}, version {version}"
    return assemble(raw, name=name, source=source, licence=licence, settings=settings)


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
    names, labels = np.unique(target.astype(str), return_inverse=True)
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
