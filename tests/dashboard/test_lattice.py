import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from dashboard import frames, lattice, words
from dashboard.context import Context
from dashboard.thumbnails import thumbnail
from dashboard.view import Ask

Make = Callable[..., Path]
Open = Callable[..., Context]
Fill = Callable[[Context, dict[str, Any]], None]


def ask_of(context: Context, **said: Any) -> Ask:
    return context.ask(context.read(said)[0])


@dataclass(frozen=True)
class Named:
    name: str


@dataclass(frozen=True)
class Long:
    """An experiment of many steps and layers, as far as the lattice looks."""

    n_steps: int
    n_layers: int

    @property
    def axis(self) -> range:
        return range(self.n_steps)

    def layers(self) -> list[Named]:
        return [Named(f"layer{i}") for i in range(self.n_layers)]


def asked(n_steps: int, n_layers: int) -> Any:
    return type("Ask", (), {"experiment": Long(n_steps, n_layers)})


@pytest.mark.parametrize("count", [1, 2, 11, 12, 13, 100, 1001])
def test_at_most_so_many_steps_are_shown_evenly_with_both_ends(count: int) -> None:
    steps = lattice.steps(asked(count, 1))
    assert len(steps) == min(count, lattice.MOST_STEPS)
    assert (steps[0], steps[-1]) == (0, count - 1)
    gaps = np.diff(steps)
    assert len(gaps) == 0 or (gaps.min() >= 1 and np.ptp(gaps) <= 1)


def test_the_page_says_how_many_of_how_many_are_shown() -> None:
    assert lattice.sampling(asked(12, 60)) == ""
    assert lattice.sampling(asked(13, 60)) == "12 of 13 steps shown"
    assert lattice.sampling(asked(1001, 61)) == "12 of 1,001 steps and 60 of 61 layers shown"
    assert len(lattice.layers(asked(1, 61))) == 60


def test_a_place_has_its_three_results_and_nothing_is_said_before_they_are_there(
    make_experiment: Make, open_context: Open, fill: Fill
) -> None:
    context = open_context(make_experiment())
    ask = ask_of(context, view="evolution")
    assert list(lattice.units(ask))[:3] == ["filters|conv1|0", "null|conv1|0", "mapper|conv1|0"]
    place = lattice.place(ask, "conv1", 1)
    assert place.brief(ask) is None
    fill(context, {"view": "evolution"})
    found = context.find(context.views["evolution"], ask, compute=False)
    brief = place.brief(ask)
    assert brief is not None
    shape, null = (found[place.name(part)].result for part in ("filters", "null"))
    graph = found[place.name("mapper")].result
    assert (brief.strength, brief.null) == (shape.loop_strength, null.loop_strength)
    assert (brief.b0, brief.b1, brief.nodes) == (graph.b0, graph.b1, graph.graph.n_nodes)
    assert (brief.n_kept, brief.n_filters, brief.n_total, brief.k) == (
        shape.n_kept,
        shape.n_filters,
        300,
        shape.k,
    )
    assert (brief.loops, brief.finding) == (1, words.finding(shape, null))
    assert place.failure(found) == ""


def test_a_place_that_is_not_stored_or_cannot_be_read_says_so(
    make_experiment: Make, open_context: Open
) -> None:
    folder = make_experiment(runs=1, steps=(0, 50, 100))
    rng = np.random.default_rng(0)
    extra = {"late.weight": rng.normal(size=(90, 1, 3, 3)).astype(np.float32)}
    save_file(extra, folder / "run-000" / "step-000100.safetensors")
    (folder / "run-000" / "step-000050.safetensors").write_bytes(b"cut off")
    ask = ask_of(open_context(folder))
    said = {(each.layer, each.index): each.error for row in lattice.places(ask) for each in row}
    assert said["conv1", 0] == said["late", 2] == ""
    assert "late is not stored at step 0: it is stored at 100" in said["late", 0]
    assert "conv1 is not stored at step 100" in said["conv1", 2]
    assert "cannot be read at step 50" in said["conv1", 1]
    assert set(lattice.units(ask)) >= {"filters|conv1|0", "mapper|late|2"}
    assert not any(name.endswith("|1") for name in lattice.units(ask))


@pytest.mark.parametrize(
    "said", [{}, {"params": {"filters.k": "7"}}, {"runs": ["run-001"]}, {"layer": "late"}]
)
@pytest.mark.parametrize("view", ["overview", "evolution"])
def test_where_all_is_computed_every_picture_is_drawn(
    make_experiment: Make, open_context: Open, fill: Fill, view: str, said: dict[str, Any]
) -> None:
    """Whatever the parameters: a picture is turned to the layer as it comes, which it needs too."""
    folder = make_experiment()
    rng = np.random.default_rng(0)
    path = folder / "run-000" / "step-000000.safetensors"
    weights = {
        name: rng.normal(size=(90, 1, 3, 3)).astype(np.float32)
        for name in ("conv1.weight", "late.weight")
    }
    save_file(weights, path)
    context = open_context(folder)
    fill(context, {"view": view} | said)
    ask = ask_of(context, view=view, **said)
    found = context.find(context.views[view], ask, compute=False)
    assert not found.pending
    shown = lattice.places(ask)
    if view == "overview":
        shown = [[lattice.place(ask, ask.cursor.layer, ask.cursor.index)]]
    for place in (place for row in shown for place in row if place.units):
        drawn = thumbnail(ask, place, scheme="light", patched=True)
        assert drawn is not None, place
        assert drawn.startswith("<path")


def test_pictures_are_drawn_where_the_layer_as_it_comes_cannot_be_computed(
    make_experiment: Make, open_context: Open, fill: Fill
) -> None:
    folder = make_experiment()
    (folder / "experiment.toml").write_text('[analysis.filters]\nk = "9999"\n')
    context = open_context(folder)
    said = {"view": "evolution", "params": {"filters.k": "7"}}
    context.jobs.start()
    try:
        ask = ask_of(context, **said)
        anchor = context.views["evolution"].units(ask)["anchor|conv1"]
        end = time.monotonic() + 60
        while not context.results.get(anchor).error and time.monotonic() < end:  # type: ignore[arg-type]
            time.sleep(0.05)
    finally:
        context.jobs.close()
    fill(context, said)
    ((first, last),) = lattice.places(ask)
    assert thumbnail(ask, first, scheme="light", patched=True)
    assert thumbnail(ask, last, scheme="light", patched=True)


@pytest.mark.parametrize(
    ("view", "panel"),
    [
        ("overview", "contents"),
        ("overview", "runs"),
        ("evolution", "multiples"),
        ("evolution", "strength"),
    ],
)
def test_where_steps_are_left_out_a_click_still_goes_to_the_step_it_is_on(
    make_experiment: Make, open_context: Open, view: str, panel: str
) -> None:
    steps = tuple(range(0, 300, 10))
    context = open_context(make_experiment(runs=2, steps=steps, n=20))
    ask = ask_of(context, view=view)
    shown = lattice.steps(ask)
    assert len(shown) == lattice.MOST_STEPS < len(ask.experiment.axis)
    found = context.views[view]
    scene = found.scene(ask, context.find(found, ask, compute=False))
    figure = frames.draw_panel(found, panel, scene, "light").figure
    clicked = {each["index"] for trace in figure.data for each in trace.customdata or () if each}
    assert clicked == set(shown)
    marked = {int(key.rpartition("|")[2]) for key in figure.layout.meta["cells"]}
    assert set(shown) <= marked <= set(range(len(steps)))
