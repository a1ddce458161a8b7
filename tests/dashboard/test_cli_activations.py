"""The command on networks: layers, inputs and networks that it names, and what it says of them."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from analysis import datasets
from analysis.architectures import build
from dashboard import cli, commands

Make = Callable[..., Path]
Run = Callable[..., tuple[int, str, str]]

TOML = """
[architecture]
kind = "mlp"
input = [2]
hidden = [5, 4]
classes = 2

[dataset]
name = "disks"
step = 0.1

[analysis.landscapes]
inputs = 24
"""
LAYERS = ["input", "fc1", "fc2", "fc3"]
ROW = {
    "run", "layer", "step", "milestone", "n_points", "dimension", "homology", "norm", "h1_bars",
    "n_total", "class", "seed", "sampling", "width", "neural_persistence", "note", "error",
}  # fmt: skip


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Run the command in this process; returns exit code, standard output and error."""

    def call(*arguments: object) -> tuple[int, str, str]:
        words = [str(word) for word in arguments]
        if words[0] in {"table", "compute", "export"}:
            words += ["--store", str(tmp_path / "store"), "--jobs", "1"]
        monkeypatch.setattr(sys, "argv", ["nervescope", *words])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capfd.readouterr()
        assert "Traceback" not in err
        return int(ended.value.code or 0), out, err

    return call


@pytest.fixture
def make_mlp(tmp_path: Path) -> Make:
    """Write an experiment of small fully connected networks."""

    def make(*, runs: int = 1, steps: tuple[int, ...] = (0, 100), toml: str = TOML) -> Path:
        spec = {"kind": "mlp", "input": [2], "hidden": [5, 4], "classes": 2}
        for run in range(runs):
            for step in steps:
                path = tmp_path / "mlp" / f"run-{run:03d}" / f"step-{step:06d}.safetensors"
                path.parent.mkdir(parents=True, exist_ok=True)
                state = build(spec, seed=1000 * run + step).state_dict()
                save_file({name: tensor.numpy() for name, tensor in state.items()}, path)
        (tmp_path / "mlp" / "experiment.toml").write_text(toml)
        return tmp_path / "mlp"

    return make


