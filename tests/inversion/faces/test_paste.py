from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from PIL import Image, ImageFilter

from inversion.errors import ConfigError
from inversion.faces.align import Transform, align
from inversion.faces.paste import Face, paste, paste_all


def array(image: Image.Image) -> np.ndarray:
    return np.asarray(image, dtype=float)


def inside(size: tuple[int, int], corners: tuple[tuple[float, float], ...]) -> np.ndarray:
    """[H, W], True where a pixel's centre lies in the square."""
    c = np.array(corners)
    y, x = np.mgrid[: size[1], : size[0]] + 0.5
    offset = np.stack([x, y], axis=-1) - c[0]
    u, v = (offset @ edge / (edge @ edge) for edge in (c[3] - c[0], c[1] - c[0]))
    return (0 <= u) & (u <= 1) & (0 <= v) & (v <= 1)


def moved(transform: Transform, by: float) -> Transform:
    """The square so many pixels to the right."""
    a, b, c, d = ((x + by, y) for x, y in transform.corners)
    return dataclasses.replace(transform, corners=(a, b, c, d))


def test_align_then_paste_gives_the_same_photo(portrait: Image.Image, points: np.ndarray) -> None:
    # Without detail finer than resampling keeps, only rounding remains: a wrong offset would show at once.
    smooth = portrait.filter(ImageFilter.GaussianBlur(4))
    aligned = align(smooth, points, 512)
    back = paste(smooth, aligned.image, aligned.transform)
    assert back.size == smooth.size
    difference = np.abs(array(back) - array(smooth))
    assert difference.max() <= 6 and difference.mean() < 0.5
    # The photo itself, grain and all: 1 % of the range on average.
    aligned = align(portrait, points, 1024)
    assert np.abs(array(paste(portrait, aligned.image, aligned.transform)) - array(portrait)).mean() < 2.55


@pytest.mark.parametrize(
    "box", [(150, 0, 512, 600), (0, 100, 512, 600), (0, 0, 370, 380), (130, 110, 400, 330)]
)
def test_the_law_holds_where_the_face_leaves_the_photo(
    portrait: Image.Image, points: np.ndarray, box: tuple[int, int, int, int]
) -> None:
    smooth = portrait.filter(ImageFilter.GaussianBlur(4)).crop(box)
    aligned = align(smooth, points - box[:2], 512)
    assert max(aligned.transform.pad) > 0
    difference = np.abs(array(paste(smooth, aligned.image, aligned.transform)) - array(smooth))
    # Half way through the fade, half of the face is mixed in and half of that is blurred.
    assert difference.max() <= 16 and difference.mean() < 2


@pytest.mark.parametrize("resolution", [32, 64, 400])
@pytest.mark.parametrize("feather", [0.0, 0.1, 0.5])
def test_pixels_outside_the_square_stay_to_the_bit(
    portrait: Image.Image, points: np.ndarray, resolution: int, feather: float
) -> None:
    aligned = align(portrait, points, resolution)
    white = Image.new("RGB", (resolution, resolution), "white")
    back = paste(portrait, white, aligned.transform, feather)
    outside = ~inside(portrait.size, aligned.transform.corners)
    assert (array(back)[outside] == array(portrait)[outside]).all()
    assert array(back)[205, 265].min() > 250  # the middle of the square


def test_the_restored_face_may_have_another_resolution(portrait: Image.Image, points: np.ndarray) -> None:
    transform = align(portrait, points, 64).transform
    fine = align(portrait, points, 512)
    back = paste(portrait, fine.image, transform)
    assert back.tobytes() == paste(portrait, fine.image, fine.transform).tobytes()


def test_the_seam_is_soft(portrait: Image.Image, points: np.ndarray) -> None:
    grey = Image.new("RGB", portrait.size)
    transform = align(portrait, points, 64).transform
    soft = array(paste(grey, Image.new("RGB", (64, 64), "white"), transform, 0.1))[200, :, 0]
    hard = array(paste(grey, Image.new("RGB", (64, 64), "white"), transform, 0.0))[200, :, 0]
    assert np.abs(np.diff(soft)).max() < 20  # 255 levels over a tenth of 327 px, steepest in the middle
    assert np.abs(np.diff(hard)).max() > 200


def test_a_face_that_is_small_in_the_photo_is_pasted_without_aliasing(
    portrait: Image.Image, points: np.ndarray
) -> None:
    small, scale = portrait.resize((64, 75), Image.Resampling.LANCZOS), 1 / 8
    transform = align(small, points * scale, 256).transform
    stripes = np.zeros((256, 256, 3), dtype=np.uint8)
    stripes[:, ::2] = 255  # finer than the photo can show: must turn into grey, not into moiré
    centre = array(paste(small, Image.fromarray(stripes), transform))[28:36, 28:36]
    assert np.abs(centre - 127.5).max() < 15


def test_another_photo_and_impossible_settings_are_refused(portrait: Image.Image, points: np.ndarray) -> None:
    aligned = align(portrait, points, 64)
    with pytest.raises(ConfigError, match="100x100.*512x600"):
        paste(Image.new("RGB", (100, 100)), aligned.image, aligned.transform)
    with pytest.raises(ConfigError, match="square"):
        paste(portrait, Image.new("RGB", (64, 32)), aligned.transform)
    with pytest.raises(ConfigError, match="0.6"):
        paste(portrait, aligned.image, aligned.transform, feather=0.6)


def test_a_square_beside_the_photo_changes_nothing(portrait: Image.Image, points: np.ndarray) -> None:
    aligned = align(portrait, points, 64)
    transform = moved(aligned.transform, 9000)
    assert paste(portrait, aligned.image, transform).tobytes() == portrait.tobytes()


def test_only_what_changed_is_pasted(portrait: Image.Image, points: np.ndarray) -> None:
    aligned = align(portrait, points, 336, fade=False)
    assert (
        paste(portrait, aligned.image, aligned.transform, before=aligned.image).tobytes()
        == portrait.tobytes()
    )
    filled = aligned.image.copy()
    filled.paste((200, 40, 40), (150, 150, 190, 190))
    changed = (
        array(paste(portrait, filled, aligned.transform, before=aligned.image)) != array(portrait)
    ).any(axis=-1)
    assert 1500 < changed.sum() < 2500  # 40 x 40 and what resampling mixes with it


def test_overlapping_faces_blend_and_each_has_its_own_middle(
    portrait: Image.Image, points: np.ndarray
) -> None:
    first = align(portrait, points, 64).transform
    second = moved(first, 100)
    faces = [Face(Image.new("RGB", (64, 64), c), t) for c, t in (("red", first), ("blue", second))]
    both = array(paste_all(portrait, faces))
    assert paste_all(portrait, faces[::-1]).tobytes() == paste_all(portrait, faces).tobytes()
    (x0, y0), (x1, _) = (np.mean(t.corners, axis=0).astype(int) for t in (first, second))
    assert both[y0, x0 - 20, 0] > 200 and both[y0, x1 + 20, 2] > 200
    assert np.abs(np.diff(both[y0, x0:x1, 0])).max() < 12  # no step between them
