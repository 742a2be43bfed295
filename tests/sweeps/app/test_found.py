"""What the page shows of a photo's damage is what degradation=auto finds in it."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from inversion.faces.sample import sample_photo
from inversion.images import read_photo
from sweeps.app.found import look
from sweeps.app.uploads import Uploads
from tests.sweeps.app.conftest import png


@pytest.fixture(scope="module")
def scratched() -> bytes:
    """A grey print, 600 x 704 px, with a white line through the face."""
    right = read_photo(sample_photo()).crop((160, 0, 512, 600))
    whole = right.resize((600, 1023), Image.Resampling.LANCZOS).crop((0, 0, 600, 704)).convert("L")
    pixels = np.array(whole)
    pixels[:, 316:322] = 248
    return png(Image.fromarray(pixels))


def test_a_scratched_print_is_found_to_be_one(uploads: Uploads, scratched: bytes) -> None:
    upload = uploads.add("print.png", scratched)
    said = look(upload)
    assert said["grey"] and said["hides"] and not said["nothing"]
    assert 0 <= said["blur"] < 6 and said["noise"] == 0  # it was enlarged
    kinds = "blur pixels colour noise JPEG scratches dust creases torn or blanked"
    assert " ".join(row["what"] for row in said["rows"]) == kinds and said["enlarged"] == 1
    with Image.open(upload.folder / "hidden.png") as hidden:
        assert hidden.size == upload.size
        assert np.asarray(hidden)[:, 317:321].mean() > 200
    with (
        Image.open(upload.folder / "hidden_0.png") as drawn,
        Image.open(upload.folder / "area_0.jpg") as area,
    ):
        assert drawn.size == area.size and drawn.mode == "RGBA"
        assert 0.005 < (np.asarray(drawn)[..., 3] > 0).mean() < 0.1


def test_of_a_photo_without_damage_nothing_is_drawn(uploads: Uploads) -> None:
    right = read_photo(sample_photo()).crop((160, 0, 512, 600))
    whole = right.resize((600, 1023), Image.Resampling.LANCZOS).crop((0, 0, 600, 704))
    upload = uploads.add("whole.png", png(whole))
    said = look(upload)
    assert said["nothing"] and not said["hides"] and said["blur"] == said["noise"] == 0
    assert not list(upload.folder.glob("hidden*"))
    assert len(upload.sides) == len(upload.areas) and 50 < upload.sides[0] < 600
