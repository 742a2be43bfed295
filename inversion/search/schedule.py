"""Learning rate, jitter and phase of each step, one value per problem.

Source of both curves: NVlabs/stylegan2-ada-pytorch, projector.py (the schedule of Karras et al. 2020, appendix D).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass

import torch
from torch import Tensor

from inversion.latents.space import LatentSpace
from inversion.search.families import latent_space
from inversion.search.hyperparameters import Hyperparameters, Phase


@dataclass(frozen=True)
class ScheduleStep:
    """What the schedules of B problems say about one step."""

    learning_rate: Tensor  # [B]
    jitter: Tensor  # [B], in units of w_std
    phases: list[Phase]  # B
    starting: list[int]  # rows whose phase starts with this step

    @property
    def spaces(self) -> list[LatentSpace]:
        return [latent_space(phase.space) for phase in self.phases]

    @property
    def coarse(self) -> list[bool]:
        return [phase.coarse for phase in self.phases]

    @property
    def optimize_noise(self) -> list[bool]:
        return [bool(phase.optimize_noise) for phase in self.phases]


class Schedule:
    """B problems' schedules, computed beforehand. A problem's step index, from 0, says which of its steps is next."""

    def __init__(
        self, hyperparameters: Sequence[Hyperparameters], device: torch.device, dtype: torch.dtype
    ) -> None:
        def column(name: str) -> Tensor:
            return torch.tensor([float(getattr(h, name)) for h in hyperparameters], dtype=dtype)

        self.hyperparameters = list(hyperparameters)
        self.phase_schedules = [h.phase_schedule for h in hyperparameters]
        steps = torch.arange(max(h.steps for h in hyperparameters))
        t = steps.to(dtype)[:, None] / column("steps")  # [steps, B]
        falling = ((1 - t) / column("ramp_down").clamp(min=1e-9)).clamp(0, 1)
        falling = 0.5 - 0.5 * torch.cos(falling * math.pi)
        ramp_up = column("ramp_up")
        rising = torch.where(ramp_up > 0, (t / ramp_up.clamp(min=1e-9)).clamp(max=1), 1)
        peaks = torch.zeros_like(t)
        for row, phase_schedule in enumerate(self.phase_schedules):
            for start, phase in phase_schedule:
                peaks[start : hyperparameters[row].steps, row] = phase.learning_rate or 0
        jitter = column("jitter") * (1 - t / column("jitter_until")).clamp(min=0).square()
        self._rates, self._jitter = (peaks * falling * rising).to(device), jitter.to(device)  # [steps, B]

    def select(self, rows: Sequence[int]) -> Schedule:
        """The schedules of some of the problems."""
        selected = copy(self)
        selected.hyperparameters = [self.hyperparameters[row] for row in rows]
        selected.phase_schedules = [self.phase_schedules[row] for row in rows]
        selected._rates, selected._jitter = self._rates[:, rows], self._jitter[:, rows]
        return selected

    def at(self, step_indices: Sequence[int]) -> ScheduleStep:
        """The learning rate rises linearly over the first `ramp_up` and falls along a half cosine over `ramp_down`.

        The jitter falls quadratically to zero at `jitter_until`. step_indices: [B], each below its problem's steps.
        """
        current = [
            [entry for entry in phase_schedule if entry[0] <= index][-1]
            for phase_schedule, index in zip(self.phase_schedules, step_indices, strict=True)
        ]
        return ScheduleStep(
            self._row(self._rates, step_indices),
            self._row(self._jitter, step_indices),
            phases=[phase for _, phase in current],
            starting=[row for row, (start, _) in enumerate(current) if start == step_indices[row]],
        )

    def next_indices(self, step_indices: Sequence[int], converged: Sequence[int]) -> list[int]:
        """The index of each problem's next step; rows in `converged`, whose loss no longer falls, skip steps."""
        return [
            self._skip(row, index) if row in converged else index + 1
            for row, index in enumerate(step_indices)
        ]

    def _skip(self, row: int, index: int) -> int:
        """To the start of the next phase, or in the last phase to where the learning rate starts to fall."""
        h = self.hyperparameters[row]
        later = [start for start, _ in self.phase_schedules[row] if start > index]
        return min(later, default=max(index + 1, math.ceil(h.steps * (1 - h.ramp_down))))

    @staticmethod
    def _row(table: Tensor, step_indices: Sequence[int]) -> Tensor:
        """One value per problem, each at its own step index: [steps, B] -> [B]."""
        if len(set(step_indices)) == 1:
            return table[step_indices[0]]
        columns = torch.arange(len(step_indices), device=table.device)
        return table[torch.tensor(step_indices, device=table.device), columns]
