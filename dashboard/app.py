"""The Dash app: made by a function, nothing happens at import."""

import base64
import contextlib
import hashlib
import logging
import re
from typing import Any
from urllib.parse import urlsplit

import dash_mantine_components as dmc
from dash import Dash, set_props
from flask import Response, request

from analysis import resources
from dashboard import ids, pictures, shell, wiring
from dashboard.context import Context

LOG = logging.getLogger("nervescope")
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def create_app(context: Context, host: str = "127.0.0.1") -> Dash:
    """Make the app over experiments, results and jobs.

    Parameters
    ----------
    context : Context
        What its callbacks work with.
    host : str
        The address it is served at. On a loopback address, requests under any other name are
        refused: a page elsewhere could otherwise reach it through a name of its own.
    """
    app = Dash(
        "nervescope",
        title="NerveScope",
        update_title="",
        assets_folder=str(resources.folder("assets")),
        serve_locally=True,
        include_pages_meta=False,
        on_error=_tell,
    )
    _compress(app)
    dmc.pre_render_color_scheme()  # no flash of the other scheme
    app.layout = lambda: shell.layout(context)
    wiring.register(app, context)
    pictures.register(app, context)
    if host in LOOPBACK:
        app.server.before_request(_refuse_other_names)
    app.server.after_request(_harden)
    return app


def _compress(app: Dash) -> None:
    """Compress what is sent; files that never change are compressed once."""
    from flask_compress import Compress

    kept: dict[str, Any] = {}
    app.server.config["COMPRESS_ALGORITHM"] = ["br", "gzip"]
    app.server.config["COMPRESS_BR_LEVEL"] = 1  # of large files made once a start
    app.server.config["COMPRESS_MIN_SIZE"] = 2000
    app.server.config["COMPRESS_CACHE_KEY"] = lambda asked: asked.full_path
    app.server.config["COMPRESS_CACHE_BACKEND"] = lambda: _Files(kept)
    Compress(app.server)


class _Files:
    """Compressed files by address; answers to callbacks are not kept."""

    def __init__(self, kept: dict[str, Any]) -> None:
        self._kept = kept

    def get(self, key: str) -> Any:
        return self._kept.get(key)

    def set(self, key: str, value: Any) -> None:
        if "/_dash-component-suites/" in key or "/assets/" in key:
            self._kept[key] = value


def _refuse_other_names() -> Response | None:
    name = (urlsplit(f"//{request.host}").hostname or "").lower()
    if name in LOOPBACK:
        return None
    return Response(f"{name!r} is not a name of this machine's loopback address", status=403)


def _tell(error: Exception) -> Any:
    """Say on the page that a callback failed, and let the rest go on."""
    LOG.error("a callback failed: %s: %s", type(error).__name__, error, exc_info=error)
    words = (
        f"A part of the page failed ({type(error).__name__}: {error}); the terminal has details."
    )
    with contextlib.suppress(Exception):  # where there is no page to tell
        set_props(ids.FAULT, {"children": words[:300]})


POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; font-src 'self' data:; "
    "style-src 'self' 'unsafe-inline'; object-src 'none'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; script-src 'self'"
)
INLINE = re.compile(r"<script(?![^>]*\ssrc=)[^>]*>(.*?)</script>", re.DOTALL)


def _harden(response: Response) -> Response:
    """Keep other origins out, and this page from loading or running anything but its own."""
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["X-Frame-Options"] = "DENY"
    response.headers["Referrer-Policy"] = "no-referrer"
    if response.mimetype == "text/html":
        hashes = [_hash(script) for script in INLINE.findall(response.get_data(as_text=True))]
        response.headers["Content-Security-Policy"] = " ".join([POLICY, *hashes])
    return response


def _hash(script: str) -> str:
    digest = hashlib.sha256(script.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
