"""Which folder a record gets: an earlier record is replaced by another attempt at the same problem, by nothing else."""

from __future__ import annotations

import fcntl
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import chain, count
from pathlib import Path

from inversion.reading.json_object import read_object
from inversion.record.folder_recorder import RESULT, TAGS
from inversion.record.own_folder import is_ours, read_manifest
from inversion.runtime.atomic import cannot_write
from sweeps.execute import process

log = logging.getLogger(__name__)


def folder_for(parent: Path, name: str) -> Path:
    """A photo's own folder; another name where a file, such as Hydra's run.log, has taken it."""
    folder = parent / name
    return parent / f"{name}_" if folder.exists() and not folder.is_dir() else folder


@contextmanager
def room(folder: Path, fingerprint: str, is_claimed: bool) -> Iterator[Path]:
    """The folder, or one in it (out/run_2, out/run_3, …) where it holds a record that must stay.

    fingerprint: of the problem that is to be recorded. is_claimed: a store says that no other process works on it.
    No other process gets the folder before the block ends, by when the record's tags lie in it. Raises OSError.
    """
    said = ""
    for candidate in chain([folder], (folder / f"run_{number}" for number in count(2))):
        with locked(candidate):
            kept = in_place(candidate, fingerprint, is_claimed)
            if kept is None:
                if said:
                    log.warning("%s, which stays: this run is recorded in %s", said, candidate)
                yield candidate
                return
            said = said or f"{folder} holds the record of {kept}"


def in_place(folder: Path, fingerprint: str, is_claimed: bool) -> str | None:
    """Which record of a folder must stay, in words; None: nothing, or an attempt at the same problem that has ended.

    A record that is finished stays whatever is to be recorded: rerun=true does it again, in another folder.
    """
    manifest = read_manifest(folder)
    if not is_ours(manifest):  # whoever records refuses another tool's files by name
        return None
    tags, status = read_object(folder / TAGS), read_object(folder / RESULT).get("status")
    if not tags:
        there = [name for name in manifest["files"] if isinstance(name, str) and (folder / name).exists()]
        return "an earlier run" if there else None
    what = f"{tags.get('photo') or 'a synthetic face'}, {status or 'not ended'}"
    if tags.get("fingerprint") != fingerprint or status == "FINISHED":
        return what
    mine = process.tags()
    if status is not None or is_claimed or process.is_gone(tags) or all(tags.get(k) == mine[k] for k in mine):
        return None
    return f"{tags.get('photo')}, which {process.describe(tags)} is restoring"


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """No other process of this machine looks at the folder meanwhile. Raises OSError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise cannot_write(folder, error) from error
    try:
        with suppress(OSError):  # some network file systems lock no folders
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
