"""How far apart two sets of pictures are, each picture a row of features."""

from __future__ import annotations

import numpy as np


def frechet_distance(a: np.ndarray, b: np.ndarray) -> float:
    """Between the Gaussians fitted to a: [N, D] and b: [M, D]. Heusel et al. 2017, equation 6."""
    mean = np.square(a.mean(axis=0) - b.mean(axis=0)).sum()
    cov_a, cov_b = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    values, vectors = np.linalg.eigh(cov_a)
    root = (vectors * np.sqrt(values.clip(min=0))) @ vectors.T
    cross = np.sqrt(np.linalg.eigvalsh(root @ cov_b @ root).clip(min=0)).sum()
    return float(mean + np.trace(cov_a) + np.trace(cov_b) - 2 * cross)


def kernel_distance(a: np.ndarray, b: np.ndarray) -> float:
    """Unbiased squared maximum mean discrepancy, so below 0 half of the time for equal distributions.

    a: [N, D], b: [M, D]; kernel (x · y / D + 1)³. Binkowski et al. 2018, "Demystifying MMD GANs", equation 4.
    """
    within_a, within_b = _kernel(a, a), _kernel(b, b)
    within = sum((k.sum() - np.trace(k)) / (len(k) * (len(k) - 1)) for k in (within_a, within_b))
    return float(within - 2 * _kernel(a, b).mean())


def _kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (a @ b.T / a.shape[1] + 1) ** 3


def precision_recall(real: np.ndarray, fake: np.ndarray, neighbours: int = 3) -> tuple[float, float]:
    """Share of samples within the real pictures' manifold, and of real pictures within the samples'.

    Each manifold is a union of balls around its rows, as wide as their k-th nearest neighbour is far.
    real, fake: [N, D], of equal number. Kynkäänniemi et al. 2019, equations 1 and 2.
    """
    count = min(len(real), len(fake))
    real, fake = real[:count], fake[:count]
    across = _distances(real, fake)
    precision = (across <= _radii(real, neighbours)[:, None]).any(axis=0).mean()
    recall = (across.T <= _radii(fake, neighbours)[:, None]).any(axis=0).mean()
    return float(precision), float(recall)


def nearest(a: np.ndarray, b: np.ndarray, skip_self: bool = False) -> np.ndarray:
    """Distance from each row of a to its nearest row of b."""
    distances = _distances(a, b)
    if skip_self:
        np.fill_diagonal(distances, np.inf)
    return distances.min(axis=1)


def _radii(rows: np.ndarray, neighbours: int) -> np.ndarray:
    # The nearest is the row itself.
    return np.partition(_distances(rows, rows), neighbours, axis=1)[:, neighbours]


def _distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    squares = np.square(a).sum(axis=1)[:, None] + np.square(b).sum(axis=1) - 2 * a @ b.T
    return np.sqrt(squares.clip(min=0))
