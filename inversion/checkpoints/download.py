"""Fetch a published file once, safely, into the cache folder: resumable, verified, never half-written."""

from __future__ import annotations

import errno
import hashlib
import http.client
import logging
import os
import re
import sys
import time
import urllib.error
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

from filelock import FileLock

from inversion.checkpoints.connection import check_address
from inversion.checkpoints.transfer import Progress, StartedOver, Wanted, forget, size_of, transfer
from inversion.errors import CheckpointError
from inversion.images import sha256_of
from inversion.reading.printable import printable

log = logging.getLogger(__name__)

CACHE_VARIABLE = "INVERSION_CACHE"
ATTEMPTS = 5  # in a row without a single new byte
PAUSE = 1.0  # seconds before the second attempt, doubled for each further one
CONNECTIONS = 200  # for one file, whatever they bring

AGAIN = "delete it to download it again"
DISK_ERRORS = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO}
)


def cache_folder() -> Path:
    """$INVERSION_CACHE, or ~/.cache/inversion-sweeps."""
    chosen = os.environ.get(CACHE_VARIABLE)
    return Path(chosen).expanduser() if chosen else Path.home() / ".cache" / "inversion-sweeps"


def cached_path(url: str) -> Path:
    """Where a file is kept: cache folder / host / path, so that equal names from two places do not meet."""
    parts = urlsplit(url)
    names = [name for name in unquote(parts.path).split("/") if name not in ("", ".", "..")]
    if not parts.hostname or not names:
        raise CheckpointError(
            f"an address should name a file, like https://host/folder/net.pkl. Got {printable(url)}"
        )
    if parts.query:
        names[-1] = f"{hashlib.sha256(parts.query.encode()).hexdigest()[:8]}-{names[-1]}"
    safe = [re.sub(r"[^\w.\-]", "_", name) for name in [parts.hostname, *names]]
    return cache_folder().joinpath(*safe)


def fetch(
    url: str, sha256: str | None = None, size: int | None = None, progress: Progress | None = None
) -> Path:
    """The file at a published address, from the cache if it is there.

    url: https (http only on this very machine). size: bytes. sha256: 64 hexadecimal digits; when not known,
    the hash of the first download is kept beside the file and checked from then on.
    progress: called while bytes arrive; default: a bar when standard error is a terminal.
    Broken downloads resume where they stopped. Two processes may ask at once: one downloads, the other waits.
    Raises CheckpointError, saying what can be done by hand.
    """
    check_address(url)
    if sha256 is not None and not re.fullmatch("[0-9a-fA-F]{64}", sha256):
        raise CheckpointError(f"sha256 should be 64 hexadecimal digits. Got {printable(sha256, 100)}")
    target = cached_path(url)
    try:
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(f"{target}.lock"):
                if not target.exists():  # another process may have brought it meanwhile
                    _download(url, target, sha256, size, progress)
        _verify(target, sha256, size)
    except OSError as error:
        raise CheckpointError(
            f"cannot keep {printable(url, 300)} at {printable(target)} ({error.strerror or error}); "
            "free some space or set "
            f"{CACHE_VARIABLE} to another folder"
        ) from error
    return target


def _verify(target: Path, sha256: str | None, size: int | None) -> None:
    """Check the cached file against the known hash, else against the one recorded at its first use."""
    if size is not None and size_of(target) != size:
        raise CheckpointError(f"{target} should have {size:,} bytes. Got {size_of(target):,}; {AGAIN}")
    record = target.with_name(target.name + ".sha256")
    if sha256 is None and record.exists():
        known = re.match("[0-9a-f]{64}", record.read_text(errors="replace"))
        sha256 = known[0] if known else None
    digest = sha256_of(target)
    if sha256 is None:
        _record(record, f"{digest}  {target.name}\n")  # the format of sha256sum -c
    elif digest != sha256.lower():
        raise CheckpointError(
            f"{target} is not the file that was meant: sha256 {sha256}. Got {digest}; {AGAIN}"
        )


def _record(path: Path, text: str) -> None:
    """Keep a hash beside its file; a cache that cannot be written still serves what it has."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        part.write_text(text)
        os.replace(part, path)
    except OSError as error:
        log.warning("could not record the sha256 of %s (%s): %s", path.stem, error, text.strip())


def _download(
    url: str, target: Path, sha256: str | None, size: int | None, progress: Progress | None
) -> None:
    """Fetch into target.part, resume after breaks, rename when it is whole and right. Runs under the lock."""
    part = target.with_name(target.name + ".part")
    wanted = Wanted(url, size, sha256, time.monotonic())
    failures = restarts = 0  # without a new byte in between; with what had arrived lost
    with _shown(target.name, progress) as show:
        for _ in range(CONNECTIONS):
            before = size_of(part)
            try:
                transfer(wanted, part, show)
                break
            except (OSError, http.client.HTTPException) as error:
                if isinstance(error, OSError) and error.errno in DISK_ERRORS:
                    raise
                failures = 0 if size_of(part) > before else failures + 1
                restarts += isinstance(error, StartedOver)
                hopeless = max(failures, restarts) >= ATTEMPTS or not _may_pass(error, size_of(part) > 0)
                if hopeless:
                    raise CheckpointError(_by_hand(url, target, part, error)) from error
                wanted.check_time(None)
                log.info("download of %s broke off (%s); trying again", printable(url), printable(error))
                time.sleep(PAUSE * 2 ** max(failures - 1, 0))
        else:
            raise CheckpointError(
                _by_hand(url, target, part, ConnectionError(f"{CONNECTIONS} connections broke"))
            )
    if sha256 is not None and (digest := sha256_of(part)) != sha256.lower():
        forget(part)
        raise CheckpointError(
            f"{printable(url, 300)} does not have the expected sha256 {sha256}. Got {digest}; nothing was kept"
        )
    os.replace(part, target)
    forget(part)


def _may_pass(error: Exception, started: bool) -> bool:
    """Whether trying again could help: not after 'not found', nor when no first byte could be had at all."""
    if isinstance(error, urllib.error.HTTPError):
        return error.code >= 500 or error.code in (408, 425, 429)
    return started or not isinstance(error, urllib.error.URLError)


def _by_hand(url: str, target: Path, part: Path, error: Exception) -> str:
    kept = f" {size_of(part):,} bytes are kept and the next call goes on from there." if size_of(part) else ""
    return (
        f"cannot download {printable(url, 300)} ({printable(error, 200)}).{kept} Without a network: "
        "download it elsewhere and put it at "
        f"{target}, or set {CACHE_VARIABLE} to a folder that has it"
    )


@contextmanager
def _shown(name: str, progress: Progress | None) -> Iterator[Progress]:
    """The caller's own progress, or a bar on a terminal, or nothing."""
    if progress is not None or not sys.stderr.isatty():
        yield progress or (lambda done, total: None)
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn
    from rich.progress import Progress as Bar

    columns = TextColumn(name), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn()
    with Bar(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(name, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
