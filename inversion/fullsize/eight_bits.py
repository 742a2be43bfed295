"""Colours of 8 bits whose luma is the photo's to the last bit."""

from __future__ import annotations

from itertools import product

import torch
from torch import Tensor

from inversion.images import quantize, to_255

# of R, G, B; Pillow's mode "L" is (sum + HALF) >> 16
LUMA_16_BIT = (19595, 38470, 7471)
HALF = 1 << 15
# what rounding may have to be corrected by, the smallest first
STEPS = sorted(product((0, 1, -1), repeat=3), key=lambda step: sum(abs(s) for s in step))


def keep_luma(x: Tensor, photo: Tensor) -> Tensor:
    """Round to 8 bits so that Pillow's "L" of the result is that of the photo: [B, 3, H, W] in [-1, 1] -> same.

    x: colours of about the photo's luma. Rounding each channel alone would miss it by a level in a tenth of the pixels
    or so; there, channels move by one level, as few of them as will do.
    """
    levels, wanted = _levels(x), luma_level(photo)
    missed = luma_level(x) != wanted
    colours, aim = levels.movedim(1, -1)[missed], wanted[missed]  # [N, 3], [N]
    best, open_ = colours.clone(), torch.ones_like(aim, dtype=torch.bool)
    for step in STEPS:
        moved = colours + colours.new_tensor(step)
        fits = open_ & (_luma(moved, -1) == aim) & ((moved >= 0) & (moved <= 255)).all(dim=-1)
        best[fits] = moved[fits]
        open_ &= ~fits
    result = levels.movedim(1, -1).clone()
    result[missed] = best
    return result.movedim(-1, 1).to(x) / 127.5 - 1


def luma_level(x: Tensor) -> Tensor:
    """What Pillow's mode "L" says of a picture's 8-bit file: [B, 3, H, W] in [-1, 1] -> [B, H, W], 0..255."""
    return _luma(_levels(x), 1)


def _levels(x: Tensor) -> Tensor:
    return to_255(quantize(x)).round().long()


def _luma(levels: Tensor, dim: int) -> Tensor:
    red, green, blue = (
        weight * channel for weight, channel in zip(LUMA_16_BIT, levels.unbind(dim), strict=True)
    )
    return (red + green + blue + HALF) >> 16
