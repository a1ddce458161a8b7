"""What the view *Filters* draws: the layer at the cursor, what lies beside it, what is selected."""

import contextlib
import functools
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from analysis import resources
from analysis.errors import AnalysisError, NerveScopeError
from analysis.experiment import Experiment, find_experiments
from analysis.filter_mapper import FilterGraph
from analysis.filter_shape import FilterShape
from analysis.homology import birth_cycle
from analysis.units import Unit
from dashboard import quantities
from dashboard.figures.mapper import Colour
from dashboard.filter_layer import FilterLayer, Rows, make_anchor
from dashboard.layer_units import anchor_unit, circular_unit, filter_units
from dashboard.results import Found, Shown
from dashboard.view import Ask

BESIDE = {
    "": "nothing",
    "null": "permuted (null)",
    "untrained": "untrained (step 0)",
    "patches": "natural patches",
    "pin": "pinned",
}
"""What can be laid beside a layer, in words."""

PATCHES = ("natural_patches", "primary_circle")
SPAN_STEPS = 60
"""At most so many steps make a locked colour scale, evenly chosen."""

SPAN = "span|"
"""How the units of a locked colour scale begin."""

Need = dict[str, Unit | Shown | str]


def units(ask: Ask) -> Need:
    """List what the view shows: see `FilterScene` for the names."""
    cursor = ask.cursor
    here = filter_units(ask, cursor.layer, cursor.index)
    need: Need = {name: here[name] for name in ("filters", "mapper", "null")}
    need["anchor"] = anchor_unit(ask, cursor.layer)
    if cursor.colour == "circular":
        need["circular"] = circular_unit(ask, cursor.layer, cursor.index)
    if cursor.colour in SPANS and cursor.scale != "own":
        need |= _spans(ask, SPANS[cursor.colour][0])
    if cursor.select and cursor.home not in (None, cursor.index):
        need |= _under("home", lambda: filter_units(ask, cursor.layer, int(cursor.home or 0)))
    if cursor.beside:
        need |= _under("beside", lambda: _beside_units(ask))
    return need


def _spans(ask: Ask, part: str) -> Need:
    """Make the units whose values a locked colour scale spans, of steps that are there."""
    axis = ask.experiment.axis
    need: Need = {}
    for index in np.unique(np.linspace(0, len(axis) - 1, min(len(axis), SPAN_STEPS)).astype(int)):
        with contextlib.suppress(NerveScopeError):
            unit = filter_units(ask, ask.cursor.layer, int(index))[part]
            need[f"{SPAN}{index}"] = Shown(unit)
    return need


def _under(prefix: str, make: Callable[[], dict[str, Unit]]) -> Need:
    """Name units of another place; why there are none is their answer."""
    try:
        made = make()
    except NerveScopeError as error:
        return {f"{prefix}_filters": str(error), f"{prefix}_mapper": str(error)}
    return {f"{prefix}_{name}": made[name] for name in ("filters", "mapper")}


def _beside_units(ask: Ask) -> dict[str, Unit]:
    cursor = ask.cursor
    if cursor.beside == "null":
        made = filter_units(ask, cursor.layer, cursor.index)
        return {"filters": made["null"], "mapper": made["null_mapper"]}
    if cursor.beside == "patches":
        layer = PATCHES[1]
        return filter_units(ask, layer, 0, experiment=patches_of(ask))
    if cursor.beside == "pin":
        if cursor.pin is None:
            msg = "Nothing is pinned: press “pin” at a layer and step, then go elsewhere."
            raise AnalysisError(msg)
        return filter_units(ask, cursor.pin.layer, cursor.pin.index)
    axis = ask.experiment.axis
    if axis[0].step != 0 or len(axis) == 1:  # a file without a number may hold any step
        msg = (
            f"{ask.experiment.name} has no untrained filters beside trained ones; permuted entries "
            "stand in for them."
        )
        raise AnalysisError(msg)
    return filter_units(ask, cursor.layer, 0)


