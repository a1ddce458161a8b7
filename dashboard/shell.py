"""The frame around the views: header, cursor bar, status bar, and the callbacks that join them."""

from typing import Any

import dash_mantine_components as dmc
from dash import ALL, ClientsideFunction, Dash, Input, Output, State, ctx, dcc, html, no_update
from dash.development.base_component import Component

from analysis.experiment import Experiment
from dashboard import cursor as cursors
from dashboard import ids, theme, words
from dashboard.context import Context
from dashboard.cursor import runs_at
from dashboard.figures.blank import BLANK
from dashboard.figures.network import network_figure
from dashboard.views import View

LABELS = 12
"""At most so many ticks of the step axis carry a number."""

BUSY, IDLE = 500, 1500
"""Milliseconds between two looks at the jobs."""


def layout(context: Context, views: list[View]) -> Component:
    """Lay the page out."""
    page: Component = dmc.MantineProvider(
        [
            dcc.Location(id=ids.URL, refresh=False),
            dcc.Store(id=ids.CURSOR),
            dcc.Store(id=ids.SHOWN),
            dcc.Store(id=ids.ROW),
            dcc.Store(id=ids.SCHEME),
            dcc.Store(id=ids.CATALOGUE, data=catalogue(context)),
            dcc.Interval(id=ids.POLL, interval=BUSY),
            _header(context),
            _cursor_bar(),
            *[view.layout() for view in views],
            _status_bar(),
        ],
        defaultColorScheme="auto",
    )
    return page


def _header(context: Context) -> Component:
    options = [
        {"value": e.name, "label": (e.title or e.name)[:200]} for e in context.experiments.values()
    ]
    return html.Header(
        [
            html.H1("NerveScope"),
            dmc.Select(
                id=ids.EXPERIMENT,
                data=options,
                allowDeselect=False,
                w=380,
                size="xs",
                **{"aria-label": "Experiment"},
            ),
            html.Span(id=ids.TITLE, className="runs"),
            html.Details(
                [html.Summary("About"), html.Div(id=ids.ABOUT)], id=ids.ABOUT_BOX, className="about"
            ),
            dmc.ColorSchemeToggle(
                lightIcon="☾",
                darkIcon="☀",
                id=ids.TOGGLE,
                variant="subtle",
                size="md",
                **{"aria-label": "Light or dark"},
            ),
        ],
        className="header",
    )


def _cursor_bar() -> Component:
    return html.Nav(
        [
            html.Div(
                [
                    dmc.Select(
                        id=ids.LAYER,
                        data=[],
                        allowDeselect=False,
                        w=220,
                        size="xs",
                        **{"aria-label": "Layer"},
                    ),
                    html.Span(
                        [
                            html.I(className="key"),
                            "loop strength ",
                            html.I(className="key null"),
                            "permuted ",
                            html.Span("×", className="cross"),
                            "no shape",
                        ],
                        className="caption",
                    ),
                ],
                className="layer",
            ),
            dcc.Graph(
                id=ids.NETWORK,
                figure=BLANK,
                config=theme.CONFIG | {"displayModeBar": False},
                className="network",
                style={"height": 92},  # its own, or plotly takes 450
                responsive=True,
            ),
            html.Div(
                [
                    dmc.Slider(
                        id=ids.STEP,
                        min=0,
                        max=1,
                        step=1,
                        restrictToMarks=True,
                        label=None,
                        thumbLabel="Training step",
                        updatemode="drag",
                        size="sm",
                        **{"aria-label": "Training step"},
                    ),
                    html.Span(id=ids.STEP_WORDS, className="step-words"),
                ],
                className="steps",
            ),
        ],
        className="cursor-bar",
    )


def _status_bar() -> Component:
    return html.Footer(
        [
            html.Span(id=ids.STATUS, role="status"),
            dmc.Button(
                "Cancel", id=ids.CANCEL, size="compact-xs", variant="default", disabled=True
            ),
            dmc.Button(
                "Try again", id=ids.RETRY, size="compact-xs", variant="default", disabled=True
            ),
            html.Span(id=ids.FAULT, role="alert"),
            html.Details(
                [html.Summary(id=ids.PROBLEMS), html.Ul(id=ids.PROBLEM_LIST)], className="problems"
            ),
        ],
        className="status",
    )


def catalogue(context: Context) -> dict[str, Any]:
    """Say what the page needs to move the cursor by itself: layers and steps by experiment."""
    return {name: _entry(each) for name, each in context.experiments.items()}


