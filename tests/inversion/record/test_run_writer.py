from __future__ import annotations

import math
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from PIL import Image

from inversion.errors import ConfigError
from inversion.record.batch import Batch, PhotoSource
from inversion.record.client_writer import ClientWriter
from inversion.record.mlflow_store import Store, open_client, sqlite_path
from inversion.record.run_writer import RunWriter, run_writer
from inversion.record.sqlite_writer import COLUMNS, SqliteWriter, knows
from tests.inversion.record.conftest import inputs_of

PHOTO = PhotoSource("/photos/grace hopper.jpg", "ab" * 32, 512, 600)
TAGS = {"mlflow.user": "ada", "kind": "job", "fingerprint": "f1", "ü ber": "ä" * 8000}


@pytest.fixture
def experiment(store: Store) -> str:
    return store.experiment_id


@pytest.fixture
def database(uri: str, experiment: str) -> Path:
    found = sqlite_path(uri)
    assert found is not None
    return found


@pytest.fixture(params=["client", "tables"])
def writer(request: pytest.FixtureRequest, uri: str, database: Path) -> RunWriter:
    return ClientWriter(uri) if request.param == "client" else SqliteWriter(database)


def rows(database: Path, run_id: str) -> dict[str, list[tuple[Any, ...]]]:
    """What the tables say of a run, but its id, those of its photo, and the times of its start and end."""
    asked = {
        "runs": "SELECT name, source_type, source_name, entry_point_name, user_id, status, source_version, "
        "lifecycle_stage, replace(artifact_uri, run_uuid, ''), experiment_id, deleted_time, "
        "typeof(start_time), typeof(end_time), length(start_time) FROM runs WHERE run_uuid = ?",
        "tags": "SELECT key, value, typeof(value) FROM tags WHERE run_uuid = ?",
        "params": "SELECT key, value, typeof(value) FROM params WHERE run_uuid = ?",
        "metrics": "SELECT key, value, typeof(value), timestamp, step, is_nan FROM metrics WHERE run_uuid = ?",
        "latest": "SELECT key, value, typeof(value), timestamp, step, is_nan FROM latest_metrics WHERE run_uuid = ?",
        "photos": "SELECT experiment_id, name, digest, dataset_source_type, dataset_source, dataset_schema, "
        "dataset_profile, source_type, destination_type, step, length(dataset_uuid), length(input_uuid) "
        "FROM inputs JOIN datasets ON dataset_uuid = source_id WHERE destination_id = ?",
        "uses": "SELECT input_tags.name, value FROM inputs JOIN input_tags USING (input_uuid) WHERE destination_id = ?",
    }
    with closing(sqlite3.connect(database)) as connection:
        return {name: sorted(connection.execute(query, (run_id,))) for name, query in asked.items()}


def record(writer: RunWriter, experiment: str) -> str:
    """Whatever a recorder does with a run."""
    run_id = writer.create(experiment, "blur ü", TAGS)
    steps = [("loss", 1 / (1 + step), 1000 + step, step) for step in range(5)]
    first = Batch({"reg": "0.5", "loss.lpips": "1"}, [*steps, ("late", math.nan, 7, 3)], {"kind": "x"}, PHOTO)
    writer.write(run_id, first)
    writer.write(run_id, first)  # once more, after an answer that was lost
    writer.write(run_id, Batch(metrics=[("loss", 9.0, 2000, 2), ("late", 2.0, 8, 3), ("psnr", 24.1, 9, 0)]))
    writer.write(run_id, Batch(tags={"reason": "why"}, photo=PHOTO, status="FAILED"))
    return run_id


def test_the_tables_say_what_mlflows_client_would_have_written(
    uri: str, experiment: str, database: Path
) -> None:
    by_client = rows(database, record(ClientWriter(uri), experiment))
    by_tables = rows(database, record(SqliteWriter(database), experiment))
    assert by_tables == by_client
    assert all(by_tables.values()) and by_tables["runs"][0][5] == "FAILED"
    assert ("loss", 0.2, "real", 1004, 4, 0) in by_tables["latest"]
    with closing(sqlite3.connect(database)) as connection:
        named = connection.execute("SELECT count(*) FROM datasets WHERE experiment_id = ?", (experiment,))
        assert named.fetchall() == [(1,)]  # by both
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []


