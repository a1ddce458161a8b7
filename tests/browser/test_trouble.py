"""Folders that are broken, vanish or hold too little: said in words, and the rest goes on."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from drive import Make, Serve, Watched, calm, finding, open_at, view
from playwright.sync_api import expect
from safetensors.numpy import save_file

pytestmark = pytest.mark.browser


def test_a_broken_file_is_named_and_the_rest_works(
    serve: Serve, watched: Watched, make_experiment: Make
) -> None:
    folder = make_experiment(n=200)
    (folder / "run-000" / "step-000050.safetensors").write_bytes(b"\x00" * 40)
    page = watched.page
    open_at(page, f"{serve('serve', str(folder))}?view=filters&step=100", says="conv1: One loop")
    expect(page.locator("#problems")).to_contain_text("message")
    page.locator("#problems").click()
    expect(page.locator("#problem-list")).to_contain_text("step-000050.safetensors")
    page.locator("#problems").click()
    calm(page)
    page.keyboard.press("ArrowLeft")
    expect(finding(page)).to_contain_text("step-000050.safetensors")
    for title in ("Overview", "Evolution", "Stability"):
        view(page, title)
        expect(finding(page)).not_to_contain_text("Opening")
    expect(page.locator("#fault")).to_be_empty()


def test_an_experiment_that_is_removed_says_so_and_the_others_go_on(
    serve: Serve, watched: Watched, make_experiment: Make
) -> None:
    gone, stays = make_experiment("gone", n=150), make_experiment("stays", n=150)
    page = watched.page
    open_at(page, f"{serve('serve', str(gone), str(stays))}?experiment=gone&view=filters")
    calm(page)
    shutil.rmtree(gone)
    page.keyboard.press("Home")
    expect(finding(page)).to_contain_text("cannot be read at step 0", timeout=60_000)
    for title in ("Overview", "Evolution", "Stability", "Filters"):
        view(page, title)
        page.wait_for_timeout(200)
    expect(page.locator("#fault")).to_be_empty()
    page.locator("#experiment").click()
    page.get_by_role("option", name="stays", exact=True).click()
    expect(finding(page)).to_contain_text("conv1: One loop", timeout=60_000)
    expect(page.locator("#note")).to_be_empty()


def test_a_layer_with_too_few_filters_for_k_says_so(
    serve: Serve, watched: Watched, make_experiment: Make
) -> None:
    page = watched.page
    folder = make_experiment(n=20, runs=1)
    page.goto(f"{serve('serve', str(folder))}?view=filters&filters.k=100")
    expect(finding(page)).to_contain_text("k", timeout=60_000)
    expect(finding(page)).to_contain_text("20")
    expect(finding(page)).not_to_contain_text("One loop")
    calm(page)
    for name in ("overview", "evolution", "stability"):
        view(page, name.title())
        expect(finding(page)).not_to_contain_text("computing …")
    expect(page.locator("#fault")).to_be_empty()


def test_a_layer_that_is_not_stored_at_a_step_says_where_it_is(demo: str, watched: Watched) -> None:
    page = watched.page
    open_at(
        page, f"{demo}?experiment=mnist_cnn_default&view=filters&layer=conv2&step=50",
        says="conv2 is not stored at step 50: it is stored at 0, 200",
    )  # fmt: skip
    expect(page.locator("#filters-mapper-message")).to_contain_text("is not stored at step 50")


def test_names_cannot_run_anything(serve: Serve, watched: Watched, tmp_path: Path) -> None:
    name = "<img src=x onerror=alert(1)>"
    folder = tmp_path / name
    folder.mkdir()
    weights = np.random.default_rng(0).normal(size=(200, 1, 3, 3)).astype(np.float32)
    save_file({f"{name}.weight": weights}, folder / "net.safetensors")
    page = watched.page
    page.on("dialog", lambda _dialog: pytest.fail("a name ran as script"))
    open_at(page, f"{serve('serve', str(folder))}?view=filters", says=name)
    calm(page)
    for title in ("Overview", "Evolution", "Stability"):
        view(page, title)
        calm(page)
    assert page.locator("img[src=x]").count() == 0
