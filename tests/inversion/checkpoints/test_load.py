"""A file is what its content says, and whatever it is, the answer is one clear line."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from inversion.checkpoints import load
from inversion.errors import CheckpointError
from inversion.images import sha256_of
from tests.inversion.checkpoints import written

WRITERS: dict[str, Callable[[Path], Path]] = {
    "nvidia": written.nvidia,
    "tensorflow": written.tensorflow,
    "rosinality": written.rosinality,
}


@pytest.mark.parametrize("suffix", [".pkl", ".pt", ".safetensors", ""])
@pytest.mark.parametrize("writer", WRITERS)
def test_the_suffix_does_not_matter(writer: str, suffix: str, tmp_path: Path) -> None:
    path = WRITERS[writer](tmp_path / f"net{suffix}")
    assert load(path).architecture.img_resolution == 16


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "an empty file"),
        (b"\n <!DOCTYPE html><html>404</html>", "a web page, perhaps an error"),
        (b"<html>", "a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS pointer"),
        (b"just a text\n", "a text file"),
        (b"\x89PNG\r\n\x1a\n", "not in a format that is known here"),
        (b"\x00" * 600, "not in a format that is known here"),
        (b"cos\nsystem\n(S'true'\ntR.", "asks for 'os.system'"),
        (b"PK\x03\x04", "truncated or damaged"),
        (b"\x80", "truncated"),
        (b"\x80\x04", "truncated"),
        (b"\x80\x09.", "damaged"),
    ],
)
def test_other_files_are_refused_by_what_they_are(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "net.pkl"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=message) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}: ") and "\n" not in str(caught.value)


def test_no_file_and_folders_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.pkl", tmp_path):
        with pytest.raises(CheckpointError, match=f"no checkpoint file at {path}"):
            load(path)


def test_a_wrong_hash_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    path = tmp_path / "net.pkl"
    path.write_bytes(b"cos\nsystem\n.")
    with pytest.raises(CheckpointError, match=f"sha256 {'0' * 64}. Got {sha256_of(path)}"):
        load(path, sha256="0" * 64)


def test_the_right_hash_is_kept(tmp_path: Path) -> None:
    path = written.nvidia(tmp_path / "net.pkl")
    assert load(path, sha256=sha256_of(path).upper()).sha256 == sha256_of(path)
    shutil.copy(path, tmp_path / "copy.pkl")
    assert load(tmp_path / "copy.pkl").sha256 == sha256_of(path)
