"""Component ids, in one place: a misspelt one is an AttributeError, not a silent callback."""

from dataclasses import dataclass

URL = "url"
CURSOR = "cursor"
CATALOGUE = "catalogue"
POLL = "poll"
SCHEME = "scheme"
TOGGLE = "toggle"
EXPERIMENT = "experiment"
LAYER = "layer"
NETWORK = "network"
STEP = "step"
STEP_WORDS = "step-words"
STATUS = "status"
CANCEL = "cancel"
SHOWN = "shown"
ROW = "row"
PROBLEMS = "problems"
PROBLEM_LIST = "problem-list"
TITLE = "title"
ABOUT = "about"
ABOUT_BOX = "about-box"
RETRY = "retry"
FAULT = "fault"


def picked(view: object) -> dict[str, object]:
    """Return the id of the store in which a view says what was clicked, or `ALL` of them."""
    return {"type": "picked", "view": view}


@dataclass(frozen=True)
class ViewIds:
    """Ids of one view's components, prefixed by its name."""

    view: str

    def __getattr__(self, part: str) -> str:
        if part.startswith("_"):
            raise AttributeError(part)
        return f"{self.view}-{part.replace('_', '-')}"
