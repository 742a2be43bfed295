"""The generator's noise maps as variables: [B, 1, R, R] each, statistics per problem and never over the batch."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from inversion.search.seeds import RandomStreams


def start(resolutions: Sequence[int], streams: RandomStreams) -> list[Tensor]:
    """Draw every map from N(0, 1)."""
    return [streams.normal(1, side, side) for side in resolutions]


def held(gradients: Sequence[Tensor], moves: Sequence[bool]) -> list[Tensor]:
    """The maps' gradients [B, 1, R, R], 0 for problems whose maps stay as they are. moves: B."""
    if all(moves) or not gradients:
        return list(gradients)
    mask = torch.tensor(moves, device=gradients[0].device)[:, None, None, None]
    return [torch.where(mask, gradient, 0) for gradient in gradients]


def normalize_in_place(noises: Sequence[Tensor], running: Tensor, moves: Sequence[bool]) -> None:
    """Normalize the maps of problems that run, [B] bool, and whose phase moves them."""
    moving = running if all(moves) else running & torch.tensor(moves, device=running.device)
    for noise in noises:
        noise.data = torch.where(moving[:, None, None, None], normalize(noise.data), noise.data)


def normalize(noise: Tensor) -> Tensor:
    """Shift each map to mean 0 and scale it to mean square 1 (Karras et al. 2020, appendix D)."""
    noise = noise - noise.mean(dim=(1, 2, 3), keepdim=True)
    return noise * noise.square().mean(dim=(1, 2, 3), keepdim=True).rsqrt()
