from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from inversion.fullsize.fill import filled, membrane


def ramp(height: int, width: int) -> np.ndarray:
    """Three channels that rise evenly, each in another direction."""
    y, x = np.mgrid[:height, :width]
    return np.stack([40 + 0.2 * x + 0.1 * y, 200 - 0.5 * y, 60 + 0.2 * x], axis=2)


def stroke(height: int, width: int, thickness: float) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    return np.abs(y - 0.3 * x - 20) < thickness / 2


@pytest.mark.parametrize("thickness", [1, 9, 60])
def test_an_even_slope_goes_on_across_a_stroke(thickness: int) -> None:
    truth = ramp(240, 321)
    hidden = stroke(240, 321, thickness)
    scratched = np.where(hidden[..., None], 255.0, truth)
    inner = np.zeros_like(hidden)
    inner[30:-30, 60:-60] = True  # at the photo's border a membrane lies flat
    error = np.abs(membrane(scratched, hidden) - truth[hidden])[inner[hidden]]
    assert error.max() < 1 + 0.1 * thickness and error.mean() < 0.5 + 0.02 * thickness


def test_a_hole_in_one_colour_takes_it_wherever_it_lies() -> None:
    hidden = np.zeros((90, 70), bool)
    hidden[:40, 30:] = hidden[80:, :5] = hidden[60, 35] = True
    photo = np.full((90, 70, 3), 90.0)
    photo[hidden] = 255
    np.testing.assert_allclose(membrane(photo, hidden), 90, atol=0.01)


def test_what_is_not_hidden_stays_to_the_bit_and_what_is_has_the_grain_of_its_surroundings() -> None:
    rng = np.random.default_rng(0)
    hidden = stroke(400, 700, 14)
    noisy = np.clip(ramp(400, 700) + rng.normal(0, 6, (400, 700, 1)), 0, 255).astype(np.uint8)
    scratched = np.where(hidden[..., None], 255, noisy).astype(np.uint8)
    result = np.asarray(filled(Image.fromarray(scratched), hidden))
    np.testing.assert_array_equal(result[~hidden], scratched[~hidden])
    filling = result[hidden].astype(float) - ramp(400, 700)[hidden]
    assert np.abs(filling.mean(axis=0)).max() < 2
    assert 4 < filling.std() < 9
    smooth = np.where(hidden[..., None], 255, ramp(400, 700)).astype(np.uint8)
    plain = np.asarray(filled(Image.fromarray(smooth), hidden))[hidden] - ramp(400, 700)[hidden]
    assert plain.std() < 1.5


@pytest.mark.parametrize("hidden", [np.zeros((5, 9), bool), np.ones((5, 9), bool)])
def test_where_nothing_or_everything_is_hidden_nothing_changes(hidden: np.ndarray) -> None:
    photo = Image.fromarray(ramp(5, 9).astype(np.uint8))
    assert filled(photo, hidden).tobytes() == photo.tobytes()


def test_a_strip_of_a_few_pixels_is_filled() -> None:
    hidden = np.zeros((3, 200), bool)
    hidden[:, 90:110] = True
    photo = np.full((3, 200, 3), 50, np.uint8)
    photo[hidden] = 255
    assert np.abs(np.asarray(filled(Image.fromarray(photo), hidden)).astype(int) - 50).max() <= 1
