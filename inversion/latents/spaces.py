"""Where the latent lives: one code for all layers (w), one per layer (w+) or one per channel of each layer (w++).

The latent always has room for the widest space of its search. In a narrower one, codes that are one move as one, so
that a problem can change its space between two steps, and problems in different spaces share a batch.

W+: Abdal et al. 2019, Image2StyleGAN. W++: Poirier-Ginter & Lalonde 2023, Robust Unsupervised StyleGAN Image
Restoration, section 3.2: each channel's style has a code of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def start(codes: Tensor, num_ws: int, used: Tensor | None) -> Tensor:
    """A first face's codes as a latent: [B, w_dim] or [B, num_ws, w_dim] -> [B, num_ws, (channels,) w_dim].

    used: [num_ws, channels], see `in_use`, for w++; None for the other spaces.
    """
    codes = codes if codes.ndim == 3 else codes[:, None].expand(-1, num_ws, -1)
    if used is not None:
        codes = codes[:, :, None].expand(-1, -1, used.shape[1], -1)
    return codes.clone()


def per_code(draws: Tensor, latent: Tensor) -> Tensor:
    """What is the same for all channels, [B, num_ws, w_dim], in a latent's shape."""
    return draws if latent.ndim == 3 else draws[:, :, None]


def in_use(channels: Sequence[int]) -> Tensor:
    """Which codes of w++ the network reads, [num_ws, widest]: layers have so many channels each."""
    return torch.arange(max(channels)) < torch.tensor(channels)[:, None]


def filled(latent: Tensor, used: Tensor | None) -> Tensor:
    """Put the mean of a layer's codes where it has no channel: so nobody who averages is misled. used: as `in_use`."""
    if used is None:
        return latent
    mask = used[:, :, None].to(latent.device)
    mean = (latent * mask).sum(dim=2, keepdim=True) / mask.sum(dim=1, keepdim=True)
    return torch.where(mask, latent, mean)


def per_layer(ws: Tensor) -> Tensor:
    """Codes as other tools know them, [B, num_ws, w_dim]: of w++, filled, the mean over each layer's channels."""
    return ws if ws.ndim == 3 else ws.mean(dim=2)


def tie(gradient: Tensor, spaces: Sequence[str]) -> Tensor:
    """Let codes that are one in a problem's space move as one: by the sum of what each of them wants.

    gradient: [B, num_ws, (channels,) w_dim]. spaces: of the B problems. The other problems' rows stay as they are.
    """
    shared = {"w": tuple(range(1, gradient.ndim - 1)), "w+": tuple(range(2, gradient.ndim - 1))}
    for space, dims in shared.items():
        if space in spaces and dims:
            tied = gradient.sum(dims, keepdim=True).expand_as(gradient)
            gradient = _rows(spaces, space, tied, gradient)
    return gradient


def jitter(draws: Tensor, spaces: Sequence[str]) -> Tensor:
    """Random codes [B, num_ws, w_dim], the same for all layers of problems in w."""
    return _rows(spaces, "w", draws[:, :1].expand_as(draws), draws)


def _rows(spaces: Sequence[str], space: str, inside: Tensor, outside: Tensor) -> Tensor:
    """The rows of the problems that are in a space from one tensor, the others from another."""
    if space not in spaces or set(spaces) == {space}:
        return inside if space in spaces else outside
    mask = torch.tensor([s == space for s in spaces], device=inside.device)
    return torch.where(mask.reshape(-1, *[1] * (inside.ndim - 1)), inside, outside)
