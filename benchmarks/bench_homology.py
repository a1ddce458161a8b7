"""Barcodes of dimension 1: NerveScope, ripser and GUDHI on the same points.

Run ``python -m benchmarks.bench_homology [--large]``. Every measurement is a process of its own, so
that peak memory is that of one method; imports and the making of the points are not counted.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
Method = Callable[[Points], int]

SIZES = (500, 1000)
LARGE = (2000, 4000)
RIPSER_LIMIT = 2000  # at 4,000 points it needs minutes and gigabytes


def noisy_circle(n: int) -> Points:
    """95 % of a noisy primary circle in R⁹ and 5 % of background, on the unit sphere."""
    rng = np.random.default_rng(0)
    angle = rng.uniform(0, 2 * np.pi, n)
    points = rng.normal(0, 0.15, (n, 9))
    points[:, 0] += np.cos(angle)
    points[:, 1] += np.sin(angle)
    background = rng.random(n) < 0.05
    points[background] = rng.normal(size=(int(background.sum()), 9))
    return np.asarray(points / np.linalg.norm(points, axis=1, keepdims=True))


def ours() -> Method:
    from analysis.homology import vietoris_rips, warm

    warm()
    return lambda points: len(vietoris_rips(points, landmarks=None).bars(1))


def ripser() -> Method:
    import ripser

    return lambda points: len(ripser.ripser(points, maxdim=1)["dgms"][1])


def gudhi() -> Method:
    from gudhi.sklearn import RipsPersistence
    from scipy.spatial.distance import pdist, squareform

    def bars(points: Points) -> int:
        matrix = squareform(pdist(points).astype(np.float32).astype(np.float64))
        found = RipsPersistence(
            homology_dimensions=[1],
            threshold=float(matrix.max(axis=1).min()),
            input_type="full distance matrix",
            num_collapses=0,
            homology_coeff_field=2,
        ).fit_transform([matrix])
        lengths = np.diff(found[0][0], axis=1)
        return int((lengths > 0).sum())

    return bars


METHODS: dict[str, Callable[[], Method]] = {"ours": ours, "ripser": ripser, "gudhi": gudhi}


def peak_mb() -> float:
    """Peak resident memory of this process so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def measure(name: str, n: int) -> dict[str, float]:
    """CPU seconds, peak memory above what was there before, and the number of bars."""
    method, points = METHODS[name](), noisy_circle(n)
    method(points[:20])
    before, start = peak_mb(), time.process_time()
    bars = method(points)
    seconds = time.process_time() - start
    return {"cpu": seconds, "extra": peak_mb() - before, "peak": peak_mb(), "bars": bars}


def in_own_process(name: str, n: int) -> dict[str, float]:
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
    command = [sys.executable, "-m", "benchmarks.bench_homology", "--measure", name, str(n)]
    output = subprocess.run(command, env=os.environ | threads, check=True, capture_output=True)
    result: dict[str, float] = json.loads(output.stdout)
    return result


def compare(n: int) -> None:
    names = [name for name in METHODS if name == "ours" or n <= RIPSER_LIMIT]
    results = {name: in_own_process(name, n) for name in names}
    mine = results["ours"]
    for name, r in results.items():
        line = (
            f"{n:6,} {name:8} {r['cpu']:8.3f} {r['extra']:8.0f} {r['peak']:8.0f} {r['bars']:6.0f}"
        )
        if name != "ours":
            memory = r["extra"] / max(mine["extra"], 1)
            line += f"   {r['cpu'] / mine['cpu']:5.1f}x CPU, {memory:5.1f}x memory of ours"
        print(line)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--large", action="store_true", help="also 2,000 and 4,000 points")
    parser.add_argument("--measure", nargs=2, metavar=("METHOD", "N"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        name, n = options.measure
        print(json.dumps(measure(name, int(n))))
        return
    print("points method    CPU s  extra MB  peak MB   bars")
    for n in SIZES + (LARGE if options.large else ()):
        compare(n)


if __name__ == "__main__":
    main()
