"""Findings in words and numbers; never a claim without its null model."""

import re
from collections.abc import Mapping
from typing import Any

from analysis.circle_models import chance_shares
from analysis.errors import AnalysisError
from analysis.experiment import Step
from analysis.filter_shape import FilterShape
from analysis.homology import standing_out
from dashboard.jobs import Status

CLEAR = 2.0
"""Bars stand out when the last of them is so many times the next, and the null model's longest."""

FEW = 20
"""With fewer kept filters, noise alone often gives one bar that is far longer than the next."""


def finding(shape: FilterShape, null: FilterShape | None, *, waiting: bool = True) -> str:
    """Say what a layer's barcode shows, in one or two sentences.

    Loops are claimed when the last bar that stands out is at least `CLEAR` times the next one, that
    ratio at least `CLEAR` times the null model's, and that bar `CLEAR` times the null model's
    longest; and never from fewer than `FEW` filters, nor without a null model.

    Parameters
    ----------
    shape : FilterShape
        Of the filters.
    null : FilterShape or None
        Of the same filters with permuted entries; None while there is none.
    waiting : bool
        Whether the null model is being computed (or cannot be).
    """
    if shape.degenerate:
        return f"No shape is claimed: {shape.degenerate}."
    if shape.n_kept < FEW:
        return f"Too few filters to claim a shape: {_kept(shape)}."
    if null is None:
        reason = "null model still computing" if waiting else "no null model, so nothing is claimed"
        return f"{_longest_words(shape)} ({reason}). {_kept(shape)}."
    return f"{_verdict(shape, null)}. {_kept(shape)}."


def loops(shape: FilterShape, null: FilterShape | None) -> int:
    """Count the loops that are claimed of a layer: see `finding`."""
    if shape.degenerate or shape.n_kept < FEW or null is None:
        return 0
    count, gap = standing_out(shape.diagram)
    lengths = shape.diagram.lengths(1)
    long = len(lengths) > 0 and lengths[max(count, 1) - 1] >= CLEAR * _longest(null) > 0
    if len(lengths) < 2 or not long:
        return int(long)
    usual = max(standing_out(null.diagram)[1], 1.0)
    return count if gap >= CLEAR * usual else 0


def _verdict(shape: FilterShape, null: FilterShape) -> str:
    lengths = shape.diagram.lengths(1)
    count = loops(shape, null)
    if count == 1 and len(lengths) == 1:
        alone = f"the only H₁ bar, of length {lengths[0]:.2f}{_null_length(null)}"
        return f"One loop: {alone}; {_circle(shape)}"
    gap = standing_out(shape.diagram)[1]
    if count == 1:
        return f"One loop, {gap:.1f}× longer than the next bar{_beside(null)}; {_circle(shape)}"
    if count > 1:
        return f"{count} loops: the {_ordinal(count)} bar is {gap:.1f}× the next{_beside(null)}"
    first = lengths[max(standing_out(shape.diagram)[0], 1) - 1] if len(lengths) else 0.0
    said = f"No clear loop: {_longest_words(shape)}"
    if len(lengths) > 1 and first >= CLEAR * _longest(null) > 0:
        return f"{said}{_beside(null)}"
    why = ", less than twice that" if len(lengths) and _longest(null) > 0 else ""
    return f"{said}, of length {_longest(shape):.2f}{_null_length(null)}{why}"


def _longest(shape: FilterShape) -> float:
    return float(shape.diagram.lengths(1).max(initial=0.0))


def _longest_words(shape: FilterShape) -> str:
    lengths = shape.diagram.lengths(1)
    if len(lengths) < 2:
        return f"there {'is one H₁ bar' if len(lengths) else 'is no H₁ bar'}"
    return f"the longest H₁ bar is {lengths[0] / lengths[1]:.1f}× the next"


def _null_length(null: FilterShape) -> str:
    return f" (longest with permuted entries: {_longest(null):.2f})"


def _beside(null: FilterShape) -> str:
    if null.loop_strength is None:
        return " (with permuted entries there is no second bar)"
    return f" ({null.loop_strength:.1f}× with permuted entries)"


def near_primary(shape: FilterShape) -> bool:
    """Say whether the kept filters lie nearest to the primary circle: mostly linear gradients."""
    try:
        linear = chance_shares(shape.kernel).linear
    except AnalysisError:
        return False
    first = shape.primary_circle_share
    return first > 2 * linear and first > shape.quadratic_share


