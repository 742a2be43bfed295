"""A restored face back in the photo that it came from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import skimage.data
import torch
from PIL import Image

from inversion.degradations.compose import Compose
from inversion.degradations.inpaint import Inpaint
from inversion.errors import ConfigError
from inversion.faces.sample import sample_photo
from inversion.images import read_photo, to_pil
from inversion.photo import Photo, Restored, with_faces
from inversion.photos import ALL, Photos
from tests.conftest import make_tiny_generator


def test_a_face_goes_back_where_it_was_cut_out() -> None:
    photo = Photos().load_file(sample_photo(), 256)[0]
    whole = np.asarray(read_photo(sample_photo()), dtype=float)
    same = np.asarray(with_faces([Restored(photo, to_pil(photo.image))]), dtype=float)
    assert same.shape == whole.shape
    assert np.abs(same - whole).mean() < 2.55
    white = np.asarray(with_faces([Restored(photo, Image.new("RGB", (64, 64), "white"))]), dtype=float)
    assert (white[200, 265] == 255).all() and (white[450:] == whole[450:]).all()


def test_a_photo_that_came_aligned_is_all_face(tmp_path: Path) -> None:
    Image.new("RGB", (100, 99)).save(tmp_path / "square.png")
    photo = Photos(align=False).load_file(tmp_path / "square.png", 64)[0]
    pasted = with_faces([Restored(photo, Image.new("RGB", (64, 64), "white"))])
    assert pasted.size == (100, 99) and np.asarray(pasted).min() == 255


def test_of_many_photos_that_cannot_be_used_a_few_are_named(tmp_path: Path) -> None:
    for number in range(1000):
        (tmp_path / f"\x1b[31m{number}.jpg").touch()
    with pytest.raises(ConfigError, match="none of the 1000 photos") as caught:
        Photos(str(tmp_path)).load(make_tiny_generator())
    lines = str(caught.value).splitlines()
    assert lines[-1] == "  and 990 more" and len(lines) == 12 and all(line.isprintable() for line in lines)


def test_a_synthetic_face_has_no_photo_to_go_back_to() -> None:
    with pytest.raises(ConfigError, match="paste=true .* Got seed7"):
        with_faces([Restored(Photo("seed7", torch.zeros(3, 8, 8), ""), Image.new("RGB", (8, 8)))])


def test_a_photo_that_changed_its_size_meanwhile_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    read_photo(sample_photo()).save(path)
    photo = Photos().load_file(path, 64)[0]
    Image.new("RGB", (50, 50)).save(path)
    with pytest.raises(ConfigError, match="not the one that was aligned"):
        with_faces([Restored(photo, to_pil(photo.image))])


@pytest.fixture(scope="module")
def two_people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample portrait beside scikit-image's, the second one smaller."""
    left = read_photo(sample_photo())
    right = Image.fromarray(skimage.data.astronaut()).resize((380, 380), Image.Resampling.LANCZOS)
    both = Image.new("RGB", (left.width + right.width, max(left.height, right.height)), "grey")
    both.paste(left, (0, 0))
    both.paste(right, (left.width, 0))
    path = tmp_path_factory.mktemp("photos") / "both.png"
    both.save(path)
    return path


def test_every_face_of_a_photo_is_a_problem_of_its_own(two_people: Path) -> None:
    faces = Photos(str(two_people), {"face": ALL}).load_file(two_people, 64)
    assert [(one.name, one.label, one.face) for one in faces] == [
        ("both-face0", "both.png, face 0", 0),
        ("both-face1", "both.png, face 1", 1),
    ]
    assert faces[0].side > faces[1].side
    for number, one in enumerate(faces):
        (alone,) = Photos(str(two_people), {"face": number}).load_file(two_people, 64)
        assert torch.equal(alone.image, one.image) and (alone.name, alone.face) == ("both", None)


def test_no_two_faces_of_a_folder_have_one_name(two_people: Path, tmp_path: Path) -> None:
    """A record of the same folder would remove the first one's files."""
    crop = tmp_path / "both-face0.png"
    read_photo(sample_photo()).save(crop)
    source = Photos(str(tmp_path), {"face": ALL})
    before = source.load_file(crop, 64)
    names = [one.name for one in before + source.load_file(two_people, 64, before)]
    assert names == ["both-face0", "both.png-face0", "both.png-face1"]


