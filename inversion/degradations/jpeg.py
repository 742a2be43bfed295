"""JPEG compression: the codec itself for the observed photo, a differentiable model of it for the search."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from inversion.degradations.degradation import Degradation
from inversion.errors import ConfigError
from inversion.images import to_255, to_pil, to_tensor
from inversion.runtime.on_device import numbers, on_device

BLOCK = 8
WITHIN = 0.2  # of a quantization step; of 0 … 0.5 the best at qualities 6 to 50, 0.05 dB below at 90
# ITU-T T.871 (JFIF), equations 5: Y, Cb, Cr from R, G, B in 0..255; 128 is added to Cb and Cr.
TO_YCBCR = (
    (0.299, 0.587, 0.114),
    (-0.168735892, -0.331264108, 0.5),
    (0.5, -0.418687589, -0.081312411),
)


@dataclass(frozen=True)
class JPEG(Degradation):
    """Compress and decompress as Pillow does: blocks of 8x8, colour at half the resolution (4:2:0).

    The codec rounds; the model rounds by x -> round(x) + (x - round(x))^3, whose gradient is not zero:
    Shin & Song 2017, JPEG-resistant Adversarial Images, section 3.
    quality: 1 (small files) to 95, as in Pillow.
    """

    quality: int = 12

    def bind(self, photos: Tensor, degraded: bool) -> JPEG:
        if not 1 <= self.quality <= 95:
            raise ConfigError(
                f"degradation.quality must be 1 to 95, as in Pillow. Got {self.quality}; 12 would work."
            )
        return self

    def __call__(self, x: Tensor) -> Tensor:
        return self._decode([soft_round(levels) for levels in self._encode(x)], x).clamp(-1, 1)

    def observe(self, x: Tensor, rng: torch.Generator | None = None) -> Tensor:
        return torch.stack([self._compress(image) for image in x]).to(x)

    def consistent(self, restored: Tensor, observed: Tensor) -> Tensor:
        """Move each DCT coefficient that the codec would round to another level to within WITHIN of the file's level.

        Zakhor 1992, Iterative procedures for reduction of blocking effects, the quantization constraint, narrowed
        to WITHIN as by Park & Lee 1999. Unchanged where sides are no multiples of 16: the last blocks are cut.
        """
        if any(side % (2 * BLOCK) for side in observed.shape[-2:]):
            return restored
        stored = [levels.round() for levels in self._encode(observed, enlarged=True)]
        current = self._encode(restored)
        change = [
            torch.where((c - s).abs() <= 0.5, 0, s + (c - s).clamp(-WITHIN, WITHIN) - c)
            for c, s in zip(current, stored, strict=True)
        ]
        grey = self._decode([torch.zeros_like(c) for c in current], restored)
        return (restored + self._decode(change, restored) - grey).clamp(-1, 1)

    def _compress(self, image: Tensor) -> Tensor:
        file = io.BytesIO()
        to_pil(image).save(file, format="JPEG", quality=self.quality, subsampling="4:2:0")
        return to_tensor(Image.open(file))

    def _encode(self, x: Tensor, enlarged: bool = False) -> list[Tensor]:
        """[B, 3, H, W] in [-1, 1] -> Y, Cb, Cr as multiples of their quantization steps, not rounded yet.

        enlarged: x comes from a decoder, whose enlargement of the colour is inverted.
        """
        height, width = x.shape[-2:]
        ycbcr = torch.einsum("yc,bchw->byhw", on_device(numbers, TO_YCBCR, like=x), to_255(x))
        ycbcr = torch.cat([ycbcr[:, :1] - 128, ycbcr[:, 1:]], dim=1)
        ycbcr = F.pad(ycbcr, (0, -width % 16, 0, -height % 16), mode="replicate")
        colour = F.avg_pool2d(ycbcr[:, 1:], 2)
        if enlarged:
            rows, columns = (enlarged_and_shrunk(side).to(x) for side in colour.shape[-2:])
            colour = torch.linalg.solve(columns.mT, torch.linalg.solve(rows, colour), left=False)
        planes = [ycbcr[:, :1], *colour.split(1, dim=1)]
        return [
            cosines(plane, forward=True) / self._steps(kind, plane)
            for plane, kind in zip(planes, (0, 1, 1), strict=True)
        ]

    def _decode(self, levels: list[Tensor], like: Tensor) -> Tensor:
        """Inverse of `_encode`, cut to the size of `like`."""
        height, width = like.shape[-2:]
        y, cb, cr = (
            cosines(plane * self._steps(kind, plane), forward=False)
            for plane, kind in zip(levels, (0, 1, 1), strict=True)
        )
        # libjpeg: "fancy"
        colour = F.interpolate(torch.cat([cb, cr], dim=1), scale_factor=2, mode="bilinear")
        ycbcr = torch.cat([y + 128, colour], dim=1)[..., :height, :width]
        return torch.einsum("cy,byhw->bchw", on_device(to_rgb, like=like), ycbcr) / 127.5 - 1

    def _steps(self, kind: int, plane: Tensor) -> Tensor:
        """Quantization steps for every block of a plane [B, 1, H, W]: [H, W]; kind: 0 = luma, 1 = chroma."""
        steps = on_device(quantization, self.quality, kind, like=plane)
        return steps.repeat(plane.shape[-2] // BLOCK, plane.shape[-1] // BLOCK)


def to_rgb() -> Tensor:
    """R, G, B from Y, Cb, Cr: [3, 3]."""
    inverse: Tensor = torch.linalg.inv(numbers(TO_YCBCR))
    return inverse


def soft_round(x: Tensor) -> Tensor:
    rounded = x.detach().round()
    return rounded + (x - rounded) ** 3


def enlarged_and_shrunk(side: int) -> Tensor:
    """Enlarging a line of colour and averaging it again, as a matrix [side, side]."""
    lines = torch.eye(side)[None, None]
    large = F.interpolate(lines, size=(2 * side, side), mode="bilinear")
    return F.interpolate(large, size=(side, side), mode="area")[0, 0]


def cosines(plane: Tensor, forward: bool) -> Tensor:
    """Cosine transform of each 8x8 block, in its place: [B, 1, H, W] -> same, orthonormal (T.81, A.3.3)."""
    matrix = on_device(cosine_matrix, like=plane)
    matrix = matrix if forward else matrix.mT
    blocks = plane.unflatten(-1, (-1, BLOCK)).unflatten(-3, (-1, BLOCK))  # [B, 1, h, 8, w, 8]
    return torch.einsum("ki,bchiwj,lj->bchkwl", matrix, blocks, matrix).flatten(-2).flatten(-3, -2)


def cosine_matrix() -> Tensor:
    """A line of 8 pixels -> its 8 frequencies, orthonormal: [8, 8]."""
    frequency = torch.arange(BLOCK, dtype=torch.float64)[:, None]
    place = torch.arange(BLOCK)[None]
    matrix = torch.cos((2 * place + 1) * frequency * math.pi / (2 * BLOCK)) / 2
    matrix[0] /= math.sqrt(2)
    return matrix


def quantization(quality: int, kind: int) -> Tensor:
    """Ask Pillow for its quantization steps at this quality: [8, 8]; kind: 0 = luma, 1 = chroma."""
    file = io.BytesIO()
    Image.new("RGB", (BLOCK, BLOCK)).save(file, format="JPEG", quality=quality)
    tables = Image.open(file).quantization  # type: ignore[attr-defined]
    return torch.tensor(tables[kind], dtype=torch.float32).reshape(BLOCK, BLOCK)
