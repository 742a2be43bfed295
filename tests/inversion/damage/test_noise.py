from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from inversion.damage.compressed_noise import noise_before
from inversion.damage.compression import find_compression
from inversion.damage.luma import luma_of
from inversion.damage.noise import IN_LUMA, find_noise


def noisy(photo: np.ndarray, sigma: float, blur: float = 0) -> np.ndarray:
    """sigma in levels, per channel."""
    soft = ndimage.gaussian_filter(photo.astype(float), (blur, blur, 0)) if blur else photo.astype(float)
    noise = np.random.default_rng(1).normal(0, sigma, photo.shape)
    return np.asarray((soft + noise).round().clip(0, 255).astype(np.uint8))


@pytest.mark.parametrize(("sigma", "blur"), [(6, 0), (12, 0), (25, 0), (3, 2), (6, 2), (12, 2), (25, 2)])
def test_noise_is_found_in_sharp_and_in_blurred_photos(
    portrait: np.ndarray, sigma: float, blur: float
) -> None:
    found = find_noise(luma_of(noisy(portrait, sigma, blur)))
    assert found.sigma * 255 == pytest.approx(sigma * IN_LUMA, rel=0.1) and found.confidence > 0.5


def test_a_photo_without_noise_has_none(portrait: np.ndarray) -> None:
    assert find_noise(luma_of(noisy(portrait, 0, blur=2))).sigma * 255 < 0.3


@pytest.mark.parametrize("sigma", [4, 10])
def test_texture_counts_less_than_by_the_median_of_wavelets(portrait: np.ndarray, sigma: float) -> None:
    pytest.importorskip("pywt", reason="scikit-image's estimate_sigma needs PyWavelets")
    from skimage.restoration import estimate_sigma

    luma, truth = luma_of(noisy(portrait, sigma)), sigma * IN_LUMA / 255
    theirs = float(estimate_sigma(luma))
    ours = find_noise(luma).sigma
    assert ours == pytest.approx(theirs, rel=0.35)
    assert abs(ours - truth) < abs(theirs - truth) + 0.02 * truth


def test_pure_noise_agrees_with_scikit_image() -> None:
    pytest.importorskip("pywt", reason="scikit-image's estimate_sigma needs PyWavelets")
    from skimage.restoration import estimate_sigma

    luma = 0.5 + 0.03 * np.random.default_rng(0).normal(size=(300, 400))
    assert find_noise(luma).sigma == pytest.approx(float(estimate_sigma(luma)), rel=0.05)


def test_scratched_pixels_are_left_out(portrait: np.ndarray) -> None:
    luma = luma_of(noisy(portrait, 6))
    known = np.ones(luma.shape, dtype=bool)
    known[::12, :] = False
    luma[::12, :] = np.random.default_rng(0).uniform(size=luma[::12].shape)
    assert find_noise(luma, known).sigma * 255 == pytest.approx(6 * IN_LUMA, rel=0.15)


def test_tiny_and_flat_photos_tell_nothing() -> None:
    assert find_noise(np.zeros((9, 9))).confidence == 0
    assert find_noise(np.full((100, 100), 0.5)).sigma == 0


@pytest.mark.parametrize(("sigma", "quality"), [(6, 90), (6, 60), (12, 40), (20, 25)])
def test_noise_is_found_behind_a_compression_that_has_hidden_it(
    portrait: np.ndarray, sigma: float, quality: int
) -> None:
    file = io.BytesIO()
    Image.fromarray(noisy(portrait, sigma, blur=1.5)).save(file, format="JPEG", quality=quality)
    photo = np.array(Image.open(file))
    found = noise_before(luma_of(photo), find_compression(photo))
    assert found.sigma * 255 == pytest.approx(sigma * IN_LUMA, rel=0.15) and found.confidence > 0


def test_what_compression_has_hidden_altogether_is_not_invented(portrait: np.ndarray) -> None:
    file = io.BytesIO()
    Image.fromarray(noisy(portrait, 1, blur=2)).save(file, format="JPEG", quality=20)
    photo = np.array(Image.open(file))
    found = noise_before(luma_of(photo), find_compression(photo))
    assert (found.sigma, found.confidence) == (0, 0)
