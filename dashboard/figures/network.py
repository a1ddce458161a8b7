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
    positions = list(range(len(bars)))
    heights = [bar.strength or 0.0 for bar in bars]
    nulls = [bar.null or 0.0 for bar in bars]
    top = max([3.0, *heights, *nulls]) * 1.1
    chosen = [bar.layer == selected for bar in bars]
    figure = go.Figure()
    figure.add_trace(  # the ground of each layer, clickable where its bar is low
        go.Bar(
            x=positions,
            y=[top] * len(bars),
            width=0.96,
            marker={
                "color": [colours.line if c else colours.ground for c in chosen],
                "line_width": 0,
            },
            customdata=[bar.layer for bar in bars],
            hovertext=[_words(bar) for bar in bars],
            hoverinfo="text",
        )
    )
    for heights_, colour, width, shift in (
        (heights, colours.bar, 0.5, -0.13),
        (nulls, theme.NULL, 0.22, 0.27),
    ):
        figure.add_trace(
            go.Bar(
                x=[p + shift for p in positions],
                y=heights_,
                width=width,
                marker={"color": colour, "line_width": 0},
                hoverinfo="skip",
            )
        )
    empty = [i for i, bar in enumerate(bars) if bar.no_shape]
    figure.add_trace(
        go.Scatter(
            x=empty,
            y=[0.06 * top] * len(empty),
            mode="markers",
            marker={"symbol": "x-thin", "size": 6, "line": {"width": 1.5, "color": colours.quiet}},
            hoverinfo="skip",
        )
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
