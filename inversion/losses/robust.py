"""Robust data term: pixels that the search cannot explain, such as dust that nobody has marked, count for less."""

from __future__ import annotations

import torch
from torch import Tensor

from inversion.deviation import deviation

LEAST = 2 / 255  # of [-1, 1], one level of 8 bits: residuals are not known better


def reweighted(prediction: Tensor, target: Tensor, robust: float) -> Tensor:
    """The prediction, its residual r divided at each pixel by sqrt(1 + (r / (robust sigma))²): [B, 3, H, W].

    A squared difference of the result has the gradient of Cauchy's estimator, r / (1 + (r / (robust sigma))²): a
    residual within a few sigma counts as before, a larger one the less the larger it is. Features, too, see such a
    pixel nearly as the target has it: any loss becomes robust, and no network is run a second time.

    prediction, target: [B, 3, H, W]. robust: in standard deviations; 2.385 is 95 % efficient for normal residuals.
    sigma: of each problem's own residuals, anew at each step, by their median; equal pixels, as of a mask, say nothing
    of it. The weights are constants of a step: iteratively reweighted least squares (Holland & Welsch 1977, Robust
    regression using iteratively reweighted least-squares, table 1).
    """
    residual = prediction - target
    return target + weights(residual, robust).sqrt() * residual


@torch.no_grad()
def weights(residual: Tensor, robust: float) -> Tensor:
    """Cauchy's, 1 / (1 + (r / (robust sigma))²), one of the three channels: [B, 3, H, W] -> [B, 1, H, W] in 0..1."""
    size = residual.square().mean(dim=1, keepdim=True).sqrt()
    known = torch.where(size > 0, size, torch.nan).flatten(1)
    sigma = deviation(known).clamp(min=LEAST)
    return 1 / (1 + (size / (robust * sigma[:, None, None, None])).square())
