"""Continue known pixels smoothly into unknown ones."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from inversion.degradations.conjugate_gradients import conjugate_gradients

COARSEST = 8  # px; at and below this side the solver starts from 0


def harmonic(values: Tensor, known: Tensor, length: float = math.inf) -> Tensor:
    """Fill unknown pixels so that the squared differences between neighbours are as small as they can be.

    values: [B, C, H, W], known: [1 or B, 1, H, W], 1 = known; known pixels come back as they are. Filled ones stay
    within the known ones' range. An image without known pixels becomes 0.
    length: pixels after which a continued value has fallen to 1/e; infinite = it never falls.
    Laplace's equation, Dirichlet at known pixels and Neumann at the photo's border, the membrane of Pérez et al.
    2003, Poisson Image Editing; screened as in Bhat et al. 2008. The start comes from half the resolution.
    """
    unknown = (known <= 0).to(values.dtype)
    fixed = torch.where(known > 0, values, 0)
    start = fixed + unknown * _coarse(fixed, 1 - unknown, length)

    def matrix(u: Tensor) -> Tensor:
        return unknown * (roughness(unknown * u) + unknown * u / length**2)

    right = -unknown * (roughness(start) + start / length**2)
    return start + unknown * conjugate_gradients(matrix, right, torch.zeros_like(start))


def _coarse(values: Tensor, known: Tensor, length: float) -> Tensor:
    """Solve at half the resolution and enlarge; values are 0 where unknown, known is 0 or 1."""
    height, width = values.shape[-2:]
    if min(height, width) <= COARSEST:
        return torch.zeros_like(values)
    half = (height + 1) // 2, (width + 1) // 2
    share = F.adaptive_avg_pool2d(known, half)
    means = F.adaptive_avg_pool2d(values, half) / share.clamp(min=torch.finfo(share.dtype).tiny)
    filled = harmonic(means, share, length / 2)
    return F.interpolate(filled, size=(height, width), mode="bilinear", align_corners=False)


def roughness(u: Tensor, ease: tuple[Tensor, Tensor] | None = None) -> Tensor:
    """Sum of each pixel's differences to its neighbours: [..., H, W], the negative Laplacian, borders open.

    ease: weights of the differences along rows, [..., H, W - 1], and along columns, [..., H - 1, W]; None: all 1.
    """
    across, down = u.diff(dim=-1), u.diff(dim=-2)
    if ease is not None:
        across, down = ease[0] * across, ease[1] * down
    rough = F.pad(across, (1, 0)) - F.pad(across, (0, 1))
    return rough + F.pad(down, (0, 0, 1, 0)) - F.pad(down, (0, 0, 0, 1))
