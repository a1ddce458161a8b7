"""Training from a recipe: what is written, that it can be repeated and resumed, and bad recipes."""

import csv
import math
import tomllib
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from safetensors import safe_open
from safetensors.numpy import load_file

from analysis._run_folder import RunFolder
from analysis._settings import dumps
from analysis.architectures import CnnSpec, build
from analysis.datasets import load_dataset
from analysis.errors import AnalysisError, ExperimentError
from analysis.training import TrainingSpec, load_spec, train

SAMPLES = Path(__file__).parents[2] / "sample_models"

TINY = {
    "title": "tiny",
    "architecture": {"kind": "cnn", "channels": [3, 2], "hidden": 5},
    "dataset": {"name": "mnist"},
    "training": {
        "runs": 3,
        "steps": 6,
        "batch": 4,
        "held_out": 50,
        "evaluate": 20,
        "evaluate_every": 2,
        "snapshots": [0, 6],
        "learning_rate": 0.01,
        "precision": "float32",
        "dtype": "float32",
    },
}


def tiny(**training):
    return {**TINY, "training": {**TINY["training"], **training}}


def rows(path):
    with path.open() as file:
        return list(csv.DictReader(file))


def assert_same(first, second, tolerance=1e-5):
    assert first.keys() == second.keys()
    for name, tensor in first.items():
        np.testing.assert_allclose(tensor, second[name], atol=tolerance, err_msg=name)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """The folder of a small part of MNIST, so that the tests need not read all of it."""
    folder = tmp_path_factory.mktemp("data")
    with np.load(SAMPLES / "data" / "mnist10k.npz") as file:
        part = {name: file[name][:300] for name in file.files}
    np.savez(folder / "mnist10k.npz", **part)
    return folder


