"""The index of runs says what MLflow's search says, also of runs that another process has just made or removed."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from mlflow import MlflowClient

from inversion.record.mlflow_store import prepare_store
from inversion.record.run_index import RunIndex, statuses

pytestmark = pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SADeprecationWarning")


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "mlflow.db"


@pytest.fixture
def experiment(database: Path, tmp_path: Path) -> str:
    return prepare_store(f"sqlite:///{database}", "faces", tmp_path / "artifacts")


def add(database: Path, experiment: str, fingerprint: str, **tags: str) -> str:
    client = MlflowClient(f"sqlite:///{database}")
    return str(client.create_run(experiment, tags={"fingerprint": fingerprint, **tags}).info.run_id)


def test_a_run_is_found_as_soon_as_it_is_committed(database: Path, experiment: str) -> None:
    index = RunIndex(database)
    assert index.ids(["a"]) == []
    first = add(database, experiment, "a")
    assert index.ids(["a"]) == [first]
    other, second = add(database, experiment, "b"), add(database, experiment, "a")
    assert index.ids(["a"]) == [first, second]
    assert index.ids(["b", "a"]) == [other, first, second] and index.ids(["c"]) == []


@pytest.mark.parametrize("vacuum", [False, True])
@pytest.mark.parametrize("removed", [0, 1, 2])
def test_rows_that_were_removed_hide_no_later_run(
    database: Path, experiment: str, removed: int, vacuum: bool
) -> None:
    """sqlite gives the number of a removed last row to the next one."""
    index = RunIndex(database)
    runs = [add(database, experiment, "a") for _ in range(3)]
    assert index.ids(["a"]) == runs
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("DELETE FROM tags WHERE run_uuid = ?", (runs[removed],))
        connection.execute("DELETE FROM runs WHERE run_uuid = ?", (runs[removed],))
    if vacuum:
        with closing(sqlite3.connect(database)) as connection:
            connection.execute("VACUUM")
    later = add(database, experiment, "a")
    assert index.ids(["a"]) == [*(run for run in runs if run != runs[removed]), later]


def test_statuses_are_those_of_runs_that_have_the_tag_and_are_not_deleted(
    database: Path, experiment: str
) -> None:
    client = MlflowClient(f"sqlite:///{database}")
    finished, gone, _ = (add(database, experiment, name, **{"sweep.s": "yes"}) for name in "abc")
    add(database, experiment, "d", **{"sweep.other": "yes"})
    elsewhere = client.create_experiment("elsewhere")
    add(database, elsewhere, "e", **{"sweep.s": "yes"})
    client.set_terminated(finished, "FINISHED")
    client.delete_run(gone)
    assert sorted(statuses(database, experiment, "sweep.s")) == [("a", "FINISHED"), ("c", "RUNNING")]
