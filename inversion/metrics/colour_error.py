"""How far colours are off, as people see it."""

from __future__ import annotations

import torch
from torch import Tensor

from inversion.errors import ConfigError
from inversion.images import to_unit
from inversion.metrics.psnr import mean_where

# IEC 61966-2-1: linear sRGB -> CIE XYZ, and the white D65 of its observer.
XYZ = ((0.412453, 0.357580, 0.180423), (0.212671, 0.715160, 0.072169), (0.019334, 0.119193, 0.950227))
WHITE = (0.95047, 1.0, 1.08883)
KNEE = 0.008856  # of CIE 1976


def colour_error(a: Tensor, b: Tensor, known: Tensor | None = None) -> Tensor:
    """Mean distance of chroma, a* and b* of CIELAB, between [B, 3, H, W] in [-1, 1]: [B].

    Lightness does not count: a photo that arrives grey tells it. 0 for equal colours; a difference of about 2.3 can
    just be seen (Mahy et al. 1994). CIE 1976, white D65.
    known: [1 or B, 1, H, W], 1 = counts; None: all count.
    """
    if a.shape != b.shape or a.ndim != 4:
        raise ConfigError(
            f"Colours of two batches [B, 3, H, W] are compared. Got {list(a.shape)} and {list(b.shape)}."
        )
    difference = (to_lab(to_unit(a)) - to_lab(to_unit(b)))[:, 1:]
    distance = difference.square().sum(dim=1, keepdim=True).sqrt()
    return distance.mean(dim=(1, 2, 3)) if known is None else mean_where(distance, known)


def to_lab(rgb: Tensor) -> Tensor:
    """sRGB [B, 3, H, W] in [0, 1] -> L*, a*, b*. Equals scikit-image's rgb2lab."""
    linear = torch.where(rgb > 0.04045, ((rgb + 0.055) / 1.055).clamp(min=0) ** 2.4, rgb / 12.92)
    matrix = rgb.new_tensor(XYZ) / rgb.new_tensor(WHITE)[:, None]
    xyz = torch.einsum("ij,bjhw->bihw", matrix, linear)
    f = torch.where(xyz > KNEE, xyz.clamp(min=0) ** (1 / 3), 7.787 * xyz + 16 / 116)
    x, y, z = f.unbind(dim=1)
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], dim=1)
