from __future__ import annotations

import errno
from pathlib import Path

import pytest
from PIL import Image

from inversion.runtime.atomic import png, write_file
from tests.conftest import FullDisk


def test_write_replaces_what_stood_there_and_makes_the_folder(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file.txt"
    write_file(path, b"old")
    write_file(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(path.parent.iterdir()) == [path]


def test_full_disk_is_one_clear_error_that_leaves_the_old_file_and_no_litter(
    tmp_path: Path, full_disk: FullDisk
) -> None:
    path = tmp_path / "file.bin"
    write_file(path, b"old")
    with (
        full_disk(1000),
        pytest.raises(OSError, match=r"Could not write .*file\.bin: .*Free some space") as caught,
    ):
        write_file(path, bytes(5000))
    assert caught.value.errno == errno.EFBIG
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_dev_full_says_that_no_space_is_left() -> None:
    with pytest.raises(OSError, match="No space left on device"):
        try:
            Path("/dev/full").write_bytes(b"x")
        except OSError as error:
            from inversion.runtime.atomic import cannot_write

            raise cannot_write(Path("x.png"), error) from error


def test_a_file_where_the_folder_should_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "occupied").write_bytes(b"")
    with pytest.raises(OSError, match="occupied"):
        write_file(tmp_path / "occupied" / "file", b"x")


@pytest.mark.parametrize("size", [(9, 7), (1, 1), (1, 5), (300, 2), (1024, 3)])
@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "P", "1"])
def test_an_image_comes_back_pixel_by_pixel_and_the_same_one_as_the_same_bytes(
    size: tuple[int, int], mode: str, tmp_path: Path
) -> None:
    image = Image.effect_noise(size, 50).convert("RGB").convert(mode)
    write_file(tmp_path / "a.png", png(image))
    with Image.open(tmp_path / "a.png") as checked:
        checked.verify()  # chunks and their checksums
    with Image.open(tmp_path / "a.png") as read:
        assert (read.mode, read.size, read.tobytes()) == (image.mode, image.size, image.tobytes())
    assert png(image.copy()) == png(image)


def test_what_a_picture_says_beside_its_pixels_stays(tmp_path: Path) -> None:
    image = Image.new("RGB", (4, 4))
    write_file(tmp_path / "a.png", png(image, dpi=(300, 300)))
    image.info["icc_profile"] = b"a profile"
    write_file(tmp_path / "b.png", png(image))
    with Image.open(tmp_path / "a.png") as a, Image.open(tmp_path / "b.png") as b:
        assert round(a.info["dpi"][0]) == 300 and b.info["icc_profile"] == b"a profile"
