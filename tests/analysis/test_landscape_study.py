"""The landscapes of many networks against numpy over single ones."""

import json
from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from analysis import landscapes as mathematics
from analysis.activation_landscapes import NetworkLandscapes
from analysis.codec import decode, encode
from analysis.errors import AnalysisError
from analysis.landscape_study import (
    DEEP,
    FINE,
    LandscapeStudy,
    StudyParams,
    landscape_study,
    principal_plane,
)
from analysis.landscape_tests import LandscapeTests, TestParams, landscape_tests
from analysis.sources import Place

LAYERS = ("input", "fc1", "fc2")
Bars = np.ndarray


def bars_of(seed: int, n: int) -> Bars:
    rng = np.random.default_rng(seed)
    births = rng.random(n)
    bars = np.column_stack([births, births + rng.random(n)]).astype("f4").astype("f8")
    return bars[np.argsort(bars[:, 0] - bars[:, 1])]


def network(
    diagrams: Mapping[str, Bars], *, failed: Sequence[str] = (), dimension: int = 1
) -> NetworkLandscapes:
    pairs = [np.zeros((0, 2)) if name in failed else d for name, d in diagrams.items()]
    norms = [np.sqrt(((d[:, 1] - d[:, 0]) ** 3).sum() / 12) for d in pairs]
    dead = np.array([name in failed for name in diagrams])
    n = len(pairs)
    return NetworkLandscapes(
        layers=tuple(diagrams),
        pairs=np.concatenate(pairs).astype(np.float32),
        dimensions=np.full(sum(map(len, pairs)), dimension, np.int8),
        offsets=np.cumsum([0, *map(len, pairs)]),
        norms=np.where(dead, np.nan, norms),
        scale=np.ones(n),
        offset=np.zeros(n),
        width=np.ones(n, np.int64),
        neural_persistence=np.array([np.nan, *np.arange(1.0, n)]),
        notes=tuple("NaN" if name in failed else "" for name in diagrams),
        failed=tuple(bool(each) for each in dead),
        rows=np.arange(50),
        labels=np.zeros(50, np.int64),
        class_names=("a",),
        n_total=90,
        dimension=dimension,
    )


def networks(
    runs: int = 4, marks: Sequence[str] = ("start", "end"), layers: Sequence[str] = LAYERS
) -> list[tuple[Place, NetworkLandscapes]]:
    found = []
    for run in range(runs):
        for m, mark in enumerate(marks):
            step = 100 * m + run * m
            seed = 1000 * run + 10 * m
            diagrams = {x: bars_of(seed + i, 5 + 3 * i + run) for i, x in enumerate(layers)}
            place = Place(f"run-{run}", step, mark, json.dumps({"rate": 0.1 * (run % 2)}))
            found.append((place, network(diagrams)))
    return found


def diagram(found: NetworkLandscapes, layer: str) -> Bars:
    return found.bars(layer, found.dimension)


def study_of(given: Sequence[tuple[Place, NetworkLandscapes]], **params: object) -> LandscapeStudy:
    return landscape_study(given, StudyParams(**params))


def compared(found: LandscapeStudy, **params: object) -> LandscapeTests:
    return landscape_tests(found, TestParams(**params))


def tents(bars: Bars, grid: np.ndarray, levels: int) -> np.ndarray:
    """Landscape by its definition."""
    values = np.zeros((max(len(bars), levels), len(grid)))
    values[: len(bars)] = [np.maximum(0, np.minimum(grid - b, d - grid)) for b, d in bars] or 0
    return -np.sort(-values, axis=0)[:levels]


def test_means_and_spreads_are_those_over_runs() -> None:
    given = networks()
    found = study_of(given)
    assert found.layers == LAYERS
    assert found.places == ("start", "end")
    assert found.place.tolist() == [0, 1] * 4
    assert (found.n_points, found.n_total) == (50, 90)
    levels = found.means.shape[2]
    for i in range(2):
        for j, layer in enumerate(LAYERS):
            ones = [tents(diagram(each, layer), found.grids[j], levels) for _, each in given[i::2]]
            np.testing.assert_allclose(found.means[i, j], np.mean(ones, axis=0), atol=1e-6)
            np.testing.assert_allclose(found.spreads[i, j], np.std(ones, axis=0, ddof=1), atol=1e-6)
    assert (found.counts == 4).all()
    norms = np.array([[mathematics.bars_norm(diagram(n, x)) for x in LAYERS] for _, n in given])
    np.testing.assert_allclose(found.norms, norms)
    np.testing.assert_allclose(found.mean_norms(), [norms[0::2].mean(0), norms[1::2].mean(0)])
    np.testing.assert_array_equal(found.mean_persistence(), [[np.nan, 1, 2]] * 2)


