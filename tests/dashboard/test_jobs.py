import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from analysis import kernels, sources
from analysis.errors import ExperimentError
from analysis.experiment import open_experiment
from analysis.pipeline import Outcome, load
from analysis.store import ResultStore
from analysis.units import key_of, plan
from dashboard import views
from dashboard.context import Context
from dashboard.cursor import Cursor
from dashboard.jobs import Jobs
from dashboard.layer_units import FILTER_ROW, filter_units
from dashboard.results import Kept, Results
from dashboard.view import Ask

Make = Callable[..., Path]
VIEWS = views.discover()


@pytest.fixture
def jobs(store: ResultStore) -> Iterator[Jobs]:
    work = Jobs(store, 1, make_executor=ThreadPoolExecutor)
    work.start()
    yield work
    work.close()


def until(condition: Callable[[], bool]) -> None:
    """Wait for what another thread does; a minute at most."""
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def idle(jobs: Jobs) -> None:
    """Wait until nothing is left to do."""
    time.sleep(0.3)  # for the thread to take up what was asked
    until(lambda: not jobs.status.busy)


def test_what_is_wanted_is_computed_once_and_remembered(
    make_experiment: Make, store: ResultStore, jobs: Jobs
) -> None:
    unit = plan(open_experiment(make_experiment()), "filters")[0]
    results = Results(store, jobs)
    for _ in range(3):
        assert results.get(unit).pending
    idle(jobs)
    answer = results.get(unit)
    assert answer.result.n_kept == 90
    assert answer.provenance["step"] == 0
    assert jobs.finished == 1
    store.path(key_of(unit)).unlink()
    assert results.get(unit).result is answer.result


def test_a_failure_is_told_in_words_and_may_be_tried_again(
    make_experiment: Make, store: ResultStore, jobs: Jobs
) -> None:
    folder = make_experiment(n=3, runs=1)
    unit = plan(open_experiment(folder), "filters", settings={"filters": {"k": "9"}})[0]
    results = Results(store, jobs)
    results.get(unit)
    idle(jobs)
    answer = results.get(unit)
    assert not answer.pending
    assert "choose a k below 3" in answer.error
    assert any("choose a k" in message for message in jobs.status.messages)
    assert jobs.failed
    jobs.retry()
    assert results.get(unit).pending


class Gated(ThreadPoolExecutor):
    """An executor that waits for a gate, so that work is in hand as long as a test wants."""

    gate = threading.Event()

    def submit(self, work: Any, /, *args: Any, **kwargs: Any) -> Any:
        return super().submit(lambda: self.gate.wait(30) and work(*args, **kwargs))


def test_cancel_stops_what_is_looked_at_until_it_is_tried_again(
    make_experiment: Make, store: ResultStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Gated, "gate", threading.Event())
    units = plan(open_experiment(make_experiment(steps=(0, 1, 2))), "filters")
    work = Jobs(store, 1, make_executor=Gated)
    results = Results(store, work)
    work.start()
    work.ahead(units[1:])
    assert results.get(units[0]).pending
    until(lambda: work.status.total == 3)
    work.cancel()
    until(lambda: work.cancelled)
    assert "Cancelled" in results.get(units[0]).error
    until(lambda: not work.status.busy)
    assert results.get(units[1], ask=False).pending  # it was not looked at: nobody need be told
    work.retry()
    assert results.get(units[0]).pending
    Gated.gate.set()
    idle(work)
    assert not work.failed
    assert all(results.get(unit, ask=False).result is not None for unit in units)
    work.close()


