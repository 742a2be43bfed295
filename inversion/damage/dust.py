"""Where dust lies on a print or its scan: small spots of one extreme colour on smooth ground, many of them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy import ndimage

from inversion.damage.extremes import dark_and_bright, is_extreme, searched
from inversion.damage.luma import reduced, wider

LARGEST = 9  # px of the searched size: a larger spot is none
DEPTH = 0.12  # of white: least difference from its surroundings
RING = 3  # px: surroundings of a spot, beyond two of its edge
SMOOTH = 0.12  # of its depth: standard deviation of its surroundings; at 0.25 pupils and nostrils are spots
CROWDED, NEAR = 0.035, 41  # share of candidates within so many px, from which on it is a pattern
APART = 2  # px of the photo: so far from each other may parts of one spot be, which compression has broken
SMALLEST = 6  # px of the photo: less of what stayed sharp is noise
FEWEST, MANY = 6, 12  # spots: fewer are pupils, buttons, moles; from MANY on it is sure


@dataclass(frozen=True)
class Dust:
    """Where spots hide the photo."""

    mask: np.ndarray = field(repr=False, compare=False)  # [H, W] bool, True = hidden
    count: int
    confidence: float  # 0..1: how many spots there are


def find_dust(luma: np.ndarray, noise: float = 0.0, known: np.ndarray | None = None) -> Dust:
    """Spots by the top-hat transform, kept where they are small, alone, and on smooth ground.

    luma: [H, W] in 0..1. noise: standard deviation there. known: [H, W] bool, False = scratched. Soille 2003,
    Morphological image analysis, chapter 4.
    """
    factor = searched(luma.shape)
    clean = None if known is None else reduced(known, factor) > 0.999

    def find(small: np.ndarray, least: float) -> tuple[np.ndarray, np.ndarray]:
        return find_spots(small, least, clean)

    found = dark_and_bright(luma, noise, find, DEPTH)
    if found.count < FEWEST:
        return Dust(np.zeros_like(found.mask), 0, 0.0)
    return of_spots(found.mask, found.count)


def find_spots(small: np.ndarray, least: float, clean: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Dark spots of a small picture, numbered from 1, 0 elsewhere, and how dark each pixel is: [h, w] twice."""
    depth = ndimage.grey_closing(small, size=(LARGEST, LARGEST)) - small
    deep = (depth > least) & is_extreme(small)
    candidates, _ = ndimage.label(deep if clean is None else deep & clean, np.ones((3, 3)))
    crowd = ndimage.uniform_filter((candidates > 0).astype(np.float32), NEAR)
    spots, number = np.zeros(small.shape, dtype=int), 0
    for label, box in enumerate(ndimage.find_objects(candidates), start=1):
        if box is None or max(side.stop - side.start for side in box) > LARGEST:
            continue
        around = tuple(slice(max(0, side.start - RING - 2), side.stop + RING + 2) for side in box)
        inside = candidates[around] == label
        deepest = float(depth[around][inside].max())
        edge = ndimage.binary_dilation(inside, np.ones((3, 3)), iterations=2)
        ring = ndimage.binary_dilation(edge, np.ones((3, 3)), iterations=RING) & ~edge
        is_one = (
            crowd[around][inside].mean() < CROWDED
            and ring.any()
            and float(small[around][ring].std()) < SMOOTH * deepest
        )
        if is_one:
            number += 1
            spots[around][inside] = number
    return spots, depth


def with_missed(dust: Dust, missed: np.ndarray, scratched: np.ndarray) -> Dust:
    """The same with spots that only the blur around them has shown, however few: no pupil stays sharp there.

    missed: [H, W] bool, what stayed sharp in a blurred photo (`missed.find_blur_beneath`). scratched: [H, W] bool; what
    lies beside a scratch is more of it, and no spot.
    """
    largest = LARGEST * searched(missed.shape)
    parts, count = ndimage.label(wider(missed, APART), np.ones((3, 3)))
    areas = ndimage.sum_labels(missed, parts, np.arange(1, count + 1))
    beside = wider(scratched, largest)
    spots = [
        number
        for number, (box, area) in enumerate(zip(ndimage.find_objects(parts), areas, strict=True), start=1)
        if area >= SMALLEST
        and max(side.stop - side.start for side in box) <= largest + 2 * APART
        and not beside[box].any()
    ]
    is_spot = np.zeros(count + 1, dtype=bool)
    is_spot[spots] = True
    return of_spots(dust.mask | (missed & is_spot[parts]), dust.count + len(spots))


def of_spots(mask: np.ndarray, count: int) -> Dust:
    """The more there are, the surer it is dust."""
    return Dust(mask, count, min(1.0, 0.7 * count / MANY))
