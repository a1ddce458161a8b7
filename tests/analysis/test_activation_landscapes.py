"""The analysis *landscapes*, from a folder of checkpoints to the rows of its table."""

import functools
import shutil
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from analysis import networks, pipeline
from analysis.activation_landscapes import NetworkLandscapes
from analysis.architectures import build
from analysis.cloud_shape import cloud_shape
from analysis.codec import decode, encode
from analysis.datasets import load_dataset
from analysis.errors import AnalysisError
from analysis.experiment import open_experiment
from analysis.inputs import draw
from analysis.networks import why_none
from analysis.neural_persistence import neural_persistence
from analysis.scheduler import compute
from analysis.store import ResultStore
from analysis.units import Unit, key_of, plan
from dashboard import commands

ARCHITECTURE = """
[architecture]
kind = "mlp"
input = [2]
hidden = [6, 5]
classes = 2
init = "he"
"""
DATASET = """
[dataset]
name = "disks"
step = 0.08
"""
MARKS = ("start", "middle", "end")
STEPS = ((0, 20, 300), (0, 40, 500), (0, 30, 400))
ORIGIN = {True: "at the origin", False: "centred"}
SETTINGS = {"landscapes": {"inputs": 60}}
FIELDS = {
    "run", "layer", "step", "milestone", "n_points", "dimension", "homology", "norm", "h1_bars",
    "error",
}  # fmt: skip


def weights_of(seed: int) -> dict[str, np.ndarray]:
    spec = {"kind": "mlp", "input": [2], "hidden": [6, 5], "classes": 2, "init": "he"}
    return {name: tensor.numpy() for name, tensor in build(spec, seed=seed).state_dict().items()}


def write(
    folder: Path,
    *,
    runs: int = 3,
    toml: str = ARCHITECTURE + DATASET,
    marked: bool = True,
    settings: Callable[[int], str] = lambda i: f"learning_rate = {[0.1, 0.01, 0.1][i]}\n",
) -> Path:
    folder.mkdir()
    (folder / "experiment.toml").write_text(toml)
    for i in range(runs):
        path = folder / f"run-{i:03d}"
        path.mkdir()
        for step in STEPS[i]:
            save_file(weights_of(1000 * i + step), path / f"step-{step:06d}.safetensors")
        marks = "".join(f"{s},{m}\n" for s, m in zip(STEPS[i], MARKS, strict=True))
        if marked:
            (path / "snapshots.csv").write_text("step,milestone\n" + marks)
        (path / "run.toml").write_text(settings(i))
    return folder


def units_of(
    folder: Path, settings: Mapping[str, Any] = SETTINGS, name: str = "landscapes", **part: Any
) -> list[Unit]:
    return plan(open_experiment(folder), name, settings=settings, **part)


def rows_of(
    folder: Path,
    name: str,
    store: ResultStore,
    settings: Mapping[str, Any] = SETTINGS,
    **part: Any,
) -> list[dict[str, Any]]:
    whole = {"layers": None, "steps": None, "runs": None}
    return commands.table_rows(
        open_experiment(folder), name, settings, store, part=whole | part, jobs=1
    )


def result_of(unit: Unit, store: ResultStore) -> NetworkLandscapes:
    outcome = pipeline.run_unit(unit, store)
    assert outcome.state in {"computed", "stored"}, outcome.message
    stored = pipeline.load(unit, store)
    assert stored is not None
    found: NetworkLandscapes = stored.result
    return found


def clouds_by_hand(weights: Mapping[str, np.ndarray], inputs: np.ndarray) -> list[np.ndarray]:
    found = [inputs.astype("f8")]
    for i in (1, 2, 3):
        x = found[-1] @ weights[f"fc{i}.weight"].T.astype("f8") + weights[f"fc{i}.bias"]
        found.append(x if i == 3 else np.maximum(x, 0))
    return found


def disks() -> Any:
    return load_dataset({"name": "disks", "step": 0.08}, data_dir=Path(), base=Path())


