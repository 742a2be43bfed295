"""Runs of a sqlite store with everything they say, in bulk: 0.2 to 0.9 ms for one, 3 ms by MLflow's search."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inversion.record.run_index import connect, reading

if TYPE_CHECKING:
    from mlflow.entities import DatasetInput, Run

RUNS = (
    "SELECT run_uuid, experiment_id, user_id, status, start_time, end_time, lifecycle_stage, artifact_uri, name "
    "FROM marked CROSS JOIN runs USING (run_uuid) WHERE lifecycle_stage = 'active' ORDER BY start_time, run_uuid"
)
PARAMS = "SELECT run_uuid, key, value FROM marked CROSS JOIN params USING (run_uuid)"
TAGS = "SELECT run_uuid, key, value FROM marked CROSS JOIN tags USING (run_uuid)"
METRICS = "SELECT run_uuid, key, value, timestamp, step, is_nan FROM marked CROSS JOIN latest_metrics USING (run_uuid)"
PHOTOS = (
    "SELECT run_uuid, name, digest, dataset_source_type, dataset_source, dataset_schema, dataset_profile FROM marked "
    "CROSS JOIN inputs ON destination_id = run_uuid AND destination_type = 'RUN' AND source_type = 'DATASET' "
    "JOIN datasets ON dataset_uuid = source_id"
)
MARKED = "WITH marked AS MATERIALIZED (SELECT DISTINCT run_uuid FROM tags WHERE {tags}) "


def tagged(database: Path, experiments: Sequence[str], wanted: Mapping[str, str]) -> list[Run]:
    """Every run, not deleted, of some experiments that has any of these tags, oldest first.

    database: MLflow's sqlite file. Data sets come without their tags. Raises sqlite3.Error.
    """
    from mlflow.entities import Metric, Param, Run, RunData, RunInfo, RunInputs, RunTag

    with closing(connect(database)) as connection, reading(connection):
        marked = MARKED.format(tags=" OR ".join(["key = ? AND value = ?"] * len(wanted)))
        asked = list(itertools.chain(*wanted.items()))

        def rows(query: str) -> Iterable[tuple[Any, ...]]:
            return connection.execute(marked + query, asked)

        texts: dict[str, str] = {}  # most params are the same in all runs: each text is kept once
        params, tags, metrics = defaultdict(list), defaultdict(list), defaultdict(list)
        photos: dict[str, list[DatasetInput]] = defaultdict(list)
        for run_id, key, text in rows(PARAMS):
            params[run_id].append(Param(texts.setdefault(key, key), texts.setdefault(text, text)))
        for run_id, key, text in rows(TAGS):
            tags[run_id].append(RunTag(texts.setdefault(key, key), texts.setdefault(text, text)))
        for run_id, key, number, when, step, is_nan in rows(METRICS):
            metrics[run_id].append(
                Metric(texts.setdefault(key, key), math.nan if is_nan else number, when, step)
            )
        for run_id, *dataset in rows(PHOTOS):
            photos[run_id].append(_photo(*dataset))
        return [
            Run(
                RunInfo(
                    run_id=run_id,
                    experiment_id=str(experiment),
                    user_id=user,
                    status=status,
                    start_time=start,
                    end_time=end,
                    lifecycle_stage=stage,
                    artifact_uri=uri,
                    run_name=name,
                ),
                RunData(metrics.pop(run_id, []), params.pop(run_id, []), tags.pop(run_id, [])),
                RunInputs(photos[run_id]),
            )
            for run_id, experiment, user, status, start, end, stage, uri, name in rows(RUNS)
            if str(experiment) in experiments
        ]


def _photo(
    name: str, digest: str, kind: str, source: str, schema: str | None, profile: str | None
) -> DatasetInput:
    from mlflow.entities import Dataset, DatasetInput

    dataset = Dataset(name, digest, kind, source, schema, profile)
    return DatasetInput(dataset, tags=[])
