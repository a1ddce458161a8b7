"""The network as a row of layers; the height of a bar is the layer's loop strength."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from dashboard import theme
from dashboard.figures import marks
from dashboard.figures.patches import escape

FEWEST = 8
"""Places in the row, so that the bars of a small network are not slabs; so few are also named."""

CROWDED = 60
"""From so many layers on, the grounds of the bars touch: a gap would be less than a pixel."""


@dataclass(frozen=True, slots=True)
class RowWords:
    """What the bars of a row mean.

    Attributes
    ----------
    bar, null, cross : str
        Of the legend: a layer's bar, the bar of its null model, and its cross.
    hover, hover_null : str
        The same with a number, such as ``longest H₁ bar {:.1f}× the next``.
    suffix : str
        After the numbers of the axis.
    level : float or None
        Where a dotted line says "nothing".
    least : float
        The axis reaches at least so far.
    """

    bar: str
    null: str
    cross: str
    hover: str
    hover_null: str
    suffix: str = ""
    level: float | None = None
    least: float = 0.0


FILTERS = RowWords(
    "loop strength",
    "permuted",
    "no shape",
    "longest H₁ bar {:.1f}× the next",
    "permuted entries {:.1f}×",
    suffix="×",
    level=1.0,
    least=3.0,
)


@dataclass(frozen=True, slots=True)
class LayerBar:
    """One layer of the row.

    Attributes
    ----------
    layer : str
        Its name.
    strength, null : float or None
        Height of the bar, such as the loop strength of filters, and that of the null model; None
        where there is none (yet).
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


def network_figure(
    bars: Sequence[LayerBar], *, words: RowWords = FILTERS, scheme: str = "light"
) -> go.Figure:
    """Draw the row; a layer is clicked anywhere in its place, and the cursor's mark frames that.

    Parameters
    ----------
    bars : sequence of LayerBar
        In order of depth.
    words : RowWords
        What they mean.
    scheme : str
        ``light`` or ``dark``.
    """
    top = 1.1 * max([words.least, *(max(bar.strength or 0, bar.null or 0) for bar in bars)]) or 1.0
    places = range(len(bars))
    layout = marks.still(
        scheme,
        margin={"l": 34, "r": 4, "t": 6, "b": 20 if len(bars) <= FEWEST else 4},
        xaxis=_names(bars, scheme),
        yaxis=theme.axis(
            scheme,
            None,
            range=[0, top],
            nticks=4,
            fixedrange=True,
            ticksuffix=words.suffix,
            **theme.FIXED,
        ),
        shapes=_shapes(bars, top, words, scheme),
        uirevision="network",
    )
    target = marks.targets(
        list(places),
        [top / 2] * len(bars),
        [{"layer": bar.layer} for bar in bars],
        [_said(bar, words) for bar in bars],
    )
    crosses = _crosses(bars, 0.06 * top, theme.palette(scheme).quiet)
    figure = go.Figure([target, crosses], layout=layout)
    boxes = {bar.layer: (i - 0.48, i + 0.48, 0, top) for i, bar in enumerate(bars)}
    marks.mark_cells(figure, ("layer",), boxes, scheme)
    return figure


def _shapes(
    bars: Sequence[LayerBar], top: float, words: RowWords, scheme: str
) -> list[dict[str, Any]]:
    """Draw grounds, strengths and nulls as one path each, however many layers there are."""
    colours = theme.palette(scheme)
    half = 0.48 if len(bars) < CROWDED else 0.5
    places = range(len(bars))
    return [
        marks.tiles([(i - half, i + half, 0, top) for i in places], colours.ground),
        *([_level(words.level, max(len(bars), FEWEST), colours.line)] if words.level else []),
        marks.tiles(_boxes([bar.strength for bar in bars], -0.38, 0.12), colours.bar),
        marks.tiles(_boxes([bar.null for bar in bars], 0.16, 0.38), theme.NULL),
    ]


def _boxes(heights: Sequence[float | None], left: float, right: float) -> list[marks.Box]:
    return [(i + left, i + right, 0, y) for i, y in enumerate(heights) if y is not None]


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


def _names(bars: Sequence[LayerBar], scheme: str) -> dict[str, Any]:
    """Return the axis of the layers; a long row has no room for names, which hovering shows."""
    span = [-0.6, max(len(bars), FEWEST) - 0.4]
    if len(bars) > FEWEST:
        return theme.hidden_axis(range=span, fixedrange=True)
    return marks.names_axis(scheme, [bar.layer for bar in bars], length=24, range=span)


def _level(height: float, places: int, colour: str) -> dict[str, Any]:
    """Draw the line of a bar that is as long as the next."""
    line = {"color": colour, "width": 1, "dash": "dot"}
    ends = {"x0": -0.6, "x1": places - 0.4, "y0": height, "y1": height}
    return {"type": "line", **ends, "line": line, "layer": "below"}


def _said(bar: LayerBar, words: RowWords) -> str:
    parts = [f"<b>{escape(bar.layer)}</b>"]
    if bar.strength is not None:
        parts.append(words.hover.format(bar.strength))
    if bar.null is not None:
        parts.append(words.hover_null.format(bar.null))
    if bar.note:
        parts.append(escape(bar.note))
    return "<br>".join(parts)
