"""Rows of plain values as text, CSV or JSON."""

import csv
import enum
import json
import math
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from analysis.text import shown

WIDE = 10_000
"""Columns of a table that goes to a file or a pipe: nothing is cut."""


class Format(enum.StrEnum):
    """How a table is printed."""

    text = "text"
    csv = "csv"
    json = "json"


def finite(value: Any) -> Any:
    """Replace NaN and infinity, which JSON does not have, by None, at any depth."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [finite(part) for part in value]
    return value


def write(rows: Sequence[Mapping[str, Any]], form: Format) -> None:
    """Print rows on standard output."""
    rows = [finite(row) for row in rows]
    if form is Format.json:
        sys.stdout.write(json.dumps(rows, ensure_ascii=False, allow_nan=False) + "\n")
    elif form is Format.csv:
        sys.stdout.write(as_csv(rows))
    else:
        _write_text(rows)


def as_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """Write rows as CSV text; lists are joined by spaces.

    A text that a spreadsheet would run as a formula is given a leading apostrophe.
    """
    lines: list[str] = []
    names = list(dict.fromkeys(name for row in rows for name in row))
    writer = csv.DictWriter(_Lines(lines), fieldnames=names, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: _cell(value, exact=True) for name, value in row.items()})
    return "".join(lines)


class _Lines:
    """The part of a text file that the csv writer uses."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines

    def write(self, text: str) -> None:
        self._lines.append(text)


def _cell(value: Any, *, exact: bool) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return repr(value) if exact else f"{value:.4g}"
    if isinstance(value, list):
        return " ".join(_cell(part, exact=exact) for part in value)
    text = str(value)
    formula = isinstance(value, str) and text.startswith(("=", "+", "-", "@", "\t", "\r"))
    return f"'{text}" if formula else text


def _write_text(rows: Sequence[Mapping[str, Any]]) -> None:
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=WIDE)
    grid = Table(box=None, header_style="bold", pad_edge=False)
    names = list(dict.fromkeys(name for row in rows for name in row))
    for name in names:
        grid.add_column(name, overflow="fold")
    for row in rows:
        # as Text, so that names cannot carry markup
        grid.add_row(*(_plain(_cell(row.get(name), exact=False)) for name in names))
    console.print(grid)


def _plain(text: str) -> Any:
    from rich.text import Text

    return Text(shown(text))
