import json
import os
import pickle
import re
import time
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from analysis import _layers, experiment
from analysis.errors import CheckpointError, ExperimentError
from analysis.experiment import (
    Experiment,
    Problem,
    Step,
    find_experiments,
    open_experiment,
    read_layer,
)

Shape = tuple[int, ...]
KERNEL: Shape = (2, 1, 3, 3)


def save(
    path: Path, named: Mapping[str, Shape] | None = None, *, value: float = 1.0, **shapes: Shape
) -> Path:
    """A checkpoint of constant tensors; "conv1" stands for conv1.weight."""
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays = {
        f"{name}.weight": np.full(tuple(shape), value, np.float32)
        for name, shape in (named or shapes or {"conv1": KERNEL}).items()
    }
    if path.suffix == ".npz":
        np.savez(path, **arrays)
    elif path.suffix == ".safetensors":
        save_file(arrays, path)
    else:
        torch.save({name: torch.from_numpy(array) for name, array in arrays.items()}, path)
    return path


def steps(opened: Experiment) -> dict[str, list[int]]:
    return {run.name: [snapshot.step for snapshot in run.snapshots] for run in opened.runs}


def names(opened: Experiment, kind: str | None = "conv2d") -> list[str]:
    return [layer.name for layer in opened.layers(kind)]


def open_and_check(root: Path) -> tuple[Problem, ...]:
    return open_experiment(root).check()


def touch(root: Path, *paths: str) -> Path:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()
    return root


# --- layouts --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (["step-0.pt", "step-10.pt"], {"exp": [0, 10]}),
        (["vgg16-397923af.pth"], {"exp": [0]}),
        (["a.pth", "b.pth"], {"a": [0], "b": [0]}),
        (["run-2/step-5.npz", "run-10/step-5.npz"], {"run-2": [5], "run-10": [5]}),
        (["run/000100.pt", "run/000200.pt"], {"run": [100, 200]}),
        (["checkpoint-500/model.safetensors", "checkpoint-1000/model.safetensors"],
         {"exp": [500, 1000]}),
        (["r/checkpoint-500/model-00001-of-00002.safetensors",
          "r/checkpoint-500/model-00002-of-00002.safetensors"], {"r": [500]}),
        (["global_step500/mp_rank_00_model_states.pt",
          "global_step500/bf16_zero_pp_rank_0_mp_rank_00_optim_states.pt"], {"exp": [500]}),
        (["checkpoint-5/model.safetensors", "checkpoint-5/global_step5/mp_rank_00_model_states.pt"],
         {"exp": [5]}),
        (["checkpoint-5/pytorch_model.bin", "checkpoint-5/training_args.bin",
          "checkpoint-5/optimizer.pt", "checkpoint-5/rng_state.pth"], {"exp": [5]}),
        (["run/checkpoints/step-1.pt", "run/checkpoints/step-2.pt"], {"run": [1, 2]}),
        (["lightning_logs/version_0/checkpoints/epoch=3-step=500.ckpt"], {"version_0": [500]}),
        (["group/a/step-1.pt", "group/b/step-1.pt"], {"group/a": [1], "group/b": [1]}),
        (["epoch-50-seed-1/step-5.pt", "epoch-50-seed-2/step-5.pt"],
         {"epoch-50-seed-1": [5], "epoch-50-seed-2": [5]}),
        (["0/model.pt", "1/model.pt"], {"0": [0], "1": [0]}),
        (["step-1.pt", "run/step-2.pt"], {"exp": [1], "run": [2]}),
            (["step-1.pt", "exp/step-2.pt"], {"exp": [1], "exp-2": [2]}),
        (["conv1-step-5.npz", "conv2-step-5.npz"], {"exp": [5]}),
        (["step-5/conv1.npz", "step-5/conv2.npz"], {"exp": [5]}),
        (["run/step-1.pt", "activations/step-1.npz", "run/activations/step-1.npz",
          "results/ab.npz", "data/mnist.npz", ".cache/step-9.pt", "run/img.png", "run/log.txt",
          "run/optimizer.pt"], {"run": [1]}),
        (["a.pt", "b.pt", "a/step-1.pt"], {"a": [0], "a-2": [1], "b": [0]}),
    ],
)  # fmt: skip
def test_layouts(tmp_path: Path, files: list[str], expected: dict[str, list[int]]) -> None:
    opened = open_experiment(touch(tmp_path / "exp", *files))
    assert steps(opened) == expected
    assert list(steps(opened)) == list(expected)  # in this order, run-2 before run-10
    assert opened.problems == ()