def test_a_photo_with_one_face_is_the_same_whether_all_or_the_largest_is_asked_for() -> None:
    (asked,) = Photos(align={"face": ALL}).load_file(sample_photo(), 64)
    (plain,) = Photos().load_file(sample_photo(), 64)
    assert torch.equal(asked.image, plain.image) and (asked.name, asked.face) == (plain.name, None)


def test_all_faces_go_back_and_everything_around_them_stays_to_the_bit(two_people: Path) -> None:
    faces = Photos(str(two_people), {"face": ALL}).load_file(two_people, 64)
    white = Image.new("RGB", (64, 64), "white")
    pasted = np.asarray(with_faces([Restored(one, white) for one in faces]))
    whole = np.asarray(read_photo(two_people))
    inside = np.zeros(whole.shape[:2], bool)
    for one in faces:
        assert one.transform is not None
        (left, top), (right, bottom) = (f(one.transform.corners, axis=0) for f in (np.min, np.max))
        inside[max(0, int(top)) : int(bottom) + 1, max(0, int(left)) : int(right) + 1] = True
        middle = np.mean(one.transform.corners, axis=0).astype(int)
        assert (pasted[middle[1], middle[0]] == 255).all()
    assert (pasted[~inside] == whole[~inside]).all()


def test_small_faces_are_named_and_left_as_they_are(
    two_people: Path, caplog: pytest.LogCaptureFixture
) -> None:
    small = round(2 * Photos(str(two_people), {"face": 1}).load_file(two_people, 64)[0].side) + 2
    (largest,) = Photos(str(two_people), {"face": ALL}).load_file(two_people, small)
    assert largest.name == "both" and "face 1" in caplog.text and "left as they are" in caplog.text
    caplog.clear()
    Photos(str(two_people), {"face": 1}).load_file(two_people, small)
    assert "much of what is drawn is a guess" in caplog.text


@pytest.mark.parametrize("max_size", [None, 1024])
def test_known_pixels_of_a_photo_with_a_hole_stay_to_the_bit_whatever_the_size_of_the_result(
    max_size: int | None,
) -> None:
    """At the generator's size a face is enlarged into its photo: only where it was filled in, or the rest is soft."""
    photo = Photos(degraded=True, max_size=max_size).load_file(sample_photo(), 64)[0]
    assert (photo.full is None) == (max_size is None)
    given = photo.given
    side = given.width
    filled_in = given.copy()
    filled_in.paste((200, 40, 40), (side * 3 // 8, side * 3 // 8, side * 5 // 8, side * 5 // 8))
    pasted = np.asarray(with_faces([Restored(photo, filled_in, Inpaint())]))
    whole = np.asarray(read_photo(sample_photo()))
    changed = (pasted != whole).any(axis=2)
    # a sixteenth of the square, and what resampling mixes with it
    assert 0.04 < changed.sum() / photo.side**2 < 0.16
    fresh = np.asarray(with_faces([Restored(photo, given, Inpaint())]))
    np.testing.assert_array_equal(fresh, whole)


def test_scratches_go_beyond_the_face_too_and_only_where_the_photo_arrived_with_them(tmp_path: Path) -> None:
    whole = np.array(read_photo(sample_photo()))
    mask = np.zeros(whole.shape[:2], np.uint8)
    mask[500:506, 20:480] = mask[100:400, 10:14] = 255
    whole[mask > 0] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    Image.fromarray(whole).save(tmp_path / "scratched.png")
    source = Photos(str(tmp_path / "scratched.png"), degraded=True, mask=str(tmp_path / "mask.png"))
    (photo,) = source.load_file(tmp_path / "scratched.png", 64)
    face, arrived = photo.given, Inpaint(mask=source.mask)
    mended = np.asarray(with_faces([Restored(photo, face, arrived)]))
    np.testing.assert_array_equal(mended[mask == 0], whole[mask == 0])
    assert (mended[mask > 0] == 255).all(axis=1).mean() < 0.02
    untouched = np.asarray(with_faces([Restored(photo, face, Compose(()))]))
    np.testing.assert_array_equal(untouched, mended)  # nothing is wrong with the face itself
    assert replace(source, degraded=False).load_file(tmp_path / "scratched.png", 64)[0].hidden is None
