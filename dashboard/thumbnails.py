"""Small Mapper graphs, coloured by angle: made once for each result, and remembered."""

from typing import Any

from dashboard.figures.mapper import sprite
from dashboard.filter_layer import FilterLayer, make_anchor
from dashboard.filter_scene import anchor_unit
from dashboard.lattice import Place
from dashboard.views import Ask


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
    anchor = anchor_unit(ask, place.layer)
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

    name = f"sprite:{scheme}:{patched}"
    return ask.results.derive(name, [filters, place.units["mapper"], anchor], draw)
