from __future__ import annotations

import subprocess
import sys

import pytest

from inversion.errors import ConfigError
from inversion.faces.sample import sample_photo
from inversion.images import read_photo


def test_the_sample_is_a_portrait_of_512_by_600() -> None:
    assert sample_photo().name == "grace_hopper.jpg"
    assert read_photo(sample_photo()).size == (512, 600)


def test_finding_the_sample_imports_no_matplotlib() -> None:
    code = "import sys; from inversion.faces.sample import sample_photo as s; s(); print('matplotlib' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "False"


def test_a_missing_matplotlib_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inversion.faces.sample.find_spec", lambda _: None)
    with pytest.raises(ConfigError, match="matplotlib.*image="):
        sample_photo()
