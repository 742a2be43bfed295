from __future__ import annotations

from pathlib import Path

import pytest

from inversion.errors import ConfigError
from inversion.record.mlflow_store import open_client, prepare_store


def test_preparing_twice_gives_the_same_experiment(uri: str, folder: Path) -> None:
    first = prepare_store(uri, "inversion", folder / "artifacts")
    assert prepare_store(uri, "inversion", folder / "artifacts") == first


@pytest.mark.parametrize("bad", ["file:///tmp/mlruns", "mlruns", "/tmp/mlruns"])
def test_a_store_that_mlflow_cannot_use_is_refused_with_one_that_works(bad: str) -> None:
    with pytest.raises(ConfigError, match="sqlite:////absolute"):
        prepare_store(bad, "inversion", None)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_bytes(b"not a database at all, but long enough to be read" * 100)
    with pytest.raises(ConfigError, match="file is not a database"):
        prepare_store(f"sqlite:///{tmp_path}/mlflow.db", "inversion", tmp_path)


def test_a_folder_that_cannot_hold_the_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "taken").write_bytes(b"")
    with pytest.raises(ConfigError, match="Cannot use the tracking database"):
        prepare_store(f"sqlite:///{tmp_path}/taken/mlflow.db", "inversion", None)


def test_a_deleted_experiment_is_refused_with_the_command_that_restores_it(uri: str, folder: Path) -> None:
    open_client(uri).delete_experiment(prepare_store(uri, "gone", folder / "artifacts"))
    with pytest.raises(ConfigError, match="mlflow experiments restore"):
        prepare_store(uri, "gone", folder / "artifacts")
