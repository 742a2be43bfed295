"""The layers of a network that dlib has serialized, read as data.

Format: dlib/serialize.h, dlib/cuda/tensor.h, dlib/dnn/core.h, layers.h and input.h of dlib 20 (facts, no code).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from inversion.errors import CheckpointError
from inversion.reading.printable import printable
from inversion.reading.regular_file import size_of_regular

LONGEST_NAME = 64  # bytes
LARGEST_FILE = 256 << 20  # bytes
MOST_LAYERS = 1000  # with tags and skips; the face descriptor has 163
LARGEST_TENSOR = 1 << 26  # numbers; the face descriptor's largest has 589,824

# What follows the name of each kind of layer. n: integer, f: real number, T: tensor, s: shape.
FIELDS = {
    "con_4": "Tnnnnnnnssffff",
    "fc_2": "nnTssnffff",
    "affine_": "Tssn",
    "relu_": "",
    "max_pool_2": "nnnnnn",
    "avg_pool_2": "nnnnnn",
    "add_prev_": "",
    "loss_metric_2": "ff",
    "input_rgb_image_sized": "fffnn",
}
# How core.h wraps a layer, by version: what follows each, and whether the next layer of the file is its input.
TAG, LAYER, FIRST_LAYER = 1, 2, 3


@dataclass(frozen=True)
class Layer:
    """One layer: its kind as dlib names it, its numbers in the file's order, its parameters."""

    kind: str  # with dlib's version of it: con_4, affine_, …
    numbers: list[float] = field(default_factory=list)
    params: Tensor = field(default_factory=lambda: torch.empty(0))  # [N], all in one


def read_layers(path: Path) -> list[Layer]:
    """Read a network whose loss is loss_metric, from its input to its loss; tags and skips are left out.

    Raises CheckpointError, with the place in the file, for anything that is not one.
    """
    try:
        size = size_of_regular(path)
        if size > LARGEST_FILE:
            raise OSError(f"{size:,} bytes, where dlib's has 22,466,066")
        data = path.read_bytes()
    except OSError as error:
        reason = printable(error.strerror or error)
        raise CheckpointError(f"dlib's network cannot be read. Got {printable(path)} ({reason}).") from error
    stream = Stream(data, path)
    stream.check(stream.integer() == 1, "the version of a loss layer, which is 1")
    loss = stream.layer("loss_")
    wrappers = [stream.integer()]
    while wrappers[-1] != FIRST_LAYER:
        stream.check(len(wrappers) < MOST_LAYERS, f"an end of its {MOST_LAYERS} layers")
        stream.check(wrappers[-1] in (TAG, LAYER), "the version of a layer, from 1 to 3")
        wrappers.append(stream.integer())
    layers = [stream.layer("input_")]
    for wrapper in reversed(wrappers):
        if wrapper == TAG:
            continue
        layers.append(stream.layer())
        for _ in range(3):  # state of training
            stream.boolean()
        for _ in range(3):  # gradients and the last output
            stream.tensor()
        if wrapper == FIRST_LAYER:
            stream.integer()  # samples per input
    stream.check(stream.at == len(data), "the end of the file")
    return [*layers, loss]


class Stream:
    """dlib's serialized values, one after the other."""

    def __init__(self, data: bytes, path: Path) -> None:
        self.data, self.path, self.at = data, path, 0

    def check(self, condition: bool, expected: str) -> None:
        if not condition:
            raise CheckpointError(
                f"Not a face descriptor of dlib's. Got {printable(self.path)}, {len(self.data)} bytes, "
                f"without {expected}, at byte {self.at}; dlib_face_recognition_resnet_model_v1.dat works."
            )

    def bytes(self, count: int) -> bytes:
        self.check(self.at + count <= len(self.data), f"{count} more bytes")
        self.at += count
        return self.data[self.at - count : self.at]

    def integer(self) -> int:
        """A control byte (sign, number of bytes), then the absolute value in little endian."""
        (control,) = self.bytes(1)
        count = control & 0x0F
        self.check(1 <= count <= 8 and control & 0x70 == 0, "an integer")
        value = int.from_bytes(self.bytes(count), "little")
        return -value if control & 0x80 else value

    def real(self) -> float:
        """mantissa * 2 ** exponent, two integers."""
        mantissa, exponent = self.integer(), self.integer()
        self.check(-2000 < exponent < 900, "a finite number")  # 2^64 * 2^900 is still one
        return math.ldexp(mantissa, exponent)

    def boolean(self) -> bool:
        """One ASCII digit."""
        digit = self.bytes(1)
        self.check(digit in (b"0", b"1"), "a boolean")
        return digit == b"1"

    def text(self) -> str:
        length = self.integer()
        self.check(0 <= length <= LONGEST_NAME, "a name")
        return self.bytes(length).decode("ascii", "replace")

    def shape(self, version: int = 1) -> list[int]:
        """Samples, channels, rows, columns."""
        self.check(self.integer() == version, f"the version of a tensor, which is {version}")
        shape = [self.integer() for _ in range(4)]
        self.check(min(shape) >= 0 and math.prod(shape) <= LARGEST_TENSOR, "the shape of a tensor")
        return shape

    def tensor(self) -> Tensor:
        """A shape, then float32 in little endian: flat."""
        count = math.prod(self.shape(version=2))
        raw = self.bytes(4 * count)
        return torch.frombuffer(bytearray(raw), dtype=torch.float32) if count else torch.empty(0)

    def layer(self, prefix: str = "") -> Layer:
        """A name, then what its kind has."""
        kind = self.text()
        self.check(
            kind in FIELDS and kind.startswith(prefix), f"a known layer {prefix}… (its name is {kind!r})"
        )
        read: dict[str, Callable[[], float]] = {"n": self.integer, "f": self.real}
        numbers, params = [], torch.empty(0)
        for code in FIELDS[kind]:
            if code == "T":
                params = self.tensor()
            elif code == "s":
                self.shape()
            else:
                numbers.append(read[code]())
        return Layer(kind, numbers, params)
