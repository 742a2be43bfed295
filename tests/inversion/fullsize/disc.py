"""A disc on an even backdrop."""

from __future__ import annotations

import torch
from torch import Tensor


def disc(side: int = 64, radius: float = 16) -> Tensor:
    """1 in the middle, 0 around it: [1, 1, side, side], float64."""
    place = torch.arange(side, dtype=torch.float64) + 0.5 - side / 2
    return ((place[:, None].square() + place.square()).sqrt() <= radius).double()[None, None]
