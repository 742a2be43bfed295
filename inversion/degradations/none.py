"""Plain inversion: nothing is wrong with the photo."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from inversion.degradations.degradation import Degradation


@dataclass(frozen=True)
class NoDegradation(Degradation):
    """Leave images as they are."""

    def __call__(self, x: Tensor) -> Tensor:
        return x

    def shrunk(self, factor: int) -> Degradation:
        return self
