"""The record as one MLflow run; the only module that knows MLflow, and it imports it late."""

from __future__ import annotations

import getpass
import hashlib
import json
import logging
import math
import os
import posixpath
import re
import sys
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from errno import ENOSPC
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from PIL import Image

from inversion.errors import ConfigError
from inversion.record.recorder import Status

if TYPE_CHECKING:
    from mlflow import MlflowClient

BATCH_STEPS = 50  # steps that may wait; one by one costs ten times as much (FACTS 6)
BATCH_SECONDS = 3.0  # the longest that a value stays out of sight of the UI while steps go on
BUSY_SECONDS = 60  # how long a writer waits for sqlite's single pen; sqlite's own 5 s fail on a busy machine
MAX_METRICS, MAX_PARAMS = 1000, 100  # per request (mlflow.utils.validation)
MAX_KEY, MAX_PARAM_VALUE, MAX_TAG_VALUE, MAX_DIGEST = 250, 6000, 8000, 36  # characters (the same)


@dataclass(frozen=True)
class PhotoSource:
    """Where a problem's photo came from, for MLflow's dataset column.

    sha256: of its content. MLflow's own digest hashes only the first 10,000 elements, so that two blurs of
            one photo look alike. The column holds 36 digits (MLflow's limit), the profile all of them.
    """

    uri: str  # the file's path, or what made it ("synthetic:seed=7")
    sha256: str
    width: int  # pixels
    height: int


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
    database = _sqlite_path(uri)
    if database is None:
        with _clear_errors(uri):
            return _experiment_id(uri, experiment, location)
    try:
        database.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{database}.lock", timeout=120), _clear_errors(uri):
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


