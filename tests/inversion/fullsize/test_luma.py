from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from inversion.fullsize.luma import grey, keep_luma, luma_level, tinted
from inversion.images import quantize, to_pil


def colours(seed: int, side: int = 64) -> Tensor:
    return torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def test_the_level_of_luma_is_pillows() -> None:
    x = quantize(colours(0))
    assert np.array_equal(luma_level(x)[0].numpy(), np.asarray(to_pil(x[0]).convert("L")))


def test_coloured_pictures_have_the_photos_luma_to_the_bit() -> None:
    photo = quantize(grey(colours(1)))
    photo[..., :8], photo[..., -8:] = -1, 1  # black and white take no colour
    face = colours(2)
    result = keep_luma(tinted(photo, face - grey(face)), photo)
    assert np.array_equal(
        np.asarray(to_pil(result[0]).convert("L")), np.asarray(to_pil(photo[0]).convert("L"))
    )
    assert result.abs().max() <= 1 and (quantize(result) - result).abs().max() < 1e-6
    exact = tinted(photo, face - grey(face))
    assert (result - exact).abs().max() <= 1.51 / 127.5  # rounding and one level


def test_a_sepia_photo_lends_its_luma() -> None:
    sepia = quantize(colours(3) * 0.2)
    result = keep_luma(grey(sepia), sepia)
    assert torch.equal(luma_level(result), luma_level(sepia))


def test_every_grey_can_be_coloured() -> None:
    levels = torch.arange(256.0).view(1, 1, 16, 16).expand(1, 3, 16, 16) / 127.5 - 1
    for seed in range(4):
        chroma = colours(seed, 16) - grey(colours(seed, 16))
        result = keep_luma(tinted(levels, chroma), levels)
        shown = np.asarray(to_pil(result[0]).convert("L"))
        assert np.array_equal(shown, np.arange(256, dtype=np.uint8).reshape(16, 16))
