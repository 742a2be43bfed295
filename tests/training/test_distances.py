from __future__ import annotations

import math

import numpy as np
import pytest

from training.distances import frechet_distance, kernel_distance, nearest, precision_recall


def test_frechet_distance_of_gaussians_is_the_formula() -> None:
    """Diagonal covariances: sum of (mean difference)² + (sigma difference)²."""
    rng = np.random.default_rng(0)
    a = rng.normal(size=[200_000, 3]) * [1, 2, 3] + [0, 0, 1]
    b = rng.normal(size=[200_000, 3]) * [2, 2, 1] + [1, 0, 0]
    assert frechet_distance(a, b) == pytest.approx(1 + 1 + 1 + 4, rel=0.02)


def test_frechet_distance_of_rotated_gaussians() -> None:
    """Dowson & Landau 1982: the trace of the covariances' geometric mean, here worked out by hand for 2x2."""
    a = np.array([[1, 0], [-1, 0], [0, 2], [0, -2]], float)  # covariance diag(2/3, 8/3)
    b = a @ np.array([[0, 1], [-1, 0]])  # a quarter turn: diag(8/3, 2/3)
    expected = 2 * (2 / 3 + 8 / 3) - 2 * 2 * math.sqrt(16 / 9)
    assert frechet_distance(a, b) == pytest.approx(expected)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-9)


def test_kernel_distance_of_equal_distributions_is_unbiased() -> None:
    rng = np.random.default_rng(0)
    values = [kernel_distance(*rng.normal(size=[2, 50, 8])) for _ in range(400)]
    assert abs(np.mean(values)) < 3 * np.std(values) / math.sqrt(len(values))
    assert np.min(values) < 0 < np.max(values)


def test_kernel_distance_is_the_mean_over_pairs() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=[4, 3]), rng.normal(size=[5, 3]) + 1

    def kernel(x: np.ndarray, y: np.ndarray) -> float:
        return float((x @ y / 3 + 1) ** 3)

    def mean(x: np.ndarray, y: np.ndarray, same: bool) -> float:
        return float(
            np.mean([kernel(p, q) for i, p in enumerate(x) for j, q in enumerate(y) if not (same and i == j)])
        )

    expected = mean(a, a, True) + mean(b, b, True) - 2 * mean(a, b, False)
    assert kernel_distance(a, b) == pytest.approx(expected)


def test_precision_and_recall_see_a_missing_and_an_invented_mode() -> None:
    """Real pictures have two modes. Samples of one of them: all good, half missing; and the other way round."""
    rng = np.random.default_rng(0)
    left, right = rng.normal(size=[2, 100, 2]) * 0.1 + np.array([[[0, 0]], [[100, 0]]])
    both = np.concatenate([left[:50], right[:50]])
    precision, recall = precision_recall(real=both, fake=left)
    assert precision > 0.8 and recall == pytest.approx(0.5, abs=0.1)
    precision, recall = precision_recall(real=left, fake=both)
    assert precision == pytest.approx(0.5, abs=0.1) and recall > 0.8
    assert precision_recall(left, left) == (1, 1)
    assert precision_recall(left, right) == (0, 0)


def test_nearest_skips_the_row_itself() -> None:
    rows = np.array([[0.0, 0], [3, 4], [3, 5]])
    np.testing.assert_allclose(nearest(rows, rows), [0, 0, 0], atol=1e-6)
    np.testing.assert_allclose(nearest(rows, rows, skip_self=True), [5, 1, 1])
