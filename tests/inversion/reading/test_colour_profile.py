"""Photos in another RGB than sRGB show the colours that their profile means."""

from __future__ import annotations

import io
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from inversion.images import read_photo
from inversion.reading.colour_profile import in_profile, source_profile
from inversion.runtime.atomic import png
from tests.hostile.profiles import ADOBE, P3, SRGB, adobe_rgb, display_p3, grey_profile, srgb, to_xyz

PROFILES = {"P3": display_p3(), "Adobe": adobe_rgb()}
PRIMARIES = {"P3": P3, "Adobe": ADOBE}


def colours(low: int = 0, high: int = 255) -> Image.Image:
    """32 x 32 px of seeded colours between two levels."""
    pixels = np.random.default_rng(0).integers(low, high + 1, (32, 32, 3))
    return Image.fromarray(pixels.astype(np.uint8))


def decoded(levels: np.ndarray, kind: str) -> np.ndarray:
    """0..255 to linear light: IEC 61966-2-1 for P3, Adobe RGB (1998) 4.3.4.2."""
    x = levels / 255
    if kind == "Adobe":
        return x ** (563 / 256)
    return np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)


def in_srgb(levels: np.ndarray, kind: str, primaries: Sequence[tuple[float, float]]) -> np.ndarray:
    """The same colours by the published equations; all of these have the white of D65."""
    linear = decoded(levels, kind) @ (np.linalg.inv(to_xyz(SRGB)) @ to_xyz(primaries)).T
    x = linear.clip(0, 1)
    return 255 * np.where(x <= 0.0031308, x * 12.92, 1.055 * x ** (1 / 2.4) - 0.055)


@pytest.mark.parametrize("kind", PROFILES)
def test_colours_are_those_of_the_published_equations(kind: str, tmp_path: Path) -> None:
    # Muted colours, which sRGB has too: outside, a profile's perceptual intent is free to choose.
    stored = colours(80, 180)
    stored.save(tmp_path / "a.png", icc_profile=PROFILES[kind])
    wanted = in_srgb(np.asarray(stored).astype(float), kind, PRIMARIES[kind])
    assert np.abs(wanted - np.asarray(stored)).max() > 10  # the profile matters
    assert np.abs(np.asarray(read_photo(tmp_path / "a.png")) - wanted).max() <= 1.5  # two roundings to 8 bits


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.webp"])
@pytest.mark.parametrize("kind", PROFILES)
def test_pixels_are_those_of_littlecms(kind: str, name: str, tmp_path: Path) -> None:
    colours().save(tmp_path / name, icc_profile=PROFILES[kind], lossless=True)
    profile = ImageCms.ImageCmsProfile(io.BytesIO(PROFILES[kind]))
    wanted = ImageCms.profileToProfile(colours(), profile, ImageCms.createProfile("sRGB"), outputMode="RGB")
    assert wanted is not None
    assert read_photo(tmp_path / name).tobytes() == wanted.tobytes()


def test_greys_stay_grey(tmp_path: Path) -> None:
    ramp = Image.fromarray(np.arange(256, dtype=np.uint8).reshape(16, 16)).convert("RGB")
    ramp.save(tmp_path / "a.png", icc_profile=display_p3())
    assert np.abs(np.asarray(read_photo(tmp_path / "a.png")).astype(int) - np.asarray(ramp)).max() <= 1


@pytest.mark.parametrize(
    "profile", [srgb(), ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()]
)
def test_srgb_under_any_name_is_left_bit_for_bit(profile: bytes, tmp_path: Path) -> None:
    colours().save(tmp_path / "a.png", icc_profile=profile)
    photo = read_photo(tmp_path / "a.png")
    assert photo.tobytes() == colours().tobytes() and source_profile(photo) is None


def test_transparent_pixels_are_black_and_the_others_are_converted(tmp_path: Path) -> None:
    stored = colours(80, 180).convert("RGBA")
    stored.paste((200, 200, 200, 0), (2, 2, 6, 6))
    stored.save(tmp_path / "a.png", icc_profile=display_p3())
    colours(80, 180).save(tmp_path / "b.png", icc_profile=display_p3())
    pixels, opaque = (np.asarray(read_photo(tmp_path / name)) for name in ("a.png", "b.png"))
    assert (pixels[2:6, 2:6] == 0).all() and (pixels[6:] == opaque[6:]).all()


def test_grey_photos_go_through_agrey_profile(tmp_path: Path) -> None:
    """Gamma 1.0 means linear light: 50 % of it is level 188 of sRGB (IEC 61966-2-1)."""
    Image.new("L", (4, 4), 128).save(tmp_path / "a.png", icc_profile=grey_profile(1.0))
    assert abs(read_photo(tmp_path / "a.png").getpixel((0, 0))[0] - 188) <= 1  # type: ignore[index]


BROKEN = {
    "noise": b"no profile" * 20,
    "a cut one": display_p3()[:200],
    "one of another kind of pixels": grey_profile(2.2),
    "one whose kind of pixels is no text": display_p3()[:17] + b"\xff" + display_p3()[18:],
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_profile_is_left_out_with_one_line(
    name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    colours().save(tmp_path / "a.png", icc_profile=BROKEN[name])
    with caplog.at_level(logging.WARNING):
        photo = read_photo(tmp_path / "a.png")
    assert photo.tobytes() == colours().tobytes() and source_profile(photo) is None
    assert len(caplog.records) == 1 and "a.png: its colour profile" in caplog.text


@pytest.mark.parametrize("kind", PROFILES)
def test_a_picture_goes_back_into_the_profile_that_its_photo_came_with(kind: str, tmp_path: Path) -> None:
    stored = colours(110, 150)  # which sRGB has too: others come back as its nearest
    stored.save(tmp_path / "a.png", icc_profile=PROFILES[kind])
    photo = read_photo(tmp_path / "a.png")
    # It stays with the pixels.
    assert source_profile(photo.crop((0, 0, 8, 8)).resize((4, 4))) == PROFILES[kind]
    (tmp_path / "b.png").write_bytes(png(in_profile(photo, PROFILES[kind])))
    with Image.open(tmp_path / "b.png") as back:
        assert back.info["icc_profile"] == PROFILES[kind]
        assert np.abs(np.asarray(back).astype(int) - np.asarray(stored)).max() <= 2
    (tmp_path / "c.png").write_bytes(png(photo))  # sRGB pixels without a word about P3
    with Image.open(tmp_path / "c.png") as plain:
        assert "icc_profile" not in plain.info


def test_agrey_profile_leaves_a_colour_picture_in_srgb() -> None:
    assert in_profile(colours(), grey_profile(2.2)).tobytes() == colours().tobytes()
    assert in_profile(colours(), b"broken").tobytes() == colours().tobytes()