def threads(jobs: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(jobs)


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Starting processes would take most of the time."""
    here = functools.partial(commands.compute_units, make_executor=threads)
    monkeypatch.setattr(commands, "compute_units", here)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path / "small")


@pytest.mark.parametrize("homology", ["global", "local"])
@pytest.mark.parametrize("dimension", [0, 1, 2])
def test_a_network_from_files_to_norms(
    folder: Path, store: ResultStore, homology: str, dimension: int
) -> None:
    said = {"inputs": 60, "of_class": "0", "seed": 4, "homology": homology, "dimension": dimension}
    unit = units_of(folder, {"landscapes": said})[4]
    assert (unit.source.runs, unit.step.milestone) == (("run-001",), "middle")
    found = result_of(unit, store)
    data = disks()
    rows, total = draw(
        data.labels,
        data.inputs,
        data.class_names,
        count=60,
        of_class="0",
        sampling="random",
        seed=4,
    )
    np.testing.assert_array_equal(found.rows, rows)
    assert (found.labels == 0).all()
    assert (found.n_total, found.dimension) == (total, dimension)
    assert found.layers == ("input", "fc1", "fc2", "fc3")
    weights = weights_of(1040)
    largest = max(np.abs(w).max() for name, w in weights.items() if name.endswith("weight"))
    for i, cloud in enumerate(clouds_by_hand(weights, data.inputs[rows])):
        shape = cloud_shape(cloud, homology=homology, rectified=i in {1, 2}, dimension=dimension)
        for d in {min(dimension, 1), dimension}:
            bars, ours = shape.diagram.bars(d), found.bars(found.layers[i], d)
            # float32 activations against float64 ones: the shortest bars may come and go
            long = bars[bars[:, 1] - bars[:, 0] > 1e-4]
            ours = ours[ours[:, 1] - ours[:, 0] > 1e-4]
            np.testing.assert_allclose(np.sort(ours, axis=0), np.sort(long, axis=0), atol=1e-5)
        bars = shape.diagram.bars(dimension)
        lengths = (bars[:, 1] - bars[:, 0])[np.isfinite(bars).all(axis=1)]
        assert found.norms[i] == pytest.approx(np.sqrt((lengths**3).sum() / 12), abs=1e-5)
        assert found.scale[i] == pytest.approx(shape.scale, rel=1e-5)
        assert found.width[i] == cloud.shape[1]
        rectified = i in {1, 2}
        assert found.notes[i] == {"global": "", "local": ORIGIN[rectified]}[homology]
        mean = cloud.mean(axis=0)
        spread = np.median([np.linalg.norm(point - mean) for point in cloud])
        assert found.offset[i] == pytest.approx(np.linalg.norm(mean) / spread, rel=1e-4)
        expected = (
            neural_persistence(weights[f"fc{i}.weight"], scale=float(largest)) if i else np.nan
        )
        assert found.neural_persistence[i] == pytest.approx(expected, nan_ok=True)
    assert found.offsets[-1] == len(found.pairs) == len(found.dimensions)


def test_results_survive_the_store(folder: Path, store: ResultStore) -> None:
    found = result_of(units_of(folder)[0], store)
    again = decode(encode(found, {}), NetworkLandscapes).result
    assert again.layers == found.layers
    np.testing.assert_array_equal(again.bars("fc1", 1), found.bars("fc1", 1))
    assert again.notes == found.notes


def test_keys_follow_contents_and_not_names(folder: Path, tmp_path: Path) -> None:
    before = [key_of(unit) for unit in units_of(folder)]
    assert len(set(before)) == 9
    moved = shutil.copytree(folder, tmp_path / "another name")
    (moved / "run-000").rename(moved / "run-zero")
    assert sorted(key_of(unit) for unit in units_of(moved)) == sorted(before)

    path = moved / "run-001" / "step-000040.safetensors"
    weights = load_file(path)
    weights["fc2.bias"][0] += 1
    save_file(weights, path)
    changed = [key_of(unit) for unit in units_of(moved)]
    assert len(set(changed) - set(before)) == 1

    for said in (
        {"inputs": 61}, {"of_class": "1"}, {"sampling": "spread"}, {"homology": "local"},
        {"dimension": 0}, {"points": "pooled"}, {"seed": 1},
    ):  # fmt: skip
        other = [key_of(unit) for unit in units_of(folder, {"landscapes": {"inputs": 60} | said})]
        assert not set(other) & set(before), said
    for toml in (
        ARCHITECTURE + DATASET + "seed = 1\n",
        ARCHITECTURE.replace("[6, 5]", "[6, 5]\nactivation = 'tanh'") + DATASET,
    ):
        (folder / "experiment.toml").write_text(toml)
        assert not set(map(key_of, units_of(folder))) & set(before)
    (folder / "experiment.toml").write_text("title = 'x'\n" + ARCHITECTURE + DATASET)
    assert [key_of(unit) for unit in units_of(folder)] == before


def test_rows_are_runs_by_layers_by_steps(folder: Path, store: ResultStore) -> None:
    rows = rows_of(folder, "landscapes", store)
    assert len(rows) == 3 * 3 * 4
    places = [(row["run"], row["milestone"], row["layer"]) for row in rows]
    assert len(set(places)) == len(rows)
    assert {row["layer"] for row in rows} == {"input", "fc1", "fc2", "fc3"}
    for row in rows:
        assert set(row) >= FIELDS
        assert (row["dimension"], row["homology"], row["error"]) == (1, "global", None)
        assert (row["n_points"], row["n_total"]) == (60, len(disks()))
        # each run's own step, though milestones are joined at the median
        own = STEPS[int(row["run"][-1])][MARKS.index(row["milestone"])]
        assert row["step"] == own
        lengths = np.array(row["h1_bars"])
        assert (np.diff(lengths) <= 0).all()
        assert len(lengths) <= 20
        if len(lengths) < 20:
            assert row["norm"] == pytest.approx(np.sqrt((lengths**3).sum() / 12))
    assert [row["neural_persistence"] is None for row in rows[:4]] == [True, False, False, False]
    chosen = rows_of(folder, "landscapes", store, runs=["run-001"])
    assert chosen == [row for row in rows if row["run"] == "run-001"]


def test_rows_of_other_dimensions(folder: Path, store: ResultStore) -> None:
    components = rows_of(
        folder,
        "landscapes",
        store,
        {"landscapes": {"inputs": 30, "dimension": 0}},
        runs=["run-000"],
    )
    assert all(row["h1_bars"] is None for row in components)  # nobody looked for loops
    assert len(components[0]["h0_bars"]) == 20
    voids = rows_of(
        folder,
        "landscapes",
        store,
        {"landscapes": {"inputs": 30, "dimension": 2}},
        runs=["run-000"],
    )
    assert all(isinstance(row[f"h{d}_bars"], list) for row in voids for d in (1, 2))
    for row in voids:
        assert row["norm"] == pytest.approx(np.sqrt((np.array(row["h2_bars"]) ** 3).sum() / 12))
    # too few points for a loop: there are none, which is not the same as nobody looked
    tiny = rows_of(folder, "landscapes", store, {"landscapes": {"inputs": 2}}, runs=["run-000"])
    assert all((row["h1_bars"], row["norm"]) == ([], 0) for row in tiny)


def spoiled(folder: Path, change: Callable[[dict[str, np.ndarray]], object]) -> None:
    path = folder / "run-001" / "step-000040.safetensors"
    weights = load_file(path)
    change(weights)
    save_file(weights, path)


def test_a_dead_layer_has_norm_zero_and_says_so(folder: Path, store: ResultStore) -> None:
    def kill(weights: dict[str, np.ndarray]) -> None:
        weights["fc2.weight"][:] = 0
        weights["fc2.bias"][:] = -1
        weights["fc3.bias"][:] = 0.1

    spoiled(folder, kill)
    rows = rows_of(folder, "landscapes", store, runs=["run-001"])[4:8]
    assert [row["norm"] == 0 for row in rows] == [False, False, True, True]
    result = result_of(units_of(folder)[4], store)
    assert result.offset[2:].tolist() == [0, np.inf]
    assert not any(result.failed)
    assert rows[2]["note"].startswith("dead")
    assert rows[3]["note"].startswith("constant")
    assert [row["h1_bars"] for row in rows[2:]] == [[], []]
    assert all(row["error"] is None for row in rows)
    assert rows[2]["neural_persistence"] == 0


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_nan_breaks_its_own_layers_only(folder: Path, store: ResultStore, value: float) -> None:
    def break_(weights: dict[str, np.ndarray]) -> None:
        weights["fc2.weight"][:] = value

    spoiled(folder, break_)
    rows = rows_of(folder, "landscapes", store, runs=["run-001"])[4:8]
    assert [row["norm"] is None for row in rows] == [False, False, True, True]
    assert [row["h1_bars"] is None for row in rows] == [False, False, True, True]
    assert "run-001" in rows[2]["error"]
    assert "fc2: activations are NaN or infinite for" in rows[2]["error"]
    weights = weights_of(1040)
    sound = max(float(np.abs(weights[f"fc{i}.weight"]).max()) for i in (1, 3))
    assert rows[1]["neural_persistence"] == pytest.approx(
        neural_persistence(weights["fc1.weight"], scale=sound)
    )
    assert rows[2]["neural_persistence"] is None
    assert rows[3]["neural_persistence"] == pytest.approx(
        neural_persistence(weights["fc3.weight"], scale=sound)
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda w: w.update({"fc2.bias": np.zeros(7, "f4")}), "has fc2.bias of shape (7,), not"),
        (lambda w: w.update(more=np.zeros(2, "f4")), "has more, which the network lacks"),
        (lambda w: w.pop("fc2.bias"), "it lacks fc2.bias"),
    ],
)
def test_weights_that_do_not_fit_fail_alone(
    folder: Path, store: ResultStore, change: Callable[..., object], words: str
) -> None:
    spoiled(folder, change)
    rows = rows_of(folder, "landscapes", store)
    (bad,) = [row for row in rows if row["error"]]
    assert words in bad["error"]
    assert (bad["run"], bad["step"], bad["layer"], bad["norm"]) == ("run-001", 40, None, None)
    assert set(bad) >= FIELDS
    assert len(rows) == 8 * 4 + 1


def test_a_class_or_a_number_that_is_not_there(folder: Path, store: ResultStore) -> None:
    said = {"inputs": 10, "of_class": "cat"}
    rows = rows_of(folder, "landscapes", store, {"landscapes": said}, runs=["run-000"])
    assert "there is no class 'cat' in the data; there are" in rows[0]["error"]
    with pytest.raises(AnalysisError, match="inputs must be from 2 to 8000"):
        units_of(folder, {"landscapes": {"inputs": 1}})


def test_inputs_are_at_most_so_many(folder: Path, store: ResultStore) -> None:
    total = len(disks())
    found = result_of(units_of(folder, {"landscapes": {"inputs": total + 1}})[0], store)
    assert len(found.rows) == found.n_total == total
    assert found.inputs_note == f"{total + 1:,} asked for; there are no more"
    assert result_of(units_of(folder)[0], store).inputs_note == ""
    rows = rows_of(folder, "landscapes", store, {"landscapes": {"inputs": 8000}}, runs=["run-000"])
    assert {(row["n_points"], row["n_total"], row["error"]) for row in rows} == {
        (total, total, None)
    }


def test_a_local_homology_that_is_not_defined_is_no_zero(folder: Path, store: ResultStore) -> None:
    """A first layer that is off for most inputs: its norm is not known, rather than 0."""

    def turn_off(weights: dict[str, np.ndarray]) -> None:
        weights["fc1.weight"][:] = 0
        weights["fc1.weight"][:, 0] = 1
        weights["fc1.bias"][:] = -1

    spoiled(folder, turn_off)
    unit = units_of(folder, {"landscapes": {"inputs": 60, "homology": "local"}})[4]
    found = result_of(unit, store)
    assert found.failed[:2] == (False, True)
    assert np.isnan([found.norms[1], found.scale[1], found.offset[1]]).all()
    assert found.notes[1].startswith("at least half of the inputs turn all its units off")
    assert found.notes[1].endswith("; at the origin")
    assert np.isfinite(found.neural_persistence[1])
    row = rows_of(
        folder, "landscapes", store, {"landscapes": {"inputs": 60, "homology": "local"}},
        runs=["run-001"],
    )[5]  # fmt: skip
    assert (row["layer"], row["norm"], row["h1_bars"]) == ("fc1", None, None)
    assert "no median norm" in row["error"]
    # of all the cloud it is known
    assert not any(result_of(units_of(folder)[4], store).failed)


def test_weights_that_are_too_many_are_not_read(
    folder: Path, store: ResultStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(networks, "MOST_WEIGHTS", 6 * 5 - 1)
    read = []
    tensor = networks.read_tensor
    monkeypatch.setattr(networks, "read_tensor", lambda *a: read.append(a[1]) or tensor(*a))
    found = result_of(units_of(folder)[0], store)
    assert read == ["fc1.weight", "fc3.weight"]
    assert np.isfinite(found.neural_persistence).tolist() == [False, True, False, True]
    assert found.notes[2] == "30 weights are too many for neural persistence"
    assert not any(found.failed)
    weights = weights_of(0)
    scale = max(float(np.abs(weights[f"fc{i}.weight"]).max()) for i in (1, 3))
    assert found.neural_persistence[3] == pytest.approx(
        neural_persistence(weights["fc3.weight"], scale=scale)
    )


def test_a_truncated_snapshot_fails_alone_and_the_study_goes_on(
    folder: Path, store: ResultStore
) -> None:
    path = folder / "run-002" / "step-000400.safetensors"
    path.write_bytes(path.read_bytes()[:200])
    (tests,) = units_of(folder, name="landscape-test")
    study = tests.upstream
    assert study is not None
    assert len(study.gathered) == 9
    outcomes = compute([tests], store, jobs=1, make_executor=threads)
    failed = {each.unit: each.message for each in outcomes if each.state == "failed"}
    assert len(failed) == 1
    assert "step-000400.safetensors" in next(iter(failed.values()))
    assert len({each.unit for each in outcomes if each.state == "computed"}) == 9
    stored = pipeline.load(study, store)
    assert stored is not None
    found = stored.result
    assert (len(found.runs), found.places) == (8, MARKS)
    assert found.counts.tolist() == [[3] * 4, [3] * 4, [2] * 4]
    compared = pipeline.load(tests, store)
    assert compared is not None
    first, second = compared.result.first, compared.result.second
    at = dict(zip(zip(first, second, strict=True), compared.result.counts, strict=True))
    assert at["start", "middle"].tolist() == [3, 3, 8, 1]
    assert at["middle", "end"].tolist() == [2, 2, 4, 1]


def test_runs_that_lack_layers_are_left_out(folder: Path, store: ResultStore) -> None:
    for path in (folder / "run-001").glob("*.safetensors"):
        save_file({"fc1.weight": load_file(path)["fc1.weight"]}, path)
    units = units_of(folder)
    assert {unit.source.runs for unit in units} == {("run-000",), ("run-002",)}
    assert {row["run"] for row in rows_of(folder, "landscapes", store)} == {"run-000", "run-002"}


def test_without_a_network_there_are_no_units(tmp_path: Path) -> None:
    assert units_of(write(tmp_path / "bare", toml="")) == []


def test_without_inputs_it_says_what_to_do(tmp_path: Path) -> None:
    folder = write(tmp_path / "no data", toml=ARCHITECTURE, runs=1)
    assert units_of(folder) == []
    assert "[dataset]" in why_none(open_experiment(folder))


def test_stored_activations_need_no_network(tmp_path: Path, store: ResultStore) -> None:
    folder = write(tmp_path / "stored", toml="", runs=1, marked=False)
    rng = np.random.default_rng(0)
    angle = 2 * np.pi * np.arange(50) / 50
    circle = np.column_stack([np.cos(angle), np.sin(angle)])
    target = folder / "run-000" / "activations"
    target.mkdir()
    for step in STEPS[0]:
        np.savez(
            target / f"step-{step}.npz", circle=circle, noise=rng.random((50, 3)), labels=angle > 3
        )
    said = {"landscapes": {"inputs": 50}}
    rows = rows_of(folder, "landscapes", store, said)
    assert all("labels must be 50 whole numbers" in row["error"] for row in rows)
    for step in STEPS[0]:
        np.savez(target / f"step-{step}.npz", circle=circle, noise=rng.random((50, 3)))
    rows = rows_of(folder, "landscapes", store, said)
    assert [(row["layer"], row["step"]) for row in rows] == [
        (name, step) for step in STEPS[0] for name in ("circle", "noise")
    ]
    birth, death = np.sin(np.pi / 50), np.sin(np.pi * 17 / 50)
    assert rows[0]["h1_bars"] == pytest.approx([death - birth], abs=1e-6)
    assert all(row["neural_persistence"] is None for row in rows)
