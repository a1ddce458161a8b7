"""What a training is: the recipe of an experiment, read from TOML and checked before it starts."""

import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Self

from analysis._settings import check_choice, check_integer, check_keys, check_number
from analysis.architectures import Spec
from analysis.architectures import parse as parse_architecture
from analysis.errors import ExperimentError

METRICS = ("train_loss", "train_accuracy", "val_loss", "val_accuracy")
_TEXTS = ("title", "description", "licence", "source")


@dataclass(frozen=True, slots=True)
class Milestone:
    """A metric reaches a value, such as ``train_accuracy>=0.9`` or ``val_loss<=0.5``."""

    text: str
    metric: str
    rising: bool
    value: float

    @classmethod
    def parse(cls, text: object) -> Self:
        """Read the text of a milestone.

        Raises
        ------
        ExperimentError
            If it is not a metric, ``>=`` or ``<=``, and a number.
        """
        found = re.fullmatch(r"(\w+) *(>=|<=) *([0-9.]+)", text) if isinstance(text, str) else None
        if found is None or found[1] not in METRICS:
            names = ", ".join(METRICS)
            msg = f"a milestone is like train_accuracy>=0.9 with one of {names}, got {text!r}"
            raise ExperimentError(msg)
        return cls(f"{found[1]}{found[2]}{found[3]}", found[1], found[2] == ">=", float(found[3]))

    def is_reached(self, metrics: Mapping[str, float]) -> bool:
        """Tell whether metrics reach it."""
        value = metrics[self.metric]
        return value >= self.value if self.rising else value <= self.value


