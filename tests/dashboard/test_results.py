"""What views ask for: what is there, what is being computed, why something cannot be had."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from analysis import kernels
from analysis.experiment import open_experiment
from analysis.pipeline import run_unit
from analysis.scheduler import compute
from analysis.store import ResultStore
from analysis.units import Unit, key_of, plan
from dashboard.jobs import Jobs
from dashboard.results import Found, Results, Shown

Make = Callable[..., Path]


@pytest.fixture
def results(store: ResultStore) -> Results:
    return Results(store, Jobs(store, 1))


@pytest.fixture
def units(make_experiment: Make) -> list[Unit]:
    return plan(open_experiment(make_experiment(steps=(0, 50, 100))), "filters")


def wanted(results: Results) -> list[Unit]:
    """What the jobs are to compute, in their order."""
    return [unit for units, _ in results._jobs._inbox for unit in units]


def test_all_that_is_missing_is_wanted_in_the_order_of_the_view(
    results: Results, units: list[Unit]
) -> None:
    found = Found(results, {"c": units[2], "a": units[0], "twice": units[2]})
    assert found.pending
    assert wanted(results) == [units[2], units[0]]
    assert found["a"].pending
    assert "a" in found
    assert "b" not in found
    assert "not asked for" in found["b"].error


def test_nothing_is_wanted_by_a_view_that_is_not_looked_at(
    results: Results, units: list[Unit], store: ResultStore
) -> None:
    found = Found(results, {"a": units[0]}, compute=False)
    assert found.pending
    assert found["a"].pending
    assert wanted(results) == []
    run_unit(units[0], store)
    assert not Found(results, {"a": units[0]}, compute=False).pending


def test_what_is_only_shown_where_it_is_there_is_neither_wanted_nor_waited_for(
    results: Results, units: list[Unit], store: ResultStore
) -> None:
    need = {"a": units[0], "extra": Shown(units[1])}
    run_unit(units[0], store)
    found = Found(results, need)
    assert not found.pending
    assert found["extra"].result is None
    assert not found.pending
    assert wanted(results) == []
    run_unit(units[1], store)
    assert Found(results, need)["extra"].result is not None


def test_a_view_is_another_when_any_of_what_it_shows_is(
    results: Results, units: list[Unit], store: ResultStore
) -> None:
    def key() -> object:
        return Found(results, {"a": units[0], "b": Shown(units[1]), "c": "no reason"}).key

    before = key()
    assert key() == before
    run_unit(units[1], store)
    between = key()
    assert between != before
    run_unit(units[0], store)
    assert key() not in (before, between)
    assert Found(results, {"a": units[0]}).key != Found(results, {"a": units[2]}).key
    assert Found(results, {}, error="x").key != Found(results, {}).key
    assert Found(results, {"a": "x"}).key != Found(results, {"a": "y"}).key


def test_a_reason_is_the_answer_and_is_not_waited_for(
    results: Results, units: list[Unit], store: ResultStore
) -> None:
    run_unit(units[0], store)
    found = Found(results, {"a": units[0], "b": "no run stores it"})
    assert found["b"].error == "no run stores it"
    assert not found.pending
    assert "b" in found
    assert Found(results, {}, error="nothing at all")["a"].error == "nothing at all"


def test_a_result_that_is_damaged_shows_when_it_is_read(
    results: Results, units: list[Unit], store: ResultStore
) -> None:
    run_unit(units[0], store)
    store.path(key_of(units[0])).write_bytes(b"cut off")
    found = Found(results, {"a": units[0]})
    assert not found.pending  # its file is there
    assert found["a"].pending
    assert found.pending
    assert wanted(results) == [units[0]]


def test_what_stands_on_another_wants_that_first(
    make_experiment: Make, results: Results, store: ResultStore
) -> None:
    kernels.warm()
    unit = plan(open_experiment(make_experiment()), "mapper")[0]
    assert unit.upstream is not None
    Found(results, {"mapper": unit})
    assert wanted(results) == [unit.upstream]
    compute([unit.upstream], store, jobs=1, make_executor=ThreadPoolExecutor)
    finished = results._jobs.finished
    found = Found(results, {"mapper": unit})  # quick enough to be made while the page waits
    assert not found.pending
    assert found["mapper"].result.graph.n_nodes > 0
    assert results._jobs.finished > finished, "other pages may show it too"
    assert found.derive("nodes", ["mapper"], lambda each: each.graph.n_nodes) > 0  # type: ignore[operator]
    assert found.derive("nodes", ["nothing"], lambda each: each) is None
