"""Files of a run that a server has, one by one."""

from __future__ import annotations

from pathlib import Path

import pytest
from mlflow.store.artifact.local_artifact_repo import LocalArtifactRepository

from sweeps.results.store import Files


def test_a_file_is_fetched_once_and_one_that_is_not_there_is_not_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there, here = tmp_path / "there", tmp_path / "here"
    there.mkdir()
    (there / "restored.png").write_bytes(b"a picture")
    asked: list[str] = []
    fetch = LocalArtifactRepository._download_file

    def count(self: LocalArtifactRepository, name: str, path: str) -> None:
        asked.append(name)
        fetch(self, name, path)

    monkeypatch.setattr(LocalArtifactRepository, "_download_file", count)
    files = Files(there.as_uri(), "sqlite://")
    for _ in range(2):
        found = files.get("restored.png", here)
        assert found == here / "restored.png" and found.read_bytes() == b"a picture"
        assert files.get("first.png", here) is None
    assert asked == ["restored.png"]


def test_a_file_that_does_not_come_is_none(tmp_path: Path) -> None:
    (tmp_path / "restored.png").write_bytes(b"a picture")
    files = Files(tmp_path.as_uri(), "sqlite://")
    assert files.get("first.png", tmp_path / "here") is None
    (tmp_path / "restored.png").unlink()
    assert files.get("restored.png", tmp_path / "here") is None
    assert not (tmp_path / "here/restored.png").exists()
