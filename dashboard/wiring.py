"""The callbacks that join the page: the cursor moves, frames arrive, the jobs are told of."""

from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, State, html, no_update

from dashboard import frames, ids, panels, words
from dashboard.context import Context
from dashboard.shell import BUSY, IDLE, controls


def register(app: Dash, context: Context) -> None:
    """Add the callbacks that move the cursor, serve frames and tell of the jobs."""
    _register_cursor(app, context)
    _register_frames(app, context)
    _register_page(app)
    _register_jobs(app, context)
    panels.register(app, context)


def _register_cursor(app: Dash, context: Context) -> None:
    parts = [
        (ids.PanelIds(view.name, name).graph, spec.table)
        for view in context.views.values()
        for name, spec in view.panels.items()
    ]
    graphs = [name for name, is_table in parts if not is_table]
    grids = [name for name, is_table in parts if is_table]
    form = [ids.parameter(name) for view in context.views.values() for name in view.parameters]
    app.clientside_callback(
        ClientsideFunction("cursor", "move"),
        Output(ids.CURSOR, "data"),
        Input(ids.URL, "search"),
        *[Input(name, "value") for name in [*controls(context), *form]],
        *[Input(name, "clickData") for name in [ids.NETWORK, *graphs]],
        *[Input(name, "n_clicks") for name in (ids.CLEAR, ids.PIN, ids.UNPIN, ids.RESET)],
        *[Input(name, "cellClicked") for name in [ids.TWIN_GRID, *grids]],
        State(ids.CATALOGUE, "data"),
    )


def _register_frames(app: Dash, context: Context) -> None:
    app.clientside_callback(
        ClientsideFunction("frames", "ask"),
        Input(ids.CURSOR, "data"),
        Input(ids.SCHEME, "data"),
        Input(ids.JOBS, "data"),
        State(ids.CATALOGUE, "data"),
    )
    app.clientside_callback(ClientsideFunction("frames", "take"), Input(ids.FRAMES, "data"))
    app.clientside_callback(ClientsideFunction("frames", "keepAhead"), Input(ids.AHEAD, "data"))

    @app.callback(Output(ids.FRAMES, "data"), Input(ids.REQUEST, "data"), prevent_initial_call=True)
    def serve(request: dict[str, Any]) -> dict[str, Any]:
        return frames.answer(context, request, compute=True)

    @app.callback(Output(ids.AHEAD, "data"), Input(ids.PREFETCH, "data"), prevent_initial_call=True)
    def serve_ahead(request: dict[str, Any]) -> dict[str, Any]:
        return frames.answer(context, request, compute=False)


def _register_page(app: Dash) -> None:
    def client(name: str, *parts: Any) -> None:
        app.clientside_callback(ClientsideFunction("page", name), *parts)

    client("scheme", Output(ids.SCHEME, "data"), Input(ids.TOGGLE, "computedColorScheme"))
    client("play", Input(ids.PLAY, "n_clicks"))
    client("copyLink", Input(ids.COPY, "n_clicks"))
    client("copyProblems", Input(ids.COPY_PROBLEMS, "n_clicks"))
    client(
        "opened",
        Output(ids.HELP, "opened"),
        Input(ids.HELP_BUTTON, "n_clicks"),
        State(ids.HELP, "opened"),
    )


def _register_jobs(app: Dash, context: Context) -> None:
    @app.callback(
        Output(ids.STATUS, "children"),
        Output(ids.CANCEL, "disabled"),
        Output(ids.RETRY, "disabled"),
        Output(ids.PROBLEMS, "children"),
        Output(ids.PROBLEM_LIST, "children"),
        Output(ids.POLL, "interval"),
        Output(ids.JOBS, "data"),
        Input(ids.POLL, "n_intervals"),
        State(ids.CURSOR, "data"),
    )
    def tell(tick: int | None, said: dict[str, Any] | None) -> tuple[Any, ...]:
        status = context.jobs.status
        cursor = context.read(said)[0]
        if not status.busy and said:
            context.complete_row(cursor)  # the cursor rests here
        problems = [
            f"{p.path}: {p.reason}" for p in context.experiments[cursor.experiment].problems
        ]
        messages = [*problems, *status.messages]
        count = f"{len(messages)} message{'s' if len(messages) != 1 else ''}"
        return (
            words.jobs(status, cancelled=context.jobs.cancelled),
            not status.busy,
            not context.jobs.failed,
            count if messages else "",
            [html.Li(message) for message in messages],
            BUSY if status.busy else IDLE,
            {"finished": context.jobs.finished, "busy": status.busy, "tick": tick},
        )

    def press(button: str, act: Any) -> None:
        @app.callback(
            Output(button, "loading"), Input(button, "n_clicks"), prevent_initial_call=True
        )
        def pressed(_clicks: int) -> bool:
            act()
            return False

    press(ids.CANCEL, context.jobs.cancel)
    press(ids.RETRY, context.jobs.retry)

    @app.callback(
        Output(ids.DISMISS, "title"), Input(ids.DISMISS, "n_clicks"), prevent_initial_call=True
    )
    def dismiss(_clicks: int) -> Any:
        context.jobs.dismiss()
        return no_update
