from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.errors import ExperimentError
from analysis.experiment import Experiment, open_experiment
from dashboard import cursor as cursors
from dashboard.cursor import Cursor, Known, Pin

Make = Callable[..., Path]
WORDS = {
    "view": ("overview", "filters"),
    "colour": ("angle", "density"),
    "scale": ("locked", "own"),
    "beside": ("", "null", "pin"),
}
USUAL = {"view": "overview", "colour": "angle", "scale": "locked"}
KNOWN = Known(
    lambda experiment, _view: [each.name for each in experiment.layers()],
    lambda _experiment, _view: "conv1",
    WORDS,
)
SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
def experiments(make_experiment: Make) -> dict[str, Experiment]:
    folders = [make_experiment("one", steps=(0, 50, 100)), make_experiment("two")]
    return {each.name: each for each in map(open_experiment, folders)}


def read(said: object, experiments: dict[str, Experiment]) -> tuple[Cursor, str]:
    return cursors.read(said, experiments, KNOWN)  # type: ignore[arg-type]


def at(index: int, **more: object) -> Cursor:
    return Cursor("one", "conv1", index, **(USUAL | more))  # type: ignore[arg-type]


def test_nothing_said_is_the_first_experiment_at_its_last_step(
    experiments: dict[str, Experiment],
) -> None:
    assert read(None, experiments) == (at(2), "")
    assert read({}, experiments) == (at(2), "")


def test_a_url_and_the_page_mean_the_same(experiments: dict[str, Experiment]) -> None:
    url = {
        "experiment": "one", "layer": "conv1", "step": "50", "runs": "run-001", "view": "filters",
        "select": "node.3", "at": "100", "primary": "0.3.0", "pin": "conv1@0", "colour": "density",
        "params": {"filters.k": "7", "mapper.gain": "2.5"},
    }  # fmt: skip
    page = {
        "experiment": "one", "layer": "conv1", "index": 1, "runs": ["run-001"], "view": "filters",
        "select": "node.3", "home": 2, "primary": "0.3.0", "colour": "density",
        "pin": {"layer": "conv1", "index": 0}, "params": {"mapper.gain": 2.5, "filters.k": "7"},
    }  # fmt: skip
    by_url, by_page = read(url, experiments), read(page, experiments)
    wanted = at(
        1, runs=("run-001",), view="filters", colour="density", select="node.3", home=2,
        primary="0.3.0", pin=Pin("conv1", 0), params={"filters.k": "7", "mapper.gain": 2.5},
    )  # fmt: skip
    assert by_url == by_page == (wanted, "")
    assert read(wanted.as_plain(), experiments) == (wanted, "")


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"experiment": "three"}, "no experiment “three”"),
        ({"experiment": "../../etc/passwd"}, "no experiment"),
        ({"layer": "conv9"}, "no layer “conv9” in one"),
        ({"step": "-7"}, "no step “-7” in one"),
        ({"step": SCRIPT}, "no step"),
        ({"view": "everything"}, "no view “everything”"),
        ({"colour": SCRIPT}, "no colour"),
        ({"scale": "log"}, "no scale “log”"),
        ({"beside": "itself"}, "no beside “itself”"),
        ({"runs": "run-001,run-777"}, "no run “run-777” in one"),
        ({"select": "node.-1"}, "names no selection"),
        ({"select": SCRIPT}, "names no selection"),
        ({"primary": "1.2"}, "names no filter"),
        ({"pin": "conv9@0"}, "What was pinned is not in this experiment."),
        ({"pin": "conv1@7"}, "What was pinned is not in this experiment."),
        ({"pin": {"layer": "conv1", "index": 99}}, "What was pinned is not in this experiment."),
        ({"params": {"filters.fraction": "7"}}, "fraction must be from"),
        ({"params": {"nothing.k": "7"}}, "no analysis 'nothing'"),
    ],
)
def test_what_is_not_there_is_said_and_the_usual_is_shown(
    experiments: dict[str, Experiment], said: dict[str, object], words: str
) -> None:
    cursor, note = read(said, experiments)
    assert words in note
    usual = at(2, runs=("run-001",)) if "runs" in said else at(2)
    assert cursor == usual


@pytest.mark.parametrize("field", ["experiment", "layer", "step", "view", "runs", "select", "pin"])
def test_a_kilobyte_of_text_is_answered_in_a_line(
    experiments: dict[str, Experiment], field: str
) -> None:
    cursor, note = read({field: "x" * 1024}, experiments)
    assert cursor == at(2)
    assert 0 < len(note) < 450


@pytest.mark.parametrize(
    "text",
    [
        "node.0", "node.123456", "bar.7", "angle.30-60", "angle.345-15", "filters.0.1.2",
        "filters." + ",".join(f"0.{i}.0" for i in range(100)),
    ],
)  # fmt: skip
def test_selections_that_are_read(experiments: dict[str, Experiment], text: str) -> None:
    assert read({"select": text}, experiments) == (at(2, select=text), "")


