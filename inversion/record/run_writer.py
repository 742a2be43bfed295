"""What writes one run of MLflow's: through its client, or, where the store is a sqlite file, into its tables."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from PIL import Image

from inversion.record.mlflow_store import open_client, sqlite_path
from inversion.record.params import utf8
from inversion.restoration import Status

if TYPE_CHECKING:
    from mlflow.entities import DatasetInput

MAX_ENTRIES, MAX_PARAMS, MAX_TAGS = 1000, 100, 100  # per request, and of its kinds (mlflow.utils.validation)
MAX_NAME, MAX_DIGEST = 500, 36  # characters of a data set's (the same)
COLLISIONS = ("IntegrityError", "UniqueViolation", "Duplicate entry")  # of sqlite, PostgreSQL, MySQL
SHOWN = {"mlflow.loggedImages": "True"}  # MLflow's charts look for pictures in runs that have this tag
USE = ("mlflow.data.context", "restoration")  # tag of the photo among a run's inputs


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

    def columns(self) -> dict[str, str]:
        """What MLflow keeps of a data set."""
        return {
            "name": utf8(Path(self.uri).name)[:MAX_NAME],
            "digest": self.sha256[:MAX_DIGEST],
            "source_type": "local",
            "source": json.dumps({"uri": self.uri}),
            "profile": json.dumps({"sha256": self.sha256, "width": self.width, "height": self.height}),
        }


Value = tuple[str, float, int, int]  # a metric's key, its value (NaN, but no infinity), time in ms, step


@dataclass
class Batch:
    """What is to be written of a run at once. Writing it again changes nothing."""

    params: dict[str, str] = field(default_factory=dict)  # those that the run has keep their values
    metrics: list[Value] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)
    photo: PhotoSource | None = None
    status: Status | None = None  # with which the run ends; None: it goes on

    def __bool__(self) -> bool:
        return bool(self.params or self.metrics or self.tags or self.photo or self.status)


class RunWriter(Protocol):
    """Names, values and texts are those that MLflow accepts. Raises MLflow's, its drivers' and the disk's errors."""

    def create(self, experiment_id: str, name: str, tags: Mapping[str, str]) -> str:
        """A new run, RUNNING, visible with all of its tags or not at all; returns its id."""

    def write(self, run_id: str, batch: Batch) -> None:
        """All of a batch, in as few steps as the store allows."""

    def keep_file(self, run_id: str, path: Path) -> None:
        """A file among the run's artifacts, under its own name."""

    def keep_image(self, run_id: str, image: Image.Image, key: str, step: int) -> Mapping[str, str]:
        """A picture on MLflow's step slider; returns the tags that the run must get for it."""


class ClientWriter:
    """Through MLflow's client: to a server, or a database with tables that this program does not know."""

    def __init__(self, uri: str) -> None:
        self._uri = uri

    def create(self, experiment_id: str, name: str, tags: Mapping[str, str]) -> str:
        return str(
            open_client(self._uri).create_run(experiment_id, tags=dict(tags), run_name=name).info.run_id
        )

    def write(self, run_id: str, batch: Batch) -> None:
        from mlflow.entities import Metric, Param, RunTag

        client = open_client(self._uri)
        if batch.photo is not None:
            self._keep_photo(run_id, dataset(batch.photo))
        params = [Param(*pair) for pair in batch.params.items()]
        metrics = [Metric(*value) for value in batch.metrics]
        tags = [RunTag(*pair) for pair in batch.tags.items()]
        while params or metrics or tags:
            room = MAX_ENTRIES - len(params[:MAX_PARAMS]) - len(tags[:MAX_TAGS])
            client.log_batch(run_id, metrics[:room], params[:MAX_PARAMS], tags[:MAX_TAGS])
            metrics, params, tags = metrics[room:], params[MAX_PARAMS:], tags[MAX_TAGS:]
        if batch.status is not None:
            client.set_terminated(run_id, batch.status)

    def keep_file(self, run_id: str, path: Path) -> None:
        open_client(self._uri).log_artifact(run_id, str(path))

    def keep_image(self, run_id: str, image: Image.Image, key: str, step: int) -> Mapping[str, str]:
        open_client(self._uri).log_image(run_id, image, key=key, step=step)
        return {}  # it sets its tag

    def _keep_photo(self, run_id: str, photo: DatasetInput) -> None:
        """Runs that name one new photo at once collide in the database; another try finds its entry."""
        from mlflow.exceptions import MlflowException

        for last_try in (False, False, True):
            try:
                return open_client(self._uri).log_inputs(run_id, [photo])
            except MlflowException as error:
                if last_try or not any(word in str(error) for word in COLLISIONS):
                    raise


def run_writer(uri: str) -> RunWriter:
    """This process's own for a store that exists."""
    return _run_writer(uri, os.getpid())


@cache
def _run_writer(uri: str, pid: int) -> RunWriter:
    """pid: a fork must not go on with its parent's connection to the database."""
    from inversion.record.sqlite_writer import SqliteWriter, knows

    database = sqlite_path(uri)
    return SqliteWriter(database) if database is not None and knows(database) else ClientWriter(uri)


def dataset(photo: PhotoSource) -> Any:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    return DatasetInput(Dataset(**photo.columns()), tags=[InputTag(*USE)])
