from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.errors import ExperimentError
from analysis.experiment import Experiment, open_experiment
from dashboard import cursor as cursors
from dashboard.cursor import Cursor

Make = Callable[..., Path]


@pytest.fixture
def experiments(make_experiment: Make) -> dict[str, Experiment]:
    folders = [make_experiment("one", steps=(0, 50, 100)), make_experiment("two")]
    return {each.name: each for each in map(open_experiment, folders)}


def read(said: object, experiments: dict[str, Experiment]) -> tuple[Cursor, str]:
    return cursors.read(said, experiments, first_layer=lambda _e: "conv1")  # type: ignore[arg-type]


def test_nothing_said_is_the_first_experiment_at_its_last_step(
    experiments: dict[str, Experiment],
) -> None:
    assert read(None, experiments) == (Cursor("one", "conv1", 2), "")


def test_a_url_and_the_page_mean_the_same(experiments: dict[str, Experiment]) -> None:
    by_url = read({"experiment": "one", "layer": "conv1", "step": "50", "node": "3"}, experiments)
    by_page = read({"experiment": "one", "layer": "conv1", "index": 1, "node": 3}, experiments)
    assert by_url == by_page == (Cursor("one", "conv1", 1, 3), "")
    assert read(by_page[0].as_plain(), experiments) == by_page


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"experiment": "three"}, "no experiment “three”"),
        ({"layer": "conv9"}, "no layer “conv9” in one"),
        ({"step": "-7"}, "no step “-7” in one"),
        ({"step": "<script>alert(1)</script>"}, "no step"),
        ({"experiment": "../../etc/passwd"}, "no experiment"),
    ],
)
def test_what_is_not_there_is_said(
    experiments: dict[str, Experiment], said: dict[str, str], words: str
) -> None:
    cursor, note = read(said, experiments)
    assert words in note
    assert cursor == Cursor("one", "conv1", 2)


@given(
    said=st.dictionaries(
        st.sampled_from(["experiment", "layer", "step", "index", "node", "x"]),
        st.one_of(
            st.none(), st.text(max_size=2000), st.integers(), st.floats(), st.lists(st.none())
        ),
    )
)
def test_any_nonsense_gives_a_valid_cursor(said: dict[str, object]) -> None:
    cursor, note = read(said, NONSENSE)
    assert cursor.layer == "conv1"
    assert 0 <= cursor.index < 2
    assert len(note) < 2000


class _Fake:
    """An experiment of two steps and one layer, without files."""

    name = "one"
    axis = (type("Step", (), {"step": 0, "milestone": None}),) * 2
    runs = ()

    def sources(self, _layer: str, _place: object) -> object:
        return type("Sources", (), {"refs": ("one",)})

    def layers(self) -> list[object]:
        return [type("Layer", (), {"name": "conv1"})]


NONSENSE = {"one": _Fake()}


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
    cursor, note = read({"step": "acc>=0.9"}, {"small": experiment})
    assert experiment.axis[cursor.index].milestone == "acc>=0.9"
    assert note == ""


def test_what_is_left_open_stays_as_it_is_shown() -> None:
    shown = {"experiment": "one", "layer": "conv2", "index": 3, "node": 5}
    assert cursors.completed({}, shown) == {"experiment": "one", "layer": "conv2", "index": 3}
    assert cursors.completed({"layer": "conv1", "step": "7"}, shown)["layer"] == "conv1"
    assert "index" not in cursors.completed({"step": "7"}, shown)
    assert cursors.completed({"experiment": "two"}, shown) == {"experiment": "two"}
    assert cursors.completed({}, None) == {}


def test_nothing_to_show_is_an_error() -> None:
    with pytest.raises(ExperimentError, match="no experiment here has 2-D convolution"):
        read({}, {})
