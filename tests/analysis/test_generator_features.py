"""Features of generators, against dictionaries built by hand; bad input is named."""

import numpy as np
import pytest

from analysis._induced_types import Generators, InducedGraph
from analysis.errors import AnalysisError
from analysis.generator_features import FeatureSpec, Membership, features, membership, width
from analysis.ragged import Ragged


def member(births, lifetimes, lists):
    return Membership(np.array(births), np.array(lifetimes), Ragged.of(lists))


# An essential generator born first, a long one born last, and edge 4 in two of them.
ONE = member([9.0, 7.0, 8.0], [9.0, 3.0, 6.0], [[4, 1], [4, 2], [7]])
NONE = member([], [], [])


def row(spec, *, width=10, of=ONE):
    found = features([of], width=width, spec=spec)
    assert found.shape == (1, width)
    return dict(zip(found.indices.tolist(), found.data.tolist(), strict=True))


def close(found, expected):
    return found.keys() == expected.keys() and all(
        value == pytest.approx(expected[key]) for key, value in found.items()
    )


def test_entries_are_lifetimes_over_the_longest():
    assert close(row(FeatureSpec()), {1: 1, 4: 1, 2: 1 / 3, 7: 2 / 3})
    assert close(row(FeatureSpec(combine="sum")), {1: 1, 4: 4 / 3, 2: 1 / 3, 7: 2 / 3})


def test_indicators_are_one_however_many_generators_share_an_edge():
    for combine in ("max", "sum"):
        spec = FeatureSpec(values="indicator", combine=combine)
        assert row(spec) == {1: 1, 2: 1, 4: 1, 7: 1}


def test_the_first_generators_are_those_born_first_or_those_that_live_longest():
    late = member([9.0, 8.0, 7.0], [1.0, 2.0, 7.0], [[0], [1], [2]])
    assert close(row(FeatureSpec(first=2), of=late), {0: 1 / 7, 1: 2 / 7})
    assert close(row(FeatureSpec(first=2, order="lifetime"), of=late), {1: 2 / 7, 2: 1})
    assert row(FeatureSpec(first=99), of=late) == row(FeatureSpec(), of=late)


def test_rows_are_those_of_each_input_alone():
    rng = np.random.default_rng(0)
    inputs = [NONE]
    for _ in range(20):
        count = int(rng.integers(1, 6))
        lists = [rng.integers(50, size=rng.integers(0, 8)) for _ in range(count)]
        inputs.append(member(rng.random(count), rng.random(count), lists))
    for spec in (FeatureSpec(), FeatureSpec(first=2, order="lifetime", combine="sum")):
        found = features(inputs, width=50, spec=spec)
        assert found.shape == (21, 50)
        assert found.dtype == np.float32
        assert found.has_canonical_format
        for i, each in enumerate(inputs):
            order = np.argsort(-(each.births if spec.order == "birth" else each.lifetimes))
            expected = np.zeros(50)
            for j in order[: spec.first or None]:
                for edge in each.members[int(j)]:
                    value = each.lifetimes[j] / each.lifetimes.max()
                    same = expected[edge]
                    expected[edge] = max(same, value) if spec.combine == "max" else same + value
            np.testing.assert_allclose(found.toarray()[i], expected, rtol=1e-6)


def test_generators_that_live_for_no_time_are_no_reason_to_divide_by_zero():
    assert row(FeatureSpec(), of=member([2.0], [0.0], [[3]])) == {3: 0}


def test_no_inputs_and_no_generators():
    assert features([], width=5).shape == (0, 5)
    assert features([NONE, NONE], width=5).nnz == 0


def graph_with_generators():
    """Units 0, 1 | 2, 3 | 4; the second generator dies into the first, along the last edge."""
    graph = InducedGraph(
        layers=("input", "fc1", "fc2"),
        shapes=((2,), (2,), (1,)),
        offsets=np.array([0, 2, 4, 5]),
        edges=np.array([[0, 2], [1, 2], [1, 3], [3, 4], [2, 4]], dtype=np.int32),
        weights=np.array([5, 1, 3, 2, 2.5], dtype=np.float32),
        activations=np.ones(5, dtype=np.float32),
        n_all=5,
    )
    found = Generators(
        births=np.array([5, 3], dtype=np.float32),
        deaths=np.array([0, 2], dtype=np.float32),
        essential=np.array([True, False]),
        vertices=np.array([0, 1]),
        survivors=np.array([-1, 0]),
        edges=Ragged.of([[0, 4, 3], [2]]),
        n_all=2,
    )
    return found, graph


def test_edges_are_numbered_by_their_units():
    found, graph = graph_with_generators()
    every = membership(found, graph)
    assert [part.tolist() for part in every.members] == [[2, 14, 19], [8]]
    assert every.lifetimes.tolist() == [5, 1]
    inner = membership(found, graph, last_layer=False)
    assert [part.tolist() for part in inner.members] == [[2], [8]]
    assert width(graph) == 25
    assert features([every], width=25).toarray()[0, [2, 8, 14, 19]] == pytest.approx([1, 0.2, 1, 1])


def test_units_are_those_at_the_ends_and_the_oldest():
    found, graph = graph_with_generators()
    every = membership(found, graph, of="units")
    assert [part.tolist() for part in every.members] == [[0, 2, 3, 4], [1, 3]]
    inner = membership(found, graph, of="units", last_layer=False)
    assert [part.tolist() for part in inner.members] == [[0, 2, 3], [1, 3]]
    assert width(graph, of="units") == 5
    spec = FeatureSpec(combine="sum")
    assert features([every], width=5, spec=spec).toarray()[0] == pytest.approx([1, 0.2, 1, 1.2, 1])


def test_a_graph_without_generators_has_no_members():
    _, graph = graph_with_generators()
    none = np.zeros(0)
    found = Generators(
        none, none, none.astype(bool), none.astype(int), none.astype(int), Ragged.of([]), 0
    )
    for of in ("edges", "units"):
        assert len(membership(found, graph, of=of).members) == 0


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: features([ONE], width=7), "members run from 1 to 7, width is 7"),
        (lambda: member([1.0], [1.0], []), "give one of each per generator"),
        (lambda: member([1.0], [1.0, 2.0], [[1]]), "give one of each per generator"),
        (lambda: member([1.0], [np.inf], [[1]]), "an essential one is its birth"),
        (lambda: member([1.0], [-1.0], [[1]]), "not negative"),
        (lambda: FeatureSpec(first=-1), "first must be"),
        (lambda: FeatureSpec(order="death"), "order must be one of birth, lifetime, got 'death'"),
        (lambda: FeatureSpec(values="weight"), "values must be one of"),
        (lambda: FeatureSpec(combine="mean"), "combine must be one of"),
        (lambda: membership(*graph_with_generators(), of="layers"), "of must be one of edges"),
        (lambda: width(graph_with_generators()[1], of="layers"), "of must be one of edges"),
    ],
)
def test_bad_input_is_named(make, words):
    with pytest.raises(AnalysisError, match=words):
        make()
