import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from dashboard import ids
from dashboard.app import create_app
from dashboard.context import Context

HERE = "http://127.0.0.1:8050"


@pytest.fixture
def context(open_context: Callable[..., Context], samples: Path) -> Context:
    return open_context(samples / "face_resnet")


@pytest.fixture
def client(context: Context) -> FlaskClient:
    """The dashboard on one sample, as a test client speaks to it."""
    return create_app(context).server.test_client()


def test_the_page_may_run_its_own_scripts_only(client: FlaskClient) -> None:
    policy = client.get("/", base_url=HERE).headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    script = policy.split("script-src", 1)[1]
    assert "unsafe" not in script
    assert script.count("sha256-") >= 1


@pytest.mark.parametrize("name", ["evil.example", "127.0.0.1.evil.example", "10.0.0.1"])
def test_another_name_is_refused(client: FlaskClient, name: str) -> None:
    answer = client.get("/_dash-layout", headers={"Host": name})
    assert answer.status_code == 403
    assert "conv" not in answer.text


@pytest.mark.parametrize("name", ["127.0.0.1:8050", "localhost", "[::1]:80"])
def test_names_of_the_loopback_address_are_answered(client: FlaskClient, name: str) -> None:
    assert client.get("/_dash-layout", headers={"Host": name}).status_code == 200


@pytest.mark.parametrize(
    "path", ["/assets/../pyproject.toml", "/assets/%2e%2e/pyproject.toml", "/../../etc/passwd"]
)
def test_paths_reach_nothing_outside(client: FlaskClient, path: str) -> None:
    text = client.get(path, base_url="http://127.0.0.1").text
    assert "nervescope" not in text or "<html" in text
    assert "root:" not in text


def test_no_figure_offers_to_send_itself_away(client: FlaskClient, context: Context) -> None:
    layout = client.get("/_dash-layout", base_url=HERE).get_data(as_text=True)
    graphs = sum(not spec.table for view in context.views.values() for spec in view.panels.values())
    assert layout.count('"sendChartToCloud"') == graphs + 2  # the row, the curve above the steps
    assert "https://" not in layout


def ask(client: FlaskClient, said: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Ask for frames as the page does."""
    body = {
        "output": f"{ids.FRAMES}.data",
        "outputs": {"id": ids.FRAMES, "property": "data"},
        "inputs": [{"id": ids.REQUEST, "property": "data", "value": {"cursor": said, "n": 1}}],
        "changedPropIds": [f"{ids.REQUEST}.data"],
        "state": [],
    }
    answer = client.post("/_dash-update-component", base_url=HERE, json=body, **more)
    assert answer.status_code == 200
    if answer.headers.get("Content-Encoding") == "gzip":
        return dict(json.loads(gzip.decompress(answer.data)))
    return dict(json.loads(answer.data))


def test_a_request_of_the_page_is_answered_with_frames(client: FlaskClient) -> None:
    answer = ask(client, {"layer": "conv64_down.conv1", "view": "filters"})
    frames = answer["response"][ids.FRAMES]["data"]["frames"]
    assert [frame["piece"] for frame in frames] == ["row", "filters"]
    assert all(len(part) == 3 for frame in frames for part in frame["parts"])


@pytest.mark.parametrize(
    "said",
    [
        {"layer": "<script>alert(1)</script>", "step": "-7", "view": "x" * 1024},
        {"params": {"filters.seed": "9" * 40, "mapper.gain": "nan", "": ""}},
        {"select": ["a"], "runs": {"b": 1}, "pin": 7, "primary": None, "home": {}},
    ],
)
def test_nonsense_is_answered_with_a_page_and_a_note(
    client: FlaskClient, said: dict[str, Any]
) -> None:
    data = ask(client, said)["response"][ids.FRAMES]["data"]
    assert data["cursor"]["view"] == "overview"
    assert data["frames"]
    assert data["note"]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # Flask-Compress
# leaves the file that it has read to the garbage collector
def test_answers_are_compressed(client: FlaskClient) -> None:
    said = {"layer": "conv64_down.conv1", "view": "filters"}
    plain = ask(client, said)
    assert ask(client, said, headers={"Accept-Encoding": "gzip"}) == plain
    for path in ("/_dash-layout", "/assets/frames.js"):
        wanted = {"Accept-Encoding": "br"}
        answer = client.get(path, base_url=HERE, headers=wanted, buffered=True)
        assert answer.headers["Content-Encoding"] == "br"


def test_what_a_failing_callback_says_is_for_people(
    context: Context, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    client = create_app(context).server.test_client()

    def fail(_said: Any) -> Any:
        msg = "the roof is on fire"
        raise RuntimeError(msg)

    monkeypatch.setattr(context, "read", fail)
    body = {
        "output": f"{ids.FRAMES}.data",
        "outputs": {"id": ids.FRAMES, "property": "data"},
        "inputs": [{"id": ids.REQUEST, "property": "data", "value": {"cursor": {}, "n": 1}}],
        "changedPropIds": [f"{ids.REQUEST}.data"],
        "state": [],
    }
    answer = client.post("/_dash-update-component", base_url=HERE, json=body)
    assert answer.status_code in (200, 204)
    assert "the roof is on fire" in caplog.text
    assert "Traceback" not in answer.get_data(as_text=True)
    if answer.status_code == 200:
        assert "the roof is on fire" in answer.get_data(as_text=True)