def test_a_single_file(tmp_path: Path) -> None:
    opened = open_experiment(save(tmp_path / "net-step-40.pt"))
    assert (opened.name, steps(opened)) == ("net-step-40", {"net-step-40": [40]})
    assert opened.axis == (Step(40),)
    assert names(opened) == ["conv1"]


def test_shards_are_one_snapshot(tmp_path: Path) -> None:
    save(tmp_path / "step-1" / "model-00001-of-00002.safetensors", conv1=KERNEL)
    save(tmp_path / "step-1" / "model-00002-of-00002.safetensors", conv2=(2, 2, 5, 5))
    opened = open_experiment(tmp_path)
    assert len(opened.runs[0].snapshots[0].files) == 2
    assert names(opened) == ["conv1", "conv2"]
    (ref,) = opened.sources("conv2", 1).refs
    assert ref.path.endswith("model-00002-of-00002.safetensors")
    assert read_layer([ref])[0].shape == (2, 2, 5, 5)


def test_missing_shards_are_reported(tmp_path: Path) -> None:
    touch(tmp_path, *(f"a/step-1/model-0000{i}-of-00003.safetensors" for i in (1, 3)))
    touch(tmp_path, *(f"b/step-1/model-0000{i}-of-00002.safetensors" for i in (1, 2)))
    (problem,) = open_experiment(tmp_path).problems
    assert problem == Problem(
        str(tmp_path / "a" / "step-1"), "only 2 of the 3 parts of model are here; copy the others"
    )


def test_files_without_a_step_beside_numbered_ones_are_left_out(tmp_path: Path) -> None:
    touch(tmp_path, "step-1.pt", "best.pt", "last.pt", "checkpoints/final.pt")
    opened = open_experiment(tmp_path)
    assert steps(opened) == {tmp_path.name: [1]}
    assert "(and 2 more)" in opened.problems[0].reason
    assert opened.problems[0].path == str(tmp_path / "best.pt")


def test_one_format_is_read_where_two_are_there(tmp_path: Path) -> None:
    touch(tmp_path, *(f"checkpoint-5/{n}" for n in ("model.safetensors", "pytorch_model.bin")))
    opened = open_experiment(tmp_path)
    assert [f.name for f in opened.runs[0].snapshots[0].files] == ["model.safetensors"]
    assert "another format" in opened.problems[0].reason


def test_equal_names_in_two_files_of_a_step_are_reported(tmp_path: Path) -> None:
    save(tmp_path / "a-step-5.npz", value=1.0)
    save(tmp_path / "b-step-5.npz", value=2.0)
    opened = open_experiment(tmp_path)
    assert names(opened) == ["conv1"]
    assert read_layer(opened.sources("conv1", 5).refs)[0].max() == 1.0
    assert opened.problems == (
        Problem(str(tmp_path / "b-step-5.npz"),
                "1 tensors are in a-step-5.npz too, which is read instead"),
    )  # fmt: skip


@pytest.mark.parametrize("content", [[], ["a.txt", "b/c.png"], ["data/x.npz"], ["optimizer.pt"]])
def test_nothing_to_open(tmp_path: Path, content: list[str]) -> None:
    touch(tmp_path, *content)
    with pytest.raises(ExperimentError, match=r"no checkpoints.*\.safetensors.*pytorch_model\.bin"):
        open_experiment(tmp_path)


