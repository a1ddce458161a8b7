"""Which networks are compared, and the table of tests from a folder of checkpoints."""

import functools
import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from analysis.architectures import build
from analysis.errors import AnalysisError
from analysis.experiment import open_experiment
from analysis.landscape_tests import Compared, StudyParams, compare, joined_places, place_name
from analysis.scheduler import compute
from analysis.sources import Place
from analysis.store import ResultStore
from dashboard import commands

SPEC = {"kind": "mlp", "input": [2], "hidden": [6, 5], "classes": 2, "init": "he"}
TOML = """
[architecture]
kind = "mlp"
input = [2]
hidden = [6, 5]
classes = 2
init = "he"
[dataset]
name = "disks"
step = 0.08
"""
SETTINGS = {"landscapes": {"inputs": 50}}
FIELDS = {
    "between", "layer", "first", "second", "distance", "p", "p_holm", "smallest_p", "n_first",
    "n_second", "permutations", "exact", "error",
}  # fmt: skip


def places_of(
    runs: Sequence[str], marks: Sequence[str], settings: Callable[[int], Mapping[str, Any]]
) -> list[Place]:
    return [
        Place(run, 10 * m, mark, json.dumps(settings(i)))
        for i, run in enumerate(runs)
        for m, mark in enumerate(marks)
    ]


def vectors_of(n: int, *, seed: int = 0, layers: int = 2, dim: int = 4) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(layers, n, dim))


def gram_of(vectors: np.ndarray) -> np.ndarray:
    return np.einsum("lid,ljd->lij", vectors, vectors)


def test_places_are_ordered_by_their_mean_step() -> None:
    assert place_name(5, None) == "step 5"
    assert place_name(5, "end") == "end"
    said = [
        ("a", 10, "late"),
        ("a", 1, "early"),
        ("b", 2, "late"),
        ("b", 9, "early"),
        ("c", 4, None),
    ]
    names, place = joined_places([Place(r, s, m, "{}") for r, s, m in said])
    assert names == ("step 4", "early", "late")
    assert place.tolist() == [2, 1, 2, 1, 0]


def test_only_runs_that_have_both_milestones_are_paired() -> None:
    networks = places_of("abcd", ("x", "y", "z"), lambda _: {})
    del networks[4]  # run b, milestone y
    vectors = vectors_of(len(networks))
    found = compare(networks, gram_of(vectors), StudyParams())
    assert list(zip(found.first, found.second, strict=True)) == [("x", "y"), ("x", "z"), ("y", "z")]
    assert found.counts.tolist() == [[3, 3, 8, 1], [4, 4, 16, 1], [3, 3, 8, 1]]
    at = {(each.run, each.milestone): i for i, each in enumerate(networks)}
    for i, (a, b) in enumerate([("x", "y"), ("x", "z"), ("y", "z")]):
        runs = [run for run in "abcd" if (run, a) in at and (run, b) in at]
        one, two = ([at[run, m] for run in runs] for m in (a, b))
        for j, space in enumerate([*vectors, np.concatenate(vectors, axis=1)]):
            expected = np.linalg.norm(space[one].mean(axis=0) - space[two].mean(axis=0))
            assert found.tests[i, j, 0] == pytest.approx(expected)


def divisions(vectors: np.ndarray, first: list[int], second: list[int]) -> float:
    both, observed = (
        first + second,
        np.linalg.norm(vectors[first].mean(0) - vectors[second].mean(0)),
    )
    sizes = []
    for chosen in itertools.combinations(both, len(first)):
        rest = [i for i in both if i not in chosen]
        sizes.append(np.linalg.norm(vectors[list(chosen)].mean(0) - vectors[rest].mean(0)))
    return float(np.mean(np.array(sizes) >= observed - 1e-9))


def test_values_of_a_key_are_compared_at_each_place() -> None:
    rates = [0.1, 0.02, 0.1, 0.02, 1, 0.1]
    networks = places_of("abcdef", ("x", "y"), lambda i: {"rate": rates[i], "batch": 8})
    vectors = vectors_of(12)
    found = compare(networks, gram_of(vectors), StudyParams(between="rate"))
    pairs = list(zip(found.first, found.second, strict=True))
    assert pairs == [
        (f"rate = {a}, {place}", f"rate = {b}, {place}")
        for place in "xy"
        for a, b in (("0.02", "0.1"), ("0.02", "1"), ("0.1", "1"))
    ]
    assert found.counts[:3].tolist() == [[2, 3, 10, 1], [2, 1, 3, 1], [3, 1, 4, 1]]
    whole = np.concatenate(vectors, axis=1)
    groups = {0.02: [1, 3], 0.1: [0, 2, 5], 1: [4]}
    for i, (a, b) in enumerate(((0.02, 0.1), (0.02, 1), (0.1, 1))):
        one, two = ([2 * run + 1 for run in groups[each]] for each in (a, b))
        assert found.tests[3 + i, -1, 1] == pytest.approx(divisions(whole, one, two))
    assert found.smallest[0] == pytest.approx(1 / 10)


