"""Accuracy, or loss, against the training step."""

from collections.abc import Callable, Mapping, Sequence

import plotly.graph_objects as go

from dashboard import theme
from dashboard.figures import marks
from dashboard.figures._curves import Curve, band, position
from dashboard.figures.patches import escape

LABELLED = 8
"""At most so many ticks carry a number."""


def accuracy_figure(
    curves: Mapping[str, Curve], steps: Sequence[int], *, scheme: str = "light"
) -> go.Figure:
    """Draw the mean of logged metrics with their range over the runs.

    Parameters
    ----------
    curves : mapping of str to Curve
        By name, at training steps.
    steps : sequence of int
        Steps that have a snapshot: the ticks of the axis.
    scheme : str
        ``light`` or ``dark``.
    """
    known = [float(step) for step in sorted(set(steps))]
    place, kind = position(known)
    colours = [theme.palette(scheme).bar, theme.BESIDE]
    traces = []
    for (name, curve), colour in zip(curves.items(), colours, strict=False):
        x = [place(step) for step in curve.x.tolist()]
        traces.append(band(x, curve, colour))
        traces.append(
            go.Scatter(
                x=x,
                y=curve.mean.tolist(),
                mode="lines",
                line={"color": colour, "width": 2},
                hovertext=[
                    f"{escape(name)}<br>step {step:,.0f}: {mean:.3f} ({low:.3f} to {high:.3f})"
                    for step, mean, low, high in zip(
                        curve.x, curve.mean, curve.low, curve.high, strict=True
                    )
                ],
                hoverinfo="text",
            )
        )
    return go.Figure(
        traces,
        layout=marks.still(
            scheme,
            margin={"l": 8, "r": 12, "t": 24, "b": 8},
            xaxis=_steps(known, place, kind, scheme),
            yaxis=theme.axis(scheme, None, nticks=5, ticks="outside", ticklen=3),
            annotations=[_key(list(curves), colours, scheme)],
            hovermode="closest",
            uirevision="accuracy",
        ),
    )


def _steps(
    known: Sequence[float], place: Callable[[float], float], kind: str, scheme: str
) -> dict[str, object]:
    every = max(1, -(-len(known) // LABELLED))
    text = [
        f"{step:,.0f}" if i % every == 0 or i == len(known) - 1 else ""
        for i, step in enumerate(known)
    ]
    return theme.axis(
        scheme,
        f"training step ({kind} scale)",
        tickvals=[place(step) for step in known],
        ticktext=text,
        ticks="outside",
        ticklen=4,
    )


def _key(names: Sequence[str], colours: Sequence[str], scheme: str) -> dict[str, object]:
    parts = [
        f'<span style="color:{colour}">━</span> {escape(name)}'
        for name, colour in zip(names, colours, strict=False)
    ]
    return marks.note(
        "   ".join(parts), scheme, xref="paper", yref="paper", x=0, y=1, yshift=14, xanchor="left"
    )