@pytest.fixture(scope="module")
def trained(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    train(tiny(), folder, data_dir=data)
    return folder


# --- what is written -----------------------------------------------------------------------------


def test_an_experiment_has_its_files(trained):
    names = sorted(str(path.relative_to(trained)) for path in trained.rglob("*") if path.is_file())
    run = ["metrics.csv", "run.toml", "step-000000.safetensors", "step-000006.safetensors"]
    assert names == ["experiment.toml"] + [f"run-00{i}/{name}" for i in range(3) for name in run]
    experiment = tomllib.loads((trained / "experiment.toml").read_text())
    assert experiment["title"] == "tiny"
    assert experiment["licence"] == "CC BY-SA 3.0"
    assert experiment["layers"] == ["conv1", "conv2", "fc1", "fc2"]
    assert experiment["architecture"]["channels"] == [3, 2]
    settings = tomllib.loads((trained / "run-002" / "run.toml").read_text())
    assert settings["seed"] == 2
    assert settings["learning_rate"] == 0.01


def test_metrics_are_those_of_the_network_that_was_written(trained, data):
    import torch

    table = rows(trained / "run-001" / "metrics.csv")
    assert [int(row["step"]) for row in table] == [0, 2, 4, 6]
    network = build(TINY["architecture"])
    state = load_file(trained / "run-001" / "step-000006.safetensors")
    network.load_state_dict({name: torch.from_numpy(array) for name, array in state.items()})
    digits = load_dataset({"name": "mnist"}, data_dir=data)
    for part, first in (("train", 0), ("val", 250)):
        images = torch.from_numpy(digits.inputs[first : first + 20].copy())
        labels = torch.from_numpy(digits.labels[first : first + 20].copy())
        with torch.no_grad():
            logits = network(images)
        loss = torch.nn.functional.cross_entropy(logits, labels).item()
        assert float(table[-1][f"{part}_loss"]) == pytest.approx(loss, abs=2e-4)
        hits = (logits.argmax(1) == labels).float().mean().item()
        assert float(table[-1][f"{part}_accuracy"]) == pytest.approx(hits, abs=1e-4)


def test_only_what_the_recipe_names_is_kept(data, tmp_path):
    spec = tiny(
        runs=2,
        snapshots=[0, 3, 6],
        save={"conv1": "all", "conv2": [0]},
        complete_runs=["run-001"],
        dtype="float16",
    )
    train(spec, tmp_path, data_dir=data)
    kept = {
        step: load_file(tmp_path / "run-000" / f"step-{step:06d}.safetensors") for step in (0, 3, 6)
    }
    assert sorted(kept[0]) == ["conv1.weight", "conv2.weight"]
    assert sorted(kept[3]) == sorted(kept[6]) == ["conv1.weight"]
    assert kept[0]["conv2.weight"].shape == (2, 3, 3, 3)
    assert kept[0]["conv2.weight"].dtype == np.float16
    assert len(load_file(tmp_path / "run-001" / "step-000003.safetensors")) == 8
    with safe_open(tmp_path / "run-001" / "step-000003.safetensors", "np") as file:
        expected = '["conv1.weight", "conv2.weight", "fc1.weight", "fc2.weight"]'
        assert file.metadata() == {"layers": expected}
    assert rows(tmp_path / "run-000" / "metrics.csv")[2]["step"] == "3"


def test_milestones_keep_the_step_that_reaches_them(data, tmp_path):
    milestones = ["train_loss <= 2.0", "val_accuracy>=1.0"]  # the second is out of reach
    spec = tiny(steps=40, batch=16, snapshots=[], milestones=milestones)
    spec["architecture"] = {"kind": "cnn", "channels": [8, 8], "hidden": 16, "init": "default"}
    train(spec, tmp_path, data_dir=data)
    firsts = []
    for run in sorted(tmp_path.glob("run-*")):
        metrics = rows(run / "metrics.csv")
        firsts.append(next(row["step"] for row in metrics if float(row["train_loss"]) <= 2.0))
        assert rows(run / "snapshots.csv") == [{"step": firsts[-1], "milestone": "train_loss<=2.0"}]
        steps = [int(path.stem.removeprefix("step-")) for path in run.glob("step-*")]
        assert steps == [int(firsts[-1])]
    assert len(set(firsts)) > 1  # each run keeps its own step


# --- the same again ------------------------------------------------------------------------------


def test_a_run_is_the_one_that_plain_pytorch_trains(trained, data):
    import torch

    digits = load_dataset({"name": "mnist"}, data_dir=data)
    for seed in range(3):
        network = build(TINY["architecture"], seed=seed)
        optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
        rng = np.random.default_rng([seed, 1])
        for _ in range(6):
            chosen = rng.integers(250, size=4)
            loss = torch.nn.functional.cross_entropy(
                network(torch.from_numpy(digits.inputs[chosen])),
                torch.from_numpy(digits.labels[chosen]),
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        expected = {name: tensor.numpy() for name, tensor in network.state_dict().items()}
        found = load_file(trained / f"run-00{seed}" / "step-000006.safetensors")
        assert_same(found, expected, 1e-4)


def test_a_run_alone_is_the_same_run(trained, data, tmp_path):
    train(tiny(runs=1, first_seed=2), tmp_path, data_dir=data)
    alone = load_file(tmp_path / "run-000" / "step-000006.safetensors")
    assert_same(alone, load_file(trained / "run-002" / "step-000006.safetensors"), 1e-4)
    other = load_file(trained / "run-001" / "step-000006.safetensors")
    assert not np.allclose(alone["conv1.weight"], other["conv1.weight"], atol=1e-3)


def test_weight_decay_shrinks_weights(trained, data, tmp_path):
    train(tiny(runs=1, weight_decay=1.0), tmp_path, data_dir=data)
    decayed = load_file(tmp_path / "run-000" / "step-000006.safetensors")["fc1.weight"]
    free = load_file(trained / "run-000" / "step-000006.safetensors")["fc1.weight"]
    assert np.abs(decayed).sum() < np.abs(free).sum()


def test_an_interrupted_training_goes_on(trained, data, tmp_path):
    seen = []

    def interrupt(done, total, message):
        seen.append((done, total, message))
        if done == 10:
            raise KeyboardInterrupt

    spec = tiny(replicas=1)
    with pytest.raises(KeyboardInterrupt):
        train(spec, tmp_path, data_dir=data, progress=interrupt)
    assert seen[0][:2] == (0, 18)
    assert (tmp_path / "run-000" / "metrics.csv").exists()
    assert not (tmp_path / "run-001" / "metrics.csv").exists()
    complete = (tmp_path / "run-000" / "step-000006.safetensors").stat().st_mtime_ns
    seen.clear()
    train(tiny(), tmp_path, data_dir=data, progress=lambda *report: seen.append(report))
    assert seen[0] == (6, 18, "2 of 3 runs to train")
    assert seen[-1][:2] == (18, 18)
    assert (tmp_path / "run-000" / "step-000006.safetensors").stat().st_mtime_ns == complete
    for run in ("run-000", "run-001", "run-002"):
        found, expected = (
            load_file(f / run / "step-000006.safetensors") for f in (tmp_path, trained)
        )
        assert_same(found, expected, 1e-4)
    assert not list(tmp_path.rglob("*.tmp"))


@pytest.mark.parametrize("name", ["step-000000.safetensors", "metrics.csv", "run.toml"])
def test_a_run_that_lacks_a_file_is_trained_again(name, data, tmp_path):
    train(tiny(runs=1), tmp_path, data_dir=data)
    (tmp_path / "run-000" / name).unlink()
    messages = []
    train(tiny(runs=1), tmp_path, data_dir=data, progress=lambda *report: messages.append(report))
    assert messages[0] == (0, 6, "1 of 1 runs to train")
    assert (tmp_path / "run-000" / name).exists()


def test_more_runs_can_be_added(data, tmp_path):
    train(tiny(runs=1), tmp_path, data_dir=data)
    messages = []
    train(tiny(runs=2), tmp_path, data_dir=data, progress=lambda *report: messages.append(report))
    assert messages[0][2] == "1 of 2 runs to train"
    assert tomllib.loads((tmp_path / "experiment.toml").read_text())["training"]["runs"] == 2


# --- other networks, schedules and data ----------------------------------------------------------

MLP = {
    "kind": "mlp",
    "input": [1, 28, 28],
    "hidden": [12, 7],
    "activation": "tanh",
    "init": "xavier",
}


@pytest.mark.parametrize("schedule", ["constant", "cosine"])
@pytest.mark.parametrize("architecture", [MLP, {**TINY["architecture"], "activation": "sigmoid"}])
def test_any_network_trains_as_in_plain_pytorch(architecture, schedule, data, tmp_path):
    import torch

    spec = {**tiny(schedule=schedule, runs=2), "architecture": architecture}
    train(spec, tmp_path, data_dir=data)
    digits = load_dataset({"name": "mnist"}, data_dir=data)
    for seed in range(2):
        network = build(architecture, seed=seed)
        optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
        cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=6)
        rng = np.random.default_rng([seed, 1])
        for _ in range(6):
            chosen = rng.integers(250, size=4)
            logits = network(torch.from_numpy(digits.inputs[chosen]))
            loss = torch.nn.functional.cross_entropy(
                logits, torch.from_numpy(digits.labels[chosen])
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if schedule == "cosine":
                cosine.step()
        expected = {name: tensor.numpy() for name, tensor in network.state_dict().items()}
        found = load_file(tmp_path / f"run-00{seed}" / "step-000006.safetensors")
        assert_same(found, expected, 1e-4)
    settings = tomllib.loads((tmp_path / "run-000" / "run.toml").read_text())
    assert settings.get("schedule", "constant") == schedule
    assert (
        tomllib.loads((tmp_path / "experiment.toml").read_text())["architecture"]["kind"]
        == (architecture["kind"])
    )


def test_a_schedule_is_part_of_what_a_run_is(data, tmp_path):
    train(tiny(runs=1), tmp_path, data_dir=data)
    with pytest.raises(ExperimentError, match=r"schedule = 'constant', the recipe says 'cosine'"):
        train(tiny(runs=1, schedule="cosine"), tmp_path, data_dir=data)


def test_experiments_from_before_a_setting_existed_go_on(data, tmp_path):
    train(tiny(runs=1), tmp_path, data_dir=data)
    path = tmp_path / "experiment.toml"
    lines = path.read_text().splitlines()
    older = [line for line in lines if not line.startswith(("activation", "schedule"))]
    assert len(older) == len(lines) - 2
    path.write_text("\n".join(older))
    messages = []
    train(tiny(runs=1), tmp_path, data_dir=data, progress=lambda *report: messages.append(report))
    assert messages[0][2] == "0 of 1 runs to train"


def test_a_share_is_held_out():
    of_share, of_number = (TrainingSpec.parse(tiny(held_out=held)).training for held in (0.2, 50))
    assert [of_share.held_out_of(count) for count in (14_249, 10, 1)] == [2850, 2, 1]
    assert of_number.held_out_of(300) == 50


def test_a_share_is_held_out_of_the_end(data, tmp_path):
    spec = {**tiny(held_out=0.1, runs=1, evaluate=10_000), "dataset": {"name": "disks"}}
    spec["architecture"] = {"kind": "mlp", "input": [2], "hidden": [4], "classes": 2}
    train(spec, tmp_path, data_dir=data)
    import torch

    disks = load_dataset({"name": "disks"}, data_dir=data)
    network = build(spec["architecture"])
    with torch.no_grad():
        logits = network(torch.from_numpy(disks.inputs[-1425:].copy())).numpy()
    hits = (logits.argmax(axis=1) == disks.labels[-1425:]).mean()
    first = rows(tmp_path / "run-000" / "metrics.csv")[0]
    assert float(first["val_accuracy"]) == pytest.approx(hits, abs=1e-4)


def test_what_comes_before_training_reaches_nothing(data, tmp_path):
    train(tiny(runs=1, milestones=["train_accuracy>=0.0"]), tmp_path, data_dir=data)
    expected = [{"step": "2", "milestone": "train_accuracy>=0.0"}]
    assert rows(tmp_path / "run-000" / "snapshots.csv") == expected


def test_a_path_is_that_of_the_recipe_and_then_of_the_experiment(tmp_path):
    rng = np.random.default_rng(0)
    (tmp_path / "recipes").mkdir()
    numbers, labels = rng.normal(size=(60, 3)), rng.integers(2, size=60)
    np.savez(tmp_path / "recipes" / "set.npz", x=numbers, y=labels)
    spec = {**tiny(runs=1), "dataset": {"path": "set.npz"}}
    spec["architecture"] = {"kind": "mlp", "input": [3], "hidden": [4], "classes": 2}
    recipe, out = tmp_path / "recipes" / "recipe.toml", tmp_path / "some" / "where"
    recipe.write_text(dumps(spec))
    for _ in range(2):  # the second time nothing differs
        train(recipe, out, data_dir=tmp_path)
    settings = tomllib.loads((out / "experiment.toml").read_text())["dataset"]
    assert settings == {"path": "../../recipes/set.npz"}
    assert len(load_dataset(settings, data_dir=tmp_path, base=out)) == 60
    with pytest.raises(ExperimentError, match="does not exist"):
        train(spec, tmp_path / "other", data_dir=tmp_path, base=tmp_path)


# --- what is refused -----------------------------------------------------------------------------


def test_other_settings_are_not_mixed_in(trained, data):
    before = (trained / "experiment.toml").read_bytes()
    with pytest.raises(ExperimentError, match=r"\[training\] batch = 4, the recipe says 5"):
        train(tiny(batch=5), trained, data_dir=data)
    assert (trained / "experiment.toml").read_bytes() == before


def test_runs_of_unknown_origin_are_not_mixed_in(data, tmp_path):
    (tmp_path / "run-000").mkdir()
    with pytest.raises(ExperimentError, match=r"no experiment\.toml"):
        train(tiny(), tmp_path, data_dir=data)


def test_a_folder_that_cannot_be_made_is_named(data, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ExperimentError, match="cannot be written"):
        train(tiny(), tmp_path / "file" / "experiment", data_dir=data)


def test_a_diverged_run_is_named(data, tmp_path, monkeypatch):
    from analysis._replicas import Replicas

    real = Replicas.evaluate

    def diverged(self, inputs, labels):
        losses, accuracies = real(self, inputs, labels)
        losses[1] = math.nan
        return losses, accuracies

    monkeypatch.setattr(Replicas, "evaluate", diverged)
    with pytest.raises(AnalysisError, match=r"run-001 has diverged.*step 0.*learning_rate"):
        train(tiny(), tmp_path, data_dir=data)


def test_weights_beyond_float16_are_named(tmp_path):
    run = RunFolder(tmp_path, TrainingSpec.parse(tiny(dtype="float16")), 0)
    with pytest.raises(AnalysisError, match=r"run-000.*conv1\.weight is not finite at step 6"):
        run.save(6, {"conv1.weight": np.full((3, 1, 3, 3), 1e6, np.float32)})
    assert not list(tmp_path.rglob("*.safetensors"))


@pytest.mark.parametrize(
    ("training", "words"),
    [
        ({"epochs": 3}, "unknown keys epochs"),
        ({"steps": 0}, "steps must be an integer of at least 1, got 0"),
        ({"steps": 2.5}, "steps must be"),
        ({"runs": True}, "runs must be"),
        ({"replicas": 65}, "replicas must be an integer from 1 to 64"),
        ({"learning_rate": 0}, "learning_rate must be"),
        ({"learning_rate": math.nan}, "learning_rate must be"),
        ({"weight_decay": -1}, "weight_decay must be"),
        ({"snapshots": [0, 7]}, "snapshots must be rising steps among 0 … 6"),
        ({"snapshots": [6, 0]}, "rising"),
        ({"snapshots": [0, 0]}, "rising"),
        ({"snapshots": "all"}, "snapshots must be a list"),
        ({"snapshots": []}, "nothing would be kept"),
        ({"milestones": ["epoch>=3"]}, "a milestone is like"),
        ({"milestones": ["val_loss>=1", "val_loss >= 1"]}, "must differ"),
        ({"save": {"conv1": [0]}, "milestones": ["val_loss<=1"]}, "milestones would keep nothing"),
        ({"save": {"conv3": "all"}}, "unknown keys conv3"),
        ({"save": {"conv1": [3]}}, "conv1 must be rising steps among"),
        ({"save": {"conv1": "some"}}, "conv1 must be a list"),
        ({"save": "all"}, "save must be a table"),
        ({"complete_runs": ["run-003"]}, "complete_runs must be one of"),
        ({"precision": "float16"}, "precision must be one of"),
        ({"dtype": "int8"}, "dtype must be one of"),
        ({"held_out": 299}, "fewer than a batch"),
        ({"held_out": 0.999}, "fewer than a batch"),
        ({"held_out": 0}, "held_out must be an integer of at least 1"),
        ({"held_out": 1.5}, "held_out .a share. must be a number from"),
        ({"held_out": True}, "held_out must be an integer"),
        ({"schedule": "step"}, "schedule must be one of constant, cosine"),
    ],
)
def test_a_wrong_training_is_named(training, words, data, tmp_path):
    with pytest.raises(ExperimentError, match=words):
        train(tiny(**training), tmp_path / "new", data_dir=data)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("architecture", "words"),
    [
        ({}, "kind must be one of cnn"),
        ({"kind": "vgg"}, "kind must be one of cnn"),
        ({"kind": "cnn", "depth": 3}, "unknown keys depth"),
        ({"kind": "cnn", "channels": [3]}, "channels must be a list of 2 integers"),
        ({"kind": "cnn", "channels": 3}, "channels must be a list of 2 integers"),
        ({"kind": "cnn", "channels": [3, 0]}, "channels must be an integer"),
        ({"kind": "cnn", "input": [1, 3, 28]}, "at least 4×4"),
        ({"kind": "cnn", "input": [1, 16, 16]}, "do not fit mnist"),
        ({"kind": "mlp", "input": [784]}, r"do not fit mnist: input = \[1, 28, 28\]"),
        ({"kind": "cnn", "classes": 12}, "do not fit mnist"),
        ({"kind": "cnn", "hidden": -5}, "hidden must be"),
        ({"kind": "cnn", "init": "zeros"}, "init must be one of small, default"),
        ({"kind": "cnn", "init_std": 0}, "init_std must be"),
    ],
)
def test_a_wrong_architecture_is_named(architecture, words, data, tmp_path):
    with pytest.raises(ExperimentError, match=words):
        train({**TINY, "architecture": architecture}, tmp_path, data_dir=data)


@pytest.mark.parametrize("table", ["architecture", "dataset", "training"])
def test_a_missing_table_is_named(table):
    with pytest.raises(ExperimentError, match=table):
        TrainingSpec.parse({key: value for key, value in TINY.items() if key != table})


def test_wrong_texts_are_named():
    with pytest.raises(ExperimentError, match="unknown keys author"):
        TrainingSpec.parse({**TINY, "author": "me"})
    with pytest.raises(ExperimentError, match="licence must be a text"):
        TrainingSpec.parse({**TINY, "licence": 3})
    with pytest.raises(ExperimentError, match="needs a title"):
        TrainingSpec.parse({key: value for key, value in TINY.items() if key != "title"})


@pytest.mark.parametrize(
    "content", [None, b"", b"\xff\xfe", b"title = ", b"[training]\nsteps = 1\n"]
)
def test_a_recipe_that_cannot_be_read_is_named(content, tmp_path):
    path = tmp_path / "my recipe.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ExperimentError, match=r"my recipe\.toml"):
        load_spec(path)


# --- networks and settings -----------------------------------------------------------------------


def test_a_network_draws_from_its_seed_alone():
    import torch

    before = torch.get_rng_state()
    first, second, other = (build(CnnSpec(), seed=seed).state_dict() for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), before)
    for name, tensor in first.items():
        assert torch.equal(tensor, second[name])
    assert not torch.equal(first["conv1.weight"], other["conv1.weight"])


