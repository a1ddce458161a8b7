"""What a view is: it says which results it needs, and draws its panels from them.

The frame around it (`shell`) lays the panels out, asks for frames, and gives each panel its table,
its pictures and its place.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import plotly.graph_objects as go
from dash.development.base_component import Component

from analysis.experiment import Experiment
from analysis.units import Settings, Unit
from dashboard.cursor import Cursor
from dashboard.figures.blank import BLANK
from dashboard.figures.network import FILTERS, LayerBar, RowWords
from dashboard.results import Found, Results, Shown

T = TypeVar("T")

PLACE = ("experiment", "layer", "index", "runs", "params")
"""The part of a cursor that says what is computed."""


@dataclass(frozen=True, slots=True)
class Ask:
    """What a view is asked to show.

    Attributes
    ----------
    experiment : Experiment
    cursor : Cursor
    settings : mapping
        Parameters by analysis name: the command's, and the cursor's on top.
    results : Results
        For small things made of other results than the view's own; see `Results.derive`.
    experiments : mapping
        All there are, by name.
    memo : dict
        What has been made for this answer already; see `once`.
    """

    experiment: Experiment
    cursor: Cursor
    settings: Settings
    results: Results
    experiments: Mapping[str, Experiment]
    memo: dict[Any, Any] = field(default_factory=dict, compare=False, repr=False)

    def once(self, key: Any, make: Callable[[], T]) -> T:
        """Make something at most once for this answer."""
        if key not in self.memo:
            self.memo[key] = make()
        found: T = self.memo[key]
        return found


Row = dict[str, Any]
"""One row of a panel's table: plain values; ``_pick`` is what a click on it says of the cursor."""


@dataclass(frozen=True, slots=True)
class Panel:
    """What one panel shows.

    Attributes
    ----------
    figure : Figure
    message : str
        What stands in the figure's place where there is nothing to draw: why, and what to do.
    caption : str
        How many of how many, with which parameters.
    hidden : bool
        Whether the panel is left out.
    rows : sequence of Row
        Of a panel that is its table.
    """

    figure: go.Figure
    message: str = ""
    caption: str = ""
    hidden: bool = False
    rows: Sequence[Row] = ()


def empty(message: str) -> Panel:
    """Return a panel with words only."""
    return Panel(BLANK, message)


@dataclass(frozen=True, slots=True)
class Spec:
    """One panel of a view.

    Attributes
    ----------
    title : str
    draw : callable
        ``draw(scene, scheme) -> Panel``.
    rows : callable
        ``rows(scene) -> list of Row``: the figure as a table.
    kind : str
        CSS classes: its place in the grid.
    zoom : bool
        Whether the wheel zooms.
    tall : bool
        Whether the figure says how high it is; else it fills its panel.
    fields : tuple of str, or None
        The fields of the cursor that its figure depends on, where they are fewer than the view's.
    table : bool
        Whether the panel is its table: `draw` gives rows instead of a figure.
    """

    title: str
    draw: Callable[[Any, str], Panel]
    rows: Callable[[Any], list[Row]]
    kind: str = ""
    zoom: bool = False
    tall: bool = False
    table: bool = False
    fields: tuple[str, ...] | None = None

    def classes(self, *, hidden: bool = False) -> str:
        """Return the CSS classes of the panel."""
        size = "own-height" if self.tall else ""
        return " ".join(filter(None, ["panel", self.kind, size, "gone" if hidden else ""]))


@dataclass(frozen=True, slots=True)
class About:
    """What a view says of itself.

    Attributes
    ----------
    shows, read, limits : str
        What it shows, how to read it, what it does not show.
    """

    shows: str
    read: str
    limits: str


@dataclass(frozen=True, slots=True)
class LayerRow:
    """The row of layers above a view.

    Attributes
    ----------
    names : callable
        ``names(experiment) -> sequence of str``: the layers that a view can show, by depth.
    bars : callable
        ``bars(ask) -> sequence of LayerBar``: what is known of each, without asking for more.
    wanted : callable
        ``wanted(ask) -> list of Unit``: what to compute for it once nothing else is asked for.
    words : callable
        ``words(experiment) -> RowWords``: what the bars mean.
    """

    names: Callable[[Experiment], Sequence[str]]
    bars: Callable[[Ask], Sequence[LayerBar]]
    wanted: Callable[[Ask], list[Unit]] = lambda _ask: []
    words: Callable[[Experiment], RowWords] = lambda _experiment: FILTERS


@dataclass(frozen=True, slots=True)
class View:
    """One view.

    Attributes
    ----------
    name, title : str
        In ids and URLs; for people.
    order : int
        Place in the row of views.
    about : About
        Words for those who see it for the first time.
    units : callable
        ``units(ask) -> dict``: the units whose results it shows, by name; a text instead of a unit
        says why there is none. The view is drawn anew as they arrive.
    scene : callable
        ``scene(ask, found) -> Any``: what its panels draw, made once for all of them.
    sentence : callable
        ``sentence(scene) -> str``: the finding in words.
    panels : mapping of Spec
        By name, in order.
    counts : callable
        ``counts(scene) -> str``: how many selected of shown of kept of all.
    fields : tuple of str
        The fields of the cursor that it depends on. What it marks by itself in the browser, such
        as the current step in a figure of all steps, is not among them.
    controls : callable or None
        ``controls() -> Component``: a bar above the panels.
    parameters : sequence of str
        The ``analysis.name`` of those that `controls` has inputs for.
    words : mapping
        Words that the cursor's fields can be, such as ``colour``; the first is the usual one.
    row : LayerRow
        The layers that it can show.
    """

    name: str
    title: str
    order: int
    about: About
    row: LayerRow
    units: Callable[[Ask], Mapping[str, Unit | Shown | str]]
    scene: Callable[[Ask, Found], Any]
    sentence: Callable[[Any], str]
    panels: Mapping[str, Spec]
    counts: Callable[[Any], str] = lambda _scene: ""
    fields: Sequence[str] = PLACE
    controls: Callable[[], Component] | None = None
    parameters: Sequence[str] = ()
    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
