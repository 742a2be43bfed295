"""How far a photo is out of focus: the Gaussian that explains what is missing of a photo's usual spectrum."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch

from inversion.damage.compression import Compression
from inversion.damage.luma import reduced
from inversion.damage.spectrum import SHARPER, SIDES, square_powers, typical
from inversion.degradations.blur import default_sigma, gaussian_kernel

# log power of sharp photos is SLOPE l + CURVE l^2 + a constant, l = log(frequency / MIDDLE). Means and deviations of 58
# whole photos of training people, 600 to 1,600 px, and the same at half and at a quarter of their size.
MIDDLE = 0.05  # cycles per pixel
SLOPE, SLOPES = -2.9, 0.3
CURVE, CURVES = 0.05, 0.2
UNLIKE = 0.008  # nepers^2 per unit of l: how far photos depart from that
NOISE_ERROR = 0.07  # of the noise's power
CLEAR = 2.0  # times the power of noise and rounding is used
CONTOURS = 0.1  # cycles per pixel, below which contours have more power than rounding's mean
DITHER = 0.5  # levels of noise, that rounding makes no contours any more
STEPS = 1.0  # times the power of JPEG's rounding
SIZES = np.geomspace(1.0, 40.0, 100)  # px, kernels that are tried at each scale; the first is no blur
COARSE = 24.0  # px: a wider kernel is measured at half the size
SHARP = 4.5  # px: a narrower kernel is no blur that one sees


@dataclass(frozen=True)
class Blur:
    """A Gaussian window as degradations/blur.py has it, sigma by its rule."""

    kernel_size: float  # px of the photo; 1 = sharp
    confidence: float  # 0..1: 1 less the relative width of what else would explain the photo

    @property
    def is_sharp(self) -> bool:
        """Nothing to sharpen that one could see."""
        return self.kernel_size < SHARP

    @property
    def sigma(self) -> float:
        """In pixels of the photo."""
        return default_sigma(self.kernel_size)


class Scales:
    """A photo at its own size, at half of it and so on, and the spectra of its squares, each computed once."""

    def __init__(self, luma: np.ndarray, known: np.ndarray | None = None) -> None:
        """luma: [H, W] in 0..1. known: [H, W] bool, False = scratched."""
        self.luma, self.known = luma, known
        self._powers: dict[int, tuple[np.ndarray, np.ndarray]] = {}

    def powers(self, factor: int) -> tuple[np.ndarray, np.ndarray]:
        """As `square_powers` of the photo at 1/factor of its side."""
        if factor not in self._powers:
            seen = None if self.known is None else reduced(self.known, factor) > 0.999
            self._powers[factor] = square_powers(reduced(self.luma, factor), seen)
        return self._powers[factor]


def measured(
    scales: Scales, noise: float, compression: Compression | None, quantile: float = SHARPER
) -> Blur:
    """The photo's blur, seen at its own size, and at half of it as long as the blur is wide.

    noise: standard deviation in luma. compression: whose steps bound what can be seen. quantile: of the photo's
    squares, by how much they show: see `spectrum.typical`.
    """
    factor = 1
    while True:
        size, spread = at_one_scale(*scales.powers(factor), noise / factor, compression, factor, quantile)
        if size <= COARSE or min(scales.luma.shape) // factor < SIDES[0]:
            break
        factor *= 2
    return Blur(unreduced(size, factor), float(np.clip(1 - spread, 0, 1)))


def unreduced(size: float, factor: int) -> float:
    """A kernel's size before pixels were averaged by factors, of the size it has among the averages."""
    averaging = (1 - 1 / factor**2) / 12  # its own variance
    sigma = np.sqrt(max(default_sigma(size) ** 2 - averaging, 0.01)) * factor
    return float(max(1.0, (sigma - default_sigma(0)) / 0.15))


def at_one_scale(
    frequency: np.ndarray,
    powers: np.ndarray,
    noise: float,
    compression: Compression | None,
    factor: int,
    quantile: float,
) -> tuple[float, float]:
    """The kernel's size in pixels of a picture with these `square_powers`, and its relative standard deviation.

    log P - log |H|^2 is a parabola in log frequency with the coefficients of photos: Bayesian linear regression, whose
    evidence is compared between kernels (Bishop 2006, section 3.5).
    """
    power = typical(powers, quantile)
    floor = noise**2 + rounding(compression, frequency / factor, noise * factor) / factor**2
    clear = np.cumprod(power > CLEAR * floor).astype(bool)
    if clear.sum() < 6:
        return float(SIZES[-1]), 1.0
    frequency, power, floor = frequency[clear], power[clear], floor[clear]
    place = np.log(frequency / MIDDLE)
    design = np.stack([np.ones_like(place), place, place**2], axis=1)
    missing = np.log(power - floor) - responses(len(SIZES))[:, np.rint(frequency * SIDES[0]).astype(int) - 1]
    variance = UNLIKE / np.gradient(place) + np.square(NOISE_ERROR * floor / (power - floor))
    prior_mean, prior = np.array([0.0, SLOPE, CURVE]), np.diag([0.0, SLOPES**-2, CURVES**-2])
    beyond = missing - design @ prior_mean
    weighted = design / variance[:, None]
    fit = np.linalg.solve(design.T @ weighted + prior, (beyond @ weighted).T)
    rest = beyond - fit.T @ design.T
    cost = 0.5 * ((rest**2 / variance).sum(axis=1) + np.einsum("in,ij,jn->n", fit, prior, fit))
    chance = np.exp(cost.min() - cost)
    chance /= chance.sum()
    mean = float(chance @ np.log(SIZES))
    return float(np.exp(mean)), float(np.sqrt(chance @ (np.log(SIZES) - mean) ** 2))


def rounding(compression: Compression | None, frequency: np.ndarray, noise: float) -> np.ndarray:
    """Power that rounding to 8 bits and JPEG's steps add or take, white = 1: frequencies in cycles per photo pixel.

    Without noise, rounding makes contours of slow gradients: more power at low frequencies.
    """
    dithered = min(1.0, noise * 255 / DITHER)
    eight_bits = (1 + (1 - dithered) * np.square(CONTOURS / frequency)) / 12 / 255**2
    if compression is None or compression.steps is None:
        return np.asarray(eight_bits)
    across = np.arange(8) / 16
    places = np.hypot(across[:, None], across).ravel()
    order = np.argsort(places)
    steps = np.interp(frequency, places[order], np.square(compression.steps.ravel()[order]))
    return np.asarray(eight_bits + STEPS * steps / 12 / 255**2)


@lru_cache(maxsize=1)
def responses(count: int) -> np.ndarray:
    """Log of what each of SIZES leaves of the power, per ring of the largest squares: [sizes, side / 2]."""
    rows = []
    places = np.arange(SIDES[0] // 2 + 1) / SIDES[0]
    ring = np.rint(np.hypot(np.fft.fftfreq(SIDES[0])[:, None], places) * SIDES[0]).astype(int).ravel()
    for size in SIZES[:count]:
        kernel = gaussian_kernel(size, torch.tensor([default_sigma(size)], dtype=torch.float64))[0].numpy()
        reach = len(kernel) // 2
        line = kernel @ np.cos(2 * np.pi * np.arange(-reach, reach + 1)[:, None] * places)
        full = np.concatenate([line, line[-2:0:-1]])
        power = np.square(full[:, None] * line).ravel()
        rows.append((np.bincount(ring, power) / np.maximum(np.bincount(ring), 1))[1 : SIDES[0] // 2 + 1])
    return np.log(np.maximum(np.stack(rows), 1e-14))
