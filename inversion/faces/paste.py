"""Aligned faces -> back into their photo, at the photo's own resolution."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from inversion.errors import ConfigError
from inversion.faces.align import Transform
from inversion.fullsize.luma import grey, keep_luma, luma_level, tinted
from inversion.images import to_tensor

CHANGED = 2  # px of the face around a changed one that are pasted as well: what resampling mixes it into
STRIP = 256  # px of rows that are mixed together: a face of 12 megapixels takes gigabytes otherwise
PREFERENCE = 4  # power of the distance to its square's edge by which a face counts where squares overlap

Area = tuple[int, int, int, int]  # left, top, right, bottom in a photo's pixels


@dataclass(frozen=True)
class Face:
    """A restored face and where it came from.

    image: square, any resolution. before: what was restored, of the same size, aligned without fade: where both are
    equal the photo stays as it is, and where only the luma is, the photo keeps its own. None = all is pasted.
    """

    image: Image.Image
    transform: Transform
    before: Image.Image | None = None


@dataclass(frozen=True)
class Drawn:
    """A face in the photo's pixels. Arrays cover `area`."""

    area: Area
    colours: np.ndarray  # [H, W, 3], uint8
    weight: np.ndarray  # [H, W], 0..1, how far it covers the photo
    relit: np.ndarray  # [H, W], uint8, 0 where the luma is the photo's own
    depth: np.ndarray  # [H, W], 0 at its square's edge to 0.5 in the middle


def paste(
    photo: Image.Image,
    restored: Image.Image,
    transform: Transform,
    feather: float = 0.1,
    before: Image.Image | None = None,
) -> Image.Image:
    """Put one restored face where it was cut out: see `paste_all`."""
    return paste_all(photo, [Face(restored, transform, before)], feather)


def paste_all(photo: Image.Image, faces: Sequence[Face], feather: float = 0.1) -> Image.Image:
    """Put restored faces where they were cut out, with soft seams.

    photo: the upright photo that was aligned. feather: width of the seam as a fraction of a square's side, 0 (hard) to
    0.5. Pixels outside all squares stay as they are, to the bit; a face fades out as well where alignment had blended
    the photo's edge with invented padding. Where squares overlap, the face counts more whose middle is nearer.
    Errors: ConfigError when the photo is not the one that was aligned or the feather is out of range.
    """
    if not 0 <= feather <= 0.5:
        raise ConfigError(f"The feather is a fraction of the face's side. Got {feather}; 0 to 0.5 works.")
    photo = photo.convert("RGB")
    drawn = [d for d in (draw(photo.size, face, feather) for face in faces) if d is not None]
    result = photo.copy()
    if not drawn:
        return result
    left, top = (min(d.area[i] for d in drawn) for i in (0, 1))
    right, bottom = (max(d.area[i] for d in drawn) for i in (2, 3))
    for begin in range(top, bottom, STRIP):
        area = (left, begin, right, min(begin + STRIP, bottom))
        under = np.asarray(photo.crop(area), dtype=np.float32)
        result.paste(Image.fromarray(_mixed(under, area, drawn)), area[:2])
    return result


def _mixed(under: np.ndarray, area: Area, drawn: Sequence[Drawn]) -> np.ndarray:
    """The photo's pixels of an area, [H, W, 3] in 0..255, with what lies of the faces in it -> uint8."""
    colours, relit, total = np.zeros_like(under), np.zeros(under.shape[:2]), np.zeros(under.shape[:2])
    weight = np.zeros(under.shape[:2], dtype=np.float32)
    for d in drawn:
        left, top, right, bottom = _common(area, d.area)
        if left >= right or top >= bottom:
            continue
        part = slice(top - area[1], bottom - area[1]), slice(left - area[0], right - area[0])
        own = slice(top - d.area[1], bottom - d.area[1]), slice(left - d.area[0], right - d.area[0])
        share = np.maximum(d.depth[own], 1e-6) ** PREFERENCE * (d.weight[own] > 0)
        colours[part] += share[..., None] * d.colours[own]
        relit[part] += share * d.relit[own]
        total[part] += share
        weight[part] = np.maximum(weight[part], d.weight[own])
    total = np.maximum(total, 1e-30)
    mixed = under + (colours / total[..., None] - under) * weight[..., None]
    pixels: np.ndarray = np.rint(mixed).clip(0, 255).astype(np.uint8)
    coloured = (relit == 0) & (weight > 0)
    if coloured.any():
        pixels[coloured] = with_luma_of(under, mixed)[coloured]
    pixels[weight == 0] = under[weight == 0]
    return pixels


def _common(a: Area, b: Area) -> Area:
    return max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3])


