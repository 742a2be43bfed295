from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import pytest
from PIL import Image

from inversion.record.folder_recorder import FolderRecorder


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "losses.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def result(folder: Path) -> dict:
    return json.loads((folder / "result.json").read_text())


def test_each_step_is_on_disk_at_once(tmp_path: Path) -> None:
    recorder = FolderRecorder(tmp_path)
    for step in range(3):
        recorder.log_metrics({"loss": 0.1 + 0.2 * step, "pixel": 1e-9}, step)
        assert len(rows(tmp_path)) == step + 1
    assert [float(row["loss"]) for row in rows(tmp_path)] == [0.1 + 0.2 * step for step in range(3)]
    assert [int(row["step"]) for row in rows(tmp_path)] == [0, 1, 2]


def test_values_that_are_not_finite_come_back(tmp_path: Path) -> None:
    recorder = FolderRecorder(tmp_path)
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
    recorder = FolderRecorder(tmp_path)
    recorder.log_metrics({"loss": 1.0}, 0)
    recorder.log_metrics({"loss": 2.0, "kernel, blind": 3.0}, 1)
    recorder.log_metrics({"loss": 4.0}, 2)
    assert [row["kernel, blind"] for row in rows(tmp_path)] == ["", "3.0", ""]
    assert [row["loss"] for row in rows(tmp_path)] == ["1.0", "2.0", "4.0"]


def test_images_sort_by_step_and_keys_make_safe_names(tmp_path: Path) -> None:
    recorder = FolderRecorder(tmp_path)
    for step in (1000, 0, 50):
        recorder.log_image("restored/../x", Image.new("RGB", (2, 2)), step)
    names = sorted(path.name for path in (tmp_path / "images").iterdir())
    assert names == ["restored_.._x_0000.png", "restored_.._x_0050.png", "restored_.._x_1000.png"]


def test_a_file_is_copied_unless_it_lies_there_already(tmp_path: Path) -> None:
    outside, folder = tmp_path / "panel.png", tmp_path / "run"
    outside.write_bytes(b"panel")
    recorder = FolderRecorder(folder)
    recorder.log_file(outside)
    (folder / "own.png").write_bytes(b"own")
    recorder.log_file(folder / "own.png")
    assert (folder / "panel.png").read_bytes() == b"panel"
    assert (folder / "own.png").read_bytes() == b"own"


def test_result_is_the_last_word_and_holds_status_reason_and_figures(tmp_path: Path) -> None:
    recorder = FolderRecorder(tmp_path)
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


def test_a_new_attempt_clears_what_an_earlier_one_left_and_nothing_else(tmp_path: Path) -> None:
    first = FolderRecorder(tmp_path)
    first.log_metrics({"loss": 1.0}, 0)
    first.log_image("progress", Image.new("RGB", (2, 2)), 900)
    first.log_summary({"psnr": 1.0})
    first.finish("FINISHED")
    (tmp_path / "run.log").write_text("Hydra's")
    FolderRecorder(tmp_path).finish("FAILED", "early")
    left = sorted(path.name for path in tmp_path.rglob("*") if path.is_file())
    assert left == ["result.json", "run.log"]
    assert result(tmp_path)["status"] == "FAILED" and result(tmp_path)["summary"] == {}


@pytest.mark.parametrize("resume", [False, True])
def test_an_attempt_that_is_killed_leaves_no_earlier_proof(tmp_path: Path, resume: bool) -> None:
    FolderRecorder(tmp_path).finish("FINISHED")
    FolderRecorder(tmp_path, resume=resume)
    assert not (tmp_path / "result.json").exists()


def test_a_resumed_record_has_every_step_once(tmp_path: Path) -> None:
    killed = FolderRecorder(tmp_path)
    killed.set_tags({"kind": "job"})
    for step in range(6):
        killed.log_metrics({"loss": step + 0.25}, step)
    with (tmp_path / "losses.csv").open("a") as file:
        file.write("6,6.")  # the kill came here
    resumed = FolderRecorder(tmp_path, resume=True)
    for step in range(4, 10):  # from the last optimizer checkpoint
        resumed.log_metrics({"loss": step + 0.25, "late": 0.0}, step)
    resumed.finish("FINISHED")
    assert [row["step"] for row in rows(tmp_path)] == [str(step) for step in range(10)]
    assert [float(row["loss"]) for row in rows(tmp_path)] == [step + 0.25 for step in range(10)]
    assert json.loads((tmp_path / "tags.json").read_text()) == {"kind": "job"}


def test_resuming_where_nothing_was_is_a_fresh_start(tmp_path: Path) -> None:
    recorder = FolderRecorder(tmp_path / "new", resume=True)
    recorder.log_metrics({"loss": 1.0}, 0)
    assert len(rows(tmp_path / "new")) == 1


def test_a_full_disk_is_one_clear_error_and_leaves_whole_rows(tmp_path: Path, full_disk) -> None:
    recorder = FolderRecorder(tmp_path)
    recorder.log_metrics({"loss": 1.0}, 0)
    with full_disk(50), pytest.raises(OSError, match=r"Could not write .*losses\.csv"):
        for step in range(1, 50):
            recorder.log_metrics({"loss": 1 / 3}, step)
    kept = len(rows(tmp_path))
    recorder.log_metrics({"loss": 2.0}, 60)  # there is room again
    assert (tmp_path / "losses.csv").read_text().endswith("\n60,2.0\n")
    assert len(rows(tmp_path)) == kept + 1
    assert all(row["loss"] in ("1.0", repr(1 / 3), "2.0") for row in rows(tmp_path))
    with full_disk(50), pytest.raises(OSError, match=r"result\.json"):
        recorder.finish("FINISHED")
    assert not (tmp_path / "result.json").exists()
    assert not list(tmp_path.glob(".*.tmp"))


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "taken").write_bytes(b"")
    with pytest.raises(OSError, match="taken"):
        FolderRecorder(tmp_path / "taken")
