"""Activations against forward passes written by hand."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent

import numpy as np
import pytest
from safetensors.numpy import save_file
from scipy.signal import correlate2d

from analysis import _forward
from analysis.activations import Layer, collect
from analysis.architectures import build
from analysis.errors import AnalysisError, ExperimentError, NerveScopeError
from analysis.inputs import Batch
from analysis.networks import NetworkSource

torch = pytest.importorskip("torch")

FUNCTIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "relu": lambda x: np.maximum(x, 0),
    "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
}
MLP = {"kind": "mlp", "input": [3], "hidden": [5, 4], "classes": 2}
CNN = {
    "kind": "cnn",
    "input": [2, 6, 8],
    "channels": [3, 4],
    "hidden": 5,
    "classes": 3,
    "init": "he",
}


def batch_of(*shape: int, seed: int = 0) -> Batch:
    inputs = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
    rows = np.arange(shape[0]) * 3 + 1
    return Batch(rows, inputs, np.zeros(shape[0], np.int64), ("a",), 1000)


def weights_of(spec: dict, *, seed: int = 1) -> dict[str, np.ndarray]:
    state = build(spec, seed=seed).state_dict()
    rng = np.random.default_rng(seed)  # with biases, which are 0 in some initialisations
    return {k: v.numpy() + rng.normal(size=v.shape).astype("f4") / 9 for k, v in state.items()}


def source_of(tmp_path: Path, spec: dict, weights: dict, **more: object) -> NetworkSource:
    path = tmp_path / "step-000010.safetensors"
    save_file(weights, path)
    return NetworkSource("run", (str(path),), architecture=json.dumps(spec), **more)


def collected(source: NetworkSource, batch: Batch, points: str = "auto") -> dict[str, Layer]:
    layers = list(collect(source, batch, points=points))
    assert len({layer.name for layer in layers}) == len(layers)
    return {layer.name: layer for layer in layers}


def dense(x: np.ndarray, weights: dict, name: str) -> np.ndarray:
    return x @ weights[f"{name}.weight"].astype("f8").T + weights[f"{name}.bias"]


def convolved(x: np.ndarray, weights: dict, name: str) -> np.ndarray:
    kernels, biases = weights[f"{name}.weight"].astype("f8"), weights[f"{name}.bias"]
    return np.array(
        [
            [
                b + sum(correlate2d(c, k, mode="same") for c, k in zip(image, kernel, strict=True))
                for kernel, b in zip(kernels, biases, strict=True)
            ]
            for image in x.astype("f8")
        ]
    )


def halved(x: np.ndarray) -> np.ndarray:
    h, w = x.shape[2] // 2 * 2, x.shape[3] // 2 * 2
    x = x[:, :, :h, :w]
    return np.maximum.reduce([x[:, :, i::2, j::2] for i in (0, 1) for j in (0, 1)])


def cnn_by_hand(x: np.ndarray, weights: dict, act: Callable) -> dict[str, np.ndarray]:
    conv1 = act(convolved(x, weights, "conv1"))
    conv2 = act(convolved(halved(conv1), weights, "conv2"))
    fc1 = act(dense(halved(conv2).reshape(len(x), -1), weights, "fc1"))
    return {"conv1": conv1, "conv2": conv2, "fc1": fc1, "fc2": dense(fc1, weights, "fc2")}


@pytest.mark.parametrize("activation", FUNCTIONS)
@pytest.mark.parametrize("n", [2, 300])
def test_an_mlp(tmp_path: Path, activation: str, n: int) -> None:
    spec = MLP | {"activation": activation}
    weights, batch, act = weights_of(spec), batch_of(n, 3), FUNCTIONS[activation]
    found = collected(source_of(tmp_path, spec, weights), batch)
    assert list(found) == ["input", "fc1", "fc2", "fc3"]
    x = batch.inputs.astype("f8")
    np.testing.assert_array_equal(found["input"].points, batch.inputs)
    for name in ("fc1", "fc2", "fc3"):
        x = dense(x, weights, name)
        x = x if name == "fc3" else act(x)
        assert found[name].points.dtype == np.float32
        np.testing.assert_allclose(found[name].points, x, atol=2e-6)
        assert found[name].rectified == (activation == "relu" and name != "fc3")
        assert found[name].note == ""
    assert not found["input"].rectified


@pytest.mark.parametrize("activation", FUNCTIONS)
def test_a_cnn_as_all_coordinates_means_and_places(tmp_path: Path, activation: str) -> None:
    spec = CNN | {"activation": activation}
    weights, batch = weights_of(spec), batch_of(7, 2, 6, 8)
    source = source_of(tmp_path, spec, weights)
    expected = cnn_by_hand(batch.inputs, weights, FUNCTIONS[activation])
    flat, means, places = (
        collected(source, batch, how) for how in ("flattened", "pooled", "position")
    )
    for found in (flat, means, places, collected(source, batch)):
        assert list(found) == ["input", "conv1", "conv2", "fc1", "fc2"]
        assert found["input"].points.shape == (7, 96)
        for name in ("fc1", "fc2"):
            np.testing.assert_allclose(found[name].points, expected[name], atol=1e-5)
            assert found[name].note == ""
    for name in ("conv1", "conv2"):
        maps = expected[name]
        np.testing.assert_allclose(flat[name].points, maps.reshape(7, -1), atol=1e-5)
        np.testing.assert_allclose(means[name].points, maps.mean(axis=(2, 3)), atol=1e-5)
        for point, image in zip(places[name].points, maps, strict=True):
            gaps = np.abs(image - point[:, None, None]).max(axis=0)
            assert gaps.min() < 1e-5
        assert "mean over all places" in means[name].note
        assert "one random place" in places[name].note
        assert f"all {maps[0].size} coordinates" in flat[name].note
    # the place is of the input, so that it stays the same from step to step
    other = source_of(tmp_path, spec, weights_of(spec, seed=5))
    spots = [
        np.abs(e - p[:, None, None]).max(axis=0).argmin()
        for e, p in zip(expected["conv1"], places["conv1"].points, strict=True)
    ]
    again = cnn_by_hand(batch.inputs, weights_of(spec, seed=5), FUNCTIONS[activation])["conv1"]
    chosen = collected(other, batch, "position")["conv1"].points
    np.testing.assert_allclose(
        chosen, [m.reshape(3, -1)[:, s] for m, s in zip(again, spots, strict=True)], atol=1e-5
    )
    assert len(set(spots)) > 1


def test_auto_means_where_all_coordinates_are_too_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, batch = source_of(tmp_path, CNN, weights_of(CNN)), batch_of(4, 2, 6, 8)
    monkeypatch.setattr(_forward, "FLAT", 4 * 4 * 3 * 48 - 1)
    found = collected(source, batch)
    assert found["conv1"].points.shape == (4, 3)
    assert found["conv2"].points.shape == (4, 4 * 12)


@pytest.mark.parametrize("points", ["flattened", "pooled", "position"])
def test_groups_change_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, points: str
) -> None:
    source, batch = source_of(tmp_path, CNN, weights_of(CNN)), batch_of(300, 2, 6, 8)
    whole = collected(source, batch, points)
    passes = []
    forward = _forward.forward
    monkeypatch.setattr(_forward, "forward", lambda *a: passes.append(a[1]) or forward(*a))
    monkeypatch.setattr(_forward, "AT_ONCE", 4 * 3 * 48 * 300)
    parts = collected(source, batch, points)
    assert len(passes) == (2 if points == "flattened" else 1)
    for name, layer in whole.items():
        np.testing.assert_array_equal(parts[name].points, layer.points)
    monkeypatch.setattr(_forward, "AT_ONCE", 4 * 3 * 48 * 300 - 1)
    small = collected(source, batch, "flattened")
    assert small["conv1"].points is None
    assert "too large, 3×6×8 for 300 inputs" in small["conv1"].note
    assert small["conv2"].points is not None


def test_only_the_layers_that_are_wanted(tmp_path: Path) -> None:
    weights, batch = weights_of(MLP), batch_of(5, 3)
    whole = collected(source_of(tmp_path, MLP, weights), batch)
    for name in ("input", "fc2"):
        found = collected(source_of(tmp_path, MLP, weights, layers=(name,)), batch)
        assert list(found) == [name]
        np.testing.assert_array_equal(found[name].points, whole[name].points)
    with pytest.raises(AnalysisError, match="no layer 'fc9'; it has fc1, fc2, fc3"):
        collected(source_of(tmp_path, MLP, weights, layers=("fc9",)), batch)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("suffix", ["pt", "safetensors"])
def test_weights_of_other_precisions(tmp_path: Path, dtype: object, suffix: str) -> None:
    from safetensors.torch import save_file as save_torch

    state = {k: torch.from_numpy(v).to(dtype) for k, v in weights_of(MLP).items()}
    path = tmp_path / f"step-1.{suffix}"
    torch.save(state, path) if suffix == "pt" else save_torch(state, path)
    source = NetworkSource("run", (str(path),), architecture=json.dumps(MLP))
    batch = batch_of(5, 3)
    rounded = {k: v.to(torch.float32).numpy() for k, v in state.items()}
    fc1 = np.maximum(dense(batch.inputs, rounded, "fc1"), 0)
    found = collected(source, batch)["fc1"].points
    np.testing.assert_allclose(found, fc1, atol=2e-6)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda w: w.pop("fc2.bias"), "it lacks fc2.bias"),
        (lambda w: w.update({"fc2.weight": w["fc2.weight"].T.copy()}), "shape (5, 4), not (4, 5)"),
        (lambda w: w.update(extra=np.zeros(2, "f4")), "has extra, which the network lacks"),
        (lambda w: [w.pop(k) for k in list(w)[:5]], "it lacks fc1.weight; it lacks fc1.bias; "),
    ],
)
def test_weights_that_do_not_fit_are_named(tmp_path: Path, change: Callable, words: str) -> None:
    weights = weights_of(MLP)
    change(weights)
    with pytest.raises(AnalysisError, match=r"step-000010.safetensors does not fit") as error:
        collected(source_of(tmp_path, MLP, weights), batch_of(5, 3))
    assert words in str(error.value)


def test_a_batch_of_another_shape(tmp_path: Path) -> None:
    with pytest.raises(AnalysisError, match=r"cannot take inputs of shape \(4,\): RuntimeError"):
        collected(source_of(tmp_path, MLP, weights_of(MLP)), batch_of(5, 4))


def test_broken_weights_break_what_follows_only(tmp_path: Path) -> None:
    weights = weights_of(MLP)
    weights["fc2.weight"][0, 0] = np.nan
    found = collected(source_of(tmp_path, MLP, weights), batch_of(5, 3))
    assert np.isfinite(found["fc1"].points).all()
    assert np.isnan(found["fc3"].points).any()


# --- networks of the user's own ---------------------------------------------------------------

MODULE = """
    import torch
    from torch import nn

    class Odd(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = nn.Linear(3, 4)
            self.act = nn.ReLU(inplace=True)
            self.gru = nn.GRU(4, 4, batch_first=True)
            self.twice = nn.Linear(4, 4)
            self.unused = nn.Linear(4, 4)
            self.norm = nn.BatchNorm1d(4)
            self.drop = nn.Dropout(0.9)
            self.turned = Turned()
            self.wave = Wave()
            self.last = nn.Linear(4, 2)
            self.empty = Empty()

        def forward(self, x):
            x = self.act(self.first(x))
            self.gru(x[:, None])
            x = self.drop(self.norm(self.twice(self.twice(x))))
            self.turned(x), self.wave(x), self.empty(x)
            return self.last(x)

    class Turned(nn.Module):
        def forward(self, x):
            return x.T

    class Wave(nn.Module):
        def forward(self, x):
            return torch.fft.fft(x)

    class Empty(nn.Module):
        def forward(self, x):
            return x[:, :0]

    class Wrapped(nn.Module):
        def __init__(self):
            super().__init__()
            self.model = nn.Sequential(nn.Linear(3, 4), nn.ReLU6(), nn.Linear(4, 2))

        def forward(self, x):
            return self.model(x)

    class Drawing(nn.Module):
        def __init__(self):
            super().__init__()
            self.input = nn.Linear(3, 4)
            self.noise = Noise()

        def forward(self, x):
            return self.noise(self.input(x))

    class Noise(nn.Module):
        def forward(self, x):
            return x + torch.randn_like(x)

    class Shared(nn.Module):
        # one ReLU serves two branches, and functions stand between modules

        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(2, 3, 3, padding=1)
            self.relu = nn.ReLU()
            self.pool = nn.MaxPool2d(2)
            self.drop = nn.Dropout(0.5)
            self.mean = nn.AdaptiveAvgPool2d(1)
            self.flat = nn.Flatten()
            self.fc = nn.Linear(3, 4)
            self.same = nn.Identity()
            self.gate = nn.Sigmoid()
            self.gated = nn.Dropout(0.5)
            self.late = nn.Dropout(0.5)
            self.last = nn.Linear(4, 2)
            self.end = nn.Identity()

        def forward(self, x):
            x = self.flat(self.mean(self.drop(self.pool(self.relu(self.conv(x))))))
            x = self.fc(x)
            self.same(x), self.gated(self.gate(x))
            kept = self.relu(x)
            self.late(kept - 100)
            return self.end(self.last(kept))

    class Fixed(nn.Module):
        # outputs of two rows, or of another width for whole batches

        def __init__(self):
            super().__init__()
            self.first = nn.Linear(3, 4)
            self.table = nn.Embedding(2, 5)
            self.ragged = Ragged()
            self.last = nn.Linear(4, 2)

        def forward(self, x):
            self.table(torch.arange(2)), self.ragged(x)
            return self.last(self.first(x))

    class Ragged(nn.Module):
        def forward(self, x):
            return x[:, : 3 - (len(x) == 256)]

    def inplace():
        return nn.Sequential(nn.ReLU(inplace=True), nn.Linear(3, 2))

    def half():
        return nn.Sequential(nn.Linear(3, 2), nn.Tanh()).to(torch.bfloat16)

    def raising():
        raise RuntimeError("no weights today")

    def no_module():
        return 3
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    name = f"own_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{name}.py").write_text(dedent(MODULE))
    monkeypatch.syspath_prepend(tmp_path)
    yield name
    sys.modules.pop(name, None)