def test_wrong_paths(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(ExperimentError, match=r"notes\.txt: not a checkpoint"):
        open_experiment(tmp_path / "notes.txt")
    for path in (tmp_path / "none", tmp_path / "loop", "a\0b"):
        with pytest.raises(ExperimentError, match="no such file"):
            open_experiment(path)


def test_odd_entries_do_not_stop_it(tmp_path: Path) -> None:
    touch(tmp_path, "step-1.pt")
    (tmp_path / "step-2.pt").mkdir()
    os.mkfifo(tmp_path / "step-3.pt")
    opened = open_experiment(tmp_path)
    assert steps(opened) == {tmp_path.name: [1]}
    assert opened.problems == (
        Problem(str(tmp_path / "step-2.pt"), "a folder with a checkpoint's name; rename it"),
    )


def test_folder_that_cannot_be_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path, "a/step-1.pt", "b/step-1.pt")
    real = os.scandir

    def denied(path: Path) -> object:
        if Path(path).name == "b":
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(os, "scandir", denied)  # a test run as root may list everything
    opened = open_experiment(tmp_path)
    assert steps(opened) == {"a": [1]}
    assert "Permission denied" in opened.problems[0].reason


def test_very_deep_folders_are_counted_not_walked(tmp_path: Path) -> None:
    touch(tmp_path, "step-1.pt", "/".join("abcdefgh") + "/step-1.pt")
    opened = open_experiment(tmp_path)
    assert steps(opened) == {tmp_path.name: [1]}
    assert "1 folders deeper than 6 levels" in opened.problems[0].reason


# --- links and names ------------------------------------------------------------------------------


def test_links_out_of_the_folder_are_not_followed(tmp_path: Path) -> None:
    outside = touch(tmp_path / "outside", "step-9.pt", "run.toml").resolve()
    (outside / "run.toml").write_text("secret = 1")
    root = touch(tmp_path / "exp", "run/step-1.pt")
    (root / "run" / "step-2.pt").symlink_to(outside / "step-9.pt")
    (root / "run" / "run.toml").symlink_to(outside / "run.toml")
    (root / "other").symlink_to(outside)
    (root / "up").symlink_to("../outside")
    (root / "notes.txt").symlink_to(outside / "notes.txt")
    (root / "self").symlink_to(root / "self")
    opened = open_experiment(root)
    assert steps(opened) == {"run": [1]}
    assert opened.runs[0].hyperparameters == {}
    linked = {Path(problem.path).name for problem in opened.problems}
    assert linked == {"step-2.pt", "run.toml", "other", "up"}
    assert all("not followed" in problem.reason for problem in opened.problems)


def test_links_inside_the_folder(tmp_path: Path) -> None:
    root = touch(tmp_path / "exp", "blobs/0af3", "a/step-1.pt")
    (root / "a" / "step-2.pt").symlink_to("../blobs/0af3")
    (root / "a" / "step-3.pt").symlink_to("nothing.pt")
    (root / "latest").symlink_to("a")
    (root / "circle").symlink_to(".")
    opened = open_experiment(root)
    assert steps(opened) == {"a": [1, 2]}
    assert [problem.reason for problem in opened.problems] == [
        "a link to nothing; remove it or mend it"
    ]


def test_a_linked_folder_may_itself_be_opened(tmp_path: Path) -> None:
    touch(tmp_path / "real", "step-1.pt")
    (tmp_path / "link").symlink_to("real")
    assert steps(open_experiment(tmp_path / "link")) == {"real": [1]}


@pytest.mark.parametrize(
    "name", ["<script>alert(1)<", "层 é", "a b", "x..", "'; --", "%2e%2e", "a\n"]
)
def test_names_are_data(tmp_path: Path, name: str) -> None:
    root = tmp_path / name
    save(root / name / f"{name} step-1.npz", {name: KERNEL})
    opened = open_experiment(root)
    assert opened.name == name
    assert steps(opened) == {name: [1]}
    assert names(opened) == [name]
    assert len(opened.sources(name, 1).refs) == 1


