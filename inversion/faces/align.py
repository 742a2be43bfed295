"""Photo + landmarks -> the square crop that FFHQ's generators know, and the way back.

Framing, padding and supersampling: Karras et al. 2019, A Style-Based Generator Architecture, appendix A;
NVlabs/ffhq-dataset, download_ffhq.py (read, not copied).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, ImageFilter

from inversion.errors import AlignmentError, ConfigError

SIDE_STEP = 16  # px: the colour blocks of JPEG files
SUPERSAMPLING = 4  # the QUAD transform draws at 4x, Lanczos brings it down

Point = tuple[float, float]


@dataclass(frozen=True)
class Transform:
    """Where an aligned image lies in its photo: everything that paste needs, JSON-able by dataclasses.asdict.

    Positions are continuous photo coordinates: pixel i spans [i, i + 1]. The corners form a turned square:
    (u, v) in [0, 1]^2 of the aligned image lies at c[0] + u (c[3] - c[0]) + v (c[1] - c[0]).
    """

    photo_size: tuple[int, int]  # width, height of the upright photo
    resolution: int  # of the aligned image
    corners: tuple[Point, Point, Point, Point]  # upper left, lower left, lower right, upper right
    shrink: tuple[float, float]  # photo pixels per pixel of the copy that was cropped, in x and y
    crop: tuple[float, float, float, float]  # left, top, right, bottom that was cut out
    # photo pixels that were invented, and faded into, beyond each side of the crop
    pad: tuple[float, float, float, float]

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Transform:
        """Rebuild what dataclasses.asdict and JSON made of it."""
        values = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
        return cls(**{**values, "corners": tuple(tuple(corner) for corner in values["corners"])})

    @property
    def side(self) -> float:
        """Side of the square in photo pixels."""
        (x0, y0), (x1, y1) = self.corners[:2]
        return float(np.hypot(x1 - x0, y1 - y0))

    def inside(self, side: int) -> np.ndarray:
        """Which pixels of the aligned image, drawn `side` pixels wide, show the photo: [side, side] bool.

        The others were invented: alignment reflects the photo beyond its edges. They belong in no loss and no figure.
        """
        corners = np.array(self.corners)
        place = (np.arange(side) + 0.5) / side
        across, down = corners[3] - corners[0], corners[1] - corners[0]
        at = corners[0] + place[None, :, None] * across + place[:, None, None] * down  # [side, side, x and y]
        inside: np.ndarray = ((at > 0) & (at < self.photo_size)).all(axis=-1)
        return inside

    def invented(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Tell how far the crop departs from the photo at (x, y): 0 true pixels, 1 wholly blurred padding.

        The fade begins at a third of the padding inside the photo, so that no seam shows at its edge.
        """
        share: np.ndarray = np.clip(3 * _depth(x, y, self.crop, self.pad) + 1, 0, 1)
        return share


@dataclass(frozen=True)
class Aligned:
    """An aligned face and where it came from."""

    image: Image.Image  # RGB, resolution x resolution
    transform: Transform