def own_source(tmp_path: Path, module: str, factory: str, **more: object) -> NetworkSource:
    """A snapshot of the user's network with weights that its factory does not draw."""
    import importlib

    torch.manual_seed(77)
    network = getattr(importlib.import_module(module), factory)()
    path = tmp_path / "step-5.pt"
    torch.save(network.state_dict(), path)
    return NetworkSource("run", (str(path),), model=f"{module}:{factory}", **more)


def test_a_network_of_odd_layers(tmp_path: Path, module: str) -> None:
    source = own_source(tmp_path, module, "Odd")
    weights = {k: v.numpy() for k, v in torch.load(source.files[0]).items()}
    found = collected(source, batch := batch_of(300, 3))
    assert list(found) == [
        "input", "first", "act", "gru", "twice", "unused", "norm", "drop", "turned", "wave",
        "last", "empty",
    ]  # fmt: skip
    first = dense(batch.inputs, weights, "first")
    np.testing.assert_allclose(found["first"].points, first, atol=1e-5)
    np.testing.assert_allclose(found["act"].points, np.maximum(first, 0), atol=1e-5)
    twice = dense(dense(np.maximum(first, 0), weights, "twice"), weights, "twice")
    # batch norm with its running mean 0 and variance 1, and no dropout
    np.testing.assert_allclose(found["norm"].points, twice / np.sqrt(1 + 1e-5), atol=1e-5)
    np.testing.assert_array_equal(found["drop"].points, found["norm"].points)
    assert {name for name, layer in found.items() if layer.rectified} == {"act"}
    notes = {name: layer.note for name, layer in found.items() if layer.points is None}
    assert notes == {
        "gru": "its output is no tensor but tuple",
        "twice": "it is used more than once in a forward pass",
        "unused": "the forward pass does not use it",
        "turned": "its output of shape (4, 2) for 2 inputs has no row of each",
        "wave": "its output is of complex numbers",
        "empty": "its output of shape (0,) has no coordinates",
    }


