"""What the project says of its sample models, computed from the checkpoints that ship."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis.experiment import open_experiment
from analysis.pipeline import load
from analysis.store import ResultStore
from analysis.units import plan
from dashboard.commands import table_rows

pytestmark = pytest.mark.slow
SAMPLES = Path(__file__).parents[1] / "sample_models"
Row = dict[str, Any]
Rows = Callable[..., dict[tuple[str, int], Row]]


@pytest.fixture
def rows(tmp_path: Path) -> Rows:
    """Compute the table of filters of some layers and steps into an empty store."""

    def compute(
        name: str, layers: list[str], steps: tuple[int, ...] = (0,), **settings: Any
    ) -> dict[tuple[str, int], Row]:
        experiment = open_experiment(SAMPLES / name)
        part = {"layers": layers, "steps": [experiment.at(step) for step in steps], "runs": None}
        store = ResultStore(tmp_path / "store")
        said = {"filters": settings}
        found = table_rows(experiment, "filters", said, store, part=part, jobs=2)
        json.dump(found, sys.stdout, indent=1)  # shown where a test fails
        assert all(row["error"] is None for row in found)
        return {(row["layer"], row["step"]): row for row in found}

    return compute


FACE = ["conv64_down.conv1", "conv64_3.conv2", "conv128_down.conv1"]


def test_the_circle_recurs_in_the_deep_network_and_not_in_its_null(rows: Rows) -> None:
    filters = rows("face_resnet", FACE, k="100", fraction=0.1)
    null = rows("face_resnet", FACE, k="100", fraction=0.1, null="permuted")
    for layer in FACE:
        assert filters[layer, 0]["loop_strength"] >= 5
        assert filters[layer, 0]["primary_circle_share"] > 0.7
        assert null[layer, 0]["loop_strength"] <= 1.6


def test_one_strong_loop_is_not_the_primary_circle(rows: Rows) -> None:
    row = rows("face_resnet", ["conv64_3.conv1"])["conv64_3.conv1", 0]
    assert row["loop_strength"] >= 5
    assert row["primary_circle_share"] < 0.4 < row["quadratic_share"]


def test_the_last_layers_are_named_degenerate(rows: Rows) -> None:
    layers = ["conv256_down_out.conv1", "conv256_down_out.conv2"]
    for row in rows("face_resnet", layers).values():
        assert row["degenerate"].startswith("degenerate: ")
        assert row["loop_strength"] is None


def test_the_circle_appears_while_the_digits_are_learned(rows: Rows) -> None:
    found = rows("mnist_cnn", ["conv1", "conv2"], (0, 200))
    for layer in ("conv1", "conv2"):
        assert found[layer, 0]["loop_strength"] <= 1.5
        assert found[layer, 200]["loop_strength"] >= 3
        assert found[layer, 0]["n_runs"] == 32
    assert (found["conv2", 0]["draw"], found["conv2", 0]["n_filters"]) == (20000, 4000)


def test_natural_patches_show_one_circle_and_three(rows: Rows) -> None:
    found = rows("natural_patches", ["primary_circle", "three_circles"])
    one, three = found["primary_circle", 0], found["three_circles", 0]
    assert (one["k"], one["fraction"], three["k"], three["fraction"]) == (300, 0.3, 15, 0.4)
    assert one["loop_strength"] >= 5
    assert three["h1_bars"][4] >= 2 * three["h1_bars"][5]
    assert three["h1_bars"][0] < 2 * three["h1_bars"][4]


def shipped(name: str, analysis: str) -> Any:
    """A result of all networks of a sample, from those that ship."""
    (unit,) = plan(open_experiment(SAMPLES / name), analysis)
    found = load(unit, ResultStore(SAMPLES / name / "results"))
    assert found is not None
    return found.result


def test_the_background_of_nine_disks_has_nine_holes() -> None:
    experiment = open_experiment(SAMPLES / "disks_mlp")
    store = ResultStore(SAMPLES / "disks_mlp" / "results")
    found = load(plan(experiment, "landscapes")[0], store)
    assert found is not None
    assert found.result.class_names[0] == "background"
    assert set(found.result.labels.tolist()) == {0}
    lengths = np.diff(found.result.bars("input", 1))[:, 0]
    assert lengths[8] > 5 * lengths[9]
    assert lengths[0] < 1.2 * lengths[8]  # nine alike


def test_landscape_norms_of_the_disks_grow_with_training_and_are_not_monotone_in_depth() -> None:
    study, tests = (shipped("disks_mlp", name) for name in ("landscape-study", "landscape-test"))
    assert study.places[0] == "step 0"
    joint = np.sqrt((study.norms**2).sum(axis=1))
    means = [joint[study.place == i].mean() for i in range(len(study.places))]
    assert means == sorted(means)
    pair = tests.index(study.places[0], study.places[-1])
    change, p, _ = tests.norms[pair, -1]
    assert change == pytest.approx(means[-1] - means[0])
    assert p < 0.01
    assert tests.grown[pair, -1] == 9  # of 10 runs
    untrained, trained = study.mean_norms()[0], study.mean_norms()[-1]
    assert (np.diff(untrained) > 0).any()
    assert (np.diff(trained) > 0).any()
    assert trained[-1] < 0.1 * trained[0]


def test_every_pair_of_milestones_has_its_p_value() -> None:
    study, tests = (shipped("disks_mlp", name) for name in ("landscape-study", "landscape-test"))
    n = len(study.places)
    pairs = {*zip(tests.first, tests.second, strict=True)}
    assert len(pairs) == len(tests.first) == n * (n - 1) // 2
    p, adjusted = tests.shapes[:, -1, 1], tests.shapes[:, -1, 2]
    assert ((p >= 2 / 2**10) & (p <= adjusted) & (adjusted <= 1)).all()
    assert adjusted[tests.index(study.places[0], study.places[-1])] < 0.05
    assert (tests.counts == [10, 10, 2**10, 1]).all()


def test_local_homology_of_digits_grows_in_the_last_hidden_layers_and_not_in_the_logits() -> None:
    """The logits are centred, the layers before them are not: see the description of the sample."""
    study, tests = (shipped("mnist_mlp", name) for name in ("landscape-study", "landscape-test"))
    untrained, trained = study.mean_norms()[0], study.mean_norms()[-1]
    at = {name: study.layers.index(name) for name in ("fc4", "fc5", "fc6", "fc7")}
    pair = tests.index(study.places[0], study.places[-1])
    for name in ("fc5", "fc6"):
        assert trained[at[name]] > 5 * untrained[at[name]]
        assert tests.grown[pair, at[name]] == 10
    assert trained[at["fc7"]] < 1.2 * untrained[at["fc7"]]
