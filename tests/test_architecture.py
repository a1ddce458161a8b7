"""The arrows point one way, and a new analysis or view needs no list to be edited."""

import ast
import dataclasses
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from dash.development.base_component import Component

from analysis import registry
from analysis.experiment import open_experiment
from analysis.store import ResultStore
from dashboard import frames, ids, parameters, shell, views
from dashboard.app import create_app
from dashboard.context import Context
from dashboard.cursor import Cursor
from dashboard.jobs import Jobs
from dashboard.results import Results
from dashboard.view import View

VIEWS = views.discover()
ROOT = Path(__file__).parents[1]
FORBIDDEN = {
    "analysis": {"dash", "plotly", "dashboard", "dash_mantine_components", "flask"},
    "dashboard/figures": {
        "dash",
        "dash_mantine_components",
        "dashboard.views",
        "dashboard.context",
    },
}


def modules(folder: str) -> list[Path]:
    found = sorted((ROOT / folder).rglob("*.py"))
    assert found
    return found


def imports(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize("folder", FORBIDDEN)
def test_layers_import_one_way(folder: str) -> None:
    for path in modules(folder):
        for name in imports(path):
            parts = name.split(".")
            heads = {".".join(parts[: i + 1]) for i in range(len(parts))}
            assert not heads & FORBIDDEN[folder], f"{path.relative_to(ROOT)} imports {name}"


def test_nothing_unpickles() -> None:
    for path in [*modules("analysis"), *modules("dashboard")]:
        assert not imports(path) & {"pickle", "joblib", "dill", "cloudpickle", "shelve"}, path
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in {"torch.load", "np.load"}:
                said = {word.arg: ast.unparse(word.value) for word in node.keywords}
                safe = said.get("weights_only") == "True" or said.get("allow_pickle") == "False"
                assert safe, f"{path}:{node.lineno} loads without refusing pickles"


def test_heavy_libraries_are_imported_where_they_are_used() -> None:
    heavy = {"torch", "umap", "kmapper", "gtda", "persim", "ripser", "sklearn", "kaleido"}
    for path in [*modules("analysis"), *modules("dashboard")]:
        if path.name in {"_torch_reader.py", "_replicas.py", "architectures.py"}:
            continue  # themselves imported only where they are used
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = (
                    {node.module or ""}
                    if isinstance(node, ast.ImportFrom)
                    else {alias.name for alias in node.names}
                )
                assert not {name.split(".")[0] for name in names} & heavy, path


def test_importing_everything_loads_no_heavy_library() -> None:
    code = (
        "import sys\nfrom analysis import registry\nregistry.discover()\nimport dashboard.cli\n"
        "heavy = {'torch', 'umap', 'gtda', 'kmapper', 'dash', 'plotly', 'sklearn'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert out.stdout.strip() == "[]"


def test_every_view_is_found_and_has_its_place() -> None:
    folder = ROOT / "dashboard" / "views"
    files = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    files |= {path.parent.name for path in folder.glob("*/__init__.py")}  # a view of several files
    found = views.discover()
    assert {view.name for view in found} == files
    assert [view.order for view in found] == sorted({view.order for view in found})


def test_a_new_view_is_found_without_a_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "roses.py").write_text(
        "from dataclasses import replace\n"
        "from dashboard.views.stability import VIEW as OTHER\n"
        "panels = {'bush': OTHER.panels['settings']}\n"
        "VIEW = replace(OTHER, name='roses', title='Roses', order=-1, panels=panels)\n"
    )
    monkeypatch.setattr(views, "__path__", [*views.__path__, str(tmp_path)])
    try:
        found = views.discover()
    finally:
        sys.modules.pop("dashboard.views.roses", None)
    assert next(view.name for view in found) == "roses"
    assert len(found) == len(VIEWS) + 1
    context = open_context(tmp_path, found)
    there = ids_of(shell.layout(context))
    assert {"view-roses", "roses-bush", "roses-bush-caption"} <= there
    assert "roses" in frames.fields(context)
    create_app(context)


@pytest.mark.parametrize("what", ["panels", "words", "parameters"])
def test_a_view_that_takes_the_name_of_anothers_part_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    (tmp_path / "thief.py").write_text(
        "from dataclasses import replace\n"
        "from dashboard.views.filters import VIEW as OTHER\n"
        "own = {'panels': {}, 'words': {}, 'parameters': ()}\n"
        f"kept = {{name: part for name, part in own.items() if name != {what!r}}}\n"
        "VIEW = replace(OTHER, name='thief', title='Thief', order=9, **kept)\n"
    )
    monkeypatch.setattr(views, "__path__", [*views.__path__, str(tmp_path)])
    try:
        with pytest.raises(ValueError, match=f"{what} of two views: "):
            views.discover()
    finally:
        sys.modules.pop("dashboard.views.thief", None)


def test_a_new_analysis_is_found_without_a_list(tmp_path: Path) -> None:
    """In a process of its own: what is registered stays so."""
    (tmp_path / "sizes.py").write_text(
        "from dataclasses import dataclass\n"
        "from analysis.parameters import Params, parameter\n"
        "from analysis.registry import register, table\n"
        "@dataclass(frozen=True)\n"
        "class SizeParams(Params):\n"
        "    order_of_norm: int = parameter(2, 'order of the norm', minimum=1)\n"
        "@dataclass(frozen=True)\n"
        "class Size:\n"
        "    n: int\n"
        "@register('size', title='Size', version=1)\n"
        "def size(weights, params: SizeParams, *, progress=None) -> Size:\n"
        "    return Size(sum(len(each) for each in weights))\n"
        "@table('size', analysis='size', text='how many')\n"
        "def row(unit, results):\n"
        "    return {'n': results['size'].n}\n"
    )
    code = (
        f"import sys, analysis\nanalysis.__path__.append({str(tmp_path)!r})\n"
        "sys.argv = ['nervescope', 'table', 'sample_models/mnist_cnn', 'size', '--steps', '0',\n"
        "            '--layers', 'conv1', '--order-of-norm', '3', '--format', 'json',\n"
        f"            '--jobs', '1', '--store', {str(tmp_path / 'store')!r}]\n"
        "from analysis import registry, scheduler\n"
        "assert 'size' in registry.leaves()\n"
        "from concurrent.futures import ThreadPoolExecutor\n"
        "from analysis.pipeline import run_unit\nfrom analysis.units import plan\n"
        "from analysis.experiment import open_experiment\n"
        "from analysis.store import ResultStore\n"
        f"store = ResultStore(__import__('pathlib').Path({str(tmp_path / 'store')!r}))\n"
        "settings = {'size': {'order_of_norm': 3}}\n"
        "for unit in plan(open_experiment('sample_models/mnist_cnn'), 'size', settings=settings):\n"
        "    assert run_unit(unit, store).state == 'computed'\n"
        "from dashboard import cli\ncli.main()\n"
    )
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert out.stdout.strip() == '[{"n": 2048, "error": null}]', out.stderr


def test_every_analysis_and_table_is_in_the_docs() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "docs").glob("*.md"))
    for kind in registry.analyses().values():
        assert kind.title.lower() in text.lower(), f"docs/ say nothing of {kind.title}"
    for name in registry.tables():
        assert f"table PATH {name}" in text, f"docs/ do not say `table PATH {name}`"


