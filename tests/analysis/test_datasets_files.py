"""Datasets of the user's own: IDX folders, archives, images, OpenML; and hostile ones."""

import gzip
import os
import struct
import urllib.error
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from analysis import datasets
from analysis._datasets_base import Raw, assemble
from analysis.datasets import dataset_files, load_dataset
from analysis.errors import ExperimentError

PLAIN = {"order": "stored", "standardise": False}


def load(base, **settings):
    return load_dataset(settings, data_dir=base / "none", base=base, fetch=True)


def idx(array, code=8):
    """An IDX file as its description says."""
    head = struct.pack(f">BBBB{array.ndim}I", 0, 0, code, array.ndim, *array.shape)
    return head + array.tobytes()


def digits(count, seed=0, size=(4, 3)):
    rng = np.random.default_rng(seed)
    return rng.integers(256, size=(count, *size), dtype=np.uint8), rng.integers(
        3, size=count, dtype=np.uint8
    )


def write_idx(folder, part, images, labels, *, suffix=""):
    folder.mkdir(exist_ok=True)
    for name, array in (("images-idx3", images), ("labels-idx1", labels)):
        content = idx(array)
        content = gzip.compress(content) if suffix else content
        (folder / f"{part}-{name}-ubyte{suffix}").write_bytes(content)


def write_images(folder, classes, *, size=(5, 4), mode="L", count=3):
    """Images (width, height) of noise; what was written, by place."""
    rng, written = np.random.default_rng(0), {}
    for name in classes:
        (folder / name).mkdir(parents=True)
        for i in range(count):
            shape = (size[1], size[0], 3) if mode == "RGB" else (size[1], size[0])
            pixels = rng.integers(256, size=shape, dtype=np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{i}.png")
            written[name, i] = pixels
    return written


# --- what is read --------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_an_idx_folder_is_read_training_files_first(suffix, tmp_path):
    (train, train_labels), (test, test_labels) = digits(7), digits(2, seed=1)
    write_idx(tmp_path / "set", "train", train, train_labels, suffix=suffix)
    write_idx(tmp_path / "set", "t10k", test, test_labels, suffix=suffix)
    found = load(tmp_path, path="set", **PLAIN)
    assert found.inputs.dtype == np.float32
    assert np.array_equal(found.inputs[:, 0], np.concatenate([train, test]))
    assert found.labels.tolist() == [*train_labels, *test_labels]
    assert found.class_names == ("0", "1", "2")
    files = dataset_files({"path": "set"}, data_dir=tmp_path, base=tmp_path)
    assert files == [
        tmp_path / "set" / f"{part}-{what}-ubyte{suffix}"
        for part in ("train", "t10k")
        for what in ("images-idx3", "labels-idx1")
    ]


def test_inputs_come_mixed_cut_and_standardised(tmp_path):
    images, labels = digits(40)
    write_idx(tmp_path / "set", "train", images, labels)
    order = np.random.default_rng(5).permutation(40)[:30]
    plain = load(tmp_path, path="set", seed=5, limit=30, standardise=False)
    assert np.array_equal(plain.inputs[:, 0], images[order])
    assert np.array_equal(plain.labels, labels[order])
    ready = load(tmp_path, path="set", seed=5, limit=30)
    assert ready.inputs.mean(dtype=np.float64) == pytest.approx(0, abs=1e-6)
    assert ready.inputs.std(dtype=np.float64) == pytest.approx(1, abs=1e-6)
    assert np.corrcoef(ready.inputs.ravel(), plain.inputs.ravel())[0, 1] == pytest.approx(1)


@pytest.mark.parametrize("keys", [("images", "labels"), ("x", "y"), ("inputs", "labels")])
@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((6, 2), (6, 2)),
        ((6, 5, 4), (6, 1, 5, 4)),
        ((6, 3, 5, 4), (6, 3, 5, 4)),
        ((6, 5, 4, 3), (6, 3, 5, 4)),  # channels last
    ],
)
def test_an_archive_is_read(keys, shape, expected, tmp_path):
    numbers = np.random.default_rng(0).normal(size=shape)
    labels = np.array([[0.0], [1], [2], [0], [1], [0]])  # a column of whole floats will do
    np.savez(tmp_path / "set.npz", **dict(zip(keys, (numbers, labels), strict=True)))
    found = load(tmp_path, path="set.npz", **PLAIN)
    assert found.inputs.shape == expected
    assert found.input == expected[1:]
    wanted = np.moveaxis(numbers, 3, 1) if shape == (6, 5, 4, 3) else numbers.reshape(expected)
    assert np.array_equal(found.inputs, wanted.astype(np.float32))
    assert found.labels.tolist() == [0, 1, 2, 0, 1, 0]


