"""What hides a face that a search has drawn: a softer copy of the portrait's face stands for what it draws."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from inversion.damage.luma import luma_of, wider
from inversion.damage.unexplained import MOST, find_unexplained, resampled

S, R = 384, 128  # px: of the photo, and of the drawn face


@pytest.fixture(scope="module")
def face(portrait: np.ndarray) -> np.ndarray:
    """Luma, [S, S], framed nearly as FFHQ's faces are."""
    return resampled(luma_of(portrait)[40:360, 120:440], S)


def softer(face: np.ndarray) -> np.ndarray:
    return ndimage.gaussian_filter(resampled(face, R), 0.4)


def stroke(top: int, left: int, length: int = 90, width: int = 6) -> np.ndarray:
    """A falling line, [S, S] bool."""
    where = np.zeros((S, S), dtype=bool)
    for step in range(length):
        where[top + step // 2 : top + step // 2 + width, left + step] = True
    return where


@pytest.mark.parametrize("level", [0.97, 0.02])
@pytest.mark.parametrize("blur", [0.0, 3.0])
def test_a_stroke_across_the_face_is_found(face: np.ndarray, level: float, blur: float) -> None:
    seen, where = ndimage.gaussian_filter(face, blur), stroke(150, 140)
    found = find_unexplained(np.where(where, level, seen), softer(seen))
    assert (found & where).sum() > 0.9 * where.sum()
    assert (found & wider(where, 4)).sum() > 0.95 * found.sum()


@pytest.mark.parametrize("moved", [0, 2, -2])
def test_a_face_alone_is_no_damage(face: np.ndarray, moved: int) -> None:
    """Neither where the search has drawn it a little beside its place."""
    assert not find_unexplained(face, np.roll(softer(face), moved, axis=(0, 1))).any()


def test_what_lies_beside_the_face_is_believed_only_with_damage_on_it(face: np.ndarray) -> None:
    beside, across = stroke(300, 10, 40), stroke(150, 140)
    assert not find_unexplained(np.where(beside, 0.97, face), softer(face)).any()
    found = find_unexplained(np.where(beside | across, 0.97, face), softer(face))
    assert (found & beside).sum() > 0.8 * beside.sum()


def test_what_is_hidden_already_is_not_found_again(face: np.ndarray) -> None:
    where = stroke(150, 140)
    assert not find_unexplained(np.where(where, 0.97, face), softer(face), ~wider(where, 3)).any()
    assert not find_unexplained(np.where(where, 0.97, face), softer(face), np.zeros_like(where)).any()


def test_another_face_is_no_damage(face: np.ndarray) -> None:
    """More than a few per cent cannot be told from a search that has failed."""
    rows = np.arange(S) % 20 < 5
    striped = np.where(rows[:, None], 0.97, face)
    assert rows.mean() > MOST
    assert not find_unexplained(striped, softer(face)).any()


def test_at_the_size_of_the_search_it_is_as_wide_as_it_is(face: np.ndarray) -> None:
    small, where = resampled(face, R), np.zeros((R, R), dtype=bool)
    where[60:62, 50:80] = True
    found = find_unexplained(np.where(where, 0.97, small), softer(face))
    assert (
        found.shape == (R, R)
        and (found & where).sum() > 0.9 * where.sum()
        and found.sum() < 1.6 * where.sum()
    )
