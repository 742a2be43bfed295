"""Which runs a sqlite store has of a problem. MLflow's own search reads a tag of every run for each question."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Lock

from inversion.record.same_file import check

FINGERPRINT = "fingerprint"  # the tag
WAIT = 20.0  # seconds for another process that writes


class RunIndex:
    """Fingerprint -> ids of runs, deleted ones among them; of runs that were added since the last question.

    A question is asked of what was committed before it: a run and its tags are committed together, and rows are
    numbered in the order of their commits, since sqlite has one writer at a time. Where rows were removed (mlflow gc),
    or numbered anew (VACUUM), their count or the last known one tells, and all are read again.
    """

    def __init__(self, database: Path) -> None:
        """database: MLflow's sqlite file."""
        self._database = database
        self._connection: sqlite3.Connection | None = None
        self._lock = Lock()
        self._forget()

    def _forget(self) -> None:
        self._ids: dict[str, list[str]] = {}
        self._count, self._last, self._last_id = 0, 0, ""

    def ids(self, fingerprints: Sequence[str]) -> list[str]:
        """Runs of a problem that may be recorded under any of these. Raises sqlite3.Error, Replaced."""
        check(self._database)
        with self._lock, reading(self._opened()) as connection:
            if not self._is_valid(connection):
                self._forget()
            self._read(connection)
            return [run_id for one in fingerprints for run_id in self._ids.get(one, ())]

    def _is_valid(self, connection: sqlite3.Connection) -> bool:
        known, count, added = connection.execute(
            "SELECT (SELECT run_uuid FROM runs WHERE rowid = :last), (SELECT count(*) FROM runs), "
            "(SELECT count(*) FROM runs WHERE rowid > :last)",
            {"last": self._last},
        ).fetchone()
        return not self._last or (known == self._last_id and self._count + added == count)

    def _read(self, connection: sqlite3.Connection) -> None:
        rows = connection.execute(
            "SELECT runs.rowid, runs.run_uuid, tags.value FROM runs LEFT JOIN tags "
            "ON tags.key = ? AND tags.run_uuid = runs.run_uuid WHERE runs.rowid > ? ORDER BY runs.rowid",
            (FINGERPRINT, self._last),
        )
        for number, run_id, fingerprint in rows:
            self._count, self._last, self._last_id = self._count + 1, number, run_id
            if fingerprint is not None:
                self._ids.setdefault(fingerprint, []).append(run_id)

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = connect(self._database)
        return self._connection


def statuses(database: Path, experiment_id: str, tag: str) -> list[tuple[str, str]]:
    """Fingerprint and status of the runs, not deleted, that have this tag, latest first. Raises sqlite3.Error."""
    with closing(connect(database)) as connection:
        return connection.execute(
            "SELECT named.value, runs.status FROM tags AS member CROSS JOIN runs CROSS JOIN tags AS named "
            "WHERE member.key = ? AND runs.run_uuid = member.run_uuid AND runs.experiment_id = ? "
            "AND runs.lifecycle_stage = 'active' AND named.key = ? AND named.run_uuid = runs.run_uuid "
            "ORDER BY runs.start_time DESC, runs.run_uuid",
            (tag, int(experiment_id), FINGERPRINT),
        ).fetchall()


def connect(database: Path) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{database.as_uri()}?mode=rw", uri=True, timeout=WAIT, isolation_level=None, check_same_thread=False
    )


@contextmanager
def reading(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """One state of the database for several questions."""
    connection.execute("BEGIN")
    try:
        yield connection
    finally:
        connection.execute("COMMIT")
