"""A sweep that is killed again and again ends like one that was not."""

from __future__ import annotations

import os
import random
import signal
import time

import pytest

from tests.end_to_end.sweeping import Store, assert_every_history_is_complete

GRID = ["steps=20,22,24,26,28,30", "reg=0.001,0.01,0.1,0.5,1.0,2.0"]
POINTS = 36
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # warnings: MLflow's own


@pytest.mark.parametrize(
    "launcher",
    [
        ["launcher=local"],
        ["launcher=joblib", "launcher.jobs=4"],
        ["launcher=joblib", "launcher.jobs=2", "launcher.points_per_job=3", "launcher.batch_size=2"],
    ],
)
def test_a_sweep_killed_five_times_is_complete_in_the_end(store: Store, launcher: list[str]) -> None:
    rng = random.Random(4)
    killed_at = []
    for attempt in range(5):
        for lines in store.folder.glob("multirun/.endings/*.jsonl"):
            lines.unlink()
        process = store.start(*GRID, *launcher)
        goal = rng.randint(0, 2)  # then at a random moment: while composing, optimizing, recording
        deadline = time.monotonic() + 300
        while process.poll() is None and time.monotonic() < deadline and newly_finished(store) < goal:
            time.sleep(0.1)
        time.sleep(rng.uniform(0, 8 if goal == 0 else 2))
        if attempt % 2:  # its workers must find out by themselves
            os.kill(process.pid, signal.SIGKILL)
        else:
            os.killpg(process.pid, signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        killed_at.append(newly_finished(store))
    assert 0 < sum(killed_at) < POINTS, "killed too late or too early to prove anything"

    done = store.sweep(*GRID, *launcher)
    assert done.returncode == 0, done.stdout + done.stderr
    (parent,) = store.parents()
    assert parent.info.status == "FINISHED"
    children = store.runs(f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'")
    finished = [run for run in children if run.info.status == "FINISHED"]
    assert len(finished) == POINTS
    assert len({run.data.tags["fingerprint"] for run in finished}) == POINTS
    assert {run.info.status for run in children} <= {"FINISHED", "KILLED"}
    assert_every_history_is_complete(store, finished)
    print(f"finished before each kill: {killed_at}; runs left KILLED: {len(children) - POINTS}")


def newly_finished(store: Store) -> int:
    """Runs that this attempt has finished, by its own word: the database is not to be opened while it is made."""
    lines = [
        line
        for path in store.folder.glob("multirun/.endings/*.jsonl")
        for line in path.read_text().splitlines()
    ]
    return sum('"status": "FINISHED", "reason": ""' in line for line in lines)
