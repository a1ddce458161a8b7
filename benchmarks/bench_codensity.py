"""Codensity: CPU seconds of ours, scikit-learn's and SciPy's trees in one run, and peak memory.

``python -m benchmarks.bench_codensity [--large]``; CPU seconds are those of all threads. The
libraries answer a random sample of the queries, scaled up; ours answers all of them.
"""

import argparse
import resource
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from sklearn.neighbors import NearestNeighbors

from analysis.codensity import codensity, warm

Floats = NDArray[np.float64]
SAMPLE = 768
NOISE = 0.2  # standard deviation per entry of a primary-circle filter of norm 1


def filters(n: int, *, circle: float) -> Floats:
    """Draw unit mean-centred 3×3 filters: a share on a noisy circle, the rest uniform."""
    rng = np.random.default_rng(0)
    grid = np.stack(np.meshgrid([-1, 0, 1], [-1, 0, 1])).reshape(2, 9) / np.sqrt(6)
    angle = rng.uniform(0, 2 * np.pi, round(circle * n))
    cloud = rng.standard_normal((n, 9))
    cloud[: len(angle)] *= NOISE
    cloud[: len(angle)] += np.stack([np.cos(angle), np.sin(angle)], axis=1) @ grid
    cloud -= cloud.mean(axis=1, keepdims=True)
    return np.asarray(rng.permutation(cloud / np.linalg.norm(cloud, axis=1, keepdims=True)))


def quantised(n: int) -> Floats:
    """Draw filters whose nine entries have three levels, so that most are repeated."""
    weights = np.random.default_rng(0).choice([-1.0, 0.0, 1.0], p=[0.02, 0.88, 0.1], size=(n, 9))
    return np.asarray(weights - weights.mean(axis=1, keepdims=True))


def cpu(call: Callable[[], Floats]) -> tuple[float, Floats]:
    """CPU seconds of all threads, and the result."""
    start = time.process_time()
    result = call()
    return time.process_time() - start, result


def scipy_tree(cloud: Floats, asked: NDArray[np.int64], k: int) -> tuple[float, Floats]:
    tree = cKDTree(cloud)
    build, _ = cpu(lambda: cKDTree(cloud).data)
    query, found = cpu(lambda: tree.query(cloud[asked], k=[k + 1])[0][:, 0])
    return build + query * len(cloud) / len(asked), found


def sklearn_tree(cloud: Floats, asked: NDArray[np.int64], k: int) -> tuple[float, Floats]:
    model = NearestNeighbors(n_neighbors=k + 1, algorithm="kd_tree")
    build, _ = cpu(lambda: model.fit(cloud))
    query, found = cpu(lambda: model.kneighbors(cloud[asked])[0][:, -1])
    return build + query * len(cloud) / len(asked), found


def compare(name: str, cloud: Floats, k: int) -> None:
    """Print one line: seconds, ratios, and the largest relative difference from SciPy's."""
    asked = np.random.default_rng(1).choice(len(cloud), SAMPLE, replace=False)
    first, ours = cpu(lambda: codensity(cloud, k, method="cells"))
    slow, _ = sklearn_tree(cloud, asked, k)
    tree, exact = scipy_tree(cloud, asked, k)
    second, _ = cpu(lambda: codensity(cloud, k, method="cells"))
    own = (first + second) / 2
    error = np.max(np.abs(ours[asked] - exact) / np.maximum(exact, 1e-300), initial=0.0)
    print(
        f"{name:<22}{len(cloud):>8,}{k:>5}  ours {own:6.2f} s  scikit-learn {slow:7.1f} s "
        f"({slow / own:5.1f}×)  SciPy {tree:6.1f} s ({tree / own:5.1f}×)  error {error:.1e}",
        flush=True,
    )


def peak() -> float:
    """Peak memory of this process in MB."""
    unit = 1e6 if sys.platform == "darwin" else 1e3
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def large(k: int) -> tuple[float, float]:
    """CPU seconds and extra MB for 262,144 points; run it in a process of its own."""
    warm()
    cloud = filters(262_144, circle=0.65)
    before = peak()
    seconds, _ = cpu(lambda: codensity(cloud, k, method="cells"))
    return seconds, peak() - before


def print_large(k: int) -> None:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        seconds, extra = pool.submit(large, k).result()
    print(f"{'noisy circle':<22}{262_144:>8,}{k:>5}  ours {seconds:6.2f} s  extra {extra:.0f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--large", action="store_true", help="262,144 points as well")
    options = parser.parse_args()
    warm()
    for k in (15, 200):
        compare("noisy circle", filters(65_536, circle=0.65), k)
    compare("uniform (null)", filters(65_536, circle=0.0), 200)
    cloud = quantised(65_536)
    seconds, values = cpu(lambda: codensity(cloud, 100, method="cells"))
    print(f"quantised, {(values == 0).mean():.0%} of codensity 0: ours {seconds:.2f} s")
    if options.large:
        print_large(200)


if __name__ == "__main__":
    main()
