"""Dashboards without a server: what callbacks work with, over samples and small experiments."""

import functools
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from analysis.experiment import Experiment, open_experiment
from analysis.networks import activation_names
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
        return context_of(list(map(open_experiment, folders)), store, settings=settings)

    return make


@pytest.fixture(scope="session")
def shipped(tmp_path_factory: pytest.TempPathFactory, small_mlp: Path) -> Context:
    """Two samples whose results ship, and networks whose results are there; jobs never start."""
    folders = [*(SAMPLES / name for name in ("mnist_cnn", "face_resnet")), small_mlp]
    experiments = [open_experiment(folder) for folder in folders]
    own = tmp_path_factory.mktemp("own")
    store = ResultStore(own, tuple(each.path / "results" for each in experiments))
    context = context_of(experiments, store)
    for layer in activation_names(experiments[-1]):
        for index in range(len(experiments[-1].axis)):
            where = {"experiment": small_mlp.name, "layer": layer, "index": index}
            fill_store(context, {"view": "activations"} | where, store)
    return context


def context_of(experiments: Sequence[Experiment], store: ResultStore, **more: Any) -> Context:
    """Make a dashboard whose jobs never start."""
    jobs = Jobs(store, 1)
    return Context(experiments, Results(store, jobs), jobs, views=views.discover(), **more)


def fill_store(context: Context, said: dict[str, Any], store: ResultStore) -> None:
    """Compute what a view shows at a cursor, as the jobs would."""
    cursor = context.read(said)[0]
    view, ask = context.views[cursor.view], context.ask(cursor)
    for _ in range(3):  # some units are known only when others are there
        wanted: Sequence[Unit] = [u for u in view.units(ask).values() if isinstance(u, Unit)]
        compute(list(dict.fromkeys(wanted)), store, jobs=2, make_executor=ThreadPoolExecutor)


@pytest.fixture(scope="session")
def fill_shipped(shipped: Context) -> Callable[[dict[str, Any]], None]:
    """Compute what `shipped` shows at a cursor, for all tests."""
    return lambda said: fill_store(shipped, said, shipped.results._store)


@pytest.fixture
def fill(store: ResultStore) -> Callable[..., None]:
    """Compute into `store` what a view shows at a cursor."""
    return functools.partial(fill_store, store=store)


@pytest.fixture
def make_small(
    make_experiment: Callable[..., Path], make_mlp: Callable[..., Path]
) -> Callable[..., Path]:
    """Write a small experiment of what a view shows: networks for *Activations*, else filters."""

    def make(view: str) -> Path:
        return make_mlp(runs=2) if view == "activations" else make_experiment()

    return make


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
