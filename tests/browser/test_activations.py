"""The view *Activations* as a person uses it: slider, heat map, bars, inputs, tests, pictures."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from drive import (
    Serve,
    Watched,
    calm,
    click,
    counts,
    fill,
    finding,
    layout,
    number,
    open_at,
    panel,
    points,
    saved,
    state,
    until,
    view,
)
from playwright.sync_api import Page, expect

Make = Callable[..., Path]

DISKS = "?experiment=disks_mlp&view=activations&layer=fc2"
NORM = "landscape norm"


def caption(page: Page, name: str) -> str:
    return page.locator(f"#activations-{name}-caption").inner_text()


def open_disks(page: Page, demo: str) -> None:
    open_at(page, f"{demo}{DISKS}", says=f"fc2 at train accuracy ≥ 0.99: {NORM}")


def test_the_slider_moves_landscapes_and_points(demo: str, watched: Watched) -> None:
    page = watched.page
    open_disks(page, demo)
    before = layout(page, "activations-landscape", "annotations")
    page.keyboard.press("Home")
    expect(finding(page)).to_contain_text(f"fc2 at step 0: {NORM}")
    until(
        page,
        lambda: layout(page, "activations-landscape", "annotations") != before,
        what="another landscape",
    )
    assert "step=0" in page.url
    # the layer of one network is computed when it is looked at
    expect(page.locator("#activations-cloud-caption")).to_contain_text("run-000", timeout=60_000)
    page.keyboard.press("End")
    expect(finding(page)).to_contain_text("fc2 at train accuracy ≥ 0.99")
    page.keyboard.press("ArrowDown")
    expect(finding(page)).to_contain_text("fc3 at train accuracy ≥ 0.99")
    calm(page)


def test_a_cell_of_the_heat_map_leads_there_and_says_its_runs(demo: str, watched: Watched) -> None:
    page = watched.page
    open_disks(page, demo)
    cells = points(page, "activations-norms")
    assert len(cells) == 12 * 6
    place: dict[str, Any] = {"layer": "fc4", "index": 2}
    words = next(each["words"] for each in cells if each["pick"] == place)
    assert "mean of 10 runs" in words
    assert "run-009" in words
    mean = float(words.split("norm ")[1].split(":")[0])
    click(page, "activations-norms", place)
    expect(finding(page)).to_contain_text("fc4 at train accuracy ≥ 0.8")
    said = finding(page).inner_text().split(f"{NORM} ")[1]
    assert abs(float(said.split(" ")[0]) - mean) < 0.01 * mean
    assert (state(page)["layer"], state(page)["index"]) == ("fc4", 2)


def test_a_bar_selects_points_and_shows_their_inputs(demo: str, watched: Watched) -> None:
    page = watched.page
    open_disks(page, demo)
    click(page, "activations-bars", {"select": "bar.0"})
    expect(counts(page)).not_to_contain_text("0 selected")
    chosen = number(counts(page).inner_text())
    assert 5 < chosen < 500
    expect(page.locator("#activations-inputs-caption")).to_contain_text(
        f"{chosen} shown of {chosen} inputs of bar 1"
    )
    pictures = points(page, "activations-inputs")
    assert len(pictures) == chosen
    click(page, "activations-inputs", pictures[0]["pick"])
    expect(page.locator("#activations-inputs-caption")).to_contain_text("clicked: input")
    assert f"primary={pictures[0]['pick']['primary']}" in page.url
    page.keyboard.press("Escape")
    expect(counts(page)).to_contain_text("0 selected")


def test_hovering_a_point_shows_its_input(demo: str, watched: Watched) -> None:
    page = watched.page
    open_at(page, f"{demo}?experiment=mnist_mlp&view=activations&layer=fc3", says=NORM)
    until(page, lambda: layout(page, "activations-cloud", "meta"), what="the points")
    page.locator("#activations-cloud").scroll_into_view_if_needed()
    at = points(page, "activations-cloud")[5]
    with page.expect_response(lambda answer: "/inputs/" in answer.url) as response:
        page.mouse.move(at["x"] + 4, at["y"] + 2)
        page.mouse.move(at["x"], at["y"])
        until(
            page,
            lambda: (
                page.mouse.move(at["x"] + 0.4, at["y"]),
                page.mouse.move(at["x"], at["y"]),
                page.locator(".hover-picture").is_visible(),
            )[-1],
            what="the picture",
        )
    assert response.value.ok
    assert response.value.headers["content-type"] == "image/png"
    page.mouse.move(2, 2)
    expect(page.locator(".hover-picture")).to_be_hidden()


def test_tests_are_said_in_words_and_their_table_is_that_of_the_command(
    demo: str, watched: Watched
) -> None:
    page = watched.page
    open_disks(page, demo)
    grid = page.locator("#activations-verdicts")
    grid.scroll_into_view_if_needed()
    expect(grid).to_contain_text("The shapes differ by more than chance")
    expect(grid).to_contain_text("No difference is shown")
    panel(page, "table", "Tests of all pairs").click()
    expect(page.locator("#twin-words")).to_contain_text("195 of 195 rows")
    rows = list(csv.DictReader(io.StringIO(saved(page, page.locator("#twin-csv")).read_text())))
    assert len(rows) == 15 * 13
    joint = [row for row in rows if row["layer"] == "all layers"]
    assert len(joint) == 15
    assert {row["permutations"] for row in joint} == {"1024"}
    last = next(row for row in joint if (row["first"], row["second"][-4:]) == ("step 0", "0.99"))
    assert f"p = {float(last['p']):.2g}" in finding(page).inner_text()


def test_every_panel_is_saved_as_a_picture(demo: str, watched: Watched) -> None:
    page = watched.page
    open_disks(page, demo)
    calm(page)
    for title in ("Landscape norms", "Norm against layer", "Curves through the layers"):
        button = panel(page, "svg", title)
        button.scroll_into_view_if_needed()
        text = saved(page, button).read_text()
        assert text.startswith("<svg")
        assert "Nine disks" in text


def test_a_class_and_fewer_inputs_are_computed_when_they_are_chosen(
    serve: Serve, watched: Watched, make_mlp: Make
) -> None:
    page = watched.page
    address = serve("serve", str(make_mlp()))
    open_at(page, f"{address}?view=activations&layer=fc1", says=NORM)
    fill(page, "landscapes.inputs", "40")
    expect(page.locator("#activations-norms-caption")).to_contain_text("40 of", timeout=60_000)
    fill(page, "landscapes.of_class", "disk")
    expect(page.locator("#activations-norms-caption")).to_contain_text(
        "of class disk", timeout=60_000
    )
    expect(finding(page)).to_contain_text(NORM, timeout=60_000)
    assert state(page)["params"] == {"landscapes.inputs": 40, "landscapes.of_class": "disk"}
    fill(page, "landscapes.of_class", "cats")
    expect(finding(page)).to_contain_text("there is no class 'cats'", timeout=60_000)


def test_a_dead_layer_is_said_and_the_others_are_shown(
    serve: Serve, watched: Watched, make_mlp: Make
) -> None:
    page = watched.page
    address = serve("serve", str(make_mlp(dead="fc2")))
    open_at(page, f"{address}?view=activations&layer=fc2", says=NORM)
    expect(page.locator("#activations-cloud-caption")).to_contain_text("dead", timeout=60_000)
    words = [each["words"] for each in points(page, "activations-norms")]
    # at both steps, and so is the output, which has no biases
    assert sum("dead: all its activations are 0" in each for each in words) == 4
    page.keyboard.press("ArrowUp")
    expect(finding(page)).to_contain_text("fc1 at step 100")
    calm(page)
    assert number(finding(page).inner_text().split(f"{NORM} 0.")[1]) > 0
    assert watched.errors == []


def test_what_has_no_filters_points_to_its_activations(demo: str, watched: Watched) -> None:
    page = watched.page
    open_at(page, f"{demo}?experiment=disks_mlp", says="largest landscape norm")
    view(page, "Filters")
    expect(finding(page)).to_contain_text("“Activations” shows its layers")
    view(page, "Evolution")
    expect(finding(page)).to_contain_text("largest landscape norm")
    graph = until(
        page, lambda: layout(page, "evolution-landscapes-all", "meta"), what="small landscapes"
    )
    assert json.dumps(graph)
    view(page, "Activations")
    expect(finding(page)).to_contain_text(NORM)
