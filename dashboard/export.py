"""Pictures to files: the same figures as on the page, with title and caption."""

import re
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path

import plotly.graph_objects as go

from analysis.errors import NerveScopeError
from analysis.pipeline import Outcome
from analysis.store import write_whole
from analysis.units import Unit
from dashboard import theme, views
from dashboard.context import Context
from dashboard.cursor import Cursor
from dashboard.figures.patches import escape
from dashboard.results import Found
from dashboard.view import Ask, View

VECTOR, PAGE, DATA = (".svg", ".pdf", ".png"), (".html",), (".json",)
WIDTH, HEIGHT, COLUMNS = 1000, 900, 140
ROUNDS = 3


class ExportError(NerveScopeError):
    """A picture cannot be written."""


def panels() -> dict[str, View]:
    """Return the views by the names of their panels, which are what can be exported."""
    return {
        name: view
        for view in views.discover()
        for name, spec in view.panels.items()
        if not spec.table
    }


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
    context: Context,
    panel: str,
    output: Path,
    *,
    cursor: Cursor,
    run: Callable[[list[Unit]], Sequence[Outcome]],
) -> None:
    """Compute what is missing and write one picture.

    Raises
    ------
    ExportError
        If the file cannot be written, or no browser can be found for .svg, .pdf and .png.
    NerveScopeError
        If nothing of it can be computed; a layer that cannot be is drawn as such beside others.
    """
    view = panels()[panel]
    ask = context.ask(cursor)
    failed = _failures(view, ask, run)
    need = {
        name: failed.get(each, each) if isinstance(each, Unit) else each
        for name, each in view.units(ask).items()
    }
    found = Found(context.results, need, compute=False)
    save(picture(view, panel, ask, found=found, scheme="light"), output)


def _failures(
    view: View, ask: Ask, run: Callable[[list[Unit]], Sequence[Outcome]]
) -> dict[Unit, str]:
    """Have computed what a view shows; return what could not be, and why."""
    failed: dict[Unit, str] = {}
    for _ in range(ROUNDS):  # some units are known only when others are there
        wanted = [unit for unit in view.units(ask).values() if isinstance(unit, Unit)]
        outcomes = run(wanted)
        failed |= {each.unit: each.message for each in outcomes if each.state == "failed"}
        if outcomes and all(each.state == "failed" for each in outcomes):
            raise NerveScopeError(outcomes[0].message)
        if all(isinstance(each, str) or each in wanted for each in view.units(ask).values()):
            break
    return failed


def picture(view: View, panel: str, ask: Ask, *, found: Found, scheme: str) -> go.Figure:
    """Draw one panel with title and caption, as it goes to a file.

    Raises
    ------
    NerveScopeError
        If there is nothing to draw; the message says why.
    """
    scene = view.scene(ask, found)
    drawn = view.panels[panel].draw(scene, scheme)
    if drawn.message or drawn.hidden:
        raise NerveScopeError(drawn.message or f"there is nothing in {view.panels[panel].title!r}")
    place = ask.experiment.axis[ask.cursor.index]
    where = ask.experiment.title or ask.experiment.name
    if "index" in view.fields:
        where = f"{ask.cursor.layer}, step {place.milestone or place.step} – {where}"
    title = f"{view.panels[panel].title}: {where}"
    parts = [part for part in drawn.caption.split(" · ") if not part.startswith("click ")]
    return titled(drawn.figure, title, [view.sentence(scene), " · ".join(parts)])


def file_name(ask: Ask, graph: str) -> str:
    """Name a file after what it shows, with letters that any system takes."""
    place = ask.experiment.axis[ask.cursor.index]
    parts = [ask.experiment.name, ask.cursor.layer, str(place.step), graph]
    return re.sub(r"[^A-Za-z0-9._-]+", "_", "-".join(parts))[:120]


def titled(figure: go.Figure, title: str, lines: Sequence[str]) -> go.Figure:
    """Add what the page writes around a figure: a title above, and lines of text below."""
    figure = go.Figure(figure)  # figures may be shared, as the empty one is
    wrapped = [part for line in lines for part in textwrap.wrap(line, COLUMNS)]
    below = 64 + 16 * len(wrapped)
    own = figure.layout.margin
    figure.update_layout(
        title={"text": escape(title), "x": 0.02, "font": {"size": 17}},
        margin={"l": max(own.l or 0, 48), "r": max(own.r or 0, 24), "t": 56, "b": below},
    )
    if figure.layout.height:  # it knows how high it is by itself
        figure.update_layout(height=figure.layout.height + 56 + below)
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
        write_whole(
            output,
            figure.to_image(kind, width=WIDTH, height=figure.layout.height or HEIGHT, scale=2),
        )
    except (ChromeNotFoundError, RuntimeError) as error:
        msg = (
            f"{output}: drawing needs a Chromium or Chrome on the PATH ({error}); install one, or "
            "write .html or .json instead"
        )
        raise ExportError(msg) from error
