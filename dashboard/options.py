"""Command line options made from the parameters of the registered analyses."""

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import Field, fields
from typing import Annotated, Any, get_type_hints

import typer

from analysis import registry

OPTION = "parameters"
"""The keyword through which a command gets the settings."""


def with_parameters(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command one option per analysis parameter; it gets them as ``parameters``.

    Fields of the same name in several analyses (such as ``seed``) share one option. An option that
    is not given leaves what experiment.toml or the default says.
    """
    own = inspect.signature(command, eval_str=True)
    shared = _fields()
    extra = {
        name: inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=Annotated[kind | None, _option(each)],
        )
        for name, (each, kind) in shared.items()
    }

    @functools.wraps(command)
    def run(**given: Any) -> None:
        said = {name: given.pop(name) for name in extra}
        command(**given, **{OPTION: settings(said)})

    kept = [each for each in own.parameters.values() if each.name != OPTION]
    run.__signature__ = own.replace(parameters=[*kept, *extra.values()])  # type: ignore[attr-defined]
    run.__annotations__ = {each.name: each.annotation for each in [*kept, *extra.values()]}
    return run


def settings(said: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Sort values by the analyses that have a parameter of that name; None is not said."""
    found: dict[str, dict[str, Any]] = {}
    for kind in registry.analyses().values():
        names = {each.name for each in fields(kind.params)}
        found[kind.name] = {k: v for k, v in said.items() if k in names and v is not None}
    return found


def _fields() -> dict[str, tuple[Field[Any], Any]]:
    found: dict[str, tuple[Field[Any], Any]] = {}
    for kind in registry.analyses().values():
        hints = get_type_hints(kind.params)
        for each in fields(kind.params):
            found.setdefault(each.name, (each, _plain(hints[each.name])))
    return found


def _plain(hint: Any) -> Any:
    options = [each for each in getattr(hint, "__args__", (hint,)) if each is not type(None)]
    return options[0]


def _option(each: Field[Any]) -> Any:
    default = "all" if each.default is None else each.default
    choices = each.metadata.get("choices")
    words = f" ({' | '.join(choices)})" if choices else ""
    text = f"{each.metadata['text']}{words} [default: {default}, or experiment.toml]"
    name = each.metadata.get("option") or each.name.replace("_", "-")
    return typer.Option(f"--{name}", help=text, show_default=False)
