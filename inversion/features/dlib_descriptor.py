"""dlib's face descriptor, frozen and differentiable: 128 numbers that tell persons apart.

King 2017, dlib_face_recognition_resnet_model_v1 (public domain): a ResNet of 29 layers, trained so that two
pictures of one person lie less than 0.6 apart; dlib/examples/dnn_face_recognition_ex.cpp describes it.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from inversion.errors import CheckpointError
from inversion.features.dlib_file import Layer, read_layers
from inversion.images import to_255

DESCRIPTOR_FILE = "dlib_face_recognition_resnet_model_v1.dat"
SIZE = 150  # px, side of a face chip
# Channels and stride of the residual units, from the input to the output.
UNITS = (
    *[(32, 1)] * 3,
    *[(64, 2), *[(64, 1)] * 3],
    *[(128, 2), *[(128, 1)] * 2],
    *[(256, 2), *[(256, 1)] * 2],
    (256, 2),
)


class FaceDescriptor:
    """Describe face chips by 128 numbers; gradients reach the chips, never the weights.

    Raises CheckpointError for layers of another network.
    """

    def __init__(self, layers: Sequence[Layer]) -> None:
        # Each convolution is followed by a scale and a shift per channel, which are folded into its weights.
        learned = (layer for layer in layers if len(layer.params))
        self.first = _convolution(learned, 3, 32, 7)
        self.units: list[tuple[int, tuple[Tensor, Tensor], tuple[Tensor, Tensor]]] = []
        inputs = 32
        for channels, stride in UNITS:
            pair = _convolution(learned, inputs, channels, 3), _convolution(learned, channels, channels, 3)
            self.units.append((stride, *pair))
            inputs = channels
        self.last = _next(learned, "fc_2", 256 * 128).reshape(256, 128)
        if any(learned) or layers[0].kind != "input_rgb_image_sized" or layers[0].numbers[3:] != [SIZE, SIZE]:
            raise CheckpointError(
                "dlib's face descriptor has 29 layers and 150 px chips. Got another network of dlib's."
            )
        self.mean = torch.tensor(layers[0].numbers[:3]).reshape(3, 1, 1)

    def to(self, device: torch.device | None = None, dtype: torch.dtype | None = None) -> FaceDescriptor:
        """Move and convert in place."""

        def moved(layer: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
            weight, bias = layer
            return weight.to(device, dtype, memory_format=torch.channels_last), bias.to(device, dtype)

        self.first = moved(self.first)
        self.units = [(stride, moved(a), moved(b)) for stride, a, b in self.units]
        self.last, self.mean = self.last.to(device, dtype), self.mean.to(device, dtype)
        return self

    def __call__(self, chips: Tensor) -> Tensor:
        """chips: [B, 3, 150, 150] in [-1, 1], faces as dlib aligns them. Returns [B, 128]."""
        x = (to_255(chips) - self.mean) / 256
        x = x.contiguous(memory_format=torch.channels_last)
        x = F.max_pool2d(F.relu(F.conv2d(x, *self.first, stride=2)), 3, stride=2)
        for stride, first, second in self.units:
            y = F.relu(F.conv2d(x, *first, stride=stride, padding=2 - stride))
            y = F.conv2d(y, *second, padding=1)
            x = F.relu(_sum(y, x if stride == 1 else F.avg_pool2d(x, 2)))
        return x.mean(dim=(2, 3)) @ self.last


@functools.cache
def load_face_descriptor(path: Path, device: torch.device) -> FaceDescriptor:
    """Read dlib_face_recognition_resnet_model_v1.dat, once per device. Raises CheckpointError."""
    return FaceDescriptor(read_layers(path)).to(device)


def _sum(a: Tensor, b: Tensor) -> Tensor:
    """Add two tensors of different channels or sides, the smaller padded with zeros."""
    if a.shape == b.shape:
        return a + b
    shape = [max(sizes) for sizes in zip(a.shape, b.shape, strict=True)]
    missing = [[n - m for n, m in zip(shape, x.shape, strict=True)] for x in (a, b)]
    a, b = (F.pad(x, (0, w, 0, h, 0, c)) for x, (_, c, h, w) in zip((a, b), missing, strict=True))
    return a + b


def _convolution(learned: Iterator[Layer], inputs: int, channels: int, side: int) -> tuple[Tensor, Tensor]:
    """A convolution with its affine layer inside: weight [O, I, k, k], bias [O]."""
    size = channels * inputs * side * side
    weight, bias = _next(learned, "con_4", size + channels).split([size, channels])
    scale, shift = _next(learned, "affine_", 2 * channels).split(channels)
    weight = weight.reshape(channels, inputs, side, side) * scale[:, None, None, None]
    return weight, bias * scale + shift


def _next(learned: Iterator[Layer], kind: str, size: int) -> Tensor:
    layer = next(learned, Layer("no more layer"))
    if layer.kind != kind or len(layer.params) != size:
        raise CheckpointError(
            f"dlib's face descriptor has a layer {kind} with {size} weights. Got {layer.kind} with "
            f"{len(layer.params)}; dlib_face_recognition_resnet_model_v1.dat works."
        )
    return layer.params
