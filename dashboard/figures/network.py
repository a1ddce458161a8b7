"""The network as a row of layers; the height of a bar is the layer's loop strength."""

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from dashboard import theme
from dashboard.figures.patches import escape

FEWEST = 8
"""Places in the row, so that the bars of a small network are not slabs; so few are also named."""


@dataclass(frozen=True, slots=True)
class LayerBar:
    """One layer of the row.

    Attributes
    ----------
    layer : str
        Its name.
    strength, null : float or None
        Loop strength of the filters and of the permuted ones; None where there is none (yet).
    note : str
        What else to say of it: not computed yet, degenerate, not stored at this step.
    no_shape : bool
        Whether it is computed and there is no strength to show.
    """

    layer: str
    strength: float | None
    null: float | None
    note: str = ""
    no_shape: bool = False


def network_figure(bars: Sequence[LayerBar], *, selected: str, scheme: str = "light") -> go.Figure:
    """Draw the row; each bar is the whole click target of its layer."""
    colours = theme.palette(scheme)
    top = max([3.0, *(max(bar.strength or 0, bar.null or 0) for bar in bars)]) * 1.1
    figure = go.Figure(
        [
            _ground(bars, top, selected=selected, scheme=scheme),
            _bars([bar.strength for bar in bars], colours.bar, width=0.5, shift=-0.13),
            _bars([bar.null for bar in bars], theme.NULL, width=0.22, shift=0.27),
            _crosses(bars, 0.06 * top, colours.quiet),
        ]
    )
    figure.update_layout(
        theme.layout(
            scheme,
            barmode="overlay",
            bargap=0,
            margin={"l": 34, "r": 4, "t": 6, "b": 4},
            xaxis=_names(bars, scheme),
            yaxis=theme.axis(
                scheme, None, range=[0, top], nticks=4, fixedrange=True, ticksuffix="×"
            ),
            shapes=[_level(1.0, colours.line)],
            dragmode=False,
            hovermode="closest",
        )
    )
    return figure


def _ground(bars: Sequence[LayerBar], top: float, *, selected: str, scheme: str) -> go.Bar:
    """Fill the whole height of each layer, so that it can be clicked where its bar is low."""
    colours = theme.palette(scheme)
    fills = [colours.line if bar.layer == selected else colours.ground for bar in bars]
    return go.Bar(
        x=list(range(len(bars))),
        y=[top] * len(bars),
        width=0.96,
        marker={"color": fills, "line_width": 0},
        customdata=[bar.layer for bar in bars],
        hovertext=[_words(bar) for bar in bars],
        hoverinfo="text",
    )


def _bars(heights: Sequence[float | None], colour: str, *, width: float, shift: float) -> go.Bar:
    return go.Bar(
        x=[i + shift for i in range(len(heights))],
        y=[height or 0.0 for height in heights],
        width=width,
        marker={"color": colour, "line_width": 0},
        hoverinfo="skip",
    )


def _crosses(bars: Sequence[LayerBar], height: float, colour: str) -> go.Scatter:
    """Mark the layers that are computed and have no strength to show."""
    places = [i for i, bar in enumerate(bars) if bar.no_shape]
    return go.Scatter(
        x=places,
        y=[height] * len(places),
        mode="markers",
        marker={"symbol": "x-thin", "size": 6, "line": {"width": 1.5, "color": colour}},
        hoverinfo="skip",
    )


def _names(bars: Sequence[LayerBar], scheme: str) -> dict[str, object]:
    """Return the axis of the layers; a long row has no room for names, which hovering shows."""
    span = {"range": [-0.6, max(len(bars), FEWEST) - 0.4], "fixedrange": True}
    if len(bars) > FEWEST:
        return theme.hidden_axis(**span)
    names = [escape(bar.layer) for bar in bars]
    return theme.axis(scheme, None, tickvals=list(range(len(bars))), ticktext=names, **span)


def _level(height: float, colour: str) -> dict[str, object]:
    line = {"color": colour, "width": 1, "dash": "dot"}
    return {
        "type": "line",
        "xref": "paper",
        "x0": 0,
        "x1": 1,
        "y0": height,
        "y1": height,
        "line": line,
    }


def _words(bar: LayerBar) -> str:
    parts = [f"<b>{escape(bar.layer)}</b>"]
    if bar.strength is not None:
        parts.append(f"longest H₁ bar {bar.strength:.1f}× the next")
    if bar.null is not None:
        parts.append(f"permuted entries {bar.null:.1f}×")
    if bar.note:
        parts.append(escape(bar.note))
    return "<br>".join(parts)
