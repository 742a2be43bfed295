"""One connection of a download: append to a part what is missing of it, within bounds of size, rate and time."""

from __future__ import annotations

import re
import shutil
import time
import urllib.error
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inversion.checkpoints.connection import open_url
from inversion.errors import CheckpointError
from inversion.reading.printable import printable

BLOCK = 1 << 20  # bytes read at a time
MAX_SIZE = 4 << 30  # bytes that a server may announce, and that a checkpoint may have
MAX_UNANNOUNCED = 1 << 30  # bytes from a server that does not say how many come
WINDOW, MIN_RATE = 30.0, 1024  # seconds, and bytes a second that must arrive in each of them
PATIENCE, SLOWEST = 600.0, 32 << 10  # seconds for the whole file, and one more for so many bytes of it
SPARE = 64 << 20  # bytes that should stay free on the disk

Progress = Callable[[int, int | None], None]  # bytes so far, bytes in all if known


class StartedOver(ConnectionError):
    """What had arrived is of no use: the next connection begins at the first byte."""


@dataclass(frozen=True)
class Wanted:
    """A file as it is asked for."""

    url: str
    size: int | None  # bytes; None: not known
    sha256: str | None
    began: float  # monotonic clock, of the first connection

    def check_time(self, total: int | None) -> None:
        """Raise CheckpointError when the file, of `total` bytes, has taken longer than it may."""
        seconds = PATIENCE + (self.size or total or MAX_UNANNOUNCED) / SLOWEST
        if time.monotonic() - self.began > seconds:
            raise CheckpointError(
                f"{printable(self.url, 300)} is not here after {seconds:,.0f} s; what arrived is kept, and the next "
                "call goes on from there"
            )


def transfer(wanted: Wanted, part: Path, show: Progress) -> None:
    """Raises OSError when the connection ends early, CheckpointError when the file cannot be the right one.

    A part is continued when the server vouches that the file is still the same, or the hash will tell.
    """
    have = size_of(part)
    tag_file = part.with_name(part.name + ".tag")
    tag = tag_file.read_text() if tag_file.exists() else ""
    if have and not (tag or wanted.sha256):
        forget(part)
        have = 0
    headers = {"User-Agent": "inversion-sweeps", "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
        if tag:
            headers["If-Range"] = tag
    try:
        answer = open_url(wanted.url, headers)
    except urllib.error.HTTPError as error:
        error.close()  # it holds the connection
        if error.code == 416 and have:  # nothing left to send, or a file that has shrunk
            forget(part)
            raise StartedOver("the server has no more of the file; starting over") from error
        raise
    with answer:
        start, total = _range(answer)
        if start != have:
            forget(part)
            have = 0
            if start != 0:
                raise StartedOver("the server sent another part of the file; starting over")
        _check_announcement(wanted, answer, total)
        _check_space(part, (total or wanted.size or 0) - have)
        tag_file.write_text(_strong_tag(answer))
        have = _receive(wanted, answer, part, have, total, show)
    if have < (total or wanted.size or 0):
        raise ConnectionError(f"the connection ended after {have:,} of {total or wanted.size:,} bytes")


def _receive(wanted: Wanted, answer: Any, part: Path, have: int, total: int | None, show: Progress) -> int:
    """Bytes that are there in the end."""
    limit = wanted.size or total or MAX_UNANNOUNCED
    window, arrived = time.monotonic(), 0
    with open(part, "ab") as file:
        while block := answer.read1(BLOCK):  # what has arrived, instead of waiting for a whole block
            file.write(block)
            have += len(block)
            arrived += len(block)
            show(have, total or wanted.size)
            if have > limit:
                forget(part)
                raise CheckpointError(
                    f"{printable(wanted.url, 300)} sends more than it announced, or than {limit:,} bytes; "
                    "nothing was kept"
                )
            wanted.check_time(total)
            if time.monotonic() - window > WINDOW:
                if arrived < WINDOW * MIN_RATE:
                    raise ConnectionError(f"only {arrived:,} bytes came in {WINDOW:.0f} s")
                window, arrived = time.monotonic(), 0
    return have


def _range(answer: Any) -> tuple[int, int | None]:
    """First byte of the answer, and the size of the whole file if the server says."""
    if answer.status == 206:
        match = re.fullmatch(
            r"bytes (\d{1,18})-\d{1,18}/(\d{1,18}|\*)", answer.headers.get("Content-Range", "")
        )
        if match is None:
            raise ConnectionError("the server answered with a range that it does not name")
        return int(match[1]), None if match[2] == "*" else int(match[2])
    length = answer.headers.get("Content-Length", "")
    return 0, int(length) if re.fullmatch(r"[0-9]{1,18}", length) else None


def _check_announcement(wanted: Wanted, answer: Any, total: int | None) -> None:
    """Refuse what is not the file before anything of it is kept."""
    url = printable(wanted.url, 300)
    if answer.headers.get_content_type() in ("text/html", "application/xhtml+xml"):
        raise CheckpointError(
            f"{url} answers with a web page instead of a file; it may need a login or have moved"
        )
    coding = answer.headers.get("Content-Encoding", "identity")
    if coding.lower() != "identity":
        raise CheckpointError(
            f"{url} answers in the coding {printable(coding, 40)}, though none was asked for"
        )
    if wanted.size is not None and total is not None and total != wanted.size:
        raise CheckpointError(f"{url} should have {wanted.size:,} bytes. Got {total:,}")
    if (total or 0) > MAX_SIZE:
        raise CheckpointError(f"{url} announces {total:,} bytes; at most {MAX_SIZE:,} are fetched")
    told = total or wanted.size or wanted.sha256 or answer.chunked
    if not told:
        raise CheckpointError(
            f"{url} does not say how long the file is, so that one that breaks off could not be told from a whole one; "
            "its size or sha256 would help (generator.size=, generator.sha256=)"
        )


def _check_space(part: Path, missing: int) -> None:
    free = shutil.disk_usage(part.parent).free
    if missing and missing + SPARE > free:
        raise CheckpointError(
            f"{missing:,} bytes do not fit on the disk of {part.parent}, which has {free:,} free; "
            "free some space or set INVERSION_CACHE to another folder"
        )


def _strong_tag(answer: Any) -> str:
    """What identifies this version of the file to If-Range; weak tags may not be used (RFC 9110, 13.1.5)."""
    tag = str(answer.headers.get("ETag", ""))
    return tag if tag and not tag.startswith("W/") else str(answer.headers.get("Last-Modified", ""))


def size_of(path: Path) -> int:
    """0 for a file that is not there."""
    return path.stat().st_size if path.exists() else 0


def forget(part: Path) -> None:
    """Remove a part and what is known of it."""
    part.unlink(missing_ok=True)
    part.with_name(part.name + ".tag").unlink(missing_ok=True)
