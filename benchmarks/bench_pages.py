"""The dashboard: start to first picture, server time, click to picture, scrubbing, memory."""

import json
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PORT = 8971
REQUESTS = 200
CLICKS = 20
STEPS = 12
PACE = 150
"""Milliseconds from one step to the next while scrubbing."""
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
LAYER = {"experiment": "mnist_cnn", "layer": "conv1", "step": "200"}
LARGE = {  # about 300 nodes with filter images
    "experiment": "natural_patches",
    "layer": "primary_circle",
    "view": "filters",
    "params": {"mapper.resolution": 25},
}


@contextmanager
def served(store: Path) -> Iterator[str]:
    """Serve the sample models as `nervescope demo` does."""
    command = [sys.executable, "-m", "dashboard", "demo", "--no-open", "--port", str(PORT)]
    server = subprocess.Popen(
        [*command, "--store", str(store)], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
    )
    assert server.stderr is not None  # noqa: S101
    line = server.stderr.readline().decode()
    found = re.search(r"http://\S+", line)
    if found is None:
        sys.exit(f"the server did not start: {line}")
    try:
        yield found.group(0)
    finally:
        server.terminate()
        server.wait(30)


def ask(address: str, cursor: dict[str, Any]) -> tuple[float, dict[str, Any]]:
    """Ask for the frames of a cursor as the page does; returns seconds and the answer."""
    request = {"n": 1, "cursor": cursor, "scheme": "light", "skip": []}
    payload = {
        "output": "frames.data",
        "outputs": {"id": "frames", "property": "data"},
        "inputs": [{"id": "request", "property": "data", "value": request}],
        "changedPropIds": ["request.data"],
        "state": [],
    }
    headers = {"Content-Type": "application/json"}
    asked = urllib.request.Request(  # noqa: S310
        address + "_dash-update-component", json.dumps(payload).encode(), headers
    )
    start = time.perf_counter()
    with urllib.request.urlopen(asked, timeout=60) as answer:  # noqa: S310
        body = answer.read()
    seconds = time.perf_counter() - start
    return seconds, json.loads(body)["response"]["frames"]["data"]


def wait_until_final(address: str, cursor: dict[str, Any], seconds: float = 240) -> None:
    """Wait for all that a cursor shows."""
    end = time.monotonic() + seconds
    while not all(each["final"] for each in ask(address, cursor)[1]["frames"]):
        if time.monotonic() > end:
            sys.exit(f"{cursor}: not computed within {seconds:.0f} s")
        time.sleep(0.3)


def told(name: str, times: list[float], aim: str) -> None:
    """Print median and 95th percentile in milliseconds."""
    ordered = sorted(times)
    p95 = ordered[min(int(0.95 * len(ordered)), len(ordered) - 1)]
    print(
        f"{name}: median {1000 * statistics.median(ordered):.0f} ms, p95 {1000 * p95:.0f} ms "
        f"of {len(ordered)} (aim: {aim})",
        flush=True,
    )


