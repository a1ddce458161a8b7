"""Networks by spec: their layers, taps and initialisations, one interface for all kinds."""

import math

import numpy as np
import pytest

from analysis.architectures import ACTIVATIONS, CnnSpec, MlpSpec, build, parse
from analysis.errors import ExperimentError

SPECS = [
    MlpSpec(input=(2,), hidden=(15,) * 10, classes=2),
    MlpSpec(input=(1, 6, 5), hidden=(7, 4), classes=3, activation="tanh"),
    MlpSpec(input=(4,), hidden=(), classes=3),
    CnnSpec(input=(2, 9, 8), channels=(3, 4), hidden=5, classes=6),
    CnnSpec(input=(1, 8, 8), channels=(3, 2), hidden=5, activation="sigmoid"),
]

BY_HAND = {
    "relu": lambda x: np.maximum(x, 0),
    "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "elu": lambda x: np.where(x > 0, x, np.expm1(x)),
    "gelu": lambda x: x * (1 + np.vectorize(math.erf)(x / math.sqrt(2))) / 2,
    "leaky_relu": lambda x: np.where(x > 0, x, 0.01 * x),
    "softplus": lambda x: np.log1p(np.exp(x)),
}


def outputs(spec, batch):
    """What each layer's tap gives, by hooks, with the network's own output."""
    import torch

    network, found = build(spec, seed=3), {}
    for layer, module in spec.taps.items():
        network.get_submodule(module).register_forward_hook(
            lambda _module, _inputs, output, layer=layer: found.update({layer: output})
        )
    with torch.no_grad():
        logits = network(torch.from_numpy(batch))
    return {layer: found[layer].numpy() for layer in spec.layers}, logits.numpy(), network


@pytest.mark.parametrize("spec", SPECS, ids=repr)
def test_every_kind_offers_the_same(spec):
    batch = np.random.default_rng(0).normal(size=(4, *spec.input)).astype(np.float32)
    found, logits, network = outputs(spec, batch)
    assert list(network.state_dict()) == [
        f"{layer}.{part}" for layer in spec.layers for part in ("weight", "bias")
    ]
    assert logits.shape == (4, spec.classes)
    assert np.array_equal(found[spec.layers[-1]], logits)
    assert list(spec.taps) == list(spec.layers)
    for layer in spec.layers:
        width = network.state_dict()[f"{layer}.bias"].shape[0]
        assert found[layer].shape[:2] == (4, width)
    assert all((found[layer] >= 0).all() for layer in spec.rectified)
    assert spec.rectified == (set(spec.layers[:-1]) if spec.activation == "relu" else set())


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_taps_are_after_the_activation_function(name):
    spec = MlpSpec(input=(1, 2, 2), hidden=(6,), classes=2, activation=name)
    batch = np.random.default_rng(1).normal(size=(5, 1, 2, 2)).astype(np.float32)
    found, logits, network = outputs(spec, batch)
    state = {key: tensor.double().numpy() for key, tensor in network.state_dict().items()}
    hidden = BY_HAND[name](batch.reshape(5, 4) @ state["fc1.weight"].T + state["fc1.bias"])
    np.testing.assert_allclose(found["fc1"], hidden, atol=1e-6)
    np.testing.assert_allclose(
        logits, hidden @ state["fc2.weight"].T + state["fc2.bias"], atol=1e-6
    )


def test_convolutions_are_tapped_before_they_are_halved():
    spec = CnnSpec(input=(1, 8, 6), channels=(3, 2), hidden=5)
    found, _, _ = outputs(spec, np.ones((2, 1, 8, 6), np.float32))
    assert found["conv1"].shape == (2, 3, 8, 6)
    assert found["conv2"].shape == (2, 2, 4, 3)


def test_he_and_xavier_have_their_variances_and_no_biases():
    spec = {"kind": "mlp", "input": [200], "hidden": [600], "classes": 300}
    for init, variance in (("he", 2 / 200), ("xavier", 2 / 800)):
        state = build({**spec, "init": init}).state_dict()
        weight = state["fc1.weight"].numpy()
        assert weight.var() == pytest.approx(variance, rel=0.02)
        # Normal, not uniform: a fourth moment of 3 rather than 1.8.
        assert (weight**4).mean() / weight.var() ** 2 == pytest.approx(3, abs=0.1)
        assert not state["fc1.bias"].any()
        assert not state["fc2.bias"].any()


def test_default_is_that_of_pytorch_and_follows_the_seed():
    import torch

    spec = MlpSpec(input=(100,), hidden=(80,))
    before = torch.get_rng_state()
    first, second, other = (build(spec, seed=seed).state_dict() for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(first["fc1.weight"], second["fc1.weight"])
    assert not torch.equal(first["fc1.weight"], other["fc1.weight"])
    assert 0.099 < first["fc1.weight"].abs().max() <= 0.1  # 1/√100


def test_the_initialisation_does_not_depend_on_the_activation():
    for init in ("small", "default"):
        first, second = (
            build(CnnSpec(init=init, activation=name)).state_dict() for name in ("relu", "tanh")
        )
        assert all((first[key] == second[key]).all() for key in first)


def test_lists_of_toml_are_read():
    spec = parse({"kind": "mlp", "input": [1, 28, 28], "hidden": [128, 64], "classes": 10})
    assert spec == MlpSpec(input=(1, 28, 28), hidden=(128, 64), classes=10)
    assert spec.kind == "mlp"
    assert spec.widths == (784, 128, 64, 10)
    assert parse({"kind": "cnn"}) == CnnSpec()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "kind must be one of cnn, mlp"),
        ({"kind": ["mlp"]}, "kind must be one of"),
        ({"kind": "mlp", "channels": [3, 2]}, "unknown keys channels"),
        ({"kind": "mlp", "input": 784}, "input must be a list of 1 to 3 integers"),
        ({"kind": "mlp", "input": []}, "input must be a list of 1 to 3 integers"),
        ({"kind": "mlp", "input": [0]}, "input must be an integer"),
        ({"kind": "mlp", "hidden": 15}, "hidden must be a list of 0 to 200 integers"),
        ({"kind": "mlp", "hidden": [15] * 201}, "hidden must be a list of 0 to 200"),
        ({"kind": "mlp", "hidden": [15, 2.5]}, "hidden must be an integer"),
        ({"kind": "mlp", "hidden": [10**7]}, "hidden must be an integer from 1 to 1000000"),
        ({"kind": "mlp", "classes": True}, "classes must be an integer"),
        ({"kind": "mlp", "activation": "swish"}, "activation must be one of relu, tanh"),
        ({"kind": "mlp", "init": "small"}, "init must be one of default, he, xavier"),
        ({"kind": "cnn", "activation": None}, "activation must be one of"),
        ({"kind": "mlp", "hidden": [10**6, 10**6]}, "at most 200,000,000 are built"),
    ],
)
def test_wrong_settings_are_named(settings, words):
    with pytest.raises(ExperimentError, match=words):
        build(settings)
