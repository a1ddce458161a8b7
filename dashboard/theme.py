"""Colours and type of the pages and figures; colour means one thing everywhere."""

from dataclasses import dataclass
from typing import Any

from plotly.colors import cyclical, sequential

FONT = "Inter, system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"

ANGLE = cyclical.Phase  # cyclic and of even lightness: angles have no first colour
DENSITY = sequential.Viridis
DISTANCE = sequential.matter
NULL = "#9aa1ab"
BESIDE = "#7f93b8"  # what is laid beside and is no null model: between bars and the null

# loop strength, weak to strong: warm, so that it is neither the accent nor a density; the weak end
# is near the surface. Logarithmic, from 1 to STRENGTH_TOP.
STRENGTH_LIGHT = ("#f8f0dc", "#f6dfa6", "#f0bd6a", "#e39350", "#c9664b", "#983f45", "#5e2638")
STRENGTH_DARK = ("#2b2525", "#4b2d31", "#7a3a3f", "#ad5147", "#d97d4e", "#efb15e", "#fbe6a4")
STRENGTH_TOP = 8.0

# Betti numbers 0, 1, 2, 3, 4 and more
BETTI_LIGHT = ("#eef0ee", "#bfe0d2", "#7fbfa6", "#3f8f78", "#175c4c")
BETTI_DARK = ("#22272a", "#1f4a40", "#2f7a66", "#58ad93", "#a5dcc8")

# layers, runs and classes: at least 17 apart (CIELAB) also for those who do not see red or green,
# from each other, from the accent and from the null; on the surface three to one or more
SERIES_LIGHT = (
    "#177c63",
    "#6e2d62",
    "#239ecc",
    "#b88f00",
    "#703721",
    "#4e3a90",
    "#676900",
    "#b78758",
)
SERIES_DARK = (
    "#19e6bb",
    "#9d73b8",
    "#6deaff",
    "#f2d34d",
    "#c86338",
    "#f39b8d",
    "#cdd176",
    "#c95d6d",
)


# no button of any figure sends what it shows to a server elsewhere
CONFIG: Any = {
    "displaylogo": False,
    "plotlyServerURL": "",
    "showSendToCloud": False,
    "modeBarButtonsToRemove": ["select2d", "lasso2d", "sendChartToCloud", "sendDataToCloud"],
}


@dataclass(frozen=True, slots=True)
class Palette:
    """Neutral colours of one scheme.

    Attributes
    ----------
    surface, ground : str
        Of panels, and behind them.
    ink, quiet, line : str
        Text, secondary text, hairlines.
    accent : str
        Of what can be clicked or is selected; never of data.
    bar : str
        Of bars and points that carry no quantity of their own.
    """

    surface: str
    ground: str
    ink: str
    quiet: str
    line: str
    accent: str
    bar: str


LIGHT = Palette("#ffffff", "#f7f8fa", "#1c2330", "#5d6675", "#d5d9e0", "#2f6fde", "#3b4a63")
DARK = Palette("#14171c", "#0e1014", "#e8eaee", "#a0a8b4", "#343a44", "#74a5ff", "#c3cbd8")


def palette(scheme: str | None) -> Palette:
    """Return the colours of ``"dark"``, or of anything else as light."""
    return DARK if scheme == "dark" else LIGHT


def layout(scheme: str | None, **more: Any) -> dict[str, Any]:
    """Return the figure layout that all figures share, with `more` on top."""
    colours = palette(scheme)
    base = {
        "template": {},  # plotly's own would be sent with every figure
        "paper_bgcolor": colours.surface,
        "plot_bgcolor": colours.surface,
        "font": {"family": FONT, "size": 12, "color": colours.ink},
        "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
        "showlegend": False,
        "hoverlabel": {"font": {"family": FONT, "size": 12}},
        "dragmode": "pan",
    }
    return base | more


FIXED: Any = {"automargin": False, "ticklabeloverflow": "allow"}
"""What an axis has in figures that are redrawn at every step: plotly measures no texts for it."""


def axis(scheme: str | None, title: str | None = None, **more: Any) -> dict[str, Any]:
    """Return a plain axis: a title, a hairline, no grid."""
    colours = palette(scheme)
    base = {
        "title": {"text": title, "font": {"size": 12, "color": colours.quiet}},
        "showgrid": False,
        "zeroline": False,
        "linecolor": colours.line,
        "tickcolor": colours.line,
        "tickfont": {"size": 11, "color": colours.quiet},
        "automargin": True,
    }
    return base | more


def faded(colour: str, share: float) -> str:
    """Return a colour given as ``#rrggbb`` with an opacity."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{share:g})"


def hidden_axis(**more: Any) -> dict[str, Any]:
    """Return an axis that is not drawn: a lens is not a unit."""
    return {"visible": False, **more}
