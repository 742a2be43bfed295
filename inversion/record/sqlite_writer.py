"""Runs written into a sqlite store's tables: two transactions for a point of a sweep, by MLflow's client some ten.

What is in the tables afterwards is what MLflow's client would have written (tests/inversion/record/test_run_writer.py
compares them); in a database whose tables have other columns than these, it does write (`knows`).
"""

from __future__ import annotations

import io
import math
import shutil
import sqlite3
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from threading import Lock
from urllib.parse import unquote, urlsplit

from PIL import Image

from inversion.errors import ConfigError
from inversion.pictures.drawing import fit
from inversion.record.batch import SHOWN, USE, Batch, PhotoSource, Value, now
from inversion.record.client_writer import ClientWriter
from inversion.record.params import clean_key
from inversion.record.run_index import connect
from inversion.record.same_file import check
from inversion.runtime.atomic import png, replacing, write_file

COLUMNS = {  # of MLflow 3.1 to 3.17
    "runs": "run_uuid name source_type source_name entry_point_name user_id status start_time end_time source_version "
    "lifecycle_stage artifact_uri experiment_id deleted_time",
    "tags": "key value run_uuid",
    "params": "key value run_uuid",
    "metrics": "key value timestamp run_uuid step is_nan",
    "latest_metrics": "key value timestamp step is_nan run_uuid",
    "datasets": "dataset_uuid experiment_id name digest dataset_source_type dataset_source dataset_schema "
    "dataset_profile",
    "inputs": "input_uuid source_type source_id destination_type destination_id step",
    "input_tags": "input_uuid name value",
}
RUN = (
    "INSERT INTO runs (run_uuid, name, artifact_uri, experiment_id, user_id, start_time, status, lifecycle_stage, "
    "source_type, source_name, entry_point_name, source_version) "
    "VALUES (?, ?, ?, ?, ?, ?, 'RUNNING', 'active', 'UNKNOWN', '', '', '')"
)
TAG = (
    "INSERT INTO tags (run_uuid, key, value) VALUES (?, ?, ?) "
    "ON CONFLICT (key, run_uuid) DO UPDATE SET value = excluded.value"
)
PARAM = "INSERT OR IGNORE INTO params (run_uuid, key, value) VALUES (?, ?, ?)"
METRIC = (
    "INSERT OR IGNORE INTO metrics (run_uuid, key, value, timestamp, step, is_nan) VALUES (?, ?, ?, ?, ?, ?)"
)
LATEST = (
    "INSERT INTO latest_metrics (run_uuid, key, value, timestamp, step, is_nan) VALUES (?, ?, ?, ?, ?, ?) "
    "ON CONFLICT (key, run_uuid) DO UPDATE "
    "SET value = excluded.value, timestamp = excluded.timestamp, step = excluded.step, is_nan = excluded.is_nan "
    "WHERE (excluded.step, excluded.timestamp, excluded.value) > (step, timestamp, value)"
)
DATASET = (
    "INSERT OR IGNORE INTO datasets (dataset_uuid, experiment_id, name, digest, dataset_source_type, dataset_source, "
    "dataset_profile) VALUES (:id, :experiment, :name, :digest, :source_type, :source, :profile)"
)
INPUT = (
    "INSERT OR IGNORE INTO inputs (input_uuid, source_type, source_id, destination_type, destination_id, step) "
    "SELECT :id, 'DATASET', dataset_uuid, 'RUN', :run, 0 FROM datasets "
    "WHERE experiment_id = :experiment AND name = :name AND digest = :digest"
)
INPUT_TAG = "INSERT INTO input_tags (input_uuid, name, value) VALUES (?, ?, ?)"
# run, key, value (0 for NaN), time in ms, step, whether it is NaN
MetricRow = tuple[str, str, float, int, int, bool]
THUMBNAIL = 256  # px, of the picture that charts show


def knows(database: Path) -> bool:
    """Whether the tables are as they are known here. Raises sqlite3.Error."""
    with closing(connect(database)) as connection:
        return all(
            {row[1] for row in connection.execute(f"PRAGMA table_info({table})")} == set(columns.split())
            for table, columns in COLUMNS.items()
        )