def test_names_that_are_not_utf8_can_be_shown(tmp_path: Path) -> None:
    root = os.fsencode(tmp_path) + b"/caf\xe9"
    os.mkdir(root)  # noqa: PTH102
    save(Path(os.fsdecode(root + b"/r\xff")) / "step-1.npz")
    opened = open_experiment(os.fsdecode(root))
    json.dumps([opened.name, opened.title, *steps(opened)]).encode()
    assert "�" in opened.name.encode().decode()
    assert read_layer(opened.sources("conv1", 1).refs)[0].shape == KERNEL


# --- axis -----------------------------------------------------------------------------------------


def test_runs_are_joined_by_equal_step(tmp_path: Path) -> None:
    for name in ("a/step-0.npz", "a/step-5.npz", "b/step-5.npz", "b/step-10.npz"):
        save(tmp_path / name)
    opened = open_experiment(tmp_path)
    assert opened.axis == (Step(0), Step(5), Step(10))
    assert [len(opened.sources("conv1", place).refs) for place in opened.axis] == [1, 2, 1]
    lone = opened.sources("conv1", 10)
    assert (lone.refs[0].run, lone.missing) == ("b", ("a: no snapshot at step 10",))


def test_runs_are_joined_by_milestone(tmp_path: Path) -> None:
    reached = {"a": (100, 300), "b": (120, 250), "c": (900, 901)}
    for run, (first, second) in reached.items():
        for step in (0, first, second):
            save(tmp_path / run / f"step-{step}.npz", value=step)
        (tmp_path / run / "snapshots.csv").write_text(
            f"step,milestone\n{first},acc>=0.9\n{second},acc>=0.95\n\n"
        )
    opened = open_experiment(tmp_path)
    assert opened.axis == (Step(0), Step(120, "acc>=0.9"), Step(300, "acc>=0.95"))
    sources = opened.sources("conv1", opened.axis[1])
    assert (sources.step, sources.milestone) == (120, "acc>=0.9")
    assert [array.max() for array in read_layer(sources.refs)] == [100, 120, 900]
    assert opened.sources("conv1", 300) == opened.sources("conv1", Step(300, "acc>=0.95"))


def test_two_milestones_at_one_step_and_one_not_reached(tmp_path: Path) -> None:
    touch(tmp_path, "a/step-5.pt", "b/step-5.pt", "b/step-9.pt")
    (tmp_path / "a" / "snapshots.csv").write_text("step,milestone\n5,acc>=9\n5,acc>=10\n")
    (tmp_path / "b" / "snapshots.csv").write_text("milestone,step\nacc>=9,5\nacc>=10,\n,9\n")
    opened = open_experiment(tmp_path)
    assert opened.axis == (Step(5, "acc>=9"), Step(5, "acc>=10"), Step(9))
    assert opened.at(5) == Step(5, "acc>=9")
    missing = opened.sources("conv1", Step(5, "acc>=10")).missing
    assert "b: no snapshot at step 5 acc>=10" in missing
    assert "line 3: step '' is not a whole number" in opened.problems[0].reason


def test_unknown_steps_and_runs(tmp_path: Path) -> None:
    save(tmp_path / "a" / "step-5.npz")
    opened = open_experiment(tmp_path)
    with pytest.raises(ExperimentError, match="no snapshot at step 6; the nearest are at 5"):
        opened.sources("conv1", 6)
    with pytest.raises(ExperimentError, match="no snapshot at step 5 x"):
        opened.sources("conv1", Step(5, "x"))
    with pytest.raises(ExperimentError, match="no run 'z' among the 1: a"):
        opened.sources("conv1", 5, runs=["z"])


# --- layers ---------------------------------------------------------------------------------------


