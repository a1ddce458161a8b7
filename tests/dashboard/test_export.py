"""Pictures as files: one of every view, from the page's own drawing."""

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import plotly.graph_objects as go
import pytest

from analysis.errors import NerveScopeError
from dashboard import cli, export, views
from dashboard.context import Context
from dashboard.export import ExportError

Make = Callable[..., Path]
Open = Callable[..., Context]
PANELS = [
    pytest.param(name, id=f"{view.name}-{name}")
    for view in views.discover()
    for name, spec in view.panels.items()
    if not spec.table and name != "beside"
]
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def computed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that the tests of this module share, so that nothing is computed twice."""
    return tmp_path_factory.mktemp("store")


def run(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    monkeypatch.setattr(sys, "argv", ["nervescope", "export", *map(str, words), "--jobs", "1"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0)


OF_ACTIVATIONS = {"landscapes", "landscapes-all", *export.panels()["norms"].panels}
"""Panels that need a network that can be run."""


@pytest.mark.parametrize("panel", PANELS)
def test_every_panel_of_every_view_is_written(
    make_experiment: Make,
    make_mlp: Make,
    computed: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    panel: str,
) -> None:
    output = tmp_path / "picture.json"
    runs = panel in OF_ACTIVATIONS
    folder = make_mlp() if runs else make_experiment(n=80)
    (folder / "run-000" / "metrics.csv").write_text("step,accuracy\n0,0.1\n100,0.9\n")
    code = run(monkeypatch, folder, panel, "-o", output, "--store", computed)
    assert code == 0, capfd.readouterr().err
    figure = json.loads(output.read_text())
    assert figure["data"]
    view = export.panels()[panel]
    title = figure["layout"]["title"]["text"]
    assert title.startswith(f"{view.panels[panel].title}: ".replace("&", "&amp;"))
    layer = "input" if runs else "conv1"
    assert (f"{layer}, step 100" in title) is ("index" in view.fields)
    text = output.read_text()
    assert "omputing" not in text
    assert panel == "inputs" or "data:image/png" not in text
    word = "norm" if runs else "loop"
    assert any(word in str(each["text"]).lower() for each in figure["layout"]["annotations"])


@pytest.mark.parametrize("panel", ["contents", "rose", "multiples", "settings"])
def test_one_of_every_view_is_drawn_as_vectors(
    make_experiment: Make,
    computed: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    panel: str,
) -> None:
    output = tmp_path / "picture.svg"
    assert run(monkeypatch, make_experiment(n=80), panel, "-o", output, "--store", computed) == 0
    root = ET.fromstring(output.read_text())  # noqa: S314 - our own
    assert root.tag == f"{SVG}svg"
    assert len(list(root.iter(f"{SVG}path"))) > 5
    for image in root.iter(f"{SVG}image"):
        (address,) = (value for key, value in image.attrib.items() if key.endswith("href"))
        assert address.startswith("data:image/svg+xml")
    words = " ".join("".join(each.itertext()) for each in root.iter(f"{SVG}text"))
    assert export.panels()[panel].panels[panel].title[:8] in words


def test_names_of_panels_are_unlike_each_other_over_all_views() -> None:
    every = [(n, spec) for view in views.discover() for n, spec in view.panels.items()]
    assert len(every) == len({name for name, _ in every})
    assert sorted(n for n, spec in every if not spec.table) == sorted(export.panels())


@pytest.mark.parametrize(
    ("panel", "name", "words"),
    [
        ("nothing", "x.svg", "there is no view 'nothing'; there are contents"),
        ("mapper", "x.gif", "must end in one of .svg"),
        ("mapper", "x", "must end in one of"),
    ],
)
def test_what_cannot_be_written_is_refused_before_anything_is_computed(
    panel: str, name: str, words: str
) -> None:
    with pytest.raises(ExportError, match=words):
        export.check(panel, Path(name))


def test_a_picture_of_what_is_not_there_is_refused_in_its_own_words(
    shipped: Context, tmp_path: Path
) -> None:
    view = shipped.views["filters"]
    ask = shipped.ask(shipped.read({"experiment": "mnist_cnn", "params": {"filters.k": "77"}})[0])
    found = shipped.find(view, ask, compute=False)
    with pytest.raises(NerveScopeError, match="Computing"):
        export.picture(view, "mapper", ask, found=found, scheme="light")
    with pytest.raises(ExportError, match="cannot be written"):
        export.save(go.Figure(), tmp_path / "no" / "such" / "folder.json")


@pytest.mark.parametrize(
    ("layer", "graph", "name"),
    [
        ("conv1", "filters-mapper", "small-conv1-100-filters-mapper"),
        ("../../etc/passwd", "a b", "small-.._.._etc_passwd-100-a_b"),
        ("x" * 500, "y", "small-" + "x" * 114),
    ],
)
def test_files_are_named_after_what_they_show_with_letters_that_any_system_takes(
    make_experiment: Make, open_context: Open, layer: str, graph: str, name: str
) -> None:
    context = open_context(make_experiment(n=5))
    cursor = context.read({})[0]
    ask = context.ask(replace(cursor, layer=layer))
    assert export.file_name(ask, graph) == name


def test_words_around_a_picture_cannot_carry_markup_and_make_room_for_themselves() -> None:
    evil = "<img src=x onerror=alert(1)>"
    plain = export.titled(go.Figure(layout={"height": 300}), "t", ["short"])
    figure = export.titled(go.Figure(layout={"height": 300}), evil, ["words " * 100, evil])
    assert "<img" not in figure.to_json()
    assert len(figure.layout.annotations) > len(plain.layout.annotations) == 1
    assert figure.layout.height > plain.layout.height > 300
    assert (
        figure.layout.height - figure.layout.margin.b == plain.layout.height - plain.layout.margin.b
    )


def test_a_picture_of_many_layers_is_written_although_one_cannot_be_computed(
    make_layers: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    computed: Path,
) -> None:
    output, folder = tmp_path / "picture.json", make_layers(many=200, few=1)
    code = run(monkeypatch, folder, "contents", "-o", output, "--store", computed)
    assert code == 0
    assert "only 1 of 1 filters" in output.read_text()
