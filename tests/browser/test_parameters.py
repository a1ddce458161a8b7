"""Parameters, colours, what is laid beside, pins, and the views that set them."""

import pytest
from drive import (
    CIRCLE,
    FILTERS,
    Watched,
    calm,
    choose,
    click,
    fill,
    finding,
    layout,
    lonely,
    number,
    open_at,
    points,
    state,
    until,
    value,
    view,
)
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser


def mapper(page: Page) -> str:
    return page.locator("#filters-mapper-caption").inner_text()


def test_mapper_parameters_change_the_graph_at_once(demo: str, watched: Watched) -> None:
    page = watched.page
    open_at(page, demo + FILTERS)
    nodes = len(points(page, "filters-mapper"))
    fill(page, "mapper.resolution", "5")
    expect(page.locator("#filters-mapper-caption")).to_contain_text("resolution 5")
    until(page, lambda: len(points(page, "filters-mapper")) < nodes, what="fewer nodes")
    assert "mapper.resolution=5" in page.url
    expect(finding(page)).to_contain_text("One loop, 7.8×")  # the barcode is not the cover's
    choose(page, "parameter-mapper--lens", "eccentricity")
    expect(page.locator("#filters-mapper-caption")).to_contain_text("lens eccentricity")
    page.locator("#reset").click()
    expect(page.locator("#filters-mapper-caption")).to_contain_text("lens pca, resolution 10")
    until(page, lambda: value(page, "mapper.resolution") == "10", what="the usual value")
    assert "mapper." not in page.url


def test_k_and_share_change_what_is_kept(demo: str, watched: Watched) -> None:
    page = watched.page
    open_at(page, demo + FILTERS)
    fill(page, "filters.k", "80")
    fill(page, "filters.fraction", "0.25")
    expect(finding(page)).to_contain_text("512 densest of 2,048 filters, k = 80", timeout=60_000)
    assert state(page)["params"] == {"filters.fraction": 0.25, "filters.k": "80"}
    click(page, "filters-codensity", points(page, "filters-codensity")[-1]["pick"])
    until(page, lambda: state(page)["params"]["filters.fraction"] > 0.25, what="another cut")


def test_a_parameter_out_of_range_is_said_and_the_usual_one_used(
    demo: str, watched: Watched
) -> None:
    page = watched.page
    wrong = ("mapper.gain=0.01", "filters.fraction=7", "filters.k=many", "mapper.lens=<b>")
    unknown = ("filters.nonsense=1", "nonsense.k=1")
    open_at(page, f"{demo}{FILTERS}&{'&'.join(wrong + unknown)}", says="One loop, 7.8×")
    note = page.locator("#note")
    for name in ("gain", "fraction", "k must be", "lens", "nonsense"):
        expect(note).to_contain_text(name)
    assert note.inner_text().count("The usual value is shown instead") == len(wrong + unknown)
    assert state(page)["params"] == {}


def test_a_number_out_of_range_is_not_taken_from_the_form(demo: str, watched: Watched) -> None:
    page = watched.page
    open_at(page, demo + FILTERS)
    fill(page, "mapper.resolution", "9999999")
    until(page, lambda: value(page, "mapper.resolution") != "9999999", what="a number in range")
    fill(page, "mapper.resolution", "10")
    expect(page.locator("#filters-mapper-caption")).to_contain_text("resolution 10", timeout=60_000)
    fill(page, "filters.k", "-3")
    expect(page.locator("#note")).to_contain_text("k must be a number of neighbours")
    fill(page, "filters.k", "30")
    expect(page.locator("#note")).to_be_empty()
    expect(finding(page)).to_contain_text("k = 30")


def test_nodes_are_coloured_by_what_is_chosen(demo: str, watched: Watched) -> None:
    page = watched.page
    open_at(page, demo + FILTERS)
    seen = set()
    nodes = [each["pick"] for each in points(page, "filters-mapper")]
    for name, legend in (
        ("codensity", "codensity"),
        ("residual", "distance"),
        ("size", "filters"),
        ("run", "runs"),
        ("circular coordinate", "circular coordinate"),
        ("gradient angle", "angle"),
    ):
        choose(page, "control-colour", name)
        bar = page.locator("#filters-mapper .cbtitle")
        expect(bar).to_contain_text(legend, timeout=60_000)
        until(page, lambda: layout(page, "filters-mapper", "images"), what="the graph")
        seen.add(layout(page, "filters-mapper", "images")[0]["source"])
    assert len(seen) == 6
    assert [each["pick"] for each in points(page, "filters-mapper")] == nodes


