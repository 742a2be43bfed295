from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from inversion.damage.blur import Blur
from inversion.damage.chain import to_degradation
from inversion.damage.compression import find_compression
from inversion.damage.damage import SURE, find_damage
from inversion.damage.enlargement import Enlargement, find_enlargement
from inversion.damage.luma import luma_of
from inversion.damage.table import rows
from inversion.degradations import Downsample
from inversion.degradations.blur import GaussianBlur
from tests.inversion.damage.test_blur import blurred, find_blur


def enlarged(photo: np.ndarray, factor: float, method: Image.Resampling) -> np.ndarray:
    """Brought down and enlarged again, [H, W, 3]."""
    picture = Image.fromarray(photo)
    small = picture.resize(
        (round(picture.width / factor), round(picture.height / factor)), Image.Resampling.BOX
    )
    return np.array(small.resize(picture.size, method))


def found_in(photo: np.ndarray) -> Enlargement:
    luma, compression = luma_of(photo), find_compression(photo)
    return find_enlargement(luma, find_blur(luma, 0.0, compression), compression.quality is not None)


@pytest.mark.parametrize("factor", [2.0, 3.6, *(pytest.param(f, marks=pytest.mark.slow) for f in (4.0, 5.0))])
@pytest.mark.parametrize("method", [Image.Resampling.BICUBIC, Image.Resampling.NEAREST])
def test_the_factor_is_found(portrait: np.ndarray, factor: float, method: Image.Resampling) -> None:
    found = found_in(enlarged(portrait, factor, method))
    assert found.confidence >= SURE and found.factor == pytest.approx(factor, rel=0.02)


def test_it_is_found_behind_compression(portrait: np.ndarray) -> None:
    file = io.BytesIO()
    Image.fromarray(enlarged(portrait, 3.6, Image.Resampling.BICUBIC)).save(file, format="JPEG", quality=90)
    assert found_in(np.array(Image.open(file))).factor == pytest.approx(3.6, rel=0.02)


@pytest.mark.parametrize("kernel_size", [None, 9.0, 20.0])
def test_no_photo_is_enlarged_that_was_not(portrait: np.ndarray, kernel_size: float | None) -> None:
    photo = portrait if kernel_size is None else blurred(portrait, kernel_size)
    assert found_in(photo).confidence < SURE
    file = io.BytesIO()
    Image.fromarray(photo).save(file, format="JPEG", quality=60)
    assert found_in(np.array(Image.open(file))).confidence < SURE


@pytest.mark.parametrize(("depth", "is_period"), [(0.04, False), (0.2, True)])
def test_a_weak_period_is_none_in_a_photo_without_noise(depth: float, is_period: bool) -> None:
    """Blocks that a photo had before it was shrunk and blurred leave one of about 0.05."""
    rows, columns = (1 + depth * np.cos(2 * np.pi * np.arange(600) / 7) for _ in range(2))
    fine = 0.005 * np.random.default_rng(0).normal(size=(600, 600))
    luma = (0.5 + fine * rows[:, None] * columns).astype(np.float32)
    found = find_enlargement(luma, Blur(20.0, 1.0))
    assert (found.confidence >= SURE) == is_period
    if is_period:
        assert found.factor == pytest.approx(7, rel=0.02)
    # noise takes of the period as well
    assert find_enlargement(luma, Blur(20.0, 1.0), noise=0.01).confidence > 0


def test_tiny_and_empty_photos_are_not_enlarged() -> None:
    for shape in ((8, 8), (300, 100), (400, 400)):
        luma = np.full(shape, 0.5, dtype=np.float32)
        assert find_enlargement(luma, find_blur(luma)).factor == 1


def test_it_takes_the_place_of_the_blur_it_looks_like(portrait: np.ndarray) -> None:
    damage = find_damage(enlarged(portrait, 3.6, Image.Resampling.BICUBIC))
    kinds = [type(step) for step in to_degradation(damage).steps]
    assert Downsample in kinds and GaussianBlur not in kinds and not damage.is_moved
    assert [row.found for row in rows(damage) if row.what == "pixels"] == ["enlarged 3.60 times"]