class MLflowRecorder:
    """One problem as one MLflow run, through a client of its own: no global active run, no thread's state.

    uri, experiment_id: from `prepare_store`.
    params:        flat texts (see `flatten`); they cannot change later, so a resumed run keeps its own.
    photo:         recorded as the run's input data set.
    parent_run_id: shows this run below that one.
    run_id:        go on with this run instead of opening one; the steps that it holds are not recorded again.

    Metrics wait for `BATCH_STEPS` steps or `BATCH_SECONDS`. MLflow keeps NaN but turns an infinity into
    ±1.8e308, which flattens every chart: infinities are kept as NaN (losses.csv has the true value).
    """

    def __init__(
        self,
        uri: str,
        experiment_id: str,
        run_name: str,
        params: Mapping[str, str],
        tags: Mapping[str, str],
        photo: PhotoSource | None = None,
        parent_run_id: str | None = None,
        run_id: str | None = None,
    ) -> None:
        self._uri = uri
        self._waiting: list[tuple[str, float, int, int]] = []  # key, value, time in ms, step
        self._steps_waiting = 0
        self._last_sent = time.monotonic()
        self._held: dict[str, int] = {}  # last step of each metric that a resumed run holds
        parent = {} if parent_run_id is None else {"mlflow.parentRunId": parent_run_id}
        with _clear_errors(uri):
            self._client = _client(uri)
            if run_id is None:
                all_tags = _tags({**_who_and_what(), **tags, **parent})
                run = self._client.create_run(experiment_id, tags=all_tags, run_name=run_name)
                self.run_id: str = run.info.run_id
                try:
                    self._describe(params, photo)
                except BaseException:
                    self._client.set_terminated(self.run_id, "FAILED")
                    raise
            else:
                self.run_id = run_id
                self._reopen({**tags, **parent})

    def log_metrics(self, values: Mapping[str, float], step: int) -> None:
        now = int(time.time() * 1000)
        for name, value in values.items():
            key = clean_key(name)
            if step > self._held.get(key, -1):
                self._waiting.append((key, float(value), now, step))
        self._steps_waiting += 1
        if self._steps_waiting >= BATCH_STEPS or time.monotonic() - self._last_sent > BATCH_SECONDS:
            self.flush()

    def log_image(self, key: str, image: Image.Image, step: int) -> None:
        name = re.sub(r"[^A-Za-z0-9_./ -]", "_", key)
        with _clear_errors(self._uri):
            self._client.log_image(self.run_id, image, key=name, step=step)

    def log_summary(self, values: Mapping[str, float]) -> None:
        now = int(time.time() * 1000)
        self._waiting += [(clean_key(name), float(value), now, 0) for name, value in values.items()]
        self.flush()

    def log_file(self, path: Path) -> None:
        with _clear_errors(self._uri):
            self._client.log_artifact(self.run_id, str(path))

    def set_tags(self, tags: Mapping[str, str]) -> None:
        from mlflow.entities import RunTag

        with _clear_errors(self._uri):
            self._client.log_batch(self.run_id, tags=[RunTag(*tag) for tag in _tags(tags).items()])

    def flush(self) -> None:
        from mlflow.entities import Metric

        self._steps_waiting, self._last_sent = 0, time.monotonic()
        with _clear_errors(self._uri):
            while self._waiting:
                batch = [
                    Metric(key, value if math.isfinite(value) else math.nan, when, step)
                    for key, value, when, step in self._waiting[:MAX_METRICS]
                ]
                self._client.log_batch(self.run_id, metrics=batch)
                del self._waiting[:MAX_METRICS]  # only now: what a busy database refused goes with the next

    def finish(self, status: Status, reason: str = "") -> None:
        try:
            self.flush()
            if reason:
                self.set_tags({"reason": reason})
        except Exception:
            status = "FAILED" if status == "FINISHED" else status
            raise
        finally:
            with _clear_errors(self._uri):
                self._client.set_terminated(self.run_id, status)

    def _describe(self, params: Mapping[str, str], photo: PhotoSource | None) -> None:
        from mlflow.entities import Param

        listed = [Param(key, value) for key, value in params.items()]
        for start in range(0, len(listed), MAX_PARAMS):
            self._client.log_batch(self.run_id, params=listed[start : start + MAX_PARAMS])
        if photo is not None:
            self._log_photo(photo)

    def _log_photo(self, photo: PhotoSource) -> None:
        """Two runs that name one new photo at once collide in the database; a second try finds its entry."""
        from mlflow.exceptions import MlflowException

        for last_try in (False, True):
            try:
                return self._client.log_inputs(self.run_id, [_dataset(photo)])
            except MlflowException as error:
                if last_try or "IntegrityError" not in str(error):
                    raise

    def _reopen(self, tags: Mapping[str, str]) -> None:
        run = self._client.get_run(self.run_id)
        for key in run.data.metrics:
            self._held[key] = max(metric.step for metric in self._client.get_metric_history(self.run_id, key))
        self._client.update_run(self.run_id, status="RUNNING")
        if "reason" in run.data.tags:
            self._client.delete_tag(self.run_id, "reason")
        self.set_tags(tags)


def flatten(config: Mapping[str, Any]) -> dict[str, str]:
    """A composed config as MLflow params: dotted keys, values spelt as on Hydra's command line.

    {"loss": {"lpips": 1.0}, "phases": [{"steps": 5}], "box": [1, 2], "seed": None} →
    {"loss.lpips": "1.0", "phases.0.steps": "5", "box": "[1, 2]", "seed": "null"}

    Keys are cleaned (`clean_key`). MLflow cuts values over 6000 characters without a word; here they end in a
    note that sends the reader to the run's config.yaml, which holds everything.
    """
    flat: dict[str, str] = {}
    for name, value in _leaves(config, ()):
        key = clean_key(name)
        while key in flat:  # two names that differ only in what MLflow refuses
            key = clean_key(f"{key}_")
        text = _spell(value)
        if len(text) > MAX_PARAM_VALUE:
            note = f"… [{len(text)} characters in all: see config.yaml]"
            text = text[: MAX_PARAM_VALUE - len(note)] + note
        flat[key] = text
    return flat


