"""Landscape norms by layer, step and run, while they are collected."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Norms:
    """Norms of all layers at the shown steps.

    Attributes
    ----------
    layers : sequence of str
    labels : list of str
        Steps or milestones, as the axis says them.
    mean : ndarray, shape (n_layers, n_steps)
        Over the runs that are there; NaN where there is none.
    runs : dict
        By (layer, step) the norms of the runs, by their names.
    notes : dict
        By (layer, step) what is said of its runs.
    failed : dict
        By (layer, step) how many runs failed.
    waiting : int
        Networks that are not there yet.
    """

    layers: tuple[str, ...]
    labels: list[str]
    mean: Floats
    runs: dict[tuple[int, int], dict[str, float]]
    notes: dict[tuple[int, int], set[str]]
    failed: dict[tuple[int, int], int]
    waiting: int


class Table:
    """Norms of layers at steps, added one by one.

    Parameters
    ----------
    layers : tuple of str
    labels : list of str
        Of the steps.
    """

    def __init__(self, layers: tuple[str, ...], labels: list[str]) -> None:
        self.layers = layers
        self._labels = labels
        self._runs: dict[tuple[int, int], dict[str, float]] = {}
        self._notes: dict[tuple[int, int], set[str]] = {}
        self._failed: dict[tuple[int, int], int] = {}

    def add(self, at: tuple[int, int], run: str, value: float, note: str) -> None:
        """Add the norm of a run at a layer and step; NaN counts as failed."""
        if np.isfinite(value):
            self._runs.setdefault(at, {})[run] = value
        else:
            self._failed[at] = self._failed.get(at, 0) + 1
        if note:
            self._notes.setdefault(at, set()).add(note)

    def norms(self, waiting: int) -> Norms:
        """Return all of them, with how many networks are not there yet."""
        mean = np.full((len(self.layers), len(self._labels)), np.nan)
        for at, values in self._runs.items():
            mean[at] = np.mean(list(values.values()))
        return Norms(
            self.layers, self._labels, mean, self._runs, self._notes, self._failed, waiting
        )
