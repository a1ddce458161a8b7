"""Which part of an experiment a command is about."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis.errors import ExperimentError
from analysis.experiment import Experiment, Step, open_experiment


@dataclass(frozen=True)
class Selection:
    """An experiment and the part of it that a command is about; None means all."""

    path: Path
    layers: str | None
    steps: str | None
    runs: str | None

    def open(self) -> tuple[Experiment, dict[str, Any]]:
        """Open the experiment; returns it and the chosen layers, steps and runs for `plan`.

        Raises
        ------
        ExperimentError
            If the path is no experiment, or a layer, step or run is not in it.
        """
        experiment = open_experiment(self.path)
        return experiment, self.of(experiment)

    def of(self, experiment: Experiment) -> dict[str, Any]:
        """Choose layers, steps and runs of an opened experiment.

        Raises
        ------
        ExperimentError
            If one is not in it, or it has no layers at all.
        """
        if why := why_empty(experiment):
            raise ExperimentError(why)
        layers = [each.name for each in experiment.layers()]
        try:
            return {
                "layers": _chosen(self.layers, layers, "layer"),
                "steps": _steps(self.steps, experiment.axis),
                "runs": _chosen(self.runs, [run.name for run in experiment.runs], "run"),
            }
        except ExperimentError as error:
            msg = f"{experiment.path}: {error}"
            raise ExperimentError(msg) from None


def why_empty(experiment: Experiment) -> str:
    """Say why an experiment has nothing to show; empty where it has something."""
    if experiment.layers():
        return ""
    reasons = "; ".join(f"{p.path}: {p.reason}" for p in experiment.problems[:3])
    if reasons:
        return f"{experiment.path}: nothing can be read: {reasons}"
    return f"{experiment.path}: no 2-D convolution kernels larger than 1×1 in it"


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _chosen(text: str | None, there: Sequence[str], what: str) -> list[str] | None:
    if text is None:
        return None
    words = list(dict.fromkeys(word.removesuffix(".weight") for word in _words(text)))
    if not words:
        msg = f"no {what} is named in {text!r}: leave the option out for all"
        raise ExperimentError(msg)
    for word in words:
        if word not in there:
            some = ", ".join(there[:12]) + (" …" if len(there) > 12 else "")
            msg = f"there is no {what} {word!r}; there are {some}"
            raise ExperimentError(msg)
    return words


def _steps(text: str | None, axis: Sequence[Step]) -> list[Step] | None:
    if text is None:
        return None
    by_word: dict[str, list[Step]] = {}
    for place in axis:
        by_word.setdefault(str(place.step), []).append(place)
        if place.milestone:
            by_word[place.milestone] = [place]
    words = _chosen(text, list(by_word), "step") or []
    return [place for word in words for place in by_word[word]]
