from __future__ import annotations

import pytest
import torch

from inversion.errors import ConfigError
from inversion.losses.absolute import AbsoluteLoss


def test_it_is_the_weighted_mean_difference_of_each_problem() -> None:
    a = torch.zeros(2, 3, 16, 16)
    b = torch.stack([torch.full([3, 16, 16], 0.5), torch.zeros(3, 16, 16)])
    loss = AbsoluteLoss(0.1)
    torch.testing.assert_close(loss(loss.features(a), loss.features(b)), torch.tensor([0.05, 0.0]))


@pytest.mark.parametrize("weight", [-1.0, float("nan"), float("inf")])
def test_impossible_weights_are_refused(weight: float) -> None:
    with pytest.raises(ConfigError, match="loss.l1 must be .* Got"):
        AbsoluteLoss(weight)
