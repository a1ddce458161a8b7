"""Attacks: against FGSM by hand on a linear softmax model, in range, within eps, and repeatable."""

import numpy as np
import pytest
import torch
from torch import nn

from analysis.adversarial import ATTACKS, Attack, PixelRange, attack
from analysis.architectures import CnnSpec, MlpSpec, build
from analysis.errors import AnalysisError

PIXELS = PixelRange(-0.5, 2.5)
EPS = 0.1  # .3 among the inputs


def made(n=30, shape=(6,), classes=3, seed=0):
    rng = np.random.default_rng(seed)
    inputs = rng.uniform(PIXELS.low, PIXELS.high, size=(n, *shape)).astype(np.float32)
    inputs.reshape(-1)[:2] = PIXELS.low, PIXELS.high
    return inputs, rng.integers(classes, size=n)


def linear(seed=1):
    return build(MlpSpec(input=(6,), hidden=(), classes=3), seed=seed)


def curved():
    spec = CnnSpec(input=(1, 8, 8), channels=(3, 4), hidden=6, classes=3, init="he")
    return build(spec, seed=2)


def cross_entropy(weight, bias, inputs, labels):
    logits = inputs.astype(float) @ weight.T + bias
    logits -= logits.max(axis=1, keepdims=True)
    odds = np.exp(logits)
    odds /= odds.sum(axis=1, keepdims=True)
    return -np.log(odds[np.arange(len(labels)), labels]), odds, logits.argmax(axis=1)


def test_fgsm_is_the_one_by_hand_on_a_linear_model():
    inputs, labels = made()
    network = linear()
    weight, bias = (each.double().numpy() for each in network.state_dict().values())
    loss, odds, before = cross_entropy(weight, bias, inputs, labels)
    gradient = (odds - np.eye(3)[labels]) @ weight
    by_hand = np.clip(inputs + 0.3 * np.sign(gradient), PIXELS.low, PIXELS.high)
    found = attack(network, inputs, labels, Attack("fgsm", eps=EPS), pixels=PIXELS)
    np.testing.assert_allclose(found.inputs, by_hand, atol=1e-5)
    np.testing.assert_allclose(found.loss_before, loss, atol=1e-5)
    after, _, prediction = cross_entropy(weight, bias, by_hand, labels)
    np.testing.assert_allclose(found.loss_after, after, atol=1e-5)
    assert np.array_equal(found.before, before)
    assert np.array_equal(found.after, prediction)
    assert np.array_equal(found.fooled, (before == labels) & (prediction != labels))
    assert (after >= loss).all()  # it is convex


def test_pgd_finds_the_corner_of_a_linear_model_with_two_classes():
    inputs, labels = made(classes=2)
    network = build(MlpSpec(input=(6,), hidden=(), classes=2), seed=4)
    weight = network.state_dict()["fc1.weight"].numpy()
    # the loss falls with the margin, which is linear: its worst point is a corner of the cube
    away = np.sign(weight[1 - labels] - weight[labels])
    corner = np.clip(inputs + 0.3 * away, PIXELS.low, PIXELS.high)
    found = attack(network, inputs, labels, Attack("pgd", eps=EPS, steps=70), pixels=PIXELS)
    np.testing.assert_allclose(found.inputs, corner, atol=1e-5)


@pytest.mark.parametrize("name", ATTACKS)
@pytest.mark.parametrize("eps", [0.01, 0.1, 0.6])
def test_attacked_inputs_stay_within_eps_and_in_range(name, eps):
    inputs, labels = made(shape=(1, 8, 8))
    found = attack(curved(), inputs, labels, Attack(name, eps=eps), pixels=PIXELS)
    assert found.inputs.dtype == np.float32
    assert np.abs(found.inputs - inputs).max() <= 3 * eps + 1e-6
    assert found.inputs.min() >= PIXELS.low
    assert found.inputs.max() <= PIXELS.high
    assert not np.array_equal(found.inputs, inputs)


@pytest.mark.parametrize("start", [True, False])
def test_pgd_lets_no_loss_fall_and_does_better_than_one_step(start):
    inputs, labels = made(n=60, shape=(1, 8, 8))
    network = curved()
    how = Attack("pgd", eps=EPS, random_start=start)
    found = attack(network, inputs, labels, how, pixels=PIXELS)
    assert (found.loss_after >= found.loss_before).all()
    one = attack(network, inputs, labels, Attack("fgsm", eps=EPS), pixels=PIXELS)
    assert found.loss_after.mean() > one.loss_after.mean()


def test_losses_and_predictions_are_those_of_the_network():
    inputs, labels = made(shape=(1, 8, 8))
    network = curved()
    found = attack(network, inputs, labels, Attack("pgd", eps=EPS), pixels=PIXELS)
    with torch.no_grad():
        logits = network(torch.from_numpy(found.inputs))
    expected = nn.functional.cross_entropy(logits, torch.from_numpy(labels), reduction="none")
    np.testing.assert_allclose(found.loss_after, expected, rtol=1e-4, atol=1e-5)
    assert np.array_equal(found.after, logits.argmax(1))


