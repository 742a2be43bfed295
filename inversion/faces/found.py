"""Where in its photo a face was found, as it is shown to people: reduced, so that it is kept with every photo."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

SIDE = 768  # px, of the part of the photo that is kept
AROUND = 2.0  # sides of the square from its centre, at most: a small face in a large photo can still be seen


@dataclass(frozen=True, eq=False)
class Found:
    """A part of the photo with its face. Places are continuous: pixel i spans [i, i + 1]."""

    view: Image.Image  # RGB
    landmarks: np.ndarray  # [68, 2], x and y in the view
    corners: np.ndarray  # [4, 2] of FFHQ's square, which may leave the view

    @classmethod
    def of(cls, photo: Image.Image, points: np.ndarray, corners: np.ndarray) -> Found:
        """points: [68, 2] landmarks as pixel indices of `photo`. corners: [4, 2], continuous, of the square."""
        side = float(np.hypot(*(corners[1] - corners[0])))
        centre = corners.mean(axis=0)
        low = np.maximum(np.floor(centre - AROUND * side), 0).astype(int)
        high = np.minimum(np.ceil(centre + AROUND * side), photo.size).astype(int)
        view = photo.crop((int(low[0]), int(low[1]), int(high[0]), int(high[1]))).convert("RGB")
        whole = view.size
        view.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
        scale = np.array(view.size) / np.array(whole)
        return cls(view, (points + 0.5 - low) * scale, (corners - low) * scale)
