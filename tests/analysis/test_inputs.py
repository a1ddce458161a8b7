"""Which inputs a network is shown."""

from pathlib import Path

import numpy as np
import pytest

from analysis.errors import AnalysisError
from analysis.inputs import batch_of, draw
from analysis.networks import NetworkSource

NAMES = ("background", "disk", "2")


def labels_of(*sizes: int) -> np.ndarray:
    labels = np.repeat(np.arange(len(sizes)), sizes)
    return np.random.default_rng(9).permutation(labels)


def inputs_of(n: int) -> np.ndarray:
    return np.random.default_rng(8).random((n, 2)).astype(np.float32)


def stored_source(
    tmp_path: Path, *, layers: tuple[str, ...] = (), **arrays: np.ndarray
) -> NetworkSource:
    path = tmp_path / "step-000007.npz"
    np.savez(path, **arrays)
    return NetworkSource("run", (str(path),), layers=layers, stored=True)


@pytest.mark.parametrize("sampling", ["random", "stratified"])
def test_rows_are_different_ascending_and_follow_the_seed(sampling: str) -> None:
    labels = labels_of(300, 200)
    how = {"count": 60, "sampling": sampling}
    first, total = draw(labels, inputs_of(500), NAMES, **how)
    again, _ = draw(labels, inputs_of(500), NAMES, **how)
    other, _ = draw(labels, inputs_of(500), NAMES, **how, seed=1)
    assert total == 500
    assert len(first) == 60
    assert (np.diff(first) > 0).all()
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert first.min() < 100
    assert first.max() > 400


@pytest.mark.parametrize("sampling", ["random", "stratified", "spread"])
@pytest.mark.parametrize(("said", "label"), [("disk", 1), ("1", 1), ("2", 2), ("background", 0)])
def test_one_class_by_name_or_number(sampling: str, said: str, label: int) -> None:
    labels = labels_of(40, 30, 20)
    rows, total = draw(labels, inputs_of(90), NAMES, count=15, of_class=said, sampling=sampling)
    assert (labels[rows] == label).all()
    assert (len(rows), total) == (15, (40, 30, 20)[label])


def test_a_name_that_is_a_number_goes_before_the_number() -> None:
    labels = labels_of(5, 6)
    rows, _ = draw(labels, inputs_of(11), ("1", "0"), count=5, of_class="1")
    assert (labels[rows] == 0).all()


@pytest.mark.parametrize("said", ["3", "-1", "disks", "²", " "])
def test_an_unknown_class_lists_what_there_is(said: str) -> None:
    with pytest.raises(AnalysisError, match="there are background, disk, 2"):
        draw(labels_of(5, 5, 5), inputs_of(15), NAMES, count=2, of_class=said)


@pytest.mark.parametrize(
    ("sizes", "count", "expected"),
    [
        ((600, 300, 100), 100, [60, 30, 10]),
        ((600, 300, 100), 10, [6, 3, 1]),
        ((5, 3, 2), 10, [5, 3, 2]),
        ((50, 49, 1), 10, [5, 5, 0]),  # exactly 5, 4.9 and 0.1
        ((1, 1, 1), 2, [1, 1, 0]),
        ((7, 7, 7), 11, [4, 4, 3]),
    ],
)
def test_stratified_shares(sizes: tuple[int, ...], count: int, expected: list[int]) -> None:
    labels = labels_of(*sizes)
    for seed in range(3):
        rows, _ = draw(
            labels, inputs_of(len(labels)), NAMES, count=count, sampling="stratified", seed=seed
        )
        assert np.bincount(labels[rows], minlength=3).tolist() == expected


def test_stratified_shares_are_never_more_than_there_are() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        sizes = rng.integers(2, 30, rng.integers(1, 6))
        labels = labels_of(*sizes)
        count = int(rng.integers(1, len(labels) + 1))
        rows, _ = draw(labels, inputs_of(len(labels)), NAMES, count=count, sampling="stratified")
        share = count * sizes / sizes.sum()
        taken = np.bincount(labels[rows], minlength=len(sizes))
        assert len(rows) == len(set(rows)) == count
        assert (np.abs(taken - share) < 1).all()


