"""Distance to the k-th nearest neighbour by scanning cells of points (private to codensity).

The points are split into k-means cells. A query looks at the cells from its own outwards and
skips those that the triangle inequality, or the plane midway between the two centres, shows to
be out of reach. What remains is read in blocks of 64 points in a layout that vectorises.
Coordinates are held relative to their cell's centre, so single precision is lost nowhere.
"""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from math import sqrt
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Reals = NDArray[Any]  # float32, or float64 where float32 is too coarse

BLOCK = 64  # points per block: four AVX-512 or eight AVX2 registers
POINTS_PER_CELL = 768  # flat optimum, measured at 65,536 and 262,144 points
MOST_CELLS = 1024  # the cell-to-cell tables stay below 16 MB
FAR = 1e18  # coordinate of the padding; its square is still finite in float32
ENDLESS = 3e38  # "no bound yet", finite in float32
PARTS = 32  # tasks for the threads
MARGIN = 1.35  # first bound on a squared distance, relative to the queries before
PLANE_SLACK = 1e-13  # rounding in the choice of the nearest centre, at unit scale
WIDEST = 8.0  # (distance to centre + radius) / codensity up to which float32 is exact enough


class Cells(NamedTuple):
    """Points sorted into cells, in blocks of 64; all cells of one array dtype."""

    blocks: Reals  # (n_blocks, d, 64), relative to the cell's centre
    first: Ints  # (n_cells + 1,), first block of each cell
    reach: Floats  # (n_blocks,), largest distance to the centre; falls within a cell
    centres: Floats  # (n_cells, d)
    radii: Floats  # (n_cells,)
    gaps: Floats  # (n_cells, n_cells), distances of the centres
    nearest: Ints  # (n_cells, n_cells), cells by distance from each cell
    members: Ints  # (n,), points by cell, farthest from the centre first
    cell_of: Ints  # (n,), cell of each point


class Scratch(NamedTuple):
    """Working arrays of one thread."""

    found: Reals  # (capacity + BLOCK,), squared distances below the bound
    offset: Reals  # (d,), query relative to the centre of the cell in hand
    square: Reals  # (BLOCK,), squared distances of the block in hand


@njit(cache=True, fastmath={"contract"}, inline="always")
def _measure(blocks: Reals, block: int, offset: Reals, square: Reals) -> None:
    """Squared distances of one block, eight coordinates at a time."""
    d = blocks.shape[1]
    for r in range(BLOCK):
        square[r] = 0
    j = 0
    while j + 8 <= d:
        q0, q1, q2, q3 = offset[j], offset[j + 1], offset[j + 2], offset[j + 3]
        q4, q5, q6, q7 = offset[j + 4], offset[j + 5], offset[j + 6], offset[j + 7]
        for r in range(BLOCK):
            a0, a1 = blocks[block, j, r] - q0, blocks[block, j + 1, r] - q1
            a2, a3 = blocks[block, j + 2, r] - q2, blocks[block, j + 3, r] - q3
            a4, a5 = blocks[block, j + 4, r] - q4, blocks[block, j + 5, r] - q5
            a6, a7 = blocks[block, j + 6, r] - q6, blocks[block, j + 7, r] - q7
            low = a0 * a0 + a1 * a1 + a2 * a2 + a3 * a3
            square[r] += low + a4 * a4 + a5 * a5 + a6 * a6 + a7 * a7
        j += 8
    while j < d:
        last = offset[j]
        for r in range(BLOCK):
            a = blocks[block, j, r] - last
            square[r] += a * a
        j += 1


@njit(cache=True, inline="always")
def _any_below(square: Reals, limit: Any) -> bool:
    """Tell whether a block holds a value below; an integer reduction, so that it vectorises."""
    below = np.int32(0)
    for r in range(BLOCK):
        below |= np.int32(square[r] < limit)
    return bool(below > 0)


@njit(cache=True)
def _select(values: Reals, n: int, k: int) -> Any:
    """Order ``values[:n]`` so that its k-th smallest (from 0) is at k; returns it."""
    low, high = 0, n - 1
    while low < high:
        x, y, z = values[low], values[(low + high) >> 1], values[high]
        pivot = max(min(x, y), min(max(x, y), z))
        i, j = low, high
        while i <= j:
            while values[i] < pivot:
                i += 1
            while values[j] > pivot:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                i += 1
                j -= 1
        if k <= j:
            high = j
        elif k >= i:
            low = i
        else:
            break
    return values[k]


