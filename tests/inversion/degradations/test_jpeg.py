from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image

from inversion.degradations.jpeg import JPEG, cosines, quantization
from inversion.errors import ConfigError
from inversion.faces.sample import sample_photo
from inversion.images import read_photo, to_pil, to_tensor
from inversion.metrics.psnr import psnr


def portrait(side: int = 64) -> torch.Tensor:
    return to_tensor(read_photo(sample_photo()).resize((side, side), Image.Resampling.LANCZOS))[None]


@pytest.mark.parametrize("quality", [6, 9, 12, 15, 18, 50, 90])
def test_the_model_is_close_to_the_codec(quality: int) -> None:
    x, operator = portrait(), JPEG(quality)
    agreement = psnr(operator(x), operator.observe(x)).item()
    assert agreement > 35  # dB
    assert agreement > psnr(operator.observe(x), x).item() + 8


@pytest.mark.parametrize("side", [8, 20, 33])
def test_sides_that_are_no_multiples_of_a_block_are_padded_as_the_codec_does(side: int) -> None:
    x, operator = portrait(side), JPEG(50)
    assert psnr(operator(x), operator.observe(x)).item() > 32


def test_the_camera_is_pillow() -> None:
    x, file = portrait(), io.BytesIO()
    to_pil(x[0]).save(file, format="JPEG", quality=12)
    assert torch.equal(JPEG(12).observe(x)[0], to_tensor(Image.open(file)))


def test_lower_quality_is_farther_from_the_photo() -> None:
    x = portrait()
    quality = [psnr(JPEG(q)(x), x).item() for q in (6, 9, 12, 15, 18)]
    assert quality == sorted(quality)


def test_block_cosines_are_orthonormal_and_undone() -> None:
    x = torch.rand(2, 1, 16, 24, dtype=torch.float64)
    y = cosines(x, forward=True)
    torch.testing.assert_close(cosines(y, forward=False), x, rtol=0, atol=1e-12)
    torch.testing.assert_close(y.square().sum(), x.square().sum())
    torch.testing.assert_close(y[:, :, ::8, ::8], torch.nn.functional.avg_pool2d(x, 8) * 8)


def test_steps_are_the_standards_at_quality_50() -> None:
    luma, chroma = quantization(50, 0), quantization(50, 1)
    np.testing.assert_array_equal(luma[0], [16, 11, 10, 16, 24, 40, 51, 61])  # ITU-T T.81, table K.1
    np.testing.assert_array_equal(chroma[0], [17, 18, 24, 47, 99, 99, 99, 99])  # table K.2


def test_a_consistent_image_would_be_compressed_to_the_same_file() -> None:
    x, operator = portrait(), JPEG(12)
    observed = operator.observe(x)
    restored = torch.nn.functional.avg_pool2d(x, 5, 1, 2, count_include_pad=False)
    before, after = (operator.observe(y) for y in (restored, operator.consistent(restored, observed)))
    assert psnr(after, observed).item() > psnr(before, observed).item() + 10


@pytest.mark.parametrize("quality", [0, 96, -3])
def test_impossible_qualities_are_refused(quality: int) -> None:
    with pytest.raises(ConfigError, match=rf"1 to 95, as in Pillow. Got {quality}"):
        JPEG(quality).bind(portrait(), False)
