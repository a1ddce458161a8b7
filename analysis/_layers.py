"""What the headers of an experiment's files say about its layers."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from analysis._file_names import natural_key
from analysis._readers import Npz
from analysis._runs import Step
from analysis.checkpoints import TensorInfo, layer_of, tensor_index
from analysis.errors import CheckpointError

Report = Callable[[Path, str], None]
FLOATING = {"float16", "float32", "float64", "bfloat16"}


@dataclass(frozen=True, slots=True)
class Layer:
    """A tensor as a layer of the network.

    Attributes
    ----------
    name : str
        Name of the tensor without ``.weight``.
    shape : tuple of int
        Shape in the first run that has it; (out, in / groups, height, width) for "conv2d".
    kind : str
        "conv2d": four axes, the last two not 1×1, floating (position tables of that form cannot be
        told apart); "pointwise": 1×1 convolutions; "linear": two axes, floating; "other".
    """

    name: str
    shape: tuple[int, ...]
    kind: str


@dataclass(frozen=True, slots=True)
class TensorRef:
    """Where one run's tensor lies: plain strings, so that it can be sent to another process."""

    run: str
    path: str
    tensor: str


@dataclass(frozen=True, slots=True)
class LayerSources:
    """Where a layer's weights at one step lie, over runs.

    Attributes
    ----------
    layer : str
    step : int
    milestone : str or None
    refs : tuple of TensorRef
        In the order of the runs.
    missing : tuple of str
        Runs that were asked for and lack it, each with the reason: n is ``len(refs)`` of
        ``len(refs) + len(missing)``.
    """

    layer: str
    step: int
    milestone: str | None
    refs: tuple[TensorRef, ...]
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Located:
    """A tensor, by its name, and the file that holds it."""

    name: str
    path: Path
    info: TensorInfo


def kind_of(info: TensorInfo) -> str:
    """Kind of layer that a tensor of this shape and type is."""
    if info.dtype not in FLOATING or len(info.shape) not in (2, 4) or 0 in info.shape:
        return "other"
    if len(info.shape) == 2:
        return "linear"
    return "pointwise" if info.shape[2:] == (1, 1) else "conv2d"


def reason_of(path: Path, error: Exception) -> str:
    """Return an error's message without the path it begins with."""
    return str(error).removeprefix(f"{path}: ")


def merged(files: Iterable[Path], report: Report) -> tuple[dict[str, Located], bool]:
    """Tensors of one snapshot by name, and whether all its files know their order."""
    tensors: dict[str, Located] = {}
    ordered = True
    for path in files:
        try:
            index = tensor_index(path)
        except CheckpointError as error:
            report(path, reason_of(path, error))
            continue
        doubles = [name for name in index.tensors if name in tensors]
        if doubles:
            first = tensors[doubles[0]].path.name
            report(path, f"{len(doubles)} tensors are in {first} too, which is read instead")
        for name, info in index.tensors.items():
            tensors.setdefault(name, Located(name, path, info))
        ordered = ordered and index.ordered
    return tensors, ordered


def check_stored(path: Path, report: Report) -> None:
    """Report what of a file of stored activations cannot be read."""
    try:
        tensor_index(path)
        unread = Npz().unread(path)
    except CheckpointError as error:
        report(path, reason_of(path, error))
        return
    if unread:
        some = ", ".join(unread[:4]) + (f" and {len(unread) - 4} more" if len(unread) > 4 else "")
        report(path, f"{some}: text or Python objects, not read; store arrays of numbers")


def located(files: Iterable[Path], layer: str, report: Report) -> Located | str:
    """Tensor of a layer in the files of one snapshot, or why there is none."""
    reasons = []
    for path in files:
        try:
            tensors = tensor_index(path).tensors
        except CheckpointError as error:
            reason = reason_of(path, error)
            reasons.append(f"{path.name}: {reason}")
            report(path, reason)
            continue
        for name in (f"{layer}.weight", layer):
            if name in tensors:
                return Located(name, path, tensors[name])
    return "; ".join(reasons) or f"has no layer {layer}"


def pooled(layer: str, place: Step, found: Mapping[str, Located | str]) -> LayerSources:
    """Sort what each run has of a layer into sources with the commonest kernel size, and others."""
    counts = Counter(
        kernel(item.info.shape) for item in found.values() if not isinstance(item, str)
    )
    common = counts.most_common(1)[0][0] if counts else ()
    refs, missing = [], []
    for run, item in found.items():
        if isinstance(item, str):
            missing.append(f"{run}: {item}")
        elif kernel(item.info.shape) != common:
            missing.append(f"{run}: shape {item.info.shape}, another kernel size than most runs")
        else:
            refs.append(TensorRef(run, str(item.path), item.name))
    return LayerSources(layer, place.step, place.milestone, tuple(refs), tuple(missing))


def layer_table(
    runs: Sequence[tuple[Path, Sequence[dict[str, Located]]]], *, ordered: bool, report: Report
) -> dict[str, Layer]:
    """Layers of all runs in the order of the fullest snapshot; differing kernels are reported."""
    layers: dict[str, Layer] = {}
    for path, snapshots in runs:
        for name, found in _union(snapshots).items():
            layer = Layer(layer_of(name), found.info.shape, kind_of(found.info))
            first = layers.setdefault(layer.name, layer)
            if kernel(first.shape) != kernel(layer.shape):
                report(
                    path,
                    f"layer {layer.name}: shape {layer.shape}, elsewhere {first.shape}; "
                    "kernels of different size are not pooled",
                )
    names = [layer_of(name) for name in _union(_fullest_first(runs))]
    if not ordered:
        names.sort(key=natural_key)
    return {name: layers[name] for name in names}


def kernel(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return what must agree for pooling: the number of axes, and those after the second."""
    return (len(shape), *shape[2:])


def by_depth(layers: dict[str, Layer], listed: Sequence[str]) -> dict[str, Layer]:
    """Layers in the listed order, the others after them."""
    first = [name for name in map(layer_of, listed) if name in layers]
    return {name: layers[name] for name in [*first, *layers]}


def names_in(value: object) -> list[str]:
    """Return the value if it is a list of strings, else an empty list."""
    texts = isinstance(value, list) and all(isinstance(item, str) for item in value)
    return value if texts and isinstance(value, list) else []


def spread(count: int, most: int) -> list[int]:
    """At most `most` (two or more) indices below `count`, evenly spread, with first and last."""
    if count <= most:
        return list(range(count))
    return [round(i * (count - 1) / (most - 1)) for i in range(most)]


def _union(tables: Iterable[dict[str, Located]]) -> dict[str, Located]:
    union: dict[str, Located] = {}
    for table in tables:
        for name, found in table.items():
            union.setdefault(name, found)
    return union


def _fullest_first(
    runs: Sequence[tuple[Path, Sequence[dict[str, Located]]]],
) -> list[dict[str, Located]]:
    tables = [table for _, snapshots in runs for table in snapshots]
    return sorted(tables, key=len, reverse=True)
