"""A process is gone only when it is really gone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from sweeps.execute import process


def sleeper() -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(240)"])


def tags_of(pid: int) -> dict[str, str]:
    return process.tags() | {"pid": str(pid), "process_started": process.started(pid) or ""}


def test_this_process_is_here() -> None:
    assert not process.is_gone(process.tags())


def test_a_killed_process_is_gone_even_before_anyone_has_looked() -> None:
    child = sleeper()
    tags = tags_of(child.pid)
    assert not process.is_gone(tags)
    child.kill()
    deadline = time.monotonic() + 120
    while not process.is_gone(tags) and time.monotonic() < deadline:  # a zombie until wait()
        time.sleep(0.01)
    assert process.is_gone(tags)
    child.wait()
    assert process.is_gone(tags)


def test_another_process_under_the_same_number_is_another() -> None:
    assert process.is_gone(process.tags() | {"process_started": "long ago"})


def test_of_another_machine_and_of_foreign_runs_nothing_is_known() -> None:
    assert not process.is_gone(tags_of(os.getpid()) | {"host": "elsewhere", "process_started": "long ago"})
    assert not process.is_gone({"kind": "job"})


def test_slurm_starts_a_job_again_only_when_its_first_life_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "42")
    monkeypatch.setenv("SLURM_RESTART_COUNT", "0")
    before = process.tags() | {"host": "elsewhere"}
    assert not process.is_gone(before)
    monkeypatch.setenv("SLURM_RESTART_COUNT", "1")
    assert process.is_gone(before)
    monkeypatch.setenv("SLURM_JOB_ID", "43")
    assert not process.is_gone(before)


@pytest.mark.parametrize("count", ["", "once", "-1", "²", "9" * 5_000])
def test_a_number_of_starts_that_is_none_ends_no_job(monkeypatch: pytest.MonkeyPatch, count: str) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "42")
    monkeypatch.setenv("SLURM_RESTART_COUNT", "0")
    before = process.tags() | {"host": "elsewhere"}
    monkeypatch.setenv("SLURM_RESTART_COUNT", count)
    assert not process.is_gone(before) and not process.is_gone(process.tags() | {"host": "elsewhere"})


@pytest.mark.parametrize("tags", [{"pid": 5}, {"pid": None}, {"pid": "²"}, {"pid": ["1"]}, {"slurm_job": 7}])
def test_what_damage_has_left_of_the_tags_names_no_process(tags: dict[str, Any]) -> None:
    damaged = process.tags() | tags
    assert process.is_here(damaged) == ("slurm_job" in tags) and not process.is_gone(damaged)


@pytest.mark.parametrize("before", ["", "signal.signal(signal.SIGINT, signal.SIG_IGN);"])
def test_a_worker_ends_with_the_process_that_waits_for_it(tmp_path: Path, before: str) -> None:
    """Also in a shell's background, where Ctrl-C is ignored."""
    worker = (
        f"import pathlib, signal, sys, time; {before} from sweeps.execute.process import end_with_parent\n"
        "end_with_parent()\n"
        f"pathlib.Path(r'{tmp_path}/ready').touch()\n"
        "try:\n    time.sleep(120)\n"
        f"except KeyboardInterrupt:\n    pathlib.Path(r'{tmp_path}/interrupted').touch()\n"
    )
    parent = (
        f"import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', {worker!r}]); time.sleep(240)"
    )
    root = Path(__file__).parents[2]
    child = subprocess.Popen([sys.executable, "-c", parent], env=os.environ | {"PYTHONPATH": str(root)})
    wait_for(tmp_path / "ready")
    child.send_signal(signal.SIGKILL)
    child.wait()
    wait_for(tmp_path / "interrupted")


def test_a_worker_that_waits_for_its_next_task_ends_as_well(tmp_path: Path) -> None:
    """A pool's takes the interrupt for the end of one task."""
    worker = (
        "import os, pathlib, time; from sweeps.execute import process\n"
        "process.GRACE = 0.1\n"
        "process.end_with_parent()\n"
        f"pathlib.Path(r'{tmp_path}/ready').write_text(str(os.getpid()))\n"
        "while True:\n"
        "    try:\n        time.sleep(60)\n"
        f"    except KeyboardInterrupt:\n        pathlib.Path(r'{tmp_path}/interrupted').touch()\n"
    )
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {worker!r}])"
    root = Path(__file__).parents[2]
    child = subprocess.Popen([sys.executable, "-c", parent], env=os.environ | {"PYTHONPATH": str(root)})
    wait_for(tmp_path / "ready")
    deadline = time.monotonic() + 120
    while not (number := (tmp_path / "ready").read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    child.kill()
    child.wait()
    wait_for(tmp_path / "interrupted")
    deadline = time.monotonic() + 120
    while process.started(int(number)) is not None:
        assert time.monotonic() < deadline, "the worker waits on"
        time.sleep(0.05)


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 120
    while not path.exists():
        assert time.monotonic() < deadline, f"no {path.name}"
        time.sleep(0.05)