@pytest.mark.parametrize(("mode", "channels"), [("L", 1), ("RGB", 3)])
def test_a_folder_of_images_is_read(mode, channels, tmp_path):
    written = write_images(tmp_path / "set", ["cat", "bird"], mode=mode)
    (tmp_path / "set" / "cat" / "notes.txt").write_text("not an image")
    (tmp_path / "set" / ".hidden").mkdir()
    found = load(tmp_path, path="set", **PLAIN)
    assert found.class_names == ("bird", "cat")
    assert found.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert found.input == (channels, 4, 5)
    pixels = written["cat", 1].reshape(4, 5, channels)
    assert np.array_equal(found.inputs[4], np.moveaxis(pixels, 2, 0))
    mixed = load(tmp_path, path="set", limit=4, standardise=False)
    order = np.random.default_rng(0).permutation(6)[:4]
    assert np.array_equal(mixed.inputs, found.inputs[order])
    assert np.array_equal(mixed.labels, found.labels[order])


def test_one_colour_image_makes_all_of_them_colour(tmp_path):
    written = write_images(tmp_path / "set", ["a"])
    colour = np.arange(60, dtype=np.uint8).reshape(4, 5, 3)
    Image.fromarray(colour).save(tmp_path / "set" / "a" / "9.png")
    found = load(tmp_path, path="set", **PLAIN)
    assert np.array_equal(found.inputs[0], np.repeat(written["a", 0][None], 3, axis=0))
    assert np.array_equal(found.inputs[3], np.moveaxis(colour, 2, 0))


# --- what is remembered --------------------------------------------------------------------------


def test_a_dataset_is_remembered_until_its_file_changes(tmp_path):
    path = tmp_path / "set.npz"
    np.savez(path, x=np.eye(3), y=np.arange(3))
    first = load(tmp_path, path="set.npz")
    assert load(tmp_path, path="set.npz") is first
    assert load(tmp_path, path="set.npz", seed=1) is not first
    np.savez(path, x=2 * np.eye(3), y=np.array([1, 1, 1]))
    os.utime(path, ns=(1, 1))
    assert load(tmp_path, path="set.npz").labels.tolist() == [1, 1, 1]


def test_what_is_remembered_cannot_be_written_to(tmp_path):
    np.savez(tmp_path / "set.npz", x=np.eye(3), y=np.arange(3))
    found = load(tmp_path, path="set.npz")
    for array in (found.inputs, found.labels):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


def test_only_the_last_few_and_not_too_large_ones_are_remembered():
    memory = datasets._Memory(count=2, most_bytes=100)
    small, large = (
        SimpleNamespace(inputs=np.zeros(size, np.float32), labels=np.zeros(0)) for size in (5, 50)
    )
    for key in "abc":
        memory.put((key,), small)
    assert [memory.get((key,)) for key in "abc"] == [None, small, small]
    memory.put(("d",), large)
    assert memory.get(("d",)) is None


