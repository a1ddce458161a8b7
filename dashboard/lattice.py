"""Layers × training steps at a glance: what is known of each, in a few numbers and words."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from analysis.errors import NerveScopeError
from analysis.filter_mapper import FilterGraph
from analysis.filter_shape import FilterShape
from analysis.units import Unit
from dashboard import words
from dashboard.layer_units import anchor_unit, filter_units
from dashboard.results import Found
from dashboard.view import Ask

MOST_STEPS, MOST_LAYERS = 12, 60
"""At most so many columns and rows; the page says of how many."""


@dataclass(frozen=True, slots=True)
class Brief:
    """What is said of one layer at one step.

    Attributes
    ----------
    strength, null : float or None
        Loop strength of the filters and of the permuted ones.
    loops : int
        Loops that are claimed.
    finding : str
        The same in words.
    primary : bool
        Whether they lie nearest to the primary circle.
    share : float
        Mean squared part of a filter in the plane of the linear gradients; NaN without one.
    n_kept, n_filters, n_total, k : int
        See `FilterShape`.
    b0, b1, nodes : int
        Of the Mapper graph.
    """

    strength: float | None
    null: float | None
    loops: int
    finding: str
    primary: bool
    share: float
    n_kept: int
    n_filters: int
    n_total: int
    k: int
    b0: int
    b1: int
    nodes: int

    @classmethod
    def of(cls, shape: FilterShape, null: FilterShape, graph: FilterGraph) -> Self:
        """Make it of the three results of a layer."""
        return cls(
            strength=shape.loop_strength,
            null=null.loop_strength,
            loops=words.loops(shape, null),
            finding=words.finding(shape, null),
            primary=words.near_primary(shape),
            share=shape.primary_circle_share,
            n_kept=shape.n_kept,
            n_filters=shape.n_filters,
            n_total=shape.n_total,
            k=shape.k,
            b0=graph.b0,
            b1=graph.b1,
            nodes=graph.graph.n_nodes,
        )


@dataclass(frozen=True, slots=True)
class Place:
    """One layer at one step of the lattice.

    Attributes
    ----------
    layer : str
    index : int
        On the axis of steps.
    units : mapping of Unit
        See `filter_units`; empty where there are none.
    error : str
        Why there are none.
    """

    layer: str
    index: int
    units: dict[str, Unit]
    error: str = ""

    def brief(self, ask: Ask) -> Brief | None:
        """Return what is said of it, where its three results are there."""
        if not self.units:
            return None
        parts = [self.units[name] for name in ("filters", "null", "mapper")]
        return ask.results.derive("brief", parts, Brief.of)

    def failure(self, found: Found) -> str:
        """Return why a result of it cannot be had; empty while it may come."""
        if self.error:
            return self.error
        names = (self.name(part) for part in ("filters", "null", "mapper"))
        return next((found[name].error for name in names if found[name].error), "")

    def name(self, part: str) -> str:
        """Name one of its units among all of the lattice."""
        return f"{part}|{self.layer}|{self.index}"


def steps(ask: Ask) -> list[int]:
    """Choose the places of the axis that are shown: all, or `MOST_STEPS` of them, evenly."""
    count = len(ask.experiment.axis)
    evenly = np.linspace(0, count - 1, min(count, MOST_STEPS)).round()
    return [int(i) for i in np.unique(evenly)]


def layers(ask: Ask) -> list[str]:
    """Return the layers that are shown: all, or the first `MOST_LAYERS`."""
    return [each.name for each in ask.experiment.layers()[:MOST_LAYERS]]


def places(ask: Ask) -> list[list[Place]]:
    """Return all places, a row per layer."""
    return ask.once(
        "places",
        lambda: [[place(ask, layer, index) for index in steps(ask)] for layer in layers(ask)],
    )


def place(ask: Ask, layer: str, index: int) -> Place:
    """Return one layer at one step."""
    try:
        return Place(layer, index, filter_units(ask, layer, index))
    except NerveScopeError as error:
        return Place(layer, index, {}, str(error))


def units(ask: Ask) -> dict[str, Unit | str]:
    """List what the lattice is made of."""
    need: dict[str, Unit | str] = {}
    for row in places(ask):
        for each in row:
            need |= units_at(each)
        with contextlib.suppress(NerveScopeError):  # the places themselves say why
            need[f"anchor|{row[0].layer}"] = anchor_unit(ask, row[0].layer)
    return need


def units_at(here: Place) -> dict[str, Unit]:
    """List what one place is made of, by its name among all."""
    if not here.units:
        return {}
    return {here.name(part): here.units[part] for part in ("filters", "null", "mapper")}


def sampling(ask: Ask) -> str:
    """Say how many of the steps and layers are shown; empty where all are."""
    parts: list[tuple[Sequence[object], int, str]] = [
        (steps(ask), len(ask.experiment.axis), "steps"),
        (layers(ask), len(ask.experiment.layers()), "layers"),
    ]
    said = [f"{len(some)} of {count:,} {what}" for some, count, what in parts if len(some) < count]
    return f"{' and '.join(said)} shown" if said else ""
