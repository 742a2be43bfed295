from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from inversion.fullsize.resampling import lanczos, noise_gain, resized
from tests.conftest import TOLERANCE


@pytest.mark.parametrize(("before", "after"), [(16, 64), (64, 16), (50, 17), (17, 50)])
def test_it_is_pillows_lanczos(before: int, after: int) -> None:
    picture = torch.rand(1, 1, before, before, generator=torch.Generator().manual_seed(0))
    pillow = Image.fromarray(picture[0, 0].numpy(), mode=None).resize(
        (after, after), Image.Resampling.LANCZOS
    )
    expected = torch.from_numpy(np.array(pillow))[None, None]
    torch.testing.assert_close(resized(picture, after), expected, **TOLERANCE[torch.float32])


def test_a_constant_stays_and_the_same_size_is_the_same_picture() -> None:
    torch.testing.assert_close(lanczos(7, 30).sum(dim=1), torch.ones(30, dtype=torch.float64))
    x = torch.rand(1, 3, 8, 8)
    assert resized(x, 8) is x


def test_enlarged_and_brought_down_again_is_nearly_the_same() -> None:
    smooth = torch.nn.functional.interpolate(torch.rand(1, 3, 4, 4), size=(32, 32), mode="bicubic")
    torch.testing.assert_close(resized(resized(smooth, 100), 32), smooth, rtol=0, atol=5e-3)


def test_noise_is_averaged_as_predicted() -> None:
    noise = torch.randn(1, 3, 512, 512, generator=torch.Generator().manual_seed(0))
    assert resized(noise, 128).std().item() == pytest.approx(noise_gain(4.0), rel=0.02)
