"""Adam with one learning rate per problem, so that problems with different schedules share a batch."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


class Adam:
    """Kingma & Ba 2015, algorithm 1, over tensors [B, ...]; a problem with learning rate 0 stands still."""

    def __init__(
        self, variables: Sequence[Tensor], betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8
    ) -> None:
        self.variables = list(variables)
        self.betas = betas
        self.eps = eps
        self.step_count = 0
        self.means = [torch.zeros_like(v) for v in variables]
        self.squares = [torch.zeros_like(v) for v in variables]

    def select(self, rows: Sequence[int], variables: Sequence[Tensor]) -> Adam:
        """Go on with some of the problems; variables: theirs, [len(rows), ...]."""
        chosen = Adam(variables, self.betas, self.eps)
        chosen.step_count = self.step_count
        chosen.means = [mean[rows] for mean in self.means]
        chosen.squares = [square[rows] for square in self.squares]
        return chosen

    @torch.no_grad()
    def step(self, gradients: Sequence[Tensor], learning_rate: Tensor) -> None:
        """learning_rate: [B]. Gradients of problems that stand still may be NaN."""
        self.step_count += 1
        beta1, beta2 = self.betas
        correction1, correction2 = 1 - beta1**self.step_count, 1 - beta2**self.step_count
        for variable, gradient, mean, square in zip(
            self.variables, gradients, self.means, self.squares, strict=True
        ):
            rate = learning_rate.reshape(-1, *[1] * (variable.ndim - 1))
            gradient = torch.where(rate > 0, gradient, 0)
            mean.lerp_(gradient, 1 - beta1)
            square.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
            denominator = (square / correction2).sqrt_().add_(self.eps)
            variable.sub_(rate / correction1 * mean / denominator)
