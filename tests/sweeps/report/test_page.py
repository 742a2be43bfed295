"""The report: one file, whole, safe, and small enough for a phone."""

from __future__ import annotations

import base64
import io
import json
import math
import re
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from sweeps.report import album as album_module
from sweeps.report.album import Album, thumbnail
from sweeps.report.contents import to_json
from sweeps.report.page import SCRIPTS, render
from sweeps.report.source import Source
from sweeps.results.summarize import Study, Summary, summarize
from sweeps.results.table import Table
from sweeps.results.task import Task
from tests.sweeps.made import by_formula, losses, picture, table


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def written(summary: Summary, folder: Path, *others: Summary) -> str:
    def file(run_id: str, name: str) -> Path:
        path = folder / f"{run_id}-{name}"
        if not path.exists():
            found = picture(run_id, name)
            assert found is not None
            found.save(path)
        return path

    return render(Study((summary, *others)), Source(losses(summary.table), file))


def data(html: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', html, re.DOTALL)
    assert found is not None
    return dict(json.loads(found[1]))


def test_nothing_is_loaded_from_anywhere(folder: Path) -> None:
    html = written(summarize(table({"reg": [0.1, 0.5], "steps": [10, 20]})), folder)
    assert "default-src 'none'" in html
    assert not re.search(r'(src|href)="(https?:)?//', html) and "@import" not in html
    assert "url(" not in html


def test_names_and_reasons_cannot_break_out_of_the_page(folder: Path) -> None:
    evil = '</script><script>alert("x")</script>'
    made = table(
        {"reg": [0.1, 0.5]}, lambda p, i: None if p["reg"] == 0.5 else by_formula(p, i), photos=[evil]
    )
    html = written(summarize(Table(made.rows, made.axes, made.metrics, evil)), folder)
    assert evil not in html
    assert data(html)["tasks"][0]["problems"][0]["photo"] == evil


def test_every_cell_is_there_and_failed_ones_say_why(folder: Path) -> None:
    made = table(
        {"reg": [0.1, 0.5], "steps": [10, 20]}, lambda p, i: None if p["reg"] == 0.5 else by_formula(p, i)
    )
    found = data(written(summarize(made), folder))["tasks"][0]
    assert [cell["status"] for cell in found["cells"]] == ["FINISHED", "FINISHED", "FAILED", "FAILED"]
    assert found["problems"][3]["reason"] == "no <face>"
    assert [found["axes"][i]["key"] for i in (found["layout"]["down"], found["layout"]["across"])] == [
        "reg",
        "steps",
    ]


def test_each_distinct_picture_is_inside_once_and_small_ones_keep_their_pixels(tmp_path: Path) -> None:
    names = []
    for number, side in enumerate((64, 64, 2000)):
        names.append(tmp_path / f"{number}.png")
        Image.new("RGB", (side, side), (90, 0, 0)).save(names[-1])
    album = Album()
    assert [album.add(path) for path in names] == [0, 0, 1]
    sizes = [Image.open(io.BytesIO(base64.b64decode(text))).size for text in album.encode()]
    assert sizes == [(64, 64), (album_module.SIDES[0], album_module.SIDES[0])]


def test_many_pictures_get_smaller_rather_than_the_file_larger(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    album = Album()
    for number in range(4):
        path = tmp_path / f"{number}.png"
        Image.effect_noise((400, 400), 20).convert("RGB").save(path)
        album.add(path)
    monkeypatch.setattr(album_module, "BUDGET", 4 * len(thumbnail(tmp_path / "0.png", 192)))
    assert sum(len(text) * 3 / 4 for text in album.encode()) < 1.2 * album_module.BUDGET


@pytest.mark.slow
def test_a_thousand_cells_are_a_few_megabytes(folder: Path) -> None:
    made = table({"reg": [i / 100 for i in range(1, 26)], "steps": list(range(50, 2050, 50))})
    html = written(summarize(made), folder)
    assert len(data(html)["tasks"][0]["cells"]) == 1000 and len(html) < 20e6


def test_what_is_not_a_number_is_null() -> None:
    assert to_json({"a": math.nan, "b": [math.inf, 1.5], "c": "<&>"}) == (
        '{"a":null,"b":[null,1.5],"c":"\\u003c\\u0026\\u003e"}'
    )


def test_a_sweep_without_runs_is_a_page(folder: Path) -> None:
    html = written(summarize(Table(table({}).rows[:0], (), (), "nothing")), folder)
    assert data(html)["tasks"][0]["cells"] == [] and "nothing to recommend" in html


def test_every_script_is_in_the_page_once_and_there_is_no_other() -> None:
    folders = [resources.files(room) / "assets" for room in ("sweeps.report", "sweeps")]
    there = {path.name for folder in folders for path in folder.iterdir() if path.name.endswith(".js")}
    assert there == {f"{name}.js" for name in SCRIPTS} and len(SCRIPTS) == len(there)


def test_a_task_has_a_part_of_its_own(folder: Path) -> None:
    grey = table({"reg": [0.1, 0.5]}, task=Task("grayscale"))
    html = written(summarize(table({"steps": [10, 20]})), folder, summarize(grey))
    assert [(task["title"], [axis["key"] for axis in task["axes"]]) for task in data(html)["tasks"]] == [
        ("blur", ["steps"]),
        ("grayscale", ["reg"]),
    ]
    assert data(html)["tasks"][1]["cells"][0]["command"] == "degradation=grayscale reg=0.1"


def test_the_page_shows_metrics_as_the_catalogue_says(folder: Path) -> None:
    found = data(written(summarize(table({"reg": [0.1, 0.5]})), folder))["metrics"]
    assert (found["psnr"]["digits"], found["psnr"]["unit"], found["psnr"]["better"]) == (1, "dB", "higher")
    assert found["identity_distance"]["better"] == "lower"
