"""Where a print is scratched: long thin lines, brighter or darker than what lies on both sides."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy import ndimage

from inversion.damage.extremes import WIDEST, Structures, dark_and_bright, is_extreme
from inversion.damage.sides import damage_among

DEPTH = 0.08  # of white: least difference from both sides
SURE_AT = 3.0  # times that: depth of a line that is certain
LENGTH = 101  # px of the searched size: least length
FILLED = 0.85  # of that length must differ
CROWDED = 0.4  # share of candidates among a pixel's surroundings, from which on it is texture
LONG = 0.3  # of the shorter side: one line at least is as long, where lines are certain
ANGLES = 72  # directions, evenly spaced
ONE_COLOUR = 0.04  # of white: standard deviation of a line's middle along LENGTH
FAINT = 0.35  # of the least difference is enough where a line goes on
GAP = 160  # px there, twice the farthest that a fainter continuation may be from its line


@dataclass(frozen=True)
class Scratches:
    """Where lines hide the photo."""

    mask: np.ndarray = field(repr=False, compare=False)  # [H, W] bool, True = scratched
    share: float  # of the photo's pixels
    confidence: float  # 0..1: how deep the lines are beside what was looked for, less where all are short


def find_scratches(luma: np.ndarray, noise: float = 0.0) -> Scratches:
    """Lines by morphology: closed in all directions, a line vanishes; opened along its own, it stays.

    luma: [H, W] in 0..1. noise: standard deviation there. Directional openings of the top-hat transform: Soille 2003,
    Morphological image analysis, chapters 4 and 8; lines may have gaps, as in his rank-max openings.
    """
    return of_lines(dark_and_bright(luma, noise, find_lines, DEPTH), SURE_AT)


def of_lines(found: Structures, sure_at: float) -> Scratches:
    """sure_at: times the least depth, at which confidence is 1. A rim of glasses is as deep, and short."""
    confidence = float(np.clip(found.depth / found.least / sure_at, 0, 1) * min(1.0, found.longest / LONG))
    return Scratches(found.mask, float(found.mask.mean()), confidence)


def find_lines(small: np.ndarray, least: float) -> tuple[np.ndarray, np.ndarray]:
    """Dark lines of a small picture, and by how much each pixel is darker than its surroundings: [h, w] twice."""
    depth = ndimage.grey_closing(small, size=(WIDEST, WIDEST)) - small
    dark = is_extreme(small)
    candidates = (depth > least) & dark
    candidates &= ndimage.uniform_filter(candidates.astype(np.float32), 2 * WIDEST + 1) < CROWDED
    faint = (depth > FAINT * least) & dark
    colour = ndimage.minimum_filter(small, 3)  # a line's middle, wherever it lies between pixels
    found = np.zeros(small.shape, dtype=bool)
    for angle in np.arange(ANGLES) * np.pi / ANGLES:
        found |= along(candidates, faint, colour, angle)
    return damage_among(found, small), depth


def along(candidates: np.ndarray, faint: np.ndarray, colour: np.ndarray, angle: float) -> np.ndarray:
    """Candidates on lines of one direction and one colour, and their fainter continuations: [h, w] bool."""
    steep = abs(np.tan(angle)) > 1
    slope = 1 / np.tan(angle) if steep else np.tan(angle)
    height, width = candidates.shape[::-1] if steep else candidates.shape
    shift = np.rint(np.arange(width) * slope).astype(int)
    rows = np.arange(-max(shift.max(), 0), height - min(shift.min(), 0))
    places, columns = rows[:, None] + shift, np.arange(width)
    outside = (places < 0) | (places >= height)
    places = places.clip(0, height - 1)

    def sheared(x: np.ndarray) -> np.ndarray:
        picked: np.ndarray = (x.T if steep else x)[places, columns]
        return np.where(outside, 0, picked)

    def mean(x: np.ndarray, length: int = LENGTH) -> np.ndarray:
        means: np.ndarray = ndimage.uniform_filter1d(x.astype(np.float32), length, axis=1, mode="constant")
        return means

    inside = sheared(candidates).astype(bool)
    share = mean(inside)
    middles = share >= FILLED
    if not middles.any():
        return np.zeros(candidates.shape, dtype=bool)
    level = sheared(colour)
    middle = mean(inside * level) / np.maximum(share, 0.01)
    spread = mean(inside * np.square(level)) / np.maximum(share, 0.01) - np.square(middle)
    middles &= spread < ONE_COLOUR**2
    lines = ndimage.maximum_filter1d(middles, LENGTH, axis=1) & inside
    weak = sheared(faint).astype(bool)
    continued = ndimage.maximum_filter1d(mean(weak, LENGTH // 2) >= FILLED, LENGTH // 2, axis=1) & weak
    lines |= continued & ndimage.maximum_filter1d(lines, GAP, axis=1)
    result = np.zeros((height, width), dtype=bool)
    result[places[lines], np.broadcast_to(columns, places.shape)[lines]] = True
    return result.T if steep else result
