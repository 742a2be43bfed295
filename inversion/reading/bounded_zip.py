"""Open a zip archive of a stranger's: its directory is small, its parts fit, and every fault is one kind of error."""

from __future__ import annotations

import zipfile
from typing import BinaryIO

MAX_DIRECTORY = 4 << 20  # bytes; a checkpoint with optimizer states has 2,000 parts, 0.2 MB


class ArchiveError(ValueError):
    """The archive cannot be read."""


class _SmallReads:
    """A file of which nobody reads more than MAX_DIRECTORY at once: zipfile reads the directory in one go."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.tell, self.seek, self.seekable = file.tell, file.seek, file.seekable

    def read(self, count: int = -1) -> bytes:
        content = self.file.read(min(count, MAX_DIRECTORY + 1) if count >= 0 else MAX_DIRECTORY + 1)
        if len(content) > MAX_DIRECTORY:
            raise ArchiveError(f"an archive whose directory takes more than {MAX_DIRECTORY:,} bytes")
        return content


def open_archive(file: BinaryIO, size: int, unpacked: int) -> zipfile.ZipFile:
    """size: bytes of the file. unpacked: bytes that its parts may claim together.

    Raises ArchiveError for damage, encryption, overlapping parts, a directory without end and parts that are
    packed in another way than stored or deflated.
    """
    try:
        archive = zipfile.ZipFile(_SmallReads(file))
    except ArchiveError:
        raise
    except Exception as error:  # BadZipFile, but also what bad names and versions raise
        raise ArchiveError(f"an archive that is truncated or damaged ({error})") from error
    parts = archive.infolist()
    if sum(part.compress_size for part in parts) > size:
        raise ArchiveError("an archive whose parts overlap")
    claimed = sum(part.file_size for part in parts)
    if claimed > unpacked:
        raise ArchiveError(
            f"an archive that unpacks to {claimed:,} bytes, which is too large: at most {unpacked:,}"
        )
    if any(part.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for part in parts):
        raise ArchiveError("an archive packed in another way than stored or deflated")
    if any(part.flag_bits & 1 for part in parts):
        raise ArchiveError("an encrypted archive")
    return archive
