"""Enlarge colours along a photo's own edges."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def guided(guide: Tensor, values: Tensor, radius: int, smallest: float) -> Tensor:
    """Enlarge `values` so that, nearby, they are a linear function of the guide: they step only where it does.

    guide: [B, 1, H, W]. values: [B, C, h, w], no larger.
    radius: half the side of the square windows, pixels of `values`.
    smallest: variance of the guide, in its units squared, below which a window counts as flat and only averages.
    He, Sun & Tang 2013, Guided Image Filtering, equations 5, 6 and 8, with slopes and offsets found at the values'
    resolution and enlarged bilinearly: He & Sun 2015, Fast Guided Filter. Linear time.
    """
    seen = F.adaptive_avg_pool2d(guide, (values.shape[-2], values.shape[-1]))
    slope, offset = linear_in(seen, values, radius, smallest)
    slope, offset = (F.interpolate(x, size=guide.shape[-2:], mode="bilinear") for x in (slope, offset))
    return slope * guide + offset


def linear_in(seen: Tensor, values: Tensor, radius: int, smallest: float) -> tuple[Tensor, Tensor]:
    """Slope and offset of the function of a guide that `values` nearly are around each pixel: [B, C, h, w] each.

    seen: [B, 1, h, w], the guide at the values' resolution; the rest as of `guided`.
    """
    mean_seen, mean_values = box(seen, radius), box(values, radius)
    variance = box(seen * seen, radius) - mean_seen.square()
    covariance = box(seen * values, radius) - mean_seen * mean_values
    slope = covariance / (variance.clamp(min=0) + smallest)
    offset = mean_values - slope * mean_seen
    return box(slope, radius), box(offset, radius)


def box(x: Tensor, radius: int) -> Tensor:
    """Average over squares of 2 radius + 1 pixels, cut off at the borders: [B, C, H, W] -> same."""
    for dim in (-2, -1):
        place = torch.arange(x.shape[dim], device=x.device)
        last, first = (place + radius + 1).clamp(max=len(place)), (place - radius).clamp(min=0)
        sums = torch.cat([torch.zeros_like(x.narrow(dim, 0, 1)), x], dim).cumsum(dim, dtype=torch.float64)
        total = sums.index_select(dim, last) - sums.index_select(dim, first)
        x = (total / (last - first).view((-1, 1) if dim == -2 else (-1,))).to(x.dtype)
    return x
