"""The built-in latent spaces: one code for all layers (w), one per layer (w+), one per channel of each layer (w++).

W+: Abdal et al. 2019, Image2StyleGAN. W++: Poirier-Ginter & Lalonde 2023, Robust Unsupervised StyleGAN Image
Restoration, section 3.2: each channel's style has a code of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from inversion.latents.space import LatentSpace


class W(LatentSpace):
    """One code for all layers."""

    def sum_tied_gradients(self, gradient: Tensor) -> Tensor:
        return gradient.sum(tuple(range(1, gradient.ndim - 1)), keepdim=True).expand_as(gradient)

    def share_jitter(self, draws: Tensor) -> Tensor:
        return draws[:, :1].expand_as(draws)


class WPlus(LatentSpace):
    """One code per layer. Where another phase of the search has codes per channel, a layer's are tied."""

    def sum_tied_gradients(self, gradient: Tensor) -> Tensor:
        return gradient if gradient.ndim == 3 else gradient.sum(2, keepdim=True).expand_as(gradient)


class WPlusPlus(LatentSpace):
    """One code per channel of each layer."""

    per_channel = True


def expand_codes(codes: Tensor, num_ws: int, used: Tensor | None) -> Tensor:
    """Repeat codes for every layer (and channel): [B, w_dim] or [B, num_ws, w_dim] -> [B, num_ws, (channels,) w_dim].

    used: as `used_channels` returns it where the network gets a code per channel, else None. Returns a copy.
    """
    codes = codes if codes.ndim == 3 else codes[:, None].expand(-1, num_ws, -1)
    if used is not None:
        codes = codes[:, :, None].expand(-1, -1, used.shape[1], -1)
    return codes.clone()


def per_code(draws: Tensor, latent: Tensor) -> Tensor:
    """Numbers per layer, [B, num_ws, w_dim], in a shape that broadcasts over the latent's channels."""
    return draws if latent.ndim == 3 else draws[:, :, None]


def used_channels(channels: Sequence[int]) -> Tensor:
    """Which codes per channel the network reads, [num_ws, largest number of channels] bool; channels: per layer."""
    return torch.arange(max(channels)) < torch.tensor(channels)[:, None]


def fill_unused(ws: Tensor, used: Tensor | None) -> Tensor:
    """Replace codes that no channel reads by the mean of their layer's others: so they change no average over codes.

    ws: [B, num_ws, channels, w_dim]. used: as `used_channels` returns it; None = returned unchanged.
    """
    if used is None:
        return ws
    mask = used[:, :, None].to(ws.device)
    mean = (ws * mask).sum(dim=2, keepdim=True) / mask.sum(dim=1, keepdim=True)
    return torch.where(mask, ws, mean)


def per_layer(ws: Tensor) -> Tensor:
    """One code per layer, as other tools read them: codes per channel are averaged over each layer's channels.

    ws: [B, num_ws, (channels,) w_dim], unused ones filled. Returns [B, num_ws, w_dim].
    """
    return ws if ws.ndim == 3 else ws.mean(dim=2)
