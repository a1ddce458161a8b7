"""The datasets that have a name here: what ships and what is made."""

from lzma import LZMAError
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from analysis._datasets_base import Dataset, Place, Source, check_flag, standardised
from analysis._settings import check_integer, check_number
from analysis.errors import ExperimentError
from analysis.patches import PHOTOGRAPHS, load_photograph
from analysis.patches import halve as halved

# What an empty, cut-off or altered .npz raises.
_UNREADABLE = (OSError, EOFError, ValueError, TypeError, KeyError, BadZipFile, LZMAError)
_ROUNDING = 1e-9  # a lattice point on a circle counts as inside


def _mnist(place: Place) -> Dataset:
    path = place.data_dir / "mnist10k.npz"
    try:
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            images, labels = file["images"], file["labels"]
    except _UNREADABLE as error:
        msg = f"{path}: cannot read the MNIST digits ({error}); restore the file that ships"
        raise ExperimentError(msg) from error
    return Dataset(
        inputs=standardised("mnist", images[:, None]),
        labels=labels.astype(np.int64),
        name="mnist",
        class_names=tuple(str(digit) for digit in range(10)),
        source="Y. LeCun, C. Cortes, C. J. C. Burges: the MNIST database of handwritten digits",
        licence="CC BY-SA 3.0",
    )


def _mnist_files(place: Place) -> list[Path]:
    return [place.data_dir / "mnist10k.npz"]


def _photo_crops(_place: Place, *, size: int, per_photo: int, seed: int, halve: bool) -> Dataset:
    check_integer("[dataset] size", size, least=4)
    check_integer("[dataset] per_photo", per_photo)
    check_integer("[dataset] seed", seed, least=0)
    check_flag("halve", halve)
    rng = np.random.default_rng(seed)
    photographs = [load_photograph(photograph) for photograph in PHOTOGRAPHS]
    if halve:
        photographs = [halved(image) for image in photographs]
    crops = np.concatenate([_crops(image, size, per_photo, rng) for image in photographs])
    labels = np.repeat(np.arange(len(PHOTOGRAPHS)), per_photo)
    order = rng.permutation(len(crops))
    return Dataset(
        inputs=standardised("photo_crops", crops[order][:, None]),
        labels=labels[order],
        name="photo_crops",
        class_names=tuple(photograph.name for photograph in PHOTOGRAPHS),
        source="crops of " + ", ".join(f"{p.name} ({p.package})" for p in PHOTOGRAPHS),
        licence="; ".join(f"{p.name}: {p.licence}" for p in PHOTOGRAPHS),
    )


def _crops(
    image: NDArray[np.float64], size: int, count: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    if size > min(image.shape):
        msg = f"[dataset] size {size} is larger than a photograph of {image.shape} pixels"
        raise ExperimentError(msg)
    rows = rng.integers(image.shape[0] - size + 1, size=count)
    columns = rng.integers(image.shape[1] - size + 1, size=count)
    return np.stack([image[r : r + size, c : c + size] for r, c in zip(rows, columns, strict=True)])


def _disks(_place: Place, *, radius: float, step: float, scale: float, seed: int) -> Dataset:
    check_number("[dataset] radius", radius, least=0.01, most=0.25)
    check_number("[dataset] step", step, least=0.002, most=0.5)
    check_number("[dataset] scale", scale, least=1e-3, most=1e3)
    check_integer("[dataset] seed", seed, least=0)
    reach = int(1 / step + _ROUNDING)
    line = np.arange(-reach, reach + 1) * step
    points = np.stack(np.meshgrid(line, line, indexing="ij"), axis=-1).reshape(-1, 2)
    points = points[(points**2).sum(axis=1) <= 1 + _ROUNDING]
    points = points[np.random.default_rng(seed).permutation(len(points))]
    nearest = np.clip(np.round(points * 2), -1, 1) / 2  # the centres are (-.5, 0, .5)²
    return Dataset(
        inputs=np.asarray(scale * points, dtype=np.float32),
        labels=(np.hypot(*(points - nearest).T) <= radius + _ROUNDING).astype(np.int64),
        name="disks",
        class_names=("background", "disk"),
        source="made: nine disks in the unit disk, after M. Wheeler, J. Bouza, P. Bubenik (2021)",
        licence="CC0",
    )


def _no_files(_place: Place, **_settings: object) -> list[Path]:
    return []


NAMED = {
    "mnist": Source({}, _mnist, _mnist_files),
    "photo_crops": Source(
        {"size": 16, "per_photo": 1000, "seed": 0, "halve": False}, _photo_crops, _no_files
    ),
    "disks": Source({"radius": 0.2, "step": 0.01485, "scale": 3.0, "seed": 0}, _disks, _no_files),
}
