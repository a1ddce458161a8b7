"""Turns pictures of a layer so that the same filters lie at the same place each time.

Principal axes are known up to a turn or a flip: between two training steps, or two settings, a
picture would turn although nothing moved. Each plane is therefore turned, and flipped if need be,
to lie as near as it can to that of a fixed *anchor* of the layer, by the filters that both keep.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis import lenses
from analysis._klein import linear_patterns, require
from analysis._mapper_build import draw
from analysis.errors import AnalysisError
from analysis.mapper import MapperGraph
from analysis.ragged import Ragged

Floats = NDArray[np.float64]
Points = NDArray[np.floating[Any]]

FEWEST = 10
"""With fewer common filters a turn would follow chance."""


@dataclass(frozen=True, slots=True, eq=False)
class Anchor:
    """Where the filters of a layer lie in the picture that others are turned to.

    Attributes
    ----------
    plane : ndarray of float64, shape (n, 2)
        First two principal coordinates, turned to the gradients where the kernel has any.
    place : mapping
        Row of each filter, by whatever names a filter in all results of the layer.
    """

    plane: Floats
    place: Mapping[Hashable, int]


def anchor(points: Points, kernel: tuple[int, int], names: Sequence[Hashable]) -> Anchor:
    """Make the anchor of a layer from the filters kept at one of its steps.

    Parameters
    ----------
    points : ndarray, shape (n, h * w)
        Centred, normalised filters.
    kernel : tuple of int
        Height and width.
    names : sequence, length n
        What a filter is called in every result of the layer, such as its run and channels.
    """
    plane = principal_plane(points)
    by = turn(plane, gradient_plane(points, kernel))
    return Anchor(plane @ by, {name: row for row, name in enumerate(names)})


def principal_plane(points: Points) -> Floats:
    """First two principal coordinates of points (n, d), shape (n, 2)."""
    mean, axes = lenses.principal_axes(points)
    plane: Floats = (np.asarray(points, dtype=np.float64) - mean) @ axes.T
    return plane


def gradient_plane(points: Points, kernel: tuple[int, int]) -> Floats:
    """Parts of filters along the gradients x and y, shape (n, 2); NaN where a kernel has none."""
    try:
        require(kernel, 2, 2)
    except AnalysisError:
        return np.full((len(points), 2), np.nan)
    parts: Floats = np.asarray(points, dtype=np.float64) @ linear_patterns(kernel).T
    return parts


def targets(
    points: Points,
    kernel: tuple[int, int],
    *,
    names: Sequence[Hashable],
    towards: Anchor | None,
) -> Floats:
    """Say where each filter should lie.

    Parameters
    ----------
    points, kernel, names
        As for `anchor`.
    towards : Anchor or None
        Without it, and where fewer than `FEWEST` filters are common, a filter should lie along its
        own gradient: one that brightens to the right lies to the right.

    Returns
    -------
    ndarray of float64, shape (n, 2)
        NaN where nothing is said.
    """
    if towards is not None:
        rows = [towards.place.get(name, -1) for name in names]
        known = np.array(rows, dtype=np.int64)
        if (known >= 0).sum() >= FEWEST:
            return np.where(known[:, None] >= 0, towards.plane[known], np.nan)
    return gradient_plane(points, kernel)


def node_means(values: Floats, members: Ragged) -> Floats:
    """Average values (n, 2) over the members of each node; NaN where none has one."""
    node = np.repeat(np.arange(len(members)), members.lengths)
    known = np.isfinite(values[members.values]).all(axis=1)
    count = np.bincount(node[known], minlength=len(members))
    sums = [
        np.bincount(node[known], weights=column[members.values][known], minlength=len(members))
        for column in values.T
    ]
    with np.errstate(invalid="ignore"):
        return np.column_stack(sums) / count[:, None]


def turn(plane: Floats, target: Floats) -> Floats:
    """Find the turn or flip that brings a plane nearest to targets.

    Parameters
    ----------
    plane, target : ndarray of float64, shape (n, 2)
        Rows with a NaN target say nothing.

    Returns
    -------
    ndarray of float64, shape (2, 2)
        Orthogonal, to be multiplied from the right. The identity where nothing says how to turn,
        and for a lens of one dimension, which has a direction already.

    References
    ----------
    P. Schönemann, "A generalized solution of the orthogonal Procrustes problem", Psychometrika 31
    (1966).
    """
    known = np.isfinite(target).all(axis=1)
    here, there = plane[known], target[known]
    if len(here) < 2 or not np.ptp(plane, axis=0).all():
        return np.eye(2)
    product = (here - here.mean(axis=0)).T @ (there - there.mean(axis=0))
    left, sizes, right = np.linalg.svd(product)
    if sizes[1] <= 1e-9 * max(sizes[0], 1e-300):
        return np.eye(2)
    found: Floats = left @ right
    return found


def turned(graph: MapperGraph, target: Floats) -> MapperGraph:
    """Turn a graph's lens values and positions to where its members should lie.

    Parameters
    ----------
    graph : MapperGraph
    target : ndarray of float64, shape (n, 2)
        Of every point of the graph, as `targets` returns.
    """
    lens = graph.lens @ turn(graph.lens, node_means(target, graph.members))
    return replace(graph, lens=lens, positions=draw(lens, graph.members.lengths))
