"""Grain for what was filled in, as strong and as coarse as around it."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from inversion.deviation import deviation
from inversion.fullsize.luma import grey

NEAR = 0.1  # of the side, around the hole: where the grain is measured
FAR = 5  # px from an unknown pixel, where a band of frequencies does not feel it


def grain(photo: Tensor, known: Tensor, factor: float) -> Tensor:
    """Draw what a filling that was enlarged by `factor` lacks of the photo's fine structure: [B, 1, S, S].

    photo: [B, 3, S, S]. known: [1 or B, 1, S, S], 1 = known. Octave by octave down to the generator's pixels, noise of
    the standard deviation that luma has around the hole, by the median, so that edges and hair do not count. Zero
    where the photo has nothing so fine. The same noise in every call, in all channels alike.
    """
    luma, known = grey(photo)[:, :1], known.expand(len(photo), -1, -1, -1)
    reach = max(1, round(NEAR * photo.shape[-1]))
    near = known * -box_minimum(known, reach) + known  # known, with something unknown within reach
    rng = torch.Generator().manual_seed(0)
    total = torch.zeros_like(luma)
    # unknown pixels must not look like edges
    means = (luma * known).sum(dim=(2, 3), keepdim=True) / known.sum(dim=(2, 3), keepdim=True).clamp(min=1)
    level, mask = torch.where(known > 0, luma, means), near
    whole = known
    for _ in range(int(math.log2(factor) + 1e-6)):
        half = max(1, level.shape[-1] // 2)
        coarse = F.adaptive_avg_pool2d(level, half)
        # true only where no unknown pixel is near
        whole = box_minimum(whole, FAR)
        band = level - _enlarged(coarse, level.shape[-1])
        noise = torch.randn(1, 1, *level.shape[-2:], generator=rng).to(luma)
        noise = noise - _enlarged(F.adaptive_avg_pool2d(noise, half), level.shape[-1])
        noise = noise / noise.std().clamp(min=1e-6)
        spreads = [
            deviation(one[place > 0]) for one, place in zip(band[:, 0], (mask * whole)[:, 0], strict=True)
        ]
        strength = torch.stack(spreads).to(luma)[:, None, None, None]
        total = total + strength * _enlarged(noise, luma.shape[-1])
        level = coarse
        mask, whole = (F.adaptive_max_pool2d(mask, half), -F.adaptive_max_pool2d(-whole, half))
    return total


def box_minimum(known: Tensor, reach: int) -> Tensor:
    """The least within `reach` pixels in both directions: [B, 1, H, W]."""
    rows = -F.max_pool2d(-known, (2 * reach + 1, 1), 1, (reach, 0))
    return -F.max_pool2d(-rows, (1, 2 * reach + 1), 1, (0, reach))


def _enlarged(x: Tensor, side: int) -> Tensor:
    if x.shape[-1] == side:
        return x
    return F.interpolate(x, size=(side, side), mode="bicubic")
