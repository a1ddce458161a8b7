"""What the curves are made of: where steps lie, names at the ends of lines, bands."""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from dashboard import theme
from dashboard.figures import marks
from dashboard.figures.patches import escape

COLOURED = len(theme.SERIES_LIGHT)
LABEL = 15  # pixels from one label at a line's end to the next
NAMES = 60  # layers side by side, up to which each is named
RATIOS = (1, 2, 4, 8, 16, 32, 64, 128)

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Steps:
    """The positions of the step axis.

    Attributes
    ----------
    numbers : sequence of float
        Training step of each position; where they do not increase (milestones that runs reach at
        different steps), positions are drawn at equal distances.
    labels : sequence of str
        As the axis says them.
    """

    numbers: Sequence[float]
    labels: Sequence[str]


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """A logged metric over the runs.

    Attributes
    ----------
    x : ndarray, shape (n,)
        Training steps, or positions of the step axis.
    mean, low, high : ndarray, shape (n,)
        Mean, minimum and maximum over the runs; NaN where nothing is logged.
    """

    x: Values
    mean: Values
    low: Values
    high: Values


class Data:
    """What is drawn, in units of the axes: strengths as powers of two."""

    def __init__(
        self,
        layers: Sequence[str],
        steps: Steps,
        strengths: Values,
        nulls: Values,
        *,
        claimed: NDArray[np.bool_],
        scheme: str,
    ) -> None:
        self.layers, self.steps, self.claimed, self.scheme = layers, steps, claimed, scheme
        self.strengths, self.nulls = strengths, nulls
        self.y, self.null_y = np.log2(strengths), np.log2(nulls)
        both = np.concatenate([self.y, self.null_y])
        self.range = [-0.18, max(3.0, float(both[np.isfinite(both)].max(initial=0))) + 0.25]
        best = np.nan_to_num(strengths, nan=0.0).max(axis=1)
        chosen = sorted(np.argsort(-best, kind="stable")[:COLOURED])
        series = theme.SERIES_DARK if scheme == "dark" else theme.SERIES_LIGHT
        self.colours = dict(zip((int(i) for i in chosen), series, strict=False))
        self.position, self.kind = position(steps.numbers)
        real = self.kind != "positions"
        self.x = (
            [self.position(n) for n in steps.numbers] if real else list(range(claimed.shape[1]))
        )

    def words(self, i: int, j: int) -> str:
        """Say a layer's numbers at a step."""
        head = f"<b>{escape(self.layers[i])}</b>, {escape(self.steps.labels[j])}"
        if not np.isfinite(self.strengths[i, j]):
            return f"{head}<br>no loop strength"
        null = f"; permuted entries {self.nulls[i, j]:.1f}×" if self.nulls[i, j] > 0 else ""
        loop = "<br>○ loop claimed" if self.claimed[i, j] else ""
        return f"{head}<br>longest H₁ bar {self.strengths[i, j]:.1f}× the next{null}{loop}"

    def axis(self, **more: Any) -> dict[str, Any]:
        """Return the axis of loop strength, on which each doubling is one step."""
        ticks = [r for r in RATIOS if math.log2(r) <= self.range[1]]
        text = {"tickvals": [math.log2(r) for r in ticks], "ticktext": [f"{r}×" for r in ticks]}
        title = "longest H₁ bar ÷ the next"
        return theme.axis(self.scheme, title, range=self.range, fixedrange=True, **(text | more))


def position(numbers: Sequence[float]) -> tuple[Callable[[float], float], str]:
    """Choose how steps lie on an axis, so that the closest two can still be told apart.

    Returns
    -------
    callable, str
        Gives a step's place; its name: ``linear``, ``square-root``, ``logarithmic``, or
        ``positions`` where the steps do not increase.
    """
    if any(b <= a for a, b in itertools.pairwise(numbers)):
        return float, "positions"
    unit = min((n for n in numbers if n > 0), default=1.0)
    kinds: dict[str, Callable[[float], float]] = {
        "linear": float,
        "square-root": lambda n: math.sqrt(max(n, 0.0)),
        "logarithmic": lambda n: math.asinh(n / unit),
    }
    gaps = {name: _least_gap([place(n) for n in numbers]) for name, place in kinds.items()}
    wide = [name for name, gap in gaps.items() if gap * (len(numbers) - 1) >= 0.4]
    name = wide[0] if wide else max(gaps, key=lambda each: gaps[each])
    return kinds[name], name


def _least_gap(places: Sequence[float]) -> float:
    gaps = [b - a for a, b in itertools.pairwise(places)]
    return min(gaps) / (places[-1] - places[0]) if gaps else 1.0


def end_labels(
    ends: Sequence[Any], x: float, span: Sequence[float], pixels: float, **more: Any
) -> go.Scatter:
    """Write names at the ends of curves: y, name and colour of each, moved where they overlap."""
    gap = LABEL * (span[1] - span[0]) / pixels
    return marks.labels(
        [x] * len(ends),
        spread([y for y, _, _ in ends], gap, span[1]),
        [f"  {escape(marks.shorten(name, 28))}" for _, name, _ in ends],
        textposition="middle right",
        textfont={"color": [colour for _, _, colour in ends], "size": 12},
        **more,
    )


def spread(values: Sequence[float], gap: float, top: float) -> list[float]:
    """Move numbers apart to at least `gap`, as little as may be, and none above `top`."""
    order = sorted(range(len(values)), key=lambda i: values[i])
    up = [values[i] for i in order]
    down = list(up)
    for k in range(1, len(up)):
        up[k] = max(up[k], up[k - 1] + gap)
    for k in range(len(down) - 2, -1, -1):
        down[k] = min(down[k], down[k + 1] - gap)
    placed = [(a + b) / 2 for a, b in zip(up, down, strict=True)]
    over = max(placed[-1] - top, 0.0) if placed else 0.0
    moved = dict(zip(order, placed, strict=True))
    return [moved[i] - over for i in range(len(values))]


