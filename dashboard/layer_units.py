"""Which units of filters a layer needs: for the view *Filters*, and for the row of layers."""

from analysis.errors import ExperimentError
from analysis.experiment import Experiment
from analysis.pipeline import Settings, Unit, unit_of


def filter_units(
    experiment: Experiment, layer: str, index: int, settings: Settings | None = None
) -> dict[str, Unit]:
    """Make the units of a layer at a position of the axis.

    Returns
    -------
    dict of Unit
        ``filters``: kept filters with their barcode; ``null``: the same with permuted entries;
        ``mapper``: the Mapper graph of the kept filters.

    Raises
    ------
    ExperimentError
        If no run has the layer at this step.
    AnalysisError
        If a parameter cannot be used.
    """
    step = experiment.axis[index]

    def unit(name: str, null: str) -> Unit:
        # both are shown beside each other, whatever the command line says
        said = dict((settings or {}).get("filters", {})) | {"null": null}
        with_null = dict(settings or {}) | {"filters": said}
        return unit_of(experiment, name, layer=layer, step=step, settings=with_null)

    mapper = unit("mapper", "none")
    if mapper.upstream is None or not mapper.refs:
        raise ExperimentError(_why_missing(experiment, layer, index))
    return {"filters": mapper.upstream, "null": unit("filters", "permuted"), "mapper": mapper}


def _why_missing(experiment: Experiment, layer: str, index: int) -> str:
    step = experiment.axis[index].step
    missing = experiment.sources(layer, experiment.axis[index]).missing
    reasons = [each for each in missing if not each.endswith(f"has no layer {layer}")]
    if reasons:
        more = f" (and {len(reasons) - 1} more)" if len(reasons) > 1 else ""
        return f"{layer} cannot be read at step {step}: {reasons[0]}{more}"
    there = [str(each.step) for each in experiment.axis if experiment.sources(layer, each).refs]
    where = f"it is stored at {', '.join(there[:12])}" if there else "no run stores it"
    return f"{layer} is not stored at step {step}: {where}."
