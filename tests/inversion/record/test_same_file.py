"""A store whose file was removed, moved or replaced gets nothing more from a process that had it open."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from PIL import Image

from inversion.record.batch import Batch
from inversion.record.mlflow_recorder import MLflowRecorder
from inversion.record.mlflow_store import Store, open_client, prepare_store
from inversion.record.run_index import RunIndex
from inversion.record.same_file import Replaced
from inversion.record.sqlite_writer import SqliteWriter
from inversion.record.store_copy import StoreCopy, health_of
from inversion.record.writer import Writer


@pytest.fixture
def own(tmp_path: Path) -> Store:
    """A store that no other test has open."""
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    return Store(uri, "e", prepare_store(uri, "e", tmp_path / "artifacts"))


def remove(database: Path) -> None:
    database.unlink()


def move(database: Path) -> None:
    database.rename(database.with_name("moved.db"))


def replace(database: Path) -> None:
    """By another one that holds the same."""
    other = database.with_name("other.db")
    shutil.copy(database, other)
    os.replace(other, database)


@pytest.mark.parametrize("change", [remove, move, replace])
def test_whatever_uses_an_open_store_notices(
    own: Store, tmp_path: Path, change: Callable[[Path], None]
) -> None:
    database = tmp_path / "mlflow.db"
    writer, index = SqliteWriter(database), RunIndex(database)
    run_id = writer.create(own.experiment_id, "a run", {"fingerprint": "f"})
    assert index.ids(["f"]) == [run_id]
    assert open_client(own.uri).get_run(run_id).info.run_name == "a run"
    change(database)
    uses: list[Callable[[], object]] = [
        lambda: writer.create(own.experiment_id, "another", {}),
        lambda: writer.write(run_id, Batch(tags={"lost": "yes"})),
        lambda: writer.keep_image(run_id, Image.new("RGB", (4, 4)), "restored", 0),
        lambda: index.ids(["f"]),
        lambda: open_client(own.uri),
        lambda: prepare_store(own.uri, "e", None),
    ]
    for use in uses:
        with pytest.raises(Replaced, match=r"mlflow\.db was removed, moved or replaced"):
            use()


def test_a_person_is_told_in_one_line_and_the_other_file_stays_as_it_is(
    own: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    copies = [
        StoreCopy(MLflowRecorder(own.uri, own.experiment_id, name, {}, {}), health_of(own.uri), Writer(name))
        for name in ("first", "second")
    ]
    database = tmp_path / "mlflow.db"
    replace(database)
    before = database.read_bytes()
    for copy in copies:
        copy.log_summary({"psnr": 20.0})
        assert not copy.finish("FINISHED") and copy.is_behind
    (told,) = caplog.messages
    assert "was removed, moved or replaced" in told and "python -m sweeps sync" in told
    assert database.read_bytes() == before


def test_a_file_that_is_written_to_or_rebuilt_in_place_is_the_same(own: Store, tmp_path: Path) -> None:
    database = tmp_path / "mlflow.db"
    writer = SqliteWriter(database)
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("VACUUM")
    assert (
        open_client(own.uri).get_run(writer.create(own.experiment_id, "a run", {})).info.status == "RUNNING"
    )
