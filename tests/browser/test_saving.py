"""Pictures that are saved from the page."""

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from drive import FILTERS, Watched, calm, click, open_at, panel, saved
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


def words(file: Path) -> str:
    """Return all text of an SVG file; it must be well-formed."""
    root = ET.parse(file).getroot()  # noqa: S314 - our own
    return " ".join(" ".join(root.itertext()).split())


@pytest.mark.parametrize("name", ["overview", "filters", "evolution", "stability"])
def test_every_figure_is_saved_as_vectors(demo: str, watched: Watched, name: str) -> None:
    page = watched.page
    open_at(page, f"{demo}{FILTERS.replace('filters', name)}", says="conv1")
    calm(page)
    boxes = page.locator(f"#view-{name} .panel:not(.gone):has(.js-plotly-plot)")
    assert boxes.count() > 1
    for i in range(boxes.count()):
        title = boxes.nth(i).locator("h2").inner_text()
        file = saved(page, panel(page, "svg", title))
        assert file.suffix == ".svg"
        text = file.read_text()
        assert "data:image/png" not in text
        assert "data:image/jp" not in text
        said = words(file)
        assert title in said
        assert all(
            part in said for part in parts_of(boxes.nth(i).locator("p.caption").inner_text())
        )
        assert "NaN" not in text


def parts_of(caption: str) -> list[str]:
    """Return how its parts begin: the rest may be on another line; clicks are the page's."""
    parts = [" ".join(part.split()[:2]) for part in caption.split(" · ")]
    return [part for part in parts if not part.startswith("click")]


def test_a_saved_picture_says_parameters_and_shows_what_is_selected(
    demo: str, watched: Watched
) -> None:
    page = watched.page
    open_at(page, demo + FILTERS)
    click(page, "filters-barcode", {"select": "bar.0"})
    expect(page.locator("#filters-projection-caption")).to_contain_text("born with")
    said = words(saved(page, panel(page, "svg", "Mapper graph")))
    assert "conv1, step 200" in said
    assert "resolution 10, gain 3" in said
    assert "1,024 of 2,048 filters" in said
    assert "b₀ 1 · b₁ 1" in said
    assert "One loop, 7.8× longer" in said


def test_a_picture_is_saved_as_png(demo: str, watched: Watched) -> None:
    page = watched.page
    open_at(page, demo + FILTERS)
    file = saved(page, panel(page, "png", "Barcode"))
    assert file.suffix == ".png"
    data = file.read_bytes()
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = (int.from_bytes(data[i : i + 4], "big") for i in (16, 20))
    assert width > 1000
    assert height > 600
    expect(page.locator("#copied")).to_contain_text("saved")
