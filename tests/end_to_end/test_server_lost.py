"""A server that dies in the middle of a sweep, for a while or for good: every point is done, and recorded once."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from tests.end_to_end.serving import PATIENCE, Server, wait_for
from tests.end_to_end.sweeping import ENVIRONMENT, Store, assert_every_history_is_complete

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # warnings: MLflow's own

AWAY = 20  # seconds
POINTS = 6
LAUNCHERS = {
    "local": [],
    "batched": ["launcher.batch_size=2"],
    "joblib": ["launcher.jobs=2", "launcher.points_per_job=2", "launcher.batch_size=1"],
}


@pytest.fixture
def server(store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    server = Server(store.folder / "server")
    try:
        server.start()
        store.uri = server.uri
        monkeypatch.setitem(ENVIRONMENT, "INVERSION_CACHE", str(store.folder / "cache"))
        yield server
    finally:
        server.kill()


@pytest.mark.parametrize("comes_back", [True, False], ids=["back", "gone"])
@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_nothing_is_lost_and_nothing_doubled(
    store: Store, server: Server, launcher: str, comes_back: bool
) -> None:
    regs = "reg=" + ",".join(f"0.{number + 1}" for number in range(POINTS))
    words = [regs, "steps=200", "tracking.artifacts=null", f"launcher={launcher}", *LAUNCHERS[launcher]]
    sweep = store.start(*words)
    wait_for(lambda: bool(store.finished()) or sweep.poll() is not None, "the first point is done")
    assert sweep.poll() is None, (store.folder / "stdout").read_text()
    server.kill()
    if comes_back:
        time.sleep(AWAY)
        server.start()
    code = sweep.wait(PATIENCE)
    said = (store.folder / "stdout").read_text()
    assert f"[{POINTS} of {POINTS} done]" in said and "Traceback" not in said, said
    assert said.count("MLflow is behind") >= 1, said
    if not comes_back:
        server.start()
    asked = [sys.executable, "-m", "sweeps", "sync", "--uri", server.uri]
    synced = subprocess.run(asked, cwd=store.folder, env=ENVIRONMENT, capture_output=True, text=True)
    assert synced.returncode == 0, synced.stdout + synced.stderr
    # RUNNING: a claim whose answer was lost, until the next command ends it.
    check(store, {"FINISHED", "KILLED", "RUNNING"})
    again = store.sweep(*words)
    assert again.returncode == 0 and f"{POINTS} of {POINTS} done" in again.stdout, again.stdout
    check(store, {"FINISHED", "KILLED"})
    assert {run.info.status for run in store.parents()} == {"FINISHED"}
    assert code == 0, said


def check(store: Store, statuses: set[str]) -> None:
    runs = store.runs()
    finished = [run for run in runs if run.info.status == "FINISHED"]
    assert len(finished) == len({run.data.tags["fingerprint"] for run in finished}) == POINTS
    assert {run.info.status for run in runs} <= statuses
    assert_every_history_is_complete(store, finished)
