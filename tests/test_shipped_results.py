"""What ships is what the code computes from the checkpoints that ship."""

import dataclasses
import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis import registry
from analysis.pipeline import load, run_unit
from analysis.store import ResultStore
from analysis.units import Unit, key_of

SAMPLES = Path(__file__).parents[1] / "sample_models"
MOST = 1_000_000


def recipe() -> Any:
    spec = importlib.util.spec_from_file_location("ship_results", SAMPLES / "ship_results.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


SHIP = recipe()


@pytest.mark.parametrize("name", SHIP.SHIPPED)
def test_exactly_the_results_of_the_recipe_ship(name: str) -> None:
    keys = set()
    for unit in SHIP.units(name):
        keys.add(key_of(unit))
    files = {file.stem for file in (SAMPLES / name / "results").iterdir()}
    assert files == keys, "run `make samples`"


def test_shipped_results_are_small_and_name_no_folder_of_the_maker() -> None:
    for name in SHIP.SHIPPED:
        for file in (SAMPLES / name / "results").iterdir():
            assert file.stat().st_size <= MOST
            meta = bytes(np.load(file, allow_pickle=False)["__meta__"]).decode()
            assert str(SAMPLES) not in meta


def chosen() -> list[Unit]:
    """A circle through training and one in a deep layer, each with its null model and graph."""
    units = [*SHIP.units("mnist_cnn"), *SHIP.units("face_resnet")]
    wanted = {("conv1", 0), ("conv1", 200), ("conv64_down.conv1", 0)}
    return [unit for unit in units if (unit.layer, unit.step.step) in wanted]


@pytest.mark.parametrize(
    "unit", chosen(), ids=lambda u: f"{u.analysis}-{u.layer}-{u.step.step}-{key_of(u)[:4]}"
)
def test_an_empty_store_recomputes_what_ships(unit: Unit, tmp_path: Path) -> None:
    name = "mnist_cnn" if unit.layer == "conv1" else "face_resnet"
    shipped = load(unit, ResultStore(SAMPLES / name / "results"))
    store = ResultStore(tmp_path)
    outcome = run_unit(unit, store)
    again = load(unit, store)
    assert outcome.state == "computed"
    assert shipped is not None
    assert again is not None
    assert type(again.result) is registry.get(unit.analysis).result
    same(shipped.result, again.result)
    assert shipped.provenance["inputs"] == again.provenance["inputs"]


def same(one: Any, other: Any) -> None:
    """Compare two results field by field; floats to what another processor may round otherwise."""
    for each in dataclasses.fields(one):
        a, b = getattr(one, each.name), getattr(other, each.name)
        if dataclasses.is_dataclass(a):
            same(a, b)
        elif isinstance(a, np.ndarray) and a.dtype.kind == "f":
            np.testing.assert_allclose(
                a.astype(float), b.astype(float), rtol=1e-3, atol=1e-4, err_msg=each.name
            )
        elif isinstance(a, np.ndarray):
            np.testing.assert_array_equal(a, b, err_msg=each.name)
        elif isinstance(a, tuple) and a and all(isinstance(part, float) for part in a):
            assert a == pytest.approx(b, rel=1e-3, nan_ok=True), each.name
        else:
            assert a == (pytest.approx(b, rel=1e-5) if isinstance(a, float) else b), each.name


@pytest.mark.parametrize("name", SHIP.ACTIVATIONS)
def test_landscapes_that_ship_are_recomputed_from_the_checkpoints(
    name: str, tmp_path: Path
) -> None:
    """Another processor may round activations otherwise, so that the shortest bars come and go."""
    units = {each.analysis: each for each in SHIP.units(name)}
    shipped = ResultStore(SAMPLES / name / "results")
    for kind in ("landscapes", "activation-cloud"):
        assert run_unit(units[kind], ResultStore(tmp_path)).state == "computed"
    old, new = (load(units["landscapes"], each) for each in (shipped, ResultStore(tmp_path)))
    assert old is not None
    assert new is not None
    assert old.result.layers == new.result.layers
    np.testing.assert_array_equal(old.result.rows, new.result.rows)
    np.testing.assert_allclose(old.result.norms, new.result.norms, rtol=1e-2, atol=1e-4)
    for layer in old.result.layers:
        ten = [np.diff(each.result.bars(layer, 1)[:10]) for each in (old, new)]
        np.testing.assert_allclose(*ten, rtol=1e-2, atol=1e-3, err_msg=layer)
    clouds = [load(units["activation-cloud"], each) for each in (shipped, ResultStore(tmp_path))]
    assert all(clouds)
    spans = [np.ptp(each.result.plane, axis=0) for each in clouds if each is not None]
    np.testing.assert_allclose(*spans, rtol=1e-2)


@pytest.mark.parametrize("name", SHIP.ACTIVATIONS)
def test_the_study_that_ships_is_that_of_the_networks_that_ship(name: str, tmp_path: Path) -> None:
    (study,) = [each for each in SHIP.units(name) if each.analysis == "landscape-study"]
    shipped = ResultStore(SAMPLES / name / "results")
    fresh = ResultStore(tmp_path / "own")
    fresh.root.mkdir()
    for each in study.gathered:
        file = shipped.path(key_of(each))
        (fresh.root / file.name).write_bytes(file.read_bytes())
    assert run_unit(study, fresh).state == "computed"
    old, new = load(study, shipped), load(study, fresh)
    assert old is not None
    assert new is not None
    same(old.result, new.result)
