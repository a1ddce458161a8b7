"""What units are computed from."""

import json
from pathlib import Path
from textwrap import dedent

import numpy as np
import pytest
from safetensors.numpy import save_file

from analysis import registry
from analysis.checkpoints import content_digest
from analysis.codec import digest
from analysis.errors import NerveScopeError
from analysis.experiment import open_experiment
from analysis.networks import NetworkSource
from analysis.sources import KINDS, LAYER, Chosen, GatheredSource, LayerSource, Place
from analysis.units import key_of, plan, unit_of

TOML = """
[architecture]
kind = "mlp"
input = [2]
hidden = [3]
classes = 2
[dataset]
name = "disks"
step = 0.2
"""


def file_of(tmp_path: Path, name: str = "step-000001.safetensors", **arrays: np.ndarray) -> Path:
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(arrays or {"w": np.ones((2, 2), "f4")}, path)
    return path


def experiment_of(tmp_path: Path, *, runs: int = 2, conv: bool = False) -> Path:
    folder = tmp_path / "small"
    rng = np.random.default_rng(0)
    for i in range(runs):
        for step in (0, 9):
            arrays = {
                "fc1.weight": rng.normal(size=(3, 2)).astype("f4"),
                "fc1.bias": np.zeros(3, "f4"),
                "fc2.weight": rng.normal(size=(2, 3)).astype("f4"),
                "fc2.bias": np.zeros(2, "f4"),
            }
            if conv:
                arrays = {"conv1.weight": rng.normal(size=(9, 1, 3, 3)).astype("f4")}
            file_of(folder / f"run-{i}", f"step-{step}.safetensors", **arrays)
        (folder / f"run-{i}" / "run.toml").write_text(f"rate = {0.1 * (i + 1)}\n")
    (folder / "experiment.toml").write_text("" if conv else TOML)
    return folder


def test_every_kind_of_source_is_known_and_plain_data() -> None:
    assert set(KINDS) >= {LAYER, "network", "activations"}
    for kind in registry.analyses().values():
        assert kind.needs in KINDS or kind.needs in registry.analyses()
    assert [name for name, kind in KINDS.items() if kind.whole] == ["network"]


def test_where_names_the_first_file_and_how_many_more() -> None:
    assert NetworkSource("r", ("a/b.npz",)).where == "a/b.npz"
    assert NetworkSource("r", ("a", "b", "c")).where == "a and 2 more"
    assert NetworkSource("r", ()).where == ""
    assert not NetworkSource("r", ())
    assert NetworkSource("r", ("a",))
    assert not LayerSource()
    assert not GatheredSource()
    places = tuple(Place(run, 0, None, "{}") for run in "aab")
    assert GatheredSource(places).where == "3 networks"
    assert GatheredSource(places).runs == ("a", "b")
    assert (GatheredSource(places).files, GatheredSource(places).read()) == ((), places)


def test_units_are_over_layers_or_runs_or_both(tmp_path: Path) -> None:
    experiment = open_experiment(experiment_of(tmp_path))
    networks = plan(experiment, "landscapes")
    assert [(u.layer, u.source.runs, u.step.step) for u in networks] == [
        ("", (run,), step) for run in ("run-0", "run-1") for step in (0, 9)
    ]
    clouds = plan(experiment, "activation-cloud")
    assert len(clouds) == 2 * 2 * 3
    assert {u.layer for u in clouds} == {"input", "fc1", "fc2"}
    assert all(u.source.layers == (u.layer,) for u in clouds)
    part = {"layers": ["fc1"], "steps": [experiment.axis[1]], "runs": ["run-1"]}
    assert len(plan(experiment, "activation-cloud", **part)) == 1
    (study,) = plan(experiment, "landscape-study")
    assert study.gathered == tuple(networks)
    assert study.source.runs == ("run-0", "run-1")
    (fewer,) = plan(experiment, "landscape-study", runs=["run-1"])
    assert fewer.gathered == tuple(networks[2:])
    assert plan(experiment, "filters") == []
    weights = open_experiment(experiment_of(tmp_path / "conv", conv=True))
    assert [u.layer for u in plan(weights, "filters")] == ["conv1"] * 2
    assert [plan(weights, name) for name in ("landscapes", "landscape-study")] == [[], []]


