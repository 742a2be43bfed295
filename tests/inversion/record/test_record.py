"""The record of one search: each step once, the folder first, and a store that may be away."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from inversion.batching import restore_all
from inversion.losses.perceptual_loss import PerceptualLoss
from inversion.model import Model
from inversion.passes import restore
from inversion.photos import Synthetic
from inversion.record.folder_recorder import FolderRecorder, json_numbers
from inversion.record.mlflow_store import Store
from inversion.record.own_folder import OwnFolder
from inversion.record.record import Record
from inversion.record.store_copy import Health, StoreCopy
from inversion.record.sync import behind
from inversion.record.write import PICTURES
from inversion.record.writer import Background, Writer
from inversion.restoration import Problem, Refusal, Restoration
from inversion.search.hyperparameters import Hyperparameters
from tests.inversion.record.memory import Memory

STORE = Store("sqlite:////nowhere/mlflow.db", "faces", "1")


@pytest.fixture
def problem(model: Model) -> Problem:
    (photo,) = Synthetic().load(model.generator).photos
    return Problem(photo, hyperparameters=Hyperparameters(steps=4))


def opened(
    problem: Problem, folder: Path, inner: Memory | None = None, image_every: int = 0, frames: int = 0
) -> Record:
    own, writer = OwnFolder(folder), Writer("test")
    copy = None if inner is None else StoreCopy(inner, Health(STORE.uri), writer)
    files = Background(FolderRecorder(own), writer)
    return Record(problem, own, files, copy, STORE, image_every, frames, False, {})


def searched(model: Model, loss: PerceptualLoss, record: Record) -> Restoration:
    (found,) = restore(model, loss, [record.problem], [record])
    assert isinstance(found, Restoration)
    return found


def result(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "result.json").read_text()))


def recorded_steps(folder: Path) -> list[int]:
    with (folder / "losses.csv").open(newline="") as file:
        return [int(row["step"]) for row in csv.DictReader(file)]


@pytest.mark.parametrize("steps", [1, 39, 40, 79, 80, 100, 500])
def test_a_film_has_at_most_so_many_frames_and_shows_both_ends(
    problem: Problem, tmp_path: Path, steps: int
) -> None:
    long = replace(problem, hyperparameters=Hyperparameters(steps=steps))
    record, shown = opened(long, tmp_path, frames=40), []
    for step in range(steps):
        before = len(record._frames)
        record.image(step, torch.zeros(3, 4, 4), step == steps - 1)
        shown += [step] * (len(record._frames) - before)
    assert min(steps, 20) <= len(shown) <= 40
    assert (shown[0], shown[-1]) == (0, steps - 1)


def test_without_frames_or_a_slider_no_picture_is_kept(problem: Problem, tmp_path: Path) -> None:
    record = opened(problem, tmp_path)
    record.image(0, torch.zeros(3, 4, 4), True)
    record.flush()
    assert record._frames == [] and not (tmp_path / "images").exists()


def test_repeated_steps_are_recorded_once_and_later_ones_kept(problem: Problem, tmp_path: Path) -> None:
    inner = Memory()
    record = opened(problem, tmp_path, inner, image_every=2, frames=3)
    for attempt in (range(3), range(5)):
        for step in attempt:
            record.losses(step, {"loss": 1.0})
            record.image(step, torch.zeros(3, 4, 4), step == 4)
    record.flush()
    assert [call[2] for call in inner.calls if call[0] == "log_metrics"] == [0, 1, 2, 3, 4]
    assert [call[2] for call in inner.calls if call[0] == "log_image"] == [0, 2, 4]
    assert len(record._frames) == 3
    assert recorded_steps(tmp_path) == [0, 1, 2, 3, 4]


def test_a_picture_that_is_not_finite_is_left_out(problem: Problem, tmp_path: Path) -> None:
    record = opened(problem, tmp_path, image_every=1, frames=4)
    record.image(0, torch.full([3, 4, 4], torch.nan), False)
    record.image(2, torch.zeros(3, 4, 4), False)
    record.flush()
    assert [path.name for path in (tmp_path / "images").iterdir()] == ["progress_0002.png"]
    assert len(record._frames) == 1


def test_a_pass_that_ran_out_of_memory_late_doubles_no_step(
    problem: Problem, model: Model, loss: PerceptualLoss, tmp_path: Path
) -> None:
    class Tight(Record):
        """Runs out of memory in the first pass, at step 2."""

        full = [True]

        def losses(self, step: int, values: Any) -> None:
            super().losses(step, values)
            if step == 2 and self.full:
                self.full.clear()
                raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory")

    records: dict[Problem, Record] = {}
    for seed in (0, 1):
        own = OwnFolder(tmp_path / str(seed))
        files = Background(FolderRecorder(own), Writer("test"))
        one = replace(problem, seed=seed, hyperparameters=Hyperparameters(steps=30))
        records[one] = Tight(one, own, files, None, None, 10, 4, False, {})
    for one, found in restore_all(model, loss, list(records), 2, records.__getitem__):
        assert records[one].finish(found).status == "FINISHED"
        assert recorded_steps(records[one].folder) == list(range(30))
        images = sorted(path.name for path in (records[one].folder / "images").iterdir())
        assert images == [f"progress_{step:04d}.png" for step in (0, 10, 20, 29)]
    assert not Tight.full


def test_folder_and_store_get_the_same_steps_files_and_metrics(
    problem: Problem, model: Model, loss: PerceptualLoss, tmp_path: Path
) -> None:
    inner = Memory()
    record = opened(problem, tmp_path, inner, image_every=2, frames=3)
    assert not record.has_begun
    found = searched(model, loss, record)
    assert record.has_begun
    ending = record.finish(found)
    assert (ending.status, ending.reason, ending.metrics) == ("FINISHED", "", found.metrics)
    assert result(tmp_path)["summary"] == json_numbers(found.metrics)
    assert inner.names[-1] == "finish" and inner.calls[-2] == ("log_summary", found.metrics)
    assert ("log_image", "restored", 0) in inner.calls
    kept = [call[1] for call in inner.calls if call[0] == "log_file"]
    assert all(path.is_file() and path.parent == tmp_path for path in kept)
    assert {"panel.png", "restored.png", "loss.png", "progress.webp", "latents.npz"} <= {p.name for p in kept}
    assert recorded_steps(tmp_path) == [0, 1, 2, 3] and result(tmp_path)["last_step"] == 3
    assert not record.is_behind and list(behind(STORE)) == []


@pytest.mark.parametrize("fails_in", ["log_metrics", "log_file", "finish"])
def test_a_store_that_is_away_leaves_the_folder_finished_and_is_noted_as_behind(
    problem: Problem, model: Model, loss: PerceptualLoss, tmp_path: Path, fails_in: str
) -> None:
    record = opened(problem, tmp_path / "run", Memory(fails_in))
    ending = record.finish(searched(model, loss, record))
    assert ending.status == "FINISHED" and record.is_behind
    assert result(tmp_path / "run")["status"] == "FINISHED"
    assert [folder for _, folder in behind(STORE)] == [tmp_path / "run"]


def test_a_store_that_is_away_ends_no_run_even_where_that_cannot_be_noted(
    problem: Problem, model: Model, loss: PerceptualLoss, tmp_path: Path, cache: Path
) -> None:
    cache.write_bytes(b"a file where the cache folder should be")
    record = opened(problem, tmp_path / "run", Memory("log_metrics"))
    assert record.finish(searched(model, loss, record)).status == "FINISHED"
    assert result(tmp_path / "run")["status"] == "FINISHED"


def test_a_result_that_cannot_be_written_ends_as_failed(
    problem: Problem, model: Model, loss: PerceptualLoss, tmp_path: Path
) -> None:
    inner = Memory()
    record = opened(problem, tmp_path, inner)
    found = searched(model, loss, record)
    (tmp_path / "latents.npz").write_bytes(b"mine")
    ending = record.finish(found)
    assert ending.status == "FAILED" and "latents.npz is in the way" in ending.reason
    assert (tmp_path / "latents.npz").read_bytes() == b"mine"
    assert (result(tmp_path)["status"], result(tmp_path)["reason"]) == ("FAILED", ending.reason)
    assert inner.calls[-1] == ("finish", "FAILED", ending.reason)


def test_a_full_disk_ends_as_failed_and_says_so(
    problem: Problem, model: Model, loss: PerceptualLoss, tmp_path: Path, full_disk: Callable[[int], Any]
) -> None:
    record = opened(problem, tmp_path)
    found = searched(model, loss, record)
    with full_disk(700):
        ending = record.finish(found)
    assert ending.status == "FAILED" and "Free some space" in ending.reason
    assert not (tmp_path / "result.json").exists() or result(tmp_path)["status"] == "FAILED"


def test_a_step_that_could_not_be_written_ends_as_failed(
    problem: Problem, model: Model, loss: PerceptualLoss, tmp_path: Path, full_disk: Callable[[int], Any]
) -> None:
    record = opened(problem, tmp_path)
    with full_disk(100):
        found = searched(model, loss, record)
        record.image(100, torch.zeros(3, 4, 4), True)
        while not record._folder._failure:  # the writer is another thread
            pass
    ending = record.finish(found)
    assert ending.status == "FAILED" and "losses.csv" in ending.reason
    assert result(tmp_path)["status"] == "FAILED"


def test_a_refusal_is_recorded_with_its_reason(problem: Problem, tmp_path: Path) -> None:
    inner = Memory()
    ending = opened(problem, tmp_path, inner).finish(Refusal(problem, "no such thing"))
    assert (ending.status, ending.reason, ending.metrics) == ("FAILED", "no such thing", {})
    assert result(tmp_path)["reason"] == "no such thing"
    assert inner.calls == [("finish", "FAILED", "no such thing")]


def test_what_ctrl_c_left_is_recorded_with_all_that_was_reached(
    problem: Problem, model: Model, loss: PerceptualLoss, tmp_path: Path
) -> None:
    class Pressed(Record):
        def image(self, step: int, image: torch.Tensor, last: bool) -> None:
            super().image(step, image, last)
            if step == 2:
                raise KeyboardInterrupt

    own = OwnFolder(tmp_path)
    files = Background(FolderRecorder(own), Writer("test"))
    record = Pressed(problem, own, files, None, None, 1, 4, False, {})
    ending = record.finish(searched(model, loss, record))
    assert ending.status == "KILLED" and ending.metrics["fit_psnr"] > 0
    assert result(tmp_path)["status"] == "KILLED" and recorded_steps(tmp_path) == [0, 1, 2]
    written = {path.name for path in tmp_path.iterdir()}
    assert {"restored.png", "panel.png", "loss.png", "progress.webp", "latents.npz"} <= written
    assert {path.name for path in tmp_path.glob("*.png")} <= set(PICTURES)
