"""Between the generator's resolution and the photo's own, by Lanczos filters written as matrices."""

from __future__ import annotations

import torch
from torch import Tensor

from inversion.runtime.on_device import on_device

LOBES = 3  # of the filter on either side, as in Pillow


def resized(x: Tensor, side: int) -> Tensor:
    """Resample square images: [B, C, R, R] -> [B, C, side, side], not clamped: edges overshoot a little.

    Equals Pillow's Image.resize with LANCZOS, but for its rounding to 8 bits. Unchanged where the size is the same.
    """
    if x.shape[-1] == side:
        return x
    matrix = on_device(lanczos, x.shape[-1], side, like=x)
    return matrix @ x @ matrix.mT


def lanczos(before: int, after: int) -> Tensor:
    """Write the one-dimensional filter as a matrix: [after, before], float64, rows sum to 1.

    Duchon 1979, Lanczos Filtering in One and Two Dimensions; when it shrinks, the filter is as wide in pixels of the
    small image, so that nothing aliases.
    """
    scale = before / after
    width = max(scale, 1.0)
    centre = (torch.arange(after, dtype=torch.float64)[:, None] + 0.5) * scale
    pixel = torch.arange(before, dtype=torch.float64)
    first, last = (centre - LOBES * width + 0.5).floor(), (centre + LOBES * width + 0.5).floor()
    distance = (pixel + 0.5 - centre) / width
    weights = torch.sinc(distance) * torch.sinc(distance / LOBES)
    weights = torch.where((pixel >= first) & (pixel < last) & (distance.abs() < LOBES), weights, 0)
    return weights / weights.sum(dim=1, keepdim=True)


def noise_gain(factor: float) -> float:
    """By what shrinking by `factor` multiplies the standard deviation of pixels' independent noise."""
    middle = lanczos(round(32 * factor), 32)[8:24]  # away from the borders
    return middle.square().sum(dim=1).mean().item()
