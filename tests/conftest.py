"""Small experiments that tests share: made here, from numbers with known shapes."""

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from analysis.store import ResultStore

ROOT = Path(__file__).parents[1]
SAMPLES = ROOT / "sample_models"


def gradients(n: int, *, seed: int, noise: float = 0.05) -> np.ndarray:
    """Noisy linear gradients at random angles, shape (n, 1, 3, 3): near the primary circle."""
    rng = np.random.default_rng(seed)
    angle = rng.uniform(0, 2 * np.pi, n)
    y, x = np.mgrid[-1:2, -1:2]
    clean = np.cos(angle)[:, None, None] * x + np.sin(angle)[:, None, None] * y
    return (clean + noise * rng.normal(size=clean.shape))[:, None].astype(np.float32)


@pytest.fixture
def samples() -> Path:
    """The sample models that ship."""
    return SAMPLES


@pytest.fixture
def make_experiment(tmp_path: Path) -> Callable[..., Path]:
    """Write an experiment of runs × steps: noise at step 0, a circle at the last step."""

    def make(
        name: str = "small", *, runs: int = 2, steps: tuple[int, ...] = (0, 100), n: int = 150
    ) -> Path:
        folder = tmp_path / name
        for run in range(runs):
            for step in steps:
                seed = 1000 * run + step
                last = step == steps[-1]
                noise = np.random.default_rng(seed).normal(size=(n, 1, 3, 3)).astype(np.float32)
                path = folder / f"run-{run:03d}" / f"step-{step:06d}.safetensors"
                path.parent.mkdir(parents=True, exist_ok=True)
                save_file({"conv1.weight": gradients(n, seed=seed) if last else noise}, path)
        return folder

    return make


MLP = """
title = "small"

[architecture]
kind = "mlp"
input = [2]
hidden = [6, 5]
classes = 2
init = "he"

[dataset]
name = "disks"
step = 0.08

[analysis.landscapes]
inputs = {inputs}
"""
"""A network that learns nothing, and about 480 points to show it."""


def write_mlp(
    folder: Path,
    *,
    runs: int = 3,
    steps: tuple[int, ...] = (0, 100),
    inputs: int = 60,
    dead: str = "",
) -> Path:
    """Write an experiment of small networks, runs × steps, each with weights of its own."""
    from analysis.architectures import build

    folder.mkdir()
    text = MLP.format(inputs=inputs)
    (folder / "experiment.toml").write_text(text)
    spec = tomllib.loads(text)["architecture"]
    for run in range(runs):
        for step in steps:
            state = build(spec, seed=1000 * run + step).state_dict()
            arrays = {key: value.numpy().copy() for key, value in state.items()}
            for key, array in arrays.items():
                if dead and key.startswith(f"{dead}."):
                    array[:] = 0 if key.endswith("weight") else -1
            path = folder / f"run-{run:03d}" / f"step-{step:06d}.safetensors"
            path.parent.mkdir(exist_ok=True)
            save_file(arrays, path)
    return folder


@pytest.fixture
def make_mlp(tmp_path: Path) -> Callable[..., Path]:
    """Write an experiment of small networks; arguments as those of `write_mlp`."""

    def make(name: str = "mlp", **how: Any) -> Path:
        return write_mlp(tmp_path / name, **how)

    return make


@pytest.fixture(scope="session")
def small_mlp(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An experiment of small networks that tests share and do not change."""
    return write_mlp(tmp_path_factory.mktemp("networks") / "mlp")


@pytest.fixture
def store(tmp_path: Path) -> ResultStore:
    """An empty store."""
    return ResultStore(tmp_path / "store")
