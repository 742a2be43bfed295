"""How much noise a photo carries, from the patches that show nothing else."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.special import gammaincinv

from inversion.damage.luma import WEIGHTS

IN_LUMA = float(np.linalg.norm(WEIGHTS))  # of noise that is independent in three channels: 0.669
PATCH = 7  # px a side
PATCHES = 60_000  # at most, of all that a photo has
ROUNDS = 4  # of choosing patches without texture
TEXTURE = 1 - 1e-6  # quantile of the gradients of pure noise, above which a patch has texture
CLOSEST = 0.02  # of white: nearer to black or white, channels are clipped
REACH = 4.0  # standard deviations of luma; 2.7 of a channel, whose noise is independent of the others'
FEWEST = 500  # patches, the flattest there are, when fewer have no texture
SURE = 3_000  # patches without texture, from which on the estimate is certain


@dataclass(frozen=True)
class Noise:
    """White noise of one strength."""

    sigma: float  # standard deviation of luma, white = 1
    confidence: float  # 0..1: how many patches without texture there are


def find_noise(luma: np.ndarray, known: np.ndarray | None = None) -> Noise:
    """The least eigenvalue of the covariance of patches without texture: luma [H, W] in 0..1.

    Natural patches vary in few directions; in the others only noise is left. A patch has texture if its squared
    gradients exceed what the noise, as estimated so far, makes of a flat one. known: [H, W] bool, False = scratched.
    Liu, Tanaka & Okutomi 2013, Single-image noise level estimation for blind denoising, sections III and IV.
    """
    if min(luma.shape) < 3 * PATCH:
        return Noise(0.0, 0.0)
    first = among(luma, unclipped(luma, 0, known))
    return among(luma, unclipped(luma, first.sigma, known))


def among(luma: np.ndarray, usable: np.ndarray) -> Noise:
    """As `find_noise`, among patches whose pixels are all usable [H, W] bool."""
    slopes = [ndimage.correlate1d(luma, np.array((-0.5, 0, 0.5)), axis=axis) for axis in (0, 1)]
    strength = ndimage.uniform_filter(slopes[0] ** 2 + slopes[1] ** 2, PATCH) * PATCH**2
    usable = ndimage.minimum_filter(usable, PATCH, mode="constant", cval=0)
    rows, columns = np.nonzero(usable)
    if len(rows) < FEWEST:
        return Noise(0.0, 0.0)
    chosen = np.random.default_rng(0).permutation(len(rows))[:PATCHES]
    rows, columns = rows[chosen], columns[chosen]
    windows = np.lib.stride_tricks.sliding_window_view(luma, (PATCH, PATCH))
    patches = windows[rows - PATCH // 2, columns - PATCH // 2].reshape(len(rows), -1).astype(np.float64)
    strength = strength[rows, columns]
    fewest = min(FEWEST, len(strength) - 1)
    variance, flat = least_variance(patches), np.ones(len(rows), dtype=bool)
    for _ in range(ROUNDS):
        limit = max(texture_threshold() * variance, float(np.partition(strength, fewest)[fewest]))
        flat = strength <= limit
        variance = least_variance(patches[flat])
    return Noise(float(np.sqrt(variance)), float(np.clip(flat.sum() / SURE, 0, 1)))


def unclipped(luma: np.ndarray, sigma: float, known: np.ndarray | None) -> np.ndarray:
    """Known pixels where noise is not cut off at black or white, in no channel: luma, known [H, W] -> [H, W] bool."""
    around, margin = ndimage.uniform_filter(luma, PATCH), CLOSEST + REACH * sigma
    usable = (around > margin) & (around < 1 - margin)
    return np.asarray(usable if known is None else usable & known)


def least_variance(patches: np.ndarray) -> float:
    """[N, pixels] -> the least eigenvalue of their covariance, less what few patches take from it.

    Marčenko & Pastur 1967: the least of the eigenvalues of white noise is (1 - sqrt(pixels / N))^2 of its variance.
    """
    count, pixels = patches.shape
    least = np.linalg.eigvalsh(np.cov(patches.T))[0] / (1 - np.sqrt(pixels / count)) ** 2
    return float(max(least, 0.0))


def texture_threshold() -> float:
    """Of a patch's squared gradients, for noise of variance 1 (equation 13)."""
    mean = 2 * PATCH**2 * 0.5  # two slopes per pixel, of variance 2 * 0.5**2 each
    spread = 2 * np.trace(slope_covariance() @ slope_covariance())
    shape = mean**2 / spread
    return float(gammaincinv(shape, TEXTURE) * mean / shape)


def slope_covariance() -> np.ndarray:
    """Of pure noise's slopes in a patch, as quadratic form of the pixels under it: [pixels, pixels]."""
    side = PATCH + 2
    rows = []
    for row in range(1, side - 1):
        for column in range(1, side - 1):
            for step in ((1, 0), (0, 1)):
                line = np.zeros((side, side))
                line[row + step[0], column + step[1]], line[row - step[0], column - step[1]] = 0.5, -0.5
                rows.append(line.ravel())
    forms = np.array(rows)
    return forms.T @ forms
