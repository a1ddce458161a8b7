"""Which part of an experiment a command is about, and what its networks are run with."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from analysis import registry
from analysis.datasets import dataset_asked, load_dataset
from analysis.errors import ExperimentError
from analysis.experiment import Experiment, Step, open_experiment
from analysis.networks import activation_names, data_dir, leaf_modules, why_none
from analysis.sources import KINDS, LAYER

NO_KERNELS = "no 2-D convolution kernels larger than 1×1 in it"


@dataclass(frozen=True)
class Selection:
    """An experiment and the part of it that a command is about; None means all.

    And the network and the inputs that the command line names; None leaves experiment.toml's.
    """

    path: Path
    layers: str | None = None
    steps: str | None = None
    runs: str | None = None
    model: str | None = None
    dataset: str | None = None

    def open(self) -> tuple[Experiment, dict[str, Any]]:
        """Open the experiment; returns it and the chosen layers, steps and runs for `plan`.

        Raises
        ------
        ExperimentError
            If the path is no experiment, or a layer, step or run is not in it, or the network or
            the inputs cannot be had.
        """
        experiment = self.given(open_experiment(self.path))
        return experiment, self.of(experiment)

    def given(self, experiment: Experiment) -> Experiment:
        """Give an experiment the network and the inputs that the command line names.

        Inputs of OpenML are fetched, unless they were before: naming them here is asking for it.

        Raises
        ------
        ExperimentError
            If they cannot be had.
        """
        if self.model is not None:
            leaf_modules(self.model)
            experiment = replace(experiment, model=self.model)
        if self.dataset is None:
            return experiment
        settings = dataset_asked(self.dataset)
        if "openml" in settings:
            load_dataset(settings, data_dir=data_dir(), fetch=True)
        return replace(experiment, settings={**experiment.settings, "dataset": settings})

    def of(self, experiment: Experiment) -> dict[str, Any]:
        """Choose layers, steps and runs of an opened experiment.

        Raises
        ------
        ExperimentError
            If one is not in it, or it has no layers at all.
        """
        if why := why_empty(experiment):
            raise ExperimentError(why)
        layers = list(dict.fromkeys([*_convolutions(experiment), *activation_names(experiment)]))
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
    why = why_none(experiment)
    reasons = "; ".join(f"{p.path}: {p.reason}" for p in experiment.problems[:3])
    if why and reasons:
        return f"{experiment.path}: nothing can be read: {reasons}"
    return f"{experiment.path}: {NO_KERNELS}. {why}" if why else ""


def why_no_units(experiment: Experiment, analysis: str | None) -> str:
    """Say why there is nothing of an analysis in the chosen part of an experiment."""
    source = LAYER if analysis is None else registry.source_of(analysis)
    why = "" if experiment.layers() else f"{NO_KERNELS}. "
    if source != LAYER:
        why = why_none(experiment)
        why = f"{why.rstrip('.')}. " if why else ""
    if why and (works := ", ".join(_working_tables(experiment))):
        return f"{experiment.path}: {why}Tables that there are: {works}"
    if why:
        return f"{experiment.path}: {why}".rstrip()
    if KINDS[source].whole:
        return f"{experiment.path}: no chosen run has a network that can be run at these steps"
    return f"{experiment.path}: no chosen run has one of the chosen layers at these steps"


def _working_tables(experiment: Experiment) -> list[str]:
    has = {LAYER: bool(experiment.layers())}
    runs = not why_none(experiment)
    tables = registry.tables().values()
    return [t.name for t in tables if has.get(registry.source_of(t.analysis), runs)]


def _convolutions(experiment: Experiment) -> list[str]:
    return [each.name for each in experiment.layers()]


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
