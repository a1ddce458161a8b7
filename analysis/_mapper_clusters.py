"""Clusters of the points in every cube of a cover, the nodes of a Mapper graph."""

from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from analysis._mapper_cover import Cover
from analysis._mapper_kernels import expand, link_neighbours, make_slots, settle
from analysis._mapper_search import Floats, Ints, Shorts, prepare_search
from analysis.errors import AnalysisError

QUERIES = 1_000  # points whose neighbours estimate the cut
Nodes = tuple[Ints, Ints]  # points and nodes, pair by pair


@runtime_checkable
class Clusterer(Protocol):
    """Anything that clusters like a scikit-learn estimator."""

    def fit_predict(self, X: Floats) -> NDArray[np.int64]:  # noqa: N803
        """Label of every row, negative for noise."""
        ...


def scaled(points: Floats, metric: str) -> Floats:
    """Coordinates whose Euclidean distance is the metric.

    Raises
    ------
    AnalysisError
        If the points are not finite rows or the metric is unknown.
    """
    values = np.asarray(points, dtype=np.float64)
    if values.ndim != 2:
        msg = f"points must have shape (n, d), got {values.shape}"
        raise AnalysisError(msg)
    if not np.isfinite(values).all():
        msg = "points have NaN or infinite coordinates: leave those points out"
        raise AnalysisError(msg)
    if metric not in ("euclidean", "variance_normalised"):
        msg = f"metric must be 'euclidean' or 'variance_normalised', got {metric!r}"
        raise AnalysisError(msg)
    if metric == "variance_normalised" and len(values):
        varies = np.ptp(values, axis=0) > 0
        values = values[:, varies] / values[:, varies].std(axis=0)
    return values if values.shape[1] else np.zeros((len(values), 1))


def _neighbour_quantile(points: Floats, neighbours: int, quantile: float) -> float:
    """Quantile of the distance to the k-th other point, over evenly strided queries."""
    rows = np.unique(np.linspace(0, len(points) - 1, QUERIES).astype(np.int64))
    k = min(neighbours, len(points) - 1) + 1
    distances, _ = cKDTree(points).query(points[rows], k=[k])
    return float(np.quantile(distances, quantile))


def cut_distance(
    points: Floats,
    *,
    metric: str = "euclidean",
    neighbours: int = 5,
    quantile: float = 0.9,
    factor: float = 1.3,
) -> float:
    """Distance at which the single linkage of a cloud is cut when nobody says where.

    It is ``factor`` times a quantile of the distances from the points to their k-th nearest other
    point, hence scales with the cloud. One value serves all cubes, so one neighbour search does.

    Parameters
    ----------
    points : ndarray of float64, shape (n, d)
        The whole cloud. At most 1,000 evenly strided points of it are asked for their neighbours.
    metric : {"euclidean", "variance_normalised"}
        As in :func:`mapper_graph`; the result is a distance of this metric.
    neighbours, quantile, factor : int, float, float
        k, the quantile, the factor.

    Returns
    -------
    float
        A positive distance. Where duplicates make the quantile 0, that of the distinct points;
        where there are no two distinct points, 1.

    Raises
    ------
    AnalysisError
        If the points are not finite rows or the metric is unknown.
    """
    values = scaled(points, metric)
    cut = _neighbour_quantile(values, neighbours, quantile) if len(values) > 1 else 0.0
    if cut <= 0:
        values = np.unique(values, axis=0)
        cut = _neighbour_quantile(values, neighbours, quantile) if len(values) > 1 else 1.0
    return cut * factor


def _in_order(cube: Ints, least: Shorts, point: Ints, root: Shorts) -> Nodes:
    """Clusters numbered by cube, then by their least core point, as DBSCAN would in each cube."""
    roots = np.flatnonzero(root == np.arange(len(root)))
    rank = np.lexsort((least[roots], cube[roots]))
    number = np.full(len(root) + 1, -1, dtype=np.int64)  # the last entry stands for noise
    number[roots[rank]] = np.arange(len(roots))
    node = number[root]
    return point[node >= 0], node[node >= 0]


def linked(points: Floats, cover: Cover, radius: float, min_samples: int) -> Nodes:
    """DBSCAN in every cube at once; ``min_samples`` 1 is single linkage cut at the radius.

    Two points of a cube are joined there if they are neighbours in the whole cloud, so that one
    search serves every cube.
    """
    search, order = prepare_search(points, radius)
    slots = make_slots(cover.first[order], cover.last[order])
    links, waiting = link_neighbours(search, slots, min_samples)
    position, cube = expand(slots, cover.shape[1])
    point = order[position]
    root, least = settle(links, waiting, point.astype(np.int32))
    return _in_order(cube, least, point, root)


def _smallest(clusterer: Clusterer) -> int:
    """Fewest points for which a cube is clustered at all: KeplerMapper's rule."""
    parameters: dict[str, object] = getattr(clusterer, "get_params", dict)()
    for name in ("n_clusters", "min_cluster_size", "min_samples"):
        value = parameters.get(name)
        if isinstance(value, int) and value:
            return value
    return 2


def _labels(clusterer: Clusterer, points: Floats) -> Ints:
    try:
        return np.asarray(clusterer.fit_predict(points), dtype=np.int64)
    except ValueError as error:
        msg = f"the clusterer {clusterer!r} failed on a cube of {len(points)} points: {error}"
        raise AnalysisError(msg) from error


def predicted(points: Floats, cover: Cover, clusterer: Clusterer) -> Nodes:
    """Clusters that the clusterer finds in the points of each cube, one cube after the other."""
    position, cube = expand(make_slots(cover.first, cover.last), cover.shape[1])
    ordered = position[np.argsort(cube, kind="stable")].astype(np.int64)
    found: list[Nodes] = []
    total = 0
    for members in np.split(ordered, np.cumsum(np.unique(cube, return_counts=True)[1])[:-1]):
        if len(members) < _smallest(clusterer):
            continue
        names, node = np.unique(_labels(clusterer, points[members]), return_inverse=True)
        node -= int(np.count_nonzero(names < 0))
        found.append((members[node >= 0], (node[node >= 0] + total).astype(np.int64)))
        total += int(np.count_nonzero(names >= 0))
    if not found:
        return ordered[:0], ordered[:0]
    return np.concatenate([f[0] for f in found]), np.concatenate([f[1] for f in found])
