"""Moving along steps, layers, views, runs and experiments."""

import re

import pytest
from drive import (
    CIRCLE,
    FILTERS,
    Watched,
    asked_for,
    calm,
    click,
    finding,
    layout,
    open_at,
    settled,
    state,
    until,
    view,
)
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser
STEPS = ("0", "25", "50", "100", "200", "500")


def at_step(page: Page, step: str) -> None:
    expect(page.locator("#step-words")).to_contain_text(f"step {step} of 500")


def test_the_page_opens_with_an_overview_of_what_ships(demo: str, watched: Watched) -> None:
    page = watched.page
    open_at(page, demo, says="a loop stands out in")
    expect(page.locator("#view-overview")).to_be_visible()
    expect(page.locator("#view-filters")).to_be_hidden()
    expect(page.locator("#overview-shape .js-plotly-plot image")).to_be_attached()
    expect(page.locator("#overview-findings .ag-row").first).to_be_visible()
    assert "view=overview" in page.url


def test_the_slider_shows_the_circle_appear(demo: str, watched: Watched) -> None:
    page = watched.page
    open_at(page, f"{demo}{FILTERS.replace('200', '0')}", says="No clear loop")
    at_step(page, "0")
    slider = page.get_by_role("slider")
    slider.focus()
    for step in STEPS[1:5]:
        slider.press("ArrowRight")
        at_step(page, step)
    expect(finding(page)).to_contain_text("One loop, 7.8× longer")
    expect(page.locator("#filters-mapper-caption")).to_contain_text("b₀ 1 · b₁ 1")
    assert "step=200" in page.url
    track = page.locator("#step .mantine-Slider-track").bounding_box()
    assert track is not None
    page.mouse.click(track["x"] + track["width"] * 0.22, track["y"] + track["height"] / 2)
    at_step(page, "25")
    expect(finding(page)).to_contain_text("No clear loop")


def test_keys_move_along_steps_and_layers(demo: str, watched: Watched) -> None:
    page = watched.page
    open_at(page, demo + FILTERS)
    for key, step in (("ArrowRight", "500"), ("ArrowRight", "500"), ("Home", "0"), ("End", "500")):
        page.keyboard.press(key)
        at_step(page, step)
    page.keyboard.press("ArrowLeft")
    at_step(page, "200")
    layer = page.locator("#layer")
    for key, name in (("ArrowDown", "conv2"), ("ArrowDown", "conv2"), ("ArrowUp", "conv1")):
        page.keyboard.press(key)
        expect(layer).to_have_value(name)
        expect(finding(page)).to_contain_text(f"{name}: One loop")
    page.locator("#parameter-filters--k").focus()
    page.keyboard.press("Home")  # the input's own key
    at_step(page, "200")


def test_keys_that_come_fast_are_all_followed(demo: str, watched: Watched) -> None:
    page = watched.page
    open_at(page, demo + FILTERS)
    for key in ("Home", "ArrowRight", "ArrowRight", "ArrowRight", "ArrowLeft", "ArrowDown"):
        page.keyboard.press(key)
    at_step(page, "50")
    expect(page.locator("#layer")).to_have_value("conv2")


def test_play_goes_to_the_end_and_stops(demo: str, watched: Watched) -> None:
    page = watched.page
    open_at(page, f"{demo}{FILTERS.replace('200', '100')}")
    play = page.locator("#play")
    play.click()
    expect(play).to_have_attribute("aria-pressed", "true")
    at_step(page, "200")
    at_step(page, "500")
    expect(play).to_have_attribute("aria-pressed", "false")
    page.locator("#finding").click()
    page.keyboard.press("Space")  # from the end it begins again
    expect(play).to_have_attribute("aria-pressed", "true")
    at_step(page, "0")
    at_step(page, "25")
    page.keyboard.press("Space")
    expect(play).to_have_attribute("aria-pressed", "false")
    here = page.locator("#step-words").inner_text()
    page.wait_for_timeout(1000)
    expect(page.locator("#step-words")).to_have_text(here)


def test_scrubbing_over_loaded_frames_asks_the_server_for_none(
    demo: str, watched: Watched, capsys: pytest.CaptureFixture[str]
) -> None:
    page = watched.page
    open_at(page, demo + FILTERS)
    settled(page)
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")

    def busy() -> float:
        found = session.send("Performance.getMetrics")["metrics"]
        return next(each["value"] for each in found if each["name"] == "TaskDuration")

    page.keyboard.press("Home")
    at_step(page, "0")
    page.wait_for_timeout(500)
    there = [("ArrowRight", step) for step in STEPS[1:]]
    back = [("ArrowLeft", step) for step in STEPS[-2::-1]]
    said, before = set(), busy()
    with asked_for(page, "frames.data", "ahead.data") as asked:
        for key, step in there + back:
            page.keyboard.press(key)
            at_step(page, step)
            page.wait_for_timeout(200)
            said.add(finding(page).inner_text())
    each = (busy() - before) / len(there + back)
    assert asked == []
    assert len(said) == len(STEPS)  # each step had its own picture
    with capsys.disabled():
        print(f"\nscrubbing over loaded frames: {each * 1000:.0f} ms of main thread per step")  # noqa: T201