def test_which_tensors_are_layers(tmp_path: Path) -> None:
    torch.manual_seed(0)
    net = torch.nn.Sequential(
        OrderedDict(
            stem=torch.nn.Conv2d(3, 8, 11),
            conv2=torch.nn.Conv2d(8, 8, 7, groups=2),
            depthwise=torch.nn.Conv2d(8, 8, 5, groups=8),
            point=torch.nn.Conv2d(8, 8, 1),
            wide=torch.nn.Conv2d(8, 4, (1, 7)),
            conv10=torch.nn.Conv2d(4, 4, 3),
            norm=torch.nn.BatchNorm2d(4),
            fc=torch.nn.Linear(4, 2),
        )
    )
    torch.save({"state_dict": net.state_dict()}, tmp_path / "step-1.pt")
    opened = open_experiment(tmp_path)
    shapes = {layer.name: layer.shape for layer in opened.layers()}
    assert shapes == {
        "stem": (8, 3, 11, 11),
        "conv2": (8, 4, 7, 7),
        "depthwise": (8, 1, 5, 5),
        "wide": (4, 8, 1, 7),
        "conv10": (4, 4, 3, 3),
    }
    assert list(shapes) == ["stem", "conv2", "depthwise", "wide", "conv10"]
    assert names(opened, "pointwise") == ["point"]
    assert names(opened, "linear") == ["fc"]
    assert len(opened.layers(None)) == len(net.state_dict())
    assert "norm.num_batches_tracked" in names(opened, "other")


def test_integer_tensors_are_no_convolutions(tmp_path: Path) -> None:
    np.savez(tmp_path / "step-1.npz", **{"q.weight": np.ones(KERNEL, np.int8)})
    assert names(open_experiment(tmp_path)) == []


def test_order_of_layers(tmp_path: Path) -> None:
    shapes = dict.fromkeys(["conv10", "conv2", "conv1"], KERNEL)
    save(tmp_path / "pt" / "step-1.pt", shapes)
    save(tmp_path / "st" / "step-1.safetensors", shapes)
    assert names(open_experiment(tmp_path / "pt")) == ["conv10", "conv2", "conv1"]
    assert names(open_experiment(tmp_path / "st")) == ["conv1", "conv2", "conv10"]
    for folder in ("pt", "st"):
        toml = 'layers = ["conv2", "conv1.weight", "conv7"]'
        (tmp_path / folder / "experiment.toml").write_text(toml)
        opened = open_experiment(tmp_path / folder)
        assert names(opened) == ["conv2", "conv1", "conv10"]
        assert "no checkpoint has ['conv7']" in opened.problems[0].reason


def test_steps_and_files_that_lack_a_layer(tmp_path: Path) -> None:
    for step in (0, 25, 200):
        save(tmp_path / f"run/step-{step}.safetensors", conv1=KERNEL)
    save(tmp_path / "run/late-step-200.safetensors", conv2=KERNEL)
    save(tmp_path / "full/step-25.safetensors", conv1=KERNEL, conv2=KERNEL, conv3=KERNEL)
    opened = open_experiment(tmp_path)
    assert names(opened) == ["conv1", "conv2", "conv3"]
    assert len(opened.sources("conv2", 200).refs) == 1
    at_25 = opened.sources("conv2", 25)
    assert [ref.run for ref in at_25.refs] == ["full"]
    assert at_25.missing == ("run: has no layer conv2",)
    assert opened.sources("conv9", 0).refs == ()
    assert opened.sources("conv1", 0, runs=["run", "run"]).missing == ()


def test_runs_of_different_architecture(tmp_path: Path) -> None:
    save(tmp_path / "a/step-0.npz", conv1=(2, 1, 5, 5), stem=KERNEL)
    save(tmp_path / "b/step-0.npz", conv1=(4, 1, 3, 3))
    save(tmp_path / "c/step-0.npz", conv1=(8, 2, 3, 3))
    opened = open_experiment(tmp_path)
    assert sorted(names(opened)) == ["conv1", "stem"]
    pooled = opened.sources("conv1", 0)
    assert [ref.run for ref in pooled.refs] == ["b", "c"]
    assert pooled.missing == ("a: shape (2, 1, 5, 5), another kernel size than most runs",)
    alone = opened.sources("conv1", 0, runs=["a"])
    assert ([ref.run for ref in alone.refs], alone.missing) == (["a"], ())
    assert [Path(problem.path).name for problem in opened.problems] == ["b", "c"]
    assert "not pooled" in opened.problems[0].reason


