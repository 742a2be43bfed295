"""Where the latent lives: one code for all layers (W) or one per layer (W+, Abdal et al. 2019, Image2StyleGAN)."""

from __future__ import annotations

from torch import Tensor


def start(space: str, w_avg: Tensor, num_ws: int, batch: int) -> Tensor:
    """The mean face B times: [B, 1, w_dim] in W, [B, num_ws, w_dim] in W+. w_avg: [w_dim]."""
    codes = 1 if space == "w" else num_ws
    return w_avg.expand(batch, codes, -1).clone()


def to_ws(latent: Tensor, num_ws: int) -> Tensor:
    """Give every synthesis layer its code: [B, 1 or num_ws, w_dim] -> [B, num_ws, w_dim]."""
    return latent.expand(-1, num_ws, -1)
