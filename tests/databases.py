"""MLflow runs sixty migrations, in a second: here once per process, and every test gets a copy of what they make."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import pytest

from inversion.record import mlflow_store

make_database = mlflow_store._create_database  # the real one


@lru_cache(maxsize=1)
def empty_database() -> Path:
    """A store without runs."""
    folder = Path(tempfile.mkdtemp(prefix="store-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    make_database(folder / "mlflow.db")
    remember_latest_schema()
    return folder / "mlflow.db"


def remember_latest_schema() -> None:
    """MLflow reads all its migrations again for every store that it opens, to see which is the last."""
    from mlflow.store.db import utils

    utils._get_latest_schema_revision = lru_cache(utils._get_latest_schema_revision)


@contextmanager
def copied_databases() -> Iterator[None]:
    """Stores that tests make are copies; tests/inversion/record/test_mlflow_store.py makes them as they are made."""

    def copy(path: Path) -> None:
        if not path.exists():
            shutil.copy(empty_database(), path)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mlflow_store, "_create_database", copy)
        yield
