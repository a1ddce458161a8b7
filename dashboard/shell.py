"""The frame around the views: header, cursor bar, status bar, help."""

from typing import Any

import dash_mantine_components as dmc
from dash import dcc, html
from dash.development.base_component import Component

from analysis.experiment import Experiment
from dashboard import frames, ids, panels, theme, words
from dashboard.context import Context
from dashboard.controls import aria
from dashboard.cursor import runs_at
from dashboard.figures.blank import BLANK

LABELS = 12
"""At most so many ticks of the step axis carry a number."""

BUSY, IDLE = 500, 2000
"""Milliseconds between two looks at the jobs."""

SHELL_CONTROLS = {
    ids.EXPERIMENT: "experiment",
    ids.RUNS: "runs",
    ids.VIEW: "view",
    ids.LAYER: "layer",
    ids.STEP: "index",
}
"""The cursor's fields that the frame itself has controls for."""


def layout(context: Context) -> Component:
    """Lay the page out."""
    stores = [
        ids.CURSOR, ids.JOBS, ids.SCHEME, ids.REQUEST, ids.FRAMES, ids.PREFETCH, ids.AHEAD,
    ]  # fmt: skip
    page: Component = dmc.MantineProvider(
        [
            dcc.Location(id=ids.URL, refresh=False),
            *[dcc.Store(id=name) for name in stores],
            dcc.Store(id=ids.CATALOGUE, data=catalogue(context)),
            dcc.Interval(id=ids.POLL, interval=BUSY),
            html.Div([_header(context), _cursor_bar()], className="top"),
            html.Div(
                [
                    html.P("Opening …", id=ids.FINDING, role="status"),
                    html.P(id=ids.NOTE, className="note", role="alert"),
                ],
                className="finding",
            ),
            *[panels.view_layout(view) for view in context.views.values()],
            _status_bar(),
            panels.drawer(),
            _help(),
        ],
        defaultColorScheme="auto",
        theme={"fontFamily": theme.FONT},
    )
    return page


def _header(context: Context) -> Component:
    options = [
        {"value": e.name, "label": (e.title or e.name)[:200]} for e in context.experiments.values()
    ]
    tabs = [{"value": view.name, "label": view.title} for view in context.views.values()]
    return html.Header(
        [
            html.H1([html.I("◉", className="mark"), "NerveScope"]),
            _select(ids.EXPERIMENT, "Experiment", options, 300),
            dmc.MultiSelect(
                id=ids.RUNS,
                data=[],
                placeholder="all runs",
                maxValues=50,
                clearable=True,
                searchable=True,
                size="xs",
                className="runs",
                **aria("Runs"),
            ),
            dmc.SegmentedControl(id=ids.VIEW, data=tabs, value="", size="xs", className="tabs"),
            html.Div(
                [
                    html.Span(id=ids.COPIED, className="caption", role="status"),
                    _button(ids.COPY, "copy link", "Copy a link to exactly this page"),
                    dmc.ColorSchemeToggle(
                        lightIcon="☾",
                        darkIcon="☀",
                        id=ids.TOGGLE,
                        variant="subtle",
                        size="md",
                        **aria("Light or dark"),
                    ),
                    _button(ids.HELP_BUTTON, "?", "What am I looking at? (key ?)"),
                ],
                className="actions",
            ),
        ],
        className="header",
    )


def _select(name: str, label: str, data: list[Any], width: int) -> Component:
    made: Component = dmc.Select(
        id=name, data=data, allowDeselect=False, w=width, size="xs", **aria(label)
    )
    return made


def _button(name: str, text: str, title: str, **more: Any) -> Component:
    return html.Button(text, id=name, type="button", title=title, **aria(title) | more)


def _cursor_bar() -> Component:
    plain = theme.CONFIG | {"displayModeBar": False}
    return html.Nav(
        [
            html.Div([_select(ids.LAYER, "Layer", [], 200), _row_legend()], className="layer"),
            dcc.Graph(
                id=ids.NETWORK,
                figure=BLANK,
                config=plain,
                className="network",
                style={"height": 84},  # its own, or plotly takes 450
                responsive=True,
            ),
            html.Div(
                [
                    dcc.Graph(
                        id=ids.METRIC,
                        figure=BLANK,
                        config=plain | {"staticPlot": True},
                        className="metric",
                        style={"height": 34},
                        responsive=True,
                    ),
                    html.Div(
                        [
                            _button(ids.PLAY, "▶", "Play the training (space)"),
                            _slider(),
                            html.Span(id=ids.STEP_WORDS, className="step-words"),
                        ],
                        className="steps",
                    ),
                ],
                className="time",
            ),
        ],
        className="cursor-bar",
        **aria("Layer and training step"),
    )


