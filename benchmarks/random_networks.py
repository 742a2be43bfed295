"""Networks of published shapes with random weights: speed does not depend on them, and nothing is downloaded."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import torch
from torch import Tensor

from inversion.checkpoints.checkpoint import Checkpoint
from inversion.features.vgg16 import BLOCKS, CHANNELS, VGG16
from inversion.generator.architecture import Architecture
from inversion.generator.stylegan2 import Generator
from inversion.losses.lpips import LPIPS

# px -> channel_base: "paper256", config F, and smaller ones for the smaller nets
CHANNEL_BASE = {16: 512, 64: 4096, 128: 16384, 256: 16384, 512: 32768, 1024: 32768}


def random_checkpoint(resolution: int) -> Checkpoint:
    """A network of the published shape with random weights: speed does not depend on them."""
    torch.manual_seed(0)
    architecture = Architecture(img_resolution=resolution, channel_base=CHANNEL_BASE[resolution])
    return Checkpoint(architecture, Generator(architecture).state_dict(), None, None, w_std=1.0)


def random_lpips(device: torch.device, dtype: torch.dtype) -> LPIPS:
    """VGG16 at up to 256 px with random weights of the scale that keeps activations alive."""
    weights, heads = random_vgg_and_heads()
    ready = tuple(head.to(device) for head in heads)
    return replace(LPIPS(), vgg=VGG16(weights).to(device, dtype), heads=ready)


@lru_cache(maxsize=1)
def random_vgg_and_heads() -> tuple[dict[str, Tensor], list[Tensor]]:
    """In fp32 on the CPU: the same on every device."""
    torch.manual_seed(0)
    weights, inputs = {}, 3
    for block in BLOCKS:
        for number, channels in block.items():
            weights[f"features.{number}.weight"] = (
                torch.randn(channels, inputs, 3, 3) * (2 / (9 * inputs)) ** 0.5
            )
            weights[f"features.{number}.bias"] = torch.zeros(channels)
            inputs = channels
    return weights, [torch.rand(channels, 1, 1) for channels in CHANNELS]
