from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image

from inversion.fullsize.save import png_like
from inversion.images import read_photo
from tests.inversion.reading.test_colour_profile import PROFILES


def taken(tmp_path: Path, profile: bytes | None) -> Path:
    """A photo that a telephone held sideways has taken."""
    path = tmp_path / "photo.png"
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    exif[ExifTags.Base.Model] = "Camera"
    noise = np.random.default_rng(0).integers(0, 256, [20, 30, 3], np.uint8)
    Image.fromarray(noise).save(path, exif=exif, icc_profile=profile, dpi=(300, 300))
    return path


@pytest.mark.parametrize("kind", [None, *PROFILES])
def test_what_is_not_restored_is_the_file_to_the_bit_with_all_that_belongs_to_it(
    tmp_path: Path, kind: str | None
) -> None:
    path = taken(tmp_path, None if kind is None else PROFILES[kind])
    photo = read_photo(path)
    restored = photo.copy()
    restored.paste((200, 120, 90), (5, 5, 10, 10))
    with Image.open(path) as stored, Image.open(io.BytesIO(png_like(path, restored))) as saved:
        assert saved.size == (20, 30) and saved.info.get("icc_profile") == stored.info.get("icc_profile")
        assert saved.getexif()[ExifTags.Base.Orientation] == 1
        assert saved.getexif()[ExifTags.Base.Model] == "Camera"
        assert float(saved.info["dpi"][0]) == pytest.approx(300, abs=0.1)
        upright, pixels = np.asarray(stored.transpose(Image.Transpose.ROTATE_270)), np.array(saved)
    outside = np.ones([30, 20], bool)
    outside[5:10, 5:10] = False
    np.testing.assert_array_equal(pixels[outside], upright[outside])
    (tmp_path / "saved.png").write_bytes(png_like(path, restored))
    seen = np.asarray(read_photo(tmp_path / "saved.png")).astype(int)[5:10, 5:10]
    assert np.abs(seen - (200, 120, 90)).max() <= 3  # levels, there and back


def test_a_grey_file_becomes_rgb(tmp_path: Path) -> None:
    Image.new("L", (4, 4), 80).save(tmp_path / "old.bmp")
    saved = Image.open(io.BytesIO(png_like(tmp_path / "old.bmp", Image.new("RGB", (4, 4), "red"))))
    assert saved.mode == "RGB" and saved.getpixel((0, 0)) == (255, 0, 0)


def test_damaged_exif_does_not_cost_the_restoration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = taken(tmp_path, None)

    def damaged(*_: object) -> bytes:
        raise struct.error("required argument is not an integer")  # as Pillow does for a tag of another type

    monkeypatch.setattr(Image.Exif, "tobytes", damaged)
    restored = Image.new("RGB", (20, 30), "red")
    with Image.open(io.BytesIO(png_like(path, restored))) as saved:
        assert saved.tobytes() == restored.tobytes() and not len(saved.getexif())
    assert "EXIF" in caplog.text
