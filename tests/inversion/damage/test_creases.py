from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from inversion.damage.creases import find_creases, lengths, paths
from inversion.damage.damage import SURE, find_damage
from inversion.damage.luma import luma_of

SOFT = ndimage.gaussian_filter(np.random.default_rng(1).normal(size=(500, 400)), 20)
PICTURE = (0.45 + 0.15 * SOFT / np.abs(SOFT).max()).astype(np.float32)  # a print of smooth grey


def folded(luma: np.ndarray, row: float, wavers: float = 2.0) -> tuple[np.ndarray, np.ndarray]:
    """A line of paper white from the left border, 3 px wide, that goes down by a tenth: photo and line."""
    columns = np.arange(luma.shape[1])
    noise = ndimage.gaussian_filter1d(np.random.default_rng(0).normal(size=len(columns)), 12)
    middle = row + 0.1 * columns + wavers * noise / noise.std()
    line = np.abs(np.arange(luma.shape[0])[:, None] - middle) < 1.5
    return np.where(line, 0.95, luma).astype(np.float32), line


def test_a_fold_is_found_from_border_to_border() -> None:
    photo, line = folded(PICTURE, 200)
    found = find_creases(photo)
    near = ndimage.binary_dilation(line, iterations=3)
    assert found.confidence >= SURE
    assert found.mask[line].mean() > 0.9 and near[found.mask].mean() > 0.9


def test_a_ruled_line_is_no_fold_and_neither_is_anything_of_a_portrait(portrait: np.ndarray) -> None:
    assert not find_creases(luma_of(portrait)).mask.any()
    ruled = PICTURE.copy()
    ruled[300:303] = 0.95
    assert not find_creases(ruled).mask.any()


def test_a_fold_hides_what_lies_under_it() -> None:
    photo, line = folded(PICTURE, 200)
    damage = find_damage(np.repeat(np.rint(255 * photo)[..., None], 3, axis=2).astype(np.uint8))
    assert damage.is_creased and damage.surely_hidden[line].mean() > 0.9 and not damage.is_none


def test_a_path_may_have_gaps_and_change_its_row() -> None:
    candidates = np.zeros((9, 40), dtype=bool)
    candidates[4, :20] = candidates[5, 20:] = True
    candidates[:, 10:14] = False
    assert lengths(candidates)[5, 39] == 40
    assert paths(candidates)[candidates].tolist() == [40] * 36
    candidates[:, 10:18] = False  # longer than the gap
    assert paths(candidates).max() == 22


@pytest.mark.parametrize("shape", [(1, 1), (8, 200), (40, 40)])
def test_photos_of_any_shape_are_looked_at(shape: tuple[int, int]) -> None:
    assert not find_creases(np.full(shape, 0.5, dtype=np.float32)).mask.any()


@pytest.mark.parametrize("shape", [(2, 20_000), (30_000, 3), (30, 12_000)])
def test_a_strip_has_no_creases(shape: tuple[int, int]) -> None:
    noise = np.random.default_rng(0).random(shape, dtype=np.float32)
    assert not find_creases(noise).mask.any()
