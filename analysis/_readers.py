"""One reader per checkpoint format: headers without data, then single tensors, nothing executed.

A reader lists its tensors under the names they have in the file; `checkpoints` normalises them.
"""

import json
import math
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open

from analysis.errors import CheckpointError

_npy: Any = np.lib.format  # it ships no types
# An honest archive of weights never grows this much when unpacked.
MAX_GROWTH = 200
MAX_GROWN_BYTES = 64 * 2**20

_SAFETENSORS_DTYPES = {
    "BOOL": "bool",
    "BF16": "bfloat16",
    "C64": "complex64",
    **{
        f"{kind[0].upper()}{bits}": f"{kind}{bits}"
        for kind in ("int", "uint")
        for bits in (8, 16, 32, 64)
    },
    **{f"F{bits}": f"float{bits}" for bits in (16, 32, 64)},
}
_TORCH_SUFFIXES = (".pt", ".pth", ".ckpt", ".bin")
KNOWN_SUFFIXES = (".safetensors", ".npz", *_TORCH_SUFFIXES)


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """What a header says of one tensor.

    Attributes
    ----------
    shape : tuple of int
    dtype : str
        NumPy's name of the type, or "bfloat16", or what the file calls a type NumPy lacks.
    key : str
        Name of the tensor in the file.
    """

    shape: tuple[int, ...]
    dtype: str
    key: str


@dataclass(frozen=True, slots=True)
class Header:
    """The tensors of a file, and what it says of their order.

    `ordered` tells whether the order of `tensors` is that of the network; `layers` is the file's
    own list of layers, if it has one.
    """

    tensors: tuple[TensorInfo, ...]
    ordered: bool
    layers: tuple[str, ...] = ()


class Reader(Protocol):
    """What the package knows about one file format."""

    def header(self, path: Path) -> Header:
        """List the tensors without reading their data."""

    def read(self, path: Path, info: TensorInfo) -> NDArray[Any]:
        """Read one tensor."""


@contextmanager
def failing_as(path: Path, what: str) -> Iterator[None]:
    """Turn whatever a parser throws at hostile bytes into one kind of error that names the file."""
    try:
        yield
    except CheckpointError:
        raise
    except Exception as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        msg = f"{path}: {what} ({lines[0][:200]}); copy it again or save it again"
        raise CheckpointError(msg) from error


def unknown_dtype(path: Path, info: TensorInfo) -> CheckpointError:
    """Error for a tensor of a type that NumPy does not have."""
    what = f"tensor {info.key!r} has type {info.dtype}, which is not read"
    return CheckpointError(f"{path}: {what}; save it as float16 or float32")


class Safetensors:
    """The safetensors format; the library checks the header, offsets and sizes."""

    def header(self, path: Path) -> Header:
        """List the tensors without reading their data."""
        self._length(path)
        with failing_as(path, "not a whole safetensors file"), safe_open(path, "np") as handle:
            slices = [(key, handle.get_slice(key)) for key in handle.keys()]  # noqa: SIM118
            tensors = tuple(
                TensorInfo(tuple(part.get_shape()), self._dtype(part.get_dtype()), key)
                for key, part in slices
            )
            layers = _name_list((handle.metadata() or {}).get("layers", ""))
        return Header(tensors, ordered=False, layers=layers)

    def read(self, path: Path, info: TensorInfo) -> NDArray[Any]:
        """Read one tensor; bfloat16 becomes float32, which holds it exactly."""
        if info.dtype == "bfloat16":
            return self._bfloat16(path, info)
        if info.dtype not in _SAFETENSORS_DTYPES.values():
            raise unknown_dtype(path, info)
        with failing_as(path, "not a whole safetensors file"), safe_open(path, "np") as handle:
            array: NDArray[Any] = handle.get_tensor(info.key)
        return array

    @staticmethod
    def _dtype(name: str) -> str:
        return _SAFETENSORS_DTYPES.get(name, name.lower())

    @staticmethod
    def _length(path: Path) -> int:
        """Length of the header, checked against the file: the commonest sign of a cut-off copy."""
        size = path.stat().st_size
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
        if size < 8 or length > size - 8:
            what = f"its header claims {length} bytes but the file has {size}"
            msg = f"{path}: {what}: cut off, or not safetensors; copy it again"
            raise CheckpointError(msg)
        return length

    def _bfloat16(self, path: Path, info: TensorInfo) -> NDArray[np.float32]:
        length = self._length(path)
        with failing_as(path, "not a whole safetensors file"), path.open("rb") as file:
            file.seek(8)
            begin, end = json.loads(file.read(length))[info.key]["data_offsets"]
            file.seek(8 + length + begin)
            halves = np.frombuffer(file.read(end - begin), dtype="<u2")
        return (halves.astype(np.uint32) << 16).view(np.float32).reshape(info.shape)


