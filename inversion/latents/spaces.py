"""Where the latent lives: one code for all layers (W) or one per layer (W+, Abdal et al. 2019, Image2StyleGAN)."""

from __future__ import annotations

from torch import Tensor


def start(space: str, w: Tensor, num_ws: int) -> Tensor:
    """One code per face as a latent of its own: [B, w_dim] -> [B, 1, w_dim] in W, [B, num_ws, w_dim] in W+."""
    codes = 1 if space == "w" else num_ws
    return w[:, None].expand(-1, codes, -1).clone()


def to_ws(latent: Tensor, num_ws: int) -> Tensor:
    """Give every synthesis layer its code: [B, 1 or num_ws, w_dim] -> [B, num_ws, w_dim]."""
    return latent.expand(-1, num_ws, -1)
