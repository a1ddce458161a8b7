"""The analysis *activation-cloud*: one layer of one network, looked at closely.

Its points, their picture in a plane, their barcode and which inputs each loop passes through.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from analysis.activation_landscapes import LandscapeParams, chosen_inputs
from analysis.activations import Layer, collect
from analysis.cloud_shape import cloud_shape, filtration, kept_bars
from analysis.errors import AnalysisError
from analysis.homology import PersistenceDiagram, birth_cycle, vietoris_rips
from analysis.landscapes import bars_norm
from analysis.lenses import lens_values
from analysis.networks import ACTIVATIONS, NetworkSource
from analysis.parameters import parameter
from analysis.ragged import Ragged
from analysis.registry import Progress, register, silent

CYCLES = 12
"""Longest bars of which it is known through which inputs their loop passes."""

KEPT = 32
"""Coordinates of a point that are kept: of wider layers those along the first principal axes."""

SMALLEST, DRAWS = 16, 5
"""Points of the smallest subsample, and subsamples of each size, that show what the size does."""


@dataclass(frozen=True)
class CloudParams(LandscapeParams):
    """Parameters of the analysis *activation-cloud*: those of *landscapes*, and the picture."""

    projection: str = parameter("pca", "picture of the points", choices=("pca", "umap"))


@dataclass(frozen=True, slots=True, eq=False)
class ActivationCloud:
    """Activations of one layer.

    Attributes
    ----------
    points : ndarray of float16, shape (n, min(width, KEPT))
        One point per input, centred; of wider layers along the first principal axes.
    plane : ndarray of float32, shape (n, 2)
        Where each point lies in the picture.
    explained : tuple of float
        Share of the variance along both axes; empty for UMAP.
    diagram : PersistenceDiagram
        Of the asked dimension (of loops too where that is 2), in units of `scale`, see
        `analysis.cloud_shape`; without landmarks and birth edges.
    cycles : Ragged
        Per H₁ bar, the longest first and at most `CYCLES`: rows of `points` in the order of a loop.
    norm : float
        L² norm of the landscape of the bars in the asked dimension.
    scale : float
    width : int
        Coordinates of the layer.
    note : str
        Dead or constant, what local homology is about, how points were made.
    rows, labels : ndarray of int64, shape (n,)
        Which inputs of the data, and their classes.
    class_names : tuple of str
    n_total : int
        Inputs that there were to choose from.
    sizes : ndarray of int64, shape (k,)
        An eighth, a quarter and half of the points, each at least `SMALLEST`, and all of them;
        increasing, each once.
    size_norms : ndarray of float64, shape (k, DRAWS)
        What the norm would be of so many points only: of subsamples drawn at random with the seed,
        each centred and scaled for itself; NaN where local homology is not defined for one. The
        last row is `norm`, repeated.
    inputs_note : str
        Why there are fewer inputs than were asked for; empty where there are as many.
    """

    points: NDArray[np.float16]
    plane: NDArray[np.float32]
    explained: tuple[float, ...]
    diagram: PersistenceDiagram
    cycles: Ragged
    norm: float
    scale: float
    width: int
    note: str
    rows: NDArray[np.int64]
    labels: NDArray[np.int64]
    class_names: tuple[str, ...]
    n_total: int
    sizes: NDArray[np.int64]
    size_norms: NDArray[np.float64]
    inputs_note: str = ""


@register(
    "activation-cloud",
    title="Activations of a layer",
    version=2,
    needs=ACTIVATIONS,
    on_demand=True,
    like="landscapes",
)
def activation_cloud(
    source: NetworkSource, params: CloudParams, *, progress: Progress = silent
) -> ActivationCloud:
    """Run a network and look at one of its layers closely.

    Parameters
    ----------
    source : NetworkSource
        With the one layer that is wanted.
    params : CloudParams
        See there.
    progress : callable
        Told of the stages.

    Returns
    -------
    ActivationCloud

    Raises
    ------
    NerveScopeError
        If the network or the inputs cannot be had, or the layer's output cannot be used, or its
        local homology is not defined.
    """
    progress(0.0, "running the network")
    batch = chosen_inputs(source, params)
    layer = next(iter(collect(source, batch, points=params.points)))
    if layer.points is None:
        raise AnalysisError(layer.note)
    progress(0.3, "barcode")
    diagram, cycles, scale, note = _shape(layer, params)
    progress(0.8, "picture")
    points, explained = principal_axes(layer.points)
    norm = bars_norm(diagram.bars(params.dimension), dimension=params.dimension)
    sizes, size_norms = _by_size(layer, params, norm)
    # the lens has a seed of its own, so that the same points always give the same picture
    flat = params.projection == "pca" or not points.any()
    plane = points[:, :2] if flat else lens_values(points, "umap")
    return ActivationCloud(
        points=_halved(points[:, :KEPT]),
        plane=np.ascontiguousarray(plane, dtype=np.float32),
        explained=explained if flat else (),
        diagram=_slim(diagram, params.dimension),
        cycles=cycles,
        norm=norm,
        scale=scale,
        width=layer.points.shape[1],
        note="; ".join(filter(None, (note, layer.convention(params.homology), layer.note))),
        rows=batch.rows,
        labels=batch.labels,
        class_names=batch.class_names,
        n_total=batch.n_total,
        sizes=sizes,
        size_norms=size_norms,
        inputs_note=batch.note,
    )


def _by_size(
    layer: Layer, params: CloudParams, norm: float
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Norms of subsamples, so that it is seen how much of a norm is the number of points."""
    assert layer.points is not None  # noqa: S101 - the caller has looked
    n = len(layer.points)
    parts = {max(SMALLEST, round(n / share)) for share in (8, 4, 2)}
    sizes = sorted({size for size in parts if size < n} | {n})
    rng = np.random.default_rng(params.seed)
    norms = np.full((len(sizes), DRAWS), norm)
    for row, size in zip(norms[:-1], sizes[:-1], strict=True):
        for i in range(DRAWS):
            part = layer.points[rng.choice(n, size, replace=False)]
            row[i] = _norm(part, params, rectified=layer.rectified)
    return np.array(sizes, dtype=np.int64), norms


