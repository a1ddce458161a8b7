"""Permutation tests between the landscapes of many networks, pair by pair; and their table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis._landscape_pairs import MILESTONE, Pair, pairs_of
from analysis.errors import AnalysisError
from analysis.landscape_study import LandscapeStudy
from analysis.parameters import Params, parameter
from analysis.permutation import PermutationTest, holm, paired_test, unpaired_test
from analysis.registry import Entry, Progress, register, silent, table
from analysis.sources import Place
from analysis.units import Unit

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class TestParams(Params):
    """Parameters of the analysis *landscape-test*."""

    __test__ = False  # no test case, whatever it begins with

    between: str = parameter(
        MILESTONE,
        "what is compared: milestones of the same trainings, or runs by a key of run.toml",
    )
    permutations: int = parameter(
        4096,
        "at most so many permutations; fewer are all there are, and the test is exact",
        minimum=20,
        maximum=1_000_000,
    )
    shuffle_seed: int = parameter(0, "seed of the permutations that are drawn", minimum=0)


@dataclass(frozen=True, slots=True, eq=False)
class LandscapeTests:
    """Permutation tests of all pairs of milestones, or of values of a hyperparameter.

    Attributes
    ----------
    first, second : tuple of str
        What is compared, pair by pair.
    layers : tuple of str
        Of the study; in the tables below all layers together come after them.
    shapes : ndarray of float64, shape (n_pairs, n_layers + 1, 3)
        Distance of the mean landscapes, its p-value, and that after Holm's correction over pairs.
    norms : ndarray of float64, shape (n_pairs, n_layers + 1, 3)
        Mean norm of the second minus that of the first, with the same two p-values.
    grown : ndarray of int64, shape (n_pairs, n_layers + 1)
        In how many runs the norm is larger in the second; -1 where runs are not paired.
    counts : ndarray of int64, shape (n_pairs, 4)
        Runs on both sides, permutations, and whether these are all there are.
    smallest : ndarray of float64, shape (n_pairs,)
        Smallest p-value that this number of runs can reach.
    """

    first: tuple[str, ...]
    second: tuple[str, ...]
    layers: tuple[str, ...]
    shapes: Floats
    norms: Floats
    grown: NDArray[np.int64]
    counts: NDArray[np.int64]
    smallest: Floats

    def index(self, first: str, second: str) -> int | None:
        """Find a pair; None where it is not tested."""
        pairs = list(zip(self.first, self.second, strict=True))
        return pairs.index((first, second)) if (first, second) in pairs else None


@register("landscape-test", title="Landscape tests", version=1, needs="landscape-study")
def landscape_tests(
    study: LandscapeStudy, params: TestParams, *, progress: Progress = silent
) -> LandscapeTests:
    """Test all pairs, layer by layer and in the product space.

    The statistic is the distance of the mean landscapes; beside it the difference of mean norms is
    tested in the same way. Milestones of the same trainings are exchanged within each run, else
    labels are exchanged. A layer that failed in every network is in no test, its own being NaN; a
    network in which another layer failed is in none of the groups.

    Parameters
    ----------
    study : LandscapeStudy
    params : TestParams
        See there.
    progress : callable
        Told of the stages.

    Returns
    -------
    LandscapeTests

    Raises
    ------
    AnalysisError
        If run.toml has no such key.

    References
    ----------
    M. Wheeler, J. Bouza, P. Bubenik, arXiv:2110.10136. S. Holm, "A simple sequentially rejective
    multiple test procedure", Scand. J. Statist. 6 (1979).
    """
    each = zip(study.runs, study.steps, study.milestones, study.settings, strict=True)
    progress(0.1, "pairs")
    return compare(
        [Place(*one) for one in each], study.gram, study.norms, layers=study.layers, params=params
    )


def compare(
    networks: Sequence[Place],
    gram: Floats,
    norms_of: Floats,
    *,
    layers: tuple[str, ...],
    params: TestParams,
) -> LandscapeTests:
    """Test all pairs of groups of networks, from inner products and norms; see `landscape_tests`.

    Parameters
    ----------
    networks : sequence of Place
    gram : ndarray, shape (n_layers, n, n)
    norms_of : ndarray, shape (n, n_layers)
        NaN where a layer failed in a network.
    layers : tuple of str
    params : TestParams

    Raises
    ------
    AnalysisError
        If run.toml has no such key.
    """
    known = np.isfinite(norms_of)
    tested = known.any(axis=0)
    whole = np.flatnonzero(known[:, tested].all(axis=1) & tested.any())
    pairs = pairs_of(networks, params.between, whole)
    sizes = np.where(known, norms_of, 0)[:, tested].T  # those that failed are in no pair
    columns = [*np.flatnonzero(tested).tolist(), len(gram)]
    spaces = [*gram[tested], gram[tested].sum(axis=0)]
    values = [*sizes, np.sqrt((sizes**2).sum(axis=0))]
    shapes, norms = (np.full((len(pairs), len(gram) + 1, 3), np.nan) for _ in range(2))
    grown = np.full((len(pairs), len(gram) + 1), -1, dtype=np.int64)
    numbers, smallest = np.zeros((len(pairs), 4), np.int64), np.zeros(len(pairs))
    for i, pair in enumerate(pairs):
        for j, space, norm in zip(columns, spaces, values, strict=True):
            found = _test(space, pair, params)
            shapes[i, j, :2] = found.statistic, found.p
            change = norm[list(pair.second)].mean() - norm[list(pair.first)].mean()
            norms[i, j, :2] = change, _test(np.outer(norm, norm), pair, params).p
            if pair.paired:
                grown[i, j] = int((norm[list(pair.second)] > norm[list(pair.first)]).sum())
        numbers[i] = len(pair.first), len(pair.second), found.n_permutations, found.exact
        smallest[i] = found.smallest_p
    for values_ in (shapes, norms):
        for j in columns if pairs else ():
            values_[:, j, 2] = holm(values_[:, j, 1])
    first, second = (tuple(pair.names[side] for pair in pairs) for side in (0, 1))
    return LandscapeTests(first, second, layers, shapes, norms, grown, numbers, smallest)


def _test(gram: Floats, pair: Pair, params: TestParams) -> PermutationTest:
    test = paired_test if pair.paired else unpaired_test
    return test(gram, pair.first, pair.second, most=params.permutations, seed=params.shuffle_seed)


ALL_LAYERS = "all layers"


def _entries(unit: Unit, results: Mapping[str, Any]) -> list[Entry]:
    """Put one row per pair and layer in the place of the study, all layers together first."""
    found = results["landscape-test"]
    if not found.first:
        return [Entry(unit, error=why_no_test(results["landscape-study"], unit.params))]
    return [Entry(unit, row) for row in rows_of(found)]


def rows_of(found: LandscapeTests) -> list[dict[str, Any]]:
    """Return one row per pair and layer, all layers together first."""
    names = [*found.layers, ALL_LAYERS]
    order = [len(names) - 1, *range(len(names) - 1)]
    return [
        {"layer": names[j]} | columns_of(found, i, j)
        for i in range(len(found.first))
        for j in order
    ]


def why_no_test(study: LandscapeStudy, params: Params) -> str:
    """Say why no pair could be tested: what a test needs, and what there is."""
    runs, places = len(set(study.runs)), len(study.places)
    between = getattr(params, "between", MILESTONE)
    if between == MILESTONE:
        what = "two milestones or steps that two runs share"
    else:
        what = f"three runs of two values of {between} at one milestone or step"
    there = f"{runs} run{'s'[: runs != 1]} at {places} place{'s'[: places != 1]}"
    failed = "; networks in which a layer failed do not count" * bool(np.isnan(study.norms).any())
    return f"nothing to compare: a test needs {what}, and there are landscapes of {there}{failed}"


def columns_of(found: LandscapeTests, pair: int, layer: int) -> dict[str, Any]:
    """Return what is known of one test as plain values."""
    distance, p, adjusted = map(_known, found.shapes[pair, layer])
    change, norm_p, norm_adjusted = map(_known, found.norms[pair, layer])
    n_first, n_second, permutations, exact = found.counts[pair]
    grown = int(found.grown[pair, layer])
    return {
        "first": found.first[pair],
        "second": found.second[pair],
        "distance": distance,
        "p": p,
        "p_holm": adjusted,
        "norm_change": change,
        "norm_p": norm_p,
        "norm_p_holm": norm_adjusted,
        "runs_grown": None if grown < 0 else grown,
        "smallest_p": float(found.smallest[pair]),
        "n_first": int(n_first),
        "n_second": int(n_second),
        "permutations": int(permutations),
        "exact": bool(exact),
    }


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


COLUMNS = (
    "layer", "first", "second", "distance", "p", "p_holm", "norm_change", "norm_p", "norm_p_holm",
    "runs_grown", "smallest_p", "n_first", "n_second", "permutations", "exact",
)  # fmt: skip


@table(
    "landscape-test",
    analysis="landscape-test",
    text="permutation tests between milestones or hyperparameters",
    expand=_entries,
)
def row_of_tests(unit: Unit, _results: Mapping[str, Any] | None) -> dict[str, Any]:
    """Make what all tests have in common; the rest is in `columns_of`."""
    params = unit.params
    if not isinstance(params, TestParams):
        msg = f"the table of tests is made of landscape tests, got {unit.analysis!r}"
        raise AnalysisError(msg)
    return {"between": params.between} | dict.fromkeys(COLUMNS)
