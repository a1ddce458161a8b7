"""Tables on the page: rows of plain values in a grid."""

from collections.abc import Sequence
from typing import Any

import dash_ag_grid as dag
from dash.development.base_component import Component

from dashboard.view import Row

HIDDEN = "_pick"
"""The part of a row that is not shown: what a click on it says of the cursor."""

LOOKED_AT = 50
"""Rows that tell of which columns and kinds a table is."""


LONG = 50
WRAPPED = {"flex": 1, "minWidth": 320, "wrapText": True, "autoHeight": True}


def empty_grid(name: str, *, height: str) -> Component:
    """Lay out a grid; rows come later."""
    made: Component = dag.AgGrid(
        id=name,
        columnDefs=[],
        rowData=[],
        defaultColDef={"sortable": True, "filter": True, "resizable": True},
        dashGridOptions={"animateRows": False, "tooltipShowDelay": 400},
        className="grid figure",
        style={"height": height},
    )
    return made


def as_grid(rows: Sequence[Row]) -> dict[str, Any]:
    """Return the grid's properties for some rows."""
    return {"rowData": [_cells(row) for row in rows], "columnDefs": _columns(rows)}


def _cells(row: Row) -> Row:
    return {
        name: " ".join(map(str, value)) if isinstance(value, list) else value
        for name, value in row.items()
    }


def _columns(rows: Sequence[Row]) -> list[dict[str, Any]]:
    looked_at = rows[:LOOKED_AT]
    names = dict.fromkeys(name for row in looked_at for name in row if name != HIDDEN)
    number = {"function": "params.value == null ? '' : d3.format('.4~g')(params.value)"}
    return [
        {"field": name, "headerName": name.replace("_", " "), "width": _width(looked_at, name)}
        | ({"valueFormatter": number} if _is_float(looked_at, name) else {})
        | (WRAPPED if _is_long(looked_at, name) else {})
        for name in names
    ]


def _is_long(rows: Sequence[Row], name: str) -> bool:
    return any(isinstance(row.get(name), str) and len(row[name]) > LONG for row in rows)


def _width(rows: Sequence[Row], name: str) -> int:
    """Pixels that the widest looked-at value and the name need."""
    longest = max((len(str(row.get(name, ""))) for row in rows), default=0)
    letters = 6 if _is_float(rows, name) else min(longest, LONG)
    return max(44 + 7 * len(name), 28 + 7 * letters, 80)


def _is_float(rows: Sequence[Row], name: str) -> bool:
    return any(isinstance(row.get(name), float) for row in rows)
