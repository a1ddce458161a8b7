"""Inputs of a network as a grid of pictures that can be clicked."""

import base64
from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from dashboard import theme
from dashboard.figures import marks
from dashboard.figures.patches import escape

CELL = 46
"""Pixels of a picture with the room around it."""

MARGIN = 4

SPRITE = 40
"""Pictures in a row of those that hovering shows."""


def inputs_figure(
    sprite: bytes,
    names: Sequence[str],
    words: Sequence[str],
    *,
    columns: int,
    primary: str | None = None,
    scheme: str = "light",
) -> go.Figure:
    """Draw pictures in rows; the height of the figure follows their number.

    Parameters
    ----------
    sprite : bytes
        A PNG of all of them, `columns` in a row, without gaps.
    names : sequence of str
        What a click on each selects as ``primary``.
    words : sequence of str
        What hovering says of each, as plain text.
    columns : int
        Pictures in a row, at least 1.
    primary : str, optional
        The one to ring.
    scheme : str
        ``light`` or ``dark``.

    Raises
    ------
    ValueError
        If the numbers of names and words differ, or there is no column.
    """
    if len(names) != len(words) or columns < 1:
        msg = f"{len(names)} names, {len(words)} words, columns={columns}"
        raise ValueError(msg)
    n = len(names)
    rows = max(-(-n // columns), 1)
    x, y = np.arange(n) % columns, np.arange(n) // columns
    source = f"data:image/png;base64,{base64.b64encode(sprite).decode()}"
    image = {
        "source": source, "xref": "x", "yref": "y", "x": -0.5, "y": -0.5,
        "sizex": columns, "sizey": rows, "sizing": "stretch", "layer": "below",
    }  # fmt: skip
    target = marks.targets(
        x.tolist(),
        y.tolist(),
        [{"primary": name} for name in names],
        [escape(each) for each in words],
    )
    layout = marks.still(
        scheme,
        height=rows * CELL + 2 * MARGIN,
        margin=dict.fromkeys("lrtb", MARGIN),
        images=[image] if n else [],
        shapes=_rings(names, primary, columns, scheme),
        xaxis=theme.hidden_axis(range=[-0.5, columns - 0.5], fixedrange=True),
        yaxis=theme.hidden_axis(
            range=[rows - 0.5, -0.5],
            fixedrange=True,
            scaleanchor="x",
            constrain="domain",
            constraintoward="top",
        ),
        uirevision="inputs",
    )
    return go.Figure([target] if n else [], layout=layout)


def _rings(
    names: Sequence[str], primary: str | None, columns: int, scheme: str
) -> list[dict[str, object]]:
    """Rim every picture in the colour of the ground, and the clicked one in ink."""
    found = []
    for i, name in enumerate(names):
        x, y = i % columns, i // columns
        chosen = name == primary
        colours = theme.palette(scheme)
        line = {"color": colours.ink if chosen else colours.ground, "width": 3 if chosen else 2}
        box = {"x0": x - 0.48, "x1": x + 0.48, "y0": y - 0.48, "y1": y + 0.48}
        found.append({"type": "rect", **box, "line": line})
    return found