def test_public_functions_take_few_positional_arguments_and_say_what_they_do() -> None:
    for path in modules("analysis"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                if any(ast.unparse(each) == "overload" for each in node.decorator_list):
                    continue
                assert ast.get_docstring(node), f"{path.name}: {node.name} has no docstring"
                assert len(node.args.args) <= 4, f"{path.name}: {node.name}"


def test_every_link_of_the_pages_leads_somewhere() -> None:
    pages = [
        *ROOT.glob("*.md"),
        *(ROOT / "docs").glob("*.md"),
        ROOT / "sample_models" / "README.md",
    ]
    for page in pages:
        for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / link).exists(), f"{page.name} links to {link}"


def open_context(root: Path, found: Sequence[View] = VIEWS) -> Context:
    store = ResultStore(root / "store")
    jobs = Jobs(store, 1)
    experiment = open_experiment(ROOT / "sample_models" / "face_resnet")
    return Context([experiment], Results(store, jobs), jobs, views=found)


def ids_of(layout: Component) -> set[str]:
    return {str(each.id) for each in layout._traverse() if getattr(each, "id", None)}


def test_callbacks_name_only_components_that_are_there(tmp_path: Path) -> None:
    context = open_context(tmp_path)
    app = create_app(context)
    there = ids_of(shell.layout(context))
    for callback in app._callback_list:
        for part in [*callback["inputs"], *callback["state"]]:
            if not part["id"].startswith("{"):
                assert part["id"] in there, f"no component has the id {part['id']}"
        outputs = [] if callback["no_output"] else callback["output"].strip(".").split("...")
        for output in outputs:
            name = output.rsplit(".", 1)[0]
            if not name.startswith("{"):
                assert name in there, f"no component has the id {name}"


