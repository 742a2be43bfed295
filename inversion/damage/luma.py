"""What the estimators look at: a whole photo's luma."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from scipy import ndimage

TILE = 256  # px
STRIP = 1 << 22  # values that are worked on at once: 100 megapixels fit beside few copies of themselves
GROWN = 0.004  # of the longer side, at least 2 px: what JPEG and blur make of a scratch's edge
WEIGHTS = np.array((0.299, 0.587, 0.114), dtype=np.float32)  # ITU-R BT.601, as in degradations/grayscale.py


def luma_of(photo: np.ndarray) -> np.ndarray:
    """Luma [...], float32, black 0 and white 1: photo [..., 3], uint8 or float, in 0..255."""
    luma = np.empty(photo.shape[:-1], dtype=np.float32)
    for rows in strips(len(photo), photo.size):
        luma[rows] = photo[rows].astype(np.float32) @ (WEIGHTS / 255)
    return luma


def strips(height: int, size: int) -> Iterator[slice]:
    """Rows of an array of `height` rows and `size` values, so many at once that they hold about STRIP values."""
    count = max(1, STRIP * height // max(1, size))
    return (slice(top, min(top + count, height)) for top in range(0, height, count))


def padded(rows: slice, height: int, by: int) -> tuple[slice, slice]:
    """Those rows and so many more on both sides, inside the picture; and where they themselves lie among these."""
    around = slice(max(0, rows.start - by), min(height, rows.stop + by))
    return around, slice(rows.start - around.start, rows.stop - around.start)


def reduced(image: np.ndarray, factor: int, known: np.ndarray | None = None) -> np.ndarray:
    """Average over factor x factor pixels; rows and columns that fill no square are cut: [H, W, ...] -> smaller.

    known: [H, W] bool, False = counts as 0.
    """
    if factor == 1:
        return image if known is None else np.where(known[..., None], image, 0)
    height, width = (side // factor for side in image.shape[:2])
    means = np.empty((height, width, *image.shape[2:]), dtype=np.float32)
    for rows in strips(height, image.size):
        lines = slice(rows.start * factor, rows.stop * factor)
        # of a photo that is far wider than high, one line of squares is too much at once
        for columns in strips(width, image[lines].size):
            places = lines, slice(columns.start * factor, columns.stop * factor)
            cut = image[places] if known is None else np.where(known[places][..., None], image[places], 0)
            cut = cut.astype(np.float32, copy=False)
            squares = cut.reshape(-1, factor, columns.stop - columns.start, factor, *image.shape[2:])
            means[rows, columns] = squares.mean(axis=(1, 3))
    return means


def enlarged(image: np.ndarray, factor: int, shape: tuple[int, ...], rows: slice = slice(None)) -> np.ndarray:
    """Every pixel as factor x factor of them, and the last ones on to the edge: [h, w] -> [H, W], of this shape.

    image: as `reduced` gives it of a picture of this shape. rows: only these.
    """
    down, across = (
        np.minimum(np.arange(side) // factor, small - 1)
        for side, small in zip(shape, image.shape, strict=True)
    )
    large: np.ndarray = image[down[rows, None], across]
    return large


def enlarged_to(small: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Every pixel repeated, in squares of any size: [h, w] -> [H, W]."""
    rows, columns = (np.arange(new) * old // new for old, new in zip(small.shape, shape, strict=True))
    return small[np.ix_(rows, columns)]


def patchwork(image: np.ndarray, tiles: int = 16) -> np.ndarray:
    """Squares from all over a large photo, one above the other: [H, W, ...] -> [tiles * TILE, TILE, ...].

    Their places are multiples of 8 pixels, so that JPEG's blocks stay blocks. A photo of no more pixels stays as it is.
    Of one that is narrower than a square, pieces as wide as it.
    """
    height, width = image.shape[:2]
    if height * width <= tiles * TILE**2:
        return image
    across = max(1, round(math.sqrt(tiles * width / height)))
    down = max(1, tiles // across)
    if width < TILE:
        across, down = 1, tiles
    elif height < TILE:
        across, down = tiles, 1
    tops, lefts = (
        np.linspace(0, max(0, side - TILE), count).astype(int) // 8 * 8
        for side, count in ((height, down), (width, across))
    )
    tall = min(TILE, height // 8 * 8) or height
    return np.concatenate([image[y : y + tall, x : x + TILE] for y in tops for x in lefts])


def visible(scratched: np.ndarray) -> np.ndarray | None:
    """What neither scratches nor their edges hide: [H, W] bool, None = all of it."""
    if not scratched.any():
        return None
    reach = max(2, round(GROWN * max(scratched.shape)))
    return ~wider(scratched, reach)


def wider(mask: np.ndarray, reach: int) -> np.ndarray:
    """[H, W] bool, by so many pixels on all sides."""
    return np.asarray(ndimage.maximum_filter(mask, 2 * reach + 1))
