"""The record as one MLflow run. MLflow is imported late: it takes seconds."""

from __future__ import annotations

import getpass
import json
import math
import re
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from inversion.record.mlflow_store import clear_errors, open_client
from inversion.record.params import clean_key, utf8
from inversion.restoration import Status

BATCH_STEPS = 200  # steps that may wait: of five terms each, one full request, 25 % less work than four
BATCH_SECONDS = 10.0  # the longest that a value stays out of sight of the UI while steps go on
MAX_ENTRIES, MAX_PARAMS = 1000, 100  # per request, metrics included, and of params (mlflow.utils.validation)
MAX_TAG_VALUE, MAX_DIGEST = 8000, 36  # characters (the same)

COLLISIONS = ("IntegrityError", "UniqueViolation", "Duplicate entry")  # of sqlite, PostgreSQL, MySQL


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


class MLflowRecorder:
    """One problem as one MLflow run, through a client of its own: no global active run, no thread's state.

    uri, experiment_id: from `prepare_store`.
    params:        flat texts (see `flatten`); they cannot change later, so a resumed run keeps its own.
    photo:         recorded as the run's input data set.
    parent_run_id: shows this run below that one.
    run_id:        go on with this run instead of opening one; what it holds is not recorded again.
    is_empty:      `open_run` has just opened that run, with these tags: there is nothing in it to look for.

    Metrics wait for `BATCH_STEPS` steps or `BATCH_SECONDS`, and with the first of them the params of a run that
    `open_run` has opened: one request less for a point of a sweep. MLflow keeps NaN but turns an infinity into
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
        is_empty: bool = False,
    ) -> None:
        self._uri = uri
        self._params: list[tuple[str, str]] = []  # that wait
        self._waiting: list[tuple[str, float, int, int]] = []  # key, value, time in ms, step
        self._steps_waiting = 0
        self._last_sent = time.monotonic()
        self._held: dict[str, int] = {}  # last step of each metric that a resumed run holds
        self._held_images: set[tuple[str, int]] = set()  # key and step of each picture that it holds
        self.run_id = run_id or open_run(uri, experiment_id, run_name, tags, parent_run_id)
        with clear_errors(uri):
            self._client = open_client(uri)
            if run_id is None or is_empty:
                try:
                    self._params = list(params.items())
                    if run_id is None:
                        self.flush()
                    if photo is not None:
                        self._log_photo(photo)
                except BaseException:
                    if (
                        run_id is None
                    ):  # one that was claimed before is tried again, or goes on without its store
                        self._client.set_terminated(self.run_id, "FAILED")
                    raise
            else:
                self._reopen({**tags, **_below(parent_run_id)}, params, photo)

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
        if (name, step) in self._held_images:
            return
        with clear_errors(self._uri):
            self._client.log_image(self.run_id, image, key=name, step=step)

    def log_summary(self, values: Mapping[str, float]) -> None:
        now = int(time.time() * 1000)
        named = {clean_key(name): float(value) for name, value in values.items()}
        self._waiting += [(key, value, now, 0) for key, value in named.items() if key not in self._held]
        self.flush()

    def log_file(self, path: Path) -> None:
        with clear_errors(self._uri):
            self._client.log_artifact(self.run_id, str(path))

    def set_tags(self, tags: Mapping[str, str]) -> None:
        from mlflow.entities import RunTag

        with clear_errors(self._uri):
            self._client.log_batch(self.run_id, tags=[RunTag(*tag) for tag in _tags(tags).items()])

    def flush(self) -> None:
        from mlflow.entities import Metric, Param

        self._steps_waiting, self._last_sent = 0, time.monotonic()
        with clear_errors(self._uri):
            while self._waiting or self._params:
                params = [Param(key, value) for key, value in self._params[:MAX_PARAMS]]
                batch = [
                    Metric(key, value if math.isfinite(value) else math.nan, when, step)
                    for key, value, when, step in self._waiting[: MAX_ENTRIES - len(params)]
                ]
                self._client.log_batch(self.run_id, metrics=batch, params=params)
                del self._params[: len(params)]  # only now: what a busy database refused goes with the next
                del self._waiting[: len(batch)]

    def finish(self, status: Status, reason: str = "") -> None:
        try:
            self.flush()
            if reason:
                self.set_tags({"reason": reason})
        except Exception:
            status = "FAILED" if status == "FINISHED" else status
            raise
        finally:
            with clear_errors(self._uri):
                self._client.set_terminated(self.run_id, status)

    def _log_photo(self, photo: PhotoSource) -> None:
        """Runs that name one new photo at once collide in the database; another try finds its entry."""
        from mlflow.exceptions import MlflowException

        for last_try in (False, False, True):
            try:
                return self._client.log_inputs(self.run_id, [_dataset(photo)])
            except MlflowException as error:
                if last_try or not any(word in str(error) for word in COLLISIONS):
                    raise

    def _reopen(self, tags: Mapping[str, str], params: Mapping[str, str], photo: PhotoSource | None) -> None:
        run = self._client.get_run(self.run_id)
        if not run.data.params:  # the store failed before they were sent, though a picture may be there
            self._params = list(params.items())
            if photo is not None:
                self._log_photo(photo)
        for key in run.data.metrics:
            self._held[key] = max(metric.step for metric in self._client.get_metric_history(self.run_id, key))
        for artifact in self._client.list_artifacts(self.run_id, "images"):
            # log_image names its files <key>+step+<step>+timestamp+…, with ~ for a slash in the key
            parts = Path(artifact.path).name.split("+")
            if len(parts) > 2 and parts[1] == "step" and parts[2].isdigit():
                self._held_images.add((parts[0].replace("~", "/"), int(parts[2])))
        self._client.update_run(self.run_id, status="RUNNING")
        if "reason" in run.data.tags:
            self._client.delete_tag(self.run_id, "reason")
        self.set_tags(tags)


def open_run(
    uri: str, experiment_id: str, name: str, tags: Mapping[str, str], parent: str | None = None
) -> str:
    """A new run, RUNNING, with all of its tags from its first moment; returns its id.

    parent: id of the run that it is shown below. Raises ConfigError, OSError.
    """
    with clear_errors(uri):
        all_tags = _tags({**_who_and_what(), **tags, **_below(parent)})
        run = open_client(uri).create_run(experiment_id, tags=all_tags, run_name=utf8(name))
        return str(run.info.run_id)


def _below(parent: str | None) -> dict[str, str]:
    return {} if parent is None else {"mlflow.parentRunId": parent}


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
    return {clean_key(name): utf8(str(value))[:MAX_TAG_VALUE] for name, value in tags.items()}


def _dataset(photo: PhotoSource) -> Any:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    dataset = Dataset(
        name=utf8(Path(photo.uri).name)[:500],
        digest=photo.sha256[:MAX_DIGEST],
        source_type="local",
        source=json.dumps({"uri": photo.uri}),
        profile=json.dumps({"sha256": photo.sha256, "width": photo.width, "height": photo.height}),
    )
    return DatasetInput(dataset, tags=[InputTag("mlflow.data.context", "restoration")])
