"""alignment.png shows the landmarks and the square where they are in the photo."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inversion.faces.align import align, ffhq_corners
from inversion.faces.found import AROUND, SIDE, Found
from inversion.faces.sample import sample_photo
from inversion.photos import Photos
from inversion.pictures import alignment
from tests.inversion.faces.test_align import level_face


def found_in(size: tuple[int, int], points: np.ndarray) -> Found:
    return Found.of(Image.new("RGB", size, "#204060"), points, ffhq_corners(points))


@pytest.mark.parametrize(("size", "eyes"), [((1000, 900), 100.0), ((4000, 3000), 30.0), ((640, 480), 100.0)])
def test_landmarks_keep_their_places_in_the_square(size: tuple[int, int], eyes: float) -> None:
    points = level_face(eyes=eyes, mouth=eyes)
    found, corners = found_in(size, points), ffhq_corners(points)

    def in_square(places: np.ndarray, square: np.ndarray) -> np.ndarray:
        return (places - square[0]) / np.hypot(*(square[1] - square[0]))

    np.testing.assert_allclose(
        in_square(found.landmarks, found.corners), in_square(points + 0.5, corners), atol=2e-3
    )
    assert max(found.view.size) <= SIDE
    share = np.hypot(*(found.corners[1] - found.corners[0])) / max(found.view.size)
    assert share >= 0.99 / (2 * AROUND)  # a small face in a large photo is not lost in it


def test_dots_and_square_are_drawn_where_the_face_is() -> None:
    found = found_in((1000, 900), level_face())
    picture = np.asarray(alignment.drawn(found), dtype=int)
    scale = alignment.SIDE / max(found.view.size)
    x, y = (found.landmarks[48] * scale).round().astype(int)
    assert picture[y, x].tolist() == pytest.approx([255, 211, 61], abs=40)
    (left, top), (_, bottom) = found.corners[:2] * scale
    edge = picture[round((top + bottom) / 2), round(left)]
    assert edge.tolist() == pytest.approx([188, 76, 0], abs=40)


def test_a_square_that_leaves_the_photo_is_drawn_whole() -> None:
    points = level_face(centre=(40, 60))
    drawn = alignment.drawn(found_in((500, 400), points))
    assert np.asarray(drawn)[0, 0].tolist() == pytest.approx([188, 76, 0], abs=80)


def test_only_a_photo_that_was_aligned_has_it(tmp_path: Path) -> None:
    aligned = Photos().load_file(sample_photo(), 64)[0]
    assert aligned.found is not None and aligned.transform is not None
    np.testing.assert_allclose(
        np.hypot(*(aligned.found.corners[1] - aligned.found.corners[0]))
        / np.hypot(*(aligned.found.corners[2] - aligned.found.corners[1])),
        1,
        atol=0.02,
    )
    Image.new("RGB", (64, 64)).save(tmp_path / "aligned.png")
    assert Photos(align=False).load_file(tmp_path / "aligned.png", 64)[0].found is None


def test_align_and_picture_agree_on_the_square() -> None:
    points = level_face()
    photo = Image.new("RGB", (1000, 900))
    np.testing.assert_allclose(np.array(align(photo, points, 64).transform.corners), ffhq_corners(points))