@pytest.mark.parametrize("name", ATTACKS)
def test_without_eps_nothing_changes(name):
    inputs, labels = made(shape=(1, 8, 8))
    found = attack(curved(), inputs, labels, Attack(name, eps=0), pixels=PIXELS)
    assert np.array_equal(found.inputs, inputs)
    assert np.array_equal(found.before, found.after)
    assert not found.fooled.any()


def test_the_seed_decides_and_batches_do_not_matter():
    inputs, labels = made(n=300, shape=(1, 8, 8))
    network = curved()
    how = Attack("pgd", eps=EPS, steps=1, seed=3)
    found = attack(network, inputs, labels, how, pixels=PIXELS)
    again = attack(network, inputs, labels, how, pixels=PIXELS)
    assert np.array_equal(found.inputs, again.inputs)
    part = attack(network, inputs[:40], labels[:40], how, pixels=PIXELS)
    np.testing.assert_allclose(part.inputs, found.inputs[:40], atol=1e-5)
    other = Attack("pgd", eps=EPS, steps=1, seed=4)
    assert not np.array_equal(
        attack(network, inputs, labels, other, pixels=PIXELS).inputs, found.inputs
    )


def test_the_network_and_the_generators_are_left_as_they_were():
    inputs, labels = made()
    network = nn.Sequential(
        nn.BatchNorm1d(6), nn.Linear(6, 8), nn.ReLU(inplace=True), nn.Dropout(0.5), nn.Linear(8, 3)
    )
    network[3].eval()
    modes = [module.training for module in network.modules()]
    state = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    ours, theirs = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    given = inputs.copy()
    with torch.inference_mode():
        first, second = (
            attack(network, inputs, labels, Attack(eps=EPS), pixels=PIXELS) for _ in range(2)
        )
    assert np.array_equal(first.inputs, second.inputs)  # nothing is dropped
    assert modes == [module.training for module in network.modules()]
    assert all(torch.equal(tensor, state[name]) for name, tensor in network.state_dict().items())
    assert all(parameter.grad is None for parameter in network.parameters())
    assert torch.equal(torch.get_rng_state(), ours)
    assert np.array_equal(np.random.get_state()[1], theirs)  # noqa: NPY002
    assert np.array_equal(inputs, given)


def test_the_range_is_that_of_all_the_data():
    assert PixelRange.of(np.array([[0.5, -1.0], [3.0, 0.0]])) == PixelRange(-1.0, 3.0)
    assert PixelRange(-1.0, 3.0).width == 4


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Attack("cw"), "attack must be one of fgsm, pgd, got 'cw'"),
        (lambda: Attack(eps=-0.1), "eps must be a number of pixel units from 0 to 1, got -0.1"),
        (lambda: Attack(eps=8), "eps must be a number of pixel units from 0 to 1, got 8"),
        (lambda: Attack(eps=float("nan")), "eps must be"),
        (lambda: Attack(step_size=2), "step_size must be"),
        (lambda: Attack(steps=0), "steps must be from 1 to 10000, got 0"),
        (lambda: Attack(seed=-1), "seed must be at least 0"),
        (lambda: PixelRange(1, 1), "must rise from low to high"),
        (lambda: PixelRange(0, float("inf")), "must rise from low to high"),
        (lambda: PixelRange.of(np.zeros((0, 3))), "give the whole data set"),
        (lambda: PixelRange.of(np.zeros((4, 3))), "must rise from low to high"),
    ],
)
def test_wrong_settings_are_named(make, words):
    with pytest.raises(AnalysisError, match=words):
        make()


class Odd(nn.Module):
    """Gives what it is told to give."""

    def __init__(self, give):
        super().__init__()
        self.give = give

    def forward(self, inputs):
        return self.give(inputs)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"labels": np.zeros(5, int)}, "give one label for each input"),
        ({"labels": np.full(30, -1)}, "without labels cannot be attacked"),
        ({"labels": np.zeros(30)}, "labels must be whole numbers"),
        ({"labels": np.full(30, 3)}, "one logit per class"),
        ({"inputs": np.full((30, 6), 9.0)}, "outside of the range of pixels -0.5 to 2.5"),
        ({"inputs": np.full((30, 6), np.nan)}, "outside of the range"),
        ({"inputs": np.zeros((30, 7))}, r"cannot take inputs of shape \(7,\)"),
        ({"inputs": np.zeros((0, 6)), "labels": np.zeros(0, int)}, "one label for each input"),
        ({"network": Odd(lambda x: x.detach()[:, :3])}, "no gradient"),
        ({"network": Odd(lambda x: x[:, :3, None])}, "one logit per class"),
        ({"network": Odd(lambda x: (x[:, :3],))}, "gives tuple; an attack needs"),
    ],
)
def test_bad_input_is_named(change, words):
    inputs, labels = made()
    given = {"network": linear(), "inputs": inputs, "labels": labels, **change}
    with pytest.raises(AnalysisError, match=words):
        attack(*given.values(), Attack(eps=EPS), pixels=PIXELS)
