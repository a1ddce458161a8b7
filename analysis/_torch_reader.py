"""The reader for files of torch.save; the only module of the readers that imports torch."""

import re
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from analysis._readers import Header, TensorInfo, failing_as, unknown_dtype
from analysis.errors import CheckpointError

_WRAPPERS = ("state_dict", "model_state_dict", "model", "module", "net")
_NOT_WEIGHTS = re.compile(r"optim|(lr_)?sched|scaler|rng", re.IGNORECASE)
_MAX_NESTING = 8


class Torch:
    """Files of torch.save: read with weights_only=True, so that no code in them runs."""

    def header(self, path: Path) -> Header:
        """List the tensors without reading their data, where the file's form allows it."""
        tensors = self._load(path, "meta")
        size = path.stat().st_size
        infos = [
            TensorInfo(tuple(value.shape), str(value.dtype).removeprefix("torch."), key)
            for key, value in tensors.items()
        ]
        for info, value in zip(infos, tensors.values(), strict=True):
            if value.numel() * value.element_size() > size:
                what = f"tensor {info.key!r} claims {info.shape} {info.dtype}"
                msg = f"{path}: {what}, more than the file's {size} bytes; save it again"
                raise CheckpointError(msg)
        return Header(tuple(infos), ordered=True)

    def read(self, path: Path, info: TensorInfo) -> NDArray[Any]:
        """Read one tensor; bfloat16 becomes float32, which holds it exactly."""
        tensor = self._load(path, "cpu")[info.key].detach()
        if tensor.dtype == torch.bfloat16:
            tensor = tensor.float()
        elif not hasattr(np, info.dtype) and info.dtype != "bool":
            raise unknown_dtype(path, info)
        with failing_as(path, f"tensor {info.key!r} cannot be read"):
            return np.array(tensor.resolve_conj().resolve_neg().numpy(), order="C")

    @staticmethod
    def _load(path: Path, device: str) -> dict[str, torch.Tensor]:
        zipped = _stored_zip(path)
        try:
            with warnings.catch_warnings():  # its advice is for those who wrote the file
                warnings.simplefilter("ignore")
                loaded = torch.load(path, map_location=device, weights_only=True, mmap=zipped)
        except Exception as error:
            raise CheckpointError(_torch_reason(path, error)) from error
        if isinstance(loaded, torch.Tensor):
            loaded = {"weight": loaded}
        found = dict(_flat(_unwrapped(loaded, 0), "", set()))
        return {key: value for key, value in found.items() if value.layout == torch.strided}


def _stored_zip(path: Path) -> bool:
    """Whether this is a zip archive (else torch's old form), checked to hold nothing packed."""
    if not zipfile.is_zipfile(path):
        return False
    with failing_as(path, "not a whole torch file"), zipfile.ZipFile(path) as archive:
        packed = [info.filename for info in archive.infolist() if info.compress_type]
    if packed:
        what = f"member {packed[0]!r} is compressed, which torch.save never does"
        msg = f"{path}: {what}; save it again"
        raise CheckpointError(msg)
    return True


def _torch_reason(path: Path, error: Exception) -> str:
    """Say in one line what torch says in twenty, without its advice to run the pickle."""
    text = str(error)
    named = re.search(r"GLOBAL ([\w.]+)|(?:global|class) ([\w.]+) was", text)
    if named or "Weights only load failed" in text or "TorchScript" in text:
        what = f" ({named[1] or named[2]})" if named else ""
        return (
            f"{path}: holds Python objects{what}, not only tensors, and these are never run; where "
            "you trust it, load it and save the tensors alone: "
            "safetensors.torch.save_file(model.state_dict(), 'step-0.safetensors')"
        )
    first = (text.strip().splitlines() or [type(error).__name__])[0][:160]
    return f"{path}: not a whole torch file ({first}); copy it again or save it again"


def _unwrapped(loaded: object, depth: int) -> object:
    """Step into what trainers wrap around a state dict."""
    if not isinstance(loaded, Mapping) or depth == _MAX_NESTING:
        return loaded
    for key in _WRAPPERS:
        inner = loaded.get(key)
        if isinstance(inner, Mapping) and any(True for _ in _flat(inner, "", set())):
            return _unwrapped(inner, depth + 1)
    return loaded


def _flat(value: object, name: str, seen: set[int]) -> Iterator[tuple[str, torch.Tensor]]:
    """Tensors of nested dicts under dotted names; each dict once, the trainer's own state never."""
    if isinstance(value, torch.Tensor):
        yield name, value
    elif isinstance(value, Mapping) and id(value) not in seen and name.count(".") < 64:
        seen.add(id(value))
        for key, inner in value.items():
            if isinstance(key, str) and not (
                isinstance(inner, Mapping) and _NOT_WEIGHTS.match(key)
            ):
                yield from _flat(inner, f"{name}.{key}" if name else key, seen)
