"""The plain arrays of an .npz archive, of which only those that are asked for are read.

Format: a zip archive of .npy files (NEP 1: a magic word, a version, a header that names dtype, order and shape,
the numbers). numpy's own reader takes memory for the shape that a file claims, returns bytes for parts that are
no arrays, and lets zlib's, LZMA's and tokenize's errors through.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np

from inversion.reading.bounded_zip import open_archive
from inversion.reading.printable import printable
from inversion.reading.regular_file import size_of_regular

MAX_BYTES = 256 << 20  # of all parts, unpacked; a 1024 px net's latents take 31 MB at most
MAX_HEADER = 2000  # bytes; numpy's are 128
HEADER = re.compile(
    r"\{'descr': '([<>=|]?[fiubU]\d{1,9})', 'fortran_order': (True|False), "
    r"'shape': \(((?:\d{1,10}, ?)*\d{0,10},?)\), ?\} *\n"
)


def read_npz(path: Path, wanted: Callable[[str], bool]) -> dict[str, np.ndarray]:
    """The arrays whose names are wanted. Never executes what the file contains.

    Raises ValueError, as one line, for whatever cannot be read as such arrays; OSError for what is no file.
    """
    size = size_of_regular(path)
    with open(path, "rb") as file:
        archive = open_archive(file, size, MAX_BYTES)
        parts = {part.filename.removesuffix(".npy"): part for part in archive.infolist()}
        arrays = {}
        for name, part in parts.items():
            if not wanted(name):
                continue
            try:
                with archive.open(part) as stream:
                    content = stream.read(part.file_size + 1)
                arrays[name] = _array(content)
            except Exception as error:  # zipfile, zlib and struct raise their own kinds
                raise ValueError(
                    f"its part {name} is damaged or no plain array ({printable(error, 200)})"
                ) from error
    return arrays


def _array(content: bytes) -> np.ndarray:
    """One .npy file in memory. Raises ValueError."""
    if content[:6] != b"\x93NUMPY" or len(content) < 12:
        raise ValueError("not in numpy's format")
    start = {1: 10, 2: 12, 3: 12}.get(content[6], 0)
    length = int.from_bytes(content[8:start], "little")
    match = (
        HEADER.fullmatch(content[start : start + length].decode("latin-1")) if length <= MAX_HEADER else None
    )
    if not start or match is None:
        raise ValueError(
            "a header that names no array of plain numbers; pickled objects (allow_pickle) are not read"
        )
    dtype = np.dtype(match[1])
    shape = tuple(int(side) for side in match[3].split(",") if side.strip())
    if len(content) - start - length != math.prod(shape) * dtype.itemsize:
        raise ValueError(f"its shape {list(shape)} and its data disagree")
    flat = np.frombuffer(content, dtype, offset=start + length)
    return flat.reshape(shape, order="F" if match[2] == "True" else "C")
