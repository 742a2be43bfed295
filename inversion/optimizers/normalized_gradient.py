"""Gradient descent in steps of a given length, so that one learning rate suits every loss and degradation."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


class NormalizedGradient:
    """x -= learning rate * g / |g|, where |g| is over the last dimension: of each code, and of each noise map's row.

    Poirier-Ginter & Lalonde 2023, Robust Unsupervised StyleGAN Image Restoration, section 3.3. It has no state.
    """

    def __init__(self, variables: Sequence[Tensor]) -> None:
        self.variables = list(variables)

    def select(self, rows: Sequence[int], variables: Sequence[Tensor]) -> NormalizedGradient:
        """The optimizer for some of the problems; variables: theirs, [len(rows), ...]."""
        return NormalizedGradient(variables)

    def restart(self, rows: Sequence[int]) -> None:
        """No state to clear."""

    @torch.no_grad()
    def step(self, gradients: Sequence[Tensor], learning_rate: Tensor) -> None:
        """learning_rate: [B]; where it is 0, the gradient may be NaN. A gradient of 0 moves nothing."""
        for variable, gradient in zip(self.variables, gradients, strict=True):
            rate = learning_rate.reshape(-1, *[1] * (gradient.ndim - 1))
            length = torch.linalg.vector_norm(gradient, dim=-1, keepdim=True)
            moves = (rate > 0) & (length > 0)
            variable.sub_(torch.where(moves, rate * gradient / length, 0))
