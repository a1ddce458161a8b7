"""Views of the dashboard: one module each, a layout and thin callbacks, found by themselves."""

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import plotly.graph_objects as go
from dash import Dash
from dash.development.base_component import Component

from analysis.experiment import Experiment
from analysis.pipeline import Settings, Unit
from dashboard.context import Context
from dashboard.cursor import Cursor
from dashboard.results import Found

Panel = tuple[go.Figure, str, str]
"""A figure, the message that stands in its place, and its caption."""

DrawPanel = Callable[[Found, Cursor, str], Panel]


@dataclass(frozen=True, slots=True)
class View:
    """One view.

    Attributes
    ----------
    name, title : str
        In ids and URLs; for people.
    order : int
        Place in the row of views.
    layout : callable
        ``layout() -> Component``; computes nothing.
    register : callable
        ``register(app, context)`` adds its callbacks.
    units : callable
        ``units(experiment, cursor, settings) -> dict of Unit``: what it shows at a cursor. The page
        is drawn anew when one of them is there.
    sentence : callable
        ``sentence(found, cursor) -> str``: the finding in words.
    panels : mapping
        ``draw(found, cursor, scheme) -> Panel`` by name: what can be exported.
    """

    name: str
    title: str
    order: int
    layout: Callable[[], Component]
    register: Callable[[Dash, Context], None]
    units: Callable[[Experiment, Cursor, Settings | None], dict[str, Unit]]
    sentence: Callable[[Found, Cursor], str]
    panels: Mapping[str, DrawPanel]


def discover() -> list[View]:
    """Import every module of this package and return their `VIEW`, in order."""
    names = [module.name for module in pkgutil.iter_modules(__path__)]
    found = [importlib.import_module(f"{__name__}.{name}").VIEW for name in names]
    return sorted(found, key=lambda view: view.order)
