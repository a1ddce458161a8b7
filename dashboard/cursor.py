"""The cursor: what every view shows, one immutable state that is mirrored in the URL."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from analysis.errors import ExperimentError
from analysis.experiment import Experiment
from dashboard import parameters

LOOKED_AT = 8
"""Places that are tried, from the last, for one whose file is whole."""

LONGEST = 300
"""Characters of a name that is not there, in the note that says so."""

FILTER = r"\d{1,7}\.\d{1,7}\.\d{1,7}"
SELECT = re.compile(
    rf"(node|bar)\.\d{{1,6}}|angle\.\d{{1,3}}-\d{{1,3}}|filters\.{FILTER}(,{FILTER}){{0,99}}"
)

PRIMARY = re.compile(rf"{FILTER}|\d{{1,9}}")


@dataclass(frozen=True, slots=True)
class Pin:
    """A place that is kept for comparison.

    Attributes
    ----------
    layer : str
    index : int
        Position on the axis of steps.
    """

    layer: str
    index: int


@dataclass(frozen=True, slots=True)
class Cursor:
    """One state of the page.

    Attributes
    ----------
    experiment, layer : str
        Their names.
    index : int
        Position on the experiment's axis of steps.
    view : str
        Name of the view that is looked at.
    runs : tuple of str
        Names of the runs that are pooled; empty for all of them.
    params : mapping
        Parameters by ``analysis.name`` that differ from what the experiment and the command say.
    colour : str
        Quantity that nodes and filters are coloured by; empty for the usual one.
    beside : str
        What is laid beside: a null model, an untrained step and the like; empty for nothing.
    against : str
        What a landscape is compared with: the first step, the step before, what is pinned.
    select : str
        The selected set: ``node.7``, ``bar.0``, ``angle.30-60`` or ``filters.0.3.1,0.5.2``.
    home : int or None
        Position at which `select` was made: its filters are followed to other steps.
    primary : str
        One filter, as run.out.in, or one input by its number; empty for none.
    pin : Pin or None
        What is kept for comparison.
    scale : str
        Whether colours mean the same at every step (``locked``) or use the step's own range.
    """

    experiment: str
    layer: str
    index: int
    view: str = ""
    runs: tuple[str, ...] = ()
    params: Mapping[str, Any] = field(default_factory=dict)
    colour: str = ""
    beside: str = ""
    against: str = ""
    select: str = ""
    home: int | None = None
    primary: str = ""
    pin: Pin | None = None
    scale: str = ""

    def picked(self, kind: str) -> int | None:
        """Return the number of what is selected where it is a ``bar`` or ``node`` of this picture.

        A selection that was made at another step is followed by its members, not by its number.
        """
        said, _, number = self.select.partition(".")
        return int(number) if said == kind and self.home in (None, self.index) else None

    def as_plain(self) -> dict[str, Any]:
        """Return a dict for the page."""
        return asdict(self) | {"runs": list(self.runs)}


@dataclass(frozen=True, slots=True)
class Known:
    """What a cursor can point at, beside experiments.

    Attributes
    ----------
    layers : callable
        ``layers(experiment, view) -> sequence of str``: those that a view can show.
    first_layer : callable
        ``first_layer(experiment, view) -> str`` chooses the layer where none is said.
    words : mapping
        The permitted words by field: ``view``, ``colour``, ``beside``; the first is the usual one.
    """

    layers: Callable[[Experiment, str], Sequence[str]]
    first_layer: Callable[[Experiment, str], str]
    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def read(
    said: Mapping[str, Any] | None, experiments: Mapping[str, Experiment], known: Known
) -> tuple[Cursor, str]:
    """Make a valid cursor from whatever the page or a URL says.

    Parameters
    ----------
    said : mapping or None
        The fields of `Cursor`, any of them missing or nonsense; from a URL ``step`` and ``at``
        rather than ``index`` and ``home``, and ``pin`` as ``layer@step``.
    experiments : mapping
        What there is, by name.
    known : Known
        What else can be said.

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
    plain = {str(key): str(value) for key, value in given.items() if value is not None}
    notes: list[str] = []
    words = {name: _word(name, plain, among, notes) for name, among in known.words.items()}
    view = words.get("view", "")
    experiment = _experiment(plain.get("experiment"), experiments, view, known=known, notes=notes)
    layer = _layer(plain.get("layer"), experiment, view, known=known, notes=notes)
    params = given.get("params")
    usable, refused = parameters.checked(params if isinstance(params, Mapping) else {})
    select = _match(SELECT, "selection", plain.get("select", ""), notes)
    cursor = Cursor(
        experiment.name,
        layer,
        _index(plain, experiment, layer, notes),
        runs=_runs(given.get("runs"), experiment, notes),
        params=usable,
        select=select,
        home=_place(plain.get("home"), plain.get("at"), experiment) if select else None,
        primary=_match(PRIMARY, "filter or input", plain.get("primary", ""), notes),
        pin=_pin(given.get("pin"), experiment, notes, known),
        **words,
    )
    return cursor, " ".join([*notes, *refused])


