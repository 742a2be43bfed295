"""What was found to hide a photo, drawn over it."""

from __future__ import annotations

import numpy as np

COLOUR = (255, 40, 40)


def drawn_over(photo: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    """photo: [H, W, 3], uint8. hidden: [H, W] bool, see `Damage.hidden`. Returns a copy, hidden pixels in red."""
    return np.where(hidden[..., None], COLOUR, photo).astype(np.uint8)