def full_side(side: float, resolution: int, max_size: int = 1024) -> int:
    """Pixels across a face's square at its photo's own size: a multiple of 16 that loses nothing.

    side: of the square in photo pixels, as Transform.side tells. resolution: the generator's, which is the least.
    max_size: the most, unless the generator's resolution is more. JPEG's model needs the multiple of 16.
    """
    whole = SIDE_STEP * math.ceil(round(side, 3) / SIDE_STEP)
    return max(resolution, min(whole, max_size // SIDE_STEP * SIDE_STEP))


def align(photo: Image.Image, points: np.ndarray, resolution: int, fade: bool = True) -> Aligned:
    """Cut out the face in FFHQ's framing.

    points: [68, 2] landmarks (x, y) as pixel indices of `photo`, which is upright (read_photo).
    fade: near the photo's edge, blur what is reflected beyond it, as generators know it. Without, every pixel inside
    the photo is the photo's own, which a restoration at the photo's size is made from.
    Errors: AlignmentError when the landmarks span no square, ConfigError for a wrong resolution.
    """
    if resolution < 1:
        raise ConfigError(f"The resolution must be positive. Got {resolution}; the generator's own works.")
    photo = photo.convert("RGB")
    corners = ffhq_corners(points)  # [4, 2]
    side = square_side(points)

    # Shrink by an integer when the face is much larger than the output.
    factor = max(1, int(side / resolution * 0.5))
    if factor > 1:
        copy = photo.resize(
            (max(1, round(photo.width / factor)), max(1, round(photo.height / factor))),
            Image.Resampling.LANCZOS,
        )
    else:
        copy = photo
    shrink = np.array(photo.size) / np.array(copy.size)  # what rounding made of the factor
    quad = corners / shrink
    side = side / float(shrink.mean())

    # Crop to the square and a border.
    border = max(round(side * 0.1), 3)
    low = np.floor(quad.min(axis=0)).astype(int) - border
    high = np.ceil(quad.max(axis=0)).astype(int) + border
    start, stop = np.maximum(low, 0), np.minimum(high, copy.size)
    if (start >= stop).any():
        raise AlignmentError(f"The face lies outside the photo. Got corners {corners.round().tolist()}.")
    crop = (int(start[0]), int(start[1]), int(stop[0]), int(stop[1]))
    piece = copy.crop(crop)

    # Pad where the square leaves the photo.
    pad = [int(missing) for missing in (*(start - low), *(high - stop))]
    if max(pad) > border - 4:
        pad = [max(missing, round(side * 0.3)) for missing in pad]
        piece = _padded(piece, pad, blur=side * 0.02) if fade else _reflected(piece, pad)
    else:
        pad = [0, 0, 0, 0]
    quad = quad - start + np.array(pad[:2])

    # Draw at four times the resolution, then bring down.
    fine = resolution * SUPERSAMPLING
    drawn = piece.transform(
        (fine, fine), Image.Transform.QUAD, quad.ravel().tolist(), Image.Resampling.BILINEAR
    )
    image = drawn.resize((resolution, resolution), Image.Resampling.LANCZOS)

    sx, sy = (float(s) for s in shrink)
    faded = pad if fade else (0, 0, 0, 0)
    transform = Transform(
        photo_size=photo.size,
        resolution=resolution,
        corners=tuple((float(x), float(y)) for x, y in corners),  # type: ignore[arg-type]
        shrink=(sx, sy),
        crop=(crop[0] * sx, crop[1] * sy, crop[2] * sx, crop[3] * sy),
        pad=(faded[0] * sx, faded[1] * sy, faded[2] * sx, faded[3] * sy),
    )
    return Aligned(image, transform)


def ffhq_corners(points: np.ndarray) -> np.ndarray:
    """Compute FFHQ's square from 68 landmarks: [4, 2], upper left, lower left, lower right, upper right.

    The points are taken as continuous coordinates, as they were for the embedded generator's training
    pictures. FFHQ's script adds half a pixel, 1/2000 of its faces; a portrait of 115 px would visibly shift.
    """
    points = np.asarray(points, dtype=np.float64)
    if points.shape != (68, 2) or not np.isfinite(points).all():
        raise AlignmentError(f"A face has 68 finite landmarks (x, y). Got shape {list(points.shape)}.")
    left_eye, right_eye = points[36:42].mean(axis=0), points[42:48].mean(axis=0)
    mouth = (points[48] + points[54]) / 2
    eyes = (left_eye + right_eye) / 2
    eye_to_eye, eye_to_mouth = right_eye - left_eye, mouth - eyes

    x = eye_to_eye - _quarter_turn(eye_to_mouth)
    length = np.hypot(*x)
    if length < 1e-6:
        raise AlignmentError(
            "Eyes and mouth span no face. Got landmarks that cancel out; choose another face."
        )
    x *= max(2 * np.hypot(*eye_to_eye), 1.8 * np.hypot(*eye_to_mouth)) / length
    y = _quarter_turn(x)
    centre = eyes + 0.1 * eye_to_mouth
    return np.stack([centre - x - y, centre - x + y, centre + x + y, centre + x - y])


def square_side(points: np.ndarray) -> float:
    """Side of FFHQ's square in photo pixels, from [68, 2] landmarks."""
    corners = ffhq_corners(points)
    return float(np.hypot(*(corners[1] - corners[0])))


def _quarter_turn(vector: np.ndarray) -> np.ndarray:
    """Right becomes down, in image coordinates."""
    return np.array([-vector[1], vector[0]])


def _depth(x: np.ndarray, y: np.ndarray, crop: tuple[float, ...], pad: tuple[float, ...]) -> np.ndarray:
    """Measure how deep (x, y) lies in the padding: 1 at its outer edge, 0 at the crop's, negative inside."""
    left, top, right, bottom = crop
    depths = [(left - x, pad[0]), (top - y, pad[1]), (x - right, pad[2]), (y - bottom, pad[3])]
    deepest = np.full(np.broadcast_shapes(x.shape, y.shape), -np.inf, dtype=np.result_type(x, y))
    for distance, width in depths:
        if width > 0:
            deepest = np.maximum(deepest, distance / width)
    return deepest


def _reflected(piece: Image.Image, pad: list[int]) -> Image.Image:
    left, top, right, bottom = pad
    pixels = np.pad(np.asarray(piece), ((top, bottom), (left, right), (0, 0)), mode="reflect")
    return Image.fromarray(pixels)


def _padded(piece: Image.Image, pad: list[int], blur: float) -> Image.Image:
    """Extend by reflection that blurs, then fades into the median colour, towards the outer edge."""
    left, top, right, bottom = pad
    pixels = np.asarray(_reflected(piece, pad))
    x, y = np.arange(pixels.shape[1])[None, :] + 0.5, np.arange(pixels.shape[0])[:, None] + 0.5
    depth = _depth(x, y, (left, top, left + piece.width, top + piece.height), (left, top, right, bottom))[
        ..., None
    ]

    soft = np.asarray(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(blur)), dtype=np.float32)
    result = pixels.astype(np.float32)
    result += (soft - result) * np.clip(3 * depth + 1, 0, 1).astype(np.float32)
    median = np.median(result, axis=(0, 1))
    result += (median - result) * np.clip(depth, 0, 1).astype(np.float32)
    return Image.fromarray(np.rint(result).clip(0, 255).astype(np.uint8))