# --- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("images-idx3", b"", "no IDX file, or cut off"),
        ("images-idx3", b"\0\0\x08\x03\0\0", "no IDX file, or cut off"),
        ("images-idx3", b"PNG and so on, long enough", "no IDX file"),
        ("images-idx3", idx(np.zeros((4, 2, 2), np.uint8))[:-1], "does not hold as many"),
        ("images-idx3", idx(np.zeros((4, 2, 2), np.uint8)) + b"\0", "or holds more"),
        ("images-idx3", b"\0\0\x08\x03" + b"\xff" * 12, "does not hold as many"),
        ("images-idx3", idx(np.zeros(16, np.uint8)), "1 axes where 3 belong"),
        ("images-idx3", idx(np.zeros((5, 2, 2), np.uint8)), "5 images and 4 labels"),
        ("images-idx3", idx(np.zeros((4, 2, 2), np.uint8)), "all numbers are 0"),
        ("images-idx3", idx(np.zeros((4, 0, 2), np.uint8)), r"shape \(4, 0, 2\)"),
        ("labels-idx1", idx(np.array([0, 1, 2, -1], np.int8), 9), "labels must be integers from 0"),
        ("labels-idx1", idx(np.array([0, 1, 2, 10**6], ">i4"), 12), "labels must be integers"),
        ("labels-idx1", idx(np.array([0, 1, 2, 0.5], ">f4"), 13), "labels must be integers"),
        ("labels-idx1", None, "its images or labels are missing"),
    ],
)
def test_broken_idx_files_are_named(name, content, words, tmp_path):
    write_idx(tmp_path, "train", *digits(4, size=(2, 2)))
    path = tmp_path / f"train-{name}-ubyte"
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ExperimentError, match=words) as caught:
        load(tmp_path, path=".")
    assert str(tmp_path) in str(caught.value)


def test_broken_packed_files_are_named(tmp_path):
    write_idx(tmp_path, "train", *digits(400), suffix=".gz")
    path = tmp_path / "train-images-idx3-ubyte.gz"
    whole = path.read_bytes()
    bomb = gzip.compress(b"\0\0\x08\x03" + struct.pack(">III", 2**14, 2**8, 2**8) + bytes(10**6))
    broken = bytearray(whole)
    broken[len(whole) // 2] ^= 255
    for content in (b"", b"no gzip", whole[:-2000], bytes(broken), bomb):
        path.write_bytes(content)
        with pytest.raises(ExperimentError, match=r"train-images-idx3-ubyte\.gz.*again"):
            load(tmp_path, path=".")


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"x": np.eye(3)}, r"named labels or y or Y \(found: x\)"),
        ({"data": np.eye(3), "y": np.arange(3)}, "named inputs or images or x"),
        ({"x": np.array([{}, 1, 2]), "y": np.arange(3)}, r"found: y\)"),
        ({"x": np.eye(3), "y": np.array(["a", "b", "c"])}, "no array of numbers"),
        ({"x": np.eye(3), "y": np.arange(2)}, "3 inputs and 2 labels"),
        ({"x": np.eye(3), "y": np.arange(3) - 1}, "labels must be integers from 0"),
        ({"x": np.eye(3), "y": np.eye(3)}, "labels must be integers from 0"),
        ({"x": np.eye(3), "y": np.array([0, 1, np.nan])}, "labels must be integers from 0"),
        ({"x": np.zeros((0, 2)), "y": np.zeros(0, int)}, "0 inputs and 0 labels"),
        ({"x": np.array(1.0), "y": np.arange(1)}, "shape"),
        ({"x": np.zeros(3), "y": np.arange(3)}, "shape"),
        ({"x": np.eye(3) * 1j, "y": np.arange(3)}, "save them as numbers"),
        ({"x": np.diag([1, np.nan, np.inf]), "y": np.arange(3)}, "2 of 3 inputs.*number 1"),
        ({"x": np.ones((3, 2)), "y": np.arange(3)}, "all numbers are 1"),
    ],
)
def test_wrong_archives_are_named(arrays, words, tmp_path):
    np.savez(tmp_path / "set.npz", **arrays)
    with pytest.raises(ExperimentError, match=words) as caught:
        load(tmp_path, path="set.npz")
    assert "set.npz" in str(caught.value)


def test_numbers_beyond_float32_are_named(tmp_path):
    np.savez(tmp_path / "set.npz", x=np.diag([1, 1e300]), y=np.arange(2))
    with pytest.raises(ExperimentError, match=r"1 of 2 inputs hold NaN or infinity.*number 1"):
        load(tmp_path, path="set.npz", standardise=False)


def test_an_archive_never_runs_what_is_pickled_in_it(tmp_path):
    class Bomb:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "executed"),)

    np.savez(tmp_path / "set.npz", x=np.array([Bomb()], dtype=object), y=np.arange(1))
    with pytest.raises(ExperimentError, match="no array of numbers"):
        load(tmp_path, path="set.npz")
    assert not (tmp_path / "executed").exists()


