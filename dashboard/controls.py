"""Controls that views put above their panels: inputs for analysis parameters, and choices."""

from collections.abc import Mapping, Sequence
from dataclasses import Field
from typing import Any

import dash_mantine_components as dmc
from dash import html
from dash.development.base_component import Component

from dashboard import ids, parameters


def aria(label: str) -> Any:
    """Return the property by which screen readers name a component."""
    return {"aria-label": label}


def choice(field: str, label: str, options: Mapping[str, str], *, width: int = 150) -> Component:
    """Make a select for one of the cursor's fields.

    Parameters
    ----------
    field : str
        Of the cursor.
    label : str
        Beside it.
    options : mapping of str
        Words for people by the field's values.
    """
    made: Component = dmc.Select(
        id=ids.control(field),
        label=label,
        data=[{"value": value, "label": text} for value, text in options.items()],
        allowDeselect=False,
        size="xs",
        w=width,
        comboboxProps={"withinPortal": True},
    )
    return made


def inputs(names: Sequence[str], labels: Mapping[str, str] | None = None) -> list[Component]:
    """Make inputs for parameters ``analysis.name``, of the kind that their dataclass says."""
    said = labels or {}
    made = []
    for name in names:
        field = parameters.fields_of(name.partition(".")[0])[name]
        made.append(_input(name, field, said.get(name, field.name.replace("_", " "))))
    return made


def _input(name: str, field: Field[Any], label: str) -> Component:
    limits = field.metadata
    common: dict[str, Any] = {
        "id": ids.parameter(name),
        "label": label,
        "size": "xs",
        "w": 82,
        "attributes": {"input": {"title": limits["text"]}},
    }
    made: Component
    if limits["choices"]:
        made = dmc.Select(data=list(limits["choices"]), allowDeselect=False, **common | {"w": 116})
        return made
    if isinstance(field.default, str):
        made = dmc.TextInput(debounce=600, **common)
        return made
    whole = isinstance(field.default, int)
    made = dmc.NumberInput(
        min=limits["minimum"],
        max=limits["maximum"],
        step=1 if whole else 0.05,
        allowDecimal=not whole,
        clampBehavior="none",  # what is out of range is said, not changed in silence
        debounce=500,
        **common,
    )
    return made


def more(children: Sequence[Component]) -> Component:
    """Fold controls away under *more*."""
    return html.Details(
        [html.Summary("more"), html.Div(list(children), className="controls")], className="more"
    )