def test_another_cloud_is_laid_beside(demo: str, watched: Watched) -> None:
    page = watched.page
    open_at(page, demo + FILTERS)
    caption = page.locator("#filters-beside-caption")
    expect(page.locator("#filters-beside-box")).to_be_hidden()
    for beside, words in (
        ("permuted (null)", "conv1, step 200 · loop strength 1.0×"),
        ("untrained (step 0)", "conv1, step 0 · loop strength 1.1×"),
        ("natural patches", "primary_circle, step 0 · loop strength"),
    ):
        choose(page, "control-beside", beside)
        expect(caption).to_contain_text(f"{beside}: {words}", timeout=60_000)
        assert len(points(page, "filters-beside")) > 5
    choose(page, "control-beside", "nothing")
    expect(page.locator("#filters-beside-box")).to_be_hidden()


def test_a_place_is_pinned_and_let_go(demo: str, watched: Watched) -> None:
    page = watched.page
    open_at(page, demo + FILTERS)
    page.locator("#pin").click()
    expect(page.locator("#filters-beside-caption")).to_contain_text("conv1, step 200")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Home")
    expect(finding(page)).to_contain_text("conv2: No clear loop")
    expect(page.locator("#filters-beside-caption")).to_contain_text("conv1, step 200")
    assert "pin=conv1%40200" in page.url
    page.locator("#unpin").click()
    expect(page.locator("#filters-beside-box")).to_be_hidden()
    expect(page.locator("#unpin")).to_be_hidden()
    assert "pin" not in page.url


def test_pinned_without_a_pin_says_what_to_do(demo: str, watched: Watched) -> None:
    page = watched.page
    open_at(page, f"{demo}{FILTERS}&beside=pin")
    expect(page.locator("#filters-beside-message")).to_contain_text("press “pin”")


def test_a_trained_network_is_not_called_untrained(demo: str, watched: Watched) -> None:
    """The one snapshot of a network that was downloaded has no number; that is not step 0."""
    page = watched.page
    open_at(page, f"{demo}?experiment=face_resnet&view=filters&beside=untrained")
    expect(page.locator("#filters-beside-message")).to_contain_text("no untrained filters")


def test_a_cell_of_stability_sets_the_parameters(demo: str, watched: Watched) -> None:
    page = watched.page
    open_at(page, f"{demo}{CIRCLE}&view=stability", says="settings of k and share")
    click(page, "stability-covers", points(page, "stability-covers")[0]["pick"])
    until(page, lambda: state(page)["params"], what="the parameters")
    assert (state(page)["params"]["mapper.resolution"], state(page)["params"]["mapper.gain"]) == (
        5,
        1.5,
    )
    view(page, "Filters")
    expect(page.locator("#filters-mapper-caption")).to_contain_text("resolution 5, gain 1.5")
    view(page, "Stability")
    picks = points(page, "stability-settings")
    wanted = next(p["pick"] for p in picks if p["pick"]["params"]["filters.fraction"] == 0.25)
    click(page, "stability-settings", wanted)
    until(page, lambda: state(page)["params"].get("filters.fraction") == 0.25, what="the share")
    view(page, "Filters")
    expect(finding(page)).to_contain_text("512 densest of 2,048 filters", timeout=60_000)
    page.locator("#reset").click()
    expect(finding(page)).to_contain_text("1,024 densest of 2,048 filters")


def test_a_graph_that_is_zoomed_stays_drawn(demo: str, watched: Watched) -> None:
    page = watched.page
    open_at(page, demo + FILTERS)
    node = lonely(page, "filters-mapper")
    before = len(points(page, "filters-mapper"))
    page.mouse.move(node["x"], node["y"])
    page.mouse.wheel(0, -300)
    until(page, lambda: lonely(page, "filters-mapper") != node, what="the zoom")
    page.wait_for_timeout(300)
    assert len(points(page, "filters-mapper")) == before
    assert layout(page, "filters-mapper", "images")
    calm(page)
    assert number(mapper(page).split("·")[2]) == before
