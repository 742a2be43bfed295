from __future__ import annotations

import numpy as np
import pytest

from inversion.damage.damage import SURE, find_damage
from inversion.damage.torn import find_torn


def torn(photo: np.ndarray, where: str, level: int) -> tuple[np.ndarray, np.ndarray]:
    """photo: [H, W, 3]. Returns it with a corner, a part of an edge or a hole of one colour, and which pixels."""
    height, width = photo.shape[:2]
    rows, columns = np.mgrid[:height, :width]
    jagged = 6 * np.sin(columns / 7) + 4 * np.sin(rows / 5)
    gone = {
        "corner": rows + columns + jagged < 170,
        "edge": (columns + jagged < 70) & (np.abs(rows - 400) < 80),
        "hole": np.hypot(rows - 300, columns - 260) + jagged < 60,
    }[where]
    return np.where(gone[..., None], level, photo).astype(np.uint8), gone


@pytest.mark.parametrize("where", ["corner", "edge", "hole"])
@pytest.mark.parametrize("level", [120, 242])
def test_what_is_gone_is_found(portrait: np.ndarray, where: str, level: int) -> None:
    photo, gone = torn(portrait, where, level)
    found = find_torn(photo)
    assert found.confidence >= SURE
    assert found.mask[gone].mean() > 0.95 and gone[found.mask].mean() > 0.75


def test_it_is_hidden_and_a_whole_photo_is_whole(portrait: np.ndarray) -> None:
    photo, gone = torn(portrait, "corner", 242)
    damage = find_damage(photo)
    assert damage.is_torn and damage.surely_hidden[gone].mean() > 0.95
    assert not find_torn(portrait).share


def test_a_scratch_that_touches_a_torn_edge_is_no_part_of_it(portrait: np.ndarray) -> None:
    photo, gone = torn(portrait, "edge", 242)
    photo[398:402] = 242
    found = find_torn(photo)
    assert found.mask[gone].mean() > 0.95 and gone[found.mask].mean() > 0.75
    assert not found.mask[398:402, 150:].any()


def test_a_scratch_through_something_white_does_not_make_it_torn(portrait: np.ndarray) -> None:
    photo = portrait.copy()
    rows, columns = np.mgrid[: photo.shape[0], : photo.shape[1]]
    white = np.hypot(rows - 300, columns - 260) < 40
    photo[white] = 242 - (rows[white] + columns[white])[:, None] % 8
    assert not find_torn(photo).share
    photo[:, 258:264] = 242
    assert not find_torn(photo).share


def test_the_backdrop_of_a_cut_out_person_is_not_torn(portrait: np.ndarray) -> None:
    photo = portrait.copy()
    photo[:200, :150] = photo[:200, -150:] = 255
    assert not find_torn(photo).share


def test_a_drawn_picture_has_no_holes(portrait: np.ndarray) -> None:
    """A backdrop of one exact colour over much of it: what else has one colour is drawn, too."""
    photo = np.full((600, 900, 3), (30, 30, 90), dtype=np.uint8)
    photo[100:500, 100:400] = portrait[100:500, 100:400]
    photo[200:260, 500:800] = 255
    assert not find_torn(photo).share


@pytest.mark.parametrize("shape", [(1, 1), (8, 200), (40, 40)])
def test_photos_of_any_shape_are_looked_at(shape: tuple[int, int]) -> None:
    assert not find_torn(np.full((*shape, 3), 128, dtype=np.uint8)).share
