"""Whether a photo was enlarged from fewer pixels: interpolation leaves a period in it, in rows and columns alike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy import ndimage

from inversion.damage.blur import Blur
from inversion.degradations.jpeg import BLOCK

LEAST, MOST = 2.0, 9.0  # factors that are looked for; a smaller one loses too little
STEEPEST = 0.05  # of white: second differences count up to there, else edges would be all that counts
SLOW = 33  # px: what of the line changes more slowly is the photo's own
TRANSFORM = 4096  # frequencies; a photo has fewer pixels a side at which this is done
PEAK, SURELY = 2.7, 4.0  # deviations of the line: from which on a period may be one, and surely is
COMPRESSED = 1.5  # times as many in a compressed photo
FIRST = 0.5  # of the highest: a peak at a lower frequency that is so high is the period itself
DEEP = 0.08  # amplitude of the logarithm: blocks of a JPEG that was shrunk and blurred leave less of a period
QUIET = 0.002  # of white: more noise takes of an interpolation's period as well
HIGHEST = 0.98  # of the highest frequency: beside it are differences between odd and even pixels
LIKELY_TWICE, TWICE = 4.0, 7.0  # deviations: from which on a period of two may be one, and surely is
BESIDE = 0.006  # cycles per pixel: so near to multiples of 1/16 lie JPEG's blocks of luma and chroma
SOFT, SOFTER = 1.0, 4.0  # times the factor: so wide are Gaussians that explain an enlargement as well
# Below that factor f, f / (f - 1) has the same period: only Gaussians so wide, in factors, tell.
AMBIGUOUS, CERTAIN = 3.4, 2.0
BLOCKY = 0.6  # of the difference that squares of nearly the same size make
NEARLY = 1.07
EMPTY = 1e-4  # of white: a picture that loses no more shows nothing


@dataclass(frozen=True)
class Enlargement:
    """By how much the sides of a photo are longer than those of the photo it was made from."""

    factor: float  # 1 = not seen to be enlarged
    confidence: float  # 0..1


NOT_ENLARGED = Enlargement(1.0, 0.0)


def find_enlargement(
    luma: np.ndarray, blur: Blur, compressed: bool = False, noise: float = 0.0
) -> Enlargement:
    """The period of the second differences, if the photo says no more than one that is so much smaller.

    luma: [H, W] in 0..1. blur: as if it were blurred; a much wider one has taken more than the enlargement. An
    interpolated pixel is a weighted mean of its neighbours, and varies the less, the nearer it is to the middle between
    two: Gallagher 2005, Detection of linear and cubic interpolation in JPEG compressed images, section 3. compressed:
    the periods of JPEG's blocks are left out, and with them factors of 2, 4 and 8, which then look like a blur.
    noise: standard deviation in luma.
    """
    luma = luma[:TRANSFORM, :TRANSFORM]
    if min(luma.shape) < 4 * SLOW:
        return NOT_ENLARGED
    found = by_period(luma, blur, compressed, noise)
    if compressed or found.confidence == 1:
        return found
    return max(found, doubled(luma), key=lambda one: one.confidence)


def by_period(luma: np.ndarray, blur: Blur, compressed: bool, noise: float) -> Enlargement:
    """As `find_enlargement`, of other factors than 2."""
    heights, depths = period(luma, 2, compressed)
    frequency = np.arange(len(heights)) / TRANSFORM
    heights[(frequency < 1 / MOST) | (frequency > HIGHEST / LEAST)] = 0
    if compressed:
        beside = frequency * 2 * BLOCK
        heights[np.abs(beside - np.rint(beside)) < BESIDE * 2 * BLOCK] = 0
        heights /= COMPRESSED
    confidence = float(np.clip((heights.max() - PEAK) / (SURELY - PEAK), 0, 1))
    if confidence == 0:
        return NOT_ENLARGED
    first = int((heights >= max(PEAK, FIRST * heights.max())).argmax())
    best = first + int(heights[first : first + 8].argmax())
    factor = float(1 / frequency[best])
    if noise < QUIET and depths[best] < DEEP:
        return NOT_ENLARGED
    is_blocky = blockiness(luma, factor) < BLOCKY
    least = factor * (CERTAIN if factor < AMBIGUOUS else SOFT)
    if is_blocky or least <= blur.kernel_size <= SOFTER * factor:
        return Enlargement(factor, confidence)
    return NOT_ENLARGED


def doubled(luma: np.ndarray) -> Enlargement:
    """Whether there are two pixels for one: both lie as near to their neighbours, on either side.

    So second differences are all alike; third ones, between pixels, have a period of two, unless pixels were repeated.
    """
    height = float(period(luma, 3)[0][-1])
    confidence = float(np.clip((height - LIKELY_TWICE) / (TWICE - LIKELY_TWICE), 0, 1))
    if confidence == 0 and blockiness(luma, 2.0) < BLOCKY:
        confidence = 1.0
    return Enlargement(2.0, confidence) if confidence > 0 else NOT_ENLARGED


def period(luma: np.ndarray, order: int, compressed: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """`spectrum_of_line`, as far as rows and columns have it in common: [TRANSFORM / 2 + 1] twice."""
    both = [spectrum_of_line(luma, axis, order, compressed) for axis in (0, 1)]
    heights, depths = (
        np.minimum(*(ndimage.maximum_filter1d(one, 3) for one in each)) for each in zip(*both, strict=True)
    )
    return heights, depths


def spectrum_of_line(
    luma: np.ndarray, axis: int, order: int, compressed: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Of the mean difference of that order at each place along an axis: [TRANSFORM / 2 + 1] twice.

    In deviations of the line, and as amplitudes of its logarithm. compressed: without what blocks have in common.
    """
    steep = np.abs(np.diff(luma, order, axis=axis)).clip(max=STEEPEST)
    line = np.log(steep.mean(axis=1 - axis) + 1e-4)
    window = np.hanning(SLOW)[1:-1]
    line = line - ndimage.convolve1d(line, window / window.sum(), mode="mirror")
    if compressed:
        phase = np.arange(len(line)) % BLOCK
        line = line - (np.bincount(phase, line) / np.bincount(phase))[phase]
    taper = np.hanning(len(line))
    power = max(float(np.square(taper).sum() * line.var()), 1e-12)
    found = np.abs(np.fft.rfft(line * taper, TRANSFORM))
    return found / np.sqrt(power), found / (taper.sum() / 2)


def blockiness(luma: np.ndarray, factor: float) -> float:
    """What is lost where each square of that side gets one value, as a part of that for squares that do not fit."""
    own = min(lost(luma, factor, more) for more in (-1, 0, 1))
    other = lost(luma, NEARLY * factor, 0)
    return own / other if other > EMPTY else 1.0


def lost(luma: np.ndarray, factor: float, more: int) -> float:
    """Root mean square of what is lost. more: squares across, than the factor says, which is known to a pixel or so."""
    picture = Image.fromarray(luma)
    small = picture.resize(
        (round(picture.width / factor) + more, round(picture.height / factor) + more), Image.Resampling.BOX
    )
    again = np.asarray(small.resize(picture.size, Image.Resampling.NEAREST))
    return float(np.sqrt(np.square(again - luma).mean()))
