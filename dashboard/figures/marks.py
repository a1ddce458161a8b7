"""What figures share: the cursor's mark, tiles, places to click, colours of loop strength."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from dashboard import theme
from dashboard.figures.patches import escape

Box = tuple[float, float, float, float]
"""x0, x1, y0, y1 in units of the axes."""

LEVELS = 32
"""Steps of a colour scale that are drawn apart: more than the eye tells apart."""

CHARACTER = 6.3
"""Width in pixels of an average character of 11 px."""


def mark_cells(
    figure: go.Figure,
    follows: Sequence[str],
    cells: Mapping[str, Sequence[float]],
    scheme: str | None,
    *,
    xref: str = "x",
    yref: str = "y",
) -> None:
    """Say where the cursor can be, and add the hidden outline that the browser moves there.

    Parameters
    ----------
    figure : plotly.graph_objects.Figure
        Gets one more shape, the last, named ``cursor``; nothing may be added behind it.
    follows : sequence of str
        The parts of the cursor that the outline follows: ``layer``, ``index``.
    cells : mapping of str to sequence of 4 floats
        Their values joined by ``|``, to x0, x1, y0, y1; where x0 = x1, a vertical line.
    scheme : str
        ``light`` or ``dark``.
    xref, yref : str
        What the numbers are measured along: an axis, or ``paper``.
    """
    shape = {
        "type": "rect",
        "name": "cursor",
        "visible": False,
        "xref": xref,
        "yref": yref,
        **dict.fromkeys(("x0", "x1", "y0", "y1"), 0),
        "layer": "above",
        "fillcolor": "rgba(0,0,0,0)",
        "line": {"color": theme.palette(scheme).accent, "width": 2},
    }
    rounded = {key: [round(float(each), 4) for each in box] for key, box in cells.items()}
    figure.add_shape(shape)
    figure.layout.meta = {**(figure.layout.meta or {}), "follows": list(follows), "cells": rounded}


def renumber(figure: go.Figure, indices: Sequence[int]) -> go.Figure:
    """Let a figure of some of the steps say which they are.

    Parameters
    ----------
    figure : Figure
        Its clicks and cells number the shown steps from 0 on.
    indices : sequence of int
        The position of each on the axis of all steps.
    """
    if list(indices) == list(range(len(indices))):
        return figure
    for trace in figure.data:
        if trace.customdata is not None:
            trace.customdata = [_renumbered(each, indices) for each in trace.customdata]
    meta = figure.layout.meta
    if meta and "index" in meta["follows"]:
        place = list(meta["follows"]).index("index")
        cells = {}
        for key, box in meta["cells"].items():
            parts = key.rsplit("|", len(meta["follows"]) - 1)  # a layer's name may hold a bar
            parts[place] = str(indices[int(parts[place])])
            cells["|".join(parts)] = box
        figure.layout.meta = {**meta, "cells": cells}
    return figure


def _renumbered(click: Any, indices: Sequence[int]) -> Any:
    if isinstance(click, Mapping) and "index" in click:
        return {**click, "index": indices[click["index"]]}
    return click


def tiles(boxes: Iterable[Box], colour: str, **more: Any) -> dict[str, Any]:
    """Draw rectangles of one colour as one path: one element of the page, however many they are."""
    path = "".join(f"M{x0:.6g},{y0:.6g}H{x1:.6g}V{y1:.6g}H{x0:.6g}Z" for x0, x1, y0, y1 in boxes)
    base = {"type": "path", "path": path, "fillcolor": colour, "layer": "below"}
    return base | {"line": {"width": 0}} | more


def coloured_tiles(boxes: Sequence[Box], colours: Sequence[str]) -> list[dict[str, Any]]:
    """Draw each rectangle in its colour, one path for each colour."""
    groups: dict[str, list[Box]] = defaultdict(list)
    for box, colour in zip(boxes, colours, strict=True):
        groups[colour].append(box)
    return [tiles(group, colour) for colour, group in groups.items()]


def targets(
    x: Sequence[float | None],
    y: Sequence[float | None],
    customdata: Sequence[Mapping[str, Any] | None],
    words: Sequence[str],
    **more: Any,
) -> go.Scatter:
    """Return the invisible points that are hovered and clicked: the nearest one, as one element.

    On a lattice the nearest point is that of the cell, whatever its aspect. The figure's layout
    must be that of `still`, which has the nearest point answer from any distance.
    """
    return go.Scatter(
        x=list(x),
        y=list(y),
        mode="lines",
        line={"width": 0},
        customdata=list(customdata),
        hovertext=list(words),
        hoverinfo="text",
        **more,
    )


def ringed(at: Sequence[float], colour: str, scheme: str | None) -> go.Scatter:
    """Draw one point of a colour in a dark ring with a halo: what is selected."""
    palette = theme.palette(scheme)
    rings = ((21, palette.surface), (17, palette.ink), (12, palette.surface), (9, colour))
    return go.Scatter(
        x=[float(at[0])] * len(rings),
        y=[float(at[1])] * len(rings),
        mode="markers",
        marker={
            "size": [size for size, _ in rings],
            "color": [paint for _, paint in rings],
            "opacity": 1,
            "line": {"width": 0},
        },
        hoverinfo="skip",
        cliponaxis=False,
    )


def labels(x: Sequence[float], y: Sequence[float], text: Sequence[str], **more: Any) -> go.Scatter:
    """Return texts at points, which neither hover nor click."""
    return go.Scatter(
        x=list(x),
        y=list(y),
        text=list(text),
        mode="text",
        hoverinfo="skip",
        cliponaxis=False,
        **more,
    )


def still(scheme: str | None, **more: Any) -> dict[str, Any]:
    """Return the layout of a picture that is not moved about, and whose nearest point answers."""
    colours = theme.palette(scheme)
    hover = {
        "bgcolor": colours.surface,
        "bordercolor": colours.line,
        "align": "left",
        "font": {"family": theme.FONT, "size": 12, "color": colours.ink},
    }
    base = {"dragmode": False, "hovermode": "closest", "hoverdistance": -1, "hoverlabel": hover}
    return theme.layout(scheme, **(base | more))


def names_axis(
    scheme: str | None,
    names: Sequence[str],
    *,
    title: str | None = None,
    room: float = 0,
    length: int = 99,
    **more: Any,
) -> dict[str, Any]:
    """Return an axis with names at 0, 1, 2, …; of those with `room` pixels each, what fits."""
    every = math.ceil((text_width(names) + 8) / room) if room else 1
    last = len(names) - 1
    ticks = [i for i in range(0, len(names), every) if i in (0, last) or last - i >= every]
    ticks += [last] if last >= 0 and last not in ticks else []
    base = {
        "tickvals": ticks,
        "ticktext": [escape(shorten(names[i], length)) for i in ticks],
        "ticks": "",
        "showline": False,
        "fixedrange": True,
        "automargin": False,
        "tickangle": 0,
    }
    return theme.axis(scheme, title, **(base | more))


def note(text: str, scheme: str | None, **more: Any) -> dict[str, Any]:
    """Return a quiet line of text, by default under the picture at the left."""
    base = {"xref": "paper", "yref": "paper", "x": 0, "y": 0, "xanchor": "left", "yanchor": "top"}
    font = {"size": 11, "color": theme.palette(scheme).quiet}
    return base | {"text": text, "showarrow": False, "align": "left", "font": font} | more


def wrap(parts: Iterable[str], width: float) -> str:
    """Join the parts of a legend, in as many lines as a width in pixels asks for."""
    lines = [""]
    for part in parts:
        if lines[-1] and text_width([_bare(lines[-1] + part)]) > width - 30:
            lines.append("")
        lines[-1] += ("     " if lines[-1] else "") + part
    return "<br>".join(lines)


def _bare(text: str) -> str:
    return "".join(part.split(">")[-1] for part in text.split("<"))


def shorten(name: str, length: int) -> str:
    """Cut a long name in its middle: its ends tell layers apart."""
    if len(name) <= length:
        return name
    tail = (length - 1) // 2
    return f"{name[: length - 1 - tail]}…{name[-tail:]}"


def text_width(texts: Iterable[str], size: float = 11) -> float:
    """Guess the width in pixels of the longest of some texts."""
    return max((len(text) for text in texts), default=0) * CHARACTER * size / 11


def strength_colour(strength: float, scheme: str | None) -> str:
    """Return the colour of a loop strength: logarithmic, capped at `theme.STRENGTH_TOP`."""
    share = math.log(max(strength, 1.0)) / math.log(theme.STRENGTH_TOP)
    stops = theme.STRENGTH_DARK if scheme == "dark" else theme.STRENGTH_LIGHT
    return blend(stops, round(min(share, 1.0) * (LEVELS - 1)) / (LEVELS - 1))


def betti_colour(number: float, scheme: str | None) -> str:
    """Return the colour of a Betti number: 0, 1, 2, 3, and one for 4 and more."""
    stops = theme.BETTI_DARK if scheme == "dark" else theme.BETTI_LIGHT
    return stops[min(max(int(number), 0), len(stops) - 1)]


def blend(stops: Sequence[str], share: float) -> str:
    """Return the colour at a share, 0 to 1, of the way along evenly spaced colours."""
    place = share * (len(stops) - 1)
    i = min(int(place), len(stops) - 2)
    pairs = zip(_channels(stops[i]), _channels(stops[i + 1]), strict=True)
    mixed = [round(a + (b - a) * (place - i)) for a, b in pairs]
    return "#" + "".join(f"{each:02x}" for each in mixed)


def ink_on(colour: str) -> str:
    """Return the text colour, black or white, that stands out more on a ground."""
    return max("#000000", "#ffffff", key=lambda ink: contrast(ink, colour))


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours, 1 to 21 (WCAG 2)."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def strength_key(scheme: str | None) -> str:
    """Say in coloured text what the colours of loop strength mean."""
    blocks = "".join(
        f'<span style="color:{strength_colour(theme.STRENGTH_TOP ** (i / 11), scheme)}">█</span>'
        for i in range(12)
    )
    return f"longest H₁ bar ÷ the next  1× {blocks} {theme.STRENGTH_TOP:g}× or more"


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _luminance(colour: str) -> float:
    def linear(channel: int) -> float:
        share = channel / 255
        return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4

    red, green, blue = (linear(each) for each in _channels(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
