"""`python -m sweeps` with what people type: a mistake is one line and an exit code."""

from __future__ import annotations

from pathlib import Path

import pytest

from sweeps.commands import main
from tests.sweeps.recorded import Sweep, grid

pytestmark = pytest.mark.filterwarnings("ignore:.*:DeprecationWarning")


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Sweep:
    return grid(Sweep(tmp_path_factory.mktemp("store")), regs=(0.1,), steps=(10, 100)).finish()


def refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """What is said to a command that cannot work: one line."""
    assert main(arguments) == 1
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("\n") == 1
    return said.err


@pytest.mark.parametrize("command", ["missing", "report", "watch"])
def test_an_unknown_name_is_told_with_those_that_are_known(
    command: str, sweep: Sweep, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "inversion" in refused([command, "nonsense", "--uri", sweep.uri], capsys)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("missing", "No sweep is recorded in"),
        ("watch", "No sweep is recorded in"),
        ("report", "There is nothing to report"),
    ],
)
def test_an_experiment_without_runs_is_told(
    command: str, words: str, sweep: Sweep, capsys: pytest.CaptureFixture[str]
) -> None:
    assert words in refused([command, "Default", "--uri", sweep.uri], capsys)


@pytest.mark.parametrize("command", ["missing", "report", "reap", "watch"])
@pytest.mark.parametrize(
    ("store", "words"),
    [
        ("sqlite:///{folder}/none.db", "No runs are recorded yet"),
        ("sqlite:///{folder}/text.db", "file is not a database"),
        ("{folder}/mlruns", "needs a database or a server"),
        ("http://127.0.0.1:1", "Connection refused"),
    ],
)
def test_a_store_that_is_none_is_told(
    command: str,
    store: str,
    words: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    (tmp_path / "text.db").write_text("not a database at all, but long enough to be read as one. " * 100)
    assert words in refused([command, "inversion", "--uri", store.format(folder=tmp_path)], capsys)
    assert not (tmp_path / "none.db").exists()


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["report"], ["ui", "--port", "x"]])
def test_a_command_line_that_means_nothing_is_told_with_the_usage(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    assert "usage: python -m sweeps" in capsys.readouterr().err


def test_nothing_is_missing_in_a_whole_sweep(sweep: Sweep, capsys: pytest.CaptureFixture[str]) -> None:
    (sweep.folder / "sweep.json").write_text('{"axes": {}, "cells": []}')
    sweep.recorder.log_file(sweep.folder / "sweep.json")
    assert main(["missing", "--uri", sweep.uri]) == 0
    assert capsys.readouterr().out == "Nothing is missing in inversion.\n"


def test_csv_without_a_name_lies_beside_the_report(
    sweep: Sweep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["report", "inversion", "--uri", sweep.uri, "--csv"]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.csv", "report.html"]
    assert len((tmp_path / "report.csv").read_text().splitlines()) == 1 + 2
    assert "report.csv" in capsys.readouterr().out
