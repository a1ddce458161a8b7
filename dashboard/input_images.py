"""What an input looks like, for people: images as they are, points as a dot in their plane."""

import functools
import io
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from analysis.datasets import Dataset, load_dataset
from analysis.errors import NerveScopeError
from analysis.networks import NetworkSource, data_dir
from analysis.sources import Source
from analysis.units import Unit, key_of

Images = NDArray[np.uint8]

SIDE = 28
"""Pixels of a picture that is made, and at most so many of a small one."""

LARGEST = 64
"""Pixels of a side to which larger images are reduced."""


@functools.lru_cache(maxsize=8)
def _pictures_of(dataset: Dataset) -> tuple[float, float]:
    """Find the ends of the grey scale: of nearly all pixels, so that no outlier dims them all."""
    some = dataset.inputs[:2000]
    return float(np.quantile(some, 0.001)), float(np.quantile(some, 0.999))


def of_source(source: Source, rows: NDArray[np.int64]) -> Images | None:
    """Draw inputs.

    Parameters
    ----------
    source : Source
        Of a network.
    rows : ndarray of int64, shape (n,)
        Which inputs of its data.

    Returns
    -------
    ndarray of uint8, shape (n, h, w) or (n, h, w, 3), or None
        None where the inputs cannot be had, or are no pictures.
    """
    if not isinstance(source, NetworkSource) or source.stored:
        return None
    try:
        data = load_dataset(source.settings, data_dir=data_dir(), base=Path(source.base))
    except NerveScopeError:  # the panel of the activations says so
        return None
    if len(rows) and rows.max() >= len(data):
        return None
    chosen = data.inputs[rows]
    if chosen.ndim == 4:
        return _greys(chosen, _pictures_of(data))
    return _dots(chosen, data.inputs) if chosen.shape[1] == 2 else None


def _greys(chosen: NDArray[np.float32], span: tuple[float, float]) -> Images:
    low, high = span
    scaled = np.clip((chosen - low) / max(high - low, 1e-12), 0, 1) * 255
    pixels = scaled.round().astype(np.uint8)
    return pixels.transpose(0, 2, 3, 1) if pixels.shape[1] == 3 else pixels[:, 0]


def _dots(chosen: NDArray[np.float32], every: NDArray[np.float32]) -> Images:
    """Draw each point as a dot among all of them."""
    low, high = every.min(axis=0), every.max(axis=0)
    scale = (SIDE - 5) / max(float((high - low).max()), 1e-12)
    ground = np.full((SIDE, SIDE), 40, np.uint8)
    column, row = _cells(every, low, scale)
    ground[row, column] = 110
    found = np.repeat(ground[None], len(chosen), axis=0)
    column, row = _cells(chosen, low, scale)
    which = np.arange(len(chosen))
    for down in (-1, 0, 1):
        for right in (-1, 0, 1):
            found[which, row + down, column + right] = 255
    return found


def _cells(points: NDArray[np.float32], low: Any, scale: float) -> tuple[Any, Any]:
    cells = ((points - low) * scale).round().astype(int) + 2
    return cells[:, 0], SIDE - 1 - cells[:, 1]


def small(pictures: NDArray[Any], side: int = 14) -> NDArray[np.float64]:
    """Reduce pictures to at most so many pixels a side, in grey, by means of blocks."""
    grey = pictures.astype(np.float64)
    grey = grey.mean(axis=-1) if grey.ndim == 4 else grey
    by = max(1, -(-max(grey.shape[1:]) // side))
    height, width = (part - part % by for part in grey.shape[1:])
    blocks = grey[:, :height, :width].reshape(len(grey), height // by, by, width // by, by)
    return np.asarray(blocks.mean(axis=(2, 4)))


def address(unit: Unit, experiment: str) -> str:
    """Name the picture of all inputs of a cloud, as `serve` answers it."""
    return f"/inputs/{quote(experiment, safe='')}/{key_of(unit)}.png"


def sprite(pictures: Images, columns: int) -> bytes:
    """Join pictures to one PNG, row by row."""
    from PIL import Image

    image = Image.fromarray(mosaic(pictures, columns))
    if len(pictures) % columns:  # nothing stands where the last row ends
        image.putalpha(Image.fromarray(mosaic(np.full(pictures.shape[:3], 255, np.uint8), columns)))
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    return buffer.getvalue()


def mosaic(pictures: Images, columns: int) -> Images:
    """Lay pictures in rows."""
    n, height, width = pictures.shape[:3]
    rows = max(-(-n // columns), 1)
    shape = (rows * height, columns * width, *pictures.shape[3:])
    joined = np.zeros(shape, np.uint8)
    for i in range(n):
        y, x = (i // columns) * height, (i % columns) * width
        joined[y : y + height, x : x + width] = pictures[i]
    return joined


def reduced(pictures: Images) -> Images:
    """Take every k-th pixel of large pictures, so that a page of them stays light."""
    by = max(1, -(-max(pictures.shape[1:3]) // LARGEST))
    return pictures[:, ::by, ::by]
