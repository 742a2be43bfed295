"""Which face to expect behind a degraded photo: the mean of what a Gaussian model of training faces says it may be.

A search finds one sharp face of the many that are like a photo of few pixels; their mean is softer and nearer to the
person. With faces x = μ + Bc, c normal, and a photo y = A(x) + noise of variance σ², that mean is μ + B ĉ with
ĉ = (JᵀJ + σ²I)⁻¹ Jᵀ (y - A(μ)), J = A's change along B's columns (ridge regression; Bishop 2006, equation 3.53), for
whatever the corruption A is. B: principal components, as the eigenfaces of Turk & Pentland 1991, but of a covariance
that keeps little of what places far from each other seem to share. Made by training/faces.py.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor

from inversion.degradations.degradation import Degradation
from inversion.fullsize.luma import grey
from inversion.images import downsample_area
from inversion.losses.robust import weights
from inversion.priors.expected_colours import with_green

FILE = Path(__file__).parents[1] / "weights" / "faces.safetensors"
SIDE, CHROMA_SIDE = 64, 16  # px
# σ² of a pixel of SIDE, in [-1, 1]: far above a camera's noise, since faces differ in more than the components
NOISE = 0.12
ROUNDS = 30  # of weighting pixels by what the face before leaves of them
PART = 16  # components that are corrupted at once
# px: larger photos' corruption is shrunk to it where it can be, as a search's is; a blur of 512 px: 0.5 CPU s, not 12
LARGEST = 128


@dataclass(frozen=True)
class ExpectedFace:
    """Left halves of faces, L = SIDE²/2 of luma and then CHROMA_SIDE² of R - Y and B - Y.

    The training faces and their mirror images have a mean that is its own mirror image, and principal components that
    are, or are the negative of it. Components are as long as the faces' standard deviation along them.
    """

    mean: Tensor  # [L]
    even: Tensor  # [K, L], the same when mirrored
    odd: Tensor  # [K', L]

    @torch.no_grad()
    def __call__(self, operator: Degradation, observed: Tensor, robust: float = 0.0) -> Tensor:
        """The face to expect: [1, 3, r, r], not clamped, r = SIDE or the photo's side if that is less.

        operator: bound to the photo. observed: [1, 3, R, R] in [-1, 1]. They are compared as a loss compares them, at
        SIDE, so that a photo's sepia, or what a mask blanks, says nothing. robust: deviations beyond which a pixel
        counts for less, as of a loss, see losses/robust.py; 0: all count alike. By modified residuals (Huber
        1981, Robust Statistics, section 7.8): the matrix stays that of equal weights, and no weight is above 1.
        """
        own = ExpectedFace(*(getattr(self, field.name).to(observed.device) for field in fields(self)))
        side = observed.shape[-1]
        mean, along = own.pictures()
        small = operator.shrunk(side // LARGEST) if side > LARGEST and side % LARGEST == 0 else None
        corruption, corrupted_at = (operator, side) if small is None else (small, LARGEST)

        def compared(faces: Tensor) -> Tensor:
            """[B, 3, SIDE, SIDE], at the operator's side for it: a pixel becomes a square of equal ones."""
            return corruption.prediction(F.adaptive_avg_pool2d(faces, corrupted_at), SIDE)

        at_mean = compared(mean)
        changes = torch.cat([compared(mean + part) - at_mean for part in along.split(PART)]).flatten(1)
        error = operator.target(observed.float(), SIDE) - at_mean
        noise = NOISE * min(side / SIDE, 1) ** 2
        factors = torch.linalg.lu_factor(changes @ changes.mT + noise * torch.eye(len(changes)).to(changes))
        likely = changes.new_zeros(len(changes))
        left, weight = error, torch.ones_like(error)
        for _ in range(ROUNDS if robust else 1):
            step = changes @ (weight * left).flatten() - noise * likely
            likely = likely + torch.linalg.lu_solve(*factors, step[:, None])[:, 0]
            if robust:
                left = error - (likely @ changes).view_as(error)
                weight = weights(left, robust)
        face = mean + torch.einsum("k,kchw->chw", likely, along)
        return downsample_area(face, side).to(observed)

    def pictures(self) -> tuple[Tensor, Tensor]:
        """The mean face [1, 3, SIDE, SIDE], and what to add to it per component [K + K', 3, SIDE, SIDE]."""
        return picture(self.mean[None], 1), torch.cat([picture(self.even, 1), picture(self.odd, -1)])


def halves(faces: Tensor, sign: int) -> Tensor:
    """Of the part that is the same (sign 1) or the negative (-1) when mirrored: [B, 3, R, R] -> [B, L]."""
    luma = grey(faces)[:, :1]
    chroma = F.adaptive_avg_pool2d((faces - luma)[:, [0, 2]], CHROMA_SIDE)
    parts = [F.adaptive_avg_pool2d(luma, SIDE), chroma]
    left = [((x + sign * x.flip(-1)) / 2)[..., : x.shape[-1] // 2] for x in parts]
    return torch.cat([x.flatten(1) for x in left], dim=1)


def places() -> tuple[Tensor, Tensor]:
    """Of the numbers of a half: row and column in pixels of SIDE [L, 2], and how many pixels each stands for [L].

    Both are float64.
    """
    at, pixels = [], []
    for side in (SIDE, CHROMA_SIDE, CHROMA_SIDE):
        middle = (torch.arange(side, dtype=torch.float64) + 0.5) * (SIDE / side)
        at.append(torch.cartesian_prod(middle, middle[: side // 2]))
        pixels.append(torch.full((side * side // 2,), (SIDE / side) ** 2, dtype=torch.float64))
    return torch.cat(at), torch.cat(pixels)


def picture(left: Tensor, sign: int) -> Tensor:
    """[B, L] -> [B, 3, SIDE, SIDE]; sign: 1, the right half is the left one's mirror image; -1: the negative of it."""
    luma, chroma = left.split([SIDE * SIDE // 2, CHROMA_SIDE * CHROMA_SIDE], dim=1)
    luma, chroma = luma.view(-1, 1, SIDE, SIDE // 2), chroma.view(-1, 2, CHROMA_SIDE, CHROMA_SIDE // 2)
    luma, chroma = (torch.cat([x, sign * x.flip(-1)], dim=-1) for x in (luma, chroma))
    return luma + with_green(F.interpolate(chroma, size=SIDE, mode="bicubic"))


@lru_cache(maxsize=1)
def expected_face() -> ExpectedFace:
    """The one that ships."""
    return ExpectedFace(**{name: tensor.float() for name, tensor in load_file(FILE).items()})