def test_the_jobs_go_on_after_a_fault_of_their_own(
    make_experiment: Make, store: ResultStore, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    unit = plan(open_experiment(make_experiment()), "filters")[0]
    real = jobs._scheduler.add
    monkeypatch.setattr(jobs._scheduler, "add", lambda *_a, **_k: 1 / 0)
    jobs.want([unit])
    until(lambda: any("stumbled" in message for message in jobs.status.messages))
    monkeypatch.setattr(jobs._scheduler, "add", real)
    jobs.want([unit])
    idle(jobs)
    assert load(unit, store) is not None


def test_jobs_ahead_wait_behind_what_is_looked_at(
    make_experiment: Make, store: ResultStore
) -> None:
    units = plan(open_experiment(make_experiment(steps=(0, 1, 2, 3))), "filters")
    work = Jobs(store, 1, make_executor=ThreadPoolExecutor)
    work.ahead(units[:3])
    work.want([units[3]])
    work.start()
    idle(work)
    work.close()
    order = sorted(units, key=lambda unit: store.path(key_of(unit)).stat().st_mtime_ns)
    assert order[0] is units[3]


def test_what_is_wanted_at_once_is_computed_in_its_order(
    make_experiment: Make, store: ResultStore
) -> None:
    units = plan(open_experiment(make_experiment(steps=(0, 1, 2, 3))), "filters")
    wanted = [units[i] for i in (2, 0, 3, 1)]
    work = Jobs(store, 1, make_executor=ThreadPoolExecutor)
    work.want(wanted)
    work.start()
    idle(work)
    work.close()
    written = sorted(units, key=lambda unit: store.path(key_of(unit)).stat().st_mtime_ns)
    assert written == wanted


def test_what_failed_is_tried_again_when_asked_though_nobody_looks(
    make_experiment: Make, store: ResultStore, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    unit = plan(open_experiment(make_experiment()), "filters")[0]
    with monkeypatch.context() as broken:
        broken.setattr(sources, "read_layer", lambda _refs: 1 / 0)
        jobs.want([unit])
        until(lambda: jobs.failed)
        idle(jobs)
    before = jobs.finished
    assert load(unit, store) is None
    jobs.retry()
    assert jobs.finished > before, "pages look again at what they show"
    until(lambda: load(unit, store) is not None)
    idle(jobs)
    assert not jobs.failed
    assert jobs.failure(key_of(unit)) == ""


def test_a_quick_analysis_answers_while_the_page_waits(
    make_experiment: Make, store: ResultStore, jobs: Jobs
) -> None:
    kernels.warm()
    unit = plan(open_experiment(make_experiment()), "mapper")[0]
    results = Results(store, jobs)
    assert unit.upstream is not None
    assert results.get(unit.upstream).pending
    idle(jobs)
    assert results.get(unit).result.graph.n_nodes > 0
    assert load(unit, store) is not None


def test_a_file_that_is_gone_is_said(make_experiment: Make, store: ResultStore, jobs: Jobs) -> None:
    folder = make_experiment()
    unit = plan(open_experiment(folder), "filters")[0]
    (folder / "run-000" / "step-000000.safetensors").unlink()
    answer = Results(store, jobs).get(unit)
    assert "step-000000.safetensors" in answer.error


def test_the_row_tells_of_every_layer_without_computing_any(
    tmp_path: Path, store: ResultStore, jobs: Jobs
) -> None:
    rng = np.random.default_rng(0)
    weights = {
        f"{name}.weight": rng.normal(size=(200, 1, 3, 3)).astype(np.float32) for name in "ab"
    }
    save_file(weights, tmp_path / "net.safetensors")
    experiment = open_experiment(tmp_path / "net.safetensors")
    context = Context([experiment], Results(store, jobs), jobs, views=VIEWS)
    bars = FILTER_ROW.bars(ask_of(context))
    assert [(bar.layer, bar.strength, bar.note) for bar in bars] == [
        ("a", None, "not computed yet"),
        ("b", None, "not computed yet"),
    ]
    assert not jobs.status.busy
    need = filter_units(ask_of(context), "b", 0)
    for unit in (need["filters"], need["null"]):
        context.results.get(unit)
    idle(jobs)
    bars = FILTER_ROW.bars(ask_of(context))
    assert (bars[0].strength, bars[0].no_shape) == (None, False)
    assert bars[1].strength is not None
    assert bars[1].null is not None
    assert context.clearest_layer(experiment, "filters") == "b"


def ask_of(context: Context, index: int = 0, **settings: Any) -> Ask:
    (experiment,) = context.experiments.values()
    asked = context.ask(Cursor(experiment.name, experiment.layers()[0].name, index, view="filters"))
    return replace(asked, settings=settings)


def test_the_row_says_why_a_layer_cannot_be_computed(
    tmp_path: Path, store: ResultStore, jobs: Jobs
) -> None:
    weights = np.random.default_rng(0).normal(size=(1, 1, 3, 3)).astype(np.float32)
    save_file({"few.weight": weights}, tmp_path / "net.safetensors")
    experiment = open_experiment(tmp_path / "net.safetensors")
    context = Context([experiment], Results(store, jobs), jobs, views=VIEWS)
    context.complete_row(ask_of(context).cursor)
    until(lambda: jobs.failed)
    (bar,) = FILTER_ROW.bars(ask_of(context))
    assert "only 1 of 1 filters can be used" in bar.note
    assert bar.no_shape


def test_the_row_waits_while_work_is_cancelled(
    make_experiment: Make, store: ResultStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Gated, "gate", threading.Event())
    experiment = open_experiment(make_experiment())
    work = Jobs(store, 1, make_executor=Gated)
    context = Context([experiment], Results(store, work), work, views=VIEWS)
    work.start()
    context.complete_row(ask_of(context).cursor)
    until(lambda: work.status.total == 2)
    work.cancel()
    until(lambda: work.cancelled)
    context.complete_row(ask_of(context, 1).cursor)
    time.sleep(0.3)
    assert not work.status.busy
    Gated.gate.set()
    work.close()


def context_over(folder: Path, store: ResultStore, jobs: Jobs) -> Context:
    return Context([open_experiment(folder)], Results(store, jobs), jobs)


def test_filters_and_null_are_both_shown_whatever_is_said(
    make_experiment: Make, store: ResultStore, jobs: Jobs
) -> None:
    context = context_over(make_experiment(), store, jobs)
    ask = ask_of(context, filters={"null": "permuted", "k": "7"}, mapper={"gain": 2.0})
    units = filter_units(ask, "conv1", 0)
    said = {name: unit.params for name, unit in units.items()}
    assert (said["filters"].null, said["null"].null) == ("none", "permuted")  # type: ignore[attr-defined]
    assert said["filters"].k == said["null"].k == "7"  # type: ignore[attr-defined]
    assert said["mapper"] == said["null_mapper"]
    assert said["mapper"].gain == 2.0  # type: ignore[attr-defined]
    assert units["mapper"].upstream == units["filters"]
    assert units["null_mapper"].upstream == units["null"]


def test_the_units_of_another_experiment_have_its_own_parameters(
    make_experiment: Make, store: ResultStore, jobs: Jobs
) -> None:
    ask = ask_of(context_over(make_experiment(), store, jobs), filters={"k": "7"})
    other = open_experiment(make_experiment("other"))
    units = filter_units(ask, "conv1", 0, experiment=other)
    assert units["filters"].params.k == "auto"  # type: ignore[attr-defined]
    assert "other" in str(units["filters"].refs[0].path)


def test_a_snapshot_that_cannot_be_read_says_why(
    make_experiment: Make, store: ResultStore, jobs: Jobs
) -> None:
    folder = make_experiment(runs=1)
    (folder / "run-000" / "step-000100.safetensors").write_bytes(b"cut off")
    with pytest.raises(ExperimentError, match=r"cannot be read at step 100: run-000: .*cut off"):
        filter_units(ask_of(context_over(folder, store, jobs)), "conv1", 1)


def test_a_small_thing_is_made_once_of_results_that_are_there(
    make_experiment: Make, store: ResultStore, jobs: Jobs
) -> None:
    units = plan(open_experiment(make_experiment()), "filters")
    results = Results(store, jobs)
    made: list[object] = []

    def make(one: Any, other: Any) -> str:
        made.append((one.n_kept, other.n_kept))
        return f"{len(made)}"

    assert results.derive("pair", units, make) is None
    assert not jobs._inbox, "a small thing asks for nothing"
    for unit in units:
        results.get(unit)
    idle(jobs)
    assert [results.derive("pair", units, make) for _ in range(3)] == ["1", "1", "1"]
    assert results.derive("another", units, make) == "2"
    assert made == [(90, 90), (90, 90)]


def test_the_oldest_of_what_is_kept_is_dropped_first() -> None:
    kept: Kept[int] = Kept(2)
    kept.put("a", 1)
    kept.put("b", 2)
    assert kept.get("a") == 1
    kept.put("c", 3)
    assert (kept.get("a"), kept.get("b"), kept.get("c")) == (1, None, 3)


def test_the_time_left_is_that_of_the_kinds_of_work_left(
    tmp_path: Path, make_experiment: Callable[..., Path]
) -> None:
    experiment = open_experiment(make_experiment())
    filters = plan(experiment, "filters")
    mapper = plan(experiment, "mapper")
    work = Jobs(ResultStore(tmp_path), 1)
    assert work._seconds_of(filters) is None
    work._settle([Outcome(mapper[0], "a", "computed", seconds=0.1)])
    assert work._seconds_of(filters[:2]) == pytest.approx(0.2)  # nothing better is known
    work._settle([Outcome(filters[0], "b", "computed", seconds=4.0)])
    assert work._seconds_of([filters[0], mapper[0]]) == pytest.approx(4.1)
