"""What an analysis is: a name, a version, parameters, what it needs, how it runs.

A module of this package registers its analysis with :func:`register`; :func:`discover` finds all of
them, so there is no list to edit. Command line options and the dashboard's forms are made from the
parameter dataclasses (see `analysis.parameters`).
"""

import functools
import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar, get_type_hints

import analysis
from analysis.errors import AnalysisError
from analysis.parameters import Params, spelled
from analysis.sources import KINDS, LAYER

if TYPE_CHECKING:  # units are made of what is registered here
    from analysis.units import Unit

F = TypeVar("F", bound=Callable[..., Any])

Progress = Callable[[float, str], None]
"""Called with the share done, 0 to 1, and what is being done."""


def silent(_share: float, _stage: str) -> None:
    """Report progress to nobody."""


def never(_given: Any, _params: Any) -> bool:
    """Have an analysis computed by a worker, whatever it is given."""
    return False


@dataclass(frozen=True)
class Analysis:
    """One registered analysis.

    Attributes
    ----------
    name, title : str
        Name in keys, commands and URLs; title for people.
    version : int
        Part of every key: raised when the numbers change, so that old results are not found.
    params : type
        Its parameter dataclass.
    result : type
        The frozen dataclass that `run` returns.
    needs : str
        A kind of source (see `analysis.sources`), or the analysis whose result it takes.
    run : callable
        ``run(input, params, *, progress) -> result``.
    beside : mapping
        Parameters of which every value is shown side by side, such as null models.
    quick : callable
        ``quick(input, params) -> bool``: whether it answers while a page waits, in under 200 ms.
    on_demand : bool
        Whether it is computed only when it is asked for by name or looked at.
    gathers : bool
        Whether it takes the results of all runs and steps at once, as a list of (place, result).
    like : str
        Another analysis whose parameters it has too: what is set for that one holds here, unless
        it is set here as well. Empty for none.
    """

    name: str
    title: str
    version: int
    params: type[Params]
    result: type
    needs: str
    run: Callable[..., Any]
    beside: Mapping[str, tuple[Any, ...]]
    quick: Callable[[Any, Any], bool]
    on_demand: bool
    gathers: bool = False
    like: str = ""


@dataclass(frozen=True)
class Entry:
    """What one row of a table is made of.

    Attributes
    ----------
    unit : Unit
        Of the table's analysis.
    columns : mapping
        Plain values that go over those of `Table.row`.
    beside : mapping
        Further units, whose results the row function gets under these names.
    error : str or None
        Why there is nothing to compute: the row is then made without results.
    """

    unit: "Unit"
    columns: Mapping[str, Any] = field(default_factory=dict)
    beside: Mapping[str, "Unit"] = field(default_factory=dict)
    error: str | None = None


@dataclass(frozen=True)
class Table:
    """A table of the command line and the dashboard: one row of plain values per result.

    Attributes
    ----------
    name, text : str
        Name and one line of help.
    analysis : str
        The analysis to compute; its row function also gets the results that it stands on.
    row : callable
        ``row(unit, results) -> dict`` with ``results`` by analysis name.
    expand : callable or None
        ``expand(unit, results) -> sequence of Entry``: the rows that stand in place of one computed
        unit, such as its neighbours in a grid.
    """

    name: str
    text: str
    analysis: str
    row: Callable[..., dict[str, Any]]
    expand: Callable[..., Sequence[Entry]] | None = None


_ANALYSES: dict[str, Analysis] = {}
_TABLES: dict[str, Table] = {}


def register(  # noqa: PLR0913 - the fields of an analysis
    name: str,
    *,
    title: str,
    version: int,
    needs: str = LAYER,
    beside: Mapping[str, tuple[Any, ...]] | None = None,
    quick: Callable[[Any, Any], bool] = never,
    on_demand: bool = False,
    gathers: bool = False,
    like: str = "",
) -> Callable[[F], F]:
    """Register the decorated function as an analysis; its annotations name params and result.

    The arguments are the fields of `Analysis`.
    """

    def enter(run: F) -> F:
        hints = get_type_hints(run)
        _ANALYSES[name] = Analysis(
            name,
            title,
            version,
            hints["params"],
            hints["return"],
            needs,
            run,
            beside or {},
            quick,
            on_demand,
            gathers,
            like,
        )
        return run

    return enter


