"""Checkpoints as tensors by name: .safetensors, .pt/.pth/.ckpt, .npz, with nothing executed.

Names are the same whatever wrote the file. Rules, for every format:

1. A dict under the key ``state_dict``, ``model_state_dict``, ``model`` or ``module`` (the first of
   these that holds tensors) stands for the file; again inside it. Other nested dicts are joined
   with dots, optimizers and schedulers left out.
2. ``_orig_mod``, ``_fsdp_wrapped_module`` and ``_checkpoint_wrapped_module`` disappear wherever
   they stand in a name, ``module.`` and ``model.`` at its beginning, as often as they stand there.
3. Where two names of one file would become equal, both stay as they are.
"""

import hashlib
import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Lock, local
from typing import Any, TypeVar

from numpy.typing import NDArray

from analysis._file_names import natural_key, step_number
from analysis._readers import Header, TensorInfo, failing_as, reader_for
from analysis.errors import CheckpointError

__all__ = [
    "CheckpointIndex",
    "TensorInfo",
    "content_digest",
    "each_file_once",
    "layer_of",
    "once_with_files",
    "read_tensor",
    "step_of",
    "tensor_index",
]

T = TypeVar("T")

_LOCAL = local()
_HASHING = Lock()
_DIGESTS: dict[tuple[Path, int, int], str] = {}
_INNER_WRAPPER = re.compile(
    r"(?:(?<=\.)|^)(?:_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module)\."
)
_OUTER_WRAPPER = re.compile(r"^(?:(?:module|model)\.)+")


@dataclass(frozen=True, slots=True, eq=False)
class CheckpointIndex:
    """What a checkpoint file holds, from its header.

    Attributes
    ----------
    path : Path
    tensors : mapping of str to TensorInfo
        Shape and type by normalised name, in the order of depth as far as the file knows it.
    ordered : bool
        Whether it does: the order of the state dict or archive, or of metadata key ``layers``. If
        not, names are in natural order (conv2 before conv10).
    """

    path: Path
    tensors: Mapping[str, TensorInfo]
    ordered: bool


def tensor_index(path: Path | str) -> CheckpointIndex:
    """List the tensors of a checkpoint; the data is not read where the format allows it.

    Parameters
    ----------
    path : path
        A file ending in .safetensors, .npz, .pt, .pth, .ckpt or .bin (torch).

    Returns
    -------
    CheckpointIndex

    Raises
    ------
    CheckpointError
        If the file cannot be read, is truncated, claims more than it holds, contains Python objects
        other than tensors, or has no tensor in it.
    """
    return _once("index", path, lambda path: _index(path, *_stamp(path)))


def read_tensor(path: Path | str, name: str) -> NDArray[Any]:
    """Read one tensor of a checkpoint.

    Parameters
    ----------
    path : path
        As for `tensor_index`.
    name : str
        Normalised name, as in `tensor_index`.

    Returns
    -------
    ndarray
        A copy in the type it is stored in, except that bfloat16 becomes float32. NaN and infinity
        are kept: what they mean is for the caller to decide.

    Raises
    ------
    CheckpointError
        As for `tensor_index`, and if there is no such tensor.
    """
    index = tensor_index(path)
    if name not in index.tensors:
        msg = f"{path}: no tensor {name!r}; it has {_some(list(index.tensors))}"
        raise CheckpointError(msg)
    with failing_as(index.path, f"tensor {name!r} cannot be read"):
        return reader_for(index.path).read(index.path, index.tensors[name])


def step_of(name: str) -> int:
    """Training step in the name of a checkpoint.

    The integer after step (also global_step), else iter, else checkpoint, else epoch; else a purely
    numeric stem; else that of the folder; else 0.

    Parameters
    ----------
    name : str
        File name, or path below the experiment such as ``checkpoint-500/model.safetensors``.
    """
    steps = (step_number(part) for part in reversed(Path(name).parts))
    return next((step for step in steps if step is not None), 0)


def content_digest(path: Path | str) -> str:
    """SHA-256 of a file's bytes in hexadecimal, remembered until its size or time changes.

    Raises
    ------
    CheckpointError
        If the file cannot be read.
    """
    return _once("digest", path, _remembered_digest)


