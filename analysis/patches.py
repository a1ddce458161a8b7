"""Patches of photographs, prepared as the statistics of natural images are studied."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from analysis.errors import ExperimentError

Array = NDArray[np.float64]

# Neighbouring entries of a 3×3 patch, row by row: right of and below each.
_PAIRS = np.array(
    [
        *[(0, 1), (1, 2), (3, 4), (4, 5), (6, 7), (7, 8)],
        *[(0, 3), (1, 4), (2, 5), (3, 6), (4, 7), (5, 8)],
    ]
)
_LUMINANCE = (0.2125, 0.7154, 0.0721)  # of red, green and blue, as in ITU-R BT.709


@dataclass(frozen=True, slots=True)
class Photograph:
    """A photograph inside an installed package.

    Attributes
    ----------
    name : str
    package, path : str
        The importable package and the file inside it.
    licence : str
        As the package states it, with the photographer where it names one.
    """

    name: str
    package: str
    path: str
    licence: str


_SKIMAGE = (
    ("astronaut", "png", "NASA, public domain"),
    ("camera", "png", "Lav Varshney, CC0"),
    ("chelsea", "png", "Stefan van der Walt, CC0"),
    ("coffee", "png", "Rachel Michetti, CC0"),
    ("rocket", "jpg", "SpaceX, public domain"),
    ("motorcycle_left", "png", "Middlebury 2014 stereo benchmark, Scharstein et al."),
    ("brick", "png", "CC0 Textures, CC0"),
    ("grass", "png", "linolafett, CC0"),
    ("gravel", "png", "CC0 Textures, CC0"),
)
PHOTOGRAPHS: tuple[Photograph, ...] = (
    Photograph("china", "sklearn", "datasets/images/china.jpg", "danielbuechele, CC BY 2.0"),
    Photograph("flower", "sklearn", "datasets/images/flower.jpg", "vultilion, CC BY 2.0"),
    Photograph(
        "grace_hopper",
        "matplotlib",
        "mpl-data/sample_data/grace_hopper.jpg",
        "US Navy, public domain",
    ),
    *(Photograph(name, "skimage", f"data/{name}.{end}", text) for name, end, text in _SKIMAGE),
)


def load_photograph(photograph: Photograph) -> Array:
    """Read a photograph as grey levels.

    Parameters
    ----------
    photograph : Photograph

    Returns
    -------
    ndarray of float64, shape (height, width)
        Luminance in [0, 1].

    Raises
    ------
    ExperimentError
        If the package or the file in it is not installed. Nothing is fetched.
    """
    from PIL import Image

    with Image.open(_locate(photograph)) as image:
        levels = np.asarray(image, dtype=np.float64) / 255
    return levels if levels.ndim == 2 else levels[..., :3] @ np.array(_LUMINANCE)


def _locate(photograph: Photograph) -> Path:
    package = find_spec(photograph.package)
    folders = list(package.submodule_search_locations or ()) if package else []
    path = Path(folders[0]) / photograph.path if folders else None
    if path is None or not path.is_file():
        extra = " (pip install nervescope[dev])" if photograph.package == "skimage" else ""
        msg = f"photograph {photograph.name} is part of {photograph.package}: install it{extra}"
        raise ExperimentError(msg)
    return path


def halve(image: Array) -> Array:
    """Average 2×2 boxes.

    Parameters
    ----------
    image : ndarray of shape (height, width)

    Returns
    -------
    ndarray of shape (height // 2, width // 2)
        An odd last row or column is left out.
    """
    height, width = (size // 2 for size in image.shape)
    boxes = image[: 2 * height, : 2 * width].reshape(height, 2, width, 2)
    return np.asarray(boxes.mean(axis=(1, 3)))


def contrast_norm(patches: Array) -> Array:
    """D-norm of 3×3 patches: √(Σ (xᵢ - xⱼ)²) over the twelve pairs of neighbouring pixels.

    Parameters
    ----------
    patches : ndarray of shape (n, 9)

    Returns
    -------
    ndarray of shape (n,)

    References
    ----------
    A. B. Lee, K. S. Pedersen, D. Mumford, "The nonlinear statistics of high-contrast patches in
    natural images", International Journal of Computer Vision 54 (2003), section 2.
    """
    differences = patches[:, _PAIRS[:, 0]] - patches[:, _PAIRS[:, 1]]
    return np.asarray(np.sqrt((differences**2).sum(axis=1)))


def natural_patches(
    images: Sequence[Array], *, per_image: int, top_share: float, rng: np.random.Generator
) -> Array:
    """High-contrast 3×3 patches of photographs, mean-centred and of unit length.

    From each image `per_image` places are drawn without replacement; of their patches of
    log(1 + 255·grey) the `top_share` with the largest D-norm is kept.

    Parameters
    ----------
    images : sequence of ndarray of shape (height, width)
        Grey levels in [0, 1].
    per_image : int
        Patches drawn from each image.
    top_share : float
        In (0, 1].
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of shape (n, 9)
        Of Euclidean length 1; image after image, of each the strongest first.

    Raises
    ------
    ExperimentError
        If an image has fewer than `per_image` places, or `top_share` is out of its range.

    References
    ----------
    G. Carlsson, T. Ishkhanov, V. de Silva, A. Zomorodian, "On the local behavior of spaces of
    natural images", International Journal of Computer Vision 76 (2008), section 2. There patches
    are divided by their D-norm, here by their Euclidean norm.
    """
    if not 0 < top_share <= 1:
        msg = f"top_share must be in (0, 1], got {top_share}"
        raise ExperimentError(msg)
    parts = [_strongest(image, per_image, top_share, rng) for image in images]
    patches = np.concatenate(parts) if parts else np.zeros((0, 9))
    return np.asarray(patches / np.linalg.norm(patches, axis=1, keepdims=True))


def _strongest(image: Array, count: int, share: float, rng: np.random.Generator) -> Array:
    windows = np.lib.stride_tricks.sliding_window_view(np.log1p(255 * image), (3, 3))
    rows, columns = windows.shape[:2]
    if count > rows * columns:
        msg = f"{count} patches asked of an image of {rows * columns}: lower per_image"
        raise ExperimentError(msg)
    places = rng.choice(rows * columns, size=count, replace=False)
    patches = windows[places // columns, places % columns].reshape(count, 9)
    patches = patches - patches.mean(axis=1, keepdims=True)
    strongest = np.argsort(-contrast_norm(patches), kind="stable")[: round(share * count)]
    return np.asarray(patches[strongest])
