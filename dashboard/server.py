"""Serving the dashboard with waitress."""

import socket
import sys
import threading
import webbrowser
from collections.abc import Callable, Sequence

import waitress

from analysis import kernels, registry
from analysis.errors import NerveScopeError
from analysis.experiment import Experiment
from analysis.scheduler import default_jobs
from analysis.store import ResultStore
from analysis.units import Settings, Unit, plan
from dashboard import views
from dashboard.app import LOOPBACK, create_app
from dashboard.context import Context
from dashboard.jobs import Jobs
from dashboard.results import Results
from dashboard.serving import Serving

TRIES = 20

SOON, LATER = 3.0, 6.0
"""Seconds after which kernels are loaded, and work begins that nobody has asked for.

The first picture comes before both: what it shows is often in the store already.
"""


def run(
    experiments: Sequence[Experiment],
    store: ResultStore,
    how: Serving,
    *,
    settings: Settings,
    ahead: bool,
) -> None:
    """Serve until interrupted.

    Parameters
    ----------
    experiments, store
        What is shown, and where results are.
    how : Serving
        See there.
    settings : mapping
        Parameters by analysis name.
    ahead : bool
        Whether to compute everything that is missing without being asked.
    """
    work = Jobs(store, how.jobs or default_jobs())
    context = Context(
        experiments, Results(store, work), work, views=views.discover(), settings=settings
    )
    listening = _listen(how.host, how.port)
    server = waitress.create_server(
        create_app(context, how.host).server, sockets=[listening], threads=8
    )
    _after(SOON, kernels.warm)
    work.start()
    if ahead:
        _after(LATER, lambda: work.ahead(everything(experiments, settings)))
    name = f"[{how.host}]" if ":" in how.host else how.host
    shown = f"http://{name}:{listening.getsockname()[1]}/"
    print(f"NerveScope is at {shown} (Ctrl-C ends it)", file=sys.stderr, flush=True)  # noqa: T201
    if how.host not in LOOPBACK:
        print("There is no password: whoever reaches this address sees all.", file=sys.stderr)  # noqa: T201
    if how.browser:
        webbrowser.open(shown)
    try:
        server.run()
    finally:
        work.close()


def everything(experiments: Sequence[Experiment], settings: Settings) -> list[Unit]:
    """List the units of all analyses, with null models; last steps first, since they show most."""
    units: list[Unit] = []
    for experiment in experiments:
        for name in registry.leaves():
            for variant in registry.variants(name, settings):
                units += plan(experiment, name, settings=variant)
    return sorted(units, key=lambda unit: -unit.step.step)


def _after(seconds: float, act: Callable[[], None]) -> None:
    later = threading.Timer(seconds, act)
    later.daemon = True
    later.start()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for candidate in range(port, min(port + TRIES, 65536) if port else 1):
        listening = socket.socket(family, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((host, candidate))
        except OSError as error:
            listening.close()
            last = error
            continue
        return listening
    msg = f"{host}:{port}: cannot listen there ({last.strerror}); choose another --port or --host"
    raise NerveScopeError(msg)