def test_a_click_in_the_row_of_layers_moves_there(demo: str, watched: Watched) -> None:
    page = watched.page
    open_at(page, f"{demo}?experiment=face_resnet&layer=conv64_3.conv1&view=filters")
    expect(finding(page)).to_contain_text("not the primary circle")
    click(page, "network", {"layer": "conv64_down.conv1"})
    expect(finding(page)).to_contain_text("conv64_down.conv1: One loop")
    assert "layer=conv64_down.conv1" in page.url


def test_rows_and_cells_of_the_overview_move_the_cursor(demo: str, watched: Watched) -> None:
    page = watched.page
    open_at(page, demo + CIRCLE, says="At step 200 a loop stands out in 2 of 2 layers")
    click(page, "overview-contents", {"layer": "conv2", "index": 1})
    at_step(page, "25")
    expect(page.locator("#layer")).to_have_value("conv2")
    expect(finding(page)).to_contain_text("At step 25 no loop stands out")
    click(page, "overview-runs", {"index": 5})
    at_step(page, "500")
    expect(page.locator("#overview-findings-caption")).to_contain_text("step 500")
    expect(finding(page)).to_contain_text("At step 500 a loop stands out")
    page.locator("#overview-findings .ag-row[row-index='0'] .ag-cell").first.click()
    expect(page.locator("#view-filters")).to_be_visible()
    expect(finding(page)).to_contain_text("conv1: One loop")


def test_the_shape_on_the_overview_opens_the_filters(demo: str, watched: Watched) -> None:
    page = watched.page
    open_at(page, demo + CIRCLE, says="a loop stands out")
    click(page, "overview-shape", {"view": "filters"})
    expect(page.locator("#view-filters")).to_be_visible()
    expect(finding(page)).to_contain_text("conv1: One loop")
    assert "view=filters" in page.url


def test_a_click_in_evolution_moves_the_cursor_and_its_mark(demo: str, watched: Watched) -> None:
    page = watched.page
    says = "stands out from step 50, at 4 of 6 computed steps"
    open_at(page, f"{demo}{CIRCLE}&view=evolution", says=says)
    calm(page)
    before = layout(page, "evolution-multiples", "shapes")[-1]
    with asked_for(page, "frames.data") as asked:
        click(page, "evolution-multiples", {"layer": "conv2", "index": 3})
        at_step(page, "100")
        expect(page.locator("#layer")).to_have_value("conv2")
        mark = lambda: layout(page, "evolution-multiples", "shapes")[-1]  # noqa: E731
        until(page, lambda: mark()["x0"] != before["x0"], what="the mark to follow")
    assert mark()["y0"] != before["y0"]
    assert mark()["visible"]
    assert len(asked) <= 1  # at most the row of layers of a new step
    view(page, "Filters")
    expect(finding(page)).to_contain_text("conv2: One loop")


def test_runs_can_be_chosen(demo: str, watched: Watched) -> None:
    page = watched.page
    open_at(page, demo + FILTERS)
    expect(page.locator("#filters-barcode-caption")).to_contain_text("32 runs")
    page.locator("#runs").click()
    for run in ("run-003", "run-007"):
        page.get_by_role("option", name=run, exact=True).click()
    page.keyboard.press("Escape")
    expect(page.locator("#filters-barcode-caption")).to_contain_text("2 runs", timeout=60_000)
    expect(finding(page)).to_contain_text("of 128 filters")
    assert re.search(r"runs=run-003(,|%2C)run-007", page.url)
    assert state(page)["runs"] == ["run-003", "run-007"]


def test_another_experiment_begins_anew(demo: str, watched: Watched) -> None:
    page = watched.page
    open_at(page, f"{demo}{FILTERS}&mapper.resolution=8&select=angle.0-30")
    page.locator("#experiment").click()
    page.get_by_role("option", name=re.compile("Face")).first.click()
    expect(finding(page)).to_contain_text("conv128_down.conv1: One loop")
    expect(page.locator("#note")).to_be_empty()
    assert "select" not in page.url
    assert "resolution" not in page.url
