"""The convolutions of VGG16, frozen: images -> feature maps.

Simonyan & Zisserman 2015, Very Deep Convolutional Networks, configuration D; weights and names: torchvision.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from inversion.checkpoints.named_tensors import read_named_tensors
from inversion.errors import CheckpointError
from inversion.runtime.on_device import numbers, on_device

# Number in torchvision's `features` -> output channels; the blocks end in relu1_2, 2_2, 3_3, 4_3, 5_3.
BLOCKS = (
    {0: 64, 2: 64},
    {5: 128, 7: 128},
    {10: 256, 12: 256, 14: 256},
    {17: 512, 19: 512, 21: 512},
    {24: 512, 26: 512, 28: 512},
)
CHANNELS = tuple(list(block.values())[-1] for block in BLOCKS)
SMALLEST_SIDE = 16  # four times halved
# ImageNet's mean and standard deviation of R, G, B, (0.485, ...) and (0.229, ...) of [0, 1], for [-1, 1].
MEAN = (-0.030, -0.088, -0.188)
STD = (0.458, 0.448, 0.450)


class VGG16:
    """Compute the five feature maps that end VGG16's blocks; gradients reach the images, never the weights.

    weights: `features.N.weight` [O, I, 3, 3] and `features.N.bias` [O], as in torchvision's file; other keys
    are ignored. Raises CheckpointError for a missing or misshapen one.
    """

    def __init__(self, weights: Mapping[str, Tensor]) -> None:
        self.blocks: list[list[tuple[Tensor, Tensor]]] = []
        in_channels = 3
        for block in BLOCKS:
            layers = []
            for number, channels in block.items():
                weight = _tensor(weights, f"features.{number}.weight", (channels, in_channels, 3, 3))
                layers.append((weight, _tensor(weights, f"features.{number}.bias", (channels,))))
                in_channels = channels
            self.blocks.append(layers)

    def to(self, device: torch.device | None = None, dtype: torch.dtype | None = None) -> VGG16:
        """Move and convert in place; the weights' precision is that of the convolutions."""
        self.blocks = [
            [
                (weight.to(device, dtype, memory_format=torch.channels_last), bias.to(device, dtype))
                for weight, bias in block
            ]
            for block in self.blocks
        ]
        return self

    def __call__(self, images: Tensor) -> list[Tensor]:
        """images: [B, 3, H, W] in [-1, 1], H and W >= 16.

        Returns 5 maps [B, C, h, w] in the images' precision, each half the last.
        """
        if min(images.shape[-2:]) < SMALLEST_SIDE:
            raise ValueError(
                f"VGG16 halves an image four times. Got {list(images.shape)}; 16 px a side works."
            )
        mean, std = (on_device(numbers, values, like=images)[:, None, None] for values in (MEAN, STD))
        x = (images - mean) / std
        x = x.to(self.blocks[0][0][0].dtype, memory_format=torch.channels_last)
        features: list[Tensor] = []
        for block in self.blocks:
            if features:
                x = F.max_pool2d(x, 2)
            for weight, bias in block:
                x = F.relu(F.conv2d(x, weight, bias, padding=1), inplace=True)
            features.append(x)
        return [feature.to(images.dtype) for feature in features]


def load_vgg16(path: Path) -> VGG16:
    """Read torchvision's vgg16-397923af.pth, or any file with its `features.N` tensors.

    Raises CheckpointError for a file that holds anything but tensors, or not these.
    """
    return VGG16(read_named_tensors(path))


def _tensor(weights: Mapping[str, Tensor], name: str, shape: tuple[int, ...]) -> Tensor:
    if name not in weights:
        raise CheckpointError(f"VGG16's weights lack {name}. torchvision's vgg16-397923af.pth has it.")
    if weights[name].shape != shape:
        raise CheckpointError(f"VGG16's {name} must be {list(shape)}. Got {list(weights[name].shape)}.")
    return weights[name].detach()
