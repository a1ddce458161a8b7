"""Vietoris–Rips persistent homology of a point cloud, on greedy landmarks."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis._cycles import shortest_loop
from analysis._distances import Metric, choose_landmarks, condensed_distances, enclosing_radius
from analysis._distances import checked as checked_points
from analysis._rips import Bars, redzed_bars, ripser_bars, trivial_bars
from analysis.errors import AnalysisError
from analysis.ragged import Ragged


@dataclass(frozen=True, slots=True, eq=False)
class PersistenceDiagram:
    """Bars by dimension, within a dimension the longest first; bars of no length are left out.

    Attributes
    ----------
    pairs : ndarray of float64, shape (n, 2)
        Birth and death of each bar, in the units of the distances; infinite if it never dies.
    dimensions : ndarray of int64, shape (n,)
        Homology dimension of each bar.
    landmarks : ndarray of int64, shape (m,)
        Which of the given points the diagram is of. "Landmark-local" numbers count along it.
    covering_radius : float
        Largest distance of a given point to its nearest landmark. The diagram of all points is
        within twice this value in bottleneck distance.
    n_points : int
        Points given.
    birth_edges : ndarray of int64, shape (n, 2)
        For a bar of dimension 1 the landmark-local ends of the edge it is born with, else -1.
        -1 throughout where ripser was used (another field than Z/2, or cocycles).
    cocycles : Ragged, optional
        One list per bar, see `cocycle`.
    """

    pairs: NDArray[np.float64]
    dimensions: NDArray[np.int64]
    landmarks: NDArray[np.int64]
    covering_radius: float
    n_points: int
    birth_edges: NDArray[np.int64]
    cocycles: Ragged | None = None

    def __post_init__(self) -> None:
        """Check that the fields agree.

        Raises
        ------
        ValueError
            If they do not, or a bar dies before it is born.
        """
        n = len(self.dimensions)
        if self.pairs.shape != (n, 2) or self.birth_edges.shape != (n, 2):
            msg = f"{n} bars, pairs {self.pairs.shape}, birth edges {self.birth_edges.shape}"
            raise ValueError(msg)
        if not np.all(self.pairs[:, 0] < self.pairs[:, 1]):
            msg = "every bar must be born before it dies"
            raise ValueError(msg)
        if self.cocycles is not None and len(self.cocycles) != n:
            msg = f"{n} bars, {len(self.cocycles)} cocycles"
            raise ValueError(msg)

    def bars(self, dimension: int) -> NDArray[np.float64]:
        """Births and deaths of one dimension, the longest bar first, shape (m, 2)."""
        return np.asarray(self.pairs[self.dimensions == dimension])

    def lengths(self, dimension: int) -> NDArray[np.float64]:
        """Lengths of the bars of one dimension in descending order, shape (m,)."""
        bars = self.bars(dimension)
        return np.asarray(bars[:, 1] - bars[:, 0])

    def cocycle(self, dimension: int, bar_index: int) -> NDArray[np.int64]:
        """Give a representative cocycle of the bar ``bars(dimension)[bar_index]``.

        Returns
        -------
        ndarray of int64, shape (m, dimension + 2)
            Per simplex its landmark-local vertices and its coefficient. Empty in dimension 0,
            where ripser gives none.

        Raises
        ------
        AnalysisError
            If the diagram has no cocycles or no such bar.
        """
        if self.cocycles is None:
            msg = "the diagram has no cocycles: ask vietoris_rips for them with cocycles=True"
            raise AnalysisError(msg)
        return self.cocycles[_position(self, dimension, bar_index)].reshape(-1, dimension + 2)


def vietoris_rips(
    points: ArrayLike,
    *,
    max_dimension: int = 1,
    landmarks: int | None = 1000,
    threshold: float | None = None,
    field: int = 2,
    cocycles: bool = False,
    metric: Metric = "euclidean",
) -> PersistenceDiagram:
    """Compute the persistence diagram of the Vietoris–Rips filtration.

    Distances are rounded to single precision, as ripser rounds them, and the bars are ripser's.
    redzed-tda computes them; ripser itself does for another field than Z/2 and for cocycles.

    Parameters
    ----------
    points : array_like of shape (n, d), or (n, n) if ``metric`` is "precomputed"
        Points, or their symmetric dissimilarities with zero diagonal (the triangle inequality is
        not needed).
    max_dimension : int
        0, 1 or 2.
    landmarks : int, optional
        Use at most so many points, chosen by `greedy_landmarks`. None: all.
    threshold : float, optional
        Largest edge. Bars alive there have an infinite death. By default the enclosing radius,
        beyond which nothing of dimension 1 or more lives, so that no bar is lost.
    field : int
        Prime p of the coefficients Z/p.
    cocycles : bool
        Keep a representative cocycle of every bar.
    metric : {"euclidean", "precomputed"}

    Returns
    -------
    PersistenceDiagram
        No bars for no points, one infinite bar for one.

    Raises
    ------
    AnalysisError
        If the input is not finite or not of the stated shape, or an option is out of range.

    References
    ----------
    C. Kapulkin, N. Kershaw, "RedZeD: computing persistent homology by reduction to zero
    differentials", arXiv:2606.06310 (2026). U. Bauer, "Ripser: efficient computation of
    Vietoris-Rips persistence barcodes", J. Appl. Comput. Topol. 5 (2021).
    """
    data = checked_points(points, metric)
    _check_options(max_dimension, threshold, field)
    chosen, radius = choose_landmarks(data, landmarks, metric)
    if len(chosen) < 2:
        return _collect(
            trivial_bars(len(chosen)), chosen, (radius, len(data)), with_cocycles=cocycles
        )
    condensed = condensed_distances(data, chosen, metric)
    limit = enclosing_radius(condensed, len(chosen))
    if threshold is not None:
        limit = min(limit, float(np.float32(threshold)))
    if field == 2 and not cocycles:
        found = redzed_bars(condensed, limit, max_dimension)
    else:
        found = ripser_bars(condensed, limit, max_dimension, field)
    return _collect(found, chosen, (radius, len(data)), with_cocycles=cocycles)


def greedy_landmarks(points: ArrayLike, n: int) -> tuple[NDArray[np.int64], float]:
    """Choose landmarks greedily: from point 0 on, always the point furthest from those chosen.

    Parameters
    ----------
    points : array_like of shape (m, d)
    n : int
        Landmarks wanted. There are fewer if the points, or the different points, are fewer.

    Returns
    -------
    indices : ndarray of int64, shape (at most n,)
        In the order of choice; ties go to the lower index.
    covering_radius : float
        Largest distance of a point to its nearest landmark.

    Raises
    ------
    AnalysisError
        If a point is not finite or ``n`` is below 1.

    References
    ----------
    V. de Silva, G. Carlsson, "Topological estimation using witness complexes", Eurographics
    Symposium on Point-Based Graphics (2004): max-min landmarks.
    """
    return choose_landmarks(checked_points(points, "euclidean"), n, "euclidean")


def birth_cycle(
    points: ArrayLike,
    diagram: PersistenceDiagram,
    bar_index: int,
    *,
    metric: Metric = "euclidean",
) -> NDArray[np.int64]:
    """Find a cycle born with a bar of dimension 1: its birth edge and the shortest way back.

    It may differ from the bar's class by an older loop, so it shows where the loop closes and
    is not *the* representative. The way back is the shortest in length over edges shorter than the
    birth edge. Where ties leave no such path, edges of the same length are allowed too.

    Parameters
    ----------
    points : array_like of shape (n, d) or (n, n)
        What the diagram was computed from.
    diagram : PersistenceDiagram
    bar_index : int
        Of the bar in ``diagram.bars(1)``: 0 is the longest.
    metric : {"euclidean", "precomputed"}

    Returns
    -------
    ndarray of int64, shape (m,)
        Indices into ``points``, in order; the birth edge joins the last to the first.

    Raises
    ------
    AnalysisError
        If there is no such bar, its birth edge is not known, or the points are others.
    """
    data = checked_points(points, metric)
    position = _position(diagram, 1, bar_index)
    start, end = (int(vertex) for vertex in diagram.birth_edges[position])
    if start < 0:
        msg = "birth edges are known with field=2 and cocycles=False only: compute it that way"
        raise AnalysisError(msg)
    if len(data) != diagram.n_points:
        msg = f"the diagram is of {diagram.n_points} points, got {len(data)}"
        raise AnalysisError(msg)
    condensed = condensed_distances(data, diagram.landmarks, metric)
    loop = shortest_loop(condensed, len(diagram.landmarks), (start, end))
    if loop is None:
        msg = f"no path closes the birth edge of bar {bar_index}: these are not its points"
        raise AnalysisError(msg)
    return diagram.landmarks[loop]


def loop_strength(diagram: PersistenceDiagram) -> float | None:
    """Length of the longest bar of dimension 1 over that of the second longest.

    Returns
    -------
    float or None
        None with fewer than two bars, and where a threshold cut the longest one off.
    """
    lengths = diagram.lengths(1)
    if len(lengths) < 2 or not np.isfinite(lengths[0]):
        return None
    return float(lengths[0] / lengths[1])


def standing_out(diagram: PersistenceDiagram, *, most: int = 10) -> tuple[int, float]:
    """Count the bars of dimension 1 before the largest relative gap, and measure that gap.

    Parameters
    ----------
    diagram : PersistenceDiagram
        Any.
    most : int
        Gaps are looked for after the first so many bars.

    Returns
    -------
    count : int
        Bars before the gap; 0 with fewer than two bars.
    gap : float
        Length of the last of them over that of the next; 1 with fewer than two bars.
    """
    return largest_gap(diagram.lengths(1), most=most)


def largest_gap(lengths: NDArray[np.floating[Any]], *, most: int = 10) -> tuple[int, float]:
    """Count the lengths, descending, before the largest relative gap; see `standing_out`."""
    first = lengths[: most + 1]
    if len(first) < 2 or not np.isfinite(first[0]):
        return 0, 1.0
    gaps = first[:-1] / first[1:]
    return int(np.argmax(gaps)) + 1, float(gaps.max())


def warm() -> None:
    """Compile or load every kernel of this module, so that no request waits for it."""
    greedy_landmarks(np.eye(3), 2)


def _collect(
    found: list[Bars],
    landmarks: NDArray[np.int64],
    cover: tuple[float, int],
    *,
    with_cocycles: bool,
) -> PersistenceDiagram:
    """Join the dimensions and put the bars in the diagram's order; ties by birth."""
    pairs = np.concatenate([bars.pairs for bars in found])
    dimensions = np.repeat(np.arange(len(found)), [len(bars.pairs) for bars in found])
    order = np.lexsort((pairs[:, 0], pairs[:, 0] - pairs[:, 1], dimensions))
    cocycles = [cocycle for bars in found for cocycle in bars.cocycles]
    return PersistenceDiagram(
        pairs=pairs[order],
        dimensions=dimensions[order].astype(np.int64),
        landmarks=landmarks,
        covering_radius=cover[0],
        n_points=cover[1],
        birth_edges=np.concatenate([bars.birth_edges for bars in found])[order],
        cocycles=Ragged.of(cocycles[i].ravel() for i in order) if with_cocycles else None,
    )


def _position(diagram: PersistenceDiagram, dimension: int, bar_index: int) -> int:
    positions = np.flatnonzero(diagram.dimensions == dimension)
    if not 0 <= bar_index < len(positions):
        msg = f"there is no bar {bar_index} among the {len(positions)} of dimension {dimension}"
        raise AnalysisError(msg)
    return int(positions[bar_index])


def _check_options(max_dimension: int, threshold: float | None, field: int) -> None:
    if max_dimension not in {0, 1, 2}:
        msg = f"max_dimension must be 0, 1 or 2, got {max_dimension}"
        raise AnalysisError(msg)
    if threshold is not None and not threshold >= 0:
        msg = f"threshold must be at least 0, got {threshold}"
        raise AnalysisError(msg)
    if not 2 <= field < 2**15 or any(field % q == 0 for q in range(2, int(field**0.5) + 1)):
        msg = f"field must be a prime below 32768, got {field}"
        raise AnalysisError(msg)
