from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from analysis.experiment import Experiment, open_experiment
from dashboard import metrics

Make = Callable[..., Path]


@pytest.fixture
def open_with(make_experiment: Make) -> Callable[..., Experiment]:
    """Open an experiment of two runs with these metrics.csv."""

    def make(*texts: str, steps: tuple[int, ...] = (0, 50, 100)) -> Experiment:
        folder = make_experiment(steps=steps, runs=max(len(texts), 1), n=5)
        for i, text in enumerate(texts):
            (folder / f"run-{i:03d}" / "metrics.csv").write_text(text)
        return open_experiment(folder)

    return make


Open = Callable[..., Experiment]


def test_a_curve_is_the_mean_over_the_runs_that_logged_a_step(open_with: Open) -> None:
    experiment = open_with(
        "step,val_accuracy\n0,0.1\n50,0.5\n100,0.9\n", "step,val_accuracy\n0,0.3\n75,0.6\n100,\n"
    )
    (curve,) = metrics.curves(experiment)
    assert curve.steps.tolist() == [0, 50, 75, 100]
    np.testing.assert_allclose(curve.mean, [0.2, 0.5, 0.6, 0.9])
    np.testing.assert_allclose(curve.low, [0.1, 0.5, 0.6, 0.9])
    np.testing.assert_allclose(curve.high, [0.3, 0.5, 0.6, 0.9])
    assert (curve.name, curve.n_runs) == ("val_accuracy", 2)
    (one,) = metrics.curves(experiment, ["run-001"])
    assert (one.steps.tolist(), one.n_runs) == ([0, 75], 1)


@pytest.mark.parametrize(
    ("columns", "chosen"),
    [
        (
            "step,train_loss,val_loss,val_accuracy,train_accuracy",
            ["val_accuracy", "train_accuracy"],
        ),
        ("step,epoch,train_loss,val_loss", ["val_loss", "train_loss"]),
        ("step,loss,accuracy", ["accuracy"]),
        ("step,epoch", []),
        ("step,b_norm,a_norm,c_norm", ["a_norm", "b_norm"]),
        ("step,perplexity,loss", ["loss"]),
    ],
)
def test_accuracies_come_before_losses_and_kinds_are_not_mixed(
    open_with: Open, columns: str, chosen: list[str]
) -> None:
    row = ",".join("1" for _ in columns.split(","))
    experiment = open_with(f"{columns}\n{row}\n")
    assert [curve.name for curve in metrics.curves(experiment)] == chosen


def test_without_metrics_there_is_no_curve(open_with: Open) -> None:
    assert metrics.curves(open_with()) == []
    assert metrics.curves(open_with("step,accuracy\n0,\n")) == []
    assert metrics.curves(open_with("nonsense")) == []


def test_a_curve_lies_between_the_snapshots_it_was_logged_between(open_with: Open) -> None:
    experiment = open_with(
        "step,accuracy\n0,0.1\n25,0.2\n50,0.3\n75,0.4\n100,0.5\n500,0.6\n", steps=(0, 50, 100)
    )
    (curve,) = metrics.curves(experiment)
    places = metrics.places(curve, experiment)
    np.testing.assert_allclose(places, [0, 0.5, 1, 1.5, 2, 2])


def test_a_drawn_curve_has_the_same_numbers(open_with: Open) -> None:
    (curve,) = metrics.curves(open_with("step,accuracy\n0,0.1\n50,0.3\n"))
    drawn = metrics.drawn(curve)
    np.testing.assert_array_equal(drawn.x, curve.steps)
    np.testing.assert_array_equal(drawn.mean, curve.mean)
