"""Colour around the coloured faces of a grey photo, so that no coloured box stands in it."""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from inversion.degradations.conjugate_gradients import conjugate_gradients
from inversion.faces.paste import Face, draw, paste_all
from inversion.fullsize.guided import guided
from inversion.fullsize.luma import grey, keep_luma, tinted
from inversion.images import to_pil, to_tensor

SIDE = 192  # px, longest side of the copy on which colour spreads
EDGE = 0.03  # step of luma, [-1, 1], across which colour spreads half as easily
REACH = 1.0  # sides of the largest square after which colour has faded to 1/e
SEAM = 0.03  # of a square's side, over which its own colour gives way to what spreads from it
STEPS = 400


def paste_colours(photo: Image.Image, faces: list[Face], reach: float = REACH) -> Image.Image:
    """Put colourized faces into their grey photo and let their colour run out beyond their squares.

    The whole result's luma is the photo's, to the bit of Pillow's "L"; far from all faces it is the photo. Between
    neighbouring pixels colour passes the less, the more their luma differs: clothes and backdrop keep one colour each.
    Levin, Lischinski & Weiss 2004, Colorization Using Optimization, with a fade as in Bhat et al. 2008.
    reach: sides of the largest square after which colour has faded to 1/e.
    Errors: as of `paste_all`.
    """
    photo = photo.convert("L").convert("RGB")
    drawn = [d for d in (draw(photo.size, face, 0.0) for face in faces) if d is not None]
    if not drawn:
        return photo
    coloured = paste_all(photo, faces, 0.0)
    known = np.zeros((photo.height, photo.width), dtype=np.float32)
    for d in drawn:
        left, top, right, bottom = d.area
        known[top:bottom, left:right] = np.maximum(known[top:bottom, left:right], d.depth > SEAM)
    shrink = min(1.0, SIDE / max(photo.size))
    size = max(1, math.ceil(photo.height * shrink)), max(1, math.ceil(photo.width * shrink))
    shown, luma = to_tensor(coloured)[None], to_tensor(photo)[None]
    seen = torch.from_numpy(known)[None, None]
    share = F.adaptive_avg_pool2d(seen, size)
    chroma = F.adaptive_avg_pool2d((shown - grey(shown)) * seen, size) / share.clamp(min=1e-6)
    length = reach * max(face.transform.side for face in faces) * max(size) / max(photo.size)
    small = F.adaptive_avg_pool2d(luma[:, :1], size)
    around = guided(luma[:, :1], spread(chroma, (share > 0.5).float(), small, length), 1, 0.01)
    under = to_pil(keep_luma(tinted(luma, around), luma)[0])
    whole = to_tensor(paste_all(under, faces, SEAM))[None]
    return to_pil(keep_luma(tinted(luma, whole - grey(whole)), luma)[0])  # whatever the faces' own luma is


def spread(values: Tensor, known: Tensor, luma: Tensor, length: float) -> Tensor:
    """Continue values into what is not known, along even luma: [B, C, H, W], [B, 1, H, W], [B, 1, H, W].

    Known values come back as they are; others fade over `length` pixels.
    """

    def ease(dim: int) -> Tensor:
        return 1 / (1 + (luma.diff(dim=dim) / EDGE).square())

    across, down, unknown = ease(-1), ease(-2), 1 - known

    def stiffness(u: Tensor) -> Tensor:
        x, y = across * u.diff(dim=-1), down * u.diff(dim=-2)
        rough = F.pad(x, (1, 0)) - F.pad(x, (0, 1))
        return rough + F.pad(y, (0, 0, 1, 0)) - F.pad(y, (0, 0, 0, 1)) + u / length**2

    fixed = known * values
    right = -unknown * stiffness(fixed)
    filled = conjugate_gradients(
        lambda u: unknown * stiffness(unknown * u), right, torch.zeros_like(fixed), steps=STEPS
    )
    return fixed + unknown * filled