def test_small_initialisation_is_a_cut_normal_distribution():
    state = build(CnnSpec(), seed=0).state_dict()
    weight = state["conv2.weight"].numpy()
    assert np.abs(weight).max() <= 0.04
    # A normal distribution cut at two standard deviations keeps .880 of one.
    assert weight.std() == pytest.approx(0.02 * 0.880, rel=0.02)
    assert not state["conv1.bias"].any()
    assert state["fc1.bias"].any()


def test_default_initialisation_is_that_of_pytorch():
    import torch

    ours = build(CnnSpec(init="default"), seed=0).state_dict()
    for name, module in (
        ("conv1", torch.nn.Conv2d(1, 64, 3)),
        ("conv2", torch.nn.Conv2d(64, 32, 3)),
        ("fc1", torch.nn.Linear(1568, 64)),
    ):
        for kind, theirs in module.named_parameters():
            tensor = ours[f"{name}.{kind}"]
            assert tensor.abs().max().item() == pytest.approx(theirs.abs().max().item(), rel=0.15)
            assert tensor.abs().max() <= 1 / math.sqrt(math.prod(module.weight.shape[1:]))


def test_settings_come_back_from_toml():
    settings = {
        "text": 'a "quoted"\nline, tab\t, \\, ρ₀ and \x7f',
        "numbers": [1, -2, 3],
        "small": 1e-07,
        "flag": True,
        "empty": [],
        "table": {"a key": "x", "nothing": {}, "deeper": {"k": "2%"}},
    }
    assert tomllib.loads(dumps(settings)) == settings
    with pytest.raises(TypeError, match="None"):
        dumps({"absent": None})