def test_sources_can_be_sent_and_read_elsewhere(tmp_path: Path) -> None:
    for i in range(3):
        save(tmp_path / f"run-{i}/step-1.safetensors", value=i)
    sources = open_experiment(tmp_path).sources("conv1", 1)
    sent = pickle.loads(pickle.dumps(sources))  # noqa: S301
    assert sent == sources
    assert all(type(ref.path) is str for ref in sent.refs)
    assert [array.max() for array in read_layer(sent.refs)] == [0, 1, 2]


# --- broken parts ---------------------------------------------------------------------------------


def test_broken_files_are_reported_and_the_rest_opens(tmp_path: Path) -> None:
    save(tmp_path / "a/step-0.safetensors")
    whole = save(tmp_path / "b/step-0.safetensors").read_bytes()
    (tmp_path / "b/step-0.safetensors").write_bytes(whole[:-10])
    (tmp_path / "c").mkdir()
    (tmp_path / "c/step-0.pt").write_bytes(b"junk")
    (tmp_path / "d").mkdir()
    (tmp_path / "d/step-0.npz").touch()
    opened = open_experiment(tmp_path)
    assert not opened.problems
    assert names(opened) == ["conv1"]
    sources = opened.sources("conv1", 0)
    assert [ref.run for ref in sources.refs] == ["a"]
    assert [line[:2] for line in sources.missing] == ["b:", "c:", "d:"]
    problems = {Path(p.path).parent.name: p for p in open_and_check(tmp_path)}
    assert list(problems) == ["b", "c", "d"]
    assert problems["d"].reason.startswith("empty; ")
    assert not any(p.path in p.reason for p in problems.values())
    assert opened.problems == tuple(problems.values())


def test_check_reads_every_header(tmp_path: Path) -> None:
    for step in range(5):
        touch(tmp_path, f"step-{step}.pt")
    opened = open_experiment(tmp_path)
    calls: list[tuple[int, int]] = []
    assert len(opened.check(progress=lambda done, of: calls.append((done, of)))) == 5
    assert calls == [(i + 1, 5) for i in range(5)]
    assert opened.layers() == ()


def test_a_file_that_breaks_after_opening(tmp_path: Path) -> None:
    path = save(tmp_path / "step-0.npz")
    refs = open_experiment(tmp_path).sources("conv1", 0).refs
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(CheckpointError, match=r"step-0\.npz: "):
        read_layer(refs)


def test_ten_thousand_snapshots_are_opened_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for step in range(10_000):
        (tmp_path / f"step-{step:06}.safetensors").touch()
    read: list[Path] = []

    def counted(path: Path) -> None:
        read.append(path)
        msg = f"{path}: read"
        raise CheckpointError(msg)

    for module, name in ((_layers, "tensor_index"), (experiment, "read_tensor")):
        monkeypatch.setattr(module, name, counted)
    monkeypatch.setattr(Path, "open", counted)
    start = time.process_time()
    opened = open_experiment(tmp_path)
    spent = time.process_time() - start
    assert [len(run.snapshots) for run in opened.runs] == [10_000]
    assert [place.step for place in opened.axis] == list(range(10_000))
    assert read == []
    start = time.process_time()
    sorted(path.stat().st_size for path in tmp_path.iterdir())
    assert spent < 30 * (time.process_time() - start)
    opened.layers()
    assert 0 < len(read) <= 256
    assert {tmp_path / "step-000000.safetensors", tmp_path / "step-009999.safetensors"} <= set(read)


# --- the small files ------------------------------------------------------------------------------


