from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from inversion.errors import ConfigError
from inversion.images import (
    MAX_SIDE,
    downsample_area,
    from_unit,
    list_photos,
    quantize,
    read_photo,
    resize_to_square,
    sha256_of,
    to_255,
    to_pil,
    to_tensor,
    to_unit,
)

ORIENTATION = 0x0112


@pytest.fixture
def colours() -> Image.Image:
    """24x16 px, every pixel another colour."""
    y, x = np.mgrid[:16, :24]
    return Image.fromarray(np.stack([x * 10, y * 15, 255 - x * 5 - y * 5], axis=-1).astype(np.uint8))


def noise(size: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (size, size, 3), dtype=np.uint8))


# Ranges


def test_every_8_bit_value_survives_the_way_through_a_tensor() -> None:
    ramp = np.arange(256, dtype=np.uint8).reshape(16, 16, 1).repeat(3, axis=2)
    tensor = to_tensor(Image.fromarray(ramp))
    assert (tensor.shape, tensor.dtype) == ((3, 16, 16), torch.float32)
    assert (tensor.min().item(), tensor.max().item()) == (-1, 1)
    assert np.array_equal(np.asarray(to_pil(tensor)), ramp)


def test_channels_are_red_green_blue() -> None:
    assert to_tensor(Image.new("RGB", (1, 1), (255, 0, 0))).flatten().tolist() == [1, -1, -1]


def test_to_pil_clamps_and_shows_nan_as_black() -> None:
    x = torch.tensor([7.0, -7.0, float("nan")]).reshape(3, 1, 1)
    assert to_pil(x).getpixel((0, 0)) == (255, 0, 0)
    assert to_pil(torch.full([3, 1, 1], float("inf"))).getpixel((0, 0)) == (255, 255, 255)


@pytest.mark.parametrize("shape", [(1, 3, 4, 4), (1, 4, 4), (4, 4)])
def test_to_pil_refuses_other_shapes(shape: tuple[int, ...]) -> None:
    with pytest.raises(ConfigError, match="Got"):
        to_pil(torch.zeros(shape))


def test_unit_range_is_clamped_and_comes_back() -> None:
    x = torch.linspace(-1, 1, 9, dtype=torch.float64)
    torch.testing.assert_close(from_unit(to_unit(x)), x, rtol=0, atol=1e-15)
    assert to_unit(torch.tensor([-3.0, -1.0, 0.0, 1.0, 3.0])).tolist() == [0, 0, 0.5, 1, 1]


def test_255_range_keeps_gradients_outside_the_visible_range() -> None:
    x = torch.tensor([-1.0, 1.0, 2.0], requires_grad=True)
    to_255(x).sum().backward()
    assert to_255(x).tolist() == [0, 255, 382.5]
    assert x.grad is not None and (x.grad == 127.5).all()


