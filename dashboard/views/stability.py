"""The view *Stability*: how what is found depends on the parameters, as two small grids."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from analysis.stability import Cell, Grid, cell, grids
from analysis.units import Unit, key_of
from dashboard import words
from dashboard.figures import heat
from dashboard.figures.heat import heat_figure
from dashboard.layer_units import FILTER_ROW, filter_units
from dashboard.results import Found
from dashboard.view import PLACE, About, Ask, Panel, Row, Spec, View, empty

TITLES = {
    "k": "k (neighbour of the codensity)",
    "fraction": "share that is kept",
    "resolution": "resolution (intervals per axis)",
    "gain": "gain (overlap)",
}


def _grids(ask: Ask) -> tuple[Grid, ...]:
    """Make the grids around the current parameters, once its filters are there."""
    here = filter_units(ask, ask.cursor.layer, ask.cursor.index)
    unit = here["mapper"]
    made = ask.results.derive(
        f"grids:{key_of(unit)}", [here["filters"]], lambda shape: grids(unit, shape)
    )
    return made or ()


def units(ask: Ask) -> Mapping[str, Unit | str]:
    """List the current setting, then every cell of the grids."""
    here = filter_units(ask, ask.cursor.layer, ask.cursor.index)
    need: dict[str, Unit | str] = {name: here[name] for name in ("filters", "null", "mapper")}
    for grid in _grids(ask):
        for i, j in grid.places:
            for part, unit in _parts(grid, i, j).items():
                need[f"{grid.name}|{i}|{j}|{part}"] = unit
    return need


def _parts(grid: Grid, i: int, j: int) -> dict[str, Unit]:
    unit, null = grid.units[i][j], grid.nulls[i][j]
    if unit is None or unit.upstream is None:
        return {}
    return {"filters": unit.upstream, "mapper": unit} | ({"null": null} if null else {})


class Scene:
    """Both grids at one layer and step."""

    def __init__(self, ask: Ask, found: Found) -> None:
        self.ask = ask
        self.found = found
        self.grids = {grid.name: grid for grid in (_grids(ask) if "filters" in found else ())}

    def cell(self, grid: Grid, i: int, j: int) -> Cell | None:
        """Return one cell, where its results are there."""
        parts = _parts(grid, i, j)
        if "mapper" not in parts or "null" not in parts:
            return None
        wanted = [parts["filters"], parts["mapper"], parts["null"]]
        return self.ask.results.derive("cell", wanted, cell)

    def why(self, grid: Grid, i: int, j: int) -> str:
        """Say why a cell is empty; nothing while it may come."""
        if reason := grid.reasons[i][j]:
            return reason
        names = [f"{grid.name}|{i}|{j}|{part}" for part in _parts(grid, i, j)]
        return next((self.found[name].error for name in names if self.found[name].error), "")


def sentence(scene: Scene) -> str:
    """Say over how many settings the loop stands out."""
    grid = scene.grids.get("filters")
    if grid is None:
        return scene.found["filters"].error or f"{scene.ask.cursor.layer}: computing …"
    cells = [scene.cell(grid, i, j) for i, j in grid.places]
    known = [each for each in cells if each is not None and each.loop_strength is not None]
    clear = [each for each in known if _stands_out(each)]
    done = sum(each is not None for each in cells)
    waiting = sum(
        each is None and not scene.why(grid, i, j)
        for each, (i, j) in zip(cells, grid.places, strict=True)
    )
    span = f", from {min(e.loop_strength or 0 for e in known):.1f}× to " if known else ""
    most = f"{max(e.loop_strength or 0 for e in known):.1f}×" if known else ""
    return (
        f"{scene.ask.cursor.layer}: loop strength is at least {words.CLEAR:g}× that of the "
        f"permuted null in {len(clear)} of {done} settings of k and share{span}{most}"
        f"{f' ({waiting} still computing)' if waiting else ''}."
    )


def _stands_out(one: Cell) -> bool:
    usual = max(one.null_strength or 1.0, 1.0)
    return one.loop_strength is not None and one.loop_strength >= words.CLEAR * usual


def _panel(scene: Scene, scheme: str, name: str) -> Panel:
    grid = scene.grids.get(name)
    if grid is None:
        return empty(scene.found["filters"].error or "Computing …")
    cells = [
        [_heat_cell(scene, grid, i, j) for j in range(len(grid.columns.values))]
        for i in range(len(grid.rows.values))
    ]
    figure = heat_figure(
        cells,
        _axis(grid.rows),
        _axis(grid.columns),
        current=grid.current,
        colour="strength" if name == "filters" else "betti",
        scheme=scheme,
        width=620,
        height=420,
    )
    return Panel(figure, "", CAPTIONS[name])


CAPTIONS = {
    "filters": (
        "number: loop strength (longest H₁ bar over the second); hover for the null, b₀ and b₁ · "
        "outlined: the current setting · click a cell to use it · cells share filters, so they are "
        "not independent trials"
    ),
    "mapper": (
        "number: b₁ of the Mapper graph; hover for b₀ and nodes · outlined: the current setting · "
        "click a cell to use it · Mapper parameters do not change the barcode"
    ),
}


def _axis(axis: Any) -> heat.Axis:
    names = [f"{value:.4g}" if isinstance(value, float) else str(value) for value in axis.values]
    return heat.Axis(TITLES[axis.name], names)


def _heat_cell(scene: Scene, grid: Grid, i: int, j: int) -> heat.Cell:
    one = scene.cell(grid, i, j)
    settings = grid.settings(i, j)
    click = {
        "params": {f"{name}.{key}": v for name, part in settings.items() for key, v in part.items()}
    }
    if one is None:
        why = scene.why(grid, i, j)
        return heat.Cell(None, heat.MISSING if why else heat.WAITING, click, why or "computing")
    value = one.loop_strength if grid.name == "filters" else float(one.b1)
    return heat.Cell(value, _text(one, value, grid.name), click, _words(one))


def _text(one: Cell, value: float | None, name: str) -> str:
    if value is None:
        return heat.MISSING
    return f"{value:.1f}" if name == "filters" else str(one.b1)


def _words(one: Cell) -> str:
    strength = "none" if one.loop_strength is None else f"{one.loop_strength:.1f}×"
    null = "none" if one.null_strength is None else f"{one.null_strength:.1f}×"
    note = f" · {one.note}" if one.note else ""
    return (
        f"loop strength {strength}, permuted {null} · b₀ {one.b0}, b₁ {one.b1}, {one.n_nodes} "
        f"nodes · {one.n_kept:,} kept, k = {one.k:,}{note}"
    )


def filters_panel(scene: Scene, scheme: str) -> Panel:
    """Draw loop strength over k and the share that is kept."""
    return _panel(scene, scheme, "filters")


def mapper_grid_panel(scene: Scene, scheme: str) -> Panel:
    """Draw b₁ over resolution and gain."""
    return _panel(scene, scheme, "mapper")


def _rows(scene: Scene, name: str) -> list[Row]:
    grid = scene.grids.get(name)
    if grid is None:
        return []
    return [_row(scene, grid, i, j) for i, j in grid.places]


def _row(scene: Scene, grid: Grid, i: int, j: int) -> Row:
    one = scene.cell(grid, i, j)
    settings = grid.settings(i, j)
    flat = {key: value for part in settings.values() for key, value in part.items()}
    found = dataclasses.asdict(one) if one is not None else {"note": scene.why(grid, i, j)}
    pick = {f"{name}.{key}": v for name, part in settings.items() for key, v in part.items()}
    return flat | {"current": (i, j) == grid.current} | found | {"_pick": {"params": pick}}


def filters_rows(scene: Scene) -> list[Row]:
    """One row per setting of k and share."""
    return _rows(scene, "filters")


def mapper_rows(scene: Scene) -> list[Row]:
    """One row per setting of resolution and gain."""
    return _rows(scene, "mapper")


VIEW = View(
    name="stability",
    title="Stability",
    order=4,
    about=About(
        shows=(
            "The same layer at the same step under other parameters: how strong the loop is for "
            "other k and other shares of kept filters, and how many holes the Mapper graph has for "
            "other resolutions and gains."
        ),
        read=(
            "A loop worth believing stays well above its null in the cells around the chosen one; "
            "one strong cell among weak ones is luck. Click a cell to use its parameters "
            "everywhere."
        ),
        limits=(
            "The grid says nothing beyond its range, and its cells share filters: they are not "
            "independent trials. Choosing the strongest cell and reporting only that is not a "
            "finding."
        ),
    ),
    row=FILTER_ROW,
    units=units,
    scene=Scene,
    sentence=sentence,
    fields=PLACE,
    panels={
        "settings": Spec(
            "Loop strength: k × share kept", filters_panel, filters_rows, "six", tall=True
        ),
        "covers": Spec("b₁: resolution × gain", mapper_grid_panel, mapper_rows, "six", tall=True),
    },
)