def test_settings(tmp_path: Path) -> None:
    touch(tmp_path, "step-1.pt")
    (tmp_path / "experiment.toml").write_text(
        'title = "T <b>"\ndescription = "D"\nlicence = "L"\nsource = "S"\n'
        '[dataset]\nname = "mnist"\n[analysis.filters]\nk = "2%"\nfraction = 0.5\n'
    )
    opened = open_experiment(tmp_path)
    texts = (opened.title, opened.description, opened.licence, opened.source)
    assert texts == ("T <b>", "D", "L", "S")
    assert opened.defaults("filters") == {"k": "2%", "fraction": 0.5}
    assert opened.defaults("landscape") == {}
    assert opened.settings["dataset"] == {"name": "mnist"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"title = \n", "not valid TOML.*line 1"),
        (b'title = "a"\nk = [1,\n', "not valid TOML"),
        (b"title = \xff", "not UTF-8"),
        (b"title = 3", "title = 3 is ignored"),
        (b"layers = 3", "layers = 3 is ignored"),
        (b"layers = [1]", "layers = .* is ignored"),
        (b"a = " + b"[" * 5000, "nested too deeply|not valid"),
    ],
)
def test_malformed_settings(tmp_path: Path, text: bytes, reason: str) -> None:
    save(tmp_path / "step-1.npz")
    (tmp_path / "experiment.toml").write_bytes(text)
    opened = open_experiment(tmp_path)
    assert (opened.title, names(opened)) == (opened.name, ["conv1"])
    (problem,) = opened.problems
    assert problem.path == str(tmp_path / "experiment.toml")
    assert re.search(reason, problem.reason)


def test_analysis_that_is_no_table(tmp_path: Path) -> None:
    touch(tmp_path, "step-1.pt")
    for text in ("analysis = 3", "[analysis]\nfilters = 3"):
        (tmp_path / "experiment.toml").write_text(text)
        assert open_experiment(tmp_path).defaults("filters") == {}


def test_hyperparameters_and_metrics(tmp_path: Path) -> None:
    touch(tmp_path, "r/checkpoints/step-1.pt")
    (tmp_path / "r/run.toml").write_text('seed = 3\ndropout = 0.5\nlabels = "real"\n')
    (tmp_path / "r/metrics.csv").write_text(
        "\ufeffstep, epoch,train_loss,val_accuracy,empty\n"
        "100,1,0.5,,\n\n0,0,2.5,0.1,\n200,2,oops,nan,,extra\n"
    )
    run = open_experiment(tmp_path).run("r")
    assert run.hyperparameters == {"seed": 3, "dropout": 0.5, "labels": "real"}
    assert list(run.metrics) == ["step", "epoch", "train_loss", "val_accuracy"]
    np.testing.assert_array_equal(run.metrics["step"], [0, 100, 200])
    np.testing.assert_array_equal(run.metrics["train_loss"], [2.5, 0.5, np.nan])
    np.testing.assert_array_equal(run.metrics["val_accuracy"], [0.1, np.nan, np.nan])
    (problem,) = open_experiment(tmp_path).problems
    assert problem.path.endswith("metrics.csv")
    assert problem.reason == "line 5 has 6 cells for 5 columns (and 1 more); left blank"


@pytest.mark.parametrize(
    ("file", "text", "reason"),
    [
        ("metrics.csv", b"epoch,loss\n1,2\n", "no column 'step'"),
        ("metrics.csv", b"step,loss\n1,\xff\n", "not UTF-8"),
        ("metrics.csv", b"step,loss\n1," + b"9" * 200_000 + b"\n", "line 2"),
        ("snapshots.csv", b"a,b\n1,x\n", "needs the columns"),
        ("snapshots.csv", b"step,milestone\n7,x\n", r"1 of 1 steps have no checkpoint \(first: 7"),
        ("snapshots.csv", b"step,milestone\n-1,x\n", "line 2: step '-1'"),
        ("run.toml", b"seed", "not valid TOML"),
    ],
)
def test_malformed_tables(tmp_path: Path, file: str, text: bytes, reason: str) -> None:
    touch(tmp_path, "step-1.pt")
    (tmp_path / file).write_bytes(text)
    opened = open_experiment(tmp_path)
    assert opened.axis == (Step(1),)
    assert opened.runs[0].metrics == {}
    (problem,) = opened.problems
    assert problem.path == str(tmp_path / file)
    assert re.search(reason, problem.reason)


