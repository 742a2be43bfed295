"""Whoever looks at a sweep from another machine is told what its runs say."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from inversion.record.mlflow_store import open_client, sqlite_path
from inversion.record.same_file import Replaced
from sweeps.commands import main
from sweeps.execute import process
from sweeps.execute.heartbeat import TAG
from sweeps.execute.ledger import Ledger
from sweeps.results import progress
from sweeps.results.missing import find
from tests.sweeps.recorded import Sweep

pytestmark = pytest.mark.filterwarnings("ignore")  # MLflow's own, under current SQLAlchemy
COMMAND = "python run.py -m reg=0.1,0.2,0.3,0.4"


@pytest.fixture
def sweep(tmp_path: Path) -> Sweep:
    """Four points: one finished, one failed, one that another sweep's machine is running, one to come."""
    sweep = Sweep(tmp_path)
    sweep.recorder.set_tags({"sweep": "g1", "command": COMMAND, "runs": "4", **process.tags()})
    sweep.recorder.flush()
    ids = [
        sweep.add({"reg": 0.1}, {"psnr": 20.0}, pictures=False, tags={"fingerprint": "f0"}),
        sweep.add(
            {"reg": 0.2}, status="FAILED", reason="no face", pictures=False, tags={"fingerprint": "f1"}
        ),
    ]
    assert len(ids) == 2
    cells = [{"point": f"reg=0.{i + 1}", "photo": "me.jpg", "fingerprint": f"f{i}"} for i in range(4)]
    sweep.plan(cells, {"reg": ["0.1", "0.2", "0.3", "0.4"]})
    elsewhere(sweep, "f2", "node3", "w3")
    return sweep


def elsewhere(sweep: Sweep, fingerprint: str, host: str, worker: str) -> str:
    tags = {"kind": "job", "fingerprint": fingerprint, "host": host, "pid": "12", "worker": worker}
    return str(open_client(sweep.uri).create_run(sweep.experiment, tags=tags).info.run_id)


def lines(ledger: Ledger, followers: dict[str, Any]) -> list[str]:
    (seen,) = progress.look(ledger, followers)
    return seen.lines


def test_a_running_sweep_says_what_is_done_where_the_rest_runs_and_what_failed(sweep: Sweep) -> None:
    first, where, failed = lines(find(sweep.uri, "inversion", Path()), {})
    assert f"({sweep.parent}): RUNNING, 1 of 4 done, 1 running, 1 failed or killed" in first
    assert where == "  running on node3 (1)"
    assert failed == "  reg=0.2 me.jpg: FAILED, no face"


@pytest.mark.parametrize("content", ["{", "[]", '{"cells": [{"point": "reg=0.1"}]}', "[" * 100_000])
def test_a_damaged_list_of_runs_is_said_to_be_so(
    sweep: Sweep, content: str, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    open_client(sweep.uri).log_text(sweep.parent, content, "sweep.json")
    (first, *_) = lines(find(sweep.uri, "inversion", Path()), {})
    assert "RUNNING, 1 done" in first and "list of its runs is damaged" in caplog.text
    assert main(["missing", "--uri", sweep.uri, "inversion"]) == 1
    said = capsys.readouterr()
    first, second, third, *_ = said.out.splitlines()
    assert sweep.parent in first and "list of its runs is damaged" in second and COMMAND in third
    assert said.err == ""


def test_each_look_adds_what_has_ended_since_and_tells_the_time_left(sweep: Sweep) -> None:
    ledger = find(sweep.uri, "inversion", Path())
    followers: dict[str, Any] = {}
    lines(ledger, followers)
    sweep.add({"reg": 0.2}, {"psnr": 20.0}, pictures=False, tags={"fingerprint": "f1"})
    first, _ = lines(ledger, followers)
    assert "2 of 4 done, 1 running, about" in first


def test_a_silent_machine_is_named(sweep: Sweep) -> None:
    open_client(sweep.uri).set_experiment_tag(sweep.experiment, f"{TAG}w3", "9 2")
    ledger = find(sweep.uri, "inversion", Path())
    followers: dict[str, Any] = {}
    deadline = time.monotonic() + 120
    silent: list[str] = []
    while not silent:
        assert time.monotonic() < deadline
        time.sleep(0.3)
        silent = [line for line in lines(ledger, followers) if "no sign of life" in line]
    assert silent[0].endswith("process 12 on node3; after 2 s others run its points")


def test_watching_ends_with_the_sweep(
    sweep: Sweep, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sweeps.results.progress.EVERY", 0.1)
    assert main(["watch", "--uri", sweep.uri, "--once"]) == 1
    assert "1 of 4 done" in capsys.readouterr().out

    def finish(seconds: float) -> None:
        monkeypatch.setattr(time, "sleep", lambda _: None)
        sweep.add({"reg": 0.4}, {"psnr": 20.0}, pictures=False, tags={"fingerprint": "f3"})
        sweep.finish("KILLED")

    monkeypatch.setattr(time, "sleep", finish)
    assert main(["watch", "--uri", sweep.uri]) == 1
    said = capsys.readouterr().out
    assert "KILLED, 2 of 4 done" in said and f"to run what is missing: {COMMAND}" in said


def test_a_finished_sweep_is_shown_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sweep = Sweep(tmp_path)
    sweep.recorder.set_tags({"sweep": "g1"})
    sweep.add({"reg": 0.1}, {"psnr": 20.0}, pictures=False, tags={"fingerprint": "f0"})
    (sweep.folder / "sweep.json").write_text(
        json.dumps({"axes": {}, "cells": [{"point": "", "photo": "", "fingerprint": "f0"}]})
    )
    sweep.recorder.log_file(sweep.folder / "sweep.json")
    sweep.finish()
    assert main(["watch", "--uri", sweep.uri]) == 0
    assert "FINISHED, 1 of 1 done" in capsys.readouterr().out


def test_of_two_sweeps_over_one_grid_the_last_is_asked_what_is_missing(
    sweep: Sweep, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first may have been left behind by a machine that is gone."""
    client = open_client(sweep.uri)
    tags = {"kind": "sweep", "sweep": "g1", "runs": "1", "command": COMMAND}
    later = client.create_run(sweep.experiment, tags=tags).info.run_id
    (sweep.folder / "sweep.json").write_text(json.dumps({"axes": {}, "cells": []}))
    client.log_artifact(later, str(sweep.folder / "sweep.json"))
    assert main(["missing", "--uri", sweep.uri]) == 0
    assert "Nothing is missing" in capsys.readouterr().out


def test_watching_ends_where_another_file_takes_the_stores_place(
    sweep: Sweep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store that is away comes back; a file that this process has never opened does not."""
    database = sqlite_path(sweep.uri)
    assert database is not None

    def sleep(_: float) -> None:
        shutil.copy(database, tmp_path / "new.db")
        os.replace(tmp_path / "new.db", database)

    monkeypatch.setattr(time, "sleep", sleep)
    with pytest.raises(Replaced, match="only another start sees"):
        progress.watch(sweep.uri, "inversion", tmp_path, once=False)
