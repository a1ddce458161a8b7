"""The cursor: which experiment, layer, step and node every view shows; mirrored in the URL."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from analysis.errors import ExperimentError
from analysis.experiment import Experiment

LOOKED_AT = 8
"""Places that are tried, from the last, for one whose file is whole."""

LONGEST = 300
"""Characters of a name that is not there, in the note that says so."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """One state of the page.

    Attributes
    ----------
    experiment, layer : str
        Their names.
    index : int
        Position on the experiment's axis of steps.
    node : int or None
        The selected Mapper node.
    """

    experiment: str
    layer: str
    index: int
    node: int | None = None

    def as_plain(self) -> dict[str, Any]:
        """Return a dict for the page."""
        return asdict(self)


def read(
    said: Mapping[str, Any] | None,
    experiments: Mapping[str, Experiment],
    *,
    first_layer: Callable[[Experiment], str],
) -> tuple[Cursor, str]:
    """Make a valid cursor from whatever the page or a URL says.

    Parameters
    ----------
    said : mapping or None
        Keys ``experiment``, ``layer``, ``step`` (as in the URL) or ``index``, and ``node``; any may
        be missing or nonsense.
    experiments : mapping
        What there is, by name.
    first_layer : callable
        Chooses the layer where none is said.

    Returns
    -------
    cursor : Cursor
        The nearest that exists.
    note : str
        What was asked for and is not there, in words; empty when all is.

    Raises
    ------
    ExperimentError
        If there is nothing to show at all.
    """
    given = said if isinstance(said, Mapping) else {}
    words = {str(key): str(value) for key, value in given.items() if value is not None}
    notes: list[str] = []
    experiment = _experiment(words.get("experiment"), experiments, notes)
    layer = _layer(words.get("layer"), experiment, notes, first_layer)
    index = _index(words, experiment, layer, notes)
    node = words.get("node", "")
    chosen = int(node) if node.isdecimal() and len(node) < 10 else None
    return Cursor(experiment.name, layer, index, chosen), " ".join(notes)


def completed(said: Mapping[str, Any], shown: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """Fill what a cursor leaves open from what is shown, so that it stays while results arrive.

    Parameters
    ----------
    said : mapping
        As for `read`.
    shown : mapping or None
        The cursor that the page shows; it counts for the same experiment only.
    """
    if not shown or said.get("experiment", shown["experiment"]) != shown["experiment"]:
        return said
    names = ["experiment", "layer"] + ([] if "step" in said else ["index"])
    return {name: shown[name] for name in names} | dict(said)


def _experiment(
    name: str | None, experiments: Mapping[str, Experiment], notes: list[str]
) -> Experiment:
    usable = [each for each in experiments.values() if each.axis and each.layers()]
    if not usable:
        msg = "no experiment here has 2-D convolution kernels larger than 1×1"
        raise ExperimentError(msg)
    if name is None:
        return usable[0]
    found = next((each for each in usable if each.name == name), None)
    if found is None:
        notes.append(f"There is no experiment “{name[:LONGEST]}” to show here.")
    return found or usable[0]


def _layer(
    name: str | None,
    experiment: Experiment,
    notes: list[str],
    first_layer: Callable[[Experiment], str],
) -> str:
    if any(each.name == name for each in experiment.layers()):
        return str(name)
    if name is not None:
        notes.append(f"There is no layer “{name[:LONGEST]}” in {experiment.name}.")
    return first_layer(experiment)


def _index(words: Mapping[str, str], experiment: Experiment, layer: str, notes: list[str]) -> int:
    axis = experiment.axis
    index, step = words.get("index", ""), words.get("step")
    if step is not None:
        found = [i for i, each in enumerate(axis) if step in (str(each.step), each.milestone)]
        if found:
            return found[0]
        notes.append(f"There is no step “{step[:LONGEST]}” in {experiment.name}.")
    if index.isdecimal() and len(index) < 10 and int(index) < len(axis):
        return int(index)
    return fullest(experiment, layer)


def fullest(experiment: Experiment, layer: str) -> int:
    """Return the last place of the axis that the most runs have, and that can be read."""
    counts = runs_at(experiment)
    last = len(counts) - 1 - counts[::-1].index(max(counts))
    near = range(last, max(last - LOOKED_AT, -1), -1)
    return next((i for i in near if experiment.sources(layer, experiment.axis[i]).refs), last)


def runs_at(experiment: Experiment) -> list[int]:
    """Count the runs that have a snapshot at each place of the axis."""
    return [
        sum(run.snapshot(place) is not None for run in experiment.runs) for place in experiment.axis
    ]
