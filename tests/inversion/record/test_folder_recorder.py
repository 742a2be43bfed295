"""A record in a folder: complete after every call, readable by anyone."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from inversion.errors import ConfigError
from inversion.record.folder_recorder import FolderRecorder
from inversion.record.own_folder import MANIFEST, OwnFolder, read_manifest

ALWAYS = ["losses.csv", "summary.json", "tags.json", "result.json"]  # claimed before anything is known


def opened(folder: Path) -> FolderRecorder:
    return FolderRecorder(OwnFolder(folder))


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "losses.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def result(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "result.json").read_text()))


def test_each_step_is_on_disk_at_once(tmp_path: Path) -> None:
    recorder = opened(tmp_path)
    for step in range(3):
        recorder.log_metrics({"loss": 0.1 + 0.2 * step, "pixel": 1e-9}, step)
        assert len(rows(tmp_path)) == step + 1
    assert [float(row["loss"]) for row in rows(tmp_path)] == [0.1 + 0.2 * step for step in range(3)]
    assert [int(row["step"]) for row in rows(tmp_path)] == [0, 1, 2]


def test_a_step_that_was_recorded_is_not_recorded_again(tmp_path: Path) -> None:
    recorder = opened(tmp_path)
    for step in (0, 1, 0, 1, 2):
        recorder.log_metrics({"loss": float(step)}, step)
    assert [row["step"] for row in rows(tmp_path)] == ["0", "1", "2"]


def test_values_that_are_not_finite_come_back(tmp_path: Path) -> None:
    recorder = opened(tmp_path)
    recorder.log_metrics({"a": math.nan, "b": math.inf, "c": -math.inf}, 0)
    recorder.log_summary({"psnr": math.inf, "identity": math.nan, "ssim": 1})
    recorder.finish("FAILED", "nan")
    for read in (
        rows(tmp_path)[0],
        result(tmp_path)["summary"],
        json.loads((tmp_path / "summary.json").read_text()),
    ):
        values = [float(value) for key, value in read.items() if key not in ("step", "ssim")]
        assert math.inf in values and any(math.isnan(value) for value in values)
    assert "NaN" not in (tmp_path / "result.json").read_text()  # JSON has no such word


def test_a_term_that_starts_later_gets_its_column(tmp_path: Path) -> None:
    recorder = opened(tmp_path)
    recorder.log_metrics({"loss": 1.0}, 0)
    recorder.log_metrics({"loss": 2.0, "kernel, blind": 3.0}, 1)
    recorder.log_metrics({"loss": 4.0}, 2)
    assert [row["kernel, blind"] for row in rows(tmp_path)] == ["", "3.0", ""]
    assert [row["loss"] for row in rows(tmp_path)] == ["1.0", "2.0", "4.0"]


def test_images_sort_by_step_and_keys_make_safe_names(tmp_path: Path) -> None:
    recorder = opened(tmp_path)
    for step in (1000, 0, 50):
        recorder.log_image("restored/../x", Image.new("RGB", (2, 2)), step)
    names = sorted(path.name for path in (tmp_path / "images").iterdir())
    assert names == ["restored_.._x_0000.png", "restored_.._x_0050.png", "restored_.._x_1000.png"]
    assert sorted(read_manifest(tmp_path)["files"]) == sorted(
        [*ALWAYS, *(f"images/{name}" for name in names)]
    )


def test_a_file_is_copied_unless_it_lies_there_already(tmp_path: Path) -> None:
    outside, folder = tmp_path / "panel.png", tmp_path / "run"
    outside.write_bytes(b"panel")
    recorder = opened(folder)
    recorder.log_file(outside)
    recorder.log_file(recorder.folder.keep("own.png", b"own"))
    assert (folder / "panel.png").read_bytes() == b"panel"
    assert (folder / "own.png").read_bytes() == b"own"
    assert read_manifest(folder)["artifacts"] == ["panel.png", "own.png"]
    assert read_manifest(folder)["files"] == [*ALWAYS, "panel.png", "own.png"]


def test_result_is_the_last_word_and_holds_status_reason_and_metrics(tmp_path: Path) -> None:
    recorder = opened(tmp_path)
    recorder.set_tags({"kind": "job"})
    recorder.set_tags({"commit": "abc"})
    recorder.log_metrics({"loss": 1.0}, 7)
    recorder.log_summary({"psnr": 20.5})
    assert not (tmp_path / "result.json").exists()
    recorder.finish("KILLED", "Ctrl-C")
    read = result(tmp_path)
    assert (read["status"], read["reason"], read["last_step"]) == ("KILLED", "Ctrl-C", 7)
    assert read["summary"] == {"psnr": 20.5}
    assert json.loads((tmp_path / "tags.json").read_text()) == {"kind": "job", "commit": "abc"}


@pytest.mark.parametrize("text", ["ü → ß", "\udce4.jpg", "a\nb"])
def test_any_text_that_a_file_name_can_hold_is_recorded(tmp_path: Path, text: str) -> None:
    recorder = opened(tmp_path)
    recorder.set_tags({"photo": text})
    recorder.finish("FAILED", text)
    assert json.loads((tmp_path / "tags.json").read_text(encoding="utf-8")) == {"photo": text}
    assert (result(tmp_path)["status"], result(tmp_path)["reason"]) == ("FAILED", text)


def test_a_new_attempt_clears_what_an_earlier_one_left_and_nothing_else(tmp_path: Path) -> None:
    first = opened(tmp_path)
    first.log_metrics({"loss": 1.0}, 0)
    first.log_image("progress", Image.new("RGB", (2, 2)), 900)
    first.log_summary({"psnr": 1.0})
    first.finish("FINISHED")
    (tmp_path / "run.log").write_text("Hydra's")
    (tmp_path / "images" / "me.png").write_bytes(b"mine")
    opened(tmp_path).finish("FAILED", "early")
    left = sorted(path.name for path in tmp_path.rglob("*") if path.is_file())
    assert left == ["me.png", MANIFEST, "result.json", "run.log"]
    assert result(tmp_path)["status"] == "FAILED" and result(tmp_path)["summary"] == {}


def test_an_attempt_that_is_killed_leaves_no_earlier_proof(tmp_path: Path) -> None:
    opened(tmp_path).finish("FINISHED")
    opened(tmp_path)
    assert not (tmp_path / "result.json").exists()


@pytest.mark.parametrize("name", ["losses.csv", "summary.json", "tags.json", "result.json"])
def test_a_foreign_file_in_the_way_is_refused_before_anything_is_written(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"mine")
    with pytest.raises(ConfigError, match="is in the way"):
        opened(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_bytes() == b"mine"


def test_a_full_disk_is_one_clear_error_and_leaves_whole_rows(tmp_path: Path, full_disk: Any) -> None:
    recorder = opened(tmp_path)
    recorder.log_metrics({"loss": 1.0}, 0)
    recorder.log_metrics({"loss": 1.0}, 1)
    with full_disk(50), pytest.raises(OSError, match=r"Could not write .*losses\.csv"):
        for step in range(2, 50):
            recorder.log_metrics({"loss": 1 / 3}, step)
    kept = len(rows(tmp_path))
    recorder.log_metrics({"loss": 2.0}, 60)  # there is room again
    assert (tmp_path / "losses.csv").read_text().endswith("\n60,2.0\n")
    assert len(rows(tmp_path)) == kept + 1
    assert all(row["loss"] in ("1.0", repr(1 / 3), "2.0") for row in rows(tmp_path))
    with full_disk(50), pytest.raises(OSError, match=r"Could not write .*(result|record)\.json"):
        recorder.finish("FINISHED")
    assert not (tmp_path / "result.json").exists()
    assert not list(tmp_path.glob(".*.tmp"))


def test_a_disk_that_was_full_at_first_takes_what_comes_later(tmp_path: Path, full_disk: Any) -> None:
    recorder = opened(tmp_path)
    with full_disk(5), pytest.raises(OSError, match="Could not write"):
        recorder.log_metrics({"loss": 1.0}, 0)
    recorder.log_metrics({"loss": 2.0}, 1)
    assert [(row["step"], row["loss"]) for row in rows(tmp_path)] == [("1", "2.0")]
