from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from inversion.damage.damage import SURE, find_damage
from inversion.damage.dust import FEWEST, Dust, find_dust, with_missed
from inversion.damage.luma import luma_of
from tests.inversion.damage.test_blur import blurred


def dusty(photo: np.ndarray, count: int, level: int) -> tuple[np.ndarray, np.ndarray]:
    """Spots of 3 to 7 px, [H, W, 3], and where they can be seen, [H, W]."""
    rng, (height, width) = np.random.default_rng(0), photo.shape[:2]
    rows, columns = np.mgrid[:height, :width]
    where = np.zeros((height, width), dtype=bool)
    for _ in range(count):
        y, x, radius = rng.uniform(0, height), rng.uniform(0, width), rng.uniform(1.5, 3.5)
        where |= (rows - y) ** 2 + (columns - x) ** 2 < radius**2
    spoilt = np.where(where[..., None], level, photo).astype(np.uint8)
    return spoilt, where & (abs(luma_of(spoilt) - luma_of(photo)) > 0.15)


@pytest.mark.parametrize("level", [245, 10])
def test_spots_are_found_where_they_are(portrait: np.ndarray, level: int) -> None:
    photo, where = dusty(portrait, 60, level)
    found = find_dust(luma_of(photo))
    assert found.confidence >= SURE and found.count >= 15
    assert (found.mask & where).sum() / where.sum() > 0.4
    near = np.zeros_like(where)
    for step in ((0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)):
        near |= np.roll(where, step, axis=(0, 1))
    assert (found.mask & near).sum() / found.mask.sum() > 0.8


def test_eyes_and_buttons_are_no_dust(portrait: np.ndarray) -> None:
    found = find_dust(luma_of(portrait))
    assert found.count == 0 and found.confidence == 0 and not found.mask.any()


def test_few_spots_are_left_alone() -> None:
    photo = np.full((300, 300), 0.5)
    for number in range(FEWEST - 1):
        photo[40 * number + 20 : 40 * number + 24, 100:104] = 0.95
    assert find_dust(photo).count == 0
    photo[260:264, 200:204] = 0.95
    assert find_dust(photo).count == FEWEST and find_dust(photo).confidence < SURE


def test_a_pattern_is_no_dust() -> None:
    photo = np.full((300, 300), 0.5)
    for row in range(4, 300, 12):
        for column in range(4, 300, 12):
            photo[row : row + 3, column : column + 3] = 0.95
    assert find_dust(photo).count == 0


def test_the_noise_of_a_photo_is_no_dust() -> None:
    photo = 0.5 + np.random.default_rng(0).normal(0, 0.08, (400, 400))
    assert find_dust(photo, 0.08).count == 0


def test_dust_is_hidden_and_filled_in_where_it_is_sure(portrait: np.ndarray) -> None:
    damage = find_damage(dusty(portrait, 60, 245)[0])
    assert damage.is_dusty and not damage.is_none
    assert (damage.hidden >= damage.dust.mask).all() and (damage.surely_hidden >= damage.dust.mask).all()
    assert damage.hidden.mean() < 0.06


def test_spots_that_stayed_sharp_in_a_blurred_photo_are_dust_and_pieces_of_scratches_are_none() -> None:
    missed, scratched = np.zeros((400, 400), dtype=bool), np.zeros((400, 400), dtype=bool)
    spots = np.zeros_like(missed)
    for number in range(FEWEST):
        spots[50 * number + 20 : 50 * number + 23, 100:103] = True
    missed |= spots
    missed[200, 300] = True  # noise
    missed[300:302, 200:260] = True  # a piece of a scratch, by its length
    scratched[:, 380:382] = True
    missed[100:104, 376:379] = True  # another, by its place
    found = with_missed(Dust(np.zeros_like(missed), 0, 0.0), missed, scratched)
    assert found.count == FEWEST and np.array_equal(found.mask, spots)
    more = with_missed(Dust(scratched, 3, 0.0), spots, np.zeros_like(scratched))
    assert more.count == FEWEST + 3 and np.array_equal(more.mask, spots | scratched)
    few = with_missed(Dust(np.zeros_like(missed), 0, 0.0), spots & (np.arange(400) < 60)[:, None], scratched)
    assert few.count == 1 and few.mask.sum() == 9 and few.confidence < SURE


def test_dust_on_a_blurred_photo_is_found_by_what_stayed_sharp(portrait: np.ndarray) -> None:
    photo, where = dusty(blurred(portrait, 24), 60, 245)
    before, after = find_dust(luma_of(photo)).mask, find_damage(photo).dust.mask
    assert (after & where).sum() > 1.1 * (before & where).sum()
    assert ndimage.binary_dilation(where, iterations=2)[after].mean() > 0.8