@dataclass(frozen=True, slots=True)
class Training:
    """How an experiment is trained and what is kept: the ``[training]`` table.

    Attributes
    ----------
    steps : int
        Batches that each run is trained on.
    runs, first_seed : int
        Run i is drawn with seed first_seed + i.
    batch : int
        Inputs in a batch.
    learning_rate, weight_decay : float
        Of Adam.
    schedule : str
        "constant", or "cosine": the learning rate falls along half a cosine wave, to nothing after
        the last step.
    snapshots : list of int
        Steps at which weights are kept, 0 being before training.
    milestones : list of str
        Weights are kept, too, when a metric first reaches a value, looked at with each row of
        metrics.csv from the first step on: ``train_accuracy>=0.9``. What comes before training
        reaches nothing. A run goes on to its last step whether or not it has reached them all.
    held_out : int or float
        So many last inputs of the dataset are not trained on; below 1, this share of them.
    evaluate : int
        So many inputs, of the trained and of the held-out ones, are looked at for a row of metrics,
        or all if there are fewer.
    evaluate_every : int
        Steps between rows.
    replicas : int
        Runs trained at once.
    precision : str
        "bfloat16" (products in it, weights in float32) or "float32".
    dtype : str
        Of what is written: "float16" or "float32".
    save : Mapping
        Layer → "all" or a list of steps; layers not named are not kept. Empty: keep everything.
    complete_runs : list of str
        Runs of which every parameter is kept at every snapshot.
    """

    steps: int
    runs: int = 1
    first_seed: int = 0
    batch: int = 16
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    schedule: str = "constant"
    snapshots: list[int] = field(default_factory=list)
    milestones: list[str] = field(default_factory=list)
    held_out: int | float = 1000
    evaluate: int = 500
    evaluate_every: int = 25
    replicas: int = 8
    precision: str = "bfloat16"
    dtype: str = "float16"
    save: Mapping[str, str | list[int]] = field(default_factory=dict)
    complete_runs: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Check every setting.

        Raises
        ------
        ExperimentError
            If one is out of its range or two contradict each other.
        """
        for name in ("steps", "batch", "evaluate", "evaluate_every"):
            check_integer(f"[training] {name}", getattr(self, name))
        if isinstance(self.held_out, float):
            check_number("[training] held_out (a share)", self.held_out, least=1e-6, most=0.999999)
        else:
            check_integer("[training] held_out", self.held_out)
        check_integer("[training] runs", self.runs, most=100_000)
        check_integer("[training] first_seed", self.first_seed, least=0)
        check_integer("[training] replicas", self.replicas, most=64)
        check_number("[training] learning_rate", self.learning_rate, least=1e-12, most=10)
        check_number("[training] weight_decay", self.weight_decay, least=0, most=10)
        check_choice("[training] schedule", self.schedule, ("constant", "cosine"))
        check_choice("[training] precision", self.precision, ("bfloat16", "float32"))
        check_choice("[training] dtype", self.dtype, ("float16", "float32"))
        self._check_kept()

    def _check_kept(self) -> None:
        _check_steps("[training] snapshots", self.snapshots, range(self.steps + 1))
        for layer, steps in self.save.items():
            if steps != "all":
                _check_steps(f"[training.save] {layer}", steps, self.snapshots)
        if len(set(self.parsed_milestones)) < len(_list("[training] milestones", self.milestones)):
            msg = f"[training] milestones must differ, got {self.milestones}"
            raise ExperimentError(msg)
        if not self.snapshots and not self.milestones:
            msg = "[training] needs snapshots (steps) or milestones, or nothing would be kept"
            raise ExperimentError(msg)
        if self.milestones and self.save and "all" not in self.save.values():
            msg = '[training.save] needs a layer with "all", or milestones would keep nothing'
            raise ExperimentError(msg)
        for name in _list("[training] complete_runs", self.complete_runs):
            check_choice("[training] complete_runs", name, self.run_names)

    @property
    def run_names(self) -> list[str]:
        """Folders of the runs."""
        return [f"run-{i:03d}" for i in range(self.runs)]

    @property
    def parsed_milestones(self) -> list[Milestone]:
        """The milestones, read."""
        return [Milestone.parse(text) for text in self.milestones]

    def held_out_of(self, count: int) -> int:
        """How many of so many inputs are held out."""
        return max(1, round(self.held_out * (count if self.held_out < 1 else 1)))

    def rate(self, step: int) -> float:
        """Learning rate of a step, 0 being the first.

        References
        ----------
        I. Loshchilov, F. Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017,
        equation 5, without restarts, the lowest rate being 0.
        """
        if self.schedule == "constant":
            return self.learning_rate
        return self.learning_rate * (1 + math.cos(math.pi * step / self.steps)) / 2

    def keeps(self, parameter: str, *, run: str, step: int) -> bool:
        """Tell whether a parameter, such as ``conv1.weight``, is kept of a run at a step."""
        if not self.save or run in self.complete_runs:
            return True
        layer, _, kind = parameter.rpartition(".")
        steps = self.save.get(layer, [])
        return kind == "weight" and (steps == "all" or step in steps)


@dataclass(frozen=True, slots=True)
class TrainingSpec:
    """The recipe of an experiment.

    Attributes
    ----------
    title, description, licence, source : str
        For people. An empty licence or source becomes that of the dataset.
    architecture : CnnSpec or MlpSpec
    dataset : Mapping
        As `analysis.datasets.load_dataset` takes it.
    training : Training
    analysis : Mapping
        Defaults of the analyses, copied into experiment.toml.
    """

    title: str
    architecture: Spec
    dataset: Mapping[str, Any]
    training: Training
    description: str = ""
    licence: str = ""
    source: str = ""
    analysis: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check what the parts have in common.

        Raises
        ------
        ExperimentError
            If a text is not a text or a kept layer is not in the network.
        """
        for name in _TEXTS:
            if not isinstance(getattr(self, name), str):
                msg = f"{name} must be a text, got {getattr(self, name)!r}"
                raise ExperimentError(msg)
        check_keys("training.save", self.training.save, self.architecture.layers)

    @classmethod
    def parse(cls, document: Mapping[str, Any]) -> Self:
        """Read a recipe from what TOML gives.

        Raises
        ------
        ExperimentError
            If a table is missing, a key unknown or a value out of its range.
        """
        tables = {name: _table(document, name) for name in ("architecture", "dataset", "training")}
        texts = {name: document[name] for name in _TEXTS if name in document}
        check_keys("recipe", document, [*_TEXTS, *tables, "analysis"])
        training = tables["training"]
        check_keys("training", training, [part.name for part in fields(Training)])
        if "steps" not in training or "title" not in texts:
            msg = "a recipe needs a title and [training] steps"
            raise ExperimentError(msg)
        return cls(
            **texts,
            architecture=parse_architecture(tables["architecture"]),
            dataset=tables["dataset"],
            training=Training(**{**training, "save": _table(training, "save", default={})}),
            analysis=_table(document, "analysis", default={}),
        )


def load_spec(path: Path) -> TrainingSpec:
    """Read a recipe from a TOML file.

    Parameters
    ----------
    path : Path

    Returns
    -------
    TrainingSpec

    Raises
    ------
    ExperimentError
        If the file cannot be read or is not a recipe; the message names it.
    """
    try:
        return TrainingSpec.parse(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, ExperimentError) as error:
        msg = f"{path}: {error}"
        raise ExperimentError(msg) from error


def _table(
    document: Mapping[str, Any], name: str, *, default: Mapping[str, Any] | None = None
) -> Mapping[str, Any]:
    table = document.get(name, default)
    if isinstance(table, Mapping):
        return table
    msg = f"a recipe needs a table [{name}]" if table is None else f"{name} must be a table"
    raise ExperimentError(msg)


def _list(name: str, value: object) -> list[Any]:
    if isinstance(value, list):
        return value
    msg = f"{name} must be a list, got {value!r}"
    raise ExperimentError(msg)


def _check_steps(name: str, steps: object, permitted: range | list[int]) -> None:
    previous = -math.inf
    for step in _list(name, steps):
        check_integer(name, step, least=0)
        if step not in permitted or step <= previous:
            span = f"0 … {permitted[-1]}" if isinstance(permitted, range) else str(permitted)
            msg = f"{name} must be rising steps among {span}, got {steps}"
            raise ExperimentError(msg)
        previous = step
