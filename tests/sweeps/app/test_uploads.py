"""What is given to the page is checked, kept in one folder, and goes again."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from inversion.errors import AlignmentError, ConfigError
from sweeps.app import uploads as module
from sweeps.app.uploads import KEPT, LONGEST_NAME, Upload, Uploads, safe_name
from tests.sweeps.app.conftest import png


def mask_of(upload: Upload) -> np.ndarray:
    assert upload.mask is not None
    with Image.open(upload.mask) as mask:
        return np.array(mask)


def test_a_photos_face_is_found_and_shown(uploads: Uploads, portrait: bytes) -> None:
    found = uploads.add("my photo (1).jpg", portrait)
    assert found.path.read_bytes() == portrait and found.path.name == "my photo (1).jpg"
    assert len(found.areas) == 1 and not found.is_aligned and found.mask is None
    left, top, right, bottom = found.areas[0]
    assert 0 <= left < right <= found.size[0] and 0 <= top < bottom <= found.size[1]
    for name in ("preview.jpg", "face_0.jpg", "area_0.jpg"):
        with Image.open(found.folder / name) as shown:
            assert min(shown.size) >= 200
    assert uploads.get(found.id) is found


def test_a_square_photo_without_a_face_is_taken_as_aligned(uploads: Uploads) -> None:
    found = uploads.add("blank.png", png(Image.new("RGB", (64, 64), "teal")))
    assert found.is_aligned and found.areas == ((0, 0, 64, 64),)


def test_another_photo_without_a_face_is_refused_with_what_would_work(uploads: Uploads) -> None:
    with pytest.raises(AlignmentError, match="No face can be seen in blank.png.*square"):
        uploads.add("blank.png", png(Image.new("RGB", (90, 64), "teal")))
    assert list(uploads.folder.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"no picture", b"\xff\xd8\xff\xe0 cut off"])
def test_what_is_no_photo_is_refused_by_its_name_and_nothing_stays(uploads: Uploads, content: bytes) -> None:
    with pytest.raises(ConfigError) as refused:
        uploads.add("letter.jpg", content)
    assert "letter.jpg" in str(refused.value) and str(uploads.folder) not in str(refused.value)
    assert list(uploads.folder.iterdir()) == []


def test_too_many_pixels_are_refused(uploads: Uploads, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_PIXELS", 1000)
    with pytest.raises(ConfigError, match="too large"):
        uploads.add("large.png", png(Image.new("RGB", (64, 64))))


def test_the_oldest_photo_goes_unless_a_search_needs_it(uploads: Uploads) -> None:
    square = png(Image.new("RGB", (32, 32), "teal"))
    first, second = uploads.add("1.png", square), uploads.add("2.png", square)
    for number in range(KEPT - 1):
        uploads.add(f"more {number}.png", square, lambda: frozenset([first.id]))
    assert uploads.get(first.id) is first and first.path.exists()
    assert not second.folder.exists() and len(list(uploads.folder.iterdir())) == KEPT
    with pytest.raises(ConfigError, match="Choose it again"):
        uploads.get(second.id)


def test_a_search_that_begins_while_another_photo_is_looked_at_keeps_its_photo(
    uploads: Uploads, monkeypatch: pytest.MonkeyPatch
) -> None:
    square, needed = png(Image.new("RGB", (32, 32), "teal")), set[str]()
    first = [uploads.add(f"{number}.png", square) for number in range(KEPT)][0]

    def slow(*_: object) -> list[np.ndarray]:
        needed.add(first.id)
        return []

    monkeypatch.setattr("sweeps.app.uploads.find_faces", slow)
    uploads.add("another.png", square, lambda: frozenset(needed))
    assert uploads.get(first.id) is first and first.path.exists()


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("me.jpg", "me.jpg"),
        ("../../etc/passwd", "passwd"),
        ("C:\\photos\\Großmutter 1.jpg", "Großmutter 1.jpg"),
        ("照片.png", "照片.png"),
        ("a\nb\0c.jpg", "abc.jpg"),
        ("${oc.env:HOME}.jpg", "$ {oc.env:HOME}.jpg"),
        ("..", "photo"),
        ("", "photo"),
    ],
)
def test_of_a_files_name_its_last_part_is_kept(name: str, safe: str) -> None:
    assert safe_name(name) == safe


def test_a_long_name_is_cut_and_keeps_its_ending(uploads: Uploads) -> None:
    for letter in "aß照😀":
        name = safe_name(letter * 500 + ".jpeg")
        assert len(name.encode()) <= 2 * LONGEST_NAME and name.endswith(".jpeg")


def test_what_is_painted_over_a_faces_area_lies_there_in_the_photo(
    uploads: Uploads, upload: Callable[..., Upload]
) -> None:
    given, painted = upload(), Image.new("RGB", (50, 50))
    painted.paste("white", (10, 0, 20, 50))  # of an area of 200 x 200 from (10, 20): 4 times as large
    uploads.paint(given, 0, png(painted))
    mask = mask_of(given)
    assert mask.shape == (300, 400) and set(np.unique(mask)) == {0, 255}
    rows, columns = np.nonzero(mask)
    assert (rows.min(), rows.max()) == (20, 219)
    assert columns.min() == pytest.approx(50, abs=3) and columns.max() == pytest.approx(89, abs=3)
    uploads.clear_mask(given)
    assert given.mask is None


def test_a_mask_from_a_file_must_fit_the_photo(uploads: Uploads, upload: Callable[..., Upload]) -> None:
    given, mask = upload(), Image.new("L", (400, 300))
    with pytest.raises(ConfigError, match="all black"):
        uploads.give_mask(given, png(mask))
    mask.paste(255, (5, 5, 9, 9))
    uploads.give_mask(given, png(mask))
    assert mask_of(given).sum() == 16 * 255
    with pytest.raises(ConfigError, match="as large as the photo") as refused:
        uploads.give_mask(given, png(mask.resize((40, 30))))
    assert str(given.folder) not in str(refused.value)
    with pytest.raises(ConfigError, match="no|not"):
        uploads.give_mask(given, b"no picture")
    assert sorted(path.name for path in given.folder.iterdir()) == ["mask.png", "uploads"]
