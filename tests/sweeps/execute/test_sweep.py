"""A sweep uses a folder of its own, and its jobs do, too."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hydra._internal.callbacks import Callbacks
from omegaconf import OmegaConf

from inversion.errors import ConfigError
from sweeps.execute.callback import opened_sweep
from sweeps.execute.sweep import refuse_foreign_files, refuse_shared_folder


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
