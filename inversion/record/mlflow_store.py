"""The MLflow store: a client that keeps quiet, a database that is whole, errors in one line."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from errno import ENOSPC
from pathlib import Path
from typing import TYPE_CHECKING

from inversion.errors import ConfigError

if TYPE_CHECKING:
    from mlflow import MlflowClient

BUSY_SECONDS = 60  # how long a writer waits for sqlite's single pen; sqlite's own 5 s fail on a busy machine


def prepare_store(uri: str, experiment: str, artifact_location: Path | None) -> str:
    """Make sure that database and experiment exist; returns the experiment's id.

    uri: "sqlite:////absolute/mlflow.db", or a tracking server ("http://…").
    artifact_location: folder for the files of a new experiment, which MLflow fixes when it creates one; None
                       leaves it to the server.

    Safe when several processes meet a database that does not exist yet (MLflow's own migration is not): one
    at a time, by a lock file beside it. Raises ConfigError for a store that cannot be used.
    """
    from filelock import FileLock

    location = None if artifact_location is None else artifact_location.resolve().as_uri()
    database = sqlite_path(uri)
    if database is None:
        with clear_errors(uri):
            return _experiment_id(uri, experiment, location)
    try:
        database.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{database}.lock", timeout=120), clear_errors(uri):
            _create_database(database)
            return _experiment_id(uri, experiment, location)
    except TimeoutError as error:
        raise ConfigError(
            f"Another process has held {database}.lock for two minutes. End it, then try again."
        ) from error
    except OSError as error:
        raise ConfigError(
            f"Cannot use the tracking database {database}: {error}. "
            "Choose a writable folder, or tracking=none."
        ) from error


def open_client(uri: str) -> MlflowClient:
    """A client that says nothing on the console and reports to nobody."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # read while mlflow is imported
    os.environ.setdefault("DO_NOT_TRACK", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    import mlflow
    from sqlalchemy.exc import SADeprecationWarning

    # Raised by MLflow's own models under SQLAlchemy 2.1; nothing that a user could change.
    warnings.filterwarnings("ignore", category=SADeprecationWarning)
    for name in ("mlflow", "alembic"):  # a new database takes some sixty migrations, each an INFO line
        logging.getLogger(name).setLevel(logging.ERROR)
    if uri.startswith("sqlite:///") and "?" not in uri:
        uri += f"?timeout={BUSY_SECONDS}"
    return mlflow.MlflowClient(tracking_uri=uri)


def open_existing(uri: str) -> MlflowClient:
    """A client for reading, which makes nothing: raises ConfigError when there is no such store."""
    database = sqlite_path(uri)
    if database is not None and not database.is_file():
        raise ConfigError(f"No runs are recorded yet. Got no {database}; run a sweep, or name another store.")
    with clear_errors(uri):
        return open_client(uri)


def sqlite_path(uri: str) -> Path | None:
    """The file of a sqlite store, None for another kind; refuses what MLflow 3 cannot use."""
    if uri.startswith("sqlite:///"):
        return Path(uri.removeprefix("sqlite:///").split("?")[0]).absolute()
    if "://" not in uri or uri.startswith("file:"):
        raise ConfigError(
            f"MLflow needs a database or a server as its store. Got {uri!r}. "
            "Give sqlite:////absolute/path/mlflow.db or http://host:port."
        )
    return None


@contextmanager
def clear_errors(uri: str) -> Iterator[None]:
    """One readable line instead of MLflow's and SQLAlchemy's pages."""
    try:
        yield
    except (ConfigError, OSError):
        raise
    except Exception as error:
        first = str(error).strip().split("\n")[0]
        if "disk is full" in str(error) or "disk I/O error" in str(error):
            raise OSError(ENOSPC, f"The disk is full: MLflow could not write to {uri} ({first}).") from error
        if not type(error).__module__.startswith(("mlflow", "sqlalchemy", "requests", "alembic")):
            raise
        raise ConfigError(
            f"MLflow cannot use {uri}: {first}. Check its address; runs can do without (tracking=none)."
        ) from error


def _create_database(path: Path) -> None:
    """Make a new store whole or not at all: a kill amid MLflow's sixty migrations leaves one that nothing can open."""
    if path.exists():
        return
    part = path.with_name(f"{path.name}.part")
    part.unlink(missing_ok=True)
    open_client(f"sqlite:///{part}").search_experiments(max_results=1)  # makes all tables
    os.replace(part, path)


def _experiment_id(uri: str, name: str, location: str | None) -> str:
    from mlflow.exceptions import MlflowException

    client = open_client(uri)
    found = client.get_experiment_by_name(name)
    if found is None:
        try:
            return str(client.create_experiment(name, artifact_location=location))
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
            found = client.get_experiment_by_name(name)  # another process was quicker (a server has no lock)
            assert found is not None
    if found.lifecycle_stage == "deleted":
        raise ConfigError(
            f"The experiment {name!r} in {uri} was deleted. Choose another name, or bring it back: "
            f"MLFLOW_TRACKING_URI={uri} mlflow experiments restore --experiment-id {found.experiment_id}"
        )
    return str(found.experiment_id)
