"""One layer at one step as the views of filters draw it: its results, names and derived values."""

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis import alignment
from analysis.alignment import Anchor
from analysis.experiment import Experiment
from analysis.filter_mapper import FilterGraph
from analysis.filter_shape import FilterShape
from analysis.mapper import MapperGraph
from analysis.units import Unit
from dashboard import quantities
from dashboard.figures.mapper import Colour

Rows = NDArray[np.int64]
Floats = NDArray[np.float64]


class FilterLayer:
    """What is drawn of one layer at one step; everything is made when it is first asked for.

    Parameters
    ----------
    experiment : Experiment
        Where it is from.
    unit : Unit
        Of the filters; names the runs.
    shape : FilterShape
    graph : FilterGraph or None
        Where it is there.
    provenance : mapping
        That of the filters and that of the Mapper graph, under ``filters`` and ``mapper``.
    anchor : Anchor or None
        What its pictures are turned to.
    circular : ndarray or None
        Circular coordinates of the kept filters, radians.
    """

    def __init__(
        self,
        experiment: Experiment,
        unit: Unit,
        *,
        shape: FilterShape,
        graph: FilterGraph | None,
        provenance: Mapping[str, Any],
        anchor: Anchor | None = None,
        circular: Floats | None = None,
    ) -> None:
        self.experiment = experiment
        self.unit = unit
        self.shape = shape
        self.found = graph
        self.provenance = provenance
        self._anchor = anchor
        self._circular = circular

    @functools.cached_property
    def points(self) -> NDArray[np.float32]:
        """Kept filters, centred and normalised, shape (n_kept, h * w)."""
        return self.shape.points

    @functools.cached_property
    def images(self) -> NDArray[np.float32]:
        """The same as pictures, shape (n_kept, h, w)."""
        return self.points.reshape(-1, *self.shape.kernel)

    @functools.cached_property
    def runs(self) -> Rows:
        """Which run of the experiment each kept filter is from, shape (n_kept,)."""
        rows: Rows = run_numbers(self.experiment, self.unit)[self.shape.origin[:, 0]]
        return rows

    @functools.cached_property
    def names(self) -> list[str]:
        """Each kept filter as run.out.in, the same at every step."""
        return filter_names(self.shape, self.runs)

    @functools.cached_property
    def target(self) -> Floats:
        """Where each kept filter should lie in a picture, shape (n_kept, 2)."""
        return alignment.targets(
            self.points, self.shape.kernel, names=self.names, towards=self._anchor
        )

    @functools.cached_property
    def graph(self) -> MapperGraph | None:
        """The Mapper graph, turned."""
        if self.found is None:
            return None
        return alignment.turned(self.found.graph, self.target)

    @functools.cached_property
    def plane(self) -> Floats:
        """Kept filters on their first two principal axes, turned, shape (n_kept, 2)."""
        return alignment.principal_plane(self.points) @ self._turn

    @functools.cached_property
    def dropped_plane(self) -> Floats:
        """Stored dropped filters on the same axes, shape (m, 2)."""
        from analysis.lenses import principal_axes

        mean, axes = principal_axes(self.points)
        plane: Floats = (self.shape.dropped.astype(np.float64) - mean) @ axes.T @ self._turn
        return plane

    @functools.cached_property
    def _turn(self) -> Floats:
        return alignment.turn(alignment.principal_plane(self.points), self.target)

    @functools.cached_property
    def means(self) -> Floats:
        """Mean filter of each node, shape (n_nodes, h, w)."""
        assert self.found is not None  # noqa: S101 - callers have asked for the graph
        members = self.found.graph.members
        sums = np.zeros((len(members), self.points.shape[1]))
        node = np.repeat(np.arange(len(members)), members.lengths)
        np.add.at(sums, node, self.points[members.values])
        return (sums / members.lengths[:, None]).reshape(-1, *self.shape.kernel)

    @functools.cached_property
    def degrees(self) -> Floats:
        """Angle of each kept filter's gradient, NaN where it is not clear, shape (n_kept,)."""
        return quantities.gradient_degrees(self.points, self.shape.kernel)

    @functools.cached_property
    def row_of(self) -> dict[str, int]:
        """Row of each kept filter by its name."""
        return {name: row for row, name in enumerate(self.names)}

    def values(self, quantity: str) -> Floats:
        """Values of a quantity for every kept filter."""
        if quantity == "angle":
            return self.degrees
        return quantities.of_filters(quantity, self.shape, circular=self._circular, runs=self.runs)

    def node_colour(
        self, quantity: str, span: tuple[float, float] | None, note: str = ""
    ) -> Colour:
        """Colour every node by a quantity."""
        assert self.found is not None  # noqa: S101 - callers have asked for the graph
        members = self.found.graph.members
        values = quantities.of_nodes(quantity, self.values(quantity), members, self.means)
        return quantities.colour(quantity, values, span, note=note)

    def nodes_of(self, rows: Rows) -> Floats:
        """Share of each node's members that are among some rows, shape (n_nodes,)."""
        assert self.found is not None  # noqa: S101 - callers have asked for the graph
        members = self.found.graph.members
        chosen = np.zeros(self.shape.n_kept, bool)
        chosen[rows] = True
        node = np.repeat(np.arange(len(members)), members.lengths)
        hits = np.bincount(node, weights=chosen[members.values], minlength=len(members))
        return np.asarray(hits / members.lengths)


def run_numbers(experiment: Experiment, unit: Unit) -> Rows:
    """Say which runs of an experiment a unit is made of, shape (n_runs,)."""
    place = {run.name: i for i, run in enumerate(experiment.runs)}
    return np.array([place.get(ref.run, 0) for ref in unit.refs], dtype=np.int64)


def filter_names(shape: FilterShape, runs: Rows) -> list[str]:
    """Name each kept filter as run.out.in."""
    rest = shape.origin[:, 1:].tolist()
    return [f"{run}.{out}.{inside}" for run, (out, inside) in zip(runs.tolist(), rest, strict=True)]


def make_anchor(experiment: Experiment, unit: Unit, shape: FilterShape) -> Anchor:
    """Make the anchor of a layer's pictures of the filters kept at one step."""
    names = filter_names(shape, run_numbers(experiment, unit)[shape.origin[:, 0]])
    return alignment.anchor(shape.points, shape.kernel, names)