def _norm(points: NDArray[np.generic], params: CloudParams, *, rectified: bool) -> float:
    homology, dimension = params.homology, params.dimension
    try:
        shape = cloud_shape(points, homology=homology, rectified=rectified, dimension=dimension)
    except AnalysisError:  # where half of these few points are at the origin, though not of all
        return float("nan")
    return bars_norm(shape.diagram.bars(dimension), dimension=dimension)


def _shape(layer: Layer, params: CloudParams) -> tuple[PersistenceDiagram, Ragged, float, str]:
    assert layer.points is not None  # noqa: S101 - the caller has looked
    matrix, scale, note = filtration(
        layer.points, homology=params.homology, rectified=layer.rectified
    )
    diagram = vietoris_rips(
        matrix if not note else matrix[:1, :1],
        metric="precomputed",
        max_dimension=params.dimension,
        landmarks=None,
    )
    count = min(len(diagram.bars(1)), CYCLES)
    loops = [birth_cycle(matrix, diagram, i, metric="precomputed") for i in range(count)]
    return diagram, Ragged.of(loops), scale, note


def _slim(diagram: PersistenceDiagram, dimension: int) -> PersistenceDiagram:
    kept = kept_bars(diagram, dimension)
    return replace(
        diagram,
        pairs=diagram.pairs[kept],
        dimensions=diagram.dimensions[kept],
        landmarks=np.zeros(0, np.int64),
        birth_edges=np.full((int(kept.sum()), 2), -1, np.int64),
    )


def _halved(points: NDArray[np.float64]) -> NDArray[np.float16]:
    """Round to half precision, whose range ends at 65,504: larger clouds are scaled to fit."""
    largest = float(np.abs(points).max(initial=0))
    return (points * min(1.0, 1e4 / largest) if largest else points).astype(np.float16)


def principal_axes(
    points: NDArray[np.generic],
) -> tuple[NDArray[np.float64], tuple[float, ...]]:
    """Centre points and turn them to their principal axes, the widest first.

    Parameters
    ----------
    points : ndarray, shape (n, d)

    Returns
    -------
    turned : ndarray of float64, shape (n, max(2, min(n, d)))
        Each axis points to where its largest coordinate is positive.
    explained : tuple of float
        Share of the variance along the first two.
    """
    values = np.asarray(points, dtype=np.float64)
    shifted = values - values[0]  # exactly 0 where all points are equal
    turned, sizes = _turned(shifted - shifted.mean(axis=0))
    if turned.shape[1] < 2:
        turned = np.pad(turned, ((0, 0), (0, 2 - turned.shape[1])))
    furthest = turned[np.abs(turned).argmax(axis=0), np.arange(turned.shape[1])]
    turned = turned * np.where(furthest < 0, -1.0, 1.0)
    total = float((sizes**2).sum()) or 1.0
    shares = [float(size) ** 2 / total for size in sizes[:2]]
    return turned, (*shares, 0.0)[:2]


def _turned(centred: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Coordinates on principal axes, and their norms over the points."""
    n, width = centred.shape
    if width <= n:
        left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    else:  # from inner products, many times faster for wide layers
        values, vectors = np.linalg.eigh(centred @ centred.T)
        left, sizes = vectors[:, ::-1], np.sqrt(np.maximum(values[::-1], 0.0))
    return left * sizes, sizes
