"""What hides a face and nobody has found: what no search for the face can draw, and what looks like dust or a stroke.

Thresholds were tuned on 32 faces of training people, with strokes and spots and without.
"""

from __future__ import annotations

import numpy as np
from PIL import Image
from scipy import ndimage

from inversion.damage.extremes import HALF
from inversion.damage.luma import enlarged_to, visible
from inversion.deviation import MEDIAN_OF_ABSOLUTE

FINER = 2  # times the pixels of the drawn face across: a stroke is as bright or dark as it is where it fills pixels
THIN = 0.07  # of the side: what is wider is not looked for
NARROW = 0.04  # of the side: wider ones, as hair and highlights are, are not followed by their level alone
MOVED = 0.055  # of the side, twice how far away the face may have the same structure
NEAR = 0.25  # of the side: residuals are compared with those so near
STEP = 4  # px: of every so many-th one
LEAST = 0.02  # of white: standard deviation below which residuals are not known
SEED, GROW = 5.0, 2.5  # standard deviations: beyond the first it is damage, beyond the second what touches it
DEEP, FAINT = 0.16, 0.06  # of white: and so much at least
EXTREME = 0.02  # of the pixels may be more extreme
ALIKE = 0.06  # of white: by which damage may be less extreme than these
CENTRE, RADII = (0.54, 0.5), (0.42, 0.3)  # of the side, down and across: FFHQ's faces without ears
SURE = 0.0003  # of the pixels: so many seeds on the face itself, else stars of a flag and earrings would be damage
MOST = 0.08  # of the picture: more than this is another face, not damage


def find_unexplained(photo: np.ndarray, drawn: np.ndarray, known: np.ndarray | None = None) -> np.ndarray:
    """Where a photo shows thin bright or dark structures that the drawn face has not: [S, S] bool.

    photo: luma of the aligned photo, [S, S] in 0..1. drawn: of the restoration, degraded like the photo, [R, R] with
    R up to S. known: [S, S] bool, False = does not show the photo anyway.

    Residuals far beyond the others around them (median absolute deviation) are seeds, less far ones belong to a seed
    that they touch (hysteresis thresholding: Canny 1986, A computational approach to edge detection); both only where a
    top-hat transform calls the photo's structure thin, and the seeds only where it is as extreme as anything.
    """
    side = min(len(photo), FINER * len(drawn))
    small, face = resampled(photo, side), resampled(drawn, side)
    shows = np.ones_like(small, dtype=bool)
    if known is not None:
        shows = resampled(known.astype(np.float32), side) > 0.999
    found = np.zeros_like(shows)
    if shows.any():
        face = np.where(shows, face, small)
        sigma = deviation(small - face)
        for sign in (1, -1):  # bright, dark
            found |= bright(sign * small, sign * face, sigma, shows)
    if found.mean() > MOST or not found.any():
        return np.zeros(photo.shape, dtype=bool)
    return found if side == len(photo) else at_full_size(found, small, photo)


def resampled(image: np.ndarray, side: int) -> np.ndarray:
    """A square picture, [side, side], float32."""
    way = Image.Resampling.BOX if side <= len(image) else Image.Resampling.BICUBIC
    return np.asarray(Image.fromarray(image.astype(np.float32)).resize((side, side), way))


def deviation(residual: np.ndarray) -> np.ndarray:
    """Standard deviation of the residuals around each pixel, by their median, [R, R]: hair is drawn less exactly."""
    few = np.abs(residual[::STEP, ::STEP])
    spread = ndimage.median_filter(few, round(NEAR * len(few)) | 1)
    return np.maximum(enlarged_to(spread, residual.shape) / MEDIAN_OF_ABSOLUTE, LEAST)


def bright(photo: np.ndarray, drawn: np.ndarray, sigma: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Structures that are brighter than the face: [R, R] bool.

    One that the face has as well, if only a little farther on, is none. Seeds must lie on the face: what backdrops and
    clothes are like no generator knows, so that they are only believed beside those.
    """
    width, narrow, moved = (round(share * len(photo)) | 1 for share in (THIN, NARROW, MOVED))
    beyond = photo - ndimage.maximum_filter(drawn, moved)
    excess = np.minimum(beyond, depth(photo, width) - ndimage.maximum_filter(depth(drawn, width), moved))
    extreme = photo > np.quantile(photo[known], 1 - EXTREME) - ALIKE
    seeds = known & extreme & (excess > np.maximum(SEED * sigma, DEEP))
    if (seeds & middle(len(photo))).mean() < SURE:
        return np.zeros_like(seeds)
    followed = extreme & (depth(photo, narrow) > FAINT)
    grown = known & ((excess > np.maximum(GROW * sigma, FAINT)) | followed)
    return np.asarray(ndimage.binary_propagation(seeds, np.ones((3, 3)), mask=grown))


def middle(side: int) -> np.ndarray:
    """Where an aligned photo shows the face, an ellipse: [side, side] bool."""
    y, x = ((np.arange(side) + 0.5) / side - centre for centre in CENTRE)
    return np.asarray((y[:, None] / RADII[0]) ** 2 + (x[None, :] / RADII[1]) ** 2 < 1)


def depth(image: np.ndarray, size: int) -> np.ndarray:
    """White top-hat: by how much each pixel is brighter than what is left when bright structures narrower go."""
    return np.asarray(image - ground(image, size))


def ground(image: np.ndarray, size: int) -> np.ndarray:
    """A picture without bright structures narrower than so many pixels; what goes on beyond its edge is not narrow."""
    return np.asarray(ndimage.grey_opening(image, size=(size, size), mode="nearest"))


def at_full_size(hidden: np.ndarray, small: np.ndarray, photo: np.ndarray) -> np.ndarray:
    """What was found in a small picture, in the photo, as wide as it is there: [r, r] twice, [S, S] -> [S, S] bool."""
    size = round(THIN * len(small)) | 1
    near = enlarged_to(ndimage.binary_dilation(hidden, np.ones((3, 3))), photo.shape)
    smooth = ndimage.uniform_filter(photo, 3)
    found = np.zeros(photo.shape, dtype=bool)
    for sign in (1, -1):
        under = ground(sign * small, size)
        deepest = ndimage.maximum_filter(np.where(hidden, sign * small - under, 0), 3)
        under, deepest = enlarged_to(under, photo.shape), enlarged_to(deepest, photo.shape)
        found |= near & (deepest > FAINT) & (sign * smooth - under > HALF * deepest)
    known = visible(found)
    return found if known is None else ~known
