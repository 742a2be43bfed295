"""At which step and by which term each problem's loss first was NaN or infinite."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


class FiniteLosses:
    """Checks every step's losses on the device; only `report` waits for it."""

    def __init__(self, problems: int, device: torch.device) -> None:
        self.failed_step = torch.full([problems], -1, device=device)
        self.failed_term = torch.full([problems], -1, device=device)

    def check(self, number: int, rows: Tensor, losses: Tensor) -> Tensor:
        """[B] bool: all terms of this and every earlier step were finite. losses: [terms, B] of the problems `rows`."""
        bad = ~losses.isfinite()
        newly = bad.any(dim=0) & (self.failed_step[rows] < 0)
        self.failed_step[rows] = torch.where(newly, number, self.failed_step[rows])
        self.failed_term[rows] = torch.where(newly, bad.int().argmax(dim=0), self.failed_term[rows])
        return self.failed_step[rows] < 0

    def report(self, names: Sequence[str]) -> tuple[list[int | None], list[str | None]]:
        """Per problem the step and the term, None where every loss was finite. names: of the terms."""
        steps = [None if step < 0 else step for step in self.failed_step.tolist()]
        terms = [None if term < 0 else names[term] for term in self.failed_term.tolist()]
        return steps, terms
