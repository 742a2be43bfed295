"""What a full disk, a kill or a person has made of a JSON file ends nobody's run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from inversion.reading.json_object import object_of, read_object

DAMAGED = [
    b"",
    b'{"files": ["a',
    b"[1, 2]",
    b'"text"',
    b"null",
    b"7",
    b"\xff\xfe{",
    b"[" * 100_000,
    b"9" * 5_000,
]


@pytest.mark.parametrize("content", DAMAGED, ids=lambda content: repr(content[:9]))
def test_damaged_content_is_nothing(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "record.json"
    path.write_bytes(content)
    assert read_object(path) == {} == object_of(content)


def test_an_object_is_what_it_says(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    path.write_text('{"photo": "Zoë.png", "files": []}', encoding="utf-8")
    assert read_object(path) == {"photo": "Zoë.png", "files": []} == object_of(path.read_bytes())


def test_where_no_file_is_there_is_nothing(tmp_path: Path) -> None:
    """A pipe would make whoever opens it wait without end."""
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "none", tmp_path, tmp_path / "none/none", tmp_path / "pipe"):
        assert read_object(path) == {}
