"""Where dust lies on a print or its scan: small spots of one extreme colour on smooth ground, many of them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy import ndimage

from inversion.damage.luma import enlarged, reduced
from inversion.damage.scratches import HALF, NOISES, is_extreme

SIDE = 512  # px of the longer side: spots are looked for at this size
WIDEST = 9  # px there: a wider spot is none
DEPTH = 0.12  # of white: least difference from its surroundings
RING = 3  # px: surroundings of a spot, beyond two of its edge
SMOOTH = 0.12  # of its depth: standard deviation of its surroundings; at 0.25 pupils and nostrils are spots
CROWDED, NEAR = 0.035, 41  # share of candidates within so many px, from which on it is a pattern
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
    factor = max(1, round(max(luma.shape) / SIDE))
    if min(luma.shape) < WIDEST * factor:  # too narrow to show a spot and what lies around it
        return Dust(np.zeros(luma.shape, dtype=bool), 0, 0.0)
    small = reduced(luma, factor)
    clean = (
        np.ones_like(small, dtype=bool)
        if known is None
        else reduced(known.astype(np.float32), factor) > 0.999
    )
    least = max(DEPTH, NOISES * noise / factor)
    mask, count = np.zeros(luma.shape, dtype=bool), 0
    for kind in ("dark", "bright"):
        image = small if kind == "dark" else 1 - small
        spots, ground = find_spots(image, least, clean)
        if spots.max():
            count += int(spots.max())
            mask |= at_full_size(spots > 0, ground, luma if kind == "dark" else 1 - luma, factor)
    if count < FEWEST:
        return Dust(np.zeros_like(mask), 0, 0.0)
    return Dust(mask, count, min(1.0, 0.7 * count / MANY))


def find_spots(small: np.ndarray, least: float, clean: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Dark spots of a small picture, numbered from 1, 0 elsewhere, and the picture without them: [h, w] twice."""
    ground = ndimage.grey_closing(small, size=(WIDEST, WIDEST))
    depth = ground - small
    candidates, _ = ndimage.label((depth > least) & is_extreme(small) & clean, np.ones((3, 3)))
    crowd = ndimage.uniform_filter((candidates > 0).astype(np.float32), NEAR)
    spots, number = np.zeros(small.shape, dtype=int), 0
    for label, box in enumerate(ndimage.find_objects(candidates), start=1):
        if box is None or max(side.stop - side.start for side in box) > WIDEST:
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
    return spots, ground


def at_full_size(spots: np.ndarray, ground: np.ndarray, luma: np.ndarray, factor: int) -> np.ndarray:
    """The spots' pixels in a photo in which they are dark: [h, w] twice and [H, W] -> [H, W] bool."""
    near = enlarged(ndimage.binary_dilation(spots, np.ones((3, 3))), factor, luma.shape)
    return np.asarray(near & (enlarged(ground, factor, luma.shape) - luma > HALF * DEPTH))
