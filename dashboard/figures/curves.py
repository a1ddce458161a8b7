"""Curves over training: loop strength of every layer beside the accuracy, and sparklines."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from dashboard import theme
from dashboard.figures import marks
from dashboard.figures._curves import (
    Curve,
    Data,
    Steps,
    Values,
    band,
    depth_axis,
    end_labels,
    gapped,
    last,
    mean_line,
    plain,
    share_axis,
    span,
    steps_axis,
)
from dashboard.figures.patches import escape

__all__ = ["Curve", "Steps", "metric_figure", "strength_figure"]


def strength_figure(
    layers: Sequence[str],
    steps: Steps,
    strengths: Values,
    nulls: Values,
    *,
    claimed: NDArray[np.bool_],
    accuracy: Mapping[str, Curve] | None = None,
    scheme: str = "light",
    width: int = 900,
) -> go.Figure:
    """Draw loop strength against training step for each layer, the accuracy below.

    With a single step, the layers stand side by side in order of depth.

    Parameters
    ----------
    layers : sequence of str
        In order of depth.
    steps : Steps
        Positions of the step axis.
    strengths, nulls : ndarray, shape (n_layers, n_steps)
        Loop strength of the filters and of the permuted ones; NaN where there is none.
    claimed : ndarray of bool, shape (n_layers, n_steps)
        Where a loop is claimed: a ring, so that colour is not the only sign.
    accuracy : mapping of str to Curve, optional
        By name, at training steps.
    scheme : str
        ``light`` or ``dark``.
    width : int
        Of the figure in pixels, as far as it is known.
    """
    data = Data(layers, steps, strengths, nulls, claimed=claimed, scheme=scheme)
    if len(steps.labels) == 1:
        return _side_by_side(data, width)
    return _over_steps(data, accuracy or {}, width)


def _over_steps(data: Data, accuracy: Mapping[str, Curve], width: int) -> go.Figure:
    metrics = accuracy if data.kind != "positions" else {}
    foot = 0.36 if metrics else 0.0  # share of the height below the strengths
    inside = 354 if metrics else 224
    traces = [_rest(data), _null_lines(data)]
    traces += [_line(data, i, colour) for i, colour in data.colours.items()]
    traces += [_layer_labels(data, inside * (1 - foot))]
    traces += _metrics(data, metrics, inside * (foot - 0.08)) if metrics else []
    names = [text for trace in traces for text in trace.text or ()]
    margin = {"l": 52, "r": round(marks.text_width(names, 12)) + 12, "t": 28, "b": 48}
    layout = marks.still(
        data.scheme,
        height=inside + 76,
        margin=margin,
        xaxis=steps_axis(data, width - 52 - margin["r"], anchor="y2" if metrics else "y"),
        yaxis=data.axis(domain=[foot, 1]),
        annotations=[marks.note(_key(data), data.scheme, y=1, yanchor="bottom", yshift=8)],
        uirevision="strength",
    )
    if metrics:
        layout["yaxis2"] = share_axis(data.scheme, metrics, domain=[0, foot - 0.08])
    figure = go.Figure(traces, layout=layout)
    lines = {str(j): (x, x, 0, 1) for j, x in enumerate(data.x)}
    marks.mark_cells(figure, ("index",), lines, data.scheme, yref="paper")
    return figure


def _key(data: Data) -> str:
    parts = ["○ loop claimed"] if data.claimed.any() else []
    if len(data.layers) > len(data.colours):
        parts.append(f"in colour: the {len(data.colours)} strongest of {len(data.layers)} layers")
    return "     ".join(parts)


def _line(data: Data, i: int, colour: str) -> go.Scatter:
    """Draw a layer's curve: a ring where a loop is claimed, else a dot."""
    rings = data.claimed[i]
    surface = theme.palette(data.scheme).surface
    columns = range(len(data.x))
    return go.Scatter(
        x=data.x,
        y=plain(data.y[i]),
        mode="lines+markers",
        line={"color": colour, "width": 2},
        marker={
            "size": [9 if ring else 5 for ring in rings],
            "color": [surface if ring else colour for ring in rings],
            "line": {"color": colour, "width": 2},
            "opacity": 1,
        },
        customdata=[{"layer": data.layers[i], "index": j} for j in columns],
        hovertext=[data.words(i, j) for j in columns],
        hoverinfo="text",
        cliponaxis=False,
    )


