"""Selecting filters by a node, a bar, an angle range, a point or a row: the same everywhere."""

import base64
import csv
import io
import re
from collections.abc import Callable

import pytest
from drive import (
    FILTERS,
    Make,
    Serve,
    Watched,
    calm,
    click,
    close_table,
    counts,
    finding,
    layout,
    lonely,
    number,
    open_at,
    panel,
    point,
    points,
    saved,
    state,
    until,
)
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser
NONE = "0 selected of 1,024 in the graph of 1,024 kept of 2,048 filters"


def caption(page: Page, panel: str) -> str:
    return page.locator(f"#filters-{panel}-caption").inner_text()


def sprite(page: Page) -> str:
    """Return the picture of the Mapper graph as SVG."""
    source: str = layout(page, "filters-mapper", "images")[0]["source"]
    return base64.b64decode(source.partition(",")[2]).decode()


def open_table(page: Page, title: str) -> None:
    panel(page, "table", title).click()
    expect(page.locator("#twin-grid .ag-row").first).to_be_visible()


def test_a_node_selects_its_members_everywhere(demo: str, watched: Watched) -> None:
    page = watched.page
    open_at(page, demo + FILTERS)
    expect(counts(page)).to_have_text(NONE)
    before = sprite(page)
    node = lonely(page, "filters-mapper")
    members = number(node["words"].split("<br>")[1])
    click(page, "filters-mapper", node["pick"])
    expect(counts(page)).to_contain_text(f"{members:,} selected of 1,024")
    expect(page.locator("#filters-members-caption")).to_contain_text(
        f"{members:,} shown of {members:,} selected of 1,024 kept"
    )
    until(page, lambda: sprite(page) != before, what="the halo")
    assert "fill-opacity" in sprite(page)
    assert f"select={node['pick']['select']}&at=200" in page.url
    said = [re.search(r"(\d+) of them", each["words"]) for each in points(page, "filters-rose")]
    assert sum(int(each[1]) for each in said if each) == members  # all have a clear gradient here
    page.locator("#clear").click()
    expect(counts(page)).to_have_text(NONE)
    until(page, lambda: sprite(page) == before, what="the halo to go")
    assert "select" not in page.url


def test_a_bar_shows_a_cycle_and_its_filters(demo: str, watched: Watched) -> None:
    page = watched.page
    open_at(page, demo + FILTERS)
    click(page, "filters-barcode", {"select": "bar.0"})
    expect(counts(page)).not_to_have_text(NONE)
    members = number(counts(page).inner_text())
    assert 3 < members < 200
    page.locator("#filters-projection").scroll_into_view_if_needed()
    expect(page.locator("#filters-projection-caption")).to_contain_text(
        "born with the selected bar"
    )
    until(page, lambda: layout(page, "filters-projection", "shapes"), what="the cycle")
    assert layout(page, "filters-barcode", "shapes")
    click(page, "filters-barcode", {"select": "bar.0"})  # again: no longer
    expect(counts(page)).to_have_text(NONE)
    expect(page.locator("#filters-projection-caption")).not_to_contain_text("born with")


def test_petals_join_and_let_go(demo: str, watched: Watched) -> None:
    page = watched.page
    open_at(page, demo + FILTERS)
    first, second, far = ({"select": f"angle.{a}-{a + 15}"} for a in (30, 45, 200 - 5))
    sizes = [number(point(page, "filters-rose", p)["words"].split(":")[1]) for p in (first, second)]
    click(page, "filters-rose", first)
    expect(counts(page)).to_contain_text(f"{sizes[0]:,} selected of")
    click(page, "filters-rose", second)
    expect(counts(page)).to_contain_text(f"{sum(sizes):,} selected of")
    assert "select=angle.30-60" in page.url
    click(page, "filters-rose", far)  # does not touch the others: it replaces them
    until(page, lambda: state(page)["select"] == "angle.195-210", what="the other range")
    click(page, "filters-rose", far)
    expect(counts(page)).to_have_text(NONE)


def test_what_is_selected_is_followed_to_other_steps(demo: str, watched: Watched) -> None:
    page = watched.page
    open_at(page, f"{demo}{FILTERS}&select=angle.0-90&at=200")
    expect(counts(page)).not_to_have_text(NONE)
    members = number(counts(page).inner_text())
    page.keyboard.press("ArrowLeft")
    expect(counts(page)).to_contain_text(f"(of {members:,} selected there)")
    assert 0 < number(counts(page).inner_text()) < members
    page.keyboard.press("Escape")
    expect(counts(page)).to_contain_text("0 selected of 1,024")


def test_a_filter_is_chosen_in_the_grid_and_in_the_projection(demo: str, watched: Watched) -> None:
    page = watched.page
    open_at(page, demo + FILTERS)
    wanted = points(page, "filters-members")[17]["pick"]
    click(page, "filters-members", wanted)
    expect(page.locator("#filters-members-caption")).to_contain_text("clicked filter: run-0")
    assert f"primary={wanted['primary']}" in page.url
    other = lonely_after_scroll(page, "filters-projection")
    click(page, "filters-projection", other)
    until(page, lambda: state(page)["primary"] == other["primary"], what="the other filter")


