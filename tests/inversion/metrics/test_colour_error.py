from __future__ import annotations

import pytest
import torch
from skimage.color import rgb2lab

from inversion.errors import ConfigError
from inversion.metrics.colour_error import colour_error, to_lab


def test_lab_equals_scikit_images() -> None:
    rgb = torch.rand([2, 3, 8, 9], generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    theirs = torch.from_numpy(rgb2lab(rgb.permute(0, 2, 3, 1).numpy())).permute(0, 3, 1, 2)
    torch.testing.assert_close(to_lab(rgb), theirs, rtol=1e-3, atol=2e-3)


def test_equal_colours_have_none_and_lightness_does_not_count() -> None:
    grey = torch.full([1, 3, 4, 4], -0.2)
    assert colour_error(grey, grey).item() == 0
    assert colour_error(grey, grey + 0.6).item() == pytest.approx(0, abs=0.02)
    red = grey.clone()
    red[:, 0] = 1
    assert colour_error(red, grey).item() > 50


def test_each_picture_has_its_own() -> None:
    a, b = torch.rand([2, 3, 3, 4, 4], generator=torch.Generator().manual_seed(1)) * 2 - 1
    torch.testing.assert_close(colour_error(a, b)[1:2], colour_error(a[1:2], b[1:2]))


def test_pictures_of_different_sizes_are_refused() -> None:
    with pytest.raises(ConfigError, match="Got"):
        colour_error(torch.zeros(1, 3, 4, 4), torch.zeros(1, 3, 5, 5))
