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
ANGLES = 144  # directions, evenly spaced: between two of them a line of 2 px still lies along one
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
    """Candidates on lines of one direction and one colour, and their fainter continuations: [h, w] bool.

    The picture is sheared until each line of that direction is a column, and only columns with enough candidates are
    looked at.
    """
    steep = abs(np.tan(angle)) > 1
    slope = 1 / np.tan(angle) if steep else np.tan(angle)
    height, width = candidates.shape[::-1] if steep else candidates.shape
    shift = np.rint(np.arange(width) * slope).astype(int)
    starts = shift.max() - shift

    def sheared(x: np.ndarray) -> np.ndarray:
        result = np.zeros((width, height + starts.max()), dtype=x.dtype)
        for row, start, values in zip(result, starts, x if steep else x.T, strict=True):
            row[start : start + height] = values
        return result

    def mean(x: np.ndarray, length: int = LENGTH) -> np.ndarray:
        means: np.ndarray = ndimage.uniform_filter1d(x.astype(np.float32), length, axis=0, mode="constant")
        return means

    inside = sheared(candidates)
    columns = np.flatnonzero(inside.sum(axis=0) >= FILLED * LENGTH)
    inside = inside[:, columns]
    share = mean(inside)
    middles = share >= FILLED
    result = np.zeros((width, height), dtype=bool)
    if not middles.any():
        return result if steep else result.T
    level = sheared(colour)[:, columns]
    middle = mean(inside * level) / np.maximum(share, 0.01)
    spread = mean(inside * np.square(level)) / np.maximum(share, 0.01) - np.square(middle)
    middles &= spread < ONE_COLOUR**2
    lines = ndimage.maximum_filter1d(middles, LENGTH, axis=0) & inside
    weak = sheared(faint)[:, columns]
    continued = ndimage.maximum_filter1d(mean(weak, LENGTH // 2) >= FILLED, LENGTH // 2, axis=0) & weak
    lines |= continued & ndimage.maximum_filter1d(lines, GAP, axis=0)
    places, numbers = np.nonzero(lines)
    result[places, columns[numbers] - starts[places]] = True
    return result if steep else result.T
