"""Our Adam is torch's Adam, except that each problem has its own learning rate."""

from __future__ import annotations

import pytest
import torch

from inversion.optimizers.adam import Adam
from inversion.optimizers.torch_adam import TorchAdam
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


def test_torch_adam_is_torchs_with_a_rate_that_rises_from_zero() -> None:
    rng = torch.Generator().manual_seed(0)
    ours = torch.randn(1, 3, 4, generator=rng, dtype=torch.float64)
    theirs = ours.clone().requires_grad_(True)
    adam, reference = TorchAdam([ours]), torch.optim.Adam([theirs])
    for step in range(5):
        gradient = torch.randn(1, 3, 4, generator=rng, dtype=torch.float64)
        reference.param_groups[0]["lr"] = 0.1 * step
        theirs.grad = gradient
        reference.step()
        adam.step([gradient], torch.tensor([0.1 * step], dtype=torch.float64))
    torch.testing.assert_close(ours, theirs.detach(), **TOLERANCE[torch.float64])


@pytest.mark.parametrize("kind", [Adam, TorchAdam])
def test_a_problem_with_learning_rate_zero_stands_still_even_when_its_gradient_is_nan(
    kind: type[Adam],
) -> None:
    variable = torch.ones(2, 3)
    gradient = torch.ones(2, 3)
    gradient[0] = torch.nan
    kind([variable]).step([gradient], torch.tensor([0.0, 0.1]))
    assert torch.equal(variable[0], torch.ones(3))
    assert (variable[1] < 1).all()