def lonely_after_scroll(page: Page, graph: str) -> dict[str, str]:
    page.locator(f"#{graph}").scroll_into_view_if_needed()
    pick: dict[str, str] = lonely(page, graph)["pick"]
    return pick


def test_a_table_selects_and_downloads(demo: str, watched: Watched) -> None:
    page = watched.page
    open_at(page, demo + FILTERS)
    open_table(page, "Mapper graph")
    words = page.locator("#twin-words").inner_text()
    total = number(words.split(":")[1])
    assert f"{total:,} of {total:,} rows" in words
    assert number(re.findall(r"\d+ nodes", caption(page, "mapper"))[0]) == total
    row = page.locator("#twin-grid .ag-row[row-index='5']")
    cell = row.locator("[col-id='filters']")
    expect(cell).to_have_text(re.compile(r"\d"))  # rows come before what is in them
    members = number(cell.inner_text())
    row.locator("[col-id='node']").click()
    expect(counts(page)).to_contain_text(f"{members:,} selected of")
    assert state(page)["select"] == "node.5"
    file = saved(page, page.locator("#twin-csv"))
    rows = list(csv.DictReader(io.StringIO(file.read_text())))
    assert len(rows) == total
    assert int(rows[5]["filters"]) == members
    assert "_pick" not in rows[0]


def test_the_table_follows_the_cursor(demo: str, watched: Watched) -> None:
    page = watched.page
    open_at(page, demo + FILTERS)
    open_table(page, "Members")
    expect(page.locator("#twin-words")).to_contain_text("1,024 of 1,024 rows")
    click(page, "filters-barcode", {"select": "bar.0"})
    expect(page.locator("#twin-words")).not_to_contain_text("1,024 rows")
    members = number(counts(page).inner_text())
    expect(page.locator("#twin-words")).to_contain_text(f"{members} of {members} rows")


def test_a_sorted_table_still_picks_the_row_that_is_clicked(demo: str, watched: Watched) -> None:
    page = watched.page
    open_at(page, demo + FILTERS)
    open_table(page, "Mapper graph")
    header = page.locator("#twin-grid .ag-header-cell[col-id='filters']")
    header.click()
    header.click()  # the largest first
    row = page.locator("#twin-grid .ag-row[row-index='0']")
    largest = max(number(each["words"].split("<br>")[1]) for each in points(page, "filters-mapper"))
    expect(row.locator("[col-id='filters']")).to_have_text(str(largest))
    node = row.locator("[col-id='node']").inner_text()
    row.locator("[col-id='node']").click()
    until(page, lambda: state(page)["select"] == f"node.{node}", what="the row’s node")


def test_every_figure_has_a_table(demo: str, watched: Watched) -> None:
    page = watched.page
    for name in ("overview", "filters", "evolution", "stability"):
        open_at(page, f"{demo}{FILTERS.replace('filters', name)}", says="loop")
        calm(page)
        titles = page.locator(f"#view-{name} .panel:not(.gone) h2").all_inner_texts()
        assert len(titles) > 1
        for title in titles:
            open_table(page, title)
            expect(page.locator("#twin-words")).to_contain_text(f"{title}: ")
            assert number(page.locator("#twin-words").inner_text().rsplit(": ", 1)[1]) > 0
            close_table(page)


def test_formulas_in_a_downloaded_table_are_neutral(
    serve: Serve, watched: Watched, make_named: Callable[[str], str]
) -> None:
    page = watched.page
    name = "=cmd|' /C calc'!A0"
    open_at(page, serve("serve", make_named(name)), says="loop")
    open_table(page, "Layers × steps")
    text = saved(page, page.locator("#twin-csv")).read_text()
    assert f"'{name}" in text
    assert not any(line.startswith(("=", "+", "-", "@")) for line in text.splitlines())


@pytest.fixture
def make_named(make_experiment: Make) -> Callable[[str], str]:
    """Write an experiment whose layer has a name."""
    import numpy as np
    from safetensors.numpy import save_file

    def make(name: str) -> str:
        folder = make_experiment(n=60, runs=1)
        for path in folder.rglob("*.safetensors"):
            weights = np.random.default_rng(0).normal(size=(60, 1, 3, 3)).astype(np.float32)
            save_file({f"{name}.weight": weights}, path)
        return str(folder)

    return make


def test_a_selection_that_holds_nothing_says_so(demo: str, watched: Watched) -> None:
    page = watched.page
    open_at(page, f"{demo}{FILTERS}&select=filters.31.999.999")
    expect(page.locator("#filters-members-message")).to_contain_text("holds no filter")
    expect(counts(page)).to_contain_text("0 selected of 1,024")
    expect(page.locator("#clear")).to_be_visible()
    expect(finding(page)).to_contain_text("One loop")
