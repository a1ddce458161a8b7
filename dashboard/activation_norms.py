"""The heat map of landscape norms, which several views show, and its table."""

import plotly.graph_objects as go

from dashboard.activation_study import StudyScene
from dashboard.activation_words import what
from dashboard.figures import marks
from dashboard.figures.norms import norms_figure
from dashboard.view import Panel, Row, empty

NO_SHAPE = ("dead", "constant")
"""How the notes of layers begin whose norm of 0 means that there is nothing."""


def norms_panel(scene: StudyScene, scheme: str) -> Panel:
    """Draw the norms of all layers at all steps."""
    if not scene.has_networks and scene.study is None:
        return empty(scene.why("study"))
    found = scene.norms
    if not found.runs and not found.failed:
        return empty(scene.found_error or "Computing …")
    figure = norms_figure(
        found.layers,
        found.labels,
        found.mean,
        words=_norm_words(scene),
        states=_norm_states(scene),
        scheme=scheme,
    )
    figure = clickable(figure, scene)
    waiting = f" · {found.waiting:,} networks still computing" if found.waiting else ""
    counts = {len(runs) for runs in found.runs.values()}
    total = len(scene.cursor.runs or scene.ask.experiment.runs)
    some = "" if counts == {total} else f" of {total}"
    runs = f"mean over {_span(counts)}{some} run{'s' if total != 1 else ''}"
    return Panel(figure, "", f"{runs} · {what(scene)}{waiting} · click a cell to go there")


def clickable(figure: go.Figure, scene: StudyScene) -> go.Figure:
    """Let clicks on a figure of the study say which steps they are, and where they lead."""
    for trace in marks.renumber(figure, scene.columns).data:
        if trace.customdata is not None:
            trace.customdata = [each and {**each, **scene.leads} for each in trace.customdata]
    return figure


def _span(counts: set[int]) -> str:
    return str(max(counts)) if len(counts) == 1 else f"{min(counts)} to {max(counts)}"


def _norm_words(scene: StudyScene) -> list[list[str]]:
    found = scene.norms
    return [
        [_said(scene, j, c) for c in range(len(found.labels))] for j in range(len(found.layers))
    ]


def _said(scene: StudyScene, j: int, c: int) -> str:
    found = scene.norms
    runs = found.runs.get((j, c), {})
    lines = [f"{found.layers[j]} at {found.labels[c]}"]
    if runs:
        values = list(runs.values())
        spread = f", {min(values):.3g} to {max(values):.3g}" if len(values) > 1 else ""
        lines.append(f"norm {found.mean[j, c]:.3g}: mean of {len(values)} runs{spread}")
        lines += [f"{run}: {value:.3g}" for run, value in list(runs.items())[:12]]
        if len(runs) > 12:
            lines.append(f"and {len(runs) - 12} more")
    if failed := found.failed.get((j, c)):
        lines.append(f"{failed} run{'s' if failed != 1 else ''} failed")
    return "\n".join([*lines, *sorted(found.notes.get((j, c), ()))[:3]])


def _norm_states(scene: StudyScene) -> list[list[str]]:
    found = scene.norms

    def state(at: tuple[int, int]) -> str:
        if at in found.runs:
            none = max(found.runs[at].values()) == 0
            shapeless = any(n.startswith(NO_SHAPE) for n in found.notes.get(at, ()))
            return "dead" if none and shapeless else ""
        if at in found.failed:
            return "error"
        return "waiting" if found.waiting else ""

    return [[state((j, c)) for c in range(len(found.labels))] for j in range(len(found.layers))]


def norm_rows(scene: StudyScene) -> list[Row]:
    """One row per layer and step, with its mean, and per run."""
    found = scene.norms
    rows = []
    for (j, c), runs in sorted(found.runs.items()):
        for run, value in runs.items():
            rows.append(
                {
                    "layer": found.layers[j],
                    "step": found.labels[c],
                    "run": run,
                    "norm": value,
                    "mean": float(found.mean[j, c]),
                    "runs": len(runs),
                    "_pick": {"layer": found.layers[j], "index": scene.columns[c]} | scene.leads,
                }
            )
    return rows
