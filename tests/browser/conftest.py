"""A served dashboard and a headless Chromium that watches console and network."""

import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

sys.path.insert(0, str(Path(__file__).parent))
import find

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


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., str]]:
    """Start `nervescope` as a user does; returns its address."""
    servers: list[subprocess.Popen[bytes]] = []

    def start(*arguments: str, store: Path | None = None) -> str:
        port = free_port()
        command = [sys.executable, "-m", "dashboard", *arguments, "--port", str(port)]
        command += ["--no-open", "--jobs", "1", "--store", str(store or tmp_path / "store")]
        log = (tmp_path / f"server-{len(servers)}.log").open("wb")
        servers.append(subprocess.Popen(command, stdout=log, stderr=log))
        log.close()
        address = f"http://127.0.0.1:{port}/"
        wait_for(address, servers[-1])
        return address

    yield start
    for server in servers:
        server.terminate()
        server.wait(20)


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


@dataclass
class Watched:
    """A page with everything that went wrong or left the machine."""

    page: Page
    errors: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)


@pytest.fixture
def watched(browser: Browser) -> Iterator[Watched]:
    """A page; the test fails on any console error and any request beyond the loopback address."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.set_default_timeout(30_000)
    seen = Watched(page)
    page.on("pageerror", lambda error: seen.errors.append(str(error)))
    page.on(
        "console",
        lambda message: seen.errors.append(message.text) if message.type == "error" else None,
    )
    local = re.compile(r"^(https?://127\.0\.0\.1[:/]|data:|blob:|about:)")
    page.on(
        "request",
        lambda request: None if local.match(request.url) else seen.outside.append(request.url),
    )
    yield seen
    if folder := os.environ.get("NERVESCOPE_SCREENSHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=str(Path(folder) / f"{os.getpid()}-{time.time():.0f}.png"))
    context.close()
    assert seen.errors == []
    assert seen.outside == []
