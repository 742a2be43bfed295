"""The page as a person uses it, in a real headless browser, from the photo to the download: make test-browser."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from inversion.faces.sample import sample_photo
from tests.end_to_end.serving import free_port, wait_for_page
from tests.end_to_end.sweeping import ENVIRONMENT
from tests.sweeps import test_browser as chromium
from tests.sweeps.test_browser import DESKTOP, PHONE, keep, open_page

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
browser = chromium.browser
PATIENCE = 400_000  # ms, for a search of a few steps on a busy machine
DROP = """([name, content]) => {
  const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0)), data = new DataTransfer();
  data.items.add(new File([bytes], name, { type: "image/jpeg" }));
  document.getElementById("drop").dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true }));
}"""


@dataclass
class Served:
    folder: Path
    port: int
    process: subprocess.Popen[bytes]

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def records(self) -> list[Path]:
        return sorted(path.parent for path in self.folder.glob("outputs/*/*/result.json"))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder, port = tmp_path_factory.mktemp("app"), free_port()
    (folder / "tmp").mkdir()
    store = {"MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db", "TMPDIR": str(folder / "tmp")}
    command = [sys.executable, "-m", "sweeps", "app", "--port", str(port), "generator=portraits64", "steps=8"]
    with (folder / "app.log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=folder, env=ENVIRONMENT | store, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        wait_for_page(f"http://127.0.0.1:{port}/", folder / "app.log")
        yield Served(folder, port, process)
    finally:
        process.kill()
        process.wait()


def check(page: Any, name: str, value: str) -> None:
    page.locator(f'input[name="{name}"][value="{value}"]').check(force=True)  # it lies under its picture


def fits(page: Any, width: int) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth") <= width)


def saved(page: Any, button: str, path: Path) -> Image.Image:
    with page.expect_download(timeout=PATIENCE) as waiting:
        page.locator(button).click()
    waiting.value.save_as(path)
    assert waiting.value.suggested_filename in ("photo_restored.png", "result.png", "sample_1.png")
    with Image.open(path) as picture:
        return picture.convert("RGB")


def test_a_dropped_photo_is_painted_restored_chosen_and_downloaded(
    browser: Any, served: Served, tmp_path: Path
) -> None:
    page, errors = open_page(browser, served.address, DESKTOP)
    assert page.locator("#settings").is_hidden()
    content = base64.b64encode(sample_photo().read_bytes()).decode()
    page.evaluate(DROP, ["Großmutter [1].jpg", content])
    page.locator("#settings").wait_for(timeout=PATIENCE)
    assert page.locator("#name").inner_text() == "Großmutter [1].jpg"
    assert page.locator("#faces input").count() == 1

    check(page, "damage", "missing")
    assert page.locator("#undo").is_disabled()
    box = page.locator("#canvas").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + box["height"] * 0.5)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.52, steps=4)
    page.mouse.up()
    assert page.locator("#undo").is_enabled()
    page.locator("#four").check()
    keep(page, "app_1280_paint")
    page.locator("#restore").click()
    page.locator("#view-search").wait_for()
    page.locator("#view-result .compare").wait_for(timeout=PATIENCE)
    assert page.locator("#choices input").count() == 5  # four, and the face as it is drawn
    keep(page, "app_1280_result")

    slider = page.locator("#view-result .compare input")
    slider.focus()
    page.keyboard.press("End")
    assert page.locator(".compare").evaluate("e => e.style.getPropertyValue('--at')") == "100%"
    check(page, "choice", "sample_1.png")
    check(page, "view", "whole")
    page.locator('#compare-place:not([aria-busy]) img[src$="photo/sample_1.png"]').wait_for(timeout=PATIENCE)
    keep(page, "app_1280_whole")
    with Image.open(sample_photo()) as given:
        assert saved(page, "#download-photo", tmp_path / "photo.png").size == given.size
    face = saved(page, "#download-face", tmp_path / "face.png")
    (record,) = served.records()
    with Image.open(record / "sample_1.png") as own:
        assert face.tobytes() == own.convert("RGB").tobytes()
    assert json.loads((record / "result.json").read_text())["status"] == "FINISHED"
    assert fits(page, DESKTOP["width"]) and errors == []


def test_on_a_phone_a_chosen_photo_is_restored_stopped_and_restored_again(
    browser: Any, served: Served, tmp_path: Path
) -> None:
    page, errors = open_page(browser, served.address, PHONE)
    page.set_input_files("#file", sample_photo())
    page.locator("#settings").wait_for(timeout=PATIENCE)
    check(page, "damage", "blur")
    page.locator("#blur-auto").uncheck()
    page.locator("#blur").fill("5")
    assert page.locator("#blur-out").inner_text() == "5 % of the face"
    assert fits(page, PHONE["width"])
    keep(page, "app_390_settings")
    page.locator("#restore").click()
    page.locator("#stop").click()
    page.locator("#restore:enabled").wait_for(timeout=PATIENCE)
    before = len(served.records())
    page.locator("#likeness").fill("0.7")
    page.locator("#restore").click()
    page.locator("#view-result .compare").wait_for(timeout=PATIENCE)
    assert page.locator("#overshoots").is_visible()  # the sample is sharp
    keep(page, "app_390_result")
    assert len(served.records()) > before
    saved(page, "#download-photo", tmp_path / "photo.png")
    assert fits(page, PHONE["width"]) and errors == []

    page.locator("#restore").click()  # the same again: nothing is searched
    page.get_by_text("were restored before").wait_for(timeout=PATIENCE)


def test_a_print_is_looked_at_corrected_and_restored(browser: Any, served: Served, tmp_path: Path) -> None:
    """The way of somebody who chooses a photo and presses the one button, after taking one answer back."""
    path = tmp_path / "print.png"
    with Image.open(sample_photo()) as photo:
        right = photo.convert("L").crop((160, 0, 512, 600)).resize((600, 1023), Image.Resampling.LANCZOS)
    right = right.crop((0, 0, 600, 704))
    right.paste(248, (316, 0, 322, 704))
    right.save(path)
    page, errors = open_page(browser, served.address, PHONE)
    page.set_input_files("#file", path)
    page.locator("#corrections").wait_for(timeout=PATIENCE)
    assert page.locator("#found-grey").is_checked() and page.locator("#hidden").is_visible()
    assert "black-and-white (sure)" in page.locator("#found-rows").inner_text()
    assert page.locator("#found-enlarged-out").inner_text() == "no"
    assert page.locator("#found-noise-out").inner_text() == "none" and fits(page, PHONE["width"])
    keep(page, "app_390_found")
    page.locator("#fill").uncheck()
    assert page.locator("#hidden").is_hidden()
    page.locator("#fill").check()
    page.locator("#restore").click()
    page.locator("#view-result .compare").wait_for(timeout=PATIENCE)
    keep(page, "app_390_print")
    record = served.records()[-1]
    assert (record / "damage.png").is_file()
    before, after = (
        np.asarray(picture.convert("L"), float)
        for picture in (Image.open(path), saved(page, "#download-photo", tmp_path / "photo.png"))
    )
    assert abs(before - after)[:, 330:340].mean() < 3 < abs(before - after)[300:400, 318:320].mean()
    assert errors == []


def test_all_faces_of_a_photo_are_restored_together(browser: Any, served: Served, tmp_path: Path) -> None:
    path = tmp_path / "two.png"
    with Image.open(sample_photo()) as photo:
        grey = photo.convert("L")
    two = Image.new("L", (2 * grey.width, grey.height))
    two.paste(grey, (0, 0))
    two.paste(grey.transpose(Image.Transpose.FLIP_LEFT_RIGHT), (grey.width, 0))
    two.save(path)
    page, errors = open_page(browser, served.address, DESKTOP)
    page.set_input_files("#file", path)
    page.locator("#corrections").wait_for(timeout=PATIENCE)
    assert page.locator("#faces input").count() == 3
    check(page, "face", "all")
    assert page.locator("#four-row").is_hidden()
    keep(page, "app_1280_all")
    page.locator("#restore").click()
    page.locator("#view-result .compare").wait_for(timeout=PATIENCE)
    keep(page, "app_1280_all_result")
    assert page.locator("#download-face").is_hidden()
    pixels = np.asarray(saved(page, "#download-photo", tmp_path / "photo.png"), float)
    coloured = pixels.max(axis=2) - pixels.min(axis=2)
    assert coloured[:, : grey.width].max() > 10 and coloured[:, grey.width :].max() > 10
    assert fits(page, DESKTOP["width"]) and errors == []


def test_what_cannot_be_used_is_said_in_words_of_the_page(
    browser: Any, served: Served, tmp_path: Path
) -> None:
    page, _ = open_page(browser, served.address, PHONE)
    (tmp_path / "letter.jpg").write_bytes(b"no picture")
    page.set_input_files("#file", tmp_path / "letter.jpg")
    page.locator("#error").wait_for(timeout=PATIENCE)
    assert "letter.jpg" in page.locator("#error").inner_text()
    assert page.locator("#drop").is_visible() and fits(page, PHONE["width"])
    page.set_input_files("#file", sample_photo())
    page.locator("#settings").wait_for(timeout=PATIENCE)
    assert page.locator("#error").is_hidden()
    check(page, "damage", "missing")
    page.locator("#restore").click()
    page.get_by_text("Paint over what is missing, or choose").wait_for(timeout=PATIENCE)
    keep(page, "app_390_error")


def test_the_runs_are_ordinary_ones_and_nothing_temporary_stays(browser: Any, served: Served) -> None:
    from inversion.record.mlflow_store import open_client

    client = open_client(f"sqlite:///{served.folder}/mlflow.db")
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    finished = client.search_runs(experiments, "attributes.status = 'FINISHED'")
    tags = [run.data.tags for run in finished]
    alone = [
        each for each in tags if each.get("kind") != "faces" and "-face" not in Path(each["folder"]).name
    ]
    assert {each["folder"] for each in alone} <= {str(path) for path in served.records()}
    assert {each["degradation"] for each in alone} == {"inpaint", "blur", "auto"}
    served.process.send_signal(signal.SIGTERM)
    assert served.process.wait(60) == 0
    assert os.listdir(served.folder / "tmp") == []
