"""Defaults of analyses in experiment.toml, checked before they are used."""

from typing import Any

from analysis import registry
from analysis.errors import ExperimentError
from analysis.experiment import Experiment
from analysis.parameters import spelled
from analysis.registry import Analysis


def experiment_defaults(experiment: Experiment, kind: Analysis, layer: str) -> dict[str, Any]:
    """Read an analysis' defaults from experiment.toml, for one layer.

    ``[analysis.filters]`` holds those of *filters* and of what stands on it, such as *mapper*;
    ``[analysis.filters.layers.conv2]`` wins over it for that layer, ``[analysis.mapper]`` over all.
    Those of an analysis that it is `like` come first.

    Raises
    ------
    ExperimentError
        If a table or a name in it makes no sense; the message names the file.
    """
    names = spelled(kind.params)
    said: dict[str, Any] = {}
    tables = experiment.settings.get("analysis", {})
    _check_names(experiment, tables)
    for each in [*([registry.get(kind.like)] if kind.like else []), *registry.chain(kind.name)]:
        table = tables.get(each.name, {})
        _check_is_table(experiment, each.name, table)
        table = dict(table)
        layers = table.pop("layers", {})
        _check_is_table(experiment, f"{each.name}.layers", layers)
        own = layers.get(layer, {})
        for part in (table, own):
            _check_table(experiment, each.name, part)
            said |= {names[key]: value for key, value in part.items() if key in names}
    return said


def _check_names(experiment: Experiment, tables: object) -> None:
    _check_is_table(experiment, "", tables)
    known = registry.analyses()
    for name in tables if isinstance(tables, dict) else ():
        if name not in known:
            raise _bad_toml(experiment, "", f"there is no {name!r}; there are {', '.join(known)}")


def _check_is_table(experiment: Experiment, name: str, part: object) -> None:
    if not isinstance(part, dict):
        raise _bad_toml(experiment, name, f"{part!r:.80} is not a table")


def _check_table(experiment: Experiment, name: str, part: object) -> None:
    _check_is_table(experiment, name, part)
    known = registry.settings_of(name)
    unknown = sorted(set(part) - known) if isinstance(part, dict) else []
    if unknown:
        wrong = f"there is no {unknown[0]!r}; there are {', '.join(sorted(known))}"
        raise _bad_toml(experiment, name, wrong)


def _bad_toml(experiment: Experiment, name: str, wrong: str) -> ExperimentError:
    table = f"analysis.{name}".strip(".")
    return ExperimentError(f"{experiment.path / 'experiment.toml'}: [{table}]: {wrong}")
