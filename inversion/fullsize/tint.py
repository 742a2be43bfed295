"""Colour around the coloured faces of a grey photo, so that no coloured box stands in it."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from inversion.faces.paste import STRIP, Face, Place, paste_all
from inversion.fullsize.guided import linear_in
from inversion.fullsize.luma import grey, keep_luma, tinted
from inversion.fullsize.spread import spread
from inversion.images import to_pil, to_tensor

SIDE = 192  # px, longest side of the copy on which colour spreads
EDGE = 0.03  # step of luma, [-1, 1], across which colour spreads half as easily
REACH = 1.0  # sides of the largest square after which colour has faded to 1/e
SEAM = 0.03  # of a square's side, over which its own colour gives way to what spreads from it


def paste_colours(photo: Image.Image, faces: list[Face], reach: float = REACH) -> Image.Image:
    """Put colourized faces into their grey photo and let their colour run out beyond their squares.

    The whole result's luma is the photo's, to the bit of Pillow's "L"; far from all faces it is the photo. Between
    neighbouring pixels colour passes the less, the more their luma differs: clothes and backdrop keep one colour each.
    Levin, Lischinski & Weiss 2004, Colorization Using Optimization, with a fade as in Bhat et al. 2008.
    reach: sides of the largest square after which colour has faded to 1/e.
    Errors: as of `paste_all`.
    """
    grey_photo = photo.convert("L")
    known = np.zeros((photo.height, photo.width), dtype=np.float32)
    for place in (Place.of(face.transform) for face in faces):
        if place is not None:
            left, top, right, bottom = place.area
            known[top:bottom, left:right] = np.maximum(known[top:bottom, left:right], place.depth() > SEAM)
    photo = grey_photo.convert("RGB")
    if not known.any():
        return photo
    shrink = min(1.0, SIDE / max(photo.size))
    size = max(1, math.ceil(photo.width * shrink)), max(1, math.ceil(photo.height * shrink))
    share = _shrunk(known, size)
    coloured = paste_all(photo, faces, 0.0)
    seen = [_shrunk(np.asarray(coloured.getchannel(band)) * known, size) for band in range(3)]
    colours = torch.cat(seen, dim=1) / share.clamp(min=1e-6) / 127.5 - 1
    luma = _shrunk(np.asarray(grey_photo), size) / 127.5 - 1
    length = reach * max(face.transform.side for face in faces) * max(size) / max(photo.size)
    chroma = spread(colours - grey(colours), (share > 0.5).float(), luma, length, EDGE)
    slope, offset = linear_in(luma, chroma, 1, 0.01)

    def around(shown: Tensor, top: int) -> Tensor:
        """The colour that has run into some rows."""
        rows = slice(top, top + shown.shape[-2])
        return lines(slope, photo.size, rows) * shown[:, :1] + lines(offset, photo.size, rows)

    whole = paste_all(_tinted(photo, photo, around), faces, SEAM)
    return _tinted(photo, whole, lambda shown, _: shown - grey(shown))  # whatever the faces' own luma is


def _tinted(photo: Image.Image, shown: Image.Image, chroma: Callable[[Tensor, int], Tensor]) -> Image.Image:
    """A grey photo with the chroma of some rows of `shown`, from their first row on, and its luma, to the bit."""
    result = Image.new("RGB", photo.size)
    for top in range(0, photo.height, STRIP):
        area = (0, top, photo.width, min(top + STRIP, photo.height))
        luma, rows = (to_tensor(picture.crop(area))[None] for picture in (photo, shown))
        result.paste(to_pil(keep_luma(tinted(luma, chroma(rows, top)), luma)[0]), (0, top))
    return result


def _shrunk(values: np.ndarray, size: tuple[int, int]) -> Tensor:
    """Averages of [H, W] at (width, height): [1, 1, height, width]."""
    small = Image.fromarray(values.astype(np.float32)).resize(size, Image.Resampling.BOX)
    return torch.from_numpy(np.array(small))[None, None]


def lines(x: Tensor, size: tuple[int, int], rows: slice) -> Tensor:
    """Some rows of a picture that is enlarged bilinearly to (width, height): [1, C, h, w] -> [1, C, rows, width]."""
    width, height = size
    place = (torch.arange(rows.start, rows.stop) + 0.5) * x.shape[-2] / height - 0.5
    place = place.clamp(0, x.shape[-2] - 1)
    upper = place.long()
    lower = (upper + 1).clamp(max=x.shape[-2] - 1)
    part = x[..., upper, :].lerp(x[..., lower, :], (place - upper).to(x)[:, None])
    return F.interpolate(part, size=(len(place), width), mode="bilinear")
