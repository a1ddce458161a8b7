"""The view *Filters*: one layer at one step, in pictures that are linked by what is selected."""

import dash_mantine_components as dmc
from dash import html
from dash.development.base_component import Component

from dashboard import controls, ids
from dashboard.layer_units import FILTER_ROW
from dashboard.quantities import QUANTITIES
from dashboard.view import PLACE, About, Spec, View
from dashboard.views.filters import panels, rows
from dashboard.views.filters.scene import BESIDE, FilterScene, units

MAIN = ("filters.k", "filters.fraction", "mapper.lens", "mapper.resolution", "mapper.gain")
REST = (
    "mapper.cover", "mapper.cut", "mapper.min_samples", "mapper.metric",
    "filters.contrast", "filters.draw", "filters.landmarks", "filters.seed",
)  # fmt: skip
LABELS = {"filters.fraction": "keep", "filters.k": "k"}


def toolbar() -> Component:
    """Lay out what is chosen above the panels."""
    return html.Div(
        [
            controls.choice("colour", "colour by", {k: q.title for k, q in QUANTITIES.items()}),
            controls.choice("beside", "lay beside", BESIDE),
            *controls.inputs(MAIN, LABELS),
            dmc.Button("reset", id=ids.RESET, size="xs", variant="default"),
            controls.more([_scale(), *controls.inputs(REST)]),
        ],
        className="controls",
    )


def _scale() -> Component:
    words_ = {"locked": "same at all steps", "own": "of this step"}
    return controls.choice("scale", "colour scale", words_)


ABOUT = About(
    shows=(
        "Every small picture is a convolution filter of this layer, from all chosen runs. Filters "
        "that have many others near them are kept (codensity), and their shape is drawn twice: as "
        "a Mapper graph, whose nodes are groups of alike filters, and as a barcode, whose long "
        "bars are holes such as the middle of a ring."
    ),
    read=(
        "One bar much longer than all others means one ring: going around it, the filters turn "
        "like the hand of a clock. The primary circle is such a ring of edges, light on one side "
        "and dark on the other. Compare with the grey bars: the same filters with their entries "
        "mixed. Click a node, a bar, a petal of the rose or a point: the same filters are marked "
        "everywhere, and stay marked at other steps. b₀ counts the separate pieces of the graph, "
        "b₁ its holes."
    ),
    limits=(
        "A ring says how filters are arranged, not that the network uses it, nor that it is good. "
        "It depends on k and on the share that is kept: see Stability. Positions in the graph are "
        "those of the lens; distances on the screen mean nothing beyond it. A bar’s cycle shows "
        "where the loop closes; it is one of many that go around the same hole."
    ),
)

VIEW = View(
    name="filters",
    title="Filters",
    order=1,
    about=ABOUT,
    row=FILTER_ROW,
    units=units,
    scene=FilterScene,
    sentence=panels.sentence,
    counts=panels.counts,
    fields=(*PLACE, "colour", "scale", "beside", "select", "home", "primary", "pin"),
    controls=toolbar,
    parameters=(*MAIN, *REST),
    words={"colour": tuple(QUANTITIES), "scale": ("locked", "own"), "beside": tuple(BESIDE)},
    panels={
        "mapper": Spec("Mapper graph", panels.mapper_panel, rows.nodes, "hero", zoom=True),
        "beside": Spec(
            "Beside it",
            panels.beside_panel,
            rows.nodes_beside,
            "half",
            zoom=True,
            fields=(*PLACE, "colour", "scale", "beside", "pin"),
        ),
        "barcode": Spec("Barcode", panels.barcode_panel, rows.bars),
        "members": Spec("Members", panels.members_panel, rows.filters, "scrolling", tall=True),
        "rose": Spec("Orientation", panels.rose_panel, rows.petals),
        "projection": Spec(
            "Kept and dropped", panels.projection_panel, rows.filters, "third", zoom=True
        ),
        "codensity": Spec(
            "Codensity", panels.codensity_panel, rows.codensity, "third", fields=PLACE
        ),
        "diagram": Spec("Persistence diagram", panels.diagram_panel, rows.bars, "third"),
    },
)