def test_what_follows_a_relu_and_keeps_it_one_is_rectified_too(tmp_path: Path, module: str) -> None:
    batch = batch_of(9, 2, 6, 8)
    source = own_source(tmp_path, module, "Shared")
    found = collected(source, batch)
    assert "used more than once" in found["relu"].note
    ends = {name for name, layer in found.items() if layer.rectified and name != "relu"}
    assert ends == {"pool", "drop", "mean", "flat"}
    assert all((found[name].points >= 0).all() for name in ends)
    for name in ("late", "same", "end"):
        assert (found[name].points < 0).any()
    assert (found["gated"].points > 0).all()  # of which 0 is nothing special
    # one layer alone is judged by the whole network
    alone = own_source(tmp_path, module, "Shared", layers=("flat",))
    assert collected(alone, batch)["flat"].rectified


def test_the_experiment_has_the_last_word(tmp_path: Path, module: str) -> None:
    names = ("act", "last", "input")
    found = collected(own_source(tmp_path, module, "Odd", rectified=names), batch_of(5, 3))
    assert {name for name, layer in found.items() if layer.rectified} == set(names)
    assert found["last"].convention("local") == "at the origin (as experiment.toml says)"
    assert found["norm"].convention("local") == "centred (as experiment.toml says)"
    assert found["last"].convention("global") == ""
    spec = source_of(tmp_path, MLP, weights_of(MLP), rectified=())
    assert not any(layer.rectified for layer in collected(spec, batch_of(5, 3)).values())


