from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from inversion.degradations.downsample import METHODS, Downsample, resampling
from inversion.errors import ConfigError


def photos(side: int = 32) -> Tensor:
    rng = torch.Generator().manual_seed(0)
    coarse = torch.rand(2, 3, 8, 8, generator=rng, dtype=torch.float64) - 0.5
    return torch.nn.functional.interpolate(coarse, size=(side, side), mode="bilinear")


@pytest.mark.parametrize("method", METHODS)
def test_constant_images_are_kept(method: str) -> None:
    x = torch.full((1, 3, 30, 30), 0.3, dtype=torch.float64)
    torch.testing.assert_close(Downsample(4, method)(x), x, rtol=0, atol=1e-6)


def test_area_is_the_average_of_the_pixels_underneath() -> None:
    x = photos()
    matrix = resampling(32, 8, "area").to(x)
    small = matrix @ x @ matrix.mT
    torch.testing.assert_close(small, torch.nn.functional.avg_pool2d(x, 4), rtol=0, atol=1e-7)


@pytest.mark.parametrize("factor", [2, 4, 8])
def test_bicubic_is_pillows(factor: int) -> None:
    plane = photos()[0, 0].float()
    pillow = Image.fromarray(plane.numpy()).resize((32 // factor,) * 2, Image.Resampling.BICUBIC)
    pillow = pillow.resize((32, 32), Image.Resampling.BICUBIC)
    ours = Downsample(factor, "bicubic")(photos())[0, 0]
    np.testing.assert_allclose(ours, np.asarray(pillow), atol=2e-6)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("factor", [2, 3, 8, 32])
def test_a_consistent_image_is_exactly_the_photo_when_shrunk(method: str, factor: int) -> None:
    operator, truth, restored = Downsample(factor, method), photos(), photos().flip(0) * 0.7
    observed = operator(truth)
    again = operator(operator.consistent(restored, observed))
    torch.testing.assert_close(again, observed, rtol=0, atol=1e-6)


def test_consistency_does_not_blow_up_rounding() -> None:
    for factor in (2, 4, 8):
        operator, truth = Downsample(factor), photos()
        rounded = (operator(truth) * 127.5).round() / 127.5
        change = operator.consistent(truth, rounded) - truth
        assert change.square().mean().sqrt() < 1 / 127.5


@pytest.mark.parametrize("settings", [{"factor": 1}, {"factor": 64}, {"factor": 0}, {"method": "lanczos"}])
def test_impossible_settings_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"degradation\.\w+ must be .* Got"):
        Downsample(**settings).bind(photos(), False)
