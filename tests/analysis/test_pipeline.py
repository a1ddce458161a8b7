import contextlib
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from analysis import claims, pipeline, sources
from analysis.errors import NerveScopeError
from analysis.experiment import open_experiment
from analysis.pipeline import load, results_of, run_unit
from analysis.scheduler import Scheduler, compute
from analysis.store import ResultStore
from analysis.units import Unit, key_of, plan, unit_of, with_parts

Make = Callable[..., Path]
SETTINGS = {"filters": {"k": "5", "fraction": 1.0}}


def threads(jobs: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(jobs)


def test_a_plan_is_layers_by_steps(make_experiment: Make) -> None:
    units = plan(open_experiment(make_experiment(steps=(0, 50, 100))), "mapper")
    assert [(unit.layer, unit.step.step) for unit in units] == [("conv1", s) for s in (0, 50, 100)]
    assert all(len(unit.refs) == 2 for unit in units)


def test_the_circle_appears_and_the_null_does_not_show_it(
    make_experiment: Make, store: ResultStore
) -> None:
    experiment = open_experiment(make_experiment())
    units = plan(experiment, "mapper", settings=SETTINGS)
    outcomes = compute(units, store, jobs=1, make_executor=threads)
    assert [each.state for each in outcomes] == ["computed", "computed"]
    first, last = (results_of(unit, store) for unit in units)
    assert first is not None
    assert last is not None
    assert first["filters"].result.loop_strength < 2 < last["filters"].result.loop_strength
    assert (last["mapper"].result.b0, last["mapper"].result.b1) == (1, 1)
    assert last["filters"].result.primary_circle_share > 0.9


def test_a_second_time_nothing_is_computed(make_experiment: Make, store: ResultStore) -> None:
    units = plan(open_experiment(make_experiment()), "filters", settings=SETTINGS)
    compute(units, store, jobs=2, make_executor=threads)
    again = compute(units, store, jobs=2, make_executor=threads)
    assert [each.state for each in again] == ["stored", "stored"]


def test_the_key_follows_content_parameters_and_version(
    make_experiment: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = open_experiment(make_experiment("one"))
    same = open_experiment(make_experiment("same"))
    unit = plan(one, "mapper")[0]
    assert key_of(unit) == key_of(plan(same, "mapper")[0])
    changed = [
        plan(one, "mapper")[1],
        plan(one, "mapper", settings={"filters": {"seed": 1}})[0],
        plan(one, "mapper", settings={"mapper": {"gain": 2.0}})[0],
        plan(one, "mapper", runs=["run-000"])[0],
        plan(one, "filters")[0],
    ]
    keys = {key_of(each) for each in [unit, *changed]}
    assert len(keys) == 6
    monkeypatch.setattr(
        pipeline.registry, "get", _with_version(pipeline.registry.get("filters").version + 1)
    )
    assert key_of(unit) not in keys


def _with_version(version: int) -> Callable[[str], object]:
    from dataclasses import replace

    from analysis import registry

    real = registry.analyses()
    return lambda name: replace(real[name], version=version)


def test_settings_win_over_the_layer_over_the_experiment(make_experiment: Make) -> None:
    folder = make_experiment()
    (folder / "experiment.toml").write_text(
        '[analysis.filters]\nk = "7"\nfraction = 0.4\n[analysis.filters.layers.conv1]\nk = "9"\n'
    )
    unit = plan(open_experiment(folder), "filters", settings={"filters": {"fraction": 0.6}})[0]
    assert (unit.params.k, unit.params.fraction) == ("9", 0.6)  # type: ignore[attr-defined]


def test_mapper_takes_its_defaults_from_the_table_of_filters_too(make_experiment: Make) -> None:
    folder = make_experiment()
    (folder / "experiment.toml").write_text(
        "[analysis.filters]\nk = 7\nresolution = 20\ngain = 2.0\n[analysis.mapper]\ngain = 2.5\n"
    )
    unit = plan(open_experiment(folder), "mapper")[0]
    assert (unit.params.resolution, unit.params.gain) == (20, 2.5)  # type: ignore[attr-defined]
    assert unit.upstream is not None
    assert unit.upstream.params.k == "7"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("fraction = 7", "fraction must be from"),
        ("fraction = 'a'", "fraction must be of type float"),
        ("fractoin = 0.5", "there is no 'fractoin'; there are"),
        ("layers = 3", "3 is not a table"),
        ("layers = [1]", "is not a table"),
        ("[analysis.filters.layers]\nconv1 = 'k'", "'k' is not a table"),
        ("[analysis.filtres]\nk = 3", "there is no 'filtres'; there are"),
        ("[analysis.mapper]\nk = 3", "there is no 'k'"),
        ("[analysis.filters.layers]\nconv1 = 5", "5 is not a table"),
    ],
)
def test_nonsense_in_experiment_toml_names_file_and_parameter(
    make_experiment: Make, text: str, words: str
) -> None:
    folder = make_experiment()
    (folder / "experiment.toml").write_text(f"[analysis.filters]\n{text}\n")
    with pytest.raises(NerveScopeError, match=words) as refused:
        plan(open_experiment(folder), "mapper")
    assert "experiment.toml" in str(refused.value)