def band(x: Sequence[float], curve: Curve, colour: str, **more: Any) -> go.Scatter:
    """Fill the range of a metric over the runs."""
    known = np.isfinite(curve.low) & np.isfinite(curve.high)
    there = [each for each, k in zip(x, known, strict=True) if k]
    return go.Scatter(
        x=[*there, *there[::-1]],
        y=[*curve.low[known].tolist(), *curve.high[known][::-1].tolist()],
        mode="lines",
        line={"width": 0},
        fill="toself",
        fillcolor=f"rgba{(*bytes.fromhex(colour[1:]), 0.14)}",
        hoverinfo="skip",
        **more,
    )


def gapped(x: Sequence[Any], y: Sequence[Any], line: dict[str, Any]) -> go.Scatter:
    """Draw separate strokes as one path."""
    strokes = [(p, q) for p, q in zip(x, y, strict=True) if None not in q]
    return go.Scatter(
        x=[each for p, _ in strokes for each in (*p, None)],
        y=[each for _, q in strokes for each in (*q, None)],
        mode="lines",
        line=line,
        hoverinfo="skip",
    )


def steps_axis(data: Data, pixels: float, **more: Any) -> dict[str, Any]:
    """Return the axis of training steps: a tick at every snapshot, a number where it has room."""
    start, end = data.x[0], data.x[-1]
    pad = (end - start) * 0.015
    named = data.kind == "positions"
    texts = data.steps.labels if named else [f"{n:,.0f}" for n in data.steps.numbers]
    scale = "" if named or data.kind == "linear" else f" ({data.kind} axis)"
    return theme.axis(
        data.scheme,
        "milestone" if named else f"training step{scale}",
        range=[start - pad, end + pad],
        tickvals=data.x,
        ticktext=_fitting(data.x, texts, pixels),
        tickangle=0,
        ticks="outside",
        ticklen=4,
        showline=True,
        fixedrange=True,
        automargin=False,
        **more,
    )


def _fitting(x: Sequence[float], texts: Sequence[str], pixels: float) -> list[str]:
    """Blank the texts that would touch the one before, or the last."""
    unit = pixels / (x[-1] - x[0])
    shown, end = [], -np.inf
    for place, text in zip(x, texts, strict=True):
        half = marks.text_width([text]) / 2 + 4
        at = (place - x[0]) * unit
        final = pixels - marks.text_width([texts[-1]]) / 2 - 4
        fits = at - half >= end and (at + half <= final or place == x[-1])
        shown.append(escape(text) if fits else "")
        end = at + half if fits else end
    return shown


def share_axis(scheme: str, curves: Mapping[str, Curve], **more: Any) -> dict[str, Any]:
    """Return the axis of the metrics: 0 to 1 for shares, else as far as they go."""
    return theme.axis(
        scheme, _common(curves), range=span(curves), nticks=3, fixedrange=True, **more
    )


def span(curves: Mapping[str, Curve]) -> list[float]:
    """Return the range of an axis that holds metrics: 0 to 1 for shares."""
    values = np.concatenate([[0.0], *([curve.low, curve.high] for curve in curves.values())], None)
    top = float(np.nanmax(values))
    return [min(0.0, float(np.nanmin(values))), 1.02 if top <= 1 else top * 1.02]


def _common(curves: Mapping[str, Curve]) -> str:
    """Return the word that ends every name: ``accuracy`` of training and of validation."""
    ends = {name.split()[-1] for name in curves}
    return ends.pop() if len(ends) == 1 else ""


def depth_axis(data: Data, room: float) -> tuple[dict[str, Any], int]:
    """Return the axis of the layers, and the height that their names take."""
    longest = marks.text_width(data.layers)
    flat = longest + 10 < room
    named = len(data.layers) <= NAMES
    low = 30 if flat or not named else round(0.72 * longest) + 24
    names = marks.names_axis(
        data.scheme,
        data.layers if named else [],
        title=None if named else "layers in order of depth",
        range=[-0.7, len(data.layers) - 0.3],
        showline=True,
        tickangle=0 if flat else -45,
    )
    return names, low


def mean_line(data: Data, name: str, curve: Curve, colour: str) -> go.Scatter:
    """Draw a metric's mean; a click moves the cursor to the step nearest to it."""
    nearest = [int(np.argmin(np.abs(np.subtract(data.steps.numbers, step)))) for step in curve.x]
    said = zip(curve.x, curve.mean, curve.low, curve.high, strict=True)
    return go.Scatter(
        x=[data.position(step) for step in curve.x],
        y=plain(curve.mean),
        mode="lines",
        line={"color": colour, "width": 1.5},
        yaxis="y2",
        customdata=[{"index": j} for j in nearest],
        hovertext=[
            f"{escape(name)}, step {step:,.0f}: {mean:.3f}<br>{low:.3f} to {high:.3f} over the runs"
            for step, mean, low, high in said
        ],
        hoverinfo="text",
    )


def plain(values: Values) -> list[float | None]:
    """Return numbers as a figure takes them, None where there is none."""
    return [float(each) if np.isfinite(each) else None for each in values]


def last(values: Values) -> float | None:
    """Return the last number that is there."""
    known = values[np.isfinite(values)]
    return float(known[-1]) if len(known) else None