def test_inner_products_are_integrals() -> None:
    given = networks(runs=2)
    found = study_of(given)
    fine = np.linspace(0, 2, 40_001)
    for j, layer in enumerate(LAYERS):
        values = [tents(diagram(each, layer), fine, 20).ravel() for _, each in given]
        expected = np.array(values) @ np.array(values).T * (fine[1] - fine[0])
        np.testing.assert_allclose(found.gram[j], expected, rtol=1e-4, atol=1e-8)
    np.testing.assert_allclose(np.diagonal(found.gram, axis1=1, axis2=2).T, found.norms**2)
    assert found.gram.dtype == np.float64


def test_settings_are_those_of_the_runs() -> None:
    found = study_of(networks(runs=2))
    said = [json.loads(each) for each in found.settings]
    assert said == [{"rate": 0}, {"rate": 0}, {"rate": 0.1}, {"rate": 0.1}]


def permuted(vectors: np.ndarray, first: list[int], second: list[int]) -> float:
    """Share of all exchanges within runs that are as extreme; with explicit vectors."""
    n = len(first)
    extreme = 0
    observed = np.linalg.norm(vectors[first].mean(0) - vectors[second].mean(0))
    for code in range(2**n):
        swap = [code >> i & 1 for i in range(n)]
        one = [b if s else a for a, b, s in zip(first, second, swap, strict=True)]
        two = [a if s else b for a, b, s in zip(first, second, swap, strict=True)]
        extreme += np.linalg.norm(vectors[one].mean(0) - vectors[two].mean(0)) >= observed - 1e-9
    return float(extreme / 2**n)


def test_p_values_are_those_of_all_exchanges_of_explicit_vectors() -> None:
    given = networks(runs=5, marks=("a", "b", "c"))
    study = study_of(given)
    found = compared(study)
    pairs = list(zip(found.first, found.second, strict=True))
    assert pairs == [("a", "b"), ("a", "c"), ("b", "c")]
    grid = np.linspace(0, 2, 2001)
    root = np.sqrt(grid[1] - grid[0])
    spaces = [
        np.array([tents(diagram(n, layer), grid, 20).ravel() * root for _, n in given])
        for layer in LAYERS
    ]
    spaces.append(np.concatenate(spaces, axis=1))  # the product space
    where = {mark: [3 * run + i for run in range(5)] for i, mark in enumerate("abc")}
    for i, (a, b) in enumerate(pairs):
        for j, vectors in enumerate(spaces):
            distance = np.linalg.norm(vectors[where[a]].mean(0) - vectors[where[b]].mean(0))
            assert found.shapes[i, j, 0] == pytest.approx(distance, rel=1e-3)
            assert found.shapes[i, j, 1] == pytest.approx(permuted(vectors, where[a], where[b]))
            sizes = np.linalg.norm(vectors, axis=1)[:, None]
            change = sizes[where[b]].mean() - sizes[where[a]].mean()
            assert found.norms[i, j, 0] == pytest.approx(change, rel=1e-3, abs=1e-5)
            assert found.norms[i, j, 1] == pytest.approx(permuted(sizes, where[a], where[b]))
            assert found.grown[i, j] == (sizes[where[b]] > sizes[where[a]]).sum()
        assert found.counts[i].tolist() == [5, 5, 32, 1]
        assert found.smallest[i] == 2 / 32
    assert found.layers == LAYERS
    for j in range(4):
        p = found.shapes[:, j, 1]
        ranked, adjusted = np.argsort(p, kind="stable"), np.zeros(3)
        for rank, k in enumerate(ranked):
            adjusted[k] = max([min(1, (3 - r) * p[ranked[r]]) for r in range(rank + 1)])
        np.testing.assert_allclose(found.shapes[:, j, 2], adjusted)


def test_networks_join_by_milestone_and_otherwise_by_step() -> None:
    diagrams = {"fc1": bars_of(0, 4)}
    places = [("a", 900, "done"), ("a", 5, None), ("b", 20, "done"), ("b", 5, None), ("b", 7, None)]
    given = [(Place(r, s, m, "{}"), network(diagrams)) for r, s, m in places]
    found = study_of(given)
    assert found.places == ("step 5", "step 7", "done")
    assert found.place.tolist() == [2, 0, 2, 0, 1]
    assert found.counts[:, 0].tolist() == [2, 1, 2]
    tests = compared(found)
    assert list(zip(tests.first, tests.second, strict=True)) == [("step 5", "done")]
    assert found.steps == (900, 5, 20, 5, 7)
    assert (found.spreads[1] == 0).all()


