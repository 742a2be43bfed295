"""Learning rate and jitter over the course of an optimization, one value per problem.

Source: NVlabs/stylegan2-ada-pytorch, projector.py (the schedule of Karras et al. 2020, appendix D).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from inversion.hyperparameters import Hyperparameters


class Schedule:
    """B problems' schedules: step -> [B]. A problem whose steps are over has learning rate 0."""

    def __init__(self, settings: Sequence[Hyperparameters], device: torch.device, dtype: torch.dtype) -> None:
        def column(name: str) -> Tensor:
            return torch.tensor([float(getattr(s, name)) for s in settings], device=device, dtype=dtype)

        self.steps = column("steps")
        self.peak = column("learning_rate")
        self.ramp_up = column("ramp_up").clamp(min=1e-9)
        self.ramp_down = column("ramp_down").clamp(min=1e-9)
        self.initial_jitter = column("jitter")
        self.jitter_until = column("jitter_until")

    def learning_rate(self, step: int) -> Tensor:
        """Rises linearly over the first `ramp_up`, falls along a half cosine over the last `ramp_down`. [B]."""
        t = step / self.steps
        falling = ((1 - t) / self.ramp_down).clamp(0, 1)
        falling = 0.5 - 0.5 * torch.cos(falling * math.pi)
        rising = (t / self.ramp_up).clamp(max=1)
        return torch.where(t < 1, self.peak * falling * rising, 0)

    def jitter(self, step: int) -> Tensor:
        """In units of w_std: falls quadratically to zero at `jitter_until`. [B]."""
        t = step / self.steps
        return self.initial_jitter * (1 - t / self.jitter_until).clamp(min=0).square()
