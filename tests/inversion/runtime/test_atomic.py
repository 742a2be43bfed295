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


def test_an_image_comes_back_pixel_by_pixel_and_the_same_one_as_the_same_bytes(tmp_path: Path) -> None:
    image = Image.effect_noise((9, 7), 50).convert("RGB")
    write_file(tmp_path / "a.png", png(image))
    with Image.open(tmp_path / "a.png") as read:
        assert read.tobytes() == image.tobytes()
    assert png(image.copy()) == png(image)
