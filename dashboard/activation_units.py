"""Which units of activations there are at a place, and the row of layers above their views."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from analysis import networks
from analysis.activation_landscapes import NetworkLandscapes
from analysis.errors import ExperimentError, NerveScopeError
from analysis.experiment import Experiment, Step
from analysis.landscape_study import LandscapeStudy
from analysis.sources import place_name
from analysis.units import Unit, key_of, plan, unit_of
from dashboard import lattice
from dashboard.figures.network import FILTERS, LayerBar, RowWords
from dashboard.layer_units import FILTER_ROW, NOT_YET
from dashboard.view import Ask, LayerRow

NORMS = RowWords(
    "landscape norm",
    "first step",
    "failed",
    "landscape norm {:.3g}",
    "at the first step {:.3g}",
)


def steps(ask: Ask) -> list[Step]:
    """Return the steps of a study: all, or some of them, evenly."""
    return [ask.experiment.axis[i] for i in lattice.steps(ask)]


def others_unit(ask: Ask) -> Unit:
    """Make the unit of all networks of the runs that are not chosen.

    Raises
    ------
    ExperimentError
        If there are none.
    """
    others = [run.name for run in ask.experiment.runs if run.name not in ask.cursor.runs]
    if not ask.cursor.runs or not others:
        msg = "All runs are chosen: choose some above, to compare them with the others."
        raise ExperimentError(msg)
    return _study_of(_tests(ask, others))


def tests_unit(ask: Ask) -> Unit:
    """Make the unit of the tests between the networks of the chosen runs.

    Raises
    ------
    ExperimentError
        If no network can be run; the message says what is missing.
    """
    return ask.once("study", lambda: _tests(ask, ask.cursor.runs or None))


def study_unit(ask: Ask) -> Unit:
    """Make the unit of all networks of the chosen runs; raises as `tests_unit`."""
    return _study_of(tests_unit(ask))


def _study_of(tests: Unit) -> Unit:
    assert tests.upstream is not None  # noqa: S101 - tests stand on a study
    return tests.upstream


def _tests(ask: Ask, runs: Sequence[str] | None) -> Unit:
    if why := networks.why_none(ask.experiment):
        raise ExperimentError(why)
    found = unit_of(
        ask.experiment,
        "landscape-test",
        layer="",
        step=ask.experiment.axis[-1],
        runs=runs,
        settings=ask.settings,
        steps=steps(ask),
    )
    if not found.source:
        raise ExperimentError(_why_no_network(ask))
    return found


def _why_no_network(ask: Ask) -> str:
    experiment = ask.experiment
    chosen = [run for run in experiment.runs if not ask.cursor.runs or run.name in ask.cursor.runs]
    for run in chosen:
        for snapshot in run.snapshots:
            table = experiment.settings.get("architecture", {})
            lacking = networks.lacking(snapshot.files, table) if table else []
            if lacking:
                return (
                    f"{run.name} at step {snapshot.step} lacks the weights of {', '.join(lacking)},"
                    " so the network cannot be run; choose runs that are stored whole."
                )
    for unit in plan(experiment, "landscapes", runs=ask.cursor.runs or None, settings=ask.settings):
        try:
            key_of(unit)
        except NerveScopeError as error:  # such as inputs that cannot be had
            return str(error)
    return "No chosen run has a snapshot whose network can be run."


def shown_run(ask: Ask, index: int) -> str:
    """Choose the run whose single layer is looked at: the first that has this step.

    Raises
    ------
    ExperimentError
        If none has.
    """
    step = ask.experiment.axis[index]
    for run in ask.experiment.runs:
        wanted = not ask.cursor.runs or run.name in ask.cursor.runs
        if wanted and networks.network_source(ask.experiment, run, step) is not None:
            return run.name
    raise ExperimentError(_why_no_network(ask))


def layer_units(ask: Ask, layer: str, index: int) -> dict[str, Unit]:
    """Make the units of one layer of one network: ``cloud`` and ``graph``.

    Raises
    ------
    NerveScopeError
        If there is no network, or a parameter cannot be used.
    """
    if why := networks.why_none(ask.experiment):
        raise ExperimentError(why)
    graph = unit_of(
        ask.experiment,
        "activation-mapper",
        layer=layer,
        step=ask.experiment.axis[index],
        runs=(shown_run(ask, index),),
        settings=ask.settings,
    )
    assert graph.upstream is not None  # noqa: S101 - it stands on the cloud
    return {"cloud": graph.upstream, "graph": graph}


def place_of(ask: Ask, study: LandscapeStudy, index: int) -> int | None:
    """Find a position of the axis among the places of a study; None where it is not in it."""
    step = ask.experiment.axis[index]
    name = place_name(step.step, step.milestone)
    return study.places.index(name) if name in study.places else None


def names(experiment: Experiment) -> Sequence[str]:
    """List the layers whose activations can be shown; where there are none, the convolutions."""
    return networks.activation_names(experiment) or [each.name for each in experiment.layers()]


def bars(ask: Ask) -> list[LayerBar]:
    """Say of every layer what its landscape norm is, beside that of the first step."""
    every = names(ask.experiment)
    try:
        unit = study_unit(ask)
    except NerveScopeError as error:
        return [LayerBar(name, None, None, str(error)) for name in every]
    found = ask.results.derive("bars", [unit], _means)
    if found is None:
        why = ask.results.get(unit, ask=False).error
        return [LayerBar(name, None, None, why or NOT_YET, no_shape=bool(why)) for name in every]
    return [_bar(ask, found, name) for name in every]


def _means(study: LandscapeStudy) -> tuple[LandscapeStudy, Mapping[str, Any]]:
    mean = study.mean_norms()
    return study, {layer: mean[:, j] for j, layer in enumerate(study.layers)}


def _bar(ask: Ask, found: tuple[LandscapeStudy, Mapping[str, Any]], layer: str) -> LayerBar:
    study, means = found
    place = place_of(ask, study, ask.cursor.index)
    if layer not in means or place is None:
        why = "not in every network" if place is not None else "this step is not in the study"
        return LayerBar(layer, None, None, why, no_shape=True)
    value, first = float(means[layer][place]), float(means[layer][0])
    known = np.isfinite(value)
    note = "" if value > 0 else "dead or constant, or no bars" if known else "failed"
    return LayerBar(
        layer,
        value if known else None,
        first if place and np.isfinite(first) else None,
        note,
        no_shape=not known,
    )


def summary(found: NetworkLandscapes) -> dict[str, tuple[float, str, bool]]:
    """Say of each layer of one network its norm, a note, and whether it failed."""
    each = zip(found.layers, found.norms, found.notes, found.failed, strict=True)
    return {layer: (float(norm), note, failed) for layer, norm, note, failed in each}


ACTIVATION_ROW = LayerRow(names, bars, words=lambda _experiment: NORMS)
"""The row of layers above views of activations."""

SHARED_ROW = LayerRow(
    FILTER_ROW.names,
    lambda ask: FILTER_ROW.bars(ask) if ask.experiment.layers() else bars(ask),
    FILTER_ROW.wanted,
    lambda experiment: FILTERS if experiment.layers() else NORMS,
)
"""The row above views of both: filters where there are some, else activations."""
