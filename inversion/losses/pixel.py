"""Squared error of pixels; needs no network."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from inversion.losses.perceptual_loss import PerceptualLoss


@dataclass(frozen=True)
class PixelLoss(PerceptualLoss):
    """Mean squared difference of the images: weight * mean((a - b)²) over channels and pixels of [-1, 1].

    For what was degraded by a known operator it is the logarithm of the likelihood under white noise.
    """

    weight: float = 1000.0  # then reg means what it means in conf/hyperparameters: 0.001 = close to the photo
    name = "pixel"
    resolution = 1024  # never reduced

    def features(self, images: Tensor) -> list[Tensor]:
        """The images themselves: [B, 3, H, W]."""
        return [images]

    def __call__(self, features: list[Tensor], target: list[Tensor]) -> Tensor:
        """[B], 0 only for equal images."""
        (a,), (b,) = features, target
        return self.weight * (a - b).square().mean(dim=(1, 2, 3))
