"""The MLflow store: a client that keeps quiet, a database that is whole, errors in one line."""

from __future__ import annotations

import logging
import os
import re
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from errno import ENOSPC
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from inversion.errors import ConfigError
from inversion.record.relocate import relocate
from inversion.record.same_file import check

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

T = TypeVar("T")

PAGE = 1000  # runs per request
BUSY_SECONDS = 60.0  # how long a claim waits for a sqlite database that another process writes to
# A server that does not answer is told within seconds: MLflow itself would try for four minutes.
QUICKLY = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2", "MLFLOW_HTTP_REQUEST_TIMEOUT": "20"}


@dataclass(frozen=True)
class Store:
    """An experiment in an MLflow store; both exist."""

    uri: str  # sqlite:////absolute/mlflow.db, or a server's address
    experiment: str
    experiment_id: str


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
    refuse_password(uri)
    database = sqlite_path(uri)
    if database is None:
        with clear_errors(uri):
            return _experiment_id(uri, experiment, location)
    check(database)
    try:
        database.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{database}.lock", timeout=120), clear_errors(uri):
            _create_database(database)
            relocate(database)
            return patiently(lambda: _experiment_id(uri, experiment, location))
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
    """A client that says nothing on the console and reports to nobody. Raises Replaced: see same_file.py."""
    if (database := sqlite_path(uri)) is not None:
        check(database)
    return _client(uri)


def _client(uri: str) -> MlflowClient:
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # read while mlflow is imported
    os.environ.setdefault("DO_NOT_TRACK", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    # The address of every run that ends on a server.
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    for name, value in QUICKLY.items():
        os.environ.setdefault(name, value)
    import mlflow
    from sqlalchemy.exc import SADeprecationWarning

    # Raised by MLflow's own models under SQLAlchemy 2.1; nothing that a user could change.
    warnings.filterwarnings("ignore", category=SADeprecationWarning)
    # A new database takes some sixty migrations, each an INFO line; what fails is told once, by whoever called.
    for name in ("mlflow", "alembic", "urllib3"):
        logger = logging.getLogger(name)
        if logger.level != logging.ERROR:  # a change empties what all loggers remember of their levels
            logger.setLevel(logging.ERROR)
    return mlflow.MlflowClient(tracking_uri=uri)


def open_existing(uri: str) -> MlflowClient:
    """A client for reading, which makes nothing: raises ConfigError when there is no such store."""
    database = sqlite_path(uri)
    if database is not None and not database.is_file():
        raise ConfigError(f"No runs are recorded yet. Got no {database}; run a sweep, or name another store.")
    with clear_errors(uri):
        if database is not None:
            relocate(database)
        return open_client(uri)


def search_runs(
    client: MlflowClient, experiments: Sequence[str], wanted: str, order_by: Sequence[str] = ()
) -> Iterator[Run]:
    """All runs that are not deleted, a page at a time. wanted, order_by: as MLflow's search has them."""
    token: str | None = None
    while True:
        page = client.search_runs(
            list(experiments), wanted, max_results=PAGE, order_by=list(order_by), page_token=token
        )
        yield from page
        token = page.token
        if not token:
            return


def sqlite_path(uri: str) -> Path | None:
    """The file of a sqlite store, None for another kind; refuses what MLflow 3 cannot use."""
    if uri.startswith("sqlite:///"):
        name = uri.removeprefix("sqlite:///")
        if odd := sorted(set("?%#") & set(name)):
            raise ConfigError(
                f"MLflow takes {' '.join(odd)} in the path of a database for a part of an address. Got {uri!r}; "
                "a folder without it would work: tracking.uri=sqlite:////other/folder/mlflow.db, or tracking=none."
            )
        return Path(name).absolute()
    if "://" not in uri or uri.startswith("file:"):
        raise ConfigError(
            f"MLflow needs a database or a server as its store. Got {uri!r}. "
            "Give sqlite:////absolute/path/mlflow.db or http://host:port."
        )
    return None


def refuse_password(uri: str) -> None:
    """A store's address is written into records and reports, so it must hold no secret. Raises ConfigError."""
    try:
        address = urlsplit(uri)
        secret = address.password is not None or (address.username is not None and address.scheme != "sqlite")
    except ValueError:  # no address at all: whoever opens it says so
        return
    if secret:
        shown = address._replace(netloc=address.netloc.rpartition("@")[2]).geturl()
        raise ConfigError(
            "tracking.uri must not hold a user name or a password, since it is written into records and reports. "
            f"Set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, and tracking.uri={shown}"
        )


def patiently(call: Callable[[], T]) -> T:
    """Repeat a call while another process holds the sqlite database, for `BUSY_SECONDS`.

    MLflow sets a busy timeout of its own, 20 s, whatever the address says.
    """
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            return call()
        except Exception as error:
            if "database is locked" not in str(error) or time.monotonic() > deadline:
                raise
        time.sleep(0.5)


@contextmanager
def clear_errors(uri: str) -> Iterator[None]:
    """One readable line instead of MLflow's and SQLAlchemy's pages."""
    try:
        yield
    except (ConfigError, OSError):
        raise
    except Exception as error:
        first = reason(error)
        if _is_unknown_here(error):
            raise ConfigError(
                f"MLflow cannot use {uri}: {first}. Set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, on "
                "every machine that runs jobs; runs can do without (tracking=none)."
            ) from None
        if "disk is full" in str(error) or "disk I/O error" in str(error):
            raise OSError(ENOSPC, f"The disk is full: MLflow could not write to {uri} ({first}).") from error
        known = type(error).__module__.startswith(("mlflow", "sqlalchemy", "sqlite3", "requests", "alembic"))
        if not known and not isinstance(error, ModuleNotFoundError):
            raise
        raise ConfigError(
            f"MLflow cannot use {uri}: {first}. Check its address; runs can do without (tracking=none)."
        ) from error


def reason(error: Exception) -> str:
    """One line of what MLflow, its driver or the network said."""
    if isinstance(error, (ConfigError, OSError)) and isinstance(error.__cause__, Exception):
        error = error.__cause__
    text = str(error).strip()
    if _is_unknown_here(error):
        name = os.environ.get("MLFLOW_TRACKING_USERNAME")
        whose = f"those of {name!r} were not accepted" if name else "none were given"
        return f"the server asks for a user name and a password, and {whose}"
    if system := re.search(r"\[Errno -?\d+\] ([^\"')]+)", text):
        return f"no server answers ({system[1].strip()})"
    if "timed out" in text:
        return "the server does not answer in time"
    if isinstance(error, ModuleNotFoundError):
        return f"the Python package {error.name} is not installed, which talks to this kind of database"
    return text.split("\n")[0][:300]


def _is_unknown_here(error: Exception) -> bool:
    """Whether a server has answered 401: it wants to know who asks."""
    status = getattr(error, "get_http_status_code", None)  # of MLflow's requests; of those for artifacts:
    return (status() if status else getattr(getattr(error, "response", None), "status_code", None)) == 401


def _create_database(path: Path) -> None:
    """Make a new store whole or not at all: a kill amid MLflow's sixty migrations leaves one that nothing can open."""
    if path.exists():
        return
    part = path.with_name(f"{path.name}.part")
    part.unlink(missing_ok=True)
    _client(f"sqlite:///{part}").search_experiments(max_results=1)  # makes all tables
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