def test_values_are_ordered_as_numbers_and_runs_without_one_are_left_out() -> None:
    said: list[dict[str, Any]] = [
        {"k": 10},
        {"k": 9},
        {"k": "none"},
        {},
        {"k": 10},
        {"k": 9},
        {"k": "none"},
    ]
    networks = places_of("abcdefg", ("x",), lambda i: said[i])
    found = compare(networks, gram_of(vectors_of(7)), StudyParams(between="k"))
    assert found.first == ("k = 9, x", "k = 9, x", "k = 10, x")
    assert found.second == ("k = 10, x", "k = none, x", "k = none, x")
    assert (found.counts[:, :2] == 2).all()


@pytest.mark.parametrize(("key", "count"), [("depth", 0), ("batch", 1)])
def test_a_key_without_two_values_lists_the_keys(key: str, count: int) -> None:
    networks = places_of("abc", ("x", "y"), lambda i: {"rate": i, "batch": 8})
    with pytest.raises(AnalysisError) as error:
        compare(networks, gram_of(vectors_of(6)), StudyParams(between=key))
    assert f"between = '{key}': the runs' run.toml have {count} values of it" in str(error.value)
    assert "its keys are batch, rate, or use milestone" in str(error.value)


def test_many_runs_are_compared_by_drawn_permutations() -> None:
    networks = places_of([f"r{i}" for i in range(14)], ("x", "y"), lambda _: {})
    vectors = vectors_of(28)
    vectors[:, 1::2] += 3
    how: dict[str, Any] = {"permutations": 999}
    found = compare(networks, gram_of(vectors), StudyParams(**how, shuffle_seed=1))
    assert found.counts.tolist() == [[14, 14, 999, 0]]
    assert found.smallest[0] == pytest.approx(1 / 1000)
    assert (found.tests[0, :, 1] == 1 / 1000).all()
    exact = compare(networks, gram_of(vectors), StudyParams(permutations=2**14))
    assert exact.counts.tolist() == [[14, 14, 2**14, 1]]
    assert exact.tests[0, -1, 1] == 2 / 2**14


def test_networks_that_are_not_usable_do_not_count() -> None:
    networks = places_of("abcd", ("x", "y"), lambda i: {"k": i % 2})
    vectors = vectors_of(8, layers=3)
    usable = np.ones((8, 3), bool)
    usable[:, 1] = False  # everywhere
    usable[0, 2] = False  # in run a at x
    for params in (StudyParams(), StudyParams(between="k")):
        found = compare(networks, gram_of(vectors), params, usable=usable)
        assert np.isnan(found.tests[:, 1]).all()
        assert not np.isnan(found.tests[:, [0, 2, 3]]).any()
        fewer = compare(networks[1:], gram_of(vectors[[0, 2], 1:]), params)
        np.testing.assert_allclose(found.tests[:, [0, 2, 3]], fewer.tests)
        np.testing.assert_array_equal(found.counts, fewer.counts)
    none = compare(networks, gram_of(vectors), StudyParams(), usable=np.zeros((8, 3), bool))
    assert (none.first, none.tests.shape) == ((), (0, 4, 3))
    assert isinstance(none, Compared)


def test_parameters_are_checked() -> None:
    with pytest.raises(AnalysisError, match="permutations must be from 20"):
        StudyParams(permutations=10)
    with pytest.raises(AnalysisError, match="projection must be one of pca, umap"):
        StudyParams(projection="tsne")


# --- the table -------------------------------------------------------------------------------


