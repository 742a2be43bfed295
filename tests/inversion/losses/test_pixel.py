from __future__ import annotations

import numpy as np
import torch
from skimage.metrics import mean_squared_error

from inversion.losses.pixel import PixelLoss


def test_it_is_scikit_images_mean_squared_error() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.uniform(-1, 1, (2, 3, 3, 8, 8))
    loss = PixelLoss(weight=1)
    values = loss(loss.features(torch.from_numpy(a)), loss.features(torch.from_numpy(b)))
    np.testing.assert_allclose(values, [mean_squared_error(x, y) for x, y in zip(a, b, strict=True)])


def test_black_against_white_is_four() -> None:
    white = torch.ones(1, 3, 4, 4)
    assert PixelLoss(weight=1)([white], [-white]).item() == 4
