"""Absolute difference of small images: colours and coarse shapes, to which perceptual features are less sensitive."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class AbsoluteLoss:
    """weight * mean(|a - b|) over channels and pixels, of images of [-1, 1] reduced to 16 px.

    Poirier-Ginter & Lalonde 2023, Robust Unsupervised StyleGAN Image Restoration, section 3.4, take it beside LPIPS
    at several sizes; at 16 px as in their code (robust_unsupervised/loss_function.py).
    """

    weight: float
    name = "l1"
    resolution = 16

    def features(self, images: Tensor) -> list[Tensor]:
        """The images themselves: [B, 3, H, W]."""
        return [images]

    def __call__(self, features: list[Tensor], target: list[Tensor]) -> Tensor:
        """[B], 0 only for equal images."""
        (a,), (b,) = features, target
        return self.weight * (a - b).abs().mean(dim=(1, 2, 3))
