from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from inversion.faces.landmarks import choose_face, find_faces
from inversion.faces.sample import sample_photo
from inversion.images import read_photo


@pytest.fixture(scope="session")
def portrait() -> Image.Image:
    """Grace Hopper, 512x600."""
    return read_photo(sample_photo())


@pytest.fixture(scope="session")
def points(portrait: Image.Image) -> np.ndarray:
    return choose_face(find_faces(portrait))