@pytest.mark.parametrize(
    "text",
    [
        "node", "node.", "node.x", "node.1234567", "nodes.1", " node.1", "node.1\n", "angle.30",
        "angle.-30-60", "angle.30-6000", "filters.", "filters.0.1", "filters.0.1.2,",
        "filters." + ",".join(f"0.{i}.0" for i in range(101)), "NODE.1", "node.1;bar.2",
    ],
)  # fmt: skip
def test_selections_that_are_refused(experiments: dict[str, Experiment], text: str) -> None:
    cursor, note = read({"select": text}, experiments)
    assert cursor.select == ""
    assert "names no selection" in note


def test_where_a_selection_was_made_means_nothing_without_it(
    experiments: dict[str, Experiment],
) -> None:
    assert read({"at": "50", "home": 1}, experiments) == (at(2), "")
    assert read({"select": "node.1", "at": "7"}, experiments) == (at(2, select="node.1"), "")


def test_runs_come_in_the_experiments_order_and_all_of_them_are_none(
    experiments: dict[str, Experiment],
) -> None:
    assert read({"runs": "run-001"}, experiments)[0].runs == ("run-001",)
    assert read({"runs": "run-001,run-000"}, experiments)[0].runs == ()
    assert read({"runs": ["run-001", "run-001"]}, experiments)[0].runs == ("run-001",)
    assert read({"runs": 5}, experiments)[0].runs == ()
    assert read({"runs": ""}, experiments) == (at(2), "")


def test_a_number_of_a_place_that_is_not_there_is_the_usual_place(
    experiments: dict[str, Experiment],
) -> None:
    for index in (-1, 3, 10**12, 1.0, True, "1e0", "٢", None):
        assert read({"index": index}, experiments)[0].index == 2


NONSENSE_VALUES = st.one_of(
    st.none(),
    st.text(max_size=2000),
    st.integers(),
    st.floats(),
    st.lists(st.one_of(st.none(), st.text(max_size=30)), max_size=5),
    st.dictionaries(st.sampled_from(["layer", "index", "filters.k"]), st.text(max_size=30)),
)


@given(
    said=st.dictionaries(
        st.sampled_from([*Cursor.__dataclass_fields__, "step", "at", "x"]),
        NONSENSE_VALUES,
    )
)
def test_any_nonsense_gives_a_valid_cursor_that_is_read_again_as_it_is(
    said: dict[str, object],
) -> None:
    cursor, note = read(said, NONSENSE)
    assert (cursor.experiment, cursor.layer) == ("one", "conv1")
    assert 0 <= cursor.index < 2
    assert cursor.view in WORDS["view"]
    assert cursor.colour in WORDS["colour"]
    assert cursor.home in (None, 0, 1)
    assert len(note) < 6000
    assert read(cursor.as_plain(), NONSENSE) == (cursor, "")


@given(st.one_of(st.text(max_size=40), st.from_regex(cursors.SELECT, fullmatch=True)))
def test_a_selection_is_kept_whole_or_not_at_all(text: str) -> None:
    cursor, note = read({"select": text}, NONSENSE)
    assert cursor.select in ("", text)
    assert bool(note) is (cursor.select != text)


class _Fake:
    """An experiment of two steps and one layer, without files."""

    name = "one"
    axis = tuple(type("Step", (), {"step": step, "milestone": None}) for step in (0, 100))
    runs = ()

    def sources(self, _layer: str, _place: object) -> object:
        return type("Sources", (), {"refs": ("one",)})

    def layers(self) -> list[object]:
        return [type("Layer", (), {"name": "conv1"})]


NONSENSE: dict[str, Experiment] = {"one": _Fake()}  # type: ignore[dict-item]


def test_the_first_place_is_the_last_that_most_runs_have(make_experiment: Make) -> None:
    folder = make_experiment(steps=(0, 50, 100))
    (folder / "run-001" / "step-000100.safetensors").unlink()
    experiment = open_experiment(folder)
    assert cursors.runs_at(experiment) == [2, 2, 1]
    assert read({}, {"small": experiment})[0].index == 1


def test_a_broken_last_snapshot_is_not_what_the_page_opens_on(make_experiment: Make) -> None:
    folder = make_experiment(steps=(0, 50, 100))
    for run in ("run-000", "run-001"):
        (folder / run / "step-000100.safetensors").write_bytes(b"cut off")
    assert read({}, {"small": open_experiment(folder)})[0].index == 1


def test_a_milestone_in_the_url_is_that_place(make_experiment: Make) -> None:
    folder = make_experiment(steps=(0, 100, 200))
    for run, step in (("run-000", 100), ("run-001", 200)):
        (folder / run / "snapshots.csv").write_text(f"step,milestone\n{step},acc>=0.9\n")
    experiment = open_experiment(folder)
    cursor, note = read({"step": "acc>=0.9", "pin": "conv1@acc>=0.9"}, {"small": experiment})
    assert experiment.axis[cursor.index].milestone == "acc>=0.9"
    assert cursor.pin == Pin("conv1", cursor.index)
    assert note == ""


def test_nothing_to_show_is_an_error() -> None:
    with pytest.raises(ExperimentError, match="no experiment here has 2-D convolution"):
        read({}, {})