@pytest.mark.parametrize("runs", [1, 2, 6])
def test_distances_in_the_plane_are_at_most_those_of_landscapes(runs: int) -> None:
    given = networks(runs=runs)
    found = study_of(given)
    points = found.plane.reshape(-1, 2)
    every = [diagram(each, layer) for _, each in given for layer in LAYERS]
    gram = mathematics.gram(every)
    squares = np.diag(gram)
    apart = np.sqrt(np.maximum(squares[:, None] + squares - 2 * gram, 0))
    flat = np.linalg.norm(points[:, None] - points, axis=2)
    assert (flat <= apart * (1 + 1e-3) + 1e-3).all()
    assert len(found.explained) == 2
    assert 0 < sum(found.explained) <= 1 + 1e-12
    assert found.explained[0] >= found.explained[1]
    # it is the best plane: shares of the exact inner products are the same
    centre = np.eye(len(gram)) - 1 / len(gram)
    values = np.sort(np.linalg.eigvalsh(centre @ gram @ centre))[::-1]
    np.testing.assert_allclose(found.explained, values[:2] / values.sum(), rtol=0.01)
    np.testing.assert_allclose((points**2).sum(axis=0), values[:2], rtol=0.01)


def test_principal_plane_of_known_points() -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(size=(30, 2)) * [5, 2] + 7
    plane, explained = principal_plane(points @ points.T)
    np.testing.assert_allclose(
        np.linalg.norm(plane[:, None] - plane, axis=2),
        np.linalg.norm(points[:, None] - points, axis=2),
        atol=1e-6,
    )
    assert sum(explained) == pytest.approx(1)
    for n in (1, 2, 3):
        plane, explained = principal_plane(np.zeros((n, n)))
        np.testing.assert_array_equal(plane, np.zeros((n, 2)))
        assert explained == (0, 0)


def test_a_network_whose_layer_failed_is_in_no_test_and_no_mean() -> None:
    given = networks(runs=5)
    place, whole = given[4]  # run 2 at the start
    broken = network({x: diagram(whole, x) for x in LAYERS}, failed=["fc2"])
    found = study_of([*given[:4], (place, broken), *given[5:]])
    assert found.counts.tolist() == [[5, 5, 4], [5, 5, 5]]
    without = study_of([each for each in given if each[0].run != "run-2"])
    tests, fewer = compared(found), compared(without)
    for name in ("shapes", "norms", "grown"):
        np.testing.assert_allclose(getattr(tests, name), getattr(fewer, name))
    assert tests.counts.tolist() == [[4, 4, 16, 1]]
    lost = np.isnan(found.plane).any(axis=2)
    assert np.argwhere(lost).tolist() == [[4, 2]], "a layer that failed is nowhere in the plane"
    assert np.isnan(found.norms[4, 2])
    assert not np.isnan(found.mean_norms()).any()
    assert "fc2: NaN" in found.notes[4]
    (levels,) = {found.means.shape[2]}
    ones = [
        tents(diagram(n, "fc2"), found.grids[2], levels) for _, n in [*given[0:4:2], *given[6::2]]
    ]
    np.testing.assert_allclose(found.means[0, 2], np.mean(ones, axis=0), atol=1e-6)


def test_a_layer_that_fails_everywhere_does_not_stop_the_others() -> None:
    given = networks(runs=3)
    broken = [(p, network({x: diagram(n, x) for x in LAYERS}, failed=["fc1"])) for p, n in given]
    found = study_of(broken)
    tests, whole = compared(found), compared(study_of(given))
    assert np.isnan(tests.shapes[0, 1]).all()
    assert np.isnan(tests.norms[0, 1]).all()
    assert tests.grown[0, 1] == -1
    np.testing.assert_allclose(tests.shapes[0, [0, 2]], whole.shapes[0, [0, 2]])
    np.testing.assert_allclose(tests.norms[0, [0, 2]], whole.norms[0, [0, 2]])
    expected = np.sqrt(whole.shapes[0, 0, 0] ** 2 + whole.shapes[0, 2, 0] ** 2)
    assert tests.shapes[0, 3, 0] == pytest.approx(expected)
    assert np.isnan(found.plane[:, 1]).all()
    assert np.isfinite(found.plane[:, [0, 2]]).all()
    nothing = [(p, network({x: diagram(n, x) for x in LAYERS}, failed=LAYERS)) for p, n in given]
    found = study_of(nothing)
    assert compared(found).first == ()
    assert np.isnan(found.plane).all()
    assert np.isnan(found.mean_norms()).all()


