"""Noise-map regularizer: without it, noise maps fit the photo in place of the latent."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor


def noise_regularizer(noises: Sequence[Tensor]) -> Tensor:
    """Squared correlation of each map with itself moved by one pixel, at all scales down to 8 px: [B].

    noises: [B, 1, R, R] each, R a power of two. Sum over maps, and over each map's pyramid (2x2 means, until
    8x8), of mean(n * roll(n, 1, x))² + mean(n * roll(n, 1, y))²; means are over one problem's map.
    Source: Karras et al. 2020, Analyzing and Improving the Image Quality of StyleGAN, appendix D;
    NVlabs/stylegan2-ada-pytorch, projector.py.
    """
    if not noises:
        raise ValueError("The noise regularizer needs at least one noise map. Got none.")
    sizes = [noise.shape[-1] for noise in noises]
    size, pooled = max(sizes), list[Tensor]()
    correlations: list[Tensor] = []  # [B, maps] each
    while size >= min(8, *sizes):
        # All maps of one size are channels of one tensor: the larger ones, pooled, and those that have it.
        level = torch.cat([*pooled, *(noise for noise in noises if noise.shape[-1] == size)], dim=1)
        correlations += [(level * level.roll(1, dims=dim)).mean(dim=(2, 3)) for dim in (3, 2)]
        pooled = [F.avg_pool2d(level, 2)] if size > 8 else []
        size //= 2
    return torch.cat(correlations, dim=1).square().sum(dim=1)
