from __future__ import annotations

from pathlib import Path

import pytest
from PIL import ExifTags, Image, ImageCms

from inversion.errors import ConfigError
from inversion.fullsize.save import save_like


@pytest.fixture
def original(tmp_path: Path) -> Path:
    path = tmp_path / "photo.jpg"
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    exif[ExifTags.Base.Model] = "Camera"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.new("RGB", (20, 30)).save(path, exif=exif, icc_profile=profile, dpi=(300, 300))
    return path


@pytest.mark.parametrize("name", ["out", "out.jpg", "out.png", "out.tif", "out.webp"])
def test_profile_resolution_and_exif_are_kept_and_the_pixels_are_upright(original: Path, name: str) -> None:
    picture = Image.effect_noise((30, 20), 50).convert("RGB")
    written = save_like(original, picture, original.parent / name)
    assert written.suffix == (Path(name).suffix or ".jpg")
    with Image.open(written) as saved:
        assert saved.info["icc_profile"][16:20] == b"RGB "
        assert saved.getexif()[ExifTags.Base.Orientation] == 1
        assert saved.getexif()[ExifTags.Base.Model] == "Camera"
        if name != "out.webp":  # which has no place for it but EXIF
            assert float(saved.info["dpi"][0]) == pytest.approx(300, abs=0.1)
        assert saved.size == (30, 20)
        if name in ("out.png", "out.tif", "out.webp"):
            assert saved.convert("RGB").tobytes() == picture.tobytes()


def test_formats_that_keep_nothing_become_png_and_strange_ones_are_refused(tmp_path: Path) -> None:
    Image.new("RGB", (4, 4)).save(tmp_path / "old.bmp")
    assert save_like(tmp_path / "old.bmp", Image.new("RGB", (4, 4)), tmp_path / "new").suffix == ".png"
    with pytest.raises(ConfigError, match="new.png"):
        save_like(tmp_path / "old.bmp", Image.new("RGB", (4, 4)), tmp_path / "new.gif")