def test_broken_archives_are_named(tmp_path):
    path = tmp_path / "set.npz"
    np.savez(path, x=np.eye(30), y=np.arange(30))
    whole = path.read_bytes()
    claims = whole.replace(b"(30, 30), }", b"(30,30000)}", 1)
    assert claims != whole
    for content in (b"", b"no zip", whole[:-500], claims):
        path.write_bytes(content)
        with pytest.raises(ExperimentError, match=r"set\.npz"):
            load(tmp_path, path="set.npz")


def test_images_of_several_sizes_are_named(tmp_path):
    write_images(tmp_path / "set", ["a"])
    write_images(tmp_path / "set", ["b"], size=(4, 4))
    with pytest.raises(ExperimentError, match=r"b.0\.png: 4×4 pixels, 0\.png has 5×4"):
        load(tmp_path, path="set", order="stored")


def test_broken_images_are_named(tmp_path):
    write_images(tmp_path / "set", ["a"], size=(50, 50))
    path = tmp_path / "set" / "a" / "1.png"
    whole = path.read_bytes()
    huge = whole.replace(struct.pack(">II", 50, 50), struct.pack(">II", 50_000, 50_000), 1)
    for content in (b"", whole[:30], whole[:-900], huge, b"%!PS-Adobe-3.0 EPSF-3.0\n"):
        path.write_bytes(content)
        with pytest.raises(ExperimentError, match=r"1\.png"):
            load(tmp_path, path="set")
    Image.fromarray(np.zeros((50, 50), np.uint16)).save(path)
    with pytest.raises(ExperimentError, match=r"1\.png: pixels of type I;16.*8 bits"):
        load(tmp_path, path="set")


def test_links_out_of_the_folder_are_not_followed(tmp_path):
    write_images(tmp_path / "elsewhere", ["a"])
    write_images(tmp_path / "set", ["a"])
    link = tmp_path / "set" / "b"
    link.symlink_to(tmp_path / "elsewhere" / "a")
    with pytest.raises(ExperimentError, match="is a link out of"):
        load(tmp_path, path="set")
    link.unlink()
    (tmp_path / "set" / "a" / "7.png").symlink_to(tmp_path / "elsewhere" / "a" / "0.png")
    for ask in (load_dataset, dataset_files):
        with pytest.raises(ExperimentError, match=r"7\.png is a link out of"):
            ask({"path": "set"}, data_dir=tmp_path, base=tmp_path)
    write_idx(tmp_path / "other", "train", *digits(4))
    write_idx(tmp_path / "digits", "train", *digits(4))
    path = tmp_path / "digits" / "train-labels-idx1-ubyte"
    path.unlink()
    path.symlink_to(tmp_path / "other" / path.name)
    with pytest.raises(ExperimentError, match="is a link out of"):
        load(tmp_path, path="digits")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"path": "nowhere"}, "nowhere: .* does not exist; relative paths are relative to"),
        ({"path": "file.txt"}, r"file\.txt: .* neither a folder nor an \.npz"),
        ({"path": "empty"}, "empty: holds neither train-images-idx3-ubyte"),
        ({"path": "no_images"}, "a: holds no images"),
        ({"path": 3}, "path must be a text, got 3"),
        ({"path": ""}, "path must be a text"),
        ({"path": "set", "size": 4}, "unknown keys size"),
        ({"path": "set", "name": "mnist"}, "has name and path: give one"),
        ({"path": "set", "openml": "x"}, "has path and openml: give one"),
        ({"path": "set", "order": "random"}, "order must be one of mixed, stored"),
        ({"path": "set", "seed": -1}, "seed must be"),
        ({"path": "set", "limit": 2.5}, "limit must be"),
        ({"path": "set", "standardise": 1}, "standardise must be true or false"),
    ],
)
def test_wrong_settings_are_named(settings, words, tmp_path):
    write_images(tmp_path / "set", ["a"])
    (tmp_path / "file.txt").write_text("")
    (tmp_path / "empty").mkdir()
    (tmp_path / "no_images" / "a").mkdir(parents=True)
    with pytest.raises(ExperimentError, match=words):
        load(tmp_path, **settings)


def test_more_than_the_memory_holds_is_refused():
    rows = np.lib.stride_tricks.as_strided(np.zeros(1, np.uint8), (70_000, 3, 128, 128), (0,) * 4)
    raw = Raw(rows, np.zeros(70_000, np.int64), ("a",))
    settings = {"order": "stored", "seed": 0, "limit": 0, "standardise": True}
    with pytest.raises(ExperimentError, match="more than 4 GiB; lower"):
        assemble(raw, name="large", source="", settings=settings)


