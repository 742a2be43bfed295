"""Missing pixels: the loss looks only at what is known, the generator fills in the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from inversion.degradations.blanked_area import known_around_blank
from inversion.degradations.masked import Masked
from inversion.errors import ConfigError
from inversion.images import read_photo

WHOLLY = 253.5 / 255  # known: alignment resamples, and a partly blank pixel is not known


@dataclass(frozen=True)
class Inpaint(Masked):
    """Blank a part of the photo in black.

    The part is given by `mask`, else by `box`. Else it is found in each photo when the photos arrive blanked,
    and is a rectangle in the centre when they do not.

    fraction: side of the centred rectangle, as a fraction of the photo's side, above 0 and below 1.
    box: left, top, right, bottom as fractions of the aligned photo's side, the same for every resolution.
    mask: path of a picture as large as the photo as given, white = pixels to fill, black = known.
    """

    fraction: float | None = 0.4
    box: Sequence[float] | None = None
    mask: str | None = None

    def bind(self, photos: Tensor, degraded: bool, masks: Tensor | None = None) -> Inpaint:
        """Find out which pixels are known.

        masks: [1 or B, 1, R, R] in 0..1, 1 = known: `mask` as `read_mask` gives it, aligned like the photos.
        Left out, the mask file must have the aligned photos' size. Raises ConfigError.
        """
        height, width = photos.shape[-2:]
        if masks is None and self.mask is not None:
            masks = known_pixels(read_mask(self.mask, (width, height)))[None]
        if masks is not None:
            known = self._from_masks(masks, photos)
        elif self.box is not None:
            known = known_around_box(self.box, height, width)
        elif degraded:
            known = find_blanked(photos)
        elif self.fraction is not None:
            known = known_around_centre(self.fraction, height, width)
        else:
            raise ConfigError(
                "Nothing to inpaint. Got no fraction, box or mask; degradation.fraction=0.4 would work."
            )
        return replace(self, known=known.to(photos))

    def full_size(
        self, photos: Tensor, factor: float, degraded: bool, masks: Tensor | None = None
    ) -> Inpaint:
        """The same settings at S; the mask at R, enlarged, where there is nothing better."""
        height, width = photos.shape[-2:]
        if masks is not None:
            known = self._from_masks(masks, photos)
        elif self.mask is None and self.box is not None:
            known = known_around_box(self.box, height, width)
        elif self.mask is None and not degraded and self.fraction is not None:
            known = known_around_centre(self.fraction, height, width)
        else:
            found = [known_around_blank(photo) if self.mask is None else None for photo in photos]
            at_r = F.interpolate(self._bound(), size=(height, width), mode="nearest")
            at_r = at_r.expand(len(photos), -1, -1, -1)
            known = torch.stack([at_r[i] if one is None else one for i, one in enumerate(found)])
        return replace(self, known=known.to(photos))

    def _from_masks(self, masks: Tensor, photos: Tensor) -> Tensor:
        if masks.shape[0] not in (1, len(photos)) or masks.shape[1:] != (1, *photos.shape[-2:]):
            raise ConfigError(
                f"Masks must be one channel as large as the aligned photos, {list(photos.shape)}. "
                f"Got {list(masks.shape)}."
            )
        known = masks > WHOLLY
        for number, mask in enumerate(known, start=1):
            if mask.all() or not mask.any():
                reason = "no pixel is to be filled" if mask.all() else "no pixel is known"
                raise ConfigError(
                    f"Mask cannot be used. Got {self.mask or 'one'} with which, in aligned photo {number} of "
                    f"{len(photos)}, {reason}; paint white what is to be filled and leave the rest black."
                )
        return known


def known_around_centre(fraction: float, height: int, width: int) -> Tensor:
    """Blank `fraction` of the sides, centred: [1, 1, height, width], 1 = known. Raises ConfigError."""
    known = None
    if 0 < fraction < 1:
        x, y = (round((1 - fraction) / 2 * side) / side for side in (width, height))
        known = draw_box((x, y, 1 - x, 1 - y), height, width)
    if known is None or known.all() or not known.any():
        raise ConfigError(
            "degradation.fraction must be a share of the sides, above 0 and below 1, that leaves some pixels "
            f"and blanks some. Got {fraction} of {width}x{height} px; 0.4 would work."
        )
    return known


def known_around_box(box: Sequence[float], height: int, width: int) -> Tensor:
    """Blank left, top, right, bottom (fractions of the sides): as above."""
    inside = len(box) == 4 and 0 <= box[0] < box[2] <= 1 and 0 <= box[1] < box[3] <= 1
    known = draw_box(box, height, width) if inside else None
    if known is None or known.all() or not known.any():
        raise ConfigError(
            "degradation.box must be [left, top, right, bottom] as fractions of the aligned photo's sides, "
            "left < right and top < bottom, from 0 to 1 (not pixels), that leaves some pixels and blanks some. "
            f"Got {list(box)} of {width}x{height} px; [0.3, 0.3, 0.7, 0.7] would work."
        )
    return known


def draw_box(box: Sequence[float], height: int, width: int) -> Tensor:
    """Round a box's edges to whole pixels and draw it as 0 into ones: [1, 1, height, width]."""
    left, right = (round(edge * width) for edge in box[::2])
    top, bottom = (round(edge * height) for edge in box[1::2])
    known = torch.ones(1, 1, height, width)
    known[..., top:bottom, left:right] = 0
    return known