@dataclass(frozen=True)
class Place:
    """Where a square lies in its photo: u = a x + b y + c and v = d x + e y + f are 0..1 inside it."""

    area: Area  # what it touches of the photo
    affine: tuple[float, float, float, float, float, float]

    @classmethod
    def of(cls, transform: Transform) -> Place | None:
        """None where the square lies outside its photo."""
        corners = np.array(transform.corners)
        left, top = (int(v) for v in np.maximum(np.floor(corners.min(axis=0)), 0))
        right, bottom = (int(v) for v in np.minimum(np.ceil(corners.max(axis=0)), transform.photo_size))
        if left >= right or top >= bottom:
            return None
        across, down = corners[3] - corners[0], corners[1] - corners[0]
        a, b = (across / (across @ across)).tolist()
        d, e = (down / (down @ down)).tolist()
        x0, y0 = corners[0].tolist()
        return cls((left, top, right, bottom), (a, b, -(a * x0 + b * y0), d, e, -(d * x0 + e * y0)))

    def pixels(self) -> tuple[np.ndarray, np.ndarray]:
        """x of a line and y of a column of pixels' middles: [1, W], [H, 1]."""
        left, top, right, bottom = self.area
        x, y = np.arange(left, right, dtype=np.float32), np.arange(top, bottom, dtype=np.float32)
        return x[None, :] + 0.5, y[:, None] + 0.5

    def depth(self) -> np.ndarray:
        """[H, W], 0 at the square's edge to 0.5 in the middle, negative outside."""
        (a, b, c, d, e, f), (x, y) = self.affine, self.pixels()
        u, v = a * x + b * y + c, d * x + e * y + f
        return np.minimum(np.minimum(u, 1 - u), np.minimum(v, 1 - v))


def draw(size: tuple[int, int], face: Face, feather: float) -> Drawn | None:
    """Turn and scale a face into its place in a photo of this size; None where its square lies outside."""
    transform, restored = face.transform, face.image
    if size != transform.photo_size:
        raise ConfigError(
            f"The photo is not the one that was aligned. Got {size[0]}x{size[1]}; "
            f"the transform was made for {transform.photo_size[0]}x{transform.photo_size[1]}."
        )
    if restored.width != restored.height:
        raise ConfigError(f"A restored face must be square. Got {restored.width}x{restored.height}.")
    place = Place.of(transform)
    if place is None:
        return None

    # Bring the face to the photo's scale first: the affine transform alone would alias.
    side = max(1, round(transform.side))
    (left, top, right, bottom), (a, b, c, d, e, f) = place.area, place.affine
    to_face = [side * k for k in (a, b, a * left + b * top + c, d, e, d * left + e * top + f)]

    def placed(picture: Image.Image, smooth: Image.Resampling) -> np.ndarray:
        picture = picture.resize((side, side), smooth)
        moved = picture.transform(
            (right - left, bottom - top),
            Image.Transform.AFFINE,
            to_face,
            Image.Resampling.BICUBIC if smooth == Image.Resampling.LANCZOS else Image.Resampling.BILINEAR,
        )
        return np.asarray(moved)

    depth = place.depth()
    weight = _seam(depth, feather) * (1 - transform.invented(*place.pixels()))
    relit = np.ones(weight.shape, dtype=np.uint8)
    if face.before is not None:
        changed, brightened = changes(restored, face.before)
        weight = weight * (placed(changed, Image.Resampling.BILINEAR) / np.float32(255))
        relit = placed(brightened, Image.Resampling.BILINEAR)
    return Drawn(place.area, placed(restored.convert("RGB"), Image.Resampling.LANCZOS), weight, relit, depth)


def in_photo(mask: np.ndarray, transform: Transform) -> np.ndarray:
    """A mask of an aligned face in its photo: [S, S] bool -> [H, W] bool."""
    width, height = transform.photo_size
    found = np.zeros((height, width), dtype=bool)
    place = Place.of(transform)
    if place is None:
        return found
    (left, top, right, bottom), (a, b, c, d, e, f) = place.area, place.affine
    x, y = place.pixels()
    u, v = (np.floor(len(mask) * at).astype(np.int32) for at in (a * x + b * y + c, d * x + e * y + f))
    inside = (u >= 0) & (u < len(mask)) & (v >= 0) & (v < len(mask))
    found[top:bottom, left:right] = inside & mask[v.clip(0, len(mask) - 1), u.clip(0, len(mask) - 1)]
    return found


def changes(restored: Image.Image, before: Image.Image) -> tuple[Image.Image, Image.Image]:
    """Where a restoration differs from what was restored, and where its luma does: two pictures, 255 = there.

    A level of luma is no difference: rounding colours to 8 bits makes it.
    """
    if restored.size != before.size:
        raise ConfigError(
            f"A face is compared with what it was at the same size. Got {restored.width} and {before.width} px."
        )
    a, b = to_tensor(restored)[None], to_tensor(before)[None]
    maps = (a != b).any(dim=1), (luma_level(a) - luma_level(b)).abs() > 1
    return _near(maps[0]), _near(maps[1])


def with_luma_of(photo: np.ndarray, colours: np.ndarray) -> np.ndarray:
    """Give colours the photo's luma, to the bit: both [H, W, 3] in 0..255 -> uint8."""

    def tensor(x: np.ndarray) -> Tensor:
        return torch.from_numpy(x).float().permute(2, 0, 1)[None] / 127.5 - 1

    under, face = tensor(photo), tensor(colours)
    luma = grey(under)
    exact = keep_luma(tinted(luma, face - grey(face)), under)
    return ((exact[0] + 1) * 127.5).round().byte().permute(1, 2, 0).numpy()


def _near(there: Tensor) -> Image.Image:
    """[1, H, W] bool, widened by CHANGED pixels."""
    wider = F.max_pool2d(there[None].float(), 2 * CHANGED + 1, 1, CHANGED)[0, 0]
    return Image.fromarray((wider * 255).byte().numpy())


def _seam(inside: np.ndarray, feather: float) -> np.ndarray:
    """Weigh the face: 0 on and outside the square's edge, 1 from `feather` inwards, smooth at both ends."""
    if feather == 0:
        return (inside > 0).astype(np.float32)
    t = np.clip(inside / feather, 0, 1)
    return t * t * (3 - 2 * t)
