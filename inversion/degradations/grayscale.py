"""Black-and-white film: three equal channels of luma."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from inversion.degradations.degradation import Degradation
from inversion.runtime.on_device import numbers, on_device

LUMA = (0.299, 0.587, 0.114)  # of R, G, B (ITU-R BT.601); they sum to 1, so [-1, 1] needs no rescaling


@dataclass(frozen=True)
class Grayscale(Degradation):
    """Replace every channel by 0.299 R + 0.587 G + 0.114 B, as Pillow's mode "L" does."""

    def __call__(self, x: Tensor) -> Tensor:
        weights = on_device(numbers, LUMA, like=x)
        return (x * weights[:, None, None]).sum(dim=1, keepdim=True).expand_as(x)

    def consistent(self, restored: Tensor, observed: Tensor) -> Tensor:
        """The photo's luma, exactly, and the restoration's chroma, less saturated where it would leave [-1, 1].

        A⁺ is the identity on grey images. A colour outside [-1, 1] keeps its hue and luma: all channels are moved
        towards the luma until the last one is inside.
        """
        luma = self(observed).clamp(-1, 1)
        chroma = restored - self(restored)
        room = torch.where(chroma > 0, 1 - luma, 1 + luma)
        kept = (room / chroma.abs().clamp(min=torch.finfo(chroma.dtype).tiny)).amin(dim=1, keepdim=True)
        return luma + kept.clamp(max=1) * chroma

    def shrunk(self, factor: int) -> Degradation:
        return self

    def target(self, observed: Tensor, resolution: int) -> Tensor:
        """In grey: old prints arrive in sepia, which is not the person's colour."""
        return self.prediction(observed, resolution)
