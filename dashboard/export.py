"""Pictures to files: the same figures as on the page, with title and caption."""

import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path

import plotly.graph_objects as go

from analysis.errors import NerveScopeError
from analysis.experiment import Experiment
from analysis.pipeline import Outcome, Settings, Unit, load
from analysis.store import ResultStore, write_whole
from dashboard import theme, views
from dashboard.cursor import Cursor
from dashboard.figures.patches import escape
from dashboard.results import Answer, Found
from dashboard.views import View

VECTOR, PAGE, DATA = (".svg", ".pdf", ".png"), (".html",), (".json",)
WIDTH, HEIGHT, COLUMNS = 1000, 900, 140


class ExportError(NerveScopeError):
    """A picture cannot be written."""


def panels() -> dict[str, View]:
    """Return the views by the names of their panels, which are what can be exported."""
    return {name: view for view in views.discover() for name in view.panels}


def check(panel: str, output: Path) -> None:
    """Refuse an unknown panel or kind of file before anything is computed.

    Raises
    ------
    ExportError
        If there is no such panel, or the file's ending says no known kind.
    """
    if panel not in panels():
        msg = f"there is no view {panel!r}; there are {', '.join(panels())}"
        raise ExportError(msg)
    kinds = VECTOR + PAGE + DATA
    if output.suffix.lower() not in kinds:
        msg = f"{output}: the name must end in one of {' '.join(kinds)}"
        raise ExportError(msg)


def write(
    experiment: Experiment,
    panel: str,
    output: Path,
    *,
    cursor: Cursor,
    settings: Settings,
    store: ResultStore,
    run: Callable[[list[Unit]], Sequence[Outcome]],
) -> None:
    """Compute what is missing and write one picture.

    Raises
    ------
    ExportError
        If the file cannot be written, or no browser can be found for .svg, .pdf and .png.
    NerveScopeError
        If the result cannot be computed.
    """
    view = panels()[panel]
    units = view.units(experiment, cursor, settings)
    for outcome in run(list(units.values())):
        if outcome.state == "failed":
            raise NerveScopeError(outcome.message)
    found = Found({name: _answer(unit, store) for name, unit in units.items()})
    figure, message, caption = view.panels[panel](found, cursor, "light")
    if message:
        raise NerveScopeError(message)
    step = experiment.axis[cursor.index].step
    title = f"{cursor.layer}, step {step} – {experiment.title or experiment.name}"
    save(titled(figure, title, [view.sentence(found, cursor), caption]), output)


def _answer(unit: Unit, store: ResultStore) -> Answer:
    stored = load(unit, store)
    if stored is None:
        return Answer(error=f"{unit.where}: its result cannot be read again; try once more")
    return Answer(stored.result, stored.provenance)


def titled(figure: go.Figure, title: str, lines: Sequence[str]) -> go.Figure:
    """Add what the page writes around a figure: a title above, and lines of text below."""
    wrapped = [part for line in lines for part in textwrap.wrap(line, COLUMNS)]
    figure.update_layout(
        title={"text": escape(title), "x": 0.02, "font": {"size": 17}},
        margin={"l": 48, "r": 24, "t": 56, "b": 64 + 16 * len(wrapped)},
    )
    for i, text in enumerate(wrapped):
        figure.add_annotation(
            text=escape(text),
            showarrow=False,
            xref="paper",
            yref="paper",
            x=0,
            y=0,
            yshift=-52 - 16 * i,
            xanchor="left",
            yanchor="middle",
            font={"size": 12},
        )
    return figure


def save(figure: go.Figure, output: Path) -> None:
    """Write a figure as the kind of file that its name says.

    Raises
    ------
    ExportError
        If it cannot be written.
    """
    kind = output.suffix.lower()
    try:
        if kind in DATA:
            write_whole(output, str(figure.to_json()).encode())
        elif kind in PAGE:
            page = figure.to_html(include_plotlyjs=True, config=theme.CONFIG)
            write_whole(output, str(page).encode())
        else:
            _draw(figure, output)
    except OSError as error:
        msg = f"{output}: cannot be written ({error.strerror or error})"
        raise ExportError(msg) from error


def _draw(figure: go.Figure, output: Path) -> None:
    from kaleido.errors import ChromeNotFoundError

    try:
        kind = output.suffix.lower().removeprefix(".")
        write_whole(output, figure.to_image(kind, width=WIDTH, height=HEIGHT, scale=2))
    except (ChromeNotFoundError, RuntimeError) as error:
        msg = (
            f"{output}: drawing needs a Chromium or Chrome on the PATH ({error}); install one, or "
            "write .html or .json instead"
        )
        raise ExportError(msg) from error