@njit(cache=True, fastmath={"contract"})
def _scan_cell(
    cells: Cells, span: tuple[int, int], scratch: Scratch, state: tuple[int, int, float, float]
) -> tuple[int, float]:
    """Collect squared distances below the bound; returns their number and the new bound.

    span = (first block, last block + 1); state = (number, k, bound, distance to the centre).
    """
    blocks, reach = cells.blocks, cells.reach  # names of their own: the loop runs a fifth faster
    found, offset, square = scratch.found, scratch.offset, scratch.square
    n, k, bound, away = state
    limit = blocks.dtype.type(bound)
    full, need = len(found) - BLOCK, away - sqrt(bound)
    for block in range(span[0], span[1]):
        if reach[block] < need:
            break
        _measure(blocks, block, offset, square)
        if not _any_below(square, limit):
            continue
        for r in range(BLOCK):  # without a branch: found has room for a whole block
            found[n] = square[r]
            n += square[r] < limit
        if n > full:
            limit = _select(found, n, k)
            bound = float(limit)
            n, need = k + 1, away - sqrt(bound)
    return n, bound


@njit(cache=True)
def _distance(point: Floats, centre: Floats, offset: Reals) -> float:
    """Distance to a centre; the difference goes to offset."""
    total = 0.0
    for j in range(point.shape[0]):
        a = point[j] - centre[j]
        total += a * a
        offset[j] = a
    return sqrt(total)


@njit(cache=True)
def _search(
    cells: Cells, point: Floats, scratch: Scratch, task: tuple[int, int, float]
) -> tuple[float, float]:
    """Squared distance at index k, and the largest coordinates used; task = (home, k, bound).

    The squared distance is -1 when fewer than k + 1 points lie within the bound.
    """
    home, k, bound = task
    n, spread, offset = 0, 0.0, scratch.offset
    own = _distance(point, cells.centres[home], offset)
    for cell in cells.nearest[home]:
        gap, radius = cells.gaps[home, cell], sqrt(bound)
        if gap - own - cells.radii[cell] >= radius:
            continue
        away = _distance(point, cells.centres[cell], offset)
        # every member of the cell is on its side of the plane midway between the two centres
        beyond = away * away - own * own - PLANE_SLACK >= 2.0 * gap * radius and gap > 0.0
        if beyond or away - cells.radii[cell] >= radius:
            continue
        spread = max(spread, away + cells.radii[cell])
        span = (cells.first[cell], cells.first[cell + 1])
        n, bound = _scan_cell(cells, span, scratch, (n, k, bound, away))
    return (_select(scratch.found, n, k) if n > k else -1.0), spread


@njit(cache=True, nogil=True)
def _solve(cells: Cells, points: Floats, queries: Ints, result: tuple[int, Floats, Floats]) -> None:
    """Solve queries sorted by cell; result = (k, distance (n,), spread (n,))."""
    k, distance, spread = result
    blocks, capacity = cells.blocks, 2 * (k + 1) + 3 * BLOCK
    scratch = Scratch(
        np.empty(capacity, blocks.dtype),
        np.empty(points.shape[1], blocks.dtype),
        np.empty(BLOCK, blocks.dtype),
    )
    guess = 0.0
    for query in queries:
        home, square, wider = cells.cell_of[query], -1.0, -1.0
        # codensity varies little within a cell: search a little farther, then as far as needed
        for bound in (guess, 2 * guess, ENDLESS):
            if bound > 0.0 and square < 0.0:
                square, wider = _search(cells, points[query], scratch, (home, k, bound))
        guess = MARGIN * square
        distance[query], spread[query] = sqrt(square), wider


def _nearest(points: Floats, centres: Floats) -> Ints:
    """Index of the nearest centre, shape (n,), a chunk of points at a time."""
    half = (centres * centres).sum(axis=1) / 2
    chunks = range(0, len(points), 4096)
    best = [np.argmin(half - points[at : at + 4096] @ centres.T, axis=1) for at in chunks]
    return np.asarray(np.concatenate(best), dtype=np.int64)