def find_blanked(photos: Tensor) -> Tensor:
    """Find what is blanked in each photo: [B, 3, R, R] in [-1, 1] -> known [B, 1, R, R], 1 = known.

    Raises ConfigError when a photo has none.
    """
    known = []
    for number, photo in enumerate(photos, start=1):
        found = known_around_blank(photo)
        if found is None:
            raise ConfigError(
                "Nothing blanked found: no patch of one constant colour with sharp edges; strokes that are thin, or "
                f"that JPEG has blurred, cannot be told from the photo. Got photo {number} of {len(photos)}; give "
                "degradation.box=[left,top,right,bottom] (fractions of the aligned photo) or degradation.mask=FILE "
                "(white = fill in), or leave degraded=true out when the photo is whole."
            )
        known.append(found)
    return torch.stack(known)


def read_mask(path: str | Path, size: tuple[int, int]) -> Image.Image:
    """Read a mask picture as "L", 255 = pixels to fill, 0 = known; nothing in between.

    Colour and grey pictures count as white from mid-grey on; transparent pixels count as black.
    size: (width, height) of the photo as given, which the mask must have. Raises ConfigError for a file that
    cannot be read, for another size, and for a mask that is all black or all white.
    """
    mask = read_photo(path).convert("L")
    if mask.size != tuple(size):
        raise ConfigError(
            f"The mask must be as large as the photo, {size[0]}x{size[1]} px. Got {path} with "
            f"{mask.width}x{mask.height} px; scale or crop it like the photo."
        )
    mask = mask.point([0] * 128 + [255] * 128)
    if mask.getextrema() in ((0, 0), (255, 255)):
        reason = "black: nothing to fill" if mask.getextrema() == (0, 0) else "white: nothing is known"
        raise ConfigError(
            f"The mask is all {reason}. Got {path}; paint white what is to be filled, leave the rest black."
        )
    return mask


def needs_filling(mask: Tensor) -> bool:
    """Whether some pixels of an aligned mask, 0..1, 1 = known, are to be filled in, and some are known."""
    known = mask > WHOLLY
    return bool(known.any()) and not bool(known.all())


def known_pixels(mask: Image.Image) -> Tensor:
    """Turn a mask picture (255 = to fill), aligned or not, into [1, H, W] in 0..1, 1 = known."""
    return 1 - torch.from_numpy(np.array(mask.convert("L"), dtype=np.float32))[None] / 255
