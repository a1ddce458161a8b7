from pathlib import Path

import pytest
from flask.testing import FlaskClient

from analysis.experiment import open_experiment
from analysis.store import ResultStore
from dashboard.app import create_app
from dashboard.context import Context
from dashboard.jobs import Jobs
from dashboard.results import Results


@pytest.fixture
def client(tmp_path: Path, samples: Path) -> FlaskClient:
    """The dashboard on one sample, as a test client speaks to it."""
    store = ResultStore(tmp_path)
    jobs = Jobs(store, 1)
    experiment = open_experiment(samples / "face_resnet")
    return create_app(Context([experiment], Results(store, jobs), jobs)).server.test_client()


def test_the_page_may_run_its_own_scripts_only(client: FlaskClient) -> None:
    policy = client.get("/", base_url="http://127.0.0.1:8050").headers["Content-Security-Policy"]
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


def test_no_figure_offers_to_send_itself_away(client: FlaskClient) -> None:
    layout = client.get("/_dash-layout", base_url="http://127.0.0.1").get_data(as_text=True)
    assert layout.count("sendChartToCloud") >= 4
    assert "https://" not in layout
