import hashlib
import io
import json
import os
import struct
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from safetensors.numpy import save_file
from safetensors.torch import save_file as save_torch_file

from analysis import _layout
from analysis.checkpoints import content_digest, layer_of, read_tensor, step_of, tensor_index
from analysis.errors import CheckpointError


@pytest.fixture
def net() -> torch.nn.Module:
    torch.manual_seed(0)
    return torch.nn.Sequential(
        OrderedDict(
            conv2=torch.nn.Conv2d(1, 4, 3),
            conv10=torch.nn.Conv2d(4, 6, 5, groups=2),
            norm=torch.nn.BatchNorm2d(6),
            out=torch.nn.Linear(6, 2),
        )
    )


def raw_safetensors(path: Path, header: object, data: bytes) -> Path:
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return path


def entry(shape: list[int], offsets: list[int], dtype: str = "F32") -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


def refused(path: Path, match: str, name: str | None = None) -> str:
    """Message of the error, which names the file and says what is wrong."""
    with pytest.raises(CheckpointError, match=match) as caught:
        read_tensor(path, name) if name else tensor_index(path)
    assert str(caught.value).startswith(f"{path}: ")
    return str(caught.value)


# --- names ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("step-000100.safetensors", 100),
        ("step_7.pt", 7),
        ("Step12.npz", 12),
        ("epoch=3-step=500.ckpt", 500),
        ("epoch=3-step=500-v1.ckpt", 500),
        ("step=500-epoch=3.ckpt", 500),
        ("checkpoint-500", 500),
        ("checkpoint_epoch_10.pth", 10),
        ("model_iter_2000.pth", 2000),
        ("iteration-5.pt", 5),
        ("global_step500", 500),
        ("net_epoch12.pth", 12),
        ("000100.pt", 100),
        ("0.npz", 0),
        ("checkpoint-500/model.safetensors", 500),
        ("global_step500/mp_rank_00_model_states.pt", 500),
        ("checkpoint-500/epoch=1-step=7.ckpt", 7),
        ("step-100-00001-of-00002.safetensors", 100),
        ("checkpoint-00001-of-00002.safetensors", 0),
        ("vgg16-397923af.pth", 0),
        ("resnet50.pth", 0),
        ("model-00001-of-00002.safetensors", 0),
        ("timestep100.pt", 0),
        ("steps.pt", 0),
        ("step-" + "9" * 40 + ".pt", 0),
        ("٣.pt", 0),
        ("", 0),
    ],
)
def test_step_of(name: str, step: int) -> None:
    assert step_of(name) == step


@given(st.text(max_size=60))
def test_any_name_has_a_step_that_an_array_can_hold(name: str) -> None:
    assert 0 <= step_of(name) < 2**53
    assert _layout.natural_key(name) == _layout.natural_key(name)
    _layout.is_checkpoint(name)


@pytest.mark.parametrize(
    "name", ["a.pt", "a.PTH", "x.ckpt", "x.npz", "x.safetensors", "pytorch_model.bin"]
)
def test_checkpoint_names(name: str) -> None:
    assert _layout.is_checkpoint(name)


@pytest.mark.parametrize(
    "name",
    [
        "optimizer.pt",
        "optimizer-step-5.pt",
        "step-5-optimizer.pt",
        "scheduler.pt",
        "rng_state_0.pth",
        "training_args.bin",
        "other.bin",
        "bf16_zero_pp_rank_0_mp_rank_00_optim_states.pt",
        ".hidden.pt",
        "._step-5.pt",
        "log.txt",
        "pt",
    ],
)
def test_names_of_other_files(name: str) -> None:
    assert not _layout.is_checkpoint(name)


def test_layer_of() -> None:
    assert layer_of("layer1.0.conv1.weight") == "layer1.0.conv1"
    assert layer_of("conv1.bias") == "conv1.bias"
    assert layer_of("weight") == "weight"


# --- reading what honest programs write -----------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int8, np.uint8, np.int64])
@pytest.mark.parametrize("suffix", [".safetensors", ".npz", ".pt"])
def test_types_are_kept(tmp_path: Path, suffix: str, dtype: type) -> None:
    array: NDArray[Any] = np.arange(24).reshape(2, 3, 2, 2).astype(dtype)
    path = tmp_path / f"step-1{suffix}"
    if suffix == ".safetensors":
        save_file({"a": array}, path)
    elif suffix == ".npz":
        np.savez_compressed(path, a=array)
    else:
        torch.save({"a": torch.from_numpy(array)}, path)
    info = tensor_index(path).tensors["a"]
    assert (info.shape, info.dtype) == ((2, 3, 2, 2), np.dtype(dtype).name)
    read = read_tensor(path, "a")
    assert read.dtype == dtype
    assert read.flags.c_contiguous
    assert read.flags.writeable
    np.testing.assert_array_equal(read, array)