def test_only_common_layers_and_none_in_common() -> None:
    given = networks(runs=2)
    other = (given[0][0], network({"fc2": bars_of(1, 3), "other": bars_of(2, 3)}))
    found = study_of([other, *given[1:]])
    assert found.layers == ("fc2",)
    assert found.norms.shape == (4, 1)
    alone = (given[0][0], network({"other": bars_of(2, 3)}))
    with pytest.raises(AnalysisError, match="no layer in common"):
        study_of([alone, *given[1:]])


def test_networks_without_any_loop() -> None:
    empty = {name: np.zeros((0, 2)) for name in LAYERS}
    given = [(place, network(empty)) for place, _ in networks(runs=3)]
    for projection in ("pca", "umap"):
        found = study_of(given, projection=projection)
        assert (found.norms == 0).all()
        assert (found.means == 0).all()
        assert np.isfinite(found.plane).all()
        # equal landscapes: every exchange is as extreme
        tests = compared(found)
        assert (tests.shapes[..., 1] == 1).all()
        assert (tests.shapes[..., 0] == 0).all()
        assert (tests.norms[..., 0] == 0).all()
        assert (tests.norms[..., 1] == 1).all()
        assert (tests.grown == 0).all()


def test_components_that_never_die_are_left_out() -> None:
    bars = np.array([[0, np.inf], [0, 0.5], [0, 0.25]])
    place = Place("run", 0, None, "{}")
    found = study_of([(place, network({"fc1": bars}, dimension=0))])
    assert found.gram[0, 0, 0] == pytest.approx((0.5**3 + 0.25**3) / 12)
    assert compared(found).first == ()


def test_one_network() -> None:
    found = study_of(networks(runs=1, marks=("only",), layers=("fc1",)))
    assert found.plane.tolist() == [[[0, 0]]]
    assert found.explained == (0, 0)
    tests = compared(found)
    assert tests.shapes.shape == tests.norms.shape == (0, 2, 3)
    assert tests.counts.shape == (0, 4)
    assert (found.spreads == 0).all()


@pytest.mark.slow
def test_umap_is_another_plane() -> None:
    given = networks(runs=4)
    found = study_of(given, projection="umap")
    assert found.plane.shape == (8, 3, 2)
    assert np.isfinite(found.plane).all()
    assert found.explained == ()
    np.testing.assert_array_equal(found.plane, study_of(given, projection="umap").plane)
    assert not np.allclose(found.plane, study_of(given).plane)


def test_results_survive_the_store_and_are_the_same_again() -> None:
    found = study_of(networks())
    again = decode(encode(found, {}), LandscapeStudy).result
    twice = study_of(networks())
    for each in (again, twice):
        for name in ("gram", "means", "spreads", "plane", "grids", "norms", "place"):
            np.testing.assert_array_equal(getattr(each, name), getattr(found, name))
        assert each.settings == found.settings
    assert again.milestones == found.milestones == ("start", "end") * 4
    assert again.explained == found.explained
    tests = compared(found)
    stored = decode(encode(tests, {}), LandscapeTests).result
    for each in (stored, compared(again)):
        for name in ("shapes", "norms", "grown", "counts", "smallest"):
            np.testing.assert_array_equal(getattr(each, name), getattr(tests, name))
        assert (each.first, each.second, each.layers) == (tests.first, tests.second, tests.layers)


def test_tests_are_exact_where_the_plane_is_sampled() -> None:
    """Bars shorter than a place of the grid, and more than the levels of the plane."""
    few = np.array([[0.0, 4.0]])
    many = np.concatenate([few, np.tile([1.0, 1.001], (200, 1))])
    given = [
        (Place(f"run-{i}", 10 * m, None, "{}"), network({"fc1": bars}))
        for i in range(3)
        for m, bars in enumerate((few, many))
    ]
    found = study_of(given)
    assert len(many) - 1 > DEEP
    assert 4 / FINE > 0.001
    tests = compared(found)
    apart = mathematics.distance(mathematics.landscape(few), mathematics.landscape(many))
    assert apart > 0
    assert tests.shapes[0, 0, 0] == pytest.approx(apart, rel=1e-3)
    drawn = np.linalg.norm(found.plane[0] - found.plane[1])
    assert drawn != pytest.approx(apart, rel=1e-2), "the plane misses some"


def test_an_unusable_projection_is_refused() -> None:
    with pytest.raises(AnalysisError, match="projection must be one of pca, umap"):
        StudyParams(projection="tsne")
