"""What writes one run of MLflow's: through its client, or, where the store is a sqlite file, into its tables."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Protocol

from PIL import Image

from inversion.record.batch import Batch
from inversion.record.client_writer import ClientWriter
from inversion.record.mlflow_store import sqlite_path
from inversion.record.sqlite_writer import SqliteWriter, knows


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


def run_writer(uri: str) -> RunWriter:
    """This process's own for a store that exists."""
    return _run_writer(uri, os.getpid())


@cache
def _run_writer(uri: str, pid: int) -> RunWriter:
    """pid: a fork must not go on with its parent's connection to the database."""
    database = sqlite_path(uri)
    return SqliteWriter(database) if database is not None and knows(database) else ClientWriter(uri)
