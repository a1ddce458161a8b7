"""Claims on units of work: files beside the results, so that processes share work."""

import contextlib
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

STALE = 60.0
"""Seconds without a sign of life after which a claim is taken over."""

BEAT = 10.0
"""Seconds between two signs of life."""


@contextlib.contextmanager
def claim(path: Path) -> Iterator[bool]:
    """Claim a unit for this process; yields False when another one is at work on it.

    A claim holds process id, host and time, and is touched while it is held. That of a dead process
    of this host, or one without a sign of life for `STALE` seconds, is taken over. Where the folder
    cannot be written there are no claims, and the unit is computed.
    """
    mine = _take(path)
    ended = threading.Event()
    if mine:
        threading.Thread(target=_beat, args=(path, ended), daemon=True).start()
    try:
        yield mine
    finally:
        ended.set()
        if mine:
            with contextlib.suppress(OSError):
                path.unlink()


def _beat(path: Path, ended: threading.Event) -> None:
    while not ended.wait(BEAT):
        with contextlib.suppress(OSError):
            os.utime(path)


def is_held(path: Path) -> bool:
    """Say whether a live process claims the unit."""
    return path.exists() and not _is_stale(path, _read(path))


def _take(path: Path) -> bool:
    text = _read(path)
    try:
        if path.exists():
            if not _is_stale(path, text):
                return False
            _remove_stale(path, text)
        _write(path)
    except FileExistsError:
        return not path.parent.is_dir()
    except OSError:
        return True
    return True


def _write(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("x") as file:
        mine = {"pid": os.getpid(), "host": socket.gethostname(), "time": time.time()}
        file.write(json.dumps(mine))


def _remove_stale(path: Path, text: str) -> None:
    aside = path.with_suffix(f".stale-{os.getpid()}")
    try:
        path.rename(aside)
    except FileNotFoundError:
        return
    # another process may have taken it over between our look and the renaming: give it back
    if _read(aside) != text:
        with contextlib.suppress(OSError):
            os.link(aside, path)
    aside.unlink(missing_ok=True)


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError):
        return ""


def _parse(text: str) -> dict[str, Any]:
    try:
        held = json.loads(text)
    except ValueError:
        return {}
    return held if isinstance(held, dict) and isinstance(held.get("pid"), int) else {}


def _is_stale(path: Path, text: str) -> bool:
    held = _parse(text)
    if held.get("host") == socket.gethostname() and not is_alive(held["pid"]):
        return True
    # a process id may be another program's by now, after a restart or in another container
    try:
        return time.time() - path.stat().st_mtime > STALE
    except OSError:
        return True


def is_alive(pid: int) -> bool:
    """Say whether a process of this host is running."""
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # there, but another user's
        return True
    return True
