"""A project folder that was moved: MLflow keeps absolute paths of artifacts for ever, so they are moved as well."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote, urlsplit

log = logging.getLogger(__name__)


def relocate(database: Path) -> None:
    """Let runs whose files lie in a folder that is gone point to the folder of that name beside the database.

    database: MLflow's sqlite file. Nothing changes unless the old folder is gone and runs of this database have their
    files in the new one.
    """
    with closing(sqlite3.connect(database, timeout=60)) as connection:
        if not connection.execute(
            "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'experiments'"
        ).fetchone():
            return
        for (location,) in connection.execute(
            "SELECT DISTINCT artifact_location FROM experiments"
        ).fetchall():
            old = _folder(location)
            if old is None or old.exists():
                continue
            artifacts = database.resolve().parent / old.name
            if not _holds_runs(connection, artifacts):
                continue
            # A prefix of the text, since MLflow writes one form only.
            new = artifacts.as_uri()
            with connection:
                connection.execute(
                    "UPDATE runs SET artifact_uri = ? || substr(artifact_uri, ?) "
                    "WHERE substr(artifact_uri, 1, ?) = ?",
                    (new, len(location) + 1, len(location) + 1, f"{location}/"),
                )
                connection.execute(
                    "UPDATE experiments SET artifact_location = ? WHERE artifact_location = ?",
                    (new, location),
                )
            log.warning(
                "the project has moved: MLflow now looks for its files in %s, not in %s", artifacts, old
            )


def _folder(location: str | None) -> Path | None:
    """The folder that a file: address names; None for any other address."""
    address = urlsplit(location or "")
    return Path(unquote(address.path)) if address.scheme == "file" else None


def _holds_runs(connection: sqlite3.Connection, artifacts: Path) -> bool:
    """Whether a folder has the files of one of this database's runs: a run's files lie in <artifacts>/<run id>/."""
    try:
        inside = [path.name for path in artifacts.iterdir()]
    except OSError:
        return False
    return any(
        connection.execute("SELECT 1 FROM runs WHERE run_uuid = ?", (name,)).fetchone()
        for name in inside[:1000]
    )
