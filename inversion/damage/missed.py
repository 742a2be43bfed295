"""How far a photo is out of focus, in spite of scratches and spots that were missed: those are not."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from PIL import Image
from scipy import ndimage

from inversion.damage.blur import Blur, Scales, measured
from inversion.damage.compressed_blur import kernel_before
from inversion.damage.compression import Compression
from inversion.damage.extremes import is_extreme
from inversion.damage.luma import enlarged, padded, reduced, strips, visible, wider
from inversion.damage.spectrum import SHARPER

USUAL = 0.3  # quantile of the squares: damage that was missed lies in fewer than two thirds of them
MORE = 0.65  # quantile of the squares that may find a photo sharp, too: the sharpest may be letters
FINE = 0.5  # of the blur's sigma: structures of that size it leaves weak
# of white; deviations of noise, of JPEG's rounding: what exceeds all is sharp
SHARP, NOISES, ROUNDINGS = 0.03, 4.0, 2.0
# of what luma spans within so many sigmas: a blurred line changes by 0.11 of it, an edge by 0.03
PART, NEAR = 0.15, 2.0
MOST = 0.025  # of the photo: more of it is no damage but the photo
LEAST = 0.8  # of what is sharp must be thin and of an extreme colour
THIN, SIDE = 21, 1600  # px: what is narrower is thin, at this size of the longer side
# px, and of the blur's sigma: so far beside something sharp, too, the difference is large
EDGE, REACH = 3, 1.0
DEPTH = 0.04  # of white, from its surroundings
ROUNDS = 2
CERTAIN = 0.35  # confidence of a kernel that is believed
BLOCKS = 16.0  # px: a wider kernel is no question of what compression has taken; two blocks
STRONG = 55  # JPEG quality up to which it makes sharp photos look blurred
SHARP_BLOCKS = 3.0  # px: kernel of what survives in the blocks of sharp photos
DISPUTED = 0.5  # confidence where blocks and spectrum disagree
CUT = 4.0  # sigmas: where the Gaussian that tells fine from coarse ends
FEWEST = 8.0  # px of its sigma that it keeps at a smaller size
AGREES = 0.8  # of the usual square's kernel must then be found in the others


def find_blur_beneath(
    luma: np.ndarray, noise: float, compression: Compression, hidden: np.ndarray
) -> tuple[Blur, np.ndarray]:
    """As `blur.measured`, and the damage that was missed: [H, W] bool. hidden: [H, W] bool, True = was found.

    If most squares of a photo are blurred and a few show something sharp, either is that the photo's only sharp part,
    or damage that was missed. It is damage if it is little, thin, and black or white, and if without it those squares
    are as blurred as the others.
    """
    missed, thin = np.zeros_like(hidden), None
    scales = Scales(luma, visible(hidden))
    plain = verdict(scales, noise, compression)
    for _ in range(ROUNDS):
        usual = measured(scales, noise, compression, USUAL)
        if usual.is_sharp:
            break
        sharp = stayed_sharp(luma, usual, noise, compression)
        if scales.known is not None:
            sharp &= scales.known
        if not 0 < sharp.mean() <= MOST:
            break
        thin = thin_extremes(luma, noise) if thin is None else thin
        if (sharp & wider(thin, EDGE + round(REACH * usual.sigma))).sum() < LEAST * sharp.sum():
            break
        beside = sharp & wider(thin, EDGE)
        hidden = hidden | beside
        scales = Scales(luma, visible(hidden))
        found = verdict(scales, noise, compression)
        if found.kernel_size >= AGREES * usual.kernel_size and found.confidence >= CERTAIN:
            plain, missed = found, missed | beside
    return plain, missed


def verdict(scales: Scales, noise: float, compression: Compression) -> Blur:
    """Sharp if the sharpest squares, more of them or JPEG's blocks say so: what is sharp must not be sharpened."""
    sharpest, sharper = (measured(scales, noise, compression, one) for one in (SHARPER, MORE))
    found = sharper if sharper.is_sharp and not sharpest.is_sharp else sharpest
    hides = compression.in_blocks and compression.quality is not None and compression.quality <= STRONG
    if found.is_sharp or found.kernel_size > BLOCKS or not hides:
        return found
    before = kernel_before(scales.luma, noise, compression, scales.known)
    return found if before is None or before > SHARP_BLOCKS else Blur(before, DISPUTED)


def stayed_sharp(luma: np.ndarray, blur: Blur, noise: float, compression: Compression) -> np.ndarray:
    """Where a photo that was blurred so has structures that are finer: [H, W] bool."""
    sigma = max(FINE * blur.sigma, 0.7)
    least = max(SHARP, NOISES * noise, ROUNDINGS * compression.rounding)
    found = np.empty(luma.shape, dtype=bool)
    reach = round(NEAR * blur.sigma)
    for rows, coarse in smoothed(luma, sigma):
        around, own = padded(rows, len(luma), reach)
        highest = ndimage.maximum_filter(luma[around], 2 * reach + 1)[own]
        span = highest - ndimage.minimum_filter(luma[around], 2 * reach + 1)[own]
        found[rows] = np.abs(luma[rows] - coarse) > np.maximum(PART * span, least)
    return found


def smoothed(luma: np.ndarray, sigma: float) -> Iterator[tuple[slice, np.ndarray]]:
    """Some rows after the other, and these of luma [H, W] as a Gaussian of so many pixels leaves them.

    A wide one is drawn at a smaller size, between whose pixels is interpolated: at full size it takes minutes.
    """
    height, width = luma.shape
    factor = min(max(1, int(sigma / FEWEST)), height, width)
    if factor == 1:
        for rows in strips(height, luma.size):
            around, own = padded(rows, height, math.ceil(CUT * sigma))
            yield rows, ndimage.gaussian_filter(luma[around], sigma, mode="nearest", truncate=CUT)[own]
        return
    small = ndimage.gaussian_filter(reduced(luma, factor), sigma / factor, mode="nearest")
    picture = Image.fromarray(np.pad(small, ((0, 1), (0, 1)), mode="edge"))  # the rest that fills no square
    for rows in strips(height, luma.size):
        box = (0, rows.start / factor, width / factor, rows.stop / factor)
        size = (width, rows.stop - rows.start)
        yield rows, np.asarray(picture.resize(size, Image.Resampling.BILINEAR, box))


def thin_extremes(luma: np.ndarray, noise: float) -> np.ndarray:
    """Everything narrow that is nearly as dark or as bright as anything: [H, W] bool. Top-hat transform."""
    factor = max(1, min(round(max(luma.shape) / SIDE), *luma.shape))
    small = reduced(luma, factor)
    thin, least = np.zeros(small.shape, dtype=bool), max(DEPTH, 3 * noise / factor)
    for image in (small, 1 - small):
        depth = ndimage.grey_closing(image, size=(THIN, THIN)) - image
        thin |= (depth > least) & is_extreme(image)
    return enlarged(thin, factor, luma.shape)
