from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from analysis import registry
from analysis.errors import AnalysisError
from analysis.experiment import Experiment, Step, open_experiment
from analysis.filter_mapper import FilterGraph, MapperParams, filter_graph
from analysis.filter_shape import FilterParams, FilterShape, filter_shape
from analysis.homology import PersistenceDiagram
from analysis.registry import Entry, Table
from analysis.scheduler import compute
from analysis.sources import LayerSource
from analysis.stability import cell, grids
from analysis.store import ResultStore
from analysis.units import Unit, key_of, unit_of
from dashboard import commands

Make = Callable[..., Path]
Rows = Callable[..., list[dict[str, Any]]]
PART = {"layers": None, "steps": None, "runs": None}
SAME = (
    "layer", "step", "milestone", "n_kept", "k", "fraction", "loop_strength", "mapper_nodes",
    "mapper_b0", "mapper_b1",
)  # fmt: skip


def noise(n: int, *, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, 1, 3, 3)).astype(np.float32)


def shape_of(weights: np.ndarray, **params: Any) -> FilterShape:
    return filter_shape([weights], FilterParams(**params))


def graph_of(shape: FilterShape) -> FilterGraph:
    return filter_graph(shape, MapperParams())


def unit_with(filters: FilterParams | None = None, mapper: MapperParams | None = None) -> Unit:
    upstream = Unit("filters", filters or FilterParams(), "conv1", Step(0), LayerSource())
    return Unit("mapper", mapper or MapperParams(), "conv1", Step(0), LayerSource(), upstream)


@pytest.fixture(scope="module")
def plain() -> FilterShape:
    return shape_of(noise(40))


def sized(shape: FilterShape, *, k: int = 1, n: int = 1000) -> FilterShape:
    return replace(shape, k=k, n_filters=n)


@pytest.fixture
def rows(monkeypatch: pytest.MonkeyPatch, store: ResultStore) -> Rows:
    """Compute a table's rows in threads, into one store."""
    threads = partial(compute, make_executor=ThreadPoolExecutor)
    monkeypatch.setattr(commands, "compute_units", threads)

    def call(experiment: Experiment, name: str, **settings: Any) -> list[dict[str, Any]]:
        return commands.table_rows(experiment, name, settings, store, part=PART, jobs=1)

    return call


@pytest.mark.parametrize(
    ("said", "k", "n", "values"),
    [
        ("auto", 100, 65536, ("25", "50", "auto", "200", "400")),
        ("2%", 41, 2048, ("10", "20", "2%", "82", "160")),
        ("100", 100, 2048, ("25", "50", "100", "200", "400")),
        ("2%", 1311, 65536, ("330", "660", "2%", "2600", "5200")),
        ("auto", 1, 30, ("auto", "2", "4")),
        ("28", 28, 30, ("7", "14", "28", "29")),
        ("29", 29, 30, ("7", "14", "29")),
        ("1", 1, 2, ("1",)),
    ],
)
def test_k_spreads_around_the_one_used_and_keeps_the_text(
    plain: FilterShape, said: str, k: int, n: int, values: tuple[str, ...]
) -> None:
    grid, _ = grids(unit_with(FilterParams(k=said)), sized(plain, k=k, n=n))
    assert (grid.rows.name, grid.rows.values) == ("k", values)
    assert grid.rows.values[grid.rows.current] == said
    assert grid.rows.numbers == tuple(k if each == said else int(each) for each in values)


@pytest.mark.parametrize(
    ("fraction", "values"),
    [
        (0.3, (0.075, 0.15, 0.3, 0.45, 0.6)),
        (0.777, (0.19, 0.39, 0.777, 1.0)),
        (1.0, (0.25, 0.5, 1.0)),
        (0.0001, (0.0001, 0.00015, 0.0002)),
    ],
)
def test_fraction_spreads_up_to_all_filters(
    plain: FilterShape, fraction: float, values: tuple[float, ...]
) -> None:
    grid, _ = grids(unit_with(FilterParams(fraction=fraction)), sized(plain, n=10**6))
    assert (grid.columns.name, grid.columns.values) == ("fraction", values)
    assert grid.columns.values[grid.columns.current] == fraction
    assert not any(reason for line in grid.reasons for reason in line)


@pytest.mark.parametrize(
    ("resolution", "values"),
    [
        (10, (5, 8, 10, 15, 20)),
        (1, (1, 2)),
        (2, (2, 3, 4)),
        (137, (68, 100, 137, 200)),
        (200, (100, 150, 200)),
    ],
)
def test_resolution_spreads_in_whole_numbers(
    plain: FilterShape, resolution: int, values: tuple[int, ...]
) -> None:
    _, grid = grids(unit_with(mapper=MapperParams(resolution=resolution)), plain)
    assert (grid.rows.name, grid.rows.values) == ("resolution", values)
    assert grid.rows.values[grid.rows.current] == resolution
    assert all(isinstance(each, int) for each in grid.rows.values)


