"""What an analysis reads from files, and which units of it there are in an experiment.

A *source* is plain data that can be sent to another process: it names files, says what of them goes
into a unit's key, and reads them. Each kind of source registers, by its name in `Analysis.needs`,
over what it spreads (layers × steps, runs × steps) and how one is made; the pipeline knows no more.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis.checkpoints import content_digest
from analysis.experiment import Experiment, Step, TensorRef, read_layer

LAYER = "layer"
"""One layer's weights, one array per run, and nothing else."""

MORE = 1
"""Files that a message names; of the others it gives the number."""


class Source(ABC):
    """What a unit is computed from, where it is no other unit's result."""

    __slots__ = ()

    @property
    @abstractmethod
    def runs(self) -> tuple[str, ...]:
        """Names of the runs that it is of."""

    @property
    @abstractmethod
    def files(self) -> tuple[str, ...]:
        """Paths of the files, for messages."""

    @abstractmethod
    def inputs(self) -> Any:
        """Return all that a result depends on as JSON: content digests rather than names.

        Raises
        ------
        NerveScopeError
            If a file cannot be read.
        """

    @abstractmethod
    def read(self) -> Any:
        """Read what the analysis gets."""

    def provenance(self) -> list[dict[str, Any]]:
        """Say of each file what it is; runs in the order in which results number them."""
        return [
            {"run": run, "file": Path(file).name, "digest": content_digest(Path(file))}
            for run, file in zip(self.runs, self.files, strict=True)
        ]

    def __bool__(self) -> bool:
        """Whether there is anything to read."""
        return bool(self.files)

    @property
    def where(self) -> str:
        """Its first file, and how many more, for messages."""
        more = f" and {len(self.files) - 1} more" if len(self.files) > MORE else ""
        return f"{self.files[0]}{more}" if self.files else ""


@dataclass(frozen=True, slots=True)
class LayerSource(Source):
    """The weights of one layer at one step.

    Attributes
    ----------
    refs : tuple of TensorRef
        One per run.
    """

    refs: tuple[TensorRef, ...] = ()

    @property
    def runs(self) -> tuple[str, ...]:
        """Names of the runs."""
        return tuple(ref.run for ref in self.refs)

    @property
    def files(self) -> tuple[str, ...]:
        """Paths of the files."""
        return tuple(ref.path for ref in self.refs)

    def inputs(self) -> Any:
        """Digest of the file, and name of the tensor, of each run."""
        return [[content_digest(Path(ref.path)), ref.tensor] for ref in self.refs]

    def read(self) -> Any:
        """Read one array per run."""
        return read_layer(self.refs)

    def provenance(self) -> list[dict[str, Any]]:
        """Say of each run which tensor of which file it is."""
        return [
            {
                "run": ref.run,
                "file": Path(ref.path).name,
                "tensor": ref.tensor,
                "digest": content_digest(Path(ref.path)),
            }
            for ref in self.refs
        ]


@dataclass(frozen=True, slots=True)
class Where:
    """A place that a unit is of.

    Attributes
    ----------
    layer : str
        Empty for a whole network.
    step : Step
    runs : tuple of str or None
        None for all.
    """

    layer: str
    step: Step
    runs: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Chosen:
    """The part of an experiment that units are made of; None means all.

    Attributes
    ----------
    layers, runs : sequence of str or None
    steps : sequence of Step or None
    """

    layers: Sequence[str] | None = None
    steps: Sequence[Step] | None = None
    runs: Sequence[str] | None = None


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of source.

    Attributes
    ----------
    make : callable
        ``make(experiment, where) -> Source``; false where there is nothing.
    places : callable
        ``places(experiment, chosen) -> iterator of Where``.
    whole : bool
        Whether it is of a whole network, so that parameters cannot differ by layer.
    """

    make: Callable[[Experiment, Where], Source]
    places: Callable[[Experiment, Chosen], Iterator[Where]]
    whole: bool = False


KINDS: dict[str, Kind] = {}
"""Kinds of sources by their name."""


def _layer_source(experiment: Experiment, where: Where) -> Source:
    return LayerSource(experiment.sources(where.layer, where.step, runs=where.runs).refs)


def _layer_places(experiment: Experiment, chosen: Chosen) -> Iterator[Where]:
    convolutions = [each.name for each in experiment.layers()]
    runs = None if chosen.runs is None else tuple(chosen.runs)
    for layer in convolutions if chosen.layers is None else chosen.layers:
        if layer in convolutions:
            for step in experiment.axis if chosen.steps is None else chosen.steps:
                yield Where(layer, step, runs)


KINDS[LAYER] = Kind(_layer_source, _layer_places)


@dataclass(frozen=True, slots=True)
class Place:
    """Where one of many gathered results is from.

    Attributes
    ----------
    run : str
    step : int
        Of this run's own snapshot.
    milestone : str or None
    settings : str
        Its run.toml as JSON.
    """

    run: str
    step: int
    milestone: str | None
    settings: str


def place_name(step: int, milestone: str | None) -> str:
    """Name what results of different runs are joined by: a milestone, else a step."""
    return milestone or f"step {step}"


def joined_places(places: Sequence[Place]) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Name what results are joined by, in order of their mean step; and which each is at."""
    names = [place_name(each.step, each.milestone) for each in places]
    steps: dict[str, list[int]] = {}
    for name, each in zip(names, places, strict=True):
        steps.setdefault(name, []).append(each.step)
    ordered = sorted(steps, key=lambda name: sum(steps[name]) / len(steps[name]))
    return tuple(ordered), tuple(ordered.index(name) for name in names)


@dataclass(frozen=True, slots=True)
class GatheredSource(Source):
    """Where the results are from that an analysis takes all at once; it reads no file itself.

    Attributes
    ----------
    places : tuple of Place
        In the order of the results.
    """

    places: tuple[Place, ...] = ()

    @property
    def runs(self) -> tuple[str, ...]:
        """Names of the runs, each once."""
        return tuple(dict.fromkeys(place.run for place in self.places))

    @property
    def files(self) -> tuple[str, ...]:
        """Nothing is read."""
        return ()

    def inputs(self) -> Any:
        """Names and settings; contents are in the keys of what is gathered."""
        return [[each.run, each.step, each.milestone, each.settings] for each in self.places]

    def read(self) -> Any:
        """Return the places."""
        return self.places

    def provenance(self) -> list[dict[str, Any]]:
        """Say of each result where it is from."""
        return [
            {"run": each.run, "step": each.step, "milestone": each.milestone}
            for each in self.places
        ]

    def __bool__(self) -> bool:
        """Whether anything is gathered."""
        return bool(self.places)

    @property
    def where(self) -> str:
        """How many results."""
        return f"{len(self.places)} networks"