def _means(points: Floats, home: Ints, n_cells: int) -> Floats:
    """Mean of each cell that has points."""
    count = np.bincount(home, minlength=n_cells)
    sums = np.stack([np.bincount(home, column, n_cells) for column in points.T], axis=1)
    means: Floats = np.divide(sums[count > 0], count[count > 0, None])
    return means


def _centres(points: Floats, n_cells: int) -> Floats:
    """Centres by three rounds of Lloyd's k-means on a sample; the draw is always the same."""
    rng = np.random.default_rng(0)
    sample = points[rng.choice(len(points), min(len(points), 32 * n_cells), replace=False)]
    centres: Floats = sample[:n_cells]
    for _ in range(3):
        centres = _means(sample, _nearest(sample, centres), len(centres))
    return centres


def _split(points: Floats) -> tuple[Floats, Ints]:
    """Centres and each point's cell; no cell is empty."""
    n_cells = int(np.clip(len(points) // POINTS_PER_CELL, 1, MOST_CELLS))
    centres = _centres(points, n_cells)
    used, home = np.unique(_nearest(points, centres), return_inverse=True)
    return centres[used], np.asarray(home, dtype=np.int64)


def _aligned(shape: tuple[int, int, int], dtype: type[np.floating[Any]]) -> Reals:
    """Empty array that starts on a cache line, so that no vector load straddles two."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    raw = np.empty(size + 64, np.uint8)
    skip = -raw.ctypes.data % 64
    return raw[skip : skip + size].view(dtype).reshape(shape)


def _pack(points: Floats, centres: Floats, home: Ints, *, dtype: type[np.floating[Any]]) -> Cells:
    """Lay the points out in blocks, the farthest from the centre first."""
    radius = np.sqrt(((points - centres[home]) ** 2).sum(axis=1))
    members = np.lexsort((-radius, home)).astype(np.int64)
    size = np.bincount(home)
    first = np.concatenate([[0], np.cumsum(-(-size // BLOCK))])
    begin = np.concatenate([[0], np.cumsum(size)])
    cell = home[members]
    place = np.arange(len(points)) - begin[cell]
    block = first[cell] + place // BLOCK
    blocks = _aligned((int(first[-1]), points.shape[1], BLOCK), dtype)
    blocks[:] = FAR
    blocks[block, :, place % BLOCK] = points[members] - centres[cell]
    reach = np.zeros(first[-1])
    np.maximum.at(reach, block, radius[members])
    gaps = np.sqrt(((centres[:, None] - centres[None]) ** 2).sum(axis=2))
    order = np.argsort(gaps, axis=1)
    return Cells(blocks, first, reach, centres, reach[first[:-1]], gaps, order, members, home)


def _run(
    cells: Cells, points: Floats, queries: Ints, *, k: int, workers: int
) -> tuple[Floats, Floats]:
    """Solve the queries in threads; returns distance and spread, shape (n,), NaN if not asked."""
    distance, spread = np.full(len(points), np.nan), np.full(len(points), np.nan)
    # as many parts on every machine, so that the results are the same on every machine
    parts = [part for part in np.array_split(queries, PARTS) if len(part)]
    solve = partial(_solve, cells, points, result=(k, distance, spread))
    with ThreadPoolExecutor(workers) as pool:
        for _ in pool.map(solve, parts):
            pass
    return distance, spread


def kth_distance(points: Floats, queries: Ints, k: int, *, workers: int) -> Floats:
    """Distance from each query (a row of points) to its k-th nearest other point, shape (m,).

    The points, shape (n, d), are finite and of size about one; k is from 1 to n - 1. Identical
    points count, a query itself does not. Accurate to 3e-7 relative (single precision).
    """
    points = np.ascontiguousarray(points - points.mean(axis=0))
    centres, home = _split(points)
    cells = _pack(points, centres, home, dtype=np.float32)
    asked = np.zeros(len(points), np.bool_)
    asked[queries] = True
    # a query finds itself at exactly 0, so its k-th other point is at index k from 0
    ordered = cells.members[asked[cells.members]]
    distance, spread = _run(cells, points, ordered, k=k, workers=workers)
    again = ordered[spread[ordered] > WIDEST * distance[ordered]]
    if len(again):  # close pairs in wide cells: once more in double precision
        cells = _pack(points, centres, home, dtype=np.float64)
        distance[again] = _run(cells, points, again, k=k, workers=workers)[0][again]
    return distance[queries]
