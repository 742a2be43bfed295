"""What the runs of an experiment say about grid points: finished, being worked on, or given up."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from inversion.record.mlflow_store import Store, open_client, sqlite_path
from inversion.record.record import Ending
from inversion.record.store_copy import health_of
from sweeps.execute import process
from sweeps.ui import ui_command

if TYPE_CHECKING:
    from mlflow.entities import Run

PAGE = 1000  # runs per request
GONE = "its process was killed (SIGKILL, out of memory, power)"


class Ledger:
    """One experiment of one store; without a store nothing is known and nothing is finished.

    A point may be finished under several sweeps whose grids overlap. Its run is shown below the first of them in
    MLflow; the tag `membership` gives ties it to each.
    """

    def __init__(self, store: Store | None) -> None:
        self.uri, self.experiment_id = ("", "") if store is None else (store.uri, store.experiment_id)

    def ending(self, fingerprints: Sequence[str], tags: Mapping[str, str], rerun: bool) -> Ending | None:
        """Why a problem is not to be run: it is finished, or another process is running it. None: run it.

        fingerprints: under which a finished run may be recorded. tags: the problem's own. A store that has failed
        since the start is not asked: the run goes on in its folder.
        """
        if self.uri and health_of(self.uri).is_away:
            return None
        running: Ending | None = None
        for run in (run for one in fingerprints for run in self._runs(f"tags.fingerprint = '{one}'")):
            if run.info.status == "FINISHED" and not rerun:
                self._join(run, tags)
                return self._finished_before(run)
            if run.info.status == "RUNNING":
                if process.is_gone(run.data.tags):
                    self._bury(run)
                else:
                    reason = f"{process.describe(run.data.tags)} is running it (run {run.info.run_id})"
                    running = Ending("FAILED", reason, {})
        return running

    def one_at_a_time(self) -> AbstractContextManager[object]:
        """Between looking a point up and opening its run nobody else may do the same.

        A file lock beside a sqlite database; a server has none, there two sweeps should not share points.
        """
        database = sqlite_path(self.uri) if self.uri else None
        if database is None:
            return nullcontext()
        from filelock import FileLock

        return FileLock(f"{database}.claims.lock", timeout=300)

    def reap(self, host: str | None = None) -> list[str]:
        """Mark runs left RUNNING by processes that are gone as KILLED; returns their ids.

        host: all RUNNING runs of this machine are given up, too, because somebody says that it is gone.
        """
        reaped = []
        for run in self._runs("attributes.status = 'RUNNING'"):
            tags = run.data.tags
            if "pid" in tags and (process.is_gone(tags) or tags.get("host") == host):
                self._bury(run)
                reaped.append(str(run.info.run_id))
        return reaped

    def sweeps(self, fingerprint: str | None = None) -> list[Run]:
        """The sweeps of this experiment, or those over one grid, latest first."""
        grid = "" if fingerprint is None else f" and tags.sweep = '{fingerprint}'"
        return list(self._runs(f"tags.kind = 'sweep'{grid}"))

    def whole(self, fingerprint: str) -> Run | None:
        """The run of a photo that was put together from several faces before, the latest one."""
        return next(self._runs(f"tags.kind = 'faces' and tags.fingerprint = '{fingerprint}'"), None)

    def statuses(self, parent: str) -> dict[str, str]:
        """Fingerprint → status of the points of one sweep that have a run: the best that each ever reached."""
        found: dict[str, str] = {}
        for run in self._runs(f"tags.`{membership(parent)}` = 'yes'"):
            name = run.data.tags["fingerprint"]
            if found.get(name) != "FINISHED" and (name not in found or run.info.status == "FINISHED"):
                found[name] = str(run.info.status)
        return found

    def wait_for_orphans(self, parent: str, seconds: float) -> None:
        """Workers of a killed sweep notice its end within a step: let them close their runs."""
        deadline = time.monotonic() + seconds
        running = f"tags.`{membership(parent)}` = 'yes' and attributes.status = 'RUNNING'"
        while time.monotonic() < deadline:
            self.reap()
            if not list(self._runs(running)):
                return
            time.sleep(process.POLL)

    def artifact(self, run_id: str, name: str) -> str:
        """The content of a run's file. Raises OSError when there is none."""
        with TemporaryDirectory() as folder:
            try:
                return Path(open_client(self.uri).download_artifacts(run_id, name, folder)).read_text()
            except Exception as error:  # MLflow raises its own kinds, one per kind of artifact store
                raise OSError(f"run {run_id} has no {name}: {error}") from error

    def _finished_before(self, run: Run) -> Ending:
        folder = run.data.tags.get("folder", "")
        where, there = f"its pictures are in {folder}", folder
        if not folder or not Path(folder).is_dir():
            where, there = f"its folder is gone, MLflow still has its pictures ({ui_command(self.uri)})", ""
        reason = f"finished before as run {run.info.run_id}, {where}"
        return Ending("FINISHED", reason, dict(run.data.metrics), there)

    def _join(self, run: Run, tags: Mapping[str, str]) -> None:
        """Count the run among those of another sweep."""
        for name in tags:
            if name.startswith(membership("")) and name not in run.data.tags:
                open_client(self.uri).set_tag(run.info.run_id, name, "yes")

    def _bury(self, run: Run) -> None:
        client = open_client(self.uri)
        client.set_tag(run.info.run_id, "reason", GONE)
        client.set_terminated(run.info.run_id, "KILLED")

    def _runs(self, wanted: str) -> Iterator[Run]:
        """Latest first."""
        if not self.uri:
            return
        client, token = open_client(self.uri), None
        while True:
            page = client.search_runs([self.experiment_id], wanted, max_results=PAGE, page_token=token)
            yield from page
            token = page.token
            if not token:
                return


def membership(parent: str) -> str:
    """The tag of a run that belongs to this sweep."""
    return f"sweep.{parent}"
