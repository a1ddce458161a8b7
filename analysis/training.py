"""Training of the experiments that ship: many runs of a small network from one recipe."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from analysis._run_folder import RunFolder, prepare_folder
from analysis._training_spec import METRICS, Milestone, Training, TrainingSpec, load_spec
from analysis.datasets import Dataset, load_dataset
from analysis.errors import ExperimentError

if TYPE_CHECKING:
    from analysis._replicas import Replicas

__all__ = ["Milestone", "Progress", "Training", "TrainingSpec", "load_spec", "train"]

Progress = Callable[[int, int, str], None]
"""Called with the steps done, the steps in all (of all runs), and what is being done."""


def train(
    spec: TrainingSpec | Mapping[str, Any] | Path,
    out_dir: Path,
    *,
    data_dir: Path,
    base: Path | None = None,
    progress: Progress | None = None,
) -> None:
    """Train every run of a recipe and write an experiment.

    Run i is drawn with seed ``first_seed + i`` and sees batches drawn with that seed, so that it is
    the same run, up to rounding, alone or beside others. Runs that are complete are left as they
    are; others start afresh. Every file is written whole.

    Parameters
    ----------
    spec : TrainingSpec, Mapping or Path
        The recipe, what TOML gives of it, or its file.
    out_dir : Path
        Gets experiment.toml and, for each run, run.toml, metrics.csv, a ``step-….safetensors`` at
        each snapshot, and snapshots.csv if there are milestones.
    data_dir : Path
        Folder of the images that ship, ``sample_models/data``.
    base : Path, optional
        Folder that a relative ``[dataset] path`` starts from; by default that of the recipe's file,
        else the current one. experiment.toml gets the path as it is from `out_dir`.
    progress : callable, optional
        See `Progress`.

    Raises
    ------
    ExperimentError
        If the recipe is wrong, the folder holds another experiment, or cannot be written.
    AnalysisError
        If a run diverges. Training stops there: what is written stays.
    """
    recipe = _as_spec(spec)
    start = base or (spec.parent if isinstance(spec, Path) else Path())
    dataset = load_dataset(recipe.dataset, data_dir=data_dir, base=start, fetch=True)
    _check_fit(recipe, dataset)
    recipe = replace(
        recipe,
        dataset=_seen_from(out_dir, recipe.dataset, start),
        source=recipe.source or dataset.source,
        licence=recipe.licence or dataset.licence,
    )
    prepare_folder(out_dir, recipe)
    runs = [RunFolder(out_dir, recipe, index) for index in range(recipe.training.runs)]
    missing = [run for run in runs if not run.is_complete()]
    count = _Count(recipe.training, len(missing), progress)
    for group in _groups(missing, recipe.training.replicas):
        _Group(recipe, group, dataset).train(count)


def _as_spec(spec: TrainingSpec | Mapping[str, Any] | Path) -> TrainingSpec:
    if isinstance(spec, TrainingSpec):
        return spec
    return TrainingSpec.parse(spec) if isinstance(spec, Mapping) else load_spec(spec)


def _seen_from(folder: Path, dataset: Mapping[str, Any], base: Path) -> Mapping[str, Any]:
    """Turn the relative path of a dataset into the one from another folder."""
    path = dataset.get("path")
    if path is None or Path(path).is_absolute():
        return dataset
    try:
        moved = os.path.relpath((base / path).resolve(), folder.resolve())
    except ValueError:  # on another drive
        moved = str((base / path).resolve())
    return {**dataset, "path": Path(moved).as_posix()}


def _check_fit(spec: TrainingSpec, dataset: Dataset) -> None:
    shape, network = dataset.input, spec.architecture
    if shape != network.input or dataset.n_classes != network.classes:
        msg = (
            f"[architecture] input = {list(network.input)}, classes = {network.classes} do not fit "
            f"{dataset.name}: input = {list(shape)}, classes = {dataset.n_classes}"
        )
        raise ExperimentError(msg)
    left = len(dataset) - spec.training.held_out_of(len(dataset))
    if left < spec.training.batch:
        msg = f"[training] held_out leaves {left} of {len(dataset)} inputs: fewer than a batch"
        raise ExperimentError(msg)


def _groups(runs: Sequence[RunFolder], size: int) -> Iterator[Sequence[RunFolder]]:
    return (runs[start : start + size] for start in range(0, len(runs), size))


class _Count:
    """Steps done over all runs, told to whoever asked."""

    def __init__(self, training: Training, missing: int, progress: Progress | None) -> None:
        self._progress = progress
        self._total = training.runs * training.steps
        self._done = (training.runs - missing) * training.steps
        self.advance(0, f"{missing} of {training.runs} runs to train")

    def advance(self, steps: int, message: str) -> None:
        self._done += steps
        if self._progress is not None:
            self._progress(self._done, self._total, message)


@dataclass(frozen=True, slots=True, eq=False)
class _Sample:
    inputs: NDArray[np.float32]
    labels: NDArray[np.int64]


class _Group:
    """Runs that are trained together."""

    def __init__(self, spec: TrainingSpec, runs: Sequence[RunFolder], dataset: Dataset) -> None:
        self._spec, self._training, self._runs = spec, spec.training, runs
        self._n_train = len(dataset) - spec.training.held_out_of(len(dataset))
        seen, kept = spec.training.evaluate, self._n_train
        self._dataset = dataset
        self._samples = [
            _Sample(dataset.inputs[part].copy(), dataset.labels[part].copy())  # PyTorch's own
            for part in (slice(0, min(seen, kept)), slice(kept, kept + seen))
        ]
        # The second number keeps batches apart from whatever else is drawn with a run's seed.
        self._rngs = [np.random.default_rng([run.seed, 1]) for run in runs]

    def train(self, count: _Count) -> None:
        replicas = self._draw()
        for run in self._runs:
            run.start()
        names = f"{self._runs[0].name} … {self._runs[-1].name}"
        for step in range(self._training.steps):
            self._look(replicas, step)
            replicas.set_rate(self._training.rate(step))
            replicas.step(*self._batches())
            count.advance(len(self._runs), f"{names}, step {step + 1}")
        self._look(replicas, self._training.steps)
        for run in self._runs:
            run.finish()

    def _draw(self) -> "Replicas":
        from analysis._replicas import Replicas

        return Replicas(
            self._spec.architecture,
            [run.seed for run in self._runs],
            learning_rate=self._training.learning_rate,
            weight_decay=self._training.weight_decay,
            precision=self._training.precision,
        )

    def _batches(self) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        size = self._training.batch
        chosen = np.stack([rng.integers(self._n_train, size=size) for rng in self._rngs])
        return self._dataset.inputs[chosen], self._dataset.labels[chosen]

    def _look(self, replicas: "Replicas", step: int) -> None:
        """Write down metrics and weights where a step asks for it."""
        training = self._training
        is_due = step % training.evaluate_every == 0 or step == training.steps
        if not is_due and step not in training.snapshots:
            return
        measured = [replicas.evaluate(part.inputs, part.labels) for part in self._samples]
        columns = [values for pair in measured for values in pair]
        for i, run in enumerate(self._runs):
            metrics = dict(zip(METRICS, (float(values[i]) for values in columns), strict=True))
            if run.record(step, metrics):
                run.save(step, replicas.parameters(i))
