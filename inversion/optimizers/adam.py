"""Adam with one learning rate per problem, so that problems with different schedules share a batch."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


class Adam:
    """Kingma & Ba 2015, algorithm 1, over tensors [B, ...]; a problem with learning rate 0 does not move.

    All variables of a problem are one row of the two moment estimates, so that the number of operations in a step
    does not grow with the number of variables.
    """

    takes_all_gradients = False  # those of steps at learning rate 0 are left out; see torch_adam.py

    def __init__(
        self, variables: Sequence[Tensor], betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8
    ) -> None:
        self.variables = list(variables)
        self.betas = betas
        self.eps = eps
        self.step_counts = [0] * len(self.variables[0])
        # First and second moment estimates of the gradient, [B, N].
        self.mean = torch.zeros_like(torch.cat([v.detach().flatten(1) for v in self.variables], dim=1))
        self.square = torch.zeros_like(self.mean)

    def select(self, rows: Sequence[int], variables: Sequence[Tensor]) -> Adam:
        """The optimizer for some of the problems, with their moments; variables: theirs, [len(rows), ...]."""
        selected = type(self)(variables, self.betas, self.eps)
        selected.step_counts = [self.step_counts[row] for row in rows]
        selected.mean, selected.square = self.mean[rows], self.square[rows]
        return selected

    def restart(self, rows: Sequence[int]) -> None:
        """Set the moments of these problems to 0: in their next phase gradients are of another kind."""
        for row in rows:
            self.step_counts[row] = 0
            self.mean[row].zero_()
            self.square[row].zero_()

    @torch.no_grad()
    def step(self, gradients: Sequence[Tensor], learning_rate: Tensor) -> None:
        """gradients: as the variables. learning_rate: [B]; where it is 0, the gradient may be NaN."""
        self.step_counts = [count + 1 for count in self.step_counts]
        beta1, beta2 = self.betas
        correction1, correction2 = self._bias_correction(beta1), self._bias_correction(beta2)
        rate = learning_rate[:, None]
        gradient = torch.cat([g.flatten(1) for g in gradients], dim=1)
        if not self.takes_all_gradients:
            gradient = torch.where(rate > 0, gradient, 0)
        self.mean.lerp_(gradient, 1 - beta1)
        self.square.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
        denominator = (self.square / correction2).sqrt_().add_(self.eps)
        change = (rate / correction1 * self.mean).div_(denominator)
        if self.takes_all_gradients:  # a problem whose loss is not finite may have moments of NaN
            change = torch.where(rate > 0, change, 0)
        sizes = [variable[0].numel() for variable in self.variables]
        for variable, part in zip(self.variables, change.split(sizes, dim=1), strict=True):
            variable.sub_(part.reshape(variable.shape))

    def _bias_correction(self, beta: float) -> float | Tensor:
        """1 - beta^t: one number where all problems have taken the same number of steps t, else [B, 1]."""
        corrections = [1 - beta**count for count in self.step_counts]
        return corrections[0] if len(set(corrections)) == 1 else self.mean.new_tensor(corrections)[:, None]