@pytest.mark.parametrize("suffix", [".safetensors", ".pt"])
def test_bfloat16_becomes_float32_exactly(tmp_path: Path, suffix: str) -> None:
    values = torch.tensor([[1.5, -0.0, 3e38], [float("nan"), float("-inf"), 1e-40]])
    half = values.to(torch.bfloat16)
    path = tmp_path / f"x{suffix}"
    tensors = {"z": torch.ones(3), "a": half, "s": torch.tensor(2.0, dtype=torch.bfloat16)}
    save_torch_file(tensors, path) if suffix == ".safetensors" else torch.save(tensors, path)
    assert tensor_index(path).tensors["a"].dtype == "bfloat16"
    read = read_tensor(path, "a")
    assert read.dtype == np.float32
    np.testing.assert_array_equal(read, half.float().numpy())
    assert read_tensor(path, "s").shape == ()


@pytest.mark.parametrize("suffix", [".safetensors", ".pt"])
def test_types_numpy_lacks_are_named(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"x{suffix}"
    tensors = {"a": torch.ones(3).to(torch.float8_e4m3fn), "b": torch.ones(2)}
    save_torch_file(tensors, path) if suffix == ".safetensors" else torch.save(tensors, path)
    np.testing.assert_array_equal(read_tensor(path, "b"), np.ones(2, np.float32))
    refused(path, "save it as float16 or float32", "a")


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("suffix", [".pt", ".pth", ".ckpt", ".bin"])
def test_state_dict_of_a_module(
    tmp_path: Path, net: torch.nn.Module, suffix: str, *, legacy: bool
) -> None:
    path = tmp_path / f"pytorch_model{suffix}"
    torch.save(net.state_dict(), path, _use_new_zipfile_serialization=not legacy)
    index = tensor_index(path)
    assert index.ordered
    assert list(index.tensors) == list(net.state_dict())
    for name, tensor in net.state_dict().items():
        np.testing.assert_array_equal(read_tensor(path, name), tensor.numpy())


def wrappings(state: dict[str, torch.Tensor]) -> dict[str, object]:
    def prefixed(prefix: str) -> dict[str, torch.Tensor]:
        return {prefix + name: value for name, value in state.items()}

    adam = {"state": {0: {"exp_avg": torch.ones(3)}}, "param_groups": [{"lr": 0.1}]}
    return {
        "state_dict": {"epoch": 3, "state_dict": state, "optimizer": adam},
        "model": {"model": state, "optimizer_states": [adam], "args": {"lr": 1.0}},
        "model_state_dict": {"model_state_dict": state, "loss": torch.tensor(1.0)},
        "module": {"module": state, "ds_version": "0.1"},
        "nested": {"state_dict": {"model": state}},
        "data parallel": prefixed("module."),
        "compiled": prefixed("_orig_mod."),
        "both": {"model": prefixed("module._orig_mod.")},
        "lightning": {"state_dict": prefixed("model."), "hyper_parameters": {"lr": 1}},
        "lightning compiled": {"state_dict": prefixed("model._orig_mod.")},
        "parameters": {name: torch.nn.Parameter(v) for name, v in state.items() if v.ndim},
        "other entries": {**state, "epoch": 3, "name": "x", "history": [1.0], "none": None},
        "optimizer beside": {**state, "optimizer": adam, "lr_scheduler": {"last": torch.ones(1)}},
    }


@pytest.mark.parametrize("kind", list(wrappings({})))
def test_wrappers_are_undone(tmp_path: Path, net: torch.nn.Module, kind: str) -> None:
    state = {name: value for name, value in net.state_dict().items() if value.ndim}
    path = tmp_path / "a.pt"
    torch.save(wrappings(state)[kind], path)
    assert list(tensor_index(path).tensors) == list(state)
    np.testing.assert_array_equal(
        read_tensor(path, "conv10.weight"), state["conv10.weight"].numpy()
    )


def test_wrappers_inside_names_and_collisions(tmp_path: Path) -> None:
    ones = np.ones(2, np.float32)
    names = ["a._orig_mod.w", "b._fsdp_wrapped_module.c.w", "model.d", "d", "x.model.w", "model"]
    path = tmp_path / "a.npz"
    np.savez(path, **dict.fromkeys(names, ones))
    assert list(tensor_index(path).tensors) == [
        "a.w",
        "b.c.w",
        "model.d",
        "d",
        "x.model.w",
        "model",
    ]


def test_dicts_of_state_dicts_are_joined(tmp_path: Path) -> None:
    path = tmp_path / "gan.pt"
    ones = torch.ones(2)
    circle: dict[str, object] = {"w": ones}
    circle["self"] = circle
    torch.save({"generator": {"w": ones}, "critic": circle, "optim_g": {"w": ones}}, path)
    assert list(tensor_index(path).tensors) == ["generator.w", "critic.w"]


def test_a_bare_tensor(tmp_path: Path) -> None:
    torch.save(torch.ones(2, 1, 3, 3), tmp_path / "a.pt")
    assert tensor_index(tmp_path / "a.pt").tensors["weight"].shape == (2, 1, 3, 3)


def test_tied_strided_and_sparse_tensors(tmp_path: Path) -> None:
    weight = torch.arange(12.0).reshape(3, 4)
    tensors = {"a": weight, "b": weight, "t": weight.t(), "s": weight.to_sparse()}
    torch.save(tensors, tmp_path / "a.pt")
    assert list(tensor_index(tmp_path / "a.pt").tensors) == ["a", "b", "t"]
    np.testing.assert_array_equal(read_tensor(tmp_path / "a.pt", "t"), weight.t().numpy())


def test_order_of_safetensors(tmp_path: Path) -> None:
    names = ["conv10.weight", "conv2.weight", "conv2.bias", "fc.weight"]
    arrays = {name: np.ones(2, np.float32) for name in names}
    plain, listed, broken = (tmp_path / f"{n}.safetensors" for n in ("plain", "listed", "broken"))
    save_file(arrays, plain)
    assert list(tensor_index(plain).tensors) == [
        "conv2.bias",
        "conv2.weight",
        "conv10.weight",
        "fc.weight",
    ]
    assert not tensor_index(plain).ordered
    save_file(arrays, listed, metadata={"layers": json.dumps(["fc.weight", "module.conv10"])})
    assert list(tensor_index(listed).tensors) == [
        "fc.weight",
        "conv10.weight",
        "conv2.bias",
        "conv2.weight",
    ]
    assert tensor_index(listed).ordered
    save_file(arrays, broken, metadata={"layers": "[[[1"})
    assert list(tensor_index(broken).tensors) == list(tensor_index(plain).tensors)


def test_npz_byte_and_memory_order(tmp_path: Path) -> None:
    array = np.asfortranarray(np.arange(6.0, dtype=">f4").reshape(2, 3))
    np.savez(tmp_path / "a.npz", a=array)
    read = read_tensor(tmp_path / "a.npz", "a")
    assert read.dtype == np.dtype("=f4")
    assert read.flags.c_contiguous
    np.testing.assert_array_equal(read, array)


def test_nan_and_infinity_are_read(tmp_path: Path) -> None:
    array = np.array([np.nan, np.inf, -np.inf], np.float32)
    save_file({"a": array}, tmp_path / "a.safetensors")
    np.testing.assert_array_equal(read_tensor(tmp_path / "a.safetensors", "a"), array)


def test_names_are_data(tmp_path: Path) -> None:
    names = ["<b>conv</b>.weight", "../../x.weight", "层 1.weight", "a/b.weight"]
    path = tmp_path / "<i>step 5<i> ü.npz"
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            buffer = io.BytesIO()
            np.save(buffer, np.ones(2))
            archive.writestr(f"{name}.npy", buffer.getvalue())
    assert list(tensor_index(path).tensors) == names
    assert [read_tensor(path, name).tolist() for name in names] == [[1.0, 1.0]] * 4
    assert os.listdir(tmp_path.parent / tmp_path.name) == [path.name]  # noqa: PTH208


# --- hostile and broken files ---------------------------------------------------------------------


class Marker:
    """What a pickle with code in it looks like: unpickling creates a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("suffix", [".pt", ".pth", ".ckpt", ".bin"])
def test_code_in_a_pickle_never_runs(tmp_path: Path, suffix: str, *, legacy: bool) -> None:
    marker, path = tmp_path / "marker", tmp_path / f"evil{suffix}"
    content = {"w": torch.ones(2), "x": Marker(marker)}
    torch.save(content, path, _use_new_zipfile_serialization=not legacy)
    message = refused(path, "never run")
    assert "save_file" in message
    assert "weights_only" not in message
    refused(path, "never run", "w")
    assert not marker.exists()
    torch.load(path, weights_only=False)  # the file is as bad as the test believes
    assert marker.exists()


def test_a_whole_pickled_module_is_refused(tmp_path: Path, net: torch.nn.Module) -> None:
    torch.save(net, tmp_path / "net.pt")
    refused(tmp_path / "net.pt", r"Python objects \(torch.nn.modules.container.Sequential\)")


@pytest.mark.parametrize("suffix", [".safetensors", ".npz", ".pt"])
@pytest.mark.parametrize("share", [0.0, 0.001, 0.05, 0.5, 0.99])
def test_truncated_files(tmp_path: Path, net: torch.nn.Module, suffix: str, share: float) -> None:
    whole, cut = tmp_path / f"whole{suffix}", tmp_path / f"cut{suffix}"
    state = {name: value for name, value in net.state_dict().items() if value.ndim}
    arrays = {name: value.numpy() for name, value in state.items()}
    if suffix == ".safetensors":
        save_file(arrays, whole)
    elif suffix == ".npz":
        np.savez(whole, **arrays)
    else:
        torch.save(state, whole)
    data = whole.read_bytes()
    cut.write_bytes(data[: int(share * len(data))])
    refused(cut, "(again|cut off)")


@pytest.mark.parametrize("suffix", [".safetensors", ".npz", ".pt", ".ckpt", ".bin"])
@pytest.mark.parametrize(
    "junk", [b"\0" * 64, b"\xff" * 64, b"PK\x03\x04" * 20, b"hello\n", b"\x80\x02."]
)
def test_junk(tmp_path: Path, suffix: str, junk: bytes) -> None:
    path = tmp_path / f"junk{suffix}"
    path.write_bytes(junk)
    refused(path, ".")


def test_flipped_bytes_never_do_worse_than_an_error(tmp_path: Path, net: torch.nn.Module) -> None:
    rng = np.random.default_rng(0)
    arrays = {name: value.numpy() for name, value in net.state_dict().items()}
    save_file(arrays, tmp_path / "a.safetensors")
    np.savez_compressed(tmp_path / "a.npz", **arrays)
    torch.save(net.state_dict(), tmp_path / "a.pt")
    outcomes = {True: 0, False: 0}
    for whole in sorted(tmp_path.iterdir()):
        data = np.frombuffer(whole.read_bytes(), np.uint8)
        for trial in range(40):
            spoilt = data.copy()
            where = rng.integers(0, len(data) if trial % 2 else 400)
            spoilt[where] = rng.integers(0, 256)
            path = tmp_path / f"spoilt-{trial}{whole.suffix}"
            path.write_bytes(spoilt.tobytes())
            try:
                for name in tensor_index(path).tensors:
                    read_tensor(path, name)
                outcomes[True] += 1
            except CheckpointError as error:
                assert str(path) in str(error)  # noqa: PT017
                outcomes[False] += 1
    assert min(outcomes.values()) > 10


@pytest.mark.parametrize(
    ("header", "data", "match"),
    [
        ({"a": entry([4], [0, 16])}, b"0" * 8, "not a whole safetensors"),
        ({"a": entry([4], [0, 16])}, b"0" * 32, "not a whole safetensors"),
        ({"a": entry([4], [0, 16]), "b": entry([4], [8, 24])}, b"0" * 24, "offset"),
        ({"a": entry([4], [16, 0])}, b"0" * 16, "offset"),
        ({"a": entry([4], [2**60, 2**60 + 16])}, b"0" * 16, "offset"),
        ({"a": entry([2**40, 2**40], [0, 16])}, b"0" * 16, "overflow"),
        ({"a": entry([-4], [0, 16])}, b"0" * 16, "not a whole safetensors"),
        ({"a": entry([4], [0, 16], "Q9")}, b"0" * 16, "not a whole safetensors"),
        ({"a": {"dtype": "F32"}}, b"", "not a whole safetensors"),
        ([1, 2], b"", "not a whole safetensors"),
        ({}, b"", "no tensors"),
    ],
)
def test_lying_safetensors_headers(tmp_path: Path, header: object, data: bytes, match: str) -> None:
    refused(raw_safetensors(tmp_path / "a.safetensors", header, data), match)


@pytest.mark.parametrize("length", [25, 10**6, 2**40, 2**64 - 1])
def test_safetensors_header_longer_than_the_file(tmp_path: Path, length: int) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(struct.pack("<Q", length) + b" " * 24)
    refused(path, f"header claims {length} bytes but the file has 32")


def test_empty_tensor_with_impossible_axes(tmp_path: Path) -> None:
    header = {"a": entry([0, 2**62, 8], [0, 0])}
    path = raw_safetensors(tmp_path / "a.safetensors", header, b"")
    refused(path, "too big", "a")


def npz_member(path: Path, header: str, data: bytes, *, name: str = "a") -> Path:
    text = header.encode() + b"\n"
    content = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + data
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{name}.npy", content)
    return path


@pytest.mark.parametrize(
    "header",
    [
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-2, -2)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 4)}",
        "{'descr': '<f4', 'fortran_order': False}",
        "__import__('os').getcwd()",
        "[" * 5000,
    ],
)
def test_lying_npz_headers(tmp_path: Path, header: str) -> None:
    refused(npz_member(tmp_path / "a.npz", header, b"0" * 16), "save it again")


def test_zip_bomb(tmp_path: Path) -> None:
    size = 80 * 2**20
    header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({size},)}}"
    path = npz_member(tmp_path / "a.npz", header, bytes(size))
    assert path.stat().st_size < 10**6
    refused(path, "are unpacked")


def test_object_arrays_are_never_unpickled(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    bad = np.array([Marker(marker)], dtype=object)
    np.savez(tmp_path / "bad.npz", a=bad)
    np.savez(tmp_path / "mixed.npz", a=bad, text=np.array(["x"]), w=np.ones((2, 1, 3, 3)))
    refused(tmp_path / "bad.npz", "no tensors")
    assert list(tensor_index(tmp_path / "mixed.npz").tensors) == ["w"]
    refused(tmp_path / "mixed.npz", "no tensor 'a'", "a")
    assert not marker.exists()
    with np.load(tmp_path / "bad.npz", allow_pickle=True) as archive:
        assert archive["a"].shape == (1,)
    assert marker.exists()


def test_torch_tensor_larger_than_its_file(tmp_path: Path) -> None:
    torch.save({"a": torch.ones(1).expand(10**6, 10**6)}, tmp_path / "a.pt")
    refused(tmp_path / "a.pt", "more than the file's")


def test_torch_archive_that_was_packed_again(tmp_path: Path) -> None:
    torch.save({"a": torch.zeros(1000)}, tmp_path / "a.pt")
    with (
        zipfile.ZipFile(tmp_path / "a.pt") as old,
        zipfile.ZipFile(tmp_path / "b.pt", "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for info in old.infolist():
            new.writestr(info.filename, old.read(info))
    refused(tmp_path / "b.pt", "compressed")


def test_torch_dicts_that_multiply(tmp_path: Path) -> None:
    level: dict[str, object] = {"x": 1}
    for _ in range(40):
        level = {str(i): level for i in range(20)}
    torch.save({"model": level}, tmp_path / "a.pt")
    refused(tmp_path / "a.pt", "no tensors")


def test_not_a_file(tmp_path: Path) -> None:
    (tmp_path / "folder.pt").mkdir()
    refused(tmp_path / "folder.pt", "a folder")
    os.mkfifo(tmp_path / "pipe.pt")
    refused(tmp_path / "pipe.pt", "not a file")
    refused(tmp_path / "gone.pt", "cannot be read .*check the path")
    (tmp_path / "empty.safetensors").touch()
    refused(tmp_path / "empty.safetensors", "empty")
    (tmp_path / "a.h5").write_bytes(b"x")
    refused(tmp_path / "a.h5", "unknown format '.h5'")


def test_no_right_to_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, a=np.ones(3))

    def denied(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", denied)  # a test run as root may read everything
    refused(path, "Permission denied.*permissions")
    with pytest.raises(CheckpointError, match="Permission denied"):
        content_digest(path)


def test_unknown_tensor_names_those_there(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", **{f"w{i}": np.ones(1) for i in range(12)})
    assert "w0, w1" in refused(tmp_path / "a.npz", r"no tensor 'x'.*12 in all", "x")


# --- digests and memory ---------------------------------------------------------------------------


def test_digest_follows_the_content(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    for content in (b"one", b"two, longer"):
        path.write_bytes(content)
        assert content_digest(path) == hashlib.sha256(content).hexdigest()
    with pytest.raises(CheckpointError, match="cannot be read"):
        content_digest(tmp_path / "none.npz")


def test_digest_is_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.npz"
    path.write_bytes(b"content")
    first = content_digest(path)
    monkeypatch.setattr(hashlib, "file_digest", None)
    assert content_digest(path) == first


def test_index_follows_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, a=np.ones(3))
    assert list(tensor_index(path).tensors) == ["a"]
    np.savez(path, b=np.ones(300))
    assert list(tensor_index(path).tensors) == ["b"]
