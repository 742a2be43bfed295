"""Where a print is scratched: long thin lines, brighter or darker than what lies on both sides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from scipy import ndimage

from inversion.damage.luma import enlarged, reduced

SIDE = 512  # px of the longer side: lines are looked for at this size
WIDEST = 13  # px there: structures as wide are no scratches
DEPTH = 0.08  # of white: least difference from both sides
NOISES = 3.0  # standard deviations of noise that a difference must exceed as well
LENGTH = 101  # px there: least length
FILLED = 0.85  # of that length must differ
CROWDED = 0.4  # share of candidates among a pixel's surroundings, from which on it is texture
ANGLES = 72  # directions, evenly spaced
EXTREME = 0.03  # of the pixels may be brighter than a bright line, or darker than a dark one
ALIKE = 0.1  # of white: by which a line may be less extreme
ONE_COLOUR = 0.04  # of white: standard deviation of a line's middle along LENGTH
FAINT = 0.35  # of the least difference is enough where a line goes on
GAP = 160  # px there, twice the farthest that a fainter continuation may be from its line
HALF = 0.5  # of a line's depth: its edge


@dataclass(frozen=True)
class Scratches:
    """Where lines hide the photo."""

    mask: np.ndarray = field(repr=False, compare=False)  # [H, W] bool, True = scratched
    share: float  # of the photo's pixels
    confidence: float  # 0..1: how deep the lines are beside what was looked for


def find_scratches(luma: np.ndarray, noise: float = 0.0) -> Scratches:
    """Lines by morphology: closed in all directions, a line vanishes; opened along its own, it stays.

    luma: [H, W] in 0..1. noise: standard deviation there. Directional openings of the top-hat transform: Soille 2003,
    Morphological image analysis, chapters 4 and 8; lines may have gaps, as in his rank-max openings.
    """
    return dark_and_bright(luma, noise, find_lines, DEPTH, 3)


def dark_and_bright(
    luma: np.ndarray,
    noise: float,
    find: Callable[[np.ndarray, float], tuple[np.ndarray, np.ndarray]],
    depth_of_line: float,
    sure_at: float,
    smooth: float = 0.0,
) -> Scratches:
    """What `find` finds in a small picture and in its negative, at full size: luma, noise as of `find_scratches`.

    find: [h, w] and the least depth -> dark lines, and depths, as `find_lines`. depth_of_line: that least depth, where
    noise hides no more. sure_at: times the least depth, at which confidence is 1. smooth: px of the small picture.
    """
    factor = max(1, round(max(luma.shape) / SIDE))
    mask, depths = np.zeros(luma.shape, dtype=bool), [0.0]
    if min(luma.shape) < WIDEST * factor:  # too narrow to show a line beside what lies on both its sides
        return Scratches(mask, 0.0, 0.0)
    small = ndimage.gaussian_filter(reduced(luma, factor), smooth)
    least = max(depth_of_line, NOISES * noise / factor)
    for is_dark in (True, False):
        lines, depth = find(small if is_dark else 1 - small, least)
        if lines.any():
            mask |= at_full_size(lines, depth, luma if is_dark else 1 - luma, factor)
            depths.append(float(np.median(depth[lines])))
    return Scratches(mask, float(mask.mean()), float(np.clip(max(depths) / least / sure_at, 0, 1)))


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
    return found, depth


def is_extreme(image: np.ndarray) -> np.ndarray:
    """Where a picture is nearly as dark as its darkest pixels: [h, w] bool."""
    return np.asarray(image < float(np.quantile(image, EXTREME)) + ALIKE)


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


def at_full_size(lines: np.ndarray, depth: np.ndarray, luma: np.ndarray, factor: int) -> np.ndarray:
    """The lines' pixels in a photo in which they are dark: [h, w] twice and [H, W] -> [H, W] bool."""
    depths = ndimage.maximum_filter(np.where(lines, depth, 0), 3)
    ground = ndimage.grey_closing(reduced(luma, factor), size=(WIDEST, WIDEST))
    near, around, deepest = (
        enlarged(x, factor, luma.shape)
        for x in (ndimage.binary_dilation(lines, np.ones((3, 3))), ground, depths)
    )
    deep = around - ndimage.uniform_filter(luma, 3) > HALF * deepest
    return np.asarray(near & deep)
