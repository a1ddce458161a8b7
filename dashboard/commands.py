"""What the commands do; `cli` only reads the command line."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from analysis import registry, resources
from analysis.errors import AnalysisError, ExperimentError
from analysis.experiment import Experiment, find_experiments
from analysis.networks import activation_names, data_dir
from analysis.pipeline import Outcome, results_of
from analysis.registry import Entry, Table
from analysis.scheduler import compute as compute_units
from analysis.sources import KINDS
from analysis.store import ResultStore, StoreError, default_root
from analysis.units import Settings, Unit, plan, with_parts
from dashboard import tables
from dashboard.cursor import Cursor
from dashboard.selection import Selection, why_empty, why_no_units
from dashboard.serving import Serving
from dashboard.terminal import progress_bar, say, stderr, tell_problems

Parameters = dict[str, dict[str, Any]]
Failed = dict[Unit, str]


def open_store(
    root: Path | None, experiments: Sequence[Experiment], *, needed: bool = False
) -> ResultStore:
    """Open the user's store together with the results that the experiments ship.

    Raises
    ------
    StoreError
        If it is `needed` and cannot be written.
    """
    store = ResultStore(
        root or default_root(), tuple(each.path / "results" for each in experiments)
    )
    if why := store.why_unwritable():
        if needed:
            raise StoreError(why)
        say(why)
    return store


def _compute(units: list[Unit], store: ResultStore, jobs: int | None) -> list[Outcome]:
    done, every = 0, with_parts(units)
    said: set[str] = set()
    with progress_bar("computing") as advance:

        def tell(outcome: Outcome) -> None:
            nonlocal done
            done += 1
            advance(done, len(every), outcome.unit.layer or outcome.unit.analysis)
            if outcome.message and outcome.message not in said:
                said.add(outcome.message)
                say(outcome.message)
            if outcome.detail:
                stderr().print(outcome.detail, markup=False)

        return compute_units(every, store, jobs=jobs, on_outcome=tell)


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
    _check_units(experiment, units, analysis)
    where = open_store(store, [experiment], needed=True)
    outcomes = _compute(units, where, jobs)
    if lost := where.save_kept():
        msg = f"{lost} results could not be saved in {where.root}; free space and run it again"
        raise StoreError(msg)
    count = {s: sum(o.state == s for o in outcomes) for s in ("computed", "stored", "failed")}
    say(
        f"{count['computed']} computed, {count['stored']} were there, {count['failed']} failed; "
        f"results in {where.root}"
    )
    if outcomes and count["failed"] == len(outcomes):
        msg = "nothing could be computed"
        raise AnalysisError(msg)


def _check_units(experiment: Experiment, units: list[Unit], analysis: str | None) -> None:
    """Name what could not be read, now that the headers have been; refuse an empty plan."""
    tell_problems(experiment)
    if not units:
        raise ExperimentError(why_no_units(experiment, analysis))


def table_rows(
    experiment: Experiment,
    name: str,
    settings: Settings,
    store: ResultStore,
    *,
    part: dict[str, Any],
    jobs: int | None,
) -> list[dict[str, Any]]:
    """Compute what is missing and return a table's rows: one per layer and step, or several.

    A unit that fails still has its row, with `error` saying why. Whole networks are looked at
    whatever layers are chosen, so that a choice computes nothing anew; it is of rows then.
    """
    kinds = registry.tables()
    if name not in kinds:
        msg = f"there is no table {name!r}; there are {', '.join(sorted(kinds))}"
        raise AnalysisError(msg)
    kind = kinds[name]
    units = plan(experiment, kind.analysis, settings=settings, **part)
    _check_units(experiment, units, kind.analysis)
    entries = [Entry(unit) for unit in units]
    failed = _failures(entries, store, jobs)
    if kind.expand is not None:
        entries = [more for each in entries for more in _expanded(kind, each, store, failed)]
        failed |= _failures(entries, store, jobs)
    rows = [_row(kind, each, store, failed) for each in entries]
    names = part["layers"]
    if names is None or not KINDS[registry.source_of(kind.analysis)].whole:
        return rows
    chosen = [row for row in rows if row["layer"] is None or row["layer"] in names]
    if not chosen:
        msg = f"{experiment.path}: no network has a layer {' or '.join(names)}"
        raise ExperimentError(msg)
    return chosen


def _failures(entries: list[Entry], store: ResultStore, jobs: int | None) -> Failed:
    """Compute what rows are made of; return the units that failed, and why."""
    needed = [unit for e in entries if not e.error for unit in (e.unit, *e.beside.values())]
    outcomes = _compute(list(dict.fromkeys(needed)), store, jobs)
    return {each.unit: each.message for each in outcomes if each.state == "failed"}


def _expanded(kind: Table, entry: Entry, store: ResultStore, failed: Failed) -> Sequence[Entry]:
    """Return the rows in place of one; itself where there is nothing to expand."""
    results = _plain(entry.unit, store, failed)
    if results is None or kind.expand is None:
        return [replace(entry, error=failed.get(entry.unit))]
    try:
        return kind.expand(entry.unit, results)
    except AnalysisError as error:
        return [replace(entry, error=f"{entry.unit.where}: {error}")]


def _row(kind: Table, entry: Entry, store: ResultStore, failed: Failed) -> dict[str, Any]:
    results = None if entry.error else _plain(entry.unit, store, failed)
    error = entry.error or failed.get(entry.unit)
    for name, unit in entry.beside.items():
        error = error or failed.get(unit)
        if results is not None and (found := _plain(unit, store, failed)):
            results[name] = found[unit.analysis]
    return kind.row(entry.unit, results) | dict(entry.columns) | {"error": error}


def _plain(unit: Unit, store: ResultStore, failed: Failed) -> dict[str, Any] | None:
    found = None if unit in failed else results_of(unit, store)
    return {name: stored.result for name, stored in found.items()} if found else None


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
    from dashboard.context import Context
    from dashboard.jobs import Jobs
    from dashboard.results import Results

    pictures.check(view, output)
    experiment, part = chosen.open()
    tell_problems(experiment)
    convolutions = [each.name for each in experiment.layers()]
    layers = part["layers"] or (convolutions or list(activation_names(experiment)))[:1]
    steps = part["steps"] or [experiment.axis[-1]]
    if len(layers) != 1 or len(steps) != 1 or part["runs"]:
        msg = "a picture is of one layer at one step over all runs: choose --layers and --steps"
        raise ExperimentError(msg)
    where = open_store(store, [experiment])
    work = Jobs(where, 1)  # never started: `run` computes, with a progress bar
    pictures.write(
        Context([experiment], Results(where, work), work, settings=parameters),
        view,
        output,
        cursor=Cursor(experiment.name, layers[0], experiment.axis.index(steps[0])),
        run=lambda units: _compute(units, where, jobs),
    )


def train(spec: Path, output: Path) -> None:
    """Train an experiment from its recipe."""
    from analysis.training import train as run

    if not spec.is_file():
        msg = f"{spec}: there is no such recipe; sample_models/mnist_cnn/recipe.toml is one"
        raise ExperimentError(msg)
    with progress_bar("training") as advance:
        run(spec, output, data_dir=data_dir(), progress=advance)


def demo(how: Serving) -> None:
    """Serve the sample models, computing ahead what does not ship."""
    found = find_experiments([resources.folder("sample_models")])
    found.sort(key=lambda each: not each.layers())  # the circle of filters is what one sees first
    _serve(found, how, {}, ahead=True)


def serve(
    paths: Sequence[Path], chosen: Selection, parameters: Parameters, *, how: Serving
) -> None:
    """Serve the dashboard on experiments until interrupted.

    Raises
    ------
    ExperimentError
        If none of them has a layer to show.
    """
    found = find_experiments(paths, on_problem=lambda p: say(f"{p.path}: {p.reason}"))
    found = [chosen.given(each) for each in found]
    empty = [why for each in found if (why := why_empty(each))]
    if len(empty) == len(found):
        raise ExperimentError("; ".join(empty))
    for why in empty:
        say(why)
    shown = [each.restricted(**chosen.of(each)) for each in found if not why_empty(each)]
    _serve(shown, how, parameters, ahead=False)


def _serve(
    experiments: Sequence[Experiment], how: Serving, parameters: Parameters, *, ahead: bool
) -> None:
    from dashboard import server

    for each in experiments:
        tell_problems(each)
    store = open_store(how.store, experiments)
    server.run(experiments, store, how, settings=parameters, ahead=ahead)
