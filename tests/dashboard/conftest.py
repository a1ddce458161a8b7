"""Dashboards without a server: what callbacks work with, over samples and small experiments."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from analysis.experiment import open_experiment
from analysis.scheduler import compute
from analysis.store import ResultStore
from analysis.units import Unit
from dashboard import views
from dashboard.context import Context
from dashboard.jobs import Jobs
from dashboard.results import Results

SAMPLES = Path(__file__).parents[2] / "sample_models"


@pytest.fixture
def open_context(store: ResultStore) -> Callable[..., Context]:
    """Open folders as one dashboard whose jobs never start; the store is `store`."""

    def make(*folders: Path, settings: Any = None) -> Context:
        experiments = [open_experiment(folder) for folder in folders]
        jobs = Jobs(store, 1)
        found = views.discover()
        return Context(experiments, Results(store, jobs), jobs, views=found, settings=settings)

    return make


@pytest.fixture(scope="session")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Context:
    """The two samples whose results ship, over an empty store of the user's; jobs never start."""
    experiments = [open_experiment(SAMPLES / name) for name in ("mnist_cnn", "face_resnet")]
    folders = tuple(each.path / "results" for each in experiments)
    store = ResultStore(tmp_path_factory.mktemp("own"), folders)
    jobs = Jobs(store, 1)
    return Context(experiments, Results(store, jobs), jobs, views=views.discover())


@pytest.fixture
def fill(store: ResultStore) -> Callable[..., None]:
    """Compute into `store` what a view shows at a cursor, as the jobs would."""

    def run(context: Context, said: dict[str, Any]) -> None:
        cursor = context.read(said)[0]
        view, ask = context.views[cursor.view], context.ask(cursor)
        for _ in range(3):  # some units are known only when others are there
            wanted: Sequence[Unit] = [u for u in view.units(ask).values() if isinstance(u, Unit)]
            compute(list(dict.fromkeys(wanted)), store, jobs=2, make_executor=ThreadPoolExecutor)

    return run


@pytest.fixture
def make_layers(tmp_path: Path) -> Callable[..., Path]:
    """Write one checkpoint with layers of so many random filters: ``make_layers(a=200, b=5)``."""

    def make(**counts: int) -> Path:
        path = tmp_path / "net.safetensors"
        rng = np.random.default_rng(0)
        save_file(
            {
                f"{name}.weight": rng.normal(size=(n, 1, 3, 3)).astype(np.float32)
                for name, n in counts.items()
            },
            path,
        )
        return path

    return make