def threads(jobs: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(jobs)


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Starting processes would take most of the time."""
    monkeypatch.setattr(
        commands, "compute_units", functools.partial(compute, make_executor=threads)
    )


def write(folder: Path, *, runs: int, marks: Sequence[str] = ("start", "end")) -> Path:
    folder.mkdir()
    (folder / "experiment.toml").write_text(TOML)
    for i in range(runs):
        path = folder / f"run-{i:03d}"
        path.mkdir()
        for m in range(len(marks)):
            state = build(SPEC, seed=100 * i + m).state_dict()
            save_file(
                {name: tensor.numpy() for name, tensor in state.items()},
                path / f"step-{10 * m + i:06d}.safetensors",
            )
        lines = "".join(f"{10 * m + i},{mark}\n" for m, mark in enumerate(marks))
        (path / "snapshots.csv").write_text("step,milestone\n" + lines)
        (path / "run.toml").write_text(f"seed = {i}\nbatch = {8 * (1 + i % 2)}\n")
    return folder


def rows_of(folder: Path, store: ResultStore, **study: Any) -> list[dict[str, Any]]:
    settings = SETTINGS | {"landscape-study": study}
    part = {"layers": None, "steps": None, "runs": None}
    experiment = open_experiment(folder)
    return commands.table_rows(experiment, "landscape-test", settings, store, part=part, jobs=1)


def test_a_row_per_pair_and_layer_all_layers_first(tmp_path: Path, store: ResultStore) -> None:
    folder = write(tmp_path / "small", runs=4, marks=("start", "middle", "end"))
    rows = rows_of(folder, store)
    assert [row["layer"] for row in rows] == ["all layers", "input", "fc1", "fc2", "fc3"] * 3
    assert [(row["first"], row["second"]) for row in rows[::5]] == [
        ("start", "middle"),
        ("start", "end"),
        ("middle", "end"),
    ]
    for row in rows:
        assert set(row) >= FIELDS
        assert row["between"] == "milestone"
        assert (row["n_first"], row["n_second"], row["permutations"]) == (4, 4, 16)
        assert row["exact"] is True
        assert row["smallest_p"] == 1 / 8 <= row["p"] <= row["p_holm"] <= 1
        assert row["error"] is None
    for whole in range(0, 15, 5):  # the product space is the sum of layers
        parts = [row["distance"] for row in rows[whole + 1 : whole + 5]]
        assert rows[whole]["distance"] == pytest.approx(np.sqrt(np.square(parts).sum()))
    # all networks see the same inputs
    assert all((row["distance"], row["p"]) == (0, 1) for row in rows[1::5])


def test_a_key_of_run_toml(tmp_path: Path, store: ResultStore) -> None:
    folder = write(tmp_path / "small", runs=4)
    rows = rows_of(folder, store, between="batch")
    assert {(row["first"], row["second"]) for row in rows} == {
        (f"batch = 8, {mark}", f"batch = 16, {mark}") for mark in ("start", "end")
    }
    assert {(row["n_first"], row["n_second"], row["permutations"]) for row in rows} == {(2, 2, 6)}
    (row,) = rows_of(folder, store, between="colour")
    assert "between = 'colour'" in row["error"]
    assert "its keys are batch, seed, or use milestone" in row["error"]
    assert row["between"] == "colour"
    assert set(row) >= FIELDS


def test_one_run_is_too_few_and_the_row_says_why(tmp_path: Path, store: ResultStore) -> None:
    (row,) = rows_of(write(tmp_path / "small", runs=1), store)
    assert row["error"] == (
        "nothing to compare: a test needs two milestones or steps that two runs share, "
        "and there are landscapes of 1 run at 2 places"
    )
    assert set(row) >= FIELDS
    assert row["p"] is None
    (row,) = rows_of(write(tmp_path / "two", runs=2), store, between="batch")
    assert "three runs of two values of batch" in row["error"]
    (row,) = rows_of(write(tmp_path / "once", runs=3, marks=("only",)), store)
    assert "of 3 runs at 1 place" in row["error"]


def test_a_layer_that_failed_has_no_test(tmp_path: Path, store: ResultStore) -> None:
    folder = write(tmp_path / "small", runs=3)
    for path in folder.glob("*/*.safetensors"):
        weights = load_file(path)
        weights["fc3.bias"][0] = np.inf
        save_file(weights, path)
    rows = rows_of(folder, store)
    assert [row["p"] is None for row in rows] == [False, False, False, False, True]
    assert (rows[4]["distance"], rows[4]["p_holm"]) == (None, None)
    path = folder / "run-001" / "step-000011.safetensors"
    weights = load_file(path)
    weights["fc1.bias"][0] = np.nan
    save_file(weights, path)
    assert {row["n_first"] for row in rows_of(folder, store)} == {2}
    for path in folder.glob("*/*.safetensors"):
        save_file(load_file(path) | {"fc1.bias": np.full(6, np.nan, "f4")}, path)
    rows = rows_of(folder, store)
    # the inputs themselves are still there, and are the same
    assert [row["p"] for row in rows] == [1, 1, None, None, None]
