"""What the store knows of a point decides whether it is run."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from inversion.record.mlflow_store import Store, open_client, prepare_store
from sweeps.execute import process
from sweeps.execute.ledger import Ledger, membership

pytestmark = pytest.mark.filterwarnings("ignore")  # MLflow's own, under current SQLAlchemy
GONE = {"process_started": "long ago"}


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store takes a second to make."""
    path = tmp_path_factory.mktemp("store") / "mlflow.db"
    prepare_store(f"sqlite:///{path}", "inversion", path.parent / "artifacts")
    return path


@pytest.fixture
def ledger(empty: Path, tmp_path: Path) -> Ledger:
    shutil.copy(empty, tmp_path / "mlflow.db")
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    return Ledger(Store(uri, "inversion", prepare_store(uri, "inversion", None)))


def run(ledger: Ledger, status: str, fingerprint: str = "f1", **tags: str) -> str:
    client = open_client(ledger.uri)
    own = {"kind": "job", "fingerprint": fingerprint, **process.tags(), **tags}
    run_id = str(client.create_run(ledger.experiment_id, tags=own).info.run_id)
    client.log_metric(run_id, "psnr", 24.0)
    if status != "RUNNING":
        client.set_terminated(run_id, status)
    return run_id


def status(ledger: Ledger, run_id: str) -> Any:
    return open_client(ledger.uri).get_run(run_id).info.status


def ending(ledger: Ledger, rerun: bool = False, **tags: str) -> Any:
    return ledger.ending(["f1"], {"fingerprint": "f1", **tags}, rerun)


def test_what_is_unknown_failed_or_killed_is_run(ledger: Ledger) -> None:
    assert ending(ledger) is None
    run(ledger, "FAILED")
    run(ledger, "KILLED")
    run(ledger, "FINISHED", fingerprint="f2")
    assert ending(ledger) is None


def test_what_is_finished_is_skipped_with_its_figures_unless_rerun(ledger: Ledger) -> None:
    run_id = run(ledger, "FINISHED")
    run(ledger, "KILLED")
    found = ending(ledger)
    assert (found.status, found.metrics) == ("FINISHED", {"psnr": 24.0})
    assert run_id in found.reason
    assert ending(ledger, rerun=True) is None


def test_where_the_pictures_of_a_finished_point_are_is_said(ledger: Ledger, tmp_path: Path) -> None:
    run(ledger, "FINISHED", folder=str(tmp_path / "gone"))
    found = ending(ledger)
    assert found.earlier == "" and "MLflow still has its pictures" in found.reason
    assert f"ui --uri {ledger.uri}" in found.reason
    run(ledger, "FINISHED", fingerprint="f2", folder=str(tmp_path))
    found = ledger.ending(["f2"], {}, False)
    assert found is not None and found.earlier == str(tmp_path) and str(tmp_path) in found.reason


@pytest.mark.parametrize("rerun", [False, True])
def test_what_a_live_process_works_on_is_left_to_it(ledger: Ledger, rerun: bool) -> None:
    run(ledger, "RUNNING")
    found = ending(ledger, rerun)
    assert found.status == "FAILED" and "is running it" in found.reason


def test_what_a_dead_process_left_is_killed_and_run_again(ledger: Ledger) -> None:
    run_id = run(ledger, "RUNNING", **GONE)
    assert ending(ledger) is None
    assert status(ledger, run_id) == "KILLED"


def test_only_runs_of_dead_processes_are_reaped(ledger: Ledger) -> None:
    dead = run(ledger, "RUNNING", **GONE)
    alive, elsewhere = run(ledger, "RUNNING"), run(ledger, "RUNNING", host="elsewhere", **GONE)
    client = open_client(ledger.uri)
    foreign = client.create_run(ledger.experiment_id).info.run_id
    assert ledger.reap() == [dead]
    assert [status(ledger, r) for r in (dead, alive, elsewhere, foreign)] == ["KILLED"] + ["RUNNING"] * 3
    assert ledger.reap(host="elsewhere") == [elsewhere]


def test_a_finished_run_joins_a_later_sweep(ledger: Ledger) -> None:
    run_id = run(ledger, "FINISHED", **{membership("old"): "yes"})
    ending(ledger, False, **{membership("new"): "yes"})
    assert ledger.statuses("old") == ledger.statuses("new") == {"f1": "FINISHED"}
    assert status(ledger, run_id) == "FINISHED"


def test_a_points_best_attempt_is_its_status(ledger: Ledger) -> None:
    member = {membership("s"): "yes"}
    for name, states in {
        "a": ["KILLED", "FINISHED"],
        "b": ["FINISHED", "FAILED"],
        "c": ["FAILED", "KILLED"],
    }.items():
        for state in states:
            run(ledger, state, fingerprint=name, **member)
    assert ledger.statuses("s") == {"a": "FINISHED", "b": "FINISHED", "c": "KILLED"}


def test_without_a_store_nothing_is_known() -> None:
    ledger = Ledger(None)
    assert ending(ledger) is None and ledger.reap() == [] and ledger.statuses("s") == {}
    with ledger.one_at_a_time():
        pass