@pytest.mark.parametrize(
    ("gain", "values"),
    [
        (3.0, (1.5, 2.0, 3.0, 4.5, 6.0)),
        (1.0, (1.0, 1.5, 2.0)),
        (9.0, (4.5, 6.0, 9.0, 10.0)),
        (10.0, (5.0, 6.7, 10.0)),
    ],
)
def test_gain_spreads_within_its_range(
    plain: FilterShape, gain: float, values: tuple[float, ...]
) -> None:
    _, grid = grids(unit_with(mapper=MapperParams(gain=gain)), plain)
    assert (grid.columns.name, grid.columns.values) == ("gain", values)
    assert grid.columns.values[grid.columns.current] == gain
    assert all(isinstance(each, float) for each in grid.columns.values)  # 10 is another key


def test_a_cell_is_the_unit_that_its_settings_make(make_experiment: Make) -> None:
    experiment = open_experiment(make_experiment())
    said = {"filters": {"k": "2%", "seed": 3}, "mapper": {"cut": 2.0, "gain": 8.0}}

    def made(name: str, more: dict[str, dict[str, Any]]) -> str:
        settings = {kind: said[kind] | more.get(kind, {}) for kind in said}
        step = experiment.axis[1]
        return key_of(unit_of(experiment, name, layer="conv1", step=step, settings=settings))

    base = unit_of(experiment, "mapper", layer="conv1", step=experiment.axis[1], settings=said)
    shape = shape_of(noise(300), k="2%")
    keys = set()
    for grid in grids(base, shape):
        i, j = grid.current
        assert grid.units[i][j] == base
        for i, j in grid.places:
            settings = grid.settings(i, j)
            unit, null = grid.units[i][j], grid.nulls[i][j]
            assert unit is not None
            assert null is not None
            assert key_of(unit) == made("mapper", settings)
            permuted = settings.get("filters", {}) | {"null": "permuted"}
            assert key_of(null) == made("filters", {"filters": permuted})
            keys.add(key_of(unit))
    assert len(keys) == 25 + 20 - 1  # gain ends at 10; the current cell is in both


def test_settings_name_the_parameters_of_the_grid(plain: FilterShape) -> None:
    first, second = grids(unit_with(), sized(plain, k=20))
    assert first.settings(*first.current) == {"filters": {"k": "auto", "fraction": 0.3}}
    assert first.settings(0, 4) == {"filters": {"k": "5", "fraction": 0.6}}
    assert second.settings(4, 0) == {"mapper": {"resolution": 20, "gain": 1.5}}
    assert list(first.places)[:6] == [(0, 0), (0, 1), (0, 2), (0, 3), (0, 4), (1, 0)]


def test_a_fraction_that_keeps_nothing_is_not_computed(plain: FilterShape) -> None:
    grid, other = grids(unit_with(FilterParams(fraction=0.1)), sized(plain, n=30))
    assert grid.columns.values == (0.025, 0.05, 0.1, 0.15, 0.2)
    for i, j in grid.places:
        none = j == 0  # 0.05 of 30 is one filter
        assert (grid.units[i][j] is None, grid.nulls[i][j] is None) == (none, none)
        assert grid.reasons[i][j] == (
            "a fraction of 0.025 keeps none of 30 filters" if none else ""
        )
    assert all(other.units[i][j] for i, j in other.places)


