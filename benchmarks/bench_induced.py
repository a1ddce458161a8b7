"""Induced graphs: CPU seconds of ours and SciPy's spanning forest in one run, and peak memory.

``python -m benchmarks.bench_induced [--large]``; CPU seconds are those of all threads. With
``--large``, a layer of 4,096 × 4,096 in a process of its own: graph and generators.
"""

import argparse
import resource
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import minimum_spanning_tree

from analysis.induced_graph import (
    edge_plan,
    generators,
    induced_graph,
    induced_graphs,
    spanning_forest,
    warm,
)

Floats = NDArray[np.float32]
Result = TypeVar("Result")
INPUTS = 64
REPEATS = 3


def cpu(call: Callable[[], Result]) -> tuple[float, Result]:
    """CPU seconds of all threads, and the result."""
    start = time.process_time()
    result = call()
    return time.process_time() - start, result


def best(call: Callable[[], Result]) -> tuple[float, Result]:
    """Least of several measurements."""
    return min((cpu(call) for _ in range(REPEATS)), key=lambda found: found[0])


def compare(name: str, weights: Floats) -> None:
    """Print one line: forest of a fully connected layer, ours and SciPy's, and their weights."""
    n_in, n_out = weights.shape
    a, b = np.divmod(np.arange(n_in * n_out, dtype=np.int32), np.int32(n_out))
    edges = np.column_stack([a, b + n_in]).astype(np.int32)
    there = weights.ravel() > 0
    edges, flat, n = edges[there], weights.ravel()[there], n_in + n_out
    own, rows = best(lambda: spanning_forest(edges, flat, n_vertices=n))
    # SciPy wants the lightest, and none of weight 0
    cost = csr_array((-1 - flat.astype(np.float64), (edges[:, 0], edges[:, 1])), shape=(n, n))
    theirs, tree = cpu(lambda: minimum_spanning_tree(cost))
    total, other = flat[rows].sum(dtype=np.float64), -tree.data.sum() - len(tree.data)
    print(
        f"{name:<22}{len(flat):>11,} edges  ours {own:6.3f} s  SciPy {theirs:6.2f} s "
        f"({theirs / own:5.1f}×)  total weight {total:.6f} and {other:.6f}",
        flush=True,
    )


def given(rng: np.random.Generator, n: int) -> Floats:
    """Draw weights times activations of a layer from n to 2,500 units."""
    weights = rng.standard_normal((2500, n), dtype=np.float32)
    return np.abs(weights * rng.standard_normal(n, dtype=np.float32))


def published() -> None:
    """One input of the published network: two convolutions and two fully connected layers."""
    from torch import nn

    network = nn.Sequential(
        nn.Conv2d(1, 3, 5, bias=False),
        nn.ReLU(),
        nn.Conv2d(3, 3, 3, bias=False),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(1452, 256, bias=False),
        nn.ReLU(),
        nn.Linear(256, 10, bias=False),
    )
    inputs = np.random.default_rng(0).random((INPUTS, 1, 28, 28), dtype=np.float32)
    made, plan = cpu(lambda: edge_plan(network, (1, 28, 28), input_edges=True))
    seconds, sizes = best(
        lambda: [(len(g.weights), len(generators(g))) for g in induced_graphs(plan, inputs)]
    )
    edges, found = np.mean(sizes, axis=0)
    print(
        f"conv-conv-fc-fc, {plan.n_edges:,} edges, on average {edges:,.0f} not 0 and {found:,.0f} "
        f"generators: plan {1e3 * made:.1f} ms, graph and generators {1e3 * seconds / INPUTS:.1f} "
        "ms an input"
    )


def peak() -> float:
    """Peak memory of this process in MB."""
    unit = 1e6 if sys.platform == "darwin" else 1e3
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def large(size: int) -> tuple[int, float, float, float]:
    """Edges, CPU seconds, extra MB and MB in all; run it in a process of its own."""
    from torch import nn

    warm()
    network = nn.Sequential(nn.Linear(size, size, bias=False))
    x = np.random.default_rng(0).random(size, dtype=np.float32)
    before = peak()

    def whole() -> int:
        graph = induced_graph(network, x, input_edges=True)
        generators(graph)
        return len(graph.weights)

    seconds, n = cpu(whole)
    return n, seconds, peak() - before, peak()


def print_large(size: int) -> None:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        n, seconds, extra, every = pool.submit(large, size).result()
    print(
        f"{size:,} × {size:,}, {n:,} edges: graph and generators {seconds:.2f} s, "
        f"extra {extra:.0f} MB, {every:.0f} MB in all"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--large", action="store_true", help="10 and 16.8 million edges as well")
    options = parser.parse_args()
    if options.large:  # first: a process inherits the peak of the one that starts it
        print_large(4096)
    warm()
    rng = np.random.default_rng(0)
    compare("uniform", rng.random((1000, 1000), dtype=np.float32))
    if options.large:
        compare("uniform", rng.random((2500, 4000), dtype=np.float32))
        compare("weights × activations", given(rng, 4000))
        compare("half of the units off", given(rng, 8000) * (rng.random(8000) < 0.5))
    published()


if __name__ == "__main__":
    main()
