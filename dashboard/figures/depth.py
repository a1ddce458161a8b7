"""A number of every layer against depth, one curve for each step: norms of landscapes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from dashboard import theme
from dashboard.figures import marks
from dashboard.figures._curves import plain
from dashboard.figures.landscape import ribbon
from dashboard.figures.layer_curves import ring, step_colours, steps_key, thin_runs, weight
from dashboard.figures.patches import escape

Floats = NDArray[np.floating[Any]]

BANDED = 3
"""Up to so many curves each has its band and its runs; of more, only the current one."""

NAME = 22


@dataclass(frozen=True, slots=True, eq=False)
class StepCurve:
    """The numbers of all layers at one step.

    Attributes
    ----------
    name : str
        The step or milestone, as plain text.
    index : int
        Its position on the axis of steps, where a click leads.
    mean : ndarray, shape (n_layers,)
        NaN where there is none.
    low, high : ndarray, shape (n_layers,), or None
        Spread over the runs.
    runs : ndarray, shape (n_runs, n_layers), or None
        Those of every run, to be drawn as thin lines.
    words : sequence of str
        What hovering says at each layer, as plain text; empty: the numbers.
    untrained : bool
        Whether it is the network before training, which is grey.
    """

    name: str
    index: int
    mean: Floats
    low: Floats | None = None
    high: Floats | None = None
    runs: Floats | None = None
    words: Sequence[str] = ()
    untrained: bool = False

    def check(self, layers: Sequence[str]) -> None:
        """Refuse numbers that do not fit the layers.

        Raises
        ------
        ValueError
            If there is not one number, or word, for each layer.
        """
        for name in ("mean", "low", "high", "runs", "words"):
            given = getattr(self, name)
            empty = given is None or (name == "words" and not len(given))
            if not empty and np.shape(given)[-1] != len(layers):
                msg = f"{name} of {self.name!r} has shape {np.shape(given)}: give one for each "
                raise ValueError(msg + f"of {len(layers)} layers")

    def said(self, layers: Sequence[str], i: int, measure: str) -> str:
        """Say the number of a layer."""
        head = f"<b>{escape(layers[i])}</b>, {escape(self.name)}"
        return f"{head}<br>{escape(self._number(i, measure))}".replace("\n", "<br>")

    def _number(self, i: int, measure: str) -> str:
        if len(self.words):
            return self.words[i]
        if not np.isfinite(self.mean[i]):
            return f"no {measure}"
        if self.mean[i] == 0:
            return f"{measure} 0: no bars, or a dead layer"
        spread = ""
        if self.low is not None and self.high is not None:
            spread = f" ({self.low[i]:.4f} to {self.high[i]:.4f} over the runs)"
        return f"{measure} {self.mean[i]:.4f}{spread}"


def depth_figure(
    layers: Sequence[str],
    curves: Sequence[StepCurve],
    *,
    companion: Sequence[StepCurve] = (),
    titles: tuple[str, str] = ("landscape norm", "neural persistence"),
    current: int | None = None,
    scheme: str = "light",
    width: int = 640,
    height: int = 520,
) -> go.Figure:
    """Draw a number against the layers, one curve for each step.

    Parameters
    ----------
    layers : sequence of str
        In order of depth.
    curves : sequence of StepCurve
        In order of training.
    companion : sequence of StepCurve
        Another number of the same layers, drawn in a low row of its own below.
    titles : (str, str)
        What the numbers are.
    current : int, optional
        `StepCurve.index` of the curve to draw in full, the others fainter; None: all alike, and
        only the ring that the browser moves says which is the current one.
    scheme : str
        ``light`` or ``dark``.
    width, height : int
        Of the figure in pixels, as far as they are known.

    Raises
    ------
    ValueError
        If a curve does not have a number for each layer.

    References
    ----------
    Wheeler, Bouza, Bubenik, Activation landscapes as a topological summary of neural network
    performance, 2021, Figure 4.
    """
    for curve in [*curves, *companion]:
        curve.check(layers)
    key = steps_key(curves, current, scheme, width - 70)
    above = 18 * (key.count("<br>") + 1) + 8
    axis, below = layers_axis(layers, (width - 76) / max(len(layers), 1), scheme)
    foot = 0.24 if companion else 0.0
    traces, top = _curves(layers, curves, titles[0], current=current, scheme=scheme)
    layout = marks.still(
        scheme,
        height=height,
        hoverdistance=40,
        margin={"l": 60, "r": 16, "t": above, "b": below},
        xaxis=axis | {"anchor": "y2" if companion else "y"},
        yaxis=_axis(scheme, titles[0], top, domain=[foot + 0.08 if foot else 0, 1]),
        annotations=[marks.note(key, scheme, y=1, yanchor="bottom", yshift=4)],
        uirevision="depth",
    )
    if companion:
        more, end = _curves(
            layers, companion, titles[1], current=current, scheme=scheme, yaxis="y2"
        )
        traces += more
        layout["yaxis2"] = _axis(scheme, titles[1], end, domain=[0, foot], nticks=3)
    figure = go.Figure(traces, layout=layout)
    tall = (height - above - below) * (1 - foot - (0.08 if foot else 0))
    unit = max(len(layers), 1.4) / (width - 76), top / tall
    ring(figure, _places(layers, curves), unit, scheme)
    return figure


def layers_axis(layers: Sequence[str], room: float, scheme: str) -> tuple[dict[str, Any], int]:
    """Return an axis with the names of layers, and the height that they take."""
    names = [marks.shorten(each, NAME) for each in layers]
    longest = marks.text_width(names)
    flat = longest + 10 < room
    below = 30 if flat else round(0.72 * longest) + 22
    axis = marks.names_axis(
        scheme,
        layers,
        length=NAME,
        range=[-0.5, len(layers) - 0.5] if len(layers) > 1 else [-0.7, 0.7],
        showline=True,
        tickangle=0 if flat else -45,
    )
    every = 1 if flat else int(np.ceil(14 / room))  # a slanted name takes the height of its letters
    axis["tickvals"], axis["ticktext"] = axis["tickvals"][::every], axis["ticktext"][::every]
    return axis, below


def _axis(scheme: str, title: str, top: float, **more: Any) -> dict[str, Any]:
    base: dict[str, Any] = {"nticks": 6, "ticks": "outside", "ticklen": 4, "tickformat": "~r"}
    return theme.axis(
        scheme, escape(title), range=[0, top], title_standoff=6, fixedrange=True,
        **theme.FIXED, **(base | more),
    )  # fmt: skip


def _places(layers: Sequence[str], curves: Sequence[StepCurve]) -> dict[str, tuple[float, float]]:
    return {
        f"{layer}|{curve.index}": (i, float(curve.mean[i]))
        for curve in curves
        for i, layer in enumerate(layers)
        if np.isfinite(curve.mean[i])
    }


def _curves(
    layers: Sequence[str],
    curves: Sequence[StepCurve],
    measure: str,
    *,
    current: int | None,
    scheme: str,
    **more: Any,
) -> tuple[list[go.Scatter], float]:
    """Draw runs, then bands, then means, the current one last; returns also the axis' end."""
    x = np.arange(len(layers), dtype=np.float64)
    colours = dict(zip(curves, step_colours(curves, scheme), strict=True))
    order = sorted(curves, key=lambda curve: curve.index == current)
    full = [each for each in order if len(curves) <= BANDED or each.index == current]
    bands = [(c, c.low, c.high) for c in full if c.low is not None and c.high is not None]
    runs = [(c, c.runs) for c in full if c.runs is not None]
    traces = [_runs(thin_runs(each, len(runs)), colours[c], **more) for c, each in runs]
    traces += [ribbon(x, low, high, colours[c], **more) for c, low, high in bands]
    traces += [
        _mean(
            layers,
            each,
            measure,
            (colours[each], *weight(each.index, current)),
            scheme=scheme,
            **more,
        )
        for each in order
    ]
    parts = [each.mean for each in curves] + [high for *_, high in bands]
    parts += [each for _, each in runs]
    top = max((float(np.nan_to_num(part).max(initial=0)) for part in parts), default=0.0)
    return traces, 1.08 * top or 1.0