def measure_server(address: str) -> None:
    """Time views whose results exist, the same again and with another node each time."""
    for view in ("overview", "filters", "evolution"):
        cursor = LAYER | {"view": view}
        wait_until_final(address, cursor)
        times = [ask(address, cursor)[0] for _ in range(REQUESTS)]
        told(f"server, cached view {view}", times, "100 ms")
    times = []
    for i in range(REQUESTS):
        cursor = LAYER | {"view": "filters", "select": f"node.{i % 80}", "at": "200"}
        cursor["colour"] = ("angle", "density", "residual")[i // 80]
        times.append(ask(address, cursor)[0])
    told("server, filters with another node or colour each time", times, "100 ms")


def measure_browser(address: str, start: float, path: str) -> None:
    """Time what a person sees in headless Chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
        page.set_default_timeout(60_000)
        page.goto(address)
        page.locator("#overview-shape image").first.wait_for()
        print(
            f"start of the program to the first picture: {time.monotonic() - start:.1f} s (aim: 5)"
        )
        measure_clicks(page, address)
        measure_scrubbing(page, address)
        browser.close()


WATCH = """() => {
  window.times = [];
  let start = null;
  document.addEventListener("click", () => (start = performance.now()), true);
  const graph = document.getElementById("filters-mapper");
  new MutationObserver((changes) => {
    if (start === null || !changes.some((each) => each.target.tagName === "image")) return;
    const began = start;
    start = null;
    requestAnimationFrame(() => requestAnimationFrame(() =>
      window.times.push((performance.now() - began) / 1000)));
  }).observe(graph, { subtree: true, attributes: true, childList: true });
}"""


def measure_clicks(page: Any, address: str) -> None:
    """Click nodes of a large graph; time until the picture that marks them is there."""
    wait_until_final(address, LARGE)
    params = "&".join(f"{name}={value}" for name, value in LARGE["params"].items())  # type: ignore[attr-defined]
    page.goto(
        f"{address}?view=filters&experiment={LARGE['experiment']}&layer={LARGE['layer']}&{params}"
    )
    points = page.locator("#filters-mapper .scatterlayer .point")
    points.nth(100).wait_for(state="attached")
    page.wait_for_timeout(4000)
    count = points.count()
    page.evaluate(WATCH)
    for i in range(CLICKS):
        box = points.nth((7 + 13 * i) % count).bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        page.mouse.move(x, y)
        page.wait_for_timeout(300)
        page.mouse.click(x, y)
        page.wait_for_timeout(1200)
    told(
        f"click to picture, {count} nodes with filter images",
        page.evaluate("window.times"),
        "300 ms",
    )


def measure_scrubbing(page: Any, address: str) -> None:
    """Move over loaded steps; main-thread time of a step above that of the page at rest."""
    page.goto(f"{address}?view=filters&experiment=mnist_cnn&layer=conv1&step=500")
    page.locator("#filters-mapper image").first.wait_for()
    page.wait_for_timeout(6000)
    asked: list[str] = []
    page.on("request", lambda each: asked.append(each.post_data or "") if each.post_data else None)
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")

    def busy() -> float:
        metrics = session.send("Performance.getMetrics")["metrics"]
        return float(next(each["value"] for each in metrics if each["name"] == "TaskDuration"))

    def spent(act: Callable[[], None]) -> float:
        before = busy()
        act()
        page.wait_for_timeout(700)
        return busy() - before

    rest = statistics.median(spent(lambda: None) for _ in range(5))
    page.mouse.move(700, 150)
    keys = ["ArrowLeft", "ArrowRight"] * (STEPS // 2)
    times = [max(spent(lambda key=key: page.keyboard.press(key)) - rest, 0.0) for key in keys]  # type: ignore[misc]
    told("one step over loaded frames and all it redraws, main-thread time", times, "100 ms")

    def scrub() -> None:
        for key in keys:
            page.keyboard.press(key)
            page.wait_for_timeout(PACE)

    seconds = (len(keys) * PACE + 700) / 700 * rest
    each = (spent(scrub) - seconds) / len(keys)
    print(
        f"scrubbing, a step each {PACE} ms: {1000 * each:.0f} ms of main thread per step (aim: 100)"
    )
    keys *= 2
    frames = sum('"frames.data"' in each or '"ahead.data"' in each for each in asked)
    print(f"scrubbing: {frames} of {len(keys)} steps asked the server for frames (aim: 0)")


def main() -> None:
    """Print the figures of one run."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.monotonic()
        with served(Path(folder)) as address:
            names = ("chromium", "chromium-browser", "google-chrome")
            path = next(filter(None, map(shutil.which, names)), None)
            if path is None:
                print("no Chromium on the PATH: what is seen in the browser is not measured")
            else:
                measure_browser(address, start, path)
            measure_server(address)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"peak memory of the largest process: {peak:.0f} MB (aim: 1,000)")


if __name__ == "__main__":
    main()