def _experiment(
    name: str | None,
    experiments: Mapping[str, Experiment],
    view: str,
    *,
    known: Known,
    notes: list[str],
) -> Experiment:
    usable = [each for each in experiments.values() if each.axis and known.layers(each, view)]
    if not usable:
        msg = "no experiment here has 2-D convolution kernels larger than 1×1, or activations"
        raise ExperimentError(msg)
    if name is None:
        return usable[0]
    found = next((each for each in usable if each.name == name), None)
    if found is None:
        notes.append(f"There is no experiment “{name[:LONGEST]}” to show here.")
    return found or usable[0]


def _layer(
    name: str | None, experiment: Experiment, view: str, *, known: Known, notes: list[str]
) -> str:
    if name in known.layers(experiment, view):
        return str(name)
    found = known.first_layer(experiment, view)
    elsewhere = any(name in known.layers(experiment, each) for each in known.words.get("view", ()))
    if elsewhere:
        notes.append(f"This view cannot show the layer {name}: {found} instead.")
    elif name is not None:
        notes.append(f"There is no layer “{name[:LONGEST]}” in {experiment.name}.")
    return found


def _index(words: Mapping[str, str], experiment: Experiment, layer: str, notes: list[str]) -> int:
    found = _place(words.get("index"), words.get("step"), experiment)
    if found is not None:
        return found
    if (step := words.get("step")) is not None:
        notes.append(f"There is no step “{step[:LONGEST]}” in {experiment.name}.")
    return fullest(experiment, layer)


def _place(index: str | None, step: str | None, experiment: Experiment) -> int | None:
    """Find a position on the axis: by what a URL calls it, else by its number."""
    axis = experiment.axis
    if step is not None:
        found = [i for i, each in enumerate(axis) if step in (str(each.step), each.milestone)]
        return found[0] if found else None
    if index is not None and index.isdecimal() and len(index) < 10 and int(index) < len(axis):
        return int(index)
    return None


def _runs(said: Any, experiment: Experiment, notes: list[str]) -> tuple[str, ...]:
    wanted = said.split(",") if isinstance(said, str) else said
    if not isinstance(wanted, list | tuple):
        return ()
    names = [run.name for run in experiment.runs]
    chosen = {str(name) for name in wanted if name}
    if unknown := sorted(chosen - set(names)):
        notes.append(f"There is no run “{unknown[0][:LONGEST]}” in {experiment.name}.")
    found = tuple(name for name in names if name in chosen)
    return () if len(found) == len(names) else found


def _word(name: str, words: Mapping[str, str], among: tuple[str, ...], notes: list[str]) -> str:
    said = words.get(name, "")
    if said and said not in among:
        notes.append(f"There is no {name} “{said[:LONGEST]}”.")
    return said if said in among else among[0]


def _match(pattern: re.Pattern[str], what: str, text: str, notes: list[str]) -> str:
    if text and not pattern.fullmatch(text):
        notes.append(f"“{text[:60]}” names no {what}.")
        return ""
    return text


def _pin(said: Any, experiment: Experiment, notes: list[str], known: Known) -> Pin | None:
    """Find what is pinned; a view that cannot show it says so itself."""
    if isinstance(said, str) and said:
        layer, _, step = said.rpartition("@")
        index = _place(None, step, experiment)
    elif isinstance(said, Mapping):
        layer = str(said.get("layer"))
        index = _place(str(said.get("index")), None, experiment)
    else:
        return None
    views = known.words.get("view", ("",))
    if index is None or not any(layer in known.layers(experiment, view) for view in views):
        notes.append("What was pinned is not in this experiment.")
        return None
    return Pin(layer, index)


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
