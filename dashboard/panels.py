"""Panels: their frame on the page, and what every one of them offers: its table, its pictures."""

import json
from typing import Any

import dash_mantine_components as dmc
from dash import ALL, ClientsideFunction, Dash, Input, Output, State, ctx, dcc, html, no_update
from dash.development.base_component import Component

from analysis.checkpoints import each_file_once
from analysis.errors import NerveScopeError
from dashboard import export, ids, tables, theme
from dashboard.context import Context
from dashboard.controls import aria
from dashboard.cursor import Cursor
from dashboard.figures.blank import BLANK
from dashboard.grids import HIDDEN, as_grid, empty_grid
from dashboard.view import Row, Spec, View

MOST_ROWS = 5000
"""Rows that a table shows; its file has all of them."""


def view_layout(view: View) -> Component:
    """Lay a view's controls and panels out; frames fill them."""
    controls = [html.Div(view.controls(), className="toolbar")] if view.controls else []
    panels = [_panel(view, name, spec) for name, spec in view.panels.items()]
    return html.Main(
        [*controls, html.Div(panels, className="panels")],
        id=ids.main(view.name),
        className="view gone",
        **aria(view.title),
    )


def _panel(view: View, name: str, spec: Spec) -> Component:
    at = ids.PanelIds(view.name, name)
    return html.Section(
        [
            html.Div(
                [html.H2(spec.title), html.Div(_buttons(at, spec), className="buttons")],
                className="panel-head",
            ),
            html.P("Loading …", id=at.message, className="message", role="status"),
            empty_grid(at.graph, height="100%") if spec.table else _graph(at, spec),
            html.P(id=at.caption, className="caption"),
        ],
        id=at.box,
        className=spec.classes(),
        **aria(spec.title),
    )


def _graph(at: ids.PanelIds, spec: Spec) -> Component:
    return dcc.Graph(
        id=at.graph,
        figure=BLANK,
        config=theme.CONFIG | {"scrollZoom": spec.zoom},
        className="figure",
        responsive=not spec.tall,  # the browser sizes those that say how high they are
    )


def _buttons(at: ids.PanelIds, spec: Spec) -> list[Component]:
    words = {"table": "as a table", "svg": "as a vector picture", "png": "as a picture"}
    if spec.table:
        words = {"table": words["table"]}
    return [
        html.Button(
            kind,
            id=at.button(kind),
            type="button",
            title=f"{spec.title} {text}",
            className="small",
            **aria(f"{spec.title} {text}"),
        )
        for kind, text in words.items()
    ]


def drawer() -> Component:
    """Lay out the drawer in which any figure is a table."""
    made: Component = dmc.Drawer(
        [
            html.Div(
                [
                    html.Span(id=ids.TWIN_TITLE, className="caption"),
                    dmc.Button("CSV", id=ids.TWIN_CSV, size="compact-xs", variant="default"),
                    dmc.Button("JSON", id=ids.TWIN_JSON, size="compact-xs", variant="default"),
                ],
                className="twin-head",
            ),
            empty_grid(ids.TWIN_GRID, height="calc(46vh - 90px)"),
            dcc.Store(id=ids.TWIN_OF),
            dcc.Store(id=ids.TWIN_ASK),
            dcc.Download(id=ids.DOWNLOAD),
            dcc.Store(id=ids.PICTURE),
        ],
        id=ids.TWIN,
        position="bottom",
        size="46vh",
        withOverlay=False,
        lockScroll=False,
        trapFocus=False,
        closeOnClickOutside=False,
        title="Table",
        keepMounted=True,
    )
    return made


def register(app: Dash, context: Context) -> None:
    """Add the callbacks of tables and pictures."""
    _register_twin(app, context)
    _register_pictures(app, context)