def _runs(runs: Floats, colour: str, **more: Any) -> go.Scatter:
    """Draw the runs of a step as one thin line with gaps."""
    return go.Scatter(
        x=[*range(runs.shape[1]), None] * len(runs),
        y=[each for run in runs for each in (*plain(run), None)],
        mode="lines",
        line={"color": theme.faded(colour, 0.3), "width": 1},
        hoverinfo="skip",
        **more,
    )


def _mean(
    layers: Sequence[str],
    curve: StepCurve,
    measure: str,
    look: tuple[str, float, float],
    *,
    scheme: str,
    **more: Any,
) -> go.Scatter:
    """Draw a mean in a colour, width and opacity; a point without any norm is hollow."""
    colour, wide, opacity = look
    zero = np.asarray(curve.mean) == 0
    surface = theme.palette(scheme).surface
    return go.Scatter(
        x=list(range(len(layers))),
        y=plain(curve.mean),
        mode="lines+markers",
        line={"color": colour, "width": wide, "dash": "dash" if curve.untrained else "solid"},
        marker={
            "size": (4.5 if len(layers) <= 24 else 2) + wide,
            "color": [surface if each else colour for each in zero.tolist()],
            "line": {"color": colour, "width": 1.5},
            "opacity": 1,
        },
        opacity=opacity,
        customdata=[{"layer": layer, "index": curve.index} for layer in layers],
        hovertext=[curve.said(layers, i, measure) for i in range(len(layers))],
        hoverinfo="text",
        cliponaxis=False,
        **more,
    )
