"""Where a photo is torn or blanked: areas of one constant colour with sharp edges, at its border or inside."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from PIL import Image
from scipy import ndimage

from inversion.degradations.blanked_area import (
    PAINT,
    PAINT_AT_BORDER,
    SEARCH_SIDE,
    SMALLEST,
    Patch,
    frequent_colours,
    grown,
    patch,
    patches_of,
    soft_edge,
)

LARGEST = 0.3  # of the photo: a larger area of one colour is its backdrop
DRAWN = 0.6  # plausibility of such a backdrop from which on the whole picture is drawn
THINNEST = 5  # px of the searched size: what is thinner is a scratch
BITE = 0.25  # of the photo's border: one colour that takes more of it is a backdrop
SURE_AT = 0.55  # confidence of an area that is just plausible; white shirts and table tops reach 0.67
EDGE = 1  # px of the searched size: what belongs to neither side


@dataclass(frozen=True)
class Torn:
    """Where nothing is left of the photo."""

    mask: np.ndarray = field(repr=False, compare=False)  # [H, W] bool, True = gone
    share: float  # of the photo's pixels
    confidence: float  # 0..1: how constant they are, and how sharp their edges


def find_torn(photo: np.ndarray) -> Torn:
    """As inversion/degradations/blanked_area.py tells a painted patch from a flat area: photo [H, W, 3], uint8."""
    height, width = photo.shape[:2]
    scale = min(1.0, SEARCH_SIDE / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = np.asarray(Image.fromarray(photo).resize(size, Image.Resampling.BOX)).astype(np.float64)
    colours = [(colour, patches_of(small, colour)) for colour in frequent_colours(small)]
    is_drawn = any(
        one.size >= LARGEST and one.plausibility >= DRAWN for _, patches in colours for one in patches
    )
    gone = [] if is_drawn else [one for colour, patches in colours for one in gone_of(patches, small, colour)]
    if not gone:
        return Torn(np.zeros((height, width), dtype=bool), 0.0, 0.0)
    area = Image.fromarray(grown(np.any([one.area for one in gone], axis=0), EDGE))
    mask = np.array(area.resize((width, height), Image.Resampling.NEAREST))
    return Torn(mask, float(mask.mean()), min(1.0, SURE_AT * max(map(beyond, gone))))


def gone_of(patches: list[Patch], pixels: np.ndarray, colour: np.ndarray) -> list[Patch]:
    """Of the patches of one colour those that are no photo. A cut-out's backdrop is as constant as a torn corner.

    pixels: [S, S, 3], colour: [3], both 0..255.
    """
    paint = [one for one in patches if one.is_paint and one.size < LARGEST and is_thick(one.area)]
    wholes = [one for one in paint if one.inside or not is_backdrop(paint)]
    return [part for one in wholes for part in thick_parts(one, pixels, colour) if part.is_paint]


def thick_parts(whole: Patch, pixels: np.ndarray, colour: np.ndarray) -> list[Patch]:
    """Each is measured for itself: a white scratch may join a white hat to a torn edge, or look like one with it.

    A part is what squares of THINNEST pixels cover (morphological opening), with the fringes of its outline.
    """
    difference = abs(pixels - colour).max(axis=2)
    numbers, count = ndimage.label(opened(whole.area), np.ones((3, 3)))
    areas = (ndimage.maximum_filter(numbers == i, THINNEST) & whole.area for i in range(1, count + 1))
    return [patch(area, difference, soft_edge(pixels)) for area in areas if area.mean() >= SMALLEST]


def opened(area: np.ndarray) -> np.ndarray:
    """What of it squares of THINNEST pixels cover: [S, S] bool."""
    return np.asarray(ndimage.maximum_filter(ndimage.minimum_filter(area, THINNEST), THINNEST))


def is_thick(area: np.ndarray) -> bool:
    return bool(ndimage.minimum_filter(area, THINNEST).any())


def is_backdrop(patches: list[Patch]) -> bool:
    """Whether the patches of one colour take more of the photo's border than one torn corner or edge does."""
    area = np.any([one.area for one in patches], axis=0)
    border = np.concatenate([area[0], area[-1], area[:, 0], area[:, -1]])
    corners = area[[0, 0, -1, -1], [0, -1, 0, -1]]
    return bool(corners.sum() > 1 or border.mean() > BITE)


def beyond(patch: Patch) -> float:
    """Its plausibility as a part of what makes it paint, 1 and more."""
    return patch.plausibility / (PAINT if patch.inside else PAINT_AT_BORDER)