def test_mlflow_finds_a_run_with_its_photo_its_pictures_and_its_files(
    writer: RunWriter, uri: str, experiment: str, tmp_path: Path
) -> None:
    (tmp_path / "panel.png").write_bytes(b"panel")
    run_id = writer.create(experiment, "blur", {"kind": "job"})
    tags = writer.keep_image(run_id, Image.new("RGB", (700, 350), "#336699"), "a/b", 12)
    writer.keep_file(run_id, tmp_path / "panel.png")
    writer.write(run_id, Batch(tags=dict(tags), photo=PHOTO, status="FINISHED"))
    client = open_client(uri)
    (run,) = client.search_runs([experiment], "tags.kind = 'job' and tags.`mlflow.loggedImages` = 'True'")
    assert (run.info.status, run.info.run_name) == ("FINISHED", "blur")
    assert inputs_of(run)[0].dataset.name == "grace hopper.jpg"
    assert inputs_of(run)[0].tags[0].value == "restoration"
    folder = Path(client.download_artifacts(run_id, "", str(tmp_path)))
    assert (folder / "panel.png").read_bytes() == b"panel"
    (picture,) = folder.glob("images/a~b+step+12+timestamp+*.png")
    (small,) = folder.glob("images/a~b+step+12+timestamp+*+compressed.webp")
    with Image.open(picture) as whole, Image.open(small) as shown:
        assert (whole.size, whole.convert("RGB").getpixel((0, 0))) == ((700, 350), (0x33, 0x66, 0x99))
        assert shown.size == (256, 128)
    assert small.name == f"{picture.stem}+compressed.webp"
    assert len(list(folder.rglob("*.*"))) == 3


def test_a_run_that_somebody_has_deleted_is_not_written_to(
    writer: RunWriter, uri: str, experiment: str
) -> None:
    run_id = writer.create(experiment, "blur", {})
    open_client(uri).delete_run(run_id)
    with pytest.raises((ConfigError, MlflowException), match=r"deleted|'active' state"):
        writer.write(run_id, Batch({"reg": "1"}))
    open_client(uri).restore_run(run_id)
    assert open_client(uri).get_run(run_id).data.params == {}


def test_what_cannot_be_written_whole_is_not_written(uri: str, experiment: str, database: Path) -> None:
    writer = SqliteWriter(database)
    run_id = writer.create(experiment, "blur", {})
    with pytest.raises(ConfigError, match="MLflow takes no such name: 'a=b'; 'a_b' would work"):
        writer.write(run_id, Batch({"reg": "1", "a=b": "1"}, status="FINISHED"))
    run = open_client(uri).get_run(run_id)
    assert (run.info.status, run.data.params) == ("RUNNING", {})
    with pytest.raises(ConfigError, match="a=b"):
        writer.create(experiment, "blur", {"a=b": "1"})
    assert len(open_client(uri).search_runs([experiment])) == 1
    writer.write(run_id, Batch({"reg": "1"}, status="FINISHED"))


def test_runs_begin_in_no_experiment_that_is_gone(uri: str, experiment: str, database: Path) -> None:
    open_client(uri).delete_experiment(experiment)
    with pytest.raises(ConfigError, match="was deleted"):
        SqliteWriter(database).create(experiment, "blur", {})


@pytest.mark.parametrize("table", COLUMNS)
def test_a_table_that_has_changed_is_left_to_mlflow(
    table: str, uri: str, database: Path, tmp_path: Path
) -> None:
    assert isinstance(run_writer(uri), SqliteWriter)
    later = tmp_path / "mlflow.db"
    shutil.copyfile(database, later)
    assert knows(later)
    with closing(sqlite3.connect(later)) as connection:
        connection.execute(f"ALTER TABLE {table} ADD COLUMN colour VARCHAR(8)")
    assert isinstance(run_writer(f"sqlite:///{later}"), ClientWriter)


def test_a_server_is_written_to_through_its_client() -> None:
    assert isinstance(run_writer("http://localhost:1"), ClientWriter)


@pytest.mark.parametrize(
    "said",
    ["(sqlite3.IntegrityError) UNIQUE", "(psycopg2.errors.UniqueViolation) key", '(1062, "Duplicate entry'],
)
def test_two_runs_that_name_a_new_photo_at_once_both_have_it(
    said: str, uri: str, experiment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    true, tries = MlflowClient.log_inputs, []

    def collide(*arguments: Any, **named: Any) -> None:
        tries.append(1)
        if len(tries) == 1:
            raise MlflowException(said)
        true(*arguments, **named)

    monkeypatch.setattr(MlflowClient, "log_inputs", collide)
    writer = ClientWriter(uri)
    run_id = writer.create(experiment, "a", {})
    writer.write(run_id, Batch(photo=PHOTO))
    assert len(inputs_of(open_client(uri).get_run(run_id))) == 1
