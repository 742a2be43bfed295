"""Scratches of an old photo: straight strokes at known places."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from inversion.degradations.masked import Masked
from inversion.errors import ConfigError
from inversion.images import to_255


@dataclass(frozen=True)
class Scratches(Masked):
    """Blank straight strokes; each has its ends in two of the photo's corner squares, a third of the side wide.

    Each photo has strokes of its own: random numbers are seeded by its pixels and `seed`, not by its place in a batch.
    strokes: how many, 1 or more.
    width: of a stroke, as a fraction of the photo's side.
    Poirier-Ginter & Lalonde 2023, Robust Unsupervised StyleGAN Image Restoration, benchmark/degradations.py.
    """

    strokes: int = 9
    width: float = 0.08
    seed: int = 0

    def bind(self, photos: Tensor, degraded: bool) -> Scratches:
        if degraded:
            raise ConfigError(
                "Where a photo's own scratches are is not found automatically. Got degraded=true with "
                "degradation=scratches; degradation=inpaint degradation.mask=FILE (white = scratch) would work."
            )
        if not (self.strokes >= 1 and 0 < self.width < 1):
            raise ConfigError(
                "degradation.strokes must be at least 1 and degradation.width above 0 and below 1, a fraction of "
                f"the side. Got {self.strokes} and {self.width}; 9 and 0.08 would work."
            )
        known = torch.stack([self._draw(photo) for photo in photos])
        for number, mask in enumerate(known, start=1):
            if not mask.any():
                raise ConfigError(
                    f"The strokes leave nothing of photo {number}. Got {self.strokes} of width {self.width}; "
                    "fewer or narrower ones would work."
                )
        return replace(self, known=known.to(photos))

    def _draw(self, photo: Tensor) -> Tensor:
        """[3, H, W] -> [1, H, W], True = known."""
        pixels = to_255(photo.detach()).clamp(0, 255).round().byte().cpu()
        rng = torch.Generator().manual_seed(zlib.crc32(pixels.numpy().tobytes(), self.seed))
        corner = torch.randint(2, (self.strokes, 2, 2), generator=rng) * (2 / 3)
        ends = corner + torch.rand(self.strokes, 2, 2, generator=rng) / 3  # [strokes, end, x and y], 0..1
        height, width = pixels.shape[-2:]
        y, x = torch.meshgrid(
            (torch.arange(height) + 0.5) / height, (torch.arange(width) + 0.5) / width, indexing="ij"
        )
        places = torch.stack([x, y], dim=-1)
        near = torch.stack([distance(places, start, end) for start, end in ends]).amin(dim=0)
        return (near > self.width / 2)[None]


def distance(places: Tensor, start: Tensor, end: Tensor) -> Tensor:
    """Distance to the line between two points: places [H, W, 2], start and end [2] -> [H, W]."""
    line = end - start
    along = ((places - start) @ line / line.square().sum().clamp(min=1e-12)).clamp(0, 1)
    to_line: Tensor = (places - start - along[..., None] * line).norm(dim=-1)
    return to_line
