"""Pictures to files: the same figures as on the page, with title and caption."""

import json
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import plotly.graph_objects as go

from analysis.errors import AnalysisError, NerveScopeError
from analysis.experiment import Experiment
from analysis.pipeline import Outcome, Settings, Unit, plan, results_of
from analysis.store import ResultStore
from dashboard import words
from dashboard.cursor import Cursor
from dashboard.layer_units import Found
from dashboard.results import Answer
from dashboard.views import filters

VIEWS = {
    "mapper": filters.mapper_panel,
    "barcode": filters.barcode_panel,
    "projection": filters.projection_panel,
}
VECTOR, PAGE, DATA = (".svg", ".pdf", ".png"), (".html",), (".json",)
WIDTH, HEIGHT, COLUMNS = 1000, 900, 140


class ExportError(NerveScopeError):
    """A picture cannot be written."""


def check(view: str, output: Path) -> None:
    """Refuse an unknown view or kind of file before anything is computed.

    Raises
    ------
    ExportError
        If there is no such view, or the file's ending says no known kind.
    """
    if view not in VIEWS:
        msg = f"there is no view {view!r}; there are {', '.join(VIEWS)}"
        raise ExportError(msg)
    kinds = VECTOR + PAGE + DATA
    if output.suffix.lower() not in kinds:
        msg = f"{output}: the name must end in one of {' '.join(kinds)}"
        raise ExportError(msg)


def write(
    experiment: Experiment,
    view: str,
    output: Path,
    *,
    part: dict[str, Any],
    settings: Settings,
    store: ResultStore,
    run: Callable[[list[Unit]], Sequence[Outcome]],
) -> None:
    """Compute what is missing and write one picture.

    Raises
    ------
    ExportError
        If the file cannot be written, or no browser can be found for .svg, .pdf and .png.
    AnalysisError
        If the result cannot be computed.
    """
    unit = _one(plan(experiment, "mapper", settings=settings, **part))
    beside = {"filters": {**settings.get("filters", {}), "null": "permuted"}}
    null = _one(plan(experiment, "filters", settings=beside, **part))
    for outcome in run([unit, null]):
        if outcome.state == "failed":
            raise AnalysisError(outcome.message)
    found = _found(unit, null, store)
    cursor = Cursor(experiment.name, unit.layer, experiment.axis.index(unit.step))
    figure, message, caption = VIEWS[view](found, cursor, "light")
    if message:
        raise AnalysisError(message)
    title = f"{unit.layer}, step {unit.step.step} — {experiment.title or experiment.name}"
    sentence = words.finding(found.shape.result, found.null.result)
    save(titled(figure, title, [sentence, caption]), output)


def _one(units: list[Unit]) -> Unit:
    if len(units) != 1:
        msg = "a picture is of one layer at one step: choose with --layers and --steps"
        raise ExportError(msg)
    return units[0]


def _found(unit: Unit, null: Unit, store: ResultStore) -> Found:
    there, beside = results_of(unit, store), results_of(null, store)
    if there is None or beside is None:
        msg = f"{unit.where}: its result cannot be read again; try once more"
        raise AnalysisError(msg)
    shape, graph = there["filters"], there["mapper"]
    return Found(
        Answer(shape.result, shape.provenance),
        Answer(beside["filters"].result, beside["filters"].provenance),
        Answer(graph.result, graph.provenance),
    )


def titled(figure: go.Figure, title: str, lines: Sequence[str]) -> go.Figure:
    """Add what the page writes around a figure: a title above, and lines of text below."""
    wrapped = [part for line in lines for part in textwrap.wrap(line, COLUMNS)]
    figure.update_layout(
        title={"text": title, "x": 0.02, "font": {"size": 17}},
        margin={"l": 48, "r": 24, "t": 56, "b": 64 + 16 * len(wrapped)},
    )
    for i, text in enumerate(wrapped):
        figure.add_annotation(
            text=text,
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
            output.write_text(json.dumps(json.loads(figure.to_json())), encoding="utf-8")
        elif kind in PAGE:
            figure.write_html(output, include_plotlyjs=True)
        else:
            _draw(figure, output)
    except OSError as error:
        msg = f"{output}: cannot be written ({error.strerror or error})"
        raise ExportError(msg) from error


def _draw(figure: go.Figure, output: Path) -> None:
    from kaleido.errors import ChromeNotFoundError

    try:
        figure.write_image(output, width=WIDTH, height=HEIGHT, scale=2)
    except (ChromeNotFoundError, RuntimeError) as error:
        msg = (
            f"{output}: drawing needs a Chromium or Chrome on the PATH ({error}); install one, or "
            "write .html or .json instead"
        )
        raise ExportError(msg) from error
