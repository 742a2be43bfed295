"""The generator's noise maps as variables: [B, 1, R, R] each, statistics per problem and never over the batch."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from inversion.search.seeds import RandomStreams


def draw(resolutions: Sequence[int], streams: RandomStreams) -> list[Tensor]:
    """Every map from N(0, 1)."""
    return [streams.normal(1, side, side) for side in resolutions]


def mask_gradients(gradients: Sequence[Tensor], optimized: Sequence[bool]) -> list[Tensor]:
    """The maps' gradients [B, 1, R, R], 0 for problems whose phase does not optimize them. optimized: B."""
    if all(optimized) or not gradients:
        return list(gradients)
    mask = torch.tensor(optimized, device=gradients[0].device)[:, None, None, None]
    return [torch.where(mask, gradient, 0) for gradient in gradients]


def normalize_in_place(noises: Sequence[Tensor], running: Tensor, optimized: Sequence[bool]) -> None:
    """Normalize the maps of problems that still run, [B] bool, and whose phase optimizes them, B."""
    changed = running if all(optimized) else running & torch.tensor(optimized, device=running.device)
    for noise in noises:
        noise.data = torch.where(changed[:, None, None, None], normalize(noise.data), noise.data)


def normalize(noise: Tensor) -> Tensor:
    """Shift each map to mean 0 and scale it to mean square 1 (Karras et al. 2020, appendix D)."""
    noise = noise - noise.mean(dim=(1, 2, 3), keepdim=True)
    return noise * noise.square().mean(dim=(1, 2, 3), keepdim=True).rsqrt()
