"""Plain squared error: no network, no taste."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class PixelLoss:
    """Mean squared difference of the images: weight * mean((a - b)²) over channels and pixels of [-1, 1]."""

    weight: float = 1.0
    identity: float = 0.0  # weight of losses/identity.py beside it
    l1: float = 0.0  # weight of losses/absolute.py beside it
    name = "pixel"
    resolution = 1024  # never downsampled

    def bind(self, discriminator: Any, device: torch.device, dtype: torch.dtype = torch.float32) -> PixelLoss:
        """Nothing to settle."""
        return self

    def features(self, images: Tensor) -> list[Tensor]:
        """The images themselves: [B, 3, H, W]."""
        return [images]

    def __call__(self, features: list[Tensor], target: list[Tensor]) -> Tensor:
        """[B], 0 only for equal images."""
        (a,), (b,) = features, target
        return self.weight * (a - b).square().mean(dim=(1, 2, 3))