def _entry(experiment: Experiment) -> dict[str, Any]:
    count = len(experiment.axis)
    every = max(1, -(-count // LABELS))
    marks = [
        {"value": i, "label": each.milestone or str(each.step)}
        if i % every == 0 or i == count - 1
        else {"value": i}
        for i, each in enumerate(experiment.axis)
    ]
    return {
        "layers": [each.name for each in experiment.layers()],
        "marks": marks,
        "words": [words.step(each, experiment.axis[-1]) for each in experiment.axis],
        "steps": [each.milestone or each.step for each in experiment.axis],
        "runs": [words.runs(n, len(experiment.runs)) for n in runs_at(experiment)],
        "about": [experiment.description, experiment.source, experiment.licence],
    }


def register(app: Dash, context: Context, views: list[View]) -> None:
    """Add the callbacks that move the cursor, draw the row of layers and tell of the jobs."""
    app.clientside_callback(
        ClientsideFunction("cursor", "move"),
        Output(ids.CURSOR, "data"),
        Input(ids.URL, "search"),
        Input(ids.EXPERIMENT, "value"),
        Input(ids.LAYER, "value"),
        Input(ids.STEP, "value"),
        Input(ids.NETWORK, "clickData"),
        Input(ids.picked(ALL), "data"),
        State(ids.CURSOR, "data"),
        State(ids.SHOWN, "data"),
    )
    app.clientside_callback(
        ClientsideFunction("cursor", "show"),
        Output(ids.EXPERIMENT, "value"),
        Output(ids.LAYER, "data"),
        Output(ids.LAYER, "value"),
        Output(ids.STEP, "marks"),
        Output(ids.STEP, "max"),
        Output(ids.STEP, "disabled"),
        Output(ids.STEP, "value"),
        Output(ids.STEP_WORDS, "children"),
        Output(ids.TITLE, "children"),
        Output(ids.ABOUT, "children"),
        Input(ids.SHOWN, "data"),
        State(ids.CURSOR, "data"),
        State(ids.CATALOGUE, "data"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction("theme", "scheme"),
        Output(ids.SCHEME, "data"),
        Input(ids.TOGGLE, "computedColorScheme"),
    )
    _register_watch(app, context, views)
    _register_row(app, context)
    _register_jobs(app, context)


def _register_watch(app: Dash, context: Context, views: list[View]) -> None:
    @app.callback(
        Output(ids.SHOWN, "data"),
        Output(ids.ROW, "data"),
        Input(ids.CURSOR, "data"),
        Input(ids.POLL, "n_intervals"),
        State(ids.SHOWN, "data"),
        State(ids.ROW, "data"),
        prevent_initial_call=True,
    )
    def watch(
        said: dict[str, Any] | None, _tick: int, shown: dict[str, Any], row: dict[str, Any]
    ) -> tuple[Any, Any]:
        if said is None:
            return no_update, no_update
        cursor, note = context.read_with_note(cursors.completed(said, shown))
        experiment = context.experiments[cursor.experiment]
        state = [context.find(view.units, cursor).state for view in views]
        new = cursor.as_plain() | {"note": note, "state": state}
        if ctx.triggered_id == ids.POLL and not context.jobs.status.busy:
            context.complete_row(experiment, cursor.index)  # the cursor rests here
        # the row is looked up anew when the cursor moves or a job has ended, not at every tick
        new_row = cursor.as_plain() | {"node": None, "finished": context.jobs.finished}
        return (no_update if new == shown else new, no_update if new_row == row else new_row)


def _register_row(app: Dash, context: Context) -> None:
    @app.callback(
        Output(ids.NETWORK, "figure"),
        Input(ids.ROW, "data"),
        Input(ids.SCHEME, "data"),
        prevent_initial_call=True,
    )
    def draw_row(row: dict[str, Any] | None, scheme: str | None) -> Any:
        if row is None or scheme is None:
            return no_update
        cursor = context.read(row)
        bars = context.row(context.experiments[cursor.experiment], cursor.index)
        return network_figure(bars, selected=cursor.layer, scheme=scheme)


def _register_jobs(app: Dash, context: Context) -> None:
    @app.callback(
        Output(ids.STATUS, "children"),
        Output(ids.CANCEL, "disabled"),
        Output(ids.RETRY, "disabled"),
        Output(ids.PROBLEMS, "children"),
        Output(ids.PROBLEM_LIST, "children"),
        Output(ids.POLL, "interval"),
        Input(ids.POLL, "n_intervals"),
        Input(ids.SHOWN, "data"),
    )
    def tell(
        _tick: int, shown: dict[str, Any] | None
    ) -> tuple[str, bool, bool, str, list[Any], int]:
        status = context.jobs.status
        cursor = context.read(shown)
        problems = [
            f"{p.path}: {p.reason}" for p in context.experiments[cursor.experiment].problems
        ]
        note = [shown["note"]] if shown and shown.get("note") else []
        messages = [*note, *problems, *status.messages]
        count = f"{len(messages)} message{'s' if len(messages) != 1 else ''}"
        return (
            words.jobs(status),
            not status.busy,
            not context.jobs.failed,
            count if messages else "",
            [html.Li(message) for message in messages],
            BUSY if status.busy else IDLE,
        )

    @app.callback(
        Output(ids.CANCEL, "loading"), Input(ids.CANCEL, "n_clicks"), prevent_initial_call=True
    )
    def cancel(_clicks: int) -> bool:
        context.jobs.cancel()
        return False

    @app.callback(
        Output(ids.RETRY, "loading"), Input(ids.RETRY, "n_clicks"), prevent_initial_call=True
    )
    def retry(_clicks: int) -> bool:
        context.jobs.retry()
        return False
