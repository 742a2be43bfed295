"""The common part of all corruptions that blank pixels at known places."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from inversion.degradations.degradation import Degradation
from inversion.degradations.harmonic import harmonic
from inversion.fullsize.grain import grain
from inversion.fullsize.resampling import resized
from inversion.images import downsample_area

BLACK = -1.0
# Of the side: distance from the seam at which the correction there has fallen to 1/e. From 0.02 to 0.05 the filled
# part looks the same; at 0.05 the seam is softer.
FALLOFF = 0.05


@dataclass(frozen=True, kw_only=True)
class Masked(Degradation):
    """Blank a part of the photo in black; the loss looks only at the rest.

    known: [1 or B, 1, R, R] on the aligned photos, 1 = known, 0 = blank; set by bind.
    """

    known: Tensor | None = field(default=None, repr=False, compare=False)

    @abstractmethod
    def bind(self, photos: Tensor, degraded: bool) -> Masked: ...

    def __call__(self, x: Tensor) -> Tensor:
        return blank(x, self._bound())

    def consistent(self, restored: Tensor, observed: Tensor) -> Tensor:
        """Known pixels exactly as observed; the rest keeps the restoration's differences between neighbours.

        The restoration's error along the seam is subtracted, less of it the farther from the seam: gradient-domain
        blending, see `harmonic`.
        """
        known, length = self._bound(), FALLOFF * restored.shape[-1]
        blended = restored + harmonic(torch.where(known > 0, observed - restored, 0), known, length)
        return torch.where(known > 0, observed, blended.clamp(-1, 1))

    def detailed(
        self, enlarged: Tensor, observed: Tensor, factor: float, unfitted: Tensor | None = None
    ) -> Tensor:
        """As `consistent`; what is filled in gets the grain of its surroundings."""
        known, filled = self._bound(), self.consistent(enlarged, observed)
        grained = (filled + grain(observed, known, factor)).clamp(-1, 1)
        return torch.where(known > 0, filled, grained)

    def hiding(self, known: Tensor) -> Masked:
        """The same with less of its photo known: [1 or B, 1, R, R], 1 = known."""
        return replace(self, known=self._bound() * known)

    def reduced(self, factor: float) -> Masked:
        """A pixel is known if at least half of what lies under it is."""
        known = self._bound()
        share = F.adaptive_avg_pool2d(known, round(known.shape[-1] / factor))
        return replace(self, known=(share >= 0.5).to(known))

    def brought_down(self, observed: Tensor, resolution: int) -> tuple[Degradation, Tensor]:
        """Exactly where only known pixels lie under the filter; at the hole's edge the nearest known ones count."""
        side = observed.shape[-1]
        if side == resolution:
            return self, observed
        small, known = self.reduced(side / resolution), self._bound()
        share = F.adaptive_avg_pool2d(known, resolution)
        seen = F.adaptive_avg_pool2d(observed * known, resolution) / share.clamp(min=1e-6)
        filled = torch.where(known > 0, observed, resized(harmonic(seen, share), side))
        return small, blank(resized(filled, resolution).clamp(-1, 1), small._bound())

    def shrunk(self, factor: int) -> Masked:
        """A pixel is known only if all pixels under it are."""
        return replace(self, known=1 - F.max_pool2d(1 - self._bound(), factor))

    def prediction(self, x: Tensor, resolution: int) -> Tensor:
        """Downsample first and blank then; the other order mixes black into the pixels along the edge.

        A low-resolution pixel is known only if all pixels under it are.
        """
        known = self._bound()
        if known.shape[-1] > resolution:
            known = 1 - F.adaptive_max_pool2d(1 - known, resolution)  # the windows of area downsampling
        return blank(downsample_area(x, resolution), known)

    def target(self, observed: Tensor, resolution: int) -> Tensor:
        """Blanked again, since a photo may arrive blanked in another colour than black."""
        return self.prediction(observed, resolution)

    def _bound(self) -> Tensor:
        if self.known is None:
            name = type(self).__name__
            raise ValueError(f"{name} has no mask yet: call bind(photos, degraded).")
        return self.known


def blank(x: Tensor, known: Tensor) -> Tensor:
    """Make unknown pixels black: x [B, 3, H, W], known [1 or B, 1, H, W], 1 = known."""
    return torch.where(known > 0, x, BLACK)
