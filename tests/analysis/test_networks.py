"""How networks, inputs and stored activations come in: what is there, and why something is not."""

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from analysis import _network_source, datasets, registry
from analysis.activation_landscapes import LandscapeParams, network_landscapes
from analysis.architectures import build
from analysis.checkpoints import content_digest
from analysis.datasets import dataset_asked, fetch_dataset, load_dataset
from analysis.errors import AnalysisError, CheckpointError, ExperimentError
from analysis.experiment import Experiment, Step, find_experiments, open_experiment
from analysis.networks import (
    NetworkSource,
    activation_names,
    layer_names,
    leaf_modules,
    network_source,
    why_none,
)
from analysis.units import key_of, params_of, plan, unit_of

MLP = {"kind": "mlp", "input": [2], "hidden": [5, 4], "classes": 2}
LAYERS = ("input", "fc1", "fc2", "fc3")
TOML = """
[architecture]
kind = "mlp"
input = [2]
hidden = [5, 4]
classes = 2

[dataset]
name = "disks"
step = 0.1
"""
FEW = {"landscapes": {"inputs": 20}}


def snapshot(path: Path, seed: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    state = build(MLP, seed=seed).state_dict()
    save_file({name: tensor.numpy() for name, tensor in state.items()}, path)
    return path


def mlp(root: Path, *, runs: int = 1, steps: tuple[int, ...] = (0, 100), toml: str = TOML) -> Path:
    for run in range(runs):
        for step in steps:
            snapshot(root / f"run-{run:03d}" / f"step-{step:06d}.safetensors", 1000 * run + step)
    (root / "experiment.toml").write_text(toml)
    return root


def store(path: Path, n: int = 30, **arrays: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(len(path.name))
    usual = {"hidden": rng.normal(size=(n, 4)), "deep10": rng.normal(size=(n, 3))}
    np.savez(path, **(arrays or usual))
    return path


def sources(experiment: Experiment) -> list[NetworkSource]:
    found = [unit.source for unit in plan(experiment, "landscapes", settings=FEW)]
    return [each for each in found if isinstance(each, NetworkSource)]


def computed(source: NetworkSource, **params: Any) -> Any:
    return network_landscapes(source, LandscapeParams(**{"inputs": 20, **params}))


# --- networks by spec -----------------------------------------------------------------------------


def test_a_network_by_spec_has_its_inputs_and_layers(tmp_path: Path) -> None:
    opened = open_experiment(mlp(tmp_path))
    assert layer_names(opened) == activation_names(opened) == LAYERS
    assert why_none(opened) == ""
    (first, last) = sources(opened)
    assert computed(first).layers == LAYERS
    assert key_of(plan(opened, "landscapes")[0]) != key_of(plan(opened, "landscapes")[1])
    assert (first.run, Path(last.files[0]).name) == ("run-000", "step-000100.safetensors")


def test_it_is_shown_only_the_layers_that_were_chosen_but_computed_whole(tmp_path: Path) -> None:
    opened = open_experiment(mlp(tmp_path))
    part = opened.restricted(layers=["fc2", "fc1"])
    assert layer_names(part) == ("fc1", "fc2")
    assert [key_of(u) for u in plan(part, "landscapes")] == [
        key_of(u) for u in plan(opened, "landscapes")
    ]
    assert [u.layer for u in plan(part, "activation-cloud", steps=[Step(0)])] == ["fc1", "fc2"]
    assert [each.name for each in part.layers(None)] == ["fc1", "fc2"]
    assert "there are input, fc1" in why_none(opened.restricted(layers=["conv7"]))


@pytest.mark.parametrize(
    ("toml", "words"),
    [
        ("", "Activations need a network and inputs"),
        (TOML.partition("[dataset]")[0], "no [dataset]"),
        (TOML.replace('"mlp"', '"rnn"'), "kind must be one of cnn, mlp"),
        (TOML.replace("[5, 4]", "[5, 2_000_000_000]"), "hidden"),
        (TOML.replace("[5, 4]", "[" + "9, " * 5000 + "]"), "hidden"),
        (TOML.replace("[2]", "[1_000_000_000_000]"), "input"),
        (TOML.replace("[5, 4]", "[5, 4, 4]"), "run-000 at step 0 lacks those of fc4"),
        ("architecture = 3\n", "Activations need a network and inputs"),
    ],
)
def test_why_there_are_no_activations(tmp_path: Path, toml: str, words: str) -> None:
    opened = open_experiment(mlp(tmp_path, toml=toml))
    assert words in why_none(opened)
    assert plan(opened, "landscapes") == plan(opened, "landscape-study") == []


def test_a_gigantic_network_is_refused_before_it_is_built(tmp_path: Path) -> None:
    toml = TOML.replace("[5, 4]", "[400_000, 400_000]")
    (source, _) = sources(open_experiment(mlp(tmp_path, toml=toml)))
    with pytest.raises(ExperimentError, match=r"parameters, at most 200,000,000 are built"):
        computed(source)


def test_runs_that_lack_layers_are_left_out(tmp_path: Path) -> None:
    opened = open_experiment(mlp(tmp_path, runs=2))
    for step in (0, 100):
        path = tmp_path / "run-000" / f"step-{step:06d}.safetensors"
        save_file({"fc1.weight": np.zeros((5, 2), np.float32)}, path)
    opened = open_experiment(tmp_path)
    assert [source.run for source in sources(opened)] == ["run-001", "run-001"]
    assert why_none(opened) == ""


# --- units over chosen steps ----------------------------------------------------------------------


def test_a_study_gathers_the_chosen_steps_and_runs(tmp_path: Path) -> None:
    opened = open_experiment(mlp(tmp_path, runs=3, steps=(0, 10, 20)))
    chosen = opened.axis[1:]
    (planned,) = plan(opened, "landscape-study", steps=chosen, runs=["run-001", "run-002"])
    asked = unit_of(
        opened,
        "landscape-study",
        layer="",
        step=opened.axis[0],
        steps=chosen,
        runs=["run-001", "run-002"],
    )
    places = [(each.run, each.step) for each in asked.source.read()]
    assert places == [(f"run-00{run}", step) for run in (1, 2) for step in (10, 20)]
    assert key_of(planned) == key_of(asked)
    (whole,) = plan(opened, "landscape-study")
    assert len(whole.gathered) == 9
    assert set(asked.gathered) < set(whole.gathered)


# --- which layers end in a ReLU ---------------------------------------------------------------


def test_an_experiment_may_say_which_layers_end_in_a_relu(tmp_path: Path) -> None:
    usual = sources(open_experiment(mlp(tmp_path)))[0]
    assert usual.rectified is None
    assert "rectified" not in usual.inputs()  # as before there was such a word
    (tmp_path / "experiment.toml").write_text('rectified = ["fc3", "fc1", "fc1"]\n' + TOML)
    source = sources(open_experiment(tmp_path))[0]
    assert source.rectified == ("fc1", "fc3")
    assert source.inputs() == usual.inputs() | {"rectified": ["fc1", "fc3"]}
    found = computed(source, homology="local")
    said = "as experiment.toml says"
    assert found.notes == tuple(
        f"{where} ({said})" for where in ("centred", "at the origin", "centred", "at the origin")
    )
    (tmp_path / "experiment.toml").write_text("rectified = []\n" + TOML)
    none = sources(open_experiment(tmp_path))[0]
    assert none.inputs() == usual.inputs() | {"rectified": []}
    notes = computed(none, homology="local").notes
    assert all(note.startswith("centred") for note in notes)


def test_it_may_say_so_of_stored_activations(tmp_path: Path) -> None:
    store(tmp_path / "run" / "activations" / "step-000000.npz")
    (tmp_path / "experiment.toml").write_text('rectified = ["hidden"]\n')
    (source,) = sources(open_experiment(tmp_path))
    assert source.inputs()["rectified"] == ["hidden"]
    assert computed(source, homology="local").notes == (
        "at the origin (as experiment.toml says)",
        "centred (as experiment.toml says)",
    )


@pytest.mark.parametrize("said", ["true", '"fc1"', "[1]", "{}"])
def test_a_word_that_makes_no_sense_is_said(tmp_path: Path, said: str) -> None:
    opened = open_experiment(mlp(tmp_path, toml=f"rectified = {said}\n" + TOML))
    assert "must be a list of names of layers" in why_none(opened)
    assert activation_names(opened) == ()
    assert plan(opened, "landscapes") == []
    with pytest.raises(ExperimentError, match=r"rectified = .* must be a list of names of layers"):
        network_source(opened, opened.runs[0], opened.axis[0])


# --- provenance -------------------------------------------------------------------------------


def test_provenance_has_digests_of_data_and_code(module: Any, tmp_path: Path) -> None:
    root = mlp(tmp_path / "exp", toml=TOML.partition("[dataset]")[0] + '[dataset]\npath = "x.npz"')
    inputs = np.random.default_rng(0).normal(size=(40, 2))
    np.savez(root / "x.npz", x=inputs, y=np.arange(40) % 2)
    opened = open_experiment(root)
    (said,) = sources(opened)[0].provenance()
    data = {"file": "x.npz", "digest": content_digest(root / "x.npz")}
    assert (said["data"], said["code"], said["dataset"]) == ([data], None, {"path": "x.npz"})
    name = module(TWO)
    code = tmp_path / f"{name}.py"
    (said,) = sources(replace(opened, model=f"{name}:make"))[0].provenance()
    assert said["code"] == {"file": code.name, "digest": content_digest(code)}
    assert said["data"] == [data]
    assert str(tmp_path) not in json.dumps(said)
    stored = store(tmp_path / "activations" / "step-1.npz")
    (said,) = NetworkSource("run", (str(stored),), stored=True).provenance()
    assert (said["data"], said["digest"]) == ([], content_digest(stored))


def test_provenance_of_many_data_files_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [tmp_path / f"{i}.bin" for i in range(_network_source.MOST_NAMED + 1)]
    for i, path in enumerate(files):
        path.write_bytes(bytes([i]))
    monkeypatch.setattr(_network_source, "dataset_files", lambda *_args, **_kwargs: files)
    snapshot_file = snapshot(tmp_path / "step-0.safetensors")
    source = NetworkSource("run", (str(snapshot_file),), dataset='{"path": "x"}')
    ((one,),) = [each["data"] for each in source.provenance()]
    assert one["file"] == "17 files"
    files[3].write_bytes(b"other")
    ((other,),) = [each["data"] for each in source.provenance()]
    assert other["digest"] != one["digest"]


# --- inputs ---------------------------------------------------------------------------------------


def test_a_dataset_path_through_a_link_is_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside.npz"
    np.savez(outside, x=np.random.default_rng(0).normal(size=(40, 2)), y=np.arange(40) % 2)
    root = mlp(tmp_path / "exp", toml=TOML.partition("[dataset]")[0] + '[dataset]\npath = "x.npz"')
    (root / "x.npz").symlink_to(outside)
    (source, _) = sources(open_experiment(root))
    with pytest.raises(ExperimentError, match=r"x\.npz: \[dataset\] path is a link out of the exp"):
        source.inputs()
    with pytest.raises(ExperimentError, match="which is not followed; give what it leads to"):
        computed(source)
    opened = open_experiment(root)
    given = replace(opened, settings={**opened.settings, "dataset": dataset_asked(str(outside))})
    assert computed(sources(given)[0]).n_total == 40


def test_what_is_asked_for_by_one_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mnist").mkdir()
    assert dataset_asked("mnist") == {"name": "mnist"}
    assert dataset_asked("./mnist") == {"path": str(tmp_path.resolve() / "mnist")}
    assert dataset_asked("openml:CIFAR_10") == {"openml": "CIFAR_10"}
    for text in ("nothing", "openml:", "a\0b", ""):
        with pytest.raises(ExperimentError, match=r"no such file or folder; .*mnist, photo"):
            dataset_asked(text)


def test_class_is_the_word_in_experiment_toml_too(tmp_path: Path) -> None:
    kind = registry.get("landscapes")
    for word in ("class", "of_class"):
        toml = TOML + f'\n[analysis.landscapes]\n{word} = "background"\n'
        opened = open_experiment(mlp(tmp_path / word, toml=toml))
        assert params_of(opened, kind, layer="") == LandscapeParams(of_class="background")
    assert registry.resolve(kind, {"class": "disk"}) == LandscapeParams(of_class="disk")
    with pytest.raises(AnalysisError, match="no parameter 'clas'"):
        registry.resolve(kind, {"clas": "disk"})


@pytest.fixture
def openml(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """Names that were fetched; there is no network."""
    asked: list[str] = []
    rng = np.random.default_rng(0)
    target = np.array([str(i % 2) for i in range(50)], dtype=object)
    found = SimpleNamespace(data=rng.normal(size=(50, 2)), target=target, details={})

    def fetch(name: str, **_options: Any) -> Any:
        asked.append(name)
        return found

    monkeypatch.setattr("sklearn.datasets.fetch_openml", fetch)
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda *_args, **_options: tmp_path / "kept")
    monkeypatch.setattr(datasets, "_MEMORY", datasets._Memory(count=4, most_bytes=2**20))
    return asked


def test_opening_an_experiment_fetches_nothing(tmp_path: Path, openml: list[str]) -> None:
    toml = TOML.partition("[dataset]")[0] + '[dataset]\nopenml = "two_numbers"\nversion = 3\n'
    root = mlp(tmp_path / "exp", toml=toml)
    (source, _) = sources(open_experiment(root))
    with pytest.raises(ExperimentError, match=r"version = 3 is not on .*; nervescope fetch"):
        computed(source)
    before = key_of(plan(open_experiment(root), "landscapes")[0])
    assert openml == []
    dataset, (file,) = fetch_dataset({"openml": "two_numbers", "version": 3}, data_dir=tmp_path)
    assert (len(dataset), openml) == (50, ["two_numbers"])
    assert file.is_file()
    assert computed(source).n_total == 50
    assert openml == ["two_numbers"]  # once for all processes
    assert key_of(plan(open_experiment(root), "landscapes")[0]) == before


def test_a_damaged_copy_is_named_and_names_cannot_leave_the_folder(
    tmp_path: Path, openml: list[str]
) -> None:
    _, (file,) = fetch_dataset({"openml": "../../x y"}, data_dir=tmp_path)
    assert file.parent == tmp_path / "kept" / "data"
    file.write_bytes(b"PK damaged")
    datasets._MEMORY._kept.clear()
    with pytest.raises(ExperimentError, match=r"cannot be read .*; delete it and run"):
        load_dataset({"openml": "../../x y"}, data_dir=tmp_path)
    assert openml == ["../../x y"]


# --- networks of the user's own -------------------------------------------------------------------


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Write a module that can be imported from the working directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    made: list[str] = []

    def write(text: str) -> str:
        name = f"own_network_{len(made)}_{tmp_path.name}".replace("-", "_")
        (tmp_path / f"{name}.py").write_text(text)
        made.append(name)
        return name

    yield write
    for name in made:
        sys.modules.pop(name, None)


TWO = (
    "import torch\nprint('loading')\n"
    "def make():\n    return torch.nn.Sequential(torch.nn.Linear(2, 5), torch.nn.Tanh())\n"
)


def test_a_network_of_the_users_own(
    module: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    import torch

    name = module(TWO)
    assert leaf_modules(f"{name}:make") == ("0", "1")
    assert capfd.readouterr().out == ""  # tables go there
    state = torch.nn.Sequential(torch.nn.Linear(2, 5)).state_dict()
    path = tmp_path / "exp" / "step-1.safetensors"
    path.parent.mkdir()
    save_file({key: tensor.numpy() for key, tensor in state.items()}, path)
    (path.parent / "experiment.toml").write_text('[dataset]\nname = "disks"\nstep = 0.1\n')
    opened = open_experiment(path.parent)
    assert activation_names(opened) == ()
    opened = replace(opened, model=f"{name}:make")
    assert layer_names(opened) == ("input", "0", "1")
    (unit,) = plan(opened, "landscapes")
    assert computed(unit.source).layers == ("input", "0", "1")
    code = content_digest(tmp_path / f"{name}.py")
    assert unit.source.inputs()["code"] == code  # another text, another key


def test_a_file_cannot_name_a_network(module: Any, tmp_path: Path) -> None:
    name = module(f"import pathlib\npathlib.Path({str(tmp_path / 'ran')!r}).touch()\n" + TWO)
    text = f'"{name}:make"'
    toml = f"model = {text}\n[architecture]\nmodel = {text}\n[dataset]\nmodel = {text}\n"
    toml += f"[analysis.landscapes]\nmodel = {text}\n"
    opened = open_experiment(mlp(tmp_path / "exp", toml=toml))
    assert opened.model == ""
    assert activation_names(opened) == ()
    assert why_none(opened)
    assert plan(opened, "landscapes") == []
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "text",
    ["", "x", ":", "x:", ":x", "a b:c", "os;x:y", "../x:y", ".x:y", "x..y:z", "x\0y:z", "x:y:z",
     "x:y()", "-c:print", "x:y.z"],
)  # fmt: skip
def test_odd_texts_for_a_network_are_refused(text: str) -> None:
    with pytest.raises(ExperimentError, match=r"give it as package\.module:factory"):
        leaf_modules(text)


@pytest.mark.parametrize(
    "text", ["sys:exit", "no_such_module:x", "no.such.module:x", "__main__x:y"]
)
def test_a_module_that_is_not_there(text: str) -> None:
    with pytest.raises(ExperimentError, match=r"--model .*[nN]o .*module"):
        leaf_modules(text)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import sys\nsys.exit(3)", "SystemExit: 3"),
        ("raise SystemExit", "SystemExit$"),
        ("def make(:", "SyntaxError"),
        ("x = 1", "AttributeError: .*make"),
        ("make = 3", "TypeError: .*not callable"),
        ("def make():\n    raise ValueError('first line\\nsecond')", "ValueError: first line$"),
        ("def make():\n    return 3", "gave int, not a torch.nn.Module"),
        ("def make(width):\n    return width", "TypeError: .*missing"),
        ("def make():\n    exit()", "SystemExit|NameError"),
    ],
)
def test_what_the_users_code_does_wrong_is_one_line(module: Any, code: str, words: str) -> None:
    name = module(code)
    with pytest.raises(ExperimentError, match=f"--model {name}:make: {words}") as caught:
        leaf_modules(f"{name}:make")
    assert "\n" not in str(caught.value)


