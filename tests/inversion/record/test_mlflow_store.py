from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from inversion.errors import ConfigError
from inversion.record import mlflow_store
from inversion.record.mlflow_store import (
    Store,
    clear_errors,
    open_client,
    open_existing,
    patiently,
    prepare_store,
    reason,
    refuse_password,
    sqlite_path,
)
from inversion.record.open import open_store
from tests.databases import make_database


@pytest.fixture(autouse=True)
def as_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not copied: this file is about how they are made."""
    monkeypatch.setattr(mlflow_store, "_create_database", make_database)


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


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("https://me:secret@host:5000/path", "https://host:5000/path"),
        ("http://me@host", "http://host"),
        ("http://:secret@host", "http://host"),
        ("postgresql://me:secret@db/mlflow", "postgresql://db/mlflow"),
        ("http://me:se@cret@host:5000", "http://host:5000"),
    ],
)
def test_an_address_with_a_name_or_password_is_refused_and_never_shown(uri: str, shown: str) -> None:
    for refused in (lambda: refuse_password(uri), lambda: prepare_store(uri, "inversion", None)):
        with pytest.raises(ConfigError) as caught:
            refused()
        text = str(caught.value)
        assert f"tracking.uri={shown}" in text and "MLFLOW_TRACKING_PASSWORD" in text
        assert "secret" not in text and "cret" not in text and "me:" not in text and "me@" not in text


@pytest.mark.parametrize(
    "uri",
    ["http://host:5000", "https://[::1]:5000", "sqlite:////a/me:x@b/mlflow.db", "nothing", "http://[::1"],
)
def test_an_address_without_secrets_is_let_through(uri: str) -> None:
    refuse_password(uri)


@pytest.mark.parametrize(("name", "odd"), [("a?b", "?"), ("100%", "%"), ("#1?", "# ?")])
def test_a_path_with_characters_that_an_address_takes_otherwise_is_refused_by_name(
    tmp_path: Path, name: str, odd: str
) -> None:
    with pytest.raises(ConfigError, match=r"tracking\.uri=sqlite:////other") as caught:
        prepare_store(f"sqlite:///{tmp_path}/{name}/mlflow.db", "inversion", None)
    assert f"MLflow takes {odd} in the path" in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_server_has_no_file_and_a_database_has_its_own(tmp_path: Path) -> None:
    assert sqlite_path("http://host:5000") is None
    assert sqlite_path(f"sqlite:///{tmp_path}/a b ü.db") == tmp_path / "a b ü.db"


def write_at_once(path: Path) -> None:
    """Without a busy timeout: what MLflow meets when its own is over."""
    with closing(sqlite3.connect(path, timeout=0)) as connection, connection:
        connection.execute("INSERT INTO t VALUES (2)")


@pytest.fixture
def held(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that holds busy.db until it commits."""
    with closing(sqlite3.connect(tmp_path / "busy.db", isolation_level=None)) as connection:
        connection.execute("CREATE TABLE t (x)")
        connection.execute("BEGIN EXCLUSIVE")
        yield connection


def test_a_database_that_is_let_go_of_is_waited_for(
    held: sqlite3.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 2:
            held.execute("COMMIT")

    monkeypatch.setattr(time, "sleep", sleep)
    patiently(lambda: write_at_once(tmp_path / "busy.db"))
    assert len(slept) == 2
    assert held.execute("SELECT x FROM t").fetchall() == [(2,)]


def test_waiting_for_a_database_has_an_end(
    held: sqlite3.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mlflow_store, "BUSY_SECONDS", -1.0)
    with pytest.raises(sqlite3.OperationalError, match="database is locked"):
        patiently(lambda: write_at_once(tmp_path / "busy.db"))


def test_any_other_error_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []

    def wrong() -> None:
        tried.append(1)
        raise sqlite3.OperationalError("no such table: t")

    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        patiently(wrong)
    assert len(tried) == 1


def test_reading_a_store_that_is_not_there_makes_none(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"No runs are recorded yet"):
        open_existing(f"sqlite:///{tmp_path}/mlflow.db")
    assert list(tmp_path.iterdir()) == []


def test_a_kill_amid_its_making_leaves_no_half_database(tmp_path: Path) -> None:
    """A part that an earlier kill left is made again from the beginning."""
    (tmp_path / "mlflow.db.part").write_bytes(b"half of a database")
    prepare_store(f"sqlite:///{tmp_path}/mlflow.db", "inversion", tmp_path)
    assert (tmp_path / "mlflow.db").is_file() and not (tmp_path / "mlflow.db.part").exists()


def test_a_server_that_wants_to_know_who_asks_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its requests raise MLflow's errors, its artifacts those of `requests`."""
    from mlflow.exceptions import RestException
    from requests import HTTPError, Response

    monkeypatch.delenv("MLFLOW_TRACKING_USERNAME", raising=False)
    with pytest.raises(ConfigError) as told, clear_errors("http://head:5000"):
        raise RestException({"error_code": "UNAUTHENTICATED", "message": "a page of HTML"})
    assert str(told.value) == (
        "MLflow cannot use http://head:5000: the server asks for a user name and a password, and none were given. Set "
        "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, on every machine that runs jobs; runs can do without "
        "(tracking=none)."
    )
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "ann")
    response = Response()
    response.status_code = 401
    assert reason(HTTPError("401 Client Error", response=response)).endswith(
        "those of 'ann' were not accepted"
    )


def test_an_experiment_whose_id_is_known_needs_no_answer(tmp_path: Path) -> None:
    """A job of a sweep starts while the server is away."""
    found = open_store("http://127.0.0.1:9", "mine", None, tmp_path, "7")
    assert found == Store("http://127.0.0.1:9", "mine", "7")
    assert open_store("sqlite:///own.db", "mine", None, tmp_path, "7") == Store(
        f"sqlite:///{tmp_path}/own.db", "mine", "7"
    )
    assert open_store(None, "mine", None, tmp_path, "7") is None
    assert not list(tmp_path.iterdir())