@contextmanager
def each_file_once() -> Iterator[None]:
    """Look at each file at most once while this lasts, in this thread.

    For one answer that asks for many results of the same files: whether they have changed since is
    asked once for each rather than thousands of times.
    """
    before = getattr(_LOCAL, "seen", None)
    _LOCAL.seen = {} if before is None else before
    try:
        yield
    finally:
        _LOCAL.seen = before


def once_with_files(key: Hashable, make: Callable[[], T]) -> T:
    """Make something that depends on files once while `each_file_once` lasts; else every time."""
    seen = getattr(_LOCAL, "seen", None)
    if seen is None:
        return make()
    if key not in seen:
        seen[key] = make()
    found: T = seen[key]
    return found


def _once(what: str, path: Path | str, ask: Callable[[Path], T]) -> T:
    seen = getattr(_LOCAL, "seen", None)
    if seen is None:
        return ask(Path(path))
    key = (what, str(path))
    if key not in seen:
        seen[key] = ask(Path(path))
    found: T = seen[key]
    return found


def _remembered_digest(path: Path) -> str:
    known = (path, *_stamp(path))
    if known not in _DIGESTS:
        with _HASHING:  # a large file is read once, however many ask at once
            if known not in _DIGESTS:
                _DIGESTS[known] = _digest(path)
    return _DIGESTS[known]


def layer_of(tensor: str) -> str:
    """Name of the layer that a tensor belongs to: without ``.weight``."""
    return tensor.removesuffix(".weight")


@lru_cache(maxsize=512)
def _index(path: Path, _size: int, _mtime_ns: int) -> CheckpointIndex:
    with failing_as(path, "cannot be read"):
        header = reader_for(path).header(path)
    if not header.tensors:
        msg = f"{path}: holds no tensors; save a state dict, or arrays of numbers"
        raise CheckpointError(msg)
    return _sorted_index(path, header)


def _digest(path: Path) -> str:
    with failing_as(path, "cannot be read"), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _stamp(path: Path) -> tuple[int, int]:
    """Size in bytes and time of change in ns of a file that looks fit to be read."""
    try:
        status = path.stat()
        if path.is_file():
            with path.open("rb"):
                pass
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        msg = f"{path}: cannot be read ({reason}); check the path and its permissions"
        raise CheckpointError(msg) from error
    if not path.is_file():
        msg = f"{path}: a folder or device, not a file; name a checkpoint file"
        raise CheckpointError(msg)
    if not status.st_size:
        msg = f"{path}: empty; copy it again or save it again"
        raise CheckpointError(msg)
    return status.st_size, status.st_mtime_ns


def _sorted_index(path: Path, header: Header) -> CheckpointIndex:
    names = _normalised(info.key for info in header.tensors)
    tensors = {names[info.key]: info for info in header.tensors}
    if not header.ordered:
        depth = {layer_of(_clean(name)): i for i, name in reversed(list(enumerate(header.layers)))}
        ordered = sorted(tensors, key=natural_key)
        ordered.sort(key=lambda name: _depth(name, depth))
        tensors = {name: tensors[name] for name in ordered}
    return CheckpointIndex(path, tensors, ordered=header.ordered or bool(header.layers))


def _depth(name: str, depth: Mapping[str, int]) -> int:
    """Place of a tensor among the listed layers: its own, else that of the layer it is part of."""
    own = depth.get(layer_of(name))
    return depth.get(name.rpartition(".")[0], len(depth)) if own is None else own


def _normalised(keys: Iterable[str]) -> dict[str, str]:
    """Normalised name by name in the file."""
    keys = list(keys)
    clean = [_clean(key) for key in keys]
    count: dict[str, int] = {}
    for name in clean:
        count[name] = count.get(name, 0) + 1
    return {key: name if count[name] == 1 else key for key, name in zip(keys, clean, strict=True)}


def _clean(key: str) -> str:
    text = key.encode("utf-8", "replace").decode()  # half surrogates cannot be shown or sent
    return _OUTER_WRAPPER.sub("", _INNER_WRAPPER.sub("", text)) or text


def _some(names: list[str]) -> str:
    more = f" … ({len(names)} in all)" if len(names) > 8 else ""
    return ", ".join(names[:8]) + more
