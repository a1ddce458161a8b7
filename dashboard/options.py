"""Command line options made from the parameters of the registered analyses."""

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, field, fields
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
            annotation=Annotated[each.kind | None, _option(name, each)],
        )
        for name, each in shared.items()
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


@dataclass(slots=True)
class _Shared:
    """One option, with what all analyses that share it say of it."""

    first: Field[Any]
    kind: Any
    texts: dict[str, None] = field(default_factory=dict)
    choices: dict[str, None] = field(default_factory=dict)


def _fields() -> dict[str, _Shared]:
    found: dict[str, _Shared] = {}
    for kind in registry.analyses().values():
        hints = get_type_hints(kind.params)
        for each in fields(kind.params):
            one = found.setdefault(each.name, _Shared(each, _plain(hints[each.name])))
            one.texts[each.metadata["text"]] = None
            one.choices |= dict.fromkeys(each.metadata.get("choices") or ())
    return found


def _plain(hint: Any) -> Any:
    options = [each for each in getattr(hint, "__args__", (hint,)) if each is not type(None)]
    return options[0]


def _option(name: str, each: _Shared) -> Any:
    default = "all" if each.first.default in (None, "") else each.first.default
    words = f" ({' | '.join(each.choices)})" if each.choices else ""
    text = f"{'; '.join(each.texts)}{words} [default: {default}, or experiment.toml]"
    option = each.first.metadata.get("option") or name.replace("_", "-")
    return typer.Option(f"--{option}", help=text, show_default=False)
