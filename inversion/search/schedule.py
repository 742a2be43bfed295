"""Learning rate, jitter and phase over the course of an optimization, one value per problem.

Source of both curves: NVlabs/stylegan2-ada-pytorch, projector.py (the schedule of Karras et al. 2020, appendix D).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass

import torch
from torch import Tensor

from inversion.search.hyperparameters import Hyperparameters, Phase


@dataclass(frozen=True)
class Moment:
    """What the schedules of B problems say about one step."""

    learning_rate: Tensor  # [B]
    jitter: Tensor  # [B], in units of w_std
    phases: list[Phase]  # B
    begins: list[int]  # rows whose phase begins here

    @property
    def spaces(self) -> list[str]:
        return [phase.space for phase in self.phases]

    @property
    def coarse(self) -> list[bool]:
        return [phase.coarse for phase in self.phases]

    @property
    def moves_noise(self) -> list[bool]:
        return [bool(phase.optimize_noise) for phase in self.phases]


class Schedule:
    """B problems' schedules, all computed beforehand. A problem's clock says at which of its steps it is."""

    def __init__(self, settings: Sequence[Hyperparameters], device: torch.device, dtype: torch.dtype) -> None:
        def column(name: str) -> Tensor:
            return torch.tensor([float(getattr(s, name)) for s in settings], dtype=dtype)

        self.settings = settings
        self.courses = [s.course for s in settings]
        steps = torch.arange(max(s.steps for s in settings))
        t = steps.to(dtype)[:, None] / column("steps")  # [steps, B]
        falling = ((1 - t) / column("ramp_down").clamp(min=1e-9)).clamp(0, 1)
        falling = 0.5 - 0.5 * torch.cos(falling * math.pi)
        ramp_up = column("ramp_up")
        rising = torch.where(ramp_up > 0, (t / ramp_up.clamp(min=1e-9)).clamp(max=1), 1)
        peaks = torch.zeros_like(t)
        for row, course in enumerate(self.courses):
            for begin, phase in course:
                peaks[begin : settings[row].steps, row] = phase.learning_rate or 0
        jitter = column("jitter") * (1 - t / column("jitter_until")).clamp(min=0).square()
        self._rates, self._jitter = (peaks * falling * rising).to(device), jitter.to(device)  # [steps, B]

    def select(self, rows: Sequence[int]) -> Schedule:
        """Those of some of the problems."""
        chosen = copy(self)
        chosen.settings = [self.settings[row] for row in rows]
        chosen.courses = [self.courses[row] for row in rows]
        chosen._rates, chosen._jitter = self._rates[:, rows], self._jitter[:, rows]
        return chosen

    def at(self, clocks: Sequence[int]) -> Moment:
        """The learning rate rises linearly over the first `ramp_up` and falls along a half cosine over `ramp_down`.

        The jitter falls quadratically to zero at `jitter_until`. clocks: [B], each below its problem's steps.
        """
        begun = [
            [entry for entry in course if entry[0] <= clock][-1]
            for course, clock in zip(self.courses, clocks, strict=True)
        ]
        return Moment(
            self._row(self._rates, clocks),
            self._row(self._jitter, clocks),
            phases=[phase for _, phase in begun],
            begins=[row for row, (begin, _) in enumerate(begun) if begin == clocks[row]],
        )

    def after(self, clocks: Sequence[int], converged: Sequence[int]) -> list[int]:
        """Where the problems' clocks go next: on by one, or for these rows, whose loss no longer falls, further."""
        return [self._leap(row, clock) if row in converged else clock + 1 for row, clock in enumerate(clocks)]

    def _leap(self, row: int, clock: int) -> int:
        """To the next phase, or in the last one to where the learning rate begins to fall."""
        s = self.settings[row]
        later = [begin for begin, _ in self.courses[row] if begin > clock]
        return min(later, default=max(clock + 1, math.ceil(s.steps * (1 - s.ramp_down))))

    @staticmethod
    def _row(table: Tensor, clocks: Sequence[int]) -> Tensor:
        if len(set(clocks)) == 1:
            return table[clocks[0]]
        return table[
            torch.tensor(clocks, device=table.device), torch.arange(len(clocks), device=table.device)
        ]