def test_spread_covers_better_than_chance() -> None:
    inputs = np.concatenate([inputs_of(500), [[3.0, 3.0]]]).astype(np.float32)
    labels = np.zeros(501, np.int64)

    def radius(rows: np.ndarray) -> float:
        gaps = np.linalg.norm(inputs[:, None] - inputs[rows], axis=2)
        return float(gaps.min(axis=1).max())

    rows, _ = draw(labels, inputs, ("all",), count=40, sampling="spread")
    assert 500 in rows
    assert (np.diff(rows) > 0).all()
    chance = [radius(draw(labels, inputs, ("all",), count=40, seed=s)[0]) for s in range(5)]
    assert radius(rows) < 0.8 * min(chance)
    gaps = np.linalg.norm(inputs[rows][:, None] - inputs[rows], axis=2)
    # what makes greedy landmarks: none is nearer to another than any point to its nearest
    assert gaps[~np.eye(40, dtype=bool)].min() >= radius(rows)


def test_images_are_spread_too_and_duplicates_are_not_taken_twice() -> None:
    images = np.random.default_rng(0).random((20, 1, 4, 4)).astype(np.float32)
    doubled = np.concatenate([images, images])
    labels = np.zeros(40, np.int64)
    for count in (20, 21, 40, 100):
        rows, total = draw(labels, doubled, ("all",), count=count, sampling="spread")
        assert len(rows) == 20
        assert set(rows % 20) == set(range(20))
        assert total == 40
    equal = np.ones((9, 2), np.float32)
    with pytest.raises(AnalysisError, match="all 9 inputs are equal: take another sampling"):
        draw(np.zeros(9, np.int64), equal, ("all",), count=4, sampling="spread")


@pytest.mark.parametrize("sampling", ["random", "stratified", "spread"])
def test_where_there_are_fewer_all_are_taken(sampling: str) -> None:
    labels = labels_of(10, 5, 1)
    for count in (16, 17, 8000):
        rows, total = draw(labels, inputs_of(16), NAMES, count=count, sampling=sampling)
        np.testing.assert_array_equal(rows, np.arange(16))
        assert total == 16
        how = {"count": count, "sampling": sampling, "of_class": "disk"}
        rows, total = draw(labels, inputs_of(16), NAMES, **how)
        np.testing.assert_array_equal(rows, np.flatnonzero(labels == 1))
        assert total == 5
    with pytest.raises(AnalysisError, match="there are 1 inputs of class 2 in the data: a shape"):
        draw(labels, inputs_of(16), NAMES, count=9, sampling=sampling, of_class="2")
    with pytest.raises(AnalysisError, match="there are 1 inputs in the data: a shape needs at l"):
        draw(labels[:1], inputs_of(1), NAMES, count=9, sampling=sampling)


def test_why_there_are_fewer_is_said() -> None:
    source = NetworkSource("run", (), dataset='{"name": "disks", "step": 0.1}')
    usual = {"of_class": "1", "sampling": "random", "seed": 0}
    enough = batch_of(source, count=50, **usual)
    assert enough.note == ""
    assert batch_of(source, count=enough.n_total, **usual).note == ""
    more = batch_of(source, count=8000, **usual)
    assert (len(more.rows), more.note) == (enough.n_total, "8,000 asked for; there are no more")


def test_copies_among_the_inputs_are_said(tmp_path: Path) -> None:
    twice = np.tile(np.random.default_rng(0).random((15, 3)), (2, 1))
    how = {"count": 20, "of_class": "", "seed": 0}
    found = batch_of(stored_source(tmp_path, a=twice), **how, sampling="spread")
    assert (len(found.rows), found.n_total) == (15, 30)
    assert found.note == "20 asked for; only 15 of 30 differ"
    assert batch_of(stored_source(tmp_path, a=twice), **how, sampling="random").note == ""


