"""Panels: their frame on the page, and what every one of them offers: its table, its pictures."""

from typing import Any

import dash_ag_grid as dag
import dash_mantine_components as dmc
from dash import ALL, ClientsideFunction, Dash, Input, Output, State, ctx, dcc, html, no_update
from dash.development.base_component import Component

from analysis.errors import NerveScopeError
from dashboard import export, ids, tables, theme
from dashboard.controls import aria
from dashboard.context import Context
from dashboard.cursor import Cursor
from dashboard.figures.blank import BLANK
from dashboard.views import Row, Spec, View

MOST_ROWS = 5000
"""Rows that a table shows; its file has all of them."""

HIDDEN = "_pick"


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
            dcc.Graph(
                id=at.graph,
                figure=BLANK,
                config=theme.CONFIG | {"scrollZoom": spec.zoom},
                className="figure",
                responsive="auto" if spec.tall else True,
            ),
            html.P(id=at.caption, className="caption"),
        ],
        id=at.box,
        className=f"panel {spec.kind}",
        **aria(spec.title),
    )


def _buttons(at: ids.PanelIds, spec: Spec) -> list[Component]:
    words = {"table": "as a table", "svg": "as a vector picture", "png": "as a picture"}
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
    return dmc.Drawer(
        [
            html.Div(
                [
                    html.Span(id=ids.TWIN_TITLE, className="caption"),
                    dmc.Button("CSV", id=ids.TWIN_CSV, size="compact-xs", variant="default"),
                ],
                className="twin-head",
            ),
            dag.AgGrid(
                id=ids.TWIN_GRID,
                columnDefs=[],
                rowData=[],
                columnSize="autoSize",
                defaultColDef={"sortable": True, "filter": True, "resizable": True},
                dashGridOptions={"animateRows": False, "theme": "legacy"},
                className="ag-theme-alpine",
                style={"height": "calc(46vh - 90px)"},
            ),
            dcc.Store(id=ids.TWIN_OF),
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
        Input(ids.TWIN_OF, "data"),
        Input(ids.CURSOR, "data"),
        Input(ids.JOBS, "data"),
        Input(ids.TWIN, "opened"),
        prevent_initial_call=True,
    )
    def fill(graph: str | None, said: dict[str, Any] | None, _jobs: Any, opened: Any) -> Any:
        if not opened or not graph or not said or graph not in _panels(context):
            return no_update, no_update, no_update
        title, rows = twin(context, graph, context.read(said)[0])
        shown = rows[:MOST_ROWS]
        words = f"{title}: {len(shown):,} of {len(rows):,} rows"
        return [_cells(row) for row in shown], _columns(shown), words

    @app.callback(
        Output(ids.DOWNLOAD, "data"),
        Input(ids.TWIN_CSV, "n_clicks"),
        State(ids.TWIN_OF, "data"),
        State(ids.CURSOR, "data"),
        prevent_initial_call=True,
    )
    def download(clicks: int | None, graph: str | None, said: dict[str, Any]) -> Any:
        if not clicks or graph not in _panels(context):
            return no_update
        cursor = context.read(said)[0]
        rows = [
            {name: value for name, value in row.items() if name != HIDDEN}
            for row in twin(context, str(graph), cursor)[1]
        ]
        name = f"{export.file_name(context.ask(cursor), str(graph))}.csv"
        return {"content": tables.as_csv(rows), "filename": name, "type": "text/csv"}

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
    scene = view.scene(ask, context.find(view, ask, compute=False))
    try:
        rows = view.panels[name].rows(scene)
    except NerveScopeError:
        rows = []  # the panel itself says why
    return view.panels[name].title, [tables.finite(row) for row in rows]


def _cells(row: Row) -> Row:
    return {
        name: " ".join(map(str, value)) if isinstance(value, list) else value
        for name, value in row.items()
    }


def _columns(rows: list[Row]) -> list[dict[str, Any]]:
    names = dict.fromkeys(name for row in rows[:50] for name in row if name != HIDDEN)
    number = {"function": "params.value == null ? '' : d3.format('.4~g')(params.value)"}
    return [
        {"field": name, "headerName": name.replace("_", " ")}
        | ({"valueFormatter": number} if _is_float(rows, name) else {})
        for name in names
    ]


def _is_float(rows: list[Row], name: str) -> bool:
    return any(isinstance(row.get(name), float) for row in rows[:50])
