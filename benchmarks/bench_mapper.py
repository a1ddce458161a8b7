"""Mapper against KeplerMapper: CPU time for the same graph, as ratios; memory of large clouds.

``python -m benchmarks.bench_mapper [--large]``
"""

import argparse
import resource
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import kmapper
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from sklearn.cluster import DBSCAN

from analysis import lenses, mapper

Floats = NDArray[np.float64]
NOISE = 0.12


def noisy_circle(n: int, *, noise: float = NOISE, seed: int = 0) -> Floats:
    """Draw unit vectors in R⁹, 95 % near a great circle and 5 % anywhere, shape (n, 9)."""
    rng = np.random.default_rng(seed)
    near = int(0.95 * n)
    angle = rng.uniform(0, 2 * np.pi, near)
    plane = np.linalg.qr(rng.normal(size=(9, 2)))[0]
    circle = np.column_stack([np.cos(angle), np.sin(angle)]) @ plane.T
    points = np.concatenate([circle, np.zeros((n - near, 9))])
    points += rng.normal(size=points.shape) * np.where(np.arange(n) < near, noise, 1)[:, None]
    points = rng.permutation(points / np.linalg.norm(points, axis=1, keepdims=True))
    return np.asarray(points)


def radius_of(points: Floats) -> float:
    """1.3 × the median distance to the fifth neighbour, of a thousand points."""
    return float(1.3 * np.median(cKDTree(points).query(points[:1000], k=[6])[0]))


def theirs(points: Floats, lens: Floats, radius: float) -> dict[str, Any]:
    """KeplerMapper's graph by DBSCAN."""
    cover = kmapper.Cover(n_cubes=30, perc_overlap=1 - 1 / 3)
    clusterer = DBSCAN(eps=radius, min_samples=3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        graph: dict[str, Any] = kmapper.KeplerMapper().map(
            lens, points, cover=cover, clusterer=clusterer
        )
    return graph


def ours(points: Floats, lens: Floats, radius: float) -> mapper.MapperGraph:
    """Our graph by DBSCAN, with triangles and positions."""
    return mapper.mapper_graph(points, lens, clusterer="dbscan", cut=radius, min_samples=3)


def timed(run: Callable[[], Any], repeats: int) -> tuple[Any, float]:
    """Last result and median CPU seconds."""
    seconds = []
    for _ in range(repeats):
        start = time.process_time()
        result = run()
        seconds.append(time.process_time() - start)
    return result, float(np.median(seconds))


def compare(n: int) -> None:
    points = noisy_circle(n)
    lens, radius = lenses.lens_values(points, "pca"), radius_of(points)
    graph, mine = timed(lambda: ours(points, lens, radius), 3)
    other, others = timed(lambda: theirs(points, lens, radius), 1)
    links = sum(len(ends) for ends in other["links"].values())
    if (graph.n_nodes, len(graph.edges)) != (len(other["nodes"]), links):
        msg = f"different graphs of {n} points"
        raise RuntimeError(msg)
    print(
        f"{n:>8,} points  {graph.n_nodes:>5,} nodes {links:>6,} edges"
        f"  KeplerMapper {others:7.2f} s  ours, with {len(graph.triangles):,} triangles,"
        f" {mine:6.3f} s  ratio {others / mine:5.1f}"
    )


def change(n: int = 5_000) -> None:
    """Print the answer time of a changed parameter: graph, triangles, Betti numbers, positions."""
    points = noisy_circle(n)
    lens = lenses.lens_values(points, "pca")
    for resolution, gain in ((10, 1.7), (15, 3.0), (30, 3.0)):

        def answer(resolution: int = resolution, gain: float = gain) -> tuple[int, int]:
            graph = mapper.mapper_graph(points, lens, resolution=resolution, gain=gain)
            return graph.b0, graph.b1

        betti, seconds = timed(answer, 5)
        print(
            f"{n:>8,} points  resolution {resolution}, gain {gain}: b₀, b₁ = {betti},"
            f" {seconds * 1e3:.0f} ms (at most 200)"
        )


def peak(n: int) -> None:
    """Print the memory a graph takes above the cloud itself, in this process (Linux)."""
    points = noisy_circle(n)
    lens, radius = lenses.lens_values(points, "pca"), radius_of(points)
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    before = pages * resource.getpagesize() / 1024
    graph, seconds = timed(lambda: ours(points, lens, radius), 1)
    extra = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(
        f"{n:>8,} points  {graph.n_nodes:,} nodes  {seconds:.1f} s  {extra:.0f} MB above the start"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--large", action="store_true", help="also 80,000 and 262,144 points")
    parser.add_argument("--peak", type=int, help="only the memory of one graph of so many points")
    options = parser.parse_args()
    mapper.warm()
    if options.peak:
        peak(options.peak)
        return
    print("Mapper, PCA lens, 30 × 30 cubes, gain 3, DBSCAN: CPU seconds for the same graph")
    for n in (2_000, 20_000, 80_000) if options.large else (2_000, 20_000):
        compare(n)
    change()
    if options.large:
        command = [sys.executable, "-m", "benchmarks.bench_mapper", "--peak", "262144"]
        subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