def test_inputs_of_a_data_set() -> None:
    source = NetworkSource("run", (), dataset='{"name": "disks", "step": 0.1}')
    batch = batch_of(source, count=50, of_class="1", sampling="random", seed=0)
    assert batch.inputs.shape == (50, 2)
    assert batch.inputs.dtype == np.float32
    assert batch.inputs.flags.writeable
    centres = 3 * np.array([[x, y] for x in (-0.5, 0, 0.5) for y in (-0.5, 0, 0.5)])
    gaps = np.linalg.norm(batch.inputs[:, None] - centres, axis=2).min(axis=1)
    assert gaps.max() <= 0.6 + 1e-6
    assert (batch.labels == 1).all()
    again = batch_of(source, count=50, of_class="1", sampling="random", seed=0)
    np.testing.assert_array_equal(batch.rows, again.rows)
    everything = batch_of(source, count=batch.n_total, of_class="1", sampling="random", seed=3)
    assert everything.n_total == len(everything.rows) == batch.n_total


def test_stored_activations_without_and_with_labels(tmp_path: Path) -> None:
    a, b = np.ones((30, 4), np.float32), np.ones((30, 2, 3, 3))
    how = {"count": 10, "of_class": "", "sampling": "random", "seed": 0}
    batch = batch_of(stored_source(tmp_path, a=a, b=b), **how)
    assert (batch.labels == -1).all()
    assert (batch.class_names, batch.n_total, len(batch.rows)) == ((), 30, 10)
    with pytest.raises(AnalysisError, match="there is no class '0' in the data; there are no lab"):
        batch_of(stored_source(tmp_path, a=a), **how | {"of_class": "0"})
    labels = np.tile([0, 2, -1], 10).astype(np.uint8)
    labels = np.where(labels == 255, -1, labels.astype(np.int16))
    source = stored_source(tmp_path, a=a, labels=labels)
    batch = batch_of(source, **how | {"of_class": "2"})
    assert batch.class_names == ("0", "1", "2")
    np.testing.assert_array_equal(batch.rows, np.arange(1, 30, 3))
    with pytest.raises(AnalysisError, match="there are 0 inputs of class 1 in the data"):
        batch_of(source, **how | {"of_class": "1"})


@pytest.mark.parametrize(
    ("labels", "got"),
    [
        (np.zeros(29, np.int64), "int64 of shape"),
        (np.zeros((30, 1), np.int64), "int64 of shape"),
        (np.zeros(30, np.float32), "float32 of shape"),
        (np.zeros(30, bool), "bool of shape"),
        (np.full(30, -2), "-2 to -2"),
        (np.r_[np.zeros(29, np.int64), 10_000], "0 to 10000"),
        (np.full(30, 10_001, np.uint64), "10001 to 10001"),
    ],
)
def test_bad_labels(tmp_path: Path, labels: np.ndarray, got: str) -> None:
    source = stored_source(tmp_path, a=np.ones((30, 4)), labels=labels)
    with pytest.raises(AnalysisError, match=r"step-000007.npz: labels must be 30 whole") as error:
        batch_of(source, count=10)
    assert got in str(error.value)


@pytest.mark.parametrize("sampling", ["random", "spread"])
def test_all_layers_that_are_stored_show_the_same_inputs(tmp_path: Path, sampling: str) -> None:
    rng = np.random.default_rng(0)
    arrays = {name: rng.random((40, width)) for name, width in (("a", 3), ("b", 5))}
    odd = {"long": rng.random((50, 2)), "short": rng.random((20, 2))}
    labels = np.arange(40) % 3
    rows = [
        batch_of(
            stored_source(tmp_path, layers=layers, **odd, **arrays, labels=labels),
            count=15,
            sampling=sampling,
        ).rows
        for layers in ((), ("a",), ("b",), ("long",))
    ]
    assert rows[0].max() < 40
    for each in rows[1:]:
        np.testing.assert_array_equal(each, rows[0])


def test_a_file_of_no_activations(tmp_path: Path) -> None:
    for arrays in (
        {"labels": np.zeros(5, int)},
        {"a": np.float32(3)},
        {"a": np.zeros((5, 2), bool)},
    ):
        with pytest.raises(AnalysisError, match="holds no arrays of activations"):
            batch_of(stored_source(tmp_path, **arrays), count=2)
