"""Which runs an experiment has: by a search of MLflow's, and faster where the store is a sqlite file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from inversion.record.mlflow_store import open_client, patiently, search_runs, sqlite_path
from inversion.record.run_index import FINGERPRINT, RunIndex, statuses

if TYPE_CHECKING:
    from mlflow.entities import Run


class Lookup:
    """Reads the runs of one experiment that are not deleted, latest first."""

    def __init__(self, uri: str, experiment_id: str) -> None:
        self.uri = uri
        self.experiment_id = experiment_id
        self._database = sqlite_path(uri)
        self._index = None if self._database is None else RunIndex(self._database)

    def matching(self, wanted: str) -> Iterator[Run]:
        """wanted: as MLflow's search has it."""
        yield from search_runs(open_client(self.uri), [self.experiment_id], wanted)

    def of_problem(self, fingerprints: Sequence[str], but: str = "") -> Iterator[Run]:
        """Runs that may be recorded under any of these; all that were committed before are among them.

        but: id of one that is known, and not read.
        """
        if self._index is None:
            for one in fingerprints:
                found = self.matching(f"tags.{FINGERPRINT} = '{one}'")
                yield from (run for run in found if run.info.run_id != but)
            return
        for run_id in reversed([each for each in self._index.ids(fingerprints) if each != but]):
            run = open_client(self.uri).get_run(run_id)
            if run.info.lifecycle_stage == "active" and run.info.experiment_id == self.experiment_id:
                yield run

    def statuses(self, tag: str) -> list[tuple[str, str]]:
        """Fingerprint and status of every run that has this tag, with the value yes."""
        database = self._database
        if database is None:
            found = self.matching(f"tags.`{tag}` = 'yes'")
            return [(run.data.tags[FINGERPRINT], str(run.info.status)) for run in found]
        # MLflow's search reads every param of every run: half a minute for 10,000 of them.
        return patiently(lambda: statuses(database, self.experiment_id, tag))