# --- the recipe of a study that is not made here -------------------------------------------------


def small_cifar(folder, *, count=20):
    """Made-up images of the size of CIFAR-10, one folder per class."""
    rng = np.random.default_rng(0)
    for label in range(10):
        (folder / f"class{label}").mkdir(parents=True)
        for i in range(count):
            # Of its own colour, so that there is something to learn.
            colour = np.array([label * 25, 255 - label * 25, 128 * (label % 2)])
            pixels = np.clip(colour + rng.normal(scale=20, size=(32, 32, 3)), 0, 255)
            Image.fromarray(pixels.astype(np.uint8)).save(folder / f"class{label}" / f"{i}.png")


def test_the_cifar_study_trains_from_a_folder(tmp_path):
    small_cifar(tmp_path / "images")
    spec = load_spec(SAMPLES / "cifar10_cnn.toml")
    assert spec.architecture == CnnSpec(
        input=(3, 32, 32), channels=(64, 32), hidden=64, init="default"
    )
    assert spec.dataset == {"openml": "CIFAR_10", "order": "stored"}
    short = replace(
        spec.training,
        runs=2,
        steps=40,
        batch=16,
        held_out=50,
        evaluate=100,
        snapshots=[0, 40],
        evaluate_every=20,
    )
    spec = replace(spec, training=short, dataset={"path": "images"})
    train(spec, tmp_path / "out", data_dir=tmp_path, base=tmp_path)
    for run in ("run-000", "run-001"):
        table = rows(tmp_path / "out" / run / "metrics.csv")
        assert float(table[-1]["train_accuracy"]) > float(table[0]["train_accuracy"]) + 0.3
        kept = load_file(tmp_path / "out" / run / "step-000040.safetensors")
        assert {name: tensor.shape for name, tensor in kept.items()} == {
            "conv1.weight": (64, 3, 3, 3),
            "conv2.weight": (32, 64, 3, 3),
        }


