"""Dark mode, small screens, the keyboard's focus, help."""

from collections.abc import Callable

import pytest
from drive import FILTERS, Watched, calm, layout, more, open_at, view
from playwright.sync_api import expect

pytestmark = pytest.mark.browser
TITLES = ("Overview", "Filters", "Evolution", "Stability")


def test_dark_mode_recolours_the_figures(demo: str, open_page: Callable[..., Watched]) -> None:
    page = open_page().page  # the scheme is remembered
    open_at(page, demo + FILTERS)
    ground = page.locator("#filters-mapper .main-svg").first
    expect(ground).to_have_css("background-color", "rgb(255, 255, 255)")
    ink = layout(page, "filters-mapper", "font")
    page.locator("#toggle").click()
    expect(ground).to_have_css("background-color", "rgb(20, 23, 28)")
    expect(page.locator("body")).to_have_css("background-color", "rgb(14, 16, 20)")
    assert layout(page, "filters-mapper", "font") != ink
    for title in TITLES:
        view(page, title)
        box = page.locator(f"#view-{title.lower()} .js-plotly-plot .main-svg").first
        expect(box).to_have_css("background-color", "rgb(20, 23, 28)")
    page.reload()
    expect(page.locator("body")).to_have_css("background-color", "rgb(14, 16, 20)")


def test_a_page_opens_in_the_scheme_of_the_system(
    demo: str, open_page: Callable[..., Watched]
) -> None:
    page = open_page(color_scheme="dark").page
    open_at(page, demo + FILTERS)
    ground = page.locator("#filters-mapper .main-svg").first
    expect(ground).to_have_css("background-color", "rgb(20, 23, 28)")


HIDDEN = """() => [...document.querySelectorAll(
    ".header :is(button, input), .cursor-bar button, .toolbar :is(button, input), .status button"
  )].filter((each) => each.checkVisibility() && !each.disabled && each.type !== "radio")
  .filter((each) => {
    each.scrollIntoView({ block: "center" });
    const box = each.getBoundingClientRect();
    const hit = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
    return !(hit && (hit === each || each.contains(hit) || hit.contains(each)));
  }).map((each) => each.id || each.outerHTML.slice(0, 80))"""


OUTSIDE = """() => [...document.querySelectorAll(
    ".panel, .toolbar > *, .header > *, .cursor-bar > *, .more .controls"
  )].filter((each) => each.offsetParent && each.getBoundingClientRect().right > 1024.5)
  .map((each) => each.id || each.className)"""


def test_a_small_screen_shows_everything(demo: str, open_page: Callable[..., Watched]) -> None:
    page = open_page(1024, 768).page
    open_at(page, f"{demo}{FILTERS}&select=angle.0-45")
    calm(page)
    more(page)
    for title in TITLES:
        view(page, title)
        page.wait_for_timeout(300)  # figures take their new width
        assert page.evaluate("document.documentElement.scrollWidth") <= 1024
        assert page.evaluate(HIDDEN) == []
        assert page.evaluate(OUTSIDE) == []


LOOK = """() => {
  let at = window.focused = document.activeElement === document.body ? window.focused
    : document.activeElement;
  const around = [at, at.nextElementSibling, at.parentElement, at.parentElement.parentElement];
  return [at.id || at.outerHTML.slice(0, 90), around.filter(Boolean).map((each) => {
    const now = getComputedStyle(each);
    return [now.outline, now.boxShadow, now.borderColor];
  }).join(";")];
}"""


def test_the_focus_of_the_keyboard_is_visible_and_goes_everywhere(
    demo: str, watched: Watched
) -> None:
    page = watched.page
    open_at(page, demo + FILTERS)
    calm(page)
    seen, unseen = set(), []
    page.locator("#experiment").focus()
    for _ in range(22):
        page.keyboard.press("Tab")
        page.wait_for_timeout(150)  # borders change slowly
        name, look = page.evaluate(LOOK)
        page.evaluate("document.activeElement.blur()")  # Tab goes on from there
        page.wait_for_timeout(150)
        seen.add(name)
        if page.evaluate(LOOK)[1] == look:
            unseen.append(name)
    assert {"runs", "copy", "toggle", "help-button", "layer", "play", "reset"} <= seen
    assert any('"filters-mapper"' in name for name in seen)
    assert unseen == []


def test_help_speaks_of_the_view(demo: str, watched: Watched) -> None:
    page = watched.page
    open_at(page, demo + FILTERS)
    help_ = page.get_by_role("dialog", name="What am I looking at?")
    for title in TITLES:
        view(page, title)
        page.locator("#finding").click()
        page.keyboard.press("?")
        expect(help_).to_be_visible()
        expect(page.locator("#help-view")).to_have_text(title)
        for part in ("shows", "read", "limits"):
            assert len(page.locator(f"#help-{part}").inner_text()) > 60
        page.keyboard.press("Escape")
        expect(help_).to_be_hidden()


TWICE = """() => {
  const ids = [...document.querySelectorAll("[id]")].map((each) => each.id);
  return ids.filter((id, i) => ids.indexOf(id) !== i && !/^(clip|legend|cb|topdefs)/.test(id));
}"""


def test_ids_are_unique(demo: str, watched: Watched) -> None:
    page = watched.page
    open_at(page, demo + FILTERS)
    calm(page)
    assert page.evaluate(TWICE) == []
