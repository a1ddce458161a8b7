"""What the commands do; `cli` only reads the command line."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from analysis import registry
from analysis.errors import AnalysisError, ExperimentError
from analysis.experiment import Experiment, Step, find_experiments, open_experiment
from analysis.pipeline import Outcome, Settings, Unit, plan, results_of
from analysis.scheduler import compute as compute_units
from analysis.store import ResultStore, default_root
from dashboard import resources, tables
from dashboard.cursor import Cursor

Parameters = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Selection:
    """An experiment and the part of it that a command is about; None means all."""

    path: Path
    layers: str | None
    steps: str | None
    runs: str | None

    def open(self) -> tuple[Experiment, dict[str, Any]]:
        """Open the experiment; returns it and the chosen layers, steps and runs for `plan`.

        Raises
        ------
        ExperimentError
            If the path is no experiment, or a layer, step or run is not in it.
        """
        experiment = open_experiment(self.path)
        _tell_problems(experiment)
        layers = [each.name for each in experiment.layers()]
        if not layers:
            msg = f"{self.path}: no 2-D convolution kernels larger than 1×1 in it"
            raise ExperimentError(msg)
        return experiment, {
            "layers": _chosen(self.layers, layers, "layer"),
            "steps": _steps(self.steps, experiment.axis),
            "runs": _chosen(self.runs, [run.name for run in experiment.runs], "run"),
        }


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _chosen(text: str | None, there: Sequence[str], what: str) -> list[str] | None:
    if text is None:
        return None
    words = [word.removesuffix(".weight") for word in _words(text)]
    for word in words:
        if word not in there:
            some = ", ".join(there[:12]) + (" …" if len(there) > 12 else "")
            msg = f"there is no {what} {word!r}; there are {some}"
            raise ExperimentError(msg)
    return words


def _steps(text: str | None, axis: Sequence[Step]) -> list[Step] | None:
    if text is None:
        return None
    by_word = {str(step.step): step for step in axis}
    by_word |= {step.milestone: step for step in axis if step.milestone}
    words = _chosen(text, list(by_word), "step")
    return [by_word[word] for word in words or []]


def _err() -> Console:
    return Console(stderr=True, highlight=False, soft_wrap=True)


def _tell_problems(experiment: Experiment) -> None:
    for problem in experiment.problems:
        _err().print(f"nervescope: {problem.path}: {problem.reason}", markup=False)


def open_store(root: Path | None, experiments: Sequence[Experiment]) -> ResultStore:
    """Open the user's store together with the results that the experiments ship."""
    store = ResultStore(
        root or default_root(), tuple(each.path / "results" for each in experiments)
    )
    if why := store.why_unwritable():
        _err().print(f"nervescope: {why}", markup=False)
    return store


def _compute(units: list[Unit], store: ResultStore, jobs: int | None) -> list[Outcome]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=_err(), transient=True) as bar:
        task = bar.add_task("computing", total=len(units))

        def advance(outcome: Outcome) -> None:
            bar.update(task, advance=1, description=_escaped(outcome.unit.layer))
            if outcome.message:
                bar.console.print(f"nervescope: {outcome.message}", markup=False)

        return compute_units(units, store, jobs=jobs, on_outcome=advance)


def _escaped(text: str) -> str:
    return text.replace("[", r"\[")


def compute(
    chosen: Selection,
    analysis: str | None,
    parameters: Parameters,
    *,
    store: Path | None,
    jobs: int | None,
) -> None:
    """Compute all analyses (or one) of a selection, with their null models unless one is chosen."""
    experiment, part = chosen.open()
    names = [analysis] if analysis else registry.leaves()
    units = [
        unit
        for name in names
        for settings in registry.variants(name, parameters)
        for unit in plan(experiment, name, settings=settings, **part)
    ]
    where = open_store(store, [experiment])
    outcomes = _compute(units, where, jobs)
    count = {s: sum(o.state == s for o in outcomes) for s in ("computed", "stored", "failed")}
    _err().print(
        f"{count['computed']} computed, {count['stored']} were there, {count['failed']} failed; "
        f"results in {where.root}",
        markup=False,
    )
    if outcomes and count["failed"] == len(outcomes):
        msg = "nothing could be computed"
        raise AnalysisError(msg)


