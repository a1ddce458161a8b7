"""Generators of many inputs as sparse vectors: which edges or units take part, how long-lived."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from analysis._induced_types import Generators, InducedGraph
from analysis.errors import AnalysisError
from analysis.ragged import Ragged

if TYPE_CHECKING:
    import scipy.sparse

__all__ = [
    "COMBINE",
    "MEMBERS",
    "ORDERS",
    "VALUES",
    "FeatureSpec",
    "Membership",
    "features",
    "membership",
    "width",
]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
MEMBERS = ("edges", "units")
ORDERS = ("birth", "lifetime")
VALUES = ("lifetime", "indicator")
COMBINE = ("max", "sum")


@dataclass(frozen=True, slots=True, eq=False)
class Membership:
    """The generators of one input, and what takes part in each.

    Attributes
    ----------
    births, lifetimes : ndarray of float, shape (k,)
        Lifetime of an essential generator: its birth.
    members : Ragged of k lists
        Numbers of the edges (or of the units) of each generator; the same edge has the same number
        in every input.
    """

    births: NDArray[np.floating[Any]]
    lifetimes: NDArray[np.floating[Any]]
    members: Ragged

    def __post_init__(self) -> None:
        """Check lengths and values.

        Raises
        ------
        AnalysisError
            If they differ, or a lifetime is negative or not finite.
        """
        if not self.births.shape == self.lifetimes.shape == (len(self.members),):
            msg = (
                f"births {self.births.shape}, lifetimes {self.lifetimes.shape} and "
                f"{len(self.members)} lists of members: give one of each per generator"
            )
            raise AnalysisError(msg)
        if not (np.isfinite(self.lifetimes).all() and (self.lifetimes >= 0).all()):
            msg = "lifetimes must be finite and not negative: an essential one is its birth"
            raise AnalysisError(msg)


@dataclass(frozen=True, slots=True)
class FeatureSpec:
    """How generators become a vector.

    Attributes
    ----------
    first : int
        So many generators take part; 0 is all.
    order : str
        Which come first: "birth", as in the filtration (published), or "lifetime", the longest.
    values : str
        "lifetime": that of the generator an edge takes part in, over the longest of the input (the
        published kernel); "indicator": 1 (the published linear features).
    combine : str
        Of an edge or unit in several generators: the "max" of the lifetimes or their "sum". Both
        are the same for edges, each of which one generator has. An indicator is 1 in any case.

    References
    ----------
    T. Gebhart, P. Schrater, A. Hylton, "Characterizing the shape of activation space in deep neural
    networks", 2019 (arXiv 1901.09496), and the code published with it.
    """

    first: int = 0
    order: str = "birth"
    values: str = "lifetime"
    combine: str = "max"

    def __post_init__(self) -> None:
        """Check every setting.

        Raises
        ------
        AnalysisError
            If one is out of its range.
        """
        for name, choices in (("order", ORDERS), ("values", VALUES), ("combine", COMBINE)):
            if getattr(self, name) not in choices:
                msg = f"{name} must be one of {', '.join(choices)}, got {getattr(self, name)!r}"
                raise AnalysisError(msg)
        if self.first < 0:
            msg = f"first must be a number of generators, or 0 for all, got {self.first!r}"
            raise AnalysisError(msg)


def membership(
    found: Generators, graph: InducedGraph, *, of: str = "edges", last_layer: bool = True
) -> Membership:
    """Say which edges or units take part in the generators of a graph.

    Parameters
    ----------
    found : Generators
        Of `graph`.
    graph : InducedGraph
    of : str
        "edges": the edge from unit u to unit v has the number u V + v, V being all units, whatever
        edges a graph has. "units": those at the ends of a generator's edges, and its oldest.
    last_layer : bool
        Whether edges into the last layer, or its units, count: they expose the logits.

    Returns
    -------
    Membership

    Raises
    ------
    AnalysisError
        If `of` is none of these.
    """
    _check_members(of)
    ends = graph.edges[found.edges.values].astype(np.int64)
    place = np.repeat(np.arange(len(found)), found.edges.lengths)
    if of == "edges":
        ids, last = ends[:, 0] * graph.n_vertices + ends[:, 1], ends[:, 1]
    else:
        ids = last = np.concatenate([found.vertices, ends.reshape(-1)])
        place = np.concatenate([np.arange(len(found)), np.repeat(place, 2)])
    kept = slice(None) if last_layer else last < graph.offsets[-2]
    pairs = np.unique(np.column_stack([place[kept], ids[kept]]), axis=0)
    starts = np.searchsorted(pairs[:, 0], np.arange(len(found) + 1))
    return Membership(found.births, found.lifetimes, Ragged(pairs[:, 1].copy(), starts))


def width(graph: InducedGraph, *, of: str = "edges") -> int:
    """How many numbers `membership` may give: V² for edges, V for units."""
    _check_members(of)
    return graph.n_vertices**2 if of == "edges" else graph.n_vertices


def _check_members(of: str) -> None:
    if of not in MEMBERS:
        msg = f"of must be one of {', '.join(MEMBERS)}, got {of!r}"
        raise AnalysisError(msg)


def features(
    generators: Sequence[Membership], *, width: int, spec: FeatureSpec | None = None
) -> "scipy.sparse.csr_array":
    """Build one sparse vector per input.

    Parameters
    ----------
    generators : sequence of Membership
        Those of each input.
    width : int
        How many edges (or units) the network has.
    spec : FeatureSpec, optional

    Returns
    -------
    scipy.sparse.csr_array of float32, shape (n, width)
        Numbers of columns rise in every row. An input without generators has an empty row.

    Raises
    ------
    AnalysisError
        If a number is not below `width`.
    """
    from scipy.sparse import csr_array

    rows = [_row(each, spec or FeatureSpec()) for each in generators]
    columns = np.concatenate([np.zeros(0, np.int64), *(ids for ids, _ in rows)])
    values = np.concatenate([np.zeros(0, np.float32), *(found for _, found in rows)])
    if len(columns) and not (columns.min() >= 0 and columns.max() < width):
        msg = f"members run from {columns.min()} to {columns.max()}, width is {width}"
        raise AnalysisError(msg + ": give the number of all edges (or units) of the network")
    starts = np.cumsum([0, *(len(ids) for ids, _ in rows)])
    return csr_array((values.astype(np.float32), columns, starts), shape=(len(rows), width))


def _row(each: Membership, spec: FeatureSpec) -> tuple[Integers, Floats]:
    order = np.argsort(-getattr(each, f"{spec.order}s"), kind="stable")
    chosen = order[: spec.first or len(order)]
    parts = [each.members[i] for i in chosen]
    ids = np.concatenate([np.zeros(0, np.int64), *parts])
    columns, place = np.unique(ids, return_inverse=True)
    if spec.values == "indicator":
        return columns, np.ones(len(columns))
    scale = each.lifetimes.max(initial=0) or 1.0
    lifetimes = np.repeat(each.lifetimes[chosen] / scale, [len(part) for part in parts])
    values = np.zeros(len(columns))
    (np.maximum if spec.combine == "max" else np.add).at(values, place, lifetimes)
    return columns, values