@pytest.mark.parametrize("n", [3, 300])
def test_a_layer_that_has_as_many_rows_as_the_probe_by_chance(
    tmp_path: Path, module: str, n: int
) -> None:
    found = collected(own_source(tmp_path, module, "Fixed"), batch_of(n, 3))
    assert found["table"].points is None
    rows = min(n, 256)
    assert f"of shape (2, 5) for {rows if n == 3 else 44} inputs" in found["table"].note
    assert found["first"].points.shape == (n, 4)
    assert found["last"].points.shape == (n, 2)
    if n == 300:
        assert found["ragged"].points is None
        assert found["ragged"].note == "its output is of shape (3,), then of (2,)"
    else:
        assert found["ragged"].points.shape == (3, 3)


def test_what_a_network_draws_and_changes_stays_with_it(tmp_path: Path, module: str) -> None:
    source = own_source(tmp_path, module, "Drawing")
    batch = batch_of(300, 3)
    before = batch.inputs.copy()
    torch.manual_seed(3)
    expected, threads = torch.rand(3), (torch.get_num_threads(), torch.is_grad_enabled())
    torch.manual_seed(3)
    one = collected(source, batch)
    torch.manual_seed(4)
    two = collected(source, batch)
    np.testing.assert_array_equal(one["noise"].points, two["noise"].points)
    torch.manual_seed(3)
    collected(source, batch)
    assert torch.equal(torch.rand(3), expected)
    assert (torch.get_num_threads(), torch.is_grad_enabled()) == threads
    assert list(one) == ["input", "noise"]  # its own "input" is behind ours
    np.testing.assert_array_equal(one["input"].points, before)


