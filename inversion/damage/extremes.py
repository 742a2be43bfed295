"""What is darker or brighter than its surroundings, and about as dark or as bright as anything in the photo."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from scipy import ndimage

from inversion.damage.luma import enlarged, padded, reduced, strips

SIDE = 512  # px of the longer side: scratches, creases and dust are looked for at this size
WIDEST = 13  # px there: a structure that is as wide is none
NOISES = 3.0  # standard deviations of noise that a difference must exceed as well
EXTREME = 0.03  # of the pixels may be brighter than a bright structure, or darker than a dark one
ALIKE = 0.1  # of white: by which a structure may be less extreme
JOINED = 3  # px there: pieces that are nearer than twice that are one structure
HALF = 0.5  # of its depth: its edge


@dataclass(frozen=True)
class Structures:
    """Dark ones and bright ones together."""

    mask: np.ndarray = field(repr=False, compare=False)  # [H, W] bool
    count: int  # of those that were told apart
    depth: float  # median difference from the surroundings, of dark or of bright ones, whichever is more; 0 of none
    least: float  # that was looked for
    longest: float = 0.0  # of one of them, of the shorter side


def dark_and_bright(
    luma: np.ndarray,
    noise: float,
    find: Callable[[np.ndarray, float], tuple[np.ndarray, np.ndarray]],
    least_depth: float,
    smooth: float = 0.0,
) -> Structures:
    """What `find` finds in a small picture and in its negative, at full size.

    luma: [H, W] in 0..1. noise: standard deviation there. find: [h, w] and the least depth -> numbers of dark
    structures, 0 elsewhere, or bool; and by how much each pixel is darker than its surroundings. least_depth: where
    noise hides no more. smooth: px of the small picture.
    """
    factor = searched(luma.shape)
    least = max(least_depth, NOISES * noise / factor)
    mask, count, depths, longest = np.zeros(luma.shape, dtype=bool), 0, [0.0], 0.0
    if min(luma.shape) < WIDEST * factor:  # too narrow to show a structure beside what lies on both its sides
        return Structures(mask, 0, 0.0, least)
    plain = reduced(luma, factor)
    small = ndimage.gaussian_filter(plain, smooth)
    for is_dark in (True, False):
        found, depth = find(small if is_dark else 1 - small, least)
        if found.any():
            add_at_full_size(mask, found > 0, depth, plain, luma, factor, is_dark)
            count += int(found.max())
            longest = max(longest, extent(found > 0) / min(small.shape))
            depths.append(float(np.median(depth[found > 0])))
    return Structures(mask, count, max(depths), least, longest)


def searched(shape: tuple[int, ...]) -> int:
    """How many times smaller than a photo [H, W] the picture is in which structures are looked for."""
    return max(1, round(max(shape) / SIDE))


def extent(found: np.ndarray) -> float:
    """Of the largest of structures, gaps included, from corner to corner of its box, in pixels: [h, w] bool."""
    boxes = ndimage.find_objects(pieces(found, JOINED))
    return max(math.hypot(*(side.stop - side.start for side in box)) for box in boxes)


def pieces(found: np.ndarray, apart: int) -> np.ndarray:
    """Structures numbered from 1, 0 elsewhere; one are those that so many px all around would join: [h, w] bool."""
    near = ndimage.binary_dilation(found, np.ones((3, 3)), iterations=apart)
    return np.where(found, ndimage.label(near, np.ones((3, 3)))[0], 0)


def is_extreme(image: np.ndarray) -> np.ndarray:
    """Where a picture is nearly as dark as its darkest pixels: [h, w] bool."""
    return np.asarray(image < float(np.quantile(image, EXTREME)) + ALIKE)


def add_at_full_size(
    mask: np.ndarray,
    found: np.ndarray,
    depth: np.ndarray,
    small: np.ndarray,
    luma: np.ndarray,
    factor: int,
    is_dark: bool,
) -> None:
    """Set the structures' pixels in `mask`, [H, W] bool. found, depth, small: [h, w]; luma: [H, W]; see above."""
    depths = ndimage.maximum_filter(np.where(found, depth, 0), 3)
    ground = ndimage.grey_closing(small if is_dark else 1 - small, size=(WIDEST, WIDEST))
    near = ndimage.binary_dilation(found, np.ones((3, 3)))
    for rows in strips(len(luma), luma.size):
        around, own = padded(rows, len(luma), 1)
        level = ndimage.uniform_filter(luma[around] if is_dark else 1 - luma[around], 3)[own]
        is_near, above, deepest = (enlarged(x, factor, luma.shape, rows) for x in (near, ground, depths))
        mask[rows] |= is_near & (above - level > HALF * deepest)
