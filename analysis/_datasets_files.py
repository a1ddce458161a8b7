"""Datasets of the user's own: an IDX folder, an .npz, or a folder of images."""

import gzip
import math
import warnings
import zlib
from collections.abc import Mapping, Sequence
from io import BufferedReader
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from analysis._datasets_base import (
    ORDER_KEYS,
    Dataset,
    Place,
    Raw,
    Source,
    assemble,
    check_order,
    check_size,
    integer_labels,
    numbered,
    ordering,
)
from analysis._readers import MAX_GROWN_BYTES, MAX_GROWTH, Npz
from analysis.errors import CheckpointError, ExperimentError

if TYPE_CHECKING:
    from PIL.Image import Image

_IDX_TYPES = {8: "u1", 9: "i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}
_IDX_PARTS = ("train", "t10k")
_INPUT_KEYS = ("inputs", "images", "x", "X")
_LABEL_KEYS = ("labels", "y", "Y")
_SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm"}
# Pillow would hand other files, PostScript among them, to programs of their own.
_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM")
_GREY, _COLOUR = {"1", "L", "LA"}, {"P", "PA", "RGB", "RGBA", "CMYK", "YCbCr"}


def _load(place: Place, *, path: str, **settings: Any) -> Dataset:
    check_order(settings)
    root = _root(place, path)
    if root.is_file():
        return assemble(_npz(root), name=str(root), source=root.name, settings=settings)
    parts = _idx_parts(root)
    if parts:
        return assemble(_idx(root, parts), name=str(root), source=root.name, settings=settings)
    files = _image_files(root)
    chosen = ordering(len(files), settings)
    raw = _images(root, [files[i] for i in chosen])
    ordered = {**settings, "order": "stored", "limit": 0}  # it is already
    return assemble(raw, name=str(root), source=root.name, settings=ordered)


def _files(place: Place, *, path: str, **_settings: Any) -> list[Path]:
    root = _root(place, path)
    if root.is_file():
        return [root]
    parts = _idx_parts(root)
    return [file for pair in parts for file in pair] if parts else _image_files(root)


def _root(place: Place, path: object) -> Path:
    if not isinstance(path, str) or not path:
        msg = f"[dataset] path must be a text, got {path!r}"
        raise ExperimentError(msg)
    root = place.base / path
    if root.is_dir() or (root.is_file() and root.suffix.lower() == ".npz"):
        return root
    what = "is neither a folder nor an .npz" if root.exists() else "does not exist"
    msg = f"{root}: [dataset] path {what}; relative paths are relative to {place.base}"
    raise ExperimentError(msg)


def _inside(path: Path, root: Path) -> Path:
    """Refuse a link that leads out of the folder."""
    if not path.resolve().is_relative_to(root.resolve()):
        msg = f"{path} is a link out of {root}, which is not followed; copy what it leads to"
        raise ExperimentError(msg)
    return path


# --- .npz ----------------------------------------------------------------------------------------


def _npz(path: Path) -> Raw:
    reader = Npz()
    try:
        infos = {info.key: info for info in reader.header(path).tensors}
        inputs, labels = (
            reader.read(path, infos[_key(path, infos, keys)]) for keys in (_INPUT_KEYS, _LABEL_KEYS)
        )
    except CheckpointError as error:
        raise ExperimentError(str(error)) from error
    numbers = integer_labels(str(path), labels)
    return Raw(inputs, numbers, numbered(numbers))


def _key(path: Path, found: Mapping[str, object], keys: Sequence[str]) -> str:
    for key in keys:
        if key in found:
            return key
    names = ", ".join(sorted(found)) or "none"
    msg = f"{path}: no array of numbers is named {' or '.join(keys)} (found: {names})"
    raise ExperimentError(msg + "; save it with numpy.savez(path, images=…, labels=…)")


# --- IDX -----------------------------------------------------------------------------------------


def _idx_parts(root: Path) -> list[tuple[Path, Path]]:
    """Files of images and labels: those for training, then those for testing."""
    pairs = []
    for part in _IDX_PARTS:
        images, labels = (_idx_file(root, part, what) for what in ("images-idx3", "labels-idx1"))
        if images and labels:
            pairs.append((_inside(images, root), _inside(labels, root)))
        elif images or labels:
            msg = f"{images or labels}: its images or labels are missing; {root} needs both files"
            raise ExperimentError(msg)
    return pairs


def _idx_file(root: Path, part: str, what: str) -> Path | None:
    stems = [f"{part}-{what}-ubyte", f"{part}-{what.replace('-', '.')}-ubyte"]
    names = [f"{stem}{suffix}" for stem in stems for suffix in ("", ".gz")]
    return next((root / name for name in names if (root / name).is_file()), None)


def _idx(root: Path, parts: Sequence[tuple[Path, Path]]) -> Raw:
    images, labels = [], []
    for image_file, label_file in parts:
        images.append(_read_idx(image_file, axes=3))
        labels.append(integer_labels(str(label_file), _read_idx(label_file, axes=1)))
        if len(images[-1]) != len(labels[-1]):
            counts = f"{len(images[-1])} images and {len(labels[-1])} labels"
            msg = f"{image_file}: there are {counts}; copy both files again"
            raise ExperimentError(msg)
    if len({part.shape[1:] for part in images}) > 1:
        msg = f"{root}: training and test images differ in size; keep those of one size"
        raise ExperimentError(msg)
    numbers = np.concatenate(labels)
    return Raw(np.concatenate(images), numbers, numbered(numbers))


def _read_idx(path: Path, *, axes: int) -> NDArray[Any]:
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            return _idx_array(file, path, axes)
    except (OSError, EOFError, zlib.error) as error:
        msg = f"{path}: cannot be read ({error}); copy or download it again"
        raise ExperimentError(msg) from error


def _idx_array(file: gzip.GzipFile | BufferedReader, path: Path, axes: int) -> NDArray[Any]:
    head = file.read(4 + 4 * axes)
    if len(head) < 4 + 4 * axes or head[:2] != b"\0\0" or head[2] not in _IDX_TYPES:
        msg = f"{path}: no IDX file, or cut off; copy or download it again"
        raise ExperimentError(msg)
    if head[3] != axes:
        msg = f"{path}: has {head[3]} axes where {axes} belong; images and labels may be swapped"
        raise ExperimentError(msg)
    shape = tuple(int(length) for length in np.frombuffer(head, ">u4", offset=4))
    dtype = np.dtype(_IDX_TYPES[head[2]])
    claimed, size = math.prod(shape) * dtype.itemsize, path.stat().st_size
    grown = path.suffix == ".gz"
    limit = max(MAX_GROWN_BYTES, MAX_GROWTH * size) if grown else size
    content = file.read(claimed + 1) if claimed <= limit else b""
    if claimed > limit or len(content) != claimed:
        msg = f"{path}: claims {shape} numbers, {claimed} bytes, and does not hold as many"
        raise ExperimentError(msg + " (or holds more); copy or download it again")
    return np.frombuffer(content, dtype).reshape(shape)


# --- images --------------------------------------------------------------------------------------


def _class_folders(root: Path) -> list[Path]:
    return sorted(
        _inside(path, root)
        for path in root.iterdir()
        if path.is_dir() and not path.name.startswith(".")
    )


def _image_files(root: Path) -> list[Path]:
    files = []
    for folder in _class_folders(root):
        found = sorted(path for path in folder.iterdir() if path.suffix.lower() in _SUFFIXES)
        if not found:
            msg = (
                f"{folder}: holds no images ({', '.join(sorted(_SUFFIXES))}); remove it or fill it"
            )
            raise ExperimentError(msg)
        files += [_inside(path, root) for path in found if not path.name.startswith(".")]
    if files:
        return files
    idx = f"{_IDX_PARTS[0]}-images-idx3-ubyte"
    msg = f"{root}: holds neither {idx} (or .gz) nor one folder of images per class"
    raise ExperimentError(msg + "; check [dataset] path")


def _images(root: Path, files: Sequence[Path]) -> Raw:
    names = [folder.name for folder in _class_folders(root)]
    heads = [_head(path) for path in files]
    (width, height), _ = heads[0]
    for path, (size, _) in zip(files, heads, strict=True):
        if size != (width, height):
            msg = f"{path}: {size[0]}×{size[1]} pixels, {files[0].name} has {width}×{height}"
            raise ExperimentError(msg + "; bring all images to one size")
    mode = "RGB" if any(mode in _COLOUR for _, mode in heads) else "L"
    check_size(str(root), (len(files), len(mode), height, width))
    pixels = np.empty((len(files), height, width, len(mode)), np.uint8)
    for row, path in zip(pixels, files, strict=True):
        row[:] = _pixels(path, mode).reshape(row.shape)
    labels = np.array([names.index(path.parent.name) for path in files])
    return Raw(np.ascontiguousarray(np.moveaxis(pixels, 3, 1)), labels, tuple(names))


def _head(path: Path) -> tuple[tuple[int, int], str]:
    with _opened(path) as image:
        if image.mode not in _GREY | _COLOUR:
            msg = f"{path}: pixels of type {image.mode} are not read; save it with 8 bits each"
            raise ExperimentError(msg)
        return image.size, image.mode


def _pixels(path: Path, mode: str) -> NDArray[np.uint8]:
    try:
        with _opened(path) as image:
            return np.asarray(image.convert(mode))
    except (OSError, ValueError, SyntaxError) as error:
        raise _unreadable(path, error) from error


def _opened(path: Path) -> "Image":
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            return Image.open(path, formats=_FORMATS)
    except (
        OSError,
        ValueError,
        SyntaxError,
        Image.DecompressionBombWarning,
        Image.DecompressionBombError,
    ) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> ExperimentError:
    return ExperimentError(f"{path}: cannot be read as an image ({error}); remove or replace it")


FILES = Source({"path": "", **ORDER_KEYS}, _load, _files)
