from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image

from inversion.damage.blur import SIZES, Blur, Scales, measured, responses
from inversion.damage.compression import Compression, find_compression
from inversion.damage.luma import luma_of
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


def test_responses_are_those_of_the_operator() -> None:
    """A blurred point's spectrum, in rings, is what `responses` says."""
    number = 60
    point = torch.zeros(1, 3, 256, 256, dtype=torch.float64)
    point[..., 128, 128] = 1
    spread = GaussianBlur(float(SIZES[number])).bind(point, False)(point)[0, 0].numpy()
    power = np.abs(np.fft.fft2(spread)) ** 2
    ring = np.rint(np.hypot(*np.meshgrid(np.fft.fftfreq(256, 1 / 256), np.fft.fftfreq(256, 1 / 256)))).astype(
        int
    )
    means = np.bincount(ring.ravel(), power.ravel()) / np.bincount(ring.ravel())
    np.testing.assert_allclose(np.exp(responses(len(SIZES))[number][:60]), means[1:61], rtol=0.05, atol=1e-9)


def test_tiny_photos_tell_nothing_surely() -> None:
    assert find_blur(np.full((12, 12), 0.5, dtype=np.float32)).confidence == 0
