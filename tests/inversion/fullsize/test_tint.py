from __future__ import annotations

import numpy as np
import torch
from PIL import Image

from inversion.faces.align import Transform
from inversion.faces.paste import Face
from inversion.fullsize.tint import paste_colours, spread


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


def test_colour_passes_less_where_the_luma_steps() -> None:
    known = torch.zeros(1, 1, 16, 32, dtype=torch.float64)
    known[..., 14:18] = 1
    luma = torch.zeros_like(known)
    luma[..., 24:] = 0.8
    filled = spread(known, known, luma, 1000.0)
    assert filled[..., 23].min() > 0.9 and filled[..., 0].min() > 0.9
    shorter = spread(known, known, luma, 6.0)
    assert shorter[..., 0].max() < 0.3 and shorter[..., 24].max() < 0.5 * shorter[..., 23].max()
