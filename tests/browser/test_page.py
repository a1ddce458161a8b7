"""The page as a person uses it, in a real headless Chromium."""

from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Watched
from playwright.sync_api import Page, expect
from safetensors.numpy import save_file

pytestmark = pytest.mark.browser
Serve = Callable[..., str]
Make = Callable[..., Path]


def finding(page: Page) -> str:
    return page.locator("#filters-finding").inner_text()


def click_node(page: Page, index: int) -> None:
    """Click a node as the mouse does: where its picture is."""
    expect(page.locator("#filters-mapper .scatterlayer .point").nth(index)).to_be_attached()
    box = page.locator("#filters-mapper .scatterlayer .point").nth(index).bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    expect(page.locator("#filters-mapper .hoverlayer .hovertext")).to_be_visible()
    page.mouse.click(x, y)


def test_demo_shows_the_circle_of_a_deep_layer_at_once(serve: Serve, watched: Watched) -> None:
    page = watched.page
    page.goto(serve("demo"))
    expect(page.locator("#filters-finding")).to_contain_text("One loop", timeout=30_000)
    assert "primary circle" in finding(page)
    assert "with permuted entries" in finding(page)
    expect(page.locator("#filters-mapper .scatterlayer .point").nth(20)).to_be_attached()
    expect(page.locator("#filters-mapper-caption")).to_contain_text("b₁ 1")
    expect(page.locator("#network .bars .point path").first).to_be_visible()


def test_the_slider_shows_the_circle_appear(serve: Serve, watched: Watched, samples: Path) -> None:
    page = watched.page
    page.goto(serve("serve", str(samples / "mnist_cnn")) + "?layer=conv1&step=0")
    expect(page.locator("#filters-finding")).to_contain_text("No clear loop", timeout=30_000)
    expect(page.locator("#step-words")).to_have_text("step 0 of 500")
    slider = page.get_by_role("slider")
    slider.focus()
    for step in ("25", "50", "100", "200"):
        slider.press("ArrowRight")
        expect(page.locator("#step-words")).to_have_text(f"step {step} of 500")
    expect(page.locator("#filters-finding")).to_contain_text("One loop, 7.8× longer")
    expect(page.locator("#filters-mapper-caption")).to_contain_text("b₀ 1 · b₁ 1")
    assert "step=200" in page.url


def test_a_clicked_node_shows_its_members_and_is_in_the_link(
    serve: Serve, watched: Watched, samples: Path
) -> None:
    page = watched.page
    address = serve("serve", str(samples / "mnist_cnn"))
    page.goto(address + "?layer=conv1&step=200")
    expect(page.locator("#filters-finding")).to_contain_text("One loop", timeout=30_000)
    click_node(page, 7)
    caption = page.locator("#filters-members-caption")
    expect(caption).to_contain_text("node 7")
    expect(caption).to_contain_text("of 1,024 kept, of 2,048 in the layer")
    expect(page.locator("#filters-members img")).to_be_visible()
    link = page.url
    words = caption.inner_text()
    page.goto("about:blank")
    page.goto(link)
    expect(caption).to_have_text(words, timeout=30_000)


def test_a_click_in_the_row_of_layers_moves_there(serve: Serve, watched: Watched) -> None:
    page = watched.page
    page.goto(serve("demo") + "?experiment=face_resnet&layer=conv64_3.conv1")
    expect(page.locator("#filters-finding")).to_contain_text(
        "conv64_3.conv1: One loop", timeout=30_000
    )
    assert "not the primary circle" in finding(page)
    bars = page.locator("#network .trace.bars").first.locator(".point")
    expect(bars).to_have_count(29)
    box = bars.nth(7).bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 8)
    expect(page.locator("#network .hoverlayer .hovertext")).to_be_visible()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 8)
    expect(page.locator("#filters-finding")).to_contain_text("conv64_down.conv1: One loop")


def test_what_is_missing_is_computed_while_the_page_says_so(
    serve: Serve, watched: Watched, make_experiment: Make
) -> None:
    page = watched.page
    page.goto(serve("serve", str(make_experiment(n=300))))
    expect(page.locator("#filters-finding")).to_contain_text(
        "densest of 600 filters", timeout=60_000
    )
    expect(page.locator("#filters-mapper .scatterlayer .point").nth(3)).to_be_attached()
    expect(page.locator("#filters-finding")).not_to_contain_text("still computing")
    expect(page.locator("#status")).to_have_text("Nothing to compute.")


def test_dark_mode_recolours_the_figures(serve: Serve, watched: Watched, samples: Path) -> None:
    page = watched.page
    page.goto(serve("serve", str(samples / "mnist_cnn")) + "?layer=conv1&step=200")
    expect(page.locator("#filters-finding")).to_contain_text("One loop", timeout=30_000)
    ground = page.locator("#filters-mapper .main-svg").first
    expect(ground).to_have_css("background-color", "rgb(255, 255, 255)")
    page.locator("#toggle").click()
    expect(ground).to_have_css("background-color", "rgb(20, 23, 28)")


def test_nonsense_in_the_url_is_said_and_harmless(
    serve: Serve, watched: Watched, samples: Path
) -> None:
    page = watched.page
    address = serve("serve", str(samples / "mnist_cnn"))
    script = "%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E"
    page.goto(f"{address}?experiment={script}&layer=../../etc/passwd&step=-7&node={'9' * 999}")
    expect(page.locator("#filters-finding")).to_contain_text("conv", timeout=30_000)
    page.locator("#problems").click()
    expect(page.locator("#problem-list")).to_contain_text("There is no layer “../../etc/passwd”")
    assert page.locator("#problem-list img").count() == 0


def test_a_broken_file_is_named_and_the_rest_works(
    serve: Serve, watched: Watched, make_experiment: Make
) -> None:
    folder = make_experiment(n=100)
    (folder / "run-000" / "step-000050.safetensors").write_bytes(b"\x00" * 40)
    page = watched.page
    page.goto(serve("serve", str(folder)) + "?step=100")
    expect(page.locator("#filters-finding")).to_contain_text("conv1", timeout=60_000)
    expect(page.locator("#problems")).to_contain_text("message")
    page.locator("#problems").click()
    expect(page.locator("#problem-list")).to_contain_text("step-000050.safetensors")


def test_a_layer_that_is_not_stored_at_a_step_says_where_it_is(
    serve: Serve, watched: Watched, samples: Path
) -> None:
    page = watched.page
    page.goto(serve("serve", str(samples / "mnist_cnn_default")) + "?layer=conv2&step=50")
    expect(page.locator("#filters-finding")).to_contain_text(
        "conv2 is not stored at step 50: it is stored at 0, 200", timeout=30_000
    )


def test_names_cannot_run_anything(serve: Serve, watched: Watched, tmp_path: Path) -> None:
    import numpy as np

    name = "<img src=x onerror=alert(1)>"
    folder = tmp_path / name
    folder.mkdir()
    weights = np.random.default_rng(0).normal(size=(200, 1, 3, 3)).astype(np.float32)
    save_file({f"{name}.weight": weights}, folder / "net.safetensors")
    page = watched.page
    page.on("dialog", lambda _dialog: pytest.fail("a name ran as script"))
    page.goto(serve("serve", str(folder)))
    expect(page.locator("#filters-finding")).to_contain_text(name, timeout=60_000)
    assert page.locator("img[src=x]").count() == 0
