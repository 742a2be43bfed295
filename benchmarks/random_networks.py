"""Networks of published shapes with random weights: speed does not depend on them, and nothing is downloaded."""

from __future__ import annotations

from dataclasses import replace

import torch

from inversion.checkpoints.checkpoint import Checkpoint
from inversion.features.vgg16 import BLOCKS, CHANNELS, VGG16
from inversion.generator.architecture import Architecture
from inversion.generator.stylegan2 import Generator
from inversion.losses.lpips import LPIPS

CHANNEL_BASE = {64: 4096, 128: 16384, 256: 16384, 512: 32768, 1024: 32768}  # "paper256" and config F


def random_checkpoint(resolution: int) -> Checkpoint:
    """A network of the published shape with random weights: speed does not depend on them."""
    torch.manual_seed(0)
    architecture = Architecture(img_resolution=resolution, channel_base=CHANNEL_BASE[resolution])
    return Checkpoint(architecture, Generator(architecture).state_dict(), None, None, w_std=1.0)


def random_lpips(device: torch.device, dtype: torch.dtype) -> LPIPS:
    """VGG16 at up to 256 px with random weights of the scale that keeps activations alive."""
    torch.manual_seed(0)
    weights, inputs = {}, 3
    for block in BLOCKS:
        for number, channels in block.items():
            weights[f"features.{number}.weight"] = (
                torch.randn(channels, inputs, 3, 3) * (2 / (9 * inputs)) ** 0.5
            )
            weights[f"features.{number}.bias"] = torch.zeros(channels)
            inputs = channels
    heads = tuple(torch.rand(channels, 1, 1, device=device) for channels in CHANNELS)
    return replace(LPIPS(), vgg=VGG16(weights).to(device, dtype), heads=heads)
