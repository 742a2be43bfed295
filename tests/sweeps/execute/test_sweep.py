"""A sweep uses a folder of its own, and its jobs do, too."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hydra._internal.callbacks import Callbacks
from omegaconf import OmegaConf

from inversion.errors import ConfigError
from sweeps.execute.callback import opened_sweep
from sweeps.execute.sweep import refuse_foreign_files, refuse_shared_folder, take_folder
from sweeps.plan.grid import Cell, Grid


@pytest.mark.parametrize("name", ["report.html", "sweep.json"])
def test_a_file_of_somebody_else_is_refused_by_name_and_kept(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text('{"mine": 1}')
    with pytest.raises(ConfigError, match=f"{name} is in the way"):
        refuse_foreign_files(tmp_path)
    assert (tmp_path / name).read_text() == '{"mine": 1}'


@pytest.mark.parametrize("content", [b"[1]", b"\xff", b"[" * 100_000], ids=["list", "bytes", "deep"])
def test_a_damaged_plan_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "sweep.json").write_bytes(content)
    with pytest.raises(ConfigError, match=r"sweep\.json is in the way"):
        refuse_foreign_files(tmp_path)


def test_a_folder_in_the_place_of_the_reports_pictures_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "report").mkdir()
    with pytest.raises(ConfigError, match="report is in the way"):
        refuse_foreign_files(tmp_path)


def test_an_earlier_sweeps_own_files_are_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "sweep.json").write_text(json.dumps({"axes": {}, "cells": []}))
    (tmp_path / "report.html").write_text("<html>")
    refuse_foreign_files(tmp_path)
    refuse_foreign_files(tmp_path / "new")


def grid(*values: str) -> Grid:
    cells = [Cell(f"reg={value}", "me.png", f"of {value}") for value in values]
    return Grid({"reg": list(values)}, cells, "-".join(values))


def test_another_sweep_in_a_folder_leaves_the_first_one_its_plan_and_its_report(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    out = tmp_path / "out"
    assert take_folder(out, grid("1", "2")) == out
    (out / "report.html").write_text("the first one's")
    assert take_folder(out, grid("1", "2")) == out and not caplog.text, "the same sweep again"
    assert take_folder(out, grid("3")) == out / "sweep_2"
    assert (
        f"{out} holds another sweep and its report, which stay: this one is in {out}/sweep_2" in caplog.text
    )
    assert take_folder(out, grid("4")) == out / "sweep_3"
    assert take_folder(out, grid("3")) == out / "sweep_2"
    plans = [
        json.loads((folder / "sweep.json").read_text()) for folder in (out, out / "sweep_2", out / "sweep_3")
    ]
    assert [plan["axes"]["reg"] for plan in plans] == [["1", "2"], ["3"], ["4"]]
    assert (out / "report.html").read_text() == "the first one's"


def test_two_sweeps_that_begin_at_once_get_two_folders(tmp_path: Path) -> None:
    grids = [grid(str(number)) for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        folders = list(pool.map(lambda each: take_folder(tmp_path / "out", each), grids))
    assert set(folders) == {tmp_path / "out", *(tmp_path / f"out/sweep_{number}" for number in range(2, 9))}
    for each, folder in zip(grids, folders, strict=True):
        assert json.loads((folder / "sweep.json").read_text())["sweep"] == each.fingerprint


@pytest.mark.parametrize(("subdir", "works"), [("${hydra.job.num}", True), (".", False), ("out", False)])
def test_jobs_that_would_share_a_folder_are_refused(subdir: str, works: bool) -> None:
    config = OmegaConf.create({"hydra": {"sweep": {"dir": "x", "subdir": subdir}, "job": {"num": 0}}})
    if works:
        refuse_shared_folder(config)
    else:
        with pytest.raises(ConfigError, match=r"hydra\.sweep\.subdir must differ from job to job"):
            refuse_shared_folder(config)


def test_a_command_that_leaves_out_what_opens_a_sweep_is_told_so() -> None:
    """~hydra.callbacks.sweep"""
    with pytest.raises(SystemExit, match=r"hydra\.callbacks\.sweep opens a sweep"):
        opened_sweep(Callbacks())
