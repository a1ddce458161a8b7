from dataclasses import fields
from typing import Any

import pytest

from analysis import registry
from analysis.errors import AnalysisError
from analysis.filter_shape import FilterParams, FilterShape, neighbours
from analysis.parameters import Params
from analysis.registry import Progress
from analysis.sources import KINDS


def test_every_analysis_is_found_with_its_types() -> None:
    found = registry.analyses()
    assert {"filters", "mapper"} <= set(found)
    for kind in found.values():
        assert issubclass(kind.params, Params)
        assert kind.needs in KINDS or kind.needs in found
        assert all(each.metadata["text"] for each in fields(kind.params)), kind.name


def test_a_chain_starts_at_the_layer() -> None:
    assert [kind.name for kind in registry.chain("mapper")] == ["filters", "mapper"]
    assert "filters" not in registry.leaves()


def test_tests_stand_on_the_study_that_gathers_landscapes() -> None:
    assert [kind.name for kind in registry.chain("landscape-test")] == [
        "landscape-study",
        "landscape-test",
    ]
    assert registry.get("landscape-study").gathers
    assert not registry.get("landscape-test").gathers
    assert registry.tables()["landscape-test"].analysis == "landscape-test"


def test_what_is_computed_on_demand_is_left_out_of_what_is_computed_ahead() -> None:
    assert registry.get("circular").on_demand
    assert not registry.get("mapper").on_demand
    assert sorted(registry.leaves()) == ["landscape-test", "mapper"]


def test_what_an_analysis_on_demand_stands_on_is_computed_ahead_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    known = registry.analyses()
    monkeypatch.setattr(registry, "_ANALYSES", {"filters": known["filters"]})

    def run(_given: FilterShape, params: FilterParams, *, progress: Progress) -> FilterShape:
        raise NotImplementedError(params, progress)

    made = registry.register("mine", title="Mine", version=1, needs="filters", on_demand=True)(run)
    assert made is run
    found = registry.get("mine")
    assert (found.on_demand, found.params, found.result) == (True, FilterParams, FilterShape)
    assert [kind.name for kind in registry.chain("mine")] == ["filters", "mine"]
    assert registry.leaves() == ["filters"]


def test_variants_put_the_null_beside_unless_one_is_chosen() -> None:
    both = registry.variants("mapper", {"filters": {"fraction": 0.5}})
    assert [one["filters"]["null"] for one in both] == ["none", "permuted"]
    assert all(one["filters"]["fraction"] == 0.5 for one in both)
    assert len(registry.variants("mapper", {"filters": {"null": "permuted"}})) == 1


def test_later_settings_win_and_none_is_not_said() -> None:
    kind = registry.get("filters")
    params = registry.resolve(kind, {"k": "3%", "fraction": 0.2}, {"k": "50", "fraction": None})
    assert isinstance(params, FilterParams)
    assert (params.k, params.fraction, params.seed) == ("50", 0.2, 0)


def test_a_number_may_stand_for_its_text() -> None:
    assert registry.resolve(registry.get("filters"), {"k": 100}) == FilterParams(k="100")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"kk": 1}, "no parameter 'kk'"),
        ({"fraction": 0.0}, "fraction must be from 0.0001 to 1.0"),
        ({"fraction": float("nan")}, "fraction must be"),
        ({"fraction": "much"}, "fraction must be of type float"),
        ({"seed": -1}, "seed must be at least 0"),
        ({"seed": True}, "seed must be of type int"),
        ({"null": "some"}, "null must be one of none, permuted"),
        ({"k": "0"}, "k must be a number of neighbours"),
        ({"k": "-2%"}, "k must be a number of neighbours"),
        ({"k": "many"}, "k must be a number of neighbours"),
        ({"k": 1.5}, "k must be of type str"),
    ],
)
def test_unusable_parameters_are_named(settings: dict[str, object], words: str) -> None:
    with pytest.raises(AnalysisError, match=words):
        registry.resolve(registry.get("filters"), settings)


def test_an_unknown_analysis_is_refused_with_the_known_ones() -> None:
    with pytest.raises(AnalysisError, match=r"there are .*filters"):
        registry.get("nonsense")


@pytest.mark.parametrize(
    ("said", "n", "k"),
    [
        ("100", 2048, 100),
        ("2%", 2048, 41),
        ("2%", 10, 1),
        ("0.5 %", 1000, 5),
        ("auto", 1000, 20),
        ("auto", 65536, 100),
    ],
)
def test_k_is_a_number_or_a_share(said: str, n: int, k: int) -> None:
    assert neighbours(said, n) == k


def test_a_table_has_one_row_per_result_unless_it_expands() -> None:
    found = registry.tables()
    assert found["filters"].expand is None
    assert found["stability"].expand is not None
    for kind in found.values():
        assert kind.analysis in registry.analyses()
        assert kind.text


def test_the_decorator_keeps_the_function_and_enters_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_TABLES", {})

    def row(_unit: Any, _results: Any) -> dict[str, Any]:
        return {}

    def expand(unit: Any, _results: Any) -> list[registry.Entry]:
        return [registry.Entry(unit)]

    assert registry.table("mine", analysis="filters", text="t", expand=expand)(row) is row
    found = registry.tables()["mine"]
    assert (found.analysis, found.text, found.row, found.expand) == ("filters", "t", row, expand)
