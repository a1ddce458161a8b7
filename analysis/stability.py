"""How a layer's shape moves with its parameters: grids of ordinary units around one setting.

A cell is a unit of *mapper* with other parameters, and no further kind of result: the cell of the
current setting is the result that is shown.
"""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from analysis.codensity import floor_share
from analysis.errors import AnalysisError
from analysis.filter_mapper import FilterGraph, MapperParams
from analysis.filter_shape import FilterParams, FilterShape
from analysis.parameters import Params
from analysis.registry import Entry, table
from analysis.units import Unit

Span = tuple[float, float]

FACTORS = {
    "k": (1 / 4, 1 / 2, 2, 4),
    "fraction": (1 / 4, 1 / 2, 3 / 2, 2),
    "resolution": (1 / 2, 3 / 4, 3 / 2, 2),
    "gain": (1 / 2, 2 / 3, 3 / 2, 2),
}
"""Values of each parameter beside the current one, as multiples of it."""

COLUMNS = {"n_nodes": "mapper_nodes", "b0": "mapper_b0", "b1": "mapper_b1"}
"""What a table calls these fields of a `Cell`, as the table of filters does."""

FEWEST_INTERVALS = 2
"""A cover by one interval shows clusters and no shape."""


@dataclass(frozen=True, slots=True)
class Axis:
    """Values of one parameter, ascending.

    Attributes
    ----------
    name : str
        Of the parameter.
    values : tuple
        As the parameter takes them; the current one as the user gave it, such as ``"auto"``.
    numbers : tuple of float
        The same as numbers, such as the k that ``"auto"`` comes to.
    current : int
        Which of them is the current one.
    """

    name: str
    values: tuple[Any, ...]
    numbers: tuple[float, ...]
    current: int


@dataclass(frozen=True, slots=True)
class Grid:
    """Units over two parameters of one analysis.

    Attributes
    ----------
    name : str
        The analysis whose parameters vary: ``filters`` or ``mapper``.
    rows, columns : Axis
        The parameters.
    units : tuple of tuple of (Unit or None)
        Of the analysis *mapper*, by row and column; None where the combination cannot be used.
    nulls : tuple of tuple of (Unit or None)
        Of the analysis *filters* with permuted entries, each the null of the unit in its place;
        the same one all over where the parameters of *mapper* vary.
    reasons : tuple of tuple of str
        Why a combination cannot be used; empty where it can.
    """

    name: str
    rows: Axis
    columns: Axis
    units: tuple[tuple[Unit | None, ...], ...]
    nulls: tuple[tuple[Unit | None, ...], ...]
    reasons: tuple[tuple[str, ...], ...]

    @property
    def current(self) -> tuple[int, int]:
        """Row and column of the current setting."""
        return self.rows.current, self.columns.current

    @property
    def places(self) -> Iterator[tuple[int, int]]:
        """All pairs of row and column, row by row."""
        return itertools.product(range(len(self.rows.values)), range(len(self.columns.values)))

    def settings(self, row: int, column: int) -> dict[str, dict[str, Any]]:
        """Parameters of a cell that differ from the rest, by analysis name and parameter."""
        values = self.rows.values[row], self.columns.values[column]
        return {self.name: dict(zip((self.rows.name, self.columns.name), values, strict=True))}


@dataclass(frozen=True, slots=True)
class Cell:
    """What a grid shows at one setting.

    Attributes
    ----------
    n_kept, k : int
        Filters kept; neighbour used.
    loop_strength, null_strength : float or None
        Longest H₁ bar over the second, of the filters and of their null; see `FilterShape`.
    longest : float or None
        Length of the longest H₁ bar, a distance of filters of norm 1; None without bars.
    n_nodes, b0, b1 : int
        Nodes of the Mapper graph, and the Betti numbers of its nerve.
    note : str or None
        Why a strength means nothing, where one is None.
    """

    n_kept: int
    k: int
    loop_strength: float | None
    null_strength: float | None
    longest: float | None
    n_nodes: int
    b0: int
    b1: int
    note: str | None


def grids(unit: Unit, shape: FilterShape) -> tuple[Grid, Grid]:
    """Lay two grids around the setting of a unit: k × fraction, and resolution × gain.

    Each has at most 5 × 5 cells: multiples of the current values, rounded as a person would type
    them, within the range of the parameter.

    Parameters
    ----------
    unit : Unit
        Of the analysis *mapper*.
    shape : FilterShape
        The result that it stands on: says which k is used, of how many filters.

    Returns
    -------
    tuple of two Grid
        Named ``filters`` and ``mapper``. The unit itself is at `Grid.current` of both.

    Raises
    ------
    AnalysisError
        If it is a unit of another analysis.
    """
    filters, mapper = _params_of(unit)
    n = shape.n_filters
    k = _axis(filters, "k", number=shape.k, span=(1, n - 1))
    _, most = _limits(mapper, "resolution")
    resolution = _axis(mapper, "resolution", span=(FEWEST_INTERVALS, most))
    return (
        _grid("filters", (k, _axis(filters, "fraction")), unit, n),
        _grid("mapper", (resolution, _axis(mapper, "gain")), unit, n),
    )


