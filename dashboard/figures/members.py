"""The members of a selection as a grid of patches that can be clicked."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from dashboard import theme
from dashboard.figures import marks, patches

CELL = 31
"""Pixels of a patch with the room around it."""
MARGIN = 4

PITCH = 1.44 * patches.SIDE
FRAME, RING, HALO, FIRST = (share * patches.SIDE for share in (0.07, 0.14, 0.12, 0.25))
"""Rims around a patch: in its colour; in ink where it is selected; both rims of the primary."""


def members_figure(
    filters: NDArray[Any],
    ids: Sequence[str],
    *,
    columns: int,
    primary: str | None = None,
    colours: Sequence[str] | None = None,
    selected: NDArray[np.bool_] | None = None,
    scheme: str = "light",
) -> go.Figure:
    """Draw filters in rows; the height of the figure follows their number.

    Parameters
    ----------
    filters : ndarray, shape (n, h, w)
    ids : sequence of str
        The name of each, as run.out.in.
    columns : int
        Patches in a row, at least 1.
    primary : str, optional
        The filter to ring.
    colours : sequence of str, optional
        The colour of each one's frame.
    selected : ndarray of bool, shape (n,), optional
        Which to outline.
    scheme : str
        ``light`` or ``dark``.

    Raises
    ------
    ValueError
        If the numbers of filters, ids, colours and flags differ, or there is no column.
    """
    n = _checked(filters, ids, colours, selected)
    if columns < 1:
        msg = f"columns={columns}: a row needs at least 1"
        raise ValueError(msg)
    rows = max(-(-n // columns), 1)
    places = np.stack([np.arange(n) % columns, np.arange(n) // columns], axis=1)
    chosen = np.zeros(n, bool) if selected is None else np.asarray(selected)
    first = np.array([each == primary for each in ids], bool)
    body = _rings(places, first, chosen, scheme) + _patches(filters, places, colours, scheme)
    source = patches.data_uri(body, width=columns * PITCH, height=rows * PITCH)
    image = patches.over_axes(source, left=-0.5, top=-0.5, width=columns, height=rows)
    return go.Figure(
        _targets(ids, places),
        layout=marks.still(
            scheme,
            height=rows * CELL + 2 * MARGIN,
            margin={"l": MARGIN, "r": MARGIN, "t": MARGIN, "b": MARGIN},
            xaxis=_axis([-0.5, columns - 0.5], constraintoward="left"),
            yaxis=_axis([rows - 0.5, -0.5], constraintoward="top", scaleanchor="x"),
            images=[image] if n else [],
            uirevision="members",
        ),
    )


def _checked(
    filters: NDArray[Any],
    ids: Sequence[str],
    colours: Sequence[str] | None,
    selected: NDArray[np.bool_] | None,
) -> int:
    n = len(filters)
    given = {"ids": ids, "colours": colours, "selected": selected}
    for name, values in given.items():
        if values is not None and len(values) != n:
            msg = f"{n} filters but {len(values)} {name}: give one for each"
            raise ValueError(msg)
    return n


def _axis(span: list[float], **more: Any) -> dict[str, Any]:
    return theme.hidden_axis(range=span, fixedrange=True, constrain="domain", **more)


def _targets(ids: Sequence[str], places: NDArray[np.int64]) -> go.Scatter:
    picks = [{"primary": each} for each in ids]
    return marks.targets(
        places[:, 0].tolist(), places[:, 1].tolist(), picks, [], hovertemplate=patches.FILTER_WORDS
    )


def _corners(places: NDArray[np.int64]) -> NDArray[np.float64]:
    return places * PITCH + (PITCH - patches.SIDE) / 2


def _patches(
    filters: NDArray[Any],
    places: NDArray[np.int64],
    colours: Sequence[str] | None,
    scheme: str,
) -> str:
    corners = _corners(places)
    if colours is None:
        return patches.mosaic(filters, corners, edge=theme.palette(scheme).line)
    return patches.squares(corners, FRAME, colours) + patches.mosaic(filters, corners)


def _rings(
    places: NDArray[np.int64],
    primary: NDArray[np.bool_],
    selected: NDArray[np.bool_],
    scheme: str,
) -> str:
    """Dark outlines below the patches; that of the primary is wider, with a halo."""
    colours = theme.palette(scheme)
    corners = _corners(places)
    return "".join(
        [
            patches.squares(corners[selected], RING, colours.ink),
            patches.squares(corners[primary], FIRST, colours.ink),
            patches.squares(corners[primary], HALO, colours.surface),
        ]
    )
