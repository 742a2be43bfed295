"""Our Adam is torch's Adam, except that each problem has its own learning rate."""

from __future__ import annotations

import torch

from inversion.optimizers.adam import Adam
from tests.conftest import TOLERANCE


def test_equals_torch_adam_with_a_changing_learning_rate() -> None:
    rng = torch.Generator().manual_seed(0)
    ours = torch.randn(1, 3, 4, generator=rng, dtype=torch.float64)
    theirs = ours.clone().requires_grad_(True)
    adam, reference = Adam([ours]), torch.optim.Adam([theirs])
    for step in range(20):
        gradient = torch.randn(1, 3, 4, generator=rng, dtype=torch.float64)
        reference.param_groups[0]["lr"] = 0.1 / (1 + step)
        theirs.grad = gradient
        reference.step()
        adam.step([gradient], torch.tensor([0.1 / (1 + step)], dtype=torch.float64))
    torch.testing.assert_close(ours, theirs.detach(), **TOLERANCE[torch.float64])
