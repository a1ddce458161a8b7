"""Induced graphs beside each layer's dense matrix, made column by column from basis vectors."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from analysis.architectures import build
from analysis.errors import AnalysisError
from analysis.induced_graph import (
    InducedGraph,
    edge_plan,
    generators,
    induced_graph,
    induced_graphs,
    memory_needed,
    sparsified,
)

Layer = Callable[[torch.Tensor], torch.Tensor]


def seeded(make: Callable[[], nn.Module], seed: int = 0) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return make().eval()


def drawn(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def dense(layer: Layer, shape: tuple[int, ...]) -> np.ndarray:
    """Matrix of an affine layer without its shift."""
    basis = torch.eye(int(np.prod(shape))).reshape(-1, *shape)
    with torch.inference_mode():
        columns = layer(basis) - layer(torch.zeros(1, *shape))
    return columns.reshape(len(basis), -1).numpy().T


def seen(layer: Layer, shape: tuple[int, ...]) -> np.ndarray:
    """Which input lies in the window of which maximum: 1 or 0."""
    basis = torch.eye(int(np.prod(shape))).reshape(-1, *shape)
    with torch.inference_mode():
        return (layer(basis) > 0).reshape(len(basis), -1).numpy().T.astype(np.float32)


def won(layer: Layer, x: np.ndarray) -> np.ndarray:
    """Which input each maximum is: 1 or 0."""
    jacobian = torch.autograd.functional.jacobian(lambda h: layer(h[None])[0], torch.tensor(x))
    return jacobian.reshape(-1, x.size).numpy()


def between(graph: InducedGraph, source: int, target: int) -> np.ndarray:
    """Edge weights from one layer to another as a matrix; parallel edges are added."""
    a, b = graph.layer_of(graph.edges).T
    mine = (a == source) & (b == target)
    found = np.zeros((graph.sizes[target], graph.sizes[source]))
    ends = graph.edges[mine] - graph.offsets[[source, target]]
    np.add.at(found, (ends[:, 1], ends[:, 0]), graph.weights[mine])
    return found


CONVOLUTIONS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "plain": (lambda: nn.Conv2d(2, 3, 3, bias=False), (2, 6, 7)),
    "stride": (lambda: nn.Conv2d(2, 3, 3, stride=(2, 3), bias=False), (2, 8, 9)),
    "padding": (lambda: nn.Conv2d(2, 3, (3, 5), padding=(1, 2), bias=False), (2, 6, 7)),
    "dilation": (lambda: nn.Conv2d(1, 2, 3, dilation=(2, 1), padding=2, bias=False), (1, 7, 6)),
    "groups": (lambda: nn.Conv2d(4, 6, 3, groups=2, stride=2, padding=1, bias=False), (4, 7, 7)),
    "depthwise": (lambda: nn.Conv2d(3, 6, 3, groups=3, bias=False), (3, 5, 5)),
    "same": (lambda: nn.Conv2d(1, 2, (4, 3), padding="same", dilation=2, bias=False), (1, 8, 7)),
    "circular": (
        lambda: nn.Conv2d(1, 2, 3, padding=1, padding_mode="circular", bias=False),
        (1, 5, 6),
    ),
    "one pixel": (lambda: nn.Conv2d(2, 2, 1, padding=1, bias=False), (2, 1, 1)),
    "with bias": (lambda: nn.Conv2d(2, 3, 3), (2, 6, 7)),
    "1d": (lambda: nn.Conv1d(2, 3, 3, stride=2, padding=2, dilation=2, bias=False), (2, 11)),
    "transposed": (
        lambda: nn.ConvTranspose2d(
            4, 6, 3, stride=2, padding=1, output_padding=1, groups=2, bias=False
        ),
        (4, 4, 5),
    ),
    "transposed 1d": (
        lambda: nn.ConvTranspose1d(2, 3, 4, stride=3, dilation=2, bias=False),
        (2, 5),
    ),
    "linear": (lambda: nn.Linear(7, 4), (7,)),
    "linear at places": (lambda: nn.Linear(3, 4), (5, 3)),
    "average": (lambda: nn.AvgPool2d(3, stride=2, padding=1), (2, 7, 8)),
    "average, ceil": (lambda: nn.AvgPool2d(3, stride=2, padding=1, ceil_mode=True), (2, 6, 8)),
    "average of what is there": (
        lambda: nn.AvgPool2d((2, 3), padding=(1, 1), count_include_pad=False),
        (1, 5, 6),
    ),
    "average 1d": (lambda: nn.AvgPool1d(3, stride=2, padding=1), (2, 8)),
    "adaptive average": (lambda: nn.AdaptiveAvgPool2d((3, 2)), (2, 7, 5)),
    "adaptive average 1d": (lambda: nn.AdaptiveAvgPool1d(3), (2, 7)),
}


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_edges_are_those_of_the_dense_matrix(name: str) -> None:
    make, shape = CONVOLUTIONS[name]
    layer, x = seeded(make), drawn(*shape)
    graph = induced_graph(nn.Sequential(layer), x, input_edges=True)
    expected = np.abs(dense(layer, shape) * x.ravel())
    np.testing.assert_allclose(between(graph, 0, 1), expected, rtol=1e-5, atol=1e-7)
    assert graph.layers == ("input", "0")
    assert graph.shapes == (shape, tuple(layer(torch.zeros(1, *shape)).shape[1:]))
    assert len(graph.weights) == graph.n_all == np.count_nonzero(expected > 1e-7)
    np.testing.assert_array_equal(graph.activations[: x.size], x.ravel())


POOLS: dict[str, tuple[nn.Module, tuple[int, ...]]] = {
    "plain": (nn.MaxPool2d(2), (2, 6, 7)),
    "overlap": (nn.MaxPool2d(3, stride=2, padding=1), (2, 7, 8)),
    "dilation": (nn.MaxPool2d((2, 3), stride=(1, 2), dilation=2), (1, 7, 8)),
    "ceil": (nn.MaxPool2d(3, stride=2, ceil_mode=True), (1, 6, 8)),
    "adaptive": (nn.AdaptiveMaxPool2d((3, 2)), (2, 7, 5)),
    "1d": (nn.MaxPool1d(3, stride=2, padding=1), (2, 8)),
    "adaptive 1d": (nn.AdaptiveMaxPool1d(3), (2, 7)),
}


@pytest.mark.parametrize("name", POOLS)
def test_maxima_are_joined_to_their_windows_or_to_the_winner(name: str) -> None:
    layer, shape = POOLS[name]
    x = drawn(*shape)
    graph = induced_graph(nn.Sequential(layer), x, input_edges=True)
    np.testing.assert_allclose(between(graph, 0, 1), seen(layer, shape) * np.abs(x.ravel()))
    graph = induced_graph(nn.Sequential(layer), x, input_edges=True, pooling="winner")
    np.testing.assert_allclose(between(graph, 0, 1), won(layer, x) * np.abs(x.ravel()))


def test_of_equal_winners_the_first_is_joined() -> None:
    layer, x = nn.MaxPool2d(3, stride=1, padding=1), np.ones((1, 4, 4), np.float32)
    graph = induced_graph(nn.Sequential(layer), x, input_edges=True, pooling="winner")
    _, where = nn.functional.max_pool2d(torch.tensor(x[None]), 3, 1, 1, return_indices=True)
    np.testing.assert_array_equal(between(graph, 0, 1).argmax(axis=1), where.ravel())


@pytest.mark.parametrize("activation", [nn.ReLU, nn.Sigmoid, nn.Tanh, nn.GELU, nn.LeakyReLU])
def test_numbering_goes_through_every_layer(activation: type[nn.Module]) -> None:
    network = seeded(
        lambda: nn.Sequential(
            nn.Conv2d(1, 3, 3, stride=2, padding=1),
            activation(),
            nn.MaxPool2d(2),
            nn.Dropout(),
            nn.Conv2d(3, 4, 3, groups=1, padding=1),
            activation(),
            nn.AvgPool2d(2),
            nn.Flatten(),
            nn.Linear(16, 5),
            activation(),
            nn.Linear(5, 2),
        )
    )
    x = drawn(1, 16, 16)
    graph = induced_graph(network, x, input_edges=True)
    assert graph.layers == ("input", "0", "2", "4", "6", "8", "10")
    linear = [0, 2, 4, 6, 8, 10]
    with torch.inference_mode():
        h = [torch.tensor(x[None])]
        for module in network:
            h.append(module(h[-1]))
    for target, at in enumerate(linear, start=1):
        given = h[at]
        matrix = (seen if at == 2 else dense)(network[at], tuple(given.shape[1:]))
        expected = np.abs(matrix * given.numpy().ravel())
        found = between(graph, target - 1, target)
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)
    assert set(map(tuple, np.unique(graph.layer_of(graph.edges), axis=0))) == set(
        pairwise(range(7))
    )
    own = graph.activations[graph.offsets[1] : graph.offsets[2]]
    np.testing.assert_array_equal(own, h[2].ravel().numpy())
    np.testing.assert_array_equal(graph.activations[-2:], h[-1].ravel().numpy())


def test_edges_of_the_input_are_left_out_unless_asked_for() -> None:
    network, x = build({"kind": "mlp", "input": [6], "hidden": [5], "classes": 3}), drawn(6)
    graph, whole = induced_graph(network, x), induced_graph(network, x, input_edges=True)
    assert graph.layers == whole.layers == ("input", "fc1", "fc2")
    np.testing.assert_array_equal(between(graph, 1, 2), between(whole, 1, 2))
    assert not between(graph, 0, 1).any()
    assert between(whole, 0, 1).all()
    assert graph.place(0) == ("input", (0,))
    assert graph.place(7) == ("fc1", (1,))


def test_a_vertex_is_said_by_channel_row_and_column() -> None:
    spec = {"kind": "cnn", "channels": [2, 3], "hidden": 4, "input": [1, 8, 8]}
    graph = induced_graph(build(spec), drawn(1, 8, 8))
    assert graph.layers == ("input", "conv1", "pool1", "conv2", "pool2", "fc1", "fc2")
    assert graph.place(64 + 64 + 8 + 5) == ("conv1", (1, 1, 5))
    with pytest.raises(ValueError, match="vertex"):
        graph.place(graph.n_vertices)


def test_biases_are_vertices_of_their_own() -> None:
    network = seeded(lambda: nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(8, 3)))
    graph = induced_graph(network, drawn(1, 4, 4), bias=True)
    assert graph.layers == ("input", "0 bias", "0", "2 bias", "2")
    biases = network[0].bias.detach().abs().numpy()
    np.testing.assert_array_equal(between(graph, 1, 2)[:, 0], np.repeat(biases, 4))
    np.testing.assert_array_equal(
        between(graph, 3, 4)[:, 0], network[2].bias.detach().abs().numpy()
    )
    assert graph.activations[16] == 1


def normed(make: Callable[[int], nn.Module], channels: int, seed: int) -> nn.Module:
    layer = make(channels)
    rng = np.random.default_rng(seed)
    for name in ("running_mean", "weight", "bias"):
        getattr(layer, name).data[:] = torch.tensor(rng.normal(size=channels))
    layer.running_var[:] = torch.tensor(rng.uniform(0.5, 2, channels))
    return layer


def test_a_batch_norm_after_a_sum_is_folded_into_its_weights() -> None:
    first = seeded(lambda: nn.Conv2d(2, 3, 3, padding=1))
    norm = normed(nn.BatchNorm2d, 3, 1).eval()
    second = seeded(lambda: nn.Linear(27, 4))
    flat = normed(nn.BatchNorm1d, 4, 2).eval()
    network = nn.Sequential(first, norm, nn.ReLU(inplace=True), nn.Flatten(), second, flat)
    x = drawn(2, 3, 3)
    graph = induced_graph(network, x, input_edges=True, bias=True)
    assert graph.layers == ("input", "0 bias", "0", "4 bias", "4")
    h = network[:4](torch.tensor(x[None]))[0].detach().numpy()
    for target, source, part, given in ((2, 0, network[:2], x), (4, 2, network[4:], h)):
        expected = np.abs(dense(part, given.shape) * given.ravel())
        np.testing.assert_allclose(between(graph, source, target), expected, rtol=1e-4, atol=1e-6)
        shift = part(torch.zeros(1, *given.shape)).detach().abs().numpy().ravel()
        found = between(graph, target - 1, target)[:, 0]
        np.testing.assert_allclose(found, shift, rtol=1e-4, atol=1e-6)


def test_a_batch_norm_elsewhere_changes_activations_only() -> None:
    conv, norm = seeded(lambda: nn.Conv2d(1, 2, 3)), normed(nn.BatchNorm2d, 2, 1).eval()
    last = seeded(lambda: nn.Linear(8, 3))
    network = nn.Sequential(conv, nn.ReLU(), norm, nn.Flatten(), last)
    x = drawn(1, 4, 4)
    graph = induced_graph(network, x, input_edges=True)
    np.testing.assert_allclose(
        between(graph, 0, 1), np.abs(dense(conv, x.shape) * x.ravel()), rtol=1e-5, atol=1e-7
    )
    h = network[:4](torch.tensor(x[None])).detach().numpy().ravel()
    expected = np.abs(last.weight.detach().numpy() * h)
    np.testing.assert_allclose(between(graph, 1, 2), expected, rtol=1e-5)


class Residual(nn.Module):
    """x + F(x) with a projection beside; then x + G(x) of what its activation function gives."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(4, 5), nn.Linear(5, 3)
        self.short = nn.Linear(4, 3)
        self.branch = nn.Linear(3, 3)
        self.last = nn.Linear(3, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = torch.relu(self.second(torch.relu(self.first(x))) + self.short(x))
        z = functional.relu(self.branch(y) + y)
        return self.last(z)


def test_additions_join_sums_and_let_others_enter() -> None:
    network, x = seeded(Residual), drawn(4)
    graph = induced_graph(network, x, input_edges=True)
    assert graph.layers == ("input", "first", "second + short", "branch", "last")
    y = torch.relu(
        network.second(torch.relu(network.first(torch.tensor(x)))) + network.short(torch.tensor(x))
    )
    short = np.abs(network.short.weight.detach().numpy() * x)
    np.testing.assert_allclose(between(graph, 0, 2), short, rtol=1e-6)
    # the identity is an edge of weight 1 beside that of the layer
    branch = (network.branch.weight.abs() * y.abs()).detach().numpy()
    expected = branch + np.diag(y.abs().detach().numpy())
    np.testing.assert_allclose(between(graph, 2, 3), expected, rtol=1e-5, atol=1e-7)
    assert (graph.edges[:, 0] < graph.edges[:, 1]).all()


class Preactivated(nn.Module):
    """x + F(norm(x)): the sum is seen twice, so nothing is folded into it."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 2, 1, bias=False)
        self.norm = normed(nn.BatchNorm2d, 2, 3)
        self.second = nn.Conv2d(2, 2, 3, padding=1, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.first(x)
        return x + self.second(torch.relu(self.norm(x)))


def test_a_sum_that_is_seen_twice_enters_an_addition_by_edges() -> None:
    network, x = seeded(Preactivated), drawn(1, 4, 4)
    graph = induced_graph(network, x, input_edges=True)
    assert graph.layers == ("input", "first", "second")
    np.testing.assert_allclose(
        between(graph, 0, 1), np.abs(dense(network.first, x.shape) * x.ravel()), rtol=1e-6
    )
    inner = network.first(torch.tensor(x[None])).detach()
    h = torch.relu(network.norm(inner)).detach().numpy().ravel()
    expected = np.abs(dense(network.second, (2, 4, 4)) * h)
    expected += np.diag(np.abs(inner.numpy().ravel()))
    np.testing.assert_allclose(between(graph, 1, 2), expected, rtol=1e-5, atol=1e-7)


class Mixed(nn.Module):
    """Functions, operators and moves instead of modules."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3, padding=1)
        self.other = nn.Conv2d(1, 2, 1)
        self.fc = nn.Linear(18, 4)
        self.scale = nn.Parameter(torch.tensor(2.0))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        a, b = self.conv(x).relu(), torch.sigmoid(self.other(x))
        joined = torch.cat([a[:, 1:], b], dim=1).permute(0, 2, 3, 1) * self.scale
        pooled = functional.max_pool2d(joined.permute(0, 3, 1, 2)[:, :2], 2, 2)
        both = torch.cat([pooled.reshape(x.size(0), -1), a.mean(dim=(2, 3))], dim=1)
        return functional.log_softmax(self.fc(functional.pad(both, (0, 8))), dim=1)


def test_moves_are_followed() -> None:
    network, x = seeded(Mixed), drawn(1, 4, 4)
    graph = induced_graph(network, x)
    assert graph.layers == ("input", "conv", "other", "max_pool2d", "mean", "fc")
    assert graph.skipped == ()
    a = network.conv(torch.tensor(x[None])).relu().detach()
    b = torch.sigmoid(network.other(torch.tensor(x[None]))).detach()
    pool = nn.MaxPool2d(2)
    windows = seen(pool, (1, 4, 4))
    expected = np.zeros((8, 32))
    expected[:4, 16:] = 2 * windows * a[0, 1].numpy().ravel()
    np.testing.assert_allclose(between(graph, 1, 3), expected, rtol=1e-6)
    expected = np.zeros((8, 32))
    expected[4:, :16] = 2 * windows * b[0, 0].numpy().ravel()
    np.testing.assert_allclose(between(graph, 2, 3), expected, rtol=1e-6)
    expected = np.kron(np.eye(2), np.full(16, 1 / 16)) * a.numpy().ravel()
    np.testing.assert_allclose(between(graph, 1, 4), expected, rtol=1e-6)
    means = a.mean(dim=(2, 3)).numpy().ravel()
    expected = np.abs(network.fc.weight[:, 8:10].detach().numpy()) * means
    np.testing.assert_allclose(between(graph, 4, 5), expected, rtol=1e-5)
    assert len(graph.activations) == graph.n_vertices


class Gated(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = nn.Linear(4, 3), nn.Linear(4, 3), nn.Linear(3, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.c(self.a(x) * torch.sigmoid(self.b(x)))


def test_what_is_no_sum_is_named_and_left_out() -> None:
    network, x = seeded(Gated), drawn(4)
    graph = induced_graph(network, x)
    assert graph.layers == ("input", "a", "b", "mul", "c")
    ((name, why),) = graph.skipped
    assert name == "mul"
    assert "mul of 2 parts" in why
    h = (network.a(torch.tensor(x)) * torch.sigmoid(network.b(torch.tensor(x)))).detach()
    expected = (network.c.weight.abs() * h.abs()).detach().numpy()
    np.testing.assert_allclose(between(graph, 3, 4), expected, rtol=1e-6)
    assert np.isin(graph.layer_of(graph.edges), [3, 4]).all()


def test_a_network_without_any_known_layer_is_refused() -> None:
    with pytest.raises(AnalysisError, match="no layer of Bilinear can be turned into edges"):
        induced_graph(Halved(), drawn(4))


class Halved(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cumsum(x, dim=1)


Halved.__name__ = "Bilinear"


class Branched(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Linear(4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.a(x)
        return torch.relu(y) if float(x.sum()) > 0 else y


def test_a_network_that_branches_is_refused() -> None:
    with pytest.raises(AnalysisError, match="another path"):
        induced_graph(Branched(), np.ones(4, np.float32))


def test_a_network_is_left_as_it_was() -> None:
    network = nn.Sequential(nn.Linear(4, 3), nn.Dropout(), nn.BatchNorm1d(3)).train()
    network[1].eval()
    induced_graph(network, drawn(4))
    assert [module.training for module in network.modules()] == [True, True, False, True]
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in network.modules())
    assert int(network[2].num_batches_tracked) == 0


def test_inputs_together_are_as_one_by_one() -> None:
    network = build({"kind": "cnn", "channels": [2, 3], "hidden": 4, "input": [1, 8, 8]}, seed=1)
    inputs = drawn(5, 1, 8, 8)
    plan = edge_plan(network, (1, 8, 8))
    for x, graph in zip(inputs, induced_graphs(plan, inputs), strict=True):
        alone = induced_graph(plan, x)
        np.testing.assert_array_equal(graph.edges, alone.edges)
        np.testing.assert_allclose(graph.weights, alone.weights, rtol=1e-4, atol=1e-7)


def test_no_activation_gives_no_edges_and_no_generators() -> None:
    network = nn.Sequential(nn.Linear(4, 3, bias=False), nn.ReLU(), nn.Linear(3, 2, bias=False))
    graph = induced_graph(network, np.zeros(4), input_edges=True)
    assert graph.edges.shape == (0, 2)
    assert graph.n_all == 0
    assert len(generators(graph)) == 0
    assert len(sparsified(graph, quantile=0.5).weights) == 0
    assert len(induced_graph(network, np.zeros(4), most=5).weights) == 0


@pytest.mark.parametrize("quantised", [False, True])
def test_the_heaviest_edges_alone_are_those_of_the_whole_graph(quantised: bool) -> None:  # noqa: FBT001
    network = seeded(lambda: nn.Sequential(nn.Linear(9, 30), nn.ReLU(), nn.Linear(30, 8)))
    if quantised:
        for layer in (network[0], network[2]):
            layer.weight.data = layer.weight.data.sign()
    plan, x = edge_plan(network, (9,), input_edges=True), drawn(9).round()
    whole = induced_graph(plan, x)
    for n in (1, 17, 100, len(whole.weights), 10**6):
        part, same = induced_graph(plan, x, most=n), sparsified(whole, most=n)
        order = np.argsort(-whole.weights, kind="stable")[:n]
        np.testing.assert_array_equal(part.edges, whole.edges[np.sort(order)])
        np.testing.assert_array_equal(same.edges, part.edges)
        np.testing.assert_array_equal(same.weights, part.weights)
        assert part.n_all == len(whole.weights)
    part = induced_graph(plan, x, quantile=0.75)
    assert len(part.weights) == round(0.25 * len(whole.weights))
    np.testing.assert_array_equal(sparsified(whole, quantile=0.75).edges, part.edges)


def test_too_large_a_graph_is_refused_before_with_what_would_fit() -> None:
    network = nn.Sequential(nn.Linear(100, 100, bias=False), nn.Linear(100, 100, bias=False))
    plan = edge_plan(network, (100,), input_edges=True)
    assert plan.n_edges == 20_000
    graph = induced_graph(plan, np.ones(100))
    assert memory_needed(plan) > graph.edges.nbytes + graph.weights.nbytes
    limit = memory_needed(plan) // 2
    with pytest.raises(AnalysisError, match=r"can have 20,000 edges .* most=(\d|,)+ ") as refused:
        induced_graph(plan, np.ones(100), limit=limit)
    most = int(str(refused.value).split("most=")[1].split()[0].replace(",", ""))
    assert memory_needed(plan, edges=most) <= limit < memory_needed(plan, edges=most + 1)
    assert len(induced_graph(plan, np.ones(100), limit=limit, most=most).weights) == most
    quantile = float(str(refused.value).split("quantile=")[1].rstrip(")"))
    assert quantile == pytest.approx(1 - most / 20_000, abs=1e-4)


def test_bad_input_is_refused_with_words() -> None:
    network = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    with pytest.raises(AnalysisError, match="cannot take inputs of shape"):
        induced_graph(network, np.ones(5))
    plan = edge_plan(network, (4,))
    with pytest.raises(AnalysisError, match=r"inputs of shape \(5,\).* \(4,\)"):
        induced_graph(plan, np.ones(5))
    with pytest.raises(AnalysisError, match="1 of 4 activations of layer input are NaN"):
        induced_graph(plan, np.array([1, np.nan, 1, 1]))
    with pytest.raises(AnalysisError, match="pooling='best' is not known"):
        edge_plan(network, (4,), pooling="best")
    for how in ({"quantile": 1.0}, {"quantile": -0.1}, {"quantile": np.nan}, {"most": 0}):
        with pytest.raises(AnalysisError, match="must be"):
            induced_graph(plan, np.ones(4), **how)
    with pytest.raises(AnalysisError, match="input_shape"):
        edge_plan(network, ())
    network[2].weight.data[0, 0] = np.nan
    with pytest.raises(AnalysisError, match="1 weights of layer 2 are NaN"):
        edge_plan(network, (4,))


def test_weights_beyond_single_precision_are_refused() -> None:
    network = nn.Sequential(nn.Linear(2, 1, bias=False), nn.BatchNorm1d(1)).eval()
    network[0].weight.data[:], network[1].weight.data[:] = torch.tensor([3e38, -3e38]), 10
    with pytest.raises(AnalysisError, match="single precision"):
        induced_graph(network, np.ones(2), input_edges=True)


@pytest.mark.parametrize("mode", ["reflect", "replicate"])
def test_units_that_are_seen_twice_have_parallel_edges(mode: str) -> None:
    layer = seeded(lambda: nn.Conv2d(1, 2, 3, padding=2, padding_mode=mode, bias=False))
    layer.weight.data.abs_()  # so that what parallel edges give is not cancelled
    x = drawn(1, 5, 6)
    graph = induced_graph(nn.Sequential(layer), x, input_edges=True)
    expected = np.abs(dense(layer, x.shape) * x.ravel())
    np.testing.assert_allclose(between(graph, 0, 1), expected, rtol=1e-5, atol=1e-7)
    assert len(graph.weights) > np.count_nonzero(expected)


class Root(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(4, 3), nn.Linear(3, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.b(torch.sqrt(self.a(x)))


def test_nan_names_the_layer_that_has_it() -> None:
    network = seeded(Root)
    network.a.weight.data[:], network.a.bias.data[:] = 1, 0
    plan = edge_plan(network, (4,))
    with pytest.raises(AnalysisError, match="input 1: 3 of 3 activations of layer a are NaN"):
        list(induced_graphs(plan, np.stack([np.ones(4), -np.ones(4)])))
