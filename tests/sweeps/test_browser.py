"""MLflow's UI and the report as a person sees them, in a real headless browser: make test-browser."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sweeps.report.compare import compare_sweep
from sweeps.report.page import render
from sweeps.report.source import Source
from sweeps.results.summarize import Study, summarize
from sweeps.ui import sweep_link
from tests.end_to_end.serving import free_port, wait_for_page
from tests.sweeps.made import losses, picture, table
from tests.sweeps.recorded import Sweep, grid

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
PHONE, DESKTOP = {"width": 390, "height": 844}, {"width": 1280, "height": 900}
WIDE = {"width": 1600, "height": 1000}
PATIENCE = 120_000  # ms; MLflow's first page takes ten seconds on a machine with nothing else to do
SHOTS = os.environ.get("SHOTS")  # folder for screenshots; not set: none are kept


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Sweep:
    """Nine runs, one of them failed, compared."""
    made = grid(Sweep(tmp_path_factory.mktemp("store"), side=64, images=True))
    made.add({"reg": 0.9, "steps": 10}, None, "FAILED", reason="no face", pictures=False)
    made.finish("FAILED")
    compare_sweep(made.uri, made.parent, made.folder / "report.html")
    return made


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api")
    if not Path(CHROMIUM).exists():
        pytest.skip(f"no {CHROMIUM}; CHROMIUM=… names another")
    with playwright.sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def ui(sweep: Sweep) -> Iterator[int]:
    """The port of MLflow's UI over the sweep's store."""
    port = free_port()
    command = [sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", sweep.uri]
    command += ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    server = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        wait_for_page(f"http://127.0.0.1:{port}/health")
        yield port
    finally:
        os.killpg(server.pid, signal.SIGKILL)  # it writes nothing that would be missed
        server.wait()


def open_page(browser: Any, address: str, size: dict[str, int]) -> tuple[Any, list[str]]:
    """The page and the errors on its console, those to come as well."""
    page = browser.new_context(viewport=size, has_touch=size is PHONE, is_mobile=size is PHONE).new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.goto(address)
    return page, errors


def close_assistant(page: Any) -> None:
    """MLflow 3.17 opens its chat beside the runs."""
    close = page.get_by_label("Close", exact=True)
    if close.count():
        close.last.click()
    page.wait_for_timeout(1500)


def keep(page: Any, name: str) -> None:
    if SHOTS:
        page.screenshot(path=str(Path(SHOTS) / f"{name}.png"))


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_the_report_fits_the_screen_and_its_slider_uncovers_the_photo(
    browser: Any, sweep: Sweep, size: dict[str, int]
) -> None:
    page, errors = open_page(browser, f"file://{sweep.folder}/report.html", size)
    for place in range(0, page.evaluate("document.documentElement.scrollHeight"), 600):
        page.evaluate(f"window.scrollTo(0, {place})")
        page.wait_for_timeout(50)
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    assert page.locator(".card").count() == 12  # three that were not run among them
    assert page.locator(".card .absent.failed").count() == 1
    assert page.locator(".card .absent.missing").count() == 2
    page.locator(".card").first.click()
    slider = page.locator("#viewer .compare input")
    assert page.locator("#viewer .compare").evaluate("e => e.style.getPropertyValue('--at')") == ""
    slider.focus()
    page.keyboard.press("End")
    assert page.locator("#viewer .compare").evaluate("e => e.style.getPropertyValue('--at')") == "100%"
    box = page.locator("#viewer .compare").bounding_box()
    page.mouse.click(box["x"] + box["width"] / 4, box["y"] + box["height"] / 2)
    assert float(slider.input_value()) == pytest.approx(25, abs=2)
    keep(page, f"report_{size['width']}")
    assert errors == []


def test_the_report_sorts_its_table(browser: Any, sweep: Sweep) -> None:
    page, errors = open_page(browser, f"file://{sweep.folder}/report.html", DESKTOP)
    page.locator(".rows th button", has_text="PSNR [dB]").first.click()
    first = page.locator(".rows tbody tr").first.inner_text().split("\t")
    assert first[2:4] == ["0.001", "1000"]
    assert errors == []


def test_the_report_compares_with_a_cell_switches_scales_and_saves_its_figures(
    browser: Any, sweep: Sweep, tmp_path: Path
) -> None:
    page, errors = open_page(browser, f"file://{sweep.folder}/report.html", DESKTOP)

    def part(name: str) -> Any:
        found = page.locator(f'[data-part="{name}"]').first
        found.scroll_into_view_if_needed()
        page.wait_for_timeout(200)  # what comes into view is drawn
        return found

    def saved(button: Any) -> bytes:
        with page.expect_download() as download:
            button.click()
        path = tmp_path / download.value.suggested_filename
        download.value.save_as(path)
        return path.read_bytes()

    part("baseline").select_option("0")
    first = part("maps").locator("figure").first
    assert "difference to reg 0.001, steps 10" in first.inner_text()
    assert first.locator("button.best, button").first.inner_text() == "0.0"
    assert first.locator("button", has_text="+").count() > 0
    assert "(+" in part("rows").inner_text()
    curves = part("losses")
    before = curves.locator("canvas").evaluate("c => c.toDataURL()")
    curves.locator("input[value=linear]").check()
    assert curves.locator("canvas").evaluate("c => c.toDataURL()") != before
    lines = part("slices").locator("svg").first
    assert "ends: steps" in lines.text_content() and lines.locator("circle").count() == 9
    every = part("parallel").locator("svg")
    assert every.locator("polyline").count() == 9 and "reg" in every.text_content()
    every.locator("polyline").first.dispatch_event("click")
    assert page.locator("#viewer").evaluate("d => d.open")
    page.locator("#close").click()
    for name in ("maps", "slices", "parallel"):
        text = saved(part(name).locator("button", has_text="Save SVG").first)
        # It stands alone: no colours of the page's style.
        assert text.startswith(b"<?xml") and b"var(--" not in text
    assert saved(part("save-curves")).startswith(b"\x89PNG")
    assert errors == []


def test_the_photo_that_is_chosen_is_shown_in_every_cell_that_has_it(browser: Any, tmp_path: Path) -> None:
    made = Sweep(tmp_path, side=32, images=True)
    for number, reg in enumerate((0.1, 0.2, 0.3)):
        for photo in ("b.png", "a.png") if number else ("a.png", "b.png"):
            if (reg, photo) != (0.3, "b.png"):
                made.add({"reg": reg}, {"psnr": 20.0}, photo=photo)
    made.finish()
    compare_sweep(made.uri, made.parent, made.folder / "report.html")
    page, errors = open_page(browser, f"file://{made.folder}/report.html", PHONE)
    page.locator('[data-part="photo"]').select_option("b.png")
    assert page.locator(".card .absent.missing").count() == 1
    shown = page.locator(".card img").evaluate_all("all => new Set(all.map(i => i.src)).size")
    assert shown == 1 and page.locator(".card img").count() == 2  # one photo, restored equally well
    assert errors == []


def test_of_a_large_grid_only_rows_near_the_screen_stand_in_the_page_and_all_on_paper(
    browser: Any, tmp_path: Path
) -> None:
    side = 40  # 1,600 cells
    made = table({"reg": [i / 10 for i in range(1, side + 1)], "steps": list(range(10, 10 + side))})
    face = picture("run", "restored.png")
    assert face is not None
    face.save(tmp_path / "face.png")
    source = Source(losses(made, 2), lambda run_id, name: tmp_path / "face.png")
    (tmp_path / "report.html").write_text(render(Study((summarize(made),)), source), encoding="utf-8")
    page, errors = open_page(browser, f"file://{tmp_path}/report.html", DESKTOP)
    count = """() => ({cells: document.querySelectorAll(".matrix td .card").length,
                       pictures: document.querySelectorAll(".matrix td .card img[src]").length})"""
    page.locator(".matrix").scroll_into_view_if_needed()
    # The report's policy forbids evaluated strings: wait_for_function fails at its second look.
    page.locator(".matrix td .card img[src]").first.wait_for(state="attached", timeout=PATIENCE)
    on_screen = page.evaluate(count)
    assert side <= on_screen["cells"] < side * side / 2
    page.evaluate(f"addEventListener('beforeprint', () => {{ window.printed = ({count})(); }})")
    page.pdf(path=tmp_path / "report.pdf")
    assert page.evaluate("window.printed") == {"cells": side * side, "pictures": side * side}
    # Afterwards it is as before.
    page.locator(".matrix td .card").nth(799).wait_for(state="detached", timeout=PATIENCE)
    assert errors == []


def test_mlflow_lists_the_runs_and_charts_their_curves_and_pictures(
    browser: Any, sweep: Sweep, ui: int
) -> None:
    address = sweep_link(sweep.uri, sweep.experiment, sweep.parent, port=ui)
    page, _ = open_page(browser, address, WIDE)
    page.get_by_text("9 matching runs").wait_for(timeout=PATIENCE)
    page.get_by_text("hopper.jpg blur").nth(8).wait_for(timeout=PATIENCE)
    pictures = page.locator("img[src*='get-artifact']")
    pictures.first.wait_for(timeout=PATIENCE)
    assert page.get_by_text("loss.weight=").count() == 0  # all params, above each picture
    close_assistant(page)
    keep(page, "mlflow_pictures")
    page.mouse.move(WIDE["width"] * 0.7, WIDE["height"] * 0.7)
    deadline = time.monotonic() + PATIENCE / 1000
    plots, most = page.locator(".js-plotly-plot"), pictures.count()
    while (plots.count() < 3 or most < 9) and time.monotonic() < deadline:  # drawn when they come into view
        page.mouse.wheel(0, 300)
        page.wait_for_timeout(500)
        most = max(most, pictures.count())  # those that have left it may go
    assert most >= 9 and plots.count() >= 3
    page.wait_for_timeout(1000)
    keep(page, "mlflow_charts")


def test_mlflow_compares_the_restored_pictures_of_two_runs(browser: Any, sweep: Sweep, ui: int) -> None:
    from inversion.record.mlflow_store import open_client

    found = open_client(sweep.uri).search_runs(
        [sweep.experiment], "tags.kind = 'job' and attributes.status = 'FINISHED'", max_results=2
    )
    ids = "%5B" + ",".join(f"%22{run.info.run_id}%22" for run in found) + "%5D"
    experiments = f"%5B%22{sweep.experiment}%22%5D"
    page, _ = open_page(
        browser, f"http://127.0.0.1:{ui}/#/compare-runs?runs={ids}&experiments={experiments}", WIDE
    )
    page.get_by_text("restored.png").first.wait_for(timeout=PATIENCE)
    close_assistant(page)
    page.get_by_text("restored.png").first.click(timeout=PATIENCE)
    pictures = "[...document.images].filter(i => i.naturalWidth === 64 && i.naturalHeight === 64)"
    page.wait_for_function(f"{pictures}.length >= 2", timeout=PATIENCE)
    page.evaluate(f"{pictures}[0].scrollIntoView({{block: 'center'}})")
    keep(page, "mlflow_compare")
