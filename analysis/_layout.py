"""Where an experiment's checkpoints are: folders walked by name only, no file is opened."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import compress
from pathlib import Path

from analysis._file_names import (
    SHARD,
    SUFFIXES,
    is_checkpoint,
    natural_key,
    printable,
    stem_of,
    step_number,
    worded_step,
)

MAX_DEPTH = 6

STORED = "activations"
"""Folder of a run with activations that another program stored, an .npz per step."""

LABELS = "labels"
"""Array of such a file that is no layer but the classes of the inputs."""

_IGNORED_FOLDERS = {STORED, "data", "results", "__pycache__"}
_CONTAINERS = {"checkpoints", "ckpts", "weights", "snapshots", "lightning_logs"}


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in an experiment that could not be used, and why."""

    path: str
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


@dataclass(slots=True)
class RunFiles:
    """The checkpoint files of one run: by step, and those without a step in their name.

    And its stored activations by step.
    """

    path: Path
    numbered: dict[int, list[Path]] = field(default_factory=dict)
    loose: list[Path] = field(default_factory=list)
    stored: dict[int, Path] = field(default_factory=dict)

    @property
    def steps(self) -> list[int]:
        """Every step that something is kept of, in order."""
        return sorted({*self.numbered, *self.stored})

    @property
    def has_checkpoints(self) -> bool:
        """Whether there is more than stored activations."""
        return bool(self.numbered or self.loose)


def leaves(root: Path, path: Path) -> bool:
    """Whether a symbolic link points outside the opened folder (or in a circle)."""
    try:
        return path.is_symlink() and not path.resolve().is_relative_to(root)
    except (OSError, RuntimeError):  # RuntimeError: a loop of links
        return True


def is_left_out(name: str) -> bool:
    """Whether a folder of this name never holds checkpoints of an experiment."""
    return name.startswith(".") or name.lower() in _IGNORED_FOLDERS


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # for example no right to look behind the link
        return False


def _one_format(files: Iterable[Path]) -> tuple[list[Path], list[Path]]:
    """Split files into those to read and those that repeat one of them in another format."""
    files = list(files)
    keys = [stem_of(path.name).removeprefix("pytorch_") for path in files]
    ranks = [SUFFIXES.index(path.suffix.lower()) for path in files]
    best: dict[str, int] = {}
    for key, rank in zip(keys, ranks, strict=True):
        best[key] = min(rank, best.get(key, rank))
    chosen = [rank == best[key] for key, rank in zip(keys, ranks, strict=True)]
    doubles = compress(files, (not choice for choice in chosen))
    return list(compress(files, chosen)), list(doubles)


