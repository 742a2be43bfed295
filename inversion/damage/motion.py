"""Whether the camera moved: the zeros that a straight line leaves in a photo's spectrum, parallel and evenly spaced."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import fft

from inversion.damage.blur import rounding
from inversion.damage.compression import Compression
from inversion.damage.luma import reduced
from inversion.damage.spectrum import squares

SHORTER = 600  # px of the shorter side, about: lines are looked for at this size
SIDE = 128  # px of the squares whose spectra are averaged
LENGTHS = np.geomspace(6.0, 40.0, 28)  # px there; a line at either end is none
BLOCKS = 11.0, 6.0  # px, degrees: a shorter line nearer to an axis is what JPEG's blocks look like
ANGLES = np.arange(0.0, 180.0, 5.0)  # degrees
DEEPEST = 0.02  # of the power: how much of it is left in a zero, by noise and by windows
HIGHEST = 0.35  # cycles per pixel
CLEAR = 1.3  # times the power of noise and rounding is used
AXIS = 1.5  # of the lowest frequency: closer to an axis lie contours of houses, and of the photo's own edge
FEWEST = 300  # frequencies that must be left
EULER = 0.5772
SHARPER = 0.5  # of the squares are used: those that show most
LIKE, SURELY = 0.4, 0.65  # correlation with a line's zeros: from which on it may be one, and surely is


@dataclass(frozen=True)
class Motion:
    """A line as degradations/motion_blur.py has it."""

    length: float  # px of the photo; 1 = none is seen
    angle: float  # degrees from the horizontal, counter-clockwise, 0..180
    confidence: float  # 0..1


def find_motion(
    luma: np.ndarray,
    noise: float = 0.0,
    compression: Compression | None = None,
    known: np.ndarray | None = None,
) -> Motion:
    """The line whose zeros correlate best with what is left of the log spectrum without its mean over each ring.

    luma: [H, W] in 0..1. noise: standard deviation there. compression: whose steps bound what can be seen.
    known: [H, W] bool, False = scratched. In a spectrum's logarithm the line is added to the photo, whose own power
    depends little on direction: Cannon 1976, Blind deconvolution of spatially invariant image blurs with phase,
    section III.
    """
    factor = max(1, round(min(luma.shape) / SHORTER))
    small = reduced(luma, factor)
    if min(small.shape) < SIDE:
        return Motion(1.0, 0.0, 0.0)
    clean = None if known is None else reduced(known, factor) > 0.999
    frequency = np.arange(1, SIDE) / SIDE
    floor = (noise / factor) ** 2 + rounding(compression, frequency / factor, noise) / factor**2
    spectrum = Spectrum.of(small, clean, floor)
    if spectrum is None:
        return Motion(1.0, 0.0, 0.0)
    score, length, angle = spectrum.best(LENGTHS, ANGLES)
    score, length, angle = spectrum.best(length * np.geomspace(0.93, 1.07, 9), angle + np.linspace(-4, 4, 9))
    was_compressed = compression is not None and compression.quality is not None
    is_block = length * factor < BLOCKS[0] and abs((angle + 45) % 90 - 45) < BLOCKS[1]
    if not LENGTHS[1] < length < LENGTHS[-2] or (is_block and was_compressed):
        return Motion(1.0, 0.0, 0.0)
    return Motion(length * factor, angle % 180, float(np.clip((score - LIKE) / (SURELY - LIKE), 0, 1)))


@dataclass(frozen=True)
class Spectrum:
    """What lies clear of the noise: N of the frequencies."""

    across: np.ndarray  # [N], cycles per pixel
    down: np.ndarray  # [N]
    ring: np.ndarray  # [N]
    rest: np.ndarray  # [N], log power less its ring's mean
    ratio: np.ndarray  # [N], noise's part of its ring's power

    @classmethod
    def of(cls, luma: np.ndarray, known: np.ndarray | None, floor: np.ndarray) -> Spectrum | None:
        """floor: power of noise at 1, 2, … periods per square. None where too little is clear of it."""
        power = log_power(luma, known)
        down, across = np.meshgrid(np.fft.fftfreq(SIDE), np.fft.rfftfreq(SIDE), indexing="ij")
        ring = np.rint(np.hypot(across, down) * SIDE).astype(int)
        means = np.bincount(ring.ravel(), power.ravel()) / np.bincount(ring.ravel())
        means[:2] = np.inf  # the level is taken out
        # the mean logarithm of a periodogram is so much below that of its mean
        noise = np.log(np.concatenate([floor[:1], floor]))[: len(means)] - EULER
        clear = np.cumprod(means - noise > math.log(CLEAR)).astype(bool)
        used = (
            clear[ring]
            & (ring > 1)
            & (ring < HIGHEST * SIDE)
            & (across > AXIS / SIDE)
            & (np.abs(down) > AXIS / SIDE)
        )
        if used.sum() < FEWEST:
            return None
        ratio = np.exp(np.minimum(noise - means, 0))[ring]
        parts = across[used], down[used], ring[used]
        return cls(*parts, without_rings(power[used], ring[used]), ratio[used])

    def best(self, lengths: np.ndarray, angles: np.ndarray) -> tuple[float, float, float]:
        """Of all lines: the highest correlation, and that line's length and angle."""
        found = (-1.0, 1.0, 0.0)
        for angle in angles:
            cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
            along = np.abs(cos * self.across - sin * self.down)
            for length in lengths:
                beside = length * along > 1  # the main lobe is a ridge, as contours of the photo's own are
                if beside.sum() < FEWEST:
                    continue
                ring = self.ring[beside]
                left = np.square(np.sinc(length * along[beside])) + DEEPEST
                noise = self.ratio[beside]
                line = np.log((1 - noise) * left / ring_means(left, ring) + noise)
                ridge = without_rings(np.log(along[beside]), ring)  # the photo's own contours across the line
                line, rest = (
                    without(ridge, without_rings(values, ring)) for values in (line, self.rest[beside])
                )
                score = float(rest @ line / (np.linalg.norm(rest) * np.linalg.norm(line) + 1e-12))
                if score > found[0]:
                    found = score, float(length), float(angle)
        return found