def rows_of(out: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(out)
    return found


# --- tables ---------------------------------------------------------------------------------------


def test_the_table_of_landscapes_has_a_row_per_run_layer_and_step(make_mlp: Make, run: Run) -> None:
    folder = make_mlp(runs=2)
    code, out, _ = run("table", folder, "landscapes", "--format", "json")
    rows = rows_of(out)
    assert code == 0
    assert [(r["run"], r["step"], r["layer"]) for r in rows] == [
        (name, step, layer) for name in ("run-000", "run-001") for step in (0, 100)
        for layer in LAYERS
    ]  # fmt: skip
    assert set(rows[0]) >= ROW
    assert all(row["n_points"] == 24 and row["error"] is None for row in rows)


def test_parameters_come_from_the_command_line(make_mlp: Make, run: Run) -> None:
    options = {
        "--inputs": "30", "--class": "disk", "--homology": "local", "--dimension": "0",
        "--seed": "7", "--sampling": "spread",
    }  # fmt: skip
    words = [word for pair in options.items() for word in pair]
    arguments = ("--steps", "0", "--format", "json", *words)
    code, out, _ = run("table", make_mlp(), "landscapes", *arguments)
    row = rows_of(out)[0]
    said = [row[key] for key in ("n_points", "class", "homology", "dimension", "seed", "sampling")]
    assert (code, said) == (0, [30, "disk", "local", 0, 7, "spread"])
    assert (
        row["n_total"]
        < rows_of(run("table", make_mlp(), "landscapes", "--format", "json")[1])[0]["n_total"]
    )


def test_layers_choose_rows_and_compute_nothing_anew(make_mlp: Make, run: Run) -> None:
    folder = make_mlp()
    assert run("compute", folder, "--analysis", "landscapes")[0] == 0
    computed = ("compute", folder, "--analysis", "landscapes", "--layers", "fc2")
    assert "0 computed, 2 were there" in run(*computed)[2]
    out = run("table", folder, "landscapes", "--layers", "fc2,input", "--format", "json")[1]
    assert [row["layer"] for row in rows_of(out)] == ["input", "fc2"] * 2


def test_steps_and_runs_restrict_studies(make_mlp: Make, run: Run) -> None:
    folder = make_mlp(runs=3, steps=(0, 10, 20))
    arguments = ("table", folder, "landscape-test", "--format", "json", "--layers", "fc1")
    pairs = [(row["first"], row["second"], row["n_first"]) for row in rows_of(run(*arguments)[1])]
    assert pairs == [("step 0", "step 10", 3), ("step 0", "step 20", 3), ("step 10", "step 20", 3)]
    chosen = rows_of(run(*arguments, "--steps", "0,20", "--runs", "run-000,run-002")[1])
    assert [(row["first"], row["second"], row["n_first"]) for row in chosen] == [
        ("step 0", "step 20", 2)
    ]
    assert {row["layer"] for row in chosen} == {"fc1"}


def test_hyperparameters_are_compared_by_a_key(make_mlp: Make, run: Run) -> None:
    folder = make_mlp(runs=4)
    for i in range(4):
        (folder / f"run-{i:03d}" / "run.toml").write_text(f'init = "{"ab"[i % 2]}"\n')
    arguments = ("table", folder, "landscape-test", "--between", "init", "--format", "json")
    rows = rows_of(run(*arguments)[1])
    assert {row["between"] for row in rows} == {"init"}
    assert rows[0]["layer"] == "all layers"
    assert (rows[0]["first"], rows[0]["n_first"], rows[0]["n_second"]) == ("init = a, step 0", 2, 2)
    code, out, err = run(*arguments[:4], "nonsense", "--format", "json")
    assert code == 2
    assert "its keys are init" in rows_of(out)[0]["error"]
    assert "its keys are init" in err


def test_class_in_experiment_toml(make_mlp: Make, run: Run) -> None:
    folder = make_mlp(toml=TOML + 'class = "background"\n')
    arguments = ("table", folder, "landscapes", "--steps", "0", "--format", "json")
    assert rows_of(run(*arguments)[1])[0]["class"] == "background"
    assert rows_of(run(*arguments, "--class", "1")[1])[0]["class"] == "1"
    code, out, err = run(*arguments, "--class", "cat")
    assert (code, "there is no class 'cat'" in err) == (2, True)
    assert "there are background, disk" in rows_of(out)[0]["error"]


# --- what there is --------------------------------------------------------------------------------


def test_compute_without_an_analysis_computes_what_there_is(
    make_mlp: Make, make_experiment: Make, run: Run
) -> None:
    code, _, err = run("compute", make_mlp())
    assert code == 0
    assert "3 computed" in err  # two networks and their study, each once
    assert "4 computed" in run("compute", make_experiment())[2]  # Mapper graphs and their nulls


def test_inspect_tells_the_layers_of_both_kinds(
    make_mlp: Make, make_experiment: Make, run: Run
) -> None:
    code, out, _ = run("inspect", make_mlp(), "--json")
    found = json.loads(out)
    assert code == 0
    assert (found["layers"], found["activations"]) == ([], LAYERS)
    assert found["no_activations"] is None
    assert "activations: input, fc1, fc2, fc3" in run("inspect", make_mlp())[1]
    found = json.loads(run("inspect", make_experiment(), "--json")[1])
    assert found["activations"] == []
    assert "[architecture] and [dataset]" in found["no_activations"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["table", "{mlp}", "filters"], "1×1 in it. Tables that there are: landscapes"),
        (["compute", "{mlp}", "--analysis", "mapper"], "Tables that there are: landscapes"),
        (["export", "{mlp}", "mapper", "-o", "{mlp}/x.json"], "no 2-D convolution"),
        (["table", "{cnn}", "landscapes"], "Activations need a network and inputs: [architecture]"),
        (["table", "{cnn}", "landscapes"], "Tables that there are: filters, stability"),
        (["table", "{mlp}", "landscapes", "--layers", "fc9"],
         "there is no layer 'fc9'; there are input, fc1, fc2, fc3"),
        (["table", "{mlp}", "landscapes", "--layers", ","], "no layer is named"),
        (["table", "{mlp}", "landscapes", "--inputs", "9000"], "inputs must be from 2 to 8000"),
        (["table", "{mlp}", "landscapes", "--homology", "x"], "homology must be one of"),
        (["table", "{mlp}", "landscapes", "--dataset", "none"], "--dataset 'none': no such file"),
        (["inspect", "{mlp}", "--dataset", "none"], "--dataset 'none': no such file"),
        (["table", "{mlp}", "landscapes", "--model", "x"], "give it as package.module:factory"),
        (["compute", "{cnn}", "--model", "no_such:x"], "there is no file of a module no_such"),
        (["inspect", "{cnn}", "--model", "sys:exit"], "there is no file of a module sys"),
        (["serve", "{mlp}", "--model", "a b"], "give it as package.module:factory"),
        (["fetch", "{mlp}/none.toml"], "none.toml: cannot be read"),
        (["fetch", "{cnn}"], "experiment.toml: cannot be read"),
    ],
)  # fmt: skip
def test_errors_say_what_would_work(
    make_mlp: Make, make_experiment: Make, run: Run, arguments: list[str], words: str
) -> None:
    mlp, cnn = make_mlp(), make_experiment()
    code, out, err = run(*(word.format(mlp=mlp, cnn=cnn) for word in arguments))
    assert (code, out) == (2, "")
    assert words in err