def test_every_component_has_an_id_of_its_own(tmp_path: Path) -> None:
    layout = shell.layout(open_context(tmp_path))
    every = [str(each.id) for each in layout._traverse() if getattr(each, "id", None)]
    assert len(every) > 100
    assert sorted(every) == sorted(set(every))


def test_what_the_browser_sets_is_there(tmp_path: Path) -> None:
    """The scripts name components by text: `set("id", …)` and `update("id", …)`."""
    there = ids_of(shell.layout(open_context(tmp_path)))
    for script in (ROOT / "assets").glob("*.js"):
        text = script.read_text(encoding="utf-8")
        named = re.findall(r'(?<![.\w])(?:set|update|press)\("([a-z-]+)"', text)
        named += re.findall(r'getElementById\("([a-z-]+)"\)', text)
        assert set(named) <= there, f"{script.name}: {sorted(set(named) - there)}"


def test_every_word_has_a_control_and_every_parameter_an_input(tmp_path: Path) -> None:
    context = open_context(tmp_path)
    there = ids_of(shell.layout(context))
    known = {each.name for each in dataclasses.fields(Cursor)}
    for view in VIEWS:
        for field, among in view.words.items():
            assert ids.control(field) in there
            assert field in known
            assert len(set(among)) == len(among) > 1
        for name in view.parameters:
            assert ids.parameter(name) in there
            assert name in parameters.fields_of(name.partition(".")[0])
        assert set(view.fields) <= known - {"view"}
        assert len(view.about.shows) > 100
        assert len(view.about.read) > 100
        assert len(view.about.limits) > 100
    inputs = {name for name in there if name.startswith(("parameter-", "control-"))}
    said = {ids.parameter(name) for view in VIEWS for name in view.parameters}
    assert inputs == said | {ids.control(field) for view in VIEWS for field in view.words}


def test_every_parameter_of_filters_and_mapper_can_be_set_on_the_page() -> None:
    shown = {name for view in VIEWS for name in view.parameters}
    known = {name for kind in registry.analyses() for name in parameters.fields_of(kind)}
    every = {*parameters.fields_of("filters"), *parameters.fields_of("mapper")}
    assert every - shown <= {"filters.null"}  # always shown beside
    assert shown <= known


def test_no_two_views_share_a_panel_or_a_name() -> None:
    panels = [name for view in VIEWS for name in view.panels]
    assert sorted(panels) == sorted(set(panels))
    assert len({view.name for view in VIEWS}) == len({view.title for view in VIEWS}) == len(VIEWS)


def test_callbacks_of_views_are_thin() -> None:
    """Views define no callbacks at all, and those of the frame are short and touch no figure."""
    for path in modules("dashboard/views"):
        assert "callback" not in path.read_text(encoding="utf-8"), path
    for path in (ROOT / "dashboard" / "wiring.py", ROOT / "dashboard" / "panels.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and any(
                "callback" in ast.unparse(each) for each in node.decorator_list
            ):
                statements = [each for each in ast.walk(node) if isinstance(each, ast.stmt)]
                assert len(statements) <= 14, f"{path.name}: {node.name}"
                assert "go." not in ast.unparse(node), f"{path.name}: {node.name}"


def test_analyses_do_not_need_the_page() -> None:
    """`analysis/` works where dash and plotly are not installed."""
    code = (
        "import sys\n"
        "for name in ('dash', 'plotly', 'dashboard', 'flask'):\n"
        "    sys.modules[name] = None\n"
        "from analysis import registry\nprint(sorted(registry.analyses()))"
    )
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert out.stdout.strip() == str(sorted(registry.analyses()))