def cell(shape: FilterShape, found: FilterGraph, null: FilterShape | None = None) -> Cell:
    """Gather what a grid shows at one setting.

    Parameters
    ----------
    shape, found : FilterShape, FilterGraph
        Results of a unit in `Grid.units`: of *filters* and of *mapper*.
    null : FilterShape, optional
        Result of the unit at the same place in `Grid.nulls`.
    """
    bars = shape.diagram.lengths(1)
    of_null = _why_no_strength(null) if null is not None else None
    notes = _why_no_strength(shape), of_null and f"of the null: {of_null}"
    return Cell(
        n_kept=shape.n_kept,
        k=shape.k,
        loop_strength=shape.loop_strength,
        null_strength=None if null is None else null.loop_strength,
        longest=float(bars[0]) if len(bars) else None,
        n_nodes=found.graph.n_nodes,
        b0=found.b0,
        b1=found.b1,
        note="; ".join(note for note in notes if note) or None,
    )


def _why_no_strength(shape: FilterShape) -> str | None:
    if shape.degenerate or shape.loop_strength is not None:
        return shape.degenerate
    found = "one H₁ bar and no second" if len(shape.diagram.bars(1)) else "no H₁ bar"
    return f"{found} among {shape.n_kept} kept filters: no loop strength"


def _params_of(unit: Unit) -> tuple[FilterParams, MapperParams]:
    filters = unit.upstream.params if unit.upstream else None
    if not isinstance(filters, FilterParams) or not isinstance(unit.params, MapperParams):
        msg = f"a grid is laid around a unit of the analysis mapper, got {unit.analysis!r}"
        raise AnalysisError(msg)
    return filters, unit.params


def _limits(params: Params, name: str) -> Span:
    (found,) = (each.metadata for each in fields(params) if each.name == name)
    return found["minimum"], found["maximum"]


def _axis(
    params: Params, name: str, *, number: int | None = None, span: Span | None = None
) -> Axis:
    """Lay values around a parameter: `number` is what its text comes to, a `span` is whole."""
    said = getattr(params, name)
    current = said if number is None else number
    low, high = span or _limits(params, name)
    kind = float if span is None else round
    near = [float(f"{current * factor:.2g}") for factor in FACTORS[name]]  # as one would type it
    others = {kind(min(max(kind(each), low), high)) for each in near}
    numbers = sorted({*others - {current}, current})
    place = numbers.index(current)
    values = [str(each) if isinstance(said, str) else each for each in numbers]
    values[place] = said  # untouched, so that the key is the same
    return Axis(name, tuple(values), tuple(numbers), place)


def _grid(name: str, axes: tuple[Axis, Axis], unit: Unit, n_filters: int) -> Grid:
    rows, columns = axes

    def at(row: Any, column: Any) -> tuple[Unit | None, Unit | None, str]:
        return _combined(unit, name, {rows.name: row, columns.name: column}, n_filters)

    found = [[at(row, column) for column in columns.values] for row in rows.values]
    units = tuple(tuple(unit for unit, _, _ in line) for line in found)
    nulls = tuple(tuple(null for _, null, _ in line) for line in found)
    reasons = tuple(tuple(reason for _, _, reason in line) for line in found)
    return Grid(name, rows, columns, units, nulls, reasons)


def _combined(
    unit: Unit, name: str, values: Mapping[str, Any], n_filters: int
) -> tuple[Unit | None, Unit | None, str]:
    """Make a cell's unit and its null, or say why there is none."""
    fraction = values.get("fraction", 1.0)
    if floor_share(n_filters, fraction) == 0:
        return None, None, f"a fraction of {fraction} keeps none of {n_filters} filters"
    try:
        found = _with(unit, name, values)
        null = _with(found, "filters", {"null": "permuted"}).upstream
    except AnalysisError as error:
        return None, None, str(error)
    return found, null, ""


def _with(unit: Unit, name: str, values: Mapping[str, Any]) -> Unit:
    """Return the unit with other parameters of an analysis that it is of or stands on."""
    if unit.analysis == name:
        return replace(unit, params=replace(unit.params, **values))
    assert unit.upstream is not None  # noqa: S101 - both analyses of a grid are in the chain
    return replace(unit, upstream=_with(unit.upstream, name, values))


def _entries(unit: Unit, results: Mapping[str, Any]) -> list[Entry]:
    both = grids(unit, results["filters"])
    return [_entry(grid, place, unit) for grid in both for place in grid.places]


def _entry(grid: Grid, place: tuple[int, int], unit: Unit) -> Entry:
    i, j = place
    null = grid.nulls[i][j]
    columns = {
        "grid": grid.name,
        "current": place == grid.current,
        grid.rows.name: grid.rows.numbers[i],
        grid.columns.name: grid.columns.numbers[j],
    }
    beside = {"null": null} if null else {}
    return Entry(grid.units[i][j] or unit, columns, beside, grid.reasons[i][j] or None)


@table(
    "stability",
    analysis="mapper",
    text="loop strength over k × fraction, Mapper over resolution × gain",
    expand=_entries,
)
def stability_row(unit: Unit, results: Mapping[str, Any] | None) -> dict[str, Any]:
    """Make the row of one cell; `results` is None where it could not be computed."""
    filters, mapper = _params_of(unit)
    found = cell(results["filters"], results["mapper"], results.get("null")) if results else None
    row = {
        "layer": unit.layer,
        "step": unit.step.step,
        "milestone": unit.step.milestone,
        **dict.fromkeys(("grid", "current", "k")),  # of the cell, see `_entry`
        "fraction": filters.fraction,
        "resolution": mapper.resolution,
        "gain": mapper.gain,
    }
    measured = {each.name: getattr(found, each.name, None) for each in fields(Cell)}
    return row | {COLUMNS.get(name, name): value for name, value in measured.items()}