def test_what_has_neither_says_what_to_add(tmp_path: Path, run: Run) -> None:
    save_file({"fc1.weight": np.zeros((3, 3), np.float32)}, tmp_path / "step-1.safetensors")
    for command in (["compute"], ["inspect"], ["serve"]):
        code, _, err = run(*command, tmp_path)
        assert code == 2
        assert "no 2-D convolution kernels" in err
        assert "--model package.module:factory" in err
        assert "activations/step-….npz" in err


def test_serve_shows_networks_without_convolutions(
    make_mlp: Make, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    served: list[Any] = []
    monkeypatch.setattr(commands, "_serve", lambda shown, *_args, **_options: served.extend(shown))
    code, _, err = run("serve", make_mlp(), "--layers", "fc1", "--dataset", "mnist")
    assert (code, err) == (0, "")
    assert served[0].chosen == {"fc1"}
    assert served[0].settings["dataset"] == {"name": "mnist"}
    assert served[0].model == ""


def test_a_layer_of_the_other_kind_is_told(tmp_path: Path, run: Run) -> None:
    spec = {"kind": "cnn", "input": [1, 8, 8], "channels": [4, 3], "hidden": 4, "classes": 10}
    state = build(spec).state_dict()
    save_file({k: v.numpy() for k, v in state.items()}, tmp_path / "step-1.safetensors")
    lines = "\n".join(f"{key} = {json.dumps(value)}" for key, value in spec.items())
    (tmp_path / "experiment.toml").write_text(f"[architecture]\n{lines}\n[dataset]\nname='disks'\n")
    code, _, err = run("table", tmp_path, "filters", "--layers", "fc1")
    assert (code, "no chosen run has one of the chosen layers" in err) == (2, True)
    out = run("inspect", tmp_path)[1]
    assert "activations: input, conv1, conv2, fc1, fc2" in out
    code, _, err = run("table", tmp_path, "landscapes", "--inputs", "20")
    assert code == 2
    assert "cannot take inputs of shape (2,)" in err


# --- networks, inputs and activations from elsewhere ----------------------------------------------


def test_model_and_dataset_are_given_on_the_command_line(
    make_mlp: Make, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    text = "import sys, torch\nprint('hello')\ndef make():\n    print('again')\n"
    text += (
        "    n = torch.nn\n    parts = dict(fc1=n.Linear(2, 5), act=n.ReLU(), fc2=n.Linear(5, 4)"
    )
    text += ", fc3=n.Linear(4, 2))\n    from collections import OrderedDict\n"
    text += "    return n.Sequential(OrderedDict(parts))\n"
    (tmp_path / "given_network.py").write_text(text)
    np.savez("points.npz", x=np.random.default_rng(0).normal(size=(50, 2)), y=np.arange(50) % 2)
    folder = make_mlp(toml="")
    options = ("--model", "given_network:make", "--dataset", "points.npz", "--inputs", "20")
    code, out, _ = run("table", folder, "landscapes", *options, "--steps", "0", "--format", "json")
    rows = rows_of(out)
    assert code == 0
    assert [row["layer"] for row in rows] == ["input", "fc1", "act", "fc2", "fc3"]
    assert {row["n_total"] for row in rows} == {50}
    assert json.loads(run("inspect", folder, *options[:4], "--json")[1])["activations"] == [
        "input", "fc1", "act", "fc2", "fc3",
    ]  # fmt: skip
    sys.modules.pop("given_network")


def test_a_network_that_does_not_fit_keeps_its_row_and_says_which_keys(
    make_mlp: Make, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    text = "import torch\n\ndef make():\n    return torch.nn.Sequential(torch.nn.Linear(2, 5))\n"
    (tmp_path / "unfit_network.py").write_text(text)
    arguments = ("--model", "unfit_network:make", "--steps", "0", "--format", "json")
    code, out, err = run("table", make_mlp(), "landscapes", *arguments)
    (row,) = rows_of(out)
    assert (code, row["layer"], row["norm"]) == (2, None, None)
    assert "lacks 0.weight" in row["error"]
    assert "has fc1.weight" in err
    sys.modules.pop("unfit_network")


def test_stored_activations_of_any_framework(tmp_path: Path, run: Run) -> None:
    rng = np.random.default_rng(0)
    turn = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    circle = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    for step in (0, 100):
        path = tmp_path / "exp" / "run-0" / "activations" / f"step-{step:06d}.npz"
        path.parent.mkdir(parents=True, exist_ok=True)
        first = circle if step else rng.normal(size=(40, 2))
        np.savez(path, b=first, a=rng.normal(size=(40, 5)), labels=np.arange(40) % 4)
    arguments = ("table", tmp_path / "exp", "landscapes", "--inputs", "40", "--format", "json")
    code, out, err = run(*arguments)
    rows = rows_of(out)
    assert (code, err) == (0, "")
    assert [(row["step"], row["layer"]) for row in rows] == [
        (0, "b"), (0, "a"), (100, "b"), (100, "a"),
    ]  # fmt: skip
    assert rows[2]["norm"] > 5 * rows[0]["norm"]
    assert "no 2-D convolution kernels" in run("table", tmp_path / "exp", "filters")[2]
    arguments = ("table", tmp_path / "exp", "landscapes", "--class", "3", "--format", "json")
    assert rows_of(run(*arguments, "--inputs", "10")[1])[0]["n_total"] == 10


def test_openml_is_fetched_when_it_is_asked_for(
    make_mlp: Make, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    target = np.array([str(i % 2) for i in range(50)], dtype=object)
    data = np.random.default_rng(0).normal(size=(50, 2))
    answer = SimpleNamespace(data=data, target=target, details={})
    monkeypatch.setattr(
        "sklearn.datasets.fetch_openml", lambda name, **_options: asked.append(name) or answer
    )
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "kept"))  # for workers too
    monkeypatch.setattr(datasets, "_MEMORY", datasets._Memory(count=4, most_bytes=2**20))
    folder = make_mlp(toml=TOML.replace('name = "disks"\nstep = 0.1', 'openml = "two"'))
    arguments = ("table", folder, "landscapes", "--steps", "0", "--format", "json")
    code, out, err = run(*arguments)
    assert (code, asked) == (2, [])
    assert f"nervescope fetch {folder}" in err
    assert "is not on this computer" in rows_of(out)[0]["error"]
    code, out, _ = run("fetch", folder)
    assert (code, asked) == (0, ["two"])
    assert "OpenML two: 50 inputs of 2, 2 classes" in out
    assert str(tmp_path / "kept" / "nervescope" / "data") in out
    assert run(*arguments)[0] == 0
    assert asked == ["two"]
    code, out, _ = run(*arguments, "--dataset", "openml:other")
    assert (code, asked) == (0, ["two", "other"])
    assert rows_of(out)[0]["n_total"] == 50


def test_fetch_says_where_other_inputs_lie(make_mlp: Make, run: Run) -> None:
    code, out, _ = run("fetch", make_mlp())
    assert code == 0
    assert "disks:" in out
    assert "made when it is needed" in out
    assert "mnist10k.npz" in run("fetch", make_mlp(toml='[dataset]\nname = "mnist"\n'))[1]
    code, _, err = run("fetch", make_mlp(toml="title = 'x'\n"))
    assert (code, "no [dataset] in it" in err) == (2, True)


def test_fetch_has_an_example(run: Run) -> None:
    assert "Example: nervescope fetch" in " ".join(run("fetch", "--help")[1].split())


@pytest.mark.parametrize("command", ["compute", "table", "serve", "export", "inspect"])
def test_help_tells_of_networks_and_inputs(command: str, run: Run) -> None:
    out = " ".join(run(command, "--help")[1].split())
    assert "--model" in out
    assert "openml:NAME" in out


def test_help_of_parameters_is_of_all_that_share_them(run: Run) -> None:
    out = " ".join(run("table", "--help")[1].split())
    assert "--class" in out
    assert "its name or number [default: all, or experiment.toml]" in out
    assert "seed of the choice of inputs; seed of the draw" in out
    assert "angle" in out.partition("--lens")[2].partition("--cover")[0]