def test_one_failure_leaves_the_others(make_experiment: Make, store: ResultStore) -> None:
    folder = make_experiment()
    save_file(
        {"conv1.weight": np.full((9, 1, 3, 3), np.nan, dtype=np.float32)},
        folder / "run-000" / "step-000050.safetensors",
    )
    units = plan(open_experiment(folder), "filters", settings=SETTINGS)
    outcomes = {o.unit.step.step: o for o in compute(units, store, jobs=1, make_executor=threads)}
    assert {step: o.state for step, o in outcomes.items()} == {
        0: "computed",
        50: "failed",
        100: "computed",
    }
    assert "step-000050.safetensors" in outcomes[50].message
    assert "NaN" in outcomes[50].message


def test_an_unexpected_fault_is_told_with_its_traceback(
    make_experiment: Make, store: ResultStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "read_layer", lambda _refs: 1 / 0)
    outcome = run_unit(plan(open_experiment(make_experiment()), "filters")[0], store)
    assert outcome.state == "failed"
    assert "ZeroDivisionError" in outcome.message
    assert "Traceback" in outcome.detail


def test_too_large_a_k_says_what_to_do(make_experiment: Make, store: ResultStore) -> None:
    units = plan(
        open_experiment(make_experiment(n=20)), "filters", settings={"filters": {"k": "100"}}
    )
    outcome = run_unit(units[0], store)
    assert outcome.state == "failed"
    assert "choose a k below 40" in outcome.message


