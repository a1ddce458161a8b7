"""Finds a Chromium for the browser tests, or installs one; `make test` runs it first.

On PATH, else Debian's package where it can be installed (root), else Playwright's own download.
Prints its path, through which pictures are exported too.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
ADVICE = (
    "No Chromium or Chrome was found and none could be installed. Install one with\n"
    "    apt-get install chromium\n"
    "(or your system's package) and run `make test` again."
)


def on_path() -> str | None:
    """Return the browser on PATH, or None."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


def downloaded() -> str | None:
    """Return the browser that Playwright has downloaded, or None."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).is_file() else None


def browser() -> str | None:
    """Return a browser that is there, or None."""
    return on_path() or downloaded()


def _run(*command: str) -> bool:
    print("+", *command, file=sys.stderr, flush=True)  # noqa: T201
    try:
        return subprocess.run(command, check=False, stdout=sys.stderr).returncode == 0
    except OSError:
        return False


def install() -> None:
    """Try Debian's package, then Playwright's download."""
    if os.geteuid() == 0 and shutil.which("apt-get"):
        _run("apt-get", "update", "-qq")
        if _run("apt-get", "install", "-y", "-qq", "chromium") and on_path():
            return
    _run(sys.executable, "-m", "playwright", "install", "chromium")


if __name__ == "__main__":
    if browser() is None:
        install()
    found = browser()
    if found is None:
        sys.exit(ADVICE)
    print(found)  # noqa: T201
