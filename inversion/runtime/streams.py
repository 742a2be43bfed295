"""Standard output that may be closed before the program ends (`python run.py … | head`): runs must not die of it."""

from __future__ import annotations

import io
import os
import sys
from typing import Any, TextIO


def outlive_closed_pipes() -> None:
    """Let standard output and error go nowhere once their reader is gone, and never refuse a letter."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a file's name may hold bytes that are no letters
            setattr(sys, name, LastingStream(stream))


class LastingStream:
    """A text stream that drops what cannot be written any more because its reader is gone."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except BrokenPipeError:
            self._drop()
            return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except BrokenPipeError:
            self._drop()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _drop(self) -> None:
        """The descriptor itself, so that the interpreter's own flush at the end has somewhere to write."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._stream.fileno())
        os.close(nowhere)
