"""Quantities that filters and nodes are coloured by; each has one colour map and one meaning."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis import circle_models
from analysis.errors import AnalysisError
from analysis.filter_shape import FilterShape
from analysis.ragged import Ragged
from dashboard import theme
from dashboard.figures.mapper import Colour

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Quantity:
    """One of them.

    Attributes
    ----------
    title : str
        What it is, for people.
    legend : str
        What the number of a node counts, with its unit.
    scale : list of str
        Its colour map.
    cyclic : bool
        Whether it is an angle in degrees, 0 to 360.
    span : tuple of float, or None
        The ends of its scale where they are always the same.
    missing : str
        What NaN means.
    """

    title: str
    legend: str
    scale: list[str]
    cyclic: bool = False
    span: tuple[float, float] | None = None
    missing: str = "none"


ANGLE, DENSITY, DISTANCE = list(theme.ANGLE), list(theme.DENSITY), list(theme.DISTANCE)
TURN = (0.0, 360.0)

CANCELLED = 1e-3
"""Length up to which a mean of filters of norm 1 has no direction to speak of."""

QUANTITIES = {
    "angle": Quantity(
        "gradient angle", "gradient of a node, angle", ANGLE,
        cyclic=True, span=TURN, missing="no clear gradient",
    ),
    "circular": Quantity(
        "circular coordinate", "circular coordinate, mean", ANGLE,
        cyclic=True, span=TURN, missing="no loop to measure along",
    ),
    "density": Quantity("codensity", "codensity, mean of a node", DENSITY),
    "residual": Quantity(
        "residual", "distance to primary circle, mean", DISTANCE, span=(0.0, float(np.sqrt(2))),
    ),
    "size": Quantity("size", "filters in a node", DENSITY),
    "run": Quantity("run", "different runs in a node", DENSITY),
}  # fmt: skip


def gradient_degrees(filters: NDArray[Any], kernel: tuple[int, int]) -> Floats:
    """Angle of each filter's gradient in degrees, shape (n,).

    NaN where the gradient's part of a filter is below chance (an angle would say nothing), and
    everywhere for a kernel too small to have gradients.
    """
    try:
        fit = circle_models.fit_primary(filters, kernel)
        chance = circle_models.chance_shares(kernel).linear
    except AnalysisError:
        return np.full(len(filters), np.nan)
    return np.where(fit.squared_part >= chance, np.degrees(fit.angle), np.nan)


def residuals(filters: NDArray[Any], kernel: tuple[int, int]) -> Floats:
    """Distance of each filter to the nearest point of the primary circle; NaN without one."""
    try:
        return circle_models.fit_primary(filters, kernel).residual
    except AnalysisError:
        return np.full(len(filters), np.nan)


def of_filters(
    name: str, shape: FilterShape, *, circular: Floats | None, runs: NDArray[np.int64]
) -> Floats:
    """Values of a quantity for every kept filter, shape (n_kept,); NaN where it has none.

    Parameters
    ----------
    name : str
        Of `QUANTITIES`.
    shape : FilterShape
    circular : ndarray, shape (n_kept,), or None
        Circular coordinates in radians, where they are there.
    runs : ndarray of int64, shape (n_kept,)
        Which run each filter comes from.
    """
    ways: dict[str, Callable[[], Floats]] = {
        "angle": lambda: gradient_degrees(shape.points, shape.kernel),
        "circular": lambda: (
            np.full(shape.n_kept, np.nan) if circular is None else np.degrees(circular)
        ),
        "density": lambda: shape.density.astype(np.float64),
        "residual": lambda: residuals(shape.points, shape.kernel),
        "run": lambda: runs.astype(np.float64),
        "size": lambda: np.full(shape.n_kept, np.nan),
    }
    return ways[name]()


def of_nodes(name: str, values: Floats, members: Ragged, means: NDArray[Any]) -> Floats:
    """Values of a quantity for every node, shape (n_nodes,), of those of its members.

    Parameters
    ----------
    name : str
        Of `QUANTITIES`.
    values : ndarray, shape (n,)
        Of the filters, as `of_filters` gives them.
    members : Ragged
        Rows of the filters in each node.
    means : ndarray, shape (n_nodes, h, w)
        Mean filter of each node.
    """
    if name == "size":
        return members.lengths.astype(np.float64)
    if name == "run":
        return np.array([len(np.unique(values[rows])) for rows in members], dtype=np.float64)
    if name == "angle":
        kernel = (means.shape[1], means.shape[2])
        flat = means.reshape(len(means), kernel[0] * kernel[1])
        lengths = np.linalg.norm(flat, axis=1, keepdims=True)
        found = np.full(len(means), np.nan)
        left = lengths[:, 0] > CANCELLED
        found[left] = gradient_degrees(flat[left] / lengths[left], kernel)
        return found
    if QUANTITIES[name].cyclic:
        return np.array([_circular_mean(values[rows]) for rows in members], dtype=np.float64)
    return np.array([values[rows].mean() for rows in members], dtype=np.float64)


def _circular_mean(degrees: Floats) -> float:
    known = np.radians(degrees[np.isfinite(degrees)])
    mean = np.exp(1j * known).mean() if len(known) else 0.0
    # angles that cancel have no mean
    return float(np.degrees(np.angle(mean)) % 360) if abs(mean) > 0.1 else float("nan")


def colour(
    name: str, values: Floats, span: tuple[float, float] | None, *, note: str = ""
) -> Colour:
    """Put values of a quantity on its colour map.

    Parameters
    ----------
    name : str
        Of `QUANTITIES`.
    values : ndarray, shape (n,)
    span : tuple of float, or None
        The ends of the scale; those of the values where nothing is said.
    note : str
        What the span is of, for the legend.
    """
    kind = QUANTITIES[name]
    known = values[np.isfinite(values)]
    low, high = (
        kind.span
        or span
        or ((float(known.min()), float(known.max())) if len(known) else (0.0, 1.0))
    )
    if not high > low:
        low, high = low - 0.5, low + 0.5
    return Colour(
        values,
        f"{kind.legend}{f' ({note})' if note else ''}",
        scale=tuple(kind.scale),
        span=(low, high),
        cyclic=kind.cyclic,
        missing=kind.missing,
    )
