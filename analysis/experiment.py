"""An experiment on disk: which runs, snapshots and layers are there. Names first, data on demand.

Any folder of checkpoints is an experiment: files named by step are one run, folders of such files
are runs, ``checkpoint-500/model.safetensors`` is step 500, and folders called ``checkpoints``,
``ckpts``, ``weights``, ``snapshots`` or ``lightning_logs`` are looked through. Files without a step
are step 0; several of them in one folder are a run each; beside numbered ones they are left out and
reported. Shards, and files of one step that hold different layers, are one snapshot. A folder
``activations`` in a run's holds activations that another program stored, one .npz per step, with or
without checkpoints beside it. Only `read_layer` reads tensors.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from analysis._experiment import Experiment
from analysis._file_names import SUFFIXES, natural_key, printable, stem_of, unique
from analysis._layers import Layer, LayerSources, TensorRef, names_in
from analysis._layout import STORED, Problem, RunFiles, Walk, is_left_out, leaves
from analysis._runs import Run, Snapshot, Step, joined_axis, run_name, run_of
from analysis._tables import SideFiles
from analysis.checkpoints import read_tensor, step_of
from analysis.errors import ExperimentError

__all__ = [
    "Experiment",
    "Layer",
    "LayerSources",
    "Problem",
    "Run",
    "Snapshot",
    "Step",
    "TensorRef",
    "find_experiments",
    "open_experiment",
    "read_layer",
]

_TEXTS = ("title", "description", "licence", "source")
_LOOKED_FOR = (
    f"files ending in {', '.join(SUFFIXES[:-1])}, or pytorch_model.bin; or {STORED}/step-….npz"
)


def open_experiment(path: Path | str) -> Experiment:
    """Open a folder of checkpoints, or a single file, by names alone.

    Broken files do not stop it: they show up in `Experiment.problems` once their headers are read.

    Parameters
    ----------
    path : path
        A checkpoint file or any folder described at the top of this module.

    Raises
    ------
    ExperimentError
        If nothing there has the name of a checkpoint.
    """
    root = _resolved(path)
    if root.is_file():
        return _opened_file(root)
    walk, side = Walk(root), SideFiles(root)
    settings = side.toml(root / "experiment.toml")
    found = walk.runs()
    names = unique(run_name(parts, root) for parts, _ in found)
    runs = [run_of(name, files, side) for name, (_, files) in zip(names, found, strict=True)]
    problems = [*walk.problems, *side.problems]
    if not runs:
        why = f"; {problems[0]}" if problems else ""
        msg = f"{printable(root)}: no checkpoints in this folder; looked for {_LOOKED_FOR}{why}"
        raise ExperimentError(msg)
    return _experiment(root, runs, settings, problems)


def find_experiments(
    paths: Iterable[Path | str], *, on_problem: Callable[[Problem], None] | None = None
) -> list[Experiment]:
    """Open every experiment at the given paths.

    A path is one experiment if it is a file, has an experiment.toml, or holds checkpoints directly
    or one folder down (then these are its runs). But if a subfolder has an experiment.toml, or
    checkpoints are only further down, each subfolder is one.

    Parameters
    ----------
    paths : iterable of path
    on_problem : callable, optional
        Called with each subfolder that is meant as an experiment but cannot be opened.

    Returns
    -------
    list of Experiment
        In the order of the paths, each once, with unique names ("mnist", "mnist-2").

    Raises
    ------
    ExperimentError
        If a path has no experiment in it.
    """
    opened: dict[Path, Experiment] = {}
    for root in map(_resolved, paths):
        found = _experiments_at(root, on_problem or (lambda _: None))
        if not found:
            msg = f"{printable(root)}: no experiment in this folder; looked for {_LOOKED_FOR}"
            raise ExperimentError(msg)
        for experiment in found:
            opened.setdefault(experiment.path, experiment)
    names = unique(experiment.name for experiment in opened.values())
    return [replace(opened[path], name=name) for path, name in zip(opened, names, strict=True)]


def read_layer(refs: Sequence[TensorRef]) -> list[NDArray[Any]]:
    """Read the tensors that `Experiment.sources` found, one array per run.

    Raises
    ------
    CheckpointError
        If one of the files cannot be read.
    """
    return [read_tensor(ref.path, ref.tensor) for ref in refs]


def _resolved(path: Path | str) -> Path:
    try:
        return Path(path).resolve(strict=True)
    except (OSError, RuntimeError, ValueError) as error:  # a loop of links, a null byte
        msg = f"{printable(path)}: no such file or folder; check the path"
        raise ExperimentError(msg) from error


def _opened_file(path: Path) -> Experiment:
    if path.suffix.lower() not in SUFFIXES:
        msg = f"{printable(path)}: not a checkpoint; open {_LOOKED_FOR}, or a folder of them"
        raise ExperimentError(msg)
    is_stored = path.parent.name == STORED and path.suffix.lower() == ".npz"
    step = step_of(path.name)
    files = RunFiles(path, stored={step: path}) if is_stored else RunFiles(path, {step: [path]})
    run = run_of(printable(stem_of(path.name)), files, SideFiles(path.parent))
    return _experiment(path, [run], {}, [])


def _experiment(
    root: Path, runs: Sequence[Run], settings: Mapping[str, Any], problems: Iterable[Problem]
) -> Experiment:
    wrong = [key for key in _TEXTS if not isinstance(settings.get(key, ""), str)]
    wrong += ["layers"] if settings.get("layers", []) != names_in(settings.get("layers")) else []
    at = printable(root / "experiment.toml")
    reported = [Problem(at, f"{key} = {settings[key]!r} is ignored: not text") for key in wrong]
    name = printable(stem_of(root.name) if root.is_file() else root.name) or "experiment"
    texts = {key: "" if key in wrong else settings.get(key, "") for key in _TEXTS}
    return Experiment(
        name=name,
        path=root,
        title=texts["title"] or name,
        description=texts["description"],
        licence=texts["licence"],
        source=texts["source"],
        runs=tuple(runs),
        axis=joined_axis(runs),
        settings=settings,
        _problems=dict.fromkeys([*problems, *reported]),
    )


def _experiments_at(root: Path, on_problem: Callable[[Problem], None]) -> list[Experiment]:
    """Decide by the rule of `find_experiments` what a path is, and open it."""
    if root.is_file() or (root / "experiment.toml").is_file():
        return [open_experiment(root)]
    folders = _subfolders(root, on_problem)
    if not any((folder / "experiment.toml").is_file() for folder in folders):
        depths = [len(parts) for parts, _ in Walk(root).runs()]
        if not depths or min(depths) <= 1:
            return [open_experiment(root)]
    found = []
    for folder in folders:
        try:
            found.append(open_experiment(folder))
        except ExperimentError as error:
            if (folder / "experiment.toml").is_file():
                on_problem(Problem(printable(folder), str(error).partition(": ")[2]))
    return found


def _subfolders(root: Path, on_problem: Callable[[Problem], None]) -> list[Path]:
    folders = []
    try:
        inside = sorted(root.iterdir(), key=lambda path: natural_key(path.name))
    except OSError as error:
        msg = f"{printable(root)}: cannot be listed ({error.strerror}); check its permissions"
        raise ExperimentError(msg) from error
    for path in inside:
        if is_left_out(path.name):
            continue
        if leaves(root, path):
            reason = "a link out of the opened folder is not followed; open its target"
            on_problem(Problem(printable(path), reason))
        elif path.is_dir() and not path.is_symlink():
            folders.append(path)
    return folders
