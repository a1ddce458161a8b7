"""The analysis *landscapes*: the shape of every layer's activations in one network.

A unit is one snapshot of one run: the network is run once over the inputs, and each layer's cloud
becomes a persistence diagram, of which the landscape and its norm are made.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis import inputs
from analysis._layer_shape import NONE, Part, measured, persistences
from analysis.activations import POINTS, collect
from analysis.checkpoints import step_of
from analysis.cloud_shape import HOMOLOGIES
from analysis.errors import AnalysisError
from analysis.inputs import SAMPLINGS, Batch
from analysis.networks import NETWORK, NetworkSource
from analysis.parameters import Params, parameter
from analysis.registry import Entry, Progress, register, silent, table
from analysis.units import Unit

BARS = 20
"""Longest bars in a table row."""


@dataclass(frozen=True)
class LandscapeParams(Params):
    """Parameters of the analysis *landscapes*."""

    inputs: int = parameter(
        1000, "at most so many inputs are shown to the network", minimum=2, maximum=8000
    )
    of_class: str = parameter(
        "", "show inputs of this class only: its name or number", option="class"
    )
    sampling: str = parameter(
        "random",
        "inputs at random, in the shares of the classes (stratified), or far apart (spread)",
        choices=SAMPLINGS,
    )
    homology: str = parameter(
        "global",
        "of the whole cloud, or at its origin (local homology)",
        choices=HOMOLOGIES,
    )
    dimension: int = parameter(
        1, "homology dimension: components, loops, voids", minimum=0, maximum=2
    )
    points: str = parameter(
        "auto",
        "a convolutional layer's points: all coordinates, means over places, one place per input",
        choices=POINTS,
    )
    seed: int = parameter(0, "seed of the choice of inputs", minimum=0)


@dataclass(frozen=True, slots=True, eq=False)
class NetworkLandscapes:
    """Persistence diagrams of all layers' activations in one network.

    Attributes
    ----------
    layers : tuple of str
        In order of depth.
    pairs : ndarray of float32, shape (n, 2)
        Birth and death of every bar of the asked dimension (of loops too where that is 2), layer
        after layer, the longest first in each dimension;
        distances are in units of `scale`. Filtrations are in single precision, so nothing is lost.
    dimensions : ndarray of int8, shape (n,)
        Homology dimension of each bar.
    offsets : ndarray of int64, shape (n_layers + 1,)
        Where each layer's bars begin.
    norms : ndarray of float64, shape (n_layers,)
        L² norm of the landscape in the asked dimension, over all levels; NaN where a layer failed.
        0 of a dead or constant layer.
    scale : ndarray of float64, shape (n_layers,)
        What distances were divided by, in units of the activations.
    offset : ndarray of float64, shape (n_layers,)
        Distance of the cloud's mean from the origin over the median distance of points to that
        mean, see `analysis.cloud_shape.offset`; NaN where a layer failed. A local homology at the
        origin is one thing where this is small, and another where the cloud lies to one side.
    width : ndarray of int64, shape (n_layers,)
        Coordinates of a point.
    neural_persistence : ndarray of float64, shape (n_layers,)
        Of the layer's weights; NaN where it has none.
    notes : tuple of str
        What else is to be said of each layer: dead, constant, what local homology is about, how
        points were made.
    failed : tuple of bool
        Whether the note says why there is no diagram.
    rows : ndarray of int64, shape (n_inputs,)
        Which inputs of the data.
    labels : ndarray of int64, shape (n_inputs,)
    class_names : tuple of str
    n_total : int
        Inputs that there were to choose from.
    dimension : int
        Of the bars that `norms` are of.
    inputs_note : str
        Why there are fewer inputs than were asked for; empty where there are as many.
    """

    layers: tuple[str, ...]
    pairs: NDArray[np.float32]
    dimensions: NDArray[np.int8]
    offsets: NDArray[np.int64]
    norms: NDArray[np.float64]
    scale: NDArray[np.float64]
    offset: NDArray[np.float64]
    width: NDArray[np.int64]
    neural_persistence: NDArray[np.float64]
    notes: tuple[str, ...]
    failed: tuple[bool, ...]
    rows: NDArray[np.int64]
    labels: NDArray[np.int64]
    class_names: tuple[str, ...]
    n_total: int
    dimension: int
    inputs_note: str = ""

    def bars(self, layer: str, dimension: int) -> NDArray[np.float64]:
        """Births and deaths of a layer's bars, the longest first, shape (m, 2)."""
        i = self.layers.index(layer)
        part = slice(int(self.offsets[i]), int(self.offsets[i + 1]))
        chosen = self.dimensions[part] == dimension
        return np.asarray(self.pairs[part][chosen], dtype=np.float64)

    def note(self, layer: str) -> str:
        """Return what else is to be said of a layer."""
        return self.notes[self.layers.index(layer)]


