"""What is measured of one layer: its diagram, its norm, the neural persistence of its weights."""

import contextlib
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from analysis.activations import Layer
from analysis.cloud_shape import cloud_shape, kept_bars, offset
from analysis.errors import AnalysisError
from analysis.landscapes import bars_norm
from analysis.networks import NetworkSource, each_weights
from analysis.neural_persistence import persistence_of, spanning_weights

NONE = np.zeros((0, 2))


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """What is known of one layer."""

    name: str
    width: int
    persistence: float
    note: str
    pairs: NDArray[np.float64] = field(default_factory=lambda: NONE)
    dimensions: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    norm: float = np.nan
    scale: float = np.nan
    offset: float = np.nan
    failed: bool = True


def measured(
    layer: Layer, *, homology: str, dimension: int, persistence: tuple[float, str]
) -> Part:
    """Compute the diagram of a layer; where that fails, say why.

    Parameters
    ----------
    layer : Layer
    homology : str
    dimension : int
    persistence : tuple of float and str
        Neural persistence of its weights, and what is to be said of that.
    """
    value, said = persistence
    if layer.points is None:
        return Part(layer.name, 0, value, _joined(layer.note, said))
    width, convention = layer.points.shape[1], layer.convention(homology)
    try:
        shape = cloud_shape(
            layer.points, homology=homology, rectified=layer.rectified, dimension=dimension
        )
    except AnalysisError as error:
        return Part(layer.name, width, value, _joined(str(error), convention, said))
    found = shape.diagram
    kept = kept_bars(found, dimension)
    return Part(
        layer.name,
        width,
        value,
        _joined(shape.note, convention, layer.note, said),
        pairs=found.pairs[kept],
        dimensions=found.dimensions[kept],
        # alive for ever are the components, which never merge beyond the last: in no landscape
        norm=bars_norm(found.bars(dimension), dimension=dimension),
        scale=shape.scale,
        offset=offset(layer.points),
        failed=False,
    )


def _joined(*parts: str) -> str:
    return "; ".join(part for part in parts if part)


def bare(layer: str) -> str:
    """Name of a module as in checkpoints, which leave out what stands before all names."""
    while layer.startswith(("module.", "model.")):
        layer = layer.partition(".")[2]
    return layer


@dataclass(frozen=True, slots=True)
class Persistences:
    """Neural persistence of all layers of a network.

    Attributes
    ----------
    values : dict of str to float
        Of the layers that have one.
    notes : dict of str to str
        Why another has none.
    """

    values: dict[str, float]
    notes: dict[str, str]

    def of(self, layer: str) -> tuple[float, str]:
        """Value and note of a layer by its module's name."""
        name = bare(layer)
        return self.values.get(name, float("nan")), self.notes.get(name, "")


def persistences(source: NetworkSource) -> Persistences:
    """Compute neural persistence of all layers beside the largest weight of all.

    One layer's weights are held at a time. A layer with NaN has none and does not count: the others
    keep their scale.
    """
    trees: dict[str, NDArray[np.float64]] = {}
    notes: dict[str, str] = {}
    for name, weights in each_weights(source):
        if isinstance(weights, int):
            notes[name] = f"{weights:,} weights are too many for neural persistence"
            continue
        with contextlib.suppress(AnalysisError):
            trees[name] = spanning_weights(weights)
    largest = max((float(tree[0]) for tree in trees.values()), default=0.0)
    usable = trees.items() if largest > 0 else ()
    return Persistences({k: persistence_of(tree, scale=largest) for k, tree in usable}, notes)
