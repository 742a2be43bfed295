"""What a command leaves in a sweep's folder goes with it, and with nobody who is still at work."""

from __future__ import annotations

import json
from pathlib import Path

from inversion.record.record import Ending
from sweeps.execute import endings, marks, process
from sweeps.execute.endings import Line

GONE = process.tags() | {"process_started": "another life"}


def write_line(folder: Path, command: str) -> None:
    endings.write(folder, command, Line((), "me.png", command, Ending("FINISHED", "", {})))


def commands(folder: Path) -> set[str]:
    """Whose lines there are."""
    return {endings.reader_of(file) for file in folder.glob(".endings/*.jsonl")}


def test_a_command_removes_what_it_and_the_dead_have_left_and_nothing_else(tmp_path: Path) -> None:
    damaged = {
        "empty": "",
        "list": "[1]",
        "number": '{"host": 3, "pid": 5}',
        "digits": json.dumps(GONE | {"pid": "²"}),
    }
    marks.make(tmp_path, "mine", process.tags())
    marks.make(tmp_path, "other", process.tags())
    marks.make(tmp_path, "gone", GONE)
    marks.make(tmp_path, "elsewhere", GONE | {"host": "node3"})
    for name, content in damaged.items():
        (tmp_path / ".marks" / name).write_text(content, encoding="utf-8")
    kept = {"other", "elsewhere", *damaged}
    for command in (*kept, "mine", "gone", "earlier"):
        write_line(tmp_path, command)

    marks.clear(tmp_path, "mine", process.is_gone)
    assert {mark.name for mark in (tmp_path / ".marks").iterdir()} == kept == commands(tmp_path)
    assert marks.is_there(tmp_path, "other") and not marks.is_there(tmp_path, "mine")

    for file in tmp_path.glob(".endings/*"):
        file.unlink()
    marks.clear(tmp_path, "gone", process.is_gone)
    assert (tmp_path / ".endings").is_dir(), "the others may be about to write into it"

    marks.clear(tmp_path, "other", lambda _: True)
    assert not list(tmp_path.iterdir())
