"""Which units the page needs for the layer and step of a cursor."""

from dataclasses import dataclass

from analysis.errors import NerveScopeError
from analysis.experiment import Experiment
from analysis.pipeline import Unit, unit_of
from dashboard.cursor import Cursor
from dashboard.results import Answer, Results


@dataclass(frozen=True, slots=True)
class LayerUnits:
    """The units of one layer at one step.

    Attributes
    ----------
    filters, null : Unit
        Kept filters with their barcode; the same of permuted entries.
    mapper : Unit
        Mapper graph of the kept filters.
    """

    filters: Unit
    null: Unit
    mapper: Unit


@dataclass(frozen=True, slots=True)
class Found:
    """What is known of one layer at one step.

    Attributes
    ----------
    shape, null, graph : Answer
        Kept filters with their barcode, the null model's, the Mapper graph.
    """

    shape: Answer
    null: Answer
    graph: Answer

    @property
    def state(self) -> str:
        """A text that changes when there is something new to draw."""
        parts = (self.shape, self.null, self.graph)
        return "|".join("?" if each.pending else each.error or "!" for each in parts)


def units(experiment: Experiment, layer: str, index: int) -> LayerUnits:
    """Make the units of a layer at a position of the axis.

    Raises
    ------
    NerveScopeError
        If no run has the layer at this step, or experiment.toml sets an unusable parameter.
    """
    step = experiment.axis[index]
    nulls = {"filters": {"null": "permuted"}}
    plain = {"filters": {"null": "none"}}
    mapper = unit_of(experiment, "mapper", layer=layer, step=step, settings=plain)
    null = unit_of(experiment, "filters", layer=layer, step=step, settings=nulls)
    if mapper.upstream is None or not mapper.refs:
        raise NerveScopeError(_why_missing(experiment, layer, index))
    return LayerUnits(mapper.upstream, null, mapper)


def find(experiment: Experiment, cursor: Cursor, results: Results, *, ask: bool = True) -> Found:
    """Ask for the results of a cursor's layer and step; what is missing is computed if `ask`."""
    try:
        need = units(experiment, cursor.layer, cursor.index)
    except NerveScopeError as error:
        failed = Answer(error=str(error))
        return Found(failed, failed, failed)
    shape = results.get(need.filters, ask=ask)
    null = results.get(need.null, ask=ask)
    if shape.error:
        return Found(shape, null, shape)
    return Found(shape, null, results.get(need.mapper, ask=ask))


def _why_missing(experiment: Experiment, layer: str, index: int) -> str:
    step = experiment.axis[index].step
    there = [str(each.step) for each in experiment.axis if experiment.sources(layer, each).refs]
    where = f"it is stored at {', '.join(there[:12])}" if there else "no run stores it"
    return f"{layer} is not stored at step {step}: {where}."
