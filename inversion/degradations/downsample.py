"""A photo of few pixels: averaged or resampled to a fraction of its size, and enlarged again to keep its shape."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from inversion.degradations.degradation import Degradation
from inversion.errors import ConfigError
from inversion.runtime.on_device import on_device

METHODS = ("area", "bicubic")
LARGEST = 32


@dataclass(frozen=True)
class Downsample(Degradation):
    """Shrink to 1/factor of the side, then enlarge bicubically, as a viewer shows a small photo.

    So images keep their shape, and photos that arrive small (degraded=true) match once they are enlarged smoothly, as
    alignment does. The small image is side / factor pixels, rounded, at least 1.
    factor: more than 1, at most 32.
    method: area = average of the pixels underneath; bicubic = Pillow's, whose kernel covers more of them.
    """

    factor: float = 8
    method: str = "area"

    def bind(self, photos: Tensor, degraded: bool) -> Downsample:
        side = min(photos.shape[-2:])
        if not 1 < self.factor <= min(LARGEST, side):
            raise ConfigError(
                f"degradation.factor must be more than 1, at most {LARGEST} and at most the image's side, {side} px. "
                f"Got {self.factor}; 8 would work for photos from 8 px."
            )
        if self.method not in METHODS:
            raise ConfigError(f"degradation.method must be {' or '.join(METHODS)}. Got {self.method}.")
        return self

    def full_size(
        self, photos: Tensor, factor: float, degraded: bool, masks: Tensor | None = None
    ) -> Downsample:
        """The small photo has as many pixels, only it was enlarged more."""
        return replace(self, factor=self.factor * factor)

    def reduced(self, factor: float) -> Downsample:
        """Nearly: bicubic enlargement, brought down, is not bicubic enlargement to that size."""
        return replace(self, factor=self.factor / factor)

    def __call__(self, x: Tensor) -> Tensor:
        rows, columns = (self._enlarge(side, x) for side in x.shape[-2:])
        return rows @ self._small(x) @ columns.mT

    def consistent(self, restored: Tensor, observed: Tensor) -> Tensor:
        """Add the small photo minus the shrunk restoration, enlarged smoothly.

        With D = shrink and U = enlarge, A⁺ is U (D U)^-1: shrunk, the result is the small photo exactly, but for
        clamping to [-1, 1]. DDNM's own A⁺ repeats pixels, which shows as squares.
        """
        height, width = restored.shape[-2:]
        small = self._sharpen(self._small(observed), height, width)  # the small photo that was enlarged
        missing = self._sharpen(small - self._small(restored), height, width)
        rows, columns = self._enlarge(height, restored), self._enlarge(width, restored)
        return (restored + rows @ missing @ columns.mT).clamp(-1, 1)

    def _small(self, x: Tensor) -> Tensor:
        rows, columns = (self._shrink(side, x) for side in x.shape[-2:])
        return rows @ x @ columns.mT

    def _sharpen(self, small: Tensor, height: int, width: int) -> Tensor:
        """Find what becomes `small` when enlarged and shrunk: (D U)^-1 on both axes."""
        rows, columns = (self._shrink(side, small) @ self._enlarge(side, small) for side in (height, width))
        solution: Tensor = torch.linalg.solve(columns.mT, torch.linalg.solve(rows, small), left=False)
        return solution

    def _shrink(self, side: int, like: Tensor) -> Tensor:
        return on_device(resampling, side, max(1, round(side / self.factor)), self.method, like=like)

    def _enlarge(self, side: int, like: Tensor) -> Tensor:
        return on_device(resampling, max(1, round(side / self.factor)), side, "bicubic", like=like)


def resampling(before: int, after: int, method: str) -> Tensor:
    """Write a one-dimensional resampling as a matrix: [after, before], rows sum to 1."""
    lines = torch.eye(before)[None, None]
    antialias = {} if method == "area" else {"antialias": True}
    return F.interpolate(lines, size=(after, before), mode=method, **antialias)[0, 0]
