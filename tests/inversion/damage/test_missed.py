from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from inversion.damage.blur import find_blur
from inversion.damage.compression import Compression
from inversion.damage.luma import luma_of, visible
from inversion.damage.missed import find_blur_beneath, smoothed
from tests.inversion.damage.test_blur import blurred

UNCOMPRESSED = Compression(None, 0.0, "none")


def spoilt(luma: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A scratch and 20 spots, parts of which were missed: the photo, and where it is known to be hidden."""
    luma, hidden = luma.copy(), np.zeros(luma.shape, dtype=bool)
    rng = np.random.default_rng(0)
    for number in range(20):
        y, x = (int(rng.integers(10, side - 14)) for side in luma.shape)
        luma[y : y + 4, x : x + 4] = 1.0
        hidden[y : y + 4, x : x + 4] = number % 2
    luma[200:203] = 1.0
    hidden[200:203, :380] = True
    return luma, hidden


@pytest.mark.parametrize("kernel_size", [18, 24, 30])
def test_damage_that_was_missed_makes_no_blurred_photo_sharp(portrait: np.ndarray, kernel_size: int) -> None:
    luma, hidden = spoilt(luma_of(blurred(portrait, kernel_size)))
    assert find_blur(luma, known=visible(hidden)).kernel_size < 0.7 * kernel_size
    found = find_blur_beneath(luma, 0.0, UNCOMPRESSED, hidden)
    assert found.kernel_size == pytest.approx(kernel_size, rel=0.2)


def test_a_sharp_photo_stays_sharp_with_and_without_damage(portrait: np.ndarray) -> None:
    luma, hidden = spoilt(luma_of(portrait))
    assert find_blur_beneath(luma, 0.0, UNCOMPRESSED, hidden).is_sharp
    assert find_blur_beneath(luma_of(portrait), 0.0, UNCOMPRESSED, np.zeros_like(hidden)).is_sharp


def test_a_sharp_person_before_a_blurred_backdrop_is_sharp(portrait: np.ndarray) -> None:
    """Most squares are blurred; what is sharp in the others is more than thin dark or bright lines."""
    luma = luma_of(blurred(portrait, 24))
    luma[150:400, 150:400] = luma_of(portrait)[150:400, 150:400]
    assert find_blur_beneath(luma, 0.0, UNCOMPRESSED, np.zeros(luma.shape, dtype=bool)).is_sharp


@pytest.mark.parametrize("kernel_size", [9, 15, 30])
def test_without_damage_the_blur_is_found_as_before(portrait: np.ndarray, kernel_size: int) -> None:
    luma = luma_of(blurred(portrait, kernel_size))
    found = find_blur_beneath(luma, 0.0, UNCOMPRESSED, np.zeros(luma.shape, dtype=bool))
    assert found.kernel_size == pytest.approx(kernel_size, rel=0.15)


@pytest.mark.parametrize("sigma", [3.0, 17.0, 40.0])
def test_a_wide_gaussian_is_the_same_at_a_smaller_size(
    portrait: np.ndarray, sigma: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inversion.damage.luma.STRIP", 100 * portrait.shape[1])
    luma = luma_of(portrait)
    found = np.full_like(luma, np.nan)
    for rows, smooth in smoothed(luma, sigma):
        found[rows] = smooth
    expected = ndimage.gaussian_filter(luma, sigma, mode="nearest")
    inside = (slice(round(sigma), -round(sigma)),) * 2  # at the border a single row's pixels count for many
    assert np.abs(found - expected)[inside].max() < (1e-6 if sigma < 16 else 0.02)
    assert np.abs(found - expected).mean() < 0.003
