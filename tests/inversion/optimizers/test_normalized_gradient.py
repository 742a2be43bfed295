from __future__ import annotations

import torch

from inversion.optimizers.normalized_gradient import NormalizedGradient


def test_each_code_moves_by_the_learning_rate_along_its_gradient_however_long_that_is() -> None:
    codes = torch.zeros(2, 3, 4, dtype=torch.float64)
    gradient = torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    NormalizedGradient([codes]).step([1e6 * gradient], torch.tensor([0.1, 0.02], dtype=torch.float64))
    lengths = codes.norm(dim=-1)
    torch.testing.assert_close(lengths, torch.tensor([[0.1], [0.02]], dtype=torch.float64).expand(2, 3))
    torch.testing.assert_close(codes / lengths[..., None], -gradient / gradient.norm(dim=-1, keepdim=True))


def test_nothing_moves_without_a_gradient_or_a_learning_rate() -> None:
    codes = torch.ones(2, 3)
    gradient = torch.tensor([[torch.nan] * 3, [0.0] * 3])
    NormalizedGradient([codes]).step([gradient], torch.tensor([0.0, 0.1]))
    assert torch.equal(codes, torch.ones(2, 3))
