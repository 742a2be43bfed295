"""Take colours from where another picture has the same luma, a little beside."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

NEAR = 0.04  # of the side, standard deviation of how far off colours are looked for; none beyond twice that
ALIKE = 0.07  # of luma in [-1, 1], standard deviation of what counts as the same
LEAST = 1e-6  # weight of what is quite unlike, for pixels that nothing around is like


def transferred(luma: Tensor, seen: Tensor, colours: Tensor) -> Tensor:
    """Colours of a picture of luma `seen` for another one of nearly the same things, whose borders lie elsewhere.

    luma, seen: [B, 1, H, W] in [-1, 1]. colours: [B, C, H, W], whose borders are those of `seen`. Returns [B, C, H, W].
    Each pixel gets the mean of the colours around its place, the nearer ones and those of like luma first: skin that is
    drawn a few pixels too wide ends where the photo's does. Welsh, Ashikhmin & Mueller 2002, Transferring Color
    to Greyscale Images, with the weights of a joint bilateral filter (Petschnigg et al. 2004, equation 3).
    """
    height, width = luma.shape[-2:]
    spread = NEAR * max(height, width)
    reach = max(1, round(2 * spread))
    # the last channel counts what is inside the picture
    around = F.pad(torch.cat([seen, colours, torch.ones_like(seen)], dim=1), (reach,) * 4)
    sums = torch.zeros_like(around[:, 1:, :height, :width])
    for down in range(2 * reach + 1):
        for right in range(2 * reach + 1):
            there = around[..., down : down + height, right : right + width]
            near = math.exp(-((down - reach) ** 2 + (right - reach) ** 2) / (2 * spread**2))
            alike = ((there[:, :1] - luma).square() / (-2 * ALIKE**2)).exp() + LEAST
            sums.addcmul_(near * alike, there[:, 1:])
    return sums[:, :-1] / sums[:, -1:]