def _circle(shape: FilterShape) -> str:
    try:
        linear, quadratic = chance_shares(shape.kernel)
    except AnalysisError:
        return f"a {shape.kernel[0]}×{shape.kernel[1]} kernel has no gradients to compare with"
    first, second = shape.primary_circle_share, shape.quadratic_share
    what = "nearest to" if near_primary(shape) else "not"
    return (
        f"{what} the primary circle: on average {first:.0%} of a filter is linear gradient "
        f"(chance {linear:.0%}), {second:.0%} quadratic (chance {quadratic:.0%})"
    )


def _kept(shape: FilterShape) -> str:
    drawn = "" if shape.n_filters == shape.n_total else f" (of {shape.n_total:,} in the layer)"
    return f"{shape.n_kept:,} densest of {shape.n_filters:,} filters{drawn}, k = {shape.k:,}"


def _ordinal(n: int) -> str:
    return {2: "second", 3: "third", 4: "fourth", 5: "fifth"}.get(n, f"{n}th")


def caption(shape: FilterShape, provenance: Mapping[str, Any]) -> str:
    """Say how many of how many are shown, how they were chosen, and what was left out."""
    params = provenance["params"]
    runs = len(provenance["inputs"])
    usable = shape.n_total - shape.n_degenerate - shape.n_nonfinite
    drawn = min(usable, params["draw"] or usable)
    parts = [
        f"{shape.n_kept:,} kept of {shape.n_filters:,} used of {shape.n_total:,}",
        f"{runs} run{'s' if runs != 1 else ''}",
    ]
    if drawn < usable:
        parts.append(f"{drawn:,} drawn (seed {params['seed']})")
    if params["contrast"] < 1:
        parts.append(f"strongest {params['contrast']:.0%}")
    parts += [f"k = {shape.k:,}", f"{len(shape.diagram.landmarks):,} landmarks"]
    if shape.n_degenerate:
        parts.append(f"{shape.n_degenerate:,} constant left out")
    if shape.n_nonfinite:
        parts.append(f"{shape.n_nonfinite:,} with NaN or infinity left out")
    if shape.n_duplicates:
        parts.append(f"{shape.n_duplicates:,} duplicates")
    return " · ".join(parts)


def step(this: Step, last: Step) -> str:
    """Say where on the axis the cursor is."""
    if this.milestone:
        return f"{milestone(this.milestone)} (median step {this.step:,} of {last.step:,})"
    return f"step {this.step:,} of {last.step:,}" if last.step else "one snapshot"


def step_short(place: Step) -> str:
    """Name a place of the axis."""
    return milestone(place.milestone) if place.milestone else f"step {place.step:,}"


def milestone(name: str) -> str:
    """Write a milestone as people read it: ``train_accuracy>=0.9`` is train accuracy ≥ 0.9."""
    return name.replace("_", " ").replace(">=", " ≥ ").replace("<=", " ≤ ").replace("  ", " ")


def tick(place: Step) -> str:
    """Name a place of the axis where there is room for a few words."""
    said = milestone(place.milestone) if place.milestone else str(place.step)
    return said.replace("accuracy", "acc")


def mark(place: Step) -> str:
    """Name a place of the axis where there is hardly any room: a milestone by its value."""
    if not place.milestone:
        return str(place.step)
    found = re.search(r"([<>]=)\s*([\d.]+)$", place.milestone)
    return f"{'≥' if found[1] == '>=' else '≤'}{found[2]}" if found else place.milestone[:8]


def runs(here: int, total: int) -> str:
    """Say how many of the runs have a snapshot at a step."""
    if here == total:
        return f"{total} run{'s' if total != 1 else ''}"
    return f"{here} of {total} runs have this step"


def jobs(status: Status, *, cancelled: bool = False) -> str:
    """Say how far the jobs are."""
    if not status.busy and cancelled:
        return "Cancelled; “Try again” takes it up."
    if not status.busy:
        return "Nothing to compute."
    left = "" if status.seconds_left is None else f", about {_duration(status.seconds_left)} left"
    now = f" ({status.now})" if status.now else ""
    return f"Computing {status.done + 1} of {status.total}{now}{left}"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(seconds, 1):.0f} s"
    return f"{seconds / 60:.0f} min"
