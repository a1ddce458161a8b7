"""Parameters of analyses: frozen dataclasses whose fields carry their help text and their range."""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, get_type_hints

from analysis.errors import AnalysisError


def parameter(
    default: Any,
    text: str,
    *,
    minimum: float | None = None,
    maximum: float | None = None,
    choices: tuple[str, ...] | None = None,
    check: Callable[[Any], object] | None = None,
    option: str | None = None,
) -> Any:
    """Make a field of a parameter dataclass with its help text and its range.

    Parameters
    ----------
    default
        Value when nothing else is said.
    text : str
        One line for ``--help`` and for the form.
    minimum, maximum : float, optional
        Closed range of a number.
    choices : tuple of str, optional
        The permitted words.
    check : callable, optional
        Called with the value; raises `AnalysisError` when it cannot be used.
    option : str, optional
        Name of the command's option where the field's own cannot be it, such as ``class``.
    """
    limits = {"minimum": minimum, "maximum": maximum, "choices": choices, "check": check}
    return field(default=default, metadata={"text": text, "option": option, **limits})


@dataclass(frozen=True)
class Params:
    """Base of all parameter dataclasses: checks every field against its range."""

    def __post_init__(self) -> None:
        """Check types and ranges.

        Raises
        ------
        AnalysisError
            If a value is of the wrong type or out of range; the message names the field.
        """
        hints = get_type_hints(type(self))
        for each in fields(self):
            value = getattr(self, each.name)
            _check_type(each.name, value, hints[each.name])
            if value is not None:
                _check_limits(each.name, value, each.metadata)


def _check_type(name: str, value: object, hint: Any) -> None:
    number = hint in (float, float | None) and isinstance(value, int)
    if isinstance(value, bool) is not (hint is bool) or not (number or isinstance(value, hint)):
        wanted = getattr(hint, "__name__", str(hint))
        msg = f"{name} must be of type {wanted}, got {value!r}"
        raise AnalysisError(msg)


def _check_limits(name: str, value: Any, limits: Mapping[str, Any]) -> None:
    low, high, choices = limits.get("minimum"), limits.get("maximum"), limits.get("choices")
    # written so that NaN fails too
    if (low is not None and not value >= low) or (high is not None and not value <= high):
        span = f"from {low} to {high}" if None not in (low, high) else f"at least {low}"
        msg = f"{name} must be {span}, got {value!r}"
        raise AnalysisError(msg)
    if choices is not None and value not in choices:
        msg = f"{name} must be one of {', '.join(choices)}, got {value!r}"
        raise AnalysisError(msg)
    if check := limits.get("check"):
        check(value)


def spelled(params: type[Params]) -> dict[str, str]:
    """Return the fields of parameters by every word that names them in files: ``class`` too."""
    words = {each.metadata.get("option") or each.name: each.name for each in fields(params)}
    return words | {each.name: each.name for each in fields(params)}


def as_plain(params: Params) -> dict[str, Any]:
    """Return the parameters as a dict of plain values."""
    return dataclasses.asdict(params)
