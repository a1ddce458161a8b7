"""From activations to edges: all that are not 0, or the heaviest of them."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from analysis._induced_layers import Flow, fill, tally
from analysis._induced_plan import PER_EDGE, PER_VERTEX, EdgePlan
from analysis._induced_trace import OUTPUT, Floats, Watch, watched
from analysis._induced_types import InducedGraph
from analysis.errors import AnalysisError

AT_ONCE = 64 * 2**20
"""Bytes of activations up to which inputs are run together."""

HALF = 1 << 16
SMALL = 256 * 2**20
"""Bytes up to which nobody asks how much memory there is."""

Taps = list[Floats]


def runs(plan: EdgePlan, inputs: Floats) -> Iterator[Taps]:
    """Run inputs together, and give the activations of each at the taps of the plan.

    Raises
    ------
    AnalysisError
        If an activation is NaN or infinite, or the network takes another path than it took for the
        plan.
    """
    wanted = frozenset(tap.slot for tap in plan.taps)
    together = max(1, min(64, AT_ONCE // (4 * max(plan.numbers, 1))))
    for start in range(0, len(inputs), together):
        batch = inputs[start : start + together]
        watch = Watch(wanted)
        watched(plan.network, batch, watch)
        if tuple(call.name for call in watch.calls) != plan.names:
            msg = "the network takes another path for this input than for zeros: it has branches"
            raise AnalysisError(msg)
        found = [watch.found[tap.slot] for tap in plan.taps]
        for i in range(len(batch)):
            taps = [each[i] for each in found]
            _check(plan, taps, start + i)
            yield taps


def _check(plan: EdgePlan, taps: Taps, number: int) -> None:
    for tap, h in zip(plan.taps, taps, strict=True):
        if len(h) != len(tap.ids):
            where = "its output" if tap.slot == OUTPUT else f"{plan.names[tap.slot[0]]}"
            msg = f"{where} mixes inputs that are run together: {len(h)} numbers of each"
            raise AnalysisError(msg)
        bad = ~np.isfinite(h)
        if bad.any():
            vertex = int(tap.ids[bad].max())
            layer = plan.layers[int(np.searchsorted(plan.offsets, vertex, side="right")) - 1]
            msg = (
                f"input {number}: {int(bad.sum()):,} of {len(h):,} activations of layer {layer} "
                "are NaN or infinite"
            )
            raise AnalysisError(msg)


def graph_of(plan: EdgePlan, taps: Taps, cut: tuple[float | None, int | None]) -> InducedGraph:
    """Make the graph of one input; ``cut`` is a quantile or a number of edges to keep."""
    flows = [_flow(plan, taps, i) for i in range(len(plan.sheets))]
    n_all = int(_tallied(plan, flows, -1, 1)[0])
    n = kept_of(n_all, *cut)
    bar = (0.0, 0) if n == n_all else _bar(plan, flows, n)
    edges, weights = _filled(plan, flows, n, bar)
    if n and not weights.max() < np.inf:
        msg = "weights times activations leave single precision: they are infinite"
        raise AnalysisError(msg)
    return InducedGraph(
        layers=plan.layers,
        shapes=plan.shapes,
        offsets=plan.offsets,
        edges=edges,
        weights=weights,
        activations=_activations(plan, taps),
        n_all=n_all,
        skipped=plan.skipped,
    )


def kept_of(n_all: int, quantile: float | None, most: int | None) -> int:
    """How many of the edges are kept: those above a quantile, and at most so many.

    Raises
    ------
    AnalysisError
        If one is out of its range.
    """
    n = n_all
    if quantile is not None:
        if not 0 <= quantile < 1:
            msg = f"quantile={quantile} must be from 0 to below 1 (0.9 keeps a tenth)"
            raise AnalysisError(msg)
        n = min(n, round((1 - quantile) * n_all))
    if most is not None:
        if most < 1:
            msg = f"most={most} must be at least 1"
            raise AnalysisError(msg)
        n = min(n, most)
    return n


def _flow(plan: EdgePlan, taps: Taps, i: int) -> Flow:
    sheet = plan.sheets[i]
    h = np.ones(1, np.float32) if sheet.tap < 0 else np.ascontiguousarray(taps[sheet.tap])
    return Flow(h, sheet.ids, sheet.winner)


def _tallied(plan: EdgePlan, flows: list[Flow], prefix: int, n_bins: int) -> NDArray[np.int64]:
    bins = np.zeros(n_bins, np.int64)
    for sheet, flow in zip(plan.sheets, flows, strict=True):
        tally(sheet.window, flow, prefix, bins)
    return bins


def _bar(plan: EdgePlan, flows: list[Flow], n: int) -> tuple[float, int]:
    """Weight of the ``n``-th heaviest edge, and how many of just that weight are among them.

    Found by counting, so that not more than ``n`` edges are ever held.
    """
    upper, left = _last_bin(_tallied(plan, flows, -1, HALF), n)
    lower, left = _last_bin(_tallied(plan, flows, upper, HALF), left)
    bits = np.array([upper << 16 | lower], np.uint32)
    return float(bits.view(np.float32)[0]), left


def _last_bin(bins: NDArray[np.int64], n: int) -> tuple[int, int]:
    """Bin of the ``n``-th from the top, and its place in that bin, from 1."""
    above = np.cumsum(bins[::-1])
    place = int(np.searchsorted(above, max(n, 1)))
    return len(bins) - 1 - place, n - int(above[place] - bins[len(bins) - 1 - place])


def _filled(
    plan: EdgePlan, flows: list[Flow], n: int, bar: tuple[float, int]
) -> tuple[NDArray[np.int32], Floats]:
    edges, weights = np.empty((n, 2), np.int32), np.empty(n, np.float32)
    at, (limit, ties) = 0, bar
    for sheet, flow in zip(plan.sheets, flows, strict=True):
        rest = edges[at:], weights[at:]
        more, ties = fill(sheet.window, flow, (limit, ties, sheet.base), rest)
        at += more
    return edges, weights


def _activations(plan: EdgePlan, taps: Taps) -> Floats:
    found = np.full(plan.n_vertices + 1, np.nan, np.float32)  # the last for what is no vertex
    for tap, h in zip(reversed(plan.taps), reversed(taps), strict=True):
        found[tap.ids] = h
    for sheet in plan.sheets:
        if sheet.tap < 0:
            found[sheet.ids] = 1
    return found[:-1]


def check_memory(plan: EdgePlan, n: int, limit: int | None) -> None:
    """Refuse graphs that would not fit, with what would."""
    fixed = PER_VERTEX * plan.n_vertices
    needed = n * PER_EDGE + fixed
    if limit is None and needed <= SMALL:
        return
    there = at_hand() // 2 if limit is None else limit
    if needed <= there:
        return
    most = max(1, (there - fixed) // PER_EDGE)
    msg = (
        f"a graph can have {n:,} edges and then needs {needed / 2**30:.2f} GB, more than "
        f"{there / 2**30:.2f} GB: keep the heaviest with most={most:,} "
        f"(of all edges quantile={max(0.0, 1 - most / n):.4f})"
    )
    raise AnalysisError(msg)


def at_hand() -> int:
    """Bytes of memory that are free."""
    try:
        with open("/proc/meminfo", encoding="ascii") as lines:  # noqa: PTH123
            for line in lines:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        pass
    return 2**62