# --- OpenML, without a network -------------------------------------------------------------------


@pytest.fixture
def openml(monkeypatch, tmp_path):
    """Asked names and versions; what comes back is in `answer`."""
    state = SimpleNamespace(asked=[], answer=None)

    def fetch(name, *, version, as_frame, parser):
        assert (as_frame, parser) == (False, "liac-arff")
        state.asked.append((name, version))
        if isinstance(state.answer, Exception):
            raise state.answer
        return state.answer

    monkeypatch.setattr("sklearn.datasets.fetch_openml", fetch)
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda *_args, **_options: tmp_path / "kept")
    monkeypatch.setattr(datasets, "_MEMORY", datasets._Memory(count=4, most_bytes=2**20))
    return state


def rows(count, features, classes="0123456789"):
    data = np.random.default_rng(0).integers(256, size=(count, features)).astype(np.float64)
    target = np.array([classes[i % len(classes)] for i in range(count)], dtype=object)
    return SimpleNamespace(data=data, target=target, details={"licence": "Public"})


def test_openml_gives_images_and_names(openml, tmp_path):
    openml.answer = rows(30, 3072)
    found = load(tmp_path, openml="CIFAR_10", **PLAIN)
    assert openml.asked == [("CIFAR_10", 1)]
    assert found.input == (3, 32, 32)
    assert np.array_equal(found.inputs[0, 1].ravel(), openml.answer.data[0, 1024:2048])
    assert found.class_names[:2] == ("airplane", "automobile")
    assert found.labels[:12].tolist() == [*range(10), 0, 1]
    assert found.licence == "Public"
    assert load(tmp_path, openml="CIFAR_10", **PLAIN) is found
    assert len(openml.asked) == 1
    assert dataset_files({"openml": "CIFAR_10"}, data_dir=tmp_path) == []


@pytest.mark.parametrize(
    ("features", "settings", "expected"),
    [
        (784, {}, (1, 28, 28)),
        (5, {}, (5,)),
        (3072, {"shape": [32, 32, 3]}, (3, 32, 32)),
        (784, {"shape": [784]}, (784,)),
    ],
)
def test_rows_of_openml_get_their_shape(features, settings, expected, openml, tmp_path):
    openml.answer = rows(30, features, classes="ba")
    found = load(tmp_path, openml="some set", version=2, **settings)
    assert openml.asked == [("some set", 2)]
    assert found.input == expected
    assert found.class_names == ("a", "b")
    if settings.get("shape") == [32, 32, 3]:
        plain = load(tmp_path, openml="some set", version=2, **settings, **PLAIN)
        assert np.array_equal(plain.inputs[0, 0].ravel(), openml.answer.data[0, ::3])


@pytest.mark.parametrize(
    ("answer", "settings", "words"),
    [
        (urllib.error.URLError("no route"), {}, "cannot be fetched.*no route.*check the name and"),
        (ValueError(""), {}, r"cannot be fetched \(ValueError\)"),
        (rows(30, 784), {"shape": [3, 28, 28]}, "does not fit OpenML digits: it has 784"),
        (rows(30, 784), {"shape": 784}, "shape must be a list"),
        (rows(30, 784), {"shape": [0, 784]}, "shape must be an integer"),
        (rows(30, 784), {"version": "active"}, "version must be an integer"),
        (rows(10, 784), {}, "10 classes among 10 rows: its target is no class"),
        (SimpleNamespace(data=np.full((4, 2), "x"), target=np.arange(4)), {}, "no table of"),
        (SimpleNamespace(data=np.eye(4), target=None), {}, "no table of numbers"),
    ],
)
def test_what_openml_cannot_give_is_named(answer, settings, words, openml, tmp_path):
    openml.answer = answer
    with pytest.raises(ExperimentError, match=words):
        load(tmp_path, openml="digits", **settings)


@pytest.mark.parametrize("name", ["", 3])
def test_openml_needs_a_name(name, openml, tmp_path):
    with pytest.raises(ExperimentError, match="openml must be a name"):
        load(tmp_path, openml=name)
    assert openml.asked == []
