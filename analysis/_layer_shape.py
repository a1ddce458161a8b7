"""What is measured of one layer: its diagram, its norm, the neural persistence of its weights."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.activations import Layer
from analysis.cloud_shape import cloud_shape, kept_bars
from analysis.errors import AnalysisError
from analysis.landscapes import bars_norm
from analysis.neural_persistence import neural_persistence


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """What is known of one layer."""

    name: str
    pairs: NDArray[np.float64]
    dimensions: NDArray[np.int64]
    norm: float
    scale: float
    width: int
    persistence: float
    note: str
    failed: bool = True


NONE = np.zeros((0, 2))


def measured(layer: Layer, *, homology: str, dimension: int, persistence: float) -> Part:
    """Compute the diagram of a layer; where that fails, say why."""
    width = 0 if layer.points is None else layer.points.shape[1]
    try:
        if layer.points is None:
            raise AnalysisError(layer.note)
        shape = cloud_shape(
            layer.points,
            homology=homology,
            rectified=layer.rectified,
            dimension=dimension,
        )
    except AnalysisError as error:
        none = np.zeros(0, np.int64)
        return Part(layer.name, NONE, none, np.nan, np.nan, width, persistence, str(error))
    found = shape.diagram
    # alive for ever are the components, which never merge beyond the last: no landscape has them
    bars = found.bars(dimension)
    norm = bars_norm(bars, dimension=dimension)
    note = "; ".join(part for part in (shape.note, layer.note) if part)
    kept = kept_bars(found, dimension)
    return Part(
        layer.name,
        found.pairs[kept],
        found.dimensions[kept],
        norm,
        shape.scale,
        width,
        persistence,
        note,
        failed=False,
    )


def bare(layer: str) -> str:
    """Name of a module as in checkpoints, which leave out what stands before all names."""
    while layer.startswith(("module.", "model.")):
        layer = layer.partition(".")[2]
    return layer


def _is_usable(weights: NDArray[Any]) -> bool:
    return weights.size > 0 and weights.dtype.kind in "fiu" and bool(np.isfinite(weights).all())


def largest_weight(weights: Iterable[NDArray[Any]]) -> float:
    """Largest absolute weight; a layer with NaN does not count: the others keep their scale."""
    usable = (np.abs(each.astype(np.float64)).max() for each in weights if _is_usable(each))
    return float(max(usable, default=0.0))


def persistence(weights: NDArray[Any] | None, largest: float) -> float:
    """Neural persistence of a layer beside the largest weight of all; NaN where it has none."""
    if weights is None or not _is_usable(weights) or largest == 0:
        return float("nan")
    return neural_persistence(weights, scale=largest)
