"""Whether a photo was sharp before JPEG compressed it.

Compression rounds most of a sharp photo's fine structure to nothing, which then looks blurred to its spectrum. The
steps are known, though, and how far strong edges reach up in the cosine coefficients of their blocks in spite of them.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr

from inversion.damage.compression import Compression, coefficients
from inversion.damage.luma import patchwork
from inversion.degradations.blur import default_sigma
from inversion.degradations.jpeg import BLOCK

PLACES = np.arange(1, 8)  # of the coefficients along a block's first row and column: half periods in 8 px
FALL = 1.45  # amplitude of sharp photos goes by frequency to the power of -FALL: half of blur.SLOPE
SOFT = 0.6  # px: sigma of the blur that cameras have anyway
SIZES = np.geomspace(1.0, 40.0, 28)  # px, kernels that are tried; the first is no blur
AMPLITUDES = np.geomspace(20, 4000, 24)  # levels, of a block's lowest coefficient
STRONG = 3  # steps, and deviations of noise: the lowest coefficient of a row or column that tells something
LEVELS = 40  # steps: higher ones are taken for that
OUTLIERS = 1e-3  # of the coefficients are anything
FEWEST, MOST = 100, 10_000  # rows and columns
RIM = 0.1  # of the side, at either end: a print's border, whose edge is sharp, is not asked


def kernel_before(
    luma: np.ndarray, noise: float, compression: Compression, known: np.ndarray | None = None
) -> float | None:
    """The likeliest kernel, in pixels, of a blur before quantization; too small rather than too large. None: untold.

    A row's coefficients are Gaussian, their amplitudes falling as those of sharp photos and by the blur, times an
    amplitude of its own, of which nothing is known; their quantization is an interval (censored data). luma: [H, W] in
    0..1. noise: standard deviation there. compression: with steps and blocks. known: [H, W] bool, False = scratched.
    """
    assert compression.steps is not None
    # cut before the patchwork, whose squares hold whole blocks then
    inside = tuple(inner(side, first) for side, first in zip(luma.shape, compression.offset, strict=True))
    levels = 255 * patchwork(luma[inside])
    if known is not None:
        levels = np.where(patchwork(known[inside]), levels, np.nan)
    found = coefficients(levels)
    gain, count = np.zeros(len(SIZES)), 0
    for lines, steps in (
        (found[:, 0, 1:], compression.steps[0, 1:]),
        (found[:, 1:, 0], compression.steps[1:, 0]),
    ):
        least = STRONG * max(float(steps[0]), 255 * noise)
        strong = lines[np.abs(lines[:, 0]) >= least]
        strong = strong[np.random.default_rng(0).permutation(len(strong))[: MOST // 2]]
        if len(strong):
            rounded = np.minimum(np.rint(np.abs(strong) / steps), LEVELS).astype(int)
            gain += likelihood(rounded, chances(steps, 255 * noise))
            count += len(strong)
    return float(SIZES[gain.argmax()]) if count >= FEWEST else None


def inner(side: int, first: int) -> slice:
    """Of so many pixels those that can be no border of a print, from a block on; first: where one begins, 0..7."""
    rim = round(RIM * side)
    return slice(first + rim // BLOCK * BLOCK, side - rim)


def chances(steps: np.ndarray, noise: float) -> np.ndarray:
    """Log probability of each absolute level: [sizes, amplitudes, 7, LEVELS + 1]. steps: [7]; noise: in levels."""
    frequency = PLACES / 16  # cycles per pixel
    sigma = np.array([0.0] + [default_sigma(size) for size in SIZES[1:]])
    blur = np.exp(-2 * np.square(np.pi * np.hypot(sigma, SOFT)[:, None] * frequency))
    amplitude = AMPLITUDES[:, None] * (PLACES**-FALL * blur)[:, None, :]
    spread = np.sqrt(np.square(amplitude) + noise**2 + 1 / 12)[..., None]  # 8 bits round as well
    level = np.arange(LEVELS + 1)
    upper, lower = ((level + half) * steps[:, None] / spread for half in (0.5, -0.5))
    chance = np.where(level > 0, 2, 1) * (ndtr(-lower) - ndtr(-upper))
    return np.asarray(np.log((1 - OUTLIERS) * chance + OUTLIERS / LEVELS))


def likelihood(levels: np.ndarray, chance: np.ndarray) -> np.ndarray:
    """Log likelihood of absolute levels [N, 7], given each one's first, for each of SIZES; `chances`: see there."""
    total = np.zeros(len(SIZES))
    for number, each in enumerate(chance):
        by_amplitude = np.stack([each[:, place, levels[:, place]] for place in range(levels.shape[1])])
        whole, first = by_amplitude.sum(axis=0), by_amplitude[0]
        total[number] = (np.logaddexp.reduce(whole, axis=0) - np.logaddexp.reduce(first, axis=0)).sum()
    return total