class Npz:
    """NumPy archives: the header of each member is read inside the zip, pickles never are."""

    def header(self, path: Path) -> Header:
        """List the numeric arrays without reading their data."""
        with failing_as(path, "not a whole .npz file"), zipfile.ZipFile(path) as archive:
            limit = max(MAX_GROWN_BYTES, MAX_GROWTH * path.stat().st_size)
            infos = [self._info(path, archive, member, limit) for member in archive.infolist()]
        return Header(tuple(info for info in infos if info is not None), ordered=True)

    def unread(self, path: Path) -> list[str]:
        """Name the arrays that `header` leaves out, as they hold text or Python objects."""
        there = {info.key for info in self.header(path).tensors}
        with failing_as(path, "not a whole .npz file"), zipfile.ZipFile(path) as archive:
            names = [name.removesuffix(".npy") for name in archive.namelist() if ".npy" in name]
        return [name for name in names if name not in there]

    def read(self, path: Path, info: TensorInfo) -> NDArray[Any]:
        """Read one array, in native byte order."""
        with (
            failing_as(path, "not a whole .npz file"),
            zipfile.ZipFile(path) as archive,
            archive.open(f"{info.key}.npy") as file,
        ):
            array = _npy.read_array(file, allow_pickle=False)
        return np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("="))

    @staticmethod
    def _info(
        path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo, limit: int
    ) -> TensorInfo | None:
        """Shape and type of one member; None if it is no array of numbers."""
        if not member.filename.endswith(".npy"):
            return None
        with archive.open(member) as file:
            shape, dtype = _npy_header(file)
            start = file.tell()
        key = member.filename.removesuffix(".npy")
        if dtype.kind not in "biufc":
            return None
        claimed = start + math.prod(shape) * dtype.itemsize
        if claimed != member.file_size or member.file_size > limit:
            what = f"array {key!r} claims {claimed} bytes, its place has {member.file_size}"
            msg = f"{path}: {what} (at most {limit} are unpacked); save it again"
            raise CheckpointError(msg)
        return TensorInfo(shape, dtype.name, key)


def reader_for(path: Path) -> Reader:
    """Reader for a file's suffix.

    Raises
    ------
    CheckpointError
        If no format has this suffix.
    """
    suffix = path.suffix.lower()
    if suffix == ".safetensors":
        return Safetensors()
    if suffix == ".npz":
        return Npz()
    if suffix in _TORCH_SUFFIXES:
        from analysis._torch_reader import Torch  # torch takes a second to import

        return Torch()
    msg = f"{path}: unknown format {path.suffix!r}; use one of {', '.join(KNOWN_SUFFIXES)}"
    raise CheckpointError(msg)


def _name_list(text: str) -> tuple[str, ...]:
    """Names in a JSON list; none if the text is anything else."""
    try:
        names = json.loads(text) if text else []
    except (ValueError, RecursionError):
        return ()
    return tuple(name for name in names if isinstance(name, str)) if isinstance(names, list) else ()


def _npy_header(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    read = {
        (1, 0): _npy.read_array_header_1_0,
        (2, 0): _npy.read_array_header_2_0,
    }
    version = _npy.read_magic(file)
    if version not in read:
        return (), np.dtype(object)  # version 3 is for field names in other scripts: no tensor
    shape, _, dtype = read[version](file)
    if any(length < 0 for length in shape):
        msg = f"negative length in shape {shape}"
        raise ValueError(msg)
    return shape, dtype
