"""Component ids, in one place: a misspelt one is an AttributeError, not a silent callback."""

from dataclasses import dataclass

URL = "url"
CURSOR = "cursor"
CATALOGUE = "catalogue"
POLL = "poll"
JOBS = "jobs"
SCHEME = "scheme"
TOGGLE = "toggle"

REQUEST = "request"
FRAMES = "frames"
PREFETCH = "prefetch"
AHEAD = "ahead"

EXPERIMENT = "experiment"
RUNS = "runs"
VIEW = "view"
LAYER = "layer"
STEP = "step"
STEP_WORDS = "step-words"
PLAY = "play"
NETWORK = "network"
ROW_BAR = "row-bar"
ROW_NULL = "row-null"
ROW_CROSS = "row-cross"
METRIC = "metric"

FINDING = "finding"
NOTE = "note"
COUNTS = "counts"
CLEAR = "clear"
PIN = "pin"
UNPIN = "unpin"
COPY = "copy"
COPIED = "copied"

HELP = "help"
HELP_BUTTON = "help-button"
HELP_TITLE = "help-view"  # the drawer itself has a "help-title"
HELP_TEXTS = ("help-shows", "help-read", "help-limits")
ABOUT = "about"

STATUS = "status"
CANCEL = "cancel"
RETRY = "retry"
FAULT = "fault"
PROBLEMS = "problems"
PROBLEM_LIST = "problem-list"
COPY_PROBLEMS = "copy-problems"
DISMISS = "dismiss"

TWIN = "twin"
TWIN_OF = "twin-of"
TWIN_ASK = "twin-ask"
TWIN_TITLE = "twin-words"  # the drawer itself has a "twin-title"
TWIN_GRID = "twin-grid"
TWIN_CSV = "twin-csv"
TWIN_JSON = "twin-json"
DOWNLOAD = "download"
PICTURE = "picture"
RESET = "reset"


def main(view: str) -> str:
    """Id of the element that holds a view."""
    return f"view-{view}"


def control(field: str) -> str:
    """Id of the control of a cursor's field."""
    return f"control-{field}"


def parameter(name: str) -> str:
    """Id of the input of a parameter ``analysis.name``."""
    return f"parameter-{name.replace('.', '--')}"


@dataclass(frozen=True)
class PanelIds:
    """Ids of one panel's parts."""

    view: str
    panel: str

    @property
    def graph(self) -> str:
        """The figure."""
        return f"{self.view}-{self.panel}"

    @property
    def box(self) -> str:
        """All of it."""
        return f"{self.graph}-box"

    @property
    def message(self) -> str:
        """Words in the figure's place."""
        return f"{self.graph}-message"

    @property
    def caption(self) -> str:
        """Words below the figure."""
        return f"{self.graph}-caption"

    def button(self, kind: str) -> dict[str, str]:
        """Return the id of a button of the panel: ``table``, ``svg`` or ``png``."""
        return {"type": "panel", "kind": kind, "panel": self.graph}
