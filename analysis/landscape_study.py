"""The analysis *landscape-study*: the landscapes of all networks of an experiment, compared.

It gathers the analysis *landscapes* over all runs and steps: means over runs with their spread,
inner products, and the activation landscape curves of all networks in one plane.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

from analysis import landscapes as mathematics
from analysis.activation_landscapes import NetworkLandscapes
from analysis.errors import AnalysisError
from analysis.lenses import lens_values
from analysis.parameters import Params, parameter
from analysis.registry import Progress, register, silent
from analysis.sources import Place, joined_places

Floats = NDArray[np.float64]
Gathered = Sequence[tuple[Place, NetworkLandscapes]]

LEVELS, SAMPLES = 5, 160
"""Levels and places of the mean landscapes that are kept for pictures."""

DEEP, FINE = 64, 512
"""Levels and places of the landscapes that are put into one plane."""

AXES = 50
"""Principal axes that UMAP is given."""

FEWEST = 8
"""Landscapes of which UMAP makes a picture; fewer are shown on their principal axes."""


@dataclass(frozen=True)
class StudyParams(Params):
    """Parameters of the analysis *landscape-study*."""

    projection: str = parameter(
        "pca", "how all landscapes are put into one plane", choices=("pca", "umap")
    )


@dataclass(frozen=True, slots=True, eq=False)
class LandscapeStudy:
    """The landscapes of many networks.

    Attributes
    ----------
    runs, steps, milestones, settings : tuple
        Of each network; settings are its run.toml as JSON.
    layers : tuple of str
        Those that every network has, in order of depth.
    norms : ndarray of float64, shape (n, n_layers)
        L² norm of each layer's landscape; NaN where it failed.
    neural_persistence : ndarray of float64, shape (n, n_layers)
    offset : ndarray of float64, shape (n, n_layers)
        How far each cloud lies from the origin, measured by its spread; see `NetworkLandscapes`.
    notes : tuple of str
        What is to be said of each network's layers, ``layer: note`` joined by newlines.
    gram : ndarray of float64, shape (n_layers, n, n)
        Inner products of the landscapes; 0 for a layer that failed in a network.
    places : tuple of str
        Steps and milestones that networks are joined by, in order.
    place : ndarray of int64, shape (n,)
        Which of them each network is at.
    grids : ndarray of float64, shape (n_layers, SAMPLES)
    means, spreads : ndarray of float32, shape (n_places, n_layers, LEVELS, SAMPLES)
        Mean landscapes over runs, and their standard deviation.
    counts : ndarray of int64, shape (n_places, n_layers)
        Runs that each mean is of.
    plane : ndarray of float64, shape (n, n_layers, 2)
        Networks' landscapes on the first two principal axes of all landscapes of all layers,
        sampled at `FINE` places of the first `DEEP` levels; NaN where a layer failed.
    explained : tuple of float
        Share of the variance on these axes.
    class_names : tuple of str
    n_points, n_total : int
        Inputs shown to each network, and how many there were to choose from.
    inputs_note : str
        Why these are fewer than were asked for.
    """

    runs: tuple[str, ...]
    steps: tuple[int, ...]
    milestones: tuple[str | None, ...]
    settings: tuple[str, ...]
    layers: tuple[str, ...]
    norms: Floats
    neural_persistence: Floats
    offset: Floats
    notes: tuple[str, ...]
    gram: Floats
    places: tuple[str, ...]
    place: NDArray[np.int64]
    grids: Floats
    means: NDArray[np.float32]
    spreads: NDArray[np.float32]
    counts: NDArray[np.int64]
    plane: Floats
    explained: tuple[float, ...]
    class_names: tuple[str, ...]
    n_points: int
    n_total: int
    inputs_note: str

    def mean_norms(self) -> Floats:
        """Mean over runs of every layer's norm, shape (n_places, n_layers); NaN where none is."""
        return self._over_runs(self.norms)

    def mean_persistence(self) -> Floats:
        """Mean over runs of neural persistence, shape (n_places, n_layers)."""
        return self._over_runs(self.neural_persistence)

    def _over_runs(self, values: Floats) -> Floats:
        found = np.full((len(self.places), len(self.layers)), np.nan)
        for i in range(len(self.places)):
            rows = values[self.place == i]
            known = np.isfinite(rows)
            sums = np.where(known, rows, 0.0).sum(axis=0)
            counts = known.sum(axis=0)
            np.divide(sums, counts, out=found[i], where=counts > 0)
        return found


