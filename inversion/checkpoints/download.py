"""Fetch a published file once, safely, into the cache folder: resumable, verified, never half-written."""

from __future__ import annotations

import errno
import hashlib
import http.client
import ipaddress
import logging
import os
import re
import shutil
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from filelock import FileLock

from inversion.errors import CheckpointError
from inversion.images import sha256_of

log = logging.getLogger(__name__)

CACHE_VARIABLE = "INVERSION_CACHE"
ATTEMPTS = 5  # in a row without a single new byte
PAUSE = 1.0  # seconds before the second attempt, doubled for each further one
TIMEOUT = 30.0  # seconds without an answer
BLOCK = 1 << 20  # bytes read at a time
MAX_SIZE = 16 << 30  # bytes; no published network comes near
SPARE = 64 << 20  # bytes that should stay free on the disk

AGAIN = "delete it to download it again"
DISK_ERRORS = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO}
)

Progress = Callable[[int, int | None], None]  # bytes so far, bytes in all if known


def cache_folder() -> Path:
    """$INVERSION_CACHE, or ~/.cache/inversion-sweeps."""
    chosen = os.environ.get(CACHE_VARIABLE)
    return Path(chosen).expanduser() if chosen else Path.home() / ".cache" / "inversion-sweeps"


def cached_path(url: str) -> Path:
    """Where a file is kept: cache folder / host / path, so that equal names from two places do not meet."""
    parts = urlsplit(url)
    names = [name for name in unquote(parts.path).split("/") if name not in ("", ".", "..")]
    if not parts.hostname or not names:
        raise CheckpointError(f"an address should name a file, like https://host/folder/net.pkl. Got {url}")
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
        raise CheckpointError(f"sha256 should be 64 hexadecimal digits. Got {sha256!r}")
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
            f"cannot keep {url} at {target} ({error.strerror or error}); free some space or set "
            f"{CACHE_VARIABLE} to another folder"
        ) from error
    return target


def check_address(url: str) -> None:
    """Raise CheckpointError unless the address is https, or http on this machine."""
    parts = urlsplit(url)
    if parts.scheme == "https" and parts.hostname:
        return
    if parts.scheme == "http" and _is_loopback(parts.hostname):
        return
    raise CheckpointError(f"only https addresses are fetched. Got {url}")


def _is_loopback(host: str | None) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def _verify(target: Path, sha256: str | None, size: int | None) -> None:
    """Check the cached file against the known hash, else against the one recorded at its first use."""
    if size is not None and _size(target) != size:
        raise CheckpointError(f"{target} should have {size:,} bytes. Got {_size(target):,}; {AGAIN}")
    record = target.with_name(target.name + ".sha256")
    if sha256 is None and record.exists():
        sha256 = record.read_text().split()[0]
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
    failures = 0
    with _shown(target.name, progress) as show:
        while True:
            before = _size(part)
            try:
                _transfer(url, part, size, show, resume_blindly=sha256 is not None)
                break
            except (OSError, http.client.HTTPException) as error:
                if isinstance(error, OSError) and error.errno in DISK_ERRORS:
                    raise
                failures = 0 if _size(part) > before else failures + 1
                if failures >= ATTEMPTS or not _may_pass(error, started=_size(part) > 0):
                    raise CheckpointError(_by_hand(url, target, part, error)) from error
                log.info("download of %s broke off (%s); trying again", url, error)
                time.sleep(PAUSE * 2 ** max(failures - 1, 0))
    if sha256 is not None and (digest := sha256_of(part)) != sha256.lower():
        _forget(part)
        raise CheckpointError(
            f"{url} does not have the expected sha256 {sha256}. Got {digest}; nothing was kept"
        )
    os.replace(part, target)
    _forget(part)


