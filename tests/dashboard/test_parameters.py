from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plotly.io.json import to_json_plotly

from analysis import registry
from dashboard import parameters


def every_name() -> list[str]:
    return [
        f"{kind.name}.{each.name}"
        for kind in registry.analyses().values()
        for each in fields(kind.params)
    ]


@pytest.mark.parametrize(
    ("name", "said", "value"),
    [
        ("filters.k", "100", "100"),
        ("filters.k", 100, 100),
        ("filters.k", "2%", "2%"),
        ("filters.fraction", "0.25", 0.25),
        ("filters.fraction", 1, 1),
        ("filters.draw", "500", 500),
        ("filters.draw", 500.0, 500),
        ("mapper.resolution", "12", 12),
        ("mapper.lens", "pca", "pca"),
    ],
)
def test_text_and_numbers_are_read_as_the_parameter_is(name: str, said: object, value: Any) -> None:
    found, notes = parameters.checked({name: said})
    assert (found, notes) == ({name: value}, [])
    assert type(found[name]) is type(value)


@pytest.mark.parametrize(
    ("name", "said", "words"),
    [
        ("filters.fraction", "0", "fraction must be from"),
        ("filters.fraction", "nan", "fraction must be from"),
        ("filters.fraction", "inf", "fraction must be from"),
        ("filters.fraction", True, "fraction must be of type float"),
        ("filters.fraction", "much", "fraction must be of type float"),
        ("filters.k", "0", "k must be a number of neighbours"),
        ("filters.seed", "-1", "seed must be at least 0"),
        ("filters.seed", "9" * 40, "too large"),
        ("filters.seed", 10**40, "too large"),
        ("filters.draw", 2.5, "draw must be of type"),
        ("mapper.lens", "<script>", "lens must be one of"),
        ("mapper.resolution", "100000", "resolution must be from"),
        ("mapper.nothing", "1", "has no parameter 'nothing'"),
        ("nothing", "1", "no analysis 'nothing'"),
        ("", "1", "no analysis ''"),
        ("filters.k", [1, 2], "k must be of type str"),
        ("filters.seed", {"a": 1}, "seed must be of type int"),
    ],
)
def test_what_cannot_be_used_is_left_out_and_said(name: str, said: object, words: str) -> None:
    found, (note,) = parameters.checked({name: said, "mapper.gain": "2"})
    assert found == {"mapper.gain": 2.0}
    assert words in note
    assert note.endswith("The usual value is shown instead.")


@pytest.mark.parametrize("said", ["x" * 2000, ["x" * 2000], {"x" * 2000: "x" * 2000}])
def test_long_values_make_short_notes(said: object) -> None:
    _, notes = parameters.checked({"filters.seed": said, "filters.k": said, "x" * 2000: "1"})
    assert len(notes) == 3
    assert max(map(len, notes)) < 400


def test_of_very_many_only_the_first_are_read() -> None:
    said = {f"nothing{i}.k": "1" for i in range(1000)}
    assert len(parameters.checked(said)[1]) == parameters.MOST


VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.integers())
)


@given(st.dictionaries(st.sampled_from([*every_name(), "a.b", "x"]), VALUES))
def test_whatever_is_said_what_is_found_can_be_used_and_sent(said: dict[str, Any]) -> None:
    found, _ = parameters.checked(said)
    for name, value in parameters.settings(found).items():
        registry.resolve(registry.get(name), value)
    to_json_plotly(found)  # the page gets them back
    again, notes = parameters.checked(found)
    assert (again, notes) == (found, [])


def test_settings_lie_on_top_of_the_commands_and_leave_them_alone() -> None:
    over = {"filters": {"k": "5", "fraction": 0.5}}
    found = parameters.settings({"filters.k": "7", "mapper.gain": 2.0}, over=over)
    assert found == {"filters": {"k": "7", "fraction": 0.5}, "mapper": {"gain": 2.0}}
    assert over == {"filters": {"k": "5", "fraction": 0.5}}


def test_every_parameter_has_its_field() -> None:
    found = [name for kind in registry.analyses() for name in parameters.fields_of(kind)]
    assert found == every_name()