@register(
    "landscape-study",
    title="Landscape study",
    version=1,
    needs="landscapes",
    gathers=True,
)
def landscape_study(
    networks: Gathered, params: StudyParams, *, progress: Progress = silent
) -> LandscapeStudy:
    """Compare the landscapes of all networks of an experiment.

    Parameters
    ----------
    networks : sequence of (Place, NetworkLandscapes)
    params : StudyParams
        See there.
    progress : callable
        Told of the stages.

    Returns
    -------
    LandscapeStudy

    Raises
    ------
    AnalysisError
        If the networks have no layer in common.

    References
    ----------
    M. Wheeler, J. Bouza, P. Bubenik, arXiv:2110.10136.
    """
    layers = _common_layers([found for _, found in networks])
    diagrams = {layer: [_bars(found, layer) for _, found in networks] for layer in layers}
    grams = []
    for i, layer in enumerate(layers):
        progress(0.2 + 0.5 * i / len(layers), f"inner products of {layer}")
        grams.append(mathematics.gram(diagrams[layer]))
    progress(0.7, "means")
    places, each_at = joined_places([place for place, _ in networks])
    place = np.array(each_at, dtype=np.int64)
    usable = np.array([[not f.failed[f.layers.index(j)] for j in layers] for _, f in networks])
    grids, means, spreads, counts = _means(diagrams, usable, (len(places), place))
    progress(0.9, "plane")
    plane, explained = _plane(diagrams, layers, params.projection)
    plane[~usable] = np.nan  # a layer that failed is no landscape of height 0
    first = networks[0][1]
    return LandscapeStudy(
        runs=tuple(each.run for each, _ in networks),
        steps=tuple(each.step for each, _ in networks),
        milestones=tuple(each.milestone for each, _ in networks),
        settings=tuple(each.settings for each, _ in networks),
        layers=layers,
        norms=_of_layers(networks, layers, "norms"),
        neural_persistence=_of_layers(networks, layers, "neural_persistence"),
        offset=_of_layers(networks, layers, "offset"),
        notes=tuple(_notes(found) for _, found in networks),
        gram=np.stack(grams),
        places=places,
        place=place,
        grids=grids,
        means=means,
        spreads=spreads,
        counts=counts,
        plane=plane,
        explained=explained,
        class_names=first.class_names,
        n_points=len(first.rows),
        n_total=first.n_total,
        inputs_note=first.inputs_note,
    )


def _common_layers(networks: Sequence[NetworkLandscapes]) -> tuple[str, ...]:
    common = set.intersection(*(set(each.layers) for each in networks))
    found = tuple(layer for layer in networks[0].layers if layer in common)
    if not found:
        msg = "the networks have no layer in common: compare those of one architecture"
        raise AnalysisError(msg)
    return found


def _bars(found: NetworkLandscapes, layer: str) -> Floats:
    """Finite bars of the highest dimension that was asked for."""
    bars = found.bars(layer, found.dimension)
    return np.asarray(bars[np.isfinite(bars).all(axis=1)])


def _of_layers(networks: Gathered, layers: Sequence[str], name: str) -> Floats:
    return np.array(
        [
            [getattr(found, name)[found.layers.index(each)] for each in layers]
            for _, found in networks
        ]
    )


