"""Files that torch.save wrote, read as data: an inert tree, and the storages of numbers that it refers to.

Formats, from torch/serialization.py. Since 1.6 a zip archive, never compressed: NAME/data.pkl, a pickle whose
persistent ids ('storage', type, key, device, count) mean the part NAME/data/KEY. Before, one stream: three pickles
(a magic number, the version, facts of the machine), the tree, a pickle of the keys in order, then for each key its
count as int64 and its numbers. torch.load is not used: with weights_only it still builds what the file asks for,
and a file of 400 bytes can ask for 8 GB.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from inversion.checkpoints.budget import Budget
from inversion.checkpoints.inert_pickle import Call, Name, Persistent, Stream
from inversion.errors import CheckpointError
from inversion.reading.bounded_zip import ArchiveError, open_archive

MAGIC = 0x1950A86A20F9469CFC6C
LEGACY_TORCH = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."  # the magic number, pickled
ZIP = b"PK\x03\x04"
LOCAL_HEADER = struct.Struct("<4s22xHH")  # signature, length of the name, length of the extra field
TYPES = {
    "Float": torch.float32,
    "Half": torch.float16,
    "BFloat16": torch.bfloat16,
    "Double": torch.float64,
    "Long": torch.int64,
    "Int": torch.int32,
    "Short": torch.int16,
    "Char": torch.int8,
    "Byte": torch.uint8,
    "Bool": torch.bool,
}
STORAGES = {f"torch.{name}Storage": dtype for name, dtype in TYPES.items()}
EXPECTED = frozenset(STORAGES)


@dataclass(frozen=True, eq=False)
class Storage:
    """Numbers of one kind, still where they are in the file."""

    dtype: torch.dtype
    data: memoryview


Storages = Mapping[str, memoryview]


def read(data: memoryview, expected: frozenset[str], budget: Budget) -> tuple[Any, Storages]:
    """The tree of a torch file in memory, and the bytes of its storages by key. Raises CheckpointError."""
    if data[:4] == ZIP:
        return _read_zip(data, expected, budget)
    return _read_legacy(data, expected, budget)


def storage(value: Any, storages: Storages, what: str) -> Storage:
    """The numbers that a persistent id means. Raises CheckpointError."""
    key = value.key if isinstance(value, Persistent) else None
    if not isinstance(key, tuple) or len(key) not in (5, 6) or key[0] != "storage":
        raise CheckpointError(f"{what}: a tensor without its numbers")
    maker, name = key[1:3]
    if not isinstance(maker, Name) or maker.name not in STORAGES or not isinstance(name, str):
        raise CheckpointError(f"{what}: a tensor of numbers of an unknown kind")
    if len(key) == 6 and key[5] is not None:
        raise CheckpointError(f"{what}: a view in the manner of PyTorch before 0.4; save it with a newer one")
    if name not in storages:
        raise CheckpointError(f"{what}: its numbers are missing; the file is damaged")
    return Storage(STORAGES[maker.name], storages[name])


def _read_legacy(data: memoryview, expected: frozenset[str], budget: Budget) -> tuple[Any, Storages]:
    stream = Stream(data, budget)
    if stream.parse(expected) != MAGIC:
        raise CheckpointError("not torch's storage format; it is not read")
    stream.parse(expected)
    machine = stream.parse(expected)
    if isinstance(machine, dict) and machine.get("little_endian") is False:
        raise CheckpointError("written on a big-endian machine; save it again on another")
    tree = stream.parse(expected, persistent=True)
    keys = stream.parse(expected)
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise CheckpointError("a torch file without its list of storages; it is truncated or damaged")
    sizes = _item_sizes(tree, budget)
    storages = {}
    try:
        for key in keys:
            (count,) = struct.unpack("<q", stream.read(8))
            storages[key] = memoryview(stream.read(count * sizes[key]))
    except (ValueError, KeyError, struct.error) as error:
        raise CheckpointError(f"a torch file that is truncated or damaged ({error})") from error
    return tree, storages


def _item_sizes(tree: Any, budget: Budget) -> dict[str, int]:
    """Bytes of one number of each storage, by key: the stream gives counts only."""
    sizes: dict[str, int] = {}
    seen: set[int] = set()
    waiting = [tree]
    while waiting:
        value = waiting.pop()
        if isinstance(value, Persistent):
            key = value.key
            if (
                isinstance(key, tuple)
                and len(key) > 2
                and isinstance(key[2], str)
                and isinstance(key[1], Name)
            ):
                sizes[key[2]] = STORAGES[key[1].name].itemsize if key[1].name in STORAGES else 1
        elif id(value) not in seen:
            children = _children(value)
            budget.work(len(children))
            seen.add(id(value))
            waiting.extend(children)
    return sizes


def _children(value: Any) -> list[Any]:
    if isinstance(value, list | tuple):
        return list(value)
    if isinstance(value, dict):
        return list(value.values())
    if isinstance(value, Call):
        return [*value.arguments, value.state, *value.items.values()]
    return []


def _read_zip(data: memoryview, expected: frozenset[str], budget: Budget) -> tuple[Any, Storages]:
    try:
        archive = open_archive(_Reader(data), len(data), len(data))  # type: ignore[arg-type]
    except ArchiveError as error:
        raise CheckpointError(f"{error}; torch.save writes none such, and it is not read") from error
    parts = {part.filename: part for part in archive.infolist()}
    if any(part.compress_type != zipfile.ZIP_STORED for part in parts.values()):
        raise CheckpointError("a compressed archive, which torch.save does not write; it is not read")
    pickles = [name for name in parts if name.endswith("/data.pkl") and name.count("/") == 1]
    if len(pickles) != 1:
        raise CheckpointError("an archive without one data.pkl, so not of torch.save's")
    folder = pickles[0].removesuffix("data.pkl")
    if f"{folder}constants.pkl" in parts:
        raise CheckpointError(
            "a TorchScript archive, which is a program; save the net's state_dict() instead"
        )
    if f"{folder}byteorder" in parts and bytes(_part(data, parts[f"{folder}byteorder"])) != b"little":
        raise CheckpointError("written on a big-endian machine; save it again on another")
    tree = Stream(_part(data, parts[pickles[0]]), budget).parse(expected, persistent=True)
    return tree, _Parts(data, f"{folder}data/", parts)


class _Parts(dict[str, memoryview]):
    """Storages by key, looked up and checked only when a tensor asks for them: most files hold more than is used."""

    def __init__(self, data: memoryview, folder: str, parts: dict[str, zipfile.ZipInfo]) -> None:
        self.data, self.folder, self.parts = data, folder, parts

    def __contains__(self, key: object) -> bool:
        return f"{self.folder}{key}" in self.parts

    def __missing__(self, key: str) -> memoryview:
        self[key] = _part(self.data, self.parts[f"{self.folder}{key}"])
        return self[key]


def _part(data: memoryview, part: zipfile.ZipInfo) -> memoryview:
    """The bytes of a stored part. Raises CheckpointError when they are not there, or not the ones that were written."""
    at = part.header_offset
    head = bytes(data[at : at + 30]) if at >= 0 else b""
    if len(head) == 30 and head.startswith(ZIP):
        _, name, extra = LOCAL_HEADER.unpack(head)
        start = at + 30 + name + extra
        content = data[start : start + part.file_size]
        if len(content) == part.file_size and zlib.crc32(content) == part.CRC:
            return content
    raise CheckpointError(
        f"the archive's part {part.filename[:80]} is truncated or damaged; download it again"
    )


class _Reader(io.RawIOBase):
    """A file over bytes that are in memory already."""

    def __init__(self, data: memoryview) -> None:
        self.data, self.at = data, 0

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.at

    def seek(self, offset: int, whence: int = 0) -> int:
        self.at = max(0, offset + (0, self.at, len(self.data))[whence])
        return self.at

    def read(self, count: int = -1) -> bytes:
        end = len(self.data) if count < 0 else self.at + count
        part = bytes(self.data[self.at : end])
        self.at += len(part)
        return part
