"""A folder in which a record writes and removes nothing but its own files."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any

from inversion.errors import ConfigError
from inversion.reading.json_object import read_object
from inversion.runtime.atomic import cannot_write, write_file

MANIFEST = "record.json"  # lists the other files of the record, and what a store must know of the run


class OwnFolder:
    """Opened anew, a folder loses what its last record lists as its own, and nothing else.

    A name is listed before its file is written, so that a kill leaves no file of unknown origin. Raises OSError for a
    folder that cannot be used.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.mkdir(parents=True, exist_ok=True)
            if os.path.lexists(path / MANIFEST) and not is_ours(read_manifest(path)):
                raise in_the_way(path / MANIFEST)
            for name in read_manifest(path).get("files", ()):
                if is_inside(path, name) and ((path / name).is_file() or (path / name).is_symlink()):
                    (path / name).unlink()
        except OSError as error:
            raise cannot_write(path, error) from error
        self._files: dict[str, None] = {}  # in the order in which they were claimed
        self._artifacts: dict[str, None] = {}
        self._run: dict[str, Any] = {}

    def check(self, names: Iterable[str]) -> None:
        """Refuse a folder in which somebody else's file has one of these names. Raises ConfigError."""
        for name in names:
            if name not in self._files and os.path.lexists(self.path / name):
                raise in_the_way(self.path / name)

    def claim(self, *names: str) -> Path:
        """Where the file of this name, the first of several, is to be written.

        Raises ConfigError where another one is in the way of any of them.
        """
        new = [name for name in names if name not in self._files]
        if new:
            self.check(new)
            for name in new:
                if not is_inside(self.path, name):
                    raise in_the_way((self.path / name).parent)
            files = self._files | dict.fromkeys(new)
            self._write(files)
            self._files = files
        return self.path / names[0]

    def keep(self, name: str, content: bytes) -> Path:
        """Write a whole file of the record."""
        path = self.claim(name)
        write_file(path, content)
        return path

    def list_artifacts(self, names: Iterable[str]) -> None:
        """Note that a store has these files, or must get them."""
        artifacts = self._artifacts | dict.fromkeys(names)
        if artifacts.keys() != self._artifacts.keys():
            self._artifacts = artifacts
            self._write(self._files)

    def describe_run(self, run: dict[str, Any]) -> None:
        """Note what a store must know to get, or to complete, its copy of the record."""
        self._run |= run
        self._write(self._files)

    def _write(self, files: Iterable[str]) -> None:
        content = {"files": [*files], "artifacts": [*self._artifacts], "run": self._run}
        write_file(self.path / MANIFEST, json.dumps(content, indent=1).encode())


def read_manifest(folder: Path) -> dict[str, Any]:
    """What record.json says; nothing where there is none, or another tool's."""
    return read_object(folder / MANIFEST)


def is_ours(manifest: dict[str, Any]) -> bool:
    """Whether a record wrote this record.json, and not another tool."""
    files = manifest.get("files")
    return isinstance(files, list) and isinstance(manifest.get("run"), dict)


def is_inside(folder: Path, name: object) -> bool:
    """Whether a name stays in its folder: a manifest may have been changed by hand, a subfolder may be a link."""
    if not isinstance(name, str) or not name or "\0" in name:
        return False
    parts = PurePosixPath(name)
    if parts.is_absolute() or ".." in parts.parts:
        return False
    if len(parts.parts) == 1:
        return True
    return (folder / name).parent.resolve().is_relative_to(folder.resolve())


def in_the_way(path: Path) -> ConfigError:
    return ConfigError(
        f"{path} is in the way: it is no file of an earlier run's record, so it is neither overwritten nor removed. "
        "Move it, or choose another folder: hydra.run.dir=FOLDER (hydra.sweep.dir for a sweep)."
    )
