"""Views of the dashboard: one module each, a layout and thin callbacks, found by themselves."""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass

from dash import Dash
from dash.development.base_component import Component

from dashboard.context import Context


@dataclass(frozen=True, slots=True)
class View:
    """One view.

    Attributes
    ----------
    name, title : str
        In ids and URLs; for people.
    layout : callable
        ``layout() -> Component``; computes nothing.
    register : callable
        ``register(app, context)`` adds its callbacks.
    order : int
        Place in the row of views.
    """

    name: str
    title: str
    layout: Callable[[], Component]
    register: Callable[[Dash, Context], None]
    order: int


def discover() -> list[View]:
    """Import every module of this package and return their `VIEW`, in order."""
    names = [module.name for module in pkgutil.iter_modules(__path__)]
    found = [importlib.import_module(f"{__name__}.{name}").VIEW for name in names]
    return sorted(found, key=lambda view: view.order)