def test_a_network_that_works_in_place_does_not_change_the_inputs(
    tmp_path: Path, module: str
) -> None:
    batch = batch_of(10, 3)
    before = batch.inputs.copy()
    found = collected(own_source(tmp_path, module, "inplace"), batch)
    np.testing.assert_array_equal(batch.inputs, before)
    np.testing.assert_array_equal(found["input"].points, before)
    np.testing.assert_array_equal(found["0"].points, np.maximum(before, 0))


def test_a_network_of_half_precision_and_one_inside_another(tmp_path: Path, module: str) -> None:
    source = own_source(tmp_path, module, "half")
    state = {k: v.float().numpy() for k, v in torch.load(source.files[0]).items()}
    batch = batch_of(10, 3)
    expected = np.tanh(dense(batch.inputs, state, "0"))
    np.testing.assert_allclose(collected(source, batch)["1"].points, expected, atol=1e-6)
    # its keys begin with "model.", which checkpoints leave out
    found = collected(own_source(tmp_path, module, "Wrapped"), batch)
    assert list(found) == ["input", "model.0", "model.1", "model.2"]
    assert found["model.1"].rectified


def test_a_snapshot_without_counted_batches_fits(tmp_path: Path, module: str) -> None:
    source = own_source(tmp_path, module, "Odd")
    state = torch.load(source.files[0])
    whole = collected(source, batch_of(5, 3))
    del state["norm.num_batches_tracked"]
    torch.save(state, source.files[0])
    found = collected(source, batch_of(5, 3))
    np.testing.assert_array_equal(found["norm"].points, whole["norm"].points)
    del state["norm.running_mean"]
    torch.save(state, source.files[0])
    with pytest.raises(AnalysisError, match=r"lacks norm\.running_mean$"):
        collected(source, batch_of(5, 3))


