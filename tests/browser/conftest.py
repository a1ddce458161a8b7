"""A served dashboard and a headless Chromium that watches console and network."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

sys.path.insert(0, str(Path(__file__).parent))
import find
from drive import Watched, watch

expect.set_options(timeout=30_000)  # a busy machine is slow, not wrong
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = find.browser()
    if path is None:
        pytest.fail(find.ADVICE)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield chromium
        chromium.close()


@contextmanager
def serving(folder: Path) -> Iterator[Callable[..., str]]:
    """Start `nervescope` as a user does; what is given returns its address."""
    servers: list[subprocess.Popen[bytes]] = []

    def start(*arguments: str, store: Path | None = None) -> str:
        port = free_port()
        command = [sys.executable, "-m", "dashboard", *arguments, "--port", str(port)]
        command += ["--no-open", "--jobs", "1", "--store", str(store or folder / "store")]
        log = (folder / f"server-{len(servers)}.log").open("wb")
        servers.append(subprocess.Popen(command, stdout=log, stderr=log))
        log.close()
        address = f"http://127.0.0.1:{port}/"
        wait_for(address, servers[-1])
        return address

    yield start
    for server in servers:
        server.terminate()
    for server in servers:
        server.wait(20)


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., str]]:
    """A server of one's own, for what changes its jobs, its store or its files."""
    with serving(tmp_path) as start:
        yield start


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of `nervescope demo`, which all tests that only look share."""
    with serving(tmp_path_factory.mktemp("demo")) as start:
        yield start("demo")


def wait_for(address: str, server: subprocess.Popen[bytes], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert server.poll() is None, f"the server ended with code {server.returncode}"
        try:
            with urllib.request.urlopen(address, timeout=5):  # noqa: S310 - loopback
                return
        except OSError:
            time.sleep(0.1)
    pytest.fail(f"{address} did not answer within {seconds} s")


SIZE = {"width": 1440, "height": 900}


@pytest.fixture(scope="session")
def window(browser: Browser) -> Iterator[BrowserContext]:
    """One window for all tests that need none of their own: its scripts are compiled once."""
    context = browser.new_context(viewport=SIZE)
    yield context
    context.close()


@pytest.fixture
def watched(window: BrowserContext) -> Iterator[Watched]:
    """One page of 1440 × 900.

    The test fails on any console error and any request beyond the loopback address.
    """
    seen = watch(window)
    yield seen
    keep_picture(seen.page, "page")
    seen.page.close()
    assert seen.errors == []
    assert seen.outside == []


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., Watched]]:
    """Open pages, each like a browser of its own; they fail the test as `watched` does."""
    opened: list[Watched] = []

    def make(width: int = 1440, height: int = 900, **more: object) -> Watched:
        size = {"width": width, "height": height}
        opened.append(watch(browser.new_context(viewport=size, **more)))
        return opened[-1]

    yield make
    for i, seen in enumerate(opened):
        keep_picture(seen.page, f"page-{i}")
        seen.page.context.close()
    assert [error for seen in opened for error in seen.errors] == []
    assert [url for seen in opened for url in seen.outside] == []


def keep_picture(page: Page, name: str) -> None:
    if folder := os.environ.get("NERVESCOPE_SCREENSHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=str(Path(folder) / f"{time.time():.0f}-{name}.png"))
