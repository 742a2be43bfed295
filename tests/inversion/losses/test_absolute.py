from __future__ import annotations

import torch

from inversion.losses.absolute import AbsoluteLoss


def test_it_is_the_weighted_mean_difference_of_each_problem() -> None:
    a = torch.zeros(2, 3, 16, 16)
    b = torch.stack([torch.full([3, 16, 16], 0.5), torch.zeros(3, 16, 16)])
    loss = AbsoluteLoss(0.1)
    torch.testing.assert_close(loss(loss.features(a), loss.features(b)), torch.tensor([0.05, 0.0]))