class Walk:
    """One walk through a folder; afterwards `runs()` and `problems` say what is there."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.problems: list[Problem] = []  # may repeat
        self._found: dict[tuple[str, ...], RunFiles] = {}
        self._too_deep = 0
        if root.name == STORED:
            self._add_stored(root, (), root)
        else:
            self._visit(root, (), root)
        if self._too_deep:
            reason = f"{self._too_deep} folders deeper than {MAX_DEPTH} levels were not looked into"
            self._report(root, f"{reason}; open the folder further down")

    def runs(self) -> list[tuple[tuple[str, ...], RunFiles]]:
        """Return runs with the parts of their name, () for the opened folder itself."""
        above = {parts[:i] for parts in self._found for i in range(len(parts))}
        found = [
            part
            for parts, run in self._found.items()
            if run.has_checkpoints or parts not in above  # activations of no run
            for part in self._settled(parts, run)
        ]
        for _, run in found:
            for files in run.numbered.values():
                self._check_shards(files)
        return sorted(found, key=lambda item: natural_key("/".join(item[0])))

    def _report(self, path: Path, reason: str) -> None:
        self.problems.append(Problem(printable(path), reason))

    def _settled(
        self, parts: tuple[str, ...], run: RunFiles
    ) -> Iterator[tuple[tuple[str, ...], RunFiles]]:
        """Give files without a step number their place: step 0, or each a run of its own."""
        groups: dict[str, list[Path]] = {}
        for path in run.loose:
            groups.setdefault(stem_of(path.name), []).append(path)
        if run.numbered:
            self._leave_out(run.loose)
            yield parts, run
        elif len(groups) < 2:
            yield parts, RunFiles(run.path, {0: run.loose} if groups else {}, stored=run.stored)
        else:
            if run.stored:
                self._report(run.path / STORED, "of which of the runs beside it is not known")
            for stem, files in groups.items():
                yield (*parts, stem), RunFiles(files[0], {0: files})

    def _check_shards(self, files: list[Path]) -> None:
        """Report the parts that are not there of a checkpoint saved in several."""
        present: dict[tuple[str, int], int] = {}
        for path in files:
            shard = SHARD.search(path.stem)
            if shard is not None:
                key = stem_of(path.name), int(shard[2])
                present[key] = present.get(key, 0) + 1
        for (stem, total), count in present.items():
            if count < total:
                reason = f"only {count} of the {total} parts of {stem} are here; copy the others"
                self._report(files[0].parent, reason)

    def _leave_out(self, loose: list[Path]) -> None:
        if loose:
            more = f" (and {len(loose) - 1} more)" if len(loose) > 1 else ""
            reason = "no step in its name, beside numbered ones: left out; name it step-N"
            self._report(loose[0], reason + more)

    def _visit(self, folder: Path, parts: tuple[str, ...], run_path: Path) -> None:
        files, folders = self._scan(folder)
        for path in files:
            self._add(parts, run_path, path, step_number(path.name))
        self._add_stored(folder / STORED, parts, run_path)
        for sub in folders:
            step = worded_step(sub.name)
            inside = None if step is None else self._step_files(sub, step)
            for path in inside or ():
                self._add(parts, run_path, path, step)
            if inside is None and sub.name.lower() in _CONTAINERS:
                self._visit(sub, parts, run_path)
            elif inside is None:
                self._visit(sub, (*parts, sub.name), sub)

    def _add(self, parts: tuple[str, ...], run_path: Path, path: Path, step: int | None) -> None:
        run = self._found.setdefault(parts, RunFiles(run_path))
        (run.loose if step is None else run.numbered.setdefault(step, [])).append(path)

    def _add_stored(self, folder: Path, parts: tuple[str, ...], run_path: Path) -> None:
        """Take stored activations as snapshots of a run: one file per step."""
        if not _is_folder(folder):
            return
        if folder.is_symlink():
            self._link_kind(folder, named=False)  # which reports it, where it leads out
            return
        entries = self._entries(folder)
        files = [p for p, kind in entries if kind == "file" and p.suffix.lower() == ".npz"]
        for path in files:
            step = step_number(path.name)
            if step is None and len(files) > 1:
                self._report(path, "no step in its name, beside others: left out; name it step-N")
                continue
            run = self._found.setdefault(parts, RunFiles(run_path))
            first = run.stored.setdefault(step or 0, path)
            if first != path:
                self._report(path, f"left out: {first.name} is of step {step} too")

    def _step_files(self, folder: Path, step: int) -> list[Path] | None:
        """Files of a folder that is one step (checkpoint-500/); None if it holds other steps."""
        files, folders = self._scan(folder)
        if any(step_number(path.name) not in (None, step) for path in files):
            return None
        for sub in () if files else folders:
            other = worded_step(sub.name) not in (None, step)
            inner = None if other else self._step_files(sub, step)
            if inner is None:
                return None
            files += inner
        return files

    def _scan(self, folder: Path) -> tuple[list[Path], list[Path]]:
        """Checkpoint files and subfolders of one folder, in natural order."""
        entries = self._entries(folder)
        files = self._choose([path for path, kind in entries if kind == "file"])
        return files, [path for path, kind in entries if kind == "folder"]

    def _entries(self, folder: Path) -> list[tuple[Path, str]]:
        """All that is in one folder, in natural order, each with what `_kind` says."""
        if len(folder.parts) - len(self.root.parts) > MAX_DEPTH:
            self._too_deep += 1
            return []
        try:
            with os.scandir(folder) as entries:
                kept = sorted(entries, key=lambda entry: natural_key(entry.name))
                return [(folder / entry.name, self._kind(entry)) for entry in kept]
        except OSError as error:
            self._report(folder, f"cannot be listed ({error.strerror}); check its permissions")
            return []

    def _choose(self, files: list[Path]) -> list[Path]:
        kept, doubles = _one_format(files)
        if doubles:
            reason = "the same name is there in another format, which is read instead"
            self._report(doubles[0], f"{reason} ({len(doubles)} such files in this folder)")
        return kept

    def _kind(self, entry: os.DirEntry[str]) -> str:
        """Return "file" (a checkpoint to read), "folder" (to look into) or "" (neither)."""
        named = is_checkpoint(entry.name)
        if is_left_out(entry.name):
            return ""
        if entry.is_symlink():
            return self._link_kind(Path(entry.path), named=named)
        if not entry.is_dir():
            return "file" if named and entry.is_file() else ""
        if named:
            self._report(Path(entry.path), "a folder with a checkpoint's name; rename it")
        return "" if named else "folder"

    def _link_kind(self, path: Path, *, named: bool) -> str:
        """Links to files inside the opened folder count; a linked folder is read at its place."""
        if leaves(self.root, path):
            if named or _is_folder(path):
                reason = "a link out of the opened folder is not followed; open its target"
                self._report(path, reason)
            return ""
        if named and not path.exists():
            self._report(path, "a link to nothing; remove it or mend it")
        return "file" if named and path.is_file() else ""
