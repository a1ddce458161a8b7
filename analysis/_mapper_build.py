"""The steps from a cover to the arrays of a Mapper graph."""

import numpy as np
from scipy import sparse
from scipy.spatial import cKDTree

from analysis import _mapper_nerve as nerve
from analysis._mapper_clusters import Clusterer, Nodes, cut_distance, linked, predicted
from analysis._mapper_cover import Cover
from analysis._mapper_search import Floats, Ints
from analysis.errors import AnalysisError

MAX_TRIANGLES = 5_000_000
MAX_MEETINGS = 200_000_000  # pairs of cubes that share a point, counted point by point
CORE = {"single_linkage": 1, "dbscan": 3}  # min_samples where none is given
NOTHING = np.zeros(0, np.int64), np.zeros(0, np.int64)


def check_size(cover: Cover, n: int) -> None:
    """Refuse a cover of other points, and one whose nerve would be too large to compute."""
    if len(cover.first) != n:
        msg = f"the cover is of {len(cover.first)} points, the cloud has {n}"
        raise AnalysisError(msg)
    meetings = int((cover.counts**2).sum())
    if meetings > MAX_MEETINGS:
        msg = (
            f"a point lies in up to {cover.counts.max()} cubes, together {meetings} pairs of cubes "
            f"over all points, more than {MAX_MEETINGS}: lower the gain, or draw fewer points"
        )
        raise AnalysisError(msg)


def _check_linkage(name: str, radius: float, core: int) -> None:
    if name not in CORE:
        msg = f"clusterer must be one of {sorted(CORE)} or have fit_predict, got {name!r}"
        raise AnalysisError(msg)
    if not (np.isfinite(radius) and radius > 0):
        msg = f"cut must be a positive distance, got {radius!r}"
        raise AnalysisError(msg)
    if core < 1 or core != int(core):
        msg = f"min_samples must be a whole number of at least 1, got {core!r}"
        raise AnalysisError(msg)


def find_nodes(
    points: Floats,
    cover: Cover,
    *,
    clusterer: str | Clusterer,
    cut: float | None,
    min_samples: int | None,
) -> Nodes:
    """Points and nodes, pair by pair, by the clusterer asked for."""
    if isinstance(clusterer, str):
        core = CORE.get(clusterer, 1) if min_samples is None else min_samples
        radius = cut_distance(points) if cut is None else float(cut)
        _check_linkage(clusterer, radius, core)
        core = core if clusterer == "dbscan" else 1
        return linked(points, cover, radius, core) if len(points) else NOTHING
    if cut is not None or min_samples is not None or not isinstance(clusterer, Clusterer):
        msg = (
            f"clusterer must be one of {sorted(CORE)}, with cut and min_samples, or an object with "
            f"fit_predict, without them: got {clusterer!r}, {cut!r} and {min_samples!r}"
        )
        raise AnalysisError(msg)
    return predicted(points, cover, clusterer) if len(points) else NOTHING


def incidence_matrix(nodes: Nodes, n: int, min_size: int) -> sparse.csr_matrix:
    """Nodes by points, 1 where the node has the point; nodes of fewer points left out."""
    point, node = nodes
    shape = (int(node.max(initial=-1)) + 1, n)
    matrix = sparse.csr_matrix((np.ones(len(node), np.int32), (node, point)), shape=shape)
    matrix.sort_indices()
    return matrix if min_size == 1 else matrix[np.diff(matrix.indptr) >= min_size]


def triangles_of(incidence: sparse.csr_matrix, edges: Ints) -> Ints:
    """Triples of nodes with a common point; ``edges`` are their pairs."""
    owners = incidence.T.tocsr()
    members = nerve.Rows(incidence.indptr.astype(np.int64), incidence.indices.astype(np.int64))
    nodes = nerve.Rows(owners.indptr.astype(np.int64), owners.indices.astype(np.int64))
    starts = np.searchsorted(edges[:, 0], np.arange(incidence.shape[0] + 1))
    higher = nerve.Rows(starts.astype(np.int64), np.ascontiguousarray(edges[:, 1]))
    triangles: Ints = nerve.find_triangles(members, nodes, higher, MAX_TRIANGLES)
    if len(triangles) > MAX_TRIANGLES:
        msg = (
            f"the nerve has more than {MAX_TRIANGLES} triangles ({incidence.shape[0]} nodes, "
            f"{len(edges)} edges): lower the gain or the resolution, or raise min_samples"
        )
        raise AnalysisError(msg)
    return triangles


def node_radii(sizes: Ints) -> Floats:
    """Radii of the discs that nodes are drawn as, in units of the box of `positions`.

    Parameters
    ----------
    sizes : ndarray of int, shape (n_nodes,)
        Members of each node; areas are proportional to them, up to a largest radius of 0.028.
    """
    total = max(int(sizes.sum()), 1)
    radii: Floats = np.minimum(np.sqrt(0.1 * sizes / total / np.pi), 0.028)
    return radii


def draw(lens: Floats, sizes: Ints) -> Floats:
    """Lens values in the unit box, overlapping nodes nudged apart."""
    if len(lens) == 0:
        return lens
    extent = float(np.ptp(lens, axis=0).max()) or 1.0
    home = (lens - (lens.min(axis=0) + lens.max(axis=0)) / 2) / extent + 0.5
    radii = node_radii(sizes)
    # nodes at one place, or on the line of a one-dimensional lens, need a direction to part in
    turn = np.arange(len(lens)) * np.pi * (3 - np.sqrt(5))
    home = home + 0.01 * radii[:, None] * np.column_stack([np.cos(turn), np.sin(turn)])
    pairs = cKDTree(home).query_pairs(2 * radii.max(), output_type="ndarray")
    near = np.linalg.norm(home[pairs[:, 0]] - home[pairs[:, 1]], axis=1)
    pairs = pairs[near < 1.5 * radii[pairs].sum(axis=1)].astype(np.int64)
    moved: Floats = nerve.relax(home, radii, pairs[np.lexsort(pairs.T[::-1])], 8)
    return moved
