"""A network that the user names as ``package.module:factory``: code that is run as they say so.

Whatever it does wrong becomes one line of words.
"""

import contextlib
import functools
import importlib
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from analysis.checkpoints import content_digest
from analysis.errors import ExperimentError


def code_of(model: str) -> Path:
    """Find the file of ``package.module:factory``; the packages above it are imported.

    Raises
    ------
    ExperimentError
        If the text is of another form, or there is no such module.
    """
    module, _, factory = model.partition(":")
    if not all(part.isidentifier() for part in (*module.split("."), factory)):
        msg = f"--model {model!r}: give it as package.module:factory"
        raise ExperimentError(msg)
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))  # as `python -m` has it: the user named the code
    with _told(model):
        spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None or not spec.has_location:
        msg = f"--model {model}: there is no file of a module {module}; run it from its folder"
        raise ExperimentError(msg)
    return Path(spec.origin)


def leaf_modules(model: str) -> tuple[str, ...]:
    """Name the modules of a user's network that have none inside, in the order of its state.

    Raises
    ------
    ExperimentError
        As `make`.
    """
    return _leaf_modules(model, content_digest(code_of(model)))


@functools.lru_cache(maxsize=8)
def _leaf_modules(model: str, _code: str) -> tuple[str, ...]:
    modules = make(model).named_modules()
    return tuple(name for name, module in modules if name and not list(module.children()))


def make(model: str) -> Any:
    """Call the user's factory.

    Raises
    ------
    ExperimentError
        If it cannot be imported, raises, wants to end the program, or gives no PyTorch module.
    """
    import torch

    code_of(model)
    module, _, factory = model.partition(":")
    with _told(model):
        made = getattr(importlib.import_module(module), factory)()
    if not isinstance(made, torch.nn.Module):
        msg = f"--model {model}: gave {type(made).__name__}, not a torch.nn.Module"
        raise ExperimentError(msg)
    return made


@contextlib.contextmanager
def _told(model: str) -> Iterator[None]:
    """Turn whatever the user's code raises into words, and keep what it prints out of tables."""
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    except (Exception, SystemExit) as error:
        lines = str(error).strip().splitlines() or [""]
        msg = f"--model {model}: {type(error).__name__}: {lines[0][:300]}".rstrip(": ")
        raise ExperimentError(msg) from error