def log_power(luma: np.ndarray, known: np.ndarray | None) -> np.ndarray:
    """Mean logarithm of the power of squares that show something: [H, W] -> [SIDE, SIDE / 2 + 1]."""
    line = np.hanning(SIDE + 2)[1:-1].astype(np.float32)
    window = line[:, None] * line
    places = squares(luma.shape, SIDE)
    if known is not None:
        places = [(y, x) for y, x in places if known[y : y + SIDE, x : x + SIDE].all()] or places
    powers = []
    for top, left in places:
        square = luma[top : top + SIDE, left : left + SIDE]
        level = (square * window).sum() / window.sum()
        powers.append(np.abs(fft.rfft2((square - level) * window)) ** 2 / np.square(window).sum())
    shown = np.array([power[1:6, 1:6].sum() for power in powers])
    least = np.quantile(shown, 1 - SHARPER)
    chosen = [np.log(power + 1e-12) for power, each in zip(powers, shown, strict=True) if each >= least]
    mean: np.ndarray = np.mean(chosen, axis=0)
    return mean


def ring_means(values: np.ndarray, ring: np.ndarray) -> np.ndarray:
    """For each value the mean of its ring's: [N] twice -> [N]."""
    sums = np.bincount(ring, values) / np.maximum(np.bincount(ring), 1)
    means: np.ndarray = sums[ring]
    return means


def without_rings(values: np.ndarray, ring: np.ndarray) -> np.ndarray:
    rest: np.ndarray = values - ring_means(values, ring)
    return rest


def without(direction: np.ndarray, values: np.ndarray) -> np.ndarray:
    """What is left of values [N] when what they have in common with another vector [N] is taken out."""
    left: np.ndarray = values - direction * (direction @ values) / (direction @ direction + 1e-12)
    return left
