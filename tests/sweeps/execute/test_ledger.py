"""What the store knows of a point decides whether it is run."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from inversion.record.mlflow_store import Store, open_client, prepare_store
from inversion.record.record import Ending
from inversion.record.run_index import RunIndex
from inversion.record.store_copy import health_of
from sweeps.execute import process
from sweeps.execute.heartbeat import TAG
from sweeps.execute.ledger import Elsewhere, Ledger, membership
from sweeps.execute.sweep import is_over

pytestmark = pytest.mark.filterwarnings("ignore")  # MLflow's own, under current SQLAlchemy
GONE = {"process_started": "long ago"}


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
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
    assert isinstance(found, Ending) and found.earlier == str(tmp_path) and str(tmp_path) in found.reason


@pytest.mark.parametrize("rerun", [False, True])
def test_what_a_live_process_works_on_is_left_to_it(ledger: Ledger, rerun: bool) -> None:
    run_id = run(ledger, "RUNNING")
    found = ending(ledger, rerun)
    assert isinstance(found, Elsewhere) and found.run_id == run_id and "is running it" in found.reason


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
    assert ledger.claim(["f1"], "a run", {}, False) is None and ledger.signs() == {}


def claim(ledger: Ledger, rerun: bool = False, fingerprint: str = "f1", **tags: str) -> Any:
    own = {"kind": "job", "fingerprint": fingerprint, **process.tags(), **tags}
    return ledger.claim([fingerprint], "a run", own, rerun)


def runs(ledger: Ledger) -> list[str]:
    return [run.info.run_id for run in open_client(ledger.uri).search_runs([ledger.experiment_id])]


def test_a_claim_is_a_run_that_gives_signs_of_life(ledger: Ledger) -> None:
    run_id = claim(ledger)
    made = open_client(ledger.uri).get_run(run_id)
    tags = open_client(ledger.uri).get_experiment(ledger.experiment_id).tags
    assert made.info.status == "RUNNING" and tags[TAG + made.data.tags["worker"]].endswith(" 90")
    assert not ledger.was_taken_over(run_id)


def test_a_claimed_point_is_nobody_elses(ledger: Ledger) -> None:
    first = claim(ledger)
    found = claim(ledger)
    assert isinstance(found, Elsewhere) and found.run_id == first and runs(ledger) == [first]
    assert isinstance(claim(ledger, fingerprint="f2"), str)
    open_client(ledger.uri).set_terminated(first, "FINISHED")
    assert claim(ledger).status == "FINISHED"


class Racing(Ledger):
    """Another process's claim is there at the second look: it was made between ours and its commit."""

    def __init__(self, ledger: Ledger, goes_after: int | None) -> None:
        super().__init__(Store(ledger.uri, "", ledger.experiment_id), ledger.lease)
        self.looks = 0
        self.other = ""
        self.goes_after = goes_after

    def ending(self, *arguments: Any, **named: Any) -> Any:
        self.looks += 1
        if self.looks == 2:
            self.other = run(self, "RUNNING")
        if self.goes_after is not None and self.looks == 2 + self.goes_after:
            self.withdraw(self.other)
        return super().ending(*arguments, **named)


