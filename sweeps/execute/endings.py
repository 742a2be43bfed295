"""How the points of a sweep ended, as lines in the sweep's folder: whoever runs them writes, the sweep reads.

One file per process, so that no two ever write the same one, named after the command that wants to know: of two
commands in one folder each reads its own. <sweep folder>/.endings/<command>-<process>.jsonl.
"""

from __future__ import annotations

import json
import logging
import os
import time
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from uuid import uuid4

from inversion.reading.json_object import object_of
from inversion.record.record import Ending

log = logging.getLogger(__name__)

FOLDER = ".endings"


@dataclass(frozen=True)
class Line:
    """One photo under one setting."""

    overrides: tuple[str, ...]  # of its job: ("reg=0.1", "steps=500")
    photo: str  # its file name; "" where the job failed before any photo was looked at
    fingerprint: str  # of the problem; "" where it never became one
    ending: Ending


def write(sweep_folder: Path, command: str | None, line: Line) -> None:
    """command: as its `Reader` has it."""
    folder = sweep_folder / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{command}-{_own_name(os.getpid())}.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(line)) + "\n")


@cache
def _own_name(pid: int) -> str:
    """Of this process among those of all machines; a fork is another one. In the order in which they began."""
    return f"{time.time_ns():020}-{pid}-{uuid4().hex[:8]}"


def reader_of(file: Path) -> str:
    """The command that wants to know what a file says."""
    return file.name.partition("-")[0]


class Reader:
    """Reads what has been written for one command since the last time."""

    def __init__(self, sweep_folder: Path, command: str | None) -> None:
        """command: a name of its own, without -."""
        self.folder = sweep_folder / FOLDER
        self.command = command
        self._read: dict[Path, int] = {}  # bytes

    def skip(self) -> None:
        """Pass over what has been written so far."""
        self._read = {path: path.stat().st_size for path in self._files()}

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob(f"{self.command}-*.jsonl"))

    def new(self) -> list[Line]:
        """Complete lines only: the rest of one that is being written comes with the next call."""
        lines = []
        for path in self._files():
            if path.stat().st_size == self._read.get(path, 0):
                continue
            with path.open("rb") as file:
                file.seek(self._read.get(path, 0))
                text = file.read()
            complete = text[: text.rfind(b"\n") + 1]
            self._read[path] = self._read.get(path, 0) + len(complete)
            found = [_line(text) for text in complete.splitlines()]
            lines += [line for line in found if line is not None]
            if damaged := found.count(None):
                log.warning("%d damaged line(s) in %s: their points are not counted", damaged, path)
        return lines


def _line(text: bytes) -> Line | None:
    """None where a full disk or a person has damaged it."""
    row = object_of(text)
    try:
        overrides, ending = tuple(row["overrides"]), Ending(**row["ending"])
        return Line(overrides, row["photo"], row["fingerprint"], ending)
    except (KeyError, TypeError):
        return None
