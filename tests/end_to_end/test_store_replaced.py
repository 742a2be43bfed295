"""A store whose file is replaced in the middle of a sweep: it goes on in its folders, the new store gets the rest."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from tests.databases import empty_database
from tests.end_to_end.serving import PATIENCE, wait_for
from tests.end_to_end.sweeping import ENVIRONMENT, Store

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # warnings: MLflow's own

POINTS = 4


def test_nothing_is_written_into_a_file_that_nobody_finds(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ENVIRONMENT, "INVERSION_CACHE", str(store.folder / "cache"))
    words = ["reg=" + ",".join(f"0.{number + 1}" for number in range(POINTS)), "steps=200"]
    sweep = store.start(*words)
    wait_for(lambda: bool(store.finished()) or sweep.poll() is not None, "the first point is done")
    assert sweep.poll() is None, (store.folder / "stdout").read_text()
    new = store.folder / "new.db"
    shutil.copy(empty_database(), new)
    os.replace(new, store.folder / "mlflow.db")
    sweep.wait(PATIENCE)
    said = (store.folder / "stdout").read_text()
    assert f"[{POINTS} of {POINTS} done]" in said and "Traceback" not in said, said
    assert said.count("MLflow is behind") == 1 and "removed, moved or replaced" in said, said
    asked = [sys.executable, "-m", "sweeps", "sync", "--uri", store.uri]
    synced = subprocess.run(asked, cwd=store.folder, env=ENVIRONMENT, capture_output=True, text=True)
    assert synced.returncode == 0, synced.stdout + synced.stderr
    again = store.sweep(*words)
    assert again.returncode == 0 and f"{POINTS} of {POINTS} done" in again.stdout, again.stdout + again.stderr
    # Not by this process's own client.
    with closing(sqlite3.connect(store.folder / "mlflow.db")) as connection:
        finished = connection.execute(
            "SELECT value FROM runs JOIN tags USING (run_uuid) WHERE status = 'FINISHED' AND key = 'fingerprint'"
        ).fetchall()
    assert len(finished) == len(set(finished)) == POINTS
