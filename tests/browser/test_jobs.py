"""Computing while the page is open: progress, cancel, reload, a second browser, failures."""

import shutil
from collections.abc import Callable

import numpy as np
import pytest
from drive import Make, Serve, Watched, calm, finding, layout, open_at, until, view
from playwright.sync_api import Page, expect
from safetensors.numpy import save_file

pytestmark = pytest.mark.browser


def status(page: Page) -> str:
    return page.locator("#status").inner_text()


def test_what_is_missing_is_computed_while_the_page_says_so(
    serve: Serve, watched: Watched, make_experiment: Make
) -> None:
    page = watched.page
    open_at(
        page, f"{serve('serve', str(make_experiment(n=300)))}?view=filters",
        says="densest of 600 filters",
    )  # fmt: skip
    expect(finding(page)).not_to_contain_text("still computing")
    until(page, lambda: layout(page, "filters-mapper", "images"), what="the graph")
    calm(page)


def test_jobs_outlive_a_reload_and_are_cancelled_and_taken_up(
    serve: Serve, open_page: Callable[..., Watched], make_experiment: Make
) -> None:
    one, other = open_page().page, open_page().page
    address = f"{serve('serve', str(make_experiment(n=4000)))}?view=stability"
    one.goto(address)
    expect(one.locator("#status")).to_contain_text("Computing", timeout=60_000)
    expect(finding(one)).to_contain_text("settings", timeout=60_000)
    expect(one.locator("#status")).to_contain_text("Computing")
    one.reload()
    expect(one.locator("#status")).to_contain_text("Computing")
    other.goto(address)
    expect(other.locator("#status")).to_contain_text("Computing")
    total = status(other).split(" of ")[1].split(" ")[0]
    assert f"of {total}" in status(one) or "Computing" in status(one)
    one.locator("#cancel").click()
    expect(one.locator("#status")).to_have_text("Cancelled; “Try again” takes it up.")
    expect(other.locator("#status")).to_have_text("Cancelled; “Try again” takes it up.")
    expect(other.locator("#cancel")).to_be_hidden()
    other.locator("#retry").click()
    expect(one.locator("#status")).not_to_contain_text("Cancelled")
    expect(other.locator("#retry")).to_be_hidden()
    expect(finding(one)).not_to_contain_text("still computing", timeout=90_000)
    view(one, "Filters")
    expect(finding(one)).to_contain_text("One loop", timeout=60_000)  # before all that waits


def test_files_that_break_while_open_are_said_and_heal(
    serve: Serve, watched: Watched, make_experiment: Make
) -> None:
    page = watched.page
    folder = make_experiment(n=200)
    open_at(page, f"{serve('serve', str(folder))}?view=filters")
    calm(page)
    files = {path: path.read_bytes() for path in folder.rglob("step-000000.safetensors")}
    for path, whole in files.items():
        path.write_bytes(whole[: len(whole) // 2])
    page.keyboard.press("Home")
    expect(finding(page)).to_contain_text("step-000000.safetensors", timeout=60_000)
    page.keyboard.press("End")
    expect(finding(page)).to_contain_text("One loop")
    for path, whole in files.items():
        path.write_bytes(whole)
    page.reload()
    page.keyboard.press("Home")  # before the page is there: nothing happens
    expect(finding(page)).to_contain_text("One loop")
    page.keyboard.press("Home")
    expect(finding(page)).to_contain_text("densest of 400 filters", timeout=60_000)


def test_a_job_that_fails_says_why_and_may_be_tried_again(
    serve: Serve, watched: Watched, make_experiment: Make
) -> None:
    page = watched.page
    folder = make_experiment(n=200)
    for path in folder.rglob("step-000000.safetensors"):
        save_file({"conv1.weight": np.full((200, 1, 3, 3), np.nan, np.float32)}, path)
    open_at(page, f"{serve('serve', str(folder))}?view=filters")
    page.keyboard.press("Home")
    expect(page.locator("#retry")).to_be_visible(timeout=60_000)
    expect(finding(page)).to_contain_text("NaN")
    page.locator("#problems").click()
    expect(page.locator("#problem-list")).to_contain_text("conv1")
    page.locator("#retry").click()
    expect(finding(page)).to_contain_text("NaN")
    page.keyboard.press("End")
    expect(finding(page)).to_contain_text("One loop")


def test_a_store_that_can_no_longer_be_written_is_said(
    serve: Serve, watched: Watched, make_experiment: Make
) -> None:
    page = watched.page
    folder = make_experiment(n=200)
    store = folder.parent / "kept"
    open_at(page, f"{serve('serve', str(folder), store=store)}?view=filters")
    calm(page)
    shutil.rmtree(store)
    store.write_text("a file in the place of the folder")
    page.keyboard.press("Home")
    expect(finding(page)).to_contain_text("densest of 400 filters", timeout=60_000)
    expect(page.locator("#problems")).to_contain_text("message")
    page.locator("#problems").click()
    expect(page.locator("#problem-list")).to_contain_text("kept")
    expect(page.locator("#fault")).to_be_empty()
