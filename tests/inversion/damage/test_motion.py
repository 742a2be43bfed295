from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from inversion.damage.compression import Compression
from inversion.damage.damage import SURE, find_damage
from inversion.damage.luma import luma_of
from inversion.damage.motion import find_motion
from inversion.damage.table import rows
from inversion.degradations.blur import GaussianBlur
from inversion.degradations.degradation import Degradation
from inversion.degradations.motion_blur import MotionBlur
from inversion.images import quantize, to_pil, to_tensor


def corrupted(photo: np.ndarray, operator: Degradation) -> np.ndarray:
    """Rounded to 8 bits, [H, W, 3]."""
    image = to_tensor(Image.fromarray(photo))[None]
    return np.array(to_pil(quantize(operator.bind(image, False)(image))[0]))


@pytest.mark.parametrize(("length", "angle"), [(9.0, 20.0), (16.0, 75.0), (25.0, 130.0), (14.0, 0.0)])
def test_length_and_angle_are_found(portrait: np.ndarray, length: float, angle: float) -> None:
    found = find_motion(luma_of(corrupted(portrait, MotionBlur(length, angle))))
    assert found.confidence >= SURE
    assert found.length == pytest.approx(length, rel=0.1)
    assert abs((found.angle - angle + 90) % 180 - 90) < 4


def test_of_a_photo_twice_as_large_the_line_is_twice_as_long(portrait: np.ndarray) -> None:
    moved = Image.fromarray(corrupted(portrait, MotionBlur(16.0, 40.0)))
    found = find_motion(luma_of(np.array(moved.resize((1024, 1200), Image.Resampling.BICUBIC))))
    assert found.confidence >= SURE and found.length == pytest.approx(32, rel=0.1)


@pytest.mark.parametrize("kernel_size", [None, 9.0, 16.0, 30.0])
def test_neither_a_sharp_photo_nor_one_out_of_focus_has_moved(
    portrait: np.ndarray, kernel_size: float | None
) -> None:
    photo = portrait if kernel_size is None else corrupted(portrait, GaussianBlur(kernel_size))
    assert find_motion(luma_of(photo)).confidence < SURE


def test_noise_and_compression_make_no_line(portrait: np.ndarray) -> None:
    noise = np.random.default_rng(0).normal(0, 5, portrait.shape[:2]) / 255
    assert find_motion(luma_of(portrait) + noise, 5 / 255).confidence < SURE
    file = io.BytesIO()
    Image.fromarray(portrait).save(file, format="JPEG", quality=30)
    assert find_motion(luma_of(np.array(Image.open(file)))).confidence < SURE


def test_a_short_line_along_an_axis_may_be_blocks_where_the_photo_was_compressed(
    portrait: np.ndarray,
) -> None:
    moved = luma_of(corrupted(portrait, MotionBlur(9.0, 0.0)))
    for quality, is_seen in ((None, True), (80, False)):
        found = find_motion(moved, compression=Compression(quality, 1.0, "none" if is_seen else "traces"))
        assert (found.confidence >= SURE) == is_seen


def test_tiny_and_empty_photos_have_not_moved() -> None:
    for shape in ((8, 8), (300, 100), (400, 400)):
        assert find_motion(np.full(shape, 0.5, dtype=np.float32)).confidence == 0


def test_a_line_takes_the_place_of_the_lens(portrait: np.ndarray) -> None:
    damage = find_damage(corrupted(portrait, MotionBlur(16.0, 75.0)))
    assert damage.is_moved and not damage.is_blurred
    (row,) = (row for row in rows(damage) if row.what == "blur")
    assert row.found.startswith("motion, 1") and row.operator.startswith("motion_blur length=1")
