from __future__ import annotations

import numpy as np
import pytest

from inversion.damage.blur import find_blur
from inversion.damage.compression import Compression
from inversion.damage.luma import luma_of, visible
from inversion.damage.missed import find_blur_beneath
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
    found, _ = find_blur_beneath(luma, 0.0, UNCOMPRESSED, hidden)
    assert found.kernel_size == pytest.approx(kernel_size, rel=0.2)


def test_a_sharp_photo_stays_sharp_with_and_without_damage(portrait: np.ndarray) -> None:
    luma, hidden = spoilt(luma_of(portrait))
    assert find_blur_beneath(luma, 0.0, UNCOMPRESSED, hidden)[0].is_sharp
    assert find_blur_beneath(luma_of(portrait), 0.0, UNCOMPRESSED, np.zeros_like(hidden))[0].is_sharp


def test_a_sharp_person_before_a_blurred_backdrop_is_sharp(portrait: np.ndarray) -> None:
    """Most squares are blurred; what is sharp in the others is more than thin dark or bright lines."""
    luma = luma_of(blurred(portrait, 24))
    luma[150:400, 150:400] = luma_of(portrait)[150:400, 150:400]
    assert find_blur_beneath(luma, 0.0, UNCOMPRESSED, np.zeros(luma.shape, dtype=bool))[0].is_sharp


@pytest.mark.parametrize("kernel_size", [9, 15, 30])
def test_without_damage_the_blur_is_found_as_before(portrait: np.ndarray, kernel_size: int) -> None:
    luma = luma_of(blurred(portrait, kernel_size))
    found, _ = find_blur_beneath(luma, 0.0, UNCOMPRESSED, np.zeros(luma.shape, dtype=bool))
    assert found.kernel_size == pytest.approx(kernel_size, rel=0.15)
