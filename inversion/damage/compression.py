"""How strongly JPEG has compressed a photo: from its file's tables, or from the traces that compression leaves."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import ExifTags, Image
from scipy import ndimage
from scipy.fft import dctn

from inversion.damage.luma import luma_of
from inversion.degradations.jpeg import BLOCK, quantization
from inversion.reading.picture_kinds import FORMATS

QUALITIES = range(1, 96)  # as in degradations/jpeg.py
ERROR = 0.35  # levels: of a coefficient, what rounding a decoded photo to 8 bits adds to it
OUTLIERS = 0.02  # share of coefficients that clipping and colour have moved elsewhere
ZERO = 2 * ERROR
PATCH = 512  # px: coefficients are counted in the photo's most detailed square of that side
TOGETHER = 64  # squares side by side that are looked at at once
EDGE = 8.0  # levels: a step between neighbours that is the photo's own edge
FEWEST = 20  # blocks
SURE = 0.005  # nepers per coefficient, by which traces must be likelier than no compression
ALIKE = 0.1  # nepers: tables that far from Pillow's are another program's


@dataclass(frozen=True)
class Compression:
    """JPEG's quality on Pillow's scale."""

    quality: int | None  # 1..95; None: no trace of JPEG
    confidence: float  # 0..1
    origin: Literal["tables", "traces", "none"]
    offset: tuple[int, int] = (0, 0)  # px: row and column of the first whole block
    steps: np.ndarray | None = field(default=None, repr=False, compare=False)  # [8, 8] of luma, in levels
    in_blocks: bool = True  # the photo's pixels are those that were compressed

    @property
    def rounding(self) -> float:
        """Standard deviation, white = 1, of what its steps add to the coarser half of frequencies; 0 of none."""
        return 0.0 if self.steps is None else float(np.sqrt(np.square(self.steps[:4, :4]).mean() / 12)) / 255

    def reduced(self, factor: int) -> Compression:
        """As it is seen in means of factor x factor pixels: lower frequencies' steps, which the means make smaller."""
        if self.steps is None:
            return self
        places = np.indices(self.steps.shape) / factor
        return replace(
            self, steps=ndimage.map_coordinates(self.steps, places, order=1) / factor, in_blocks=False
        )


def find_compression(photo: np.ndarray, tables: Mapping[int, Sequence[int]] | None = None) -> Compression:
    """The quality whose tables are the file's, or whose steps the photo's cosine coefficients are multiples of.

    photo: [H, W, 3], uint8. tables: as `tables_of` the file.
    """
    if tables:
        return from_tables(tables)
    return from_traces(photo)