def patches_of(ask: Ask) -> Experiment:
    """Return the natural patches that ship, whichever experiments are open."""
    return ask.experiments.get(PATCHES[0]) or _shipped_patches()


@functools.cache
def _shipped_patches() -> Experiment:
    return find_experiments([resources.folder("sample_models") / PATCHES[0]])[0]


class FilterScene:
    """All panels of *Filters* at one cursor; everything is made when it is first asked for.

    Parameters
    ----------
    ask : Ask
    found : Found
        Answers by name: ``filters``, ``mapper`` and ``null`` of the layer; ``anchor``, what its
        pictures are turned to; ``circular``, its circular coordinates, when they are the colour;
        ``home_…``, where the selection was made, when that is another step; ``beside_…``.
    """

    def __init__(self, ask: Ask, found: Found) -> None:
        self.ask = ask
        self.cursor = ask.cursor
        self.found = found

    @property
    def colour(self) -> str:
        """Name of the quantity that nodes and filters are coloured by."""
        return self.cursor.colour or "angle"

    @property
    def has_layer(self) -> bool:
        """Whether the filters are there."""
        return self.found["filters"].result is not None

    def why(self, name: str = "filters") -> str:
        """Say why a result is not there."""
        return self.found[name].error or "Computing …"

    @functools.cached_property
    def layer(self) -> FilterLayer:
        """The layer at the cursor.

        Raises
        ------
        AnalysisError
            If its filters are not there; the message says why.
        """
        if not self.has_layer:
            raise AnalysisError(self.why())
        circular = self.found["circular"].result if "circular" in self.found else None
        angles = circular.angles if circular is not None else None
        return self._layer("filters", "mapper", circular=angles)

    @functools.cached_property
    def beside(self) -> FilterLayer | None:
        """What lies beside it, where it is there."""
        if self.found["beside_filters"].result is None:
            return None
        return self._layer("beside_filters", "beside_mapper")

    @functools.cached_property
    def _home(self) -> FilterLayer | None:
        if "home_filters" not in self.found:
            return self.layer
        if self.found["home_filters"].result is None:
            return None
        return self._layer("home_filters", "home_mapper")

    def _layer(self, filters: str, mapper: str, *, circular: Any = None) -> FilterLayer:
        unit = self.found.units[filters]
        shape: FilterShape = self.found[filters].result
        graph: FilterGraph | None = self.found[mapper].result
        own = unit.layer == self.cursor.layer
        experiment = self.ask.experiment if filters != "beside_filters" else self._other
        return FilterLayer(
            experiment,
            unit,
            shape=shape,
            graph=graph,
            provenance={
                "filters": self.found[filters].provenance,
                "mapper": self.found[mapper].provenance,
            },
            anchor=self._anchor if own and experiment is self.ask.experiment else None,
            circular=circular,
        )

    @property
    def _other(self) -> Experiment:
        return patches_of(self.ask) if self.cursor.beside == "patches" else self.ask.experiment

    @functools.cached_property
    def _anchor(self) -> Any:
        experiment = self.ask.experiment
        unit = self.found.units.get("anchor")
        if unit is None:
            return None
        return self.found.derive(
            f"anchor:{experiment.name}",
            ["anchor"],
            lambda shape: make_anchor(experiment, unit, shape),
        )

    @functools.cached_property
    def chosen(self) -> Rows | None:
        """Rows of the selected filters that are kept here; None where nothing is selected."""
        if not self.cursor.select or self._home is None:
            return None
        rows = selected_rows(self.cursor.select, self._home)
        if rows is None or self._home is self.layer:
            return rows
        names = [self._home.names[row] for row in rows]
        return rows_of(names, self.layer)

    @functools.cached_property
    def n_chosen(self) -> int:
        """How many filters are selected where the selection was made."""
        if not self.cursor.select or self._home is None:
            return 0
        rows = selected_rows(self.cursor.select, self._home)
        return 0 if rows is None else len(rows)

    @property
    def primary(self) -> int | None:
        """Row of the primary filter, where it is kept here."""
        return self.layer.row_of.get(self.cursor.primary)

    @property
    def bar(self) -> int | None:
        """The selected bar, where it is one of this picture's."""
        return self.cursor.picked("bar")

    @property
    def node(self) -> int | None:
        """The selected node, where it is one of this picture's."""
        return self.cursor.picked("node") if self.chosen is not None else None

    @property
    def loop(self) -> Rows | None:
        """Rows of the cycle born with the selected bar, in order."""
        if self.bar is None or self.chosen is None or not len(self.chosen):
            return None
        return self.chosen

    @functools.cached_property
    def span(self) -> tuple[tuple[float, float] | None, str]:
        """The ends of the colour scale over all steps where it is locked, and what it is of."""
        if self.cursor.scale == "own" or self.colour not in SPANS:
            return None, ""
        names = [name for name in self.found.units if name.startswith(SPAN)]
        make = SPANS[self.colour][1]
        found = [self.found.derive(f"span:{self.colour}", [name], make) for name in names]
        spans = [span for span in found if span is not None]
        if not spans:
            return None, ""
        note = "" if len(spans) == len(names) else f"scale of {len(spans)} of {len(names)} steps"
        return (min(low for low, _ in spans), max(high for _, high in spans)), note

    def node_colour(self, layer: FilterLayer) -> Colour:
        """Colour the nodes of a graph."""
        span, note = self.span
        return layer.node_colour(self.colour, span, note)

    def filter_colours(self) -> list[str]:
        """Colour of every kept filter."""
        name = "density" if self.colour == "size" else self.colour
        span = None if self.colour == "size" else self.span[0]
        return quantities.colour(name, self.layer.values(name), span).paint()


