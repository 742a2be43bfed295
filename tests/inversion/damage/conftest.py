from __future__ import annotations

import numpy as np
import pytest

from inversion.faces.sample import sample_photo
from inversion.images import read_photo


@pytest.fixture(scope="session")
def portrait() -> np.ndarray:
    """A whole photo, [600, 512, 3], 0..255: sharp, in colour, an old JPEG."""
    return np.array(read_photo(sample_photo()))
