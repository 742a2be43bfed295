"""The prior `distance`: how far codes are from the mean face."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from torch import Tensor

from inversion.priors.prior import Prior

if TYPE_CHECKING:
    from inversion.model import Model


def distance_to_mean(model: Model) -> Prior:
    """`latent_distance` in this model's units."""
    return partial(latent_distance, w_avg=model.w_avg, w_variance=model.w_std**2)


def latent_distance(ws: Tensor, w_avg: Tensor, w_variance: float | Tensor) -> Tensor:
    """Mean squared distance to w_avg, 1.0 = a typical random face on any checkpoint: [B].

    ws: [B, num_ws, (channels,) w_dim]; w_avg: [w_dim]; the mean is over codes, the squares are summed over w_dim.
    w_variance: w_std², the mean squared distance of random w's to w_avg, summed over w_dim, above 0.

    `reg` times this, with one code for all layers, is a times |w - w_avg|² with a = reg / w_std², and b times the mean
    of (w - w_avg)² over w_dim with b = reg * w_dim / w_std²: docs/published_nets.md.
    """
    return (ws - w_avg).square().sum(dim=-1).flatten(1).mean(dim=1) / w_variance