def _transfer(url: str, part: Path, size: int | None, show: Progress, resume_blindly: bool) -> None:
    """One connection: append to part what is missing. Raises OSError when it ends early.

    resume_blindly: the hash will tell if the file changed meanwhile; otherwise the server must vouch for it.
    """
    have = _size(part)
    tag_file = part.with_name(part.name + ".tag")
    tag = tag_file.read_text() if tag_file.exists() else ""
    if have and not (tag or resume_blindly):
        _forget(part)
        have = 0
    headers = {"User-Agent": "inversion-sweeps", "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
        if tag:
            headers["If-Range"] = tag
    try:
        answer = _opener(url).open(urllib.request.Request(url, headers=headers), timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        error.close()  # it holds the connection
        if error.code == 416 and have:  # nothing left to send, or a file that has shrunk: start over
            _forget(part)
            raise ConnectionError("the server has no more of the file; starting over") from error
        raise
    with answer:
        start, total = _range(answer)
        if start != have:
            _forget(part)
            have = 0
            if start != 0:
                raise ConnectionError("the server sent another part of the file; starting over")
        _check_announcement(url, answer, total, size)
        _check_space(part, (total or size or 0) - have)
        tag_file.write_text(_strong_tag(answer))
        with open(part, "ab") as file:
            while block := answer.read(BLOCK):
                file.write(block)
                have += len(block)
                show(have, total or size)
                if have > (total or size or MAX_SIZE):
                    _forget(part)
                    raise CheckpointError(f"{url} sends more than it announced; nothing was kept")
    if have < (total or size or 0):
        raise ConnectionError(f"the connection ended after {have:,} of {total or size:,} bytes")


def _range(answer: Any) -> tuple[int, int | None]:
    """First byte of the answer, and the size of the whole file if the server says."""
    if answer.status == 206:
        match = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", answer.headers.get("Content-Range", ""))
        if match is None:
            raise ConnectionError("the server answered with a range that it does not name")
        return int(match[1]), None if match[2] == "*" else int(match[2])
    length = answer.headers.get("Content-Length", "")
    return 0, int(length) if length.isdecimal() else None


def _check_announcement(url: str, answer: Any, total: int | None, size: int | None) -> None:
    if answer.headers.get_content_type() in ("text/html", "application/xhtml+xml"):
        raise CheckpointError(
            f"{url} answers with a web page instead of a file; it may need a login or have moved"
        )
    if size is not None and total is not None and total != size:
        raise CheckpointError(f"{url} should have {size:,} bytes. Got {total:,}")


def _check_space(part: Path, missing: int) -> None:
    free = shutil.disk_usage(part.parent).free
    if missing and missing + SPARE > free:
        raise CheckpointError(
            f"{missing:,} bytes do not fit on the disk of {part.parent}, which has {free:,} free; "
            f"free some space or set {CACHE_VARIABLE} to another folder"
        )


def _strong_tag(answer: Any) -> str:
    """What identifies this version of the file to If-Range; weak tags may not be used (RFC 9110, 13.1.5)."""
    tag = answer.headers.get("ETag", "")
    return tag if tag and not tag.startswith("W/") else answer.headers.get("Last-Modified", "")


class _HttpsOnly(urllib.request.HTTPRedirectHandler):
    """Follow redirects only where a first request would be allowed to go."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        try:
            check_address(newurl)
        except CheckpointError:
            fp.close()
            raise
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener(url: str) -> urllib.request.OpenerDirector:
    handlers: list[Any] = [_HttpsOnly]
    if _is_loopback(urlsplit(url).hostname):
        handlers.append(urllib.request.ProxyHandler({}))
    return urllib.request.build_opener(*handlers)


def _may_pass(error: Exception, started: bool) -> bool:
    """Whether trying again could help: not after 'not found', nor when no first byte could be had at all."""
    if isinstance(error, urllib.error.HTTPError):
        return error.code >= 500 or error.code in (408, 425, 429)
    return started or not isinstance(error, urllib.error.URLError)


def _by_hand(url: str, target: Path, part: Path, error: Exception) -> str:
    kept = f" {_size(part):,} bytes are kept and the next call goes on from there." if _size(part) else ""
    return (
        f"cannot download {url} ({error}).{kept} Without a network: download it elsewhere and put it at "
        f"{target}, or set {CACHE_VARIABLE} to a folder that has it"
    )


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _forget(part: Path) -> None:
    part.unlink(missing_ok=True)
    part.with_name(part.name + ".tag").unlink(missing_ok=True)


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
