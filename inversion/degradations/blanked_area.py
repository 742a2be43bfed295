"""Find what somebody blanked in a photo: patches of one constant colour and any shape, with sharp edges.

Black suits and plain backdrops have one colour, too, but it varies by a level or two where painted patches are exact,
and most of their outline is the photo's border. Alignment may have blurred the edges, and JPEG changed the colour.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from inversion.images import downsample_area, to_255

SEARCH_SIDE = 256  # px; larger photos are searched at this size
COLOURS = 8  # so many of the most frequent ones are tried
CLOSE = 12  # levels of 255: a pixel this near the colour belongs to the patch, its edge or JPEG's ringing
STEP = 24  # levels of 255: a pixel farther away than this has another colour
SMALLEST = 0.003  # of the photo's area
INSIDE = 0.2  # a patch is inside the photo if less than this share of its outline is the photo's border
# The least plausibility of a painted patch:
PAINT = 0.5  # inside the photo
PAINT_AT_BORDER = 0.75  # at the border
PAINT_OF_SAME_COLOUR = 0.35  # inside, in the colour of a patch that passed one of the two above
SOFT_EDGE = 0.012  # of the side, at least 2 px: width of a blurred edge, which counts as blanked


@dataclass(frozen=True)
class Patch:
    """Connected pixels of about one colour, measured to distinguish paint from a photo's flat areas; shares 0..1."""

    area: np.ndarray  # [S, S] bool
    size: float  # of the photo
    inside: bool  # little of its outline is the photo's border
    # share within a level of the colour, times share of its surroundings far from the colour
    plausibility: float

    @property
    def is_paint(self) -> bool:
        return self.plausibility >= (PAINT if self.inside else PAINT_AT_BORDER)

    @property
    def is_paint_of_same_colour(self) -> bool:
        """With the lower threshold for a patch in the colour of one that is paint."""
        return self.is_paint or (self.inside and self.plausibility >= PAINT_OF_SAME_COLOUR)


def known_around_blank(photo: Tensor) -> Tensor | None:
    """Locate the patches of the one colour that blanks most of a photo, or None.

    photo: [3, R, R] in [-1, 1]. Returns [1, R, R], float, 1 = known, 0 = blanked or at its soft edge.
    """
    small = downsample_area(photo[None].detach().float().cpu(), SEARCH_SIDE)
    pixels = to_255(small[0]).permute(1, 2, 0).numpy().round()
    found = [patches_of(pixels, colour) for colour in frequent_colours(pixels)]
    found = [patches for patches in found if any(patch.is_paint for patch in patches)]
    if not found:
        return None
    # A backdrop that is black to the last bit looks like paint, but only at the border.
    paint = [patch.area for patch in max(found, key=inner_size) if patch.is_paint_of_same_colour]
    blank = torch.from_numpy(grown(np.any(paint, axis=0), soft_edge(pixels))).float()[None, None]
    return 1 - F.interpolate(blank, size=photo.shape[-2:], mode="nearest")[0].to(photo)


def inner_size(patches: list[Patch]) -> tuple[float, float]:
    """Share of the photo that is painted: inside, and in all."""
    sizes = [(patch.size * patch.inside, patch.size) for patch in patches if patch.is_paint]
    return sum(inner for inner, _ in sizes), sum(size for _, size in sizes)


def frequent_colours(pixels: np.ndarray) -> list[np.ndarray]:
    """[3] each, whole levels, no two CLOSE together: [S, S, 3] in 0..255."""
    colours, counts = np.unique(pixels.reshape(-1, 3), axis=0, return_counts=True)
    chosen: list[np.ndarray] = []
    for i in np.argsort(-counts, kind="stable"):
        if len(chosen) == COLOURS or counts[i] < SMALLEST / 3 * pixels[..., 0].size:
            break
        if all(abs(colours[i] - colour).max() > CLOSE for colour in chosen):
            chosen.append(colours[i])
    return chosen


def patches_of(pixels: np.ndarray, colour: np.ndarray) -> list[Patch]:
    """All areas of about one colour that are not too small: pixels [S, S, 3], colour [3], both 0..255."""
    difference = abs(pixels - colour).max(axis=2)
    number = connected(difference <= CLOSE)
    sizes = np.bincount(number.ravel()) / number.size
    sizes[0] = 0  # pixels of other colours
    reach = soft_edge(pixels)
    return [patch(number == i, difference, reach) for i in np.nonzero(sizes >= SMALLEST)[0]]


def patch(area: np.ndarray, difference: np.ndarray, reach: int) -> Patch:
    """Measure one area [S, S] bool; difference: [S, S], levels from the colour; reach of a soft edge in pixels."""
    around = grown(area, reach + 1) & ~grown(area, reach)
    at_border = sum(int(line.sum()) for line in (area[0], area[-1], area[:, 0], area[:, -1]))
    outline = at_border + int((area & grown(~area, 1)).sum())
    constant = float((difference[area] <= 1).mean())
    sharp = float((difference[around] > STEP).mean()) if around.any() else 0.0
    return Patch(area, float(area.mean()), at_border < INSIDE * outline, constant * sharp)


def soft_edge(pixels: np.ndarray) -> int:
    return max(2, round(SOFT_EDGE * len(pixels)))


def connected(inside: np.ndarray) -> np.ndarray:
    """Number the pixels of each connected area alike, diagonals included: [S, S] bool -> int, 0 outside."""
    number = np.where(inside, np.arange(1, inside.size + 1).reshape(inside.shape), 0)
    while True:
        pooled = F.max_pool2d(torch.from_numpy(number).double()[None, None], 3, 1, 1)[0, 0].long().numpy()
        highest = np.where(inside, pooled, 0)
        # Take the number that the pixel with that number has by now (pointer jumping): long areas need few rounds.
        highest = np.where(inside, np.append(0, highest.ravel())[highest], 0)
        if np.array_equal(highest, number):
            return number
        number = highest


def grown(area: np.ndarray, reach: int) -> np.ndarray:
    """Widen an area by some pixels on all sides: [S, S] bool."""
    wider = F.max_pool2d(torch.from_numpy(area).float()[None, None], 2 * reach + 1, 1, reach)
    return wider[0, 0].numpy() > 0
