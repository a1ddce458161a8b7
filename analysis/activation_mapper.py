"""The analysis *activation-mapper*: the Mapper graph of one layer's activations."""

from dataclasses import dataclass

import numpy as np

from analysis import lenses
from analysis.activation_cloud import ActivationCloud
from analysis.errors import AnalysisError
from analysis.filter_mapper import FilterGraph, MapperParams
from analysis.mapper import cut_distance, mapper_graph
from analysis.parameters import parameter
from analysis.registry import Progress, register, silent

QUICK = 1500
"""Points up to which a graph by principal components answers within 200 ms."""

LENSES = ("pca", "codensity", "eccentricity", "umap")


@dataclass(frozen=True)
class ActivationMapperParams(MapperParams):
    """Parameters of the analysis *activation-mapper*: as those of *mapper*."""

    lens: str = parameter("pca", "lens of the cover", choices=LENSES)


def _is_quick(cloud: ActivationCloud, params: ActivationMapperParams) -> bool:
    usual = params.lens == "pca" and params.resolution <= 15 and params.gain <= 3
    return usual and len(cloud.points) <= QUICK and params.min_samples >= 3


@register(
    "activation-mapper",
    title="Mapper graph of activations",
    version=1,
    needs="activation-cloud",
    quick=_is_quick,
    on_demand=True,
)
def activation_graph(
    cloud: ActivationCloud, params: ActivationMapperParams, *, progress: Progress = silent
) -> FilterGraph:
    """Compute the Mapper graph of a layer's activations.

    Parameters
    ----------
    cloud : ActivationCloud
        Of wider layers the principal coordinates that it keeps are used, the first 32.
    params : ActivationMapperParams
        See there.
    progress : callable
        Told of the stages.

    Returns
    -------
    FilterGraph
        Its members are rows of `ActivationCloud.points`.

    Raises
    ------
    AnalysisError
        If all points are equal, or the nerve becomes too large.

    References
    ----------
    A. Rathore, N. Chalapathi, S. Palande, B. Wang, "TopoAct: visually exploring the shape of
    activations in deep learning", Computer Graphics Forum 40 (2021).
    """
    points = cloud.points.astype(np.float64)
    if not points.any():
        msg = f"there is no graph: {cloud.note or 'all activations are equal'}"
        raise AnalysisError(msg)
    cut = cut_distance(points, metric=params.metric, factor=params.cut)
    progress(0.2, "Mapper graph")
    graph = mapper_graph(
        points,
        lenses.lens_values(points, params.lens),
        cover=params.cover,
        resolution=params.resolution,
        gain=params.gain,
        cut=cut,
        min_samples=params.min_samples,
        metric=params.metric,
    )
    return FilterGraph(graph, graph.b0, graph.b1, cut)
