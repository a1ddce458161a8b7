import csv
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from dashboard import cli

Make = Callable[..., Path]
Run = Callable[..., tuple[int, str, str]]
ROW = {
    "layer", "step", "milestone", "n_total", "n_degenerate", "n_filters", "n_kept", "k", "fraction",
    "contrast", "n_landmarks", "seed", "null", "h1_bars", "loop_strength", "primary_circle_share",
    "quadratic_share", "mapper_nodes", "mapper_edges", "mapper_b0", "mapper_b1",
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
        return int(ended.value.code or 0), out, err

    return call


def test_table_as_json_is_one_array_with_the_fields_of_a_row(
    make_experiment: Make, run: Run
) -> None:
    code, out, _ = run(
        "table", make_experiment(), "filters", "--format", "json", "--k", "5", "--fraction", "1"
    )
    rows = json.loads(out)
    assert code == 0
    assert [(row["layer"], row["step"]) for row in rows] == [("conv1", 0), ("conv1", 100)]
    assert set(rows[0]) >= ROW
    assert rows[1]["loop_strength"] == rows[1]["h1_bars"][0] / rows[1]["h1_bars"][1] > 2
    assert len(rows[1]["h1_bars"]) <= 10
    assert (rows[1]["k"], rows[1]["fraction"], rows[1]["null"]) == (5, 1.0, "none")


def test_table_as_csv_and_text_say_the_same(make_experiment: Make, run: Run) -> None:
    folder = make_experiment()
    arguments = ("table", folder, "filters", "--steps", "100", "--fraction", "0.5")
    rows = json.loads(run(*arguments, "--format", "json")[1])
    (record,) = csv.DictReader(io.StringIO(run(*arguments, "--format", "csv")[1]))
    assert float(record["loop_strength"]) == rows[0]["loop_strength"]
    assert [float(x) for x in record["h1_bars"].split()] == rows[0]["h1_bars"]
    text = run(*arguments)[1]
    assert "conv1" in text
    assert f"{rows[0]['loop_strength']:.4g}" in text


def test_the_permuted_null_has_no_circle(make_experiment: Make, run: Run) -> None:
    arguments = ("table", make_experiment(), "filters", "--steps", "100", "--format", "json")
    options = ("--k", "5", "--fraction", "1", "--null", "permuted", "--seed", "3")
    (row,) = json.loads(run(*arguments, *options)[1])
    assert (row["null"], row["seed"]) == ("permuted", 3)
    assert row["loop_strength"] < 2


def test_compute_makes_null_models_too_and_is_resumable(make_experiment: Make, run: Run) -> None:
    folder = make_experiment()
    code, _, err = run("compute", folder, "--analysis", "mapper")
    assert code == 0
    assert "4 computed" in err
    assert "0 computed, 4 were there" in run("compute", folder, "--analysis", "mapper")[2]


def test_compute_leaves_out_what_is_computed_on_demand_unless_it_is_named(
    make_experiment: Make, run: Run
) -> None:
    folder = make_experiment(n=80)
    assert "4 computed, 0 were there" in run("compute", folder)[2]  # Mapper graphs and their nulls
    assert "4 computed, 0 were there" in run("compute", folder, "--analysis", "circular")[2]
    assert "0 computed, 4 were there" in run("compute", folder)[2]


def test_a_layer_that_fails_keeps_its_row_and_the_others(tmp_path: Path, run: Run) -> None:
    rng = np.random.default_rng(0)
    few, many = (rng.normal(size=(n, 1, 3, 3)).astype(np.float32) for n in (1, 300))
    save_file({"few.weight": few, "many.weight": many}, tmp_path / "net.safetensors")
    code, out, err = run("table", tmp_path / "net.safetensors", "filters", "--format", "json")
    rows = {row["layer"]: row for row in json.loads(out)}
    assert code == 0
    assert rows["few"]["n_kept"] is None
    assert "only 1 of 1 filters" in rows["few"]["error"]
    assert "net.safetensors" in err
    assert rows["many"]["error"] is None


def test_no_nan_in_json(tmp_path: Path, run: Run) -> None:
    weights = np.random.default_rng(0).normal(size=(300, 1, 1, 3)).astype(np.float32)
    save_file({"wide.weight": weights}, tmp_path / "net.safetensors")
    _, out, _ = run("table", tmp_path / "net.safetensors", "filters", "--format", "json")

    def refuse(word: str) -> float:
        pytest.fail(f"{word} in JSON")

    (row,) = json.loads(out, parse_constant=refuse)
    assert row["n_filters"] == 300


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["table", "{folder}", "nonsense"], "there is no table 'nonsense'"),
        (
            ["table", "{folder}", "filters", "--layers", "conv9"],
            "no layer 'conv9'; there are conv1",
        ),
        (["table", "{folder}", "filters", "--steps", "7"], "no step '7'; there are 0, 100"),
        (["table", "{folder}", "filters", "--runs", "x"], "no run 'x'; there are run-000"),
        (["table", "{folder}", "filters", "--k", "0"], "k must be a number of neighbours"),
        (["table", "{folder}", "filters", "--fraction", "2"], "fraction must be from"),
        (["table", "{folder}", "filters", "--lens", "x"], "lens must be one of"),
        (["table", "{folder}/no", "filters"], "no"),
        (["export", "{folder}", "mapper", "-o", "x.gif"], "must end in one of"),
        (["export", "{folder}", "x", "-o", "x.svg"], "there is no view 'x'"),
        (["inspect", "{folder}/no"], "no"),
        (["compute", "{folder}", "--analysis", "x"], "there is no analysis 'x'"),
    ],
)
def test_errors_are_one_line_and_exit_code_2(
    make_experiment: Make, run: Run, arguments: list[str], words: str
) -> None:
    folder = make_experiment()
    code, out, err = run(*(word.format(folder=folder) for word in arguments))
    assert code == 2
    assert out == ""
    assert words in err
    assert "Traceback" not in err