@pytest.mark.parametrize(
    ("factory", "words"),
    [
        ("raising", "RuntimeError: no weights today"),
        ("no_module", "gave int, not a torch.nn.Module"),
        ("nothing", "AttributeError"),
    ],
)
def test_a_factory_that_fails(tmp_path: Path, module: str, factory: str, words: str) -> None:
    path = tmp_path / "step-1.safetensors"
    save_file(weights_of(MLP), path)
    source = NetworkSource("run", (str(path),), model=f"{module}:{factory}")
    with pytest.raises(ExperimentError, match=words):
        collected(source, batch_of(5, 3))


@pytest.mark.parametrize("model", ["nowhere_at_all:f", "nowhere.at.all:f", "json", "json:", ":f"])
def test_a_model_that_is_not_there(tmp_path: Path, model: str) -> None:
    path = tmp_path / "step-1.safetensors"
    save_file(weights_of(MLP), path)
    source = NetworkSource("run", (str(path),), model=model)
    with pytest.raises(ExperimentError, match="--model"):
        collected(source, batch_of(5, 3))


def test_weights_of_another_network(tmp_path: Path, module: str) -> None:
    path = tmp_path / "step-1.safetensors"
    save_file(weights_of(MLP), path)
    source = NetworkSource("run", (str(path),), model=f"{module}:Wrapped")
    with pytest.raises(AnalysisError, match=r"it lacks 0\.weight; it lacks 0\.bias") as error:
        collected(source, batch_of(5, 3))
    assert "(and 6 more)" in str(error.value)


# --- stored activations -----------------------------------------------------------------------


def stored(tmp_path: Path, *, layers: tuple[str, ...] = (), **arrays: np.ndarray) -> NetworkSource:
    path = tmp_path / "step-000007.npz"
    np.savez(path, **arrays)
    return NetworkSource("run", (str(path),), layers=layers, stored=True)


