from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inversion.errors import AlignmentError, ConfigError
from inversion.faces.align import Transform, align, ffhq_corners, full_side
from inversion.faces.landmarks import choose_face, find_faces
from inversion.images import read_photo


def level_face(eyes: float = 100, mouth: float = 100, centre: tuple[float, float] = (500, 400)) -> np.ndarray:
    """68 points of a face that looks straight at us: distance of the eyes, height from eyes to mouth."""
    points = np.full((68, 2), centre, dtype=float)
    points[36:42] -= (eyes / 2, 0)
    points[42:48] += (eyes / 2, 0)
    points[[48, 54]] += (0, mouth)
    return points


def psnr(a: Image.Image, b: Image.Image) -> float:
    difference = np.asarray(a, dtype=float) - np.asarray(b, dtype=float)
    return float(10 * np.log10(255**2 / max((difference**2).mean(), 1e-9)))


def test_framing_of_a_level_face_is_karras_formula_by_hand() -> None:
    # Half the side is max(2 * 100, 1.8 * 100) = 200; the centre lies a tenth of the way to the mouth.
    corners = ffhq_corners(level_face())
    expected = [(300, 210), (300, 610), (700, 610), (700, 210)]
    np.testing.assert_allclose(corners, expected, atol=1e-9)
    # A long face is framed by its height: 1.8 * 200 = 360.
    np.testing.assert_allclose(ffhq_corners(level_face(mouth=200))[0], (140, 60), atol=1e-9)


@pytest.mark.parametrize("degrees", [30, 90, 180, -45])
def test_framing_turns_grows_and_moves_with_the_face(degrees: float) -> None:
    angle = np.radians(degrees)
    matrix = 1.7 * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    moved = ffhq_corners(level_face() @ matrix.T + (13, -7))
    np.testing.assert_allclose(moved, ffhq_corners(level_face()) @ matrix.T + (13, -7), atol=1e-9)


@pytest.mark.parametrize("resolution", [16, 64, 100, 256])
def test_a_crop_has_the_resolution_asked_for(
    portrait: Image.Image, points: np.ndarray, resolution: int
) -> None:
    aligned = align(portrait, points, resolution)
    assert aligned.image.mode == "RGB" and aligned.image.size == (resolution, resolution)
    assert aligned.transform.resolution == resolution


def test_eyes_and_mouth_lie_where_ffhq_has_them(portrait: Image.Image, points: np.ndarray) -> None:
    found = choose_face(find_faces(align(portrait, points, 512).image)) / 512
    # Within 5 % of the side, as seen in every FFHQ picture.
    for part, place in (
        (found[36:42], (0.375, 0.47)),
        (found[42:48], (0.625, 0.47)),
        (found[48:60], (0.5, 0.70)),
    ):
        assert np.abs(part.mean(axis=0) - place).max() < 0.05


def origins(transform: Transform, resolution: int) -> np.ndarray:
    """[R, R, 2]: the photo position (x, y) of every aligned pixel's centre."""
    corners = np.array(transform.corners)
    v, u = ((np.mgrid[:resolution, :resolution] + 0.5) / resolution)[..., None]
    return corners[0] + u * (corners[3] - corners[0]) + v * (corners[1] - corners[0])


@pytest.mark.parametrize("size", [(1000, 1000), (997, 1003)])
@pytest.mark.parametrize("resolution", [16, 64, 200])
def test_every_aligned_pixel_comes_from_where_the_transform_says(
    size: tuple[int, int], resolution: int
) -> None:
    # A photo whose red is x and green is y tells each pixel's origin, whatever was shrunk and cropped.
    width, height = size
    y, x = np.mgrid[:height, :width] + 0.5
    ramps = np.stack([x * 255 / width, y * 255 / height, 0 * x], axis=-1).round().astype(np.uint8)
    angle = np.radians(20)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points = (level_face() - (500, 430)) @ turn.T + (500, 480)
    rising, falling = (align(Image.fromarray(pixels), points, resolution) for pixels in (ramps, 255 - ramps))
    # Pillow's transform cuts off fractions of a level: in the mean of both pictures that cancels.
    found = (np.asarray(rising.image, dtype=float) + 255 - np.asarray(falling.image, dtype=float)) / 2
    error = found[..., :2] / 255 - origins(rising.transform, resolution) / size
    error = error[2:-2, 2:-2]  # Lanczos has no neighbours at the rim
    assert np.abs(error).max() < 1.5 / 255 and np.abs(error.mean(axis=(0, 1))).max() < 0.1 / 255


