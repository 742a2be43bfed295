"""Black-and-white film: three equal channels of luma."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from inversion.degradations.degradation import Degradation
from inversion.fullsize.guided import guided
from inversion.fullsize.luma import grey, keep_luma, tinted
from inversion.fullsize.resampling import resized

# generator's pixels, half the side of the windows in which a photo's edges guide the colour; of 1 to 16 the best
RADIUS = 4
FLAT = 0.01  # variance of luma below which a window is flat


@dataclass(frozen=True)
class Grayscale(Degradation):
    """Replace every channel by 0.299 R + 0.587 G + 0.114 B, as Pillow's mode "L" does."""

    def __call__(self, x: Tensor) -> Tensor:
        return grey(x)

    def consistent(self, restored: Tensor, observed: Tensor) -> Tensor:
        """The photo's luma, exactly, and the restoration's chroma, less saturated where it would leave [-1, 1].

        A⁺ is the identity on grey images. A colour outside [-1, 1] keeps its hue and luma: all channels are moved
        towards the luma until the last one is inside.
        """
        return tinted(self(observed).clamp(-1, 1), restored - self(restored))

    def detailed(
        self, enlarged: Tensor, observed: Tensor, factor: float, unfitted: Tensor | None = None
    ) -> Tensor:
        """The photo's luma, and the restoration's chroma enlarged along the luma's edges, see `guided`."""
        luma = self(observed).clamp(-1, 1)
        restored = resized(enlarged, round(enlarged.shape[-1] / factor))
        chroma = guided(luma[:, :1], restored - self(restored), RADIUS, FLAT)
        return keep_luma(tinted(luma, chroma), observed)

    def shrunk(self, factor: int) -> Degradation:
        return self

    def target(self, observed: Tensor, resolution: int) -> Tensor:
        """In grey: old prints arrive in sepia, which is not the person's colour."""
        return self.prediction(observed, resolution)
