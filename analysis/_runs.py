"""Runs, their snapshots and the step axis they share, put together from what a walk found."""

import statistics
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis._file_names import natural_key, printable
from analysis._layout import RunFiles
from analysis._tables import SideFiles


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is kept of one run at one step.

    Attributes
    ----------
    run : str
    step : int
    milestone : str or None
        What snapshots.csv calls it. A step with two milestones is two snapshots of the same files.
    files : tuple of Path
        Weights: one file, or several that hold parts of it; of equal names the first file's tensor
        counts. None where there is nothing but stored activations.
    activations : Path or None
        Stored activations.
    """

    run: str
    step: int
    milestone: str | None
    files: tuple[Path, ...]
    activations: Path | None = None

    def __post_init__(self) -> None:
        if self.step < 0 or not (self.files or self.activations):
            msg = f"snapshot of {self.run!r}: step {self.step} with {len(self.files)} files"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """One training.

    Attributes
    ----------
    name : str
        Folders below the experiment, joined by "/"; names like ``checkpoints`` left out.
    path : Path
    hyperparameters : mapping
        run.toml as it is.
    metrics : mapping of str to ndarray of float64, shape (rows,)
        Columns of metrics.csv, "step" among them, sorted by step, NaN where blank; or empty.
    snapshots : tuple of Snapshot
        Sorted by step.
    """

    name: str
    path: Path
    hyperparameters: Mapping[str, Any]
    metrics: Mapping[str, NDArray[np.float64]]
    snapshots: tuple[Snapshot, ...]

    def snapshot(self, place: "Step") -> Snapshot | None:
        """Return the snapshot at a place of the axis: of its milestone, or of its step without."""
        if place.milestone is not None:
            found = (item for item in self.snapshots if item.milestone == place.milestone)
            return next(found, None)
        start = bisect_left(self.snapshots, place.step, key=lambda item: item.step)
        for snapshot in self.snapshots[start : start + 1]:
            if snapshot.step == place.step and snapshot.milestone is None:
                return snapshot
        return None


@dataclass(frozen=True, slots=True)
class Step:
    """A place on the axis that all runs share.

    Attributes
    ----------
    step : int
        Training step; for a milestone the (lower) median over the runs that reached it.
    milestone : str or None
    """

    step: int
    milestone: str | None = None


def run_of(name: str, found: RunFiles, side: SideFiles) -> Run:
    """Put a run together from its files and the tables beside them."""
    if not found.path.is_dir():  # a file that is a run by itself has no tables
        return Run(name, found.path, {}, {}, _snapshots(name, found, []))
    marks = side.milestones(found.path / "snapshots.csv")
    there = set(found.steps)
    unused = [step for step, _ in marks if step not in there]
    if unused:
        reason = f"{len(unused)} of {len(marks)} steps have no checkpoint (first: {unused[0]})"
        side.report(found.path / "snapshots.csv", reason)
    hyperparameters = side.toml(found.path / "run.toml")
    metrics = side.metrics(found.path / "metrics.csv")
    return Run(name, found.path, hyperparameters, metrics, _snapshots(name, found, marks))


def joined_axis(runs: Iterable[Run]) -> tuple[Step, ...]:
    """Join the snapshots of all runs by milestone where given, else by equal step."""
    reached: dict[str, list[int]] = {}
    plain: set[int] = set()
    for run in runs:
        for snapshot in run.snapshots:
            if snapshot.milestone is None:
                plain.add(snapshot.step)
            else:
                reached.setdefault(snapshot.milestone, []).append(snapshot.step)
    marked = [Step(statistics.median_low(steps), name) for name, steps in reached.items()]
    places = [*map(Step, plain), *marked]
    return tuple(sorted(places, key=lambda p: (p.step, natural_key(p.milestone or ""))))


def run_name(parts: tuple[str, ...], root: Path) -> str:
    """Name of the run found under these folders; that of the opened folder for none."""
    return printable("/".join(parts) or root.name or "experiment")


def _snapshots(
    name: str, found: RunFiles, marks: Iterable[tuple[int, str]]
) -> tuple[Snapshot, ...]:
    milestones: dict[int, list[str]] = {}
    for step, mark in marks:
        milestones.setdefault(step, []).append(mark)
    return tuple(
        Snapshot(name, step, mark, tuple(found.numbered.get(step, ())), found.stored.get(step))
        for step in found.steps
        for mark in dict.fromkeys(milestones.get(step, [None]))
    )
