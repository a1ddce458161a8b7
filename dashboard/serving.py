"""How the dashboard is served; apart from the server, which loads all of dash."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Serving:
    """How to serve.

    Attributes
    ----------
    store : Path or None
        Folder of results; the user's cache folder where left out.
    jobs : int or None
        Worker processes; one per processor where left out.
    host, port : str, int
        Where to listen; the next free port is taken when this one is in use.
    browser : bool
        Whether to open the page.
    """

    store: Path | None
    jobs: int | None
    host: str
    port: int
    browser: bool
