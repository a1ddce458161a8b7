"""The experiments that ship: small enough, labelled, whole, and those of their recipes."""

import csv
import importlib.util
import re
import tomllib
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from analysis._run_folder import RunFolder, prepare_folder
from analysis.architectures import build
from analysis.datasets import load_dataset
from analysis.training import Training, load_spec

SAMPLES = Path(__file__).parents[2] / "sample_models"
TRAINED = {
    "mnist_cnn": 32,
    "mnist_cnn_default": 16,
    "photo_cnn": 16,
    "disks_mlp": 10,
    "mnist_mlp": 10,
}
ALL = [*TRAINED, "face_resnet", "natural_patches"]


def rows(path):
    return list(csv.DictReader(path.read_text("utf-8").splitlines()))


def test_all_of_it_is_at_most_45_mb():
    size = sum(path.stat().st_size for path in SAMPLES.rglob("*") if path.is_file())
    assert size <= 45e6


def test_every_experiment_says_what_it_is():
    assert sorted(path.parent.name for path in SAMPLES.glob("*/experiment.toml")) == sorted(ALL)
    page = (SAMPLES / "README.md").read_text(encoding="utf-8")
    for name in ALL:
        experiment = tomllib.loads((SAMPLES / name / "experiment.toml").read_text("utf-8"))
        assert all(experiment[key] for key in ("title", "description", "source", "licence"))
        assert f"`{name}`" in page


@pytest.mark.parametrize("name", ALL)
def test_weights_are_finite_and_of_the_layers_that_are_named(name):
    experiment = tomllib.loads((SAMPLES / name / "experiment.toml").read_text("utf-8"))
    layers = experiment["layers"]
    dtype = experiment.get("training", {}).get("dtype", "float16")
    files = sorted((SAMPLES / name).rglob("*.safetensors"))
    found = set()
    for path in files:
        for key, tensor in load_file(path).items():
            assert tensor.dtype == dtype, (path, key)
            assert np.isfinite(tensor).all(), (path, key)
            found.add(key.removesuffix(".weight"))
    assert (dtype == "float32") == (name == "disks_mlp")  # rounding moves its few points
    assert set(layers) <= found


@pytest.mark.parametrize(("name", "runs"), TRAINED.items())
def test_trained_experiments_are_those_of_their_recipes(name, runs, tmp_path):
    spec = load_spec(SAMPLES / name / "recipe.toml")
    assert spec.training.runs == runs
    assert all(RunFolder(SAMPLES / name, spec, index).is_complete() for index in range(runs))
    # Anything that differs would be refused; what is written again is what is there.
    shipped = (SAMPLES / name / "experiment.toml").read_text("utf-8")
    (tmp_path / "experiment.toml").write_text(shipped, encoding="utf-8")
    texts = tomllib.loads(shipped)
    prepare_folder(tmp_path, spec)
    again = tomllib.loads((tmp_path / "experiment.toml").read_text("utf-8"))
    for key in ("title", "description", "layers", "analysis"):
        assert again[key] == texts[key]


MILESTONES = {"disks_mlp": (0.6, 0.8, 0.9, 0.95, 0.99), "mnist_mlp": (0.95,)}


@pytest.mark.parametrize("name", MILESTONES)
def test_every_run_reaches_every_milestone_when_it_says(name):
    for run in sorted((SAMPLES / name).glob("run-*")):
        marks, metrics = rows(run / "snapshots.csv"), rows(run / "metrics.csv")
        firsts = [
            next(row["step"] for row in metrics[1:] if float(row["train_accuracy"]) >= share)
            for share in MILESTONES[name]
        ]
        assert [mark["step"] for mark in marks] == firsts
        wanted = [f"train_accuracy>={share}" for share in MILESTONES[name]]
        assert [mark["milestone"] for mark in marks] == wanted
        kept = {path.stem for path in run.glob("step-*")}
        assert kept == {f"step-{int(step):06d}" for step in (0, *firsts)}


@pytest.mark.parametrize("name", MILESTONES)
@pytest.mark.parametrize("run", ["run-000", "run-009"])
def test_the_forward_pass_is_that_of_experiment_toml(name, run):
    import torch

    folder = SAMPLES / name
    experiment = tomllib.loads((folder / "experiment.toml").read_text("utf-8"))
    dataset = load_dataset(experiment["dataset"], data_dir=SAMPLES / "data", base=folder)
    held_out = Training(**experiment["training"]).held_out_of(len(dataset))
    inputs, labels = torch.from_numpy(dataset.inputs.copy()), dataset.labels
    metrics = {int(row["step"]): row for row in rows(folder / run / "metrics.csv")}
    # float32: up to how products are summed; float16: weights are rounded to 11 bits.
    tolerance = 2.1e-4 if name == "disks_mlp" else 2e-3
    for path in sorted((folder / run).glob("step-*")):
        state = {key: torch.from_numpy(array).float() for key, array in load_file(path).items()}
        network = build(experiment["architecture"])
        network.load_state_dict(state)
        with torch.no_grad():
            hits = network(inputs).argmax(dim=1).numpy() == labels
        row = metrics[int(path.stem.removeprefix("step-"))]
        for column, part in (("train", hits[:-held_out]), ("val", hits[-held_out:])):
            expected = float(row[f"{column}_accuracy"])
            assert part.mean() == pytest.approx(expected, abs=tolerance), (path, column)


def test_one_run_of_mnist_is_complete():
    first = load_file(SAMPLES / "mnist_cnn" / "run-000" / "step-000500.safetensors")
    assert {name.partition(".")[0] for name in first} == {"conv1", "conv2", "fc1", "fc2"}
    other = load_file(SAMPLES / "mnist_cnn" / "run-001" / "step-000500.safetensors")
    assert sorted(other) == ["conv1.weight", "conv2.weight"]


def test_natural_patches_are_made_again(tmp_path):
    place = importlib.util.spec_from_file_location("recipes", SAMPLES / "recipes.py")
    recipes = importlib.util.module_from_spec(place)
    place.loader.exec_module(recipes)
    recipes.make_natural_patches(tmp_path / "patches.safetensors")
    made = load_file(tmp_path / "patches.safetensors")
    shipped = load_file(SAMPLES / "natural_patches" / "patches.safetensors")
    assert {name: tensor.shape for name, tensor in made.items()} == {
        "primary_circle.weight": (19_200, 1, 3, 3),
        "three_circles.weight": (44_000, 1, 3, 3),
    }
    for name, tensor in made.items():
        # Logarithms may differ in their last bit between machines.
        assert np.mean(tensor != shipped[name]) < 1e-3


def test_nothing_names_a_registry_or_a_place_on_this_machine():
    for path in SAMPLES.rglob("*"):
        if path.suffix in {".toml", ".md", ".py"}:
            text = path.read_text("utf-8")
            assert not re.search(r"https?://|/home/|/root|/tmp", text), path
