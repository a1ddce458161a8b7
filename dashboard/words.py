"""Findings in words and numbers; never a claim without its null model."""

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


def finding(shape: FilterShape, null: FilterShape | None) -> str:
    """Say what a layer's barcode shows, in one or two sentences.

    Loops are claimed when the last bar that stands out is at least `CLEAR` times the next one, that
    ratio at least `CLEAR` times the null model's, and that bar `CLEAR` times the null model's
    longest; and never from fewer than `FEW` filters.

    Parameters
    ----------
    shape : FilterShape
        Of the filters.
    null : FilterShape or None
        Of the same filters with permuted entries; None while it is being computed.
    """
    if shape.degenerate:
        return f"No shape is claimed: {shape.degenerate}."
    if shape.n_kept < FEW:
        return f"Too few filters to claim a shape. {_kept(shape)}."
    lengths = shape.diagram.lengths(1)
    if len(lengths) < 2:
        return f"{_few(shape, null)}. {_kept(shape)}."
    count, gap = standing_out(shape.diagram)
    if null is None or not _is_clear(float(lengths[count - 1]), gap, null):
        times = f"{lengths[0] / lengths[1]:.1f}×"
        found = f"No clear loop: the longest H₁ bar is {times} the next{_beside(null)}"
        if null is not None and lengths[0] < CLEAR * _longest(null):
            found += (
                f", and no longer ({lengths[0]:.2f}) than twice the null's ({_longest(null):.2f})"
            )
    elif count == 1:
        found = f"One loop, {gap:.1f}× longer than the next bar{_beside(null)}; {_circle(shape)}"
    else:
        found = f"{count} loops: the {_ordinal(count)} bar is {gap:.1f}× the next{_beside(null)}"
    return f"{found}. {_kept(shape)}."


def _is_clear(length: float, gap: float, null: FilterShape) -> bool:
    """Judge bars down to `length`, the last before the gap, against the null model's."""
    usual = max(standing_out(null.diagram)[1], 1.0)
    return gap >= CLEAR and gap >= CLEAR * usual and length >= CLEAR * _longest(null)


def _longest(shape: FilterShape) -> float:
    return float(shape.diagram.lengths(1).max(initial=0.0))


def _few(shape: FilterShape, null: FilterShape | None) -> str:
    """Judge no bar, or a single one, which has no next to be compared with."""
    length = _longest(shape)
    if not length:
        return "No loop: there is no H₁ bar"
    if null is None:
        return f"One H₁ bar, of length {length:.2f} (null model still computing)"
    beside = f"of length {length:.2f} (longest with permuted entries: {_longest(null):.2f})"
    if length < CLEAR * _longest(null) or not _longest(null):
        return f"No clear loop: the only H₁ bar is {beside}"
    return f"One loop: the only H₁ bar, {beside}; {_circle(shape)}"


def _beside(null: FilterShape | None) -> str:
    if null is None:
        return " (null model still computing)"
    if null.loop_strength is None:
        return " (with permuted entries there is no second bar)"
    return f" ({null.loop_strength:.1f}× with permuted entries)"


def _circle(shape: FilterShape) -> str:
    try:
        linear, quadratic = chance_shares(shape.kernel)
    except AnalysisError:
        return f"a {shape.kernel[0]}×{shape.kernel[1]} kernel has no gradients to compare with"
    first, second = shape.primary_circle_share, shape.quadratic_share
    shares = (
        f"{first:.0%} of the filters is linear gradient (chance {linear:.0%}), "
        f"{second:.0%} quadratic (chance {quadratic:.0%})"
    )
    name = (
        "the primary circle" if first > 2 * linear and first > second else "not the primary circle"
    )
    return f"{name}: {shares}"


def _kept(shape: FilterShape) -> str:
    drawn = "" if shape.n_filters == shape.n_total else f" (of {shape.n_total:,} in the layer)"
    return f"{shape.n_kept:,} densest of {shape.n_filters:,} filters{drawn}, k = {shape.k}"


def _ordinal(n: int) -> str:
    return {2: "second", 3: "third", 4: "fourth", 5: "fifth"}.get(n, f"{n}th")


def caption(shape: FilterShape) -> str:
    """Say how many of how many are shown, and what was left out."""
    parts = [
        f"{shape.n_kept:,} kept of {shape.n_filters:,} used of {shape.n_total:,}",
        f"k = {shape.k}",
        f"{len(shape.diagram.landmarks):,} landmarks",
    ]
    if shape.n_degenerate:
        parts.append(f"{shape.n_degenerate:,} constant left out")
    if shape.n_nonfinite:
        parts.append(f"{shape.n_nonfinite:,} with NaN or infinity left out")
    if shape.n_duplicates:
        parts.append(f"{shape.n_duplicates:,} duplicates")
    return " · ".join(parts)


def step(this: Step, last: Step) -> str:
    """Say where on the axis the cursor is."""
    milestone = f" ({this.milestone})" if this.milestone else ""
    return f"step {this.step:,} of {last.step:,}{milestone}"


def jobs(status: Status) -> str:
    """Say how far the jobs are."""
    if not status.busy:
        return "All computed."
    left = "" if status.seconds_left is None else f", about {_duration(status.seconds_left)} left"
    now = f" ({status.now})" if status.now else ""
    return f"Computing {status.done + 1} of {status.total}{now}{left}"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(seconds, 1):.0f} s"
    return f"{seconds / 60:.0f} min"
