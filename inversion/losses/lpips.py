"""LPIPS on VGG16: how different two images look to people."""

from __future__ import annotations

import importlib.util
import logging
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from inversion.checkpoints.download import cached_path, fetch
from inversion.checkpoints.named_tensors import read_named_tensors
from inversion.errors import CheckpointError, ConfigError
from inversion.features.vgg16 import CHANNELS, VGG16, load_vgg16
from inversion.losses.perceptual_loss import PerceptualLoss

log = logging.getLogger(__name__)

VGG_URL = "https://download.pytorch.org/models/vgg16-397923af.pth"
VGG_SHA256 = "397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0"
VGG_SIZE = 553_433_881  # bytes
SMALLEST = 16  # px; levels of this side and below are not compared


@dataclass(frozen=True)
class LPIPS(PerceptualLoss):
    """Weighted squared difference of unit-length VGG16 features, as the package `lpips` 0.1.4 computes it.

    Zhang et al. 2018, The Unreasonable Effectiveness of Deep Features as a Perceptual Metric, equation 1:
    features are normalized along their channels, differences weighted by a learned head per channel, averaged
    over positions and summed over relu1_2, 2_2, 3_3, 4_3, 5_3.
    vgg_path: torchvision's vgg16-397923af.pth; None = downloaded on first use.
    heads_path: the package's weights/v0.1/vgg.pth; None = from the installed package.
    levels: how many sizes are compared and summed, each half the one before, as far as they are above 16 px
    (Poirier-Ginter & Lalonde 2023, Robust Unsupervised StyleGAN Image Restoration, section 3.4: all).
    """

    levels: int = 1
    vgg_path: str | None = None
    heads_path: str | None = None
    vgg: VGG16 | None = field(default=None, repr=False, compare=False)
    heads: tuple[Tensor, ...] = field(default=(), repr=False, compare=False)  # [C, 1, 1] each, square roots
    name = "lpips"
    resolution = 256

    def check(self) -> None:
        """levels, and the files that are not downloaded."""
        if self.levels < 1:
            raise ConfigError(f"loss.levels must be a whole number of at least 1. Got {self.levels}.")
        _ = existing(self.heads_path, "loss.heads_path") or installed_heads()
        existing(self.vgg_path, "loss.vgg_path")

    def bind(self, discriminator: Any, device: torch.device, dtype: torch.dtype = torch.float32) -> LPIPS:
        """Load the weights onto the device; dtype: of VGG16's convolutions.

        Raises CheckpointError, or ConfigError for a missing file or levels below 1.
        """
        self.check()
        heads = read_heads(existing(self.heads_path, "loss.heads_path") or installed_heads())
        vgg = existing(self.vgg_path, "loss.vgg_path") or downloaded_vgg()
        return replace(
            self,
            vgg=load_vgg16(vgg).to(device, dtype),
            heads=tuple(head.sqrt().reshape(-1, 1, 1).to(device) for head in heads),
        )

    def features(self, images: Tensor) -> list[Tensor]:
        """Scale VGG16's features so that their squared differences are LPIPS.

        images: [B, 3, H, W] in [-1, 1], H and W at least 16. Returns 5 maps [B, C, h, w] for each level.
        """
        if self.vgg is None:
            raise ValueError("LPIPS has no weights yet: call bind(discriminator, device).")
        scaled: list[Tensor] = []
        for level in range(self.levels):
            if level:
                images = F.avg_pool2d(images, 2)
                if min(images.shape[-2:]) <= SMALLEST:
                    break
            # vector_norm, unlike sqrt, has a gradient where all features are 0.
            scaled += [
                f / (torch.linalg.vector_norm(f, dim=1, keepdim=True) + 1e-10) * head
                for f, head in zip(self.vgg(images), self.heads, strict=True)
            ]
        return scaled

    def __call__(self, features: list[Tensor], target: list[Tensor]) -> Tensor:
        """weight * LPIPS: [B], 0 only for equal features."""
        layers = [(a - b).square().sum(dim=1).mean(dim=(1, 2)) for a, b in zip(features, target, strict=True)]
        return self.weight * torch.stack(layers).sum(dim=0)


def read_heads(path: Path) -> list[Tensor]:
    """Read the five linear heads of LPIPS v0.1: [C] each, none negative. Raises CheckpointError."""
    tensors = read_named_tensors(path)
    heads = []
    for i, channels in enumerate(CHANNELS):
        head = tensors.get(f"lin{i}.model.1.weight")
        if head is None or head.shape != (1, channels, 1, 1) or not (head >= 0).all():
            got = "none" if head is None else f"shape {list(head.shape)}, minimum {head.min().item():.3g}"
            raise CheckpointError(
                f"LPIPS needs lin{i}.model.1.weight [1, {channels}, 1, 1], none negative. Got {path} with "
                f"{got}; lpips/weights/v0.1/vgg.pth of the package lpips 0.1.4 would work."
            )
        heads.append(head.flatten())
    return heads


def downloaded_vgg() -> Path:
    """Fetch VGG16 once, and say beforehand what that means. Raises CheckpointError."""
    place = cached_path(VGG_URL)
    if not place.exists():
        log.info(
            "loss=lpips needs the weights of VGG16: 528 MB, downloaded once to %s. If you have them "
            "(torchvision's vgg16-397923af.pth), put them there or give loss.vgg_path=FILE; "
            "loss=discriminator and loss=pixel need no download.",
            place,
        )
    return fetch(VGG_URL, sha256=VGG_SHA256, size=VGG_SIZE)


def installed_heads() -> Path:
    """Find the heads inside the installed package, without importing it (it would import torchvision)."""
    spec = importlib.util.find_spec("lpips")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder) / "weights" / "v0.1" / "vgg.pth"
        if path.is_file():
            return path
    raise ConfigError(
        "loss=lpips needs the heads of LPIPS v0.1 (7 kB), and VGG16, which it downloads (528 MB, once). Got no "
        "installed package lpips; `pip install lpips==0.1.4 --no-deps` or loss.heads_path=FILE would work, "
        "and loss=discriminator or loss=pixel need neither."
    )


def existing(path: str | None, setting: str) -> Path | None:
    """Check that a file which a setting names is there."""
    if path is None:
        return None
    found = Path(path).expanduser()
    if not found.is_file():
        raise ConfigError(f"{setting} must be a file. Got {path} (looked at {found.absolute()}).")
    return found
