"""The route that answers with the pictures of a cloud's inputs."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient
from PIL import Image
from werkzeug.test import TestResponse

from analysis.store import ResultStore
from analysis.units import Unit, key_of
from dashboard import input_images
from dashboard.app import create_app
from dashboard.context import Context
from dashboard.figures.inputs import SPRITE

HERE = "http://127.0.0.1:8050"
Make = Callable[..., Path]
Open = Callable[..., Context]
Fill = Callable[[Context, dict[str, Any]], None]
SAID = {"view": "activations", "layer": "fc1", "index": 0, "experiment": "mlp"}


def client_of(context: Context) -> FlaskClient:
    return create_app(context).server.test_client()


def cloud_of(context: Context, **said: Any) -> Unit:
    ask = context.ask(context.read(SAID | said)[0])
    unit = context.views["activations"].units(ask)["cloud"]
    assert isinstance(unit, Unit)
    return unit


def ask(client: FlaskClient, address: str) -> TestResponse:
    return client.get(address, base_url=HERE)


def test_the_inputs_of_a_cloud_come_as_one_picture_that_is_kept(shipped: Context) -> None:
    unit = cloud_of(shipped)
    answer = ask(client_of(shipped), input_images.address(unit, "mlp"))
    assert answer.status_code == 200
    assert answer.mimetype == "image/png"
    assert "max-age" in answer.headers["Cache-Control"]
    assert "immutable" in answer.headers["Cache-Control"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    rows = shipped.results.get(unit, ask=False).result.rows
    pictures = input_images.of_source(unit.source, rows)
    assert pictures is not None
    image = Image.open(io.BytesIO(answer.data))
    grey = np.asarray(image.convert("L"))
    assert image.size == (SPRITE * 28, -(-len(rows) // SPRITE) * 28)
    for i in (0, 1, SPRITE, len(rows) - 1):
        y, x = (i // SPRITE) * 28, (i % SPRITE) * 28
        np.testing.assert_array_equal(grey[y : y + 28, x : x + 28], pictures[i])


def test_what_the_page_says_of_the_picture_is_so(shipped: Context) -> None:
    view = shipped.views["activations"]
    said = shipped.ask(shipped.read(SAID)[0])
    scene = view.scene(said, shipped.find(view, said, compute=False))
    sprite = view.panels["cloud"].draw(scene, "light").figure.layout.meta["sprite"]
    image = Image.open(io.BytesIO(ask(client_of(shipped), sprite["url"]).data))
    assert sprite["columns"] * sprite["width"] == image.width
    assert -(-len(sprite["rows"]) // sprite["columns"]) * sprite["height"] == image.height
    assert sprite["rows"] == scene.cloud.rows.tolist()


@pytest.mark.parametrize(
    "address",
    [
        "/inputs/mlp/{short}.png",
        "/inputs/mlp/{key}0.png",
        "/inputs/mlp/{upper}.png",
        "/inputs/mlp/{none}.png",
        "/inputs/nothing/{key}.png",
        "/inputs/mnist_cnn/{key}.png",
        "/inputs//{key}.png",
        "/inputs/mlp/..%2f{key}.png",
        "/inputs/..%2fmlp/{key}.png",
        "/inputs/../{key}.png",
        "/inputs/mlp/%2e%2e%2f%2e%2e%2fexperiment.toml",
        "/inputs/mlp/{study}.png",
        "/inputs/mlp/{graph}.png",
        "/inputs/mlp/<script>alert(1)</script>.png",
    ],
)
def test_nothing_else_is_answered(shipped: Context, address: str) -> None:
    cursor = shipped.ask(shipped.read(SAID)[0])
    need = shipped.views["activations"].units(cursor)
    keys = {name: key_of(need[name]) for name in ("cloud", "study", "graph")}  # type: ignore[arg-type]
    key = keys.pop("cloud")
    named = {"key": key, "short": key[:-1], "upper": key.upper(), "none": "0" * 32, **keys}
    answer = ask(client_of(shipped), address.format(**named))
    assert answer.mimetype != "image/png"
    assert answer.status_code in (200, 404)  # 200: the page itself
    if answer.status_code == 200:
        assert "<html" in answer.text
    assert "script>alert" not in answer.text
    assert "[architecture]" not in answer.text


def test_what_is_not_there_yet_is_answered_once_it_is(
    make_mlp: Make, open_context: Open, fill: Fill
) -> None:
    context = open_context(make_mlp(runs=1, steps=(0,), inputs=20))
    client, address = client_of(context), input_images.address(cloud_of(context), "mlp")
    assert ask(client, address).status_code == 404
    fill(context, SAID)
    assert ask(client, address).status_code == 200


def test_the_same_key_of_an_experiment_with_other_inputs_is_refused(
    make_mlp: Make, open_context: Open, fill: Fill
) -> None:
    folder, other = (make_mlp(name, runs=1, steps=(0,), inputs=20) for name in ("mlp", "other"))
    toml = other / "experiment.toml"
    toml.write_text(toml.read_text().replace("step = 0.08", "step = 0.07"))
    context = open_context(folder, other)
    fill(context, SAID)
    client, unit = client_of(context), cloud_of(context)
    assert ask(client, input_images.address(unit, "mlp")).status_code == 200
    assert ask(client, input_images.address(unit, "other")).status_code == 404


def test_inputs_that_are_no_pictures_have_none(
    make_mlp: Make, open_context: Open, fill: Fill
) -> None:
    """Points of other than two coordinates; the panel says that the table lists them."""
    from safetensors.numpy import save_file

    from analysis.architectures import build

    folder = make_mlp(runs=1, steps=(0,), inputs=20)
    toml = folder / "experiment.toml"
    rng = np.random.default_rng(0)
    np.savez(folder / "own.npz", inputs=rng.normal(size=(30, 3)), labels=np.arange(30) % 2)
    text = toml.read_text().replace("input = [2]", "input = [3]")
    toml.write_text(text.replace('name = "disks"\nstep = 0.08', 'path = "own.npz"'))
    spec = {"kind": "mlp", "input": [3], "hidden": [6, 5], "classes": 2, "init": "he"}
    state = {name: each.numpy() for name, each in build(spec, seed=1).state_dict().items()}
    save_file(state, folder / "run-000" / "step-000000.safetensors")
    context = open_context(folder)
    fill(context, SAID)
    view, said = context.views["activations"], context.ask(context.read(SAID)[0])
    scene = view.scene(said, context.find(view, said, compute=False))
    assert scene.cloud is not None
    panel = view.panels["inputs"].draw(scene, "light")
    assert panel.message == "These inputs are no pictures; the table lists them."
    assert len(view.panels["inputs"].rows(scene)) == 20
    assert not view.panels["cloud"].draw(scene, "light").figure.layout.meta
    assert view.panels["graph"].draw(scene, "light").figure.data
    address = input_images.address(cloud_of(context), "mlp")
    assert ask(client_of(context), address).status_code == 404


def test_pictures_of_results_in_another_store_are_not_told(
    store: ResultStore, shipped: Context, open_context: Open, small_mlp: Path
) -> None:
    other = open_context(small_mlp)
    assert not store.has(key_of(cloud_of(shipped)))
    address = input_images.address(cloud_of(shipped), "mlp")
    assert ask(client_of(other), address).status_code == 404
