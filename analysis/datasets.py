"""Images and labels that networks are trained on and shown: what ships, nothing is fetched."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from lzma import LZMAError
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from analysis._settings import check_choice, check_integer, check_keys
from analysis.errors import ExperimentError
from analysis.patches import PHOTOGRAPHS, load_photograph
from analysis.patches import halve as halved

# What an empty, cut-off or altered .npz raises.
_UNREADABLE = (OSError, EOFError, ValueError, TypeError, KeyError, BadZipFile, LZMAError)


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """Labelled images.

    Attributes
    ----------
    images : ndarray of float32, shape (n, channels, height, width)
        Standardised: all pixels together have mean 0 and standard deviation 1.
    labels : ndarray of int64, shape (n,)
        In 0 … n_classes - 1.
    name : str
    n_classes : int
    source, licence : str
        For people.
    """

    images: NDArray[np.float32]
    labels: NDArray[np.int64]
    name: str
    n_classes: int
    source: str
    licence: str

    def __post_init__(self) -> None:
        """Check shapes and labels.

        Raises
        ------
        ExperimentError
            If they do not fit each other.
        """
        if self.images.ndim != 4 or self.labels.shape != (len(self.images),):
            msg = f"{self.name}: images {self.images.shape} and labels {self.labels.shape} differ"
            raise ExperimentError(msg)
        if len(self) and not 0 <= self.labels.min() <= self.labels.max() < self.n_classes:
            msg = f"{self.name}: labels must be 0 … {self.n_classes - 1}"
            raise ExperimentError(msg)

    def __len__(self) -> int:
        return len(self.images)


def load_dataset(settings: Mapping[str, Any], *, data_dir: Path) -> Dataset:
    """Load a dataset by the ``[dataset]`` table of an experiment.

    Parameters
    ----------
    settings : Mapping
        ``name = "mnist"``: 10,000 of the MNIST digits, 28×28, in mixed order.
        ``name = "photo_crops"``: crops at random places of twelve photographs, the label saying of
        which; keys ``size`` (16, pixels), ``per_photo`` (1,000), ``seed`` (0), ``halve`` (false:
        full resolution).
    data_dir : Path
        Folder of the image files that ship, ``sample_models/data``.

    Returns
    -------
    Dataset

    Raises
    ------
    ExperimentError
        If the name or a key is unknown, a value is out of its range, or a file is missing.
    """
    options = dict(settings)
    name = options.pop("name", None)
    check_choice("[dataset] name", name, _LOADERS)
    loader, defaults = _LOADERS[name]
    check_keys("dataset", options, defaults)
    return loader(data_dir, **{**defaults, **options})


def _mnist(data_dir: Path) -> Dataset:
    path = data_dir / "mnist10k.npz"
    try:
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            images, labels = file["images"], file["labels"]
    except _UNREADABLE as error:
        msg = f"{path}: cannot read the MNIST digits ({error}); restore the file that ships"
        raise ExperimentError(msg) from error
    return Dataset(
        images=_standardise(images[:, None]),
        labels=labels.astype(np.int64),
        name="mnist",
        n_classes=10,
        source="Y. LeCun, C. Cortes, C. J. C. Burges: the MNIST database of handwritten digits",
        licence="CC BY-SA 3.0",
    )


def _photo_crops(_data_dir: Path, *, size: int, per_photo: int, seed: int, halve: bool) -> Dataset:
    check_integer("[dataset] size", size, least=4)
    check_integer("[dataset] per_photo", per_photo)
    check_integer("[dataset] seed", seed, least=0)
    if not isinstance(halve, bool):
        msg = f"[dataset] halve must be true or false, got {halve!r}"
        raise ExperimentError(msg)
    rng = np.random.default_rng(seed)
    photographs = [load_photograph(photograph) for photograph in PHOTOGRAPHS]
    if halve:
        photographs = [halved(image) for image in photographs]
    crops = np.concatenate([_crops(image, size, per_photo, rng) for image in photographs])
    labels = np.repeat(np.arange(len(PHOTOGRAPHS)), per_photo)
    order = rng.permutation(len(crops))
    return Dataset(
        images=_standardise(crops[order][:, None]),
        labels=labels[order],
        name="photo_crops",
        n_classes=len(PHOTOGRAPHS),
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


def _standardise(pixels: NDArray[Any]) -> NDArray[np.float32]:
    mean, std = pixels.mean(dtype=np.float64), pixels.std(dtype=np.float64)
    return np.asarray((pixels - mean) / std, dtype=np.float32)


_LOADERS: dict[str, tuple[Callable[..., Dataset], dict[str, Any]]] = {
    "mnist": (_mnist, {}),
    "photo_crops": (_photo_crops, {"size": 16, "per_photo": 1000, "seed": 0, "halve": False}),
}