def test_of_two_claims_at_once_one_is_withdrawn(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """The greater run id goes at once, the lesser one after a while where the greater one stays."""
    monkeypatch.setattr("sweeps.execute.ledger.SETTLE", 0.5)
    racing = Racing(ledger, goes_after=None)
    found = claim(racing)
    assert isinstance(found, Elsewhere) and found.run_id == racing.other
    assert runs(ledger) == [racing.other]


def test_the_lesser_of_two_claims_waits_for_the_greater_to_go(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sweeps.execute.ledger.SETTLE", 60.0)
    outcomes = set()
    for _ in range(20):  # run ids are random: half of them are the lesser one
        racing = Racing(ledger, goes_after=2)
        found = claim(racing)
        outcomes.add(type(found))
        assert (racing.looks == 4) == isinstance(found, str)
        for run_id in runs(ledger):
            open_client(ledger.uri).set_terminated(run_id, "KILLED")
        if outcomes == {str, Elsewhere}:
            return
    pytest.fail(f"only {outcomes} in twenty tries")


@pytest.fixture
def quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sweeps.execute.heartbeat.LOOK", 0.1)


@pytest.mark.usefixtures("quick_looks")
@pytest.mark.parametrize("sign", ["7 0.6", None], ids=["silent", "never heard of"])
def test_a_dead_process_of_another_machine_loses_its_point_after_its_lease(
    ledger: Ledger, sign: str | None
) -> None:
    dead = run(ledger, "RUNNING", host="elsewhere", worker="w1")
    if sign is None:
        ledger.lease = 0.6
    else:
        open_client(ledger.uri).set_experiment_tag(ledger.experiment_id, f"{TAG}w1", sign)
    assert isinstance(claim(ledger), Elsewhere)
    deadline = time.monotonic() + 120
    while not isinstance(found := claim(ledger), str):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert status(ledger, dead) == "KILLED" and status(ledger, found) == "RUNNING"


@pytest.mark.usefixtures("quick_looks")
def test_a_process_of_another_machine_keeps_its_point_while_it_gives_signs(ledger: Ledger) -> None:
    run(ledger, "RUNNING", host="elsewhere", worker="w1")
    client = open_client(ledger.uri)
    for number in range(12):
        client.set_experiment_tag(ledger.experiment_id, f"{TAG}w1", f"{number} 1")
        assert isinstance(claim(ledger), Elsewhere)
        time.sleep(0.2)


def test_a_claim_whose_answer_was_lost_is_given_up(ledger: Ledger) -> None:
    """A server that answers too late is asked again: its first run would block the point for as long as we live."""
    lost = run(ledger, "RUNNING", **ledger.signs())
    assert isinstance(claim(ledger), str)
    assert status(ledger, lost) == "KILLED"


def test_who_was_stopped_for_longer_than_its_lease_asks_whether_its_run_is_still_its_own(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = claim(ledger)
    open_client(ledger.uri).set_terminated(run_id, "KILLED")
    assert not ledger.was_taken_over(run_id)  # not asked: nobody can have thought us dead
    monkeypatch.setattr("sweeps.execute.heartbeat.Heartbeat.silence", 91.0)
    assert ledger.was_taken_over(run_id)


def test_of_a_command_on_another_machine_the_store_knows_whether_it_has_ended(ledger: Ledger) -> None:
    parent = run(ledger, "RUNNING")
    here, gone = process.tags(), process.tags() | GONE
    elsewhere = gone | {"host": "node3"}
    assert [is_over(mark | {"parent": parent}, ledger) for mark in (here, gone, elsewhere)] == [
        False,
        True,
        False,
    ]
    open_client(ledger.uri).set_terminated(parent, "KILLED")
    assert [is_over(mark | {"parent": parent}, ledger) for mark in (here, gone, elsewhere)] == [
        False,
        True,
        True,
    ]
    for unknown in ({}, {"parent": "0" * 32}, {"parent": 7}):
        assert not is_over(elsewhere | unknown, ledger)
    assert not is_over(elsewhere | {"parent": parent}, Ledger(None))


def test_a_store_that_is_away_lets_the_run_go_on_in_its_folder(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR", "0")  # seconds between its tries
    away = Ledger(Store("http://127.0.0.1:9", "inversion", "0"))
    assert claim(away) is None
    assert health_of(away.uri).is_away


CLAIMS = """
import sys, time
from inversion.record.record import Ending
from inversion.record.mlflow_store import Store
from sweeps.execute import process
from sweeps.execute.ledger import Ledger
uri, experiment, name, start = sys.argv[1:]
ledger = Ledger(Store(uri, "inversion", experiment))
ledger.signs()
time.sleep(max(0, float(start) - time.time()))
for point in range(15):
    tags = {"kind": "job", "fingerprint": f"p{point}", **process.tags(), "host": name}
    if isinstance(ledger.claim([tags["fingerprint"]], name, tags, False), str):
        print(point)
"""


@pytest.mark.slow
def test_processes_that_claim_the_same_points_at_the_same_time_never_share_one(ledger: Ledger) -> None:
    """Each says that it is another machine: no file, no process table, only the store decides."""
    start = str(time.time() + 8)
    command = [sys.executable, "-c", CLAIMS, ledger.uri, ledger.experiment_id]
    started = [
        subprocess.Popen([*command, f"machine{i}", start], stdout=subprocess.PIPE, text=True)
        for i in range(3)
    ]
    won = [int(line) for each in started for line in each.communicate(timeout=300)[0].split()]
    assert [each.returncode for each in started] == [0, 0, 0]
    assert len(won) == len(set(won)) >= 13  # two that withdraw at once may leave a point for later


def test_a_store_that_fails_is_not_asked_for_faces(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    from mlflow.exceptions import MlflowException

    def fail(*_: Any) -> Any:
        raise MlflowException("the server is away")

    monkeypatch.setattr("sweeps.execute.lookup.open_client", fail)
    monkeypatch.setattr(RunIndex, "ids", fail)
    assert ledger.whole("f1") is None and health_of(ledger.uri).is_away
    monkeypatch.setattr(health_of(ledger.uri), "_failed", -1e9)
    assert ledger.look(["f1"], {}, False) is None and health_of(ledger.uri).is_away
