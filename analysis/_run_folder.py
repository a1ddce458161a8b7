"""The files of a training: whole or not there, so that an interrupted training can go on."""

import csv
import io
import json
import os
import tomllib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis._settings import dumps
from analysis._training_spec import METRICS, TrainingSpec
from analysis.errors import AnalysisError, ExperimentError

# Neither changes a run that is there.
_FREE = ("runs", "replicas")
# What experiments were trained with before these could be chosen.
_LATER = {"architecture": {"activation": "relu"}, "training": {"schedule": "constant"}}


def prepare_folder(folder: Path, spec: TrainingSpec) -> None:
    """Make the folder of an experiment, or check that it is the one of this recipe.

    Parameters
    ----------
    folder : Path
    spec : TrainingSpec

    Raises
    ------
    ExperimentError
        If it holds runs of other settings, or cannot be written.
    """
    document = _experiment(spec)
    path = folder / "experiment.toml"
    if path.exists():
        _refuse_other(path, document)
    elif any(folder.glob("run-*")):
        msg = f"{folder} holds runs but no experiment.toml: choose another folder"
        raise ExperimentError(msg)
    write_whole(path, dumps(document).encode())


def _experiment(spec: TrainingSpec) -> dict[str, Any]:
    training = asdict(spec.training)
    kept = [name for name in spec.architecture.layers if name in training["save"]]
    return {
        "title": spec.title,
        "description": spec.description,
        "licence": spec.licence,
        "source": spec.source,
        "layers": kept or list(spec.architecture.layers),
        "architecture": {"kind": spec.architecture.kind, **asdict(spec.architecture)},
        "dataset": dict(spec.dataset),
        "training": training,
        "analysis": dict(spec.analysis),
    }


def _refuse_other(path: Path, document: Mapping[str, Any]) -> None:
    # Through TOML, so that tuples are lists on both sides.
    new, old = tomllib.loads(dumps(document)), _read_toml(path)
    for table in ("architecture", "dataset", "training"):
        ours, theirs = new[table], {**_LATER.get(table, {}), **old.get(table, {})}
        for key in sorted(set(ours) | set(theirs)):
            if key not in _FREE and ours.get(key) != theirs.get(key):
                msg = (
                    f"{path} was trained with [{table}] {key} = {theirs.get(key)!r}, the recipe "
                    f"says {ours.get(key)!r}: choose another folder, or remove this one"
                )
                raise ExperimentError(msg)


class RunFolder:
    """One run of an experiment while it is trained.

    Parameters
    ----------
    folder : Path
        Of the experiment.
    spec : TrainingSpec
    index : int
        Which run.
    """

    def __init__(self, folder: Path, spec: TrainingSpec, index: int) -> None:
        self.name = spec.training.run_names[index]
        self.seed = spec.training.first_seed + index
        self._path = folder / self.name
        self._training = spec.training
        self._milestones = {m.text: m for m in spec.training.parsed_milestones}
        self._rows: list[dict[str, float]] = []
        self._reached: list[tuple[int, str]] = []

    @property
    def settings(self) -> dict[str, Any]:
        """What run.toml says: the settings that change a run."""
        names = ("learning_rate", "weight_decay", "batch", "steps", "precision")
        chosen = {"schedule": self._training.schedule}
        later = {name: value for name, value in chosen.items() if value != "constant"}
        return {
            "seed": self.seed,
            **{name: getattr(self._training, name) for name in names},
            **later,
        }

    def is_complete(self) -> bool:
        """Tell whether this very training is here from its first file to its last."""
        try:
            rows = _read_csv(self._path / "metrics.csv")
            same = _read_toml(self._path / "run.toml") == self.settings
            steps = list(self._training.snapshots)
            if self._milestones:
                steps += [int(row["step"]) for row in _read_csv(self._path / "snapshots.csv")]
            last = int(rows[-1]["step"])
        except (OSError, ExperimentError, LookupError, ValueError):
            return False
        kept = (self._step_file(step).is_file() for step in steps if self._keeps_any(step))
        return same and last == self._training.steps and all(kept)

    def start(self) -> None:
        """Remove what an interrupted training left and write run.toml."""
        for pattern in ("step-*.safetensors", "metrics.csv", "snapshots.csv"):
            for path in self._path.glob(pattern):
                path.unlink()
        write_whole(self._path / "run.toml", dumps(self.settings).encode())

    def record(self, step: int, metrics: Mapping[str, float]) -> bool:
        """Keep a row of metrics; tell whether weights are to be kept at this step.

        Raises
        ------
        AnalysisError
            If the training has diverged.
        """
        if not np.isfinite(list(metrics.values())).all():
            msg = (
                f"{self.name} has diverged: its loss is not finite at step {step}; "
                f"lower [training] learning_rate ({self._training.learning_rate:g})"
            )
            raise AnalysisError(msg)
        self._rows.append({"step": step, **metrics})
        passed = {text for _, text in self._reached}
        looked_at = self._milestones.values() if step else ()  # nothing is learned at step 0
        new = [m.text for m in looked_at if m.is_reached(metrics)]
        self._reached += [(step, text) for text in new if text not in passed]
        is_milestone = any(at == step for at, _ in self._reached)
        return is_milestone or step in self._training.snapshots

    def save(self, step: int, parameters: Mapping[str, NDArray[np.float32]]) -> None:
        """Write the weights of a step, as many as the recipe keeps.

        Raises
        ------
        AnalysisError
            If a weight is not finite in the precision that is written.
        """
        from safetensors.numpy import save

        with np.errstate(over="ignore"):  # an overflow is reported below, by name
            tensors = {
                name: np.ascontiguousarray(array, dtype=self._training.dtype)
                for name, array in parameters.items()
                if self._training.keeps(name, run=self.name, step=step)
            }
        for name, tensor in tensors.items():
            if not np.isfinite(tensor).all():
                msg = f"{self.name} has diverged: {name} is not finite at step {step}"
                raise AnalysisError(msg)
        layers = [name for name in tensors if name.endswith(".weight")]
        if tensors:
            write_whole(self._step_file(step), save(tensors, {"layers": json.dumps(layers)}))

    def finish(self) -> None:
        """Write the tables; metrics.csv comes last and says that the run is complete."""
        if self._milestones:
            table = [("step", "milestone"), *self._reached]
            write_whole(self._path / "snapshots.csv", _csv(table))
        rows = [(row["step"], *(f"{row[name]:.4f}" for name in METRICS)) for row in self._rows]
        write_whole(self._path / "metrics.csv", _csv([("step", *METRICS), *rows]))

    def _keeps_any(self, step: int) -> bool:
        save = self._training.save
        keeps = self._training.keeps
        return not save or any(keeps(f"{layer}.weight", run=self.name, step=step) for layer in save)

    def _step_file(self, step: int) -> Path:
        return self._path / f"step-{step:06d}.safetensors"


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that it is either whole or not there.

    Raises
    ------
    ExperimentError
        If it cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(content)
        temporary.replace(path)
    except OSError as error:
        msg = f"{path}: cannot be written ({error.strerror}); free some space or choose another -o"
        raise ExperimentError(msg) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        msg = f"{path}: cannot be read ({error})"
        raise ExperimentError(msg) from error


def _read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _csv(rows: Iterable[Iterable[object]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()