def table_rows(
    experiment: Experiment,
    name: str,
    settings: Settings,
    store: ResultStore,
    *,
    part: dict[str, Any],
    jobs: int | None,
) -> list[dict[str, Any]]:
    """Compute what is missing and return a table's rows, one per layer and step.

    A unit that fails still has its row, with `error` saying why.
    """
    kinds = registry.tables()
    if name not in kinds:
        msg = f"there is no table {name!r}; there are {', '.join(sorted(kinds))}"
        raise AnalysisError(msg)
    kind = kinds[name]
    units = plan(experiment, kind.analysis, settings=settings, **part)
    outcomes = _compute(units, store, jobs)
    failed = {id(o.unit): o.message for o in outcomes if o.state == "failed"}
    rows = []
    for unit in units:
        results = None if id(unit) in failed else results_of(unit, store)
        row = kind.row(unit, {k: v.result for k, v in results.items()} if results else None)
        rows.append(row | {"error": failed.get(id(unit))})
    return rows


def table(
    chosen: Selection,
    name: str,
    parameters: Parameters,
    *,
    form: tables.Format,
    store: Path | None,
    jobs: int | None,
) -> None:
    """Print a table."""
    experiment, part = chosen.open()
    where = open_store(store, [experiment])
    rows = table_rows(experiment, name, parameters, where, part=part, jobs=jobs)
    tables.write(rows, form)
    if rows and all(row["error"] for row in rows):
        msg = "no row could be computed"
        raise AnalysisError(msg)


def inspect(path: Path, *, as_json: bool) -> None:
    """Print what is in an experiment."""
    experiment = open_experiment(path)
    layers = [{"layer": each.name, "shape": list(each.shape)} for each in experiment.layers()]
    axis = [{"step": each.step, "milestone": each.milestone} for each in experiment.axis]
    problems = [{"path": str(p.path), "reason": p.reason} for p in experiment.problems]
    if as_json:
        found = {
            "name": experiment.name,
            "title": experiment.title,
            "path": str(experiment.path),
            "runs": [run.name for run in experiment.runs],
            "steps": axis,
            "layers": layers,
            "problems": problems,
        }
        sys.stdout.write(json.dumps(tables.finite(found), ensure_ascii=False) + "\n")
        return
    steps = ", ".join(str(each.step) for each in experiment.axis[:20])
    out = Console(highlight=False, soft_wrap=True)
    out.print(f"{experiment.title} ({experiment.path})", markup=False)
    more = " …" if len(axis) > 20 else ""
    out.print(f"{len(experiment.runs)} runs, {len(axis)} steps: {steps}{more}")
    tables.write(
        [row | {"shape": "×".join(map(str, row["shape"]))} for row in layers], tables.Format.text
    )
    _tell_problems(experiment)


def export(
    chosen: Selection,
    view: str,
    output: Path,
    parameters: Parameters,
    *,
    store: Path | None,
    jobs: int | None,
) -> None:
    """Write one picture to a file."""
    from dashboard import export as pictures

    pictures.check(view, output)
    experiment, part = chosen.open()
    layers = part["layers"] or [experiment.layers()[0].name]
    steps = part["steps"] or [experiment.axis[-1]]
    if len(layers) != 1 or len(steps) != 1 or part["runs"]:
        msg = "a picture is of one layer at one step over all runs: choose --layers and --steps"
        raise ExperimentError(msg)
    where = open_store(store, [experiment])
    pictures.write(
        experiment,
        view,
        output,
        cursor=Cursor(experiment.name, layers[0], experiment.axis.index(steps[0])),
        settings=parameters,
        store=where,
        run=lambda units: _compute(units, where, jobs),
    )


def train(spec: Path, output: Path) -> None:
    """Train an experiment from its recipe."""
    from analysis.training import train as run

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=_err()) as bar:
        task = bar.add_task("training", total=None)

        def advance(done: int, total: int, message: str) -> None:
            bar.update(task, completed=done, total=total, description=_escaped(message))

        run(spec, output, data_dir=resources.folder("sample_models") / "data", progress=advance)


def demo(store: Path | None, jobs: int | None, *, host: str, port: int, browser: bool) -> None:
    """Serve the sample models, computing ahead what does not ship."""
    paths = [resources.folder("sample_models")]
    serve(paths, store, jobs, host=host, port=port, browser=browser, ahead=True)


def serve(
    paths: Sequence[Path],
    store: Path | None,
    jobs: int | None,
    *,
    host: str,
    port: int,
    browser: bool,
    ahead: bool = False,
) -> None:
    """Serve the dashboard until interrupted."""
    from dashboard import server

    experiments = find_experiments(paths)
    for each in experiments:
        _tell_problems(each)
    where = open_store(store, experiments)
    server.run(experiments, where, jobs=jobs, host=host, port=port, browser=browser, ahead=ahead)
