from __future__ import annotations

import numpy as np
import pytest

from inversion.damage.colour import find_colour, tint_by_luma
from inversion.damage.luma import luma_of


def toned(photo: np.ndarray, dark: tuple[int, ...], light: tuple[int, ...]) -> np.ndarray:
    luma = luma_of(photo)[..., None]
    return np.asarray(np.array(dark) + (np.array(light) - np.array(dark)) * luma)


def test_a_photo_in_colour_is_in_colour(portrait: np.ndarray) -> None:
    found = find_colour(portrait)
    assert found.kind == "colour" and not found.is_grey and found.confidence == 1


@pytest.mark.parametrize("light", [(255, 240, 200), (230, 240, 255), (255, 220, 210)])
def test_one_tint_of_any_hue_is_sepia(portrait: np.ndarray, light: tuple[int, ...]) -> None:
    found = find_colour(toned(portrait, (40, 20, 5), light))
    assert found.kind == "sepia" and found.is_grey


def test_equal_channels_are_grey_whatever_their_noise(portrait: np.ndarray) -> None:
    noise = np.random.default_rng(0).normal(0, 15, portrait.shape)
    for photo in (toned(portrait, (0, 0, 0), (255, 255, 255)), toned(portrait, (0,) * 3, (255,) * 3) + noise):
        assert find_colour(photo.clip(0, 255)).kind == "grey"


def test_a_pale_photo_is_faded_not_grey(portrait: np.ndarray) -> None:
    luma = luma_of(portrait)[..., None] * 255
    assert find_colour(luma + 0.1 * (portrait - luma)).kind == "faded"


def test_a_tint_is_found_where_there_is_no_other_colour() -> None:
    luma = np.linspace(0, 1, 500)
    chroma = np.stack([0.1 * luma**2, -0.05 * luma], axis=1)
    assert abs(tint_by_luma(luma, chroma) - chroma).max() < 0.007  # levels are flat at both ends


def test_a_photo_of_one_pixel_is_grey() -> None:
    assert find_colour(np.full((1, 1, 3), 100, dtype=np.uint8)).kind == "grey"


def test_scratches_down_to_the_paper_are_no_colour(portrait: np.ndarray) -> None:
    photo, known = toned(portrait, (40, 20, 5), (230, 200, 140)), np.ones(portrait.shape[:2], dtype=bool)
    photo[::20], known[::20] = 255.0, False
    photo[5::20], known[5::20] = 0.0, False
    assert find_colour(photo, known).kind == "sepia"
