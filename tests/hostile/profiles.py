"""ICC profiles put together from published primaries, so that no file of anybody's is needed."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

import numpy as np

D50 = np.array([0.9642, 1.0, 0.8249])
D65 = (0.3127, 0.3290)
BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)  # parametric type 3
P3 = ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060))  # SMPTE EG 432-1
ADOBE = ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06))  # Adobe RGB (1998), section 4.3
SRGB = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06))  # ITU-R BT.709


def xyz(x: float, y: float) -> np.ndarray:
    return np.array([x / y, 1.0, (1 - x - y) / y])


def to_xyz(primaries: Sequence[tuple[float, float]]) -> np.ndarray:
    """[3, 3]: linear RGB to XYZ under D65 (Lindbloom, RGB/XYZ Matrices)."""
    columns = np.stack([xyz(*p) for p in primaries], axis=1)
    return columns * np.linalg.solve(columns, xyz(*D65))


def _adapted(primaries: Sequence[tuple[float, float]]) -> np.ndarray:
    """The same under D50, which profiles are written in (Bradford)."""
    gains = (BRADFORD @ D50) / (BRADFORD @ xyz(*D65))
    return np.linalg.inv(BRADFORD) @ np.diag(gains) @ BRADFORD @ to_xyz(primaries)


def _fixed(value: float) -> bytes:
    return struct.pack(">i", round(value * 65536))


def profile(primaries: Sequence[tuple[float, float]], curve: Sequence[float], name: str) -> bytes:
    """A matrix profile of version 4 (ICC.1:2010). curve: parameters of a parametric curve; one: a plain gamma."""
    matrix = _adapted(primaries)
    tags = {}
    for i, colour in enumerate((b"r", b"g", b"b")):
        tags[colour + b"XYZ"] = _point(matrix[:, i])
        tags[colour + b"TRC"] = _curve(curve)
    return _whole(b"RGB ", name, tags)


def grey_profile(gamma: float) -> bytes:
    """A monochrome profile: one curve (section 8.3.4 there)."""
    return _whole(b"GRAY", "grey", {b"kTRC": _curve([gamma])})


def _point(values: Sequence[float] | np.ndarray) -> bytes:
    return b"XYZ " + bytes(4) + b"".join(map(_fixed, values))


def _curve(parameters: Sequence[float]) -> bytes:
    kind = {1: 0, 5: 3}[len(parameters)]
    return b"para" + bytes(4) + struct.pack(">HH", kind, 0) + b"".join(map(_fixed, parameters))


def _whole(space: bytes, name: str, tags: Mapping[bytes, bytes]) -> bytes:
    described = name.encode("utf-16-be")
    text = b"mluc" + bytes(4) + struct.pack(">II2s2sII", 1, 12, b"en", b"US", len(described), 28) + described
    all_tags = {b"desc": text, b"cprt": text, b"wtpt": _point(D50), **tags}
    at = 128 + 4 + 12 * len(all_tags)
    table, data = struct.pack(">I", len(all_tags)), b""
    for key, content in all_tags.items():
        table += key + struct.pack(">II", at + len(data), len(content))
        data += content + bytes(-len(content) % 4)
    head = struct.pack(
        ">I4sI4s4s4s12s4s", at + len(data), bytes(4), 0x04300000, b"mntr", space, b"XYZ ", bytes(12), b"acsp"
    )
    return (head + bytes(28) + b"".join(map(_fixed, D50))).ljust(128, b"\0") + table + data


def display_p3() -> bytes:
    return profile(P3, SRGB_CURVE, "Display P3")


def adobe_rgb() -> bytes:
    return profile(ADOBE, [563 / 256], "Adobe RGB (1998)")


def srgb() -> bytes:
    return profile(SRGB, SRGB_CURVE, "sRGB")