def test_stored_activations(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    arrays = {
        "z": rng.normal(size=(40, 3)),
        "conv": rng.random((40, 2, 4, 5)).astype(np.float16),
        "one": rng.integers(-9, 9, 40),
        "short": rng.random((30, 2)),
        "words": rng.random((40, 2)) > 0.5,
        "single": np.float32(3),
        "hollow": np.zeros((40, 0)),
        "huge": np.full((40, 2), 1e300),
        "labels": np.arange(40) % 2,
    }
    batch = Batch(np.array([3, 17, 39]), np.zeros((3, 0), "f4"), np.zeros(3, int), (), 40)
    found = collected(stored(tmp_path, **arrays), batch, "pooled")
    assert list(found) == [name for name in arrays if name != "labels"]
    np.testing.assert_allclose(found["z"].points, arrays["z"][batch.rows], rtol=1e-6)
    np.testing.assert_allclose(
        found["conv"].points, arrays["conv"][batch.rows].astype("f8").mean(axis=(2, 3)), atol=1e-6
    )
    np.testing.assert_array_equal(found["one"].points, arrays["one"][batch.rows][:, None])
    assert [found[name].rectified for name in ("z", "conv")] == [False, False]
    assert np.isinf(found["huge"].points).all()
    notes = {name: layer.note for name, layer in found.items() if layer.points is None}
    assert notes == {
        "short": "has shape (30, 2), not one row for each of the 40 inputs",
        "words": "holds bool, not real numbers",
        "single": "has shape (), not one row for each of the 40 inputs",
        "hollow": "its output of shape (0,) has no coordinates",
    }
    assert list(collected(stored(tmp_path, layers=("conv",), **arrays), batch)) == ["conv"]
    with pytest.raises(NerveScopeError, match="no layer 'labels'; there are z, conv"):
        collected(stored(tmp_path, layers=("labels",), **arrays), batch)


RELU = "at the origin (no stored value is negative and some are 0, as behind a ReLU)"
ALL_POSITIVE = "centred (no stored value is exactly 0, unlike behind a ReLU)"
NEGATIVE = "centred (some stored value is negative)"


def rectified_by_hand() -> dict[str, np.ndarray]:
    values = np.random.default_rng(0).normal(size=(40, 3))
    relu = np.maximum(values, 0)
    sigmoid = (1 / (1 + np.exp(-values))).astype(np.float16)
    late = np.abs(values)
    late[30, 1] = 0  # of an input that is not among the chosen ones
    return {"relu": relu, "sigmoid": sigmoid, "tanh": np.tanh(values), "late": late, "input": relu}


def test_what_stored_activations_end_in_is_judged_by_all_of_them(tmp_path: Path) -> None:
    arrays = rectified_by_hand()
    broken = arrays["relu"].copy()
    broken[3] = np.nan
    arrays |= {"broken": broken, "counts": np.arange(40, dtype=np.uint8)}
    for rows in ([0, 1, 2], [30, 31]):
        some = Batch(np.array(rows), np.zeros((2, 0), "f4"), np.zeros(2, int), (), 40)
        found = collected(stored(tmp_path, **arrays), some)
        said = {name: layer.convention("local") for name, layer in found.items()}
        assert said == {
            "relu": RELU, "sigmoid": ALL_POSITIVE, "tanh": NEGATIVE, "late": RELU,
            "input": "centred", "broken": NEGATIVE, "counts": RELU,
        }  # fmt: skip
        assert {name for name, layer in found.items() if layer.rectified} == {
            "relu", "late", "counts",
        }  # fmt: skip


def test_the_experiment_says_what_stored_activations_end_in(tmp_path: Path) -> None:
    batch = Batch(np.arange(9), np.zeros((9, 0), "f4"), np.zeros(9, int), (), 40)
    path = stored(tmp_path, **rectified_by_hand()).files
    source = NetworkSource("run", path, stored=True, rectified=("sigmoid", "input"))
    found = collected(source, batch)
    assert {k for k, layer in found.items() if layer.rectified} == {"sigmoid", "input"}
    assert found["relu"].convention("local") == "centred (as experiment.toml says)"