def test_the_cifar_study_trains_from_the_rows_of_openml(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    table = rng.integers(256, size=(80, 3072)).astype(np.float64)
    target = np.array([str(i % 10) for i in range(80)], dtype=object)
    found = SimpleNamespace(data=table, target=target, details={})
    monkeypatch.setattr("sklearn.datasets.fetch_openml", lambda *_args, **_options: found)
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda *_args, **_options: tmp_path / "kept")
    spec = load_spec(SAMPLES / "cifar10_cnn.toml")
    short = replace(spec.training, runs=1, steps=1, batch=4, held_out=20, snapshots=[0])
    train(replace(spec, training=short), tmp_path, data_dir=tmp_path)
    assert (tmp_path / "run-000" / "step-000000.safetensors").exists()
    experiment = tomllib.loads((tmp_path / "experiment.toml").read_text())
    assert experiment["source"] == "OpenML, CIFAR_10, version 1"


# --- the sample that ships -----------------------------------------------------------------------


def test_mnist_cnn_trains_again_from_its_recipe(tmp_path):
    spec = load_spec(SAMPLES / "mnist_cnn" / "recipe.toml")
    short = replace(
        spec.training, runs=1, steps=25, snapshots=[0, 25], save={}, evaluate=200, replicas=1
    )
    train(replace(spec, training=short), tmp_path, data_dir=SAMPLES / "data")
    table = rows(tmp_path / "run-000" / "metrics.csv")
    assert float(table[0]["train_loss"]) == pytest.approx(math.log(10), abs=0.05)
    assert float(table[-1]["train_loss"]) < 1.9
    shipped = SAMPLES / "mnist_cnn" / "run-000"
    start, end = (f"step-{step:06d}.safetensors" for step in (0, 25))
    drawn = load_file(shipped / start)
    assert_same(load_file(tmp_path / "run-000" / start), drawn, 0)
    # Processors differ in how they round to bfloat16; what is learned hardly does.
    ours, theirs = load_file(tmp_path / "run-000" / end), load_file(shipped / end)
    for name in ("conv1.weight", "conv2.weight"):
        learned = [(w[name].astype(float) - drawn[name]).ravel() for w in (ours, theirs)]
        assert np.corrcoef(learned)[0, 1] > 0.98
