"""Analysis parameters on the page: read from a link, checked, and put into forms."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, get_type_hints

from analysis import registry
from analysis.errors import AnalysisError
from analysis.registry import Analysis
from analysis.units import Settings

MOST = 40
"""Parameters of one link; more are not read."""

LARGEST = 2**53 - 1
"""The largest whole number that a browser has exactly."""

LONGEST = 300
"""Characters of the reason why a value cannot be used."""


def checked(said: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Read parameters by ``analysis.name``; what cannot be used is left out and said.

    Parameters
    ----------
    said : mapping
        Values as the page or a URL gives them, numbers or text.

    Returns
    -------
    params : dict
        Usable values by ``analysis.name``.
    notes : list of str
        Why others were left out.
    """
    found: dict[str, Any] = {}
    notes: list[str] = []
    given = [(name, value) for name, value in said.items() if value is not None]
    for name, value in given[:MOST]:
        try:
            found[name] = _read(name, value)
        except AnalysisError as error:
            notes.append(f"{str(error)[:LONGEST]}. The usual value is shown instead.")
    return dict(sorted(found.items())), notes


def _read(name: str, value: Any) -> Any:
    analysis, _, field = name.partition(".")
    kind = registry.get(analysis[:60])
    read = _number(kind, field[:60], value)
    if isinstance(read, int) and abs(read) > LARGEST:
        msg = f"{field[:60]} is too large a number: at most {LARGEST}"
        raise AnalysisError(msg)
    registry.resolve(kind, {field[:60]: read})
    return read


def _number(kind: Analysis, field: str, value: Any) -> Any:
    """Read text as a number where the parameter is one; a refusal is left to `resolve`."""
    hint = get_type_hints(kind.params).get(field)
    wanted = [each for each in (int, float) if each in getattr(hint, "__args__", (hint,))]
    if isinstance(value, float) and value.is_integer() and wanted == [int]:
        return int(value)
    if not wanted or not isinstance(value, str):
        return value[:60] if isinstance(value, str) else value
    try:
        return wanted[0](value)
    except ValueError:
        return value[:60]


def settings(
    params: Mapping[str, Any], *, over: Settings | None = None
) -> dict[str, dict[str, Any]]:
    """Sort parameters by analysis, on top of other settings."""
    found = {name: dict(each) for name, each in (over or {}).items()}
    for name, value in params.items():
        analysis, _, field = name.partition(".")
        found.setdefault(analysis, {})[field] = value
    return found


def fields_of(analysis: str) -> dict[str, Any]:
    """Return the fields of an analysis' parameters by ``analysis.name``."""
    return {f"{analysis}.{each.name}": each for each in fields(registry.get(analysis).params)}
