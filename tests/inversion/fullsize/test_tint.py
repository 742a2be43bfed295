from __future__ import annotations

import numpy as np
from PIL import Image

from inversion.faces.align import Transform
from inversion.faces.paste import Face
from inversion.fullsize.tint import paste_colours


def test_colour_runs_out_beyond_the_square_and_the_luma_stays_to_the_bit() -> None:
    rng = np.random.default_rng(0)
    grey = Image.fromarray(rng.integers(90, 160, (60, 120), dtype=np.uint8)).convert("RGB")
    corners = ((40.0, 15.0), (40.0, 47.0), (72.0, 47.0), (72.0, 15.0))
    transform = Transform((120, 60), 32, corners, (1, 1), (0, 0, 120, 60), (0, 0, 0, 0))
    before = grey.crop((40, 15, 72, 47))
    face = Image.merge("RGB", [before.getchannel(0).point(lambda v, d=d: v + d) for d in (30, -10, -20)])
    result = paste_colours(grey, [Face(face, transform, before)])
    assert result.convert("L").tobytes() == grey.convert("L").tobytes()
    redness = np.asarray(result, dtype=float)[..., 0] - np.asarray(result, dtype=float)[..., 2]
    inside, beside, far = redness[20:42, 45:67].mean(), redness[20:42, 76:80].mean(), redness[:, 116:].mean()
    assert inside > 25 and 0.3 * inside < beside < inside and far < 0.6 * beside
