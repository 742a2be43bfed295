"""Black-and-white film: three equal channels of luma."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from inversion.degradations.degradation import Degradation
from inversion.fullsize.eight_bits import keep_luma
from inversion.fullsize.guided import guided
from inversion.runtime.on_device import numbers, on_device

RADIUS = 2  # pixels of the generator: half the side of the windows in which a photo's edges guide the colour
FLAT = 0.01  # variance of luma below which a window is flat
LUMA = (0.299, 0.587, 0.114)  # of R, G, B (ITU-R BT.601); they sum to 1, so [-1, 1] needs no rescaling


@dataclass(frozen=True)
class Grayscale(Degradation):
    """Replace every channel by 0.299 R + 0.587 G + 0.114 B, as Pillow's mode "L" does."""

    def __call__(self, x: Tensor) -> Tensor:
        weights = on_device(numbers, LUMA, like=x)
        return (x * weights[:, None, None]).sum(dim=1, keepdim=True).expand_as(x)

    def consistent(self, restored: Tensor, observed: Tensor) -> Tensor:
        """The photo's luma, exactly, and the restoration's chroma, paled where it would leave [-1, 1].

        A⁺ is the identity on grey images. A colour that no screen can show keeps its hue and luma and loses
        saturation: the channels are drawn towards the luma just as far as the worst one needs.
        """
        return tinted(self(observed).clamp(-1, 1), restored - self(restored))

    def detailed(self, enlarged: Tensor, observed: Tensor, factor: float) -> Tensor:
        """The photo's luma, and the restoration's chroma enlarged along the luma's edges, see `guided`."""
        luma = self(observed).clamp(-1, 1)
        chroma = guided(luma[:, :1], enlarged - self(enlarged), round(RADIUS * factor), FLAT)
        return keep_luma(tinted(luma, chroma), observed)

    def shrunk(self, factor: int) -> Degradation:
        return self

    def target(self, observed: Tensor, resolution: int) -> Tensor:
        """Old prints arrive in sepia: their colour says nothing about the person's."""
        return self.compared(observed, resolution)


def tinted(luma: Tensor, chroma: Tensor) -> Tensor:
    """Add colour to a grey picture: paler where it would leave [-1, 1], with the same hue and luma."""
    room = torch.where(chroma > 0, 1 - luma, 1 + luma)
    kept = (room / chroma.abs().clamp(min=torch.finfo(chroma.dtype).tiny)).amin(dim=1, keepdim=True)
    return luma + kept.clamp(max=1) * chroma
