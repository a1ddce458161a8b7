"""The small text files beside checkpoints: experiment.toml, run.toml, metrics.csv, snapshots.csv.

Every reader is lenient: what cannot be read is reported and left out, never raised.
"""

import csv
import io
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis._file_names import printable
from analysis._layout import Problem, leaves

MAX_BYTES = 64 * 2**20

Row = tuple[int, list[str]]


class SideFiles:
    """Reads the text files of one experiment and collects the problems met."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.problems: list[Problem] = []

    def toml(self, path: Path) -> dict[str, Any]:
        """Return the table in a TOML file; empty if there is none or it is malformed."""
        try:
            return tomllib.loads(self._text(path))
        except ValueError as error:  # not TOML, or a number of thousands of digits
            self.report(path, f"not valid TOML: {error}; defaults are used until it is mended")
        except RecursionError:
            self.report(path, "nested too deeply; defaults are used until it is mended")
        return {}

    def metrics(self, path: Path) -> dict[str, NDArray[np.float64]]:
        """Columns of metrics.csv as floats, sorted by step; blanks are NaN."""
        header, rows = self._csv(path)
        if not rows:
            return {}
        if "step" not in header:
            self.report(path, f"no column 'step' among {header}; add one")
            return {}
        table = self._numbers(path, header, rows)
        table = table[np.isfinite(table[:, header.index("step")])]
        table = table[np.argsort(table[:, header.index("step")], kind="stable")]
        columns = {name: table[:, i].copy() for i, name in enumerate(header) if name}
        empty = [name for name, column in columns.items() if np.isnan(column).all()]
        return {name: column for name, column in columns.items() if name not in empty}

    def milestones(self, path: Path) -> list[tuple[int, str]]:
        """Pairs of step and milestone in snapshots.csv, in the order of the file."""
        header, rows = self._csv(path)
        if rows and not {"step", "milestone"} <= set(header):
            self.report(path, f"needs the columns step,milestone, has {header}")
            return []
        pairs = []
        for line, row in rows:
            cells = dict(zip(header, row, strict=False))
            step, name = cells.get("step", ""), cells.get("milestone", "")
            if not (step.isascii() and step.isdecimal() and len(step) <= 15):
                self.report(path, f"line {line}: step {step!r} is not a whole number; row left out")
            elif name:
                pairs.append((int(step), name))
        return pairs

    def report(self, path: Path, reason: str) -> None:
        """Add a problem."""
        self.problems.append(Problem(printable(path), reason))

    def _text(self, path: Path) -> str:
        """Return the file's text; empty if it is not there or cannot be read."""
        reason = ""
        try:
            if leaves(self.root, path):
                reason = "a link out of the opened folder is not followed; copy the file here"
            elif not path.is_file():
                return ""
            elif path.stat().st_size > MAX_BYTES:
                reason = f"larger than {MAX_BYTES >> 20} MB; is it really a table?"
            else:
                return path.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError as error:
            reason = f"not UTF-8 text (byte {error.start}); save it as UTF-8"
        except OSError as error:
            reason = f"cannot be read ({error.strerror}); check its permissions"
        self.report(path, reason)
        return ""

    def _csv(self, path: Path) -> tuple[list[str], list[Row]]:
        """Header and non-blank rows with their line numbers, cells stripped."""
        reader = csv.reader(io.StringIO(self._text(path), newline=""))
        rows: list[Row] = []
        try:
            for row in reader:
                cells = [cell.strip() for cell in row]
                if any(cells):
                    rows.append((reader.line_num, cells))
        except csv.Error as error:
            self.report(path, f"line {reader.line_num}: {error}; the rows before it are used")
        return (rows[0][1], rows[1:]) if rows else ([], [])

    def _numbers(self, path: Path, header: list[str], rows: list[Row]) -> NDArray[np.float64]:
        """Rows as floats; cells that are no numbers are NaN and reported once per file."""
        table = np.full((len(rows), len(header)), np.nan)
        wrong: list[str] = []
        for i, (line, row) in enumerate(rows):
            if len(row) > len(header):
                wrong.append(f"line {line} has {len(row)} cells for {len(header)} columns")
            for j, cell in enumerate(row[: len(header)]):
                try:
                    table[i, j] = float(cell or "nan")
                except ValueError:
                    wrong.append(f"line {line}: {header[j]} = {cell[:40]!r} is not a number")
        if wrong:
            more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
            self.report(path, f"{wrong[0]}{more}; left blank")
        return table
