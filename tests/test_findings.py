"""What the project says of its sample models, computed from the checkpoints that ship."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from analysis.experiment import open_experiment
from analysis.store import ResultStore
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
