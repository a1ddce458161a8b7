"""Frames: all that the page shows at one cursor, made here and kept by the browser.

The browser asks for the frames of a cursor once and moves among those it has without asking again.
A frame is a list of parts (component id, digest, properties as JSON), so that the browser repaints
only what differs from what it shows.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from plotly.io.json import to_json_plotly

from analysis import registry
from analysis.checkpoints import each_file_once
from analysis.errors import NerveScopeError
from analysis.parameters import as_plain
from analysis.units import params_of
from dashboard import ids, metrics, words
from dashboard.context import Context
from dashboard.cursor import Cursor
from dashboard.figures.curves import Curve, metric_figure
from dashboard.figures.network import network_figure
from dashboard.grids import as_grid
from dashboard.layer_units import NOT_YET
from dashboard.results import Found
from dashboard.view import Ask, Panel, View, empty

ROW = "row"
"""The piece of a page that is not a view: the row of layers and the curve above the steps."""

ROW_FIELDS = ("experiment", "view", "index", "runs", "params")

Props = dict[str, dict[str, Any]]
"""Properties by component id."""

Part = tuple[str, str, str]
"""Component id, digest of its properties, and the properties as JSON."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """One piece of the page.

    Attributes
    ----------
    parts : list of Part
    final : bool
        Whether nothing of it is still being computed.
    """

    parts: list[Part]
    final: bool


def fields(context: Context) -> dict[str, list[str]]:
    """Say which fields of the cursor each piece depends on."""
    found = {name: list(view.fields) for name, view in context.views.items()}
    return {ROW: list(ROW_FIELDS), **found}


def answer(context: Context, request: Mapping[str, Any], *, compute: bool) -> dict[str, Any]:
    """Make the frames that the browser asks for.

    Parameters
    ----------
    context : Context
    request : mapping
        ``cursor``; ``scheme``; ``skip``, the pieces that the browser has; ``n``, its number.
    compute : bool
        Whether what is missing is to be computed; else such frames are left out.
    """
    with each_file_once():
        return _answer(context, request, compute=compute)


def _answer(context: Context, request: Mapping[str, Any], *, compute: bool) -> dict[str, Any]:
    cursor, note = context.read(request.get("cursor"))
    skip = request.get("skip") or []
    scheme = "dark" if request.get("scheme") == "dark" else "light"
    ask = context.ask(cursor)
    made = {
        piece: draw_piece(context, piece, cursor, scheme=scheme, compute=compute, ask=ask)
        for piece in (ROW, cursor.view)
        if piece not in skip
    }
    return {
        "n": request.get("n"),
        "scheme": scheme,
        "cursor": cursor.as_plain(),
        "note": note,
        "effective": effective(context, cursor),
        "frames": [
            {"piece": piece, "final": drawn.final, "parts": drawn.parts}
            for piece, drawn in made.items()
            if drawn.final or compute
        ],
    }


def _parts(props: Props) -> list[Part]:
    parts = []
    for name, values in props.items():
        text = to_json_plotly(values)
        parts.append((name, hashlib.blake2b(text.encode(), digest_size=8).hexdigest(), text))
    return parts


def draw_piece(
    context: Context,
    piece: str,
    cursor: Cursor,
    *,
    scheme: str,
    compute: bool = True,
    ask: Ask | None = None,
) -> Drawn:
    """Draw the row of layers, or a view; an `ask` of that cursor is used where it is given."""
    ask = ask or context.ask(cursor)
    if piece == ROW:
        return _draw_row(context, ask, scheme)
    view = context.views[piece]
    found = context.find(view, ask, compute=compute)
    if found.pending and not compute:
        return Drawn([], final=False)
    key = _key(ask, found, what=(piece, scheme), names=view.fields)
    known: Drawn | None = context.drawn.get(key)
    if known is not None:
        return known
    parts = _view_parts(context, view, of=(ask, found, scheme))
    # whether anything is missing is looked at last: a damaged result shows when it is read
    drawn = Drawn(parts, not found.pending)
    if drawn.final:
        context.drawn.put(key, drawn)
    return drawn


def _key(ask: Ask, found: Found, *, what: tuple[str, ...], names: Sequence[str]) -> tuple[Any, ...]:
    """Name something drawn by all that it depends on."""
    return (*what, repr([getattr(ask.cursor, name) for name in names]), found.key)


def _view_parts(context: Context, view: View, *, of: tuple[Ask, Found, str]) -> list[Part]:
    ask, found, _ = of
    try:
        scene = view.scene(ask, found)
        said, counts = view.sentence(scene), view.counts(scene)
    except NerveScopeError as error:  # said in the place of the finding; panels stay as they are
        return _parts({ids.FINDING: {"children": str(error)}, ids.COUNTS: {"children": ""}})
    parts = _parts({ids.FINDING: {"children": said}, ids.COUNTS: {"children": counts}})
    for name in view.panels:
        parts += _panel_parts(context, view, name, scene, of=of)
    return parts


def _panel_parts(
    context: Context, view: View, name: str, scene: Any, *, of: tuple[Ask, Found, str]
) -> list[Part]:
    """Draw one panel; what depends on little is drawn once for many frames."""
    ask, found, scheme = of
    spec = view.panels[name]
    if spec.fields is None or found.pending:
        return _parts(_panel_props(view, name, scene, scheme))
    key = _key(ask, found, what=(view.name, name, scheme), names=spec.fields)
    parts: list[Part] | None = context.drawn.get(key)
    if parts is None:
        parts = _parts(_panel_props(view, name, scene, scheme))
        context.drawn.put(key, parts)
    return parts


def _draw_row(context: Context, ask: Ask, scheme: str) -> Drawn:
    row = context.views[ask.cursor.view].row
    bars, said = row.bars(ask), row.words(ask.experiment)
    steps = [words.tick(each) for each in ask.experiment.axis]
    curves = {
        each.name: Curve(metrics.places(each, ask.experiment), each.mean, each.low, each.high)
        for each in metrics.curves(ask.experiment, ask.cursor.runs)
    }
    props: Props = {
        ids.NETWORK: {"figure": network_figure(bars, words=said, scheme=scheme)},
        ids.ROW_BAR: {"children": said.bar},
        ids.ROW_NULL: {"children": said.null},
        ids.ROW_CROSS: {"children": said.cross},
        ids.METRIC: {"figure": metric_figure(steps, curves, scheme=scheme)},
    }
    return Drawn(_parts(props), all(bar.note != NOT_YET for bar in bars))


def _panel_props(view: View, name: str, scene: Any, scheme: str) -> Props:
    spec = view.panels[name]
    panel = draw_panel(view, name, scene, scheme)
    at = ids.PanelIds(view.name, name)
    return {
        at.graph: as_grid(panel.rows) if spec.table else {"figure": panel.figure},
        at.message: {"children": panel.message},
        at.caption: {"children": panel.caption},
        at.box: {"className": spec.classes(hidden=panel.hidden)},
    }


def draw_panel(view: View, name: str, scene: Any, scheme: str) -> Panel:
    """Draw one panel; what cannot be drawn says why in its place, and the others go on."""
    try:
        return view.panels[name].draw(scene, scheme)
    except NerveScopeError as error:
        return empty(str(error))


def effective(context: Context, cursor: Cursor) -> dict[str, Any]:
    """Return the parameters in force at a cursor by ``analysis.name``: what the forms show."""
    ask = context.ask(cursor)
    found: dict[str, Any] = {}
    for kind in registry.analyses().values():
        try:
            params = params_of(ask.experiment, kind, layer=cursor.layer, settings=ask.settings)
        except NerveScopeError:
            continue  # the view says what is wrong with them
        found |= {f"{kind.name}.{k}": v for k, v in as_plain(params).items()}
    return found


def size(frames: Mapping[str, Any]) -> int:
    """Bytes of an answer as it is sent."""
    return len(json.dumps(frames).encode())
