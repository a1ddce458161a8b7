"""What the names of files and folders say: formats, steps, and in which order they stand."""

import os
import re
from collections.abc import Iterable
from pathlib import Path

from analysis.text import shown

# Of two files with the same stem in one folder the format named first is read.
SUFFIXES = (".safetensors", ".npz", ".pt", ".pth", ".ckpt", ".bin")

SHARD = re.compile(r"-([0-9]{5})-of-([0-9]{5})$")
_STATE_WORDS = (
    "optim|optimizer|optim_states|scheduler|lr_scheduler|scaler|rng_state|random_states|"
    "training_args|trainer_state"
)
_TRAINER_STATE = re.compile(rf"^({_STATE_WORDS})($|[^a-z])|(^|[^a-z])({_STATE_WORDS})$", re.I)
# No letter before the word (not "timestep"), at most one sign after it, at most 15 digits.
_STEP_WORDS = tuple(
    re.compile(rf"(?<![a-z])(?:{word})[-_=. ]?([0-9]{{1,15}})(?![0-9])", re.IGNORECASE)
    for word in ("(?:global)?steps?", "iter(?:ation)?s?", "checkpoint|ckpt", "epochs?")
)


def natural_key(text: str) -> list[tuple[int, int, str]]:
    """Sort key that counts: conv2 before conv10."""
    parts = re.split(r"([0-9]+)", text)
    return [
        (0, int(part), part) if i % 2 and len(part) < 4000 else (1, 0, part.casefold())
        for i, part in enumerate(parts)
    ]


def printable(path: Path | str) -> str:
    """Path as text that can be shown and sent: bytes that are no UTF-8 are replaced."""
    return shown(os.fsencode(path).decode("utf-8", "replace"))


def stem_of(name: str) -> str:
    """File name without checkpoint suffix and shard number."""
    suffix = next((s for s in SUFFIXES if name.lower().endswith(s)), "")
    return SHARD.sub("", name[: len(name) - len(suffix)])


def worded_step(name: str) -> int | None:
    """Integer after step, iter, checkpoint or, failing those, epoch; None without one."""
    stem = stem_of(name)
    found = (pattern.findall(stem) for pattern in _STEP_WORDS)
    return next((int(numbers[-1]) for numbers in found if numbers), None)


def step_number(name: str) -> int | None:
    """Step in the name of a checkpoint file; None without one."""
    step = worded_step(name)
    if step is None and re.fullmatch(r"[0-9]{1,15}", stem_of(name)):
        return int(stem_of(name))
    return step


def is_checkpoint(name: str) -> bool:
    """Whether a file of this name is read: suffix known, not the trainer's own state."""
    suffix, stem = Path(name).suffix.lower(), stem_of(name)
    if name.startswith(".") or suffix not in SUFFIXES:
        return False
    pickled_model = suffix != ".bin" or stem.startswith("pytorch_model")
    return pickled_model and _TRAINER_STATE.search(stem) is None


def unique(names: Iterable[str]) -> list[str]:
    """Names in their order, "-2" and so on added to those that came before."""
    taken: dict[str, None] = {}
    for name in names:
        free, n = name, 1
        while free in taken:
            n += 1
            free = f"{name}-{n}"
        taken[free] = None
    return list(taken)