def test_an_unwritable_store_keeps_results_in_memory(make_experiment: Make, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = ResultStore(tmp_path / "file" / "store")
    units = plan(open_experiment(make_experiment()), "mapper", settings=SETTINGS)
    outcomes = compute(units, store, jobs=1, make_executor=threads)
    assert all("--store DIR" in each.message for each in outcomes)
    assert all(results_of(unit, store) for unit in units)


def test_two_requests_for_one_unit_compute_it_once(
    make_experiment: Make, store: ResultStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    unit = plan(open_experiment(make_experiment()), "filters", settings=SETTINGS)[0]
    reads = []
    real = sources.read_layer
    monkeypatch.setattr(sources, "read_layer", lambda refs: reads.append(1) or real(refs))
    outcomes = compute([unit, unit, unit], store, jobs=2, make_executor=threads)
    assert [each.state for each in outcomes] == ["computed"] * 3
    assert len(reads) == 1


def test_identical_snapshots_each_have_their_outcome(
    make_experiment: Make, store: ResultStore
) -> None:
    folder = make_experiment(runs=1, n=3)
    first = folder / "run-000" / "step-000000.safetensors"
    (folder / "run-000" / "step-000050.safetensors").write_bytes(first.read_bytes())
    units = plan(open_experiment(folder), "filters", settings={"filters": {"k": "9"}})
    outcomes = compute(units, store, jobs=1, make_executor=threads)
    assert {each.unit.step.step: each.state for each in outcomes} == dict.fromkeys(
        (0, 50, 100), "failed"
    )


def test_a_unit_claimed_elsewhere_is_waited_for(make_experiment: Make, store: ResultStore) -> None:
    unit = plan(open_experiment(make_experiment()), "filters", settings=SETTINGS)[0]
    scheduler = Scheduler(store, jobs=1, make_executor=threads)
    with claims.claim(store.claim_path(key_of(unit))) as mine:
        assert mine
        scheduler.add([unit])
        for _ in range(5):
            assert scheduler.step(0.05) == []
        assert scheduler.busy
    outcomes = []
    end = time.monotonic() + 30
    while scheduler.busy and time.monotonic() < end:
        outcomes += scheduler.step()
    scheduler.close()
    assert [each.state for each in outcomes] == ["computed"]


def test_first_means_before_all_that_waits(make_experiment: Make, store: ResultStore) -> None:
    units = plan(open_experiment(make_experiment(steps=(0, 1, 2, 3))), "filters", settings=SETTINGS)
    scheduler = Scheduler(store, jobs=1, make_executor=threads)
    scheduler.add(units[:3])
    scheduler.add(units[3:], first=True)
    outcomes = []
    while scheduler.busy:
        outcomes += scheduler.step()
    scheduler.close()
    assert outcomes[0].unit is units[3]


@pytest.mark.slow
def test_worker_processes_compute_and_cancel_ends_them(
    make_experiment: Make, store: ResultStore
) -> None:
    units = plan(
        open_experiment(make_experiment(steps=tuple(range(0, 600, 100)))),
        "filters",
        settings=SETTINGS,
    )
    scheduler = Scheduler(store, jobs=1)
    scheduler.add(units)
    outcomes = []
    while not outcomes:
        outcomes += scheduler.step()
    assert outcomes[0].state == "computed"
    scheduler.cancel()
    assert not scheduler.busy
    assert multiprocessing.active_children() == []
    assert load(units[0], store) is not None


@pytest.mark.slow
@pytest.mark.parametrize(("deaths", "state"), [(1, "computed"), (2, "failed")])
def test_a_worker_that_dies_takes_nothing_along(
    make_experiment: Make, store: ResultStore, deaths: int, state: str
) -> None:
    units = plan(
        open_experiment(make_experiment(n=6000, steps=(0, 100, 200))), "filters", settings=SETTINGS
    )
    scheduler = Scheduler(store, jobs=1)
    scheduler.add(units)
    claim = store.claim_path(key_of(units[0]))

    def kill() -> None:
        killed: set[int] = set()
        while len(killed) < deaths and not over.is_set():
            with contextlib.suppress(OSError, ValueError):
                worker = json.loads(claim.read_text())["pid"]
                if worker not in killed:
                    os.kill(worker, signal.SIGKILL)
                    killed.add(worker)
            time.sleep(0.002)

    over = threading.Event()
    killer = threading.Thread(target=kill)
    killer.start()
    outcomes = []
    while scheduler.busy:
        outcomes += scheduler.step()
    over.set()
    killer.join()
    scheduler.close()
    states = {each.unit.step.step: each.state for each in outcomes}
    assert states == {0: state, 100: "computed", 200: "computed"}
    if state == "failed":
        assert "died twice" in next(each.message for each in outcomes if each.message)


@pytest.mark.slow
def test_closing_ends_our_workers_and_no_other_process(
    make_experiment: Make, store: ResultStore
) -> None:
    other = multiprocessing.get_context("spawn").Process(target=time.sleep, args=(30,))
    other.start()
    units = plan(open_experiment(make_experiment()), "filters", settings=SETTINGS)
    compute(units, store, jobs=1)
    assert multiprocessing.active_children() == [other]
    other.kill()
    other.join()


@pytest.mark.slow
def test_workers_end_with_the_process_they_work_for(tmp_path: Path) -> None:
    code = (
        "import os, sys\n"
        "from analysis.scheduler import ProcessPool\n"
        "if __name__ == '__main__':\n"
        "    pool = ProcessPool(1)\n"
        "    print(pool.submit(os.getpid).result(), flush=True)\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    script = tmp_path / "orphan.py"
    script.write_text(code)
    out = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    worker = int(out.stdout)
    end = time.monotonic() + 10
    while claims.is_alive(worker) and time.monotonic() < end:
        time.sleep(0.05)
    assert not claims.is_alive(worker)


def test_a_damaged_result_is_computed_again(make_experiment: Make, store: ResultStore) -> None:
    unit = plan(open_experiment(make_experiment()), "filters", settings=SETTINGS)[0]
    compute([unit], store, jobs=1, make_executor=threads)
    path = store.path(key_of(unit))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)
    again = compute([unit], store, jobs=1, make_executor=threads)
    assert [each.state for each in again] == ["computed"]
    assert load(unit, store) is not None


def test_a_file_that_changes_while_it_is_read_is_not_stored_under_its_old_content(
    make_experiment: Make, store: ResultStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_experiment()
    unit = plan(open_experiment(folder), "filters", settings=SETTINGS)[0]
    path = folder / "run-000" / "step-000000.safetensors"
    real = sources.read_layer

    def read(refs: object) -> object:
        weights = real(refs)  # type: ignore[arg-type]
        path.write_bytes((folder / "run-000" / "step-000100.safetensors").read_bytes())
        return weights

    monkeypatch.setattr(sources, "read_layer", read)
    outcome = run_unit(unit, store)
    assert outcome.state == "failed"
    assert "changed while it was read" in outcome.message
    assert list(store.root.glob("*.npz")) == []


def test_waiting_for_another_process_does_not_spin(
    make_experiment: Make, store: ResultStore
) -> None:
    unit = plan(open_experiment(make_experiment()), "filters", settings=SETTINGS)[0]
    scheduler = Scheduler(store, jobs=1, make_executor=threads)
    with claims.claim(store.claim_path(key_of(unit))):
        scheduler.add([unit])
        while not scheduler._elsewhere:
            scheduler.step()
        started = time.process_time()
        for _ in range(5):
            scheduler.step(0.1)
        assert time.process_time() - started < 0.2
    scheduler.cancel()


def test_the_unit_of_a_layer_that_no_run_has_is_empty(make_experiment: Make) -> None:
    experiment = open_experiment(make_experiment())
    unit = unit_of(experiment, "filters", layer="conv1", step=experiment.axis[0])
    assert len(unit.refs) == 2


@pytest.fixture
def study_units(make_mlp: Make) -> list[Unit]:
    """The tests of an experiment of four networks, the study below them, and these networks."""
    experiment = open_experiment(make_mlp(runs=2, inputs=12))
    (tests,) = plan(experiment, "landscape-test")
    assert tests.upstream is not None
    return [tests, tests.upstream, *tests.upstream.gathered]


def test_what_is_gathered_comes_before_what_gathers_it_however_far_below(
    study_units: list[Unit],
) -> None:
    tests, study, *networks = study_units
    assert len(networks) == 4
    assert tests.gathered == ()
    assert with_parts([tests]) == [*networks, tests]
    assert with_parts([study]) == [*networks, study]
    assert with_parts([tests, study]) == [*networks, tests, study], "each of them once"
    assert with_parts([networks[2], tests]) == [
        networks[2], networks[0], networks[1], networks[3], tests,
    ]  # fmt: skip
    assert with_parts([]) == []


def test_provenance_names_what_was_gathered(study_units: list[Unit], store: ResultStore) -> None:
    tests, study, *networks = study_units
    assert run_unit(tests, store).state == "computed"
    stored = {unit: load(unit, store) for unit in study_units}
    said = {unit: each.provenance for unit, each in stored.items() if each is not None}
    assert len(said) == len(study_units)
    assert said[study]["gathered"] == [key_of(each) for each in networks]
    assert said[tests]["gathered"] == []
    assert said[tests]["upstream"] == key_of(study)
    assert said[study]["upstream"] is None
    for unit in networks:
        assert said[unit]["gathered"] == []
        assert said[unit]["inputs"]
    assert {"torch", "umap-learn", "scikit-learn"} <= set(said[study]["libraries"])


def test_parameters_of_tests_leave_the_study_as_it_is(make_mlp: Make, store: ResultStore) -> None:
    experiment = open_experiment(make_mlp(runs=2, inputs=12))
    units = [
        plan(experiment, "landscape-test", settings={"landscape-test": settings})[0]
        for settings in ({}, {"permutations": 50}, {"between": "colour"})
    ]
    assert len({key_of(each) for each in units}) == 3
    assert len({key_of(each.upstream) for each in units if each.upstream}) == 1
    outcomes = [run_unit(each, store) for each in units]
    assert [each.state for each in outcomes] == ["computed", "computed", "failed"]
    assert "between = 'colour'" in outcomes[2].message
    assert units[2].upstream is not None
    assert load(units[2].upstream, store) is not None, "the study is there all the same"
    assert load(units[2], store) is None
