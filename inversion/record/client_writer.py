"""Runs written through MLflow's client."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from inversion.record.batch import USE, Batch, PhotoSource
from inversion.record.mlflow_store import open_client

if TYPE_CHECKING:
    from mlflow.entities import DatasetInput

MAX_ENTRIES, MAX_PARAMS, MAX_TAGS = 1000, 100, 100  # per request, and of its kinds (mlflow.utils.validation)
COLLISIONS = ("IntegrityError", "UniqueViolation", "Duplicate entry")  # of sqlite, PostgreSQL, MySQL


class ClientWriter:
    """A `RunWriter` to a server, or a database with tables that this program does not know."""

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


def dataset(photo: PhotoSource) -> Any:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    return DatasetInput(Dataset(**photo.columns()), tags=[InputTag(*USE)])