def test_a_folder_without_convolutions_says_so(tmp_path: Path, run: Run) -> None:
    save_file({"fc.weight": np.zeros((3, 3), dtype=np.float32)}, tmp_path / "net.safetensors")
    code, _, err = run("table", tmp_path / "net.safetensors", "filters")
    assert code == 2
    assert "no 2-D convolution kernels" in err


def test_a_broken_snapshot_is_named_and_not_left_out_in_silence(
    make_experiment: Make, run: Run
) -> None:
    folder = make_experiment(runs=1)
    (folder / "run-000" / "step-000100.safetensors").write_bytes(b"cut off")
    code, out, err = run("table", folder, "filters", "--format", "json")
    assert (code, [row["step"] for row in json.loads(out)]) == (0, [0])
    assert "step-000100.safetensors" in err
    code, out, err = run("table", folder, "filters", "--steps", "100", "--format", "json")
    assert (code, out) == (2, "")
    assert "no chosen run has one of the chosen layers" in err


def test_inspect_tells_runs_steps_layers_and_problems(make_experiment: Make, run: Run) -> None:
    folder = make_experiment()
    (folder / "run-000" / "step-000200.safetensors").write_bytes(b"broken")
    code, out, _ = run("inspect", folder, "--json")
    found = json.loads(out)
    assert code == 0
    assert found["runs"] == ["run-000", "run-001"]
    assert [step["step"] for step in found["steps"]] == [0, 100, 200]
    assert found["layers"] == [{"layer": "conv1", "shape": [150, 1, 3, 3]}]
    assert any("step-000200" in problem["path"] for problem in found["problems"])
    assert "conv1" in run("inspect", folder)[1]


@pytest.mark.parametrize(
    ("view", "kind"),
    [("mapper", "svg"), ("mapper", "html"), ("barcode", "html"), ("projection", "json")],
)
def test_export_writes_the_picture(
    make_experiment: Make, run: Run, tmp_path: Path, view: str, kind: str
) -> None:
    output = tmp_path / f"picture.{kind}"
    code, _, err = run("export", make_experiment(), view, "-o", output, "--fraction", "1")
    assert (code, err.count("Traceback")) == (0, 0)
    text = output.read_text()
    assert "conv1, step 100" in text
    if kind == "svg":
        assert "data:image/png" not in text


@pytest.mark.parametrize(
    "command", ["demo", "serve", "inspect", "compute", "table", "export", "train"]
)
def test_help_has_an_example(command: str, run: Run) -> None:
    code, out, _ = run(command, "--help")
    assert code == 0
    assert f"Example: nervescope {command}" in " ".join(out.split())


def test_help_states_defaults(run: Run) -> None:
    out = " ".join(run("table", "--help")[1].replace("│", " ").split())
    assert "[default: auto, or experiment.toml]" in out
    assert "[default: 0.3, or experiment.toml]" in out