def _rest(data: Data) -> go.Scatter:
    """Draw the layers without a colour of their own as one quiet line with gaps."""
    cells = [
        (i, j)
        for i in range(len(data.layers))
        if i not in data.colours
        for j in (*range(len(data.x)), None)
    ]
    return go.Scatter(
        x=[None if j is None else data.x[j] for _, j in cells],
        y=[None if j is None else plain(data.y[i, j : j + 1])[0] for i, j in cells],
        mode="lines",
        line={"color": theme.palette(data.scheme).quiet, "width": 1},
        opacity=0.4,
        customdata=[None if j is None else {"layer": data.layers[i], "index": j} for i, j in cells],
        hovertext=["" if j is None else data.words(i, j) for i, j in cells],
        hoverinfo="text",
    )


def _null_lines(data: Data) -> go.Scatter:
    """Draw the null model of the coloured layers, grey and dotted."""
    ys = [y for i in data.colours for y in (*plain(data.null_y[i]), None)]
    line = {"color": theme.NULL, "width": 1.5, "dash": "dot"}
    xs = [*data.x, None] * len(data.colours)
    return go.Scatter(x=xs, y=ys, mode="lines", line=line, hoverinfo="skip")


def _layer_labels(data: Data, pixels: float) -> go.Scatter:
    """Name the curves at their ends, moved apart where they would overlap."""
    ends = [(last(data.y[i]), data.layers[i], colour) for i, colour in data.colours.items()]
    nulls = [last(data.null_y[i]) for i in data.colours]
    known = [y for y in nulls if y is not None]
    if known:
        ends.append((float(np.mean(known)), "permuted entries", theme.palette(data.scheme).quiet))
    return end_labels(
        [each for each in ends if each[0] is not None], data.x[-1], data.range, pixels
    )


def _metrics(data: Data, accuracy: Mapping[str, Curve], pixels: float) -> list[go.Scatter]:
    """Draw means with their range over the runs, neutral: they belong to no layer."""
    colours = theme.palette(data.scheme)
    inks = (colours.ink, colours.quiet)
    traces, ends = [], []
    for k, (name, curve) in enumerate(accuracy.items()):
        ink = inks[min(k, 1)]
        x = [data.position(step) for step in curve.x]
        traces += [band(x, curve, ink, yaxis="y2"), mean_line(data, name, curve, ink)]
        end = last(curve.mean)
        ends += [] if end is None else [(end, f"{name} {end:.2f}", ink)]
    return [*traces, end_labels(ends, data.x[-1], span(accuracy), pixels, yaxis="y2")]


def _side_by_side(data: Data, width: int) -> go.Figure:
    """Draw the layers of a single step as stems, the null model as a short line at each."""
    x = list(range(len(data.layers)))
    y, null = plain(data.y[:, 0]), plain(data.null_y[:, 0])
    stems = {
        "color": theme.palette(data.scheme).bar,
        "width": max(1.0, min(3.0, width / len(x) / 8)),
    }
    axis, low = depth_axis(data, (width - 64) / len(x))
    target = marks.targets(
        x,
        [sum(data.range) / 2] * len(x),
        [{"layer": layer, "index": 0} for layer in data.layers],
        [data.words(i, 0) for i in x],
    )
    layout = marks.still(
        data.scheme,
        height=260 + low,
        margin={"l": 52, "r": 12, "t": 28, "b": low},
        xaxis=axis,
        yaxis=data.axis(),
        annotations=[marks.note(_single_key(data), data.scheme, y=1, yanchor="bottom", yshift=8)],
        uirevision="strength",
    )
    strokes = [
        gapped([(i, i) for i in x], [(data.range[0], each) for each in y], stems),
        gapped(
            [(i - 0.32, i + 0.32) for i in x],
            [(each, each) for each in null],
            {"color": theme.NULL, "width": 2},
        ),
    ]
    figure = go.Figure([*strokes, _heads(data, x, y), target], layout=layout)
    boxes = {layer: (i - 0.5, i + 0.5, *data.range) for i, layer in enumerate(data.layers)}
    marks.mark_cells(figure, ("layer",), boxes, data.scheme)
    return figure


