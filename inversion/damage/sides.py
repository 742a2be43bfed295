"""What lies on both sides of a line: the same, where damage hides it; of an outline, two different things."""

from __future__ import annotations

import math

import numpy as np
from scipy import ndimage

from inversion.damage.extremes import WIDEST, pieces

BESIDE = WIDEST // 2 + 1  # px of the searched size: so far to each side
ACROSS = ((0, 1), (1, 0), (1, 1), (1, -1), (1, 2), (2, 1), (1, -2), (2, -1))  # rows, columns: 8 directions
APART = 2  # px: pieces of one line are nearer to each other than twice that
UNLIKE = 0.25  # of a line's depth: where the sides differ by more they are two things
OUTLINE = 0.4  # of a line's pixels: if so many lie between two things it is an outline; a rim of glasses has 0.4 to 0.5
RULED = 3  # px: a line that leaves a row or column by no more is parallel to the photo's side
EVEN = 0.01  # of white: standard deviation of the ground along a line that is drawn on it


def damage_among(found: np.ndarray, image: np.ndarray) -> np.ndarray:
    """Of lines those that are neither an outline nor drawn: [h, w] bool -> the same.

    image: [h, w], in which the lines are dark.

    A line has two sides if it is darker than both; at the photo's border there is only one. A scratch crosses what it
    lies on without regard, so that most of it has the same on both sides. A drawn one is parallel to the photo's side
    and lies on one even ground all along.
    """
    if not found.any():
        return found
    lines = pieces(found, APART)
    depth, difference = sides(ndimage.uniform_filter(image, 3))
    each = np.arange(1, lines.max() + 1)
    deep = np.asarray(ndimage.median(depth, lines, each))
    unlike = difference >= UNLIKE * np.concatenate([[0], deep])[lines]
    is_damage = np.asarray(ndimage.mean(unlike, lines, each)) < OUTLINE
    ground = ndimage.grey_closing(image, size=(WIDEST, WIDEST))
    is_even = np.asarray(ndimage.standard_deviation(ground, lines, each)) < EVEN
    extent = np.array([[side.stop - side.start for side in box] for box in ndimage.find_objects(lines)])
    is_damage &= ~(is_even & (extent.min(axis=1) <= RULED))
    return np.asarray(np.concatenate([[False], is_damage])[lines])


def sides(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """By how much a picture's pixels are darker than both sides, across the direction in which that is most.

    And by how much these differ: [h, w] -> [h, w] twice.
    """
    height, width = image.shape
    around = np.pad(image, BESIDE, mode="edge")
    depth, difference = np.full(image.shape, -np.inf), np.zeros(image.shape)
    for down, right in ACROSS:
        length = math.hypot(down, right)
        y, x = round(BESIDE * down / length), round(BESIDE * right / length)
        one, other = (around[BESIDE + step * y :, BESIDE + step * x :][:height, :width] for step in (1, -1))
        least = np.minimum(one, other) - image
        is_most = least > depth
        depth[is_most] = least[is_most]
        difference[is_most] = np.abs(one - other)[is_most]
    return depth, difference