@pytest.mark.parametrize("resolution", [1, 3, 4, 8])
def test_downsample_area_keeps_the_mean(resolution: int) -> None:
    x = torch.rand(2, 3, 24, 24, dtype=torch.float64)
    y = downsample_area(x, resolution)
    assert y.shape == (2, 3, resolution, resolution)
    torch.testing.assert_close(y.mean(dim=(2, 3)), x.mean(dim=(2, 3)), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("resolution", [24, 64])
def test_downsample_area_leaves_small_images_alone(resolution: int) -> None:
    x: Tensor = torch.rand(1, 3, 24, 24)
    assert downsample_area(x, resolution) is x


def test_resize_to_square_accepts_one_pixel_of_difference_and_no_more() -> None:
    assert resize_to_square(Image.new("RGB", (41, 40)), 16).size == (16, 16)
    with pytest.raises(ConfigError, match="42x40.*square around the face"):
        resize_to_square(Image.new("RGB", (42, 40)), 16)


# Reading


def test_png_is_read_to_the_bit(tmp_path: Path, colours: Image.Image) -> None:
    colours.save(tmp_path / "a.png")
    photo = read_photo(tmp_path / "a.png")
    assert photo.mode == "RGB" and photo.tobytes() == colours.tobytes()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(tmp_path: Path, colours: Image.Image, orientation: int) -> None:
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = colours.transpose(undo[orientation]) if orientation in undo else colours
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    stored.save(tmp_path / "a.png", exif=exif)
    photo = read_photo(tmp_path / "a.png")
    assert photo.size == colours.size and photo.tobytes() == colours.tobytes()


def test_damaged_exif_does_not_cost_the_photo(
    tmp_path: Path, colours: Image.Image, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def damaged(*_: object) -> None:
        raise SyntaxError("not a TIFF file")

    colours.save(tmp_path / "a.png")
    monkeypatch.setattr("inversion.images.ImageOps.exif_transpose", damaged)
    with caplog.at_level(logging.WARNING):
        assert read_photo(tmp_path / "a.png").tobytes() == colours.tobytes()
    assert "EXIF" in caplog.text


@pytest.mark.parametrize("mode, name", [("CMYK", "a.tif"), ("L", "a.png"), ("1", "a.png"), ("P", "a.png")])
def test_other_modes_become_rgb(tmp_path: Path, colours: Image.Image, mode: str, name: str) -> None:
    stored = colours.convert(mode)
    stored.save(tmp_path / name)
    photo = read_photo(tmp_path / name)
    assert photo.mode == "RGB" and photo.tobytes() == stored.convert("RGB").tobytes()


def test_16_bit_grey_is_scaled_not_clipped(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0, 257 * 100, 65535]], dtype=np.uint16)).save(tmp_path / "a.png")
    assert np.asarray(read_photo(tmp_path / "a.png"))[0, :, 0].tolist() == [0, 100, 255]


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA"])
def test_transparent_pixels_become_black(tmp_path: Path, mode: str) -> None:
    stored = Image.new("RGBA", (8, 8), (200, 200, 200, 255))
    stored.paste((200, 200, 200, 0), (2, 2, 6, 6))
    name = "a.gif" if mode == "PA" else "a.png"  # a GIF holds its transparency in the palette
    (stored if mode == "PA" else stored.convert(mode)).save(tmp_path / name)
    pixels = np.asarray(read_photo(tmp_path / name))
    assert (pixels[2:6, 2:6] == 0).all()
    pixels = pixels.copy()
    pixels[2:6, 2:6] = 200
    assert (pixels == 200).all()


def test_first_frame_of_an_animation_is_the_photo(tmp_path: Path) -> None:
    red, blue = Image.new("RGB", (4, 4), "red"), Image.new("RGB", (4, 4), "blue")
    red.save(tmp_path / "a.gif", save_all=True, append_images=[blue])
    assert read_photo(tmp_path / "a.gif").getpixel((0, 0)) == (255, 0, 0)