# --- stored activations ---------------------------------------------------------------------------


def test_stored_activations_are_snapshots_of_a_run(tmp_path: Path) -> None:
    for run in ("a", "b"):
        for step in (0, 50):
            store(tmp_path / run / "activations" / f"step-{step:06d}.npz")
    opened = open_experiment(tmp_path)
    assert [run.name for run in opened.runs] == ["a", "b"]
    assert [place.step for place in opened.axis] == [0, 50]
    assert layer_names(opened) == ("hidden", "deep10")
    assert why_none(opened) == ""
    assert opened.problems == ()
    found = [computed(each) for each in sources(opened)]
    assert [each.layers for each in found] == [("hidden", "deep10")] * 4
    assert [each.n_total for each in found] == [30] * 4


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (["activations/step-5.npz"], {"exp": [5]}),
        (["r/activations/checkpoint-5.npz", "r/activations/epoch=7.npz"], {"r": [5, 7]}),
        (["r/activations/0100.npz", "r/activations/iter_200.npz"], {"r": [100, 200]}),
        (["r/activations/last.npz"], {"r": [0]}),
        (["r/checkpoints/step-1.pt", "r/activations/step-1.npz"], {"r": [1]}),
        (["r/step-1.pt", "r/activations/step-2.npz"], {"r": [1, 2]}),
        (["model.pt", "activations/step-2.npz"], {"exp": [0, 2]}),
        (["g/a/activations/step-1.npz", "g/b/step-1.pt"], {"g/a": [1], "g/b": [1]}),
        (["r/activations/step-1.npz", "activations/step-9.npz"], {"r": [1]}),
    ],
)
def test_where_stored_activations_lie(
    tmp_path: Path, files: list[str], expected: dict[str, list[int]]
) -> None:
    for name in files:
        (tmp_path / "exp" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "exp" / name).touch()
    opened = open_experiment(tmp_path / "exp")
    assert {r.name: [s.step for s in r.snapshots] for r in opened.runs} == expected
    assert opened.problems == ()
    (found,) = find_experiments([tmp_path / "exp"])
    assert found.axis == opened.axis


