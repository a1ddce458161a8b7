"""Permutation tests between the landscapes of many networks, pair by pair; and their table."""

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.errors import AnalysisError
from analysis.parameters import Params, parameter
from analysis.permutation import PermutationTest, holm, paired_test, unpaired_test
from analysis.registry import Entry, table
from analysis.sources import Place
from analysis.units import Unit

Floats = NDArray[np.float64]

MILESTONE = "milestone"


@dataclass(frozen=True)
class StudyParams(Params):
    """Parameters of the analysis *landscape-study*."""

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
    projection: str = parameter(
        "pca", "how all landscapes are put into one plane", choices=("pca", "umap")
    )


def place_name(step: int, milestone: str | None) -> str:
    """Name what networks of different runs are joined by: a milestone, else a step."""
    return milestone or f"step {step}"


def joined_places(networks: Sequence[Place]) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Names of what networks are joined by, in order of their mean step; which each is at."""
    names = [place_name(place.step, place.milestone) for place in networks]
    steps: dict[str, list[int]] = {}
    for name, place in zip(names, networks, strict=True):
        steps.setdefault(name, []).append(place.step)
    ordered = sorted(steps, key=lambda name: float(np.mean(steps[name])))
    return tuple(ordered), np.array([ordered.index(name) for name in names], dtype=np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """Tests of all pairs, with the fields of `LandscapeStudy`."""

    first: tuple[str, ...]
    second: tuple[str, ...]
    tests: Floats
    counts: NDArray[np.int64]
    smallest: Floats


def compare(
    networks: Sequence[Place],
    gram: Floats,
    params: StudyParams,
    *,
    usable: NDArray[np.bool_] | None = None,
) -> Compared:
    """Test all pairs, layer by layer and in the product space; Holm's correction is over pairs.

    A layer that failed in every network is in no test, its own being NaN; a network in which
    another layer failed is in none of the groups.

    Parameters
    ----------
    networks : sequence of Place
    gram : ndarray, shape (n_layers, n, n)
        Inner products of their landscapes.
    params : StudyParams
    usable : ndarray of bool, shape (n, n_layers), optional
        Whether a layer has a landscape in a network; all of them by default.

    Raises
    ------
    AnalysisError
        If run.toml has no such key.
    """
    known = np.ones(gram.shape[1::-1], bool) if usable is None else usable
    tested = known.any(axis=0)
    whole = np.flatnonzero(known[:, tested].all(axis=1) & tested.any())
    compared = _pairs(networks, params.between, whole)
    spaces = [*gram[tested], gram[tested].sum(axis=0)]
    columns = [*np.flatnonzero(tested), len(gram)]
    found = [[_test(space, pair, params) for space in spaces] for pair in compared]
    tests = np.full((len(compared), len(gram) + 1, 3), np.nan)
    for i, line in enumerate(found):
        tests[i, columns, 0] = [each.statistic for each in line]
        tests[i, columns, 1] = [each.p for each in line]
    for j in columns if compared else ():
        tests[:, j, 2] = holm(tests[:, j, 1])
    joint = [line[-1] for line in found]
    numbers = np.array(
        [
            [len(pair.first), len(pair.second), each.n_permutations, each.exact]
            for pair, each in zip(compared, joint, strict=True)
        ],
        dtype=np.int64,
    ).reshape(-1, 4)
    first, second = (tuple(pair.names[side] for pair in compared) for side in (0, 1))
    return Compared(first, second, tests, numbers, np.array([each.smallest_p for each in joint]))


@dataclass(frozen=True, slots=True)
class _Pair:
    """Two groups of networks; `paired` where they are milestones of the same runs, in order."""

    names: tuple[str, str]
    first: tuple[int, ...]
    second: tuple[int, ...]
    paired: bool


def _test(gram: Floats, pair: _Pair, params: StudyParams) -> PermutationTest:
    test = paired_test if pair.paired else unpaired_test
    return test(gram, pair.first, pair.second, most=params.permutations, seed=params.shuffle_seed)


def _pairs(networks: Sequence[Place], between: str, whole: NDArray[np.int64]) -> list[_Pair]:
    """Pairs of groups of those networks that are whole."""
    make = _milestone_pairs if between == MILESTONE else _key_pairs
    return make(networks, between, whole.tolist())


def _milestone_pairs(networks: Sequence[Place], _: str, whole: Sequence[int]) -> list[_Pair]:
    """All pairs of places, each with the runs that have both."""
    names, place = joined_places(networks)
    at: dict[int, dict[str, int]] = {i: {} for i in range(len(names))}
    for i in whole:
        at[int(place[i])][networks[i].run] = i
    found = []
    for a, b in itertools.combinations(range(len(names)), 2):
        both = [run for run in at[a] if run in at[b]]
        if len(both) > 1:
            first, second = tuple(at[a][run] for run in both), tuple(at[b][run] for run in both)
            found.append(_Pair((names[a], names[b]), first, second, paired=True))
    return found


def _key_pairs(networks: Sequence[Place], key: str, whole: Sequence[int]) -> list[_Pair]:
    """All pairs of values of a hyperparameter, at each place."""
    names, place = joined_places(networks)
    said = [json.loads(each.settings).get(key) for each in networks]
    values = sorted({str(value) for value in said if value is not None}, key=_order)
    if len(values) < 2:
        known = sorted({name for each in networks for name in json.loads(each.settings)})
        msg = (
            f"between = {key!r}: the runs' run.toml have {len(values)} values of it, and two are "
            f"needed to compare; its keys are {', '.join(known) or 'none'}, or use {MILESTONE}"
        )
        raise AnalysisError(msg)
    found = []
    for i, name in enumerate(names):
        groups = {
            value: tuple(n for n in whole if place[n] == i and _is(said[n], value))
            for value in values
        }
        for a, b in itertools.combinations(values, 2):
            if groups[a] and groups[b] and len(groups[a]) + len(groups[b]) > 2:
                both = (f"{key} = {a}, {name}", f"{key} = {b}, {name}")
                found.append(_Pair(both, groups[a], groups[b], paired=False))
    return found


def _is(said: object, value: str) -> bool:
    return said is not None and str(said) == value


def _order(value: str) -> tuple[bool, float, str]:
    """Numbers by their size, before words."""
    try:
        return False, float(value), value
    except ValueError:
        return True, 0.0, value


ALL_LAYERS = "all layers"


def _entries(unit: Unit, results: Mapping[str, Any]) -> list[Entry]:
    """Put one row per pair and layer in the place of the study, all layers together first."""
    found = results["landscape-study"]
    if not found.first:
        return [Entry(unit, error=_why_no_test(unit, found))]
    names = [*found.layers, ALL_LAYERS]
    order = [len(names) - 1, *range(len(names) - 1)]
    return [
        Entry(unit, columns_of(found, i, j) | {"layer": names[j]})
        for i in range(len(found.first))
        for j in order
    ]


def _why_no_test(unit: Unit, found: Any) -> str:
    runs, places = len(set(found.runs)), len(found.places)
    between = getattr(unit.params, "between", MILESTONE)
    if between == MILESTONE:
        what = "two milestones or steps that two runs share"
    else:
        what = f"three runs of two values of {between} at one milestone or step"
    there = f"{runs} run{'s'[: runs != 1]} at {places} place{'s'[: places != 1]}"
    failed = "; networks in which a layer failed do not count" * bool(np.isnan(found.norms).any())
    return f"nothing to compare: a test needs {what}, and there are landscapes of {there}{failed}"


def columns_of(found: Any, pair: int, layer: int) -> dict[str, Any]:
    """Return what is known of one test as plain values."""
    distance, p, adjusted = (
        None if np.isnan(each) else float(each) for each in found.tests[pair, layer]
    )
    n_first, n_second, permutations, exact = found.counts_of_tests[pair]
    return {
        "first": found.first[pair],
        "second": found.second[pair],
        "distance": distance,
        "p": p,
        "p_holm": adjusted,
        "smallest_p": float(found.smallest[pair]),
        "n_first": int(n_first),
        "n_second": int(n_second),
        "permutations": int(permutations),
        "exact": bool(exact),
    }


@table(
    "landscape-test",
    analysis="landscape-study",
    text="permutation tests between milestones or hyperparameters",
    expand=_entries,
)
def row_of_tests(unit: Unit, _results: Mapping[str, Any] | None) -> dict[str, Any]:
    """Make what all tests have in common; the rest is in `columns_of`."""
    params = unit.params
    if not isinstance(params, StudyParams):
        msg = f"the table of tests is made of landscape studies, got {unit.analysis!r}"
        raise AnalysisError(msg)
    names = ("layer", "first", "second", "distance", "p", "p_holm", "smallest_p", "n_first")
    row = dict.fromkeys((*names, "n_second", "permutations", "exact"))
    return {"between": params.between} | row
