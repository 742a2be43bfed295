"""A hostile file and what reads it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

MB = 1 << 20


@dataclass(frozen=True)
class Case:
    """One file that was made to hurt."""

    kind: str  # memory, endless work, foreign exceptions, pictures
    name: str
    reader: str  # of readers.py
    make: Callable[[Path], Path]  # writes it into a folder
    accepted: bool = False  # a file that is large or odd, but must be read
    limit: int = 1024 * MB  # bytes of memory beyond the file's own size
    cpu: float = 5.0  # seconds that the answer may take
    large: bool = False  # takes seconds to write or to read: not among the quick tests
