"""One snapshot as a network that can be run: data for a unit, and what of it is in its key."""

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis import resources
from analysis._user_model import code_of
from analysis.checkpoints import content_digest
from analysis.datasets import dataset_files
from analysis.errors import ExperimentError
from analysis.sources import Source

MOST_NAMED = 16
"""Data files that provenance names one by one."""


@dataclass(frozen=True, slots=True)
class NetworkSource(Source):
    """One snapshot and what is needed to run it; or activations that another program stored.

    Attributes
    ----------
    run : str
    files : tuple of str
        Of the snapshot, or the one file of stored activations.
    architecture, dataset : str
        Tables of experiment.toml as JSON; empty where there is none.
    base : str
        The experiment's folder, from which paths in `dataset` start.
    model : str
        ``package.module:factory`` that the user gave; empty for none.
    layers : tuple of str
        The layers that are wanted; empty for all.
    stored : bool
        Whether the file holds activations rather than weights.
    rectified : tuple of str, or None
        The layers that end in a ReLU, where experiment.toml says so; None where it does not, and it
        is found out.
    """

    run: str
    files: tuple[str, ...]
    architecture: str = ""
    dataset: str = ""
    base: str = ""
    model: str = ""
    layers: tuple[str, ...] = ()
    stored: bool = False
    rectified: tuple[str, ...] | None = None

    @property
    def runs(self) -> tuple[str, ...]:
        """The run."""
        return (self.run,)

    @property
    def settings(self) -> dict[str, Any]:
        """``[dataset]`` as a dict.

        Raises
        ------
        ExperimentError
            If there is none, or its path is a link out of the experiment.
        """
        found: dict[str, Any] = json.loads(self.dataset or "{}")
        if not found:
            raise ExperimentError(no_dataset(self.base))
        _check_not_linked(Path(self.base), found.get("path"))
        return found

    def inputs(self) -> Any:
        """Digests of snapshot, data and code, with the settings."""
        found: dict[str, Any] = {
            "files": [content_digest(Path(file)) for file in self.files],
            "layers": list(self.layers),
        }
        if self.rectified is not None:
            found["rectified"] = list(self.rectified)
        if self.stored:
            return found | {"stored": True}
        data = [content_digest(path) for path in self._data_files()]
        network = (
            {"model": self.model, "code": content_digest(code_of(self.model))}
            if self.model
            else {"architecture": json.loads(self.architecture)}
        )
        return found | network | {"dataset": self.settings, "data": data}

    def read(self) -> "NetworkSource":
        """Return itself: an analysis says which inputs it wants before anything is run."""
        return self

    def _data_files(self) -> Sequence[Path]:
        return dataset_files(self.settings, data_dir=data_dir(), base=Path(self.base))

    def provenance(self) -> list[dict[str, Any]]:
        """Say which files, network and data, with digests of what they hold."""
        code = code_of(self.model) if self.model else None
        dataset = json.loads(self.dataset or "null")
        said = {
            "architecture": json.loads(self.architecture or "null"),
            "dataset": dataset,
            "data": _all_named(self._data_files() if dataset else ()),
            "model": self.model or None,
            "code": _named(code) if code else None,
            "rectified": None if self.rectified is None else list(self.rectified),
        }
        return [
            {"run": self.run, "file": Path(file).name, "digest": content_digest(Path(file))} | said
            for file in self.files
        ]


def _named(path: Path) -> dict[str, str]:
    """Name a file without its folder, which is of this machine."""
    return {"file": path.name, "digest": content_digest(path)}


def _all_named(paths: Sequence[Path]) -> list[dict[str, str]]:
    """Name files; of a folder of many images how many, with one digest of all in their order."""
    if len(paths) <= MOST_NAMED:
        return [_named(path) for path in paths]
    text = "".join(content_digest(path) for path in paths)
    return [
        {"file": f"{len(paths)} files", "digest": hashlib.sha256(text.encode()).hexdigest()},
    ]


def data_dir() -> Path:
    """Folder of the inputs that ship."""
    return resources.folder("sample_models") / "data"


def no_dataset(base: Path | str) -> str:
    """Say that an experiment names no inputs."""
    toml = Path(base) / "experiment.toml"
    return f"{toml}: no [dataset], so there is nothing to show the network: give --dataset"


def _check_not_linked(base: Path, path: object) -> None:
    """Refuse what looks as if it lay in the experiment, and is a link to elsewhere."""
    if not isinstance(path, str) or not path:
        return
    said = Path(os.path.normpath(base / path))
    with_links = said.resolve()
    if said.is_relative_to(base) and not with_links.is_relative_to(base.resolve()):
        msg = (
            f"{said}: [dataset] path is a link out of the experiment, which is not followed; give "
            "what it leads to with --dataset"
        )
        raise ExperimentError(msg)
