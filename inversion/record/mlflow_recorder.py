"""The record as one MLflow run. MLflow is imported late: it takes seconds."""

from __future__ import annotations

import getpass
import math
import re
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from PIL import Image

from inversion.record.batch import SHOWN, Batch, PhotoSource, now
from inversion.record.mlflow_store import clear_errors, open_client
from inversion.record.params import clean_key, utf8
from inversion.record.run_writer import run_writer
from inversion.restoration import Status

BATCH_STEPS = 200  # steps that may wait: of five terms each, one full request, 25 % less work than four
BATCH_SECONDS = 10.0  # the longest that a value stays out of sight of the UI while steps go on
MAX_TAG_VALUE = 8000  # characters (mlflow.utils.validation)


class MLflowRecorder:
    """One problem as one MLflow run, through a client of its own: no global active run, no thread's state.

    uri, experiment_id: from `prepare_store`.
    params:        flat texts (see `flatten`); they cannot change later, so a resumed run keeps its own.
    photo:         recorded as the run's input data set.
    parent_run_id: shows this run below that one.
    run_id:        go on with this run instead of opening one; what it holds is not recorded again.
    is_empty:      `open_run` has just opened that run, with these tags: there is nothing in it to look for.

    Metrics wait for `BATCH_STEPS` steps or `BATCH_SECONDS`, and with the first of them the params and the photo; a
    short run is written when it ends, at once. MLflow keeps NaN but turns an infinity into ±1.8e308, which flattens
    every chart: infinities are kept as NaN (losses.csv has the true value).
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
        self._waiting = Batch()
        self._steps_waiting = 0
        self._last_sent = time.monotonic()
        self._held: dict[str, int] = {}  # last step of each metric that a resumed run holds
        self._held_images: set[tuple[str, int]] = set()  # key and step of each picture that it holds
        self.run_id = run_id or open_run(uri, experiment_id, run_name, tags, parent_run_id)
        with clear_errors(uri):
            self._writer = run_writer(uri)
            if run_id is None or is_empty:
                self._waiting = Batch(dict(params), photo=photo)
                if run_id is None:
                    self._begin()
            else:
                self._reopen({**tags, **_below(parent_run_id)}, params, photo)

    def _begin(self) -> None:
        """Write what is known of a run that nobody has claimed; one that cannot be written does not stay RUNNING."""
        try:
            self.flush()
        except BaseException:
            self._writer.write(self.run_id, Batch(status="FAILED"))
            raise

    def log_metrics(self, values: Mapping[str, float], step: int) -> None:
        when = now()
        for name, value in values.items():
            key = clean_key(name)
            if step > self._held.get(key, -1):
                self._wait(key, value, when, step)
        self._steps_waiting += 1
        if self._steps_waiting >= BATCH_STEPS or time.monotonic() - self._last_sent > BATCH_SECONDS:
            self.flush()

    def log_image(self, key: str, image: Image.Image, step: int) -> None:
        name = re.sub(r"[^A-Za-z0-9_./ -]", "_", key)
        if (name, step) in self._held_images:
            return
        with clear_errors(self._uri):
            self._waiting.tags.update(self._writer.keep_image(self.run_id, image, name, step))

    def log_summary(self, values: Mapping[str, float]) -> None:
        when = now()
        for name, value in values.items():
            if (key := clean_key(name)) not in self._held:
                self._wait(key, value, when, 0)

    def log_file(self, path: Path) -> None:
        with clear_errors(self._uri):
            self._writer.keep_file(self.run_id, path)

    def set_tags(self, tags: Mapping[str, str]) -> None:
        self._waiting.tags.update(_tags(tags))
        self.flush()

    def flush(self) -> None:
        self._steps_waiting, self._last_sent = 0, time.monotonic()
        if self._waiting:
            with clear_errors(self._uri):
                self._writer.write(self.run_id, self._waiting)
            self._waiting = Batch()  # only now: what a busy database refused goes with the next

    def finish(self, status: Status, reason: str = "") -> None:
        if reason:
            self._waiting.tags.update(_tags({"reason": reason}))
        self._waiting.status = status
        try:
            self.flush()
        except Exception:
            self._waiting.status = None
            with clear_errors(self._uri):
                self._writer.write(self.run_id, Batch(status="FAILED" if status == "FINISHED" else status))
            raise

    def _wait(self, key: str, value: float, when: int, step: int) -> None:
        self._waiting.metrics.append((key, value if math.isfinite(value) else math.nan, when, step))

    def _reopen(self, tags: Mapping[str, str], params: Mapping[str, str], photo: PhotoSource | None) -> None:
        client = open_client(self._uri)
        run = client.get_run(self.run_id)
        if not run.data.params:  # the store failed before they were sent, though a picture may be there
            self._waiting = Batch(dict(params), photo=photo)
        for key in run.data.metrics:
            self._held[key] = max(metric.step for metric in client.get_metric_history(self.run_id, key))
        for artifact in client.list_artifacts(self.run_id, "images"):
            # log_image names its files <key>+step+<step>+timestamp+…, with ~ for a slash in the key
            parts = Path(artifact.path).name.split("+")
            if len(parts) > 2 and parts[1] == "step" and parts[2].isdigit():
                self._held_images.add((parts[0].replace("~", "/"), int(parts[2])))
        client.update_run(self.run_id, status="RUNNING")
        if "reason" in run.data.tags:
            client.delete_tag(self.run_id, "reason")
        self.set_tags({**tags, **(SHOWN if self._held_images else {})})


def open_run(
    uri: str, experiment_id: str, name: str, tags: Mapping[str, str], parent: str | None = None
) -> str:
    """A new run, RUNNING, with all of its tags from its first moment; returns its id.

    parent: id of the run that it is shown below. Raises ConfigError, OSError.
    """
    with clear_errors(uri):
        all_tags = _tags({**_who_and_what(), **tags, **_below(parent)})
        return run_writer(uri).create(experiment_id, utf8(name), all_tags)


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
