"""Aligned face -> back into its photo, at the photo's own resolution."""

from __future__ import annotations

import numpy as np
from PIL import Image

from inversion.errors import ConfigError
from inversion.faces.align import Transform


def paste(
    photo: Image.Image, restored: Image.Image, transform: Transform, feather: float = 0.1
) -> Image.Image:
    """Put a restored face where it was cut out, with a soft seam.

    photo: the upright photo that was aligned. restored: square, any resolution. feather: width of the seam as
    a fraction of the square's side, 0 (hard) to 0.5. Pixels outside the square stay as they are, to the bit;
    the face fades out as well where alignment had blended the photo's edge with invented padding.
    Errors: ConfigError when the photo is not the one that was aligned or the feather is out of range.
    """
    if photo.size != transform.photo_size:
        raise ConfigError(
            f"The photo is not the one that was aligned. Got {photo.width}x{photo.height}; "
            f"the transform was made for {transform.photo_size[0]}x{transform.photo_size[1]}."
        )
    if restored.width != restored.height:
        raise ConfigError(f"A restored face must be square. Got {restored.width}x{restored.height}.")
    if not 0 <= feather <= 0.5:
        raise ConfigError(f"The feather is a fraction of the face's side. Got {feather}; 0 to 0.5 works.")
    photo = photo.convert("RGB")

    # The part of the photo that the square touches.
    corners = np.array(transform.corners)
    left, top = (int(v) for v in np.maximum(np.floor(corners.min(axis=0)), 0))
    right, bottom = (int(v) for v in np.minimum(np.ceil(corners.max(axis=0)), photo.size))
    if left >= right or top >= bottom:
        return photo.copy()

    # The inverse map: u = a x + b y + c and v = d x + e y + f are 0..1 inside the square.
    across, down = corners[3] - corners[0], corners[1] - corners[0]
    a, b = (across / (across @ across)).tolist()
    d, e = (down / (down @ down)).tolist()
    x0, y0 = corners[0].tolist()
    c, f = -(a * x0 + b * y0), -(d * x0 + e * y0)

    # Bring the face to the photo's scale first: the affine transform alone would alias.
    side = max(1, round(transform.side))
    face = restored.convert("RGB").resize((side, side), Image.Resampling.LANCZOS)
    to_face = [side * k for k in (a, b, a * left + b * top + c, d, e, d * left + e * top + f)]
    size = (right - left, bottom - top)
    drawn = face.transform(size, Image.Transform.AFFINE, to_face, Image.Resampling.BICUBIC)

    x = np.arange(left, right, dtype=np.float32)[None, :] + 0.5
    y = np.arange(top, bottom, dtype=np.float32)[:, None] + 0.5
    weight = _seam(a * x + b * y + c, d * x + e * y + f, feather) * (1 - transform.invented(x, y))
    area = (left, top, right, bottom)
    under = np.asarray(photo.crop(area), dtype=np.float32)
    mixed = under + (np.asarray(drawn, dtype=np.float32) - under) * weight[..., None]
    result = photo.copy()
    result.paste(Image.fromarray(np.rint(mixed).clip(0, 255).astype(np.uint8)), area)
    return result


def _seam(u: np.ndarray, v: np.ndarray, feather: float) -> np.ndarray:
    """Weigh the face: 0 on and outside the square's edge, 1 from `feather` inwards, smooth at both ends."""
    inside = np.minimum(np.minimum(u, 1 - u), np.minimum(v, 1 - v))
    if feather == 0:
        return (inside > 0).astype(np.float32)
    t = np.clip(inside / feather, 0, 1)
    return t * t * (3 - 2 * t)
