"""The analysis *mapper*: Mapper graphs of densest filters; and the table of filters."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from analysis import circle_models, lenses
from analysis.errors import AnalysisError
from analysis.filter_shape import FilterParams, FilterShape
from analysis.mapper import COVERS, MapperGraph, cut_distance, mapper_graph
from analysis.parameters import Params, parameter
from analysis.registry import Progress, register, silent, table
from analysis.units import Unit

QUICK_POINTS = 5000
QUICK_FEW = 400  # so many are quick whatever becomes of them
QUICK_WORK = 1e8  # coordinates of all pairs: all of them compared and joined in 150 ms, measured
ECCENTRICITY = 3  # its distances of all pairs take as long as so many coordinates more

BARS = 10
"""Longest H₁ bars in a table row."""


@dataclass(frozen=True)
class MapperParams(Params):
    """Parameters of the analysis *mapper*."""

    lens: str = parameter("pca", "lens of the cover", choices=tuple(lenses.LENSES))
    cover: str = parameter(
        "uniform",
        "intervals of equal length (uniform) or of equally many filters (balanced)",
        choices=tuple(COVERS),
    )
    resolution: int = parameter(10, "intervals per axis of the lens", minimum=1, maximum=200)
    gain: float = parameter(
        3.0,
        "overlap of the intervals, KeplerMapper's 1 / (1 - perc_overlap)",
        minimum=1,
        maximum=10,
    )
    cut: float = parameter(
        1.5,
        "single linkage is cut at so many times the .9 quantile of distances to the 5th neighbour",
        minimum=0.01,
        maximum=100,
    )
    min_samples: int = parameter(3, "filters that make a cluster a node", minimum=1, maximum=10000)
    metric: str = parameter(
        "euclidean", "distance of the clustering", choices=("euclidean", "variance_normalised")
    )


@dataclass(frozen=True, slots=True, eq=False)
class FilterGraph:
    """Mapper graph of the kept filters of a layer.

    Attributes
    ----------
    graph : MapperGraph
        Its members are rows of `FilterShape.points`.
    b0, b1 : int
        Betti numbers over Z/2 of the nerve's 2-skeleton.
    cut : float
        Distance at which single linkage was cut, in the chosen metric.
    """

    graph: MapperGraph
    b0: int
    b1: int
    cut: float


def _is_quick(shape: FilterShape, params: MapperParams) -> bool:
    """Whether it answers within 200 ms, of which storing and reading take a quarter; as measured.

    Slow are clouds that are joined from all pairs (many coordinates, a long cut), graphs of
    thousands of nodes (a short cut that keeps small clusters), and UMAP in any case.
    """
    n, dimensions = shape.slices.shape
    if n > QUICK_POINTS or params.gain > 3 or params.resolution > 30 or params.lens == "umap":
        return False
    if n > QUICK_FEW and (params.min_samples < 3 or params.cut < 1.25):
        return False
    coordinates = dimensions + ECCENTRICITY * (params.lens == "eccentricity")
    return n * n * coordinates <= QUICK_WORK or (dimensions <= 9 and params.cut <= 1.5)


@register("mapper", title="Mapper graph", version=1, needs="filters", quick=_is_quick)
def filter_graph(
    shape: FilterShape, params: MapperParams, *, progress: Progress = silent
) -> FilterGraph:
    """Compute the Mapper graph of a layer's densest filters.

    Parameters
    ----------
    shape : FilterShape
        The kept filters.
    params : MapperParams
        See there.
    progress : callable
        Told of the stages.

    Returns
    -------
    FilterGraph

    Raises
    ------
    AnalysisError
        If the nerve becomes too large.

    References
    ----------
    G. Singh, F. Mémoli, G. Carlsson, "Topological methods for the analysis of high dimensional
    data sets and 3D object recognition", 2007; with the lens and clustering of arXiv:1810.03234.
    """
    points = shape.points.astype(np.float64)
    cut = cut_distance(points, metric=params.metric, factor=params.cut)
    progress(0.2, "Mapper graph")
    graph = mapper_graph(
        points,
        _lens(shape, params.lens),
        cover=params.cover,
        resolution=params.resolution,
        gain=params.gain,
        cut=cut,
        min_samples=params.min_samples,
        metric=params.metric,
    )
    progress(0.8, "Betti numbers")
    return FilterGraph(graph, graph.b0, graph.b1, cut)


def _lens(shape: FilterShape, name: str) -> Any:
    if name == "codensity":
        return shape.density.astype(np.float64)
    if name == "angle":
        angle = circle_models.gradient_angle(shape.points, shape.kernel)
        return np.column_stack([np.cos(angle), np.sin(angle)])
    return lenses.lens_values(shape.points.astype(np.float64), name)


@table("filters", analysis="mapper", text="loop strength, circle shares and Mapper, layer by layer")
def filter_row(unit: Unit, results: Mapping[str, Any] | None) -> dict[str, Any]:
    """Make the row of one layer at one step; `results` is None where it could not be computed."""
    params = unit.upstream.params if unit.upstream else None
    if not isinstance(params, FilterParams):
        msg = f"the table of filters is made of Mapper units, got {unit.analysis!r}"
        raise AnalysisError(msg)
    row = {
        "layer": unit.layer,
        "step": unit.step.step,
        "milestone": unit.step.milestone,
        "n_runs": len(unit.refs),
        "fraction": params.fraction,
        "contrast": params.contrast,
        "draw": params.draw,
        "seed": params.seed,
        "null": params.null,
    }
    return row | _measured(results)


COLUMNS = (
    "n_total", "n_degenerate", "n_nonfinite", "n_duplicates", "n_filters", "n_kept", "k",
    "n_landmarks", "h1_bars", "loop_strength", "degenerate", "primary_circle_share",
    "quadratic_share", "mapper_nodes", "mapper_edges", "mapper_b0", "mapper_b1",
)  # fmt: skip


def _measured(results: Mapping[str, Any] | None) -> dict[str, Any]:
    if results is None:
        return dict.fromkeys(COLUMNS)
    shape: FilterShape = results["filters"]
    found: FilterGraph = results["mapper"]
    lengths = shape.diagram.lengths(1)[:BARS]
    values = (
        shape.n_total, shape.n_degenerate, shape.n_nonfinite, shape.n_duplicates, shape.n_filters,
        shape.n_kept, shape.k, len(shape.diagram.landmarks), [float(x) for x in lengths],
        shape.loop_strength, shape.degenerate, _known(shape.primary_circle_share),
        _known(shape.quadratic_share), found.graph.n_nodes, len(found.graph.edges), found.b0,
        found.b1,
    )  # fmt: skip
    return dict(zip(COLUMNS, values, strict=True))


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
