"""Everything of a contact sheet that scales with its cells."""

from __future__ import annotations

import math
from dataclasses import dataclass

LARGEST, SMALLEST = 256, 48  # px: side of a cell with one picture
MOST_PIXELS = 24_000_000  # of the sheet
LEGIBLE = 96  # px: smaller cells have no room for captions
MOST_PHOTOS = 4  # per cell
TILES = {1: (1, 1), 2: (2, 1), 3: (3, 1), 4: (2, 2)}  # photos of a cell → columns, rows: no place stays empty


@dataclass(frozen=True)
class Sizes:
    """In pixels."""

    side: int  # of a cell with one picture; cells with several have the same area
    photos: int = 1  # per cell, at most MOST_PHOTOS

    @property
    def picture(self) -> int:
        """Side of one picture."""
        columns, rows = TILES[self.photos]
        return round(self.side / math.sqrt(columns * rows))

    @property
    def area(self) -> tuple[int, int]:
        """Width and height of a cell's pictures."""
        columns, rows = TILES[self.photos]
        return self.picture * columns, self.picture * rows

    @property
    def text(self) -> int:
        return max(11, round(self.side / 16))

    @property
    def line(self) -> int:
        return round(self.text * 1.35)

    @property
    def gap(self) -> int:
        return max(4, self.side // 24)

    @property
    def captions(self) -> int:
        """Lines below a picture."""
        return 0 if self.side < LEGIBLE else 2

    @property
    def cell(self) -> tuple[int, int]:
        """Width and height from one cell to the next."""
        width, height = self.area
        return width + self.gap, height + self.gap + self.captions * self.line


def fitting(columns: int, rows: int, photos: int = 1) -> Sizes:
    """The largest cells with which a sheet of so many stays within MOST_PIXELS."""
    side = LARGEST
    while side > SMALLEST:
        width, height = Sizes(side, photos).cell
        if columns * width * rows * height <= MOST_PIXELS:
            break
        side -= 8
    return Sizes(side, photos)


def abreast(blocks: int, aspect: float) -> int:
    """How many blocks (width / height = aspect) stand side by side, so that the sheet is nearest to 3:2."""
    return min(range(1, blocks + 1), key=lambda n: abs(math.log(n * aspect / -(-blocks // n) / 1.5)))
