"""Small Mapper graphs, coloured by angle: made once for each result, and remembered."""

import contextlib
from typing import Any

from analysis.errors import NerveScopeError
from analysis.units import Unit
from dashboard.figures.mapper import sprite
from dashboard.filter_layer import FilterLayer, make_anchor
from dashboard.lattice import Place
from dashboard.layer_units import anchor_unit
from dashboard.view import Ask


def thumbnail(ask: Ask, place: Place, *, scheme: str, patched: bool) -> str | None:
    """Draw the Mapper graph of a layer at a step as SVG elements, where its results are there.

    Parameters
    ----------
    ask : Ask
    place : Place
        Of the lattice.
    scheme : str
        ``light`` or ``dark``.
    patched : bool
        Whether nodes show their filter.
    """
    if not place.units:
        return None
    filters = place.units["filters"]
    anchor = filters  # where there is no other, it is turned to itself
    with contextlib.suppress(NerveScopeError):
        anchor = anchor_unit(ask, place.layer)
    drawn = _drawn(ask, place, anchor, scheme=scheme, patched=patched)
    if drawn is None and ask.results.get(anchor, ask=False).error:
        return _drawn(ask, place, filters, scheme=scheme, patched=patched)
    return drawn


def _drawn(ask: Ask, place: Place, anchor: Unit, *, scheme: str, patched: bool) -> str | None:
    filters = place.units["filters"]

    def draw(shape: Any, graph: Any, anchored: Any) -> str:
        layer = FilterLayer(
            ask.experiment,
            filters,
            shape=shape,
            graph=graph,
            provenance={},
            anchor=make_anchor(ask.experiment, anchor, anchored),
        )
        assert layer.graph is not None  # noqa: S101 - it was given
        colour = layer.node_colour("angle", None)
        return sprite(layer.graph, layer.means, colour, scheme=scheme, patched=patched)

    name = f"sprite:{ask.experiment.name}:{scheme}:{patched}"
    return ask.results.derive(name, [filters, place.units["mapper"], anchor], draw)
