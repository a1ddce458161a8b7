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
from analysis.landscape_tests import (
    ALL_LAYERS,
    COLUMNS,
    LandscapeTests,
    TestParams,
    columns_of,
    compare,
    rows_of,
)
from analysis.permutation import holm
from analysis.scheduler import compute
from analysis.sources import Place, joined_places, place_name
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
    "between", "layer", "first", "second", "distance", "p", "p_holm", "norm_change", "norm_p",
    "norm_p_holm", "runs_grown", "smallest_p", "n_first", "n_second", "permutations", "exact",
    "error",
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


def compared(
    networks: Sequence[Place],
    vectors: np.ndarray,
    *,
    failed: np.ndarray | None = None,
    **params: Any,
) -> LandscapeTests:
    """Compare explicit vectors; `failed` says of which networks (rows) which layers are none."""
    norms = np.linalg.norm(vectors, axis=2).T
    if failed is not None:
        norms[failed] = np.nan
        vectors = np.where(failed.T[:, :, None], 0, vectors)
    layers = tuple(f"layer{i}" for i in range(len(vectors)))
    gram, said = gram_of(vectors), TestParams(**params)
    return compare(networks, gram, norms, layers=layers, params=said)


def joined(vectors: np.ndarray) -> list[np.ndarray]:
    """Return the space of each layer and the product space."""
    return [*vectors, np.concatenate(vectors, axis=1)]


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
    assert place == (2, 1, 2, 1, 0)
    assert joined_places([]) == ((), ())


def test_only_runs_that_have_both_milestones_are_paired() -> None:
    networks = places_of("abcd", ("x", "y", "z"), lambda _: {})
    del networks[4]  # run b, milestone y
    vectors = vectors_of(len(networks))
    found = compared(networks, vectors)
    assert list(zip(found.first, found.second, strict=True)) == [("x", "y"), ("x", "z"), ("y", "z")]
    assert found.counts.tolist() == [[3, 3, 8, 1], [4, 4, 16, 1], [3, 3, 8, 1]]
    at = {(each.run, each.milestone): i for i, each in enumerate(networks)}
    for i, (a, b) in enumerate([("x", "y"), ("x", "z"), ("y", "z")]):
        runs = [run for run in "abcd" if (run, a) in at and (run, b) in at]
        one, two = ([at[run, m] for run in runs] for m in (a, b))
        assert found.index(a, b) == i
        for j, space in enumerate(joined(vectors)):
            expected = np.linalg.norm(space[one].mean(axis=0) - space[two].mean(axis=0))
            assert found.shapes[i, j, 0] == pytest.approx(expected)
    assert found.index("y", "x") is None
    assert found.index("x", "nowhere") is None


def test_the_p_of_norms_is_that_of_all_sign_flips_of_their_differences() -> None:
    networks = places_of("abcdefg", ("x", "y", "z"), lambda _: {})
    vectors = vectors_of(len(networks), seed=3)
    vectors[0, 2::3] *= 9  # one layer grows
    found = compared(networks, vectors)
    flips = np.array(list(itertools.product((-1, 1), repeat=7)))
    for i, (a, b) in enumerate(((0, 1), (0, 2), (1, 2))):
        for j, space in enumerate(joined(vectors)):
            norms = np.linalg.norm(space, axis=1).reshape(7, 3)
            change = norms[:, b] - norms[:, a]
            extreme = np.abs((flips * change).mean(axis=1)) >= abs(change.mean()) - 1e-12
            assert found.norms[i, j, 0] == pytest.approx(change.mean())
            assert found.norms[i, j, 1] == pytest.approx(extreme.mean())
    assert found.norms[1, 0, 1] == found.smallest[1] == 2 / 2**7, "all seven grow"
    for j in range(3):
        np.testing.assert_allclose(found.norms[:, j, 2], holm(found.norms[:, j, 1]))
        np.testing.assert_allclose(found.shapes[:, j, 2], holm(found.shapes[:, j, 1]))
    assert not np.allclose(found.norms[..., 1], found.shapes[..., 1])


def test_landscapes_of_equal_norms_differ_in_shape_only() -> None:
    networks = places_of("abcdef", ("x", "y"), lambda _: {})
    vectors = np.zeros((1, 12, 2))
    vectors[0, 0::2, 0] = vectors[0, 1::2, 1] = np.arange(1, 7)  # the same sizes, at a right angle
    found = compared(networks, vectors)
    assert found.shapes[0, :, 1] == pytest.approx([2 / 64] * 2)
    assert found.norms[0, :, 0] == pytest.approx([0, 0], abs=1e-12)
    assert found.norms[0, :, 1].tolist() == [1, 1]
    assert found.grown.tolist() == [[0, 0]], "equal is not larger"


