"""The page's server starts with what can work, and leads to MLflow where a run is there."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from inversion.errors import ConfigError
from inversion.record.own_folder import OwnFolder
from sweeps.app.searches import Search
from sweeps.app.serve import MLflow, free_port, resolution_of, serve
from sweeps.app.uploads import Upload
from sweeps.commands import main


def test_a_taken_port_is_told_with_one_that_may_be_free() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"{port} is taken.*--port {port + 1}"):
            serve(port, [])


@pytest.mark.parametrize("word", ["0", "65536", "-1", "http", "80.5"])
def test_a_port_is_a_port(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["app", f"--port={word}"])
    assert "a port is 1 to 65535" in capsys.readouterr().err


def test_settings_that_cannot_work_are_refused_before_the_page_opens(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["app", "--port", str(free_port()), "regg=1"]) == 1
    assert "regg" in capsys.readouterr().err
    assert main(["app", "--port", str(free_port()), "steps=0"]) == 1
    assert "steps must be" in capsys.readouterr().err


def test_the_generators_resolution_is_read() -> None:
    assert resolution_of(["generator=portraits64"]) == 64 and resolution_of([]) == 128


def test_a_run_on_a_server_is_linked_there_and_one_in_no_store_not_at_all(
    tmp_path: Path, upload: Callable[..., Upload]
) -> None:
    search, mlflow = Search(upload(), [], 1, tmp_path / "run"), MLflow()
    with pytest.raises(ConfigError, match="no MLflow store"):
        mlflow.link(search)
    store = {"uri": "https://ann:secret@host:8080", "experiment": "inversion", "experiment_id": "3"}
    OwnFolder(search.folder).describe_run({"id": "ab", "store": store})
    assert mlflow.link(search) == "https://host:8080/#/experiments/3/runs/ab?workflowType=machine_learning"
    mlflow.close()
