"""Persistence diagrams: birth and death of the bars of dimension 1, of several clouds together."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from dashboard import theme
from dashboard.figures import marks, patches
from dashboard.figures.barcode import SHOWN, Group, last_value

TARGETS = 150
"""Points of the data that can be hovered and clicked; the rest lie on the diagonal."""

PIXELS = 2000  # of the sprite; only a unit, it is drawn as vectors
SYMBOLS = {"data": ("circle", "●"), "null": ("circle-open", "○"), "beside": ("diamond-open", "◇")}


def diagram_figure(
    groups: Sequence[Group], *, selected: int | None = None, scheme: str = "light"
) -> go.Figure:
    """Draw birth against death; the further from the diagonal the longer the bar.

    Parameters
    ----------
    groups : sequence of Group
        The data, and what is beside it. The longest `barcode.SHOWN` bars of each are markers, the
        others small dots. The ticks at birth 0 are the deaths of H₀ of the data.
    selected : int, optional
        Bar of the data to mark.
    scheme : str
        ``light`` or ``dark``.
    """
    end = last_value(groups)
    open_end = any(np.isinf(group.bars).any() for group in groups)
    backwards = list(groups)[::-1]  # the data on top
    traces = [_points(group, end, scheme) for group in backwards]
    traces += [_targets(group, end) for group in backwards]
    chosen = _selected(groups, selected, end)
    if chosen:
        traces.append(marks.ringed(chosen[:2], theme.palette(scheme).bar, scheme))
    return go.Figure(
        traces,
        layout=marks.still(
            scheme,
            dragmode="pan",
            hoverdistance=12,
            margin={"l": 52, "r": 10, "t": 8, "b": 42},
            xaxis=_axis(scheme, "birth", end, constrain="domain", constraintoward="left"),
            yaxis=_axis(scheme, "death", end, scaleanchor="x", constrain="domain"),
            shapes=_ground(end, scheme) + ([_top(end, scheme)] if open_end else []),
            images=[_sprite(groups, end, scheme)],
            annotations=_key(groups, scheme) + ([_infinity(end, scheme)] if open_end else []),
            uirevision="diagram",
        ),
    )


def _axis(scheme: str, what: str, end: float, **more: Any) -> dict[str, Any]:
    return theme.axis(
        scheme,
        f"{what} (Euclidean distance)",
        range=[0, end],
        nticks=6,
        ticks="outside",
        ticklen=4,
        title_standoff=6,
        **theme.FIXED,
        **more,
    )


def _points(group: Group, end: float, scheme: str) -> go.Scatter:
    bars = np.minimum(group.bars[:SHOWN], end)
    surface = theme.palette(scheme).surface
    rim = {"width": 1, "color": surface if group.kind == "data" else group.colour(scheme)}
    return go.Scatter(
        x=bars[:, 0].tolist(),
        y=bars[:, 1].tolist(),
        mode="markers",
        name=patches.escape(group.name),
        marker={
            "symbol": SYMBOLS[group.kind][0],
            "size": 9 if group.kind == "data" else 7,
            "color": group.colour(scheme),
            "line": rim,
        },
        hoverinfo="skip",
        cliponaxis=False,
    )


def _targets(group: Group, end: float) -> go.Scatter:
    n = min(TARGETS if group.kind == "data" else SHOWN, len(group.bars))
    bars = np.round(np.minimum(group.bars[:n], end), 4)
    return marks.targets(bars[:, 0].tolist(), bars[:, 1].tolist(), group.picks(n), group.words(n))


def _selected(
    groups: Sequence[Group], selected: int | None, end: float
) -> tuple[float, float, str] | None:
    for group in groups:
        if group.kind == "data" and selected is not None and selected < len(group.bars):
            birth, death = np.minimum(group.bars[selected], end).tolist()
            return birth, death, group.kind
    return None


def _ground(end: float, scheme: str) -> list[dict[str, Any]]:
    """Shade what is below the diagonal, where no bar can be."""
    colours = theme.palette(scheme)
    path = f"M0,0L{end:.6g},{end:.6g}L{end:.6g},0Z"
    return [
        {
            "type": "path",
            "path": path,
            "fillcolor": colours.ground,
            "line": {"width": 0},
            "layer": "below",
        },
        {
            "type": "line",
            "x0": 0,
            "y0": 0,
            "x1": end,
            "y1": end,
            "line": {"color": colours.line, "width": 1},
            "layer": "below",
        },
    ]


def _top(end: float, scheme: str) -> dict[str, Any]:
    line = {"color": theme.palette(scheme).quiet, "width": 1, "dash": "dot"}
    return {"type": "line", "x0": 0, "x1": end, "y0": end, "y1": end, "line": line}


def _infinity(end: float, scheme: str) -> dict[str, Any]:
    font = {"size": 11, "color": theme.palette(scheme).quiet}
    text = "alive at the end"
    place = {"x": end, "y": end, "xanchor": "right", "yanchor": "top"}
    return {"text": text, "showarrow": False, "font": font, **place}


def _sprite(groups: Sequence[Group], end: float, scheme: str) -> dict[str, object]:
    """All short bars as dots, and the deaths of H₀ as ticks, in one vector image."""
    parts = []
    for group in list(groups)[::-1]:
        dots = patches.dots(
            _units(group.bars[SHOWN:], end), group.colour(scheme), width=PIXELS / 140
        )
        parts.append(f'<g opacity="0.6">{dots}</g>')
        if group.kind == "data":
            parts.append(_rug(group, end, scheme))
    source = patches.data_uri("".join(parts), width=PIXELS, height=PIXELS)
    return patches.over_axes(source, left=0, top=end, width=end, height=end)


def _rug(group: Group, end: float, scheme: str) -> str:
    deaths = group.diagram.bars(0)[:, 1]
    ticks = _units(np.stack([np.zeros(len(deaths)), deaths], axis=1), end)
    colour = theme.palette(scheme).quiet
    body = patches.strokes(ticks, length=PIXELS * 0.02, width=PIXELS / 400, colour=colour)
    return f'<g opacity="0.5">{body}</g>'


def _units(pairs: NDArray[np.float64], end: float) -> NDArray[np.float64]:
    finite = pairs[np.isfinite(pairs).all(axis=1)]
    return np.asarray(np.stack([finite[:, 0], end - finite[:, 1]], axis=1) * (PIXELS / end))


def _key(groups: Sequence[Group], scheme: str) -> list[dict[str, Any]]:
    """Say what the marks are, below the diagonal and in the room to the right of it."""
    quiet = theme.palette(scheme).quiet
    lines = [
        f'<span style="color:{g.colour(scheme)}">{SYMBOLS[g.kind][1]}</span> '
        f"{patches.escape(g.name)}: {len(g.bars):,} H₁ bars"
        for g in groups
    ]
    lines.append("– deaths of H₀ (born at 0)")
    place = {"xref": "paper", "yref": "y domain", "x": 1, "y": 0.03}
    anchor = {"xanchor": "right", "yanchor": "bottom", "align": "right"}
    font = {"size": 11, "color": quiet}
    return [{"text": "<br>".join(lines), "showarrow": False, "font": font, **place, **anchor}]
