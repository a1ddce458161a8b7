"""What a person does to the page, for tests: click a point of a figure, choose, type, save."""

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, Locator, Page, Request, expect

Serve = Callable[..., str]
Make = Callable[..., Path]
Pick = Mapping[str, Any]

CIRCLE = "?experiment=mnist_cnn&layer=conv1&step=200"
"""A layer in which a circle is known to be."""

FILTERS = f"{CIRCLE}&view=filters"

POINTS = """id => {
  const graph = document.querySelector(`[id="${id}"] .js-plotly-plot`);
  if (!graph || !graph._fullLayout || !graph._fullLayout.xaxis) return [];
  const box = graph.getBoundingClientRect();
  const axis = (name) => graph._fullLayout[`${name[0]}axis${name.slice(1)}`];
  return graph._fullData.flatMap((trace) => Array.from(trace.customdata || [], (pick, i) => {
    const [x, y] = [axis(trace.xaxis), axis(trace.yaxis)];
    const words = Array.isArray(trace.hovertext) ? trace.hovertext[i] : "";
    return { pick, words, x: box.left + x._offset + x.d2p(trace.x[i]),
             y: box.top + y._offset + y.d2p(trace.y[i]) };
  })).filter((point) => point.pick);
}"""

HOVERED = """id => {
  const graph = document.querySelector(`[id="${id}"] .js-plotly-plot`);
  return graph._hoverdata && graph._hoverdata.length ? graph._hoverdata[0].customdata : null;
}"""

LAYOUT = """([id, part]) => {
  const graph = document.querySelector(`[id="${id}"] .js-plotly-plot`);
  return (graph && graph.layout && graph.layout[part]) || null;
}"""


@dataclass
class Watched:
    """A page with everything that went wrong or left the machine."""

    page: Page
    errors: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)


def watch(context: BrowserContext) -> Watched:
    """Open a page, and note console errors and requests beyond the loopback address."""
    page = context.new_page()
    page.set_default_timeout(30_000)
    seen = Watched(page)
    local = re.compile(r"^(https?://127\.0\.0\.1[:/]|data:|blob:|about:)")
    page.on("pageerror", lambda error: seen.errors.append(error.stack or str(error)))
    page.on(
        "console",
        lambda message: seen.errors.append(message.text) if message.type == "error" else None,
    )
    page.on(
        "request",
        lambda request: None if local.match(request.url) else seen.outside.append(request.url),
    )
    return seen


def until(page: Page, ask: Callable[[], Any], *, what: str, seconds: float = 30) -> Any:
    """Wait until something is there; the page's own rules forbid waiting by script in it."""
    end = time.monotonic() + seconds
    while not (found := ask()):
        assert time.monotonic() < end, f"waited {seconds} s for {what}"
        page.wait_for_timeout(40)
    return found


def finding(page: Page) -> Locator:
    return page.locator("#finding")


def counts(page: Page) -> Locator:
    return page.locator("#counts")


def calm(page: Page) -> None:
    """Wait until nothing is computed and what is asked for has come."""
    expect(page.locator("#status")).to_have_text("Nothing to compute.", timeout=90_000)
    until(page, lambda: not page.evaluate("nervescope.isWaiting()"), what="an answer")


def open_at(page: Page, address: str, *, says: str | re.Pattern[str] = "One loop") -> None:
    page.goto(address)
    expect(finding(page)).to_contain_text(says, timeout=60_000)


def points(page: Page, graph: str) -> list[dict[str, Any]]:
    """Return what can be clicked in a figure: its place on the screen and what it picks."""
    found: list[dict[str, Any]] = until(
        page, lambda: page.evaluate(POINTS, graph), what=f"something to click in {graph}"
    )
    return found


