"""When to stop a phase: its loss, on a log scale, no longer falls."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from inversion.search.hyperparameters import Hyperparameters

WINDOW = 50  # steps whose mean log-loss is compared with that of as many steps before
CHECK_EVERY = 25  # steps between checks, each of which waits for the device
LEAST_FALL = 0.02  # a phase goes on while its loss falls by at least this fraction in WINDOW steps


class Convergence:
    """Counts the steps of each problem's phases, and checks the latest losses where `early_stop` asks for it."""

    def __init__(self, hyperparameters: Sequence[Hyperparameters], device: torch.device) -> None:
        self.early_stop = [h.early_stop for h in hyperparameters]
        self.losses = torch.ones([2 * WINDOW, len(hyperparameters)], device=device)  # of the latest steps
        # per problem, the number of steps of each phase so far
        self.phase_steps: list[list[int]] = [[] for _ in hyperparameters]

    def start_phase(self, problems: Sequence[int]) -> None:
        """Count the steps of these problems' next phase from 0; losses of the phase before are not looked at."""
        for problem in problems:
            self.phase_steps[problem].append(0)

    def check(
        self, number: int, problems: Sequence[int], rows: Tensor, terms: Mapping[str, Tensor]
    ) -> list[int]:
        """Count a step; every CHECK_EVERY steps, return the rows whose loss has converged, else none.

        number: of the step. problems: which problem each row is; rows: the same as a tensor [B]. terms: [B] each; the
        noise maps' term does not count, since it says nothing about the image.
        """
        for problem in problems:
            self.phase_steps[problem][-1] += 1
        if not any(self.early_stop):
            return []
        counted = torch.stack([term.detach() for name, term in terms.items() if name != "noise"])
        self.losses[number % (2 * WINDOW), rows] = counted.sum(dim=0).to(self.losses)
        if (number + 1) % CHECK_EVERY:
            return []
        ordered = self.losses.roll(-(number + 1) % (2 * WINDOW), dims=0).log().cpu()  # oldest first
        fall = ordered[:WINDOW].mean(dim=0) - ordered[WINDOW:].mean(dim=0)
        return [row for row, problem in enumerate(problems) if self._is_level(problem, fall[problem].item())]

    def _is_level(self, problem: int, fall: float) -> bool:
        long_enough = self.phase_steps[problem][-1] >= 2 * WINDOW
        return self.early_stop[problem] and long_enough and fall < -math.log1p(-LEAST_FALL)
