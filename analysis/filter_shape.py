"""The analysis *filters*: a layer's densest filters, their barcode and the circle they lie near."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis import circle_models
from analysis.codensity import codensity, degenerate_reason, densest_mask, k_share
from analysis.errors import AnalysisError
from analysis.filters import FilterCloud, filter_cloud, normalised, permuted
from analysis.homology import PersistenceDiagram, loop_strength, vietoris_rips
from analysis.parameters import Params, parameter
from analysis.registry import Progress, register, silent

BACKDROP = 2000
"""At most so many of the filters that codensity drops are kept for the picture."""

PROFILE = 257
"""Places of the sorted codensity that are stored, whatever the number of filters."""

AUTO_SHARE, AUTO_MOST = 0.02, 100


def neighbours(k: str, n: int) -> int:
    """Read ``"100"``, ``"2%"`` or ``"auto"`` as a number of neighbours among n points.

    ``"auto"`` is 2 %, and at most 100: in deep layers 2 % is thousands, which blurs what is there.

    Raises
    ------
    AnalysisError
        If it is neither, not above 0, or more than 100 %.
    """
    text = k.strip()
    if text == "auto":
        return min(AUTO_MOST, k_share(n, AUTO_SHARE))
    try:
        if text.endswith("%"):
            share = float(text[:-1]) / 100
            if 0 < share <= 1:
                return k_share(n, share)
        elif int(text) > 0:
            return int(text)
    except ValueError:
        pass
    msg = f"k must be a number of neighbours such as 100, a share such as 2%, or auto, got {k!r}"
    raise AnalysisError(msg)


@dataclass(frozen=True)
class FilterParams(Params):
    """Parameters of the analysis *filters*."""

    k: str = parameter(
        "auto",
        "neighbour whose distance is the codensity: a number (100), a share of the filters (2%), "
        "or auto: 2%, at most 100",
        check=lambda k: neighbours(k, 100),
    )
    fraction: float = parameter(
        0.3, "densest share of the filters to keep", minimum=0.0001, maximum=1.0
    )
    contrast: float = parameter(
        1.0, "share of strongest filters to take before that", minimum=0.0001, maximum=1.0
    )
    draw: int | None = parameter(
        65536, "take at most so many filters at random (seeded)", minimum=2
    )
    null: str = parameter(
        "none", "null model: permute the entries of each filter", choices=("none", "permuted")
    )
    landmarks: int = parameter(
        1000, "points of the barcode, chosen greedily", minimum=2, maximum=8000
    )
    seed: int = parameter(0, "seed of the draw and of the permutations", minimum=0)


@dataclass(frozen=True, slots=True, eq=False)
class FilterShape:
    """The densest filters of a layer, with their barcode.

    Attributes
    ----------
    slices : ndarray, shape (n_kept, h * w)
        Kept filters as they are stored (or permuted); `points` are these centred and normalised.
    origin : ndarray of int32, shape (n_kept, 3)
        Run (index among the unit's runs), output channel, input channel.
    density : ndarray of float32, shape (n_kept,)
        Codensity: distance to the k-th neighbour among all `n_filters`.
    profile : ndarray of float32, shape (PROFILE,)
        Codensity of all `n_filters`, ascending, at evenly spaced shares of them.
    dropped : ndarray of float16, shape (m, h * w)
        At most `BACKDROP` of the filters not kept, centred and normalised, drawn at random.
    dropped_density : ndarray of float32, shape (m,)
        Their codensity.
    diagram : PersistenceDiagram
        Of the kept filters, dimensions 0 and 1.
    kernel : tuple of int
        Height and width.
    n_total, n_degenerate, n_nonfinite, n_duplicates, n_filters : int
        Slices in the layer; without direction; with NaN or infinity; equal to an earlier one
        (among the n_filters); left after the draw and the contrast filter.
    k : int
        Neighbour used.
    degenerate : str or None
        Why the picture means nothing, where the kept filters are mostly copies of each other.
    primary_circle_share, quadratic_share : float
        Mean squared part of the kept filters in the plane of the linear gradients, and in the
        quadratic patterns; NaN where the kernel is too small to have them.
    """

    slices: NDArray[np.generic]
    origin: NDArray[np.int32]
    density: NDArray[np.float32]
    profile: NDArray[np.float32]
    dropped: NDArray[np.float16]
    dropped_density: NDArray[np.float32]
    diagram: PersistenceDiagram
    kernel: tuple[int, int]
    n_total: int
    n_degenerate: int
    n_nonfinite: int
    n_duplicates: int
    n_filters: int
    k: int
    degenerate: str | None
    primary_circle_share: float
    quadratic_share: float

    @property
    def n_kept(self) -> int:
        """Number of kept filters."""
        return len(self.slices)

    @property
    def points(self) -> NDArray[np.float32]:
        """Kept filters, mean-centred and of unit norm, shape (n_kept, h * w)."""
        return normalised(self.slices)[0]

    @property
    def norms(self) -> NDArray[np.float64]:
        """Contrast of each kept filter in units of the weights, shape (n_kept,)."""
        return normalised(self.slices)[1]

    @property
    def loop_strength(self) -> float | None:
        """Longest H₁ bar over the second; None with fewer than two, or where degenerate."""
        return None if self.degenerate else loop_strength(self.diagram)


@register("filters", title="Filters", version=2, beside={"null": ("none", "permuted")})
def filter_shape(
    weights: Sequence[NDArray[np.generic]], params: FilterParams, *, progress: Progress = silent
) -> FilterShape:
    """Keep a layer's densest filters and compute their barcode.

    Parameters
    ----------
    weights : sequence of ndarray, each of shape (out, in, h, w)
        One array per run.
    params : FilterParams
        See there.
    progress : callable
        Told of the stages.

    Returns
    -------
    FilterShape

    Raises
    ------
    AnalysisError
        If the layer has too few filters for these parameters.

    References
    ----------
    R. Gabrielsson, G. Carlsson, "Exposition and interpretation of the topology of neural
    networks", arXiv:1810.03234.
    """
    progress(0.0, "reading filters")
    cloud = filter_cloud(weights, contrast=params.contrast, draw=params.draw, seed=params.seed)
    if params.null == "permuted":
        cloud = permuted(cloud, params.seed)
    k = _usable_k(cloud, params.k)
    progress(0.1, "codensity")
    density = codensity(cloud.points, k)
    kept = densest_mask(density, params.fraction)
    progress(0.6, "barcode")
    points = cloud.points[kept]
    backdrop = _backdrop(kept, params.seed)
    return FilterShape(
        slices=cloud.slices[kept],
        origin=cloud.origin[kept].astype(np.int32),
        density=density[kept].astype(np.float32),
        profile=_profile(density),
        dropped=cloud.points[backdrop].astype(np.float16),
        dropped_density=density[backdrop].astype(np.float32),
        diagram=vietoris_rips(points, max_dimension=1, landmarks=params.landmarks),
        kernel=cloud.kernel,
        n_total=cloud.n_total,
        n_degenerate=cloud.n_degenerate,
        n_nonfinite=cloud.n_nonfinite,
        n_duplicates=cloud.n_duplicates,
        n_filters=len(cloud),
        k=k,
        degenerate=degenerate_reason(cloud.points, kept, k),
        primary_circle_share=_share(circle_models.primary_circle_share, points, cloud.kernel),
        quadratic_share=_share(circle_models.quadratic_share, points, cloud.kernel),
    )


def _usable_k(cloud: FilterCloud, said: str) -> int:
    n = len(cloud)
    if n < 2:
        usable = cloud.n_total - cloud.n_degenerate - cloud.n_nonfinite
        msg = (
            f"only {n} of {cloud.n_total} filters can be used ({cloud.n_degenerate} constant, "
            f"{cloud.n_nonfinite} with NaN or infinity, {usable - n} left out by draw and "
            "contrast): there is no shape to show"
        )
        raise AnalysisError(msg)
    k = neighbours(said, n)
    if k >= n:
        msg = f"k = {k} needs more than {n} filters: choose a k below {n}, or a share such as 2%"
        raise AnalysisError(msg)
    return k


def _backdrop(kept: NDArray[np.bool_], seed: int) -> NDArray[np.int64]:
    """Rows of the dropped filters that are kept for the picture, ascending."""
    dropped = np.flatnonzero(~kept)
    if len(dropped) > BACKDROP:
        chosen = np.random.default_rng(seed).choice(dropped, size=BACKDROP, replace=False)
        return np.sort(chosen)
    return dropped


def _profile(density: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    ordered = np.sort(density)
    places = np.linspace(0, len(ordered) - 1, PROFILE)
    return np.interp(places, np.arange(len(ordered)), ordered).astype(np.float32)


def _share(
    measure: Callable[..., float], points: NDArray[np.float32], kernel: tuple[int, int]
) -> float:
    try:
        return measure(points, kernel)
    except AnalysisError:  # a kernel such as 1×3 has no plane of gradients
        return float("nan")
