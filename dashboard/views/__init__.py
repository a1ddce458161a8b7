"""Views of the dashboard: one module or package each, found by themselves."""

import importlib
import pkgutil

from dashboard.view import View


def discover() -> list[View]:
    """Import every module of this package and return their `VIEW`, in order.

    Raises
    ------
    ValueError
        If two of them have a panel, a control or an input of the same name: each is one component,
        and a panel is exported by its name.
    """
    names = [module.name for module in pkgutil.iter_modules(__path__)]
    found = [importlib.import_module(f"{__name__}.{name}").VIEW for name in names]
    for what in ("panels", "words", "parameters"):
        every = [name for view in found for name in getattr(view, what)]
        if twice := {name for name in every if every.count(name) > 1}:
            msg = f"{what} of two views: {', '.join(sorted(twice))}; give them other names"
            raise ValueError(msg)
    return sorted(found, key=lambda view: view.order)
