"""Look at what a path is before opening it: opening a pipe or a device can wait, or read, without end."""

from __future__ import annotations

import stat
from pathlib import Path

from inversion.reading.printable import printable


def size_of_regular(path: Path) -> int:
    """Bytes of a regular file. Raises OSError, with one word for what else it is, for anything that is none."""
    try:
        status = path.stat()
    except ValueError as error:  # a NUL byte in the name
        raise FileNotFoundError(f"no file at {printable(path)} ({error})") from error
    if not stat.S_ISREG(status.st_mode):
        raise OSError(f"{printable(path)} is {_kind(status.st_mode)}, not a regular file")
    return status.st_size


def _kind(mode: int) -> str:
    for test, name in (
        (stat.S_ISDIR, "a folder"),
        (stat.S_ISFIFO, "a named pipe"),
        (stat.S_ISSOCK, "a socket"),
    ):
        if test(mode):
            return name
    return "a device"
