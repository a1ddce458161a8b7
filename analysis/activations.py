"""What a batch of inputs becomes in each layer of a network: one point cloud per layer."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis import _forward
from analysis._probe import probe
from analysis.errors import AnalysisError
from analysis.inputs import Batch, read_stored, stored_layers
from analysis.networks import INPUT, NetworkSource

POINTS = ("auto", "flattened", "pooled", "position")


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """The activations of one layer.

    Attributes
    ----------
    name : str
    points : ndarray of float32, shape (n, d), or None
        One row per input.
    rectified : bool
        Whether the layer ends in a ReLU, so that its origin means "all off".
    note : str
        Why there are none, or how they were made of a convolutional layer.
    taken : str
        Where `rectified` is from, unless from the network's own modules.
    """

    name: str
    points: NDArray[np.float32] | None
    rectified: bool
    note: str = ""
    taken: str = ""

    def convention(self, homology: str) -> str:
        """Say what a local homology is about; nothing of a global one, the same about any point."""
        if homology == "global":
            return ""
        where = "at the origin" if self.rectified else "centred"
        return f"{where} ({self.taken})" if self.taken else where


def collect(source: NetworkSource, batch: Batch, *, points: str = "auto") -> Iterator[Layer]:
    """Show a network its inputs, and give its layers one by one in order of depth.

    Parameters
    ----------
    source : NetworkSource
    batch : Batch
    points : str
        Of convolutional layers: "flattened", all coordinates of an input are one point; "pooled",
        the mean over all places; "position", the channels at one random place per input; "auto",
        flattened where that is less than 64 MB, else pooled.

    Yields
    ------
    Layer
        Without points where a layer's output cannot be used, with the reason.

    Raises
    ------
    NerveScopeError
        If the network cannot be built, or the weights or inputs do not fit it.
    """
    if source.stored:
        yield from _collect_stored(source, batch, points)
        return
    if not source.layers or INPUT in source.layers:
        flat = batch.inputs.reshape(len(batch.inputs), -1)
        yield _layer(source, INPUT, flat)
    network, taps = _forward.network(source)
    _forward.check_layers(source, taps)
    wanted = {k: v for k, v in taps.items() if not source.layers or k in source.layers}
    n = len(batch.rows)
    probed = probe(network, wanted, batch.inputs)
    forms = {name: _forward.form(shape, points, n) for name, shape in probed.shapes.items()}
    for group in _forward.groups(forms, n):
        found, wrong = _forward.forward(network, {taps[k]: forms[k] for k in group}, batch)
        for name in group:
            module = taps[name]
            note = wrong.get(module, forms[name].note)
            is_rectified = module in probed.rectified
            yield _layer(source, name, found.pop(module, None), rectified=is_rectified, note=note)


def _layer(
    source: NetworkSource,
    name: str,
    points: NDArray[np.float32] | None,
    *,
    rectified: bool = False,
    note: str = "",
    taken: str = "",
) -> Layer:
    """Put a layer together; what the experiment says of it goes before what was found out."""
    if source.rectified is None:
        return Layer(name, points, rectified, note, taken)
    return Layer(name, points, name in source.rectified, note, "as experiment.toml says")


def _check_stored(source: NetworkSource, names: list[str]) -> None:
    for name in source.layers:
        if name not in names:
            msg = f"{source.where}: there is no layer {name!r}; there are {', '.join(names[:12])}"
            raise AnalysisError(msg)


def _collect_stored(source: NetworkSource, batch: Batch, points: str) -> Iterator[Layer]:
    layers = stored_layers(source)
    _check_stored(source, list(layers))
    for name, why in layers.items():
        if source.layers and name not in source.layers:
            continue
        if why:
            yield Layer(name, None, rectified=False, note=why)
            continue
        array = read_stored(source, name)
        form = _forward.form(tuple(array.shape[1:]), points, len(batch.rows))
        if not form.width:
            yield Layer(name, None, rectified=False, note=form.note)
            continue
        with np.errstate(over="ignore"):  # what single precision cannot hold is reported as such
            chosen = np.asarray(array[batch.rows], dtype=np.float32)
        cloud = _forward.reduced(chosen, form.mode, batch.rows)
        rectified, taken = _looks_rectified(name, array)
        yield _layer(source, name, cloud, rectified=rectified, note=form.note, taken=taken)


def _looks_rectified(name: str, array: NDArray[Any]) -> tuple[bool, str]:
    """Judge by values: what another program stored says nothing of activation functions.

    By those of all inputs, so that it does not depend on which are chosen.
    """
    if name == INPUT:
        return False, ""
    if not (array >= 0).all():
        return False, "some stored value is negative"
    if (array > 0).all():
        return False, "no stored value is exactly 0, unlike behind a ReLU"
    return True, "no stored value is negative and some are 0, as behind a ReLU"