@pytest.mark.parametrize(
    "orientation, stored", [(6, Image.Transpose.ROTATE_90), (3, Image.Transpose.ROTATE_180)]
)
def test_an_exif_rotated_photo_gives_the_same_crop(
    tmp_path: Path, portrait: Image.Image, points: np.ndarray, orientation: int, stored: Image.Transpose
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    portrait.transpose(stored).save(tmp_path / "phone.png", exif=exif)
    photo = read_photo(tmp_path / "phone.png")
    upright = align(portrait, points, 64)
    rotated = align(photo, choose_face(find_faces(photo)), 64)
    assert rotated.image.tobytes() == upright.image.tobytes()
    assert rotated.transform == upright.transform


def test_a_larger_photo_gives_the_same_crop(portrait: Image.Image, points: np.ndarray) -> None:
    large = portrait.resize((512 * 4, 600 * 4), Image.Resampling.LANCZOS)
    assert psnr(align(large, points * 4, 64).image, align(portrait, points, 64).image) > 35


@pytest.mark.parametrize("shift", [(-180, 0), (180, 0), (0, -150), (0, 250), (-200, -160)])
def test_padding_keeps_the_face_and_invents_no_black(
    portrait: Image.Image, points: np.ndarray, shift: tuple[int, int]
) -> None:
    left, top = max(-shift[0], 0), max(-shift[1], 0)
    right, bottom = min(512 - shift[0], 512), min(600 - shift[1], 600)
    near_edge = portrait.crop((left, top, right, bottom))
    whole, cut = align(portrait, points, 64), align(near_edge, points - (left, top), 64)
    assert max(whole.transform.pad) == 0 and min(cut.transform.pad) > 0
    # What lies deep in the photo is the same picture.
    x, y = np.moveaxis(origins(cut.transform, 64), 2, 0)
    true = cut.transform.invented(x, y) == 0
    a, b = np.asarray(whole.image, dtype=float), np.asarray(cut.image, dtype=float)
    assert 0.2 < true.mean() < 1
    assert np.abs(a - b)[true].mean() < 1
    assert (b[~true].max(axis=-1) > 8).mean() > 0.8


def test_the_transform_survives_json(portrait: Image.Image, points: np.ndarray) -> None:
    transform = align(portrait, points, 64).transform
    assert Transform.from_dict(json.loads(json.dumps(asdict(transform)))) == transform


def test_landmarks_that_are_no_face_are_refused(portrait: Image.Image, points: np.ndarray) -> None:
    with pytest.raises(AlignmentError, match="span no face"):
        align(portrait, np.ones((68, 2)), 64)
    with pytest.raises(AlignmentError, match=r"\[5, 2\]"):
        align(portrait, points[:5], 64)
    with pytest.raises(AlignmentError, match="finite"):
        align(portrait, points * np.nan, 64)
    with pytest.raises(AlignmentError, match="outside"):
        align(portrait, points + 5000, 64)
    with pytest.raises(ConfigError, match="Got 0"):
        align(portrait, points, 0)


def test_the_full_size_is_a_multiple_of_jpegs_blocks_between_generator_and_limit() -> None:
    assert [full_side(side, 64) for side in (30.0, 320.0, 320.5, 5000.0)] == [64, 320, 336, 1024]
    assert full_side(300.0, 1024, 512) == 1024


def test_pixels_beyond_the_photo_are_told_and_the_others_are_the_photos_own(
    portrait: Image.Image, points: np.ndarray
) -> None:
    whole = align(portrait, points, 128, fade=False)
    assert whole.transform.inside(128).all()
    box = (200, 0, 512, 600)
    cut = align(portrait.crop(box), points - box[:2], 128, fade=False)
    inside = cut.transform.inside(128)
    assert not inside[64, 0] and inside[64, 127] and 0.05 < (~inside).mean() < 0.5
    difference = np.abs(np.asarray(cut.image, dtype=float) - np.asarray(whole.image, dtype=float))
    assert difference[inside].mean() < 1
    assert (cut.transform.inside(64) == inside[::2, ::2]).mean() > 0.97
