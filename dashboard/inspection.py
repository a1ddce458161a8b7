"""What the commands do that look at what is there and compute nothing."""

import json
import os
import sys
import tomllib
from pathlib import Path
from typing import Any

from rich.console import Console

from analysis.datasets import fetch_dataset
from analysis.errors import ExperimentError
from analysis.experiment import Experiment, open_experiment
from analysis.networks import activation_names, data_dir, why_none
from analysis.text import shown
from dashboard import tables
from dashboard.cursor import runs_at
from dashboard.selection import Selection, why_empty
from dashboard.terminal import progress_bar, tell_problems

MOST_STEPS = 20
"""Steps that are printed as text."""


def inspect(chosen: Selection, *, as_json: bool) -> None:
    """Print what is in an experiment, having looked at the header of every file."""
    experiment = chosen.given(open_experiment(chosen.path))
    with progress_bar("reading headers") as advance:
        experiment.check(progress=lambda done, total: advance(done, total, "reading headers"))
    found = _found(experiment)
    if as_json:
        sys.stdout.write(json.dumps(tables.finite(found), ensure_ascii=False) + "\n")
        return
    _print_head(experiment)
    tell_problems(experiment)
    if why := why_empty(experiment):
        raise ExperimentError(why)
    rows = [row | {"shape": "×".join(map(str, row["shape"]))} for row in found["layers"]]
    if rows:
        tables.write(rows, tables.Format.text)


def _found(experiment: Experiment) -> dict[str, Any]:
    places = zip(experiment.axis, runs_at(experiment), strict=True)
    return {
        "name": experiment.name,
        "title": experiment.title,
        "path": str(experiment.path),
        "runs": [run.name for run in experiment.runs],
        "steps": [{"step": p.step, "milestone": p.milestone, "runs": n} for p, n in places],
        "layers": [{"layer": each.name, "shape": list(each.shape)} for each in experiment.layers()],
        "activations": list(activation_names(experiment)),
        "no_activations": why_none(experiment) or None,
        "problems": [{"path": str(p.path), "reason": p.reason} for p in experiment.problems],
    }


def _print_head(experiment: Experiment) -> None:
    out = Console(highlight=False, soft_wrap=True)
    steps = [
        f"{p.milestone} (median step {p.step})" if p.milestone else str(p.step)
        for p in experiment.axis
    ]
    more = " …" if len(steps) > MOST_STEPS else ""
    out.print(f"{experiment.title} ({experiment.path})", markup=False)
    out.print(f"runs: {len(experiment.runs)}", markup=False)
    out.print(f"steps: {', '.join(steps[:MOST_STEPS])}{more}", markup=False)
    said = why_none(experiment) or ", ".join(map(shown, activation_names(experiment)))
    out.print(f"activations: {said}", markup=False)


def fetch(path: Path) -> None:
    """Fetch the inputs that an experiment or a recipe names, and print where they lie."""
    toml = path / "experiment.toml" if path.is_dir() else path
    dataset, files = fetch_dataset(_dataset_table(toml), data_dir=data_dir(), base=toml.parent)
    size = " × ".join(map(str, dataset.input))
    where = os.path.commonpath(files) if files else "made when it is needed, no file"
    out = Console(highlight=False, soft_wrap=True)
    counts = f"{len(dataset):,} inputs of {size}, {dataset.n_classes} classes"
    out.print(shown(f"{dataset.name}: {counts}: {where}"), markup=False)


def _dataset_table(toml: Path) -> dict[str, Any]:
    try:
        found = tomllib.loads(toml.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        msg = f"{toml}: cannot be read as a recipe or experiment.toml: {error}"
        raise ExperimentError(msg) from error
    table = found.get("dataset")
    if not isinstance(table, dict) or not table:
        msg = f"{toml}: no [dataset] in it, so there is nothing to fetch"
        raise ExperimentError(msg)
    return table
