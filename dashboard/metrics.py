"""Curves of metrics.csv: averaged over runs, at the steps that were logged."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.experiment import Experiment
from dashboard.figures import curves as figures

Floats = NDArray[np.float64]

PREFERRED = ("val_accuracy", "train_accuracy", "accuracy", "val_loss", "train_loss", "loss")
NOT_CURVES = ("step", "epoch")


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """One column of metrics.csv over the runs.

    Attributes
    ----------
    name : str
    steps : ndarray of float64, shape (n,)
        Training steps, ascending.
    mean, low, high : ndarray of float64, shape (n,)
        Over the runs that logged that step.
    n_runs : int
        Runs that logged it at all.
    """

    name: str
    steps: Floats
    mean: Floats
    low: Floats
    high: Floats
    n_runs: int


def curves(experiment: Experiment, runs: Sequence[str] = ()) -> list[Curve]:
    """Return at most two curves: accuracies where there are any, else losses, else what there is.

    Parameters
    ----------
    experiment : Experiment
    runs : sequence of str
        Names of runs; all of them where empty.
    """
    chosen = [run for run in experiment.runs if not runs or run.name in runs]
    names = {name for run in chosen for name in run.metrics if name not in NOT_CURVES}
    order = [*(name for name in PREFERRED if name in names), *sorted(names - set(PREFERRED))]
    kind = order[0].rsplit("_", 1)[-1] if order else ""
    alike = [name for name in order if name.rsplit("_", 1)[-1] == kind][:2]
    made = [_curve(name, [run.metrics for run in chosen if name in run.metrics]) for name in alike]
    return [curve for curve in made if len(curve.steps)]


def _curve(name: str, tables: Sequence[object]) -> Curve:
    steps = np.concatenate([table["step"] for table in tables])  # type: ignore[index]
    values = np.concatenate([table[name] for table in tables])  # type: ignore[index]
    known = np.isfinite(values) & np.isfinite(steps)
    at, which = np.unique(steps[known], return_inverse=True)
    count = np.bincount(which, minlength=len(at))
    mean = np.bincount(which, weights=values[known], minlength=len(at)) / np.maximum(count, 1)
    low, high = np.full(len(at), np.inf), np.full(len(at), -np.inf)
    np.minimum.at(low, which, values[known])
    np.maximum.at(high, which, values[known])
    return Curve(name, at, mean, low, high, len(tables))


def places(curve: Curve, experiment: Experiment) -> Floats:
    """Put a curve's steps on the experiment's axis: 0 is its first snapshot, 1 the second."""
    axis = np.array([each.step for each in experiment.axis], dtype=np.float64)
    order = np.argsort(axis, kind="stable")
    return np.interp(curve.steps, axis[order], np.arange(len(axis), dtype=np.float64))


def drawn(curve: Curve) -> figures.Curve:
    """Return a curve at its training steps, as figures draw it."""
    return figures.Curve(curve.steps, curve.mean, curve.low, curve.high)
