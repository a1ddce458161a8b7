"""The view *Activations*: how data changes shape from layer to layer, while a network learns."""

from dash import html
from dash.development.base_component import Component

from dashboard import controls, ids
from dashboard.activation_norms import norm_rows, norms_panel
from dashboard.activation_units import ACTIVATION_ROW
from dashboard.view import PLACE, About, Spec, View
from dashboard.views.activations import layer_panels, panels, rows, verdicts
from dashboard.views.activations.scene import AGAINST, ActivationScene, units

MAIN = (
    "landscapes.inputs", "landscapes.of_class", "landscapes.homology", "landscapes.dimension",
)  # fmt: skip
REST = (
    "landscapes.sampling", "landscapes.points", "landscapes.seed", "landscape-test.between",
    "landscape-study.projection", "activation-cloud.projection", "activation-mapper.lens",
    "activation-mapper.resolution", "activation-mapper.gain", "activation-mapper.cut",
    "activation-mapper.min_samples",
)  # fmt: skip
LABELS = {
    "landscapes.of_class": "class",
    "landscape-test.between": "test between",
    "landscape-study.projection": "curves by",
    "activation-cloud.projection": "points by",
    "activation-mapper.lens": "Mapper lens",
    "activation-mapper.min_samples": "min inputs",
}


def toolbar() -> Component:
    """Lay out what is chosen above the panels."""
    return html.Div(
        [
            controls.choice("against", "compare with", AGAINST),
            *controls.inputs(MAIN, LABELS),
            controls.more(controls.inputs(REST, LABELS)),
            _published(),
        ],
        className="controls",
    )


PUBLISHED = {
    "clouds": "cloud",
    "mean landscapes": "landscape",
    "curves": "curves",
    "norms": "depth",
    "p-values": "tests",
}
"""The figures and the table of the published study, and the panels that show them."""


def _published() -> Component:
    """Lay out links to the published figures."""
    links = [
        html.A(text, href=f"#{ids.PanelIds('activations', name).box}")
        for text, name in PUBLISHED.items()
    ]
    return html.Nav(["as published: ", *links], className="caption published")


ABOUT = About(
    shows=(
        "The network is shown some inputs. In every layer each input becomes a point, and all of "
        "them a cloud. Its loops are bars; a landscape is a picture of all bars that can be "
        "averaged over trainings, and its norm one number for how much shape there is."
    ),
    read=(
        "The heat map has the norm of every layer at every step: 0 means no bars. λ₁ is as high "
        "as half the longest bar, λ₂ belongs to the next, and so on. In the plane of curves each "
        "training runs from its inputs to its output; curves that part have other shapes. Click a "
        "cell to go there, a bar to see the inputs around its loop."
    ),
    limits=(
        "A norm depends on how many inputs are shown: compare equal samples only. Distances are "
        "divided by the cloud’s size, so a layer that only stretches its inputs changes nothing. "
        "A small p says that trainings differ from each other by more than chance, not that the "
        "network is better, nor that another architecture or data set would behave so. Steps of "
        "the same trainings are not independent of each other; the test exchanges them within "
        "each training for that reason."
    ),
)

VIEW = View(
    name="activations",
    title="Activations",
    order=3,
    about=ABOUT,
    row=ACTIVATION_ROW,
    units=units,
    scene=ActivationScene,
    sentence=panels.sentence,
    counts=layer_panels.counts,
    fields=(*PLACE, "against", "select", "home", "primary", "pin"),
    controls=toolbar,
    parameters=(*MAIN, *REST),
    words={"against": tuple(AGAINST)},
    panels={
        "norms": Spec(
            "Landscape norms", norms_panel, norm_rows, "six", tall=True,
            fields=("experiment", "runs", "params"),
        ),
        "landscape": Spec(
            "Landscape of this layer", panels.landscape_panel, rows.landscape, "six", tall=True
        ),
        "cloud": Spec(
            "Activations", layer_panels.cloud_panel, rows.points, "six picture", zoom=True
        ),
        "bars": Spec("Barcode", layer_panels.barcode_panel, rows.bars),
        "inputs": Spec("Inputs", layer_panels.inputs_panel, rows.points, "scrolling", tall=True),
        "sizes": Spec("Sample size", layer_panels.sizes_panel, rows.sizes),
        "depth": Spec("Norm against layer", panels.depth_panel, rows.depth, "six", tall=True),
        "curves": Spec(
            "Curves through the layers", panels.curves_panel, rows.curves, "six", tall=True
        ),
        "graph": Spec("Mapper graph", layer_panels.graph_panel, rows.nodes, "six large", zoom=True),
        "difference": Spec(
            "Difference", panels.difference_panel, rows.difference, "six", tall=True
        ),
        "tests": Spec(
            "Tests of all pairs", verdicts.tests_panel, rows.tests, "six", tall=True,
            fields=("experiment", "runs", "params"),
        ),
        "verdicts": Spec(
            "What the tests say",
            verdicts.words_panel,
            verdicts.verdicts,
            "six grid-box",
            table=True,
        ),
    },
)  # fmt: skip
