"""When to stop a phase: its loss, on a log scale, no longer falls."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from inversion.search.hyperparameters import Hyperparameters

WINDOW = 50  # steps whose mean log-loss is compared with that of as many before
CHECK_EVERY = 25  # steps between looks at the losses, each of which waits for the device
GAIN = 0.02  # a fall of less than this fraction in WINDOW steps is none


class Convergence:
    """Counts the steps of each problem's phases, and looks at the latest losses where `early_stop` asks for it."""

    def __init__(self, settings: Sequence[Hyperparameters], device: torch.device) -> None:
        self.early_stop = [s.early_stop for s in settings]
        self.losses = torch.ones([2 * WINDOW, len(settings)], device=device)
        # per problem, the steps of each phase so far
        self.phase_steps: list[list[int]] = [[] for _ in settings]

    def begin(self, problems: Sequence[int]) -> None:
        """Another phase of theirs begins: what came before says nothing about it."""
        for problem in problems:
            self.phase_steps[problem].append(0)

    def watch(
        self, number: int, problems: Sequence[int], rows: Tensor, terms: Mapping[str, Tensor]
    ) -> list[int]:
        """Count a step, whose loss terms are [B] each; which rows have converged, asked every CHECK_EVERY steps.

        The noise maps' term does not count: it says nothing about the image.
        """
        for problem in problems:
            self.phase_steps[problem][-1] += 1
        if not any(self.early_stop):
            return []
        telling = torch.stack([term.detach() for name, term in terms.items() if name != "noise"])
        self.losses[number % (2 * WINDOW), rows] = telling.sum(dim=0).to(self.losses)
        if (number + 1) % CHECK_EVERY:
            return []
        ordered = self.losses.roll(-(number + 1) % (2 * WINDOW), dims=0).log().cpu()  # oldest first
        fall = ordered[:WINDOW].mean(dim=0) - ordered[WINDOW:].mean(dim=0)
        return [row for row, problem in enumerate(problems) if self._is_level(problem, fall[problem].item())]

    def _is_level(self, problem: int, fall: float) -> bool:
        long_enough = self.phase_steps[problem][-1] >= 2 * WINDOW
        return self.early_stop[problem] and long_enough and fall < -math.log1p(-GAIN)