def test_infinite_steps_and_absent_ones_are_dropped(tmp_path: Path) -> None:
    touch(tmp_path, "step-1.pt")
    (tmp_path / "metrics.csv").write_text("step,loss\ninf,1\n,2\n-inf,3\n5,inf\n")
    metrics = open_experiment(tmp_path).runs[0].metrics
    assert {name: list(column) for name, column in metrics.items()} == {
        "step": [5],
        "loss": [np.inf],
    }


# --- many experiments -----------------------------------------------------------------------------


def test_a_folder_of_experiments(tmp_path: Path) -> None:
    touch(tmp_path, "mnist/run-0/step-1.pt", "mnist/experiment.toml", "face/step-0.pt")
    touch(tmp_path, "data/x.npz", ".hidden/step-1.pt", "results/a.npz", "empty/readme.txt")
    touch(tmp_path, "broken/experiment.toml")
    problems: list[Problem] = []
    found = find_experiments([tmp_path], on_problem=problems.append)
    assert [opened.name for opened in found] == ["face", "mnist"]
    assert [problem.path for problem in problems] == [str(tmp_path / "broken")]
    assert problems[0].reason.startswith("no checkpoints")
    assert [opened.name for opened in find_experiments([tmp_path])] == ["face", "mnist"]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (["step-1.pt"], ["root"]),
        (["a/step-1.pt", "b/step-1.pt"], ["root"]),
        (["a/checkpoints/step-1.pt"], ["root"]),
        (["checkpoint-5/model.safetensors"], ["root"]),
        (["lightning_logs/version_0/checkpoints/epoch=1.ckpt"], ["root"]),
        (["a/run-0/step-1.pt", "b/run-0/step-1.pt"], ["a", "b"]),
        (["a/experiment.toml", "a/step-1.pt", "b/step-1.pt"], ["a", "b"]),
        (["experiment.toml", "a/x/step-1.pt", "b/experiment.toml", "b/step-1.pt"], ["root"]),
    ],
)
def test_what_counts_as_an_experiment(
    tmp_path: Path, files: list[str], expected: list[str]
) -> None:
    root = touch(tmp_path / "root", *files)
    assert [opened.name for opened in find_experiments([root])] == expected


def test_paths_are_opened_once_under_different_names(tmp_path: Path) -> None:
    for folder in ("x", "y", "z"):
        touch(tmp_path, f"{folder}/net/step-1.pt")
    paths: list[Path | str] = [
        tmp_path / "x" / "net",
        str(tmp_path / "x" / "net"),
        tmp_path / "y/net",
    ]
    found = find_experiments([*paths, tmp_path / "z/../z/net", tmp_path / "x/net/step-1.pt"])
    assert [opened.name for opened in found] == ["net", "net-2", "net-3", "step-1"]


def test_linked_experiments_are_not_followed(tmp_path: Path) -> None:
    touch(tmp_path, "outside/step-1.pt", "root/a/r/step-1.pt")
    (tmp_path / "root" / "b").symlink_to(tmp_path / "outside")
    problems: list[Problem] = []
    found = find_experiments([tmp_path / "root"], on_problem=problems.append)
    assert [opened.name for opened in found] == ["a"]
    assert problems == [
        Problem(str(tmp_path / "root" / "b"),
                "a link out of the opened folder is not followed; open its target"),
    ]  # fmt: skip


def test_nothing_found(tmp_path: Path) -> None:
    with pytest.raises(ExperimentError, match="no checkpoints in this folder"):
        find_experiments([touch(tmp_path, "a/readme.md")])
    with pytest.raises(ExperimentError, match="no such file"):
        find_experiments([tmp_path / "none"])
    with pytest.raises(ExperimentError, match="no experiment in this folder"):
        find_experiments([touch(tmp_path / "c", "a/experiment.toml", "b/experiment.toml")])
