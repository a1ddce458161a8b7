"""Networks as curves through their layers: landscapes of all layers and steps in two dimensions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.colors import sequential

from dashboard import theme
from dashboard.figures import marks
from dashboard.figures._curves import plain
from dashboard.figures.patches import escape
from dashboard.figures.projection import shown

THIN = 12_000
"""Points of single runs that are drawn in one figure; of more, only some runs are."""

MARK = 17  # pixels of the ring that marks the current point

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class PathCurve:
    """The layers of the network at one step as points of a plane.

    Attributes
    ----------
    name : str
        The step or milestone, as plain text.
    index : int
        Its position on the axis of steps, where a click leads.
    points : ndarray, shape (n_layers, 2)
        Of the mean landscapes; NaN where there is none.
    runs : ndarray, shape (n_runs, n_layers, 2), or None
        Those of every run.
    words : sequence of str
        What hovering says at each layer, as plain text; may be empty.
    untrained : bool
        Whether it is the network before training, which is grey.
    """

    name: str
    index: int
    points: Floats
    runs: Floats | None = None
    words: Sequence[str] = ()
    untrained: bool = False

    def check(self, layers: Sequence[str]) -> None:
        """Refuse points that do not fit the layers.

        Raises
        ------
        ValueError
            If there is not one point, or word, for each layer.
        """
        n = len(layers)
        fits = np.shape(self.points) == (n, 2)
        fits &= self.runs is None or np.shape(self.runs)[1:] == (n, 2)
        if not fits:
            shapes = np.shape(self.points), None if self.runs is None else np.shape(self.runs)
            msg = f"points and runs of {self.name!r} have shapes {shapes[0]} and {shapes[1]}: "
            raise ValueError(msg + f"give ({n}, 2) and (n_runs, {n}, 2)")
        if len(self.words) not in {0, n}:
            msg = f"{self.name!r} has {len(self.words)} words: give one for each of {n} layers"
            raise ValueError(msg)

    def said(self, layers: Sequence[str], i: int) -> str:
        """Say a point."""
        more = "<br>" + escape(self.words[i]).replace("\n", "<br>") if len(self.words) else ""
        return f"<b>{escape(layers[i])}</b>, {escape(self.name)}{more}"


def layer_curves_figure(
    layers: Sequence[str],
    curves: Sequence[PathCurve],
    *,
    titles: tuple[str, str] = ("PC 1", "PC 2"),
    current: int | None = None,
    scheme: str = "light",
    width: int = 640,
    height: int = 520,
) -> go.Figure:
    """Draw each step's curve through the layers, the runs thin and their mean thick.

    Parameters
    ----------
    layers : sequence of str
        In order of depth; the first is where the curves start.
    curves : sequence of PathCurve
        In order of training.
    titles : (str, str)
        Of the axes, with their shares of variance: ``PC 1 (41 % of variance)``.
    current : int, optional
        `PathCurve.index` of the curve to draw in full, the others fainter.
    scheme : str
        ``light`` or ``dark``.
    width, height : int
        Of the figure in pixels, as far as they are known.

    Raises
    ------
    ValueError
        If a curve does not have a point for each layer.

    References
    ----------
    Wheeler, Bouza, Bubenik, Activation landscapes as a topological summary of neural network
    performance, 2021, Figure 3.
    """
    for curve in curves:
        curve.check(layers)
    key = steps_key(curves, current, scheme, width - 70, "□ first layer", *_thinned(curves))
    above = 18 * (key.count("<br>") + 1) + 8
    spans, unit = one_scale(_every(curves), (width - 72, height - above - 44))
    colours = dict(zip(curves, step_colours(curves, scheme), strict=True))
    order = sorted(curves, key=lambda curve: curve.index == current)
    traces = [_runs(each, len(curves), colours[each]) for each in order if each.runs is not None]
    traces += [
        _mean(layers, each, (colours[each], *weight(each.index, current)), scheme) for each in order
    ]
    traces += [_ends(layers, order[-1], unit, scheme)] if order and layers else []
    layout = marks.still(
        scheme,
        height=height,
        hoverdistance=40,
        margin={"l": 60, "r": 12, "t": above, "b": 44},
        xaxis=plane_axis(scheme, titles[0], spans[0]),
        yaxis=plane_axis(scheme, titles[1], spans[1], scaleanchor="x"),
        annotations=[marks.note(key, scheme, y=1, yanchor="bottom", yshift=4)],
        uirevision="layer curves",
    )
    figure = go.Figure(traces, layout=layout)
    ring(figure, _places(layers, curves), (unit, unit), scheme)
    return figure


def step_colours(curves: Sequence[Any], scheme: str) -> list[str]:
    """Return a colour for each curve: grey untrained, then from early to late.

    Late is far from the surface, early nearer to it. A curve says `untrained`.
    """
    trained = [i for i, curve in enumerate(curves) if not curve.untrained]
    part = sequential.Plasma[4:9] if scheme == "dark" else sequential.Plasma[7:0:-1]
    shares = np.linspace(0, 1, len(trained)).tolist() if len(trained) > 1 else [1.0]
    colours = dict(zip(trained, shares, strict=False))
    known = range(len(curves))
    return [marks.blend(part, colours[i]) if i in colours else theme.NULL for i in known]


def steps_key(
    curves: Sequence[Any], current: int | None, scheme: str, width: float, *more: str
) -> str:
    """Name the curves in their colours, the current one in bold."""
    parts = []
    for curve, colour in zip(curves, step_colours(curves, scheme), strict=True):
        name = f"<b>{escape(curve.name)}</b>" if curve.index == current else escape(curve.name)
        parts.append(f'<span style="color:{colour}"><b>━</b></span> {name}')
    return marks.wrap([*parts, *more], width)


Places = dict[str, tuple[float, float]]


def ring(figure: go.Figure, places: Places, unit: tuple[float, float], scheme: str) -> None:
    """Add the ring that the browser moves to the current layer and step.

    `places` are points by ``layer|index``, `unit` is how much of each axis a pixel is.
    """
    a, b = MARK / 2 * unit[0], MARK / 2 * unit[1]
    boxes = {key: (x - a, x + a, y - b, y + b) for key, (x, y) in places.items()}
    marks.mark_cells(figure, ("layer", "index"), boxes, scheme)
    figure.layout.shapes[-1].type = "circle"


def thin_runs(runs: Floats, n_curves: int) -> Floats:
    """Choose the runs that are drawn: all, or evenly spread ones."""
    points = max(runs.shape[1], 1) * max(n_curves, 1)
    return np.asarray(runs[shown(len(runs), max(THIN // points, 1))])


def weight(index: int, current: int | None) -> tuple[float, float]:
    """Return width and opacity of a curve."""
    if current is None:
        return 2.2, 1.0
    return (3.2, 1.0) if index == current else (1.6, 0.6)


def one_scale(
    points: Floats, inside: tuple[int, int]
) -> tuple[tuple[list[float], list[float]], float]:
    """Return ranges of axes of one scale that hold points (n, 2), and how much a pixel is.

    `inside` is width and height between the axes in pixels; points with a NaN do not count.
    """
    flat = points[np.isfinite(points).all(axis=1)]
    low, high = (flat.min(axis=0), flat.max(axis=0)) if len(flat) else (-np.ones(2), np.ones(2))
    room = np.array(inside, np.float64)
    unit = 1.18 * float(((high - low) / room).max()) or 1.0 / float(room.min())
    middle, half = (low + high) / 2, room * unit / 2
    ends = np.stack([middle - half, middle + half], axis=1).tolist()
    return (ends[0], ends[1]), unit


def plane_axis(scheme: str, title: str, ends: list[float], **more: Any) -> dict[str, Any]:
    """Return an axis of a projection."""
    base: dict[str, Any] = {"nticks": 6, "ticks": "outside", "ticklen": 4, "title_standoff": 6}
    return theme.axis(scheme, escape(title), range=ends, **base, **theme.FIXED, **more)


def _every(curves: Sequence[PathCurve]) -> Floats:
    parts = [each.points for each in curves] + [c.runs for c in curves if c.runs is not None]
    return np.concatenate([np.zeros((0, 2)), *(np.reshape(part, (-1, 2)) for part in parts)])


def _thinned(curves: Sequence[PathCurve]) -> list[str]:
    """Say how many of the runs are drawn, where not all are."""
    for curve in curves:
        if curve.runs is not None and len(thin_runs(curve.runs, len(curves))) < len(curve.runs):
            return [f"{len(thin_runs(curve.runs, len(curves)))} of {len(curve.runs)} runs drawn"]
    return []


def _runs(curve: PathCurve, n_curves: int, colour: str) -> go.Scatter:
    """Draw the runs of a step as one thin line with gaps."""
    runs = thin_runs(np.asarray(curve.runs), n_curves)
    x, y = ([each for run in runs for each in (*plain(run[:, k]), None)] for k in (0, 1))
    line = {"color": theme.faded(colour, 0.28), "width": 1}
    return go.Scatter(x=x, y=y, mode="lines", line=line, hoverinfo="skip")


def _mean(
    layers: Sequence[str], curve: PathCurve, look: tuple[str, float, float], scheme: str
) -> go.Scatter:
    """Draw a mean curve in a colour, width and opacity; it starts at a hollow square."""
    colour, wide, opacity = look
    first = [i == 0 for i in range(len(layers))]
    surface = theme.palette(scheme).surface
    return go.Scatter(
        x=plain(curve.points[:, 0]),
        y=plain(curve.points[:, 1]),
        mode="lines+markers",
        line={"color": colour, "width": wide, "dash": "dash" if curve.untrained else "solid"},
        marker={
            "symbol": ["square" if each else "circle" for each in first],
            "size": [10 if each else 4.5 + wide for each in first],
            "color": [surface if each else colour for each in first],
            "line": {"color": colour, "width": 1.5},
            "opacity": 1,
        },
        opacity=opacity,
        customdata=[{"layer": layer, "index": curve.index} for layer in layers],
        hovertext=[curve.said(layers, i) for i in range(len(layers))],
        hoverinfo="text",
    )


def _ends(layers: Sequence[str], curve: PathCurve, unit: float, scheme: str) -> go.Scatter:
    """Name the layers of the curve on top, its ends first, where they do not touch."""
    known = np.flatnonzero(np.isfinite(curve.points).all(axis=1)).tolist()
    order = [*known[:1], *known[-1:], *known[1:-1]] if len(known) > 1 else known
    said: list[int] = []
    for i in order:
        gaps = [np.abs(curve.points[i] - curve.points[j]) / unit for j in said]
        if all(x > 76 or y > 17 for x, y in gaps):
            said.append(i)
    colours = theme.palette(scheme)
    inks = [colours.ink if i in {0, len(layers) - 1} else colours.quiet for i in said]
    names = [f"\u2003{escape(marks.shorten(layers[i], 18))}\u2003" for i in said]
    middle = curve.points[known].mean(axis=0)
    bold = {0, len(layers) - 1}
    return marks.labels(
        curve.points[said, 0].tolist(),
        curve.points[said, 1].tolist(),
        [f"<b>{name}</b>" if i in bold else name for i, name in zip(said, names, strict=True)],
        textposition=[_outward(curve.points[i] - middle) for i in said],
        textfont={"size": 11, "color": inks},
    )


def _outward(direction: Floats) -> str:
    """Return where a text stands so that it lies outside a curve around the middle."""
    x, y = (direction / (np.abs(direction).max() or 1.0)).tolist()
    across = "left" if x < -0.4 else "right" if x > 0.4 else "center"
    up = "bottom" if y < -0.4 else "top" if y > 0.4 else "middle"
    return f"{up if across != 'center' or up != 'middle' else 'top'} {across}"


def _places(layers: Sequence[str], curves: Sequence[PathCurve]) -> Places:
    return {
        f"{layer}|{curve.index}": (float(curve.points[i, 0]), float(curve.points[i, 1]))
        for curve in curves
        for i, layer in enumerate(layers)
        if np.isfinite(curve.points[i]).all()
    }
