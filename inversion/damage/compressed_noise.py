"""How much noise a photo had before JPEG compressed it.

Compression rounds most of weak noise to nothing, so what is left in the pixels says little. How seldom it survives in
each cosine coefficient says how strong it was.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr

from inversion.damage.compression import Compression, coefficients
from inversion.damage.noise import Noise, unclipped

LOW = 4  # u + v: coefficients below choose the flat blocks, those from here on are counted
GROUPS = ((4, 4), (5, 5), (6, 6), (7, 8), (9, 14))  # u + v of coefficients that are counted together
FLATTEST = 0.15  # of the blocks
ENOUGH = 30  # coefficients that must be expected to survive, for a group to say something
BLOCKS = 40_000  # at most
SIGMAS = np.geomspace(0.3, 80, 160)  # levels
DIAGONAL = np.add.outer(np.arange(8), np.arange(8))


def noise_before(luma: np.ndarray, compression: Compression, known: np.ndarray | None = None) -> Noise:
    """Maximum likelihood of white noise that was quantized with known steps: luma [H, W] in 0..1.

    White noise has the same sigma in every coefficient of an orthonormal transform. Blocks are taken where low
    frequencies are weakest, which tells nothing of the noise at higher ones; of the groups of these, the quietest has
    the least texture. known: [H, W] bool, False = scratched.
    """
    first = among(luma, compression, unclipped(luma, 0, known))
    return among(luma, compression, unclipped(luma, first.sigma, known))


def among(luma: np.ndarray, compression: Compression, usable: np.ndarray) -> Noise:
    """As `noise_before`, among blocks whose pixels are all usable [H, W] bool."""
    assert compression.steps is not None
    levels = np.where(usable, luma * 255, np.nan)[compression.offset[0] :, compression.offset[1] :]
    found = np.rint(coefficients(levels) / compression.steps)
    if len(found) < ENOUGH:
        return Noise(0.0, 0.0)
    found = found[np.random.default_rng(0).permutation(len(found))[:BLOCKS]]
    low = (DIAGONAL > 0) & (DIAGONAL < LOW)
    energy = (np.square(found) * np.square(compression.steps))[:, low].sum(axis=1)
    flat = np.abs(found[energy <= np.quantile(energy, FLATTEST)])
    groups = [(DIAGONAL >= first) & (DIAGONAL <= last) for first, last in GROUPS]
    likelihoods = np.stack([likelihood(flat[:, group], compression.steps[group]) for group in groups])
    together = SIGMAS[likelihoods.sum(axis=0).argmax()]
    surviving = [len(flat) * 2 * ndtr(-compression.steps[group] / 2 / together).sum() for group in groups]
    telling = [i for i, count in enumerate(surviving) if count >= ENOUGH]
    if not telling:
        return Noise(0.0, 0.0)
    least = min(telling, key=lambda i: int(likelihoods[i].argmax()))
    return Noise(float(SIGMAS[likelihoods[least].argmax()] / 255), min(1.0, surviving[least] / 10 / ENOUGH))


def likelihood(levels: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Log likelihood of absolute levels [N, coefficients], quantized with steps [coefficients], for each of SIGMAS."""
    total = np.zeros(len(SIGMAS))
    for column, step in zip(levels.T.astype(np.int64), steps, strict=True):
        counts = np.bincount(column)
        level = np.arange(len(counts))[:, None]
        upper, lower = ((level + half) * step / SIGMAS for half in (0.5, -0.5))
        chance = np.where(level > 0, 2, 1) * (ndtr(-lower) - ndtr(-upper))
        total += (counts[:, None] * np.log(np.maximum(chance, 1e-12))).sum(axis=0)
    return total
