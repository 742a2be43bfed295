from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from inversion.damage.damage import SURE
from inversion.damage.extremes import JOINED, extent
from inversion.damage.scratches import find_scratches
from inversion.damage.sides import damage_among

SHAPE = (300, 400)
SLOPE = ndimage.gaussian_filter(np.random.default_rng(1).normal(size=SHAPE), 25)
UNEVEN = (0.6 + 0.1 * SLOPE / np.abs(SLOPE).max()).astype(np.float32)  # a backdrop


def slanting(from_row: int, to_row: int) -> np.ndarray:
    """A line of 3 px from the left border to the right one: bool."""
    middle = np.linspace(from_row, to_row, SHAPE[1])
    return np.abs(np.arange(SHAPE[0])[:, None] - middle) <= 1


def test_a_line_that_crosses_a_photo_without_regard_is_damage() -> None:
    image = UNEVEN.copy()
    image[:, 200:] -= 0.3  # an edge that it crosses
    line = slanting(60, 200)
    assert np.array_equal(damage_among(line, np.where(line, 0.05, image)), line)


@pytest.mark.parametrize("noise", [0.0, 0.02])
def test_a_line_between_two_things_is_their_outline_and_no_other_line_goes_with_it(noise: float) -> None:
    outline, scratch = slanting(60, 90), slanting(250, 200)
    image = np.where(np.arange(SHAPE[0])[:, None] < np.linspace(60, 90, SHAPE[1]), UNEVEN, UNEVEN - 0.25)
    image = np.where(outline | scratch, 0.05, image) + noise * np.random.default_rng(0).normal(size=SHAPE)
    assert np.array_equal(damage_among(outline | scratch, image), scratch)


@pytest.mark.parametrize(("share", "is_damage"), [(0.3, True), (0.5, False)])
def test_a_line_that_lies_between_two_things_for_half_of_its_length_is_an_outline(
    share: float, is_damage: bool
) -> None:
    """As the upper rim of glasses: skin on both sides, or a brow on one."""
    line = slanting(60, 90)
    image, end = UNEVEN.copy(), round(share * SHAPE[1])
    below = np.arange(SHAPE[0])[:, None] > np.linspace(60, 90, SHAPE[1])
    image[:, :end] -= 0.25 * below[:, :end]
    assert damage_among(line, np.where(line, 0.05, image)).any() == is_damage


def test_a_stripe_at_the_photos_border_has_no_second_side() -> None:
    image = UNEVEN.copy()
    image[:2] = 0.05
    assert not damage_among(image < 0.1, image).any()


def test_a_ruled_line_on_even_ground_is_drawn_and_one_that_crosses_two_things_is_not() -> None:
    line = np.zeros(SHAPE, dtype=bool)
    line[150, 20:380] = True
    even, crossed = np.full(SHAPE, 0.8), np.full(SHAPE, 0.8)
    crossed[:, 200:] = 0.5
    for ground, is_damage in ((even, False), (crossed, True), (UNEVEN, True)):
        assert damage_among(line, np.where(line, 0.05, ground)).any() == is_damage
    slanted = slanting(100, 180)  # a stroke on a wall
    assert damage_among(slanted, np.where(slanted, 0.05, even)).all(where=slanted)


def test_the_rule_of_a_banner_is_no_scratch() -> None:
    banner = np.full((628, 1200), 0.15, dtype=np.float32)
    banner[100:400, 100:400] = 0.4 + 0.5 * np.linspace(0, 1, 300)[:, None]
    ruled, scratched = banner.copy(), banner.copy()
    ruled[500:503, 40:1160] = 1.0
    scratched[300:303, 40:1160] = 1.0
    assert not find_scratches(ruled).mask.any()
    assert find_scratches(scratched).mask[301, 60:1100].mean() > 0.9


def test_a_lines_length_counts_what_letters_hide_of_it() -> None:
    line = slanting(100, 100)
    line[:, 200 : 200 + 2 * JOINED] = False
    assert extent(line) == pytest.approx(SHAPE[1], rel=0.01)
    line[:, 200 : 201 + 2 * JOINED] = False
    assert extent(line) == pytest.approx(200, rel=0.01)


def test_one_short_line_is_not_sure() -> None:
    """As a rim of glasses: straight, thin and dark, with skin on both sides."""
    backdrop = np.pad(UNEVEN, ((0, 200), (0, 100)), mode="symmetric")
    for length, is_sure in ((95, False), (300, True)):
        photo = backdrop.copy()
        middle = 100 + 0.2 * np.arange(length)
        photo[:, 50 : 50 + length][abs(np.arange(len(photo))[:, None] - middle) <= 1] = 0.05
        found = find_scratches(photo)
        assert found.mask.any() and (found.confidence >= SURE) == is_sure