def _slider() -> Component:
    made: Component = dmc.Slider(
        id=ids.STEP,
        min=0,
        max=1,
        step=1,
        restrictToMarks=True,
        label=None,
        thumbLabel="Training step",
        updatemode="drag",
        size="sm",
        className="slider",
        **aria("Training step"),
    )
    return made


def _row_legend() -> Component:
    return html.Span(
        [
            html.Span([html.I(className="key"), html.Span(id=ids.ROW_BAR)]),
            html.Span([html.I(className="key null"), html.Span(id=ids.ROW_NULL)]),
            html.Span([html.Span("×", className="cross"), html.Span(id=ids.ROW_CROSS)]),
        ],
        className="caption legend",
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
            html.Span(id=ids.COUNTS, className="counts"),
            _button(ids.CLEAR, "clear", "Clear the selection (Esc)", className="gone"),
            _button(ids.PIN, "pin", "Keep this layer and step beside the others", disabled=True),
            _button(ids.UNPIN, "unpin", "Let go of what is pinned", className="gone"),
            html.Details(
                [
                    html.Summary(id=ids.PROBLEMS),
                    html.Div(
                        [
                            html.Ul(id=ids.PROBLEM_LIST),
                            _button(ids.COPY_PROBLEMS, "copy", "Copy these messages"),
                            _button(ids.DISMISS, "dismiss", "Forget these messages"),
                        ]
                    ),
                ],
                className="problems",
            ),
        ],
        className="status",
    )


KEYS = (
    ("← →", "steps"), ("↑ ↓", "layers"), ("Home End", "first and last step"), ("space", "play"),
    ("Esc", "clear the selection"), ("?", "this help"),
)  # fmt: skip


def _help() -> Component:
    titles = ("What this shows", "How to read it", "What it does not show")
    made: Component = dmc.Drawer(
        [
            html.H2(id=ids.HELP_TITLE),
            *[
                part
                for title, name in zip(titles, ids.HELP_TEXTS, strict=True)
                for part in (html.H3(title), html.P(id=name))
            ],
            html.H3("Keys"),
            html.Dl([part for key, text in KEYS for part in (html.Dt(key), html.Dd(text))]),
            html.H3("This experiment"),
            html.P(id=ids.ABOUT, className="about"),
        ],
        id=ids.HELP,
        position="right",
        size=420,
        title="What am I looking at?",
        keepMounted=True,
    )
    return made


def controls(context: Context) -> dict[str, str]:
    """Return the cursor's fields by the id of their control."""
    own = {ids.control(field): field for view in context.views.values() for field in view.words}
    return SHELL_CONTROLS | own


def catalogue(context: Context) -> dict[str, Any]:
    """Say what the page needs to move the cursor by itself."""
    form = [name for view in context.views.values() for name in view.parameters]
    words_of = {k: v for view in context.views.values() for k, v in view.words.items()}
    return {
        "experiments": {name: _entry(context, each) for name, each in context.experiments.items()},
        "fields": frames.fields(context),
        "controls": controls(context),
        "parameters": {ids.parameter(name): name for name in form},
        "usual": {field: among[0] for field, among in words_of.items()},
        "views": {
            name: {
                "title": view.title,
                "about": [view.about.shows, view.about.read, view.about.limits],
            }
            for name, view in context.views.items()
        },
    }


def _entry(context: Context, experiment: Experiment) -> dict[str, Any]:
    count = len(experiment.axis)
    every = max(1, -(-count // LABELS))
    here, total = runs_at(experiment), len(experiment.runs)
    marks = [
        {"value": i, "label": words.mark(each)}
        if i % every == 0 or i == count - 1
        else {"value": i}
        for i, each in enumerate(experiment.axis)
    ]
    return {
        "layers": {name: list(view.row.names(experiment)) for name, view in context.views.items()},
        "marks": marks,
        "words": [
            f"{words.step(each, experiment.axis[-1])} · {words.runs(n, total)}"
            for each, n in zip(experiment.axis, here, strict=True)
        ],
        "steps": [each.milestone or each.step for each in experiment.axis],
        "runs": [run.name for run in experiment.runs],
        "about": [experiment.description, experiment.source, experiment.licence],
    }
