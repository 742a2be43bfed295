from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from inversion.faces.sample import sample_photo
from sweeps.app.uploads import Upload, Uploads


def png(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture(scope="session")
def portrait() -> bytes:
    return sample_photo().read_bytes()


@pytest.fixture
def uploads(tmp_path: Path) -> Uploads:
    folder = tmp_path / "uploads"
    folder.mkdir()
    return Uploads(folder)


@pytest.fixture(scope="session")
def given(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("given")


@pytest.fixture
def upload(tmp_path: Path, given: Path) -> Callable[..., Upload]:
    """A photo that nobody has looked at: for what needs no picture. One path for all, so that its settings are kept."""

    def made(**changed: object) -> Upload:
        values = {
            "id": "abc",
            "folder": tmp_path,
            "path": given / "me (1).jpg",
            "size": (400, 300),
            "areas": ((10, 20, 210, 220), (300, 20, 400, 120)),
            "sides": (160.0, 80.0),
            "is_aligned": False,
        }
        return Upload(**{**values, **changed})  # type: ignore[arg-type]

    return made