@dataclass(frozen=True)
class Narrow(MapperParams):
    """Parameters of which not all combinations can be used."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.resolution * self.gain > 100:
            msg = "resolution × gain must be at most 100"
            raise AnalysisError(msg)


def test_a_combination_that_cannot_be_used_says_why(plain: FilterShape) -> None:
    _, grid = grids(unit_with(mapper=Narrow()), plain)
    for i, j in grid.places:
        refused = grid.rows.values[i] * grid.columns.values[j] > 100
        assert (grid.units[i][j] is None) is refused
        assert grid.reasons[i][j] == ("resolution × gain must be at most 100" if refused else "")
    assert grid.units[4][4] is None


def test_a_unit_of_another_analysis_is_refused(plain: FilterShape) -> None:
    upstream = unit_with().upstream
    assert upstream is not None
    with pytest.raises(AnalysisError, match="analysis mapper, got 'filters'"):
        grids(upstream, plain)


def test_a_cell_gathers_what_was_found() -> None:
    angle = 2 * np.pi * np.arange(60) / 60
    y, x = np.mgrid[-1:2, -1:2]
    clean = np.cos(angle)[:, None, None] * x + np.sin(angle)[:, None, None] * y
    shape = shape_of((clean[:, None] + 0.02 * noise(60)).astype(np.float32), fraction=1.0, k="5")
    null = shape_of(noise(60), fraction=1.0, k="5")
    graph = graph_of(shape)
    found = cell(shape, graph, null)
    lengths = shape.diagram.lengths(1)
    # Rips of a unit circle: one bar that dies at √3, the side of the inscribed triangle
    assert shape.diagram.bars(1)[0, 1] == pytest.approx(np.sqrt(3), abs=0.1)
    assert found.longest == lengths[0]
    assert found.loop_strength == (None if len(lengths) < 2 else lengths[0] / lengths[1])
    assert found.null_strength == null.loop_strength
    assert found.null_strength is not None
    assert (found.n_kept, found.k) == (60, 5)
    assert (found.n_nodes, found.b0, found.b1) == (graph.graph.n_nodes, graph.b0, graph.b1)
    assert cell(shape, graph).null_strength is None


def diagram_of(*pairs: tuple[float, float]) -> PersistenceDiagram:
    return PersistenceDiagram(
        np.array(pairs, dtype=float).reshape(-1, 2),
        np.ones(len(pairs), np.int64),
        np.arange(9),
        0.0,
        9,
        np.full((len(pairs), 2), -1),
    )


@pytest.mark.parametrize(
    ("pairs", "strength", "longest", "note"),
    [
        ([], None, None, "no H₁ bar among 12 kept filters: no loop strength"),
        ([(0.5, 1.5)], None, 1.0, "one H₁ bar and no second among 12 kept filters"),
        ([(0.5, 1.5), (0.5, 0.75)], 4.0, 1.0, None),
    ],
)
def test_a_strength_that_is_missing_is_explained(
    plain: FilterShape,
    pairs: list[tuple[float, float]],
    strength: float | None,
    longest: float | None,
    note: str | None,
) -> None:
    sound = replace(plain, diagram=diagram_of((0.5, 1.5), (0.5, 1.0)))
    shape = replace(plain, diagram=diagram_of(*pairs))
    graph = graph_of(plain)
    found = cell(shape, graph, sound)
    assert (found.loop_strength, found.longest, found.null_strength) == (strength, longest, 2.0)
    assert (found.note is None) is (note is None)
    assert (found.note or "").startswith(note or "")
    of_null = cell(sound, graph, shape)
    assert (of_null.loop_strength, of_null.null_strength) == (2.0, strength)
    assert (of_null.note or "").startswith(f"of the null: {note}" if note else "")
    assert (of_null.note is None) is (note is None)


def test_a_degenerate_layer_has_no_strength_and_a_reason() -> None:
    shape = shape_of(np.tile(noise(20), (10, 1, 1, 1)), k="5", fraction=1.0)
    assert shape.degenerate
    found = cell(shape, graph_of(shape), shape_of(noise(40), fraction=1.0))
    assert (found.loop_strength, found.note) == (None, shape.degenerate)
    assert found.null_strength is not None


def test_every_number_is_that_of_the_table_of_filters(
    make_experiment: Make, rows: Rows, store: ResultStore
) -> None:
    experiment = open_experiment(make_experiment(runs=1, steps=(7,)))
    base = {"filters": {"k": "6", "fraction": 0.8}, "mapper": {"resolution": 6}}
    found = rows(experiment, "stability", **base)
    assert [row["grid"] for row in found] == ["filters"] * 5 * 4 + ["mapper"] * 5 * 5
    stored = set(store.root.glob("*.npz"))
    for row in found:
        said = {
            "filters": {"k": str(row["k"]), "fraction": row["fraction"]},
            "mapper": {"resolution": row["resolution"], "gain": row["gain"]},
        }
        (single,) = rows(experiment, "filters", **said)
        assert {name: row[name] for name in SAME} == {name: single[name] for name in SAME}
        assert row["error"] is None
        lengths = single["h1_bars"]
        assert row["longest"] == (lengths[0] if lengths else None)
        said["filters"]["null"] = "permuted"
        (null,) = rows(experiment, "filters", **said)
        assert row["null_strength"] == null["loop_strength"]
    # the same results but for the Mapper graphs of nulls, which a grid does not show
    current = [row for row in found if row["current"]][:1]
    assert current
    assert len(set(store.root.glob("*.npz")) - stored) == len(found) - len(current)


def test_the_current_setting_is_marked_once_in_each_grid(make_experiment: Make, rows: Rows) -> None:
    experiment = open_experiment(make_experiment(runs=1, n=60))
    found = rows(experiment, "stability", filters={"fraction": 1.0}, mapper={"resolution": 1})
    current = [row for row in found if row["current"]]
    assert [(row["step"], row["grid"]) for row in current] == [
        (step, grid) for step in (0, 100) for grid in ("filters", "mapper")
    ]
    for row in current:
        assert (row["k"], row["fraction"]) == (1, 1.0)
        assert (row["resolution"], row["gain"]) == (1, 3.0)
    first, second = current[:2]
    assert {**first, "grid": "mapper"} == second
    assert [row["step"] for row in found] == sorted(row["step"] for row in found)


def test_a_layer_or_cell_that_fails_keeps_its_row(tmp_path: Path, rows: Rows) -> None:
    layers = {"few": noise(1), "small": noise(30)}
    path = tmp_path / "net.safetensors"
    save_file({f"{name}.weight": weights for name, weights in layers.items()}, path)
    found = rows(open_experiment(path), "stability", filters={"fraction": 0.1})
    few, *small = found
    assert (few["layer"], few["grid"], few["n_kept"]) == ("few", None, None)
    assert "only 1 of 1 filters" in few["error"]
    assert {row["layer"] for row in small} == {"small"}
    assert all(set(row) == set(few) for row in small)
    assert len(small) == 3 * 5 + 5 * 5
    for row in small:
        if row["fraction"] == 0.025:
            assert row["error"] == "a fraction of 0.025 keeps none of 30 filters"
            assert (row["k"] in {1, 2, 4}, row["n_kept"]) == (True, None)
        else:
            assert (row["error"], row["n_kept"]) == (None, int(30 * row["fraction"] + 1e-9))
            assert (row["note"] is None) is (
                None not in (row["loop_strength"], row["null_strength"])
            )


def test_the_table_of_a_degenerate_layer_says_why(tmp_path: Path, rows: Rows) -> None:
    path = tmp_path / "net.safetensors"
    save_file({"copies.weight": np.tile(noise(20), (10, 1, 1, 1))}, path)
    found = rows(open_experiment(path), "stability", filters={"k": "5", "fraction": 1.0})
    for row in found:
        assert (row["error"], row["loop_strength"]) == (None, None)
        assert row["note"]


def plain_row(unit: Unit, results: Any) -> dict[str, Any]:
    kept = results["filters"].n_kept if results else None
    null = results["null"].n_kept if results and "null" in results else None
    return {"layer": unit.layer, "kept": kept, "null": null, "place": None}


def other_table(expand: Callable[..., list[Entry]]) -> Table:
    return Table("other", "any analysis may be expanded", "filters", plain_row, expand)


def test_any_table_may_expand(
    make_experiment: Make, rows: Rows, store: ResultStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment = open_experiment(make_experiment(runs=1, steps=(7,)))

    def with_k(unit: Unit, k: str) -> Unit:
        return replace(unit, params=replace(unit.params, k=k))  # type: ignore[call-arg]

    def expand(unit: Unit, results: Any) -> list[Entry]:
        assert set(results) == {"filters"}
        return [
            Entry(unit, {"place": "itself"}, {"null": with_k(unit, "7")}),
            Entry(unit, {"place": "beside fails"}, {"null": with_k(unit, "9999")}),
            Entry(with_k(unit, "8888"), {"place": "fails"}),
            Entry(with_k(unit, "6"), {"place": "not tried"}, error="because"),
        ]

    monkeypatch.setattr(registry, "tables", lambda: {"other": other_table(expand)})
    itself, beside, fails, untried = rows(experiment, "other")
    assert itself == {"layer": "conv1", "kept": 45, "null": 45, "place": "itself", "error": None}
    assert (beside["kept"], beside["null"], "k = 9999" in beside["error"]) == (45, None, True)
    assert (fails["kept"], "k = 8888" in fails["error"]) == (None, True)
    assert untried == {
        **itself,
        "kept": None,
        "null": None,
        "place": "not tried",
        "error": "because",
    }
    assert len(list(store.root.glob("*.npz"))) == 2  # the unit and its k = 7


def test_an_expansion_that_fails_gives_a_row(
    make_experiment: Make, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    def expand(_unit: Unit, _results: Any) -> list[Entry]:
        msg = "no way on from here"
        raise AnalysisError(msg)

    monkeypatch.setattr(registry, "tables", lambda: {"other": other_table(expand)})
    (row,) = rows(open_experiment(make_experiment(runs=1, steps=(7,))), "other")
    assert (row["layer"], row["kept"]) == ("conv1", None)
    assert row["error"].startswith("conv1 at step 7")
    assert row["error"].endswith("no way on from here")