def _density_span(shape: FilterShape) -> tuple[float, float]:
    return float(shape.density.min()), float(shape.density.max())


def _size_span(graph: FilterGraph) -> tuple[float, float]:
    lengths = graph.graph.members.lengths
    return 0.0, float(lengths.max(initial=1))


SPANS: dict[str, tuple[str, Callable[[Any], tuple[float, float]]]] = {
    "density": ("filters", _density_span),
    "size": ("mapper", _size_span),
}
"""Quantities whose scale depends on the step: which result says it, and how."""


def selected_rows(select: str, layer: FilterLayer) -> Rows | None:
    """Find the filters of a selection in the layer where it was made, or None if it names none."""
    kind, _, what = select.partition(".")
    if kind == "node":
        graph = layer.graph
        known = graph is not None and int(what) < graph.n_nodes
        return graph.members[int(what)] if graph is not None and known else None
    if kind == "bar":
        return _cycle(layer, int(what))
    if kind == "angle":
        start, end = (int(part) for part in what.split("-"))
        return in_range(layer.degrees, start, end)
    return rows_of(what.split(","), layer)


def _cycle(layer: FilterLayer, bar: int) -> Rows | None:
    if bar >= len(layer.shape.diagram.bars(1)):
        return None
    return birth_cycle(layer.points, layer.shape.diagram, bar)


def in_range(degrees: Any, start: int, end: int) -> Rows:
    """Rows whose angle lies from one to another, counter-clockwise; NaN lies nowhere."""
    width = (end - start - 1) % 360 + 1
    inside = (degrees - start) % 360 < width
    return np.flatnonzero(inside & np.isfinite(degrees)).astype(np.int64)


def rows_of(names: Iterable[str], layer: FilterLayer) -> Rows:
    """Rows of filters by name, ascending; those that are not kept here are left out."""
    rows = [layer.row_of[name] for name in names if name in layer.row_of]
    return np.array(sorted(rows), dtype=np.int64)
