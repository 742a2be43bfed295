"""A report's pictures: each distinct one once, and small enough that all of them fit."""

from __future__ import annotations

import hashlib
import io
from base64 import b64encode
from pathlib import Path

from PIL import Image

SIDES = (512, 384, 256, 192, 128, 96, 64, 48)  # px of a thumbnail: the largest with which all pictures fit
BUDGET = 15_000_000  # bytes of pictures; a third more in the file. 20,000 of 48 px have 16 MB
SAMPLE = 12  # pictures that are encoded to find the side
# A run's pictures, by their files' names; a report shows the first two as results, the rest as what they came from.
KINDS = ("consistent", "restored", "degraded", "original", "alignment", "mean_face", "first")


class Album:
    """Pictures by content."""

    def __init__(self) -> None:
        self._places: dict[str, int] = {}  # content's hash → place
        self._files: list[Path] = []

    def add(self, path: Path) -> int:
        """Returns the picture's place."""
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        if digest not in self._places:
            self._places[digest] = len(self._files)
            self._files.append(path)
        return self._places[digest]

    def encode(self) -> list[str]:
        """Each picture as WebP in base64, in the order of their places."""
        every = max(1, len(self._files) // SAMPLE)
        for side in SIDES:
            sample = [len(thumbnail(path, side)) for path in self._files[::every]]
            if not sample or sum(sample) / len(sample) * len(self._files) <= BUDGET:
                break
        return [b64encode(thumbnail(path, side)).decode() for path in self._files]


def thumbnail(path: Path, side: int) -> bytes:
    """A picture as WebP, at most `side` px; small ones keep their pixels."""
    with Image.open(path) as opened:
        picture = opened.convert("RGB")
    if max(picture.size) > side:
        picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    quality = 90 if max(picture.size) <= 128 <= side else 82  # thousands share a side below 128
    picture.save(buffer, format="WEBP", quality=quality, method=4)
    return buffer.getvalue()
