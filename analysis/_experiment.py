"""The opened experiment: what is there, and where a layer's weights lie."""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice, takewhile
from pathlib import Path
from typing import Any

from analysis._file_names import printable
from analysis._layers import (
    Layer,
    LayerSources,
    Located,
    by_depth,
    check_stored,
    layer_table,
    located,
    merged,
    names_in,
    pooled,
    spread,
)
from analysis._layout import Problem
from analysis._runs import Run, Step
from analysis.errors import ExperimentError

HEADERS_READ = 256


@dataclass(frozen=True, slots=True, eq=False)
class Experiment:
    """A folder of checkpoints, opened.

    Attributes
    ----------
    name : str
        The folder's name; `find_experiments` makes names unique.
    path : Path
    title, description, licence, source : str
        From experiment.toml; the title is the name where there is none.
    runs : tuple of Run
        In natural order of their names.
    axis : tuple of Step
        Every snapshot of every run, joined by milestone where given, else by equal step.
    settings : mapping
        experiment.toml as it is.
    model : str
        ``package.module:factory`` of the network, which the user names; no file can: it is run.
    chosen : frozenset of str or None
        Names of the only layers that are shown; None for all.
    """

    name: str
    path: Path
    title: str
    description: str
    licence: str
    source: str
    runs: tuple[Run, ...]
    axis: tuple[Step, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)
    model: str = ""
    chosen: frozenset[str] | None = None
    _problems: dict[Problem, None] = field(default_factory=dict, repr=False)
    _layers: dict[str, Layer] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        names = [run.name for run in self.runs]
        if not names or len(set(names)) < len(names):
            msg = f"experiment {self.name!r}: runs must have different names, got {names}"
            raise ValueError(msg)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What could not be used so far; reading headers (layers, sources, check) adds to it."""
        return tuple(self._problems)

    def defaults(self, analysis: str) -> dict[str, Any]:
        """Return what experiment.toml gives in ``[analysis.<name>]``; empty without it."""
        tables = self.settings.get("analysis")
        table = tables.get(analysis) if isinstance(tables, dict) else None
        return dict(table) if isinstance(table, dict) else {}

    def run(self, name: str) -> Run:
        """Return the run of this name.

        Raises
        ------
        ExperimentError
            If there is none.
        """
        found = next((run for run in self.runs if run.name == name), None)
        if found is None:
            names = ", ".join(run.name for run in self.runs[:8])
            msg = f"{printable(self.path)}: no run {name!r} among the {len(self.runs)}: {names}"
            raise ExperimentError(msg)
        return found

    def at(self, step: int, milestone: str | None = None) -> Step:
        """Return the place on the axis at a step; without milestone the first at that step.

        Raises
        ------
        ExperimentError
            If no run has a snapshot there.
        """
        start = bisect_left(self.axis, step, key=lambda place: place.step)
        for place in takewhile(lambda place: place.step == step, islice(self.axis, start, None)):
            if milestone in (None, place.milestone):
                return place
        near = sorted(self.axis, key=lambda place: abs(place.step - step))[:5]
        steps = ", ".join(f"{p.step} {p.milestone or ''}".rstrip() for p in near)
        what = f"no snapshot at step {step} {milestone or ''}".rstrip()
        msg = f"{printable(self.path)}: {what}; the nearest are at {steps}"
        raise ExperimentError(msg)

    def restricted(
        self,
        *,
        layers: Iterable[str] | None = None,
        steps: Iterable[Step] | None = None,
        runs: Iterable[str] | None = None,
    ) -> "Experiment":
        """Return the experiment with only some of its layers, places and runs; None means all."""
        chosen = self.runs if runs is None else tuple(self.run(name) for name in runs)
        there = [place for place in self.axis if any(run.snapshot(place) for run in chosen)]
        wanted = self.axis if steps is None else tuple(steps)
        self.layers()  # of all runs, so that it is read once
        return replace(
            self,
            runs=chosen,
            axis=tuple(place for place in there if place in wanted),
            chosen=self.chosen if layers is None else frozenset(layers),
        )

    def shows(self, layer: str) -> bool:
        """Whether a layer is among those chosen by `restricted`."""
        return self.chosen is None or layer in self.chosen

    def layers(self, kind: str | None = "conv2d") -> tuple[Layer, ...]:
        """List the layers in order of depth, over all runs and steps.

        The first call reads headers: of each run at most 256 / (number of runs) snapshots, evenly
        spread, the first and last always among them.

        Parameters
        ----------
        kind : str or None, default "conv2d"
            See `Layer`; None for all.
        """
        if not self._layers:
            self._layers.update(self._read_layers())
        found = (layer for layer in self._layers.values() if kind in (None, layer.kind))
        return tuple(layer for layer in found if self.shows(layer.name))

    def sources(
        self, layer: str, step: Step | int, *, runs: Iterable[str] | None = None
    ) -> LayerSources:
        """Find a layer's weights at one step, in all runs or some, reading headers only.

        Runs whose kernel size differs from that of most are left out.

        Parameters
        ----------
        layer : str
            Name as in `Layer`.
        step : Step or int
            A place of `axis`, or its step.
        runs : iterable of str, optional
            Names; all runs by default.

        Raises
        ------
        ExperimentError
            If there is no such step or run.
        """
        place = self.at(step.step, step.milestone) if isinstance(step, Step) else self.at(step)
        chosen = self.runs if runs is None else [self.run(name) for name in dict.fromkeys(runs)]
        return pooled(layer, place, {run.name: self._find(run, layer, place) for run in chosen})

    def check(self, *, progress: Callable[[int, int], None] | None = None) -> tuple[Problem, ...]:
        """Read the header of every file, and return all problems.

        Parameters
        ----------
        progress : callable, optional
            Called with the number of snapshots read and their total.
        """
        snapshots = [snapshot for run in self.runs for snapshot in run.snapshots]
        for i, snapshot in enumerate(snapshots):
            merged(snapshot.files, self._report)
            if snapshot.activations is not None:
                check_stored(snapshot.activations, self._report)
            if progress is not None:
                progress(i + 1, len(snapshots))
        return self.problems

    def _report(self, path: Path, reason: str) -> None:
        self._problems[Problem(printable(path), reason)] = None

    def _find(self, run: Run, layer: str, place: Step) -> Located | str:
        """Tensor of a layer in one run at one step, or why there is none."""
        snapshot = run.snapshot(place)
        if snapshot is None:
            return f"no snapshot at step {place.step} {place.milestone or ''}".rstrip()
        return located(snapshot.files, layer, self._report)

    def _read_layers(self) -> dict[str, Layer]:
        per_run = max(2, HEADERS_READ // len(self.runs))
        tables = [
            [
                merged(run.snapshots[i].files, self._report)
                for i in spread(len(run.snapshots), per_run)
            ]
            for run in self.runs
        ]
        runs = [
            (run.path, [tensors for tensors, _ in snapshots])
            for run, snapshots in zip(self.runs, tables, strict=True)
        ]
        ordered = all(known for snapshots in tables for _, known in snapshots)
        layers = layer_table(runs, ordered=ordered, report=self._report)
        listed = names_in(self.settings.get("layers"))
        absent = [name for name in listed if name.removesuffix(".weight") not in layers]
        if absent and layers:
            self._report(self.path / "experiment.toml", f"layers: no checkpoint has {absent}")
        return by_depth(layers, listed)
