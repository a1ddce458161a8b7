"""Which networks are compared with which: milestones of the same runs, or values of a key."""

import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.errors import AnalysisError
from analysis.sources import Place, joined_places

MILESTONE = "milestone"


@dataclass(frozen=True, slots=True)
class Pair:
    """Two groups of networks; `paired` where they are milestones of the same runs, in order."""

    names: tuple[str, str]
    first: tuple[int, ...]
    second: tuple[int, ...]
    paired: bool


def pairs_of(networks: Sequence[Place], between: str, whole: NDArray[np.int64]) -> list[Pair]:
    """Pairs of groups of those networks that are whole."""
    make = _milestone_pairs if between == MILESTONE else _key_pairs
    return make(networks, between, whole.tolist())


def _milestone_pairs(networks: Sequence[Place], _: str, whole: Sequence[int]) -> list[Pair]:
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
            found.append(Pair((names[a], names[b]), first, second, paired=True))
    return found


def _key_pairs(networks: Sequence[Place], key: str, whole: Sequence[int]) -> list[Pair]:
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
                found.append(Pair(both, groups[a], groups[b], paired=False))
    return found


def _is(said: object, value: str) -> bool:
    return said is not None and str(said) == value


def _order(value: str) -> tuple[bool, float, str]:
    """Numbers by their size, before words."""
    try:
        return False, float(value), value
    except ValueError:
        return True, 0.0, value
