"""Which units of filters a layer needs: for the views, and for the row of layers."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from analysis.errors import ExperimentError, NerveScopeError
from analysis.experiment import Experiment
from analysis.filter_shape import FilterShape
from analysis.networks import activation_names
from analysis.units import Unit, unit_of
from dashboard.cursor import fullest
from dashboard.figures.network import LayerBar
from dashboard.view import Ask, LayerRow

NOT_YET = "not computed yet"


@dataclass(frozen=True, slots=True)
class Summary:
    """What the row of layers shows of one.

    Attributes
    ----------
    strength : float or None
        Loop strength.
    note : str
        Why it means nothing, where that is so.
    """

    strength: float | None
    note: str

    @classmethod
    def of(cls, shape: FilterShape) -> Self:
        """Make it of a result of the analysis *filters*."""
        return cls(shape.loop_strength, shape.degenerate or "")


def filter_units(
    ask: Ask, layer: str, index: int, *, experiment: Experiment | None = None
) -> dict[str, Unit]:
    """Make the units of a layer at a position of the axis, over the runs that are asked for.

    Returns
    -------
    dict of Unit
        ``filters``: kept filters with their barcode; ``mapper``: their Mapper graph; ``null`` and
        ``null_mapper``: the same with permuted entries.

    Raises
    ------
    ExperimentError
        If no run has the layer at this step.
    AnalysisError
        If a parameter cannot be used.
    """
    where = experiment or ask.experiment
    key = ("filter_units", where.name, layer, index)
    return ask.once(key, lambda: _filter_units(ask, layer, index, where))


def _filter_units(ask: Ask, layer: str, index: int, where: Experiment) -> dict[str, Unit]:
    if layer not in [each.name for each in where.layers()]:  # weights of another kind
        raise ExperimentError(_why_missing(where, layer, index))
    found = mapper_unit(ask, layer, index, experiment=where)
    null = mapper_unit(ask, layer, index, experiment=where, filters={"null": "permuted"})
    if found.upstream is None or null.upstream is None or not found.refs:
        raise ExperimentError(_why_missing(where, layer, index))
    return {
        "filters": found.upstream,
        "null": null.upstream,
        "mapper": found,
        "null_mapper": null,
    }


def mapper_unit(
    ask: Ask,
    layer: str,
    index: int,
    *,
    experiment: Experiment,
    filters: Mapping[str, Any] | None = None,
) -> Unit:
    """Make the Mapper unit of a layer; both null models are shown whatever the command says."""
    said = dict(ask.settings.get("filters", {})) | {"null": "none"} | dict(filters or {})
    same = experiment is ask.experiment
    return unit_of(
        experiment,
        "mapper",
        layer=layer,
        step=experiment.axis[index],
        runs=(ask.cursor.runs or None) if same else None,
        # another experiment has its own usual k and fraction
        settings=dict(ask.settings) | {"filters": said if same else dict(filters or {})},
    )


def anchor_unit(ask: Ask, layer: str) -> Unit:
    """Make the unit that a layer's pictures are turned to: its fullest step as it comes."""
    experiment = ask.experiment
    step = experiment.axis[fullest(experiment, layer)]
    unit = unit_of(experiment, "filters", layer=layer, step=step)
    return unit if unit.refs else filter_units(ask, layer, ask.cursor.index)["filters"]


def circular_unit(ask: Ask, layer: str, index: int) -> Unit:
    """Make the unit of a layer's circular coordinates."""
    step = ask.experiment.axis[index]
    runs = ask.cursor.runs or None
    said = dict(ask.settings.get("filters", {})) | {"null": "none"}
    settings = dict(ask.settings) | {"filters": said}
    return unit_of(ask.experiment, "circular", layer=layer, step=step, runs=runs, settings=settings)


def _why_missing(experiment: Experiment, layer: str, index: int) -> str:
    if not experiment.layers():
        return (
            f"{experiment.name} has no 2-D convolution larger than 1×1, so it has no filters to "
            "show; “Activations” shows its layers."
        )
    if layer not in [each.name for each in experiment.layers()]:
        return f"{layer} is no 2-D convolution larger than 1×1, so it has no filters to show."
    step = experiment.axis[index].step
    missing = experiment.sources(layer, experiment.axis[index]).missing
    reasons = [each for each in missing if not each.endswith(f"has no layer {layer}")]
    if reasons:
        more = f" (and {len(reasons) - 1} more)" if len(reasons) > 1 else ""
        return f"{layer} cannot be read at step {step}: {reasons[0]}{more}"
    there = [str(each.step) for each in experiment.axis if experiment.sources(layer, each).refs]
    where = f"it is stored at {', '.join(there[:12])}" if there else "no run stores it"
    return f"{layer} is not stored at step {step}: {where}."


def names(experiment: Experiment) -> tuple[str, ...]:
    """List the layers of a view of filters; where there are no filters, those of activations."""
    convolutions = tuple(each.name for each in experiment.layers())
    return convolutions or activation_names(experiment)


def bars(ask: Ask) -> list[LayerBar]:
    """Say of every layer at one step what is known, without asking for more."""
    return [_bar(ask, name) for name in names(ask.experiment)]


def _bar(ask: Ask, layer: str) -> LayerBar:
    try:
        need = filter_units(ask, layer, ask.cursor.index)
    except NerveScopeError as error:
        return LayerBar(layer, None, None, str(error))
    shape = ask.results.derive("summary", [need["filters"]], Summary.of)
    null = ask.results.derive("summary", [need["null"]], Summary.of)
    beside = null.strength if null else None
    if shape is None:
        why = ask.results.get(need["filters"], ask=False).error
        return LayerBar(layer, None, beside, why or NOT_YET, no_shape=bool(why))
    return LayerBar(layer, shape.strength, beside, shape.note, shape.strength is None)


def wanted(ask: Ask) -> list[Unit]:
    """List the filters of every layer, with their null models."""
    found: list[Unit] = []
    for layer in ask.experiment.layers():
        with contextlib.suppress(NerveScopeError):
            need = filter_units(ask, layer.name, ask.cursor.index)
            found += [need["filters"], need["null"]]
    return found


FILTER_ROW = LayerRow(names, bars, wanted)
"""The row of layers above views of filters."""
