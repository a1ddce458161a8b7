"""Frozen dataclasses of arrays and plain values as .npz bytes and back, without pickle."""

import dataclasses
import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_type_hints

import numpy as np
from numpy.typing import NDArray

META = "__meta__"


@dataclass(frozen=True, slots=True)
class Stored:
    """A result with what it was computed from, by what and when."""

    result: Any
    provenance: Mapping[str, Any]


def digest(document: Mapping[str, Any]) -> str:
    """Digest canonical JSON (sorted keys, no spaces, no NaN), 32 hexadecimal digits."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def encode(result: Any, provenance: Mapping[str, Any]) -> bytes:
    """Write a frozen dataclass of arrays, plain values and such dataclasses as .npz bytes.

    Raises
    ------
    ValueError
        If an array holds Python objects.
    """
    arrays: dict[str, NDArray[Any]] = {}
    plain: dict[str, Any] = {}
    _flatten(result, "", arrays, plain)
    text = json.dumps({"plain": plain, "provenance": provenance}, sort_keys=True)
    arrays[META] = np.frombuffer(text.encode(), dtype=np.uint8)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def decode(data: bytes, kind: type) -> Stored:
    """Read what `encode` wrote as an instance of the dataclass `kind`.

    Raises
    ------
    ValueError, KeyError, OSError, zipfile.BadZipFile
        If the bytes are cut off or of another form.
    """
    with np.load(io.BytesIO(data), allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    meta = json.loads(arrays.pop(META).tobytes().decode())
    return Stored(_build(kind, "", arrays, meta["plain"]), meta["provenance"])


def _flatten(value: Any, prefix: str, arrays: dict[str, Any], plain: dict[str, Any]) -> None:
    for each in dataclasses.fields(value):
        name, part = prefix + each.name, getattr(value, each.name)
        if isinstance(part, np.ndarray):
            if part.dtype.hasobject:
                msg = f"{name}: Object arrays cannot be stored without pickle"
                raise ValueError(msg)
            arrays[name] = part
        elif dataclasses.is_dataclass(part):
            plain[name] = "dataclass"
            _flatten(part, name + ".", arrays, plain)
        else:
            plain[name] = part


def _build(kind: type, prefix: str, arrays: dict[str, Any], plain: dict[str, Any]) -> Any:
    hints = get_type_hints(kind)
    values: dict[str, Any] = {}
    for each in dataclasses.fields(kind):
        name = prefix + each.name
        nested = _dataclass_in(hints[each.name])
        if name in arrays:
            values[each.name] = arrays[name]
        elif nested is not None and plain[name] is not None:
            values[each.name] = _build(nested, name + ".", arrays, plain)
        else:
            part = plain[name]
            values[each.name] = tuple(part) if isinstance(part, list) else part
    return kind(**values)


def _dataclass_in(hint: Any) -> type | None:
    options = getattr(hint, "__args__", ()) or (hint,)
    return next((each for each in options if dataclasses.is_dataclass(each)), None)  # type: ignore[return-value]
