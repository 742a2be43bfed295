"""Pickles put together by hand: what no honest writer would write."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

START, STOP = b"\x80\x02", b"."
SURROGATE = b"X\x03\x00\x00\x00\xed\xa0\x80"  # half of a pair, as pickle lets it pass
ANSI = "\x1b[2J\x1b[31mred\nCheckpoint is fine\x07"


def text(value: str) -> bytes:
    data = value.encode("utf-8", "surrogatepass")
    return b"X" + struct.pack("<I", len(data)) + data


def name(module: str, attribute: str) -> bytes:
    return f"c{module}\n{attribute}\n".encode()


def number(value: int) -> bytes:
    """LONG4, or LONG1 when it is short enough."""
    data = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    return (
        b"\x8a" + bytes([len(data)]) if len(data) < 256 else b"\x8b" + struct.pack("<I", len(data))
    ) + data


def real(value: float) -> bytes:
    return b"G" + struct.pack(">d", value)


def doubling(kind: str, levels: int = 60) -> bytes:
    """A value that holds the one before it twice, and so on: 2^60 parts once it is unfolded, hashed or printed."""
    get = [b"j" + struct.pack("<I", i) for i in range(levels + 1)]
    put = [b"r" + struct.pack("<I", i) for i in range(levels + 1)]
    value = {"list": b"]", "tuple": b")", "dict": b"}"}[kind] + put[0]
    for i in range(1, levels + 1):
        twice = get[i - 1] * 2
        if kind == "list":
            value += b"0](" + twice + b"e" + put[i]
        elif kind == "tuple":
            value += b"0" + twice + b"\x86" + put[i]
        else:
            value += b"0}(" + text("a") + get[i - 1] + text("b") + get[i - 1] + b"u" + put[i]
    return value


def dictionary(items: Mapping[str, bytes]) -> bytes:
    return b"}(" + b"".join(text(key) + value for key, value in items.items()) + b"u"


def pickled(value: bytes) -> bytes:
    return START + value + STOP


def torch_zip(
    path: Path, tree: bytes, parts: Mapping[str, bytes] | None = None, packed: int = 0, **more: Any
) -> Path:
    """A .pt file around a hand-made data.pkl. packed: zipfile's compression."""
    with zipfile.ZipFile(path, "w", packed) as archive:
        archive.writestr("net/data.pkl", pickled(tree))
        for key, value in {"version": b"3\n", **(parts or {})}.items():
            archive.writestr(f"net/{key}", value)
        archive.comment = more.get("comment", b"")
    return path


def storage(kind: str, key: str, count: int) -> bytes:
    """A persistent id: where a tensor's numbers lie."""
    parts = text("storage") + name("torch", f"{kind}Storage") + text(key) + text("cpu") + number(count)
    return b"(" + parts + b"tQ"


def tensor(kind: str, key: str, count: int, size: tuple[int, ...], stride: tuple[int, ...]) -> bytes:
    shapes = b"".join(b"(" + b"".join(number(n) for n in part) + b"t" for part in (size, stride))
    hooks = name("collections", "OrderedDict") + b")R"
    arguments = storage(kind, key, count) + number(0) + shapes + b"\x89" + hooks
    return name("torch._utils", "_rebuild_tensor_v2") + b"(" + arguments + b"tR"


def float32s(count: int) -> bytes:
    return bytes(4 * count)
