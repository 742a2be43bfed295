"""Find the rectangle that somebody blanked in a photo: one constant colour with sharp edges on every side.

It may be turned (alignment rotates the photo), soft-edged (alignment resamples it) and noisy (JPEG).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from inversion.images import downsample_area, to_255

SEARCH_SIDE = 256  # px; larger photos are searched at this size
SMALLEST_SIDE = 0.06  # of the photo's side
FLAT = 2.0  # levels of 255: spread of the rectangle's interior
NEAR = 8  # levels of 255: interior under JPEG ringing
CLOSE = 12  # levels of 255: still the rectangle
CONSTANT = 0.5  # of the rectangle lies within FLAT of its colour
TURNED = 0.25  # of the rectangle's side: how far a rotated one reaches beyond the upright one inside it
FILLED = 0.8  # of the rectangle has its colour
SHARP = 0.8  # of the pixels just outside have another colour
SOFT_EDGE = 2.0  # px at which an edge has faded out; blanked as well


@dataclass(frozen=True)
class Rectangle:
    """Centre and half sides in pixels, (0, 0) = centre of the first pixel; angle in radians."""

    x: float
    y: float
    half_width: float
    half_height: float
    angle: float

    @property
    def area(self) -> float:
        return 4 * self.half_width * self.half_height

    def frame(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Coordinates along the rectangle's own axes, from its centre."""
        cos, sin = math.cos(self.angle), math.sin(self.angle)
        return cos * (x - self.x) + sin * (y - self.y), -sin * (x - self.x) + cos * (y - self.y)

    def sides(self, distance: float) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Points (x, y) along each of the four sides, `distance` pixels outside, one per pixel."""
        cos, sin = math.cos(self.angle), math.sin(self.angle)
        for sign in (-1, 1):
            along = np.arange(-self.half_width, self.half_width + 0.5)
            out = np.full_like(along, sign * (self.half_height + distance))
            yield self.x + cos * along - sin * out, self.y + sin * along + cos * out
            along = np.arange(-self.half_height, self.half_height + 0.5)
            out = np.full_like(along, sign * (self.half_width + distance))
            yield self.x + cos * out - sin * along, self.y + sin * out + cos * along


def known_around_rectangle(photo: Tensor) -> Tensor | None:
    """Locate the most plausible blanked rectangle of one photo, or None.

    photo: [3, R, R] in [-1, 1]. Returns [1, R, R], float, 1 = known, 0 = blanked or at its soft edge.
    """
    small = downsample_area(photo[None].detach().float().cpu(), SEARCH_SIDE)
    pixels = to_255(small[0]).permute(1, 2, 0).numpy()
    found = [candidate for colour in constant_colours(small) for candidate in rectangles_of(pixels, colour)]
    if not found:
        return None
    _, rectangle = max(found, key=lambda candidate: candidate[0])
    scale = pixels.shape[0] / photo.shape[-1]
    centres = (np.arange(photo.shape[-1]) + 0.5) * scale - 0.5
    along, across = rectangle.frame(centres[None, :], centres[:, None])
    margin = SOFT_EDGE + 0.5
    blanked = (abs(along) <= rectangle.half_width + margin) & (abs(across) <= rectangle.half_height + margin)
    return torch.from_numpy(~blanked).to(photo)[None]


def constant_colours(photo: Tensor) -> list[np.ndarray]:
    """List the colours that could be a blank: [3] in 0..255 each, from pixels with flat surroundings.

    photo: [1, 3, S, S] in [-1, 1].
    """
    levels = to_255(photo)
    spread = F.max_pool2d(levels, 5, 1) + F.max_pool2d(-levels, 5, 1)
    flat = levels[0, :, 2:-2, 2:-2][:, spread[0].amax(dim=0) <= FLAT].T.numpy()
    if not len(flat):
        return []
    _, group, count = np.unique(np.rint(flat / 8), axis=0, return_inverse=True, return_counts=True)
    smallest = (SMALLEST_SIDE * photo.shape[-1]) ** 2 / 4  # a blank's colour may fall on two groups' border
    most_frequent = [i for i in np.argsort(-count)[:6] if count[i] >= smallest]
    return [np.median(flat[group.ravel() == i], axis=0) for i in most_frequent]


def rectangles_of(pixels: np.ndarray, colour: np.ndarray) -> Iterator[tuple[float, Rectangle]]:
    """Yield (plausibility in 0..1, rectangle) for the blanks among the largest areas of one colour.

    pixels: [S, S, 3] in 0..255; colour: [3].
    """
    difference = abs(pixels - colour).max(axis=2)
    left_over = difference <= NEAR
    for _ in range(3):
        top, left, bottom, right = largest_upright_rectangle(left_over)
        if min(bottom - top, right - left) < SMALLEST_SIDE * len(pixels):
            return
        area = grow(difference <= CLOSE, top, left, bottom, right)
        rectangle = tightest_rectangle(area)
        constant = float((difference[area] <= FLAT).mean())
        sharp = sharpness(difference, rectangle)
        if area.sum() >= FILLED * rectangle.area and constant >= CONSTANT and sharp >= SHARP:
            yield constant * sharp, rectangle
        left_over = left_over & ~area


def largest_upright_rectangle(inside: np.ndarray) -> tuple[int, int, int, int]:
    """Find the largest all-true rectangle [top:bottom, left:right], by histograms of column heights.

    inside: [S, S] bool. Returns top, left, bottom, right; all 0 when nothing is inside.
    """
    best, best_area = (0, 0, 0, 0), 0
    heights = np.zeros(inside.shape[1] + 1, dtype=int)  # the last one stays 0 and closes what is open
    for row, line in enumerate(inside, start=1):
        heights[:-1] = (heights[:-1] + 1) * line
        open_: list[tuple[int, int]] = []  # (first column, height), heights increasing
        for column, height in enumerate(heights.tolist()):
            start = column
            while open_ and open_[-1][1] >= height:
                start, tall = open_.pop()
                if tall * (column - start) > best_area:
                    best, best_area = (row - tall, start, row, column), tall * (column - start)
            open_.append((start, height))
    return best


def grow(close: np.ndarray, top: int, left: int, bottom: int, right: int) -> np.ndarray:
    """Flood from a rectangle through pixels of its colour, no farther than a turned rectangle could reach.

    close: [S, S] bool. Returns [S, S] bool.
    """
    reach = math.ceil(TURNED * max(bottom - top, right - left)) + 3
    allowed = np.zeros_like(close)
    window = slice(max(top - reach, 0), bottom + reach), slice(max(left - reach, 0), right + reach)
    allowed[window] = close[window]
    area = torch.zeros(1, 1, *close.shape)
    area[..., top:bottom, left:right] = 1
    limit = torch.from_numpy(allowed).float()
    for _ in range(2 * reach):
        wider = F.max_pool2d(area, 3, 1, 1) * limit
        if torch.equal(wider, area):
            break
        area = wider
    return area[0, 0].numpy() > 0


def tightest_rectangle(area: np.ndarray) -> Rectangle:
    """Fit the smallest rectangle of any rotation around an area: [S, S] bool."""
    y, x = np.nonzero(area & ~interior(area))
    angles = np.deg2rad(np.arange(-45, 45, 0.5))
    cos, sin = np.cos(angles)[:, None], np.sin(angles)[:, None]
    along, across = cos * x + sin * y, -sin * x + cos * y  # [angles, points]
    width = np.ptp(along, axis=1) + 1
    height = np.ptp(across, axis=1) + 1
    # A pixel is a square: upright rectangles win ties.
    i = np.argmin(width * height * (1 + 1e-3 * abs(angles)))
    u, v = (along[i].max() + along[i].min()) / 2, (across[i].max() + across[i].min()) / 2
    c, s = math.cos(angles[i]), math.sin(angles[i])
    return Rectangle(c * u - s * v, s * u + c * v, width[i] / 2, height[i] / 2, float(angles[i]))


def interior(area: np.ndarray) -> np.ndarray:
    """Pixels whose eight neighbours belong to the area too; the photo's border counts as outside."""
    padded = F.pad(torch.from_numpy(area).float()[None, None], (1, 1, 1, 1))
    return (-F.max_pool2d(-padded, 3, 1))[0, 0].numpy() > 0


def sharpness(difference: np.ndarray, rectangle: Rectangle) -> float:
    """Share of the pixels just outside, on the sides that lie in the photo, that have another colour: 0..1.

    difference: [S, S], levels from the colour. A side that is mostly not sharp makes it 0.
    """
    side = len(difference)
    sharp = []
    for x, y in rectangle.sides(SOFT_EDGE + 1):
        column, row = np.rint(x).astype(int), np.rint(y).astype(int)
        visible = (column >= 0) & (column < side) & (row >= 0) & (row < side)
        if visible.mean() > 0.5:
            sharp.append(float((difference[row[visible], column[visible]] > CLOSE).mean()))
    return sum(sharp) / len(sharp) if sharp and min(sharp) >= SHARP / 2 else 0.0
