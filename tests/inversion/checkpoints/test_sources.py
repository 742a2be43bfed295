"""A file's presets are those of large nets unless its owner says otherwise, and a small one is told so."""

from __future__ import annotations

from pathlib import Path

import pytest

from inversion.checkpoints.sources import embedded, file, small_file
from tests.inversion.checkpoints import written


def test_a_small_net_is_told_of_the_presets_that_were_tuned_for_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = written.nvidia(tmp_path / "net.pkl")
    checkpoint = file(str(path))
    assert "draws 16 px" in caplog.text and "generator=small_file" in caplog.text
    caplog.clear()
    assert small_file(str(path)).sha256 == checkpoint.sha256
    embedded("portraits")
    assert not caplog.text
