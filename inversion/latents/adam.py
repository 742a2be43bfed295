"""Adam with one learning rate per problem, so that problems with different schedules share a batch."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


class Adam:
    """Kingma & Ba 2015, algorithm 1, over tensors [B, ...]; a problem with learning rate 0 stands still.

    All variables of a problem are one row of the moments, so that a step is ten operations however many there are.
    """

    def __init__(
        self, variables: Sequence[Tensor], betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8
    ) -> None:
        self.variables = list(variables)
        self.betas = betas
        self.eps = eps
        self.step_count = 0
        self.mean = torch.zeros_like(
            torch.cat([v.detach().flatten(1) for v in self.variables], dim=1)
        )  # [B, N]
        self.square = torch.zeros_like(self.mean)

    def select(self, rows: Sequence[int], variables: Sequence[Tensor]) -> Adam:
        """Go on with some of the problems; variables: theirs, [len(rows), ...]."""
        chosen = Adam(variables, self.betas, self.eps)
        chosen.step_count = self.step_count
        chosen.mean, chosen.square = self.mean[rows], self.square[rows]
        return chosen

    @torch.no_grad()
    def step(self, gradients: Sequence[Tensor], learning_rate: Tensor) -> None:
        """learning_rate: [B]. Gradients of problems that stand still may be NaN."""
        self.step_count += 1
        beta1, beta2 = self.betas
        correction1, correction2 = 1 - beta1**self.step_count, 1 - beta2**self.step_count
        rate = learning_rate[:, None]
        gradient = torch.cat([g.flatten(1) for g in gradients], dim=1)
        gradient = torch.where(rate > 0, gradient, 0)
        self.mean.lerp_(gradient, 1 - beta1)
        self.square.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
        denominator = (self.square / correction2).sqrt_().add_(self.eps)
        change = (rate / correction1 * self.mean).div_(denominator)
        sizes = [variable[0].numel() for variable in self.variables]
        for variable, part in zip(self.variables, change.split(sizes, dim=1), strict=True):
            variable.sub_(part.reshape(variable.shape))
