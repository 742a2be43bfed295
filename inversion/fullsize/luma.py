"""Luma and colour apart, and colours of 8 bits whose luma is the photo's to the last bit."""

from __future__ import annotations

from itertools import product

import torch
from torch import Tensor

from inversion.images import to_255
from inversion.runtime.on_device import numbers, on_device

LUMA = (0.299, 0.587, 0.114)  # of R, G, B (ITU-R BT.601); they sum to 1, so [-1, 1] needs no rescaling
# the same; Pillow's mode "L" is (sum + HALF) >> 16
LUMA_16_BIT = (19595, 38470, 7471)
HALF = 1 << 15
# what rounding may have to be corrected by, the smallest first
STEPS = sorted(product((0, 1, -1), repeat=3), key=lambda step: sum(abs(s) for s in step))


def grey(x: Tensor) -> Tensor:
    """Three equal channels of luma: [B, 3, H, W] -> same."""
    weights = on_device(numbers, LUMA, like=x)
    return (x * weights[:, None, None]).sum(dim=1, keepdim=True).expand_as(x)


def tinted(luma: Tensor, chroma: Tensor) -> Tensor:
    """Add colour to a grey picture: paler where it would leave [-1, 1], with the same hue and luma."""
    room = torch.where(chroma > 0, 1 - luma, 1 + luma)
    kept = (room / chroma.abs().clamp(min=torch.finfo(chroma.dtype).tiny)).amin(dim=1, keepdim=True)
    return luma + kept.clamp(max=1) * chroma


def keep_luma(x: Tensor, photo: Tensor) -> Tensor:
    """Round to 8 bits so that Pillow's "L" of the result is that of the photo: [B, 3, H, W] in [-1, 1] -> same.

    x: colours of about the photo's luma. Rounding each channel alone would miss it by a level in a tenth of the pixels
    or so; there, channels move by one level, as few of them as will do.
    """
    levels, wanted = _levels(x), luma_level(photo)
    pixels = levels.movedim(1, -1).contiguous()  # [B, H, W, 3]
    open_ = (_luma(levels, 1) != wanted).nonzero(as_tuple=True)
    for step in STEPS[1:]:
        if not len(open_[0]):
            break
        moved = pixels[open_] + pixels.new_tensor(step)
        fits = (_luma(moved, -1) == wanted[open_]) & (moved.amin(dim=-1) >= 0) & (moved.amax(dim=-1) <= 255)
        pixels[tuple(i[fits] for i in open_)] = moved[fits]
        open_ = tuple(i[~fits] for i in open_)
    return pixels.movedim(-1, 1).to(x) / 127.5 - 1


def luma_level(x: Tensor) -> Tensor:
    """What Pillow's mode "L" says of a picture's 8-bit file: [B, 3, H, W] in [-1, 1] -> [B, H, W], 0..255."""
    return _luma(_levels(x), 1)


def _levels(x: Tensor) -> Tensor:
    return to_255(x).round().clamp(0, 255).int()


def _luma(levels: Tensor, dim: int) -> Tensor:
    red, green, blue = (
        weight * channel for weight, channel in zip(LUMA_16_BIT, levels.unbind(dim), strict=True)
    )
    return (red + green + blue + HALF) >> 16