def _single_key(data: Data) -> str:
    claimed = "○ loop claimed     " if data.claimed.any() else ""
    return f'{claimed}<span style="color:{theme.NULL}">▬</span> permuted entries'


def _heads(data: Data, x: Sequence[int], y: Sequence[float | None]) -> go.Scatter:
    colours = theme.palette(data.scheme)
    rings = data.claimed[:, 0]
    return go.Scatter(
        x=list(x),
        y=list(y),
        mode="markers",
        marker={
            "size": [11 if ring else 7 for ring in rings],
            "color": [colours.surface if ring else colours.bar for ring in rings],
            "line": {"color": colours.bar, "width": 2},
            "opacity": 1,
        },
        hoverinfo="skip",
        cliponaxis=False,
    )


def metric_figure(
    steps: Sequence[str],
    curves: Mapping[str, Curve],
    *,
    height: int = 36,
    inset: int = 8,
    scheme: str = "light",
) -> go.Figure:
    """Draw a sparkline above the step slider.

    Parameters
    ----------
    steps : sequence of str
        The positions of the slider.
    curves : mapping of str to Curve
        By name; `Curve.x` in positions of the slider, so 0 to ``len(steps) - 1``. The first is
        named and in ink, the others are quiet.
    height, inset : int
        In pixels: of the figure, and from its sides to the ends of the slider.
    scheme : str
        ``light`` or ``dark``.
    """
    colours = theme.palette(scheme)
    traces = []
    for k, curve in reversed(list(enumerate(curves.values()))):
        ink = colours.quiet if k else colours.ink
        x = [float(each) for each in curve.x]
        if not k:
            traces.append(band(x, curve, ink))
        line = {"color": ink, "width": 1 if k else 1.5}
        traces.append(go.Scatter(x=x, y=plain(curve.mean), mode="lines", line=line))
    low, high = span(curves)
    layout = marks.still(
        scheme,
        height=height,
        margin={"l": inset, "r": inset, "t": 2, "b": 2},
        xaxis=theme.hidden_axis(range=[0, max(len(steps) - 1, 1)], fixedrange=True),
        yaxis=theme.hidden_axis(range=[low, high + 0.06 * (high - low)], fixedrange=True),
        annotations=_spark_labels(curves, scheme),
        hovermode=False,
        uirevision="metric",
    )
    return go.Figure(traces, layout=layout)


def _spark_labels(curves: Mapping[str, Curve], scheme: str) -> list[dict[str, Any]]:
    """Name the first curve, with its first and last value, where the curve leaves room."""
    for name, curve in list(curves.items())[:1]:
        known = curve.mean[np.isfinite(curve.mean)]
        if len(known):
            text = f"{escape(name)} {known[0]:.2f} → <b>{known[-1]:.2f}</b>"
            side = "bottom" if known[-1] > sum(span(curves)) / 2 else "top"
            at = {"x": 1, "xanchor": "right", "y": float(side == "top"), "yanchor": side}
            font = {"size": 10, "color": theme.palette(scheme).quiet}
            return [marks.note(text, scheme, **at, font=font)]
    return []