@register("landscapes", title="Activation landscapes", version=2, needs=NETWORK)
def network_landscapes(
    source: NetworkSource, params: LandscapeParams, *, progress: Progress = silent
) -> NetworkLandscapes:
    """Run a network and compute the persistence diagram of every layer's activations.

    Parameters
    ----------
    source : NetworkSource
        A snapshot and what it is run with.
    params : LandscapeParams
        See there.
    progress : callable
        Told of the layers.

    Returns
    -------
    NetworkLandscapes
        A layer that fails says why in its note; the others go on.

    Raises
    ------
    NerveScopeError
        If the network or the inputs cannot be had.

    References
    ----------
    See `analysis.cloud_shape`. B. Rieck et al., "Neural Persistence", ICLR 2019.
    """
    progress(0.0, "inputs")
    batch = chosen_inputs(source, params)
    neural = persistences(source)
    parts = [
        measured(
            layer,
            homology=params.homology,
            dimension=params.dimension,
            persistence=neural.of(layer.name),
        )
        for layer in collect(source, batch, points=params.points)
    ]
    return _joined(parts, batch, params.dimension)


def chosen_inputs(source: NetworkSource, params: Any) -> Batch:
    """Choose the inputs that parameters name."""
    return inputs.batch_of(
        source,
        count=params.inputs,
        of_class=params.of_class,
        sampling=params.sampling,
        seed=params.seed,
    )


def _joined(parts: list[Part], batch: Batch, dimension: int) -> NetworkLandscapes:
    lengths = [len(part.pairs) for part in parts]
    return NetworkLandscapes(
        layers=tuple(part.name for part in parts),
        pairs=np.concatenate([NONE, *(part.pairs for part in parts)]).astype(np.float32),
        dimensions=np.concatenate([np.zeros(0), *(p.dimensions for p in parts)]).astype(np.int8),
        offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        norms=np.array([part.norm for part in parts]),
        scale=np.array([part.scale for part in parts]),
        offset=np.array([part.offset for part in parts]),
        width=np.array([part.width for part in parts], dtype=np.int64),
        neural_persistence=np.array([part.persistence for part in parts]),
        notes=tuple(part.note for part in parts),
        failed=tuple(part.failed for part in parts),
        rows=batch.rows,
        labels=batch.labels,
        class_names=batch.class_names,
        n_total=batch.n_total,
        dimension=dimension,
        inputs_note=batch.note,
    )


def _entries(unit: Unit, results: Mapping[str, Any]) -> list[Entry]:
    """Put one row per layer in the place of a network."""
    found: NetworkLandscapes = results["landscapes"]
    rows = []
    for layer, note, failed in zip(found.layers, found.notes, found.failed, strict=True):
        error = f"{unit.where}: {layer}: {note}" if failed else None
        rows.append(Entry(unit, _columns(found, layer), {}, error))
    return rows


def _own_step(unit: Unit) -> int:
    """Step of the run's own snapshot; at a milestone each run has another."""
    files = unit.source.files
    named = unit.step.milestone and files
    return step_of("/".join(Path(files[0]).parts[-2:])) if named else unit.step.step


def _columns(found: NetworkLandscapes, layer: str) -> dict[str, Any]:
    i, dimension = found.layers.index(layer), found.dimension
    persistence = float(found.neural_persistence[i])
    return {
        "layer": layer,
        "n_points": len(found.rows),
        "n_total": found.n_total,
        "width": int(found.width[i]),
        "norm": None if found.failed[i] else float(found.norms[i]),
        **{f"h{d}_bars": _longest(found, layer, d) for d in _shown(dimension)},
        "neural_persistence": None if np.isnan(persistence) else persistence,
        "offset": float(found.offset[i]) if np.isfinite(found.offset[i]) else None,
        "note": found.notes[i] or None,
    }


def _shown(dimension: int) -> tuple[int, ...]:
    """Dimensions of the bars in a row: loops, as long as they are known, and what was asked for."""
    return tuple(dict.fromkeys((1, dimension)))


def _longest(found: NetworkLandscapes, layer: str, dimension: int) -> list[float] | None:
    if dimension > found.dimension or found.failed[found.layers.index(layer)]:
        return None  # nobody has looked
    bars = found.bars(layer, dimension)
    lengths = bars[:, 1] - bars[:, 0]
    return [float(x) for x in lengths[np.isfinite(lengths)][:BARS]]


@table(
    "landscapes",
    analysis="landscapes",
    text="landscape norms of activations, run by run and layer by layer",
    expand=_entries,
)
def landscape_row(unit: Unit, _results: Mapping[str, Any] | None) -> dict[str, Any]:
    """Make what all layers of a network have in common; the rest is in `_columns`."""
    params = unit.params
    if not isinstance(params, LandscapeParams):
        msg = f"the table of landscapes is made of units of landscapes, got {unit.analysis!r}"
        raise AnalysisError(msg)
    return {
        "run": unit.source.runs[0],
        "layer": None,
        "step": _own_step(unit),
        "milestone": unit.step.milestone,
        "n_points": params.inputs,
        "class": params.of_class or None,
        "sampling": params.sampling,
        "seed": params.seed,
        "dimension": params.dimension,
        "homology": params.homology,
        "norm": None,
        **{f"h{d}_bars": None for d in _shown(params.dimension)},
    }
