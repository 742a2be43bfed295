from __future__ import annotations

import math

import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio

from inversion.errors import ConfigError
from inversion.metrics.psnr import psnr


def test_agrees_with_scikit_image() -> None:
    rng = torch.Generator().manual_seed(0)
    a = torch.rand(4, 3, 16, 20, generator=rng) * 2 - 1
    b = (a + 0.3 * torch.randn(a.shape, generator=rng)).clamp(-1, 1)
    expected = [
        peak_signal_noise_ratio(x.numpy(), y.numpy(), data_range=2) for x, y in zip(a, b, strict=True)
    ]
    assert psnr(a, b).tolist() == pytest.approx(expected, abs=2e-4)


def test_opposite_images_are_at_0_db_and_equal_ones_at_infinity() -> None:
    white = torch.ones(1, 3, 4, 4)
    assert psnr(white, -white).tolist() == [0]
    assert psnr(white, white).tolist() == [math.inf]


def test_falls_as_noise_grows() -> None:
    a = torch.zeros(1, 3, 32, 32)
    noise = torch.randn(a.shape, generator=torch.Generator().manual_seed(0)) * 0.1
    values = [psnr(a, a + k * noise).item() for k in (0.5, 1, 2, 4)]
    assert values == sorted(values, reverse=True)


def test_no_pair_changes_its_neighbours_value() -> None:
    a, b = torch.rand(2, 4, 3, 8, 8, dtype=torch.float64).unbind()
    torch.testing.assert_close(psnr(a, b)[2:3], psnr(a[2:3], b[2:3]), rtol=1e-10, atol=1e-10)


def test_what_no_file_can_show_is_not_counted() -> None:
    a, b = torch.ones(1, 3, 4, 4), -torch.ones(1, 3, 4, 4)
    assert psnr(3 * a, b).tolist() == [0]


def test_unlike_shapes_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"\[1, 3, 4, 4\] and \[2, 3, 4, 4\]"):
        psnr(torch.zeros(1, 3, 4, 4), torch.zeros(2, 3, 4, 4))
