"""How far a photo is out of focus: the Gaussian that explains what is missing of a photo's usual spectrum."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch

from inversion.damage.compression import Compression
from inversion.damage.luma import reduced
from inversion.damage.spectrum import (
    SHARPER,
    SIDES,
    seen_through_window,
    square_powers,
    typical,
)
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
# Edges that a stroke or a spot has left, though it was found, and its own where it was not, are in the power as well.
# Its logarithm at MIDDLE less that of the photo when it was sharp, and how it falls. Chosen on 59 blurred and 30 sharp
# photos of training people, damaged by benchmarks/damaged.py: from -9 to -11 the same kernels are right, but for one.
LEFT_OVER, LEFT_OVERS, LEFT_SLOPE = -10.0, 2.0, -3.0
SAMPLES = 1e-3  # nepers^2: how far a quantile of few squares departs at each frequency
ROUNDS = 10  # of Gauss-Newton
STEPS = 1.0  # times the power of JPEG's rounding
SIZES = np.geomspace(1.0, 40.0, 100)  # px, kernels that are tried at each scale; the first is no blur
FEWEST = 6  # frequencies above the noise, to tell a kernel by
WITHIN = -60.0, 20.0  # log power: what exp can be taken of
COARSE = 24.0  # px: a wider kernel is measured at half the size
SHARP = 5.5  # px: a narrower kernel, of a sigma below 1.2 px, is no blur that one sees


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

    The power is that of a sharp photo times |H|^2, a little that stayed sharp, and noise. The logarithm of the first is
    a parabola in log frequency with the coefficients of photos. Bayesian regression, whose evidence is compared
    between kernels (Bishop 2006, sections 3.5 and 4.4: Laplace's approximation).
    """
    power = typical(powers, quantile)
    floor = noise**2 + rounding(compression, frequency / factor, noise * factor) / factor**2
    clear = np.cumprod(power > CLEAR * floor).astype(bool)
    if clear.sum() < FEWEST:
        return float(SIZES[-1]), 1.0
    side = round(1 / (frequency[1] - frequency[0]))
    cost = misfit(frequency[clear], power[clear], floor[clear], responses(side)[:, clear])
    chance = np.exp(cost.min() - cost)
    chance /= chance.sum()
    mean = float(chance @ np.log(SIZES))
    return float(np.exp(mean)), float(np.sqrt(chance @ (np.log(SIZES) - mean) ** 2))


def misfit(frequency: np.ndarray, power: np.ndarray, floor: np.ndarray, response: np.ndarray) -> np.ndarray:
    """The negative logarithm of each kernel's evidence, up to a constant: [sizes].

    frequency, power, floor: [F]. response: [sizes, F], log |H|^2.
    """
    place = np.log(frequency / MIDDLE)
    design = np.stack([np.ones_like(place), place, place**2], axis=1)
    expected = np.array([0.0, SLOPE, CURVE, LEFT_OVER])
    precision = np.array([1e-6, SLOPES**-2, CURVES**-2, LEFT_OVERS**-2])
    unlike = UNLIKE / np.gradient(place)
    found = np.tile(expected, (len(response), 1))
    start = (np.log(power) - design @ expected[:3] - response)[:, :3]
    found[:, 0] = start.mean(axis=1)
    for step in range(ROUNDS + 1):
        photo = np.exp(np.clip(found[:, :3] @ design.T + response, *WITHIN))
        left_over = np.exp(np.clip(found[:, :1] + found[:, 3:] + LEFT_SLOPE * place, *WITHIN))
        whole = photo + left_over + floor
        rest, first, second = np.log(power / whole), photo / whole, left_over / whole
        variance = (first**2 + second**2) * unlike + np.square(NOISE_ERROR * floor / whole) + SAMPLES
        slopes = np.concatenate([first[..., None] * design, second[..., None]], axis=2)
        slopes[..., 0] += second
        weighted = slopes / variance[..., None]
        curvature = np.einsum("knf,kng->kfg", weighted, slopes) + np.diag(precision)
        if step < ROUNDS:
            downhill = np.einsum("knf,kn->kf", weighted, rest) + precision * (expected - found)
            found += np.clip(np.linalg.solve(curvature, downhill[..., None])[..., 0], -1, 1)
    cost = (rest**2 / variance + np.log(variance)).sum(axis=1) + (precision * (found - expected) ** 2).sum(
        axis=1
    )
    return np.asarray((cost + np.linalg.slogdet(curvature)[1]) / 2)


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


@lru_cache(maxsize=len(SIDES) + 1)
def responses(side: int) -> np.ndarray:
    """Log of what each of SIZES leaves of a sharp photo's power, as squares of this side show it: [sizes, F]."""
    places = np.arange(side + 1) / (2 * side)
    frequency = np.hypot(np.fft.fftfreq(2 * side)[:, None], places)
    frequency[0, 0] = np.inf  # a square's level is taken off
    sharp = frequency**SLOPE
    rows = []
    for size in SIZES:
        kernel = gaussian_kernel(size, torch.tensor([default_sigma(size)], dtype=torch.float64))[0].numpy()
        reach = len(kernel) // 2
        line = kernel @ np.cos(2 * np.pi * np.arange(-reach, reach + 1)[:, None] * places)
        full = np.concatenate([line, line[-2:0:-1]])
        rows.append(seen_through_window(sharp * np.square(full[:, None] * line)))
    left = np.stack(rows) / seen_through_window(sharp)
    return np.asarray(np.log(np.maximum(left, 1e-14)))
