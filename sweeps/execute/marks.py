"""Which commands are at work in a sweep's folder: a file for each, <sweep folder>/.marks/<command>.

It says which process the command is and, with a store, its parent run. Who sees the file shares the folder.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from inversion.reading.json_object import read_object
from inversion.runtime.atomic import write_file
from sweeps.execute import endings

FOLDER = ".marks"


def make(sweep: Path, command: str, tags: Mapping[str, str]) -> None:
    """command: a name of its own, without -. Raises OSError."""
    write_file(sweep / FOLDER / command, json.dumps(dict(tags)).encode())


def is_there(sweep: Path, command: str) -> bool:
    return (sweep / FOLDER / command).is_file()


def clear(sweep: Path, command: str, is_gone: Callable[[Mapping[str, Any]], bool]) -> None:
    """Remove the mark of a command that ends, those of others that are gone, and the lines that nobody reads any more.

    is_gone: whether the command that made a mark has certainly ended, by what the mark says.
    """
    marks, lines = sweep / FOLDER, sweep / endings.FOLDER
    written = list(lines.glob("*.jsonl"))  # first: a command makes its mark before anybody writes for it
    for mark in marks.glob("*"):
        with suppress(OSError):  # another command was quicker
            if mark.name == command or is_gone(read_object(mark)):
                mark.unlink()
    at_work = {mark.name for mark in marks.glob("*")}
    for file in written:
        if endings.reader_of(file) not in at_work:
            with suppress(OSError):
                file.unlink()
    if not at_work:  # else somebody may be about to write a first line
        for folder in (marks, lines):
            with suppress(OSError):  # a command has just begun
                folder.rmdir()
