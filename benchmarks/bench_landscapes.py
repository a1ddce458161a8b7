"""Landscapes of many diagrams on a grid: NerveScope, GUDHI and persim on the same bars.

``python -m benchmarks.bench_landscapes [--large]``. Every method has a process of its own; imports,
compiling and the making of the bars are not counted. The slow ones get fewer diagrams, and their
CPU seconds are scaled up to all of them (they are linear in diagrams). The best of three rounds.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Bars = NDArray[np.float64]
Values = NDArray[np.floating]
Method = Callable[[Sequence[Bars]], Values]

DIAGRAMS, BARS, LEVELS = 1000, 300, 50
START, STOP, SAMPLES = 0.0, 2.0, 1000
ROUNDS = 3
NETWORKS, LAYERS = 60, 12


def diagrams(n: int) -> list[Bars]:
    """Births uniform in [0, 1], exponential lengths of mean 0.2, all within the grid."""
    rng = np.random.default_rng(0)
    births = rng.random((n, BARS))
    deaths = np.minimum(births + rng.exponential(0.2, (n, BARS)), STOP)
    return list(np.stack([births, deaths], axis=2))


def ours() -> Method:
    from analysis.landscapes import landscapes, warm

    warm()
    return lambda parts: landscapes(parts, (START, STOP, SAMPLES), LEVELS)


def gudhi() -> Method:
    from gudhi.representations import Landscape

    def values(parts: Sequence[Bars]) -> Values:
        model = Landscape(LEVELS, SAMPLES, [START, STOP], keep_endpoints=True)
        found = model.fit_transform(list(parts)).reshape(len(parts), LEVELS, SAMPLES)
        return np.asarray(found / np.sqrt(2))

    return values


def persim() -> Method:
    from persim import PersLandscapeApprox

    def values(parts: Sequence[Bars]) -> Values:
        out = np.zeros((len(parts), LEVELS, SAMPLES))
        for row, bars in zip(out, parts, strict=True):
            found = PersLandscapeApprox(START, STOP, SAMPLES, dgms=[bars]).values[:LEVELS]
            row[: len(found)] = found
        return out

    return values


def persim_exact() -> Method:
    from persim import PersLandscapeExact

    def values(parts: Sequence[Bars]) -> Values:
        out, where = np.zeros((len(parts), LEVELS, SAMPLES)), np.linspace(START, STOP, SAMPLES)
        for rows, bars in zip(out, parts, strict=True):
            levels = PersLandscapeExact(dgms=[bars.copy()]).critical_pairs[:LEVELS]
            for row, points in zip(rows, levels, strict=False):
                row[:] = np.interp(where, *np.array(points, float).T, left=0, right=0)
        return out

    return values


# each with the diagrams that it gets
METHODS: dict[str, tuple[Callable[[], Method], int]] = {
    "ours": (ours, DIAGRAMS),
    "gudhi": (gudhi, 100),
    "persim": (persim, 10),
    "persim exact": (persim_exact, 1),
}


def largest_error(parts: Sequence[Bars], values: Values) -> float:
    """Largest difference from the sorted tents, of the first diagrams."""
    where = np.linspace(START, STOP, SAMPLES)[:, None]
    worst = 0.0
    for bars, found in zip(parts[:5], values[:5], strict=True):
        tents = np.maximum(np.minimum(where - bars[:, 0], bars[:, 1] - where), 0)
        expected = np.sort(tents, axis=1)[:, ::-1].T[:LEVELS]
        worst = max(worst, float(np.abs(found - expected).max()))
    return worst


def measure(name: str) -> dict[str, float]:
    """CPU seconds for all diagrams, the diagrams computed, and the largest error."""
    make, n = METHODS[name]
    method, parts = make(), diagrams(DIAGRAMS)[:n]
    values = method(parts[:5])
    error = largest_error(parts, values)
    seconds = []
    for _ in range(ROUNDS):
        start = time.process_time()
        method(parts)
        seconds.append(time.process_time() - start)
    return {"cpu": min(seconds) * DIAGRAMS / n, "diagrams": n, "error": error}


def in_own_process(name: str) -> dict[str, float]:
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
    command = [sys.executable, "-m", "benchmarks.bench_landscapes", "--measure", name]
    output = subprocess.run(command, env=os.environ | threads, check=True, capture_output=True)
    result: dict[str, float] = json.loads(output.stdout)
    return result


def compare(names: Sequence[str]) -> None:
    mine = in_own_process("ours")
    for name in names:
        r = mine if name == "ours" else in_own_process(name)
        line = f"{name:13} {r['cpu']:8.3f} {r['error']:9.1e} {r['diagrams']:6,.0f} computed"
        if name != "ours":
            line += f"   {r['cpu'] / mine['cpu']:6.1f}x CPU of ours"
        print(line, flush=True)


def print_gram() -> None:
    """CPU seconds of the exact inner products of a study, one layer after the other."""
    from analysis.landscapes import gram, warm

    warm()
    parts = diagrams(NETWORKS)
    for bars in (50, 150, 300):
        start = time.process_time()
        gram([part[:bars] for part in parts])
        seconds = time.process_time() - start
        print(
            f"exact inner products, {NETWORKS} networks, {bars:3} bars per layer: "
            f"{seconds:.3f} CPU s a layer, {LAYERS * seconds:.2f} for {LAYERS} layers"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--large", action="store_true", help="persim's exact landscapes as well")
    parser.add_argument("--measure", metavar="METHOD", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options.measure)))
        return
    print(f"{DIAGRAMS:,} diagrams x {BARS} bars, {LEVELS} levels x {SAMPLES:,} samples")
    print("method           CPU s     error")
    compare([name for name in METHODS if options.large or name != "persim exact"])
    print_gram()


if __name__ == "__main__":
    main()
