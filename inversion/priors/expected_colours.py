"""Which colours to expect where a photo has none: what training faces of such luma had on average.

A search finds one face of the many that are like a black-and-white photo, and its colours are as much a guess as the
face. The average of all that are likely is the guess of the least expected error. Kernel ridge regression from luma to
chroma, both of few pixels: Saunders, Gammerman & Vovk 1998; with fewer centres than pictures (Nyström): Williams &
Seeger 2001. Far from all faces that it knows it answers with the mean face's colours. Skin it tells well, hair and
backdrops hardly: `paler` takes colour back where people's colours differ more than the guess says. Nor are its faces'
borders the photo's: `guess` moves colours that came from a little beside. Made by training/colours.py.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor

from inversion.fullsize.guided import guided
from inversion.fullsize.luma import LUMA, grey
from inversion.fullsize.spread import settled
from inversion.fullsize.transfer import transferred
from inversion.images import downsample_area

FILE = Path(__file__).parents[1] / "weights" / "colours.safetensors"
LUMA_SIDE, CHROMA_SIDE = 32, 16  # px: what is looked at, and what is answered
SIDE = 128  # px, at most, at which a photo's borders are looked at
RADIUS, FLAT = 4, 0.01  # as of degradations/grayscale.py: colours of SIDE are enlarged along the luma's edges
SMOOTH = 8.0  # weight of a step of colour between even neighbours, beside that of leaving the surest colour
EDGE = 0.015  # step of luma, [-1, 1], over which colour may change twice as easily


@dataclass(frozen=True)
class ExpectedColours:
    """Regression from luma to chroma. N: centres; K, C: principal components of luma and chroma."""

    mean_luma: Tensor  # [LUMA_SIDE²], in [-1, 1]
    luma_components: Tensor  # [K, LUMA_SIDE²], divided by the kernel's width
    centres: Tensor  # [N, K]
    weights: Tensor  # [N, C]
    chroma_components: Tensor  # [C, 2 CHROMA_SIDE²]
    mean_chroma: Tensor  # [2 CHROMA_SIDE²]: R - Y and B - Y
    variance: Tensor  # [CHROMA_SIDE²], of both together about the answer, for people who were not fitted
    luma_weights: Tensor  # [N, K], of the luma of those faces whose colours are answered with

    def __call__(self, faces: Tensor) -> Tensor:
        """Chroma to expect of aligned faces: [B, 3, R, R] in [-1, 1], whose luma counts -> same, of luma 0.

        The borders of many faces' mean lie where theirs do: its colours are brought to the photo's, see `transferred`.
        """
        luma = grey(faces)[:, :1].float()
        small = downsample_area(luma, SIDE)
        own = ExpectedColours(*(getattr(self, field.name).to(luma) for field in fields(self)))
        looked_at = F.adaptive_avg_pool2d(luma, LUMA_SIDE)
        few = own.luma_of_few_pixels(looked_at), with_green(own.of_few_pixels(looked_at))
        seen, colours = (F.interpolate(x, size=small.shape[-2:], mode="bicubic") for x in few)
        return at_size(luma, transferred(small, seen, colours)).to(faces)

    def guess(self, photos: Tensor, drawn: Tensor, share: float) -> Tensor:
        """Chroma for grey photos in which a search has found faces: [B, 3, R, R] in [-1, 1] twice -> same, of luma 0.

        Between that of `drawn` and, a share of the way, the one to expect, each brought to the photo's borders; paler
        where people differ, and there like what the photo's even luma connects it with.
        """
        luma, face = grey(photos)[:, :1], downsample_area(drawn, SIDE)
        small, seen = downsample_area(luma, SIDE), grey(face)
        chroma = transferred(small, seen[:, :1], face - seen)
        chroma = self.paler(chroma.lerp(self(small.expand_as(face)), share), share)
        return at_size(luma, self.settled(chroma, small))

    def paler(self, chroma: Tensor, doubt: float) -> Tensor:
        """Chroma [B, 3, R, R] of aligned faces, times p / (p + doubt · v): v is the variance of what people have at a
        place, p the power of what is guessed there.

        Wiener's filter for a colour of mean 0. Where v is far above p, as in backdrops and at the rims of faces, nearly
        grey is left, since a wrong colour there is seen at once and a missing one is not; skin keeps its own.
        """
        variance = doubt * self.variance.to(chroma).view(1, 1, CHROMA_SIDE, CHROMA_SIDE)
        power = F.adaptive_avg_pool2d(chroma[:, [0, 2]], CHROMA_SIDE).square().sum(dim=1, keepdim=True)
        kept = power / (power + variance).clamp(min=torch.finfo(power.dtype).tiny)
        return chroma * F.interpolate(kept, size=chroma.shape[-2:], mode="bilinear")

    def settled(self, chroma: Tensor, luma: Tensor) -> Tensor:
        """Chroma [B, 3, R, R] of aligned faces, where people differ moved towards what is around it along even luma.

        luma: [B, 1, R, R], the photo's. Surest are cheeks, everything else by the square of how much less people differ
        in them: colorization from scribbles, fullsize/spread.py, of which most may err.
        """
        sure = (self.variance.min() / self.variance).square().to(chroma)
        sure = F.interpolate(sure.view(1, 1, CHROMA_SIDE, CHROMA_SIDE), size=luma.shape[-2:], mode="bilinear")
        return settled(chroma, sure, luma, SMOOTH, EDGE)

    def of_few_pixels(self, luma: Tensor) -> Tensor:
        """[B, 1, LUMA_SIDE, LUMA_SIDE] -> R - Y and B - Y, [B, 2, CHROMA_SIDE, CHROMA_SIDE]."""
        chroma = self._near(luma) @ self.weights @ self.chroma_components + self.mean_chroma
        return chroma.view(-1, 2, CHROMA_SIDE, CHROMA_SIDE)

    def luma_of_few_pixels(self, luma: Tensor) -> Tensor:
        """Luma of the faces that have those colours, whose borders lie where theirs do: as `luma`."""
        return (self._near(luma) @ self.luma_weights @ self.luma_components + self.mean_luma).view_as(luma)

    def _near(self, luma: Tensor) -> Tensor:
        """How near the centres are: [B, N]."""
        return kernel((luma.flatten(1) - self.mean_luma) @ self.luma_components.mT, self.centres)


def at_size(luma: Tensor, chroma: Tensor) -> Tensor:
    """Chroma [B, 3, r, r] of a picture whose luma is [B, 1, R, R], r <= R: [B, 3, R, R], along the luma's edges."""
    return chroma if luma.shape[-1] == chroma.shape[-1] else guided(luma, chroma, RADIUS, FLAT)


def with_green(chroma: Tensor) -> Tensor:
    """R - Y and B - Y, [B, 2, H, W] -> R - Y, G - Y and B - Y, of luma 0: [B, 3, H, W]."""
    red, blue = chroma.split(1, dim=1)
    green = -(LUMA[0] * red + LUMA[2] * blue) / LUMA[1]
    return torch.cat([red, green, blue], dim=1)


def kernel(a: Tensor, b: Tensor) -> Tensor:
    """exp(-|a - b|²) of all pairs: [A, K], [B, K] -> [A, B]."""
    squares = a.square().sum(dim=1)[:, None] + b.square().sum(dim=1) - 2 * a @ b.mT
    return (-squares.clamp(min=0)).exp()


@lru_cache(maxsize=1)
def expected_colours() -> ExpectedColours:
    """The one that ships."""
    return ExpectedColours(**{name: tensor.float() for name, tensor in load_file(FILE).items()})