def _register_twin(app: Dash, context: Context) -> None:
    @app.callback(
        Output(ids.TWIN_OF, "data"),
        Output(ids.TWIN, "opened"),
        Input({"type": "panel", "kind": "table", "panel": ALL}, "n_clicks"),
        prevent_initial_call=True,
    )
    def open_table(clicks: list[int | None]) -> tuple[Any, Any]:
        if not any(clicks) or ctx.triggered_id is None:
            return no_update, no_update
        return ctx.triggered_id["panel"], True

    @app.callback(
        Output(ids.TWIN_GRID, "rowData"),
        Output(ids.TWIN_GRID, "columnDefs"),
        Output(ids.TWIN_TITLE, "children"),
        Input(ids.TWIN_ASK, "data"),
        prevent_initial_call=True,
    )
    def fill(asked: dict[str, Any]) -> Any:
        if asked["graph"] not in _panels(context):
            return no_update, no_update, no_update
        title, rows = twin(context, asked["graph"], context.read(asked["cursor"])[0])
        shown = rows[:MOST_ROWS]
        words = f"{title}: {len(shown):,} of {len(rows):,} rows"
        filled = as_grid(shown)
        return filled["rowData"], filled["columnDefs"], words

    @app.callback(
        Output(ids.DOWNLOAD, "data"),
        Input(ids.TWIN_CSV, "n_clicks"),
        Input(ids.TWIN_JSON, "n_clicks"),
        State(ids.TWIN_OF, "data"),
        State(ids.CURSOR, "data"),
        prevent_initial_call=True,
    )
    def download(
        csv: int | None, as_json: int | None, graph: str | None, said: dict[str, Any]
    ) -> Any:
        if not (csv or as_json) or graph not in _panels(context):
            return no_update
        cursor = context.read(said)[0]
        title, every = twin(context, str(graph), cursor)
        rows = [{name: value for name, value in row.items() if name != HIDDEN} for row in every]
        name = export.file_name(context.ask(cursor), str(graph))
        if ctx.triggered_id == ids.TWIN_CSV:
            content = tables.as_csv(rows)
            return {"content": content, "filename": f"{name}.csv", "type": "text/csv"}
        said_ = {"table": title, "cursor": cursor.as_plain(), "rows": rows}
        content = json.dumps(said_, ensure_ascii=False, allow_nan=False)
        return {"content": content, "filename": f"{name}.json", "type": "application/json"}

    app.clientside_callback(
        ClientsideFunction("page", "askTable"),
        Output(ids.TWIN_ASK, "data"),
        Input(ids.TWIN_OF, "data"),
        Input(ids.CURSOR, "data"),
        Input(ids.JOBS, "data"),
        Input(ids.TWIN, "opened"),
        prevent_initial_call=True,
    )
    app.clientside_callback(ClientsideFunction("page", "remember"), Input(ids.TWIN_GRID, "rowData"))


def _register_pictures(app: Dash, context: Context) -> None:
    @app.callback(
        Output(ids.PICTURE, "data"),
        Input({"type": "panel", "kind": "svg", "panel": ALL}, "n_clicks"),
        Input({"type": "panel", "kind": "png", "panel": ALL}, "n_clicks"),
        State(ids.CURSOR, "data"),
        State(ids.SCHEME, "data"),
        prevent_initial_call=True,
    )
    def draw(svg: list[int], png: list[int], said: dict[str, Any], scheme: str) -> Any:
        pressed = ctx.triggered_id
        if not any([*svg, *png]) or pressed is None or not said:
            return no_update
        cursor = context.read(said)[0]
        view, name = _panels(context)[pressed["panel"]]
        ask = context.ask(cursor)
        found = context.find(view, ask, compute=False)
        figure = export.picture(view, name, ask, found=found, scheme=scheme)
        return {
            "figure": figure.to_plotly_json(),
            "name": export.file_name(ask, pressed["panel"]),
            "kind": pressed["kind"],
            "width": export.WIDTH,
            "height": figure.layout.height or export.HEIGHT,
        }

    app.clientside_callback(ClientsideFunction("page", "save"), Input(ids.PICTURE, "data"))


def _panels(context: Context) -> dict[str, tuple[View, str]]:
    return {
        ids.PanelIds(view.name, name).graph: (view, name)
        for view in context.views.values()
        for name in view.panels
    }


def twin(context: Context, graph: str, cursor: Cursor) -> tuple[str, list[Row]]:
    """Make a figure's table.

    Returns
    -------
    title : str
    rows : list of dict
        Plain values; ``_pick``, where it is there, is what a click on the row says of the cursor.
    """
    view, name = _panels(context)[graph]
    ask = context.ask(cursor)
    try:
        with each_file_once():
            scene = view.scene(ask, context.find(view, ask, compute=False))
            rows = view.panels[name].rows(scene)
    except NerveScopeError:
        rows = []  # the panel itself says why
    return view.panels[name].title, [tables.finite(row) for row in rows]