def tables_of(path: Path) -> Mapping[int, Sequence[int]] | None:
    """A JPEG file's quantization tables; None for other files, and for a photo that is turned upright on reading.

    There the blocks do not begin at the corner: their traces say where. path: of a file that read_photo has read.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's advice about large and odd files
        with Image.open(path, formats=FORMATS) as file:
            try:
                is_upright = file.getexif().get(ExifTags.Base.Orientation, 1) == 1
            except Exception:  # anyone's software writes EXIF: read_photo takes such a photo as it is stored
                is_upright = True
            return getattr(file, "quantization", None) if is_upright else None


def from_tables(tables: Mapping[int, Sequence[int]]) -> Compression:
    """The nearest quality by the logarithm of luma's steps; other programs' tables are known by their distance."""
    steps = np.log(np.maximum(np.asarray(tables[min(tables)], dtype=np.float64), 1))
    known = np.log(np.maximum(luma_steps().reshape(len(QUALITIES), -1), 1))
    distances = np.abs(known - steps).mean(axis=1)
    best = int(distances.argmin())
    confidence = float(np.exp(-distances[best] / ALIKE))
    return Compression(QUALITIES[best], confidence, "tables", steps=np.exp(steps).reshape(BLOCK, BLOCK))


def from_traces(photo: np.ndarray) -> Compression:
    """Maximum likelihood over qualities and places of the grid: photo [H, W, 3], uint8.

    A coefficient that was quantized with step q lies within ERROR of a multiple of q; one that was not, anywhere.
    Fan & de Queiroz 2003, Identification of bitmap compression history; here the quality ties all steps together.
    """
    if min(photo.shape[:2]) < 3 * BLOCK:
        return Compression(None, 0.0, "none")
    top, left = most_detailed(photo)
    patch = unclipped_luma(photo[top : top + PATCH, left : left + PATCH])
    rows, columns = grid_phase(patch)
    blocks = coefficients(patch[rows:, columns:], flattest=1)
    if len(blocks) < FEWEST:
        return Compression(None, 0.0, "none")
    gains = likelihood(blocks)
    best = int(gains.argmax())
    if gains[best] < SURE:
        return Compression(None, float(np.clip(1 - gains[best] / SURE, 0, 1)), "none")
    offset = (top + rows) % BLOCK, (left + columns) % BLOCK
    confidence = float(1 - np.exp(-gains[best] / SURE))
    return Compression(QUALITIES[best], confidence, "traces", offset, luma_steps()[best])


def unclipped_luma(photo: np.ndarray) -> np.ndarray:
    """[h, w, 3], uint8 -> [h, w] in levels, NaN where a channel is clipped: there no coefficient is what it was."""
    luma = luma_of(photo) * 255
    luma[((photo == 0) | (photo == 255)).any(axis=2)] = np.nan
    return luma


def most_detailed(photo: np.ndarray) -> tuple[int, int]:
    """Top and left of the square, of those side by side by halves, in which neighbours differ most, edges aside."""
    height, width = photo.shape[:2]
    found: dict[tuple[int, int], float] = {}
    for top in range(0, max(1, height - PATCH // 2), PATCH // 2):
        lefts = range(0, max(1, width - PATCH // 2), PATCH // 2)
        for part in range(0, len(lefts), TOGETHER):
            first, last = lefts[part], lefts[part : part + TOGETHER][-1]
            luma = unclipped_luma(photo[top : top + PATCH : 3, first : last + PATCH + 1])
            step = np.nan_to_num(np.minimum(np.abs(np.diff(luma, axis=1)), EDGE))
            for left in lefts[part : part + TOGETHER]:
                found[top, left] = float(step[:, left - first : left - first + PATCH].sum())
    return max(found, key=lambda at: found[at])


def likelihood(found: np.ndarray) -> np.ndarray:
    """Nepers per coefficient by which each quality is likelier than none: [blocks, 8, 8] -> [qualities].

    Coefficients that a step rounds to 0 say little, as natural ones are small as well, and count nothing.
    """
    gains = np.zeros(len(QUALITIES))
    for number, steps in enumerate(luma_steps()):
        levels = np.rint(found / steps)
        beside = found - levels * steps
        near = np.exp(-0.5 * (beside / ERROR) ** 2) / (ERROR * np.sqrt(2 * np.pi))
        gain = np.log((1 - OUTLIERS) * steps * near + OUTLIERS)
        counts = (levels != 0) & (steps > 4 * ERROR)
        counts[:, 0, 0] = False
        gains[number] = (gain * counts).sum() / found.size
    return gains


def coefficients(luma: np.ndarray, flattest: float = -1) -> np.ndarray:
    """Cosine transform of whole blocks: luma [H, W] in levels -> [blocks, 8, 8], orthonormal (T.81, A.3.3).

    Left out are blocks with NaN, and those that vary by no more than `flattest` levels.
    """
    rows, columns = (side // BLOCK for side in luma.shape)
    squares = luma[: rows * BLOCK, : columns * BLOCK].reshape(rows, BLOCK, columns, BLOCK).swapaxes(1, 2)
    blocks = squares.reshape(-1, BLOCK, BLOCK)
    spread = blocks.max(axis=(1, 2)) - blocks.min(axis=(1, 2))
    transformed: np.ndarray = dctn(blocks[spread > flattest], axes=(1, 2), norm="ortho")
    return transformed


def grid_phase(luma: np.ndarray) -> tuple[int, int]:
    """Row and column where blocks begin, 0..7 each: where most coefficients are 0, as compression leaves them."""

    def zeros(at: tuple[int, int]) -> float:
        found = coefficients(luma[at[0] :, at[1] :], flattest=1)
        return float((np.abs(found) < ZERO).mean()) if len(found) else 0.0

    return max(((row, column) for row in range(BLOCK) for column in range(BLOCK)), key=zeros)


@lru_cache(maxsize=1)
def luma_steps() -> np.ndarray:
    """Pillow's quantization steps of luma, by quality: [qualities, 8, 8]."""
    return np.stack([quantization(quality, 0).numpy().astype(np.float64) for quality in QUALITIES])