def test_places_of_a_layer_and_of_a_network_follow_the_choice(tmp_path: Path) -> None:
    experiment = open_experiment(experiment_of(tmp_path))
    for name, count in (("network", 4), ("activations", 12)):
        places = KINDS[name].places
        assert len(list(places(experiment, Chosen()))) == count
        assert not list(places(experiment, Chosen(runs=[])))
        assert not list(places(experiment, Chosen(steps=[])))
    unknown = Chosen(layers=["conv9"])
    assert not list(KINDS["activations"].places(experiment, unknown))
    assert len(list(KINDS["network"].places(experiment, unknown))) == 4


def test_a_study_depends_on_names_settings_and_what_it_gathers(tmp_path: Path) -> None:
    folder = experiment_of(tmp_path)
    (study,) = plan(open_experiment(folder), "landscape-study")
    before = key_of(study)
    assert key_of(plan(open_experiment(folder), "landscape-study")[0]) == before
    (folder / "run-0" / "run.toml").write_text("rate = 0.7\n")
    changed = key_of(plan(open_experiment(folder), "landscape-study")[0])
    assert changed != before
    networks = {*map(key_of, plan(open_experiment(folder), "landscapes"))}
    (folder / "run-0").rename(folder / "run-9")
    renamed = open_experiment(folder)
    assert {*map(key_of, plan(renamed, "landscapes"))} == networks
    assert key_of(plan(renamed, "landscape-study")[0]) not in {before, changed}
    said = json.loads(study.source.read()[0].settings)
    assert said == {"rate": 0.1}
    assert [p["run"] for p in study.source.provenance()] == ["run-0"] * 2 + ["run-1"] * 2


def test_inputs_of_a_network_are_contents(tmp_path: Path) -> None:
    one = file_of(tmp_path / "one")
    other = file_of(tmp_path / "other")
    dataset, spec = '{"name": "disks"}', '{"kind": "mlp"}'
    first = NetworkSource("a", (str(one),), architecture=spec, dataset=dataset)
    assert digest(first.inputs()) == digest(
        NetworkSource("b", (str(other),), architecture=spec, dataset=dataset).inputs()
    )
    for change in (
        {"dataset": '{"name": "disks", "seed": 1}'},
        {"architecture": '{"kind": "cnn"}'},
        {"layers": ("fc1",)},
    ):
        said = {"architecture": spec, "dataset": dataset} | change
        assert digest(NetworkSource("a", (str(one),), **said).inputs()) != digest(first.inputs())
    save_file({"w": np.zeros((2, 3), "f4")}, one)  # of another size: times have coarse ticks
    assert digest(first.inputs()) != digest(
        NetworkSource("b", (str(other),), architecture=spec, dataset=dataset).inputs()
    )
    (said,) = first.provenance()
    assert (said["run"], said["file"], said["digest"]) == ("a", one.name, content_digest(one))
    assert said["dataset"] == {"name": "disks"}


def test_inputs_follow_the_files_of_the_data(tmp_path: Path) -> None:
    np.savez(
        tmp_path / "data.npz",
        inputs=np.random.default_rng(0).random((9, 2)),
        labels=np.arange(9) % 2,
    )
    path = file_of(tmp_path)
    source = NetworkSource(
        "a", (str(path),), architecture="{}", dataset='{"path": "data.npz"}', base=str(tmp_path)
    )
    before = digest(source.inputs())
    np.savez(
        tmp_path / "data.npz",
        inputs=np.random.default_rng(1).random((9, 3)),
        labels=np.arange(9) % 2,
    )
    assert digest(source.inputs()) != before
    (tmp_path / "data.npz").unlink()
    with pytest.raises(NerveScopeError, match=r"data\.npz"):
        source.inputs()


def test_inputs_follow_the_code_of_a_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    code = tmp_path / "own_network_of_sources.py"
    code.write_text(dedent("raise RuntimeError('a key must not run this')"))
    path = file_of(tmp_path)
    source = NetworkSource(
        "a", (str(path),), dataset='{"name": "disks"}', model="own_network_of_sources:make"
    )
    before = digest(source.inputs())
    code.write_text("def make(): ...")
    assert digest(source.inputs()) != before


def test_a_file_that_goes_away_is_named(tmp_path: Path) -> None:
    folder = experiment_of(tmp_path)
    experiment = open_experiment(folder)
    unit = unit_of(experiment, "landscapes", layer="", step=experiment.axis[1], runs=["run-1"])
    (folder / "run-1" / "step-9.safetensors").unlink()
    with pytest.raises(NerveScopeError, match=r"run-1/step-9\.safetensors: cannot be read"):
        key_of(unit)
    (study,) = plan(experiment, "landscape-study")
    assert len(study.gathered) == 3