def test_the_folder_or_one_file_can_be_opened_too(tmp_path: Path) -> None:
    path = store(tmp_path / "run" / "activations" / "step-7.npz")
    for opened in (open_experiment(path.parent), open_experiment(path)):
        assert [place.step for place in opened.axis] == [7]
        assert layer_names(opened) == ("hidden", "deep10")
        assert opened.layers(None) == ()


def test_stored_arrays_are_no_kernels_and_no_weights(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    image = rng.normal(size=(40, 3, 5, 5)).astype(np.float32)
    store(tmp_path / "run" / "activations" / "step-3.npz", conv1=image, fc=rng.normal(size=(40, 6)))
    opened = open_experiment(tmp_path)
    assert opened.layers(None) == ()
    assert opened.sources("conv1", 3).refs == ()
    assert plan(opened, "filters") == []
    (source,) = sources(opened)
    found = computed(source, points="pooled")
    assert found.width.tolist() == [3, 6]
    assert np.isnan(found.neural_persistence).all()


def test_beside_snapshots_they_stand_for_the_network(tmp_path: Path) -> None:
    root = mlp(tmp_path)
    store(root / "run-000" / "activations" / "step-100.npz")
    opened = open_experiment(root)
    (first, last) = sources(opened)
    assert (first.stored, last.stored) == (False, True)
    assert layer_names(opened) == (*LAYERS, "hidden", "deep10")
    store(root / "run-000" / "activations" / "step-0.npz")
    assert layer_names(open_experiment(root)) == ("hidden", "deep10")


def test_a_milestone_is_of_stored_activations_too(tmp_path: Path) -> None:
    store(tmp_path / "run" / "activations" / "step-40.npz")
    (tmp_path / "run" / "snapshots.csv").write_text("step,milestone\n40,accuracy>=0.9\n")
    opened = open_experiment(tmp_path)
    assert opened.axis == (Step(40, "accuracy>=0.9"),)
    assert opened.problems == ()
    assert network_source(opened, opened.runs[0], opened.axis[0]) is not None


def test_a_bad_file_does_not_take_the_other_steps_along(tmp_path: Path) -> None:
    folder = tmp_path / "run" / "activations"
    for step in (0, 10, 20):
        store(folder / f"step-{step}.npz")
    whole = (folder / "step-0.npz").read_bytes()
    (folder / "step-0.npz").write_bytes(whole[:200])
    opened = open_experiment(tmp_path)
    assert layer_names(opened) == ("hidden", "deep10")
    bad, *good = sources(opened)
    with pytest.raises(CheckpointError, match=r"step-0\.npz: not a whole \.npz"):
        computed(bad)
    assert [computed(each).layers for each in good] == [("hidden", "deep10")] * 2
    (problem,) = opened.check()
    assert "step-0.npz" in problem.path
    (study,) = plan(opened, "landscape-study", settings=FEW)
    assert len(study.gathered) == 3  # what fails says so when it is computed


def test_bad_layers_do_not_take_the_others_along(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    good = rng.normal(size=(30, 3))
    odd = rng.normal(size=(30, 2))
    odd[4, 1] = np.nan
    path = store(
        tmp_path / "activations" / "step-0.npz",
        good=good, objects=np.array([{}, []], dtype=object), scalar=np.float64(3.0),
        few=good[:20], odd=odd, words=np.array(["a"] * 30), other=good * 2,
        labels=np.arange(30) % 3,
    )  # fmt: skip
    opened = open_experiment(tmp_path)
    assert layer_names(opened) == ("good", "scalar", "few", "odd", "other")
    (source,) = sources(opened)
    found = computed(source)
    notes = dict(zip(found.layers, found.notes, strict=True))
    failed = dict(zip(found.layers, found.failed, strict=True))
    assert [name for name, is_bad in failed.items() if not is_bad] == ["good", "other"]
    assert "(20, 3)" in notes["few"]
    assert "()" in notes["scalar"]
    assert "NaN or infinite" in notes["odd"]
    assert found.class_names == ("0", "1", "2")
    assert computed(source, of_class="2", inputs=9).n_total == 10
    (problem,) = opened.check()
    assert (problem.path, "objects, words: text or Python objects" in problem.reason) == (
        str(path), True,
    )  # fmt: skip


def test_an_archive_that_claims_more_than_it_holds_is_named(tmp_path: Path) -> None:
    import zipfile

    path = tmp_path / "activations" / "step-0.npz"
    path.parent.mkdir()
    text = b"{'descr': '<f8', 'fortran_order': False, 'shape': (100000000000, 1000), }"
    head = b"\x93NUMPY\x01\x00" + (len(text) + 1).to_bytes(2, "little") + text + b"\n"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("fc1.npy", head + b"\0" * 80)
    opened = open_experiment(tmp_path)
    assert "step-0.npz: array 'fc1' claims 800000000000" in why_none(opened)
    assert "claims" in opened.check()[0].reason


def test_what_else_lies_there_is_reported(tmp_path: Path) -> None:
    folder = tmp_path / "in" / "run" / "activations"
    store(folder / "step-1.npz")
    store(folder / "ckpt-1.npz")
    store(folder / "best.npz")
    (folder / "notes.txt").touch()
    outside = store(tmp_path / "out" / "step-9.npz")
    (folder / "step-3.npz").symlink_to(outside)
    (tmp_path / "in" / "linked").mkdir()
    (tmp_path / "in" / "linked" / "activations").symlink_to(outside.parent)
    opened = open_experiment(tmp_path / "in")
    assert {run.name: [s.step for s in run.snapshots] for run in opened.runs} == {"run": [1]}
    reasons = {Path(p.path).name: p.reason for p in opened.problems}
    assert reasons["best.npz"].startswith("no step in its name")
    assert reasons["step-1.npz"] == "left out: ckpt-1.npz is of step 1 too"
    assert "not followed" in reasons["step-3.npz"]
    assert "not followed" in reasons["activations"]


def test_activations_of_which_run_is_not_known_are_reported(tmp_path: Path) -> None:
    for name in ("a.pt", "b.pt", "activations/step-1.npz"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    opened = open_experiment(tmp_path)
    assert [run.name for run in opened.runs] == ["a", "b"]
    assert "of which of the runs" in opened.problems[0].reason