def test_runs_that_grow_are_counted() -> None:
    networks = places_of("abcd", ("x", "y"), lambda _: {})
    sizes = np.array(
        [
            [[1, 2], [3, 1], [2, 2], [0, 5]],  # grow: a and d
            [[4, 3], [1, 2], [1, 3], [2, 2]],  # b and c
        ]
    )
    vectors = sizes.reshape(2, 8, 1).astype(float)
    found = compared(networks, vectors)
    # together 17 → 13, 10 → 5, 5 → 13, 4 → 29: c and d
    assert found.grown.tolist() == [[2, 2, 2]]
    assert found.norms[0, 0, 0] == pytest.approx((1 - 2 + 0 + 5) / 4)
    assert columns_of(found, 0, 1)["runs_grown"] == 2
    failed = np.zeros((8, 2), bool)
    failed[6, 1] = True  # run d is in no pair, nor counted
    assert compared(networks, vectors, failed=failed).grown.tolist() == [[1, 2, 1]]


def test_a_row_says_what_the_arrays_have() -> None:
    networks = places_of("abcd", ("x", "y", "z"), lambda i: {"k": i % 2})
    vectors = vectors_of(12)
    for between in ("milestone", "k"):
        found = compared(networks, vectors, between=between)
        rows = rows_of(found)
        assert [row["layer"] for row in rows] == [ALL_LAYERS, "layer0", "layer1"] * 3
        for n, row in enumerate(rows):
            i, j = n // 3, (2, 0, 1)[n % 3]
            assert tuple(row) == COLUMNS
            assert (row["first"], row["second"]) == (found.first[i], found.second[i])
            assert [row[key] for key in ("distance", "p", "p_holm")] == found.shapes[i, j].tolist()
            change = [row[key] for key in ("norm_change", "norm_p", "norm_p_holm")]
            assert change == found.norms[i, j].tolist()
            grown = int(found.grown[i, j])
            assert row["runs_grown"] == (grown if between == "milestone" else None)
            assert [row[key] for key in ("n_first", "n_second", "permutations", "exact")] == (
                found.counts[i].tolist()
            )
            assert row["smallest_p"] == found.smallest[i] <= row["norm_p"] <= row["norm_p_holm"]


def divisions(vectors: np.ndarray, first: list[int], second: list[int]) -> float:
    """Share of all divisions into groups of these sizes whose means are as far apart."""
    both = first + second
    observed = np.linalg.norm(vectors[first].mean(0) - vectors[second].mean(0))
    sizes = []
    for chosen in itertools.combinations(both, len(first)):
        rest = [i for i in both if i not in chosen]
        sizes.append(np.linalg.norm(vectors[list(chosen)].mean(0) - vectors[rest].mean(0)))
    return float(np.mean(np.array(sizes) >= observed - 1e-9))


def test_values_of_a_key_are_compared_at_each_place() -> None:
    rates = [0.1, 0.02, 0.1, 0.02, 1, 0.1]
    networks = places_of("abcdef", ("x", "y"), lambda i: {"rate": rates[i], "batch": 8})
    vectors = vectors_of(12)
    found = compared(networks, vectors, between="rate")
    pairs = list(zip(found.first, found.second, strict=True))
    assert pairs == [
        (f"rate = {a}, {place}", f"rate = {b}, {place}")
        for place in "xy"
        for a, b in (("0.02", "0.1"), ("0.02", "1"), ("0.1", "1"))
    ]
    assert found.counts[:3].tolist() == [[2, 3, 10, 1], [2, 1, 3, 1], [3, 1, 4, 1]]
    whole = np.concatenate(vectors, axis=1)
    sizes = np.linalg.norm(whole, axis=1)[:, None]
    groups = {0.02: [1, 3], 0.1: [0, 2, 5], 1: [4]}
    for i, (a, b) in enumerate(((0.02, 0.1), (0.02, 1), (0.1, 1))):
        one, two = ([2 * run + 1 for run in groups[each]] for each in (a, b))
        assert found.shapes[3 + i, -1, 1] == pytest.approx(divisions(whole, one, two))
        assert found.norms[3 + i, -1, 0] == pytest.approx(sizes[two].mean() - sizes[one].mean())
        assert found.norms[3 + i, -1, 1] == pytest.approx(divisions(sizes, one, two))
    assert (found.grown == -1).all(), "different runs have no own change"
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
    found = compared(networks, vectors_of(7), between="k")
    assert found.first == ("k = 9, x", "k = 9, x", "k = 10, x")
    assert found.second == ("k = 10, x", "k = none, x", "k = none, x")
    assert (found.counts[:, :2] == 2).all()


