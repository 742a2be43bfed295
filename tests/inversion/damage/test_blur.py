from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image

from inversion.damage.blur import SIZES, SLOPE, Blur, Scales, measured, responses
from inversion.damage.compression import Compression, find_compression
from inversion.damage.luma import luma_of
from inversion.damage.spectrum import square_powers
from inversion.degradations.blur import GaussianBlur, default_sigma
from inversion.images import to_tensor


def blurred(photo: np.ndarray, kernel_size: float) -> np.ndarray:
    """Rounded to 8 bits, [H, W, 3]."""
    image = to_tensor(Image.fromarray(photo))[None]
    soft = GaussianBlur(kernel_size).bind(image, False)(image)[0]
    return np.asarray(((soft + 1) * 127.5).round().byte().permute(1, 2, 0))


def find_blur(
    luma: np.ndarray,
    noise: float = 0.0,
    compression: Compression | None = None,
    known: np.ndarray | None = None,
) -> Blur:
    return measured(Scales(luma, known), noise, compression)


@pytest.mark.parametrize("kernel_size", [9, 15, 24, 40])
def test_the_kernel_is_found(portrait: np.ndarray, kernel_size: float) -> None:
    found = find_blur(luma_of(blurred(portrait, kernel_size)))
    assert found.kernel_size == pytest.approx(kernel_size, rel=0.15) and not found.is_sharp
    assert found.sigma == default_sigma(found.kernel_size) and found.confidence > 0.5


def test_a_sharp_photo_is_sharp(portrait: np.ndarray) -> None:
    assert find_blur(luma_of(portrait)).is_sharp


@pytest.mark.parametrize("sigma", [3.0, 8.0])
def test_noise_hides_no_blur(portrait: np.ndarray, sigma: float) -> None:
    noise = np.random.default_rng(0).normal(0, sigma, portrait.shape[:2]) / 255
    found = find_blur(luma_of(blurred(portrait, 15)) + noise, sigma / 255)
    assert found.kernel_size == pytest.approx(15, rel=0.2)


def test_compression_hides_no_blur_and_is_none(portrait: np.ndarray) -> None:
    for kernel_size, quality in ((15, 60), (24, 30)):
        file = io.BytesIO()
        Image.fromarray(blurred(portrait, kernel_size)).save(file, format="JPEG", quality=quality)
        photo = np.array(Image.open(file))
        found = find_blur(luma_of(photo), 0.0, find_compression(photo))
        assert found.kernel_size == pytest.approx(kernel_size, rel=0.2)
    file = io.BytesIO()
    Image.fromarray(portrait).save(file, format="JPEG", quality=40)
    photo = np.array(Image.open(file))
    assert find_blur(luma_of(photo), 0.0, find_compression(photo)).is_sharp


def test_scratches_do_not_count_as_details(portrait: np.ndarray) -> None:
    luma, known = luma_of(blurred(portrait, 15)), np.ones(portrait.shape[:2], dtype=bool)
    luma[300:304], known[296:308] = 1.0, False
    luma[:, 100:103], known[:, 96:107] = 0.0, False
    assert find_blur(luma, known=known).kernel_size == pytest.approx(15, rel=0.2)


@pytest.mark.parametrize("number", [40, 75, 99])
def test_responses_are_what_the_operator_leaves_in_squares(number: int) -> None:
    """The window's own spectrum is wider than what a wide kernel leaves."""
    frequency = np.hypot(np.fft.fftfreq(1024)[:, None], np.fft.rfftfreq(1024))
    frequency[0, 0] = np.inf
    spectrum = np.fft.rfft2(np.random.default_rng(0).normal(size=(1024, 1024))) * frequency ** (SLOPE / 2)
    sharp = torch.from_numpy(np.fft.irfft2(spectrum))[None, None]
    operator = GaussianBlur(float(SIZES[number])).bind(sharp, False)
    before, after = (square_powers(x[0, 0].numpy())[1].mean(axis=0) for x in (sharp, operator(sharp)))
    expected = np.exp(responses(256)[number])
    seen = expected > 1e-7
    assert seen.sum() > 10
    np.testing.assert_allclose((after / before)[seen], expected[seen], rtol=0.3)


def test_what_stayed_sharp_and_was_not_found_makes_a_kernel_no_smaller(portrait: np.ndarray) -> None:
    luma = luma_of(blurred(portrait, 24))
    luma[40::90] += 0.02  # in each square
    assert find_blur(luma).kernel_size == pytest.approx(24, rel=0.15)


def test_tiny_photos_tell_nothing_surely() -> None:
    assert find_blur(np.full((12, 12), 0.5, dtype=np.float32)).confidence == 0