def _notes(found: NetworkLandscapes) -> str:
    pairs = zip(found.layers, found.notes, strict=True)
    return "\n".join(f"{layer}: {note}" for layer, note in pairs if note)


def _means(
    diagrams: Mapping[str, list[Floats]],
    usable: NDArray[np.bool_],
    joined: tuple[int, NDArray[np.int64]],
) -> tuple[Floats, NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]:
    """Mean landscapes of every place and layer, on a grid of each layer."""
    n, place = joined
    shape = (n, len(diagrams), LEVELS, SAMPLES)
    grids = np.zeros((len(diagrams), SAMPLES))
    means, spreads = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    counts = np.zeros((n, len(diagrams)), np.int64)
    for j, bars in enumerate(diagrams.values()):
        grids[j] = mathematics.common_grid(bars, SAMPLES)
        values = mathematics.landscapes(bars, grids[j], LEVELS)
        for i in range(n):
            rows = values[(place == i) & usable[:, j]]
            counts[i, j] = len(rows)
            if len(rows):
                means[i, j] = rows.mean(axis=0)
                spreads[i, j] = rows.std(axis=0, ddof=1) if len(rows) > 1 else 0
    return grids, means, spreads, counts


def _plane(
    diagrams: Mapping[str, list[Floats]], layers: Sequence[str], projection: str
) -> tuple[Floats, tuple[float, ...]]:
    """Put all landscapes, networks × layers, into one plane."""
    every = [each for layer in layers for each in diagrams[layer]]
    gram = _sampled_gram(every)
    found, explained = _umap(gram) if projection == "umap" else principal_plane(gram)
    return np.ascontiguousarray(found.reshape(len(layers), -1, 2).transpose(1, 0, 2)), explained


def principal_plane(gram: Floats) -> tuple[Floats, tuple[float, ...]]:
    """Principal axes of vectors from their inner products.

    Parameters
    ----------
    gram : ndarray, shape (n, n)

    Returns
    -------
    plane : ndarray of float64, shape (n, 2)
    explained : tuple of float
        Share of the variance along each axis.
    """
    turned, values = _principal_axes(gram, most=2)
    plane = np.zeros((len(gram), 2))
    plane[:, : len(values)] = turned[:, :2]
    total = float(np.trace(_centred(gram))) or 1.0
    shares = [float(each) / total for each in values[:2]]
    return plane, (*shares, 0.0)[:2]


def _centred(gram: Floats) -> Floats:
    found: Floats = gram - gram.mean(axis=0) - gram.mean(axis=1)[:, None] + gram.mean()
    return found


def _principal_axes(gram: Floats, most: int = AXES) -> tuple[Floats, Floats]:
    """Coordinates of vectors on their principal axes, and the squared norms of these."""
    count = min(most, len(gram))
    span = (len(gram) - count, len(gram) - 1)
    values, vectors = eigh(_centred(gram), subset_by_index=span)
    values, turned = np.maximum(values[::-1], 0), vectors[:, ::-1]
    furthest = turned[np.abs(turned).argmax(axis=0), np.arange(count)]
    signs = np.where(furthest < 0, -1.0, 1.0)  # of an axis, the sign is arbitrary
    return turned * (signs * np.sqrt(values)), values


def _umap(gram: Floats) -> tuple[Floats, tuple[float, ...]]:
    turned, values = _principal_axes(gram)
    if len(gram) < FEWEST or not values[0] > 0:
        return principal_plane(gram)
    return lens_values(turned, "umap"), ()


def _sampled_gram(diagrams: Sequence[Floats]) -> Floats:
    grid = mathematics.common_grid(diagrams, FINE)
    deepest = min(max((len(each) for each in diagrams), default=0), DEEP)
    values = mathematics.landscapes(diagrams, grid, max(deepest, 1)).reshape(len(diagrams), -1)
    return (values @ values.T).astype(np.float64) * float(grid[1] - grid[0])