def clean_key(name: str) -> str:
    """The nearest name that MLflow accepts: letters, digits, `_ . - / :` and space, at most 250 characters.

    A longer name keeps its beginning and gets a digest of the whole, so that two of them stay apart.
    """
    key = re.sub(r"[^\w./: -]", "_", name).strip() or "_"
    key = posixpath.normpath(key).replace("..", "__").lstrip("/")
    key = key if key not in ("", ".") else "_"
    if len(key) > MAX_KEY:
        key = f"{key[: MAX_KEY - 9]}_{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    return key


def runs_link(
    host: str,
    port: int,
    experiment_id: str,
    run_ids: Sequence[str] = (),
    parent_run_id: str | None = None,
    order_by: str = "psnr",
) -> str:
    """The address of MLflow's chart view on these runs, best `order_by` first.

    Exactly `run_ids` when given (a browser takes a few hundred), else the children of `parent_run_id`, else
    all runs tagged kind=job. Ordering by a metric is what shows nested runs at once: the tree starts
    collapsed, and the chart view of a collapsed tree is empty.
    """
    if run_ids:
        wanted = "attributes.run_id IN (" + ", ".join(f"'{run_id}'" for run_id in run_ids) + ")"
    elif parent_run_id is not None:
        wanted = f"tags.`mlflow.parentRunId` = '{parent_run_id}'"
    else:
        wanted = 'tags.kind = "job"'
    return (
        f"http://{host}:{port}/#/experiments/{experiment_id}/runs?workflowType=machine_learning"
        f"&compareRunsMode=CHART&orderByKey={quote(f'metrics.`{order_by}`', safe='')}&orderByAsc=false"
        f"&searchFilter={quote(wanted, safe='')}"
    )


def _client(uri: str) -> MlflowClient:
    """A client that says nothing on the console and reports to nobody."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # both are read while mlflow is imported
    os.environ.setdefault("DO_NOT_TRACK", "true")
    import mlflow
    from sqlalchemy.exc import SADeprecationWarning

    # Raised by MLflow's own models under SQLAlchemy 2.1; nothing that a user could change.
    warnings.filterwarnings("ignore", category=SADeprecationWarning)
    for name in ("mlflow", "alembic"):  # a new database takes some sixty migrations, each an INFO line
        logging.getLogger(name).setLevel(logging.ERROR)
    if uri.startswith("sqlite:///") and "?" not in uri:
        uri += f"?timeout={BUSY_SECONDS}"
    return mlflow.MlflowClient(tracking_uri=uri)


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

    client = _client(uri)
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


def _sqlite_path(uri: str) -> Path | None:
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
def _clear_errors(uri: str) -> Iterator[None]:
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
            f"MLflow could not record in {uri}: {first}. Check tracking.uri, or run with tracking=none."
        ) from error


def _who_and_what() -> dict[str, str]:
    """The tags that MLflow's own `start_run` would set and its UI shows."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        user = "unknown"
    return {
        "mlflow.user": user,
        "mlflow.source.type": "LOCAL",
        "mlflow.source.name": Path(sys.argv[0]).name or "python",
    }


def _tags(tags: Mapping[str, str]) -> dict[str, str]:
    return {clean_key(name): str(value)[:MAX_TAG_VALUE] for name, value in tags.items()}


def _dataset(photo: PhotoSource) -> Any:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    dataset = Dataset(
        name=Path(photo.uri).name[:500],
        digest=photo.sha256[:MAX_DIGEST],
        source_type="local",
        source=json.dumps({"uri": photo.uri}),
        profile=json.dumps({"sha256": photo.sha256, "width": photo.width, "height": photo.height}),
    )
    return DatasetInput(dataset, tags=[InputTag("mlflow.data.context", "restoration")])


def _leaves(value: Any, path: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        for key, child in value.items():
            yield from _leaves(child, (*path, str(key)))
    elif _is_list(value) and any(isinstance(item, Mapping) or _is_list(item) for item in value):
        for index, child in enumerate(value):
            yield from _leaves(child, (*path, str(index)))
    else:
        yield ".".join(path), value


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes))


def _spell(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if _is_list(value):
        return "[" + ", ".join(_spell(item) for item in value) + "]"
    return "{}" if isinstance(value, Mapping) else str(value)  # only an empty mapping is a leaf
