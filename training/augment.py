"""Augmentations that the discriminator sees on real and generated pictures alike, so that few pictures
do not overfit.

Karras et al. 2020b, "Training Generative Adversarial Networks with Limited Data" (adaptive probability);
Zhao et al. 2020, "Differentiable Augmentation" (translation, colour, cut-out).
"""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from inversion.runtime.on_device import numbers, on_device

LUMA = (0.299, 0.587, 0.114)
Probability = float | Tensor  # a tensor on the device, []: one that may change after the kernels are recorded


def augment(images: Tensor, probability: Probability, rng: torch.Generator) -> Tensor:
    """Each of geometry, colour and cut-out strikes each image with the given probability; [B, 3, R, R] -> same."""
    if not isinstance(probability, Tensor) and probability <= 0:
        return images
    return _cut_out(_colour(_geometry(images, probability, rng), probability, rng), probability / 2, rng)


def _of(rng: torch.Generator) -> dict[str, Any]:
    return {"generator": rng, "device": rng.device}


def _strikes(batch: int, probability: Probability, rng: torch.Generator) -> Tensor:
    return (torch.rand([batch], **_of(rng)) < probability).float()


def _geometry(x: Tensor, probability: Probability, rng: torch.Generator) -> Tensor:
    """Scale by exp(N(0, 0.15)), turn by N(0, 10 degrees), shift by up to 1/8 of the side; the border is reflected."""
    batch = len(x)
    scale = (torch.randn([batch], **_of(rng)) * 0.15 * _strikes(batch, probability, rng)).exp()
    angle = torch.randn([batch], **_of(rng)) * math.radians(10) * _strikes(batch, probability, rng)
    shift = (torch.rand([batch, 2], **_of(rng)) - 0.5) * 0.5 * _strikes(batch, probability, rng)[:, None]
    cos, sin = angle.cos() / scale, angle.sin() / scale
    rows = torch.stack([cos, -sin, shift[:, 0], sin, cos, shift[:, 1]], dim=1).reshape(batch, 2, 3)
    grid = F.affine_grid(rows.to(x), list(x.shape), align_corners=False)
    return F.grid_sample(x, grid, mode="bilinear", padding_mode="reflection", align_corners=False)


def _colour(x: Tensor, probability: Probability, rng: torch.Generator) -> Tensor:
    """Brightness N(0, 0.2), contrast exp(N(0, 0.3)), saturation exp(N(0, 0.6))."""
    batch = len(x)

    def amount(sigma: float) -> Tensor:
        noise = torch.randn([batch], **_of(rng)) * sigma * _strikes(batch, probability, rng)
        return noise[:, None, None, None].to(x)

    x = x * amount(0.3).exp() + amount(0.2)
    luma = (x * on_device(numbers, LUMA, like=x)[:, None, None]).sum(dim=1, keepdim=True)
    return luma + (x - luma) * amount(0.6).exp()


def _cut_out(x: Tensor, probability: Probability, rng: torch.Generator) -> Tensor:
    """Grey out a square of half the side, centred anywhere."""
    batch, _, height, width = x.shape
    centre = torch.rand([batch, 2], **_of(rng))
    y = (torch.arange(height, device=x.device) + 0.5) / height
    x_axis = (torch.arange(width, device=x.device) + 0.5) / width
    inside = ((y[None] - centre[:, :1]).abs() < 0.25)[:, :, None] & (
        (x_axis[None] - centre[:, 1:]).abs() < 0.25
    )[:, None, :]
    hidden = inside.float() * _strikes(batch, probability, rng)[:, None, None]
    return x * (1 - hidden[:, None]).to(x)


def diff_augment(images: Tensor, rng: torch.Generator) -> Tensor:
    """Every picture's colours changed, its place shifted by up to 1/8 and a quarter hidden; [B, 3, R, R] -> same.

    Zhao et al. 2020, the policy "color, translation, cutout", which Projected GAN feeds its features with.
    """
    batch = len(images)

    def uniform(low: float, high: float) -> Tensor:
        numbers = torch.rand([batch, 1, 1, 1], **_of(rng))
        return (numbers * (high - low) + low).to(images)

    x = images + uniform(-0.5, 0.5)
    grey = x.mean(dim=1, keepdim=True)
    x = grey + (x - grey) * uniform(0, 2)
    mean = x.mean(dim=(1, 2, 3), keepdim=True)
    x = mean + (x - mean) * uniform(0.5, 1.5)
    shift = (torch.rand([batch, 2], **_of(rng)) - 0.5) * 0.5  # of half a side
    still = torch.eye(2, device=x.device).expand(batch, 2, 2)
    grid = F.affine_grid(
        torch.cat([still, shift[:, :, None].to(x)], dim=2), list(x.shape), align_corners=False
    )
    return _cut_out(F.grid_sample(x, grid, mode="bilinear", align_corners=False), 1.0, rng)


def adapt(probability: float, real_signs: float, shown: int, target: float = 0.6, kimg: float = 100) -> float:
    """Raise the probability while the discriminator is too sure of real pictures (r_t > target), lower it otherwise.

    real_signs: mean sign of the logits of real pictures; shown: pictures since the last call; kimg: thousands of
    pictures from 0 to 1. Karras et al. 2020b, section 3.1. Capped at 0.8, above which augmentations leak.
    """
    step = shown / (1000 * kimg)
    return min(max(probability + (step if real_signs > target else -step), 0.0), 0.8)
