"""Pixels that do not count."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from inversion.metrics.colour_error import colour_error
from inversion.metrics.psnr import psnr
from inversion.metrics.ssim import ssim


@pytest.fixture
def pair() -> tuple[Tensor, Tensor]:
    rng = torch.Generator().manual_seed(0)
    a = torch.rand(2, 3, 32, 40, generator=rng) * 2 - 1
    return a, (a + 0.3 * torch.randn(a.shape, generator=rng)).clamp(-1, 1)


@pytest.mark.parametrize("metric", [psnr, ssim, colour_error])
def test_a_part_that_does_not_count_is_as_if_it_were_cut_off(
    metric: Callable[..., Tensor], pair: tuple[Tensor, Tensor]
) -> None:
    a, b = pair
    known = torch.ones(1, 1, 32, 40)
    known[..., 25:] = 0
    torch.testing.assert_close(metric(a, b, known), metric(a[..., :25], b[..., :25]), rtol=1e-4, atol=1e-5)
    worse = torch.where(known > 0, b, -b)
    assert torch.equal(metric(a, worse, known), metric(a, b, known))
    assert not torch.equal(metric(a, worse), metric(a, b))
