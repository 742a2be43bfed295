"""The power of a photo at each spatial frequency."""

from __future__ import annotations

import numpy as np
import torch
from scipy import fft

from inversion.degradations.harmonic import harmonic

SIDES = (256, 128, 64)  # px of the squares whose spectra are averaged; the first is the rule
COVERED = 0.2  # of the photo: the least that squares without scratches cover before smaller ones are tried
FILLED = 1 << 22  # px: a larger picture has squares without scratches, or is measured as it is
MOST = 2048  # squares: those of 33 megapixels; a photo of a few rows would have millions
COARSE = 10  # the lowest of so many parts of all frequencies tell whether a square shows anything
SHARPER = 0.8  # quantile of the squares' powers


def square_powers(luma: np.ndarray, known: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies in cycles per pixel [F], and the power there of each of overlapping squares [N, F].

    luma: [H, W]. White noise of variance v has power v at each frequency. Squares are weighted by a window that is zero
    at their borders (Welch 1967, method of modified periodograms). known: [H, W] bool; squares that hold an unknown
    pixel are left out, and smaller ones taken where too few are left. If none is without, the unknown is filled in from
    around it, so smoothly that no scratch makes a blurred photo sharp.
    """
    side = min(SIDES[0], *luma.shape)
    places = squares(luma.shape, side)
    if known is not None and not known.all():
        for smaller in (side, *(one for one in SIDES if one < side)):
            clean = [
                (y, x)
                for y, x in squares(luma.shape, smaller)
                if known[y : y + smaller, x : x + smaller].all()
            ]
            if clean:
                side, places = smaller, clean
            if len(clean) * smaller**2 / 4 >= COVERED * luma.size:  # they overlap by halves
                break
        else:
            if not clean and known.any() and luma.size <= FILLED:
                luma = without_holes(luma, known)
    line = np.hanning(side + 2)[1:-1].astype(np.float32)
    window = line[:, None] * line
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side))
    ring = np.rint(frequency * side).astype(int).ravel()
    count, last = np.maximum(np.bincount(ring), 1), side // 2
    powers = np.empty((len(places), max(last - 2, 0)))
    for number, (top, left) in enumerate(places):
        square = luma[top : top + side, left : left + side]
        level = (square * window).sum() / window.sum()
        power = np.abs(fft.rfft2((square - level) * window)) ** 2 / np.square(window).sum()
        powers[number] = (np.bincount(ring, power.ravel()) / count)[2:last]
    return np.arange(2, last) / side, powers


def without_holes(luma: np.ndarray, known: np.ndarray) -> np.ndarray:
    """[H, W] twice -> [H, W], unknown pixels continued from the known ones."""
    values, seen = (torch.from_numpy(x.astype(np.float32))[None, None] for x in (luma, known))
    return harmonic(values, seen)[0, 0].numpy()


def typical(powers: np.ndarray, quantile: float) -> np.ndarray:
    """Of squares [N, F] that show something, a quantile for each frequency: [F].

    The mean would be that of the few squares with the sharpest edges, which may be a scratch that was missed.
    """
    coarse = powers[:, : max(1, powers.shape[1] // COARSE)].sum(axis=1)
    return np.asarray(np.quantile(powers[coarse >= np.median(coarse)], quantile, axis=0))


def squares(shape: tuple[int, ...], side: int) -> list[tuple[int, int]]:
    """Top and left of squares that cover a picture [H, W] and overlap by at least a half; of a large one, MOST."""
    down, across = (-(-2 * length // side) - 1 for length in shape)
    down, across = min(down, max(1, MOST // across)), min(across, max(1, MOST // down))
    tops, lefts = (
        np.linspace(0, length - side, count).astype(int)
        for length, count in zip(shape, (down, across), strict=True)
    )
    return [(top, left) for top in tops for left in lefts]