def table(
    name: str,
    *,
    analysis: str,
    text: str,
    expand: Callable[..., Sequence[Entry]] | None = None,
) -> Callable[[F], F]:
    """Register the decorated function as the row of a table over an analysis' results.

    The arguments are the fields of `Table`.
    """

    def enter(row: F) -> F:
        _TABLES[name] = Table(name, text, analysis, row, expand)
        return row

    return enter


@functools.cache
def discover() -> None:
    """Import every public module of the package, so that all analyses are registered."""
    for module in pkgutil.iter_modules(analysis.__path__):
        if not module.name.startswith("_"):
            importlib.import_module(f"analysis.{module.name}")


def analyses() -> dict[str, Analysis]:
    """Return all analyses by name."""
    discover()
    return dict(_ANALYSES)


def tables() -> dict[str, Table]:
    """Return all tables by name."""
    discover()
    return dict(_TABLES)


def get(name: str) -> Analysis:
    """Look up an analysis.

    Raises
    ------
    AnalysisError
        If there is none of that name.
    """
    found = analyses()
    if name not in found:
        msg = f"there is no analysis {name!r}; there are {', '.join(sorted(found))}"
        raise AnalysisError(msg)
    return found[name]


def chain(name: str) -> list[Analysis]:
    """Return the analyses that lead to `name`; the first reads a source, or gathers results."""
    one = get(name)
    return [one] if one.gathers or one.needs in KINDS else [*chain(one.needs), one]


def source_of(name: str) -> str:
    """Return the kind of source that an analysis, or what it stands on or gathers, reads."""
    first = chain(name)[0]
    return source_of(first.needs) if first.gathers else first.needs


def leaves() -> list[str]:
    """Return what to compute when nothing is named: analyses that no other stands on.

    Those that are computed on demand only are left out.
    """
    found = {name: kind for name, kind in analyses().items() if not kind.on_demand}
    needed = {kind.needs for kind in found.values()}
    return [name for name in found if name not in needed]


def settings_of(name: str) -> set[str]:
    """Return the words for parameters of an analysis and of all that stand on it."""
    family = [kind for kind in analyses().values() if name in {k.name for k in chain(kind.name)}]
    return {word for kind in family for word in spelled(kind.params)}


def variants(
    name: str, settings: Mapping[str, Mapping[str, Any]]
) -> list[dict[str, dict[str, Any]]]:
    """Return the settings with each value of what is shown side by side, unless one is set.

    Parameters
    ----------
    name : str
        Of an analysis; what it stands on counts too.
    settings : mapping
        Parameters by analysis name.
    """
    found = [{key: dict(said) for key, said in settings.items()}]
    for kind in chain(name):
        for key, values in kind.beside.items():
            if key not in settings.get(kind.name, {}):
                found = [
                    one | {kind.name: one.get(kind.name, {}) | {key: value}}
                    for one in found
                    for value in values
                ]
    return found


def resolve(kind: Analysis, *layers: Mapping[str, Any]) -> Params:
    """Make parameters from defaults and layers of settings, later ones winning.

    Parameters
    ----------
    kind : Analysis
        Whose parameters.
    *layers : mapping
        Settings by field name, or by its option such as ``class``; None means not said.

    Raises
    ------
    AnalysisError
        If a name is unknown or a value cannot be used.
    """
    names = spelled(kind.params)
    said: dict[str, Any] = {}
    for layer in layers:
        if unknown := sorted(set(layer) - set(names)):
            msg = f"{kind.name} has no parameter {unknown[0]!r}; it has {', '.join(sorted(names))}"
            raise AnalysisError(msg)
        said |= {names[key]: value for key, value in layer.items() if value is not None}
    hints = get_type_hints(kind.params)
    for key, value in said.items():
        if hints[key] is str and isinstance(value, int) and not isinstance(value, bool):
            said[key] = str(value)  # k = 100 in a file means "100"
    return kind.params(**said)
