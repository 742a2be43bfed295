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
    """B problems' schedules: step -> [B], all computed beforehand."""

    def __init__(self, settings: Sequence[Hyperparameters], device: torch.device, dtype: torch.dtype) -> None:
        def column(name: str) -> Tensor:
            return torch.tensor([float(getattr(s, name)) for s in settings], dtype=dtype)

        t = torch.arange(max(s.steps for s in settings), dtype=dtype)[:, None] / column("steps")  # [steps, B]
        falling = ((1 - t) / column("ramp_down").clamp(min=1e-9)).clamp(0, 1)
        falling = 0.5 - 0.5 * torch.cos(falling * math.pi)
        rising = (t / column("ramp_up").clamp(min=1e-9)).clamp(max=1)
        rates = torch.where(t < 1, column("learning_rate") * falling * rising, 0)
        jitter = column("jitter") * (1 - t / column("jitter_until")).clamp(min=0).square()
        self._rates, self._jitter = rates.to(device), jitter.to(device)  # [steps, B]

    def learning_rate(self, step: int) -> Tensor:
        """Rises linearly over the first `ramp_up`, falls along a half cosine over the last `ramp_down`. [B].

        0 where a problem's steps are over.
        """
        return self._rates[step]

    def jitter(self, step: int) -> Tensor:
        """In units of w_std: falls quadratically to zero at `jitter_until`. [B]."""
        return self._jitter[step]
