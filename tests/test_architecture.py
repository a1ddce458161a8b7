"""The arrows point one way, and a new analysis or view needs no list to be edited."""

import ast
from pathlib import Path

import pytest

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
    import subprocess
    import sys

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
    from dashboard import views

    files = {path.stem for path in modules("dashboard/views")} - {"__init__"}
    found = views.discover()
    assert {view.name for view in found} == files
    assert len({view.order for view in found}) == len(found)


def test_every_analysis_and_table_is_in_the_docs() -> None:
    from analysis import registry

    text = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "docs").glob("*.md"))
    for kind in registry.analyses().values():
        assert kind.title.lower() in text.lower(), f"docs/ say nothing of {kind.title}"
    for name in registry.tables():
        assert f"table PATH {name}" in text, f"docs/ do not say `table PATH {name}`"


def test_public_functions_take_few_positional_arguments_and_say_what_they_do() -> None:
    for path in modules("analysis"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                assert ast.get_docstring(node), f"{path.name}: {node.name} has no docstring"
                assert len(node.args.args) <= 4, f"{path.name}: {node.name}"


def test_every_link_of_the_pages_leads_somewhere() -> None:
    import re

    pages = [
        *ROOT.glob("*.md"),
        *(ROOT / "docs").glob("*.md"),
        ROOT / "sample_models" / "README.md",
    ]
    for page in pages:
        for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / link).exists(), f"{page.name} links to {link}"


def test_callbacks_name_only_components_that_are_there(tmp_path: Path) -> None:
    from analysis.experiment import open_experiment
    from analysis.store import ResultStore
    from dashboard import shell, views
    from dashboard.app import create_app
    from dashboard.context import Context
    from dashboard.jobs import Jobs
    from dashboard.results import Results

    store = ResultStore(tmp_path)
    jobs = Jobs(store, 1)
    experiment = open_experiment(ROOT / "sample_models" / "face_resnet")
    context = Context([experiment], Results(store, jobs), jobs)
    app = create_app(context)
    layout = shell.layout(context, views.discover())
    there = {str(each.id) for each in layout._traverse() if getattr(each, "id", None)}
    there |= {str(layout.id)} if getattr(layout, "id", None) else set()
    for callback in app._callback_list:
        for part in [*callback["inputs"], *callback["state"]]:
            if not part["id"].startswith("{"):
                assert part["id"] in there, f"no component has the id {part['id']}"
        for output in callback["output"].strip(".").split("..."):
            name = output.rsplit(".", 1)[0]
            if not name.startswith("{"):
                assert name in there, f"no component has the id {name}"
