"""A folder in which a record writes and removes nothing but its own files."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any

from inversion.errors import ConfigError
from inversion.record.atomic import cannot_write, write_file

MANIFEST = (
    "record.json"  # lists the files of the record, itself excepted, and what a store must know of the run
)


class OwnFolder:
    """Opened anew, a folder loses what its last record lists as its own, and nothing else.

    A name is listed before its file is written, so that a kill leaves no file of unknown origin. Raises OSError for a
    folder that cannot be used.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.mkdir(parents=True, exist_ok=True)
            for name in read_manifest(path).get("files", ()):
                own = path / name
                if is_inside(name) and (own.is_file() or own.is_symlink()):
                    own.unlink()
        except OSError as error:
            raise cannot_write(path, error) from error
        self._files: dict[str, None] = {}  # in the order in which they were claimed
        self._artifacts: dict[str, None] = {}
        self._run: dict[str, Any] = {}
        if (path / MANIFEST).exists() and not isinstance(read_manifest(path).get("files"), list):
            raise in_the_way(path / MANIFEST)

    def check(self, names: Iterable[str]) -> None:
        """Refuse a folder in which somebody else's file has one of these names. Raises ConfigError."""
        for name in names:
            if name not in self._files and (self.path / name).exists():
                raise in_the_way(self.path / name)

    def claim(self, name: str) -> Path:
        """Where the file of this name is to be written. Raises ConfigError where another one is in the way."""
        if name not in self._files:
            self.check([name])
            self._files[name] = None
            self._write()
        return self.path / name

    def keep(self, name: str, content: bytes) -> Path:
        """Write a whole file of the record."""
        path = self.claim(name)
        write_file(path, content)
        return path

    def list_artifact(self, name: str) -> None:
        """Note that a store has this file, or must get it."""
        if name not in self._artifacts:
            self._artifacts[name] = None
            self._write()

    def describe_run(self, run: dict[str, Any]) -> None:
        """Note what a store must know to get, or to complete, its copy of the record."""
        self._run |= run
        self._write()

    def _write(self) -> None:
        content = {"files": [*self._files], "artifacts": [*self._artifacts], "run": self._run}
        write_file(self.path / MANIFEST, json.dumps(content, indent=1).encode())


def read_manifest(folder: Path) -> dict[str, Any]:
    """What record.json says; nothing where there is none, or another tool's."""
    try:
        content = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def is_inside(name: object) -> bool:
    """Whether a listed name stays in its folder: a manifest may have been changed by hand."""
    if not isinstance(name, str) or not name:
        return False
    parts = PurePosixPath(name)
    return not parts.is_absolute() and ".." not in parts.parts


def in_the_way(path: Path) -> ConfigError:
    return ConfigError(
        f"{path} is in the way: it is no file of an earlier run's record, so it is neither overwritten nor removed. "
        "Move it, or choose another folder: hydra.run.dir=FOLDER (hydra.sweep.dir for a sweep)."
    )
