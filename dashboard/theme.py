"""Colours and type of the pages and figures; colour means one thing everywhere."""

from dataclasses import dataclass
from typing import Any

from plotly.colors import cyclical, sequential

FONT = "Inter, system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"

ANGLE = cyclical.Phase  # cyclic and of even lightness: angles have no first colour
DENSITY = sequential.Viridis
NULL = "#9aa1ab"


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


def hidden_axis(**more: Any) -> dict[str, Any]:
    """Return an axis that is not drawn: a lens is not a unit."""
    return {"visible": False, **more}
