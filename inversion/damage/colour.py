"""Is a photo in colour, in grey, or a grey picture in one tint?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from inversion.damage.luma import luma_of, reduced

Kind = Literal["colour", "faded", "sepia", "grey"]

SIDE = 64  # px of the longer side, to which the photo is averaged: noise and JPEG's colour errors go
MOST = 4 * SIDE**2  # averages, which only a photo of a few rows exceeds
LEVELS = 16  # of luma, between which a tint is interpolated
FEW = 0.02  # of the pixels may differ from the tint: stamps, stains, a border
GREY = 0.012  # of white: a weaker tint is none; JPEG at quality 20 moves it by 0.01
ONE_TINT = 0.03  # of white: chroma beside the tint, from which on there is more than one colour
FADED = 0.04  # of white: less chroma than this has no photo of a face in fresh colours


@dataclass(frozen=True)
class Colour:
    """What is left of a photo's colours."""

    kind: Kind
    tint: float  # of white: distance of the one tint that fits best from grey
    beside_tint: float  # of white: distance of the pixels from that tint, which all but FEW stay below
    confidence: float  # 0..1: how far from the nearest threshold

    @property
    def is_grey(self) -> bool:
        """Whether the photo says nothing about the person's colours."""
        return self.kind in ("grey", "sepia")


def find_colour(photo: np.ndarray, known: np.ndarray | None = None) -> Colour:
    """Compare each pixel's chroma with the mean chroma of its luma: photo [H, W, 3], 0..255.

    A toned print's colour is a function of its luma, whatever the toner; so its residual is small, a colour photo's
    is not. Chroma: Cb and Cr of ITU-R BT.601, in units of white. known: [H, W] bool, False = scratched, down to the
    paper or its black.
    """
    height, width = photo.shape[:2]
    factor = max(1, min(round(max(height, width) / SIDE), height, width))
    if known is None or not known.any():
        small = reduced(photo, factor).reshape(-1, 3)
    else:
        share = reduced(known, factor)
        sums = reduced(photo, factor, known)
        small = sums[share > 0] / share[share > 0, None]
    small = small[:: max(1, len(small) // MOST)]
    luma = luma_of(small)
    blue, red = (small[:, channel] / 255.0 - luma for channel in (2, 0))
    chroma = np.stack([blue / 1.772, red / 1.402], axis=1)
    tint = tint_by_luma(luma, chroma)
    strength = float(np.quantile(np.linalg.norm(tint, axis=1), 1 - FEW))
    beside = float(np.quantile(np.linalg.norm(chroma - tint, axis=1), 1 - FEW))
    confidence = certainty(beside / ONE_TINT)
    if beside >= ONE_TINT:
        return Colour("faded" if beside < FADED else "colour", strength, beside, confidence)
    kind: Kind = "grey" if strength < GREY else "sepia"
    return Colour(kind, strength, beside, min(confidence, certainty(strength / GREY)))


def certainty(ratio: float) -> float:
    """From a ratio to a threshold: 0 at it, 1 at a third and at three times of it."""
    return float(np.clip(abs(np.log(max(ratio, 1e-9))) / np.log(3), 0, 1))


def tint_by_luma(luma: np.ndarray, chroma: np.ndarray) -> np.ndarray:
    """Chroma as a function of luma, by medians between which it is interpolated: [N] and [N, 2] -> [N, 2]."""
    edges = np.quantile(luma, np.linspace(0, 1, LEVELS + 1))
    level = np.clip(np.searchsorted(edges, luma, side="right") - 1, 0, LEVELS - 1)
    full = [one for one in range(LEVELS) if (level == one).any()]
    places = [float(np.median(luma[level == one])) for one in full]
    medians = np.array([np.median(chroma[level == one], axis=0) for one in full])
    return np.stack([np.interp(luma, places, medians[:, axis]) for axis in range(2)], axis=1)