def broken(name: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        path = folder / "photo.jpg"
        if name == "empty":
            path.touch()
        elif name == "text":
            path.write_text("not a picture")
        elif name == "truncated jpeg":
            noise(64).save(path)
            path.write_bytes(path.read_bytes()[:-500])
        elif name == "truncated png":
            noise(64).save(path, format="PNG")
            path.write_bytes(path.read_bytes()[:2000])
        elif name == "header only":
            noise(64).save(path)
            path.write_bytes(path.read_bytes()[:30])
        elif name == "folder":
            path.mkdir()
        elif name == "device":
            return Path("/dev/null")
        elif name == "float":
            Image.new("F", (4, 4)).save(path, format="TIFF")
        elif name == "deep grey":
            Image.fromarray(np.array([[0, 70_000]], dtype=np.int32)).save(path, format="TIFF")
        elif name == "postscript":  # Pillow would run Ghostscript on it
            path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n")
        elif name == "long name":
            return folder / ("x" * 5000)
        return path

    return make


@pytest.mark.parametrize(
    "name, message",
    [
        ("missing", "not found"),
        ("long name", "not found"),
        ("empty", "empty"),
        ("text", "not an image"),
        ("postscript", "not an image"),
        ("truncated jpeg", "truncated"),
        ("truncated png", "truncated"),
        ("header only", "Got"),
        ("folder", "folder"),
        ("device", "regular file"),
        ("float", "mode F"),
        ("deep grey", "16 bits"),
    ],
)
def test_unusable_photos_are_refused_with_their_path(tmp_path: Path, name: str, message: str) -> None:
    path = broken(name)(tmp_path)
    with pytest.raises(ConfigError, match=message) as caught:
        read_photo(path)
    assert str(path)[:200] in str(caught.value)


def test_too_large_photos_are_refused_before_decoding(tmp_path: Path) -> None:
    noise(64).save(tmp_path / "a.png")
    content = (tmp_path / "a.png").read_bytes()
    (tmp_path / "a.png").write_bytes(content[:200])  # decoding this would say "truncated"
    with pytest.raises(ConfigError, match="too large.*64x64"):
        read_photo(tmp_path / "a.png", max_pixels=64 * 64 - 1)


@pytest.mark.parametrize("side", [9_500, 10_100, 20_000])  # Pillow: a warning from 9460, an error from 13380
def test_decompression_bombs_are_refused_as_any_large_photo(tmp_path: Path, side: int) -> None:
    Image.new("1", (8, 8)).save(tmp_path / "a.bmp")
    content = bytearray((tmp_path / "a.bmp").read_bytes())
    content[18:26] = side.to_bytes(4, "little") * 2
    (tmp_path / "a.bmp").write_bytes(content)
    with pytest.raises(ConfigError, match="truncated" if side == 9_500 else "too large"):
        read_photo(tmp_path / "a.bmp")


# Listing


def test_a_folder_lists_its_photos_sorted_and_nothing_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("b.JPG", "a.png", "c.webp", ".hidden.png", "notes.txt", "d.csv"):
        (tmp_path / name).touch()
    (tmp_path / "folder.png").mkdir()
    os.mkfifo(tmp_path / "pipe")
    assert [file.name for file in list_photos(tmp_path)] == ["a.png", "b.JPG", "c.webp"]
    assert "3 files are no pictures and are passed over: d.csv, notes.txt, pipe" in caplog.text
    assert list_photos(tmp_path / "notes.txt") == [tmp_path / "notes.txt"]


def test_pictures_are_known_by_content_and_those_that_cannot_be_read_are_named(
    tmp_path: Path, colours: Image.Image
) -> None:
    for kind in ("JPEG", "PNG", "WEBP", "AVIF", "TIFF", "BMP", "GIF", "PPM"):
        colours.save(tmp_path / f"{kind} without extension", format=kind)
        assert read_photo(tmp_path / f"{kind} without extension").size == colours.size
    colours.save(tmp_path / "old.tga")
    (tmp_path / "IMG_0001").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    (tmp_path / "IMG_0002.HEIC").write_bytes(b"anything")
    names = [file.name for file in list_photos(tmp_path)]
    assert len(names) == 8 + 3 and {"old.tga", "IMG_0001", "IMG_0002.HEIC"} < set(names)
    for name, kind in (("old.tga", "TGA"), ("IMG_0001", "HEIC"), ("IMG_0002.HEIC", "HEIC")):
        with pytest.raises(ConfigError, match=f"{name}, which is {kind}; JPEG, PNG"):
            read_photo(tmp_path / name)


def test_a_folder_without_photos_and_a_missing_path_are_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(ConfigError, match="no photo.*1 "):
        list_photos(tmp_path)
    with pytest.raises(ConfigError, match="not found"):
        list_photos(tmp_path / "nowhere")


def test_sha256_is_that_of_the_bytes(tmp_path: Path) -> None:
    content = bytes(range(256)) * 5000  # more than one block
    (tmp_path / "a").write_bytes(content)
    assert sha256_of(tmp_path / "a") == hashlib.sha256(content).hexdigest()


def test_quantize_gives_the_levels_of_a_file_and_keeps_them() -> None:
    x = torch.linspace(-1.2, 1.2, 1000)
    levels = quantize(x)
    assert levels.unique().numel() == 256 and levels.abs().max() <= 1
    assert torch.equal(quantize(levels), levels)
    assert (levels - x.clamp(-1, 1)).abs().max() <= 0.5 / 127.5 + 1e-6


def test_a_picture_of_endless_rows_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    Image.new("L", (1, MAX_SIDE + 1)).save(tmp_path / "a.png")
    with pytest.raises(ConfigError, match=r"too long. Got .*a\.png, 1x1000001"):
        read_photo(tmp_path / "a.png")
