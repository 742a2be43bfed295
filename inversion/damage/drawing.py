"""What hides a photo, drawn over it."""

from __future__ import annotations

import numpy as np

COLOUR = (255, 40, 40)  # what was found before the search
UNEXPLAINED = (40, 120, 255)  # what the search could not explain


def drawn_over(photo: np.ndarray, hidden: np.ndarray, unexplained: np.ndarray | None = None) -> np.ndarray:
    """photo: [H, W, 3], uint8. hidden: [H, W] bool, see `Damage.hidden`; unexplained: the same, of a search.

    Returns a copy, what was found in red, and what only the search has told in blue.
    """
    drawn = np.where(hidden[..., None], COLOUR, photo)
    if unexplained is not None:
        drawn = np.where((unexplained & ~hidden)[..., None], UNEXPLAINED, drawn)
    return drawn.astype(np.uint8)
