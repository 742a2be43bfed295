"""Where a print was folded: a bright or dark line across most of it that wavers, and varies in width and brightness."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from inversion.damage.extremes import WIDEST, dark_and_bright
from inversion.damage.scratches import Scratches, of_lines
from inversion.damage.sides import damage_among

DEPTH = 0.06  # of white: least difference from both sides
SURE_AT = 2.2  # times that: depth of a line that is certain; a groove between stones has 1.5 times
SMOOTH = 0.7  # px of the searched size: noise between pixels breaks paths
LONG = 0.45  # of the shorter side: least length
GAP = 5  # px in sequence that may be missing
CROWDED, NEAR = 0.3, 31  # share of candidates within so many px, from which on it is texture
STRAIGHT = 0.03  # of its length: standard deviation of its middle from a straight line
WAVERS = 0.5  # px: the same, at least; stripes, ruled lines and frames do not
THIN = 6.5  # px: area by length
ALONE = 0.65  # of the shorter side: a shorter one must reach the border
AT_BORDER = 0.04  # of the shorter side: one end at least is so near to the photo's border


def find_creases(luma: np.ndarray, noise: float = 0.0) -> Scratches:
    """Thin lines by the top-hat transform, kept where a path opening finds them long and nearly straight.

    luma: [H, W] in 0..1. noise: standard deviation there. Talbot & Appleton 2007, Efficient complete and incomplete
    path openings and closings.
    """
    return of_lines(dark_and_bright(luma, noise, find_folds, DEPTH, SMOOTH), SURE_AT)


def find_folds(small: np.ndarray, least: float) -> tuple[np.ndarray, np.ndarray]:
    """As `scratches.find_lines`."""
    depth = ndimage.grey_closing(small, size=(WIDEST, WIDEST)) - small
    return damage_among(long_lines(depth > least, LONG * min(small.shape)), small), depth


def long_lines(candidates: np.ndarray, least: float) -> np.ndarray:
    """Of candidates [h, w] bool those on paths of that length that are nearly straight and thin."""
    crowd = ndimage.uniform_filter(candidates.astype(np.float32), NEAR)
    candidates = candidates & (crowd < CROWDED)
    on_path = (paths(candidates) >= least) | (paths(candidates.T) >= least).T
    found = np.zeros_like(candidates)
    numbers, _ = ndimage.label(ndimage.binary_dilation(on_path & candidates, iterations=GAP // 2 + 1))
    for number, box in enumerate(ndimage.find_objects(numbers), start=1):
        if box is None:
            continue
        part = (numbers[box] == number) & candidates[box] & on_path[box]
        places = np.argwhere(part).astype(float)
        if len(places) < least:
            continue
        near = AT_BORDER * min(candidates.shape)
        margins = [
            edge
            for side, one in zip(candidates.shape, box, strict=True)
            for edge in (one.start, side - one.stop)
        ]
        places -= places.mean(axis=0)
        along, beside = np.linalg.svd(places, full_matrices=False)[2] @ places.T
        place = np.rint(along - along.min()).astype(int)
        length = int(place.max()) + 1
        count = np.bincount(place)
        wavers = float((np.bincount(place, beside)[count > 0] / count[count > 0]).std())
        ends = min(margins) <= near or length >= ALONE * min(candidates.shape)
        is_one = (
            length >= least
            and WAVERS <= wavers <= STRAIGHT * length
            and len(places) <= THIN * length
            and ends
        )
        if is_one:
            found[box] |= part
    return found


def paths(candidates: np.ndarray) -> np.ndarray:
    """Length in columns of the longest path through each pixel, by steps to the right, at most one row up or down each.

    candidates: [h, w] bool; so many as GAP pixels of a path in sequence may be missing.
    """
    before, after = lengths(candidates), lengths(candidates[:, ::-1])[:, ::-1]
    return np.asarray(np.where(candidates, before + after - 1, 0))


def lengths(candidates: np.ndarray) -> np.ndarray:
    """Of the longest path from the left that ends in each pixel: [h, w] bool -> int."""
    height, width = candidates.shape
    result = np.zeros((height, width), dtype=int)
    length, missing = np.zeros(height + 2, dtype=int), np.zeros(height + 2, dtype=int)
    for column in range(width):
        longest, gone = (np.stack([x[:-2], x[1:-1], x[2:]]) for x in (length, missing))
        # of equally long ones that with fewer missing
        best = (longest * (GAP + 2) - gone).argmax(axis=0)[None]
        longest, gone = (np.take_along_axis(x, best, axis=0)[0] for x in (longest, gone))
        here = candidates[:, column]
        gone = np.where(here, 0, gone + 1)
        longest = np.where((gone > GAP) | (~here & (longest == 0)), 0, longest + 1)
        length[1:-1], missing[1:-1] = longest, np.where(longest > 0, gone, 0)
        result[:, column] = longest
    return result