@pytest.mark.parametrize(("key", "count"), [("depth", 0), ("batch", 1)])
def test_a_key_without_two_values_lists_the_keys(key: str, count: int) -> None:
    networks = places_of("abc", ("x", "y"), lambda i: {"rate": i, "batch": 8})
    with pytest.raises(AnalysisError) as error:
        compared(networks, vectors_of(6), between=key)
    assert f"between = '{key}': the runs' run.toml have {count} values of it" in str(error.value)
    assert "its keys are batch, rate, or use milestone" in str(error.value)


def test_many_runs_are_compared_by_drawn_permutations() -> None:
    networks = places_of([f"r{i}" for i in range(14)], ("x", "y"), lambda _: {})
    vectors = vectors_of(28)
    vectors[:, 1::2] += 3
    found = compared(networks, vectors, permutations=999, shuffle_seed=1)
    assert found.counts.tolist() == [[14, 14, 999, 0]]
    assert found.smallest[0] == pytest.approx(1 / 1000)
    assert (found.shapes[0, :, 1] == 1 / 1000).all()
    assert (found.norms[0, :, 1] >= 1 / 1000).all()
    exact = compared(networks, vectors, permutations=2**14)
    assert exact.counts.tolist() == [[14, 14, 2**14, 1]]
    assert exact.shapes[0, -1, 1] == 2 / 2**14
    np.testing.assert_allclose(found.norms[0, :, 0], exact.norms[0, :, 0])


def test_networks_that_are_not_usable_do_not_count() -> None:
    networks = places_of("abcd", ("x", "y"), lambda i: {"k": i % 2})
    vectors = vectors_of(8, layers=3)
    failed = np.zeros((8, 3), bool)
    failed[:, 1] = True  # everywhere
    failed[0, 2] = True  # in run a at x
    for between in ("milestone", "k"):
        found = compared(networks, vectors, failed=failed, between=between)
        assert np.isnan(found.shapes[:, 1]).all()
        assert np.isnan(found.norms[:, 1]).all()
        assert (found.grown[:, 1] == -1).all()
        fewer = compared(networks[1:], vectors[[0, 2], 1:], between=between)
        for name in ("shapes", "norms", "grown"):
            there, wanted = getattr(found, name)[:, [0, 2, 3]], getattr(fewer, name)
            np.testing.assert_allclose(there, wanted)
        assert not np.isnan(found.norms[:, [0, 2, 3]]).any()
        np.testing.assert_array_equal(found.counts, fewer.counts)
        assert columns_of(found, 0, 1) | {"exact": True} == columns_of(found, 0, 0) | {
            "distance": None, "p": None, "p_holm": None, "norm_change": None, "norm_p": None,
            "norm_p_holm": None, "runs_grown": None,
        }  # fmt: skip
    none = compared(networks, vectors, failed=np.ones((8, 3), bool))
    assert (none.first, none.shapes.shape, none.norms.shape) == ((), (0, 4, 3), (0, 4, 3))
    assert (none.grown.shape, none.counts.shape, none.smallest.shape) == ((0, 4), (0, 4), (0,))
    assert rows_of(none) == []


def test_parameters_are_checked() -> None:
    with pytest.raises(AnalysisError, match="permutations must be from 20"):
        TestParams(permutations=10)
    with pytest.raises(AnalysisError, match="shuffle_seed must be at least 0"):
        TestParams(shuffle_seed=-1)


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


def printed(folder: Path, store: ResultStore, **tests: Any) -> list[dict[str, Any]]:
    settings = SETTINGS | {"landscape-test": tests}
    part = {"layers": None, "steps": None, "runs": None}
    experiment = open_experiment(folder)
    return commands.table_rows(experiment, "landscape-test", settings, store, part=part, jobs=1)