def point(page: Page, graph: str, pick: Pick) -> dict[str, Any]:
    wanted = [each for each in points(page, graph) if each["pick"] == pick]
    assert wanted, f"{graph} has no point for {pick}"
    return wanted[len(wanted) // 2]


def lonely(page: Page, graph: str) -> dict[str, Any]:
    """Return the point that is furthest from its neighbours, which cannot be missed."""
    every = points(page, graph)

    def room(one: dict[str, Any]) -> float:
        others = [each for each in every if each is not one]
        return min((o["x"] - one["x"]) ** 2 + (o["y"] - one["y"]) ** 2 for o in others)

    return max(every, key=room)


def layout(page: Page, graph: str, part: str) -> Any:
    """Return a part of a figure's layout, such as its shapes."""
    return page.evaluate(LAYOUT, [graph, part])


def click(page: Page, graph: str, pick: Pick) -> dict[str, Any]:
    """Click a point as the mouse does: where it is drawn, once the figure has seen the mouse."""
    page.locator(f'[id="{graph}"]').scroll_into_view_if_needed()  # nothing is drawn out of sight
    at = point(page, graph, pick)
    page.evaluate("y => window.scrollBy(0, y - window.innerHeight / 2)", at["y"])
    at = point(page, graph, pick)
    page.mouse.move(at["x"] + 3, at["y"] + 2)
    page.mouse.move(at["x"], at["y"])
    hovered: Callable[[], bool] = lambda: page.evaluate(HOVERED, graph) == pick  # noqa: E731
    until(page, hovered, what=f"{graph} to see the mouse at {pick}", seconds=10)
    page.mouse.click(at["x"], at["y"])
    return at


def number(text: str) -> int:
    """Read the first number of a text."""
    found = re.search(r"[\d,]+", text)
    assert found, text
    return int(found[0].replace(",", ""))


def view(page: Page, title: str) -> None:
    """Go to a view by its tab."""
    page.locator("#view").get_by_text(title, exact=True).click()
    expect(page.locator(f"#view-{title.lower()}")).to_be_visible()


def choose(page: Page, control: str, option: str) -> None:
    """Choose in a select."""
    page.locator(f"#{control}").click()
    page.get_by_role("option", name=option, exact=True).click()


def more(page: Page) -> None:
    """Unfold the controls that are not always in sight."""
    page.locator(".view:not(.gone) details.more summary").click()


def fill(page: Page, parameter: str, value: str) -> None:
    """Type a value into the input of a parameter and leave it."""
    box = page.locator(f"#parameter-{parameter.replace('.', '--')}")
    box.fill(value)
    box.press("Tab")


def value(page: Page, parameter: str) -> str:
    return page.locator(f"#parameter-{parameter.replace('.', '--')}").input_value()


def panel(page: Page, kind: str, title: str) -> Locator:
    """Return a panel's button for its table or its picture."""
    words = {"table": "as a table", "svg": "as a vector picture", "png": "as a picture"}[kind]
    return page.get_by_role("button", name=f"{title} {words}", exact=True)


def saved(page: Page, button: Locator) -> Path:
    """Press a button and return the file that comes."""
    with page.expect_download() as download:
        button.click()
    return Path(download.value.path()).rename(
        Path(download.value.path()).with_suffix(Path(download.value.suggested_filename).suffix)
    )


def state(page: Page) -> dict[str, Any]:
    """Return the cursor as the page holds it."""
    found: dict[str, Any] = page.evaluate("nervescope.cursor")
    return found


def settled(page: Page) -> None:
    """Wait until the page asks for nothing ahead any more."""
    calm(page)
    with asked_for(page, "ahead.data") as asked:
        before = -1
        while len(asked) != before:
            before = len(asked)
            page.wait_for_timeout(1500)


def close_table(page: Page) -> None:
    """Close the drawer of tables, which lies over the lowest panels."""
    page.locator(".mantine-Drawer-content:has(#twin-grid) .mantine-Drawer-close").click()
    expect(page.locator("#twin-grid")).to_be_hidden()


@contextmanager
def asked_for(page: Page, *outputs: str) -> Iterator[list[str]]:
    """Collect what the page asks the server for, of some outputs, while this lasts."""
    seen: list[str] = []

    def note(request: Request) -> None:
        if "_dash-update-component" in request.url:
            wanted = json.loads(request.post_data or "{}").get("output", "")
            seen.extend(wanted for name in outputs if name in wanted)

    page.on("request", note)
    yield seen
    page.remove_listener("request", note)
