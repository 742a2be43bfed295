"""Black-and-white film: three equal channels of luma."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from inversion.degradations.degradation import Degradation

LUMA = (0.299, 0.587, 0.114)  # of R, G, B (ITU-R BT.601); they sum to 1, so [-1, 1] needs no rescaling


@dataclass(frozen=True)
class Grayscale(Degradation):
    """Replace every channel by 0.299 R + 0.587 G + 0.114 B, as Pillow's mode "L" does."""

    def __call__(self, x: Tensor) -> Tensor:
        luma = (x * x.new_tensor(LUMA).reshape(3, 1, 1)).sum(dim=1, keepdim=True)
        return luma.expand_as(x)

    def target(self, observed: Tensor, resolution: int) -> Tensor:
        """Old prints arrive in sepia: their colour says nothing about the person's."""
        return self.compared(observed, resolution)