def test_a_row_per_pair_and_layer_all_layers_first(tmp_path: Path, store: ResultStore) -> None:
    folder = write(tmp_path / "small", runs=4, marks=("start", "middle", "end"))
    rows = printed(folder, store)
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
        assert 1 / 8 <= row["norm_p"] <= row["norm_p_holm"] <= 1
        assert row["error"] is None
    for whole in range(0, 15, 5):  # the product space is the sum of layers
        parts = [row["distance"] for row in rows[whole + 1 : whole + 5]]
        assert rows[whole]["distance"] == pytest.approx(np.sqrt(np.square(parts).sum()))
    # all networks see the same inputs
    assert all((row["distance"], row["p"]) == (0, 1) for row in rows[1::5])
    assert all(
        (row["norm_change"], row["norm_p"], row["runs_grown"]) == (0, 1, 0) for row in rows[1::5]
    )


def test_changes_of_norms_are_those_of_the_table_of_landscapes(
    tmp_path: Path, store: ResultStore
) -> None:
    experiment = open_experiment(write(tmp_path / "small", runs=4))
    part = {"layers": None, "steps": None, "runs": None}
    tests, every = (
        commands.table_rows(experiment, name, SETTINGS, store, part=part, jobs=1)
        for name in ("landscape-test", "landscapes")
    )
    norms = {(row["run"], row["milestone"], row["layer"]): row["norm"] for row in every}
    runs = [f"run-{i:03d}" for i in range(4)]
    squares = {
        (run, mark): sum(norms[run, mark, layer] ** 2 for layer in ("input", "fc1", "fc2", "fc3"))
        for run in runs
        for mark in ("start", "end")
    }
    norms |= {(*at, ALL_LAYERS): square**0.5 for at, square in squares.items()}
    assert len(tests) == 5
    for row in tests:
        change = [norms[r, "end", row["layer"]] - norms[r, "start", row["layer"]] for r in runs]
        assert row["norm_change"] == pytest.approx(np.mean(change), abs=1e-12)
        assert row["runs_grown"] == sum(each > 0 for each in change)


def test_a_key_of_run_toml(tmp_path: Path, store: ResultStore) -> None:
    folder = write(tmp_path / "small", runs=4)
    rows = printed(folder, store, between="batch")
    assert {(row["first"], row["second"]) for row in rows} == {
        (f"batch = 8, {mark}", f"batch = 16, {mark}") for mark in ("start", "end")
    }
    assert {(row["n_first"], row["n_second"], row["permutations"]) for row in rows} == {(2, 2, 6)}
    assert {row["runs_grown"] for row in rows} == {None}
    (row,) = printed(folder, store, between="colour")
    assert "between = 'colour'" in row["error"]
    assert "its keys are batch, seed, or use milestone" in row["error"]
    assert row["between"] == "colour"
    assert set(row) >= FIELDS


def test_one_run_is_too_few_and_the_row_says_why(tmp_path: Path, store: ResultStore) -> None:
    (row,) = printed(write(tmp_path / "small", runs=1), store)
    assert row["error"] == (
        "nothing to compare: a test needs two milestones or steps that two runs share, "
        "and there are landscapes of 1 run at 2 places"
    )
    assert set(row) >= FIELDS
    assert row["p"] is row["norm_p"] is None
    (row,) = printed(write(tmp_path / "two", runs=2), store, between="batch")
    assert "three runs of two values of batch" in row["error"]
    (row,) = printed(write(tmp_path / "once", runs=3, marks=("only",)), store)
    assert "of 3 runs at 1 place" in row["error"]


def test_a_layer_that_failed_has_no_test(tmp_path: Path, store: ResultStore) -> None:
    folder = write(tmp_path / "small", runs=3)
    for path in folder.glob("*/*.safetensors"):
        weights = load_file(path)
        weights["fc3.bias"][0] = np.inf
        save_file(weights, path)
    rows = printed(folder, store)
    assert [row["p"] is None for row in rows] == [False, False, False, False, True]
    assert (rows[4]["distance"], rows[4]["p_holm"]) == (None, None)
    assert (rows[4]["norm_change"], rows[4]["norm_p"], rows[4]["runs_grown"]) == (None,) * 3
    path = folder / "run-001" / "step-000011.safetensors"
    weights = load_file(path)
    weights["fc1.bias"][0] = np.nan
    save_file(weights, path)
    assert {row["n_first"] for row in printed(folder, store)} == {2}
    for path in folder.glob("*/*.safetensors"):
        save_file(load_file(path) | {"fc1.bias": np.full(6, np.nan, "f4")}, path)
    rows = printed(folder, store)
    # the inputs themselves are still there, and are the same
    assert [row["p"] for row in rows] == [1, 1, None, None, None]
