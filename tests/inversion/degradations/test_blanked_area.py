"""Detection on a real face: whatever the colour, the file format and the resampling, all of the blank is covered."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw
from scipy.ndimage import label

from inversion.degradations.blanked_area import connected, known_around_blank
from inversion.degradations.inpaint import Inpaint
from inversion.faces.sample import sample_photo
from inversion.images import read_photo, to_tensor

FACE = (120, 50, 420, 350)  # of Grace Hopper's portrait, roughly FFHQ's framing
BOXES = {"centre": (0.3, 0.3, 0.7, 0.7), "eyes": (0.2, 0.3, 0.8, 0.45), "half": (0.0, 0.6, 1.0, 1.0)}


def portrait(side: int) -> Image.Image:
    return read_photo(sample_photo()).crop(FACE).resize((side, side), Image.Resampling.LANCZOS)


def blanked(
    photo: Image.Image, box: tuple[float, ...], colour: tuple[int, ...]
) -> tuple[Image.Image, Image.Image]:
    """The photo with a rectangle in one colour, and where it is: 255 = blank."""
    left, top, right, bottom = (round(edge * photo.width) for edge in box)
    pixels = left, top, right, bottom
    mask = Image.new("L", photo.size, 0)
    mask.paste(255, pixels)
    photo = photo.copy()
    photo.paste(colour, pixels)
    return photo, mask


def assert_covered(photo: Image.Image, mask: Image.Image, at_most: float) -> None:
    """All pixels that are blank by 5 % or more are unknown, and few others are: a margin of pixels per side."""
    known = known_around_blank(to_tensor(photo))
    assert known is not None
    assert known.shape == (1, *photo.size[::-1])
    found, true = known[0].numpy() == 0, np.asarray(mask) > 13
    assert found[true].all()
    rows, columns = true.any(axis=1).sum(), true.any(axis=0).sum()
    assert found.sum() <= (rows + 2 * at_most) * (columns + 2 * at_most)


@pytest.mark.parametrize("box", BOXES.values(), ids=BOXES)
@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (128, 128, 128), (0, 255, 0)], ids=str)
def test_any_colour_and_place_is_found(box: tuple[float, ...], colour: tuple[int, ...]) -> None:
    assert_covered(*blanked(portrait(128), box, colour), at_most=4)


@pytest.mark.parametrize("side", [64, 128, 256, 512])
def test_it_is_found_at_every_resolution(side: int) -> None:
    assert_covered(*blanked(portrait(side), BOXES["centre"], (0, 0, 0)), at_most=4 * max(1, side / 256))


@pytest.mark.parametrize("quality", [95, *(pytest.param(q, marks=pytest.mark.slow) for q in (75, 50)), 30])
@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255)], ids=str)
def test_jpeg_does_not_hide_it(quality: int, colour: tuple[int, ...]) -> None:
    photo, mask = blanked(portrait(256), BOXES["centre"], colour)
    file = io.BytesIO()
    photo.save(file, "JPEG", quality=quality)
    assert_covered(Image.open(file), mask, at_most=4)


@pytest.mark.parametrize("side", [64, 100, 128, 300])
def test_resampling_softens_its_edges_and_it_is_still_found(side: int) -> None:
    pair = blanked(portrait(200), BOXES["centre"], (0, 0, 0))
    photo, mask = (picture.resize((side, side), Image.Resampling.LANCZOS) for picture in pair)
    assert_covered(photo, mask, at_most=4)


@pytest.mark.parametrize("degrees", [-12, -5, 2, 7])
def test_alignment_turns_it_and_it_is_still_found(degrees: float) -> None:
    pair = blanked(portrait(300), BOXES["centre"], (0, 0, 0))
    turned = [picture.rotate(degrees, Image.Resampling.BICUBIC) for picture in pair]
    photo, mask = (
        picture.crop((40, 40, 260, 260)).resize((128, 128), Image.Resampling.LANCZOS) for picture in turned
    )
    assert_covered(photo, mask, at_most=4)


@pytest.mark.parametrize("side", [64, 128, 256])
def test_a_whole_photo_has_none(side: int) -> None:
    assert known_around_blank(to_tensor(portrait(side))) is None


def test_a_photo_of_nothing_has_none() -> None:
    assert known_around_blank(torch.full((3, 64, 64), -1.0)) is None


def test_each_photo_of_a_batch_has_its_own() -> None:
    pictures = [blanked(portrait(128), box, (0, 0, 0))[0] for box in BOXES.values()]
    photos = torch.stack([to_tensor(picture) for picture in pictures])
    operator = Inpaint().bind(photos, degraded=True)
    assert operator.known is not None
    for i, photo in enumerate(photos):
        alone = Inpaint().bind(photo[None], degraded=True)
        assert alone.known is not None
        assert torch.equal(operator.known[i], alone.known[0])


def drawn(photo: Image.Image, shape: str, colour: tuple[int, ...]) -> tuple[Image.Image, Image.Image]:
    """The photo with an ellipse, a star or three strokes in one colour, and where they are: 255 = blank."""
    side = photo.width
    photo, mask = photo.copy(), Image.new("L", photo.size, 0)
    for picture, fill in ((photo, colour), (mask, 255)):
        pen = ImageDraw.Draw(picture)
        if shape == "ellipse":
            pen.ellipse([0.3 * side, 0.35 * side, 0.75 * side, 0.65 * side], fill=fill)
        elif shape == "star":
            turns = [2 * np.pi * i / 10 for i in range(10)]
            reach = [side * (0.3 if i % 2 else 0.15) for i in range(10)]
            pen.polygon(
                [
                    (side / 2 + r * np.cos(t), side / 2 + r * np.sin(t))
                    for t, r in zip(turns, reach, strict=True)
                ],
                fill=fill,
            )
        else:
            for y in (0.3, 0.5, 0.7):
                line = [(0.25 * side, y * side), (0.5 * side, (y + 0.08) * side), (0.75 * side, y * side)]
                pen.line(line, fill=fill, width=round(0.07 * side), joint="curve")
    return photo, mask


def assert_all_and_little_else(photo: Image.Image, mask: Image.Image, blank: float = 0.1) -> None:
    """All pixels that are blank by that share or more are unknown; hardly any farther away than 4 pixels."""
    known = known_around_blank(to_tensor(photo))
    assert known is not None
    found, true = known[0] == 0, torch.from_numpy(np.array(mask)) > 255 * blank
    assert found[true].all()
    near = F.max_pool2d(true.float()[None], 9, 1, 4)[0] > 0
    assert (found & ~near).float().mean() < 0.015


@pytest.mark.parametrize("side", [64, 128])
@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (128, 128, 128), (230, 30, 40)], ids=str)
@pytest.mark.parametrize("shape", ["ellipse", "star", "strokes"])
def test_any_shape_is_found(shape: str, colour: tuple[int, ...], side: int) -> None:
    assert_all_and_little_else(*drawn(portrait(side), shape, colour))


@pytest.mark.parametrize("quality", [95, 75, 50])
@pytest.mark.parametrize("shape", ["ellipse", "star"])
def test_jpeg_and_alignment_hide_no_shape(shape: str, quality: int) -> None:
    photo, mask = drawn(portrait(300), shape, (128, 128, 128))
    file = io.BytesIO()
    photo.save(file, "JPEG", quality=quality)
    turned = [picture.rotate(5, Image.Resampling.BICUBIC) for picture in (Image.open(file), mask)]
    photo, mask = (
        picture.crop((40, 40, 260, 260)).resize((64, 64), Image.Resampling.LANCZOS) for picture in turned
    )
    assert_all_and_little_else(photo, mask, blank=0.3)  # the tips of the star are soft


def test_patches_of_another_colour_are_left_alone() -> None:
    photo, mask = drawn(portrait(128), "ellipse", (0, 255, 0))
    ImageDraw.Draw(photo).rectangle([2, 2, 9, 9], fill=(255, 0, 255))
    known = known_around_blank(to_tensor(photo))
    assert known is not None
    assert (known[0, 2:10, 2:10] == 1).all()


def test_connected_areas_equal_scipys() -> None:
    inside = np.random.default_rng(0).random((40, 40)) < 0.45
    number = connected(inside)
    reference, areas = label(inside, np.ones((3, 3)))
    assert areas > 3
    assert len({(a, b) for a, b in zip(number.ravel(), reference.ravel(), strict=True)}) == areas + 1
    assert ((number == 0) == ~inside).all()
