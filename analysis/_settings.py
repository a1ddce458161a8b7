"""Tables of settings: checked when they come in, written as TOML when they go out."""

import json
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from analysis.errors import ExperimentError


def check_keys(table: str, given: Iterable[str], known: Collection[str]) -> None:
    """Refuse keys that mean nothing.

    Raises
    ------
    ExperimentError
        Naming them and those that are known.
    """
    unknown = sorted(set(given) - set(known))
    if unknown:
        msg = f"[{table}] has unknown keys {', '.join(unknown)}; known: {', '.join(known)}"
        raise ExperimentError(msg)


def check_integer(name: str, value: Any, *, least: int = 1, most: int | None = None) -> None:
    """Refuse what is not an integer from `least` to `most`.

    Raises
    ------
    ExperimentError
        Naming the setting and its range.
    """
    fits = isinstance(value, int) and not isinstance(value, bool) and value >= least
    if not fits or (most is not None and value > most):
        span = f"of at least {least}" if most is None else f"from {least} to {most}"
        msg = f"{name} must be an integer {span}, got {value!r}"
        raise ExperimentError(msg)


def check_number(name: str, value: Any, *, least: float, most: float) -> None:
    """Refuse what is not a number from `least` to `most`.

    Raises
    ------
    ExperimentError
        Naming the setting and its range.
    """
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not least <= value <= most:
        msg = f"{name} must be a number from {least:g} to {most:g}, got {value!r}"
        raise ExperimentError(msg)


def check_choice(name: str, value: object, choices: Collection[str]) -> None:
    """Refuse what is not one of a few words.

    Raises
    ------
    ExperimentError
        Naming the setting and the words.
    """
    if not isinstance(value, str) or value not in choices:
        msg = f"{name} must be one of {', '.join(choices)}, got {value!r}"
        raise ExperimentError(msg)


def dumps(document: Mapping[str, Any]) -> str:
    """Write nested mappings of strings, numbers, booleans and flat lists as TOML.

    Parameters
    ----------
    document : Mapping
        What ``tomllib.loads`` of the answer gives back.

    Returns
    -------
    str

    Raises
    ------
    TypeError
        If a value is none of these.
    """
    return "\n".join(_table(document, path=())).strip("\n") + "\n"


def _table(table: Mapping[str, Any], *, path: tuple[str, ...]) -> list[str]:
    plain = {key: value for key, value in table.items() if not isinstance(value, Mapping)}
    lines = ["", "[" + ".".join(map(_key, path)) + "]"] if path and (plain or not table) else []
    lines += [f"{_key(key)} = {_value(value)}" for key, value in plain.items()]
    for key, value in table.items():
        if isinstance(value, Mapping):
            lines += _table(value, path=(*path, key))
    return lines


def _key(key: str) -> str:
    bare = key.isascii() and key.replace("_", "").replace("-", "").isalnum()
    return key if bare else _string(key)


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_value, value)) + "]"
    msg = f"TOML takes strings, numbers, booleans, lists and tables, got {value!r}"
    raise TypeError(msg)


def _string(text: str) -> str:
    # A JSON string is a TOML basic string, but for the one control character JSON leaves as it is.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
