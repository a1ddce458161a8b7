"""The whole state is in the address: copied, opened elsewhere, reloaded."""

import re
from collections.abc import Callable

import pytest
from drive import (
    FILTERS,
    Watched,
    calm,
    choose,
    click,
    counts,
    finding,
    more,
    open_at,
    points,
    state,
    value,
)
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser
FULL = (
    "?experiment=mnist_cnn&view=filters&layer=conv2&step=100&runs=run-001%2Crun-004%2Crun-009"
    "&colour=density&scale=own&beside=null&select=angle.30-60&at=100&pin=conv1%4050"
    "&filters.fraction=0.3&mapper.gain=2.5&mapper.resolution=8"
)


def shown(page: Page) -> dict[str, str]:
    """Return what a person would compare between two pages."""
    controls = ["control-colour", "control-scale", "control-beside", "layer", "experiment"]
    return {
        "finding": finding(page).inner_text(),
        "counts": counts(page).inner_text(),
        "step": page.locator("#step-words").inner_text(),
        "gain": value(page, "mapper.gain"),
        "resolution": value(page, "mapper.resolution"),
        "fraction": value(page, "filters.fraction"),
        **{name: page.locator(f"#{name}").input_value() for name in controls},
        **{
            name: page.locator(f"#filters-{name}-caption").inner_text()
            for name in ("mapper", "beside", "members", "barcode", "rose", "projection")
        },
    }


def test_a_copied_link_restores_everything(demo: str, open_page: Callable[..., Watched]) -> None:
    one = open_page(permissions=["clipboard-read", "clipboard-write"]).page
    open_at(one, demo + FULL, says=re.compile("conv2: .*null|conv2: .*permuted"))
    calm(one)
    primary = points(one, "filters-members")[2]["pick"]
    click(one, "filters-members", primary)
    expect(one.locator("#filters-members-caption")).to_contain_text("clicked filter: run-0")
    calm(one)
    one.locator("#copy").click()
    expect(one.locator("#copied")).to_contain_text("Link copied")
    link = one.evaluate("navigator.clipboard.readText()")
    assert link == one.url
    other = open_page().page
    open_at(other, link, says=finding(one).inner_text())
    calm(other)
    expect(counts(other)).to_have_text(counts(one).inner_text())
    assert state(other) == state(one)
    assert shown(other) == shown(one)
    expect(other.locator("#note")).to_be_empty()
    one.reload()
    expect(counts(one)).to_have_text(counts(other).inner_text())
    calm(one)
    assert shown(one) == shown(other)


def test_the_address_follows_what_is_done(demo: str, watched: Watched) -> None:
    page = watched.page
    open_at(page, demo + FILTERS)
    choose(page, "control-colour", "residual")
    more(page)
    choose(page, "control-scale", "of this step")
    more(page)
    expect(page.locator("#filters-mapper .cbtitle")).to_contain_text("distance")
    assert "colour=residual" in page.url
    assert "scale=own" in page.url
    choose(page, "control-colour", "gradient angle")
    expect(page.locator("#filters-mapper .cbtitle")).to_contain_text("angle")
    assert "colour" not in page.url


NONSENSE = {
    "?experiment=%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E": "There is no experiment",
    "?experiment=mnist_cnn&layer=../../etc/passwd": "There is no layer “../../etc/passwd”",
    f"?experiment=mnist_cnn&step=-{'9' * 999}": "There is no step “-9",
    "?experiment=mnist_cnn&view=%00&colour=hot&beside=you&runs=x": "There is no view",
    f"?experiment=mnist_cnn&select={'a' * 1000}": "names no selection",
    "?experiment=mnist_cnn&view=filters&select=node.99999&primary=x&pin=y@z": "names no filter",
    f"?experiment=mnist_cnn&mapper.lens={'x' * 1024}": "The usual value is shown instead",
}


def test_nonsense_in_the_address_is_said_and_harmless(demo: str, watched: Watched) -> None:
    page = watched.page
    page.on("dialog", lambda _dialog: pytest.fail("an address ran as script"))
    for said, words in NONSENSE.items():
        page.goto(demo + said)
        expect(page.locator("#note")).to_contain_text(words)
        expect(finding(page)).to_contain_text("loop", ignore_case=True)
        assert page.locator("img[src=x]").count() == 0
        expect(page.locator("#fault")).to_be_empty()
        assert len(page.locator("#note").inner_text()) < 1500
        assert page.evaluate("document.documentElement.scrollWidth") <= 1440


def test_two_pages_do_not_disturb_each_other(demo: str, open_page: Callable[..., Watched]) -> None:
    one, other = open_page().page, open_page().page
    open_at(one, demo + FILTERS)
    open_at(other, f"{demo}{FILTERS.replace('conv1', 'conv2')}")
    click(one, "filters-barcode", {"select": "bar.0"})
    expect(counts(one)).not_to_contain_text("0 selected of")
    one.keyboard.press("Home")
    expect(finding(one)).to_contain_text("conv1: No clear loop")
    expect(finding(other)).to_contain_text("conv2: One loop")
    expect(counts(other)).to_contain_text("0 selected of")
