"""What the runs of an experiment say about grid points: finished, being worked on, or given up; and who gets one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, TypeVar

from inversion.record.mlflow_recorder import open_run
from inversion.record.mlflow_store import Store, clear_errors, open_client, patiently, reason
from inversion.record.record import Ending
from inversion.record.store_copy import health_of
from sweeps.execute import process
from sweeps.execute.heartbeat import Heartbeat, begun, heartbeat, watch_of
from sweeps.execute.lookup import Lookup
from sweeps.ui import ui_command

if TYPE_CHECKING:
    from mlflow.entities import Run

Found = TypeVar("Found")

GONE = "its process was killed (SIGKILL, out of memory, power)"
LEASE = 90.0  # seconds, where a run does not say more
SETTLE = 2.0  # seconds in which the other one of two simultaneous claims is withdrawn
POLL = 0.1  # seconds between two looks at them


@dataclass(frozen=True)
class Elsewhere:
    """Another process is running a point."""

    run_id: str
    who: str  # process 12 on node3

    @property
    def reason(self) -> str:
        return f"{self.who} is running it (run {self.run_id})"


class Ledger:
    """One experiment of one store; without a store nothing is known and nothing is finished.

    A point may be finished under several sweeps whose grids overlap. Its run is shown below the first of them in
    MLflow; the tag `membership` gives ties it to each.
    """

    def __init__(self, store: Store | None, lease: float = LEASE) -> None:
        """lease: seconds of silence after which others may take over what this process runs."""
        self.uri, self.experiment_id = ("", "") if store is None else (store.uri, store.experiment_id)
        self.lease = lease
        self._lookup = None if store is None else Lookup(store.uri, store.experiment_id)

    def ending(
        self,
        fingerprints: Sequence[str],
        tags: Mapping[str, str],
        rerun: bool,
        but: str = "",
        awaited: str = "",
    ) -> Ending | Elsewhere | None:
        """Why a problem is not to be run: it is finished, or another process is running it. None: run it.

        fingerprints: under which a finished run may be recorded. tags: the problem's own. but: the asking one's run.
        awaited: a run that finishes the problem even where `rerun` asks for it anew. A store that has failed since the
        start is not asked: the run goes on in its folder.
        """
        if self._lookup is None or health_of(self.uri).is_away:
            return None
        running: list[Elsewhere] = []
        for run in self._lookup.of_problem(fingerprints, but):
            run_id = str(run.info.run_id)
            if run.info.status == "FINISHED" and (not rerun or run_id == awaited):
                self._join(run, tags)
                return self._finished_before(run)
            if run.info.status == "RUNNING":
                if self.is_dead(run):
                    self._bury(run)
                else:
                    running.append(Elsewhere(run_id, process.describe(run.data.tags)))
        return min(running, key=lambda other: other.run_id, default=None)

    def look(
        self, fingerprints: Sequence[str], tags: Mapping[str, str], rerun: bool
    ) -> Ending | Elsewhere | None:
        """As `ending`, patiently; a store that fails says nothing, and is not asked again for a while."""
        return self._unless_away(lambda: patiently(lambda: self.ending(fingerprints, tags, rerun)))

    def claim(
        self,
        fingerprints: Sequence[str],
        name: str,
        tags: Mapping[str, str],
        rerun: bool,
        parent: str | None = None,
    ) -> str | Ending | Elsewhere | None:
        """Make a new run the only one that works on a problem; its id, or why there is none.

        name, tags, parent: the run's. None: without a store, or with one that has failed, nobody is asked.

        The run itself is the claim, and it is won by looking after it is made: whoever then finds no other live run
        of the problem has it. Two cannot win. A store commits a run with its tags in one transaction before it
        answers, so of two claims one is committed first; the other's look begins after its own commit, hence after
        both, and finds the first, which stays RUNNING until its problem is done or it is withdrawn. This asks of a
        store only that a look sees what was committed before it began: sqlite, PostgreSQL and MySQL do, behind any
        number of server processes; a server that reads from a replica that lags behind does not. A unique name (of
        an experiment or a registered model) would exclude as well, but would have to be taken over from the dead
        and cleared away, and between those two steps a third could take it.

        Where both find each other, the greater run id is withdrawn at once and the lesser one waits for that; where
        the greater one had won already, the lesser one is withdrawn after `SETTLE`. Both may be, then both come
        back later: slower, not wrong.

        The dead are left out of the look: on this machine whose process is gone, elsewhere whose signs of life have
        stopped for its lease (heartbeat.py). A process that was only stopped for so long, and goes on, asks
        `was_taken_over` before it calls its run finished. Claims of one process come from one thread.
        """
        return self._unless_away(lambda: self._claim(fingerprints, name, tags, rerun, parent))

    def _claim(
        self,
        fingerprints: Sequence[str],
        name: str,
        tags: Mapping[str, str],
        rerun: bool,
        parent: str | None,
    ) -> str | Ending | Elsewhere:
        found = patiently(lambda: self.ending(fingerprints, tags, rerun))
        if found is not None:
            return found
        signed = {**tags, **self.signs()}
        mine = patiently(lambda: open_run(self.uri, self.experiment_id, name, signed, parent))
        self._heartbeat().claims.add(mine)
        try:
            deadline = time.monotonic() + SETTLE
            while True:
                found = patiently(lambda: self.ending(fingerprints, tags, rerun, but=mine))
                if found is None:
                    return mine
                if isinstance(found, Ending) or mine > found.run_id or time.monotonic() > deadline:
                    break
                time.sleep(POLL)
        except BaseException:
            self.withdraw(mine)
            raise
        self.withdraw(mine)
        return found

    def withdraw(self, run_id: str) -> None:
        """Let nobody see a claim that came to nothing. What the store refuses now is ended by the next look at it."""
        self._heartbeat().claims.discard(run_id)
        with suppress(Exception):
            patiently(lambda: open_client(self.uri).set_terminated(run_id, "KILLED"))
            patiently(lambda: open_client(self.uri).delete_run(run_id))

    def was_taken_over(self, run_id: str) -> bool:
        """Whether others have given up this process's run, because it was stopped for longer than its lease.

        The store is asked only after such a silence.
        """
        return bool(self.uri) and self._heartbeat().silence >= self.lease and self.has_ended(run_id)

    def has_ended(self, run_id: str) -> bool:
        """Whether the store says so; of a run that it has not, or while it is away, nothing is known."""
        try:
            asked = bool(self.uri) and not health_of(self.uri).is_away
            return asked and open_client(self.uri).get_run(run_id).info.status != "RUNNING"
        except Exception:  # whatever its servers and drivers raise
            return False

    def signs(self) -> dict[str, str]:
        """The tag by which others find this process's signs of life, which begin with the first call."""
        return {"worker": self._heartbeat().worker} if self.uri else {}

    def is_dead(self, run: Run) -> bool:
        """Whether the process that works on a run has ended, as far as this one knows by now."""
        tags = run.data.tags
        worker = tags.get("worker")
        mine = begun(self.uri, self.experiment_id)
        if mine is not None and mine.worker == worker:
            # The answer to our request was lost.
            return "fingerprint" in tags and run.info.run_id not in mine.claims
        ended = process.has_ended(tags)
        if ended is not None:
            return ended
        return worker is not None and watch_of(self.uri, self.experiment_id).is_expired(worker, self.lease)

    def is_watched(self, run: Run) -> bool:
        """Whether it takes time to know if the process that works on a run has ended."""
        return "worker" in run.data.tags and not process.is_here(run.data.tags)

    def silence(self, run: Run) -> tuple[float, float]:
        """Seconds without a sign of life of a run's process, as far as they were watched, and its lease."""
        if not self.is_watched(run):
            return 0.0, self.lease
        return watch_of(self.uri, self.experiment_id).silence(run.data.tags["worker"], self.lease)

    def reap(self, host: str | None = None) -> list[str]:
        """Mark runs left RUNNING by processes that are gone, and all of `host`'s, as KILLED; returns their ids."""
        reaped = []
        for run in self.running():
            if self.is_dead(run) or (host is not None and run.data.tags.get("host") == host):
                self._bury(run)
                reaped.append(str(run.info.run_id))
        return reaped

    def reap_unless_away(self) -> None:
        """As `reap`, for whoever goes on without a store that fails."""
        self._unless_away(self.reap)

    def running(self) -> list[Run]:
        """Runs that some process says it is working on, sweeps among them."""
        return [run for run in self._runs("attributes.status = 'RUNNING'") if "pid" in run.data.tags]

    def sweeps(self, fingerprint: str | None = None) -> list[Run]:
        """The sweeps of this experiment, or those over one grid, latest first."""
        grid = "" if fingerprint is None else f" and tags.sweep = '{fingerprint}'"
        return list(self._runs(f"tags.kind = 'sweep'{grid}"))

    def whole(self, fingerprint: str) -> Run | None:
        """The run of a photo that was put together from several faces before, the latest one.

        None, too, where the store has failed.
        """
        wanted = f"tags.kind = 'faces' and tags.fingerprint = '{fingerprint}'"
        return self._unless_away(lambda: patiently(lambda: next(self._runs(wanted), None)))

    def statuses(self, parent: str) -> dict[str, str]:
        """Fingerprint → status of the points of one sweep that have a run: the best that each ever reached."""
        found: dict[str, str] = {}
        for name, status in [] if self._lookup is None else self._lookup.statuses(membership(parent)):
            if found.get(name) != "FINISHED" and (name not in found or status == "FINISHED"):
                found[name] = status
        return found

    def members(self, parent: str, ended_after: int = 0) -> list[Run]:
        """The runs of the points of one sweep, latest first. ended_after: in ms since 1970; 0 = also those running."""
        since = f" and attributes.end_time > {ended_after}" if ended_after else ""
        return list(self._runs(f"tags.`{membership(parent)}` = 'yes'{since}"))

    def belongs(self, run: Run, parent: str) -> bool:
        return membership(parent) in run.data.tags

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

    def _unless_away(self, ask: Callable[[], Found]) -> Found | None:
        if not self.uri or health_of(self.uri).is_away:
            return None
        try:
            with clear_errors(self.uri):
                return ask()
        except (ValueError, OSError) as error:
            health_of(self.uri).failed(reason(error))
            return None

    def _heartbeat(self) -> Heartbeat:
        return heartbeat(self.uri, self.experiment_id, self.lease)

    def _bury(self, run: Run) -> None:
        client = open_client(self.uri)
        client.set_tag(run.info.run_id, "reason", GONE)
        client.set_terminated(run.info.run_id, "KILLED")

    def _runs(self, wanted: str) -> Iterator[Run]:
        """Latest first."""
        return iter(()) if self._lookup is None else self._lookup.matching(wanted)


def membership(parent: str) -> str:
    """The tag of a run that belongs to this sweep."""
    return f"sweep.{parent}"