class SqliteWriter:
    """A `RunWriter` of one database, for any number of threads. Raises sqlite3.Error, ConfigError, OSError."""

    def __init__(self, database: Path) -> None:
        """database: MLflow's sqlite file, which `knows`."""
        self._by_client = ClientWriter(f"sqlite:///{database}")
        self._database = database
        check(database)
        self._connection = connect(database)
        self._connection.execute("PRAGMA foreign_keys = ON")
        self._lock = Lock()

    def create(self, experiment_id: str, name: str, tags: Mapping[str, str]) -> str:
        run_id = uuid.uuid4().hex
        with self._transaction() as connection:
            found = connection.execute(
                "SELECT artifact_location, lifecycle_stage FROM experiments WHERE experiment_id = ?",
                (int(experiment_id),),
            ).fetchone()
            if found is None or found[1] != "active":
                raise ConfigError(
                    f"the experiment {experiment_id} is not in the store any more, or was deleted"
                )
            place, user = _below(found[0], run_id), tags.get("mlflow.user", "unknown")
            connection.execute(RUN, (run_id, name, place, int(experiment_id), user, now()))
            connection.executemany(TAG, _rows(run_id, {**tags, "mlflow.runName": name}))
        return run_id

    def write(self, run_id: str, batch: Batch) -> None:
        with self._transaction() as connection:
            found = connection.execute(
                "SELECT experiment_id, lifecycle_stage FROM runs WHERE run_uuid = ?", (run_id,)
            ).fetchone()
            if found is None or found[1] != "active":
                raise ConfigError(f"the run {run_id} is not in the store any more, or was deleted")
            connection.executemany(PARAM, _rows(run_id, batch.params))
            metrics = [_row(run_id, value) for value in batch.metrics]
            connection.executemany(METRIC, metrics)
            connection.executemany(LATEST, _latest(metrics))
            connection.executemany(TAG, _rows(run_id, batch.tags))
            if batch.photo is not None:
                _keep_photo(connection, run_id, found[0], batch.photo)
            if batch.status is not None:
                connection.execute(
                    "UPDATE runs SET status = ?, end_time = ? WHERE run_uuid = ?",
                    (batch.status, now(), run_id),
                )

    def keep_file(self, run_id: str, path: Path) -> None:
        folder = self._artifacts(run_id)
        if folder is None:
            return self._by_client.keep_file(run_id, path)
        folder.mkdir(parents=True, exist_ok=True)
        with replacing(folder / path.name) as part:
            shutil.copyfile(path, part)

    def keep_image(self, run_id: str, image: Image.Image, key: str, step: int) -> Mapping[str, str]:
        """Named as MLflow names them."""
        folder = self._artifacts(run_id)
        if folder is None:
            return self._by_client.keep_image(run_id, image, key, step)
        name = f"{key.replace('/', '~')}+step+{step}+timestamp+{now()}+{uuid.uuid4()}"
        write_file(folder / "images" / f"{name}.png", png(image))
        write_file(folder / "images" / f"{name}+compressed.webp", thumbnail(image))
        return SHOWN

    def _artifacts(self, run_id: str) -> Path | None:
        """The folder of a run's files; None where they are not on this machine."""
        check(self._database)
        with self._lock:
            query = "SELECT artifact_uri FROM runs WHERE run_uuid = ?"
            (address,) = self._connection.execute(query, (run_id,)).fetchone()
        if address.startswith("/"):
            return Path(address)
        place = urlsplit(address)
        return Path(unquote(place.path)) if place.scheme == "file" else None

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        check(self._database)
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):  # some errors have ended it
                    self._connection.execute("ROLLBACK")
                raise


def thumbnail(image: Image.Image) -> bytes:
    """What MLflow's charts show, as large as its client makes it, whatever the picture's own size."""
    buffer = io.BytesIO()
    # Method 2 takes half the time of 4, the default, and 4 % more bytes.
    fit(image, THUMBNAIL).save(buffer, format="WEBP", quality=90, method=2)
    return buffer.getvalue()


def _keep_photo(connection: sqlite3.Connection, run_id: str, experiment: int, photo: PhotoSource) -> None:
    named = {**photo.columns(), "experiment": experiment, "run": run_id}
    connection.execute(DATASET, named | {"id": uuid.uuid4().hex})
    edge = uuid.uuid4().hex
    if connection.execute(INPUT, named | {"id": edge}).rowcount:
        connection.execute(INPUT_TAG, (edge, *USE))


def _rows(run_id: str, texts: Mapping[str, str]) -> list[tuple[str, str, str]]:
    return [(run_id, checked(key), text) for key, text in texts.items()]


def _row(run_id: str, metric: Value) -> MetricRow:
    key, value, when, step = metric
    is_nan = math.isnan(value)
    return run_id, checked(key), 0.0 if is_nan else value, when, step, is_nan


def _latest(metrics: Sequence[MetricRow]) -> list[MetricRow]:
    """Of each key the row of the last step."""
    latest: dict[str, MetricRow] = {}
    for row in metrics:
        _, key, value, when, step, _ = row
        known = latest.get(key)
        if known is None or (step, when, value) > (known[4], known[3], known[2]):
            latest[key] = row
    return list(latest.values())


@lru_cache(maxsize=4096)
def checked(key: str) -> str:
    """A name that MLflow accepts. Raises ConfigError for another one."""
    if key != clean_key(key):
        raise ConfigError(f"MLflow takes no such name: {key!r}; {clean_key(key)!r} would work")
    return key


def _below(location: str, run_id: str) -> str:
    from mlflow.utils.uri import append_to_uri_path

    return str(append_to_uri_path(location, run_id, "artifacts"))  # type: ignore[no-untyped-call]
