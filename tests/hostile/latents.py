"""Latents (`start=FILE.npz`) that unpack without end, lie about themselves, or are damaged."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from tests.hostile.case import MB, Case
from tests.hostile.memory import many_directory_entries
from tests.hostile.opcodes import ANSI

W = np.zeros((1, 8, 16), np.float32)


def array(value: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array(file, value)
    return file.getvalue()


def header(fields: str) -> bytes:
    """An .npy file whose header is this text."""
    content = fields.encode("latin-1") + b"\n"
    return b"\x93NUMPY\x02\x00" + struct.pack("<I", len(content)) + content


def archive(folder: Path, parts: dict[str, bytes], packed: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(folder / "a.npz", "w", packed) as file:
        for name, content in {"w.npy": array(W), **parts}.items():
            file.writestr(name, content)
    return folder / "a.npz"


def arrays(folder: Path, **more: Any) -> Path:
    np.savez(folder / "a.npz", **{"w": W, **more})
    return folder / "a.npz"


def single(folder: Path) -> Path:
    np.save(folder / "a.npz.npy", W)
    return folder / "a.npz.npy"


def bomb(folder: Path, name: str, megabytes: int) -> Path:
    """Zeros: a thousandth of their size when packed."""
    shape = (1, megabytes, MB // 4)
    with zipfile.ZipFile(folder / "a.npz", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        file.writestr("w.npy", array(W))
        with file.open(name, "w", force_zip64=True) as part:
            part.write(header(f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}}}"))
            for _ in range(megabytes):
                part.write(bytes(MB))
    return folder / "a.npz"


def lying_bomb(folder: Path) -> Path:
    """The directory claims 1,000 bytes, the packed part has 2 GB."""
    path = bomb(folder, "noise_0.npy", 2000)
    data = path.read_bytes()
    at = data.rindex(b"PK\x01\x02")
    path.write_bytes(data[: at + 24] + struct.pack("<I", 1000) + data[at + 28 :])
    return path


def damaged(folder: Path, packed: int, at: float = 0.5) -> Path:
    path = archive(folder, {"noise_0.npy": array(np.random.default_rng(0).random((1, 64, 64)))}, packed)
    data = bytearray(path.read_bytes())
    place = int(len(data) * at)
    data[place : place + 16] = bytes(16)
    path.write_bytes(data)
    return path


def changed(folder: Path, old: bytes, new: bytes) -> Path:
    path = archive(folder, {})
    data = path.read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new))
    return path


Make = Callable[[Path], Path]
HEADER = "{{'descr': {}, 'fortran_order': False, 'shape': {}}}"
FILES: dict[str, tuple[str, Make]] = {
    "1 MB that unpacks to 3 GB": ("memory", partial(bomb, name="w.npy", megabytes=3000)),
    "1 MB that unpacks to 900 MB": ("memory", partial(bomb, name="noise_0.npy", megabytes=900)),
    "900 MB under a name that nobody asks for": ("memory", partial(bomb, name="other.npy", megabytes=900)),
    "2 GB that claim 1,000 bytes": ("memory", lying_bomb),
    "2 million parts": ("memory", many_directory_entries),
    "a shape of 4 TB": (
        "memory",
        lambda f: archive(f, {"w.npy": header(HEADER.format("'<f4'", (1, 2**20, 2**20)))}),
    ),
    "a shape of 2^80": (
        "memory",
        lambda f: archive(f, {"w.npy": header(HEADER.format("'<f4'", (2**40, 2**40)))}),
    ),
    "a shape of 5,000 digits": (
        "foreign exceptions",
        lambda f: archive(f, {"w.npy": header(HEADER.format("'<f4'", "(" + "9" * 5000 + ",)"))}),
    ),
    "a shape of booleans": (
        "foreign exceptions",
        lambda f: archive(f, {"w.npy": header(HEADER.format("'<f4'", (True, True))) + bytes(4)}),
    ),
    "a negative shape": (
        "foreign exceptions",
        lambda f: archive(f, {"w.npy": header(HEADER.format("'<f4'", (1, -8, -16))) + bytes(512)}),
    ),
    "a header of 50,000 brackets": ("endless work", lambda f: archive(f, {"w.npy": header("[" * 50_000)})),
    "a header of 9,000 brackets": ("endless work", lambda f: archive(f, {"w.npy": header("[" * 9000)})),
    "a header of 9,000 minus signs": (
        "endless work",
        lambda f: archive(f, {"w.npy": header("-" * 9000 + "1")}),
    ),
    "a header that is a call": (
        "foreign exceptions",
        lambda f: archive(f, {"w.npy": header("__import__('os').system('true')")}),
    ),
    "a header of 100 MB": ("memory", lambda f: archive(f, {"w.npy": header(" " * 100 * MB)})),
    "escape sequences in a header": ("foreign exceptions", lambda f: archive(f, {"w.npy": header(ANSI)})),
    "escape sequences as dtype": (
        "foreign exceptions",
        lambda f: archive(f, {"w.npy": header(HEADER.format(repr(ANSI), (1,)))}),
    ),
    "a structured dtype": (
        "foreign exceptions",
        lambda f: archive(f, {"w.npy": header(HEADER.format("[('a', '<f4')]", (1, 8, 16))) + bytes(512)}),
    ),
    "float of one byte": (
        "foreign exceptions",
        lambda f: archive(f, {"w.npy": header(HEADER.format("'<f1'", (1, 8, 16))) + bytes(128)}),
    ),
    "long double": (
        "foreign exceptions",
        lambda f: arrays(f, w=np.zeros((1, 8, 16), np.longdouble) + np.longdouble("1e4000")),
    ),
    "version 9 of .npy": (
        "foreign exceptions",
        lambda f: archive(f, {"w.npy": b"\x93NUMPY\x09\x00" + bytes(100)}),
    ),
    "w without .npy": (
        "foreign exceptions",
        lambda f: archive(f, {"w": b"raw bytes", "w.npy": b"raw bytes"}),
    ),
    "noise that is raw bytes": ("foreign exceptions", lambda f: archive(f, {"noise_0.npy": b"raw bytes"})),
    "noise of raw bytes without .npy": (
        "foreign exceptions",
        lambda f: archive(f, {"noise_0": b"raw bytes"}),
    ),
    "w of booleans": ("foreign exceptions", lambda f: arrays(f, w=np.zeros((1, 8, 16), bool))),
    "noise of booleans": ("foreign exceptions", lambda f: arrays(f, noise_0=np.zeros((1, 4, 4), bool))),
    "w of text": ("foreign exceptions", lambda f: arrays(f, w=np.array([["x"]]))),
    "w of complex numbers": ("foreign exceptions", lambda f: arrays(f, w=W.astype(complex))),
    "w of dates": ("foreign exceptions", lambda f: arrays(f, w=np.zeros((1, 8, 16), "datetime64[s]"))),
    "w of 1e300": ("foreign exceptions", lambda f: arrays(f, w=W.astype(float) + 1e300)),
    "noise of 1e300": ("foreign exceptions", lambda f: arrays(f, noise_0=np.full((1, 4, 4), 1e300))),
    "a seed of 1e300": ("foreign exceptions", lambda f: arrays(f, seed=np.float64(1e300))),
    "a seed of NaN": ("foreign exceptions", lambda f: arrays(f, seed=np.float64("nan"))),
    "a seed of text": ("foreign exceptions", lambda f: arrays(f, seed=np.array("7" * 5000))),
    "a seed of raw bytes": ("foreign exceptions", lambda f: archive(f, {"seed": b"7", "seed.npy": b"7"})),
    "extra of 100,000 brackets": ("foreign exceptions", lambda f: arrays(f, extra=np.array("[" * 100_000))),
    "extra of a number": ("foreign exceptions", lambda f: arrays(f, extra=np.array("7"))),
    "extra of 5,000 digits": (
        "foreign exceptions",
        lambda f: arrays(f, extra=np.array('{"a": ' + "7" * 5000 + "}")),
    ),
    "extra that is no text": ("foreign exceptions", lambda f: arrays(f, extra=np.zeros(3))),
    "noise maps of strange numbers": (
        "foreign exceptions",
        lambda f: arrays(f, **{f"noise_{'9' * 5000}": W}),
    ),
    "noise maps numbered twice": (
        "foreign exceptions",
        lambda f: arrays(f, noise_0=np.zeros((1, 4, 4)), noise_00=np.zeros((1, 4, 4))),
    ),
    "escape sequences as names": (
        "foreign exceptions",
        lambda f: archive(f, {f"noise_1{ANSI}.npy": b"", "noise_1.npy": array(W)}),
    ),
    "10,000 names": (
        "foreign exceptions",
        lambda f: archive(f, {"w.npy": b"", **{f"n{i}.npy": b"" for i in range(10_000)}}),
    ),
    "damaged where stored": ("foreign exceptions", partial(damaged, packed=zipfile.ZIP_STORED)),
    "damaged zlib": ("foreign exceptions", partial(damaged, packed=zipfile.ZIP_DEFLATED)),
    "damaged LZMA": ("foreign exceptions", partial(damaged, packed=zipfile.ZIP_LZMA)),
    "damaged BZIP2": ("foreign exceptions", partial(damaged, packed=zipfile.ZIP_BZIP2)),
    "damaged directory": ("foreign exceptions", partial(damaged, packed=zipfile.ZIP_DEFLATED, at=0.99)),
    "version 99 of zip": (
        "foreign exceptions",
        partial(changed, old=b"PK\x01\x02\x14\x03\x14\x00", new=b"PK\x01\x02\x63\x03\x63\x00"),
    ),
    "a name that is not UTF-8": ("foreign exceptions", partial(changed, old=b"w.npy", new=b"\xff.npy")),
    "an object": ("foreign exceptions", lambda f: arrays(f, w=np.array([{}], dtype=object))),
    "a single array": ("foreign exceptions", single),
    "nothing": ("foreign exceptions", lambda f: archive(f, {"w.npy": b""})),
    "a folder": ("foreign exceptions", lambda f: f),
}
# What lies beside the latents under other names is never looked at.
IGNORED = {"noise maps of strange numbers"}
CASES = [
    Case(
        kind,
        f"start: {title}",
        "start",
        make,
        accepted=title in IGNORED,
        large=kind == "memory" and "shape" not in title,
    )
    for title, (kind, make) in FILES.items()
]
