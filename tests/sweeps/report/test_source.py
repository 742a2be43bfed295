"""Losses come from a run's own folder where it holds them, else from the store, and are the same either way."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from inversion.record.folder_recorder import FolderRecorder
from inversion.record.own_folder import OwnFolder
from sweeps.report.source import read_source, recorded_losses
from sweeps.results.store import Store
from sweeps.results.summarize import study
from tests.sweeps.recorded import Sweep


def record(folder: Path, run_id: str | None, values: list[float]) -> str:
    folder.mkdir(exist_ok=True)
    recorder = FolderRecorder(OwnFolder(folder))
    for step, value in enumerate(values):
        recorder.log_metrics({"loss": value, "pixel": value / 2}, step)
    (folder / "record.json").write_text(json.dumps({"files": [], "run": run_id and {"id": run_id}}))
    return str(folder)


def test_the_folder_and_the_store_say_the_same(tmp_path: Path) -> None:
    sweep = Sweep(tmp_path)
    run = sweep.add({"reg": 0.1}, {"psnr": 20.0}, steps=4)
    store = Store(sweep.uri)
    known = store.losses(run, "loss")
    folder = record(tmp_path / "run", run, known.tolist())
    found = recorded_losses(folder, run, ["loss", "latent"])
    assert list(found) == ["loss"] and found["loss"].to_dict() == known.to_dict()
    assert (
        read_source(store, study(store.sweep(sweep.parent))).losses["loss"][run].to_dict() == known.to_dict()
    )


def test_what_is_cut_off_or_no_number_is_no_point(tmp_path: Path) -> None:
    folder = record(tmp_path / "run", "a", [3.0, math.inf, math.nan, 2.0])
    with (tmp_path / "run" / "losses.csv").open("a") as file:
        file.write("4,1.")
    assert recorded_losses(folder, "a", ["loss"])["loss"].to_dict() == {0: 3.0, 3: 2.0}


@pytest.mark.parametrize("holder", ["another", None])
def test_a_folder_that_another_run_has_taken_is_not_read(tmp_path: Path, holder: str | None) -> None:
    folder = record(tmp_path / "run", holder, [1.0])
    assert recorded_losses(folder, "a", ["loss"]) == {}
    assert recorded_losses("", "a", ["loss"]) == recorded_losses(str(tmp_path / "gone"), "a", ["loss"]) == {}


@pytest.mark.parametrize("rows", ["4,1.0\n", "x,1.0,0.5\n", "4,one,0.5\n"])
def test_a_damaged_list_of_losses_leaves_them_to_the_store(tmp_path: Path, rows: str) -> None:
    folder = record(tmp_path / "run", "a", [3.0, 2.0])
    with (tmp_path / "run" / "losses.csv").open("a") as file:
        file.write(rows)
    assert recorded_losses(folder, "a", ["loss"]) == {}
